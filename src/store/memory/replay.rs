//! Replays in memory: every membership of the reader is a source, those that ended included, and the sources are merged
//! by offset. What an event shows that is told again stands in `retold`.

use std::{cmp::Reverse, collections::BinaryHeap, ops::Bound};

use super::{State, conversations::ConversationRow, users::Former};
use crate::{
    domain::{
        event::{Event, EventBody, Gap, ReadMarker},
        ids::{Offset, Seq, UserId},
    },
    store::{
        Place, REPLAY_BYTES_MAX, REPLAY_EVENTS_MAX, Replay, ReplayFrom, ReplayPage, ReplayRest,
        ReplaySource, StateRow,
    },
};

impl State {
    pub(super) fn open_replay(
        &self,
        user: UserId,
        from: ReplayFrom,
        backlog_max: Option<u64>,
    ) -> Replay {
        let after = match from {
            ReplayFrom::After(offset) => Some(offset),
            ReplayFrom::Unread => None,
            ReplayFrom::Acknowledged(device) => self.users.cursor(device),
        };
        let mut replay = Replay {
            end: self.log.end,
            first_sync: after.is_none(),
            gaps: Vec::new(),
            rest: ReplayRest {
                reader: Some(user),
                ..ReplayRest::default()
            },
        };
        let Some(row) = self.users.row(user) else {
            return replay;
        };
        for id in &row.conversations {
            if let Some(row) = self.conversations.get(id) {
                let source = source_of(row, user, after);
                replay.extend(source, backlog_max);
                replay.rest.rows.extend(self.rows_of(row, user, after));
            }
        }
        if let Some(after) = after {
            for former in row.former.iter().filter(|former| former.left > after) {
                let row = self.conversations.get(&former.conversation);
                let source = row.map(|row| source_of_former(row, former, after));
                replay.extend(source, backlog_max);
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
        let blocks = self.blocks_owed(user, after);
        let blocks = blocks.map(|changed| (changed, StateRow::Blocks));
        replay.rest.rows.extend(blocks);
        replay.rest.rows.sort_unstable_by(|a, b| b.cmp(a));
        replay
    }

    /// The state rows of a conversation that the reader is to be told: read markers and its own settings.
    fn rows_of(
        &self,
        row: &ConversationRow,
        reader: UserId,
        after: Option<Offset>,
    ) -> Vec<(Offset, StateRow)> {
        let mut rows = Vec::new();
        // On a first sync the state of the conversation tells what is the reader's own.
        let since = after.unwrap_or(self.log.end);
        let own = row.members.get(&reader).map(|member| {
            [
                (member.read_offset, StateRow::Marker(row.id, reader)),
                (member.settings_offset, StateRow::Settings(row.id)),
            ]
        });
        let own = own.into_iter().flatten();
        rows.extend(own.filter(|(offset, _)| *offset > since));
        if row.shows_markers() {
            let since = after.unwrap_or(Offset::ZERO);
            let others = row.members.iter().filter(|(person, _)| **person != reader);
            let others = others.filter(|(person, _)| !self.are_apart(reader, **person));
            let shown = others.map(|(person, member)| {
                let row = StateRow::Marker(row.id, *person);
                (member.shown_offset, row)
            });
            rows.extend(shown.filter(|(offset, _)| *offset > since));
        }
        rows
    }

    pub(super) fn read_replay(&self, replay: &mut Replay) -> ReplayPage {
        let mut page = ReplayPage::default();
        let Some(reader) = replay.rest.reader else {
            return page;
        };
        self.close_sources(replay, reader);
        let ReplayRest { sources, rows, .. } = &mut replay.rest;
        sources.retain(|source| self.next_of(source, replay.end).is_some());
        let mut heads: BinaryHeap<_> = sources
            .iter()
            .enumerate()
            .filter_map(|(index, source)| Some(Reverse((self.next_of(source, replay.end)?, index))))
            .collect();
        let mut bytes = 0;
        while page.events.len() < REPLAY_EVENTS_MAX && bytes < REPLAY_BYTES_MAX {
            let logged = heads.peek().map(|Reverse((offset, _))| *offset);
            let row = rows.last().map(|(offset, _)| *offset);
            if row.is_some_and(|row| logged.is_none_or(|logged| row < logged)) {
                let row = rows.pop();
                page.events
                    .extend(row.and_then(|row| self.state_row(reader, row)));
                continue;
            }
            let Some(Reverse((offset, index))) = heads.pop() else {
                break;
            };
            let Some(source) = sources.get_mut(index) else {
                break;
            };
            if let Some(event) = self.take(reader, source, offset, replay.end) {
                bytes += text_bytes(&event.body);
                page.events.push(event);
            }
            heads.extend(
                self.next_of(source, replay.end)
                    .map(|next| Reverse((next, index))),
            );
        }
        page
    }

    /// Ends the sources whose membership has ended since the replay began: what came after that is not the reader's.
    fn close_sources(&self, replay: &mut Replay, reader: UserId) {
        let former = self.users.row(reader).map(|row| &row.former);
        let ended = former.into_iter().flatten().rev();
        let since_begun = ended.take_while(|former| former.left > replay.end);
        // The latest first, so that the earliest end of each stays.
        for former in since_begun {
            let place = Place::Conversation(former.conversation);
            for source in &mut replay.rest.sources {
                let is_open = source.left.is_none_or(|left| left > former.left);
                if source.place == place && is_open {
                    source.left = Some(former.left);
                }
            }
        }
    }

    /// Where the next event of a source stands.
    fn next_of(&self, source: &ReplaySource, end: Offset) -> Option<Offset> {
        let message = self.next_message(source);
        let change = source.events_after.and_then(|after| {
            let next = (Bound::Excluded(after), Bound::Unbounded);
            let offset = match source.place {
                Place::Conversation(id) => {
                    let changes = &self.conversations.get(&id)?.changes;
                    changes.range(next).next().map(|(offset, _)| *offset)
                }
                Place::Private(user) => {
                    let private = &self.users.row(user)?.private;
                    private.range(next).next().map(|(offset, _)| *offset)
                }
            };
            let end = source.left.map_or(end, |left| left.min(end));
            offset.filter(|offset| *offset <= end)
        });
        message.into_iter().chain(change).min()
    }

    fn next_message(&self, source: &ReplaySource) -> Option<Offset> {
        let Place::Conversation(id) = source.place else {
            return None;
        };
        if source.next_seq > source.last_seq {
            return None;
        }
        let row = self.conversations.get(&id)?;
        Some(row.message(source.next_seq)?.offset)
    }

    /// Takes the next event of a source, which stands at `offset`, and moves the source past it. `None`: it is not for
    /// the reader.
    fn take(
        &self,
        reader: UserId,
        source: &mut ReplaySource,
        offset: Offset,
        end: Offset,
    ) -> Option<Event> {
        let body = if self.next_message(source) == Some(offset) {
            let seq = source.next_seq;
            source.next_seq = seq.next();
            self.retell_message(reader, source, seq)
        } else {
            source.events_after = Some(offset);
            self.retell_change(reader, source, offset, end)
        };
        Some(Event {
            offset,
            body: body?,
        })
    }

    /// A state row as an event, unless it has changed since the replay began, or the reader is no member any more.
    fn state_row(&self, reader: UserId, (offset, row): (Offset, StateRow)) -> Option<Event> {
        let id = match row {
            StateRow::Marker(id, _) | StateRow::Settings(id) => id,
            StateRow::Blocks => {
                let now = self.blocks_event(reader);
                return now.filter(|event| event.offset == offset);
            }
        };
        let members = &self.conversations.get(&id)?.members;
        let own = members.get(&reader)?;
        let (now, body) = match row {
            StateRow::Marker(conversation, user) => {
                let member = members.get(&user)?;
                let (now, read_seq) = match user == reader {
                    true => (member.read_offset, member.read_seq),
                    false => (member.shown_offset, member.shown_seq),
                };
                let marker = ReadMarker {
                    conversation,
                    user,
                    read_seq,
                };
                (now, EventBody::ReadMarker(marker))
            }
            StateRow::Settings(_) | StateRow::Blocks => {
                (own.settings_offset, own.settings_body(id))
            }
        };
        (now == offset).then_some(Event { offset, body })
    }
}

/// What a member has missed.
fn source_of(row: &ConversationRow, reader: UserId, after: Option<Offset>) -> Option<ReplaySource> {
    let member = row.members.get(&reader)?;
    let events_after = after.map(|after| after.max(member.joined));
    let first = match events_after {
        Some(after) => row.first_after(after),
        None => member.read_seq.next(),
    };
    Some(ReplaySource {
        place: Place::Conversation(row.id),
        next_seq: first.max(member.floor.next()),
        last_seq: row.last_seq(),
        events_after,
        left: None,
        floor: member.floor,
        gap: None,
        ahead: Vec::new(),
    })
}

/// What one has missed who is no member any more.
fn source_of_former(row: &ConversationRow, former: &Former, after: Offset) -> ReplaySource {
    let after = after.max(former.joined);
    ReplaySource {
        place: Place::Conversation(row.id),
        next_seq: row.first_after(after).max(former.floor.next()),
        last_seq: former.last_seq,
        events_after: Some(after),
        left: Some(former.left),
        floor: former.floor,
        gap: None,
        ahead: Vec::new(),
    }
}

impl Replay {
    /// Adds a source. Of its messages the newest `backlog_max` stay, the rest becomes a gap.
    fn extend(&mut self, source: Option<ReplaySource>, backlog_max: Option<u64>) {
        let Some(mut source) = source else {
            return;
        };
        let missed = source.last_seq.next().since(source.next_seq);
        let newest = backlog_max.filter(|newest| *newest > 0 && missed > *newest);
        if let (Some(newest), Place::Conversation(conversation)) = (newest, source.place) {
            let from_seq = source.next_seq;
            let to_seq = Seq::new(source.last_seq.since(Seq::new(newest)));
            self.gaps.push(Gap {
                conversation,
                from_seq,
                to_seq,
            });
            source.gap = Some((from_seq, to_seq));
            source.next_seq = to_seq.next();
        }
        self.rest.sources.push(source);
    }
}

/// Bytes of text in an event.
fn text_bytes(body: &EventBody) -> usize {
    match body {
        EventBody::Message(message) | EventBody::MessageEdited(message) => message.weight(),
        _ => 0,
    }
}
