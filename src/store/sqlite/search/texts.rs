//! The log as the index reads it: messages with the text that they have now, and which of them changed. Read in slices,
//! so that no state of the log is held for long and little of it at a time.

use rusqlite::{Connection, Row};

use super::super::rows;
use crate::domain::{
    clock::TimeMs,
    ids::{ConversationId, Offset, Seq, UserId},
};

/// Rows of the log in one slice, at most.
const SLICE_ROWS: u64 = 1_000;
/// Bytes of text at which a slice ends.
const SLICE_BYTES: usize = 512 * 1024;

/// A row of the log that says something to the index.
pub(super) enum Entry {
    /// A message that is not deleted.
    Message {
        offset: Offset,
        conversation: ConversationId,
        sender: UserId,
        sent: TimeMs,
        text: String,
    },
    /// An edit or deletion.
    Change {
        offset: Offset,
        /// Where the message stands.
        message: Offset,
        conversation: ConversationId,
        deleted: bool,
    },
}

/// A piece of the log.
pub(super) struct Slice {
    pub entries: Vec<Entry>,
    /// The last row that was looked at.
    pub to: Offset,
    /// The end of the log when it was read: what was done to messages until then is in their texts.
    pub seen: Offset,
    /// Rows that were looked at.
    pub rows: u64,
    /// Whether there may be more.
    pub more: bool,
}

/// The rows after one offset, up to another: so many at most.
pub(super) fn slice(
    log: &Connection,
    after: Offset,
    to: Offset,
    rows_max: u64,
) -> rusqlite::Result<Slice> {
    let snapshot = log.unchecked_transaction()?;
    let seen = snapshot
        .prepare_cached("SELECT last_offset FROM meta")?
        .query_row([], |row| rows::number(row, 0))?;
    let mut slice = Slice {
        entries: Vec::new(),
        to: after,
        seen: Offset::new(seen),
        rows: 0,
        more: true,
    };
    let mut bytes = 0;
    let mut statement = snapshot.prepare_cached(
        "SELECT offset, kind, conversation_id, seq, subject_id, touched, body, sent_ms FROM log \
         WHERE offset > ?1 AND offset <= ?2 ORDER BY offset",
    )?;
    let mut found = statement.query([after.number(), to.number()].map(rows::int))?;
    while slice.rows < SLICE_ROWS.min(rows_max) && bytes < SLICE_BYTES {
        let Some(row) = found.next()? else {
            slice.more = false;
            break;
        };
        slice.rows += 1;
        slice.to = Offset::new(rows::number(row, 0)?);
        if let Some(entry) = entry(&snapshot, row, slice.to)? {
            if let Entry::Message { text, .. } = &entry {
                bytes += text.len();
            }
            slice.entries.push(entry);
        }
    }
    Ok(slice)
}

fn entry(log: &Connection, row: &Row<'_>, offset: Offset) -> rusqlite::Result<Option<Entry>> {
    let conversation = |row: &Row<'_>| rows::number(row, 2).map(ConversationId::new);
    match row.get(1)? {
        rows::KIND_MESSAGE => {
            let id = conversation(row)?;
            let touch = match row.get(5)? {
                true => rows::touch(log, id, Seq::new(rows::number(row, 3)?))?,
                false => None,
            };
            let touch = touch.unwrap_or_default();
            let text = match touch.changed {
                _ if touch.deleted => return Ok(None),
                None => row.get(6)?,
                Some(edit) => log
                    .prepare_cached("SELECT body FROM log WHERE offset = ?1")?
                    .query_row([rows::int(edit.number())], |row| row.get(0))?,
            };
            Ok(Some(Entry::Message {
                offset,
                conversation: id,
                sender: UserId::new(rows::number(row, 4)?),
                sent: TimeMs::new(row.get(7)?),
                text,
            }))
        }
        kind @ (rows::KIND_EDITED | rows::KIND_DELETED) => Ok(Some(Entry::Change {
            offset,
            message: changed(log, conversation(row)?, offset)?,
            conversation: conversation(row)?,
            deleted: kind == rows::KIND_DELETED,
        })),
        _ => Ok(None),
    }
}

/// Where the message stands that was changed by the row at an offset.
pub(super) fn changed(
    log: &Connection,
    id: ConversationId,
    offset: Offset,
) -> rusqlite::Result<Offset> {
    let seq = log
        .prepare_cached("SELECT seq FROM happenings WHERE offset = ?1")?
        .query_row([rows::int(offset.number())], |row| rows::number(row, 0))?;
    rows::offset_of(log, id, Seq::new(seq))
}
