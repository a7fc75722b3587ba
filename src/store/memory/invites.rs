//! Invite links in memory: made, listed, revoked, and joined by. A link works as long as its creator is a member who speaks;
//! it goes with that membership.

use std::ops::Bound;

use super::{State, conversations::members_max};
use crate::{
    domain::{
        clock::TimeMs,
        conversation::ConversationView,
        event::MemberChange,
        ids::{ConversationId, InviteLinkId, UserId},
        invite::{InviteLink, NewInviteLink},
        limits::INVITE_LINKS_PER_CONVERSATION_MAX,
        page::PageSize,
        role::Role,
        secret::InviteHash,
        user::UserRef,
    },
    store::{ActError, InviteLinkPage},
};

/// A link with what finds it.
pub(super) struct InviteRow {
    code: InviteHash,
    link: InviteLink,
}

impl State {
    pub(super) fn create_invite_link(
        &mut self,
        by: UserRef,
        id: ConversationId,
        new: NewInviteLink,
    ) -> Result<InviteLink, ActError> {
        let (_, member) = self.group(by.id, id)?;
        if !member.role.speaks() {
            return Err(ActError::ReadOnly);
        }
        self.invites.retain(|_, row| {
            row.link.conversation != id || !row.link.ends.reached(row.link.uses, new.created)
        });
        let here = self.invites.values();
        let count = here.filter(|row| row.link.conversation == id).count();
        if count >= INVITE_LINKS_PER_CONVERSATION_MAX {
            return Err(ActError::TooManyInviteLinks);
        }
        self.invites_made += 1;
        let link = InviteLink {
            id: InviteLinkId::new(self.invites_made),
            conversation: id,
            creator: by,
            created: new.created,
            ends: new.ends,
            uses: 0,
        };
        let row = InviteRow {
            code: new.code,
            link: link.clone(),
        };
        self.invites.insert(link.id, row);
        Ok(link)
    }

    pub(super) fn list_invite_links(
        &self,
        user: UserId,
        id: ConversationId,
        now: TimeMs,
        after: Option<InviteLinkId>,
        size: PageSize,
    ) -> Result<InviteLinkPage, ActError> {
        let (_, member) = self.group(user, id)?;
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let links = self.invites.range((start, Bound::Unbounded));
        let mut rest = links
            .map(|(_, row)| &row.link)
            .filter(|link| link.conversation == id && !link.ends.reached(link.uses, now))
            .filter(|link| member.role.runs() || link.creator.id == user);
        Ok(InviteLinkPage {
            links: rest.by_ref().take(size.items()).cloned().collect(),
            more: rest.next().is_some(),
        })
    }

    pub(super) fn revoke_invite_link(
        &mut self,
        by: UserId,
        id: ConversationId,
        link: InviteLinkId,
    ) -> Result<(), ActError> {
        let (_, member) = self.group(by, id)?;
        let runs = member.role.runs();
        let found = self.invites.get(&link).map(|row| &row.link);
        let is_there =
            found.is_some_and(|it| it.conversation == id && (runs || it.creator.id == by));
        if !is_there {
            return Err(ActError::InviteLinkNotFound(link));
        }
        self.invites.remove(&link);
        Ok(())
    }

    pub(super) fn join_by_invite(
        &mut self,
        user: &UserRef,
        code: InviteHash,
        at: TimeMs,
    ) -> Result<ConversationView, ActError> {
        let found = self.invites.values().find(|row| row.code == code);
        let link = found.map(|row| row.link.clone());
        let link = link.ok_or(ActError::InviteLinkVoid)?;
        let id = link.conversation;
        let row = self
            .conversations
            .get(&id)
            .ok_or(ActError::InviteLinkVoid)?;
        if !row.members.contains_key(&user.id) {
            let creator = row.members.get(&link.creator.id);
            let works = creator.is_some_and(|creator| creator.role.speaks());
            if !works || link.ends.reached(link.uses, at) {
                return Err(ActError::InviteLinkVoid);
            }
            if row.bans.contains_key(&user.id) {
                return Err(ActError::Banned);
            }
            let max = members_max(&row.kind);
            if row.members.len() >= max {
                return Err(ActError::Full(max));
            }
            if let Some(row) = self.invites.get_mut(&link.id) {
                row.link.uses += 1;
            }
            let change = MemberChange::Joined(Role::Member);
            self.admit(id, user, user, change, Role::Member, at);
        }
        self.view(user.id, id).ok_or(ActError::NotMember(id))
    }

    /// The links of a member whose membership ends go with it.
    pub(super) fn end_invite_links(&mut self, id: ConversationId, creator: UserId) {
        self.invites
            .retain(|_, row| row.link.conversation != id || row.link.creator.id != creator);
    }
}
