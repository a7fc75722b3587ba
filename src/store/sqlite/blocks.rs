//! Whom users block: in the batch, and for readers. What a block is in the way of stands where that is done; what each
//! asks is asked here.
//!
//! A send must cost nothing for it, so the memory of the writer holds for each DIRECT who of its two blocks the other.

use std::{collections::HashSet, sync::Arc};

use rusqlite::{Connection, OptionalExtension};

use super::{
    batch::Batch,
    rooms::{Acted, granted},
    rows,
};
use crate::{
    domain::{
        clock::TimeMs,
        conversation::ConversationKind,
        event::{Event, EventBody},
        ids::{ConversationId, Offset, UserId},
        limits::BLOCKED_USERS_MAX,
        name::UserName,
        user::UserRef,
    },
    store::{BlockError, block::Block},
};

impl Batch<'_> {
    /// Blocks a user.
    pub fn block_user(
        &mut self,
        user: UserId,
        name: &UserName,
        at: TimeMs,
    ) -> rusqlite::Result<Result<UserRef, BlockError>> {
        let other = match self.other(user, name)? {
            Ok(other) => other,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let pair = [user.number(), other.id.number()].map(rows::int);
        let is_blocked = self
            .connection
            .prepare_cached("SELECT 1 FROM blocks WHERE user_id = ?1 AND blocked_id = ?2")?
            .exists(pair)?;
        if is_blocked {
            return Ok(Ok(other));
        }
        let count = self
            .connection
            .prepare_cached("SELECT count(*) FROM blocks WHERE user_id = ?1")?
            .query_row([pair[0]], |row| rows::number(row, 0))?;
        if count >= BLOCKED_USERS_MAX as u64 {
            return Ok(Err(BlockError::TooMany));
        }
        self.connection
            .prepare_cached(
                "INSERT INTO blocks (user_id, blocked_id, since_ms) VALUES (?1, ?2, ?3)",
            )?
            .execute([pair[0], pair[1], at.milliseconds()])?;
        self.blocks_changed(user, &other)?;
        Ok(Ok(other))
    }

    /// Ends a block.
    pub fn unblock_user(
        &mut self,
        user: UserId,
        name: &UserName,
    ) -> rusqlite::Result<Result<UserRef, BlockError>> {
        let other = match self.other(user, name)? {
            Ok(other) => other,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let ended = self
            .connection
            .prepare_cached("DELETE FROM blocks WHERE user_id = ?1 AND blocked_id = ?2")?
            .execute([user.number(), other.id.number()].map(rows::int))?;
        if ended > 0 {
            self.blocks_changed(user, &other)?;
        }
        Ok(Ok(other))
    }

    /// Somebody else by name.
    fn other(
        &mut self,
        user: UserId,
        name: &UserName,
    ) -> rusqlite::Result<Result<UserRef, BlockError>> {
        Ok(match self.user_by_name(name)? {
            None => Err(BlockError::UserNotFound(name.clone())),
            Some(other) if other.id == user => Err(BlockError::Oneself),
            Some(other) => Ok(other),
        })
    }

    /// The user's devices hear of it, and what is remembered of the DIRECT of the two is read anew.
    fn blocks_changed(&mut self, user: UserId, other: &UserRef) -> rusqlite::Result<()> {
        let offset = self.next_offset();
        self.connection
            .prepare_cached("UPDATE users SET blocks_offset = ?2 WHERE id = ?1")?
            .execute([user.number(), offset.number()].map(rows::int))?;
        let users = blocked(self.connection, user)?;
        self.announce(offset, EventBody::BlocksChanged(users), Arc::new([user]));
        let blockers = blockers(self.connection, user, other.id)?;
        if let Some(id) = self.direct_of(user, other.id)?
            && let Some(known) = self.memory.conversations.get_mut(&id)
        {
            known.blockers = blockers;
        }
        Ok(())
    }

    /// What stands between the two of a DIRECT that is remembered.
    pub(super) fn block_in(&self, id: ConversationId, user: UserId) -> Option<Block> {
        let known = self.memory.conversations.get(&id)?;
        if known.blockers.is_empty() {
            return None;
        }
        let ConversationKind::Direct(people) = &known.kind else {
            return None;
        };
        let other = people.iter().find(|person| person.id != user)?;
        let [own, theirs] = [user, other.id].map(|it| known.blockers.contains(&it));
        Block::of(&other.name, own, theirs)
    }

    /// Whether a remembered conversation is a DIRECT whose two do not block one another.
    pub(super) fn is_direct_without_block(&self, id: ConversationId) -> bool {
        let known = self.memory.conversations.get(&id);
        known.is_some_and(|known| {
            matches!(known.kind, ConversationKind::Direct(_)) && known.blockers.is_empty()
        })
    }

    /// What stands between two users.
    pub(super) fn block_between(
        &self,
        user: UserId,
        other: &UserRef,
    ) -> rusqlite::Result<Option<Block>> {
        let blockers = blockers(self.connection, user, other.id)?;
        let [own, theirs] = [user, other.id].map(|it| blockers.contains(&it));
        Ok(Block::of(&other.name, own, theirs))
    }

    /// Refuses a member who would say something to one with whom there is a block.
    pub(super) fn speaking(&mut self, user: UserId, id: ConversationId) -> Acted<()> {
        granted!(self.as_member(user, id)?);
        Ok(match self.block_in(id, user) {
            Some(block) => Err(block.into()),
            None => Ok(()),
        })
    }

    /// Refuses to add those with whom the caller has a block.
    pub(super) fn adding<'a>(
        &self,
        by: UserId,
        users: impl Iterator<Item = &'a UserRef>,
    ) -> Acted<()> {
        if !has_any(self.connection, by)? {
            return Ok(Ok(()));
        }
        for user in users {
            if let Some(block) = self.block_between(by, user)? {
                return Ok(Err(block.into()));
            }
        }
        Ok(Ok(()))
    }
}

/// Whether a user blocks anybody, or is blocked: most do not and are not, and then nothing more is asked.
fn has_any(connection: &Connection, user: UserId) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT 1 FROM blocks WHERE user_id = ?1 UNION ALL SELECT 1 FROM blocks WHERE blocked_id = ?1 LIMIT 1",
        )?
        .exists([rows::int(user.number())])
}

/// Takes out those between whom and a user there is a block. For lists of a hundred or so: however many block the user,
/// each costs one look.
pub(super) fn leave_out_those_apart(
    connection: &Connection,
    user: UserId,
    others: &mut Vec<UserId>,
) -> rusqlite::Result<()> {
    if !has_any(connection, user)? {
        return Ok(());
    }
    let mut near = Vec::with_capacity(others.len());
    for other in others.drain(..) {
        if other == user || blockers(connection, user, other)?.is_empty() {
            near.push(other);
        }
    }
    *others = near;
    Ok(())
}

/// Which of two users block the other.
pub(super) fn blockers(
    connection: &Connection,
    a: UserId,
    b: UserId,
) -> rusqlite::Result<Vec<UserId>> {
    connection
        .prepare_cached(
            "SELECT user_id FROM blocks WHERE user_id = ?1 AND blocked_id = ?2 \
             UNION ALL SELECT user_id FROM blocks WHERE user_id = ?2 AND blocked_id = ?1",
        )?
        .query_map([a.number(), b.number()].map(rows::int), |row| {
            rows::number(row, 0).map(UserId::new)
        })?
        .collect()
}

/// Whom a user blocks, by id.
pub(super) fn blocked(connection: &Connection, user: UserId) -> rusqlite::Result<Vec<UserRef>> {
    connection
        .prepare_cached(
            "SELECT b.blocked_id, u.name FROM blocks AS b JOIN users AS u ON u.id = b.blocked_id \
             WHERE b.user_id = ?1 ORDER BY b.blocked_id",
        )?
        .query_map([rows::int(user.number())], |row| {
            Ok(UserRef {
                id: UserId::new(rows::number(row, 0)?),
                name: rows::name(row, 1)?,
            })
        })?
        .collect()
}

/// The ids of those whom a user blocks.
pub(super) fn blocked_ids(
    connection: &Connection,
    user: UserId,
) -> rusqlite::Result<HashSet<UserId>> {
    ids(
        connection,
        "SELECT blocked_id FROM blocks WHERE user_id = ?1",
        user,
    )
}

/// Everybody whom a user blocks or who blocks the user.
pub(super) fn apart(connection: &Connection, user: UserId) -> rusqlite::Result<HashSet<UserId>> {
    ids(
        connection,
        "SELECT blocked_id FROM blocks WHERE user_id = ?1 \
         UNION ALL SELECT user_id FROM blocks WHERE blocked_id = ?1",
        user,
    )
}

fn ids(connection: &Connection, sql: &str, user: UserId) -> rusqlite::Result<HashSet<UserId>> {
    connection
        .prepare_cached(sql)?
        .query_map([rows::int(user.number())], |row| {
            rows::number(row, 0).map(UserId::new)
        })?
        .collect()
}

/// Where the list of a user changed last, if a replay owes it: after this place, or if there is anybody on it.
pub(super) fn owed(
    connection: &Connection,
    user: UserId,
    after: Option<Offset>,
) -> rusqlite::Result<Option<Offset>> {
    let changed = changed(connection, user)?;
    let is_owed = match after {
        Some(after) => changed > after,
        None => !blocked_ids(connection, user)?.is_empty(),
    };
    Ok(is_owed.then_some(changed))
}

/// The state row of a user, for a replay.
pub(super) fn state_row(connection: &Connection, user: UserId) -> rusqlite::Result<Event> {
    Ok(Event {
        offset: changed(connection, user)?,
        body: EventBody::BlocksChanged(blocked(connection, user)?),
    })
}

fn changed(connection: &Connection, user: UserId) -> rusqlite::Result<Offset> {
    let changed = connection
        .prepare_cached("SELECT blocks_offset FROM users WHERE id = ?1")?
        .query_row([rows::int(user.number())], |row| rows::number(row, 0))
        .optional()?;
    Ok(changed.map_or(Offset::ZERO, Offset::new))
}
