//! What a cache can be told: the words of [`Cache::apply`](super::Cache::apply).
//!
//! They stand for whole new states wherever the server sends such, so that telling one twice changes nothing. The order
//! matters: a [`Change::Cursor`] says that everything before it in the order is all there is up to that place.

use crate::pb;

/// One change.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The store of the server has this epoch (from `welcome`). If another one is kept, everything is dropped.
    Epoch(String),
    /// Everything is dropped (from `reset`), the texts that were begun as well: the ids of conversations mean nothing now.
    Reset,
    /// The whole state of a conversation.
    Conversation {
        /// As this user sees it; the fields that shared events leave out must be filled in.
        state: Box<pb::Conversation>,
        /// Its place in the order of the list: the higher, the newer.
        last_activity: u64,
    },
    /// What changes with each message, without the whole state.
    Counts {
        /// The conversation.
        conversation: String,
        /// As in [`Change::Conversation`].
        last_activity: u64,
        /// Highest `seq` of it.
        last_seq: u64,
        /// Highest `seq` that is read.
        read_seq: u64,
        /// Messages of others after it.
        unread: u64,
        /// How many of them mention this user.
        mentions: u64,
    },
    /// A conversation is gone for this user, with all that belongs to it.
    Gone {
        /// The conversation.
        conversation: String,
    },
    /// A message, from an event or a page. Of two the higher revision stays; at the same revision the later one.
    Message(Box<pb::Message>),
    /// The message of `message_edited`: its reactions stay as they are.
    Edited(Box<pb::Message>),
    /// A text is gone, for good, from the file as well.
    Deleted(pb::MessageDeleted),
    /// Reactions to a message.
    Reactions {
        /// The event.
        event: pb::ReactionChanged,
        /// Whether it is this user who changed them.
        is_mine: bool,
    },
    /// Messages were left out (from `gap`): those in the range that are kept may have changed meanwhile, and are dropped.
    Hole(pb::Gap),
    /// How far a member has read, and what has arrived there. Each only grows.
    Marker {
        /// The conversation.
        conversation: String,
        /// The member.
        user_id: String,
        /// Read up to here.
        read_seq: u64,
        /// Arrived up to here.
        delivered_seq: u64,
    },
    /// All whom the user blocks.
    Blocked(Vec<pb::UserRef>),
    /// A text that is not sent yet; an empty one is none.
    Draft {
        /// The conversation.
        conversation: String,
        /// The text.
        text: String,
    },
    /// All that was begun and is no message to a conversation that is here, in the program's own words; empty: nothing. It
    /// stays when everything is dropped: none of it comes from the server.
    Written(String),
    /// A line that was sent, for the history of the composer.
    SentLine {
        /// The conversation.
        conversation: String,
        /// The text.
        text: String,
    },
    /// The conversation in front.
    Front(Option<String>),
    /// Everything up to here has been told.
    Cursor(String),
}

impl Change {
    /// About how much memory it takes while it waits.
    pub(super) fn weight(&self) -> usize {
        // What stands beside the texts: names, ids, the queue itself.
        const BESIDE: usize = 512;
        let texts = match self {
            Self::Message(message) | Self::Edited(message) => {
                prost::Message::encoded_len(&**message)
            }
            Self::Conversation { state, .. } => prost::Message::encoded_len(&**state),
            Self::Reactions { event, .. } => prost::Message::encoded_len(event),
            Self::Blocked(users) => users.len() * 96,
            Self::Deleted(deleted) => prost::Message::encoded_len(deleted),
            Self::Draft { text, .. } | Self::SentLine { text, .. } => text.len(),
            Self::Written(text)
            | Self::Epoch(text)
            | Self::Cursor(text)
            | Self::Front(Some(text)) => text.len(),
            Self::Counts { .. }
            | Self::Gone { .. }
            | Self::Hole(_)
            | Self::Marker { .. }
            | Self::Front(None)
            | Self::Reset => 0,
        };
        BESIDE + texts
    }
}
