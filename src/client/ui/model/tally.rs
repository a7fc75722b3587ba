//! How much of one conversation is unread, by the arithmetic of the server: what lies after the read marker, less what this
//! user sent there; deleted messages count until they are read.
//!
//! Promises: the counts are those of the server, or `is_unsure` says that the server must be asked; they never depend on
//! which messages are in memory. Every message counts once, however often it comes. The marker never goes back, unless
//! the server itself says that it has less than it had.
//! Knows nothing of texts, and takes no count from an event that goes to all members alike.

use std::collections::BTreeSet;

use crate::domain::limits::MENTIONS_COUNTED_MAX;

use super::ranges::Ranges;

/// Own messages and mentions after the marker that are remembered one by one. Past it the server is asked.
const REMEMBERED_MAX: usize = 2_000;
const MENTIONS_MAX: u64 = MENTIONS_COUNTED_MAX as u64;

/// What the server says of a conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The highest number.
    pub last_seq: u64,
    /// Everything up to here is read.
    pub read_seq: u64,
    /// Messages of others after it.
    pub unread: u64,
    /// Messages after it that mention this user.
    pub mentions: u64,
}

/// Whether the server gave no answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Refused {
    #[default]
    No,
    /// It could not tell: it is asked again after a while, and not before, whatever comes.
    ForNow,
    /// It would not tell: it is not asked again before there is something new.
    ForGood,
}

/// See the head of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    counts: Counts,
    is_unsure: bool,
    /// The server has not said yet what it says to this user alone: that everything is read does not make up for it.
    is_half: bool,
    /// The highest number of what the server said last: what it said may hold a change whose event is still to come.
    said_to: u64,
    /// How far the server says that all is read. What was marked here may not have come to it.
    told_read: u64,
    /// Answers of the server that are still to come.
    asked: u32,
    /// The highest number when the first of them was asked for: the server had it by then.
    asked_at: u64,
    /// Something has changed since the first of them was asked for that they may not hold.
    is_changed: bool,
    /// What they will say is known better by now.
    is_void: bool,
    /// Whether the server gave no answer when it was asked last.
    refused: Refused,
    /// Messages after the marker of which it is known who sent them.
    known: Ranges,
    /// Those of them that this user sent.
    own: BTreeSet<u64>,
    /// Those of them that mention this user.
    called: BTreeSet<u64>,
}

impl Tally {
    /// The counts now.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Whether they are an estimate, and the server must be asked for them.
    pub fn is_unsure(&self) -> bool {
        self.is_unsure
    }

    /// Something that the counts depend on is not known here, such as whom this user blocks: they must be asked for.
    pub fn doubt(&mut self) {
        self.known = Ranges::default();
        self.own.clear();
        self.called.clear();
        self.changed();
    }

    /// The server has not said yet what it says to this user alone, or what it said is older: it must be asked, whatever is
    /// read meanwhile.
    pub fn doubt_all(&mut self) {
        self.doubt();
        self.is_half = true;
    }

    /// Whether the server is to be asked for the counts now. It is asked once at a time.
    pub fn ask(&mut self) -> bool {
        if !self.is_unsure || self.is_asked() || self.refused != Refused::No {
            return false;
        }
        self.ask_too();
        true
    }

    /// The server is asked for the counts among others, whether they are sure or not.
    pub fn ask_too(&mut self) {
        if !self.is_asked() {
            self.is_changed = false;
            self.asked_at = self.counts.last_seq;
        }
        self.asked = self.asked.saturating_add(1);
    }

    /// Whether an answer of the server is still to come.
    pub fn is_asked(&self) -> bool {
        self.asked > 0
    }

    /// A message came in a newer state than it had when it was counted: answers that are still to come may count it as it
    /// was then, or as it is now. The server must be asked once more.
    pub fn doubt_answers(&mut self) {
        self.is_changed |= self.is_asked();
    }

    /// An answer will not come, or says nothing of this.
    pub fn unanswered(&mut self) {
        self.asked = self.asked.saturating_sub(1);
        self.is_changed &= self.is_asked();
        self.is_void &= self.is_asked();
    }

    /// The server would not tell, or could not. An answer that was to come before this conversation was known is not one
    /// that this waits for, and says nothing here.
    pub fn ask_failed(&mut self, is_for_good: bool) {
        if self.is_asked() {
            self.refused = match is_for_good {
                true => Refused::ForGood,
                false => Refused::ForNow,
            };
        }
        self.unanswered();
    }

    /// What could not be had before can be asked for again, as with another connection.
    pub fn ask_again(&mut self) {
        self.refused = Refused::No;
    }

    /// What the server could not tell for a while can be asked for again.
    pub fn go_on(&mut self) {
        if self.refused == Refused::ForNow {
            self.refused = Refused::No;
        }
    }

    /// There is something new to ask for, so that another answer is to be had than the last.
    fn is_new(&mut self) {
        if self.refused == Refused::ForGood {
            self.refused = Refused::No;
        }
    }

    fn changed(&mut self) {
        (self.is_unsure, self.is_changed) = (true, true);
        self.is_new();
    }

    /// Takes in the first that is known.
    pub fn take_first(&mut self, state: Counts) {
        (self.is_unsure, self.is_half) = (false, false);
        self.take(state);
    }

    /// Takes in what the server says in its order among the events, so that it is what is known now: answers that are still
    /// to come say no more.
    pub fn take_told(&mut self, state: Counts) {
        (self.is_unsure, self.is_half, self.is_changed) = (false, false, false);
        self.is_void = self.is_asked();
        self.take(state);
    }

    /// Takes in an answer of the server, which may be older or newer than what is known. Returns whether it has less than
    /// was known already when it was asked, and nothing has come since: so it means that, and messages are gone. To ask
    /// once more would bring the same.
    pub fn take_state(&mut self, state: Counts) -> bool {
        if self.is_void {
            self.unanswered();
            return false;
        }
        let last_seq = self.counts.last_seq;
        let is_less = self.is_asked() && state.last_seq < self.asked_at;
        let is_meant = is_less && last_seq == self.asked_at;
        if is_meant {
            self.go_back(state.last_seq);
        }
        // What has changed since it was asked may be missing in the answer: it is asked again.
        self.is_unsure = self.is_changed;
        self.is_half &= self.is_changed;
        self.unanswered();
        self.refused = Refused::No;
        self.take(state);
        is_meant
    }

    /// Messages after this one are gone, and with them what was known of them and how far they were read.
    fn go_back(&mut self, last_seq: u64) {
        self.counts.last_seq = last_seq;
        self.counts.read_seq = self.counts.read_seq.min(last_seq);
        self.told_read = self.told_read.min(last_seq);
        self.known.forget_after(last_seq);
        for set in [&mut self.own, &mut self.called] {
            set.retain(|seq| *seq <= last_seq);
        }
    }

    fn take(&mut self, state: Counts) {
        let old = self.counts;
        let state = Counts {
            read_seq: state.read_seq.min(state.last_seq),
            ..state
        };
        self.counts = state;
        self.said_to = state.last_seq;
        self.told_read = self.told_read.max(state.read_seq);
        if old.last_seq > state.last_seq {
            self.counts.last_seq = old.last_seq;
            let from = state.last_seq.max(state.read_seq);
            self.is_unsure |= !self.known.covers_after(from, old.last_seq);
            let unread = state.unread.saturating_add(self.others(from, old.last_seq));
            self.counts.unread = unread;
            let called = self.mentions(from, old.last_seq);
            let mentions = state.mentions.saturating_add(called);
            self.counts.mentions = mentions.min(MENTIONS_MAX);
        }
        self.read_to(old.read_seq);
        self.forget_read();
    }

    /// Takes in a message; returns whether it is new. It may say again what was known.
    pub fn take_message(&mut self, seq: u64, is_own: bool, is_mention: bool) -> bool {
        let counts = self.counts;
        let is_new = seq > counts.last_seq;
        if seq > counts.read_seq && !self.known.contains(seq) {
            self.known.insert(seq, seq);
            if is_own {
                self.own.insert(seq);
            }
            if is_mention && !is_own {
                self.called.insert(seq);
            }
            self.bound();
        }
        if !is_new {
            return false;
        }
        // Those between were left out: as far as is known here, others sent them.
        let left_out = (seq - 1).saturating_sub(counts.last_seq.max(counts.read_seq));
        if left_out > 0 {
            self.is_unsure = true;
            self.is_new();
        }
        self.counts.unread += left_out;
        self.counts.last_seq = seq;
        if seq > counts.read_seq {
            self.counts.unread += u64::from(!is_own);
            let mentions = counts.mentions + u64::from(is_mention && !is_own);
            self.counts.mentions = mentions.min(MENTIONS_MAX);
        }
        true
    }

    /// Takes in that a message was edited or deleted, and whether it mentions this user now.
    pub fn take_change(&mut self, seq: u64, is_mention: bool) {
        if seq <= self.counts.read_seq || seq > self.counts.last_seq {
            return;
        }
        let is_known = self.known.contains(seq);
        let was = self.called.contains(&seq);
        // An answer that is on its way may be older than this.
        self.is_changed |= self.is_asked() && (!is_known || was != is_mention);
        let is_capped = self.counts.mentions >= MENTIONS_MAX;
        if !is_known || is_capped && was && !is_mention {
            // Whether it mentioned this user before is not known; without mentions it did not.
            if is_mention || self.counts.mentions > 0 {
                self.changed();
            }
        } else if was != is_mention && seq <= self.said_to {
            // The server may have counted it already.
            self.changed();
        } else if was && !is_mention {
            self.counts.mentions -= self.counts.mentions.min(1);
        } else if !was && is_mention && !self.own.contains(&seq) {
            self.counts.mentions = (self.counts.mentions + 1).min(MENTIONS_MAX);
        }
        match is_mention && !self.own.contains(&seq) {
            true => self.called.insert(seq),
            false => self.called.remove(&seq),
        };
        self.bound();
    }

    /// Takes in that the server says that everything up to here is read; returns whether that is news.
    pub fn told_read_to(&mut self, seq: u64) -> bool {
        self.told_read = self.told_read.max(seq);
        self.read_to(seq)
    }

    /// Takes back what was marked here and of which the server has not said that it holds, since it is not told any more.
    pub fn unmark(&mut self) {
        if self.counts.read_seq > self.told_read {
            self.counts.read_seq = self.told_read;
            self.doubt();
            // Until the server says how many they are.
            self.counts.unread = self.counts.last_seq.saturating_sub(self.told_read);
        }
    }

    /// Takes in that everything up to here is read, here or elsewhere; returns whether that is news.
    pub fn read_to(&mut self, seq: u64) -> bool {
        let Counts {
            last_seq,
            read_seq,
            unread,
            mentions,
        } = self.counts;
        if seq <= read_seq {
            return false;
        }
        self.counts.read_seq = seq;
        if seq >= last_seq {
            (self.counts.unread, self.counts.mentions) = (0, 0);
            self.is_unsure = self.is_half;
        } else if self.known.covers_after(seq, last_seq) {
            self.counts.unread = self.others(seq, last_seq);
            self.counts.mentions = self.mentions(seq, last_seq).min(MENTIONS_MAX);
            self.is_unsure = self.is_half;
        } else if self.known.covers_after(read_seq, seq) && mentions < MENTIONS_MAX {
            let unread = unread.saturating_sub(self.others(read_seq, seq));
            // Of an estimate no more can be left than there is.
            self.counts.unread = unread.min(self.others(seq, last_seq));
            self.counts.mentions = mentions.saturating_sub(self.mentions(read_seq, seq));
        } else {
            self.counts.unread = unread.min(self.others(seq, last_seq));
            self.counts.mentions = mentions.min(self.counts.unread);
            self.is_unsure |= unread > 0;
        }
        self.forget_read();
        true
    }

    /// Messages of others after one number and up to another, as far as is known.
    pub fn others(&self, after: u64, to: u64) -> u64 {
        (to.saturating_sub(after)).saturating_sub(within(&self.own, after, to))
    }

    fn mentions(&self, after: u64, to: u64) -> u64 {
        within(&self.called, after, to)
    }

    fn forget_read(&mut self) {
        let read = self.counts.read_seq;
        self.known.forget_to(read);
        forget_to(&mut self.own, read);
        forget_to(&mut self.called, read);
    }

    /// Of too many the oldest are forgotten, and with them that they were known.
    fn bound(&mut self) {
        for set in [&mut self.own, &mut self.called] {
            if set.len() > REMEMBERED_MAX
                && let Some(first) = set.pop_first()
            {
                self.known.forget_to(first);
            }
        }
    }
}

fn within(set: &BTreeSet<u64>, after: u64, to: u64) -> u64 {
    if after >= to {
        return 0;
    }
    set.range(after + 1..=to).count() as u64
}

fn forget_to(set: &mut BTreeSet<u64>, seq: u64) {
    if set.first().is_some_and(|first| *first <= seq) {
        *set = set.split_off(&seq.saturating_add(1));
    }
}

#[cfg(test)]
#[path = "tally_tests.rs"]
mod tests;
