//! Read markers in memory: own devices hear of each move at once, others of the last within about a second. In channels
//! and large groups nobody else hears of them. What is marked read is not put aside as unread any more.

use std::{
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

use super::{Shared, State};
use crate::{
    domain::{
        clock::TimeMs,
        conversation::ReadState,
        event::{EventBody, ReadMarker},
        ids::{ConversationId, Seq, UserId},
    },
    store::MarkReadError,
};

/// Others are shown a member's marker at most once in this many milliseconds.
const SHOWN_EVERY_MS: u64 = 1_000;

/// A marker that others have not been shown yet.
#[derive(Clone, Copy)]
pub(super) struct Waiting {
    /// When to show it.
    due: Instant,
    /// When it moved last, by the clock of the caller …
    moved: TimeMs,
    /// … and by the one that `due` is measured with.
    moved_at: Instant,
}

impl State {
    pub(super) fn mark_read(
        &mut self,
        user: UserId,
        conversation: ConversationId,
        seq: Seq,
        at: TimeMs,
    ) -> Result<ReadState, MarkReadError> {
        let apart = self.apart(user);
        let Some(row) = self.conversations.get_mut(&conversation) else {
            return Err(MarkReadError::NotMember(conversation));
        };
        let last_seq = row.last_seq();
        let Some(member) = row.members.get_mut(&user) else {
            return Err(MarkReadError::NotMember(conversation));
        };
        if seq > last_seq {
            return Err(MarkReadError::BeyondEnd(last_seq));
        }
        let read_seq = member.read_seq;
        if seq == read_seq {
            member.clear_unread(conversation, &mut self.log);
        }
        if seq <= read_seq {
            return Ok(member.read_state(last_seq));
        }
        // Only the range that the marker passes is counted.
        let passed = row.messages(read_seq.next(), seq).iter();
        let own = passed.filter(|logged| logged.message.sender.id == user);
        let own = own.count() as u64;
        let shows = row.shows_markers();
        let members = row.members.keys().copied();
        let everybody: Arc<[UserId]> = members.filter(|other| !apart.contains(other)).collect();
        let has_others = row.members.len() > 1;
        let Some(member) = row.members.get_mut(&user) else {
            return Err(MarkReadError::NotMember(conversation));
        };
        let since_shown = member.shown.map(|shown| at.since_ms(shown));
        let others = shows && has_others;
        let show = others && since_shown.is_none_or(|since| since >= SHOWN_EVERY_MS);
        member.read_seq = seq;
        member.sent_at_read += own;
        let body = EventBody::ReadMarker(ReadMarker {
            conversation,
            user,
            read_seq: seq,
        });
        let readers = if show { everybody } else { [user].into() };
        member.read_offset = self.log.push(body, readers);
        let key = (conversation, user);
        if show {
            member.shown_seq = seq;
            member.shown_offset = member.read_offset;
            member.shown = Some(at);
            self.waiting.remove(&key);
        } else if others {
            let moved_at = Instant::now();
            let wait_ms = SHOWN_EVERY_MS.saturating_sub(since_shown.unwrap_or_default());
            let waiting = self.waiting.entry(key).or_insert(Waiting {
                due: moved_at + Duration::from_millis(wait_ms),
                moved: at,
                moved_at,
            });
            waiting.moved = at;
            waiting.moved_at = moved_at;
        }
        member.clear_unread(conversation, &mut self.log);
        Ok(member.read_state(last_seq))
    }

    /// Shows the markers that have waited long enough, in one commit.
    fn show_due(&mut self, now: Instant) {
        let waiting = self.waiting.iter().map(|(key, waiting)| (*key, *waiting));
        let due: Vec<_> = waiting.filter(|(_, waiting)| waiting.due <= now).collect();
        for ((conversation, user), waiting) in due {
            self.waiting.remove(&(conversation, user));
            let apart = self.apart(user);
            let Some(row) = self.conversations.get_mut(&conversation) else {
                continue;
            };
            let others = row.members.keys().copied().filter(|id| *id != user);
            let others: Arc<[UserId]> = others.collect();
            // It may have grown meanwhile, or be left by all others.
            if others.is_empty() || !row.shows_markers() {
                continue;
            }
            let others = others.iter().copied();
            let others: Arc<[UserId]> = others.filter(|other| !apart.contains(other)).collect();
            let Some(member) = row.members.get_mut(&user) else {
                continue;
            };
            member.shown_seq = member.read_seq;
            let body = EventBody::ReadMarker(ReadMarker {
                conversation,
                user,
                read_seq: member.read_seq,
            });
            member.shown_offset = self.log.push(body, others);
            let waited = now.saturating_duration_since(waiting.moved_at).as_millis();
            let waited = i64::try_from(waited).unwrap_or(i64::MAX);
            let shown = waiting.moved.milliseconds().saturating_add(waited);
            member.shown = Some(TimeMs::new(shown));
        }
        self.log.publish();
    }
}

/// Shows markers when their time comes, until the store closes.
pub(super) fn show_until_closed(shared: &Shared) {
    let mut state = shared.lock();
    while !state.closed {
        let now = Instant::now();
        state.show_due(now);
        let next = state.waiting.values().map(|waiting| waiting.due).min();
        state = match next {
            None => {
                let woken = shared.woken.wait(state);
                woken.unwrap_or_else(PoisonError::into_inner)
            }
            Some(due) => {
                let wait = due.saturating_duration_since(now);
                let woken = shared.woken.wait_timeout(state, wait);
                woken.unwrap_or_else(PoisonError::into_inner).0
            }
        };
    }
}
