//! Ears: how a session hears what is never stored, who types and how others can be reached.
//!
//! Only a session that asked for it has an ear, beside its user's ring and not in it: a flood here makes nobody miss a
//! commit, and who did not ask pays nothing. An ear is open while its session is live. What does not fit is dropped: of
//! those who type the oldest news, since it holds for seconds; of presence all that waits, and the session asks anew.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use futures_util::task::AtomicWaker;

use super::Hub;
use crate::{
    convert::event,
    domain::{
        event::Ephemeral,
        ids::{ConversationId, UserId},
        limits::FRAME_BYTES_MAX,
        user::UserRef,
    },
};

/// News of who types that may wait for a device that does not read, some 100 bytes each. It is passed on to a device that
/// reads within milliseconds, so more would only be older.
const TYPINGS_WAITING_MAX: usize = 64;
/// How long it holds that somebody types: what has waited longer says nothing.
const TYPING_HOLDS: Duration = Duration::from_secs(6);
/// Bytes of presence that may wait. A beat brings at most 12 KiB, so whoever has so much has not read for seconds.
const PRESENCE_WAITING_MAX: usize = FRAME_BYTES_MAX;

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
    /// Each with the time at which it came.
    typings: VecDeque<(Instant, Bytes)>,
    presences: VecDeque<Bytes>,
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
                typings: VecDeque::new(),
                presences: VecDeque::new(),
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

    /// Says who of the fellows is not offline, to a session that asked.
    pub fn hear_all(&self, runs: &[Bytes]) {
        let mut heard = self.heard();
        if !heard.open || heard.knows != Knows::Asked {
            return;
        }
        heard.knows = Knows::All;
        heard.presences.extend(runs.iter().cloned());
        drop(heard);
        self.waker.wake();
    }

    /// Whether the session waits for the presence of its fellows.
    fn asks(&self) -> bool {
        let heard = self.heard();
        heard.open && heard.knows == Knows::Asked
    }

    /// Ready when there is something to take.
    pub fn poll(&self, context: &mut Context<'_>) -> Poll<()> {
        // Before the look, so that nothing that comes after it is missed.
        self.waker.register(context.waker());
        let heard = self.heard();
        let asks = heard.open && heard.knows == Knows::Nothing;
        match asks || !heard.typings.is_empty() || !heard.presences.is_empty() {
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
            taken.asks = true;
        }
        taken
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
            if self.of(user).any(|ear| ear.asks()) {
                return Some(user);
            }
        }
        None
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
mod tests {
    use futures_util::{FutureExt as _, future::poll_fn};

    use super::*;

    fn ready(ear: &Ear) -> bool {
        poll_fn(|context| ear.poll(context))
            .now_or_never()
            .is_some()
    }

    #[test]
    fn an_ear_hears_only_while_it_is_open_and_changes_only_after_all() {
        let (ear, now) = (Ear::new(), Instant::now());
        let (typing, run) = (Bytes::from_static(b"typing"), Bytes::from_static(b"run"));
        ear.hear_typing(typing.clone(), now);
        ear.hear_all(std::slice::from_ref(&run));
        assert!(!ready(&ear) && !ear.asks());
        ear.open();
        assert!(ready(&ear));
        let taken = ear.take(1_000, now);
        assert!(taken.asks && taken.runs.is_empty() && ear.asks() && !ready(&ear));
        ear.hear_changes(run.clone());
        assert!(!ready(&ear), "what changed is part of what it will be told");
        ear.hear_typing(typing.clone(), now);
        ear.hear_all(std::slice::from_ref(&run));
        ear.hear_all(std::slice::from_ref(&run));
        ear.hear_changes(run.clone());
        let taken = ear.take(1_000, now);
        assert_eq!(taken.runs, [run.clone(), run.clone(), typing.clone()]);
        assert!(!taken.asks && !ready(&ear));
        // What does not fit waits.
        ear.hear_changes(run.clone());
        ear.hear_typing(typing.clone(), now);
        assert_eq!(ear.take(8, now).runs, [run]);
        assert!(ready(&ear));
        ear.close();
        assert!(!ready(&ear) && ear.take(1_000, now).runs.is_empty());
        ear.open();
        assert!(ear.take(1_000, now).asks, "whoever lagged asks anew");
    }

    #[test]
    fn what_is_not_taken_is_bounded_and_grows_old() {
        let (ear, now) = (Ear::new(), Instant::now());
        ear.open();
        assert!(ear.take(0, now).asks);
        ear.hear_all(&[]);
        for number in 0..=u8::MAX {
            ear.hear_typing(Bytes::from(vec![number]), now);
        }
        let runs = ear.take(1_000, now).runs;
        let due: Vec<Bytes> = (192..=u8::MAX).map(|it| Bytes::from(vec![it])).collect();
        assert_eq!(runs, due, "the newest 64");
        ear.hear_typing(Bytes::from_static(b"old"), now);
        ear.hear_typing(Bytes::from_static(b"new"), now + TYPING_HOLDS / 2);
        assert_eq!(ear.take(1_000, now + TYPING_HOLDS).runs, ["new"]);

        let run = Bytes::from(vec![7; PRESENCE_WAITING_MAX / 4]);
        (0..4).for_each(|_| ear.hear_changes(run.clone()));
        assert!(!ear.asks() && ready(&ear));
        ear.hear_changes(run.clone());
        let taken = ear.take(FRAME_BYTES_MAX, now);
        assert!(taken.asks && taken.runs.is_empty(), "it begins anew");
    }

    #[test]
    fn each_user_asks_once_and_those_who_went_are_passed_over() {
        let mut ears = Ears::default();
        let [ann, bob, eve] = [1, 2, 3].map(UserId::new);
        let open = |ears: &mut Ears, user, session| {
            let ear = ears.add(user, session);
            ear.open();
            assert!(ear.take(0, Instant::now()).asks);
            ears.ask(user);
        };
        open(&mut ears, ann, 1);
        open(&mut ears, ann, 2);
        open(&mut ears, bob, 3);
        open(&mut ears, eve, 4);
        ears.remove(bob, 3);
        assert!(ears.any_asks() && !ears.is_empty());
        assert_eq!(ears.among(&[eve, bob, ann]), [eve, ann]);
        assert_eq!(ears.of(ann).count(), 2);
        assert_eq!(
            [ears.next_asking(), ears.next_asking()],
            [Some(ann), Some(eve)]
        );
        assert_eq!((ears.next_asking(), ears.any_asks()), (None, false));
        for (user, session) in [(ann, 1), (ann, 2), (eve, 4), (eve, 5)] {
            ears.remove(user, session);
        }
        assert!(ears.is_empty());
    }
}
