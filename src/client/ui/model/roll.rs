//! The lists of members that are asked for, and what events say of members meanwhile: an answer may be older than they are.
//!
//! Promises: an answer with what is told here is what the server has, once all events have come; one that may be older than
//! that is dropped and asked for anew. Bounded. Knows no lists.

use std::collections::BTreeMap;

use super::chat::ChatId;
use crate::client::app::{news::Change, untrusted::Untrusted};

/// Conversations whose members are asked for at once. Nobody opens so many while the server thinks.
const CHATS_MAX: usize = 1_000;
/// Changes that are remembered of one. A list that changes faster than it comes is asked for once more.
const CHANGES_MAX: usize = 1_000;

/// See the head of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roll {
    asked: BTreeMap<ChatId, Asked>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Asked {
    /// Answers that are to come.
    count: u32,
    /// What happened since the first was asked for, the oldest first.
    told: Vec<(Untrusted, Change)>,
    /// What happened is not all known, so the answers are dropped.
    is_void: bool,
    /// One was dropped.
    is_missing: bool,
}

/// What is to become of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is taken, and then this, which it may not have.
    Take(Vec<(Untrusted, Change)>),
    /// It is dropped.
    Drop,
    /// It is dropped, and asked for anew.
    Again,
}

impl Roll {
    /// The members of a conversation are asked for.
    pub fn ask(&mut self, chat: &ChatId) {
        if self.asked.len() < CHATS_MAX || self.asked.contains_key(chat) {
            self.asked.entry(chat.clone()).or_default().count += 1;
        }
    }

    /// Something happened to a member.
    pub fn happened(&mut self, chat: &ChatId, user: &Untrusted, change: Change) {
        if let Some(asked) = self.asked.get_mut(chat) {
            asked.is_void |= asked.told.len() >= CHANGES_MAX;
            if !asked.is_void {
                asked.told.push((user.clone(), change));
            }
        }
    }

    /// This user is no member any more, and is not told what happens.
    pub fn lost(&mut self, chat: &ChatId) {
        if let Some(asked) = self.asked.get_mut(chat) {
            asked.is_void = true;
            asked.told.clear();
        }
    }

    /// The store is another one: answers are to come of the old one.
    pub fn reset(&mut self) {
        for asked in self.asked.values_mut() {
            asked.is_void = true;
            asked.told.clear();
        }
    }

    /// The members have come, or will not.
    pub fn answered(&mut self, chat: &ChatId, is_there: bool) -> Answer {
        let Some(asked) = self.asked.get_mut(chat) else {
            return Answer::Take(Vec::new());
        };
        asked.count = asked.count.saturating_sub(1);
        asked.is_missing |= asked.is_void && is_there;
        let answer = match (asked.is_void, asked.is_missing && asked.count == 0) {
            (false, _) => Answer::Take(asked.told.clone()),
            (true, false) => Answer::Drop,
            (true, true) => Answer::Again,
        };
        if asked.count == 0 {
            self.asked.remove(chat);
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat() -> ChatId {
        ChatId::from("c1")
    }

    #[test]
    fn what_happened_since_the_question_goes_with_each_answer() {
        let mut roll = Roll::default();
        roll.happened(&chat(), &"bob".into(), Change::Left);
        roll.ask(&chat());
        roll.happened(&chat(), &"carol".into(), Change::Left);
        roll.ask(&chat());
        let told = vec![("carol".into(), Change::Left)];
        for told in [told.clone(), told, Vec::new()] {
            assert_eq!(roll.answered(&chat(), true), Answer::Take(told));
        }
        assert_eq!(roll, Roll::default());
    }

    #[test]
    fn a_list_of_an_earlier_membership_is_asked_for_anew_once_nothing_older_is_to_come() {
        let mut roll = Roll::default();
        roll.ask(&chat());
        roll.lost(&chat());
        roll.ask(&chat());
        roll.happened(&chat(), &"bob".into(), Change::Joined);
        assert_eq!(roll.answered(&chat(), true), Answer::Drop);
        assert_eq!(roll.answered(&chat(), false), Answer::Again);
        roll.ask(&chat());
        roll.reset();
        assert_eq!(roll.answered(&chat(), false), Answer::Drop);
        assert_eq!(roll, Roll::default());
    }

    #[test]
    fn it_is_bounded() {
        let mut roll = Roll::default();
        roll.ask(&chat());
        for _ in 0..=CHANGES_MAX {
            roll.happened(&chat(), &"bob".into(), Change::Joined);
        }
        for number in 0..2 * CHATS_MAX {
            roll.ask(&ChatId::from(format!("d{number}").as_str()));
        }
        assert_eq!(roll.asked.len(), CHATS_MAX);
        assert_eq!(roll.asked[&chat()].told.len(), CHANGES_MAX);
        assert_eq!(roll.answered(&chat(), true), Answer::Again);
    }
}
