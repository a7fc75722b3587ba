//! What is remembered of pages that were asked for, so that none is asked for without end, and of a message that is gone
//! to before it is in memory. Decides nothing.

use super::{chat::ChatId, window::Ask};

/// A page that was asked for, and the state in which that was: asked again in the same state, it would bring the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// The conversation.
    pub chat: ChatId,
    /// What was asked for.
    pub ask: Ask,
    /// How many messages of it were in memory.
    pub messages_count: usize,
    /// The number of its newest message.
    pub last_seq: u64,
    /// Whether the server could be asked.
    pub is_up: bool,
}

/// A message that is gone to as soon as it is in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jump {
    /// The conversation.
    pub chat: ChatId,
    /// The message.
    pub seq: u64,
    /// Where it comes to stand.
    pub to: JumpTo,
}

/// Where a message comes to stand that is gone to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JumpTo {
    /// Where it can be seen.
    Sight,
    /// Where it can be seen, and it is selected.
    Selection,
    /// At the top of the screen.
    Top,
}
