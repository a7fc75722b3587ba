//! What is remembered of what is being taken in from the server: what it was asked for, which answers may be older than the
//! events that came before them, and what was missed.
//!
//! Promises: an answer is never taken for one to a later question, since all that were asked for come, be it as failures;
//! what this user is no member of any more does not come back by an answer. Bounded by the conversations that are kept.
//! Decides nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::{chat::ChatId, pause::Pause, window::Ask};
use crate::domain::clock::TimeMs;

/// Conversations that are remembered in each set. No honest server comes near.
const CHATS_MAX: usize = 10_000;

/// See the head of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Intake {
    /// All states were asked for since this program began, or since the store is another one; not if that failed.
    pub has_asked: bool,
    /// An event said whom this user blocks since that was asked for.
    has_told_blocks: bool,
    /// The same since a stream began that tells of all.
    has_heard_blocks: bool,
    /// Whether all states were asked for that are still to come.
    all: All,
    /// A stream has told of all since: what such an answer has beside that is older.
    is_all_old: bool,
    /// When what the server could not tell is asked for again.
    pause: Pause,
    /// Conversations that the answer is expected to have. Those that only an event can have brought since are there whether
    /// it has them or not; the others are gone if it does not.
    expected: BTreeMap<ChatId, Expected>,
    /// How often the state of each was asked for that is still to come.
    asked: BTreeMap<ChatId, u32>,
    /// Conversations of which something came while nothing was known of them, and whether more came since they were asked
    /// for, or they are still to be.
    unknown: BTreeMap<ChatId, bool>,
    /// Those that the server would not tell of. They are asked for again with another connection.
    refused: BTreeSet<ChatId>,
    /// Conversations that this user is no member of any more: an answer that still has one is older.
    gone: BTreeSet<ChatId>,
    /// Conversations that this user left while they were asked for: all those answers are of the membership that ended.
    void: BTreeSet<ChatId>,
    /// A stream has begun that tells of all conversations: those it has told of, and those that are known to be there
    /// otherwise.
    told: Option<BTreeSet<ChatId>>,
    /// No stream has told the whole state of any since it began.
    is_beginning: bool,
    /// Pages that were under way when messages were left out of what was missed: they may be older.
    void_pages: BTreeSet<(ChatId, Ask)>,
    /// Messages of others that were missed since the link was lost, by where they were said.
    missed: BTreeMap<ChatId, Missed>,
}

impl Intake {
    /// The store is another one: what is still to come was asked of the old one, and says nothing of this. Until it has
    /// come, which is as a failure, the same is not asked of the new one: however often the store changes there is one
    /// question of a kind.
    pub fn reset(&mut self) {
        let asked = std::mem::take(&mut self.asked);
        let all = match self.all {
            All::NotAsked => All::NotAsked,
            All::Asked | All::AskedOfAnother => All::AskedOfAnother,
        };
        *self = Self {
            void: asked.keys().cloned().collect(),
            asked,
            all,
            ..Self::default()
        };
    }

    /// Whether all states are to be asked for: they are not known, and there is no such question.
    pub fn must_ask_all(&self) -> bool {
        !self.has_asked && self.all == All::NotAsked
    }

    /// All states are asked for, while these conversations are known.
    pub fn asked_all(&mut self, known: impl Iterator<Item = ChatId>) {
        (self.has_asked, self.is_all_old) = (true, false);
        self.all = All::Asked;
        self.has_told_blocks = false;
        self.expected = known.map(|chat| (chat, Expected::OrGone)).collect();
    }

    /// All states have come, or will not. `None`: they were those of another store.
    pub fn answered_all(&mut self, is_there: bool) -> Option<Answered> {
        let all = std::mem::take(&mut self.all);
        self.has_asked = is_there && all == All::Asked;
        (all == All::Asked).then(|| Answered {
            expected: std::mem::take(&mut self.expected),
            is_old: std::mem::take(&mut self.is_all_old),
        })
    }

    /// The server could not tell something: it is asked for again after a while. Returns whether it could when it was asked
    /// before.
    pub fn could_not(&mut self, now: TimeMs) -> bool {
        let is_first = self.pause.is_fresh();
        self.pause.begin(now);
        is_first
    }

    /// The server could tell something.
    pub fn could(&mut self) {
        self.pause.ease();
    }

    /// When what the server could not tell is asked for again; `None`: there is nothing of that kind.
    pub fn again_at(&self) -> Option<TimeMs> {
        self.pause.end()
    }

    /// Whether that time has come; it is told once.
    pub fn is_again_due(&mut self, now: TimeMs) -> bool {
        self.pause.is_over(now)
    }

    /// The state of one is asked for.
    pub fn asked(&mut self, chat: &ChatId) {
        let asked = self.asked.entry(chat.clone()).or_default();
        *asked = asked.saturating_add(1);
    }

    /// The state of one has come, or will not.
    pub fn answered(&mut self, chat: &ChatId) {
        if let Some(asked) = self.asked.get_mut(chat) {
            *asked = asked.saturating_sub(1);
            if *asked == 0 {
                self.asked.remove(chat);
            }
        }
    }

    /// Whether the states of all of this store are still to come.
    fn is_asking_all(&self) -> bool {
        self.all == All::Asked
    }

    /// Whether an answer about this one is still to come.
    fn is_asked(&self, chat: &ChatId) -> bool {
        self.is_asking_all() || self.asked.contains_key(chat)
    }

    /// This user is no member any more.
    pub fn lost(&mut self, chat: &ChatId) {
        add(&mut self.gone, chat);
        self.unknown.remove(chat);
        self.refused.remove(chat);
        if self.is_asked(chat) {
            add(&mut self.void, chat);
        }
    }

    /// An event says that this user is a member.
    pub fn is_there(&mut self, chat: &ChatId) {
        if let Some(told) = &mut self.told {
            add(told, chat);
        }
        self.gone.remove(chat);
        self.refused.remove(chat);
        self.unknown.remove(chat);
        if let Some(expected) = self.expected.get_mut(chat) {
            *expected = Expected::OrOlder;
        }
    }

    /// A conversation is known that was not; returns how many answers about it are still to come.
    pub fn is_known(&mut self, chat: &ChatId) -> u32 {
        if let Some(told) = &mut self.told {
            add(told, chat);
        }
        if self.is_void(chat) {
            return 0;
        }
        let mut count = self.asked.get(chat).copied().unwrap_or(0);
        if self.is_asking_all() && !self.expected.contains_key(chat) {
            self.expected.insert(chat.clone(), Expected::OrOlder);
            count = count.saturating_add(1);
        }
        count
    }

    /// A stream tells the whole state of one, as it does of each at its beginning if it resumes nowhere; returns whether it
    /// is the first.
    pub fn told_all_of(&mut self, chat: &ChatId) -> bool {
        // A stream that tells of all begins with that. What the one before has told until it broke off is told again.
        let is_first = std::mem::take(&mut self.is_beginning);
        if is_first {
            (self.told, self.has_heard_blocks) = (None, false);
        }
        add(self.told.get_or_insert_default(), chat);
        is_first
    }

    /// The beginning of a stream is over: if it told of all, returns of which, and whether this user blocks anybody.
    pub fn told(&mut self) -> Option<(BTreeSet<ChatId>, bool)> {
        let told = self.told.take()?;
        self.has_told_blocks = true;
        self.is_all_old = self.is_asking_all();
        // It has told of each that there is, so what came of others was of before that.
        let unknown: Vec<ChatId> = self.unknown.keys().cloned().collect();
        unknown.iter().for_each(|chat| self.lost(chat));
        Some((told, self.has_heard_blocks))
    }

    /// Whether an answer that has this conversation is older than what is known.
    pub fn is_gone(&self, chat: &ChatId) -> bool {
        self.gone.contains(chat)
    }

    /// Whether answers about this one say nothing of now.
    pub fn is_void(&self, chat: &ChatId) -> bool {
        self.void.contains(chat)
    }

    /// Forgets of which no answer of before is to come any more; these can be asked for again.
    pub fn settle(&mut self) -> Vec<ChatId> {
        let settled = self.void.iter().filter(|chat| !self.is_asked(chat));
        let settled: Vec<ChatId> = settled.cloned().collect();
        settled.iter().for_each(|chat| {
            self.void.remove(chat);
        });
        settled
    }

    /// Something came of a conversation that is not known; returns whether it is to be asked for now.
    pub fn ask_for(&mut self, chat: &ChatId) -> bool {
        let is_over = self.is_gone(chat) || self.is_void(chat) || self.refused.contains(chat);
        if is_over {
            return false;
        }
        if let Some(is_changed) = self.unknown.get_mut(chat) {
            *is_changed = true;
            return false;
        }
        if self.unknown.len() >= CHATS_MAX {
            return false;
        }
        // The answer that has all of them may be older than what came now.
        let waits = self.all != All::NotAsked;
        self.unknown.insert(chat.clone(), waits);
        if !waits {
            self.asked(chat);
        }
        !waits
    }

    /// The state of a conversation has come that was not known; returns whether it may be older than what came of it.
    pub fn learned(&mut self, chat: &ChatId) -> bool {
        self.unknown.remove(chat).unwrap_or(false)
    }

    /// The server would not tell of a conversation.
    pub fn refuse(&mut self, chat: &ChatId) {
        if self.unknown.remove(chat).is_some() {
            add(&mut self.refused, chat);
        }
    }

    /// Those that are not known although all were to come: they are to be asked for, each by itself.
    pub fn still_unknown(&mut self) -> Vec<ChatId> {
        if self.all != All::NotAsked {
            return Vec::new();
        }
        let unasked = self.unknown.keys().filter(|chat| !self.is_asked(chat));
        let unasked: Vec<ChatId> = unasked.cloned().collect();
        for chat in &unasked {
            self.unknown.insert(chat.clone(), false);
            self.asked(chat);
        }
        unasked
    }

    /// There is another connection: what the server would not tell it may tell now. It goes on where the last one broke off,
    /// even while that told of all, or begins anew.
    pub fn connected(&mut self) {
        self.refused.clear();
        self.pause = Pause::default();
        self.is_beginning = true;
    }

    /// An event says whom this user blocks.
    pub fn told_blocks(&mut self) {
        (self.has_told_blocks, self.has_heard_blocks) = (true, true);
    }

    /// Whether an answer that says whom this user blocks may be older than what is known.
    pub fn has_told_blocks(&self) -> bool {
        self.has_told_blocks
    }

    /// A page is under way that may be older than what was left out.
    pub fn void_page(&mut self, chat: &ChatId, ask: Ask) {
        self.void_pages.insert((chat.clone(), ask));
    }

    /// Whether a page that has come is such a one. It is asked for again where it is looked at.
    pub fn is_page_void(&mut self, page: &(ChatId, Ask)) -> bool {
        self.void_pages.remove(page)
    }

    /// A message of others came that was missed.
    pub fn miss(&mut self, chat: &ChatId) {
        self.miss_more(chat, |missed| &mut missed.came, 1);
    }

    /// So many messages were missed and are left out.
    pub fn miss_left_out(&mut self, chat: &ChatId, count: u64) {
        self.miss_more(chat, |missed| &mut missed.left_out, count);
    }

    fn miss_more(&mut self, chat: &ChatId, part: fn(&mut Missed) -> &mut u64, more: u64) {
        if self.missed.len() < CHATS_MAX || self.missed.contains_key(chat) {
            let count = part(self.missed.entry(chat.clone()).or_default());
            *count = count.saturating_add(more);
        }
    }

    /// Takes how many messages were missed, and in how many conversations. Those that came where the end is `seen` were not.
    pub fn take_missed(&mut self, seen: Option<&ChatId>) -> (u64, usize) {
        let missed = std::mem::take(&mut self.missed).into_iter();
        let counts = missed.map(|(chat, missed)| match Some(&chat) == seen {
            true => missed.left_out,
            false => missed.left_out.saturating_add(missed.came),
        });
        counts.fold((0, 0), |(sum, chats), count| {
            (
                u64::saturating_add(sum, count),
                chats + usize::from(count > 0),
            )
        })
    }
}

/// Messages of others that were missed in one conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Missed {
    /// Those that came before nothing was missed any more.
    came: u64,
    /// Those that do not come.
    left_out: u64,
}

/// How the question for all states stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum All {
    /// There is none.
    #[default]
    NotAsked,
    /// It is under way.
    Asked,
    /// It is under way, and was for the states of another store.
    AskedOfAnother,
}

/// What is to be known of an answer with the states of all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answered {
    /// The conversations that it is expected to have.
    pub expected: BTreeMap<ChatId, Expected>,
    /// It is older than what a stream has told since: others that it has are none any more.
    pub is_old: bool,
}

/// What it means if the answer with all states does not have a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// This user is no member.
    OrGone,
    /// The answer is older than the membership.
    OrOlder,
}

fn add(set: &mut BTreeSet<ChatId>, chat: &ChatId) -> bool {
    set.len() < CHATS_MAX && set.insert(chat.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat() -> ChatId {
        ChatId::from("c1")
    }

    #[test]
    fn what_is_gone_comes_back_by_an_event_alone_and_is_asked_for_once() {
        let (mut intake, chat) = (Intake::default(), chat());
        assert!(intake.ask_for(&chat) && !intake.ask_for(&chat));
        intake.lost(&chat);
        assert!(intake.is_gone(&chat) && !intake.ask_for(&chat));
        intake.is_there(&chat);
        assert!(
            !intake.is_gone(&chat) && !intake.ask_for(&chat),
            "it is void"
        );
        assert!(intake.settle().is_empty());
        intake.answered(&chat);
        assert_eq!(intake.settle(), std::slice::from_ref(&chat));
        assert!(!intake.is_void(&chat) && intake.ask_for(&chat));
    }

    #[test]
    fn what_the_server_would_not_tell_is_asked_for_again_with_another_connection() {
        let (mut intake, chat) = (Intake::default(), chat());
        assert!(intake.ask_for(&chat));
        intake.answered(&chat);
        intake.refuse(&chat);
        assert!(!intake.ask_for(&chat));
        intake.connected();
        assert!(intake.ask_for(&chat) && !intake.learned(&chat));
        assert!(intake.ask_for(&chat), "it was learned");
        assert!(!intake.ask_for(&chat) && intake.learned(&chat), "more came");
    }

    #[test]
    fn what_comes_while_all_are_asked_for_waits_for_them() {
        let (mut intake, chat) = (Intake::default(), chat());
        intake.asked_all([ChatId::from("c2")].into_iter());
        assert!(!intake.ask_for(&chat) && intake.still_unknown().is_empty());
        let expected = [(ChatId::from("c2"), Expected::OrGone)];
        assert_eq!(intake.answered_all(true).unwrap().expected, expected.into());
        assert_eq!(intake.still_unknown(), std::slice::from_ref(&chat));
        assert!(intake.still_unknown().is_empty() && !intake.learned(&chat));
    }

    #[test]
    fn however_often_the_store_changes_all_are_asked_for_once_at_a_time() {
        let (mut intake, chat) = (Intake::default(), chat());
        assert!(intake.must_ask_all());
        intake.asked_all([].into_iter());
        for _ in 0..3 {
            intake.reset();
            assert!(!intake.must_ask_all());
        }
        assert!(!intake.ask_for(&chat) && intake.still_unknown().is_empty());
        assert_eq!(intake.answered_all(false), None);
        assert!(intake.must_ask_all());
        intake.asked_all([].into_iter());
        assert!(intake.answered_all(true).is_some() && !intake.must_ask_all());
        assert_eq!(intake.still_unknown(), std::slice::from_ref(&chat));
    }

    #[test]
    fn what_was_missed_is_told_once() {
        let (mut intake, chat) = (Intake::default(), chat());
        let miss = |intake: &mut Intake| {
            intake.miss(&chat);
            intake.miss_left_out(&chat, 2);
            intake.miss(&ChatId::from("c2"));
        };
        miss(&mut intake);
        assert_eq!(intake.take_missed(None), (4, 2));
        assert_eq!(intake.take_missed(None), (0, 0));
        miss(&mut intake);
        assert_eq!(
            intake.take_missed(Some(&chat)),
            (3, 2),
            "what was left out was not seen"
        );
        miss(&mut intake);
        assert_eq!(intake.take_missed(Some(&ChatId::from("c2"))), (3, 1));
    }
}
