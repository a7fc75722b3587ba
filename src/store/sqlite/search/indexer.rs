//! The thread that keeps the index: takes in what was committed, and erases what was edited away or deleted.
//!
//! Nothing that goes wrong here is more than a search that must wait. What failed is done again later; an index that
//! cannot be used is thrown away and made anew from the log.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode};
use tracing::{debug, warn};

use super::{
    super::open::{self, Durability},
    Shared, Trouble,
    index::Index,
    signals::Next,
};
use crate::domain::ids::{Epoch, Offset};

/// How long it rests after a failure, a full disk for one.
const RETRY: Duration = Duration::from_secs(2);
/// An index that must be made anew again so soon waits.
const REMAKE: Duration = Duration::from_secs(60);
/// How long it rests at least after an erasure …
const REST_MIN: Duration = Duration::from_secs(1);
/// … and how much longer than the erasure took: it costs a twentieth of the time at the most.
const REST_TIMES: u32 = 20;

/// What the thread works with.
pub(super) struct Indexer {
    /// The file of the store.
    pub log: PathBuf,
    pub epoch: Epoch,
    /// Where the log ended when the store was opened: an index that is further is that of another log.
    pub opened: Offset,
    pub part_documents: u64,
    pub shared: Arc<Shared>,
}

impl Indexer {
    /// Works until it is told to stop.
    pub fn run(mut self) {
        let mut remade: Option<Instant> = None;
        while let Err(trouble) = self.work() {
            let unusable = match &trouble {
                Trouble::Unusable => true,
                // Also what SQLite says of a table that should be there and is not, and a value that cannot be.
                Trouble::Index(error) => {
                    is_damage(error)
                        || matches!(error.sqlite_error_code(), None | Some(ErrorCode::Unknown))
                }
                Trouble::Log(_) => false,
            };
            let mut pause = RETRY;
            if unusable {
                warn!(%trouble, "the search index is made anew");
                if let Err(error) = self.shared.discard() {
                    warn!(%error, "the search index cannot be removed");
                } else if remade.is_none_or(|at| at.elapsed() > REMAKE) {
                    pause = Duration::ZERO;
                }
                remade = Some(Instant::now());
            } else {
                warn!(%trouble, "the search index could not be written; it is tried again");
            }
            if !self.shared.signals.pause(pause) {
                break;
            }
        }
    }

    fn work(&mut self) -> Result<(), Trouble> {
        let log = open::connect(&self.log, false, Durability::Full).map_err(Trouble::Log)?;
        let file = &self.shared.file;
        let opened = Index::open(file, self.epoch, self.opened, self.part_documents)?;
        let mut index = opened.ok_or(Trouble::Unusable)?;
        let (mut rested, mut untidy) = (Instant::now(), index.is_untidy());
        loop {
            self.take_in(&mut index, &log)?;
            let due = (untidy || index.is_stale()?).then_some(rested);
            match self.shared.signals.next(due) {
                Next::TakeIn => {}
                Next::Due => {
                    let started = Instant::now();
                    index.erase(&log, || self.shared.signals.must_stop())?;
                    untidy = !index.tidy()?;
                    let took = started.elapsed();
                    debug!(?took, untidy, "erased old texts from the search index");
                    rested = Instant::now() + REST_MIN.max(took * REST_TIMES);
                }
                Next::Remake => return Err(Trouble::Unusable),
                Next::Stop => return self.finish(&mut index, &log),
            }
        }
    }

    fn take_in(&mut self, index: &mut Index, log: &Connection) -> Result<(), Trouble> {
        let stop = || self.shared.signals.must_stop();
        loop {
            let more = index.take_in(log, stop)?;
            // An index that is opened again may be as far as the log is now.
            self.opened = self.opened.max(index.cursor());
            self.shared.progress.send_replace(Some(index.cursor()));
            if !more || stop() {
                return Ok(());
            }
        }
    }

    /// What can be done before the end: nothing that was deleted stays in the file without need.
    fn finish(&mut self, index: &mut Index, log: &Connection) -> Result<(), Trouble> {
        let shared = Arc::clone(&self.shared);
        let stop = || shared.signals.must_stop();
        if !stop() {
            self.take_in(index, log)?;
        }
        while !stop() && index.erase(log, stop)? {}
        index.tidy()?;
        Ok(())
    }
}

/// Whether the file is not as it was written.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(
        code,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}
