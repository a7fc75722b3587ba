//! `ConversationService`: conversations and their history.

use std::sync::Arc;

use tonic::{Request, Response, Status, async_trait};

use super::{principal, status::status};
use crate::{
    convert::{request, response},
    domain::page::{PageSize, page_token},
    engine::Engine,
    pb::{self, servers::conversation_service_server::ConversationService},
};

/// The service.
pub struct Conversations(pub Arc<Engine>);

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

    async fn list_messages(
        &self,
        request: Request<pb::ListMessagesRequest>,
    ) -> Result<Response<pb::ListMessagesResponse>, Status> {
        let principal = principal(&self.0, &request)?;
        let asked = request.into_inner();
        let id = request::conversation_id(&asked.conversation_id).map_err(status)?;
        let position = request::position(asked.position);
        let size = PageSize::asked(asked.page_size);
        let page = self
            .0
            .list_messages(&principal, id, position, size)
            .await
            .map_err(status)?;
        Ok(Response::new(pb::ListMessagesResponse {
            messages: page.messages.iter().map(response::message).collect(),
            // Nothing is ever purged by this server.
            history_floor_seq: 0,
            last_seq: page.last_seq.number(),
        }))
    }
}
