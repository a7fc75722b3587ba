//! The local cache of one account at one server: what is shown before there is a connection.
//!
//! It is a copy and never the truth: what is lost or dropped comes again from the server. It promises that a cursor is
//! stored only together with all that came before it, so that a program that resumes there misses nothing; that a text
//! that was deleted is gone from its file; and that a file that is damaged, or of another account or schema, is made
//! anew and never shown. It holds no tokens and no messages that wait to be sent: those have files of their own.
//!
//! One program at a time has the cache of an account. A second one goes on without: both would write their own idea of
//! what was told last, and the slower one would put old states over new ones, under a cursor that says otherwise.
//!
//! Changes are queued and committed by one thread ([`Cache::apply`], [`Cache::stored`]); reading blocks and belongs in
//! `spawn_blocking`. Dropping it waits for nothing: what is queued is committed if the program lives so long, and others
//! are let in after that, for which this program waits a while; [`Cache::close`] waits. Knows nothing of the network and of
//! screens.

pub mod change;
pub mod reading;
pub mod removal;

mod batch;
mod schema;
mod writer;

use std::{
    collections::BTreeSet,
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Sender, channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rusqlite::Connection;
use tokio::sync::watch;

use super::net::{connect::ServerAddress, tls::Assurance};
use crate::domain::name::UserName;

pub use change::Change;
pub use reading::{CachedChat, Edge, FirstPaint, Marker, Page, Place};

use schema::Fault;
use writer::{Bounds, Order, State, Work};

/// How a file's name ends.
const ENDING: &str = ".cache";
/// What follows on that in the name of the file that is locked.
const LOCK_ENDING: &str = ".lock";
/// Characters of how well a server is known that stand in a file's name, as with the outbox.
const ASSURANCE_CHARS: usize = 48;
/// Bytes that may wait for the disk before no more should be asked of the server: about 15,000 short messages, some
/// tenths of a second of writing.
const WAITING_BYTES_ROOM: usize = 8 * 1024 * 1024;
/// Bytes that may wait at all: past this the disk does not keep up, and the program goes on without a cache.
const WAITING_BYTES_MAX: usize = 64 * 1024 * 1024;
/// What is kept: more of one conversation than anybody scrolls through offline, and some 60 MiB over all, of long messages
/// more; as many conversations as the program shows.
const BOUNDS: Bounds = Bounds {
    chat: 2_000,
    total: 200_000,
    chats: 10_000,
    bytes: 512 * 1024 * 1024,
};

/// How long opening waits for a cache that this program has closed and that is not done yet: what is written then takes
/// some tenths of a second, on a slow disk seconds.
const CLOSING_WAIT: Duration = Duration::from_secs(5);

/// The caches of this program that are closed, whose threads still commit what was queued.
static CLOSING: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Whose cache it is. The epoch of the store is no part of it: it is told by [`Change::Epoch`], once the server has said it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The server.
    pub server: ServerAddress,
    /// How well it is known: what was said by one that is known in another way is another cache.
    pub assurance: Assurance,
    /// The user.
    pub user: UserName,
}

/// Why there is no cache, or none any more. The program goes on without it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CacheError {
    /// Another program has it.
    #[error(
        "another tinychat-client of this account is running; this one goes on without its cache"
    )]
    Held,
    /// It was damaged.
    #[error("the cache {file} was damaged and is dropped; the next start makes it anew")]
    Damaged {
        /// The file.
        file: String,
    },
    /// It cannot be read or written.
    #[error(
        "cannot use the cache {file}: {cause}; going on without it: see to the space and the rights of that place"
    )]
    Unusable {
        /// The file.
        file: String,
        /// What the system says.
        cause: String,
    },
    /// The disk is too slow for what comes.
    #[error("the disk cannot keep up with the cache; going on without it")]
    Slow,
    /// It was closed.
    #[error("the cache is closed")]
    Closed,
}

/// What is told of what was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// More is committed, and there may be room again. The cursor, if it is another one than told last, may be
    /// acknowledged to the server.
    Stored(Option<String>),
    /// There is no cache any more; told once, and nothing after it.
    Ended(CacheError),
}

/// See the head of the file. Clones are the same cache.
#[derive(Clone, Debug)]
pub struct Cache {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    file: PathBuf,
    queue: Mutex<Option<Sender<Order>>>,
    waiting: Arc<AtomicUsize>,
    told: watch::Sender<State>,
    /// One reader: pages are asked for one at a time, by one user.
    reader: Mutex<Option<Connection>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Cache {
    /// Opens the cache of an account in a folder, and reads what is shown first. Blocks for some milliseconds.
    pub fn open(folder: &Path, key: &Key) -> Result<(Self, FirstPaint), CacheError> {
        Self::open_bounded(folder, key, BOUNDS)
    }

    fn open_bounded(
        folder: &Path,
        key: &Key,
        bounds: Bounds,
    ) -> Result<(Self, FirstPaint), CacheError> {
        let name = key.name();
        let file = folder.join(format!("{name}{ENDING}"));
        let unusable = |cause: io::Error| CacheError::Unusable {
            file: file.display().to_string(),
            cause: cause.to_string(),
        };
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(folder).map_err(unusable)?;
        let lock = match take_lock(&file) {
            Ok(lock) => lock,
            Err(TryLockError::WouldBlock) => return Err(CacheError::Held),
            Err(TryLockError::Error(cause)) => return Err(unusable(cause)),
        };
        let account = key.account();
        let opened = open_file(&file, &account).or_else(|fault| match fault {
            Fault::Foreign | Fault::Damaged => {
                schema::remove(&file).map_err(unusable)?;
                let mut opened = open_file(&file, &account).map_err(|it| it.into_error(&file))?;
                opened.2.notice = Some(
                    "the cache on this machine was damaged or of another version, and is made anew"
                        .to_owned(),
                );
                Ok(opened)
            }
            Fault::Io(_) | Fault::Sql(_) => Err(fault.into_error(&file)),
        });
        let (writer, reader, paint) = opened?;
        let (queue, orders) = channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let (told, _) = watch::channel(State {
            cursor: paint.cursor.clone(),
            ..State::default()
        });
        let work = Work {
            file: file.clone(),
            connection: writer,
            queue: orders,
            waiting: Arc::clone(&waiting),
            told: told.clone(),
            bounds,
        };
        let name = file.clone();
        let thread = thread::Builder::new()
            .name("cache".to_owned())
            .spawn(move || {
                work.run();
                // Other programs are kept out until all is committed.
                drop(lock);
                locked(&CLOSING).remove(&name);
            })
            .map_err(unusable)?;
        let inner = Inner {
            file,
            queue: Mutex::new(Some(queue)),
            waiting,
            told,
            reader: Mutex::new(Some(reader)),
            thread: Mutex::new(Some(thread)),
        };
        let inner = Arc::new(inner);
        Ok((Self { inner }, paint))
    }

    /// Queues changes; they are committed in this order. Never waits. After the cache has ended they are dropped.
    ///
    /// Whoever reads from the server should do so only while [`Cache::has_room`].
    pub fn apply(&self, changes: Vec<Change>) {
        let weight: usize = changes.iter().map(Change::weight).sum();
        let mut queue = locked(&self.inner.queue);
        let Some(sender) = &*queue else { return };
        let waiting = self.inner.waiting.fetch_add(weight, Ordering::AcqRel);
        if waiting.saturating_add(weight) > WAITING_BYTES_MAX {
            // No cursor that comes later may be stored without these.
            *queue = None;
            self.end(CacheError::Slow);
        } else if sender.send(Order::Apply(changes, weight)).is_err() {
            *queue = None;
        }
    }

    /// Whether all that was applied is stored.
    pub fn is_idle(&self) -> bool {
        self.inner.waiting.load(Ordering::Acquire) == 0
    }

    /// Whether more should be asked of the server. If not, a [`Word::Stored`] follows when it may be worth asking again.
    pub fn has_room(&self) -> bool {
        self.inner.waiting.load(Ordering::Acquire) < WAITING_BYTES_ROOM
            || locked(&self.inner.queue).is_none()
            || self.inner.told.borrow().ended.is_some()
    }

    /// Returns what tells of commits from now on.
    pub fn stored(&self) -> Stored {
        let heard = self.inner.told.subscribe();
        let State {
            cursor, commits, ..
        } = heard.borrow().clone();
        Stored {
            heard,
            last: cursor,
            commits,
            has_ended: false,
        }
    }

    /// Reads messages of a conversation. Blocks.
    pub fn messages(
        &self,
        conversation: &str,
        place: Place,
        count: usize,
    ) -> Result<Page, CacheError> {
        self.read(|from| reading::page(from, conversation, place, count))
    }

    /// Reads the lines that were sent in a conversation, the oldest first. Blocks.
    pub fn sent_lines(&self, conversation: &str) -> Result<Vec<String>, CacheError> {
        self.read(|from| reading::sent_lines(from, conversation))
    }

    /// Reads how far the members of a conversation are. Blocks.
    pub fn markers(&self, conversation: &str) -> Result<Vec<Marker>, CacheError> {
        self.read(|from| reading::markers(from, conversation))
    }

    /// Commits what is queued, then lets other programs in. Blocks. Of a cache that has ended it returns why.
    pub fn close(&self) -> Result<(), CacheError> {
        self.inner.close();
        let thread = locked(&self.inner.thread).take();
        if let Some(thread) = thread {
            // A thread that panicked has told nothing: nothing more of it is stored.
            let _ = thread.join();
        }
        let ended = self.inner.told.borrow().ended.clone();
        ended.map_or(Ok(()), Err)
    }

    fn read<T>(&self, read: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T, CacheError> {
        if let Some(ended) = self.inner.told.borrow().ended.clone() {
            return Err(ended);
        }
        let reader = locked(&self.inner.reader);
        let reader = reader.as_ref().ok_or(CacheError::Closed)?;
        read(reader).map_err(|fault| {
            if matches!(fault, Fault::Damaged | Fault::Foreign)
                && let Some(sender) = &*locked(&self.inner.queue)
            {
                let _ = sender.send(Order::Damaged);
            }
            fault.into_error(&self.inner.file)
        })
    }

    fn end(&self, error: CacheError) {
        self.inner.told.send_modify(|state| {
            state.ended.get_or_insert(error);
        });
    }
}

impl Inner {
    fn close(&self) {
        let queue = locked(&self.queue).take();
        let thread = locked(&self.thread);
        if queue.is_some() && thread.as_ref().is_some_and(|it| !it.is_finished()) {
            // Before the thread can hear of it.
            locked(&CLOSING).insert(self.file.clone());
        }
        drop((queue, thread));
        // The last connection to close tidies up: the writer's.
        *locked(&self.reader) = None;
    }
}

impl Drop for Inner {
    /// Waits for nothing: whoever drops it may be the one who must not wait.
    fn drop(&mut self) {
        self.close();
    }
}

/// Tells of commits; see [`Cache::stored`].
#[derive(Debug)]
pub struct Stored {
    heard: watch::Receiver<State>,
    last: Option<String>,
    commits: u64,
    has_ended: bool,
}

impl Stored {
    /// Returns the next word. Cancelling it loses nothing. After [`Word::Ended`] and after the cache is dropped there is
    /// none, and it never returns.
    pub async fn next(&mut self) -> Word {
        loop {
            let state = self.heard.borrow_and_update().clone();
            if state.commits != self.commits && !self.has_ended {
                self.commits = state.commits;
                let is_new = state.cursor != self.last;
                self.last.clone_from(&state.cursor);
                // How it ended is told by the next call.
                self.heard.mark_changed();
                return Word::Stored(state.cursor.filter(|_| is_new));
            }
            if let Some(error) = state.ended.filter(|_| !self.has_ended) {
                self.has_ended = true;
                return Word::Ended(error);
            }
            if self.has_ended || self.heard.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

impl Key {
    /// What a file of this account is called. Neither an address nor a name has a slash.
    fn name(&self) -> String {
        let known: String = self
            .assurance
            .to_string()
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .take(ASSURANCE_CHARS)
            .collect();
        format!("{}@@{}@@{known}", self.server.as_str(), self.user)
    }

    /// What stands in the file.
    fn account(&self) -> String {
        format!(
            "{}\n{}\n{}",
            self.server.as_str(),
            self.user,
            self.assurance
        )
    }
}

/// The file that is locked for a cache. One of its own: closing another handle of the database would drop the locks that
/// SQLite has on it.
fn lock_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(LOCK_ENDING);
    PathBuf::from(name)
}

/// Takes a cache for this program.
fn take_lock(file: &Path) -> Result<File, TryLockError> {
    loop {
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(lock_of(file))
            .map_err(TryLockError::Error)?;
        lock_it(&lock, file)?;
        // One that was removed meanwhile keeps nobody out: then there is another one, or none.
        let found = lock.metadata().map_err(TryLockError::Error)?;
        if found.nlink() > 0 {
            return Ok(lock);
        }
    }
}

/// Locks a cache. One that this program has just closed, as with a change of the account, is waited for a while.
fn lock_it(lock: &File, file: &Path) -> Result<(), TryLockError> {
    let until = Instant::now() + CLOSING_WAIT;
    loop {
        // Asked first: once it is done it can be locked.
        let is_closing = locked(&CLOSING).contains(file);
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) if is_closing && Instant::now() < until => {
                thread::sleep(Duration::from_millis(10));
            }
            outcome => return outcome,
        }
    }
}

fn open_file(file: &Path, account: &str) -> Result<(Connection, Connection, FirstPaint), Fault> {
    schema::make_private(file).map_err(|cause| Fault::Io(cause.to_string()))?;
    let writer = schema::open_writer(file, account)?;
    let reader = schema::open_reader(file)?;
    let paint = reading::first_paint(&reader)?;
    Ok((writer, reader, paint))
}

/// Nothing under these locks leaves a half-done state behind, so a panic elsewhere does not matter.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod bounds_tests;
#[cfg(test)]
mod damage_tests;
#[cfg(test)]
mod files_tests;
#[cfg(test)]
mod tests;
