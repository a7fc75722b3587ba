//! The messages that mention a user, over all conversations, the newest first.
//!
//! Each membership gives two lists, of what mentions the user by name and of what mentions everybody; they are merged by
//! the offset of the message. Only what may be given is looked at, but for what the user said to everybody.

use std::collections::BinaryHeap;

use rusqlite::{Connection, OptionalExtension};

use super::{
    blocks,
    mentions::EVERYBODY,
    rows::{self, Names},
};
use crate::domain::{
    ids::{ConversationId, Offset, Seq, UserId},
    limits::PAGE_BYTES_MAX,
    message::Message,
    page::PageSize,
    search::Found,
};

/// At so many mentions that were looked at a page ends, whatever it holds.
const LOOKED_AT_MAX: usize = 10_000;

/// Mentions in one conversation, of the user or of everybody.
struct List {
    id: ConversationId,
    mentioned: UserId,
    /// Only messages after this …
    seq_after: Seq,
    /// … and after this.
    offset_after: Offset,
}

/// The next of a list.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Head {
    offset: Offset,
    list: usize,
    seq: Seq,
    sender: UserId,
}

/// One page of what mentions a user, before the given place.
pub(super) fn list_mentions(
    connection: &Connection,
    user: UserId,
    unread_only: bool,
    before: Option<Offset>,
    size: PageSize,
) -> rusqlite::Result<Found<Message>> {
    let lists = lists(connection, user, unread_only)?;
    let blocked = blocks::blocked_ids(connection, user)?;
    let mut heads = BinaryHeap::new();
    for (index, list) in lists.iter().enumerate() {
        heads.extend(head(connection, list, index, before)?);
    }
    let mut page = Found {
        items: Vec::new(),
        next: None,
    };
    let (mut names, mut looked_at, mut bytes) = (Names::default(), 0, 0);
    let mut last = None;
    while let Some(Head {
        offset,
        list: index,
        seq,
        sender,
    }) = heads.pop()
    {
        let Some(list) = lists.get(index) else {
            continue;
        };
        heads.extend(head(connection, list, index, Some(offset))?);
        if last == Some(offset) {
            // It mentions the user in both ways.
            continue;
        }
        if looked_at == LOOKED_AT_MAX || page.items.len() == size.items() {
            page.next = last;
            break;
        }
        looked_at += 1;
        if sender != user && !blocked.contains(&sender) {
            let message = rows::message_at(connection, &mut names, user, list.id, seq)?;
            bytes += message.as_ref().map_or(0, Message::text_bytes);
            if bytes > PAGE_BYTES_MAX && !page.items.is_empty() {
                page.next = last;
                break;
            }
            page.items.extend(message);
        }
        last = Some(offset);
    }
    Ok(page)
}

/// What the conversations of a user may give.
fn lists(connection: &Connection, user: UserId, unread_only: bool) -> rusqlite::Result<Vec<List>> {
    let mut lists = Vec::new();
    let mut statement = connection.prepare_cached(
        "SELECT conversation_id, floor_seq, read_seq, joined_offset FROM members WHERE user_id = ?1",
    )?;
    let mut found = statement.query([rows::int(user.number())])?;
    while let Some(row) = found.next()? {
        let (floor, read) = (
            Seq::new(rows::number(row, 1)?),
            Seq::new(rows::number(row, 2)?),
        );
        let joined = Offset::new(rows::number(row, 3)?);
        for (mentioned, offset_after) in [(user, Offset::ZERO), (EVERYBODY, joined)] {
            lists.push(List {
                id: ConversationId::new(rows::number(row, 0)?),
                mentioned,
                seq_after: match unread_only {
                    true => floor.max(read),
                    false => floor,
                },
                offset_after,
            });
        }
    }
    Ok(lists)
}

/// The newest of a list before a place.
fn head(
    connection: &Connection,
    list: &List,
    index: usize,
    before: Option<Offset>,
) -> rusqlite::Result<Option<Head>> {
    let found = connection
        .prepare_cached(
            "SELECT offset, seq, sender_id FROM mentions WHERE user_id = ?1 AND conversation_id = ?2 \
             AND offset > ?3 AND offset < ?4 ORDER BY offset DESC LIMIT 1",
        )?
        .query_row(
            [
                rows::int(list.mentioned.number()),
                rows::int(list.id.number()),
                rows::int(list.offset_after.number()),
                before.map_or(i64::MAX, |before| rows::int(before.number())),
            ],
            |row| {
                Ok(Head {
                    offset: Offset::new(rows::number(row, 0)?),
                    list: index,
                    seq: Seq::new(rows::number(row, 1)?),
                    sender: UserId::new(rows::number(row, 2)?),
                })
            },
        )
        .optional()?;
    // `seq` and offset rise together: below it are none that may be given.
    Ok(found.filter(|head| head.seq > list.seq_after))
}
