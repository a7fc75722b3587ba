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

mod conversations;
mod markers;
mod replay;
mod send;
mod users;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    future::ready,
    hash::{BuildHasher, Hasher, RandomState},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
};

use self::{conversations::ConversationRow, markers::Waiting, send::SendRow, users::Users};
use super::{
    Account, Answer, AuthMode, ConversationPage, CreateDeviceError, CreateUserError, MarkReadError,
    MessagePage, NewDevice, OnCommit, PasswordHash, Replay, ReplayFrom, ReplayPage, SendRefusal,
    StartError, Store, StoreError, UserFilter, UserPage,
};
use crate::domain::{
    clock::TimeMs,
    commit::{Commit, Committed},
    conversation::{ConversationView, ReadState},
    event::{Event, EventBody},
    ids::{ClientMessageId, ConversationId, DeviceId, Epoch, Offset, Seq, UserId},
    message::{NewMessage, Sent, Target},
    name::{DeviceName, UserName},
    page::{PageSize, Position},
    secret::TokenHash,
    text::MessageText,
    user::{Device, DeviceSeen, User, UserRef},
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
    /// Every send that was committed, by what names it.
    sends: HashMap<(UserId, ClientMessageId), SendRow>,
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
                sends: HashMap::new(),
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
            epoch: random_epoch(),
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

/// A random number that is not 0.
fn random_epoch() -> Epoch {
    // Without the system's generator the keys of the standard library's hasher are random enough: an epoch is no
    // secret, it only must not come again.
    let number = getrandom::u64().unwrap_or_else(|_| RandomState::new().build_hasher().finish());
    Epoch::new(number.max(1))
}

impl Store for MemoryStore {
    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn end(&self) -> Offset {
        self.shared.lock().log.end
    }

    fn auth_mode(&self) -> AuthMode {
        self.auth_mode
    }

    fn create_user(
        &self,
        name: UserName,
        password: Option<PasswordHash>,
        created: TimeMs,
    ) -> Answer<'_, Result<User, CreateUserError>> {
        self.answer(|state| state.users.create(name, password, created))
    }

    fn find_account(&self, name: UserName) -> Answer<'_, Result<Option<Account>, StoreError>> {
        self.answer(|state| Ok(state.users.account(&name)))
    }

    fn list_users(
        &self,
        filter: UserFilter,
        after: Option<UserName>,
        size: PageSize,
    ) -> Answer<'_, Result<UserPage, StoreError>> {
        self.answer(|state| Ok(state.users.list(&filter, after.as_ref(), size)))
    }

    fn create_device(
        &self,
        device: NewDevice,
        streaming: Arc<HashSet<DeviceId>>,
    ) -> Answer<'_, Result<(Device, Vec<DeviceId>), CreateDeviceError>> {
        self.answer(|state| state.users.create_device(device, &streaming))
    }

    fn list_devices(&self, user: UserId) -> Answer<'_, Result<Vec<DeviceSeen>, StoreError>> {
        self.answer(|state| Ok(state.users.devices(user)))
    }

    fn find_device(
        &self,
        token: TokenHash,
    ) -> Answer<'_, Result<Option<(User, Device)>, StoreError>> {
        self.answer(|state| Ok(state.users.find_device(&token)))
    }

    fn rename_device(
        &self,
        device: DeviceId,
        name: DeviceName,
    ) -> Answer<'_, Result<(), StoreError>> {
        self.answer(|state| {
            state.users.rename_device(device, name);
            Ok(())
        })
    }

    fn end_device(&self, user: UserId, device: DeviceId) -> Answer<'_, Result<bool, StoreError>> {
        self.answer(|state| Ok(state.users.end_device(user, device)))
    }

    fn set_password(
        &self,
        user: UserId,
        old: PasswordHash,
        new: PasswordHash,
        keep: Option<DeviceId>,
    ) -> Answer<'_, Result<Option<Vec<DeviceId>>, StoreError>> {
        self.answer(|state| Ok(state.users.set_password(user, &old, new, keep)))
    }

    fn touch(&self, user: UserId, device: DeviceId, at: TimeMs) {
        let mut state = self.shared.lock();
        if !state.closed {
            state.users.touch(user, device, at);
        }
    }

    fn note_use(&self, device: DeviceId, at: TimeMs) {
        self.shared.lock().users.note_use(device, at);
    }

    fn append(
        &self,
        messages: Vec<NewMessage>,
    ) -> Answer<'static, Result<Vec<Result<Sent, SendRefusal>>, StoreError>> {
        self.answer(|state| {
            let sends = messages.into_iter();
            Ok(sends.map(|message| state.send(message)).collect())
        })
    }

    fn find_sent(
        &self,
        sender: UserId,
        client_id: ClientMessageId,
        target: Target,
        text: MessageText,
    ) -> Answer<'_, Result<Option<Result<Sent, SendRefusal>>, StoreError>> {
        self.answer(|state| Ok(state.find_sent(sender, client_id, &target, &text)))
    }

    fn start_direct(
        &self,
        user: UserRef,
        peer: UserName,
    ) -> Answer<'_, Result<ConversationView, StartError>> {
        self.answer(|state| state.start_direct(&user, peer))
    }

    fn mark_read(
        &self,
        user: UserId,
        conversation: ConversationId,
        seq: Seq,
        at: TimeMs,
    ) -> Answer<'_, Result<ReadState, MarkReadError>> {
        let answer = self.answer(|state| state.mark_read(user, conversation, seq, at));
        self.shared.woken.notify_all();
        answer
    }

    fn acknowledge(&self, device: DeviceId, cursor: Offset) -> Result<(), StoreError> {
        let mut state = self.shared.lock();
        if state.closed {
            return Err(StoreError::Closed);
        }
        state.users.acknowledge(device, cursor);
        Ok(())
    }

    fn conversation(
        &self,
        user: UserId,
        conversation: ConversationId,
    ) -> Answer<'_, Result<Option<ConversationView>, StoreError>> {
        self.answer(|state| Ok(state.view(user, conversation)))
    }

    fn list_conversations(
        &self,
        user: UserId,
        after: Option<ConversationId>,
        size: PageSize,
    ) -> Answer<'_, Result<ConversationPage, StoreError>> {
        self.answer(|state| Ok(state.list_conversations(user, after, size)))
    }

    fn list_messages(
        &self,
        user: UserId,
        conversation: ConversationId,
        position: Position,
        size: PageSize,
    ) -> Answer<'_, Result<Option<MessagePage>, StoreError>> {
        self.answer(|state| Ok(state.list_messages(user, conversation, position, size)))
    }

    fn open_replay(
        &self,
        user: UserId,
        from: ReplayFrom,
        backlog_max: Option<u64>,
    ) -> Answer<'_, Result<Replay, StoreError>> {
        self.answer(|state| Ok(state.open_replay(user, from, backlog_max)))
    }

    fn read_replay<'a>(
        &'a self,
        replay: &'a mut Replay,
    ) -> Answer<'a, Result<ReplayPage, StoreError>> {
        self.answer(|state| Ok(state.read_replay(replay)))
    }

    fn failed(&self) -> Answer<'_, String> {
        Box::pin(std::future::pending())
    }

    fn close(&self) -> Answer<'_, ()> {
        self.stop();
        Box::pin(ready(()))
    }
}
