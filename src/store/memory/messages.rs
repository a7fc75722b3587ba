//! Messages in memory: each with the reactions to it and its rows in the log, and how they are read in pages.
//!
//! A message is stored without its reactions: who gave them is kept beside it, and each reader gets counts of its own.

use std::convert::Infallible;

use super::{State, conversations::ConversationRow};
use crate::{
    domain::{
        clock::TimeMs,
        ids::{ConversationId, Offset, Seq, UserId},
        limits::PAGE_BYTES_MAX,
        mention::Mentions,
        message::Message,
        page::{PageSize, Position, PositionAsked},
        reaction::{Emoji, Reaction},
        user::UserRef,
    },
    store::MessagePage,
};

/// A message at its place in the log.
pub(super) struct Logged {
    pub(super) offset: Offset,
    /// As it is now, without its reactions.
    pub(super) message: Message,
    /// Where its last edit or its deletion stands.
    pub(super) changed: Option<Offset>,
    /// Who deleted it.
    pub(super) deleted_by: Option<UserRef>,
    /// Where the last change of its reactions stands.
    pub(super) reacted: Option<Offset>,
    /// Who gives what, in the order of the giving.
    pub(super) given: Vec<(Emoji, UserId)>,
}

impl Logged {
    /// A message that was just sent.
    pub(super) const fn new(offset: Offset, message: Message) -> Self {
        Self {
            offset,
            message,
            changed: None,
            deleted_by: None,
            reacted: None,
            given: Vec::new(),
        }
    }

    /// The reactions that it has now, the first given first; `mine` is that of the reader, if there is one.
    pub(super) fn reactions(&self, reader: Option<UserId>) -> Vec<Reaction> {
        let mut reactions: Vec<Reaction> = Vec::new();
        for (emoji, user) in &self.given {
            let mine = reader == Some(*user);
            match reactions.iter_mut().find(|known| known.emoji == *emoji) {
                Some(known) => {
                    known.count += 1;
                    known.mine |= mine;
                }
                None => reactions.push(Reaction {
                    emoji: emoji.clone(),
                    count: 1,
                    mine,
                }),
            }
        }
        reactions
    }

    /// What a member sees of it now.
    pub(super) fn shown_to(&self, reader: UserId) -> Message {
        Message {
            reactions: self.reactions(Some(reader)),
            ..self.message.clone()
        }
    }

    /// What one sees of it whose membership ended at `left`: nothing that tells of what came after.
    pub(super) fn shown_until(&self, reader: UserId, left: Offset) -> Message {
        let mut message = self.message.clone();
        let is_later = |offset: Option<Offset>| offset.is_some_and(|offset| offset > left);
        if is_later(self.changed) {
            // Revision 0: who comes back and may read it takes the newer state.
            (message.text, message.revision) = (None, 0);
            message.mentions = Mentions::default();
            message.attachments = Vec::new();
        } else if !is_later(self.reacted) {
            message.reactions = self.reactions(Some(reader));
        }
        message
    }
}

impl ConversationRow {
    pub(super) fn push(&mut self, logged: Logged) {
        self.messages.push(logged);
    }

    /// The message of this place.
    pub(super) fn message(&self, seq: Seq) -> Option<&Logged> {
        self.messages.get(index_of(seq)?)
    }

    /// The message of this place, to be changed.
    pub(super) fn message_mut(&mut self, seq: Seq) -> Option<&mut Logged> {
        self.messages.get_mut(index_of(seq)?)
    }

    /// The messages of these places, both included.
    pub(super) fn messages(&self, from: Seq, to: Seq) -> &[Logged] {
        let index = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let range = index(from.number().saturating_sub(1))..index(to.number());
        self.messages.get(range).unwrap_or_default()
    }

    /// The first message after a place in the log, or the one that is still to come.
    pub(super) fn first_after(&self, offset: Offset) -> Seq {
        let before = self
            .messages
            .partition_point(|logged| logged.offset <= offset);
        Seq::new(before as u64).next()
    }

    /// The last message before a place in the log; without one the last of all.
    pub(super) fn last_before(&self, before: Option<Offset>) -> Seq {
        let is_before = |before| move |logged: &Logged| logged.offset < before;
        let last = before.map(|before| self.messages.partition_point(is_before(before)));
        last.map_or(self.last_seq(), |last| Seq::new(last as u64))
    }

    /// The first message after a floor that was sent at this time or later, or the one that is still to come.
    fn first_at(&self, time: TimeMs, floor: Seq) -> Seq {
        let readable = self.messages(floor.next(), self.last_seq());
        let before = readable.partition_point(|logged| logged.message.sent < time);
        Seq::new(floor.number() + before as u64).next()
    }
}

/// Where the message of this place stands in its row.
fn index_of(seq: Seq) -> Option<usize> {
    usize::try_from(seq.number()).ok()?.checked_sub(1)
}

impl State {
    pub(super) fn list_messages(
        &self,
        user: UserId,
        id: ConversationId,
        position: PositionAsked,
        size: PageSize,
    ) -> Option<MessagePage> {
        let row = self.conversations.get(&id)?;
        let floor = row.members.get(&user)?.floor;
        let last_seq = row.last_seq();
        let Ok(position) = position.resolve(|time| Ok::<_, Infallible>(row.first_at(time, floor)));
        let messages = position
            .range(floor, last_seq, size)
            .map_or(&[][..], |(from, to)| row.messages(from, to));
        let messages = cut(messages, position).iter();
        Some(MessagePage {
            messages: messages.map(|logged| logged.shown_to(user)).collect(),
            floor,
            last_seq,
        })
    }
}

/// Cuts a page to `PAGE_BYTES_MAX` of text, but never to nothing: it begins with the message that it must keep and
/// takes in neighbours, later and earlier ones by turns, for as long as they fit.
fn cut(page: &[Logged], position: Position) -> &[Logged] {
    let Some(last) = page.len().checked_sub(1) else {
        return page;
    };
    let kept = match position {
        Position::Newest | Position::Before(_) => last,
        Position::After(_) => 0,
        Position::Around(seq) => page
            .partition_point(|logged| logged.message.seq < seq)
            .min(last),
    };
    let bytes = |logged: &Logged| logged.message.weight();
    let (mut from, mut to) = (kept, kept + 1);
    let mut room = PAGE_BYTES_MAX.saturating_sub(bytes(&page[kept]));
    let mut up = true;
    while from > 0 || to < page.len() {
        let later = from == 0 || (up && to < page.len());
        let taken = if later { to } else { from - 1 };
        let Some(left) = room.checked_sub(bytes(&page[taken])) else {
            break;
        };
        room = left;
        from = from.min(taken);
        to = to.max(taken + 1);
        up = !later;
    }
    &page[from..to]
}
