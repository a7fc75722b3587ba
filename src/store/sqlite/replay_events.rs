//! The events of a replay, one by one: each as it is now, for the eyes of its reader.
//!
//! Whoever is a member sees the state of now. Whoever is none any more sees of what was committed during the membership
//! nothing that came after it.

use rusqlite::{Connection, OptionalExtension, Row};

use super::rows::{self, Names, Reader};
use crate::{
    domain::{
        conversation::{Conversation, ConversationKind},
        event::{EventBody, MemberChanged, MessageDeleted, ReactionsChanged},
        ids::{ConversationId, Offset, Seq, UserId},
        message::Message,
        user::UserRef,
    },
    store::ReplaySource,
};

/// The event at an offset of a replay that ends at `end`; `None` if it is gone or not for this reader.
pub(super) fn event(
    connection: &Connection,
    names: &mut Names,
    reader: UserId,
    source: &ReplaySource,
    offset: Offset,
    end: Offset,
) -> rusqlite::Result<Option<EventBody>> {
    let reader = Reader {
        user: reader,
        left: source.left,
        end: Some(end),
    };
    let sql = format!(
        "SELECT {}, kind FROM log WHERE offset = ?1",
        rows::MESSAGE_COLUMNS
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut found = statement.query([rows::int(offset.number())])?;
    let Some(row) = found.next()? else {
        return Ok(None);
    };
    let subject = rows::number(row, 2)?;
    match row.get::<_, i64>(8)? {
        rows::KIND_MESSAGE => {
            rows::message(connection, names, reader, row).map(|it| Some(EventBody::Message(it)))
        }
        rows::KIND_CONVERSATION_CHANGED => {
            let id = ConversationId::new(subject);
            let state = conversation(connection, names, reader.user, id, offset)?;
            Ok(state.map(EventBody::ConversationChanged))
        }
        rows::KIND_MEMBER_CHANGED => {
            let user = names.find(connection, UserId::new(subject))?;
            member_changed(connection, names, row, user, offset)
                .map(|it| it.map(EventBody::MemberChanged))
        }
        rows::KIND_EDITED | rows::KIND_DELETED | rows::KIND_REACTED => {
            let id = ConversationId::new(rows::number(row, 0)?);
            let Some(message) = message_of(connection, names, reader, source, id, offset)? else {
                return Ok(None);
            };
            let touch = rows::touch(connection, id, message.seq)?.unwrap_or_default();
            let kind = row.get::<_, i64>(8)?;
            // A later one says what is so now; but reactions that come live do not say which of them are the reader's.
            let is_told_live = kind == rows::KIND_REACTED
                && source.left.is_none()
                && touch.reacted.is_some_and(|last| last > end);
            if !is_told_live && ![touch.changed, touch.reacted].contains(&Some(offset)) {
                return Ok(None);
            }
            Ok(Some(match kind {
                rows::KIND_REACTED => EventBody::ReactionsChanged(ReactionsChanged {
                    conversation: id,
                    seq: message.seq,
                    // Also those to a message that was edited after the reader left.
                    reactions: rows::reactions(connection, id, message.seq, reader.user)?,
                    act: None,
                }),
                rows::KIND_EDITED if message.text.is_some() => EventBody::MessageEdited(Message {
                    reactions: Vec::new(),
                    ..message
                }),
                _ => EventBody::MessageDeleted(MessageDeleted {
                    conversation: id,
                    seq: message.seq,
                    revision: message.revision,
                    by: names.find(connection, UserId::new(subject))?,
                }),
            }))
        }
        // A kind of a later program would have come with a later schema, which is refused at the start.
        _ => Ok(None),
    }
}

/// The message that something happened to, unless the reader has no business with it.
fn message_of(
    connection: &Connection,
    names: &mut Names,
    reader: Reader,
    source: &ReplaySource,
    id: ConversationId,
    offset: Offset,
) -> rusqlite::Result<Option<Message>> {
    let seq = connection
        .prepare_cached("SELECT seq FROM happenings WHERE offset = ?1")?
        .query_row([rows::int(offset.number())], |row| rows::number(row, 0))
        .optional()?
        .map(Seq::new);
    let in_gap = |seq| {
        source
            .gap
            .is_some_and(|(from, to)| from <= seq && seq <= to)
    };
    let Some(seq) = seq.filter(|seq| *seq > source.floor && !in_gap(*seq)) else {
        return Ok(None);
    };
    let sql = rows::select_messages("WHERE conversation_id = ?1 AND seq = ?2");
    connection
        .prepare_cached(&sql)?
        .query_row([id.number(), seq.number()].map(rows::int), |row| {
            rows::message(connection, names, reader, row)
        })
        .optional()
}

/// A conversation: of now for a member, of then for one who is none any more.
fn conversation(
    connection: &Connection,
    names: &mut Names,
    user: UserId,
    id: ConversationId,
    offset: Offset,
) -> rusqlite::Result<Option<Conversation>> {
    let now = rows::conversation(connection, names, id)?;
    let Some(now) = now else {
        return Ok(None);
    };
    if is_member(connection, user, id.number())? {
        return Ok(Some(now));
    }
    let last_seq = connection
        .prepare_cached(
            "SELECT last_seq FROM former_members WHERE user_id = ?1 AND conversation_id = ?2 \
             AND left_offset >= ?3 ORDER BY left_offset LIMIT 1",
        )?
        .query_row(
            [user.number(), id.number(), offset.number()].map(rows::int),
            |row| rows::number(row, 0),
        )
        .optional()?;
    let Some(last_seq) = last_seq.map(Seq::new) else {
        return Ok(None);
    };
    connection
        .prepare_cached("SELECT name, topic, members_count FROM happenings WHERE offset = ?1")?
        .query_row([rows::int(offset.number())], |row| {
            Ok(Conversation {
                kind: match now.kind {
                    ConversationKind::Direct(_) => now.kind.clone(),
                    ConversationKind::Group(_) => ConversationKind::Group(rows::parsed(row, 0)?),
                    ConversationKind::Channel(_) => {
                        ConversationKind::Channel(rows::parsed(row, 0)?)
                    }
                },
                topic: rows::parsed(row, 1)?,
                members_count: rows::number(row, 2)?,
                last_seq,
                ..now.clone()
            })
        })
        .optional()
}

fn is_member(connection: &Connection, user: UserId, id: u64) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM members WHERE user_id = ?1 AND conversation_id = ?2")?
        .exists([user.number(), id].map(rows::int))
}

/// What happened to a member, as it was.
fn member_changed(
    connection: &Connection,
    names: &mut Names,
    row: &Row<'_>,
    user: UserRef,
    offset: Offset,
) -> rusqlite::Result<Option<MemberChanged>> {
    let conversation = ConversationId::new(rows::number(row, 0)?);
    connection
        .prepare_cached(
            "SELECT change, role, members_count, actor_id FROM happenings WHERE offset = ?1",
        )?
        .query_row([rows::int(offset.number())], |row| {
            Ok(MemberChanged {
                conversation,
                user,
                change: rows::member_change(row, 0)?,
                members_count: rows::number(row, 2)?,
                by: names.find(connection, UserId::new(rows::number(row, 3)?))?,
            })
        })
        .optional()
}
