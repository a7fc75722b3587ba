//! Messages, and what it takes to send one.

use super::{
    clock::TimeMs,
    ids::{ClientMessageId, ConversationId, MessageId, Seq},
    name::UserName,
    text::MessageText,
    user::UserRef,
};

/// A message that is on stable storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Where it stands.
    pub conversation: ConversationId,
    /// Its place there.
    pub seq: Seq,
    /// Who sent it.
    pub sender: UserRef,
    /// When the server accepted it.
    pub sent: TimeMs,
    /// The sender's name for the send.
    pub client_id: ClientMessageId,
    /// What it says.
    pub text: MessageText,
}

impl Message {
    /// Its name in the whole store.
    pub const fn id(&self) -> MessageId {
        MessageId(self.conversation, self.seq)
    }
}

/// Where a message is to go, as the caller said it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A conversation that the sender is a member of.
    Conversation(ConversationId),
    /// The DIRECT conversation with a user, made if need be.
    User(UserName),
}

/// A message to be committed.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// Who sends.
    pub sender: UserRef,
    /// Where to.
    pub target: Target,
    /// The sender's name for the send.
    pub client_id: ClientMessageId,
    /// What it says.
    pub text: MessageText,
    /// When the server accepted it.
    pub sent: TimeMs,
}

/// The acknowledgement: the message is on stable storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Where it stands.
    pub conversation: ConversationId,
    /// Its place there.
    pub seq: Seq,
    /// When the server accepted it, the first time.
    pub sent: TimeMs,
    /// True if the same send was acknowledged before.
    pub duplicate: bool,
}
