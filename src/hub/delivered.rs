//! How far messages have arrived at users, and who is told of it.
//!
//! Devices acknowledge often, and a user has several: others are told once in a beat what is new since they were told
//! last. Nothing of it is stored: what has arrived stands in the store with the cursors of the devices, and whoever is not
//! told asks for it. The place up to where others were told is kept for as long as the user has a session and anybody has
//! an ear; else it is read, before the store is given the acknowledgement.

use std::collections::{HashMap, VecDeque};

use tracing::debug;

use super::{Hub, presence::USERS_PER_BEAT_MAX};
use crate::domain::{
    conversation::Delivered,
    ids::{Offset, UserId},
};

/// Times that it is told in one beat, some hundred nanoseconds each. The last user of a beat can add as many as stand in
/// 100 small conversations.
const TELLS_PER_BEAT_MAX: usize = 65_536;
/// Users without a session who are remembered until it is told, beside as many as there are users with one: those who
/// acknowledge by single calls, some 80 bytes each, and a minute's work. Of one past it nothing is told.
const SESSIONLESS_MAX: usize = 16 * 1024;

/// How far messages have arrived at one user.
#[derive(Clone, Copy, Debug)]
struct Arrival {
    /// Others were told up to here.
    told: Offset,
    /// A device has acknowledged up to here.
    now: Offset,
    /// The user stands among those who wait.
    waits: bool,
}

/// How far messages have arrived.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    users: HashMap<UserId, Arrival>,
    /// Those of whom there is something to tell, the first first. Each stands here once.
    waiting: VecDeque<UserId>,
}

impl Arrivals {
    /// Whether there is something to tell.
    pub fn has_news(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether there is room for one more, beside so many users with a session.
    fn has_room(&self, live: usize) -> bool {
        self.users.len() < live + SESSIONLESS_MAX
    }

    /// Notes what has arrived at a user; `told` counts if the user is not known. True: it is something to tell.
    fn note(&mut self, user: UserId, told: Offset, to: Offset) -> bool {
        let arrival = self.users.entry(user).or_insert(Arrival {
            told,
            now: told,
            waits: false,
        });
        arrival.now = to.max(arrival.now);
        if arrival.waits || arrival.now <= arrival.told {
            return false;
        }
        arrival.waits = true;
        self.waiting.push_back(user);
        true
    }

    /// Takes the first who waits: the user, up to where others were told, and up to where they are to be told.
    fn take(&mut self) -> Option<(UserId, Offset, Offset)> {
        let user = self.waiting.pop_front()?;
        let arrival = self.users.get_mut(&user)?;
        arrival.waits = false;
        Some((user, arrival.told, arrival.now))
    }

    /// Notes that others were told.
    fn told(&mut self, user: UserId, to: Offset) {
        if let Some(arrival) = self.users.get_mut(&user) {
            arrival.told = to.max(arrival.told);
        }
    }

    /// Forgets a user without a session, if there is nothing to tell.
    pub fn forget(&mut self, user: UserId) {
        if self.users.get(&user).is_some_and(|it| !it.waits) {
            self.users.remove(&user);
        }
    }

    /// Forgets all: nobody is there who was told anything.
    pub fn clear(&mut self) {
        self.users.clear();
        self.waiting.clear();
    }
}

impl Hub {
    /// Up to where others were told that messages have arrived at a user: to be asked before an acknowledgement of the user
    /// is given to the store, and given with it to `note_delivered`. Of one who is known it is answered at once. `None`:
    /// there is nobody to tell, or too much.
    pub async fn delivered_to(&self, user: UserId) -> Option<Offset> {
        {
            let everybody = self.everybody();
            let arrivals = &everybody.arrivals;
            if everybody.ears.is_empty() {
                return None;
            }
            if let Some(arrival) = arrivals.users.get(&user) {
                return Some(arrival.told);
            }
            if !arrivals.has_room(everybody.users.len()) {
                return None;
            }
        }
        let told = self.store.delivered_to(user).await;
        told.inspect_err(|error| debug!(%error, "of what has arrived nothing is told"))
            .ok()
    }

    /// Notes that a device of a user has acknowledged.
    pub fn note_delivered(&self, user: UserId, told: Offset, to: Offset) {
        let mut everybody = self.everybody();
        let everybody = &mut *everybody;
        let arrivals = &mut everybody.arrivals;
        let known = arrivals.users.contains_key(&user) || arrivals.has_room(everybody.users.len());
        if everybody.ears.is_empty() || !known {
            return;
        }
        let news = arrivals.note(user, told, to);
        if !everybody.users.contains_key(&user) {
            arrivals.forget(user);
        }
        if news {
            self.news.notify_one();
        }
    }

    /// Tells what has arrived.
    pub(super) async fn tell_delivered(&self) {
        // Who acknowledges again meanwhile is told with the next beat.
        let waiting = self.everybody().arrivals.waiting.len();
        let mut tells = 0;
        // For each the store is read once, as for a change of presence.
        for _ in 0..waiting.min(USERS_PER_BEAT_MAX) {
            if tells >= TELLS_PER_BEAT_MAX {
                return;
            }
            let taken = self.everybody().arrivals.take();
            let Some((user, told, now)) = taken else {
                return;
            };
            match self.store.delivered_between(user, told, now).await {
                Ok(all) => {
                    tells += all
                        .iter()
                        .map(|one| self.tell_arrival(user, one))
                        .sum::<usize>();
                    let mut everybody = self.everybody();
                    everybody.arrivals.told(user, now);
                    if !everybody.users.contains_key(&user) {
                        everybody.arrivals.forget(user);
                    }
                }
                Err(error) => {
                    debug!(%error, "what has arrived is told later");
                    let mut everybody = self.everybody();
                    if !everybody.ears.is_empty() {
                        everybody.arrivals.note(user, told, now);
                    }
                    return;
                }
            }
        }
    }

    /// Tells the others of a conversation. Answers how often that was.
    pub(super) fn tell_arrival(&self, user: UserId, arrived: &Delivered) -> usize {
        let everybody = self.everybody();
        let others = arrived.others.iter().copied();
        let others = others.filter(|other| !everybody.have_parted(user, *other));
        let ears = others.flat_map(|other| everybody.ears.of(other));
        ears.inspect(|ear| ear.hear_arrival(arrived.conversation, user, arrived.seq))
            .count()
    }
}

#[cfg(test)]
impl Arrivals {
    /// How many users are remembered.
    pub fn len(&self) -> usize {
        self.users.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arrival_is_taken_once_and_merged_by_the_highest() {
        let mut arrivals = Arrivals::default();
        let ([ann, bob], at) = ([1, 2].map(UserId::new), Offset::new);
        assert!(!arrivals.note(ann, at(5), at(5)), "told already");
        assert!(!arrivals.note(ann, at(0), at(4)) && !arrivals.has_news());
        assert!(arrivals.note(ann, at(0), at(9)) && !arrivals.note(ann, at(0), at(7)));
        assert!(arrivals.note(bob, at(1), at(2)) && arrivals.has_news());
        assert_eq!(arrivals.take(), Some((ann, at(5), at(9))));
        // While it is told, one more comes: it waits behind the other.
        assert!(arrivals.note(ann, at(0), at(11)));
        arrivals.told(ann, at(9));
        assert_eq!(arrivals.take(), Some((bob, at(1), at(2))));
        assert_eq!(arrivals.take(), Some((ann, at(9), at(11))));
        // It was not told, and is put back.
        assert!(arrivals.note(ann, at(9), at(11)));
        assert_eq!(arrivals.take(), Some((ann, at(9), at(11))));
        arrivals.told(ann, at(11));
        assert_eq!((arrivals.take(), arrivals.has_news()), (None, false));
    }

    #[test]
    fn those_without_a_session_are_so_many_and_not_more() {
        let mut arrivals = Arrivals::default();
        for user in 0..SESSIONLESS_MAX as u64 {
            assert!(arrivals.has_room(0));
            arrivals.note(UserId::new(user), Offset::ZERO, Offset::new(1));
        }
        assert!(!arrivals.has_room(0) && arrivals.has_room(1));
        let (first, _, _) = arrivals.take().unwrap();
        arrivals.forget(first);
        assert!(arrivals.has_room(0));
        arrivals.forget(UserId::new(1));
        assert_eq!(arrivals.len(), SESSIONLESS_MAX - 1, "it is not told yet");
        arrivals.clear();
        assert_eq!((arrivals.len(), arrivals.has_news()), (0, false));
    }
}
