//! Who is here now, and how news reaches them.
//!
//! For each user who has an open stream there is one broadcast ring; a slot holds all that one commit has for that user,
//! as ready bytes. The hub never holds the only copy of anything: a session that falls behind its ring reads the store.
//! A user is online while at least one session lives; when the last ends, the store notes the time. What is never stored,
//! who types, how others can be reached and what has arrived at them, goes past the ring to the ears of those who asked
//! for it.

mod delivered;
#[cfg(test)]
mod delivered_tests;
mod ephemeral;
mod fanout;
mod presence;
#[cfg(test)]
mod presence_tests;
mod session;
mod signals;

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
pub use session::{Ended, Next, Opening, Session};
pub use signals::{Signals, Void};
use tokio::sync::{Notify, broadcast};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error};

use self::{
    delivered::Arrivals,
    ephemeral::Ears,
    presence::{Changes, Parted, Said},
};
use crate::{
    bus::{Heard, Listener},
    convert::response,
    domain::{
        clock::Clock,
        ids::{DeviceId, Epoch, Offset, UserId},
        limits::STREAMS_PER_DEVICE_MAX,
        user::Presence,
    },
    store::Store,
    telemetry,
};

/// Commits that a user's sessions may lie behind before they read the store instead. It counts in the memory of every
/// idle user, and a commit takes some milliseconds, so more would buy little.
const RING_COMMITS: usize = 16;

/// How long it is remembered that a device was logged out. A call or stream that was admitted just before says what it
/// wants moments later: the longest of them, a `Chat` that waits for its `hello`, may take 30 s.
const REVOKED_KEPT: Duration = Duration::from_secs(60);

/// What a ring carries.
#[derive(Clone, Debug)]
enum Item {
    /// All that the commit ending at `last` has for the user: runs of encoded events, each at most a frame long
    /// unless it is a single event.
    Events { last: Offset, runs: Arc<[Bytes]> },
    /// There is more than is worth carrying: read the store.
    Look,
}

/// One user who is online.
#[derive(Debug)]
struct Live {
    ring: broadcast::Sender<Item>,
    /// By the order in which they were opened.
    sessions: BTreeMap<u64, (DeviceId, Signals)>,
}

impl Live {
    fn has(&self, device: DeviceId) -> bool {
        self.sessions.values().any(|(owner, _)| *owner == device)
    }

    /// Tells the oldest streams of a device to go until one more fits.
    fn make_room(&self, device: DeviceId) {
        let open: Vec<&Signals> = self
            .sessions
            .values()
            .filter(|(owner, signals)| *owner == device && !signals.replaced.is_cancelled())
            .map(|(_, signals)| signals)
            .collect();
        let too_many = (open.len() + 1).saturating_sub(STREAMS_PER_DEVICE_MAX);
        for oldest in open.into_iter().take(too_many) {
            oldest.replaced.cancel();
        }
    }
}

/// Who is online, and who no longer may be.
#[derive(Debug, Default)]
struct Everybody {
    users: HashMap<UserId, Live>,
    /// How many devices have a session.
    devices: usize,
    revoked: Revoked,
    said: Said,
    ears: Ears,
    changes: Changes,
    parted: Parted,
    arrivals: Arrivals,
}

/// Devices that were logged out a while ago. There are as many as the store can end in that while, at 24 bytes each.
#[derive(Debug, Default)]
struct Revoked {
    devices: HashSet<DeviceId>,
    since: VecDeque<(Instant, DeviceId)>,
}

impl Revoked {
    fn note(&mut self, device: DeviceId, now: Instant) {
        while let Some((since, oldest)) = self.since.front().copied()
            && now.duration_since(since) > REVOKED_KEPT
        {
            self.since.pop_front();
            self.devices.remove(&oldest);
        }
        self.since.push_back((now, device));
        self.devices.insert(device);
    }
}

/// Everybody who is online.
pub struct Hub {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    epoch: Epoch,
    /// Held for moments only, never over an await.
    everybody: Mutex<Everybody>,
    next_session: AtomicU64,
    /// There is something to tell of presence, or of what has arrived.
    news: Notify,
    draining: CancellationToken,
}

impl Hub {
    /// A hub with nobody in it.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            epoch: store.epoch(),
            store,
            clock,
            everybody: Mutex::default(),
            next_session: AtomicU64::new(0),
            news: Notify::new(),
            draining: CancellationToken::new(),
        })
    }

    fn everybody(&self) -> MutexGuard<'_, Everybody> {
        self.everybody
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries commits to sessions until the bus is gone.
    ///
    /// A defect met on the way is logged, and all sessions read the store instead: it must not leave them mute.
    pub async fn listen(self: Arc<Self>, mut commits: Box<dyn Listener>) {
        while let Some(heard) = commits.next().await {
            match heard {
                Heard::Commit(commit) => {
                    let fan_out = AssertUnwindSafe(|| {
                        fanout::fan_out(&commit, self.epoch, &self.everybody().users);
                        self.note_new_fellows(&commit);
                    });
                    if catch_unwind(fan_out).is_err() {
                        error!(
                            last = commit.last.number(),
                            "a commit could not be fanned out"
                        );
                        self.look();
                    }
                }
                Heard::Missed => {
                    debug!("commits were missed; all sessions read the store");
                    self.look();
                }
            }
        }
    }

    /// Makes all sessions read the store.
    fn look(&self) {
        for live in self.everybody().users.values() {
            // An error says that nobody listens.
            let _ = live.ring.send(Item::Look);
        }
    }

    /// Opens a session: from here on nothing that is committed escapes it.
    pub fn open(self: &Arc<Self>, user: UserId, device: DeviceId, mut opening: Opening) -> Session {
        let id = self.next_session.fetch_add(1, Ordering::Relaxed);
        let signals = Signals {
            revoked: CancellationToken::new(),
            replaced: CancellationToken::new(),
            leaving: opening.leaving.clone(),
            draining: self.draining.clone(),
            expires: opening.expires,
        };
        let (ring, ear) = {
            let mut everybody = self.everybody();
            let was = everybody.presence(user);
            if everybody.revoked.devices.contains(&device) {
                signals.revoked.cancel();
            }
            let live = everybody.users.entry(user).or_insert_with(|| Live {
                ring: broadcast::Sender::new(RING_COMMITS),
                sessions: BTreeMap::new(),
            });
            live.make_room(device);
            let comes = !live.has(device);
            live.sessions.insert(id, (device, signals.clone()));
            let ring = live.ring.subscribe();
            everybody.devices += usize::from(comes);
            telemetry::stream_opened(everybody.users.len(), everybody.devices);
            if let Some(welcomed) = &mut opening.welcome.user {
                let now = everybody.presence(user);
                welcomed.presence = response::presence(now).into();
            }
            let ear = opening.ephemeral.then(|| everybody.ears.add(user, id));
            self.changed(everybody, user, was);
            (ring, ear)
        };
        let place = session::Place {
            hub: Arc::clone(self),
            id,
            user,
            device,
        };
        Session::new(place, ring, ear, signals, opening)
    }

    /// Notes that a user was so before what was just done.
    fn changed(&self, mut everybody: MutexGuard<'_, Everybody>, user: UserId, was: Presence) {
        let news = everybody.note(user, was);
        drop(everybody);
        if news {
            self.news.notify_one();
        }
    }

    fn leave(&self, id: u64, user: UserId, device: DeviceId) {
        let mut everybody = self.everybody();
        let was = everybody.presence(user);
        if let Some(live) = everybody.users.get_mut(&user) {
            live.sessions.remove(&id);
            let (goes, empty) = (!live.has(device), live.sessions.is_empty());
            if empty {
                everybody.users.remove(&user);
                everybody.arrivals.forget(user);
            }
            if goes {
                everybody.devices -= 1;
                everybody.said.remove(&device);
            }
        }
        everybody.ears.remove(user, id);
        if everybody.ears.is_empty() {
            everybody.changes.clear();
            everybody.arrivals.clear();
        }
        telemetry::stream_closed(everybody.users.len(), everybody.devices);
        self.changed(everybody, user, was);
        self.store.touch(user, device, self.clock.now());
    }

    /// Ends the sessions of a device that was logged out.
    pub fn revoke(&self, user: UserId, device: DeviceId) {
        let mut everybody = self.everybody();
        everybody.revoked.note(device, Instant::now());
        if let Some(live) = everybody.users.get(&user) {
            let ended = live.sessions.values().filter(|(owner, _)| *owner == device);
            ended.for_each(|(_, signals)| signals.revoked.cancel());
        }
    }

    /// Whether a device was logged out a short while ago.
    pub fn has_ended(&self, device: DeviceId) -> bool {
        self.everybody().revoked.devices.contains(&device)
    }

    /// Notes how a user can be reached at a device, until its last stream ends. Answers how the user can be reached; `None`
    /// if the device has no stream.
    pub fn say(&self, user: UserId, device: DeviceId, presence: Presence) -> Option<Presence> {
        let mut everybody = self.everybody();
        let was = everybody.presence(user);
        if !everybody.users.get(&user)?.has(device) {
            return None;
        }
        match presence {
            Presence::Online => everybody.said.remove(&device),
            other => everybody.said.insert(device, other),
        };
        let now = everybody.presence(user);
        self.changed(everybody, user, was);
        Some(now)
    }

    /// How a user can be reached.
    pub fn presence(&self, user: UserId) -> Presence {
        self.everybody().presence(user)
    }

    /// How everybody who is not offline can be reached.
    pub fn presences(&self) -> HashMap<UserId, Presence> {
        let everybody = self.everybody();
        let users = everybody.users.keys().copied();
        users.map(|user| (user, everybody.presence(user))).collect()
    }

    /// How many streams each device of a user has open; those with none are left out.
    pub fn streams(&self, user: UserId) -> HashMap<DeviceId, usize> {
        let everybody = self.everybody();
        let live = everybody.users.get(&user).into_iter();
        let mut streams = HashMap::new();
        for (device, _) in live.flat_map(|live| live.sessions.values()) {
            *streams.entry(*device).or_default() += 1;
        }
        streams
    }

    /// The devices of a user that have an open stream.
    pub fn streaming(&self, user: UserId) -> HashSet<DeviceId> {
        self.streams(user).into_keys().collect()
    }

    /// Tells every session that the server stops; new ones learn it at once.
    pub fn drain(&self) {
        self.draining.cancel();
    }

    /// Resolves when the server begins to stop.
    pub const fn draining(&self) -> &CancellationToken {
        &self.draining
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::{
        domain::clock::{ManualClock, TimeMs},
        pb::Welcome,
        store::{AuthMode, ReplayFrom, memory::MemoryStore},
    };

    #[test]
    fn what_has_ended_is_remembered_for_a_while() {
        let (mut revoked, began) = (Revoked::default(), Instant::now());
        let device = DeviceId::new;
        revoked.note(device(1), began);
        // However many there are in between.
        for number in 2..10_000 {
            revoked.note(device(number), began + REVOKED_KEPT);
        }
        assert!(revoked.devices.contains(&device(1)));
        let later = began + REVOKED_KEPT + Duration::from_millis(1);
        revoked.note(device(10_000), later);
        assert!(!revoked.devices.contains(&device(1)) && revoked.devices.contains(&device(2)));
        revoked.note(device(10_001), later + REVOKED_KEPT + REVOKED_KEPT);
        assert_eq!((revoked.devices.len(), revoked.since.len()), (1, 1));
    }

    /// How a device opens a stream that never acknowledged anything.
    fn opening() -> Opening {
        Opening {
            welcome: Welcome::default(),
            reset: None,
            from: ReplayFrom::Unread,
            backlog_max: None,
            ephemeral: false,
            leaving: CancellationToken::new(),
            expires: None,
        }
    }

    #[tokio::test]
    async fn sixteen_commits_wait_in_the_ring_and_with_one_more_the_store_is_read() {
        let store = Arc::new(MemoryStore::open(AuthMode::Trust, Arc::new(|_| {})));
        let hub = Hub::new(store, Arc::new(ManualClock::at(TimeMs::new(0))));
        let (user, device) = (UserId::new(1), DeviceId::new(1));
        for (commits, by_the_ring) in [(16, true), (17, false)] {
            let mut session = hub.open(user, device, opening());
            while !matches!(
                session.next().await,
                Next::Frame {
                    caught_up: true,
                    ..
                }
            ) {}
            let ring = hub.everybody().users[&user].ring.clone();
            for number in 1..=commits {
                // Only the ring has it: the store of this test is empty.
                let (last, run) = (Offset::new(number), Bytes::from_static(b"an event"));
                let runs = Arc::from([run]);
                ring.send(Item::Events { last, runs }).unwrap();
            }
            let mut came = 0;
            while let Some(Next::Frame { runs, .. }) = session.next().now_or_never() {
                came += runs.iter().map(Bytes::len).sum::<usize>();
            }
            let all = if by_the_ring {
                16 * b"an event".len()
            } else {
                0
            };
            assert_eq!(came, all, "{commits} commits");
        }
    }

    #[tokio::test]
    async fn a_session_that_opens_just_after_its_device_was_logged_out_ends_at_once() {
        let store = Arc::new(MemoryStore::open(AuthMode::Trust, Arc::new(|_| {})));
        let hub = Hub::new(store, Arc::new(ManualClock::at(TimeMs::new(0))));
        let (user, ended, other) = (UserId::new(1), DeviceId::new(1), DeviceId::new(2));
        hub.revoke(user, ended);
        let next = hub.open(user, ended, opening()).next().await;
        let revoked = Ended::Void(Void::Revoked);
        assert!(
            matches!(&next, Next::Ended(ended) if *ended == revoked),
            "{next:?}"
        );
        assert!(hub.has_ended(ended) && !hub.has_ended(other));
        let next = hub.open(user, other, opening()).next().await;
        assert!(matches!(next, Next::Frame { .. }), "{next:?}");
        assert_eq!(hub.presence(user), Presence::Offline);
    }
}
