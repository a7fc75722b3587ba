//! Conversations, their history, and how far it is read.

use super::{Engine, Error};
use crate::{
    auth::Principal,
    domain::{
        conversation::{ConversationView, ReadState},
        ids::{ConversationId, Seq},
        name::UserName,
        page::{PageSize, Position},
        scope::Scope,
    },
    store::{ConversationPage, MessagePage},
};

impl Engine {
    /// Gets the DIRECT conversation with a user, making it if need be.
    pub async fn start_conversation(
        &self,
        principal: &Principal,
        peer: UserName,
    ) -> Result<ConversationView, Error> {
        principal.may(Scope::Send)?;
        let mut view = self
            .store
            .start_direct(principal.user.clone(), peer)
            .await?;
        // Whoever may only send learns where to, not what is said there.
        if principal.may(Scope::Read).is_err() {
            (view.read, view.last_message) = (ReadState::default(), None);
        }
        Ok(view)
    }

    /// Gets one conversation of the caller.
    pub async fn conversation(
        &self,
        principal: &Principal,
        id: ConversationId,
    ) -> Result<ConversationView, Error> {
        principal.may(Scope::Read)?;
        let found = self.store.conversation(principal.user.id, id).await?;
        found.ok_or(Error::ConversationNotFound)
    }

    /// Lists the conversations of the caller.
    pub async fn list_conversations(
        &self,
        principal: &Principal,
        after: Option<ConversationId>,
        size: PageSize,
    ) -> Result<ConversationPage, Error> {
        principal.may(Scope::Read)?;
        Ok(self
            .store
            .list_conversations(principal.user.id, after, size)
            .await?)
    }

    /// Reads a page of messages.
    pub async fn list_messages(
        &self,
        principal: &Principal,
        id: ConversationId,
        position: Position,
        size: PageSize,
    ) -> Result<MessagePage, Error> {
        principal.may(Scope::Read)?;
        let found = self
            .store
            .list_messages(principal.user.id, id, position, size)
            .await?;
        found.ok_or(Error::ConversationNotFound)
    }

    /// Moves the caller's read marker up.
    pub async fn mark_read(
        &self,
        principal: &Principal,
        id: ConversationId,
        seq: Seq,
    ) -> Result<ReadState, Error> {
        principal.may(Scope::Read)?;
        Ok(self
            .store
            .mark_read(principal.user.id, id, seq, self.now())
            .await?)
    }
}
