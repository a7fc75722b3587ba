//! Whether what was sent a while ago is still there: a server that got another store meanwhile has other files under the same
//! ids, or none.

use crate::{
    client::net::{
        error::{ClientError, ErrorKind},
        session::{Patience, Session},
    },
    pb,
};

/// The first of these files, in the order in which they were sent, that is none any more, or another one. The last is not
/// asked for: it was answered just now.
pub async fn stranger(
    session: &Session,
    there: &[pb::File],
    patience: Patience,
) -> Result<Option<usize>, ClientError> {
    let before_last = there.len().saturating_sub(1);
    for (index, file) in there.iter().take(before_last).enumerate() {
        let is_it = match session.file(&file.id, patience).await {
            Ok(now) => is_same(&now, file),
            Err(error) if error.reason() == "FILE_NOT_FOUND" => false,
            // A login that sends and may not read is not told.
            Err(error) if error.kind() == ErrorKind::Refused => true,
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
