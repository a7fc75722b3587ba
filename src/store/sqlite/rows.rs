//! From rows to the words of the domain. What a row holds was checked when it was written; a value that cannot be is
//! reported as an error, never a panic.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Row, types::Type};

use crate::{
    domain::{
        clock::TimeMs,
        conversation::{Conversation, ConversationKind, ConversationView, ReadState},
        ids::{ClientMessageId, ConversationId, Offset, Seq, UserId},
        message::{Message, Sent},
        name::UserName,
        text::MessageText,
        user::UserRef,
    },
    store::SendRefusal,
};

/// `log.kind` of a message.
pub(super) const KIND_MESSAGE: i64 = 1;
/// `log.kind` of a conversation that is new or changed.
pub(super) const KIND_CONVERSATION_CHANGED: i64 = 2;

/// A number of ours as SQL's: all of them lie below 2^63.
pub(super) const fn int(number: u64) -> i64 {
    number.cast_signed()
}

/// A number of SQL's as ours.
pub(super) fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}

/// A value that cannot be.
fn strange(
    column: usize,
    kind: Type,
    cause: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, kind, Box::new(cause))
}

/// A user name.
pub(super) fn name(row: &Row<'_>, column: usize) -> rusqlite::Result<UserName> {
    let text = row.get_ref(column)?.as_str()?;
    text.parse()
        .map_err(|error| strange(column, Type::Text, error))
}

/// Finds the id of a name.
pub(super) fn user_id(
    connection: &Connection,
    name: &UserName,
) -> rusqlite::Result<Option<UserId>> {
    let mut statement = connection.prepare_cached("SELECT id FROM users WHERE name = ?1")?;
    let found = statement
        .query_row([name.as_str()], |row| number(row, 0))
        .optional()?;
    Ok(found.map(UserId::new))
}

/// Finds the name of a user, for as long as one read lasts.
#[derive(Default)]
pub(super) struct Names(HashMap<UserId, UserName>);

impl Names {
    pub fn find(&mut self, connection: &Connection, id: UserId) -> rusqlite::Result<UserRef> {
        if let Some(name) = self.0.get(&id) {
            return Ok(UserRef {
                id,
                name: name.clone(),
            });
        }
        let found = connection
            .prepare_cached("SELECT name FROM users WHERE id = ?1")?
            .query_row([int(id.number())], |row| name(row, 0))?;
        self.0.insert(id, found.clone());
        Ok(UserRef { id, name: found })
    }
}

/// The columns that `message` reads, in its order.
pub(super) const MESSAGE_COLUMNS: &str =
    "conversation_id, seq, subject_id, sent_ms, client_id, body";

/// A message from its row; the sender's name is looked up.
pub(super) fn message(
    connection: &Connection,
    names: &mut Names,
    row: &Row<'_>,
) -> rusqlite::Result<Message> {
    Ok(Message {
        conversation: ConversationId::new(number(row, 0)?),
        seq: Seq::new(number(row, 1)?),
        sender: names.find(connection, UserId::new(number(row, 2)?))?,
        sent: TimeMs::new(row.get(3)?),
        client_id: ClientMessageId::from_bytes(row.get(4)?),
        text: MessageText::from_store(row.get_ref(5)?.as_str()?),
    })
}

/// A conversation as all see it.
pub(super) fn conversation(
    connection: &Connection,
    id: ConversationId,
) -> rusqlite::Result<Option<Conversation>> {
    let found = connection
        .prepare_cached(
            "SELECT low.id, low.name, high.id, high.name, c.last_seq FROM conversations AS c \
             JOIN users AS low ON low.id = c.low_user_id JOIN users AS high ON high.id = c.high_user_id \
             WHERE c.id = ?1",
        )?
        .query_row([int(id.number())], |row| {
            let low = UserRef { id: UserId::new(number(row, 0)?), name: name(row, 1)? };
            let high = UserRef { id: UserId::new(number(row, 2)?), name: name(row, 3)? };
            Ok((low, high, Seq::new(number(row, 4)?)))
        })
        .optional()?;
    Ok(found.map(|(low, high, last_seq)| {
        let members = if low.id == high.id {
            vec![low]
        } else {
            vec![low, high]
        };
        Conversation {
            id,
            kind: ConversationKind::Direct,
            members,
            last_seq,
        }
    }))
}

/// A conversation as a member sees it; `None` to everybody else.
pub(super) fn view(
    connection: &Connection,
    user: UserId,
    id: ConversationId,
) -> rusqlite::Result<Option<ConversationView>> {
    let member = connection
        .prepare_cached(
            "SELECT read_seq, sent, sent_at_read FROM members WHERE user_id = ?1 AND conversation_id = ?2",
        )?
        .query_row([user.number(), id.number()].map(int), |row| {
            Ok((Seq::new(number(row, 0)?), number(row, 1)?, number(row, 2)?))
        })
        .optional()?;
    let Some((read_seq, sent, sent_at_read)) = member else {
        return Ok(None);
    };
    let Some(conversation) = conversation(connection, id)? else {
        return Ok(None);
    };
    let mut names = Names::default();
    let sql = select_messages("WHERE conversation_id = ?1 AND seq = ?2");
    let last_message = connection
        .prepare_cached(&sql)?
        .query_row(
            [id.number(), conversation.last_seq.number()].map(int),
            |row| message(connection, &mut names, row),
        )
        .optional()?;
    let read = ReadState::of(conversation.last_seq, read_seq, sent, sent_at_read);
    Ok(Some(ConversationView {
        conversation,
        read,
        last_message,
    }))
}

/// A query for messages with this condition.
pub(super) fn select_messages(condition: &str) -> String {
    format!("SELECT {MESSAGE_COLUMNS} FROM log {condition}")
}

/// The first answer to a send, if there was one: the acknowledgement, or that the id was used for another request.
pub(super) fn sent(
    connection: &Connection,
    sender: UserId,
    client_id: ClientMessageId,
    fingerprint: [u8; 16],
) -> rusqlite::Result<Option<Result<Sent, SendRefusal>>> {
    let mut statement = connection.prepare_cached(
        "SELECT request_hash, conversation_id, seq, sent_ms FROM sends WHERE client_id = ?1 AND user_id = ?2",
    )?;
    let found = statement.query_row((client_id.as_bytes(), int(sender.number())), |row| {
        let sent = Sent {
            conversation: ConversationId::new(number(row, 1)?),
            seq: Seq::new(number(row, 2)?),
            sent: TimeMs::new(row.get(3)?),
            duplicate: true,
        };
        Ok((row.get::<_, [u8; 16]>(0)? == fingerprint, sent))
    });
    Ok(found.optional()?.map(|(same, sent)| match same {
        true => Ok(sent),
        false => Err(SendRefusal::ClientMessageIdReused(client_id)),
    }))
}

/// The offset of a message.
pub(super) fn offset_of(
    connection: &Connection,
    id: ConversationId,
    seq: Seq,
) -> rusqlite::Result<Offset> {
    connection
        .prepare_cached("SELECT offset FROM log WHERE conversation_id = ?1 AND seq = ?2")?
        .query_row([id.number(), seq.number()].map(int), |row| number(row, 0))
        .map(Offset::new)
}
