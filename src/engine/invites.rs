//! Invite links: who has the code of one becomes a member without being added. Who may make one, and whether one still
//! works, is the store's to check, with the act itself. A code is told once, and kept and logged nowhere.

use super::{Engine, Error};
use crate::{
    auth::{Principal, invite},
    domain::{
        conversation::ConversationView,
        ids::{ConversationId, InviteLinkId},
        invalid::Invalid,
        invite::{InviteEnds, InviteLink, NewInviteLink},
        page::PageSize,
        scope::Scope,
        secret::InviteCode,
    },
    store::{InviteLinkPage, StoreError},
};

impl Engine {
    /// Makes an invite link, and the code that others join with.
    pub async fn create_invite_link(
        &self,
        principal: &Principal,
        id: ConversationId,
        ends: InviteEnds,
    ) -> Result<(InviteLink, InviteCode), Error> {
        let (by, created) = (self.actor(principal)?, self.now());
        if ends.expires.is_some_and(|expires| expires <= created) {
            let mend = "the link would have ended already; give a time to come, or none";
            return Err(Invalid::new("EXPIRE_TIME_INVALID", "expire_time", mend).into());
        }
        let code = invite::issue()
            .map_err(|error| StoreError::Broken(format!("no randomness: {error}")))?;
        let new = NewInviteLink {
            code: code.hash(),
            created,
            ends,
        };
        let link = self.store.create_invite_link(by, id, new).await?;
        Ok((link, code))
    }

    /// Lists the invite links of a conversation that the caller may see.
    pub async fn list_invite_links(
        &self,
        principal: &Principal,
        id: ConversationId,
        after: Option<InviteLinkId>,
        size: PageSize,
    ) -> Result<InviteLinkPage, Error> {
        principal.may(Scope::Read)?;
        let (user, now) = (principal.user.id, self.now());
        Ok(self
            .store
            .list_invite_links(user, id, now, after, size)
            .await?)
    }

    /// Makes an invite link void.
    pub async fn revoke_invite_link(
        &self,
        principal: &Principal,
        id: ConversationId,
        link: InviteLinkId,
    ) -> Result<(), Error> {
        let by = self.actor(principal)?.id;
        Ok(self.store.revoke_invite_link(by, id, link).await?)
    }

    /// Makes the caller a member by the code of an invite link.
    pub async fn join_by_invite(
        &self,
        principal: &Principal,
        code: &InviteCode,
    ) -> Result<ConversationView, Error> {
        let user = self.actor(principal)?;
        let view = self
            .store
            .join_by_invite(user, code.hash(), self.now())
            .await?;
        Ok(self.as_seen_by(principal, view))
    }
}
