//! Judges what SQLite says went wrong: a full disk is survived, storage that failed is not.
//!
//! After a failed sync the operating system may have dropped the very pages it could not write, and the next sync may
//! then succeed. SQLite itself would go on; we stop acknowledging at once and the process ends.

use rusqlite::{Error, ErrorCode, ffi};
use tokio::sync::watch;
use tracing::error;

use crate::store::StoreError;

/// Whether the store can still be trusted.
pub(super) struct Faults {
    failure: watch::Sender<Option<String>>,
}

impl Faults {
    pub fn new() -> Self {
        Self {
            failure: watch::Sender::new(None),
        }
    }

    /// Refuses once the store has failed.
    pub fn check(&self) -> Result<(), StoreError> {
        match &*self.failure.borrow() {
            None => Ok(()),
            Some(reason) => Err(StoreError::Failed(reason.clone())),
        }
    }

    /// Turns what SQLite said into ours, and notes a failure of stable storage for ever.
    pub fn judge(&self, error: &Error) -> StoreError {
        let Some(code) = error.sqlite_error().map(|error| error.extended_code) else {
            error!(%error, "the store met a value that it does not know");
            return StoreError::Broken(error.to_string());
        };
        if code == ffi::SQLITE_FULL || code == ffi::SQLITE_IOERR_SHMSIZE {
            return StoreError::Full;
        }
        match error.sqlite_error_code() {
            Some(
                ErrorCode::SystemIoFailure
                | ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::ReadOnly,
            ) => {
                let reason = format!("{error} (SQLite code {code})");
                self.fail(reason.clone());
                StoreError::Failed(reason)
            }
            _ => {
                error!(%error, "the store refused a statement");
                StoreError::Broken(error.to_string())
            }
        }
    }

    /// Notes that nothing can be trusted any more. The first reason stays.
    pub fn fail(&self, reason: String) {
        self.failure.send_if_modified(|failure| {
            let first = failure.is_none();
            failure.get_or_insert(reason);
            first
        });
    }

    /// Waits for the first failure.
    pub async fn failed(&self) -> String {
        let mut failure = self.failure.subscribe();
        loop {
            if let Some(reason) = failure.borrow_and_update().clone() {
                return reason;
            }
            if failure.changed().await.is_err() {
                // The sender lives in `self`, so this cannot be; waiting on is the harmless answer.
                std::future::pending::<()>().await;
            }
        }
    }
}
