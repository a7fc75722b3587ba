//! Reactions: short texts that users give to a message.

use std::{str::FromStr, sync::Arc};

use super::limits::EMOJI_BYTES_MAX;

/// An emoji, or another short text without spaces. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Emoji(Arc<str>);

/// Why a text is no emoji.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a reaction is 1 to {EMOJI_BYTES_MAX} bytes without spaces and control characters, best one emoji"
)]
pub struct EmojiError;

impl Emoji {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Emoji {
    type Err = EmojiError;

    fn from_str(text: &str) -> Result<Self, EmojiError> {
        let fits = (1..=EMOJI_BYTES_MAX).contains(&text.len());
        match fits && !text.contains(|c: char| c.is_control() || c.is_whitespace()) {
            true => Ok(Self(text.into())),
            false => Err(EmojiError),
        }
    }
}

/// How often one emoji was given to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaction {
    /// What was given.
    pub emoji: Emoji,
    /// By how many users: at least one.
    pub count: u64,
    /// Whether the reader is one of them; false where one event goes to many readers.
    pub mine: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emoji_pass_and_what_breaks_a_line_does_not() {
        for text in ["👍", "👨‍👩‍👧‍👦", "+1", &"x".repeat(EMOJI_BYTES_MAX)] {
            assert!(text.parse::<Emoji>().is_ok(), "{text:?}");
        }
        for text in [
            "",
            "a b",
            "\u{1b}[2J",
            "\u{a0}",
            &"x".repeat(EMOJI_BYTES_MAX + 1),
        ] {
            assert_eq!(text.parse::<Emoji>(), Err(EmojiError), "{text:?}");
        }
    }
}
