//! Members of groups and channels in memory: joining, leaving, roles and bans; and who meets whom in any conversation.
//!
//! Every method does all its checks before it changes anything. Who may do what is `domain::role`'s to say. A membership
//! that ends is kept with its user: what was committed while it lasted is still owed to the user's devices.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use super::{
    State,
    conversations::{Happening, MemberRow, members_max},
    users::Former,
};
use crate::{
    domain::{
        clock::TimeMs,
        conversation::{ConversationView, HistoryAccess, Member},
        event::{EventBody, MemberChange, MemberChanged},
        ids::{ConversationId, UserId},
        invalid::Invalid,
        limits::{CHANNEL_MEMBERS_MAX, FELLOWS_CONVERSATIONS_MAX},
        name::{ChannelName, UserName},
        page::PageSize,
        role::Role,
        user::UserRef,
    },
    store::{ActError, MemberPage},
};

impl State {
    /// Makes a user a member: first its devices get the state, then all members hear of it.
    pub(super) fn admit(
        &mut self,
        id: ConversationId,
        user: &UserRef,
        by: &UserRef,
        change: MemberChange,
        role: Role,
        at: TimeMs,
    ) {
        let Some(row) = self.conversations.get(&id) else {
            return;
        };
        let last_seq = row.last_seq();
        let mut member = MemberRow::new(user.clone(), role, self.log.end, at);
        member.read_seq = last_seq;
        member.floor = match row.history {
            HistoryAccess::SinceJoin => last_seq,
            HistoryAccess::All => row.open_from,
        };
        self.put_member(id, member);
        self.tell_privately(id, user.id);
        self.tell_member(id, user, by, change);
    }

    /// Tells all members what happened to one.
    fn tell_member(
        &mut self,
        id: ConversationId,
        user: &UserRef,
        by: &UserRef,
        change: MemberChange,
    ) {
        if let Some(row) = self.conversations.get_mut(&id) {
            let changed = MemberChanged {
                conversation: id,
                user: user.clone(),
                change,
                by: by.clone(),
                members_count: row.members_count(),
            };
            let body = EventBody::MemberChanged(changed.clone());
            let offset = self.log.push(body, row.readers());
            row.changes.insert(offset, Happening::Member(changed));
        }
    }

    /// Ends a membership, and tells of it all who were members, the one who is none any more included.
    fn close_membership(
        &mut self,
        id: ConversationId,
        user: UserId,
        by: &UserRef,
        change: MemberChange,
    ) {
        let Some(row) = self.conversations.get_mut(&id) else {
            return;
        };
        let readers = row.readers();
        let Some(member) = row.members.remove(&user) else {
            return;
        };
        let changed = MemberChanged {
            conversation: id,
            user: member.user,
            change,
            by: by.clone(),
            members_count: row.members_count(),
        };
        let body = EventBody::MemberChanged(changed.clone());
        let left = self.log.push(body, readers);
        row.changes.insert(left, Happening::Member(changed));
        let former = Former {
            conversation: id,
            joined: member.joined,
            left,
            floor: member.floor,
            last_seq: row.last_seq(),
        };
        self.waiting.remove(&(id, user));
        self.end_invite_links(id, user);
        if let Some(row) = self.users.row_mut(user) {
            row.conversations.remove(&id);
            row.former.push(former);
        }
    }

    pub(super) fn join_channel(
        &mut self,
        user: &UserRef,
        name: ChannelName,
        at: TimeMs,
    ) -> Result<ConversationView, ActError> {
        let id = self.channels.get(&name).copied();
        let row = id.and_then(|id| self.conversations.get(&id));
        let Some(row) = row else {
            return Err(ActError::ChannelNotFound(name));
        };
        if row.members.contains_key(&user.id) {
            let id = row.id;
            return self.view(user.id, id).ok_or(ActError::NotMember(id));
        }
        if row.bans.contains_key(&user.id) {
            return Err(ActError::Banned);
        }
        if row.members.len() >= CHANNEL_MEMBERS_MAX {
            return Err(ActError::Full(CHANNEL_MEMBERS_MAX));
        }
        let role = match row.members.is_empty() {
            true => Role::Owner,
            false => Role::Member,
        };
        let id = row.id;
        self.admit(id, user, user, MemberChange::Joined(role), role, at);
        self.view(user.id, id).ok_or(ActError::NotMember(id))
    }

    pub(super) fn leave_conversation(
        &mut self,
        user: &UserRef,
        id: ConversationId,
    ) -> Result<(), ActError> {
        let (row, member) = self.group(user.id, id)?;
        if row.is_last_owner(member) && row.members.len() > 1 {
            return Err(ActError::LastOwner);
        }
        self.close_membership(id, user.id, user, MemberChange::Left);
        Ok(())
    }

    pub(super) fn add_members(
        &mut self,
        by: &UserRef,
        id: ConversationId,
        names: Vec<UserName>,
        at: TimeMs,
    ) -> Result<Vec<Member>, ActError> {
        let (row, member) = self.group(by.id, id)?;
        if !member.role.speaks() {
            return Err(ActError::ReadOnly);
        }
        let users = self.named_once(names)?;
        let is_new = |user: &&UserRef| !row.members.contains_key(&user.id);
        let new: Vec<UserRef> = users.iter().filter(is_new).cloned().collect();
        self.check_adding(by.id, new.iter())?;
        let mut banned = new.iter().filter(|user| row.bans.contains_key(&user.id));
        if let Some(banned) = banned.next().filter(|_| !member.role.runs()) {
            return Err(ActError::UserBanned(banned.name.clone()));
        }
        let max = members_max(&row.kind);
        if !new.is_empty() && row.members.len() + new.len() > max {
            return Err(ActError::Full(max));
        }

        for user in &new {
            if let Some(row) = self.conversations.get_mut(&id) {
                row.bans.remove(&user.id);
            }
            let change = MemberChange::Added(Role::Member);
            self.admit(id, user, by, change, Role::Member, at);
        }
        let (row, _) = self.group(by.id, id)?;
        let members = users.iter().filter_map(|user| row.members.get(&user.id));
        Ok(members.map(MemberRow::member).collect())
    }

    pub(super) fn remove_member(
        &mut self,
        by: &UserRef,
        id: ConversationId,
        name: UserName,
        ban: bool,
        at: TimeMs,
    ) -> Result<(), ActError> {
        let (row, own) = self.group(by.id, id)?;
        if !own.role.runs() {
            return Err(ActError::RoleTooLow);
        }
        let Some(user) = self.users.named(&name) else {
            return Err(ActError::UserNotFound(name));
        };
        if user.id == by.id {
            let mend = "that is you; leave the conversation instead";
            return Err(Invalid::new("REMOVES_ONESELF", "user_name", mend).into());
        }
        let role = row.members.get(&user.id).map(|member| member.role);
        if role.is_none() && !ban {
            return Err(ActError::MemberNotFound(name));
        }
        if !own.role.may_remove(role) {
            return Err(ActError::RoleTooLow);
        }

        let change = match ban {
            true => MemberChange::Banned,
            false => MemberChange::Removed,
        };
        self.close_membership(id, user.id, by, change);
        if let Some(row) = self.conversations.get_mut(&id).filter(|_| ban) {
            row.bans.entry(user.id).or_insert(Member {
                user,
                role: None,
                since: at,
            });
        }
        Ok(())
    }

    pub(super) fn set_role(
        &mut self,
        by: &UserRef,
        id: ConversationId,
        name: UserName,
        role: Role,
    ) -> Result<Member, ActError> {
        let (row, own) = self.group(by.id, id)?;
        if !own.role.runs() {
            return Err(ActError::RoleTooLow);
        }
        let Some(user) = self.users.named(&name) else {
            return Err(ActError::UserNotFound(name));
        };
        let Some(member) = row.members.get(&user.id) else {
            return Err(ActError::MemberNotFound(name));
        };
        let mut answer = member.member();
        if member.role == role {
            return Ok(answer);
        }
        if !own.role.may_set(member.role, role) {
            return Err(ActError::RoleTooLow);
        }
        if row.is_last_owner(member) {
            return Err(ActError::LastOwner);
        }

        let row = self.conversations.get_mut(&id);
        if let Some(member) = row.and_then(|row| row.members.get_mut(&user.id)) {
            member.role = role;
        }
        self.tell_member(id, &user, by, MemberChange::Role(role));
        answer.role = Some(role);
        Ok(answer)
    }

    /// Everybody else in a conversation, unless it has more members than `max`.
    pub(super) fn other_members(
        &self,
        user: UserId,
        id: ConversationId,
        max: usize,
    ) -> Option<Vec<UserId>> {
        let (row, _) = self.membership(user, id).ok()?;
        let few = Some(&row.members).filter(|members| members.len() <= max);
        let members = few.into_iter().flat_map(BTreeMap::keys).copied();
        let others = members.filter(|member| *member != user && !self.are_apart(user, *member));
        Some(others.collect())
    }

    /// Everybody whom a user meets in the newest conversations of at most `max` members.
    pub(super) fn fellows(&self, user: UserId, max: usize) -> Vec<UserId> {
        let own = self.users.row(user).map(|row| &row.conversations);
        let rows = own.into_iter().flatten();
        let rows = rows.filter_map(|id| self.conversations.get(id));
        let mut rows: Vec<_> = rows
            .filter(|row| row.members_count() <= max as u64)
            .collect();
        rows.sort_by_key(|row| Reverse(row.last_offset()));
        let newest = rows.into_iter().take(FELLOWS_CONVERSATIONS_MAX);
        let others = newest.filter_map(|row| self.other_members(user, row.id, max));
        let others: BTreeSet<UserId> = others.flatten().collect();
        others.into_iter().collect()
    }

    pub(super) fn list_members(
        &self,
        user: UserId,
        id: ConversationId,
        banned: bool,
        after: Option<UserId>,
        size: PageSize,
    ) -> Result<MemberPage, ActError> {
        let (row, own) = self.group(user, id)?;
        if banned && !own.role.runs() {
            return Err(ActError::RoleTooLow);
        }
        let from = (
            after.map_or(Bound::Unbounded, Bound::Excluded),
            Bound::Unbounded,
        );
        if banned {
            let rest = row.bans.range(from).map(|(_, banned)| banned.clone());
            return Ok(page(rest, size));
        }
        let rest = row.members.range(from).map(|(_, member)| member.member());
        Ok(page(rest, size))
    }
}

/// Takes one page of what is left.
fn page(mut rest: impl Iterator<Item = Member>, size: PageSize) -> MemberPage {
    MemberPage {
        members: rest.by_ref().take(size.items()).collect(),
        more: rest.next().is_some(),
    }
}
