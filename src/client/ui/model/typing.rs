//! Who types in a conversation. Each word of it holds for a while, or until a message of that user comes. Time is given.

use std::collections::BTreeMap;

use crate::{client::app::untrusted::Untrusted, domain::clock::TimeMs};

/// How long it holds that somebody types: the contract of the schema.
const HOLDS_MS: i64 = 6_000;
/// People that are shown typing at once.
const PEOPLE_MAX: usize = 100;

/// See the head of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Typing(BTreeMap<Untrusted, TimeMs>);

impl Typing {
    /// Takes in that somebody types, or stopped.
    pub fn set(&mut self, user: &Untrusted, is_typing: bool, now: TimeMs) {
        self.expire(now);
        if !is_typing {
            self.0.remove(user);
        } else if self.0.contains_key(user) || self.0.len() < PEOPLE_MAX {
            let end = now.milliseconds().saturating_add(HOLDS_MS);
            self.0.insert(user.clone(), TimeMs::new(end));
        }
    }

    /// Forgets those whose time is over; returns whether there was any.
    pub fn expire(&mut self, now: TimeMs) -> bool {
        let before = self.0.len();
        self.0.retain(|_, end| *end > now);
        self.0.len() != before
    }

    /// Who types.
    pub fn users(&self, now: TimeMs) -> impl Iterator<Item = &Untrusted> {
        let now = self.0.iter().filter(move |(_, end)| **end > now);
        now.map(|(user, _)| user)
    }

    /// When the next one ends.
    pub fn next_end(&self) -> Option<TimeMs> {
        self.0.values().min().copied()
    }

    /// Forgets all, as when the link is lost.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_ends_by_itself_or_when_it_is_said() {
        let at = TimeMs::new;
        let mut typing = Typing::default();
        typing.set(&"bob".into(), true, at(0));
        typing.set(&"carol".into(), true, at(3_000));
        assert_eq!(typing.users(at(5_999)).count(), 2);
        assert_eq!(typing.users(at(6_000)).count(), 1);
        assert_eq!(typing.next_end(), Some(at(6_000)));
        assert!(typing.expire(at(6_000)) && !typing.expire(at(6_000)));
        typing.set(&"carol".into(), false, at(6_001));
        assert_eq!(typing.next_end(), None);
        for number in 0..1_000 {
            typing.set(&format!("u{number}").into(), true, at(i64::MAX));
        }
        assert!(typing.0.len() <= PEOPLE_MAX);
    }
}
