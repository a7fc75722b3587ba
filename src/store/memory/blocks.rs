//! Whom users block, in memory, and what a block is in the way of. The user's own devices hear of each change, nobody else.

use std::collections::HashSet;

use super::State;
use crate::{
    domain::{
        conversation::ConversationKind,
        event::{Event, EventBody},
        ids::{ConversationId, Offset, UserId},
        limits::BLOCKED_USERS_MAX,
        name::UserName,
        user::UserRef,
    },
    store::{ActError, BlockError, block::Block},
};

impl State {
    pub(super) fn block_user(
        &mut self,
        user: UserId,
        name: UserName,
    ) -> Result<UserRef, BlockError> {
        let other = self.somebody_else(user, name)?;
        let own = self.users.row(user).map_or(0, |row| row.blocks.len());
        if self.blocks(user, other.id) {
            return Ok(other);
        }
        if own >= BLOCKED_USERS_MAX {
            return Err(BlockError::TooMany);
        }
        if let Some(row) = self.users.row_mut(user) {
            row.blocks.insert(other.id);
        }
        self.tell_blocks(user);
        Ok(other)
    }

    pub(super) fn unblock_user(
        &mut self,
        user: UserId,
        name: UserName,
    ) -> Result<UserRef, BlockError> {
        let other = self.somebody_else(user, name)?;
        let row = self.users.row_mut(user);
        if row.is_some_and(|row| row.blocks.remove(&other.id)) {
            self.tell_blocks(user);
        }
        Ok(other)
    }

    fn somebody_else(&self, user: UserId, name: UserName) -> Result<UserRef, BlockError> {
        match self.users.named(&name) {
            None => Err(BlockError::UserNotFound(name)),
            Some(other) if other.id == user => Err(BlockError::Oneself),
            Some(other) => Ok(other),
        }
    }

    fn tell_blocks(&mut self, user: UserId) {
        let body = EventBody::BlocksChanged(self.blocked(user));
        let offset = self.log.push(body, [user].into());
        if let Some(row) = self.users.row_mut(user) {
            row.blocks_offset = offset;
        }
    }

    /// Whom a user blocks, by id.
    pub(super) fn blocked(&self, user: UserId) -> Vec<UserRef> {
        let row = self.users.row(user);
        let ids = row.into_iter().flat_map(|row| &row.blocks);
        ids.filter_map(|id| self.users.user_ref(*id)).collect()
    }

    /// Whether one user blocks another.
    pub(super) fn blocks(&self, user: UserId, other: UserId) -> bool {
        let row = self.users.row(user);
        row.is_some_and(|row| row.blocks.contains(&other))
    }

    /// Whether one of two users blocks the other.
    pub(super) fn are_apart(&self, a: UserId, b: UserId) -> bool {
        self.blocks(a, b) || self.blocks(b, a)
    }

    /// Everybody whom a user blocks or who blocks the user.
    pub(super) fn apart(&self, user: UserId) -> HashSet<UserId> {
        let everybody = self.users.ids();
        everybody.filter(|id| self.are_apart(user, *id)).collect()
    }

    /// What stands between two users.
    pub(super) fn block_between(&self, user: UserId, other: &UserRef) -> Option<Block> {
        let (own, theirs) = (self.blocks(user, other.id), self.blocks(other.id, user));
        Block::of(&other.name, own, theirs)
    }

    /// What stands between the two of a DIRECT.
    pub(super) fn block_in(&self, id: ConversationId, user: UserId) -> Option<Block> {
        let ConversationKind::Direct(people) = &self.conversations.get(&id)?.kind else {
            return None;
        };
        let other = people.iter().find(|person| person.id != user)?;
        self.block_between(user, other)
    }

    /// Refuses a member who would say something to one with whom there is a block.
    pub(super) fn check_speaking(&self, user: UserId, id: ConversationId) -> Result<(), ActError> {
        self.membership(user, id)?;
        match self.block_in(id, user) {
            Some(block) => Err(block.into()),
            None => Ok(()),
        }
    }

    /// Refuses to add those with whom the caller has a block.
    pub(super) fn check_adding<'a>(
        &self,
        by: UserId,
        mut users: impl Iterator<Item = &'a UserRef>,
    ) -> Result<(), ActError> {
        match users.find_map(|user| self.block_between(by, user)) {
            Some(block) => Err(block.into()),
            None => Ok(()),
        }
    }

    /// Where the list of a user changed last, if a replay owes it: after this place, or if there is anybody on it.
    pub(super) fn blocks_owed(&self, user: UserId, after: Option<Offset>) -> Option<Offset> {
        let row = self.users.row(user)?;
        let is_owed = match after {
            Some(after) => row.blocks_offset > after,
            None => !row.blocks.is_empty(),
        };
        is_owed.then_some(row.blocks_offset)
    }

    /// The state row of a user, for a replay.
    pub(super) fn blocks_event(&self, user: UserId) -> Option<Event> {
        Some(Event {
            offset: self.users.row(user)?.blocks_offset,
            body: EventBody::BlocksChanged(self.blocked(user)),
        })
    }
}
