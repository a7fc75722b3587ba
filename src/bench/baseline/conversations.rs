//! The conversations of the baselines: pages of history, and nothing else.

use tonic::{Request, Response, Status, async_trait};

use super::service::{Relay, not_here};
use crate::pb::{self, servers::conversation_service_server::ConversationService};

#[async_trait]
impl ConversationService for Relay {
    async fn list_messages(
        &self,
        request: Request<pb::ListMessagesRequest>,
    ) -> Result<Response<pb::ListMessagesResponse>, Status> {
        let pages = self.pages().ok_or_else(not_here)?;
        let page = pages.list(request.into_inner()).await?;
        Ok(Response::new(page))
    }

    async fn start_conversation(
        &self,
        _: Request<pb::StartConversationRequest>,
    ) -> Result<Response<pb::StartConversationResponse>, Status> {
        Err(not_here())
    }

    async fn create_conversation(
        &self,
        _: Request<pb::CreateConversationRequest>,
    ) -> Result<Response<pb::CreateConversationResponse>, Status> {
        Err(not_here())
    }

    async fn list_conversations(
        &self,
        _: Request<pb::ListConversationsRequest>,
    ) -> Result<Response<pb::ListConversationsResponse>, Status> {
        Err(not_here())
    }

    async fn get_conversation(
        &self,
        _: Request<pb::GetConversationRequest>,
    ) -> Result<Response<pb::GetConversationResponse>, Status> {
        Err(not_here())
    }

    async fn update_conversation(
        &self,
        _: Request<pb::UpdateConversationRequest>,
    ) -> Result<Response<pb::UpdateConversationResponse>, Status> {
        Err(not_here())
    }

    async fn list_channels(
        &self,
        _: Request<pb::ListChannelsRequest>,
    ) -> Result<Response<pb::ListChannelsResponse>, Status> {
        Err(not_here())
    }

    async fn join_channel(
        &self,
        _: Request<pb::JoinChannelRequest>,
    ) -> Result<Response<pb::JoinChannelResponse>, Status> {
        Err(not_here())
    }

    async fn leave_conversation(
        &self,
        _: Request<pb::LeaveConversationRequest>,
    ) -> Result<Response<pb::LeaveConversationResponse>, Status> {
        Err(not_here())
    }

    async fn add_members(
        &self,
        _: Request<pb::AddMembersRequest>,
    ) -> Result<Response<pb::AddMembersResponse>, Status> {
        Err(not_here())
    }

    async fn remove_member(
        &self,
        _: Request<pb::RemoveMemberRequest>,
    ) -> Result<Response<pb::RemoveMemberResponse>, Status> {
        Err(not_here())
    }

    async fn set_role(
        &self,
        _: Request<pb::SetRoleRequest>,
    ) -> Result<Response<pb::SetRoleResponse>, Status> {
        Err(not_here())
    }

    async fn list_members(
        &self,
        _: Request<pb::ListMembersRequest>,
    ) -> Result<Response<pb::ListMembersResponse>, Status> {
        Err(not_here())
    }

    async fn edit_message(
        &self,
        _: Request<pb::EditMessageRequest>,
    ) -> Result<Response<pb::EditMessageResponse>, Status> {
        Err(not_here())
    }

    async fn delete_message(
        &self,
        _: Request<pb::DeleteMessageRequest>,
    ) -> Result<Response<pb::DeleteMessageResponse>, Status> {
        Err(not_here())
    }

    async fn add_reaction(
        &self,
        _: Request<pb::AddReactionRequest>,
    ) -> Result<Response<pb::AddReactionResponse>, Status> {
        Err(not_here())
    }

    async fn remove_reaction(
        &self,
        _: Request<pb::RemoveReactionRequest>,
    ) -> Result<Response<pb::RemoveReactionResponse>, Status> {
        Err(not_here())
    }

    async fn search_messages(
        &self,
        _: Request<pb::SearchMessagesRequest>,
    ) -> Result<Response<pb::SearchMessagesResponse>, Status> {
        Err(not_here())
    }

    async fn list_mentions(
        &self,
        _: Request<pb::ListMentionsRequest>,
    ) -> Result<Response<pb::ListMentionsResponse>, Status> {
        Err(not_here())
    }

    async fn set_notify_level(
        &self,
        _: Request<pb::SetNotifyLevelRequest>,
    ) -> Result<Response<pb::SetNotifyLevelResponse>, Status> {
        Err(not_here())
    }

    async fn create_invite_link(
        &self,
        _: Request<pb::CreateInviteLinkRequest>,
    ) -> Result<Response<pb::CreateInviteLinkResponse>, Status> {
        Err(not_here())
    }

    async fn list_invite_links(
        &self,
        _: Request<pb::ListInviteLinksRequest>,
    ) -> Result<Response<pb::ListInviteLinksResponse>, Status> {
        Err(not_here())
    }

    async fn revoke_invite_link(
        &self,
        _: Request<pb::RevokeInviteLinkRequest>,
    ) -> Result<Response<pb::RevokeInviteLinkResponse>, Status> {
        Err(not_here())
    }

    async fn join_by_invite_link(
        &self,
        _: Request<pb::JoinByInviteLinkRequest>,
    ) -> Result<Response<pb::JoinByInviteLinkResponse>, Status> {
        Err(not_here())
    }

    async fn list_markers(
        &self,
        _: Request<pb::ListMarkersRequest>,
    ) -> Result<Response<pb::ListMarkersResponse>, Status> {
        Err(not_here())
    }
}
