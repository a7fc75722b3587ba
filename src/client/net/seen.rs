//! What has been seen: delivery is at least once, this makes it visible exactly once.
//!
//! Messages of a conversation come in the order of their `seq`, so the highest one seen is all
//! there is to remember, and what lies in reported gaps, which may come later or never.

use std::collections::HashMap;

/// Gaps that are remembered in a conversation. One comes with a resume that limits its backlog;
/// past this the oldest is forgotten and what comes out of it is taken for a repeat.
const GAPS_MAX: usize = 64;
/// Conversations that are remembered, and the longest id of one. Past that all is forgotten, and a repeat would be shown
/// twice: no honest server comes near.
const CONVERSATIONS_MAX: usize = 100_000;
const ID_BYTES_MAX: usize = 256;

/// The highest `seq` seen in each conversation, and the gaps below it.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    conversations: HashMap<String, Conversation>,
}

#[derive(Clone, Debug, Default)]
struct Conversation {
    highest: u64,
    gaps: Vec<(u64, u64)>,
}

impl Seen {
    /// Notes a message and returns whether it is new.
    pub fn admit(&mut self, conversation: &str, seq: u64) -> bool {
        if conversation.len() > ID_BYTES_MAX {
            return true;
        }
        let known = self.conversation(conversation);
        if seq > known.highest {
            known.highest = seq;
            return true;
        }
        let inside = |(from, to): &(u64, u64)| (*from..=*to).contains(&seq);
        let Some(place) = known.gaps.iter().position(inside) else {
            return false;
        };
        let (from, to) = known.gaps.remove(place);
        let below = (seq > from).then(|| (from, seq - 1));
        let above = (seq < to).then(|| (seq + 1, to));
        known.gaps.extend(below.into_iter().chain(above));
        let too_many = known.gaps.len().saturating_sub(GAPS_MAX);
        known.gaps.drain(..too_many);
        true
    }

    /// Notes that messages are left out, for now. What was seen of them before stays seen.
    pub fn gap(&mut self, conversation: &str, from_seq: u64, to_seq: u64) {
        if conversation.len() > ID_BYTES_MAX {
            return;
        }
        let known = self.conversation(conversation);
        let from_seq = from_seq.max(known.highest.saturating_add(1));
        if from_seq > to_seq {
            return;
        }
        if known.gaps.len() >= GAPS_MAX {
            known.gaps.remove(0);
        }
        known.gaps.push((from_seq, to_seq));
        known.highest = to_seq;
    }

    /// Forgets everything: the store is another one.
    pub fn clear(&mut self) {
        self.conversations.clear();
    }

    fn conversation(&mut self, conversation: &str) -> &mut Conversation {
        if !self.conversations.contains_key(conversation) {
            if self.conversations.len() >= CONVERSATIONS_MAX {
                self.conversations.clear();
            }
            self.conversations
                .insert(conversation.to_owned(), Conversation::default());
        }
        self.conversations
            .entry(conversation.to_owned())
            .or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_is_new_once() {
        let mut seen = Seen::default();
        let stream = [5, 6, 7, 6, 7, 8, 8, 5, 9];
        let new: Vec<u64> = stream
            .into_iter()
            .filter(|seq| seen.admit("c1", *seq))
            .collect();
        assert_eq!(new, [5, 6, 7, 8, 9]);
        assert!(seen.admit("c2", 5), "each conversation counts for itself");
    }

    #[test]
    fn what_a_gap_left_out_is_new_when_it_comes() {
        let mut seen = Seen::default();
        assert!(seen.admit("c1", 1));
        seen.gap("c1", 2, 5);
        assert!(seen.admit("c1", 6));
        let late: Vec<u64> = [1, 3, 3, 2, 5, 4, 4, 2, 6]
            .into_iter()
            .filter(|seq| seen.admit("c1", *seq))
            .collect();
        assert_eq!(late, [3, 2, 5, 4]);
    }

    #[test]
    fn a_gap_over_what_was_seen_makes_nothing_new_again() {
        let mut seen = Seen::default();
        assert!(seen.admit("c1", 3));
        seen.gap("c1", 1, 5);
        let late: Vec<u64> = (1..=6).filter(|seq| seen.admit("c1", *seq)).collect();
        assert_eq!(late, [4, 5, 6]);
        seen.gap("c1", 1, 2);
        assert!(!seen.admit("c1", 2));
    }

    #[test]
    fn another_store_starts_over() {
        let mut seen = Seen::default();
        assert!(seen.admit("c1", 3));
        seen.clear();
        assert!(seen.admit("c1", 1));
    }

    #[test]
    fn gaps_are_bounded() {
        let mut seen = Seen::default();
        for n in 0..1000 {
            seen.gap("c1", n * 10 + 1, n * 10 + 9);
        }
        assert_eq!(seen.conversations["c1"].gaps.len(), GAPS_MAX);
        // One gap that is filled in everywhere falls into as many as one likes.
        let mut seen = Seen::default();
        seen.gap("c1", 1, u64::MAX);
        for n in 1..10_000 {
            seen.admit("c1", 2 * n);
        }
        assert!(seen.conversations["c1"].gaps.len() <= GAPS_MAX);
    }

    #[test]
    fn conversations_are_bounded() {
        let mut seen = Seen::default();
        for n in 0..=CONVERSATIONS_MAX {
            assert!(seen.admit(&format!("c{n}"), 1));
        }
        assert!(seen.conversations.len() <= CONVERSATIONS_MAX);
        let long = "c".repeat(ID_BYTES_MAX + 1);
        seen.gap(&long, 1, 5);
        assert!(
            seen.admit(&long, 1) && seen.admit(&long, 1),
            "it is not remembered"
        );
    }
}
