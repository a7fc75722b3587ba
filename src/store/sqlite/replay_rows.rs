//! The state rows of a replay: each is owed once, with its last value and at the place of its last change.

use rusqlite::{Connection, OptionalExtension};

use super::{blocks, rows};
use crate::{
    domain::{
        event::{Event, EventBody, ReadMarker, SettingsChanged},
        ids::{ConversationId, Offset, Seq, UserId},
    },
    store::{ReplayRest, StateRow},
};

/// Notes which markers of others have moved.
pub(super) fn others_markers(
    connection: &Connection,
    rest: &mut ReplayRest,
    user: UserId,
    id: ConversationId,
    after: Option<Offset>,
) -> rusqlite::Result<()> {
    let after = after.unwrap_or(Offset::ZERO);
    let mut statement = connection.prepare_cached(
        "SELECT user_id, shown_offset FROM members WHERE conversation_id = ?1 AND user_id <> ?2 \
         AND shown_offset > ?3",
    )?;
    let mut found = statement.query([id.number(), user.number(), after.number()].map(rows::int))?;
    while let Some(row) = found.next()? {
        let (other, offset) = (rows::number(row, 0)?, rows::number(row, 1)?);
        let row = StateRow::Marker(id, UserId::new(other));
        rest.rows.push((Offset::new(offset), row));
    }
    Ok(())
}

/// What a state row says; `None` if it has changed again: that is told at its later place.
pub(super) fn state_row(
    connection: &Connection,
    reader: UserId,
    offset: Offset,
    row: StateRow,
) -> rusqlite::Result<Option<Event>> {
    let found = match row {
        StateRow::Marker(id, user) => marker(connection, reader, id, user)?,
        StateRow::Settings(id) => settings(connection, reader, id)?,
        StateRow::Blocks => Some(blocks::state_row(connection, reader)?),
    };
    Ok(found.filter(|event| event.offset == offset))
}

/// A read marker: the own one as it is, those of others as they were shown.
fn marker(
    connection: &Connection,
    reader: UserId,
    conversation: ConversationId,
    user: UserId,
) -> rusqlite::Result<Option<Event>> {
    connection
        .prepare_cached(
            "SELECT read_seq, read_offset, shown_seq, shown_offset FROM members \
             WHERE user_id = ?1 AND conversation_id = ?2",
        )?
        .query_row(
            [user.number(), conversation.number()].map(rows::int),
            |row| {
                let column = if user == reader { 0 } else { 2 };
                let marker = ReadMarker {
                    conversation,
                    user,
                    read_seq: Seq::new(rows::number(row, column)?),
                };
                Ok(Event {
                    offset: Offset::new(rows::number(row, column + 1)?),
                    body: EventBody::ReadMarker(marker),
                })
            },
        )
        .optional()
}

/// What the reader set for a conversation.
fn settings(
    connection: &Connection,
    reader: UserId,
    conversation: ConversationId,
) -> rusqlite::Result<Option<Event>> {
    connection
        .prepare_cached(
            "SELECT marked_unread, notify, notify_until_ms, settings_offset FROM members \
             WHERE user_id = ?1 AND conversation_id = ?2",
        )?
        .query_row(
            [reader.number(), conversation.number()].map(rows::int),
            |row| {
                let changed = SettingsChanged {
                    conversation,
                    settings: rows::settings(row, 0)?,
                };
                Ok(Event {
                    offset: Offset::new(rows::number(row, 3)?),
                    body: EventBody::SettingsChanged(changed),
                })
            },
        )
        .optional()
}
