//! How users can be reached, and who is told of it.
//!
//! What a device says of itself lives as long as it has a stream; the presence of a user is folded over its devices. A
//! change is told a beat later, if it still is one: a device that comes back within a beat is no news. Everybody who was
//! told all (`Ear::hear_all`) has been told the same since: what each user was last told to be, and of changes that were
//! not told yet the old state. Two between whom there is a block are no fellows: it is told at once when they part or
//! meet, and what a beat has read before is not told after. Whoever is new in a conversation is told of those in it, and
//! they of him, with the beats that follow.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use tokio::time::sleep;
use tracing::debug;

use super::{Everybody, Hub, Live};
use crate::{
    convert::event,
    domain::{
        commit::Commit,
        event::{Ephemeral, EventBody, MemberChange, MemberChanged},
        ids::{DeviceId, Seq, UserId},
        limits::{EPHEMERAL_MEMBERS_MAX, FRAME_BYTES_MAX},
        user::Presence,
    },
};

/// Changes are told once in this time, and are at least as old.
const BEAT: Duration = Duration::from_secs(1);
/// Users whose change is told in one beat, and users whose sessions are told all: for each the store is read once.
pub(super) const USERS_PER_BEAT_MAX: usize = 256;
/// Times that a change is told in one beat, at most 32 bytes each: together they are 2 MiB. The last user of a beat can add
/// as many as it has fellows.
const TELLS_PER_BEAT_MAX: usize = 65_536;
/// Fellows of whom a session is told when it asks: at most 128 KiB, less than a page of a replay. Of those past it, it
/// hears when they change.
pub(super) const FELLOWS_TOLD_MAX: usize = 4_096;

/// What devices with a stream say of themselves; those that are not here are online.
pub(super) type Said = HashMap<DeviceId, Presence>;

/// Those who have parted since the beat that is under way began, each pair with the lower id first; `None`: none is. A
/// block is a commit, and a beat takes a second at the worst, so they are some thousands.
pub(super) type Parted = Option<HashSet<(UserId, UserId)>>;

const fn pair(a: UserId, b: UserId) -> (UserId, UserId) {
    match a.number() < b.number() {
        true => (a, b),
        false => (b, a),
    }
}

/// Not to be disturbed at one device is so at all; and at any other, who is at one is reached.
const fn weight(presence: Presence) -> u8 {
    match presence {
        Presence::DoNotDisturb => 3,
        Presence::Online => 2,
        Presence::Away => 1,
        Presence::Offline => 0,
    }
}

/// The presence of a user with these streams.
fn fold(live: &Live, said: &Said) -> Presence {
    if said.is_empty() {
        return Presence::Online;
    }
    let devices = live.sessions.values().map(|(device, _)| device);
    let presences = devices.map(|device| said.get(device).copied().unwrap_or(Presence::Online));
    presences
        .max_by_key(|presence| weight(*presence))
        .unwrap_or(Presence::Offline)
}

/// One whose presence is to be told.
#[derive(Clone, Copy, Debug)]
struct Change {
    /// What was last told.
    told: Presence,
    /// Its place in the order.
    place: u64,
    /// There are new fellows, who were told nothing: it is told even if it is the same.
    has_new_fellows: bool,
}

impl Change {
    /// Whether it is news that the user is this now.
    fn is_news(&self, now: Presence) -> bool {
        let to_new_fellows = self.has_new_fellows && now != Presence::Offline;
        self.told != now || to_new_fellows
    }
}

/// Those whose presence is not what was last told to all fellows. There are at most as many as there are users, at some
/// 60 bytes each.
#[derive(Debug, Default)]
pub(super) struct Changes {
    users: HashMap<UserId, Change>,
    /// In the order in which they changed.
    order: BTreeMap<u64, UserId>,
    next_place: u64,
    /// Those before this place have changed a beat ago or more.
    ripe: u64,
}

impl Changes {
    /// Notes a change.
    pub fn note(&mut self, user: UserId, was: Presence, now: Presence) {
        match self.users.get(&user) {
            Some(change) if change.told != now || change.has_new_fellows => {}
            Some(_) => self.remove(user),
            None => self.insert(user, was, false),
        }
    }

    /// Notes that a user has new fellows, who are to be told how it can be reached.
    fn note_new_fellows(&mut self, user: UserId, now: Presence) {
        match self.users.get_mut(&user) {
            Some(change) => change.has_new_fellows = true,
            None => self.insert(user, now, true),
        }
    }

    fn insert(&mut self, user: UserId, told: Presence, has_new_fellows: bool) {
        let place = self.next_place;
        let change = Change {
            told,
            place,
            has_new_fellows,
        };
        self.users.insert(user, change);
        self.order.insert(place, user);
        self.next_place += 1;
    }

    fn remove(&mut self, user: UserId) {
        if let Some(change) = self.users.remove(&user) {
            self.order.remove(&change.place);
        }
    }

    /// What was last told of a user who is this now.
    pub fn told(&self, user: UserId, now: Presence) -> Presence {
        self.users.get(&user).map_or(now, |change| change.told)
    }

    /// Takes the next user of whom there is something to tell.
    fn take(&mut self) -> Option<(UserId, Change)> {
        let (place, user) = self.order.first_key_value()?;
        let user = (*place < self.ripe).then_some(*user)?;
        let change = self.users.get(&user).copied()?;
        self.remove(user);
        Some((user, change))
    }

    /// Puts back what could not be told.
    fn put_back(&mut self, user: UserId, change: Change, now: Presence) {
        let has_new_fellows =
            change.has_new_fellows || self.users.get(&user).is_some_and(|new| new.has_new_fellows);
        self.remove(user);
        if change.told != now || has_new_fellows {
            self.insert(user, change.told, has_new_fellows);
        }
    }

    /// A beat is over: what has changed so far may be told with the next.
    pub(super) fn ripen(&mut self) {
        self.ripe = self.next_place;
    }

    /// Forgets all: nobody is there who was told anything.
    pub fn clear(&mut self) {
        self.users.clear();
        self.order.clear();
    }
}

impl Everybody {
    /// How a user can be reached.
    pub(super) fn presence(&self, user: UserId) -> Presence {
        let live = self.users.get(&user);
        live.map_or(Presence::Offline, |live| fold(live, &self.said))
    }

    /// Notes that a user was so before what was just done. True: somebody is to be told.
    pub(super) fn note(&mut self, user: UserId, was: Presence) -> bool {
        let now = self.presence(user);
        if now == was || self.ears.is_empty() {
            return false;
        }
        self.changes.note(user, was, now);
        true
    }

    pub(super) fn has_news(&self) -> bool {
        let changes = !self.changes.order.is_empty();
        changes || self.ears.any_asks() || self.arrivals.has_news()
    }

    /// Whether two have parted while this beat was under way.
    pub(super) fn have_parted(&self, a: UserId, b: UserId) -> bool {
        let parted = self.parted.as_ref();
        parted.is_some_and(|parted| parted.contains(&pair(a, b)))
    }

    /// What was last told of a user.
    fn told(&self, user: UserId) -> Presence {
        self.changes.told(user, self.presence(user))
    }

    /// What was last told of these fellows, first of those who are not offline. The others are told only to sessions that were
    /// told before (`again`: there are such).
    pub(super) fn told_of(&self, fellows: Vec<UserId>, again: bool) -> [Vec<Ephemeral>; 2] {
        let (mut here, mut offline) = (Vec::new(), Vec::new());
        for user in fellows {
            let told = self.told(user);
            let (list, wanted) = match told {
                Presence::Offline => (&mut offline, again),
                _ => (&mut here, true),
            };
            if wanted && list.len() < FELLOWS_TOLD_MAX {
                list.push(Ephemeral::Presence(user, told));
            }
        }
        offline.truncate(FELLOWS_TOLD_MAX - here.len());
        [here, offline]
    }

    /// Tells a user how another can be reached: offline, if the two have parted.
    fn tell_one(&self, listener: UserId, user: UserId, presence: Presence) {
        let mut told = BytesMut::new();
        event::put_ephemeral(&Ephemeral::Presence(user, presence), &mut told);
        let told = told.freeze();
        let have_parted = presence == Presence::Offline;
        let ears = self.ears.of(listener);
        ears.for_each(|ear| ear.hear_one(user, told.clone(), have_parted));
    }
}

impl Hub {
    /// Tells, beat by beat, how users can be reached and what has arrived at them, until the server begins to stop: then
    /// all go, and it is no news.
    pub async fn tell_presence(self: Arc<Self>) {
        let telling = async {
            loop {
                self.news.notified().await;
                // What woke it is told after one beat, not two.
                self.everybody().changes.ripen();
                while self.everybody().has_news() {
                    sleep(BEAT).await;
                    self.beat().await;
                }
            }
        };
        self.draining.run_until_cancelled(telling).await;
    }

    /// Notes who has new fellows by a commit. They are told of each other as the store says, which knows who blocks whom.
    pub(super) fn note_new_fellows(&self, commit: &Commit) {
        let (mut new, mut asking): (Vec<UserId>, Vec<UserId>) = Default::default();
        for committed in &commit.events {
            match &committed.event.body {
                // The first message to somebody: each is told to the other.
                EventBody::Message(message)
                    if message.seq == Seq::new(1) && committed.readers.len() == 2 =>
                {
                    new.extend(committed.readers.iter());
                }
                EventBody::MemberChanged(MemberChanged {
                    change: MemberChange::Added(_) | MemberChange::Joined(_),
                    user,
                    members_count,
                    ..
                }) if *members_count <= EPHEMERAL_MEMBERS_MAX as u64 => {
                    new.push(user.id);
                    asking.push(user.id);
                }
                _ => {}
            }
        }
        if new.is_empty() {
            return;
        }
        let mut everybody = self.everybody();
        if everybody.ears.is_empty() {
            return;
        }
        for user in new {
            let now = everybody.presence(user);
            if now != Presence::Offline {
                everybody.changes.note_new_fellows(user, now);
            }
        }
        for user in asking {
            everybody.ears.of(user).for_each(|ear| ear.ask_anew());
        }
        drop(everybody);
        self.news.notify_one();
    }

    /// Notes that a session of a user asks for the presence of its fellows.
    pub(super) fn ask(&self, user: UserId) {
        self.everybody().ears.ask(user);
        self.news.notify_one();
    }

    /// Tells each of two that the other is offline: there is a block between them, so they are no fellows any more.
    pub fn part(&self, a: UserId, b: UserId) {
        let mut everybody = self.everybody();
        if let Some(parted) = &mut everybody.parted {
            parted.insert(pair(a, b));
        }
        for (listener, other) in [(a, b), (b, a)] {
            everybody.tell_one(listener, other, Presence::Offline);
        }
    }

    /// Tells each of two how the other can be reached, if it is not offline: they are fellows again.
    pub fn meet(&self, a: UserId, b: UserId) {
        let mut everybody = self.everybody();
        if let Some(parted) = &mut everybody.parted {
            parted.remove(&pair(a, b));
        }
        for (listener, other) in [(a, b), (b, a)] {
            let told = everybody.told(other);
            if told != Presence::Offline {
                everybody.tell_one(listener, other, told);
            }
        }
    }

    pub(super) async fn beat(&self) {
        self.everybody().parted = Some(HashSet::new());
        self.tell_changes().await;
        self.tell_all().await;
        self.tell_delivered().await;
        let mut everybody = self.everybody();
        everybody.parted = None;
        everybody.changes.ripen();
    }

    /// Tells fellows what has changed: each who listens gets one run.
    pub(super) async fn tell_changes(&self) {
        let mut changes = Vec::new();
        let mut listeners: HashMap<UserId, Vec<usize>> = HashMap::new();
        let mut tells = 0;
        while changes.len() < USERS_PER_BEAT_MAX && tells < TELLS_PER_BEAT_MAX {
            let taken = {
                let mut everybody = self.everybody();
                let taken = everybody.changes.take();
                taken.map(|(user, change)| (user, change, everybody.presence(user)))
            };
            let Some((user, change, now)) = taken else {
                break;
            };
            if !change.is_news(now) {
                continue;
            }
            let fellows = match self.store.fellows(user, EPHEMERAL_MEMBERS_MAX).await {
                Ok(fellows) => self.everybody().ears.among(&fellows),
                Err(error) => {
                    debug!(%error, "a change of presence is told later");
                    let mut everybody = self.everybody();
                    let now = everybody.presence(user);
                    everybody.changes.put_back(user, change, now);
                    break;
                }
            };
            tells += fellows.len();
            for fellow in fellows {
                listeners.entry(fellow).or_default().push(changes.len());
            }
            let mut event = BytesMut::new();
            event::put_ephemeral(&Ephemeral::Presence(user, now), &mut event);
            changes.push((user, event.freeze()));
        }
        for (listener, told) in listeners {
            let mut run = BytesMut::new();
            let everybody = self.everybody();
            let told = told.into_iter().map(|change| &changes[change]);
            told.filter(|(user, _)| !everybody.have_parted(*user, listener))
                .for_each(|(_, change)| run.extend_from_slice(change));
            if run.is_empty() {
                continue;
            }
            let run = run.freeze();
            let ears = everybody.ears.of(listener);
            ears.for_each(|ear| ear.hear_changes(run.clone()));
        }
    }

    /// Tells sessions that have become live who of their fellows is not offline; and those that were told before, who is.
    async fn tell_all(&self) {
        for _ in 0..USERS_PER_BEAT_MAX {
            let asking = {
                let mut everybody = self.everybody();
                let user = everybody.ears.next_asking();
                user.map(|user| (user, everybody.ears.asking(user)))
            };
            let Some((user, ears)) = asking else {
                return;
            };
            let again = ears.iter().any(|(_, ask)| ask.again);
            let fellows = match self.store.fellows(user, EPHEMERAL_MEMBERS_MAX).await {
                Ok(fellows) => fellows,
                Err(error) => {
                    debug!(%error, "presence is told later");
                    return self.everybody().ears.ask(user);
                }
            };
            let told = self.everybody().told_of(fellows, again);
            let [here, offline] = told.map(|told| runs(&told));
            // No change was told in between: only this task tells them. And whoever has parted or met since asks anew.
            for (ear, ask) in ears {
                ear.hear_all(ask, &here, &offline);
            }
        }
    }
}

/// Events as runs of at most a frame.
fn runs(events: &[Ephemeral]) -> Vec<Bytes> {
    let (mut runs, mut run) = (Vec::new(), BytesMut::new());
    for told in events {
        let start = run.len();
        event::put_ephemeral(told, &mut run);
        if run.len() > FRAME_BYTES_MAX {
            let this_one = run.split_off(start);
            runs.push(std::mem::replace(&mut run, this_one).freeze());
        }
    }
    if !run.is_empty() {
        runs.push(run.freeze());
    }
    runs
}
