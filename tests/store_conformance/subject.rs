//! The store under test, what was heard of it, and short words for what the cases do. Knows no kind of store but in
//! the constructors.

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tinychat::{
    domain::{
        clock::TimeMs,
        commit::Commit,
        conversation::ConversationView,
        event::{Event, EventBody, Gap},
        ids::{ClientMessageId, ConversationId, DeviceId, Offset, Seq, UserId},
        message::{Message, NewMessage, SendRequest, Sent, Target},
        name::UserName,
        secret::TokenHash,
        text::MessageText,
        user::{Device, UserRef},
    },
    store::{
        AuthMode, NewDevice, OnCommit, REPLAY_EVENTS_MAX, Replay, ReplayFrom, SendRefusal, Store,
        memory::MemoryStore,
        sqlite::{Durability, SqliteStore},
    },
};

/// The time of everything that does not care.
pub const NOON: TimeMs = TimeMs::new(1_750_000_000_000);

/// A store and what was heard of it. Cheap to clone, so that tasks can share it.
#[derive(Clone)]
pub struct Subject {
    pub store: Arc<dyn Store>,
    heard: Arc<Mutex<Vec<Commit>>>,
    /// Where the log ended when the store was opened.
    opened: Offset,
    /// Where the store keeps its files, if it has any. Gone after the last clone.
    dir: Option<Arc<tempfile::TempDir>>,
}

/// The store in memory.
pub async fn memory() -> Subject {
    let (on_commit, heard) = listener();
    Subject {
        store: Arc::new(MemoryStore::open(AuthMode::Trust, on_commit)),
        heard,
        opened: Offset::ZERO,
        dir: None,
    }
}

/// The store in a file.
pub async fn sqlite() -> Subject {
    in_files(Arc::new(tempfile::tempdir().unwrap()))
}

fn in_files(dir: Arc<tempfile::TempDir>) -> Subject {
    let (on_commit, heard) = listener();
    let store =
        SqliteStore::open(dir.path(), Durability::Full, AuthMode::Trust, on_commit).unwrap();
    Subject {
        opened: store.end(),
        store: Arc::new(store),
        heard,
        dir: Some(dir),
    }
}

/// Writes down every commit.
fn listener() -> (OnCommit, Arc<Mutex<Vec<Commit>>>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let on_commit: OnCommit = {
        let heard = Arc::clone(&heard);
        Arc::new(move |commit| heard.lock().unwrap().push(commit))
    };
    (on_commit, heard)
}

pub fn name(text: &str) -> UserName {
    text.parse().unwrap()
}

pub fn text(text: &str) -> MessageText {
    text.parse().unwrap()
}

pub fn to(user: &UserRef) -> Target {
    Target::User(user.name.clone())
}

pub fn after(ms: i64) -> TimeMs {
    TimeMs::new(NOON.milliseconds() + ms)
}

/// A message that was never sent before.
pub fn new(sender: &UserRef, target: Target, words: &str) -> NewMessage {
    NewMessage {
        sender: sender.clone(),
        client_id: ClientMessageId::mint(),
        request: SendRequest {
            target,
            text: text(words),
            reply_to: None,
            attachments: Vec::new(),
        },
        sent: NOON,
    }
}

/// What a message says; nothing if it was deleted.
pub fn words(message: &Message) -> &str {
    message.text.as_ref().map_or("", MessageText::as_str)
}

/// The `seq` of each message among the events.
pub fn seqs(events: &[Event]) -> Vec<u64> {
    let seq = |event: &Event| match &event.body {
        EventBody::Message(message) => Some(message.seq.number()),
        _ => None,
    };
    events.iter().filter_map(seq).collect()
}

/// What a gap leaves out.
pub fn left_out(gap: &Gap) -> (u64, u64) {
    (gap.from_seq.number(), gap.to_seq.number())
}

/// Waits until something lazy has happened.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !holds().await {
        assert!(Instant::now() < deadline, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

impl Subject {
    /// Where the store keeps its files.
    pub fn dir(&self) -> &Path {
        self.dir.as_ref().unwrap().path()
    }

    /// Opens the files of a store again that was closed.
    pub fn reopened(self) -> Self {
        let Self { store, dir, .. } = self;
        drop(store);
        in_files(dir.unwrap())
    }

    /// Closes a store that keeps files and opens it again; one that keeps none goes on.
    pub async fn restarted(self) -> Self {
        if self.dir.is_none() {
            return self;
        }
        self.store.close().await;
        self.reopened()
    }

    /// Makes an account.
    pub async fn user(&self, user: &str) -> UserRef {
        let user = self.store.create_user(name(user), None, NOON).await;
        user.unwrap().to_ref()
    }

    /// Logs a user in.
    pub async fn device(&self, user: &UserRef, created: TimeMs) -> Device {
        let device = self.login(user, created, &[]).await;
        device.0
    }

    /// Logs a user in while some of its devices are streaming.
    pub async fn login(
        &self,
        user: &UserRef,
        created: TimeMs,
        streaming: &[DeviceId],
    ) -> (Device, Option<DeviceId>) {
        static TOKENS: AtomicU64 = AtomicU64::new(0);
        let mut token = [0; 32];
        token[..8].copy_from_slice(&TOKENS.fetch_add(1, Ordering::Relaxed).to_le_bytes());
        let name = "".parse().unwrap();
        let device = NewDevice::login(user.id, TokenHash(token), name, created);
        let streaming = Arc::new(streaming.iter().copied().collect());
        let made = self.store.create_device(device, streaming).await;
        let (device, ended) = made.unwrap();
        assert!(ended.len() <= 1, "{ended:?}");
        (device, ended.first().copied())
    }

    /// Sends one message.
    pub async fn try_send(&self, message: NewMessage) -> Result<Sent, SendRefusal> {
        let mut answers = self.store.append(vec![message]).await.unwrap();
        assert_eq!(answers.len(), 1);
        answers.remove(0)
    }

    /// Says something to somebody.
    pub async fn say(&self, sender: &UserRef, peer: &UserRef, words: &str) -> Sent {
        self.try_send(new(sender, to(peer), words)).await.unwrap()
    }

    /// Says the numbers from 1 on, in one batch.
    pub async fn count(&self, sender: &UserRef, peer: &UserRef, numbers: usize) -> Sent {
        let numbers = (1..=numbers).map(|number| new(sender, to(peer), &number.to_string()));
        let answers = self.store.append(numbers.collect()).await.unwrap();
        answers.last().unwrap().clone().unwrap()
    }

    pub async fn start(&self, user: &UserRef, peer: &UserRef) -> ConversationView {
        let started = self.store.start_direct(user.clone(), peer.name.clone());
        started.await.unwrap()
    }

    pub async fn view(
        &self,
        user: &UserRef,
        conversation: ConversationId,
    ) -> Option<ConversationView> {
        let view = self.store.conversation(user.id, conversation);
        view.await.unwrap()
    }

    /// Moves a marker and answers (read_seq, unread).
    pub async fn read(
        &self,
        user: &UserRef,
        conversation: ConversationId,
        seq: u64,
        at: TimeMs,
    ) -> (u64, u64) {
        let seq = Seq::new(seq);
        let state = self.store.mark_read(user.id, conversation, seq, at).await;
        let state = state.unwrap();
        (state.read_seq.number(), state.unread)
    }

    /// Replays everything, with no limit to the backlog.
    pub async fn replay(&self, user: &UserRef, from: ReplayFrom) -> Vec<Event> {
        let mut replay = self.open(user, from, None).await;
        self.rest(&mut replay).await
    }

    pub async fn open(&self, user: &UserRef, from: ReplayFrom, backlog: Option<u64>) -> Replay {
        let replay = self.store.open_replay(user.id, from, backlog);
        replay.await.unwrap()
    }

    /// Reads what is left of a replay.
    pub async fn rest(&self, replay: &mut Replay) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            let page = self.store.read_replay(replay).await.unwrap().events;
            if page.is_empty() {
                break;
            }
            assert!(page.len() <= REPLAY_EVENTS_MAX);
            events.extend(page);
        }
        let again = self.store.read_replay(replay).await.unwrap();
        assert_eq!(again.events, [], "a replay that is at its end stays there");
        assert!(events.is_sorted_by(|a, b| a.offset < b.offset));
        events
    }

    /// Every commit so far, once all that is committed has been heard.
    pub async fn heard(&self) -> Vec<Commit> {
        let end = self.store.end();
        eventually("all commits are heard", async || self.heard_to() >= end).await;
        self.heard.lock().unwrap().clone()
    }

    /// Where the last commit that was heard ends.
    pub fn heard_to(&self) -> Offset {
        let heard = self.heard.lock().unwrap();
        heard.last().map_or(self.opened, |commit| commit.last)
    }

    /// Every event after a place that was heard so far, with its readers.
    pub async fn events_after(&self, place: Offset) -> Vec<(Event, Vec<UserId>)> {
        let heard = self.heard().await.into_iter();
        let events = heard.flat_map(|commit| commit.events);
        let events = events.filter(|committed| committed.event.offset > place);
        events
            .map(|committed| (committed.event, committed.readers.to_vec()))
            .collect()
    }
}
