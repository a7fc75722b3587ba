//! From rows to the words of the domain. What a row holds was checked when it was written; a value that cannot be is
//! reported as an error, never a panic.

use std::{collections::HashMap, str::FromStr};

use rusqlite::{Connection, OptionalExtension, Row, types::Type};

use super::{attachments, mentions};
use crate::{
    domain::{
        clock::TimeMs,
        conversation::{
            Conversation, ConversationKind, ConversationView, HistoryAccess, MemberSettings,
            NotifyLevel, NotifySettings, ReadState,
        },
        event::MemberChange,
        ids::{ClientMessageId, ConversationId, Offset, Seq, UserId},
        mention::Mentions,
        message::{Message, Sent},
        name::UserName,
        reaction::Reaction,
        role::Role,
        text::MessageText,
        user::UserRef,
    },
    store::SendRefusal,
};

/// `log.kind` of a message.
pub(super) const KIND_MESSAGE: i64 = 1;
/// `log.kind` of a conversation that is new or changed.
pub(super) const KIND_CONVERSATION_CHANGED: i64 = 2;
/// `log.kind` of somebody who became a member, is none any more, or has another role.
pub(super) const KIND_MEMBER_CHANGED: i64 = 3;
/// `log.kind` of a message that has another text.
pub(super) const KIND_EDITED: i64 = 4;
/// `log.kind` of a message whose text is gone.
pub(super) const KIND_DELETED: i64 = 5;
/// `log.kind` of the reactions to a message.
pub(super) const KIND_REACTED: i64 = 6;
/// The bit of `log.touched` that says that `touches` knows more.
pub(super) const TOUCHED: i64 = 1;
/// The bit of `log.touched` that says that the message came with files.
pub(super) const WITH_FILES: i64 = 2;
/// `conversations.kind` of a group.
pub(super) const KIND_GROUP: i64 = 2;
/// `conversations.kind` of a channel.
pub(super) const KIND_CHANNEL: i64 = 3;
/// `conversations.history`: those who join read all.
pub(super) const HISTORY_ALL: i64 = 2;

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
    parsed(row, column)
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
    "conversation_id, seq, subject_id, sent_ms, client_id, body, reply_to, touched";

/// Whose eyes see a message.
#[derive(Clone, Copy)]
pub(super) struct Reader {
    pub user: UserId,
    /// Where the membership ended: what was done to the message later is not shown.
    pub left: Option<Offset>,
    /// The end of the replay: if more was done later, it is asked whether the membership goes on.
    pub end: Option<Offset>,
}

impl Reader {
    /// One who is a member now.
    pub const fn member(user: UserId) -> Self {
        let (left, end) = (None, None);
        Self { user, left, end }
    }

    /// Where the membership ended, as far as it matters for what was done to a message.
    fn left(
        self,
        connection: &Connection,
        id: ConversationId,
        touch: &Touch,
    ) -> rusqlite::Result<Option<Offset>> {
        let newest = touch.changed.max(touch.reacted);
        match self.end {
            // A slow reader may have been taken out while the replay went on, and be back by now.
            Some(end) if self.left.is_none() && newest > Some(end) => connection
                .prepare_cached(
                    "SELECT min(left_offset) FROM former_members WHERE user_id = ?1 AND left_offset > ?2 \
                     AND conversation_id = ?3",
                )?
                .query_row([self.user.number(), end.number(), id.number()].map(int), |row| {
                    offset_or_none(row, 0)
                }),
            _ => Ok(self.left),
        }
    }
}

/// What was done to a message since it was sent.
#[derive(Default)]
pub(super) struct Touch {
    pub revision: u64,
    pub deleted: bool,
    pub changed: Option<Offset>,
    pub reacted: Option<Offset>,
}

/// What was done to a message, if anything was.
pub(super) fn touch(
    connection: &Connection,
    id: ConversationId,
    seq: Seq,
) -> rusqlite::Result<Option<Touch>> {
    connection
        .prepare_cached(
            "SELECT revision, deleted, changed_offset, reacted_offset FROM touches \
             WHERE conversation_id = ?1 AND seq = ?2",
        )?
        .query_row([id.number(), seq.number()].map(int), |row| {
            Ok(Touch {
                revision: number(row, 0)?,
                deleted: row.get(1)?,
                changed: offset_or_none(row, 2)?,
                reacted: offset_or_none(row, 3)?,
            })
        })
        .optional()
}

fn offset_or_none(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Offset>> {
    let number: Option<i64> = row.get(column)?;
    Ok(number.map(|number| Offset::new(number.cast_unsigned())))
}

/// A message from its row, as a reader sees it; the sender's name and what was done to it are looked up.
pub(super) fn message(
    connection: &Connection,
    names: &mut Names,
    reader: Reader,
    row: &Row<'_>,
) -> rusqlite::Result<Message> {
    let (id, seq) = (
        ConversationId::new(number(row, 0)?),
        Seq::new(number(row, 1)?),
    );
    let mut message = Message {
        conversation: id,
        seq,
        sender: names.find(connection, UserId::new(number(row, 2)?))?,
        sent: TimeMs::new(row.get(3)?),
        client_id: ClientMessageId::from_bytes(row.get(4)?),
        text: None,
        reply_to: row
            .get::<_, Option<i64>>(6)?
            .map(|seq| Seq::new(seq.cast_unsigned())),
        revision: 0,
        reactions: Vec::new(),
        mentions: Mentions::default(),
        attachments: Vec::new(),
    };
    let marks: i64 = row.get(7)?;
    let touch = match marks & TOUCHED {
        0 => None,
        _ => touch(connection, id, seq)?,
    };
    let touch = touch.unwrap_or_default();
    let left = reader.left(connection, id, &touch)?;
    let missed = |offset: Option<Offset>| left.is_some_and(|left| offset > Some(left));
    if missed(touch.changed) {
        // The text that this reader might have seen is not kept: none is better than one that is not for these eyes.
        // Revision 0, so that who comes back and may read it takes the newer state.
        return Ok(message);
    }
    message.revision = touch.revision;
    message.text = match touch.changed {
        _ if touch.deleted => None,
        None => Some(MessageText::from_store(row.get_ref(5)?.as_str()?)),
        Some(edit) => connection
            .prepare_cached("SELECT body FROM log WHERE offset = ?1")?
            .query_row([int(edit.number())], |row| {
                Ok(MessageText::from_store(row.get_ref(0)?.as_str()?))
            })
            .map(Some)?,
    };
    if let Some(text) = &message.text {
        message.mentions = mentions::of(connection, names, id, seq, text)?;
        if marks & WITH_FILES != 0 {
            message.attachments = attachments::of_message(connection, id, seq)?;
        }
    }
    if touch.reacted.is_some() && !missed(touch.reacted) {
        message.reactions = reactions(connection, id, seq, reader.user)?;
    }
    Ok(message)
}

/// A message by its place, as a member sees it.
pub(super) fn message_at(
    connection: &Connection,
    names: &mut Names,
    user: UserId,
    id: ConversationId,
    seq: Seq,
) -> rusqlite::Result<Option<Message>> {
    let sql = select_messages("WHERE conversation_id = ?1 AND seq = ?2");
    connection
        .prepare_cached(&sql)?
        .query_row([id.number(), seq.number()].map(int), |row| {
            message(connection, names, Reader::member(user), row)
        })
        .optional()
}

/// The reactions to a message, the first given first.
pub(super) fn reactions(
    connection: &Connection,
    id: ConversationId,
    seq: Seq,
    reader: UserId,
) -> rusqlite::Result<Vec<Reaction>> {
    connection
        .prepare_cached(
            "SELECT emoji, count(*), max(user_id = ?3) FROM reactions WHERE conversation_id = ?1 AND seq = ?2 \
             GROUP BY emoji ORDER BY min(given_offset)",
        )?
        .query_map([id.number(), seq.number(), reader.number()].map(int), |row| {
            Ok(Reaction {
                emoji: parsed(row, 0)?,
                count: number(row, 1)?,
                mine: row.get(2)?,
            })
        })?
        .collect()
}

/// A conversation as all see it.
pub(super) fn conversation(
    connection: &Connection,
    names: &mut Names,
    id: ConversationId,
) -> rusqlite::Result<Option<Conversation>> {
    connection
        .prepare_cached(
            "SELECT id, kind, name, topic, history, members_count, last_seq, low_user_id, high_user_id \
             FROM conversations WHERE id = ?1",
        )?
        .query_row([int(id.number())], |row| conversation_of(connection, names, row))
        .optional()
}

/// A conversation from the columns that `conversation` reads.
pub(super) fn conversation_of(
    connection: &Connection,
    names: &mut Names,
    row: &Row<'_>,
) -> rusqlite::Result<Conversation> {
    let mut members_count = number(row, 5)?;
    let kind = match row.get(1)? {
        KIND_GROUP => ConversationKind::Group(parsed(row, 2)?),
        KIND_CHANNEL => ConversationKind::Channel(parsed(row, 2)?),
        _ => {
            let (low, high) = (UserId::new(number(row, 7)?), UserId::new(number(row, 8)?));
            let mut people = vec![names.find(connection, low)?];
            if low != high {
                people.push(names.find(connection, high)?);
            }
            members_count = people.len() as u64;
            ConversationKind::Direct(people)
        }
    };
    Ok(Conversation {
        id: ConversationId::new(number(row, 0)?),
        kind,
        topic: parsed(row, 3)?,
        history: match row.get::<_, i64>(4)? {
            HISTORY_ALL => HistoryAccess::All,
            _ => HistoryAccess::SinceJoin,
        },
        members_count,
        last_seq: Seq::new(number(row, 6)?),
    })
}

/// `happenings.change` and `happenings.role`.
pub(super) const fn member_change_numbers(change: MemberChange) -> (i64, Option<u8>) {
    match change {
        MemberChange::Added(role) => (1, Some(role.number())),
        MemberChange::Joined(role) => (2, Some(role.number())),
        MemberChange::Left => (3, None),
        MemberChange::Removed => (4, None),
        MemberChange::Banned => (5, None),
        MemberChange::Role(role) => (6, Some(role.number())),
    }
}

/// What happened to a member, from two neighbouring columns.
pub(super) fn member_change(row: &Row<'_>, column: usize) -> rusqlite::Result<MemberChange> {
    Ok(match row.get::<_, i64>(column)? {
        1 => MemberChange::Added(role(row, column + 1)?),
        2 => MemberChange::Joined(role(row, column + 1)?),
        3 => MemberChange::Left,
        4 => MemberChange::Removed,
        5 => MemberChange::Banned,
        6 => MemberChange::Role(role(row, column + 1)?),
        other => return Err(rusqlite::Error::IntegralValueOutOfRange(column, other)),
    })
}

/// A role.
pub(super) fn role(row: &Row<'_>, column: usize) -> rusqlite::Result<Role> {
    let role = Role::from_number(row.get(column)?);
    role.ok_or(rusqlite::Error::IntegralValueOutOfRange(column, 0))
}

/// What a member set, from three neighbouring columns: `marked_unread`, `notify`, `notify_until_ms`.
pub(super) fn settings(row: &Row<'_>, column: usize) -> rusqlite::Result<MemberSettings> {
    let level = NotifyLevel::from_number(row.get(column + 1)?);
    Ok(MemberSettings {
        marked_unread: row.get(column)?,
        notify: NotifySettings {
            level: level.ok_or(rusqlite::Error::IntegralValueOutOfRange(column + 1, 0))?,
            until: row.get::<_, Option<i64>>(column + 2)?.map(TimeMs::new),
        },
    })
}

/// A text of the domain.
pub(super) fn parsed<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let text = row.get_ref(column)?.as_str()?;
    text.parse()
        .map_err(|error| strange(column, Type::Text, error))
}

/// A conversation as a member sees it; `None` to everybody else.
pub(super) fn view(
    connection: &Connection,
    user: UserId,
    id: ConversationId,
) -> rusqlite::Result<Option<ConversationView>> {
    let member = connection
        .prepare_cached(
            "SELECT read_seq, sent, sent_at_read, role, floor_seq, joined_offset, marked_unread, notify, \
             notify_until_ms FROM members WHERE user_id = ?1 AND conversation_id = ?2",
        )?
        .query_row([user.number(), id.number()].map(int), |row| {
            let read = (Seq::new(number(row, 0)?), number(row, 1)?, number(row, 2)?);
            let began = (Seq::new(number(row, 4)?), Offset::new(number(row, 5)?));
            Ok((read, role(row, 3)?, began, settings(row, 6)?))
        })
        .optional()?;
    let Some(((read_seq, sent, sent_at_read), role, (floor, joined), settings)) = member else {
        return Ok(None);
    };
    let mut names = Names::default();
    let Some(conversation) = conversation(connection, &mut names, id)? else {
        return Ok(None);
    };
    let last_seq = conversation.last_seq;
    let last_message = match last_seq > floor {
        true => message_at(connection, &mut names, user, id, last_seq)?,
        false => None,
    };
    let seen = read_seq.max(floor);
    let mentions = match last_seq > seen {
        true => mentions::count(connection, user, id, seen, joined)?,
        false => 0,
    };
    Ok(Some(ConversationView {
        conversation,
        role,
        read: ReadState::of(last_seq, read_seq, sent, sent_at_read),
        mentions,
        settings,
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
