//! Whether what was sent a while ago is still there: a server that got another store meanwhile has other files under the same
//! ids, or none.

use tokio::time::{sleep, timeout};

use crate::{
    client::net::{
        error::{ClientError, ErrorKind},
        retries::Retries,
        session::{Patience, Session},
    },
    pb,
};

/// Why files were not sent on.
#[derive(Debug, thiserror::Error)]
pub enum Unsent {
    /// That was refused, or the server cannot be reached for longer than the patience.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// This one of them is none any more, or another one.
    #[error("the server has another store")]
    Stranger(usize),
}

/// Those of which it is not known how the server stands to them: the last was answered just now.
pub fn before_last(there: &[pb::File]) -> &[pb::File] {
    there.split_last().map_or(&[], |(_, before)| before)
}

/// Does something with files that are there, until it is done or the patience ends. `attempt` is one attempt. After each that
/// failed all files are asked for again: the server that comes back may have another store.
pub async fn with_files<T>(
    session: &Session,
    there: &[pb::File],
    patience: Patience,
    mut attempt: impl AsyncFnMut() -> Result<T, ClientError>,
) -> Result<T, Unsent> {
    let mut retries = Retries::new(patience);
    let mut is_first = true;
    loop {
        let trying = async {
            if !is_first && let Some(index) = stranger(session, there, Patience::None).await? {
                return Err(Unsent::Stranger(index));
            }
            Ok(attempt().await?)
        };
        let error = match timeout(retries.attempt_max(), trying).await {
            Ok(Err(Unsent::Client(error))) => error,
            Ok(done) => return done,
            Err(_) => ClientError::Unreachable {
                cause: "no answer in time".into(),
            },
        };
        is_first = false;
        match retries.wait_after(&error) {
            Some(wait) => sleep(wait).await,
            None => return Err(error.into()),
        }
    }
}

/// The first of these files, in the order in which they were sent, that is none any more, or another one.
pub async fn stranger(
    session: &Session,
    there: &[pb::File],
    patience: Patience,
) -> Result<Option<usize>, ClientError> {
    for (index, file) in there.iter().enumerate() {
        let is_it = match session.file(&file.id, patience).await {
            Ok(now) => is_same(&now, file),
            Err(error) if error.reason() == "FILE_NOT_FOUND" => false,
            // A login that sends and may not read is not told.
            Err(error) if error.is_no() && error.kind() == ErrorKind::Refused => true,
            Err(error) => return Err(error),
        };
        if !is_it {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

/// Whether two files have the same bytes, by all that a server says of them.
pub(super) fn is_same(one: &pb::File, other: &pb::File) -> bool {
    (one.size_bytes, &one.blake3) == (other.size_bytes, &other.blake3)
}
