//! Replays: everything that a user has missed, merged over the conversations by offset.
//!
//! Only conversations with something new are opened. What each of them still has to give is a list of offsets, read
//! ahead from an index alone; the rows are fetched in the merged order. Nothing of the store is held between pages.

use std::{cmp::Reverse, collections::BinaryHeap};

use rusqlite::{Connection, OptionalExtension};

use super::{
    blocks,
    replay_events::event,
    replay_rows::{others_markers, state_row},
    rows::{self, Names},
};
use crate::{
    domain::{
        event::{Event, EventBody, Gap},
        ids::{ConversationId, Offset, Seq, UserId},
        limits::MARKERS_SHOWN_MEMBERS_MAX,
    },
    store::{
        Place, REPLAY_BYTES_MAX, REPLAY_EVENTS_MAX, Replay, ReplayFrom, ReplayPage, ReplayRest,
        ReplaySource, StateRow,
    },
};

/// Offsets read ahead, over all conversations of a replay: 32 KiB of them, and one index look-up for many messages.
const AHEAD_MAX: usize = 4_096;
/// Offsets read ahead for one conversation at the least.
const AHEAD_MIN: usize = 8;

/// A membership with something new.
struct Missed {
    id: ConversationId,
    joined: Offset,
    /// Reads messages after it.
    floor: Seq,
    /// Where it ended, if it did: `last_seq` and `last_offset` are of then.
    left: Option<Offset>,
    /// Whether members see how far the others have read.
    shows_markers: bool,
    last_seq: Seq,
    last_offset: Offset,
    read_seq: Seq,
    read_offset: Offset,
    settings_offset: Offset,
}

/// Begins a replay. `acknowledged` is what the writer has not written yet of the device's cursor.
pub(super) fn open(
    connection: &Connection,
    user: UserId,
    from: ReplayFrom,
    backlog_max: Option<u64>,
    acknowledged: Option<Offset>,
) -> rusqlite::Result<Replay> {
    let end = connection
        .prepare_cached("SELECT last_offset FROM meta")?
        .query_row([], |row| rows::number(row, 0))
        .map(Offset::new)?;
    let after = match from {
        ReplayFrom::After(after) => Some(after),
        ReplayFrom::Unread => None,
        ReplayFrom::Acknowledged(device) => {
            let stored = connection
                .prepare_cached("SELECT cursor_offset FROM devices WHERE id = ?1")?
                .query_row([rows::int(device.number())], |row| {
                    row.get::<_, Option<i64>>(0)
                })
                .optional()?
                .flatten()
                .map(|offset| Offset::new(offset.cast_unsigned()));
            stored.max(acknowledged)
        }
    };
    let mut replay = Replay {
        end,
        first_sync: after.is_none(),
        gaps: Vec::new(),
        rest: ReplayRest {
            reader: Some(user),
            ..ReplayRest::default()
        },
    };
    for missed in missed(connection, user, after.unwrap_or(Offset::ZERO))? {
        open_conversation(connection, &mut replay, user, &missed, after, backlog_max)?;
    }
    if let Some(after) = after {
        for missed in missed_before_leaving(connection, user, after)? {
            open_conversation(
                connection,
                &mut replay,
                user,
                &missed,
                Some(after),
                backlog_max,
            )?;
        }
        replay.rest.sources.push(ReplaySource {
            place: Place::Private(user),
            next_seq: Seq::ZERO.next(),
            last_seq: Seq::ZERO,
            events_after: Some(after),
            left: None,
            floor: Seq::ZERO,
            gap: None,
            ahead: Vec::new(),
        });
    }
    let apart = blocks::apart(connection, user)?;
    replay.rest.rows.retain(|(_, row)| match row {
        StateRow::Marker(_, other) => !apart.contains(other),
        StateRow::Settings(_) | StateRow::Blocks => true,
    });
    let blocks = blocks::owed(connection, user, after)?;
    let blocks = blocks.map(|changed| (changed, StateRow::Blocks));
    replay.rest.rows.extend(blocks);
    replay.rest.rows.sort_by_key(|row| Reverse(row.0));
    Ok(replay)
}

fn missed(connection: &Connection, user: UserId, after: Offset) -> rusqlite::Result<Vec<Missed>> {
    connection
        .prepare_cached(
            "SELECT m.conversation_id, m.joined_offset, c.last_seq, c.last_offset, m.read_seq, m.read_offset, \
             m.floor_seq, c.kind = 1 OR (c.kind = 2 AND c.members_count <= ?3), m.settings_offset \
             FROM members AS m JOIN conversations AS c ON c.id = m.conversation_id \
             WHERE m.user_id = ?1 AND (c.last_offset > ?2 OR m.read_offset > ?2 OR m.settings_offset > ?2)",
        )?
        .query_map([user.number(), after.number(), MARKERS_SHOWN_MEMBERS_MAX as u64].map(rows::int), |row| {
            Ok(Missed {
                floor: Seq::new(rows::number(row, 6)?),
                left: None,
                shows_markers: row.get(7)?,
                id: ConversationId::new(rows::number(row, 0)?),
                joined: Offset::new(rows::number(row, 1)?),
                last_seq: Seq::new(rows::number(row, 2)?),
                last_offset: Offset::new(rows::number(row, 3)?),
                read_seq: Seq::new(rows::number(row, 4)?),
                read_offset: Offset::new(rows::number(row, 5)?),
                settings_offset: Offset::new(rows::number(row, 8)?),
            })
        })?
        .collect()
}

/// Memberships that ended after the cursor: what was committed while they lasted is still owed.
fn missed_before_leaving(
    connection: &Connection,
    user: UserId,
    after: Offset,
) -> rusqlite::Result<Vec<Missed>> {
    connection
        .prepare_cached(
            "SELECT conversation_id, joined_offset, last_seq, left_offset, floor_seq FROM former_members \
             WHERE user_id = ?1 AND left_offset > ?2",
        )?
        .query_map([user.number(), after.number()].map(rows::int), |row| {
            let left = Offset::new(rows::number(row, 3)?);
            Ok(Missed {
                id: ConversationId::new(rows::number(row, 0)?),
                joined: Offset::new(rows::number(row, 1)?),
                floor: Seq::new(rows::number(row, 4)?),
                left: Some(left),
                shows_markers: false,
                last_seq: Seq::new(rows::number(row, 2)?),
                last_offset: left,
                read_seq: Seq::ZERO,
                read_offset: Offset::ZERO,
                settings_offset: Offset::ZERO,
            })
        })?
        .collect()
}

fn open_conversation(
    connection: &Connection,
    replay: &mut Replay,
    user: UserId,
    missed: &Missed,
    after: Option<Offset>,
    backlog_max: Option<u64>,
) -> rusqlite::Result<()> {
    let rest = &mut replay.rest;
    for (changed, row) in [
        (missed.read_offset, StateRow::Marker(missed.id, user)),
        (missed.settings_offset, StateRow::Settings(missed.id)),
    ] {
        if after.is_some_and(|after| changed > after) {
            rest.rows.push((changed, row));
        }
    }
    let since = after.unwrap_or(Offset::ZERO).max(missed.joined);
    if missed.last_offset <= since {
        return Ok(());
    }
    if missed.shows_markers {
        others_markers(connection, rest, user, missed.id, after)?;
    }
    let mut next_seq = first_after(connection, missed.id, missed.last_seq, since)?;
    next_seq = next_seq.max(missed.floor.next());
    if after.is_none() {
        next_seq = next_seq.max(missed.read_seq.next());
    }
    let mut gap = None;
    let count = missed.last_seq.next().since(next_seq);
    if let Some(newest) = backlog_max.filter(|newest| *newest > 0 && count > *newest) {
        let to_seq = Seq::new(missed.last_seq.number() - newest);
        replay.gaps.push(Gap {
            conversation: missed.id,
            from_seq: next_seq,
            to_seq,
        });
        gap = Some((next_seq, to_seq));
        next_seq = to_seq.next();
    }
    rest.sources.push(ReplaySource {
        place: Place::Conversation(missed.id),
        next_seq,
        last_seq: missed.last_seq,
        events_after: after.map(|after| after.max(missed.joined)),
        left: missed.left,
        floor: missed.floor,
        gap,
        ahead: Vec::new(),
    });
    Ok(())
}

/// The first message after an offset (the one after the last, if there is none): `seq` and offset rise together, so it
/// is found by stepping back from the end in doubling steps and then halving.
pub(super) fn first_after(
    connection: &Connection,
    id: ConversationId,
    last: Seq,
    after: Offset,
) -> rusqlite::Result<Seq> {
    let is_after = |seq: u64| -> rusqlite::Result<bool> {
        Ok(rows::offset_of(connection, id, Seq::new(seq))? > after)
    };
    if after == Offset::ZERO {
        return Ok(Seq::ZERO.next());
    }
    // Everything from `high` on is after, everything up to `low` is not.
    let (mut low, mut high, mut step) = (0, last.number() + 1, 1);
    while high > 1 {
        let probe = high.saturating_sub(step).max(1);
        if !is_after(probe)? {
            low = probe;
            break;
        }
        high = probe;
        step *= 2;
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if is_after(middle)? {
            high = middle
        } else {
            low = middle
        }
    }
    Ok(Seq::new(high))
}

/// Reads the next page.
pub(super) fn read(
    connection: &Connection,
    end: Offset,
    rest: &mut ReplayRest,
) -> rusqlite::Result<ReplayPage> {
    let mut page = ReplayPage::default();
    let Some(reader) = rest.reader else {
        return Ok(page);
    };
    let chunk = (AHEAD_MAX / rest.sources.len().max(1)).max(AHEAD_MIN);
    let mut heads = BinaryHeap::with_capacity(rest.sources.len());
    let mut index = 0;
    while index < rest.sources.len() {
        match head(connection, &mut rest.sources[index], end, chunk)? {
            Some(offset) => {
                heads.push(Reverse((offset, index)));
                index += 1;
            }
            None => drop(rest.sources.swap_remove(index)),
        }
    }
    let mut names = Names::default();
    let mut bytes = 0;
    while page.events.len() < REPLAY_EVENTS_MAX && bytes < REPLAY_BYTES_MAX {
        let row = rest.rows.last().map(|row| row.0);
        let source = heads.peek().map(|Reverse(head)| *head);
        match (row, source) {
            (None, None) => break,
            (Some(row), source) if source.is_none_or(|(offset, _)| row < offset) => {
                if let Some((offset, row)) = rest.rows.pop() {
                    page.events
                        .extend(state_row(connection, reader, offset, row)?);
                }
            }
            (_, None) => break,
            (_, Some((offset, index))) => {
                heads.pop();
                let source = &mut rest.sources[index];
                source.ahead.pop();
                if let Some(body) = event(connection, &mut names, reader, source, offset, end)? {
                    if let EventBody::Message(message) | EventBody::MessageEdited(message) = &body {
                        bytes += message.weight();
                    }
                    page.events.push(Event { offset, body });
                }
                if let Some(offset) = head(connection, source, end, chunk)? {
                    heads.push(Reverse((offset, index)));
                }
            }
        }
    }
    Ok(page)
}

/// The next offset of a source, reading ahead if need be.
fn head(
    connection: &Connection,
    source: &mut ReplaySource,
    end: Offset,
    chunk: usize,
) -> rusqlite::Result<Option<Offset>> {
    if source.ahead.is_empty() {
        read_ahead(connection, source, end, chunk)?;
    }
    Ok(source.ahead.last().copied())
}

fn read_ahead(
    connection: &Connection,
    source: &mut ReplaySource,
    end: Offset,
    chunk: usize,
) -> rusqlite::Result<()> {
    let end = source.left.map_or(end, |left| left.min(end));
    let mut offsets = Vec::new();
    if let Place::Conversation(id) = source.place
        && source.next_seq <= source.last_seq
    {
        let to = source
            .last_seq
            .number()
            .min(source.next_seq.number() + chunk as u64 - 1);
        offsets = connection
            .prepare_cached(
                "SELECT offset FROM log WHERE conversation_id = ?1 AND seq BETWEEN ?2 AND ?3 ORDER BY seq",
            )?
            .query_map([id.number(), source.next_seq.number(), to].map(rows::int), |row| {
                rows::number(row, 0).map(Offset::new)
            })?
            .collect::<rusqlite::Result<_>>()?;
        source.next_seq = Seq::new(to).next();
    }
    if let Some(after) = source.events_after {
        // Up to the last message read ahead, so that both kinds are merged; up to the end after the last message.
        let has_more_messages = source.next_seq <= source.last_seq;
        let to = offsets
            .last()
            .copied()
            .filter(|_| has_more_messages)
            .unwrap_or(end);
        let place = match source.place {
            Place::Conversation(id) => rows::int(id.number()),
            Place::Private(user) => -rows::int(user.number()),
        };
        let mut statement = connection.prepare_cached(
            "SELECT offset FROM log WHERE conversation_id = ?1 AND seq IS NULL AND offset > ?2 \
             AND offset <= ?3 ORDER BY offset LIMIT ?4",
        )?;
        let limit = rows::int(chunk as u64);
        let events = statement
            .query_map(
                (
                    place,
                    rows::int(after.number()),
                    rows::int(to.number()),
                    limit,
                ),
                |row| rows::number(row, 0).map(Offset::new),
            )?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        if events.len() < chunk {
            source.events_after = has_more_messages.then_some(to);
            offsets.extend(events);
            offsets.sort_unstable();
        } else {
            // More of them than fit: give those first, and the messages again that lie after the last of them.
            let reached = events.last().copied().unwrap_or(to);
            source.events_after = Some(reached);
            let later = offsets.iter().filter(|offset| **offset > reached).count() as u64;
            source.next_seq = Seq::new(source.next_seq.number() - later);
            offsets.retain(|offset| *offset <= reached);
            offsets.extend(events);
            offsets.sort_unstable();
        }
    }
    offsets.reverse();
    source.ahead = offsets;
    Ok(())
}
