//! Ends uploads with which nobody goes on: at once where the server can be told, and else when it can.
//!
//! Promises that no upload is ended that is another by now: under the same id another store has its own. Were that one of the
//! same bytes under the same name, who sends it begins it anew by itself.

use std::sync::Arc;

use tokio::{sync::RwLock, task::spawn_blocking};

use crate::client::net::{
    error::{ClientError, ErrorKind, Retry},
    files::UploadState,
    session::{Patience, Session},
};

use super::records::Records;

/// So many are ended at once; the others the next time.
const ENDED_MAX: usize = 64;

/// What came of ending one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Nothing is left to be done, or ever can be.
    Over,
    /// It is not over, and another may be.
    NotThis,
    /// The server is away or busy, or takes nothing from this login.
    NotNow,
}

/// Ends what could not be ended when it was to be. A server that is away or busy ends this: it is tried the next time. While
/// somebody sends, who has the turn, none is taken.
pub async fn cancel_left(session: Session, records: Records, turn: Arc<RwLock<()>>) {
    let all = records.clone();
    let left = spawn_blocking(move || all.cancelled(ENDED_MAX)).await;
    for path in left.unwrap_or_default() {
        let Ok(_turn) = turn.try_write() else {
            return;
        };
        let of = records.clone();
        let Ok(taken) = spawn_blocking(move || of.take_cancelled(path)).await else {
            return;
        };
        let Some(mut record) = taken else { continue };
        let Some(id) = record.upload_id() else {
            continue;
        };
        let is_it = |state: &UploadState| match state {
            UploadState::UnderWay(it) => record.is_of(&it.name, it.size_bytes, &it.blake3),
            UploadState::Done(_) => false,
        };
        match cancel(&session, id, is_it).await {
            Outcome::Over => {}
            Outcome::NotThis => continue,
            Outcome::NotNow => return,
        }
        let _ = spawn_blocking(move || record.forget()).await;
    }
}

/// Ends an upload, if it is the one that is meant.
pub(super) async fn cancel(
    session: &Session,
    id: &str,
    is_it: impl Fn(&UploadState) -> bool,
) -> Outcome {
    let done = match session.upload_state(id, Patience::None).await {
        Ok(state @ UploadState::UnderWay(_)) if is_it(&state) => session.cancel_upload(id).await,
        // It is a file, or another's.
        Ok(_) => Ok(()),
        Err(error) => Err(error),
    };
    match done {
        Ok(()) => Outcome::Over,
        Err(error) => outcome(&error),
    }
}

fn outcome(error: &ClientError) -> Outcome {
    match error.kind() {
        // It is there no more, or will never be ended by this login.
        _ if error.is_for_good() => Outcome::Over,
        ErrorKind::Other if error.retry() == Retry::Never => Outcome::NotThis,
        _ => Outcome::NotNow,
    }
}
