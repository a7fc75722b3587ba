//! Messages, and what it takes to send one.

use super::{
    clock::TimeMs,
    file::File,
    ids::{ClientMessageId, ConversationId, FileId, MessageId, Seq},
    mention::Mentions,
    name::{ChannelName, UserName},
    reaction::Reaction,
    text::MessageText,
    user::UserRef,
};

/// What is said of a file beside its name: hash, type, numbers.
const FILE_BYTES: usize = 128;

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
    /// What it says; `None`: it was deleted.
    pub text: Option<MessageText>,
    /// The message that it answers.
    pub reply_to: Option<Seq>,
    /// How often it was edited or deleted.
    pub revision: u64,
    /// The reactions to it, the first given first.
    pub reactions: Vec<Reaction>,
    /// Who it mentions.
    pub mentions: Mentions,
    /// The files that it holds, in the order of the sender.
    pub attachments: Vec<File>,
}

impl Message {
    /// Bytes of its text.
    pub fn text_bytes(&self) -> usize {
        self.text.as_ref().map_or(0, |text| text.as_str().len())
    }

    /// What it weighs in a page: its text and what is said of its files.
    pub fn weight(&self) -> usize {
        let of_files = self
            .attachments
            .iter()
            .map(|file| FILE_BYTES + file.name.as_str().len());
        self.text_bytes() + of_files.sum::<usize>()
    }

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
    /// The channel of this name, which the sender is a member of.
    Channel(ChannelName),
}

/// What a sender asks for, as it was given: a repeat under the same id must say the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendRequest {
    /// Where to.
    pub target: Target,
    /// What it says.
    pub text: MessageText,
    /// The message that it answers.
    pub reply_to: Option<Seq>,
    /// Files of the sender, each once.
    pub attachments: Vec<FileId>,
}

/// A message to be committed.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// Who sends.
    pub sender: UserRef,
    /// The sender's name for the send.
    pub client_id: ClientMessageId,
    /// What is asked for.
    pub request: SendRequest,
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
