//! What is done to messages that were sent: edits, deletions, reactions. And who may act at all.

use super::{Engine, Error};
use crate::{
    auth::Principal,
    domain::{
        ids::{ConversationId, Seq},
        mention::Mentions,
        message::Message,
        reaction::{Emoji, Reaction},
        scope::Scope,
        text::MessageText,
        user::UserRef,
    },
};

impl Engine {
    /// Who acts. Each change takes one send from the user's rate: it goes to as many devices as a message does.
    pub(super) fn actor(&self, principal: &Principal) -> Result<UserRef, Error> {
        self.actor_on(principal, 1)
    }

    /// Who acts on so many at once: each of them is told to everybody.
    pub(super) fn actor_on(&self, principal: &Principal, count: usize) -> Result<UserRef, Error> {
        principal.may(Scope::Send)?;
        self.rates
            .take_many(principal.user.id, count)
            .map_err(Error::RateLimited)?;
        Ok(principal.user.clone())
    }

    /// Gives a message of the caller another text.
    pub async fn edit_message(
        &self,
        principal: &Principal,
        id: ConversationId,
        seq: Seq,
        text: MessageText,
    ) -> Result<Message, Error> {
        let by = self.actor(principal)?;
        let message = self.store.edit_message(by, id, seq, text).await?;
        // Its own words are no news to a caller who may only send; what others think of them is, and so is who is there
        // to be mentioned.
        if principal.may(Scope::Read).is_ok() {
            return Ok(message);
        }
        Ok(Message {
            reactions: Vec::new(),
            mentions: Mentions::default(),
            attachments: Vec::new(),
            ..message
        })
    }

    /// Erases the text of a message.
    pub async fn delete_message(
        &self,
        principal: &Principal,
        id: ConversationId,
        seq: Seq,
    ) -> Result<Message, Error> {
        let by = self.actor(principal)?;
        let deleted = self.store.delete_message(by, id, seq).await?;
        self.files_may_be_free();
        Ok(deleted)
    }

    /// Gives an emoji to a message or takes it back, and answers all reactions that it has.
    pub async fn react(
        &self,
        principal: &Principal,
        id: ConversationId,
        seq: Seq,
        emoji: Emoji,
        add: bool,
    ) -> Result<Vec<Reaction>, Error> {
        let by = self.actor(principal)?;
        let reactions = self.store.react(by, id, seq, emoji, add).await?;
        Ok(only_for_readers(principal, reactions))
    }
}

/// The reactions, or none to whoever may only send.
fn only_for_readers(principal: &Principal, reactions: Vec<Reaction>) -> Vec<Reaction> {
    match principal.may(Scope::Read) {
        Ok(()) => reactions,
        Err(_) => Vec::new(),
    }
}
