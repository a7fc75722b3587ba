//! What a user wants to be called for, and how the user can be reached. All of it can be repeated without harm.

use crate::pb;

use super::{
    error::ClientError,
    session::{Patience, Session, attempts},
};

impl Session {
    /// Says which messages of a conversation the caller wants to be called for; returns what holds now.
    pub async fn set_notify(
        &self,
        conversation_id: &str,
        notify: pb::NotifySettings,
        patience: Patience,
    ) -> Result<pb::SetNotifyLevelResponse, ClientError> {
        let request = pb::SetNotifyLevelRequest {
            conversation_id: conversation_id.to_owned(),
            notify: Some(notify),
        };
        let call = async || {
            let mut conversations = self.connection().conversations();
            conversations.set_notify_level(request.clone()).await
        };
        attempts(patience, call).await
    }

    /// Puts a conversation aside as unread. [`Session::mark_read`] up to where it is read takes it up again.
    pub async fn mark_unread(
        &self,
        conversation_id: &str,
        patience: Patience,
    ) -> Result<(), ClientError> {
        let request = pb::MarkUnreadRequest {
            conversation_id: conversation_id.to_owned(),
        };
        let call = async || self.connection().chat().mark_unread(request.clone()).await;
        attempts(patience, call).await.map(|_| ())
    }

    /// Says how the caller can be reached at this device, for as long as it has a stream open; returns what others see.
    pub async fn set_presence(
        &self,
        presence: pb::Presence,
        patience: Patience,
    ) -> Result<pb::SetPresenceResponse, ClientError> {
        let request = pb::SetPresenceRequest {
            presence: presence.into(),
        };
        let call = async || self.connection().chat().set_presence(request).await;
        attempts(patience, call).await
    }

    /// Tells the other members of a conversation that the caller types, or stopped.
    pub async fn set_typing(&self, conversation_id: &str, typing: bool) -> Result<(), ClientError> {
        let request = pb::SetTypingRequest {
            conversation_id: conversation_id.to_owned(),
            typing,
        };
        let call = async || self.connection().chat().set_typing(request.clone()).await;
        attempts(Patience::None, call).await.map(|_| ())
    }
}
