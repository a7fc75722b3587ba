//! The read connections: a few, each used by one blocking call at a time. No read outlives its call.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use rusqlite::{Connection, Transaction};
use tokio::sync::Semaphore;

use super::{fault::Faults, open};
use crate::store::StoreError;

/// Reads that run at once. On two cores more would only wait for each other; a page is some milliseconds.
const READERS: usize = 4;

/// The pool.
pub(super) struct Readers {
    file: PathBuf,
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
    faults: Arc<Faults>,
}

impl Readers {
    /// A pool over the file. Connections are made when they are first needed.
    pub fn new(file: PathBuf, faults: Arc<Faults>) -> Self {
        let (idle, permits) = (Mutex::new(Vec::new()), Arc::new(Semaphore::new(READERS)));
        Self {
            file,
            idle,
            permits,
            faults,
        }
    }

    /// Runs one read over one consistent state of the store, off the async threads.
    pub async fn read<T, F>(self: &Arc<Self>, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|_| StoreError::Closed)?;
        self.faults.check()?;
        let pool = Arc::clone(self);
        let outcome = tokio::task::spawn_blocking(move || {
            let connection = match pool.take() {
                Some(connection) => connection,
                // Durability says nothing to a connection that cannot write.
                None => open::connect(&pool.file, false, open::Durability::Full)?,
            };
            let outcome = connection
                .unchecked_transaction()
                .and_then(|snapshot| read(&snapshot));
            pool.idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(connection);
            // Here rather than with the caller, who may be gone by now: the read still runs.
            drop(permit);
            outcome
        })
        .await;
        match outcome {
            Ok(outcome) => outcome.map_err(|error| self.faults.judge(&error)),
            Err(panic) => Err(StoreError::Broken(format!("a read ended early: {panic}"))),
        }
    }

    fn take(&self) -> Option<Connection> {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop()
    }

    /// Ends the pool: later reads are answered `Closed`.
    pub fn close(&self) {
        self.permits.close();
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}
