//! What is said for this moment alone: that somebody types, and how somebody can be reached.
//!
//! Who types must be a member at that moment: the store is asked each time, as often as the rate allows. Nobody hears
//! more often of a typist than is of use.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{Engine, Error, SendRates};
use crate::{
    auth::Principal,
    domain::{
        ids::{ConversationId, UserId},
        limits::{EPHEMERAL_MEMBERS_MAX, SendRate},
        scope::Scope,
        user::Presence,
    },
};

/// How fast a user may say that it types, or no longer: in several conversations at once, and far faster than people do.
const TYPING_RATE: SendRate = SendRate {
    per_second: 10,
    burst: 20,
};
/// How long it is told to nobody again that a user types.
const TYPING_REPEATED: Duration = Duration::from_secs(3);
/// How long it holds for those who were told: so long it is worth telling that it ended.
const TYPING_HOLDS: Duration = Duration::from_secs(6);
/// Times of the last `TYPING_HOLDS` that are remembered, some 100 bytes each: 1.6 MiB. Whoever types all the time takes two of
/// them, so this is for 8,000 who type at one moment; past it nobody is told.
const TYPINGS_KEPT_MAX: usize = 16 * 1024;

/// One user in one conversation.
type Key = (UserId, ConversationId);

/// Who types.
pub(super) struct Typists {
    rates: SendRates,
    recent: Mutex<Recent>,
}

/// What was passed on of late.
#[derive(Debug, Default)]
struct Recent {
    last: HashMap<Key, Last>,
    /// By time. The memory of a key ends with its last entry.
    order: VecDeque<(Instant, Key)>,
}

/// When it was last passed on that somebody types.
#[derive(Clone, Copy, Debug)]
struct Last {
    at: Instant,
    /// It was passed on that it ended.
    stopped: bool,
}

impl Recent {
    /// Says whether something that a member says is worth passing on, and notes that it is.
    fn pass(&mut self, key: Key, typing: bool, now: Instant) -> bool {
        self.forget_old(now);
        match self.last.get_mut(&key) {
            Some(last) if typing && now.duration_since(last.at) < TYPING_REPEATED => false,
            _ if typing && self.order.len() == TYPINGS_KEPT_MAX => false,
            _ if typing => {
                let last = Last {
                    at: now,
                    stopped: false,
                };
                self.last.insert(key, last);
                self.order.push_back((now, key));
                true
            }
            Some(last) => !std::mem::replace(&mut last.stopped, true),
            None => false,
        }
    }

    fn forget_old(&mut self, now: Instant) {
        while let Some((at, key)) = self.order.front().copied()
            && now.duration_since(at) >= TYPING_HOLDS
        {
            self.order.pop_front();
            if self.last.get(&key).is_some_and(|last| last.at == at) {
                self.last.remove(&key);
            }
        }
    }
}

impl Typists {
    /// Nobody types. `limited`: there are limits of what a user may do in a second.
    pub fn new(limited: bool) -> Self {
        Self {
            rates: SendRates::new(limited.then_some(TYPING_RATE)),
            recent: Mutex::default(),
        }
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine {
    /// Tells the other members of a conversation that the caller types there, or no longer.
    pub async fn set_typing(
        &self,
        principal: &Principal,
        id: ConversationId,
        typing: bool,
    ) -> Result<(), Error> {
        principal.may(Scope::Send)?;
        let user = principal.user.id;
        self.typists.rates.take(user).map_err(Error::RateLimited)?;
        let others = self
            .store
            .other_members(user, id, EPHEMERAL_MEMBERS_MAX)
            .await?
            .ok_or(Error::ConversationNotFound)?;
        let key = (user, id);
        let told = self.typists.recent().pass(key, typing, Instant::now());
        if told {
            let typist = principal.user.clone();
            self.hub.tell_typing(id, typist, typing, &others);
        }
        Ok(())
    }

    /// Says how the caller can be reached at its device, as long as that has a stream. Answers how the caller can be reached.
    pub fn set_presence(
        &self,
        principal: &Principal,
        presence: Presence,
    ) -> Result<Presence, Error> {
        principal.may(Scope::Read)?;
        let (user, device) = (principal.user.id, principal.device.id);
        let folded = self.hub.say(user, device, presence);
        folded.ok_or(Error::NoOpenStream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn typing_is_told_every_three_seconds_and_its_end_once_while_it_holds() {
        let (mut recent, began) = (Recent::default(), Instant::now());
        let key = (UserId::new(1), ConversationId::new(1));
        let mut pass = |typing, after| recent.pass(key, typing, began + after);
        assert!(!pass(false, Duration::ZERO), "nothing to end");
        assert!(pass(true, Duration::ZERO));
        let almost = SECOND * 3 - Duration::from_millis(1);
        assert!(!pass(true, almost));
        assert!(pass(true, SECOND * 3));
        assert!(pass(false, SECOND * 4));
        assert!(!pass(false, SECOND * 4), "told already");
        assert!(!pass(true, SECOND * 5), "told 2 s ago");
        assert!(!pass(false, SECOND * 5));
        assert!(pass(true, SECOND * 6));
        let almost = SECOND * 12 - Duration::from_millis(1);
        assert!(pass(false, almost));
        assert!(pass(true, SECOND * 20));
        assert!(!pass(false, SECOND * 26), "it has run out");
        // Elsewhere, and for another, it counts by itself.
        assert!(pass(true, SECOND * 30));
        for other in [(1, 2), (2, 1)] {
            let other = (UserId::new(other.0), ConversationId::new(other.1));
            assert!(recent.pass(other, true, began + SECOND * 30));
        }
    }

    #[test]
    fn the_memory_of_typists_is_bounded_and_ends() {
        let (mut recent, began) = (Recent::default(), Instant::now());
        let user = UserId::new(1);
        let most = u64::try_from(TYPINGS_KEPT_MAX).unwrap();
        for number in 1..=most {
            assert!(recent.pass((user, ConversationId::new(number)), true, began));
        }
        let one_more = (user, ConversationId::new(most + 1));
        assert!(!recent.pass(one_more, true, began));
        assert_eq!(recent.last.len(), TYPINGS_KEPT_MAX);
        let later = began + TYPING_HOLDS;
        assert!(recent.pass(one_more, true, later));
        assert_eq!((recent.last.len(), recent.order.len()), (1, 1));
        // One that is repeated is forgotten with its last entry.
        let again = later + TYPING_REPEATED;
        assert!(recent.pass(one_more, true, again));
        assert!(recent.pass(one_more, false, later + TYPING_HOLDS));
        recent.forget_old(again + TYPING_HOLDS);
        assert!(recent.last.is_empty() && recent.order.is_empty());
    }
}
