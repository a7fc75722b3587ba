//! Ends uploads with which nobody goes on: at once where the server can be told, and else when it can.
//!
//! Promises that no upload is ended that is another by now: under the same id another store has its own.

use tokio::task::spawn_blocking;

use crate::client::net::{
    files::UploadState,
    session::{Patience, Session},
};

use super::records::Records;

/// So many are ended at once; the others the next time.
const ENDED_MAX: usize = 64;

/// Ends what could not be ended when it was to be. The first that still cannot be ends this: it is tried the next time.
pub async fn cancel_left(session: Session, records: Records) {
    let all = records.clone();
    let left = spawn_blocking(move || all.cancelled(ENDED_MAX)).await;
    for path in left.unwrap_or_default() {
        let of = records.clone();
        let Ok(taken) = spawn_blocking(move || of.take_cancelled(path)).await else {
            return;
        };
        let Some(mut record) = taken else { continue };
        let Some(id) = record.upload_id() else {
            continue;
        };
        let is_it = |state: &UploadState| matches!(state, UploadState::UnderWay(it) if record.is_of(&it.name, it.size_bytes));
        if !cancel(&session, id, is_it).await {
            return;
        }
        let _ = spawn_blocking(move || record.forget()).await;
    }
}

/// Ends an upload, if it is the one that is meant. Returns whether nothing is left to be done.
pub(super) async fn cancel(
    session: &Session,
    id: &str,
    is_it: impl Fn(&UploadState) -> bool,
) -> bool {
    let done = match session.upload_state(id, Patience::None).await {
        Ok(state @ UploadState::UnderWay(_)) if is_it(&state) => session.cancel_upload(id).await,
        // It is a file, or another's.
        Ok(_) => Ok(()),
        Err(error) => Err(error),
    };
    match done {
        Ok(()) => true,
        Err(error) => error.reason() == "UPLOAD_NOT_FOUND",
    }
}
