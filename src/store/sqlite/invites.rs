//! Invite links in the batch and for readers: made, listed, revoked, and joined by.
//!
//! A link works as long as its creator is a member who speaks; it is deleted with that membership. Of a code the store has
//! the hash alone.

use std::num::NonZeroU32;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    batch::Batch,
    reading::role_in_room,
    rooms::{Acted, granted, members_max},
    rows,
};
use crate::{
    domain::{
        clock::TimeMs,
        event::MemberChange,
        ids::{ConversationId, InviteLinkId, UserId},
        invite::{InviteEnds, InviteLink, NewInviteLink},
        limits::INVITE_LINKS_PER_CONVERSATION_MAX,
        page::PageSize,
        role::Role,
        secret::InviteHash,
        user::UserRef,
    },
    store::{ActError, InviteLinkPage},
};

impl Batch<'_> {
    /// Makes an invite link.
    pub fn create_invite_link(
        &mut self,
        by: UserRef,
        id: ConversationId,
        new: NewInviteLink,
    ) -> Acted<InviteLink> {
        let (_, role) = granted!(self.in_room(by.id, id)?);
        if !role.speaks() {
            return Ok(Err(ActError::ReadOnly));
        }
        let (conversation, now) = (rows::int(id.number()), new.created.milliseconds());
        self.connection
            .prepare_cached(
                "DELETE FROM invite_links WHERE conversation_id = ?1 AND (expires_ms <= ?2 OR uses >= uses_max)",
            )?
            .execute([conversation, now])?;
        let count = self
            .connection
            .prepare_cached("SELECT count(*) FROM invite_links WHERE conversation_id = ?1")?
            .query_row([conversation], |row| rows::number(row, 0))?;
        if count >= INVITE_LINKS_PER_CONVERSATION_MAX as u64 {
            return Ok(Err(ActError::TooManyInviteLinks));
        }
        self.connection
            .prepare_cached(
                "INSERT INTO invite_links (conversation_id, code_hash, creator_id, created_ms, expires_ms, uses_max) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                conversation,
                new.code.0,
                rows::int(by.id.number()),
                now,
                new.ends.expires.map(TimeMs::milliseconds),
                new.ends.uses_max.map(NonZeroU32::get)
            ])?;
        let link = self.connection.last_insert_rowid().cast_unsigned();
        Ok(Ok(InviteLink {
            id: InviteLinkId::new(link),
            conversation: id,
            creator: by,
            created: new.created,
            ends: new.ends,
            uses: 0,
        }))
    }

    /// Makes an invite link void that the caller may see.
    pub fn revoke_invite_link(
        &mut self,
        by: UserId,
        id: ConversationId,
        link: InviteLinkId,
    ) -> Acted<()> {
        let (_, role) = granted!(self.in_room(by, id)?);
        let revoked = self
            .connection
            .prepare_cached(
                "DELETE FROM invite_links WHERE id = ?1 AND conversation_id = ?2 AND (?3 OR creator_id = ?4)",
            )?
            .execute(params![
                rows::int(link.number()),
                rows::int(id.number()),
                role.runs(),
                rows::int(by.number())
            ])?;
        Ok(match revoked {
            0 => Err(ActError::InviteLinkNotFound(link)),
            _ => Ok(()),
        })
    }

    /// Makes a user a member by the code of a link.
    pub fn join_by_invite(
        &mut self,
        user: &UserRef,
        code: InviteHash,
        at: TimeMs,
    ) -> Acted<ConversationId> {
        let found = self
            .connection
            .prepare_cached(
                "SELECT id, conversation_id, creator_id, expires_ms, uses_max, uses FROM invite_links \
                 WHERE code_hash = ?1",
            )?
            .query_row([code.0], |row| {
                let link = rows::number(row, 0)?;
                let id = ConversationId::new(rows::number(row, 1)?);
                let creator = UserId::new(rows::number(row, 2)?);
                Ok((link, id, creator, ends(row, 3)?, row.get::<_, u32>(5)?))
            })
            .optional()?;
        let void = Ok(Err(ActError::InviteLinkVoid));
        let Some((link, id, creator, ends, uses)) = found else {
            return void;
        };
        self.know(id)?;
        let Some(known) = self.memory.conversations.get(&id) else {
            return void;
        };
        if known.find(user.id).is_some() {
            return Ok(Ok(id));
        }
        let creator = known.find(creator);
        if ends.reached(uses, at) || creator.is_none_or(|creator| !creator.role.speaks()) {
            return void;
        }
        let (members, max) = (known.members.len(), members_max(&known.kind));
        if self.is_banned(id, user.id)? {
            return Ok(Err(ActError::Banned));
        }
        if members >= max {
            return Ok(Err(ActError::Full(max)));
        }
        self.connection
            .prepare_cached("UPDATE invite_links SET uses = uses + 1 WHERE id = ?1")?
            .execute([rows::int(link)])?;
        let change = MemberChange::Joined(Role::Member);
        self.begin(id, user, change, Role::Member, user, at)?;
        Ok(Ok(id))
    }

    /// The links of a member whose membership ends go with it.
    pub(super) fn end_invite_links(
        &self,
        id: ConversationId,
        creator: UserId,
    ) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached(
                "DELETE FROM invite_links WHERE conversation_id = ?1 AND creator_id = ?2",
            )?
            .execute([id.number(), creator.number()].map(rows::int))?;
        Ok(())
    }
}

/// What ends a link: two columns from here on.
fn ends(row: &Row<'_>, column: usize) -> rusqlite::Result<InviteEnds> {
    Ok(InviteEnds {
        expires: row.get::<_, Option<i64>>(column)?.map(TimeMs::new),
        uses_max: row
            .get::<_, Option<u32>>(column + 1)?
            .and_then(NonZeroU32::new),
    })
}

/// The links that a member may see and that have not come to their end, by id.
pub(super) fn list(
    connection: &Connection,
    user: UserId,
    id: ConversationId,
    now: TimeMs,
    after: Option<InviteLinkId>,
    size: PageSize,
) -> rusqlite::Result<Result<InviteLinkPage, ActError>> {
    let role = granted!(role_in_room(connection, user, id)?);
    let mut links = connection
        .prepare_cached(
            "SELECT l.id, l.creator_id, u.name, l.created_ms, l.expires_ms, l.uses_max, l.uses \
             FROM invite_links AS l JOIN users AS u ON u.id = l.creator_id \
             WHERE l.conversation_id = ?1 AND l.id > ?2 AND (?3 OR l.creator_id = ?4) \
             AND (l.expires_ms IS NULL OR l.expires_ms > ?5) AND (l.uses_max IS NULL OR l.uses < l.uses_max) \
             ORDER BY l.id LIMIT ?6",
        )?
        .query_map(
            params![
                rows::int(id.number()),
                rows::int(after.map_or(0, InviteLinkId::number)),
                role.runs(),
                rows::int(user.number()),
                now.milliseconds(),
                rows::int(size.items() as u64 + 1)
            ],
            |row| {
                Ok(InviteLink {
                    id: InviteLinkId::new(rows::number(row, 0)?),
                    conversation: id,
                    creator: UserRef {
                        id: UserId::new(rows::number(row, 1)?),
                        name: rows::name(row, 2)?,
                    },
                    created: TimeMs::new(row.get(3)?),
                    ends: ends(row, 4)?,
                    uses: row.get(6)?,
                })
            },
        )?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let more = links.len() > size.items();
    links.truncate(size.items());
    Ok(Ok(InviteLinkPage { links, more }))
}
