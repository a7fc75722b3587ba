//! Ears: how a session hears what is never stored: who types, how others can be reached, what has arrived at them.
//!
//! Only a session that asked for it has an ear, beside its user's ring and not in it: a flood here makes nobody miss a
//! commit, and who did not ask pays nothing. An ear is open while its session is live. What does not fit is dropped: of
//! those who type and of what has arrived the oldest news, since the one holds for seconds and the other can be asked
//! for; of presence all that waits, and the session asks anew.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use futures_util::task::AtomicWaker;

use super::{
    Hub,
    presence::{FELLOWS_TOLD_MAX, USERS_PER_BEAT_MAX},
};
use crate::{
    convert::event,
    domain::{
        event::Ephemeral,
        ids::{ConversationId, Seq, UserId},
        user::UserRef,
    },
};

/// News of who types that may wait for a device that does not read, some 100 bytes each. It is passed on to a device that
/// reads within milliseconds, so more would only be older.
const TYPINGS_WAITING_MAX: usize = 64;
/// Those who parted from a user that a session keeps in mind, to tell it again after it lagged: people block few. The oldest
/// are forgotten.
const PARTED_WAITING_MAX: usize = 64;
/// How long it holds that somebody types: what has waited longer says nothing.
const TYPING_HOLDS: Duration = Duration::from_secs(6);
/// Bytes of one change of presence, with the longest id.
const PRESENCE_BYTES_MAX: usize = 32;
/// Bytes of presence that may wait: all fellows (128 KiB) and then the changes of eight beats (8 KiB each). Whoever has
/// more has not read for seconds.
const PRESENCE_WAITING_MAX: usize =
    (FELLOWS_TOLD_MAX + 8 * USERS_PER_BEAT_MAX) * PRESENCE_BYTES_MAX;
/// News of what has arrived that may wait, 24 bytes each, and 60 as it is sent: several beats of somebody who is in many
/// conversations. Each user has one in each conversation, with the last message.
const ARRIVALS_WAITING_MAX: usize = 256;

/// What a session knows of its fellows' presence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Knows {
    /// Nothing, and it has still to ask.
    Nothing,
    /// It has asked.
    Asked,
    /// What they were last told to be: from here on changes follow.
    All,
}

/// How a session has asked for the presence of its fellows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ask {
    /// How often it has asked with this: what is meant for an older time is not for this one.
    number: u64,
    /// It was told before, and can show somebody who is offline by now.
    pub again: bool,
}

/// The ear of one session.
#[derive(Debug)]
pub(super) struct Ear {
    heard: Mutex<Heard>,
    waker: AtomicWaker,
}

#[derive(Debug)]
struct Heard {
    open: bool,
    knows: Knows,
    ask: Ask,
    /// Each with the time at which it came.
    typings: VecDeque<(Instant, Bytes)>,
    presences: VecDeque<Bytes>,
    /// Those who have parted from the user since the session was told of them, each with the event of it.
    parted: VecDeque<(UserId, Bytes)>,
    /// What has arrived, and at whom. The oldest first, even if its message is a newer one by now.
    arrivals: VecDeque<(ConversationId, UserId, Seq)>,
}

/// What a session takes out of its ear.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// Runs of encoded events.
    pub runs: Vec<Bytes>,
    /// The session has to ask for the presence of its fellows.
    pub asks: bool,
}

impl Ear {
    pub fn new() -> Self {
        Self {
            heard: Mutex::new(Heard {
                open: false,
                knows: Knows::Nothing,
                ask: Ask {
                    number: 0,
                    again: false,
                },
                typings: VecDeque::new(),
                presences: VecDeque::new(),
                parted: VecDeque::new(),
                arrivals: VecDeque::new(),
            }),
            waker: AtomicWaker::new(),
        }
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The session is live: from here on it hears.
    pub fn open(&self) {
        self.heard().open = true;
        self.waker.wake();
    }

    /// The session lags: it hears nothing until it is live again, and forgets what waits.
    pub fn close(&self) {
        let mut heard = self.heard();
        (heard.open, heard.knows) = (false, Knows::Nothing);
        heard.typings.clear();
        heard.presences.clear();
        heard.arrivals.clear();
    }

    /// Says that somebody types, or no longer.
    pub fn hear_typing(&self, event: Bytes, now: Instant) {
        let mut heard = self.heard();
        if !heard.open {
            return;
        }
        if heard.typings.len() == TYPINGS_WAITING_MAX {
            heard.typings.pop_front();
        }
        heard.typings.push_back((now, event));
        drop(heard);
        self.waker.wake();
    }

    /// Says that everything in a conversation up to a message has arrived at a user.
    pub fn hear_arrival(&self, conversation: ConversationId, user: UserId, seq: Seq) {
        let mut heard = self.heard();
        if !heard.open {
            return;
        }
        let mut waiting = heard.arrivals.iter_mut();
        match waiting.find(|(at, who, _)| (*at, *who) == (conversation, user)) {
            Some((_, _, waiting)) => *waiting = seq.max(*waiting),
            None => {
                if heard.arrivals.len() == ARRIVALS_WAITING_MAX {
                    heard.arrivals.pop_front();
                }
                heard.arrivals.push_back((conversation, user, seq));
            }
        }
        drop(heard);
        self.waker.wake();
    }

    /// Says how the presence of one has changed for this user alone. A session that has asked asks anew: what it is about
    /// to be told may have been read before this. One who has parted is no fellow of whom it will be told, so that
    /// is kept in mind for when the session lags.
    pub fn hear_one(&self, user: UserId, event: Bytes, has_parted: bool) {
        let mut heard = self.heard();
        heard.parted.retain(|(parted, _)| *parted != user);
        if has_parted && heard.ask.again {
            if heard.parted.len() == PARTED_WAITING_MAX {
                heard.parted.pop_front();
            }
            heard.parted.push_back((user, event.clone()));
        }
        if heard.knows != Knows::Asked {
            drop(heard);
            return self.hear_changes(event);
        }
        heard.knows = Knows::Nothing;
        drop(heard);
        self.waker.wake();
    }

    /// Says that the user has new fellows: a session that was told of its fellows, or asked, asks anew.
    pub fn ask_anew(&self) {
        let mut heard = self.heard();
        heard.knows = Knows::Nothing;
        drop(heard);
        self.waker.wake();
    }

    /// Says how the presence of fellows has changed.
    pub fn hear_changes(&self, run: Bytes) {
        let mut heard = self.heard();
        if !heard.open || heard.knows != Knows::All {
            return;
        }
        let waiting: usize = heard.presences.iter().map(Bytes::len).sum();
        if waiting + run.len() > PRESENCE_WAITING_MAX {
            heard.presences.clear();
            heard.knows = Knows::Nothing;
        } else {
            heard.presences.push_back(run);
        }
        drop(heard);
        self.waker.wake();
    }

    /// Says who of the fellows is not offline, to a session that asked; and who is, if it asked again.
    pub fn hear_all(&self, ask: Ask, here: &[Bytes], offline: &[Bytes]) {
        let mut heard = self.heard();
        if !heard.open || heard.knows != Knows::Asked || heard.ask.number != ask.number {
            return;
        }
        heard.knows = Knows::All;
        // First, so that of one who is a fellow again what is so now is heard last.
        let parted: Vec<Bytes> = heard
            .parted
            .iter()
            .map(|(_, event)| event.clone())
            .collect();
        heard.presences.extend(parted);
        heard.presences.extend(here.iter().cloned());
        if heard.ask.again {
            heard.presences.extend(offline.iter().cloned());
        }
        heard.ask.again = true;
        drop(heard);
        self.waker.wake();
    }

    /// How the session has asked for the presence of its fellows, if it waits for it.
    fn asks(&self) -> Option<Ask> {
        let heard = self.heard();
        (heard.open && heard.knows == Knows::Asked).then_some(heard.ask)
    }

    /// Ready when there is something to take.
    pub fn poll(&self, context: &mut Context<'_>) -> Poll<()> {
        // Before the look, so that nothing that comes after it is missed.
        self.waker.register(context.waker());
        let heard = self.heard();
        let asks = heard.open && heard.knows == Knows::Nothing;
        let waits = !heard.typings.is_empty() || !heard.presences.is_empty();
        match asks || waits || !heard.arrivals.is_empty() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }

    /// Takes what waits, as far as it fits.
    pub fn take(&self, bytes_max: usize, now: Instant) -> Taken {
        let mut heard = self.heard();
        let mut taken = Taken::default();
        let mut room = bytes_max;
        while let Some(run) = heard.presences.front()
            && run.len() <= room
        {
            room -= run.len();
            taken.runs.extend(heard.presences.pop_front());
        }
        let run = heard.take_arrivals(room);
        room -= run.len();
        taken.runs.extend((!run.is_empty()).then_some(run));
        while let Some((came, event)) = heard.typings.front() {
            let holds = now.duration_since(*came) < TYPING_HOLDS;
            if holds && event.len() > room {
                break;
            }
            let event = heard.typings.pop_front().filter(|_| holds);
            room -= event.as_ref().map_or(0, |(_, event)| event.len());
            taken.runs.extend(event.map(|(_, event)| event));
        }
        if heard.open && heard.knows == Knows::Nothing {
            heard.knows = Knows::Asked;
            heard.ask.number += 1;
            taken.asks = true;
        }
        taken
    }
}

impl Heard {
    /// Takes what has arrived, as far as it fits.
    fn take_arrivals(&mut self, bytes_max: usize) -> Bytes {
        let mut run = BytesMut::new();
        while let Some((conversation, user, seq)) = self.arrivals.front() {
            let start = run.len();
            event::put_ephemeral(&Ephemeral::Delivered(*conversation, *user, *seq), &mut run);
            if run.len() > bytes_max {
                run.truncate(start);
                break;
            }
            self.arrivals.pop_front();
        }
        run.freeze()
    }
}

/// All ears.
#[derive(Debug, Default)]
pub(super) struct Ears {
    /// Each with its session. A user has few.
    users: HashMap<UserId, Vec<(u64, Arc<Ear>)>>,
    /// Those who ask for the presence of their fellows, the first first. Each stands here once, even one who has gone.
    asking: VecDeque<UserId>,
    /// The same.
    asked: HashSet<UserId>,
}

impl Ears {
    /// Whether nobody asked to hear anything.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// Gives a session an ear.
    pub fn add(&mut self, user: UserId, session: u64) -> Arc<Ear> {
        let ear = Arc::new(Ear::new());
        let ears = self.users.entry(user).or_default();
        ears.push((session, Arc::clone(&ear)));
        ear
    }

    /// Takes the ear of a session away, if it has one.
    pub fn remove(&mut self, user: UserId, session: u64) {
        if let Some(ears) = self.users.get_mut(&user) {
            ears.retain(|(owner, _)| *owner != session);
            if ears.is_empty() {
                self.users.remove(&user);
            }
        }
    }

    /// The ears of a user.
    pub fn of(&self, user: UserId) -> impl Iterator<Item = &Arc<Ear>> {
        let ears = self.users.get(&user).into_iter().flatten();
        ears.map(|(_, ear)| ear)
    }

    /// Those of these users who have some.
    pub fn among(&self, users: &[UserId]) -> Vec<UserId> {
        let users = users.iter().copied();
        users.filter(|user| self.users.contains_key(user)).collect()
    }

    /// Notes that a session of the user asks for the presence of its fellows.
    pub fn ask(&mut self, user: UserId) {
        if self.asked.insert(user) {
            self.asking.push_back(user);
        }
    }

    /// Whether anybody asks for the presence of fellows.
    pub fn any_asks(&self) -> bool {
        !self.asking.is_empty()
    }

    /// The next user of whom a session still asks.
    pub fn next_asking(&mut self) -> Option<UserId> {
        while let Some(user) = self.asking.pop_front() {
            self.asked.remove(&user);
            if self.of(user).any(|ear| ear.asks().is_some()) {
                return Some(user);
            }
        }
        None
    }

    /// The ears of a user that ask for the presence of fellows.
    pub fn asking(&self, user: UserId) -> Vec<(Arc<Ear>, Ask)> {
        let asking = self
            .of(user)
            .filter_map(|ear| Some((Arc::clone(ear), ear.asks()?)));
        asking.collect()
    }
}

impl Hub {
    /// Says to those of these users who are here and asked for it that a user types in a conversation, or no longer.
    pub fn tell_typing(
        &self,
        conversation: ConversationId,
        user: UserRef,
        typing: bool,
        to: &[UserId],
    ) {
        let ears: Vec<Arc<Ear>> = {
            let everybody = self.everybody();
            let ears = to.iter().flat_map(|user| everybody.ears.of(*user));
            ears.cloned().collect()
        };
        if ears.is_empty() {
            return;
        }
        let mut event = BytesMut::new();
        event::put_ephemeral(&Ephemeral::Typing(conversation, user, typing), &mut event);
        let (event, now) = (event.freeze(), Instant::now());
        ears.iter()
            .for_each(|ear| ear.hear_typing(event.clone(), now));
    }
}

#[cfg(test)]
#[path = "ephemeral_tests.rs"]
mod tests;
