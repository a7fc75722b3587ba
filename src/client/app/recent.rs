//! The messages of late, as far as a quotation needs them.

use std::collections::VecDeque;

use super::untrusted::Untrusted;

/// Messages that are remembered; past it the oldest is forgotten.
const MESSAGES_MAX: usize = 2000;
/// Characters of a text and of a name that are remembered: a little more than are quoted.
const TEXT_CHARS: usize = 50;
const NAME_CHARS: usize = 40;
/// The longest id of a conversation whose messages are remembered.
const ID_BYTES_MAX: usize = 256;

/// The beginning of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    conversation: String,
    seq: u64,
    /// Who sent it.
    pub sender: Untrusted,
    /// How it begins; `None`: it was deleted.
    pub text: Option<Untrusted>,
}

/// See the head of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recent(VecDeque<Remembered>);

impl Recent {
    /// Remembers a message, or what it has become.
    pub fn remember(
        &mut self,
        conversation: &str,
        seq: u64,
        sender: &Untrusted,
        text: Option<&Untrusted>,
    ) {
        if conversation.len() > ID_BYTES_MAX {
            return;
        }
        let message = Remembered {
            conversation: conversation.to_owned(),
            seq,
            sender: sender.clone().cut(NAME_CHARS),
            text: text.cloned().map(|text| text.cut(TEXT_CHARS)),
        };
        if let Some(known) = self.get_mut(conversation, seq) {
            *known = message;
            return;
        }
        if self.0.len() >= MESSAGES_MAX {
            self.0.pop_front();
        }
        self.0.push_back(message);
    }

    /// Forgets the text of a message that was deleted.
    pub fn deleted(&mut self, conversation: &str, seq: u64) {
        if let Some(known) = self.get_mut(conversation, seq) {
            known.text = None;
        }
    }

    /// Forgets all: the store is another one.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// A message, if it is remembered.
    pub fn get(&self, conversation: &str, seq: u64) -> Option<&Remembered> {
        let is_it = |it: &&Remembered| it.seq == seq && it.conversation == conversation;
        self.0.iter().rev().find(is_it)
    }

    fn get_mut(&mut self, conversation: &str, seq: u64) -> Option<&mut Remembered> {
        let is_it = |it: &&mut Remembered| it.seq == seq && it.conversation == conversation;
        self.0.iter_mut().rev().find(is_it)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_remembered_as_they_are_now() {
        let mut recent = Recent::default();
        let say = |recent: &mut Recent, seq: u64, text: &str| {
            recent.remember("c1", seq, &"bob".into(), Some(&text.into()));
        };
        for seq in 1..=3000 {
            say(&mut recent, seq, &"x".repeat(100));
        }
        assert_eq!(recent.0.len(), MESSAGES_MAX);
        assert_eq!(recent.get("c1", 1000), None);
        assert_eq!(recent.get("c2", 3000), None);
        say(&mut recent, 3000, "new");
        let text = |recent: &Recent| recent.get("c1", 3000).unwrap().text.clone();
        assert_eq!(text(&recent), Some("new".into()));
        recent.deleted("c1", 3000);
        assert_eq!(text(&recent), None);
        assert_eq!(recent.0.len(), MESSAGES_MAX);
    }
}
