//! Conversations and pages of messages, as their members see them.

use rusqlite::{Connection, OptionalExtension};

use super::rows;
use crate::{
    domain::{
        conversation::ConversationView,
        ids::{ConversationId, Seq, UserId},
        limits::PAGE_BYTES_MAX,
        message::Message,
        page::{PageSize, Position},
    },
    store::{ConversationPage, MessagePage},
};

/// The conversations of a user, by id.
pub(super) fn list_conversations(
    connection: &Connection,
    user: UserId,
    after: Option<ConversationId>,
    size: PageSize,
) -> rusqlite::Result<ConversationPage> {
    let after = after.map_or(0, ConversationId::number);
    let limit = size.items() as u64 + 1;
    let mut ids = connection
        .prepare_cached(
            "SELECT conversation_id FROM members WHERE user_id = ?1 AND conversation_id > ?2 \
             ORDER BY conversation_id LIMIT ?3",
        )?
        .query_map([user.number(), after, limit].map(rows::int), |row| {
            rows::number(row, 0)
        })?
        .map(|id| id.map(ConversationId::new))
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let more = ids.len() > size.items();
    ids.truncate(size.items());
    let views = ids
        .into_iter()
        .filter_map(|id| rows::view(connection, user, id).transpose())
        .collect::<rusqlite::Result<Vec<ConversationView>>>()?;
    Ok(ConversationPage { views, more })
}

/// A page of messages; `None` to everybody who is not a member.
pub(super) fn list_messages(
    connection: &Connection,
    user: UserId,
    id: ConversationId,
    position: Position,
    size: PageSize,
) -> rusqlite::Result<Option<MessagePage>> {
    let last_seq = connection
        .prepare_cached(
            "SELECT c.last_seq FROM members AS m JOIN conversations AS c ON c.id = m.conversation_id \
             WHERE m.user_id = ?1 AND m.conversation_id = ?2",
        )?
        .query_row([user.number(), id.number()].map(rows::int), |row| rows::number(row, 0))
        .optional()?
        .map(Seq::new);
    let Some(last_seq) = last_seq else {
        return Ok(None);
    };
    let mut messages = Vec::new();
    if let Some((from, to)) = position.range(last_seq, size) {
        let sql = rows::select_messages(
            "WHERE conversation_id = ?1 AND seq BETWEEN ?2 AND ?3 ORDER BY seq",
        );
        let mut statement = connection.prepare_cached(&sql)?;
        let mut names = rows::Names::default();
        let mut found =
            statement.query([id.number(), from.number(), to.number()].map(rows::int))?;
        while let Some(row) = found.next()? {
            messages.push(rows::message(connection, &mut names, row)?);
        }
    }
    cut(&mut messages, position);
    Ok(Some(MessagePage { messages, last_seq }))
}

/// Cuts a page to `PAGE_BYTES_MAX` of text, at the ends that lie away from where it was asked for.
fn cut(messages: &mut Vec<Message>, position: Position) {
    let mut bytes: usize = messages
        .iter()
        .map(|message| message.text.as_str().len())
        .sum();
    let mut keep = 0..messages.len();
    while bytes > PAGE_BYTES_MAX && keep.len() > 1 {
        let from_the_front = match position {
            Position::Newest | Position::Before(_) => true,
            Position::After(_) => false,
            Position::Around(seq) => {
                let before = seq.since(messages[keep.start].seq);
                before >= messages[keep.end - 1].seq.since(seq)
            }
        };
        let left_out = if from_the_front {
            keep.start
        } else {
            keep.end - 1
        };
        bytes -= messages[left_out].text.as_str().len();
        keep = if from_the_front {
            keep.start + 1..keep.end
        } else {
            keep.start..keep.end - 1
        };
    }
    messages.truncate(keep.end);
    messages.drain(..keep.start);
}
