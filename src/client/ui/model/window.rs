//! The messages of one conversation that are in memory: keyed by their numbers, with known holes and the known beginning.
//!
//! Promises:
//! 1. A message stands there once, in its newest state, in whatever order events and pages come and however often.
//! 2. What happened to a message that is not here is kept for a while: a page that was asked for before brings it old.
//!    Once some of that is lost, `has_lost` says so until the next is asked for.
//! 3. It is bounded; what is far from the place that is looked at goes first, and can be asked for again.
//! 4. Numbers that a page has passed over are never asked for again, so a server cannot make the asking endless.
//!
//! Messages count 1, 2, 3 … without gaps, so a hole is where a number is missing. Knows nothing of who reads, of unread or
//! of lines on the screen.

use std::collections::{BTreeMap, VecDeque};

use super::{
    message::{Change, Message},
    ranges::Ranges,
};
use crate::client::app::{file::File, untrusted::Untrusted};

/// Messages of one conversation in memory. At some 300 bytes each 1.5 MB.
pub const MESSAGES_MAX: usize = 5_000;
/// Bytes of them, as they are counted here: some 13 KB for each of as many as two screens show.
const BYTES_MAX: usize = 8 * 1024 * 1024;
/// Changes of messages that are not here. A page is on its way for a second or so.
const CHANGES_MAX: usize = 256;
/// Bytes of them: 16 edits as long as a text can be, or all of common ones.
const CHANGES_BYTES_MAX: usize = 256 * 1024;
/// What a message takes besides its text.
const MESSAGE_BYTES: usize = 300;

/// A page of messages to be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ask {
    /// The newest.
    Newest,
    /// Those just before this number.
    Before(u64),
    /// Those just after this number.
    After(u64),
    /// Those around this number.
    Around(u64),
}

/// A page of messages that has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// What was asked for.
    pub ask: Ask,
    /// The messages in their order.
    pub messages: Vec<Message>,
    /// What the server said of the whole; `None`: a cache gave the page.
    pub ends: Option<Ends>,
}

/// Where the messages of a conversation that can be read begin and end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// The lowest number that can be read is the one after this.
    pub floor: u64,
    /// The highest number, when the page was made.
    pub last_seq: u64,
}

/// From where messages are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// From the newest upwards.
    End,
    /// From this one.
    At(u64),
}

/// See the head of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window {
    messages: BTreeMap<u64, Message>,
    /// Nothing up to here can be read, if that is known.
    floor: Option<u64>,
    /// Numbers that a page has passed over.
    void: Ranges,
    /// What happened to messages that are not here, the oldest first.
    changes: VecDeque<Change>,
    /// Some of that was dropped since no page was under way.
    has_lost: bool,
    /// What the messages take, and the changes.
    messages_bytes: usize,
    changes_bytes: usize,
}

impl Window {
    /// Takes in a message, live or as part of a page; returns whether it was not here.
    pub fn insert(&mut self, mut message: Message) -> bool {
        if message.seq == 0 {
            return false;
        }
        if let Some(known) = self.messages.get_mut(&message.seq) {
            self.messages_bytes -= weight(known);
            known.take_newer(&message);
            self.messages_bytes += weight(known);
            return false;
        }
        for change in &self.changes {
            message.change(change);
        }
        let seq = message.seq;
        self.changes.retain(|change| change.seq() != seq);
        self.changes_bytes = self.changes.iter().map(weight_of_change).sum();
        self.messages_bytes += weight(&message);
        self.messages.insert(seq, message);
        true
    }

    /// Takes in what happened to a message; returns whether that is seen here.
    pub fn change(&mut self, change: Change) -> bool {
        if let Some(message) = self.messages.get_mut(&change.seq()) {
            self.messages_bytes -= weight(message);
            let is_new = message.change(&change);
            self.messages_bytes += weight(message);
            return is_new;
        }
        self.keep(change);
        false
    }

    fn keep(&mut self, change: Change) {
        self.changes_bytes += weight_of_change(&change);
        self.changes.push_back(change);
        while self.changes.len() > CHANGES_MAX || self.changes_bytes > CHANGES_BYTES_MAX {
            let Some(oldest) = self.changes.pop_front() else {
                break;
            };
            self.changes_bytes -= weight_of_change(&oldest);
            self.has_lost = true;
        }
    }

    /// A page is asked for, and no other is under way: it will hold all that has happened until now.
    pub fn begin_page(&mut self) {
        self.has_lost = false;
    }

    /// Whether something that happened to messages that are not here is not known any more: a page that was under way by
    /// then may be older than that.
    pub fn has_lost(&self) -> bool {
        self.has_lost
    }

    /// Takes in a page. That of a cache is not taken to say that anything is missing.
    pub fn take_page(&mut self, page: Page) {
        if let Some(ends) = page.ends {
            self.floor = self.floor.max(Some(ends.floor));
            self.take_order(&page, ends.last_seq);
        }
        for message in page.messages {
            self.insert(message);
        }
    }

    /// Forgets the messages of a range: they may have changed, and no event tells of it.
    pub fn forget(&mut self, from: u64, to: u64) {
        self.messages.retain(|seq, _| *seq < from || *seq > to);
        self.messages_bytes = self.messages.values().map(weight).sum();
    }

    /// A page has no holes: what it passes over of what there was cannot be read.
    fn take_order(&mut self, page: &Page, last_seq: u64) {
        let numbers = || page.messages.iter().map(|message| message.seq);
        let (from, to) = match (page.ask, numbers().min(), numbers().max()) {
            (Ask::Before(seq), Some(first), _) => (first, seq.saturating_sub(1)),
            (Ask::Before(seq), None, _) => (1, seq.saturating_sub(1)),
            (Ask::After(seq), _, Some(last)) => (seq.saturating_add(1), last),
            (Ask::After(seq), _, None) => (seq.saturating_add(1), last_seq),
            (Ask::Around(seq), Some(first), Some(last)) => (first.min(seq), last.max(seq)),
            (Ask::Around(seq), ..) => (seq, seq),
            (Ask::Newest, Some(first), _) => (first, last_seq),
            (Ask::Newest, None, _) => (1, last_seq),
        };
        self.pass_over(from, to.min(last_seq), &page.messages);
    }

    fn pass_over(&mut self, from: u64, to: u64, messages: &[Message]) {
        let mut next = from;
        for message in messages {
            if message.seq > next {
                self.void.insert(next, to.min(message.seq - 1));
            }
            next = next.max(message.seq.saturating_add(1));
        }
        if next <= to {
            self.void.insert(next, to);
        }
    }

    /// Forgets what is farthest from the place that is looked at, until no more than so many are here, and no more bytes
    /// than there may be. That some of them were edited or deleted is kept, as of others. None at all: that is forgotten,
    /// too.
    pub fn trim(&mut self, place: Place, messages_max: usize) {
        let at = match place {
            Place::At(seq) => seq,
            Place::End => u64::MAX,
        };
        while self.messages.len() > messages_max
            || self.messages_bytes > BYTES_MAX && self.messages.len() > 1
        {
            let first = self.messages.first_key_value().map(|(seq, _)| *seq);
            let last = self.messages.last_key_value().map(|(seq, _)| *seq);
            let above = first.map_or(0, |first| at.saturating_sub(first));
            let below = last.map_or(0, |last| last.saturating_sub(at));
            let gone = match above >= below {
                true => self.messages.pop_first(),
                false => self.messages.pop_last(),
            };
            if let Some((_, gone)) = gone {
                self.messages_bytes -= weight(&gone);
                if let Some(change) = gone.into_change() {
                    self.keep(change);
                }
            }
        }
        if messages_max == 0 {
            self.has_lost |= !self.changes.is_empty();
            self.changes.clear();
            self.changes_bytes = 0;
        }
    }

    /// Returns what must be asked for to show `above` messages from the place upwards and `below` further ones; `None`: all
    /// that there are is here. `last_seq` is the highest number of the conversation. What is looked at comes first.
    pub fn missing(&self, place: Place, above: usize, below: usize, last_seq: u64) -> Option<Ask> {
        if last_seq == 0 || last_seq <= self.floor() {
            return None;
        }
        let at = match place {
            Place::At(seq) if seq < last_seq => seq.max(self.floor().saturating_add(1)),
            _ => last_seq,
        };
        if self.is_hole(at) {
            return Some(match at == last_seq {
                true => Ask::Newest,
                false => Ask::Around(at),
            });
        }
        let upwards = self.hole_above(at, above).map(|hole| Ask::Before(hole + 1));
        upwards.or_else(|| {
            let hole = self.hole_below(at, below, last_seq)?;
            Some(Ask::After(hole - 1))
        })
    }

    /// Whether the message of this number is missing though it may be there.
    fn is_hole(&self, seq: u64) -> bool {
        seq > self.floor() && !self.messages.contains_key(&seq) && !self.void.contains(seq)
    }

    /// The first hole within so many messages upwards.
    fn hole_above(&self, at: u64, count: usize) -> Option<u64> {
        let mut seq = at;
        let mut left = count;
        while left > 0 && seq > self.floor() {
            if let Some((from, _)) = self.void.around(seq) {
                seq = from.saturating_sub(1);
                continue;
            }
            if !self.messages.contains_key(&seq) {
                return Some(seq);
            }
            left -= 1;
            seq -= 1;
        }
        None
    }

    /// The first hole within so many messages downwards from the one below.
    fn hole_below(&self, at: u64, count: usize, last_seq: u64) -> Option<u64> {
        let mut seq = at.saturating_add(1);
        let mut left = count;
        while left > 0 && seq <= last_seq {
            if let Some((_, to)) = self.void.around(seq) {
                seq = to.saturating_add(1);
                continue;
            }
            if !self.messages.contains_key(&seq) {
                return Some(seq);
            }
            left -= 1;
            seq += 1;
        }
        None
    }

    /// A message, if it is here.
    pub fn get(&self, seq: u64) -> Option<&Message> {
        self.messages.get(&seq)
    }

    /// The messages from this number upwards, up to the next hole: what may be drawn above one another.
    pub fn upwards(&self, from: u64) -> impl Iterator<Item = &Message> {
        let mut next = from;
        let messages = self.messages.range(..=from).rev();
        messages.map_while(move |(seq, message)| {
            if !self.is_joined(*seq, next) {
                return None;
            }
            next = seq.saturating_sub(1);
            Some(message)
        })
    }

    /// The messages from this number downwards, up to the next hole.
    pub fn downwards(&self, from: u64) -> impl Iterator<Item = &Message> {
        let mut next = from;
        let messages = self.messages.range(from..);
        messages.map_while(move |(seq, message)| {
            let is_next = *seq == next || self.void.covers_after(next.saturating_sub(1), *seq - 1);
            next = seq.saturating_add(1);
            is_next.then_some(message)
        })
    }

    /// Whether nothing that could be shown stands after this number and up to that one.
    fn is_joined(&self, seq: u64, to: u64) -> bool {
        seq >= to || self.void.covers_after(seq, to)
    }

    /// Whether there is nothing before this message.
    pub fn is_beginning(&self, seq: u64) -> bool {
        let before = seq.saturating_sub(1);
        let floor = self.floor();
        before <= floor || self.void.covers_after(floor, before)
    }

    /// All messages that are here after one number and up to another, in their order.
    pub fn between(&self, after: u64, to: u64) -> impl DoubleEndedIterator<Item = &Message> {
        let from = after.saturating_add(1);
        let some = (after < to).then(|| self.messages.range(from..=to));
        some.into_iter().flatten().map(|(_, message)| message)
    }

    /// All messages that are here, in their order.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = &Message> {
        self.messages.values()
    }

    /// How many messages are here.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// What the messages that are here take, and what is kept of others; in bytes, about.
    pub fn bytes(&self) -> usize {
        self.messages_bytes.saturating_add(self.changes_bytes)
    }

    /// Whether none is here.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Nothing up to here can be read.
    pub fn floor(&self) -> u64 {
        self.floor.unwrap_or(0)
    }
}

/// What a message takes, about.
fn weight(message: &Message) -> usize {
    let text = message.text.as_ref().map_or(0, Untrusted::len);
    let reactions = message.reactions.iter().map(|it| it.emoji.len() + 40);
    let mentions = message.mentions.iter().map(|it| it.len() + 24);
    let files = message.files.iter().map(File::weight);
    MESSAGE_BYTES + text + reactions.sum::<usize>() + mentions.sum::<usize>() + files.sum::<usize>()
}

fn weight_of_change(change: &Change) -> usize {
    let more = match change {
        Change::Edited(message) => weight(message),
        Change::Deleted { .. } => 0,
        Change::Reacted { reactions, .. } => reactions.iter().map(|it| it.emoji.len() + 40).sum(),
    };
    more + 64
}

#[cfg(test)]
#[path = "window_tests.rs"]
mod tests;
