//! Who types in a conversation. Each word of it holds for a while, or until a message of that user comes. Time is given.

use std::collections::BTreeMap;

use crate::domain::clock::TimeMs;

use super::untrusted::Untrusted;

/// How long it holds that somebody types: the contract of the schema.
const HOLDS_MS: i64 = 6_000;
/// People that are shown typing at once, and conversations in which somebody does.
const PEOPLE_MAX: usize = 100;
const CONVERSATIONS_MAX: usize = 100;
/// The longest id of such a conversation.
const ID_BYTES_MAX: usize = 256;
/// Characters of a name, and people that are named.
const NAME_CHARS: usize = 40;
const NAMED_MAX: usize = 3;

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

/// Who types in all conversations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Everywhere(BTreeMap<String, Typing>);

impl Everywhere {
    /// Takes in that somebody types in a conversation, or stopped.
    pub fn set(&mut self, conversation: &str, user: &Untrusted, is_typing: bool, now: TimeMs) {
        self.0.retain(|_, typing| {
            typing.expire(now);
            !typing.0.is_empty()
        });
        let has_room = self.0.len() < CONVERSATIONS_MAX && conversation.len() <= ID_BYTES_MAX;
        // No name of an honest server is cut by that.
        let user = &user.clone().cut(ID_BYTES_MAX);
        match self.0.get_mut(conversation) {
            Some(typing) => typing.set(user, is_typing, now),
            None if is_typing && has_room => {
                let typing = self.0.entry(conversation.to_owned()).or_default();
                typing.set(user, true, now);
            }
            None => {}
        }
    }

    /// Who types in a conversation.
    pub fn users(&self, conversation: &str, now: TimeMs) -> impl Iterator<Item = &Untrusted> {
        let typing = self.0.get(conversation).into_iter();
        typing.flat_map(move |typing| typing.users(now))
    }

    /// Forgets all, as when the link is lost.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

/// Says who types here.
pub fn told<'a>(users: impl Iterator<Item = &'a Untrusted>) -> String {
    let users: Vec<String> = users.map(|user| user.render_start(NAME_CHARS)).collect();
    match users.as_slice() {
        [] => "Nobody is typing here.".to_owned(),
        [one] => format!("{one} is typing."),
        [first @ .., last] if users.len() <= NAMED_MAX => {
            format!("{} and {last} are typing.", first.join(", "))
        }
        many => format!("{} people are typing.", many.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_types_is_known_where_and_for_a_while() {
        let at = TimeMs::new;
        let mut typing = Everywhere::default();
        let say = |typing: &Everywhere, now| told(typing.users("c7", at(now)));
        assert_eq!(say(&typing, 0), "Nobody is typing here.");
        typing.set("c7", &"bob".into(), true, at(0));
        typing.set("c8", &"eve".into(), true, at(0));
        assert_eq!(say(&typing, 1), "bob is typing.");
        typing.set("c7", &"d\u{1b}n".into(), true, at(2));
        typing.set("c7", &"carol".into(), true, at(2));
        assert_eq!(say(&typing, 3), "bob, carol and d␛n are typing.");
        typing.set("c7", &"zoe".into(), true, at(2));
        assert_eq!(say(&typing, 3), "4 people are typing.");
        assert_eq!(say(&typing, 6_000), "carol, d␛n and zoe are typing.");
        typing.set("c7", &"zoe".into(), false, at(6_100));
        assert_eq!(say(&typing, 6_100), "Nobody is typing here.");
        assert_eq!(typing, Everywhere::default(), "nothing stays");
        let long = "x".repeat(ID_BYTES_MAX + 1);
        typing.set(&long, &"bob".into(), true, at(0));
        assert_eq!(typing, Everywhere::default(), "that is no id");
        typing.set("c7", &long.as_str().into(), true, at(0));
        let users: Vec<usize> = typing.users("c7", at(0)).map(Untrusted::len).collect();
        assert_eq!(users, [ID_BYTES_MAX]);
        for number in 0..1_000 {
            typing.set(&format!("c{number}"), &"bob".into(), true, at(0));
        }
        assert_eq!(typing.0.len(), CONVERSATIONS_MAX);
        typing.clear();
        assert_eq!(typing, Everywhere::default());
    }

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
