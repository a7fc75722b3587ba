//! What readers get: everything that was committed, in commit order. (What only one stream needs to hear, such as a
//! gap, is made by the stream itself.)

use super::{
    conversation::Conversation,
    ids::{ConversationId, Offset, Seq, UserId},
    message::Message,
};

/// Something that was committed, at its place in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its place.
    pub offset: Offset,
    /// What happened.
    pub body: EventBody,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventBody {
    /// A message was sent (log event).
    Message(Message),
    /// A conversation is new or changed (log event). Whole new state.
    ConversationChanged(Conversation),
    /// A read marker moved (state row). Whole new value.
    ReadMarker(ReadMarker),
}

/// How far a user has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadMarker {
    /// Where.
    pub conversation: ConversationId,
    /// Who.
    pub user: UserId,
    /// Everything up to here is read.
    pub read_seq: Seq,
}

/// Messages that a replay leaves out since the caller limited the backlog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Where.
    pub conversation: ConversationId,
    /// First message left out.
    pub from_seq: Seq,
    /// Last message left out.
    pub to_seq: Seq,
}

/// Why a stream ends though nothing is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoingAwayReason {
    /// The server stops.
    Shutdown,
    /// The device has opened more streams than it may have, and this was the oldest.
    Replaced,
    /// The connection has served its time.
    ConnectionAge,
}
