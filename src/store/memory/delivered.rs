//! How far messages have arrived, in memory: it follows from the cursors of devices, and nothing is kept for it.

use std::cmp::Reverse;

use super::{State, conversations::ConversationRow};
use crate::{
    domain::{
        conversation::{Delivered, Marker},
        ids::{ConversationId, Offset, Seq, UserId},
        limits::DELIVERED_CONVERSATIONS_MAX,
    },
    store::ActError,
};

impl State {
    /// How far each other member of a conversation has come.
    pub(super) fn markers(
        &self,
        user: UserId,
        id: ConversationId,
    ) -> Result<Vec<Marker>, ActError> {
        let (row, _) = self.membership(user, id)?;
        if !row.shows_markers() {
            return Ok(Vec::new());
        }
        let others = row.members.values().filter(|it| it.user.id != user);
        let others = others.filter(|it| !self.are_apart(user, it.user.id));
        let markers = others.map(|member| {
            let cursor = self.users.delivered_to(member.user.id);
            let arrived = row.messages.iter().take_while(|it| it.offset <= cursor);
            Marker {
                user: member.user.clone(),
                read_seq: member.read_seq,
                delivered_seq: Seq::new(arrived.count() as u64).max(member.read_seq),
            }
        });
        Ok(markers.collect())
    }

    /// In which conversations messages of others lie between two places.
    pub(super) fn delivered_between(
        &self,
        user: UserId,
        after: Offset,
        to: Offset,
    ) -> Vec<Delivered> {
        let own = self.users.row(user).map(|row| &row.conversations);
        let rows = own.into_iter().flatten();
        let rows = rows.filter_map(|id| self.conversations.get(id));
        let mut found: Vec<(Offset, Delivered)> = rows
            .filter(|row| row.shows_markers())
            .filter_map(|row| self.delivered_in(row, user, after, to))
            .collect();
        found.sort_by_key(|(offset, _)| Reverse(*offset));
        let newest = found.into_iter().take(DELIVERED_CONVERSATIONS_MAX);
        newest.map(|(_, delivered)| delivered).collect()
    }

    fn delivered_in(
        &self,
        row: &ConversationRow,
        user: UserId,
        after: Offset,
        to: Offset,
    ) -> Option<(Offset, Delivered)> {
        let floor = row.members.get(&user)?.floor;
        let newest = row.messages.iter().rev();
        let mut of_others = newest
            .filter(|it| it.offset > after && it.offset <= to)
            .filter(|it| it.message.seq > floor && it.message.sender.id != user);
        let last = of_others.next()?;
        let others = row.members.keys().copied();
        let others: Vec<UserId> = others
            .filter(|other| *other != user && !self.are_apart(user, *other))
            .collect();
        let delivered = Delivered {
            conversation: row.id,
            seq: last.message.seq,
            others,
        };
        (!delivered.others.is_empty()).then_some((last.offset, delivered))
    }
}
