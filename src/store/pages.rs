//! Pages of what a store lists: each says whether there are more, and nothing of how to go on, which is the caller's.

use crate::domain::{
    conversation::{Conversation, ConversationView, Member},
    ids::Seq,
    invite::InviteLink,
    message::Message,
    role::Role,
    user::User,
};

/// One page of users, by name, and how many there are in all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserPage {
    /// The users.
    pub users: Vec<User>,
    /// Whether there are more.
    pub more: bool,
    /// How many match in all.
    pub total: u64,
}

/// One page of conversations, by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversationPage {
    /// The conversations.
    pub views: Vec<ConversationView>,
    /// Whether there are more.
    pub more: bool,
}

/// One page of messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessagePage {
    /// In the order of `seq`, without gaps.
    pub messages: Vec<Message>,
    /// The reader reads what lies after this.
    pub floor: Seq,
    /// Highest `seq` of the conversation.
    pub last_seq: Seq,
}

/// One page of members, or of those who are banned, by user id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberPage {
    /// The members.
    pub members: Vec<Member>,
    /// Whether there are more.
    pub more: bool,
}

/// One page of invite links, by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InviteLinkPage {
    /// The links.
    pub links: Vec<InviteLink>,
    /// Whether there are more.
    pub more: bool,
}

/// One page of channels, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelPage {
    /// What everybody may know of each, and the role of the caller who is a member.
    pub channels: Vec<(Conversation, Option<Role>)>,
    /// Whether there are more.
    pub more: bool,
}
