//! What is done to messages that are there: edits, deletions, reactions. Each can be repeated without harm.

use crate::pb;

use super::{
    error::ClientError,
    session::{Patience, Session, attempts},
};

impl Session {
    /// Gives a message of the caller another text.
    pub async fn edit_message(
        &self,
        conversation_id: &str,
        seq: u64,
        text: &str,
        patience: Patience,
    ) -> Result<pb::Message, ClientError> {
        let request = pb::EditMessageRequest {
            conversation_id: conversation_id.to_owned(),
            seq,
            text: text.to_owned(),
        };
        let call = async || {
            let mut conversations = self.connection().conversations();
            conversations.edit_message(request.clone()).await
        };
        let answer = attempts(patience, call).await?;
        answer.message.ok_or(ClientError::BadAnswer("message"))
    }

    /// Erases the text of a message for good; returns what stays of it.
    pub async fn delete_message(
        &self,
        conversation_id: &str,
        seq: u64,
        patience: Patience,
    ) -> Result<pb::Message, ClientError> {
        let request = pb::DeleteMessageRequest {
            conversation_id: conversation_id.to_owned(),
            seq,
        };
        let call = async || {
            let mut conversations = self.connection().conversations();
            conversations.delete_message(request.clone()).await
        };
        let answer = attempts(patience, call).await?;
        answer.message.ok_or(ClientError::BadAnswer("message"))
    }

    /// Gives an emoji to a message; returns all that it has now.
    pub async fn add_reaction(
        &self,
        conversation_id: &str,
        seq: u64,
        emoji: &str,
        patience: Patience,
    ) -> Result<pb::AddReactionResponse, ClientError> {
        let request = pb::AddReactionRequest {
            conversation_id: conversation_id.to_owned(),
            seq,
            emoji: emoji.to_owned(),
        };
        let call = async || {
            let mut conversations = self.connection().conversations();
            conversations.add_reaction(request.clone()).await
        };
        attempts(patience, call).await
    }

    /// Takes an emoji back; returns all that the message has now.
    pub async fn remove_reaction(
        &self,
        conversation_id: &str,
        seq: u64,
        emoji: &str,
        patience: Patience,
    ) -> Result<pb::RemoveReactionResponse, ClientError> {
        let request = pb::RemoveReactionRequest {
            conversation_id: conversation_id.to_owned(),
            seq,
            emoji: emoji.to_owned(),
        };
        let call = async || {
            let mut conversations = self.connection().conversations();
            conversations.remove_reaction(request.clone()).await
        };
        attempts(patience, call).await
    }
}
