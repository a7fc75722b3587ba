//! Conversations, their history, and how far it is read.

use super::{Engine, Error};
use crate::{
    auth::Principal,
    domain::{
        conversation::{
            ConversationChange, ConversationView, Marker, MemberSettings, NewConversation,
            ReadState,
        },
        ids::{ConversationId, Seq},
        name::{ChannelName, UserName},
        page::{PageSize, PositionAsked},
        scope::Scope,
    },
    store::{ChannelPage, ConversationPage, MessagePage},
};

impl Engine {
    /// Gets the DIRECT conversation with a user, making it if need be.
    pub async fn start_conversation(
        &self,
        principal: &Principal,
        peer: UserName,
    ) -> Result<ConversationView, Error> {
        principal.may(Scope::Send)?;
        let view = self
            .store
            .start_direct(principal.user.clone(), peer)
            .await?;
        Ok(self.as_seen_by(principal, view))
    }

    /// Makes a group or channel that the caller owns.
    pub async fn create_conversation(
        &self,
        principal: &Principal,
        new: NewConversation,
    ) -> Result<ConversationView, Error> {
        let owner = self.actor(principal)?;
        let view = self
            .store
            .create_conversation(owner, new, self.now())
            .await?;
        Ok(self.as_seen_by(principal, view))
    }

    /// Changes a group or channel.
    pub async fn update_conversation(
        &self,
        principal: &Principal,
        id: ConversationId,
        change: ConversationChange,
    ) -> Result<ConversationView, Error> {
        let by = self.actor(principal)?;
        let view = self.store.update_conversation(by, id, change).await?;
        Ok(self.as_seen_by(principal, view))
    }

    /// Lists all channels whose names contain a text.
    pub async fn list_channels(
        &self,
        principal: &Principal,
        contains: String,
        after: Option<ChannelName>,
        size: PageSize,
    ) -> Result<ChannelPage, Error> {
        principal.may(Scope::Read)?;
        Ok(self
            .store
            .list_channels(principal.user.id, contains, after, size)
            .await?)
    }

    /// Gets one conversation of the caller.
    pub async fn conversation(
        &self,
        principal: &Principal,
        id: ConversationId,
    ) -> Result<ConversationView, Error> {
        principal.may(Scope::Read)?;
        let found = self.store.conversation(principal.user.id, id).await?;
        let view = found.ok_or(Error::ConversationNotFound)?;
        Ok(self.as_seen_by(principal, view))
    }

    /// Lists the conversations of the caller.
    pub async fn list_conversations(
        &self,
        principal: &Principal,
        after: Option<ConversationId>,
        size: PageSize,
    ) -> Result<ConversationPage, Error> {
        principal.may(Scope::Read)?;
        let page = self
            .store
            .list_conversations(principal.user.id, after, size)
            .await?;
        let views = page.views.into_iter();
        Ok(ConversationPage {
            views: views.map(|view| self.as_seen_by(principal, view)).collect(),
            more: page.more,
        })
    }

    /// Reads a page of messages.
    pub async fn list_messages(
        &self,
        principal: &Principal,
        id: ConversationId,
        position: PositionAsked,
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

    /// Tells how far the others in a conversation have got and read its messages.
    pub async fn markers(
        &self,
        principal: &Principal,
        id: ConversationId,
    ) -> Result<Vec<Marker>, Error> {
        principal.may(Scope::Read)?;
        Ok(self.store.markers(principal.user.id, id).await?)
    }

    /// What a caller gets of a conversation now: whoever may only send learns where to, not what is said there.
    pub(super) fn as_seen_by(
        &self,
        principal: &Principal,
        view: ConversationView,
    ) -> ConversationView {
        if principal.may(Scope::Read).is_ok() {
            let notify = view.settings.notify.at(self.now());
            let settings = MemberSettings {
                notify,
                ..view.settings
            };
            return ConversationView { settings, ..view };
        }
        ConversationView {
            read: ReadState::default(),
            mentions: 0,
            settings: MemberSettings::default(),
            last_message: None,
            ..view
        }
    }
}
