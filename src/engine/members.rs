//! Who is in a group or channel, and as what. What each role may do is the store's to check, with the act itself.

use super::{Engine, Error};
use crate::{
    auth::Principal,
    domain::{
        conversation::{ConversationView, Member},
        ids::{ConversationId, UserId},
        name::{ChannelName, UserName},
        page::PageSize,
        role::Role,
        scope::Scope,
    },
    store::MemberPage,
};

impl Engine {
    /// Makes the caller a member of a channel.
    pub async fn join_channel(
        &self,
        principal: &Principal,
        channel: ChannelName,
    ) -> Result<ConversationView, Error> {
        let user = self.actor(principal)?;
        let view = self.store.join_channel(user, channel, self.now()).await?;
        Ok(self.as_seen_by(principal, view))
    }

    /// Ends the caller's membership.
    pub async fn leave_conversation(
        &self,
        principal: &Principal,
        id: ConversationId,
    ) -> Result<(), Error> {
        let user = self.actor(principal)?;
        Ok(self.store.leave_conversation(user, id).await?)
    }

    /// Makes users members, all of them or none. Each takes one send from the caller's rate.
    pub async fn add_members(
        &self,
        principal: &Principal,
        id: ConversationId,
        names: Vec<UserName>,
    ) -> Result<Vec<Member>, Error> {
        let by = self.actor_on(principal, names.len())?;
        Ok(self.store.add_members(by, id, names, self.now()).await?)
    }

    /// Ends the membership of another, with `ban` for good.
    pub async fn remove_member(
        &self,
        principal: &Principal,
        id: ConversationId,
        name: UserName,
        ban: bool,
    ) -> Result<(), Error> {
        let (by, at) = (self.actor(principal)?, self.now());
        Ok(self.store.remove_member(by, id, name, ban, at).await?)
    }

    /// Gives a member another role.
    pub async fn set_role(
        &self,
        principal: &Principal,
        id: ConversationId,
        name: UserName,
        role: Role,
    ) -> Result<Member, Error> {
        let by = self.actor(principal)?;
        Ok(self.store.set_role(by, id, name, role).await?)
    }

    /// Lists the members, or those who are banned.
    pub async fn list_members(
        &self,
        principal: &Principal,
        id: ConversationId,
        banned: bool,
        after: Option<UserId>,
        size: PageSize,
    ) -> Result<MemberPage, Error> {
        principal.may(Scope::Read)?;
        Ok(self
            .store
            .list_members(principal.user.id, id, banned, after, size)
            .await?)
    }
}
