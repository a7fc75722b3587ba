//! Groups and channels in the batch: made, changed, and who becomes a member of them or is one no more.
//!
//! What a role may do is said by `domain::role`. Every act is checked whole before anything of it is done.

use rusqlite::{OptionalExtension, params};

use super::{
    batch::Batch,
    memory::{Known, Member as Row},
    rows,
};
use crate::{
    domain::{
        clock::TimeMs,
        conversation::{
            ConversationChange, ConversationKind, HistoryAccess, Member, NewConversation,
        },
        event::{EventBody, MemberChange, MemberChanged},
        ids::{ConversationId, Seq, UserId},
        invalid::Invalid,
        limits::{CHANNEL_MEMBERS_MAX, GROUP_MEMBERS_MAX},
        name::{ChannelName, UserName},
        role::Role,
        user::UserRef,
    },
    store::ActError,
};

/// What an act inside a batch gives: the outer error rolls the batch back, the inner one is an answer.
pub(super) type Acted<T> = rusqlite::Result<Result<T, ActError>>;

/// Gives back a refusal as the answer.
macro_rules! granted {
    ($check:expr) => {
        match $check {
            Ok(value) => value,
            Err(refusal) => return Ok(Err(refusal)),
        }
    };
}
pub(super) use granted;

/// How many members a conversation may have.
pub(super) const fn members_max(kind: &ConversationKind) -> usize {
    match kind {
        ConversationKind::Direct(_) => 2,
        ConversationKind::Group(_) => GROUP_MEMBERS_MAX,
        ConversationKind::Channel(_) => CHANNEL_MEMBERS_MAX,
    }
}

const fn history_number(history: HistoryAccess) -> i64 {
    match history {
        HistoryAccess::SinceJoin => 1,
        HistoryAccess::All => rows::HISTORY_ALL,
    }
}

impl Batch<'_> {
    /// Finds a channel by name.
    pub(super) fn channel(
        &mut self,
        name: &ChannelName,
    ) -> rusqlite::Result<Option<ConversationId>> {
        if let Some(id) = self.memory.channels.get(name) {
            return Ok(Some(*id));
        }
        let found = self
            .connection
            .prepare_cached("SELECT id FROM conversations WHERE kind = 3 AND name = ?1")?
            .query_row([name.as_str()], |row| rows::number(row, 0))
            .optional()?
            .map(ConversationId::new);
        if let Some(id) = found {
            self.memory.channels.insert(name.clone(), id);
        }
        Ok(found)
    }

    /// A conversation and the caller's role in it.
    pub(super) fn as_member(&mut self, user: UserId, id: ConversationId) -> Acted<(&Known, Role)> {
        self.know(id)?;
        let known = self.memory.conversations.get(&id);
        let found = known.and_then(|known| Some((known, known.find(user)?.role)));
        Ok(found.ok_or(ActError::NotMember(id)))
    }

    /// A group or channel and the caller's role in it.
    pub(super) fn in_room(&mut self, user: UserId, id: ConversationId) -> Acted<(&Known, Role)> {
        Ok(self
            .as_member(user, id)?
            .and_then(|found| match found.0.kind {
                ConversationKind::Direct(_) => Err(ActError::Direct),
                ConversationKind::Group(_) | ConversationKind::Channel(_) => Ok(found),
            }))
    }

    /// Finds users by name, each once.
    fn users_by_name(&mut self, names: &[UserName]) -> Acted<Vec<UserRef>> {
        let mut users: Vec<UserRef> = Vec::with_capacity(names.len());
        let mut seen = std::collections::HashSet::new();
        for name in names {
            match self.user_by_name(name)? {
                None => return Ok(Err(ActError::UserNotFound(name.clone()))),
                Some(user) if seen.insert(user.id) => users.push(user),
                Some(_) => {}
            }
        }
        Ok(Ok(users))
    }

    /// Makes a group or channel.
    pub fn create_conversation(
        &mut self,
        owner: &UserRef,
        new: NewConversation,
        at: TimeMs,
    ) -> Acted<ConversationId> {
        let mut users = granted!(self.users_by_name(&new.members)?);
        users.retain(|user| user.id != owner.id);
        granted!(self.adding(owner.id, users.iter())?);
        let max = members_max(&new.kind);
        if users.len() + 1 > max {
            return Ok(Err(ActError::Full(max)));
        }
        if let ConversationKind::Channel(name) = &new.kind
            && self.channel(name)?.is_some()
        {
            return Ok(Err(ActError::ChannelNameTaken(name.clone())));
        }
        self.connection
            .prepare_cached(
                "INSERT INTO conversations (kind, low_user_id, high_user_id, last_seq, last_offset, name, topic, \
                 history) VALUES (?1, 0, 0, 0, 0, ?2, ?3, ?4)",
            )?
            .execute(params![
                new.kind.number(),
                new.kind.own_name(),
                new.topic.as_str(),
                history_number(new.history)
            ])?;
        let id = ConversationId::new(self.connection.last_insert_rowid().cast_unsigned());
        self.remember_new(id, new.kind, new.topic, new.history);
        let joined = self.memory.next_end;
        let members = users.into_iter().map(|user| (user.id, Role::Member));
        for (user, role) in members.chain([(owner.id, Role::Owner)]) {
            self.take_in(id, Row::new(user, role, joined, at, Seq::ZERO));
        }
        self.log_conversation_changed(id, None)?;
        Ok(Ok(id))
    }

    fn take_in(&mut self, id: ConversationId, member: Row) {
        self.memory.members += 1;
        if let Some(known) = self.change(id) {
            known.add(member);
        }
    }

    /// Changes name, topic or history access.
    pub fn update_conversation(
        &mut self,
        by: UserId,
        id: ConversationId,
        change: ConversationChange,
    ) -> Acted<()> {
        let (known, role) = granted!(self.in_room(by, id)?);
        if !role.runs() {
            return Ok(Err(ActError::RoleTooLow));
        }
        let (old, topic, history) = (known.kind.clone(), known.topic.clone(), known.history);
        let (last_seq, mut open_from) = (known.last_seq, known.open_from);
        let kind = granted!(renamed(&old, change.name));
        if let (ConversationKind::Channel(name), true) = (&kind, kind != old)
            && self.channel(name)?.is_some()
        {
            return Ok(Err(ActError::ChannelNameTaken(name.clone())));
        }
        let now = (
            kind,
            change.topic.unwrap_or_else(|| topic.clone()),
            change.history.unwrap_or(history),
        );
        if now == (old.clone(), topic, history) {
            return Ok(Ok(()));
        }
        if now.2 != history {
            // It opens nothing that was said before, or whoever takes a conversation over could read its past.
            open_from = last_seq;
        }
        self.connection
            .prepare_cached(
                "UPDATE conversations SET name = ?2, topic = ?3, history = ?4, open_from_seq = ?5 WHERE id = ?1",
            )?
            .execute(params![
                rows::int(id.number()),
                now.0.own_name(),
                now.1.as_str(),
                history_number(now.2),
                rows::int(open_from.number())
            ])?;
        if let ConversationKind::Channel(name) = &old {
            self.memory.channels.remove(name);
        }
        if let Some(known) = self.change(id) {
            (known.kind, known.topic, known.history) = now;
            known.open_from = open_from;
        }
        self.log_conversation_changed(id, None)?;
        Ok(Ok(()))
    }

    /// Makes a user a member of a channel.
    pub fn join_channel(
        &mut self,
        user: &UserRef,
        name: &ChannelName,
        at: TimeMs,
    ) -> Acted<ConversationId> {
        let Some(id) = self.channel(name)? else {
            return Ok(Err(ActError::ChannelNotFound(name.clone())));
        };
        self.know(id)?;
        let Some(known) = self.memory.conversations.get(&id) else {
            return Ok(Err(ActError::ChannelNotFound(name.clone())));
        };
        if known.find(user.id).is_some() {
            return Ok(Ok(id));
        }
        let members = known.members.len();
        if self.is_banned(id, user.id)? {
            return Ok(Err(ActError::Banned));
        }
        if members >= CHANNEL_MEMBERS_MAX {
            return Ok(Err(ActError::Full(CHANNEL_MEMBERS_MAX)));
        }
        let role = match members {
            0 => Role::Owner,
            _ => Role::Member,
        };
        self.begin(id, user, MemberChange::Joined(role), role, user, at)?;
        Ok(Ok(id))
    }

    /// Makes users members; all of them or none.
    pub fn add_members(
        &mut self,
        by: &UserRef,
        id: ConversationId,
        names: &[UserName],
        at: TimeMs,
    ) -> Acted<Vec<Member>> {
        let (_, role) = granted!(self.in_room(by.id, id)?);
        if !role.speaks() {
            return Ok(Err(ActError::ReadOnly));
        }
        let users = granted!(self.users_by_name(names)?);
        let is_new: Vec<bool> = match self.memory.conversations.get(&id) {
            Some(known) => users.iter().map(|it| known.find(it.id).is_none()).collect(),
            None => Vec::new(),
        };
        let new = || users.iter().zip(&is_new).filter(|(_, new)| **new);
        granted!(self.adding(by.id, new().map(|(user, _)| user))?);
        let mut lifted = Vec::new();
        for (user, _) in new() {
            if self.is_banned(id, user.id)? {
                if !role.runs() {
                    return Ok(Err(ActError::UserBanned(user.name.clone())));
                }
                lifted.push(user.id);
            }
        }
        if let Some(known) = self.memory.conversations.get(&id)
            && known.members.len() + new().count() > members_max(&known.kind)
        {
            return Ok(Err(ActError::Full(members_max(&known.kind))));
        }
        for user in lifted {
            self.connection
                .prepare_cached("DELETE FROM bans WHERE conversation_id = ?1 AND user_id = ?2")?
                .execute([id.number(), user.number()].map(rows::int))?;
        }
        for (user, _) in new() {
            let change = MemberChange::Added(Role::Member);
            self.begin(id, user, change, Role::Member, by, at)?;
        }
        let known = self.memory.conversations.get(&id);
        let members = users
            .into_iter()
            .filter_map(|user| Some(member_of(known?.find(user.id)?, user)));
        Ok(Ok(members.collect()))
    }

    /// A membership begins: the new member hears of the conversation, then all hear of the member.
    pub(super) fn begin(
        &mut self,
        id: ConversationId,
        user: &UserRef,
        change: MemberChange,
        role: Role,
        by: &UserRef,
        at: TimeMs,
    ) -> rusqlite::Result<()> {
        let joined = self.memory.next_end;
        let Some(known) = self.memory.conversations.get(&id) else {
            return Ok(());
        };
        let mut member = Row::new(user.id, role, joined, at, known.last_seq);
        member.floor = match known.history {
            HistoryAccess::SinceJoin => known.last_seq,
            HistoryAccess::All => known.open_from,
        };
        self.take_in(id, member);
        self.log_conversation_changed(id, Some(user.id))?;
        self.log_member_changed(id, user, change, by)
    }

    /// The caller leaves.
    pub fn leave_conversation(&mut self, user: &UserRef, id: ConversationId) -> Acted<()> {
        let (known, role) = granted!(self.in_room(user.id, id)?);
        if role == Role::Owner && known.owners() == 1 && known.members.len() > 1 {
            return Ok(Err(ActError::LastOwner));
        }
        self.end(id, user, MemberChange::Left, user)?;
        Ok(Ok(()))
    }

    /// Removes a member, or bans anybody.
    pub fn remove_member(
        &mut self,
        by: &UserRef,
        id: ConversationId,
        name: UserName,
        ban: bool,
        at: TimeMs,
    ) -> Acted<()> {
        let (_, role) = granted!(self.in_room(by.id, id)?);
        if !role.runs() {
            return Ok(Err(ActError::RoleTooLow));
        }
        let Some(user) = self.user_by_name(&name)? else {
            return Ok(Err(ActError::UserNotFound(name)));
        };
        if user.id == by.id {
            let mend = "that is you; leave the conversation instead";
            return Ok(Err(
                Invalid::new("REMOVES_ONESELF", "user_name", mend).into()
            ));
        }
        let known = self.memory.conversations.get(&id);
        let other = known.and_then(|known| Some(known.find(user.id)?.role));
        if other.is_none() && !ban {
            return Ok(Err(ActError::MemberNotFound(name)));
        }
        if !role.may_remove(other) {
            return Ok(Err(ActError::RoleTooLow));
        }
        if ban {
            self.connection
                .prepare_cached(
                    "INSERT INTO bans (conversation_id, user_id, banned_ms) VALUES (?1, ?2, ?3) \
                     ON CONFLICT DO NOTHING",
                )?
                .execute([
                    rows::int(id.number()),
                    rows::int(user.id.number()),
                    at.milliseconds(),
                ])?;
        }
        if other.is_some() {
            let change = match ban {
                true => MemberChange::Banned,
                false => MemberChange::Removed,
            };
            self.end(id, &user, change, by)?;
        }
        Ok(Ok(()))
    }

    /// A membership ends: all hear of it, the one who goes included, and nothing newer reaches that one.
    fn end(
        &mut self,
        id: ConversationId,
        user: &UserRef,
        change: MemberChange,
        by: &UserRef,
    ) -> rusqlite::Result<()> {
        self.log_member_changed(id, user, change, by)?;
        let Some(known) = self.change(id) else {
            return Ok(());
        };
        let (left, last_seq) = (known.last_offset, known.last_seq);
        let Some(member) = known.remove(user.id) else {
            return Ok(());
        };
        self.end_invite_links(id, user.id)?;
        self.connection
            .prepare_cached(
                "INSERT INTO former_members (user_id, left_offset, conversation_id, joined_offset, floor_seq, \
                 last_seq) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(
                [
                    user.id.number(),
                    left.number(),
                    id.number(),
                    member.joined.number(),
                    member.floor.number(),
                    last_seq.number(),
                ]
                .map(rows::int),
            )?;
        self.connection
            .prepare_cached("DELETE FROM members WHERE user_id = ?1 AND conversation_id = ?2")?
            .execute([user.id.number(), id.number()].map(rows::int))?;
        Ok(())
    }

    /// Gives a member another role.
    pub fn set_role(
        &mut self,
        by: &UserRef,
        id: ConversationId,
        name: UserName,
        to: Role,
    ) -> Acted<Member> {
        let (_, role) = granted!(self.in_room(by.id, id)?);
        if !role.runs() {
            return Ok(Err(ActError::RoleTooLow));
        }
        let Some(user) = self.user_by_name(&name)? else {
            return Ok(Err(ActError::UserNotFound(name)));
        };
        let Some(known) = self.memory.conversations.get(&id) else {
            return Ok(Err(ActError::NotMember(id)));
        };
        let Some(member) = known.find(user.id) else {
            return Ok(Err(ActError::MemberNotFound(name)));
        };
        let mut answer = member_of(member, user.clone());
        if member.role == to {
            return Ok(Ok(answer));
        }
        if !role.may_set(member.role, to) {
            return Ok(Err(ActError::RoleTooLow));
        }
        if member.role == Role::Owner && known.owners() == 1 {
            return Ok(Err(ActError::LastOwner));
        }
        if let Some(member) = self.change(id).and_then(|known| known.member(user.id)) {
            member.role = to;
            member.dirty = true;
        }
        answer.role = Some(to);
        self.log_member_changed(id, &user, MemberChange::Role(to), by)?;
        Ok(Ok(answer))
    }

    /// Logs what happened to a member, for all who are members at this moment. Whoever is about to go counts no more.
    fn log_member_changed(
        &mut self,
        id: ConversationId,
        user: &UserRef,
        change: MemberChange,
        by: &UserRef,
    ) -> rusqlite::Result<()> {
        let place = rows::int(id.number());
        let offset = self.log(place, rows::KIND_MEMBER_CHANGED, user.id.number())?;
        let Some(known) = self.change(id) else {
            return Ok(());
        };
        known.last_offset = offset;
        let readers = std::sync::Arc::clone(&known.readers);
        let (number, role) = rows::member_change_numbers(change);
        let going = u64::from(role.is_none());
        let members_count = (known.members.len() as u64).saturating_sub(going);
        self.connection
            .prepare_cached(
                "INSERT INTO happenings (offset, actor_id, change, role, members_count) \
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                rows::int(offset.number()),
                rows::int(by.id.number()),
                number,
                role,
                rows::int(members_count)
            ])?;
        let changed = MemberChanged {
            conversation: id,
            user: user.clone(),
            change,
            by: by.clone(),
            members_count,
        };
        self.announce(offset, EventBody::MemberChanged(changed), readers);
        Ok(())
    }

    pub(super) fn is_banned(&self, id: ConversationId, user: UserId) -> rusqlite::Result<bool> {
        self.connection
            .prepare_cached("SELECT 1 FROM bans WHERE conversation_id = ?1 AND user_id = ?2")?
            .exists([id.number(), user.number()].map(rows::int))
    }
}

fn member_of(member: &Row, user: UserRef) -> Member {
    Member {
        user,
        role: Some(member.role),
        since: member.since,
    }
}

/// The kind with another name, if one is given.
fn renamed(kind: &ConversationKind, name: Option<String>) -> Result<ConversationKind, ActError> {
    let Some(name) = name else {
        return Ok(kind.clone());
    };
    match kind {
        ConversationKind::Direct(_) => Err(ActError::Direct),
        ConversationKind::Group(_) => name
            .parse()
            .map(ConversationKind::Group)
            .map_err(|error| Invalid::new("CONVERSATION_NAME_INVALID", "name", error).into()),
        ConversationKind::Channel(_) => name
            .parse()
            .map(ConversationKind::Channel)
            .map_err(|error| Invalid::new("CONVERSATION_NAME_INVALID", "name", error).into()),
    }
}
