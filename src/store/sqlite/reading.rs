//! Conversations and pages of messages, as their members see them.

use rusqlite::{Connection, OptionalExtension};

use super::{
    blocks,
    rooms::{Acted, granted},
    rows::{self, Reader},
};
use crate::{
    domain::{
        clock::TimeMs,
        conversation::{ConversationView, Member},
        ids::{ConversationId, Seq, UserId},
        limits::{CHANNEL_MEMBERS_MAX, FELLOWS_CONVERSATIONS_MAX, PAGE_BYTES_MAX},
        message::Message,
        name::ChannelName,
        page::{PageSize, Position, PositionAsked},
        role::Role,
        user::UserRef,
    },
    store::{ActError, ChannelPage, ConversationPage, MemberPage, MessagePage},
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

/// The role of a user in a group or channel.
pub(super) fn role_in_room(
    connection: &Connection,
    user: UserId,
    id: ConversationId,
) -> Acted<Role> {
    let own = connection
        .prepare_cached(
            "SELECT m.role, c.kind FROM members AS m JOIN conversations AS c ON c.id = m.conversation_id \
             WHERE m.user_id = ?1 AND m.conversation_id = ?2",
        )?
        .query_row([user.number(), id.number()].map(rows::int), |row| {
            Ok((rows::role(row, 0)?, row.get::<_, i64>(1)?))
        })
        .optional()?;
    Ok(match own {
        None => Err(ActError::NotMember(id)),
        Some((_, 1)) => Err(ActError::Direct),
        Some((role, _)) => Ok(role),
    })
}

/// The members of a group or channel, or those who are banned from it, by id.
pub(super) fn list_members(
    connection: &Connection,
    user: UserId,
    id: ConversationId,
    banned: bool,
    after: Option<UserId>,
    size: PageSize,
) -> rusqlite::Result<Result<MemberPage, ActError>> {
    let role = granted!(role_in_room(connection, user, id)?);
    if banned && !role.runs() {
        return Ok(Err(ActError::RoleTooLow));
    }
    let sql = match banned {
        false => {
            "SELECT m.user_id, u.name, m.joined_ms, m.role FROM members AS m JOIN users AS u ON u.id = m.user_id \
             WHERE m.conversation_id = ?1 AND m.user_id > ?2 ORDER BY m.user_id LIMIT ?3"
        }
        true => {
            "SELECT b.user_id, u.name, b.banned_ms FROM bans AS b JOIN users AS u ON u.id = b.user_id \
             WHERE b.conversation_id = ?1 AND b.user_id > ?2 ORDER BY b.user_id LIMIT ?3"
        }
    };
    let after = after.map_or(0, UserId::number);
    let limit = size.items() as u64 + 1;
    let mut members = connection
        .prepare_cached(sql)?
        .query_map([id.number(), after, limit].map(rows::int), |row| {
            Ok(Member {
                user: UserRef {
                    id: UserId::new(rows::number(row, 0)?),
                    name: rows::name(row, 1)?,
                },
                role: match banned {
                    true => None,
                    false => Some(rows::role(row, 3)?),
                },
                since: TimeMs::new(row.get(2)?),
            })
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let more = members.len() > size.items();
    members.truncate(size.items());
    Ok(Ok(MemberPage { members, more }))
}

/// All channels by name, with the role of a user who is a member.
pub(super) fn list_channels(
    connection: &Connection,
    user: UserId,
    contains: &str,
    after: Option<&ChannelName>,
    size: PageSize,
) -> rusqlite::Result<ChannelPage> {
    let mut names = rows::Names::default();
    let mut channels = connection
        .prepare_cached(
            "SELECT c.id, c.kind, c.name, c.topic, c.history, c.members_count, c.last_seq, 0, 0, m.role \
             FROM conversations AS c LEFT JOIN members AS m ON m.conversation_id = c.id AND m.user_id = ?1 \
             WHERE c.kind = 3 AND c.name > ?2 AND instr(c.name, ?3) > 0 ORDER BY c.name LIMIT ?4",
        )?
        .query_map(
            (
                rows::int(user.number()),
                after.map_or("", ChannelName::as_str),
                contains.to_ascii_lowercase(),
                rows::int(size.items() as u64 + 1),
            ),
            |row| {
                let channel = rows::conversation_of(connection, &mut names, row)?;
                let role = match row.get::<_, Option<i64>>(9)? {
                    Some(_) => Some(rows::role(row, 9)?),
                    None => None,
                };
                Ok((channel, role))
            },
        )?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let more = channels.len() > size.items();
    channels.truncate(size.items());
    Ok(ChannelPage { channels, more })
}

/// A page of messages; `None` to everybody who is not a member.
pub(super) fn list_messages(
    connection: &Connection,
    user: UserId,
    id: ConversationId,
    position: PositionAsked,
    size: PageSize,
) -> rusqlite::Result<Option<MessagePage>> {
    let member = connection
        .prepare_cached(
            "SELECT c.last_seq, m.floor_seq FROM members AS m JOIN conversations AS c ON c.id = m.conversation_id \
             WHERE m.user_id = ?1 AND m.conversation_id = ?2",
        )?
        .query_row([user.number(), id.number()].map(rows::int), |row| {
            Ok((Seq::new(rows::number(row, 0)?), Seq::new(rows::number(row, 1)?)))
        })
        .optional()?;
    let Some((last_seq, floor)) = member else {
        return Ok(None);
    };
    let position = position.resolve(|time| first_at(connection, id, floor, last_seq, time))?;
    let mut messages = Vec::new();
    if let Some((from, to)) = position.range(floor, last_seq, size) {
        let sql = rows::select_messages(
            "WHERE conversation_id = ?1 AND seq BETWEEN ?2 AND ?3 ORDER BY seq",
        );
        let mut statement = connection.prepare_cached(&sql)?;
        let mut names = rows::Names::default();
        let mut found =
            statement.query([id.number(), from.number(), to.number()].map(rows::int))?;
        while let Some(row) = found.next()? {
            messages.push(rows::message(
                connection,
                &mut names,
                Reader::member(user),
                row,
            )?);
        }
    }
    cut(&mut messages, position);
    Ok(Some(MessagePage {
        messages,
        floor,
        last_seq,
    }))
}

/// The first message after `floor` that was sent at a time or later (the one after the last, if there is none). Times rise
/// with `seq`, so it is found by halving; where a clock was set back any place will do that the time changes at.
fn first_at(
    connection: &Connection,
    id: ConversationId,
    floor: Seq,
    last: Seq,
    time: TimeMs,
) -> rusqlite::Result<Seq> {
    let mut statement = connection
        .prepare_cached("SELECT sent_ms FROM log WHERE conversation_id = ?1 AND seq = ?2")?;
    // Everything up to `low` was sent before it, everything from `high` on was not.
    let (mut low, mut high) = (floor.number(), last.next().number());
    while high.saturating_sub(low) > 1 {
        let middle = low + (high - low) / 2;
        let sent: i64 =
            statement.query_row([id.number(), middle].map(rows::int), |row| row.get(0))?;
        match TimeMs::new(sent) < time {
            true => low = middle,
            false => high = middle,
        }
    }
    Ok(Seq::new(high))
}

/// The other members of a conversation, none if there are more than `max` in all; `None` if the user is no member.
pub(super) fn other_members(
    connection: &Connection,
    user: UserId,
    id: ConversationId,
    max: usize,
) -> rusqlite::Result<Option<Vec<UserId>>> {
    let is_member = connection
        .prepare_cached("SELECT 1 FROM members WHERE user_id = ?1 AND conversation_id = ?2")?
        .exists([user.number(), id.number()].map(rows::int))?;
    if !is_member {
        return Ok(None);
    }
    let max = max.min(CHANNEL_MEMBERS_MAX);
    let mut members = connection
        .prepare_cached(
            "SELECT user_id FROM members WHERE conversation_id = ?1 ORDER BY user_id LIMIT ?2",
        )?
        .query_map([id.number(), max as u64 + 1].map(rows::int), |row| {
            rows::number(row, 0).map(UserId::new)
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    if members.len() > max {
        members.clear();
    }
    members.retain(|member| *member != user);
    blocks::leave_out_those_apart(connection, user, &mut members)?;
    Ok(Some(members))
}

/// Everybody with whom a user shares one of the newest conversations of at most `max` members, by id.
pub(super) fn fellows(
    connection: &Connection,
    user: UserId,
    max: usize,
) -> rusqlite::Result<Vec<UserId>> {
    let max = max.min(CHANNEL_MEMBERS_MAX) as u64;
    // The members of a DIRECT were not always counted: it is shared if it has two.
    let newest = FELLOWS_CONVERSATIONS_MAX as u64;
    let mut fellows = connection
        .prepare_cached(
            "SELECT DISTINCT o.user_id FROM (SELECT c.id FROM members AS m CROSS JOIN conversations AS c \
             ON c.id = m.conversation_id WHERE m.user_id = ?1 \
             AND CASE c.kind WHEN 1 THEN 2 ELSE c.members_count END <= ?2 ORDER BY c.last_offset DESC LIMIT ?3) AS s \
             CROSS JOIN members AS o ON o.conversation_id = s.id WHERE o.user_id <> ?1 ORDER BY o.user_id",
        )?
        .query_map([user.number(), max, newest].map(rows::int), |row| {
            rows::number(row, 0).map(UserId::new)
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let apart = blocks::apart(connection, user)?;
    fellows.retain(|fellow| !apart.contains(fellow));
    Ok(fellows)
}

/// Cuts a page to `PAGE_BYTES_MAX` of text, at the ends that lie away from where it was asked for.
fn cut(messages: &mut Vec<Message>, position: Position) {
    let mut bytes: usize = messages.iter().map(Message::weight).sum();
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
        bytes -= messages[left_out].weight();
        keep = if from_the_front {
            keep.start + 1..keep.end
        } else {
            keep.start..keep.end - 1
        };
    }
    messages.truncate(keep.end);
    messages.drain(..keep.start);
}
