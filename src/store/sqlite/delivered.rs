//! How far the messages of a conversation have arrived at its members. Nothing is written for it: it follows from the
//! cursors of their devices, since `seq` and offset rise together.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Connection, OptionalExtension};

use super::{blocks, replay::first_after, rows};
use crate::{
    domain::{
        conversation::{Delivered, Marker},
        ids::{ConversationId, DeviceId, Offset, Seq, UserId},
        limits::{DELIVERED_CONVERSATIONS_MAX, MARKERS_SHOWN_MEMBERS_MAX},
        user::UserRef,
    },
    store::ActError,
};

/// Own messages of a user that are passed over in one conversation; where there are more in a row, nothing is told.
const OWN_PASSED_MAX: u64 = 1_000;
/// Conversations and messages that are looked at for one user at once, some 20 ms of them: what is left out is told when it is
/// asked for.
const LOOKED_AT_MAX: u64 = 10_000;

/// How far each other member of a conversation has come. `waiting`: cursors that are not written yet.
pub(super) fn markers(
    connection: &Connection,
    user: UserId,
    id: ConversationId,
    waiting: &HashMap<DeviceId, Offset>,
) -> rusqlite::Result<Result<Vec<Marker>, ActError>> {
    let shown = connection
        .prepare_cached(
            "SELECT c.last_seq, c.kind = 1 OR (c.kind = 2 AND c.members_count <= ?3) FROM members AS m \
             JOIN conversations AS c ON c.id = m.conversation_id WHERE m.user_id = ?1 AND m.conversation_id = ?2",
        )?
        .query_row(
            [user.number(), id.number(), MARKERS_SHOWN_MEMBERS_MAX as u64].map(rows::int),
            |row| Ok((Seq::new(rows::number(row, 0)?), row.get::<_, bool>(1)?)),
        )
        .optional()?;
    let last_seq = match shown {
        None => return Ok(Err(ActError::NotMember(id))),
        Some((_, false)) => return Ok(Ok(Vec::new())),
        Some((last_seq, true)) => last_seq,
    };
    let members = connection
        .prepare_cached(
            "SELECT m.user_id, u.name, m.read_seq FROM members AS m JOIN users AS u ON u.id = m.user_id \
             WHERE m.conversation_id = ?1 AND m.user_id <> ?2 ORDER BY m.user_id",
        )?
        .query_map([id.number(), user.number()].map(rows::int), |row| {
            let user = UserRef {
                id: UserId::new(rows::number(row, 0)?),
                name: rows::name(row, 1)?,
            };
            Ok((user, Seq::new(rows::number(row, 2)?)))
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let mut markers = Vec::with_capacity(members.len());
    for (other, read_seq) in members {
        if !blocks::blockers(connection, user, other.id)?.is_empty() {
            continue;
        }
        let cursors = cursors(connection, other.id)?.into_iter();
        let cursors = cursors.map(|(device, stored)| match waiting.get(&device) {
            Some(waiting) => stored.max(*waiting),
            None => stored,
        });
        let cursor = cursors.max();
        let cursor = cursor.unwrap_or(Offset::ZERO);
        let next = first_after(connection, id, last_seq, cursor)?;
        let arrived = Seq::new(next.number().saturating_sub(1));
        markers.push(Marker {
            user: other,
            read_seq,
            delivered_seq: arrived.max(read_seq),
        });
    }
    Ok(Ok(markers))
}

/// The devices of a user with their cursors, as far as they are written.
pub(super) fn cursors(
    connection: &Connection,
    user: UserId,
) -> rusqlite::Result<Vec<(DeviceId, Offset)>> {
    connection
        .prepare_cached("SELECT id, coalesce(cursor_offset, 0) FROM devices WHERE user_id = ?1")?
        .query_map([rows::int(user.number())], |row| {
            let device = DeviceId::new(rows::number(row, 0)?);
            Ok((device, Offset::new(rows::number(row, 1)?)))
        })?
        .collect()
}

/// A conversation of a user that shows markers and has news.
struct Shown {
    id: ConversationId,
    floor: Seq,
    last_seq: Seq,
    /// Of its last event.
    last_offset: Offset,
}

/// In which conversations messages of others lie between two places.
pub(super) fn delivered_between(
    connection: &Connection,
    user: UserId,
    after: Offset,
    to: Offset,
) -> rusqlite::Result<Vec<Delivered>> {
    if to <= after {
        return Ok(Vec::new());
    }
    let (mut newest, mut budget) = (BTreeMap::new(), LOOKED_AT_MAX);
    for shown in shown(connection, user, after)? {
        let is_full = newest.len() == DELIVERED_CONVERSATIONS_MAX;
        let oldest = newest.first_key_value().map(|(offset, _)| *offset);
        if budget == 0 || is_full && oldest > Some(shown.last_offset) {
            // Enough was looked at, or from here on all are older.
            break;
        }
        let last = last_of_others(connection, user, &shown, (after, to), &mut budget)?;
        let Some((offset, seq)) = last.filter(|(offset, _)| !is_full || Some(*offset) > oldest)
        else {
            continue;
        };
        let others = others(connection, user, shown.id)?;
        if others.is_empty() {
            continue;
        }
        if is_full {
            newest.pop_first();
        }
        let conversation = shown.id;
        newest.insert(
            offset,
            Delivered {
                conversation,
                seq,
                others,
            },
        );
    }
    Ok(newest.into_values().rev().collect())
}

/// Those with events after a place, the newest first.
fn shown(connection: &Connection, user: UserId, after: Offset) -> rusqlite::Result<Vec<Shown>> {
    connection
        .prepare_cached(
            "SELECT m.conversation_id, m.floor_seq, c.last_seq, c.last_offset FROM members AS m \
             CROSS JOIN conversations AS c ON c.id = m.conversation_id WHERE m.user_id = ?1 AND c.last_offset > ?2 \
             AND (c.kind = 1 AND c.low_user_id <> c.high_user_id OR c.kind = 2 AND c.members_count BETWEEN 2 AND ?3) \
             ORDER BY c.last_offset DESC",
        )?
        .query_map(
            [user.number(), after.number(), MARKERS_SHOWN_MEMBERS_MAX as u64].map(rows::int),
            |row| {
                Ok(Shown {
                    id: ConversationId::new(rows::number(row, 0)?),
                    floor: Seq::new(rows::number(row, 1)?),
                    last_seq: Seq::new(rows::number(row, 2)?),
                    last_offset: Offset::new(rows::number(row, 3)?),
                })
            },
        )?
        .collect()
}

/// The last message of another that the user reads and that lies between two places.
fn last_of_others(
    connection: &Connection,
    user: UserId,
    shown: &Shown,
    (after, to): (Offset, Offset),
    budget: &mut u64,
) -> rusqlite::Result<Option<(Offset, Seq)>> {
    *budget -= 1;
    let beyond = first_after(connection, shown.id, shown.last_seq, to)?;
    let mut statement = connection.prepare_cached(
        "SELECT offset, seq, subject_id FROM log WHERE conversation_id = ?1 AND seq > ?2 AND seq < ?3 \
         ORDER BY seq DESC LIMIT ?4",
    )?;
    let mut found = statement.query(
        [
            shown.id.number(),
            shown.floor.number(),
            beyond.number(),
            OWN_PASSED_MAX.min(*budget),
        ]
        .map(rows::int),
    )?;
    while let Some(row) = found.next()? {
        *budget = budget.saturating_sub(1);
        let offset = Offset::new(rows::number(row, 0)?);
        if offset <= after {
            break;
        }
        if UserId::new(rows::number(row, 2)?) != user {
            return Ok(Some((offset, Seq::new(rows::number(row, 1)?))));
        }
    }
    Ok(None)
}

fn others(
    connection: &Connection,
    user: UserId,
    id: ConversationId,
) -> rusqlite::Result<Vec<UserId>> {
    let mut others = connection
        .prepare_cached(
            "SELECT user_id FROM members WHERE conversation_id = ?1 AND user_id <> ?2 ORDER BY user_id",
        )?
        .query_map([id.number(), user.number()].map(rows::int), |row| {
            rows::number(row, 0).map(UserId::new)
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    blocks::leave_out_those_apart(connection, user, &mut others)?;
    Ok(others)
}
