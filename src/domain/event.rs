//! What readers get: everything that was committed, in commit order. (What only one stream needs to hear, such as a
//! gap, is made by the stream itself.)

use super::{
    conversation::{Conversation, MemberSettings},
    ids::{ConversationId, Offset, Seq, UserId},
    message::Message,
    reaction::{Emoji, Reaction},
    role::Role,
    user::{Presence, UserRef},
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
    /// A message has another text (log event; the last one for the message stays). Without its reactions.
    MessageEdited(Message),
    /// The text of a message is gone (log event).
    MessageDeleted(MessageDeleted),
    /// The reactions to a message have changed (state row: the last one for the message stays).
    ReactionsChanged(ReactionsChanged),
    /// Somebody became a member, is none any more, or has another role (log event).
    MemberChanged(MemberChanged),
    /// A conversation is new or changed (log event). Whole new state.
    ConversationChanged(Conversation),
    /// A read marker moved (state row). Whole new value.
    ReadMarker(ReadMarker),
    /// What a member set for a conversation has changed (state row, for that member alone). Whole new value.
    SettingsChanged(SettingsChanged),
    /// Whom a user blocks (state row, for that user alone). All of them, by id.
    BlocksChanged(Vec<UserRef>),
}

/// What only those who are here at this moment hear of: it is never stored, and lost on whoever lags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ephemeral {
    /// How a user can be reached.
    Presence(UserId, Presence),
    /// Somebody types in a conversation, or stopped.
    Typing(ConversationId, UserRef, bool),
    /// Everything in a conversation up to a message has arrived at a user.
    Delivered(ConversationId, UserId, Seq),
}

/// What a member set for a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SettingsChanged {
    /// Where.
    pub conversation: ConversationId,
    /// Whole new value.
    pub settings: MemberSettings,
}

/// The text of a message is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageDeleted {
    /// Where.
    pub conversation: ConversationId,
    /// Which.
    pub seq: Seq,
    /// Its revision now.
    pub revision: u64,
    /// Who did it.
    pub by: UserRef,
}

/// The reactions to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReactionsChanged {
    /// Where.
    pub conversation: ConversationId,
    /// Which message.
    pub seq: Seq,
    /// All that it has now, the first given first. `mine` is right only when it is replayed.
    pub reactions: Vec<Reaction>,
    /// What was done; `None` when it is replayed and stands for many changes.
    pub act: Option<ReactionAct>,
}

/// What somebody did with a reaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReactionAct {
    /// Who.
    pub user: UserRef,
    /// What was given or taken back.
    pub emoji: Emoji,
    /// Whether it was given.
    pub added: bool,
}

/// What happened to a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberChange {
    /// Was added by another member, with this role.
    Added(Role),
    /// Joined, with this role.
    Joined(Role),
    /// Left.
    Left,
    /// Was removed.
    Removed,
    /// Was removed for good.
    Banned,
    /// Has another role.
    Role(Role),
}

/// Something happened to a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberChanged {
    /// Where.
    pub conversation: ConversationId,
    /// To whom.
    pub user: UserRef,
    /// What.
    pub change: MemberChange,
    /// Who did it.
    pub by: UserRef,
    /// How many members there were after it.
    pub members_count: u64,
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
