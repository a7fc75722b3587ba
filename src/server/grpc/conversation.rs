//! `ConversationService`: conversations, who is in them, what is done to their messages, and their history.

use std::sync::Arc;

use tonic::{Request, Response, Status, async_trait};

use super::{principal, status::status};
use crate::{
    auth::Principal,
    convert::{request, response},
    domain::{
        ids::Seq,
        page::{PageSize, page_token},
        reaction::Reaction,
    },
    engine::{Engine, Error},
    pb::{self, servers::conversation_service_server::ConversationService},
};

/// The service.
pub struct Conversations(pub Arc<Engine>);

impl Conversations {
    /// Gives an emoji or takes it back: the two requests have the same fields.
    async fn react(
        &self,
        principal: &Principal,
        (conversation_id, seq, emoji): (String, u64, String),
        add: bool,
    ) -> Result<Vec<pb::Reaction>, Error> {
        let id = request::conversation_id(&conversation_id)?;
        let emoji = request::emoji(&emoji)?;
        let reacted = self.0.react(principal, id, Seq::new(seq), emoji, add).await;
        let reactions: Vec<Reaction> = reacted?;
        Ok(reactions.iter().map(response::reaction).collect())
    }
}

#[async_trait]
impl ConversationService for Conversations {
    async fn start_conversation(
        &self,
        request: Request<pb::StartConversationRequest>,
    ) -> Result<Response<pb::StartConversationResponse>, Status> {
        let principal = principal(&self.0, &request)?;
        let name = request.into_inner().user_name;
        let peer = request::user_name("user_name", &name).map_err(status)?;
        let view = self
            .0
            .start_conversation(&principal, peer)
            .await
            .map_err(status)?;
        let conversation = Some(response::conversation(&view, principal.user.id));
        Ok(Response::new(pb::StartConversationResponse {
            conversation,
        }))
    }

    async fn create_conversation(
        &self,
        request: Request<pb::CreateConversationRequest>,
    ) -> Result<Response<pb::CreateConversationResponse>, Status> {
        let principal = principal(&self.0, &request)?;
        let new = request::new_conversation(request.get_ref()).map_err(status)?;
        let made = self.0.create_conversation(&principal, new).await;
        let view = made.map_err(status)?;
        let conversation = Some(response::conversation(&view, principal.user.id));
        Ok(Response::new(pb::CreateConversationResponse {
            conversation,
        }))
    }

    async fn list_conversations(
        &self,
        request: Request<pb::ListConversationsRequest>,
    ) -> Result<Response<pb::ListConversationsResponse>, Status> {
        let principal = principal(&self.0, &request)?;
        let asked = request.into_inner();
        let after = request::page_token(&asked.page_token).map_err(status)?;
        let size = PageSize::asked(asked.page_size);
        let page = self
            .0
            .list_conversations(&principal, after, size)
            .await
            .map_err(status)?;
        let last = page.views.last().filter(|_| page.more);
        Ok(Response::new(pb::ListConversationsResponse {
            next_page_token: last
                .map(|view| page_token(&view.conversation.id.to_string()))
                .unwrap_or_default(),
            conversations: page
                .views
                .iter()
                .map(|view| response::conversation(view, principal.user.id))
                .collect(),
        }))
    }

    async fn get_conversation(
        &self,
        request: Request<pb::GetConversationRequest>,
    ) -> Result<Response<pb::GetConversationResponse>, Status> {
        let principal = principal(&self.0, &request)?;
        let id = request::conversation_id(&request.into_inner().conversation_id).map_err(status)?;
        let view = self.0.conversation(&principal, id).await.map_err(status)?;
        let conversation = Some(response::conversation(&view, principal.user.id));
        Ok(Response::new(pb::GetConversationResponse { conversation }))
    }

    async fn update_conversation(
        &self,
        request: Request<pb::UpdateConversationRequest>,
    ) -> Result<Response<pb::UpdateConversationResponse>, Status> {
        let principal = principal(&self.0, &request)?;
        let asked = request.into_inner();
        let id = request::conversation_id(&asked.conversation_id).map_err(status)?;
        let change = request::change(asked).map_err(status)?;
        let updated = self.0.update_conversation(&principal, id, change).await;
        let view = updated.map_err(status)?;
        let conversation = Some(response::conversation(&view, principal.user.id));
        Ok(Response::new(pb::UpdateConversationResponse {
            conversation,
        }))
    }

    async fn list_channels(
        &self,
        request: Request<pb::ListChannelsRequest>,
    ) -> Result<Response<pb::ListChannelsResponse>, Status> {
        let principal = principal(&self.0, &request)?;
        let asked = request.into_inner();
        let after = request::page_token(&asked.page_token).map_err(status)?;
        let size = PageSize::asked(asked.page_size);
        let page = self
            .0
            .list_channels(&principal, asked.query, after, size)
            .await
            .map_err(status)?;
        let last = page.channels.last().filter(|_| page.more);
        let name = last.and_then(|(channel, _)| channel.name_for(principal.user.id));
        Ok(Response::new(pb::ListChannelsResponse {
            next_page_token: name.map(page_token).unwrap_or_default(),
            channels: page
                .channels
                .iter()
                .map(|(channel, mine)| response::channel(channel, *mine))
                .collect(),
        }))
    }

    async fn join_channel(
        &self,
        request: Request<pb::JoinChannelRequest>,
    ) -> Result<Response<pb::JoinChannelResponse>, Status> {
        let principal = principal(&self.0, &request)?;
        let name = request.into_inner().channel_name;
        let name = request::channel_name("channel_name", &name).map_err(status)?;
        let joined = self.0.join_channel(&principal, name).await;
        let view = joined.map_err(status)?;
        let conversation = Some(response::conversation(&view, principal.user.id));
        Ok(Response::new(pb::JoinChannelResponse { conversation }))
    }

    async fn leave_conversation(
        &self,
        request: Request<pb::LeaveConversationRequest>,
    ) -> Result<Response<pb::LeaveConversationResponse>, Status> {
        let principal = principal(&self.0, &request)?;
        let id = request::conversation_id(&request.into_inner().conversation_id).map_err(status)?;
        let left = self.0.leave_conversation(&principal, id).await;
        left.map_err(status)?;
        Ok(Response::new(pb::LeaveConversationResponse {}))
    }

    async fn add_members(
        &self,
        request: Request<pb::AddMembersRequest>,
    ) -> Result<Response<pb::AddMembersResponse>, Status> {
        let principal = principal(&self.0, &request)?;
        let asked = request.into_inner();
        let id = request::conversation_id(&asked.conversation_id).map_err(status)?;
        let names = request::user_names(&asked.user_names, 1).map_err(status)?;
        let added = self.0.add_members(&principal, id, names).await;
        let members = added.map_err(status)?;
        Ok(Response::new(pb::AddMembersResponse {
            members: members.iter().map(response::member).collect(),
        }))
    }

    async fn remove_member(
        &self,
        request: Request<pb::RemoveMemberRequest>,
    ) -> Result<Response<pb::RemoveMemberResponse>, Status> {
        let principal = principal(&self.0, &request)?;
        let asked = request.into_inner();
        let id = request::conversation_id(&asked.conversation_id).map_err(status)?;
        let name = request::user_name("user_name", &asked.user_name).map_err(status)?;
        let removed = self.0.remove_member(&principal, id, name, asked.ban).await;
        removed.map_err(status)?;
        Ok(Response::new(pb::RemoveMemberResponse {}))
    }

    async fn create_invite_link(
        &self,
        request: Request<pb::CreateInviteLinkRequest>,
    ) -> Result<Response<pb::CreateInviteLinkResponse>, Status> {
        let principal = principal(&self.0, &request)?;
        let asked = request.into_inner();
        let id = request::conversation_id(&asked.conversation_id).map_err(status)?;
        let ends = request::invite_ends(&asked).map_err(status)?;
        let made = self.0.create_invite_link(&principal, id, ends).await;
        let (link, code) = made.map_err(status)?;
        Ok(Response::new(pb::CreateInviteLinkResponse {
            invite_link: Some(response::invite_link(&link)),
            code: code.expose(),
        }))
    }

    async fn list_invite_links(
        &self,
        request: Request<pb::ListInviteLinksRequest>,
    ) -> Result<Response<pb::ListInviteLinksResponse>, Status> {
        let principal = principal(&self.0, &request)?;
        let asked = request.into_inner();
        let id = request::conversation_id(&asked.conversation_id).map_err(status)?;
        let after = request::page_token(&asked.page_token).map_err(status)?;
        let size = PageSize::asked(asked.page_size);
        let page = self
            .0
            .list_invite_links(&principal, id, after, size)
            .await
            .map_err(status)?;
        let last = page.links.last().filter(|_| page.more);
        Ok(Response::new(pb::ListInviteLinksResponse {
            next_page_token: last
                .map(|link| page_token(&link.id.to_string()))
                .unwrap_or_default(),
            invite_links: page.links.iter().map(response::invite_link).collect(),
        }))
    }

    async fn revoke_invite_link(
        &self,
        request: Request<pb::RevokeInviteLinkRequest>,
    ) -> Result<Response<pb::RevokeInviteLinkResponse>, Status> {
        let principal = principal(&self.0, &request)?;
        let asked = request.into_inner();
        let id = request::conversation_id(&asked.conversation_id).map_err(status)?;
        let link = request::invite_link_id(&asked.invite_link_id).map_err(status)?;
        let revoked = self.0.revoke_invite_link(&principal, id, link).await;
        revoked.map_err(status)?;
        Ok(Response::new(pb::RevokeInviteLinkResponse {}))
    }

    async fn join_by_invite_link(
        &self,
        request: Request<pb::JoinByInviteLinkRequest>,
    ) -> Result<Response<pb::JoinByInviteLinkResponse>, Status> {
        let principal = principal(&self.0, &request)?;
        let code = request::invite_code(&request.into_inner().code).map_err(status)?;
        let joined = self.0.join_by_invite(&principal, &code).await;
        let view = joined.map_err(status)?;
        let conversation = Some(response::conversation(&view, principal.user.id));
        Ok(Response::new(pb::JoinByInviteLinkResponse { conversation }))
    }

    async fn set_role(
        &self,
        request: Request<pb::SetRoleRequest>,
    ) -> Result<Response<pb::SetRoleResponse>, Status> {
        let principal = principal(&self.0, &request)?;
        let asked = request.into_inner();
        let id = request::conversation_id(&asked.conversation_id).map_err(status)?;
        let name = request::user_name("user_name", &asked.user_name).map_err(status)?;
        let role = request::role(asked.role).map_err(status)?;
        let set = self.0.set_role(&principal, id, name, role).await;
        let member = Some(response::member(&set.map_err(status)?));
        Ok(Response::new(pb::SetRoleResponse { member }))
    }

    async fn list_members(
        &self,
        request: Request<pb::ListMembersRequest>,
    ) -> Result<Response<pb::ListMembersResponse>, Status> {
        let principal = principal(&self.0, &request)?;
        let asked = request.into_inner();
        let id = request::conversation_id(&asked.conversation_id).map_err(status)?;
        let after = request::page_token(&asked.page_token).map_err(status)?;
        let size = PageSize::asked(asked.page_size);
        let page = self
            .0
            .list_members(&principal, id, asked.banned, after, size)
            .await
            .map_err(status)?;
        let last = page.members.last().filter(|_| page.more);
        Ok(Response::new(pb::ListMembersResponse {
            next_page_token: last
                .map(|member| page_token(&member.user.id.to_string()))
                .unwrap_or_default(),
            members: page.members.iter().map(response::member).collect(),
        }))
    }

    async fn list_markers(
        &self,
        request: Request<pb::ListMarkersRequest>,
    ) -> Result<Response<pb::ListMarkersResponse>, Status> {
        let principal = principal(&self.0, &request)?;
        let id = request::conversation_id(&request.into_inner().conversation_id).map_err(status)?;
        let markers = self.0.markers(&principal, id).await.map_err(status)?;
        Ok(Response::new(pb::ListMarkersResponse {
            markers: markers.iter().map(response::marker).collect(),
        }))
    }

    async fn edit_message(
        &self,
        request: Request<pb::EditMessageRequest>,
    ) -> Result<Response<pb::EditMessageResponse>, Status> {
        let principal = principal(&self.0, &request)?;
        let asked = request.into_inner();
        let id = request::conversation_id(&asked.conversation_id).map_err(status)?;
        let text = request::text(&asked.text).map_err(status)?;
        let seq = Seq::new(asked.seq);
        let edited = self.0.edit_message(&principal, id, seq, text).await;
        let message = Some(response::message(&edited.map_err(status)?));
        Ok(Response::new(pb::EditMessageResponse { message }))
    }

    async fn delete_message(
        &self,
        request: Request<pb::DeleteMessageRequest>,
    ) -> Result<Response<pb::DeleteMessageResponse>, Status> {
        let principal = principal(&self.0, &request)?;
        let asked = request.into_inner();
        let id = request::conversation_id(&asked.conversation_id).map_err(status)?;
        let seq = Seq::new(asked.seq);
        let deleted = self.0.delete_message(&principal, id, seq).await;
        let message = Some(response::message(&deleted.map_err(status)?));
        Ok(Response::new(pb::DeleteMessageResponse { message }))
    }

    async fn add_reaction(
        &self,
        request: Request<pb::AddReactionRequest>,
    ) -> Result<Response<pb::AddReactionResponse>, Status> {
        let principal = principal(&self.0, &request)?;
        let asked = request.into_inner();
        let asked = (asked.conversation_id, asked.seq, asked.emoji);
        let reactions = self.react(&principal, asked, true).await.map_err(status)?;
        Ok(Response::new(pb::AddReactionResponse { reactions }))
    }

    async fn remove_reaction(
        &self,
        request: Request<pb::RemoveReactionRequest>,
    ) -> Result<Response<pb::RemoveReactionResponse>, Status> {
        let principal = principal(&self.0, &request)?;
        let asked = request.into_inner();
        let asked = (asked.conversation_id, asked.seq, asked.emoji);
        let reactions = self.react(&principal, asked, false).await.map_err(status)?;
        Ok(Response::new(pb::RemoveReactionResponse { reactions }))
    }

    async fn list_messages(
        &self,
        request: Request<pb::ListMessagesRequest>,
    ) -> Result<Response<pb::ListMessagesResponse>, Status> {
        let principal = principal(&self.0, &request)?;
        let asked = request.into_inner();
        let id = request::conversation_id(&asked.conversation_id).map_err(status)?;
        let position = request::position(asked.position).map_err(status)?;
        let size = PageSize::asked(asked.page_size);
        let page = self
            .0
            .list_messages(&principal, id, position, size)
            .await
            .map_err(status)?;
        Ok(Response::new(pb::ListMessagesResponse {
            messages: page.messages.iter().map(response::message).collect(),
            history_floor_seq: page.floor.number(),
            last_seq: page.last_seq.number(),
        }))
    }

    async fn search_messages(
        &self,
        request: Request<pb::SearchMessagesRequest>,
    ) -> Result<Response<pb::SearchMessagesResponse>, Status> {
        let principal = principal(&self.0, &request)?;
        let asked = request.into_inner();
        let search = request::search(&asked).map_err(status)?;
        let before = request::place_token(&asked.page_token).map_err(status)?;
        let size = PageSize::asked(asked.page_size);
        let found = self.0.search(&principal, search, before, size).await;
        let found = found.map_err(status)?;
        Ok(Response::new(pb::SearchMessagesResponse {
            hits: found.items.iter().map(response::hit).collect(),
            next_page_token: response::place_token(found.next),
        }))
    }

    async fn list_mentions(
        &self,
        request: Request<pb::ListMentionsRequest>,
    ) -> Result<Response<pb::ListMentionsResponse>, Status> {
        let principal = principal(&self.0, &request)?;
        let asked = request.into_inner();
        let before = request::place_token(&asked.page_token).map_err(status)?;
        let size = PageSize::asked(asked.page_size);
        let found = self
            .0
            .list_mentions(&principal, asked.unread_only, before, size)
            .await
            .map_err(status)?;
        Ok(Response::new(pb::ListMentionsResponse {
            messages: found.items.iter().map(response::message).collect(),
            next_page_token: response::place_token(found.next),
        }))
    }

    async fn set_notify_level(
        &self,
        request: Request<pb::SetNotifyLevelRequest>,
    ) -> Result<Response<pb::SetNotifyLevelResponse>, Status> {
        let principal = principal(&self.0, &request)?;
        let asked = request.into_inner();
        let id = request::conversation_id(&asked.conversation_id).map_err(status)?;
        let notify = request::notify(asked.notify).map_err(status)?;
        let set = self.0.set_notify(&principal, id, notify).await;
        set.map_err(status)?;
        let notify = Some(response::notify(notify));
        Ok(Response::new(pb::SetNotifyLevelResponse { notify }))
    }
}
