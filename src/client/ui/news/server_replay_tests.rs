//! How that server tells again what was missed, and how it pages: as a stream that resumes shows the state of now, and nothing
//! that came after a membership ended.

use std::collections::BTreeMap;

use super::{Happening, ME, Place, Said, Server, at, bare, event, user};
use crate::pb::{self, event::Body};

/// Where a page lies.
#[derive(Clone, Copy, Debug)]
pub enum Position {
    Newest,
    Before(u64),
    After(u64),
    Around(u64),
}

impl Said {
    fn shown_until(&self, left: u64) -> pb::Message {
        let is_later = |offset: Option<u64>| offset.is_some_and(|offset| offset > left);
        let mut message = self.message.clone();
        if is_later(self.changed) {
            (message.content, message.deleted, message.revision) = (None, true, 0);
            (message.mentions, message.mentions_all) = (Vec::new(), false);
        } else if !is_later(self.reacted) {
            message.reactions = self.reactions();
        }
        message
    }
}

impl Place {
    /// All messages that the user can read.
    pub fn readable(&self) -> Vec<pb::Message> {
        let floor = self.me.as_ref().map_or(u64::MAX, |me| me.floor);
        let all = self.messages.iter().map(Said::shown);
        all.filter(|message| message.seq > floor).collect()
    }

    /// A page of them, as `ListMessages` gives it: messages, floor, last number.
    pub fn page(&self, position: Position, count: usize) -> Option<(Vec<pb::Message>, u64, u64)> {
        let floor = self.me.as_ref()?.floor;
        let all = self.readable();
        let first_from = |seq: u64| all.iter().filter(|it| it.seq < seq).count();
        let (from, to) = match position {
            Position::Newest => (all.len().saturating_sub(count), all.len()),
            Position::Before(seq) => {
                let to = first_from(seq);
                (to.saturating_sub(count), to)
            }
            Position::After(seq) => {
                let from = first_from(seq + 1);
                (from, all.len().min(from + count))
            }
            Position::Around(seq) => {
                let middle = first_from(seq);
                let from = middle.saturating_sub(count / 2);
                (from, all.len().min(from + count))
            }
        };
        Some((all[from..to.max(from)].to_vec(), floor, self.last_seq()))
    }
}

impl Server {
    /// All that a stream brings at its beginning that resumes after a place, or has none.
    pub fn replay(&self, after: Option<u64>, backlog: u64, reset: bool) -> Vec<pb::Event> {
        let mut all = vec![bare(Body::Welcome(pb::Welcome {
            user: Some(pb::User {
                id: user(ME).id,
                name: ME.to_owned(),
                ..pb::User::default()
            }),
            ..pb::Welcome::default()
        }))];
        if reset {
            all.push(bare(Body::Reset(pb::Reset::default())));
        }
        if after.is_none() {
            let states = self.states().into_iter().map(|state| {
                bare(Body::ConversationChanged(pb::ConversationChanged {
                    conversation: Some(state),
                }))
            });
            all.extend(states);
        }
        let mut later: BTreeMap<u64, pb::Event> = BTreeMap::new();
        for place in &self.places {
            let mut put = |offset: u64, body: Body| later.insert(offset, event(offset, body));
            if let Some(me) = &place.me {
                let events_after = after.map(|after| after.max(me.joined));
                let first = match events_after {
                    Some(after) => first_after(place, after),
                    None => me.read + 1,
                };
                let mut first = first.max(me.floor + 1);
                let mut gap = None;
                let missed = (place.last_seq() + 1).saturating_sub(first);
                if backlog > 0 && missed > backlog {
                    let to = place.last_seq() - backlog;
                    gap = Some((first, to));
                    all.push(bare(Body::Gap(pb::Gap {
                        conversation_id: place.id.clone(),
                        from_seq: first,
                        to_seq: to,
                    })));
                    first = to + 1;
                }
                for said in place.messages.iter().filter(|it| it.message.seq >= first) {
                    put(said.offset, Body::Message(said.shown()));
                }
                if let Some(after) = events_after {
                    let range = place.changes.range(after + 1..);
                    for (offset, happening) in range {
                        let body = self.retell(place, happening, me.floor, gap);
                        body.map(|body| put(*offset, body));
                    }
                }
                let since = after.unwrap_or(self.end);
                if me.read_offset > since {
                    put(me.read_offset, place.marker_body());
                }
                if me.settings_offset > since {
                    put(me.settings_offset, place.settings_body());
                }
            }
            let Some(after) = after else { continue };
            for former in place.former.iter().filter(|former| former.left > after) {
                let since = after.max(former.joined);
                let first = first_after(place, since).max(former.floor + 1);
                let seqs = first..=former.last_seq;
                for said in place
                    .messages
                    .iter()
                    .filter(|it| seqs.contains(&it.message.seq))
                {
                    put(said.offset, Body::Message(said.shown_until(former.left)));
                }
                for (offset, happening) in place.changes.range(since + 1..=former.left) {
                    let body = self.retell(place, happening, former.floor, None);
                    body.map(|body| put(*offset, body));
                }
            }
            for (offset, then) in place.private.range(after + 1..) {
                let body = self.retell_conversation(place, then);
                body.map(|body| put(*offset, body));
            }
        }
        if self.blocks_offset > after.unwrap_or(0) && (after.is_some() || !self.blocked.is_empty())
        {
            later.insert(
                self.blocks_offset,
                event(self.blocks_offset, self.blocks_body()),
            );
        }
        all.extend(later.into_values());
        all.push(event(self.end, Body::CaughtUp(pb::CaughtUp {})));
        all
    }

    fn retell(
        &self,
        place: &Place,
        happening: &Happening,
        floor: u64,
        gap: Option<(u64, u64)>,
    ) -> Option<Body> {
        let is_told =
            |seq: u64| seq > floor && gap.is_none_or(|(from, to)| !(from..=to).contains(&seq));
        match happening {
            Happening::Conversation(then) => self.retell_conversation(place, then),
            Happening::Member(changed) => Some(Body::MemberChanged(changed.clone())),
            Happening::Message(seq) => is_told(*seq).then(|| place.change_body(*seq)),
            Happening::Reactions(seq) => is_told(*seq).then(|| {
                Body::ReactionChanged(pb::ReactionChanged {
                    conversation_id: place.id.clone(),
                    seq: *seq,
                    reactions: place.messages[at(seq - 1)].reactions(),
                    ..pb::ReactionChanged::default()
                })
            }),
        }
    }

    fn retell_conversation(&self, place: &Place, then: &pb::Conversation) -> Option<Body> {
        let now = match place.me.is_some() {
            true => place.shared(),
            false => then.clone(),
        };
        Some(Body::ConversationChanged(pb::ConversationChanged {
            conversation: Some(now),
        }))
    }
}

fn first_after(place: &Place, offset: u64) -> u64 {
    let before = place.messages.iter().filter(|it| it.offset <= offset);
    before.count() as u64 + 1
}
