//! Read markers: the own devices hear of a move at once, others at most once a second and of the last value.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{batch::Batch, blocks, rows};
use crate::{
    domain::{
        clock::TimeMs,
        conversation::ReadState,
        event::{EventBody, ReadMarker},
        ids::{ConversationId, Seq, UserId},
    },
    store::MarkReadError,
};

/// Others hear of a marker at most once in this time.
const SHOW_EVERY_MS: u64 = 1_000;
/// When a marker that came too soon is shown: within the lazy beat of the writer that is about a second.
const SHOW_LATEST: Duration = Duration::from_millis(800);

impl Batch<'_> {
    /// Moves a read marker up.
    pub fn mark_read(
        &mut self,
        user: UserId,
        id: ConversationId,
        seq: Seq,
        at: TimeMs,
    ) -> rusqlite::Result<Result<ReadState, MarkReadError>> {
        let not_member = Ok(Err(MarkReadError::NotMember(id)));
        if !self.know(id)? {
            return not_member;
        }
        let Some(known) = self.memory.conversations.get_mut(&id) else {
            return not_member;
        };
        let last_seq = known.last_seq;
        let Some(member) = known.member(user) else {
            return not_member;
        };
        if seq > last_seq {
            return Ok(Err(MarkReadError::BeyondEnd(last_seq)));
        }
        if seq <= member.read_seq {
            let is_there = seq == member.read_seq;
            let state = ReadState::of(last_seq, member.read_seq, member.sent, member.sent_at_read);
            if is_there {
                self.clear_marked_unread(user, id)?;
            }
            return Ok(Ok(state));
        }
        let passed = member.read_seq;
        let own_unread = member.sent.saturating_sub(member.sent_at_read);
        let own = self.own_passed(id, user, (passed, seq, last_seq), own_unread)?;
        let offset = self.next_offset();
        let Some(known) = self.change(id) else {
            return not_member;
        };
        let everybody = Arc::clone(&known.readers);
        let has_others = everybody.len() > 1 && known.shows_markers();
        let Some(member) = known.member(user) else {
            return not_member;
        };
        member.read_seq = seq;
        member.read_offset = offset;
        member.sent_at_read += own;
        member.dirty = true;
        let state = ReadState::of(last_seq, seq, member.sent, member.sent_at_read);
        let show = has_others && at.since_ms(member.shown) >= SHOW_EVERY_MS;
        if show {
            member.shown_seq = seq;
            member.shown_offset = offset;
            member.shown = at;
            known.last_offset = offset;
        } else if has_others {
            let due = Instant::now() + SHOW_LATEST;
            self.memory.to_show.entry((id, user)).or_insert(due);
        } else {
            // Nobody waits for it.
            member.shown_seq = seq;
        }
        let readers = match show {
            true => self.without_those_apart(id, user, everybody)?,
            false => Arc::new([user]),
        };
        let marker = ReadMarker {
            conversation: id,
            user,
            read_seq: seq,
        };
        self.announce(offset, EventBody::ReadMarker(marker), readers);
        self.clear_marked_unread(user, id)?;
        Ok(Ok(state))
    }

    /// Those of the readers of a user's marker between whom and the user there is no block.
    fn without_those_apart(
        &self,
        id: ConversationId,
        user: UserId,
        readers: Arc<[UserId]>,
    ) -> rusqlite::Result<Arc<[UserId]>> {
        if self.is_direct_without_block(id) {
            return Ok(readers);
        }
        let mut near = readers.to_vec();
        blocks::leave_out_those_apart(self.connection, user, &mut near)?;
        Ok(match near.len() == readers.len() {
            true => readers,
            false => near.into(),
        })
    }

    /// How many of its own messages a marker passes on its way from one place to another. Whoever reads to the end, or
    /// has sent nothing, costs nothing; else the shorter side is counted, since everybody waits for the writer.
    fn own_passed(
        &self,
        id: ConversationId,
        user: UserId,
        (from, to, last): (Seq, Seq, Seq),
        own_unread: u64,
    ) -> rusqlite::Result<u64> {
        if own_unread == 0 || to == last {
            return Ok(own_unread);
        }
        let count = |after: Seq, up_to: Seq| {
            self.connection
                .prepare_cached(
                    "SELECT count(*) FROM log WHERE conversation_id = ?1 AND seq > ?2 AND seq <= ?3 \
                     AND subject_id = ?4",
                )?
                .query_row(
                    [id.number(), after.number(), up_to.number(), user.number()].map(rows::int),
                    |row| rows::number(row, 0),
                )
        };
        match last.since(to) < to.since(from) {
            true => Ok(own_unread.saturating_sub(count(to, last)?)),
            false => count(from, to),
        }
    }

    /// Tells others of the markers that are due.
    pub fn show_markers(&mut self) -> rusqlite::Result<()> {
        let now = Instant::now();
        let due: BTreeSet<_> = self
            .memory
            .to_show
            .iter()
            .filter(|(_, due)| **due <= now)
            .map(|(marker, _)| *marker)
            .collect();
        for (id, user) in due {
            self.know(id)?;
            let known = self.memory.conversations.get_mut(&id);
            let member = known
                .filter(|known| known.shows_markers())
                .and_then(|known| known.member(user));
            if member.is_none_or(|member| member.shown_seq == member.read_seq) {
                // It was shown meanwhile, the batch that moved it was rolled back, or nobody is to be shown it any more.
                self.memory.to_show.remove(&(id, user));
                continue;
            }
            let offset = self.next_offset();
            let Some(known) = self.change(id) else {
                continue;
            };
            let others: Arc<[UserId]> = known
                .readers
                .iter()
                .copied()
                .filter(|reader| *reader != user)
                .collect();
            let Some(member) = known.member(user) else {
                continue;
            };
            member.shown_seq = member.read_seq;
            member.shown_offset = offset;
            // The writer has no clock; it is at most a beat later than this.
            member.shown = TimeMs::new(
                member
                    .shown
                    .milliseconds()
                    .saturating_add_unsigned(SHOW_EVERY_MS),
            );
            member.dirty = true;
            let marker = ReadMarker {
                conversation: id,
                user,
                read_seq: member.shown_seq,
            };
            known.last_offset = offset;
            let others = self.without_those_apart(id, user, others)?;
            self.announce(offset, EventBody::ReadMarker(marker), others);
        }
        Ok(())
    }
}
