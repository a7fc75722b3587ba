//! Full-text search: an index beside the log, kept by a thread of its own, and the searches that ask both.
//!
//! The log alone is the truth. Whatever the index proposes is read from the log and matched again, and what the index does
//! not have yet is matched as it stands there: so what is committed is found at once, and what was edited away or deleted
//! is not. Nothing that happens to the index makes the store fail.

mod finding;
mod index;
mod indexer;
mod signals;
#[cfg(test)]
mod tests;
mod texts;

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    thread::JoinHandle,
    time::Duration,
};

use rusqlite::Connection;
use tokio::{
    sync::{Semaphore, watch},
    time::{Instant, timeout_at},
};
use tracing::{error, warn};

use self::{finding::Miss, indexer::Indexer, signals::Signals};
use super::readers::Readers;
use crate::{
    domain::{
        commit::Commit,
        ids::{Epoch, Offset, UserId},
        page::PageSize,
        search::{Found, Hit, Search},
    },
    store::{OnCommit, SearchError, StoreError},
};

/// Searches that run at once: they must not take all readers of the log.
const SEARCHES: usize = 2;
/// How long a search waits for its turn, and for an index that is far behind.
const BEHIND: Duration = Duration::from_secs(5);
/// How long the closing of the store waits for what is still to be erased: some 100 ms are enough on an idle machine, a
/// loaded one took more than a second. What is left then is erased at the next start.
const FINISH: Duration = Duration::from_secs(5);

/// What was in the way.
#[derive(Debug)]
enum Trouble {
    /// Reading the log.
    Log(rusqlite::Error),
    /// The index.
    Index(rusqlite::Error),
    /// The index is that of another log, or a search found it damaged.
    Unusable,
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Index(error)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log(error) => write!(f, "reading the log: {error}"),
            Self::Index(error) => error.fmt(f),
            Self::Unusable => f.write_str("it cannot be used"),
        }
    }
}

/// What the thread and the searches share.
struct Shared {
    file: PathBuf,
    signals: Signals,
    /// How far the index is; `None`: there is none.
    progress: watch::Sender<Option<Offset>>,
    /// Connections of searches that ended.
    idle: Mutex<Vec<Connection>>,
    /// Held by searches for reading: a file is not removed under them.
    in_use: RwLock<()>,
}

impl Shared {
    /// Throws the index away.
    fn discard(&self) -> io::Result<()> {
        let _alone = self.in_use.write().unwrap_or_else(PoisonError::into_inner);
        self.progress.send_replace(None);
        self.idle().clear();
        index::discard(&self.file)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The search of a store.
pub(super) struct SearchIndex {
    shared: Arc<Shared>,
    searches: Arc<Semaphore>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl SearchIndex {
    /// Starts the thread that keeps the index of a log, which ends at `end` now.
    pub fn start(folder: &Path, log: PathBuf, epoch: Epoch, end: Offset) -> io::Result<Self> {
        Self::with_parts(folder, log, epoch, end, index::PART_DOCUMENTS)
    }

    fn with_parts(
        folder: &Path,
        log: PathBuf,
        epoch: Epoch,
        end: Offset,
        part_documents: u64,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            file: index::file(folder),
            signals: Signals::default(),
            progress: watch::Sender::new(None),
            idle: Mutex::default(),
            in_use: RwLock::default(),
        });
        let indexer = Indexer {
            log,
            epoch,
            opened: end,
            part_documents,
            shared: Arc::clone(&shared),
        };
        let thread = std::thread::Builder::new()
            .name("store-search".into())
            .spawn(move || indexer.run())?;
        Ok(Self {
            shared,
            searches: Arc::new(Semaphore::new(SEARCHES)),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Hears of every commit, too.
    pub fn listening(&self, on_commit: OnCommit) -> OnCommit {
        let shared = Arc::clone(&self.shared);
        Arc::new(move |commit: Commit| {
            shared.signals.committed(commit.events.len());
            on_commit(commit);
        })
    }

    /// See `Store::search`.
    pub async fn search(
        &self,
        readers: &Arc<Readers>,
        user: UserId,
        search: Search,
        before: Option<Offset>,
        size: PageSize,
    ) -> Result<Found<Hit>, SearchError> {
        let deadline = Instant::now() + BEHIND;
        let mut progress = self.shared.progress.subscribe();
        loop {
            progress.borrow_and_update();
            let turn = timeout_at(deadline, Arc::clone(&self.searches).acquire_owned()).await;
            let turn = turn.map_err(|_| StoreError::Busy)?;
            let turn = turn.map_err(|_| StoreError::Closed)?;
            let (shared, search) = (Arc::clone(&self.shared), search.clone());
            let found = readers
                .read(move |log| {
                    // Here rather than with the caller, who may be gone by now: the search still runs.
                    let _turn = turn;
                    ask(&shared, log, user, &search, before, size)
                })
                .await?;
            match found {
                Ok(found) => return Ok(found),
                Err(Miss::Refused(refused)) => return Err(refused),
                Err(Miss::Behind) => {}
            }
            self.shared.signals.hurry();
            let moved = timeout_at(deadline, progress.changed()).await;
            if !matches!(moved, Ok(Ok(()))) {
                return Err(SearchError::Behind);
            }
        }
    }

    /// Ends the thread, which first does what it can in five seconds: the log is at its end when this is called.
    pub async fn close(&self) {
        self.searches.close();
        self.shared
            .signals
            .stop_by(std::time::Instant::now() + FINISH);
        if let Some(thread) = self.take_thread() {
            let joined = tokio::task::spawn_blocking(move || thread.join()).await;
            if !matches!(joined, Ok(Ok(()))) {
                error!("the thread of the search index ended early");
            }
        }
        self.shared.idle().clear();
    }

    fn take_thread(&self) -> Option<JoinHandle<()>> {
        self.thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

impl Drop for SearchIndex {
    /// A store that is dropped without being closed leaves nobody behind who writes to its files.
    fn drop(&mut self) {
        self.shared.signals.stop();
        if let Some(thread) = self.take_thread()
            && thread.join().is_err()
        {
            error!("the thread of the search index ended early");
        }
    }
}

/// Asks once. What goes wrong with the index is noted, and the search is then to wait for a better one.
fn ask(
    shared: &Shared,
    log: &Connection,
    user: UserId,
    search: &Search,
    before: Option<Offset>,
    size: PageSize,
) -> rusqlite::Result<Result<Found<Hit>, Miss>> {
    let _in_use = shared.in_use.read().unwrap_or_else(PoisonError::into_inner);
    if shared.progress.borrow().is_none() {
        return Ok(Err(Miss::Behind));
    }
    let idle = shared.idle().pop();
    let asked = idle
        .map_or_else(|| index::connect(&shared.file, false), Ok)
        .map_err(Trouble::Index)
        .and_then(|index| {
            let found = finding::find(log, &index, user, search, before, size)?;
            shared.idle().push(index);
            Ok(found)
        });
    match asked {
        Ok(found) => Ok(found),
        Err(Trouble::Log(error)) => Err(error),
        Err(trouble @ (Trouble::Index(_) | Trouble::Unusable)) => {
            warn!(%trouble, "the search index cannot be asked");
            if let Trouble::Index(error) = &trouble
                && indexer::is_damage(error)
            {
                shared.signals.damaged();
            }
            Ok(Err(Miss::Behind))
        }
    }
}
