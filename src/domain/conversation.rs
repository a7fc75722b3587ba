//! Conversations as all members see them, and as one member does.

use super::{
    ids::{ConversationId, Seq, UserId},
    message::Message,
    name::UserName,
    user::UserRef,
};

/// What kind of conversation it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConversationKind {
    /// Two members, or one: notes to self.
    Direct,
}

/// What all members see alike. Stands in shared events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// Never changes.
    pub id: ConversationId,
    /// Never changes.
    pub kind: ConversationKind,
    /// For DIRECT: the one or two people it is between, sorted by id.
    pub members: Vec<UserRef>,
    /// Highest `seq`.
    pub last_seq: Seq,
}

impl Conversation {
    /// What the conversation is called for one of its people: the other's name, or the own for notes to self.
    pub fn name_for(&self, user: UserId) -> Option<&UserName> {
        let other = self.members.iter().find(|member| member.id != user);
        other.or(self.members.first()).map(|member| &member.name)
    }
}

/// What one member sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversationView {
    /// What all see.
    pub conversation: Conversation,
    /// How far the member has read.
    pub read: ReadState,
    /// The newest message.
    pub last_message: Option<Message>,
}

/// How far a member has read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadState {
    /// Everything up to here is read.
    pub read_seq: Seq,
    /// Messages of others after it.
    pub unread: u64,
}

impl ReadState {
    /// Unread is arithmetic: what lies after the marker, less what the member sent there.
    ///
    /// `sent` counts the member's own messages, `sent_at_read` those of them up to `read_seq`.
    pub const fn of(last_seq: Seq, read_seq: Seq, sent: u64, sent_at_read: u64) -> Self {
        let unread = last_seq
            .since(read_seq)
            .saturating_sub(sent.saturating_sub(sent_at_read));
        Self { read_seq, unread }
    }
}
