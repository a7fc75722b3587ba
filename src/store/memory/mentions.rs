//! Mentions in memory: who a text means, how many unread messages mention a member, and the list of them.
//!
//! A message keeps whom it mentions; its conversation knows which of its messages mention anybody, so that the others
//! need not be looked at.

use std::collections::BTreeSet;

use super::{
    State,
    conversations::{ConversationRow, MemberRow},
    messages::Logged,
    newest::{LOOKED_AT_MAX, newest_first},
};
use crate::domain::{
    ids::{ConversationId, Offset, Seq, UserId},
    limits::{MENTIONS_COUNTED_MAX, PAGE_BYTES_MAX},
    mention::{Mentions, mentioned},
    message::Message,
    page::PageSize,
    search::Found,
    text::MessageText,
    user::UserRef,
};

impl Logged {
    /// Whether it is the message of another, whom the member does not block, that mentions this member: by name, or everybody
    /// while the member was one.
    fn is_mention_of(&self, member: &MemberRow, blocked: &BTreeSet<UserId>) -> bool {
        let mentions = &self.message.mentions;
        let user = member.user.id;
        self.message.sender.id != user
            && !blocked.contains(&self.message.sender.id)
            && (mentions.users.iter().any(|named| named.id == user)
                || (mentions.all && self.offset > member.joined))
    }
}

impl ConversationRow {
    /// Keeps in mind whether a message mentions anybody, after it got its text.
    pub(super) fn note_mentions(&mut self, seq: Seq) {
        let has_some = |logged: &Logged| !logged.message.mentions.is_empty();
        if self.message(seq).is_some_and(has_some) {
            self.mentioning.insert(seq);
        } else {
            self.mentioning.remove(&seq);
        }
    }

    /// The messages after a place and before an offset that mention anybody.
    fn mentioning(
        &self,
        after: Seq,
        before: Option<Offset>,
    ) -> impl DoubleEndedIterator<Item = &Logged> {
        let last = self.last_before(before);
        // A range must not end before it begins.
        let seqs = (last > after).then(|| self.mentioning.range(after.next()..=last));
        seqs.into_iter()
            .flatten()
            .filter_map(|seq| self.message(*seq))
    }

    /// How many messages that a member has not read mention the member.
    pub(super) fn unread_mentions(&self, member: &MemberRow, blocked: &BTreeSet<UserId>) -> u64 {
        let unread = self.mentioning(member.read_seq.max(member.floor), None);
        // Own ones do not count, and there may be many.
        let unread = unread.rev().take(4 * MENTIONS_COUNTED_MAX);
        let mentions = unread.filter(|logged| logged.is_mention_of(member, blocked));
        mentions.take(MENTIONS_COUNTED_MAX).count() as u64
    }
}

impl State {
    /// Whom a text mentions that a member of the conversation writes now.
    pub(super) fn mentions_in(
        &self,
        id: ConversationId,
        sender: UserId,
        text: &MessageText,
    ) -> Mentions {
        let mut mentions = Mentions::default();
        let Some(row) = self.conversations.get(&id) else {
            return mentions;
        };
        let runs = |member: &MemberRow| member.role.runs();
        let may_mean_all = !row.is_direct() && row.members.get(&sender).is_some_and(runs);
        for one in mentioned(text) {
            if may_mean_all && one.is_all() {
                mentions.all = true;
                continue;
            }
            let member = |name| {
                let user = self.users.named(name)?;
                row.members.contains_key(&user.id).then_some(user)
            };
            let named: Option<UserRef> =
                member(&one.name).or_else(|| one.trimmed.as_ref().and_then(member));
            let named = named.filter(|user| user.id != sender && !mentions.users.contains(user));
            mentions.users.extend(named);
        }
        mentions
    }

    pub(super) fn list_mentions(
        &self,
        user: UserId,
        unread_only: bool,
        before: Option<Offset>,
        size: PageSize,
    ) -> Found<Message> {
        let nobody = BTreeSet::new();
        let row = self.users.row(user);
        let blocked = row.map_or(&nobody, |row| &row.blocks);
        let own = row.map(|row| &row.conversations);
        let own = own.into_iter().flatten();
        let sources = own.filter_map(|id| {
            let row = self.conversations.get(id)?;
            let member = row.members.get(&user)?;
            let after = match unread_only {
                true => member.floor.max(member.read_seq),
                false => member.floor,
            };
            let mentioning = row.mentioning(after, before);
            Some(mentioning.map(move |logged| (member, logged)))
        });
        let mut items: Vec<Message> = Vec::new();
        let mut room = PAGE_BYTES_MAX;
        let mut last = None;
        let newest = newest_first(sources, |(_, logged)| logged.offset);
        for (looked_at, (member, logged)) in newest.enumerate() {
            if looked_at == LOOKED_AT_MAX {
                return Found { items, next: last };
            }
            if logged.is_mention_of(member, blocked) {
                let left = room.checked_sub(logged.message.weight());
                let is_full = items.len() == size.items() || left.is_none();
                if is_full && !items.is_empty() {
                    return Found { items, next: last };
                }
                room = left.unwrap_or_default();
                items.push(logged.shown_to(user));
            }
            last = Some(logged.offset);
        }
        Found { items, next: None }
    }
}
