//! Replays in memory: every conversation of the reader is a source, and the sources are merged by offset.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap},
    ops::Bound,
};

use super::State;
use crate::{
    domain::{
        event::{Event, EventBody, Gap, ReadMarker},
        ids::{ConversationId, Offset, Seq, UserId},
    },
    store::{
        Place, REPLAY_BYTES_MAX, REPLAY_EVENTS_MAX, Replay, ReplayFrom, ReplayPage, ReplayRest,
        ReplaySource,
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
        let backlog_max = backlog_max.filter(|messages| *messages > 0);
        let mut gaps = Vec::new();
        let mut rest = ReplayRest {
            reader: Some(user),
            ..ReplayRest::default()
        };
        let ids = self.users.row(user).map(|row| &row.conversations);
        for id in ids.into_iter().flatten() {
            let Some(row) = self.conversations.get(id) else {
                continue;
            };
            let Some(member) = row.members.get(&user) else {
                continue;
            };
            let events_after = after.map(|after| after.max(member.joined));
            let mut next_seq = match events_after {
                Some(after) => row.first_after(after),
                None => row.first_after(member.joined).max(member.read_seq.next()),
            };
            let last_seq = row.last_seq();
            let missed = last_seq.next().since(next_seq);
            if let Some(left_out) = backlog_max.and_then(|max| missed.checked_sub(max))
                && left_out > 0
            {
                let next = Seq::new(next_seq.number() + left_out);
                gaps.push(Gap {
                    conversation: *id,
                    from_seq: next_seq,
                    to_seq: Seq::new(next.number() - 1),
                });
                next_seq = next;
            }
            rest.sources.push(ReplaySource {
                place: Place::Conversation(*id),
                next_seq,
                last_seq,
                events_after,
                ahead: Vec::new(),
            });
            for (person, member) in &row.members {
                let (offset, since) = if *person == user {
                    // On a first sync the state of the conversation tells it.
                    (member.read_offset, after.unwrap_or(self.log.end))
                } else {
                    (member.shown_offset, after.unwrap_or(Offset::ZERO))
                };
                if offset > since {
                    rest.rows.push((offset, *id, *person));
                }
            }
        }
        rest.sources.push(ReplaySource {
            place: Place::Private(user),
            next_seq: Seq::ZERO.next(),
            last_seq: Seq::ZERO,
            events_after: after,
            ahead: Vec::new(),
        });
        rest.rows.sort_unstable_by(|a, b| b.cmp(a));
        Replay {
            end: self.log.end,
            first_sync: after.is_none(),
            gaps,
            rest,
        }
    }

    pub(super) fn read_replay(&self, replay: &mut Replay) -> ReplayPage {
        let mut page = ReplayPage::default();
        let Some(reader) = replay.rest.reader else {
            return page;
        };
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
            let row = rows.last().map(|(offset, ..)| *offset);
            if row.is_some_and(|row| logged.is_none_or(|logged| row < logged)) {
                let row = rows.pop();
                page.events
                    .extend(row.and_then(|row| self.state_row(reader, row)));
                continue;
            }
            let Some(Reverse((offset, index))) = heads.pop() else {
                break;
            };
            let source = &mut sources[index];
            if let Some(event) = self.take(source, offset) {
                if let EventBody::Message(message) = &event.body {
                    bytes += message.text.as_str().len();
                }
                page.events.push(event);
            }
            heads.extend(
                self.next_of(source, replay.end)
                    .map(|next| Reverse((next, index))),
            );
        }
        page
    }

    /// Where the next event of a source stands.
    fn next_of(&self, source: &ReplaySource, end: Offset) -> Option<Offset> {
        let message = self.next_message(source);
        let change = source.events_after.and_then(|after| {
            let next = (Bound::Excluded(after), Bound::Unbounded);
            let offset = match source.place {
                Place::Conversation(id) => self.changes(id)?.range(next).next(),
                Place::Private(user) => self
                    .users
                    .row(user)?
                    .private
                    .range(next)
                    .next()
                    .map(|(offset, _)| offset),
            };
            offset.copied().filter(|offset| *offset <= end)
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

    fn changes(&self, id: ConversationId) -> Option<&BTreeSet<Offset>> {
        self.conversations.get(&id).map(|row| &row.changes)
    }

    /// Takes the next event of a source, which stands at `offset`, and moves the source past it.
    fn take(&self, source: &mut ReplaySource, offset: Offset) -> Option<Event> {
        if self.next_message(source) == Some(offset) {
            let Place::Conversation(id) = source.place else {
                return None;
            };
            let logged = self.conversations.get(&id)?.message(source.next_seq)?;
            source.next_seq = source.next_seq.next();
            let body = EventBody::Message(logged.message.clone());
            return Some(Event { offset, body });
        }
        source.events_after = Some(offset);
        let id = match source.place {
            Place::Conversation(id) => id,
            Place::Private(user) => *self.users.row(user)?.private.get(&offset)?,
        };
        // A change is told as the state of now.
        let body = EventBody::ConversationChanged(self.conversations.get(&id)?.shared());
        Some(Event { offset, body })
    }

    /// A state row as an event, unless it has changed since the replay began.
    fn state_row(
        &self,
        reader: UserId,
        (offset, conversation, user): (Offset, ConversationId, UserId),
    ) -> Option<Event> {
        let member = self.conversations.get(&conversation)?.members.get(&user)?;
        let (now, read_seq) = if user == reader {
            (member.read_offset, member.read_seq)
        } else {
            (member.shown_offset, member.shown_seq)
        };
        let body = EventBody::ReadMarker(ReadMarker {
            conversation,
            user,
            read_seq,
        });
        (now == offset).then_some(Event { offset, body })
    }
}
