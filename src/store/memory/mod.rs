//! The store that keeps everything in memory: to try TinyChat without a file, and to test what stands above a store.
//!
//! It keeps every promise of the trait but one: what it holds ends with the process, so its stable storage is the
//! memory. All state stands behind one lock. Every method does its work under that lock and answers at once; a commit
//! is heard under it, too, so commits are heard in order.
//!
//! One thread belongs to the store: it shows read markers to others once they have waited for their second. It ends
//! with `close` or with the store.
//!
//! It knows nothing of files, sessions or the wire.

mod acts;
mod blocks;
mod calls;
mod conversations;
mod delivered;
mod files;
mod groups;
mod invites;
mod markers;
mod members;
mod mentions;
mod messages;
mod newest;
mod replay;
mod retold;
mod search;
mod send;
mod settings;
mod users;

use std::{
    collections::{BTreeMap, HashMap},
    future::ready,
    hash::{BuildHasher, Hasher, RandomState},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
};

use self::{
    conversations::ConversationRow, files::FileRows, invites::InviteRow, markers::Waiting,
    send::SendRow, users::Users,
};
use super::{Answer, AuthMode, OnCommit, StoreError, request::RequestKey};
use crate::domain::{
    commit::{Commit, Committed},
    event::{Event, EventBody},
    ids::{ClientMessageId, ConversationId, Epoch, InviteLinkId, Offset, UserId},
    name::ChannelName,
};

/// A store in memory. See the head of this file.
pub struct MemoryStore {
    epoch: Epoch,
    auth_mode: AuthMode,
    shared: Arc<Shared>,
    /// The thread that shows read markers; taken by whoever stops it.
    markers: Mutex<Option<JoinHandle<()>>>,
}

/// What the store and its thread share.
struct Shared {
    state: Mutex<State>,
    /// Wakes the thread: a marker waits, or the store closed.
    woken: Condvar,
}

/// Everything that is stored.
struct State {
    closed: bool,
    log: Log,
    users: Users,
    conversations: HashMap<ConversationId, ConversationRow>,
    /// The DIRECT conversation of two people, the lower id first.
    directs: HashMap<(UserId, UserId), ConversationId>,
    /// Every CHANNEL, by its name.
    channels: BTreeMap<ChannelName, ConversationId>,
    /// Invite links that were not revoked.
    invites: BTreeMap<InviteLinkId, InviteRow>,
    /// How many were ever made: ids are not used again.
    invites_made: u64,
    /// Uploads and files.
    files: FileRows,
    /// Every send that was committed, by what names it.
    sends: HashMap<(UserId, ClientMessageId), SendRow>,
    /// The secret of their fingerprints.
    request_key: RequestKey,
    /// Read markers that others have not been shown yet.
    waiting: BTreeMap<(ConversationId, UserId), Waiting>,
}

/// Gives out offsets and gathers the events of the commit that is being made.
struct Log {
    end: Offset,
    batch: Vec<Committed>,
    on_commit: OnCommit,
}

impl Log {
    /// Adds an event to the commit and answers its place.
    fn push(&mut self, body: EventBody, readers: Arc<[UserId]>) -> Offset {
        self.end = self.end.next();
        let offset = self.end;
        let event = Event { offset, body };
        self.batch.push(Committed { event, readers });
        offset
    }

    /// Tells of the commit, if there is anything to tell.
    fn publish(&mut self) {
        if !self.batch.is_empty() {
            let events = std::mem::take(&mut self.batch);
            (self.on_commit)(Commit {
                last: self.end,
                events,
            });
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics halfway through a change except a listener, and that is called after it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MemoryStore {
    /// Makes an empty store whose accounts are of this mode.
    pub fn open(auth_mode: AuthMode, on_commit: OnCommit) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                closed: false,
                log: Log {
                    end: Offset::ZERO,
                    batch: Vec::new(),
                    on_commit,
                },
                users: Users::default(),
                conversations: HashMap::new(),
                directs: HashMap::new(),
                channels: BTreeMap::new(),
                invites: BTreeMap::new(),
                invites_made: 0,
                files: FileRows::default(),
                sends: HashMap::new(),
                request_key: random_key(),
                waiting: BTreeMap::new(),
            }),
            woken: Condvar::new(),
        });
        let markers = thread::Builder::new().name("memory-markers".to_owned());
        let markers = markers.spawn({
            let shared = Arc::clone(&shared);
            move || markers::show_until_closed(&shared)
        });
        Self {
            // Not 0, which is no epoch.
            epoch: Epoch::new(random().max(1)),
            auth_mode,
            shared,
            // A machine that cannot start one thread starts no server either. Without it a marker that waits would be
            // shown with its next move.
            markers: Mutex::new(markers.ok()),
        }
    }

    /// Does something under the lock, makes what it logged a commit, and answers.
    fn answer<'a, T, E>(
        &self,
        work: impl FnOnce(&mut State) -> Result<T, E>,
    ) -> Answer<'a, Result<T, E>>
    where
        T: Send + 'a,
        E: From<StoreError> + Send + 'a,
    {
        let mut state = self.shared.lock();
        let result = if state.closed {
            Err(StoreError::Closed.into())
        } else {
            work(&mut state)
        };
        state.log.publish();
        Box::pin(ready(result))
    }

    fn stop(&self) {
        self.shared.lock().closed = true;
        self.shared.woken.notify_all();
        let thread = self
            .markers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // A listener may hold the last handle of the store, and then this is that very thread.
        if let Some(thread) = thread.filter(|thread| thread.thread().id() != thread::current().id())
        {
            // An `Err` is a listener's panic, which was reported when it happened.
            let _ = thread.join();
        }
    }
}

impl Drop for MemoryStore {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A random number. Without the system's generator the keys of the standard library's hasher are random enough: it only
/// must not come again.
fn random() -> u64 {
    getrandom::u64().unwrap_or_else(|_| RandomState::new().build_hasher().finish())
}

fn random_key() -> RequestKey {
    let mut key = [0; 32];
    for part in key.chunks_exact_mut(8) {
        part.copy_from_slice(&random().to_le_bytes());
    }
    RequestKey::new(key)
}
