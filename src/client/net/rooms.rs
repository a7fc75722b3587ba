//! Groups and channels: making them, finding them, and who is in them.
//!
//! What takes a [`Patience`] can be repeated without harm. What makes or leaves a conversation takes none: were the answer
//! lost, a second attempt would make a second one, or be refused for what the first has done.

use prost::Message as _;

use crate::{
    domain::{
        limits::PAGE_SIZE_MAX,
        name::{ChannelName, UserName},
    },
    pb,
};

use super::{
    error::ClientError,
    session::{Page, Patience, Session, all_pages, attempts},
};

/// Bytes of channels or members after which a server that never ends its list is not believed any more.
const LIST_BYTES_MAX: usize = 128 * 1024 * 1024;

/// What a new group or channel is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomWish {
    /// GROUP or CHANNEL.
    pub kind: pb::ConversationKind,
    /// Its name; a channel's without `#`.
    pub name: String,
    /// What it is about; may be empty.
    pub topic: String,
    /// Who is a member from the beginning, beside the caller.
    pub users: Vec<UserName>,
}

/// What of a group or channel is to be changed; `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoomChange {
    /// Another name.
    pub name: Option<String>,
    /// Another topic; empty: none.
    pub topic: Option<String>,
}

fn page_size() -> u32 {
    u32::try_from(PAGE_SIZE_MAX).unwrap_or(0)
}

fn names(users: &[UserName]) -> Vec<String> {
    users.iter().map(UserName::to_string).collect()
}

impl Session {
    /// Makes a group or channel that the caller owns.
    pub async fn create_conversation(
        &self,
        wish: &RoomWish,
    ) -> Result<pb::Conversation, ClientError> {
        let request = pb::CreateConversationRequest {
            kind: wish.kind.into(),
            name: wish.name.clone(),
            topic: wish.topic.clone(),
            user_names: names(&wish.users),
            ..pb::CreateConversationRequest::default()
        };
        let call = async || {
            let mut conversations = self.connection().conversations();
            conversations.create_conversation(request.clone()).await
        };
        let answer = attempts(Patience::None, call).await?;
        answer
            .conversation
            .ok_or(ClientError::BadAnswer("conversation"))
    }

    /// Gives a group or channel another name or topic.
    pub async fn update_conversation(
        &self,
        conversation_id: &str,
        change: &RoomChange,
        patience: Patience,
    ) -> Result<pb::Conversation, ClientError> {
        let request = pb::UpdateConversationRequest {
            conversation_id: conversation_id.to_owned(),
            name: change.name.clone(),
            topic: change.topic.clone(),
            ..pb::UpdateConversationRequest::default()
        };
        let call = async || {
            let mut conversations = self.connection().conversations();
            conversations.update_conversation(request.clone()).await
        };
        let answer = attempts(patience, call).await?;
        answer
            .conversation
            .ok_or(ClientError::BadAnswer("conversation"))
    }

    /// Returns all channels whose names contain a text (all, if it is empty), sorted by name, whether the caller is a
    /// member or not.
    pub async fn channels(
        &self,
        contains: &str,
        patience: Patience,
    ) -> Result<Vec<pb::Conversation>, ClientError> {
        let page = |page_token: String| async move {
            let request = pb::ListChannelsRequest {
                page_size: page_size(),
                page_token,
                query: contains.to_owned(),
            };
            let call = async || {
                let mut conversations = self.connection().conversations();
                conversations.list_channels(request.clone()).await
            };
            let page = attempts(patience, call).await?;
            Ok(Page {
                bytes: page.encoded_len(),
                items: page.channels,
                next: page.next_page_token,
            })
        };
        all_pages(LIST_BYTES_MAX, "end of the list of channels", page).await
    }

    /// Returns the channel of this name, if the caller is a member.
    pub async fn channel_of_mine(
        &self,
        name: &ChannelName,
        patience: Patience,
    ) -> Result<Option<pb::Conversation>, ClientError> {
        let all = self.conversations(patience).await?;
        let is_it = |it: &pb::Conversation| {
            it.kind() == pb::ConversationKind::Channel && it.name == name.as_str()
        };
        Ok(all.into_iter().find(is_it))
    }

    /// Makes the caller a member of a channel.
    pub async fn join_channel(
        &self,
        name: &ChannelName,
        patience: Patience,
    ) -> Result<pb::Conversation, ClientError> {
        let request = pb::JoinChannelRequest {
            channel_name: name.to_string(),
        };
        let call = async || {
            let mut conversations = self.connection().conversations();
            conversations.join_channel(request.clone()).await
        };
        let answer = attempts(patience, call).await?;
        answer
            .conversation
            .ok_or(ClientError::BadAnswer("conversation"))
    }

    /// Ends the caller's membership of a group or channel.
    pub async fn leave_conversation(&self, conversation_id: &str) -> Result<(), ClientError> {
        let request = pb::LeaveConversationRequest {
            conversation_id: conversation_id.to_owned(),
        };
        let call = async || {
            let mut conversations = self.connection().conversations();
            conversations.leave_conversation(request.clone()).await
        };
        attempts(Patience::None, call).await.map(|_| ())
    }

    /// Makes users members of a group or channel, all of them or none.
    pub async fn add_members(
        &self,
        conversation_id: &str,
        users: &[UserName],
        patience: Patience,
    ) -> Result<Vec<pb::Member>, ClientError> {
        let request = pb::AddMembersRequest {
            conversation_id: conversation_id.to_owned(),
            user_names: names(users),
        };
        let call = async || {
            let mut conversations = self.connection().conversations();
            conversations.add_members(request.clone()).await
        };
        Ok(attempts(patience, call).await?.members)
    }

    /// Ends the membership of another; with `ban` for good.
    pub async fn remove_member(
        &self,
        conversation_id: &str,
        user: &UserName,
        ban: bool,
    ) -> Result<(), ClientError> {
        let request = pb::RemoveMemberRequest {
            conversation_id: conversation_id.to_owned(),
            user_name: user.to_string(),
            ban,
        };
        let call = async || {
            let mut conversations = self.connection().conversations();
            conversations.remove_member(request.clone()).await
        };
        attempts(Patience::None, call).await.map(|_| ())
    }

    /// Gives a member another role.
    pub async fn set_role(
        &self,
        conversation_id: &str,
        user: &UserName,
        role: pb::Role,
        patience: Patience,
    ) -> Result<pb::Member, ClientError> {
        let request = pb::SetRoleRequest {
            conversation_id: conversation_id.to_owned(),
            user_name: user.to_string(),
            role: role.into(),
        };
        let call = async || {
            let mut conversations = self.connection().conversations();
            conversations.set_role(request.clone()).await
        };
        let answer = attempts(patience, call).await?;
        answer.member.ok_or(ClientError::BadAnswer("member"))
    }

    /// Returns the members of a group or channel, or those who are banned from it.
    pub async fn members(
        &self,
        conversation_id: &str,
        banned: bool,
        patience: Patience,
    ) -> Result<Vec<pb::Member>, ClientError> {
        let page = |page_token: String| async move {
            let request = pb::ListMembersRequest {
                conversation_id: conversation_id.to_owned(),
                page_size: page_size(),
                page_token,
                banned,
            };
            let call = async || {
                let mut conversations = self.connection().conversations();
                conversations.list_members(request.clone()).await
            };
            let page = attempts(patience, call).await?;
            Ok(Page {
                bytes: page.encoded_len(),
                items: page.members,
                next: page.next_page_token,
            })
        };
        all_pages(LIST_BYTES_MAX, "end of the list of members", page).await
    }
}
