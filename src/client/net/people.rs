//! What lies between the caller and others: whom the caller blocks, and how far others have come. All of it can be
//! repeated without harm.

use crate::{
    domain::{limits::PAGE_SIZE_MAX, name::UserName},
    pb,
};

use super::{
    error::ClientError,
    history::Position,
    session::{Patience, Session, attempts},
};

/// Messages that are looked at for the last one of a user, of which the first page is a short one: mostly it is there.
const LOOKED_AT_MAX: usize = 1_000;
const FIRST_PAGE: usize = 50;

impl Session {
    /// Blocks a user.
    pub async fn block_user(&self, user: &UserName, patience: Patience) -> Result<(), ClientError> {
        let request = pb::BlockUserRequest {
            user_name: user.to_string(),
        };
        let call = async || self.connection().chat().block_user(request.clone()).await;
        attempts(patience, call).await.map(|_| ())
    }

    /// Ends that.
    pub async fn unblock_user(
        &self,
        user: &UserName,
        patience: Patience,
    ) -> Result<(), ClientError> {
        let request = pb::UnblockUserRequest {
            user_name: user.to_string(),
        };
        let call = async || self.connection().chat().unblock_user(request.clone()).await;
        attempts(patience, call).await.map(|_| ())
    }

    /// Returns whom the caller blocks.
    pub async fn blocked_users(&self, patience: Patience) -> Result<Vec<pb::UserRef>, ClientError> {
        let call = async || {
            let mut chat = self.connection().chat();
            chat.list_blocked_users(pb::ListBlockedUsersRequest {})
                .await
        };
        Ok(attempts(patience, call).await?.users)
    }

    /// Returns how far each other member of a conversation has got and read its messages: nobody, where that is not told.
    pub async fn markers(
        &self,
        conversation_id: &str,
        patience: Patience,
    ) -> Result<Vec<pb::Marker>, ClientError> {
        let request = pb::ListMarkersRequest {
            conversation_id: conversation_id.to_owned(),
        };
        let call = async || {
            let mut conversations = self.connection().conversations();
            conversations.list_markers(request.clone()).await
        };
        Ok(attempts(patience, call).await?.markers)
    }

    /// Returns the last message of a user in a conversation that is not deleted, if it is one of the last thousand.
    pub async fn last_message_of(
        &self,
        conversation_id: &str,
        user: &UserName,
        patience: Patience,
    ) -> Result<Option<pb::Message>, ClientError> {
        let is_it = |message: &pb::Message| {
            let sender = message.sender.as_ref();
            !message.deleted && sender.is_some_and(|sender| sender.name == user.as_str())
        };
        let (mut position, mut size, mut looked_at) = (Position::Newest, FIRST_PAGE, 0);
        while looked_at < LOOKED_AT_MAX {
            let page = self
                .messages(conversation_id, position, size, patience)
                .await?;
            looked_at += page.messages.len();
            let Some(first) = page.messages.first().map(|message| message.seq) else {
                return Ok(None);
            };
            if let Some(found) = page.messages.into_iter().rev().find(is_it) {
                return Ok(Some(found));
            }
            if first <= page.history_floor_seq.saturating_add(1) {
                return Ok(None);
            }
            if matches!(position, Position::Before(seq) if first >= seq) {
                return Err(ClientError::BadAnswer("page before"));
            }
            (position, size) = (Position::Before(first), PAGE_SIZE_MAX);
        }
        Ok(None)
    }
}
