//! The rows of members, between the table and the writer's memory.

use rusqlite::{Connection, Statement, params};

use super::{memory::Member, rows};
use crate::domain::{
    clock::TimeMs,
    ids::{ConversationId, Offset, Seq, UserId},
};

/// What `write` executes.
pub(super) const UPSERT: &str = "INSERT OR REPLACE INTO members (user_id, conversation_id, joined_offset, read_seq, \
    read_offset, shown_seq, shown_offset, shown_ms, sent, sent_at_read, role, floor_seq, joined_ms, marked_unread, \
    notify, notify_until_ms, settings_offset) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)";

/// The members of a conversation, sorted by id.
pub(super) fn read(connection: &Connection, id: ConversationId) -> rusqlite::Result<Vec<Member>> {
    connection
        .prepare_cached(
            "SELECT user_id, joined_offset, read_seq, read_offset, shown_seq, shown_offset, shown_ms, sent, \
             sent_at_read, role, floor_seq, joined_ms, marked_unread, notify, notify_until_ms, settings_offset \
             FROM members WHERE conversation_id = ?1 ORDER BY user_id",
        )?
        .query_map([rows::int(id.number())], |row| {
            Ok(Member {
                user: UserId::new(rows::number(row, 0)?),
                role: rows::role(row, 9)?,
                floor: Seq::new(rows::number(row, 10)?),
                since: TimeMs::new(row.get(11)?),
                joined: Offset::new(rows::number(row, 1)?),
                read_seq: Seq::new(rows::number(row, 2)?),
                read_offset: Offset::new(rows::number(row, 3)?),
                shown_seq: Seq::new(rows::number(row, 4)?),
                shown_offset: Offset::new(rows::number(row, 5)?),
                shown: TimeMs::new(row.get(6)?),
                sent: rows::number(row, 7)?,
                sent_at_read: rows::number(row, 8)?,
                settings: rows::settings(row, 12)?,
                settings_offset: Offset::new(rows::number(row, 15)?),
                dirty: false,
            })
        })?
        .collect()
}

/// Writes a member.
pub(super) fn write(
    upsert: &mut Statement<'_>,
    id: ConversationId,
    member: &Member,
) -> rusqlite::Result<()> {
    let notify = member.settings.notify;
    upsert
        .execute(params![
            rows::int(member.user.number()),
            rows::int(id.number()),
            rows::int(member.joined.number()),
            rows::int(member.read_seq.number()),
            rows::int(member.read_offset.number()),
            rows::int(member.shown_seq.number()),
            rows::int(member.shown_offset.number()),
            member.shown.milliseconds(),
            rows::int(member.sent),
            rows::int(member.sent_at_read),
            member.role.number(),
            rows::int(member.floor.number()),
            member.since.milliseconds(),
            member.settings.marked_unread,
            notify.level.number(),
            notify.until.map(TimeMs::milliseconds),
            rows::int(member.settings_offset.number())
        ])
        .map(drop)
}
