//! Conversations in memory: who they are between, what was said, and how far each member has read.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::Arc,
};

use super::State;
use crate::{
    domain::{
        clock::TimeMs,
        conversation::{Conversation, ConversationKind, ConversationView, ReadState},
        event::EventBody,
        ids::{ConversationId, Offset, Seq, UserId},
        limits::PAGE_BYTES_MAX,
        message::Message,
        name::UserName,
        page::{PageSize, Position},
        user::UserRef,
    },
    store::{ConversationPage, MessagePage, StartError},
};

/// One conversation.
pub(super) struct ConversationRow {
    pub(super) id: ConversationId,
    /// Whom it is between, by id, whether they have a membership row yet or not.
    pub(super) people: Vec<UserRef>,
    pub(super) members: BTreeMap<UserId, MemberRow>,
    /// The message of `seq` n stands at n - 1, so offsets rise here, too.
    messages: Vec<Logged>,
    /// Where events without a `seq` stand in the log. All of them say that the conversation changed.
    pub(super) changes: BTreeSet<Offset>,
}

/// A message at its place in the log.
pub(super) struct Logged {
    pub(super) offset: Offset,
    pub(super) message: Message,
}

/// One member.
#[derive(Default)]
pub(super) struct MemberRow {
    /// The member reads what comes after this.
    pub(super) joined: Offset,
    pub(super) read_seq: Seq,
    /// Where `read_seq` changed last.
    pub(super) read_offset: Offset,
    /// Own messages so far.
    pub(super) sent: u64,
    /// Own messages up to `read_seq`.
    pub(super) sent_at_read: u64,
    /// The marker that others have been shown …
    pub(super) shown_seq: Seq,
    /// … where …
    pub(super) shown_offset: Offset,
    /// … and when, if ever.
    pub(super) shown: Option<TimeMs>,
}

impl MemberRow {
    pub(super) fn read_state(&self, last_seq: Seq) -> ReadState {
        ReadState::of(last_seq, self.read_seq, self.sent, self.sent_at_read)
    }
}

impl ConversationRow {
    fn direct(id: ConversationId, people: Vec<UserRef>) -> Self {
        Self {
            id,
            people,
            members: BTreeMap::new(),
            messages: Vec::new(),
            changes: BTreeSet::new(),
        }
    }

    pub(super) fn last_seq(&self) -> Seq {
        Seq::new(self.messages.len() as u64)
    }

    /// What all see of it now.
    pub(super) fn shared(&self) -> Conversation {
        Conversation {
            id: self.id,
            kind: ConversationKind::Direct,
            members: self.people.clone(),
            last_seq: self.last_seq(),
        }
    }

    /// What a member sees of it now.
    pub(super) fn view(&self, member: &MemberRow) -> ConversationView {
        ConversationView {
            conversation: self.shared(),
            read: member.read_state(self.last_seq()),
            last_message: self.messages.last().map(|logged| logged.message.clone()),
        }
    }

    /// Everybody who reads its events.
    pub(super) fn readers(&self) -> Arc<[UserId]> {
        self.members.keys().copied().collect()
    }

    pub(super) fn push(&mut self, logged: Logged) {
        self.messages.push(logged);
    }

    /// The message of this place.
    pub(super) fn message(&self, seq: Seq) -> Option<&Logged> {
        let index = usize::try_from(seq.number()).ok()?.checked_sub(1)?;
        self.messages.get(index)
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
}

impl State {
    /// Gets or makes the DIRECT conversation of two people. Nobody is a member of a new one.
    pub(super) fn direct(&mut self, user: &UserRef, peer: &UserRef) -> ConversationId {
        let pair = (user.id.min(peer.id), user.id.max(peer.id));
        let next = ConversationId::new(self.conversations.len() as u64 + 1);
        let id = *self.directs.entry(pair).or_insert(next);
        self.conversations.entry(id).or_insert_with(|| {
            let mut people = vec![user.clone(), peer.clone()];
            people.sort_by_key(|person| person.id);
            people.dedup_by_key(|person| person.id);
            ConversationRow::direct(id, people)
        });
        id
    }

    /// Makes the membership rows that are missing, so that members read what comes after `joined`.
    pub(super) fn join(&mut self, id: ConversationId, user: UserId, joined: Offset) {
        if let Some(row) = self.conversations.get_mut(&id) {
            row.members.entry(user).or_insert(MemberRow {
                joined,
                ..MemberRow::default()
            });
        }
        if let Some(row) = self.users.row_mut(user) {
            row.conversations.insert(id);
        }
    }

    pub(super) fn start_direct(
        &mut self,
        user: &UserRef,
        peer: UserName,
    ) -> Result<ConversationView, StartError> {
        let Some(peer) = self.users.named(&peer) else {
            return Err(StartError::UserNotFound(peer));
        };
        let id = self.direct(user, &peer);
        if self.view(user.id, id).is_none() {
            self.join(id, user.id, self.log.end);
            if let Some(row) = self.conversations.get(&id) {
                let body = EventBody::ConversationChanged(row.shared());
                let offset = self.log.push(body, [user.id].into());
                if let Some(row) = self.users.row_mut(user.id) {
                    row.private.insert(offset, id);
                }
            }
        }
        self.view(user.id, id)
            .ok_or(StartError::UserNotFound(peer.name))
    }

    /// What a user sees of a conversation; `None` unless it is a member.
    pub(super) fn view(&self, user: UserId, id: ConversationId) -> Option<ConversationView> {
        let row = self.conversations.get(&id)?;
        Some(row.view(row.members.get(&user)?))
    }

    pub(super) fn list_conversations(
        &self,
        user: UserId,
        after: Option<ConversationId>,
        size: PageSize,
    ) -> ConversationPage {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let all = self.users.row(user).map(|row| &row.conversations);
        let mut rest = all
            .into_iter()
            .flat_map(|ids| ids.range((start, Bound::Unbounded)))
            .filter_map(|id| self.view(user, *id));
        ConversationPage {
            views: rest.by_ref().take(size.items()).collect(),
            more: rest.next().is_some(),
        }
    }

    pub(super) fn list_messages(
        &self,
        user: UserId,
        id: ConversationId,
        position: Position,
        size: PageSize,
    ) -> Option<MessagePage> {
        let row = self.conversations.get(&id)?;
        row.members.get(&user)?;
        let last_seq = row.last_seq();
        let messages = position
            .range(last_seq, size)
            .map_or(&[][..], |(from, to)| row.messages(from, to));
        let messages = cut(messages, position);
        Some(MessagePage {
            messages: messages
                .iter()
                .map(|logged| logged.message.clone())
                .collect(),
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
    let bytes = |logged: &Logged| logged.message.text.as_str().len();
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
