//! What an event shows in memory when it is told again: the state of now to a member, and to one whose membership ended
//! nothing of what came after that.

use super::{
    State,
    conversations::{ConversationRow, Happening},
    messages::Logged,
};
use crate::{
    domain::{
        conversation::Conversation,
        event::{EventBody, ReactionsChanged},
        ids::{Offset, Seq, UserId},
    },
    store::{Place, ReplaySource},
};

impl State {
    /// A message of a source.
    pub(super) fn retell_message(
        &self,
        reader: UserId,
        source: &ReplaySource,
        seq: Seq,
    ) -> Option<EventBody> {
        let Place::Conversation(id) = source.place else {
            return None;
        };
        let logged = self.conversations.get(&id)?.message(seq)?;
        let message = match source.left {
            Some(left) => logged.shown_until(reader, left),
            None => logged.shown_to(reader),
        };
        Some(EventBody::Message(message))
    }

    /// Another event of a source.
    pub(super) fn retell_change(
        &self,
        reader: UserId,
        source: &ReplaySource,
        offset: Offset,
        end: Offset,
    ) -> Option<EventBody> {
        let id = match source.place {
            Place::Conversation(id) => id,
            Place::Private(user) => {
                let then = self.users.row(user)?.private.get(&offset)?;
                return self.retell_conversation(reader, offset, then);
            }
        };
        let row = self.conversations.get(&id)?;
        match row.changes.get(&offset)? {
            Happening::Conversation(then) => self.retell_conversation(reader, offset, then),
            Happening::Member(changed) => Some(EventBody::MemberChanged(changed.clone())),
            Happening::Message(seq) => Some(told_of(row, source, *seq)?.changed_body()),
            Happening::Reactions(seq) => {
                let logged = told_of(row, source, *seq)?;
                // A later one of the replay says what is so now. One that comes live does not say which are the reader's.
                let last = logged.reacted?;
                if last != offset && (last <= end || source.left.is_some()) {
                    return None;
                }
                Some(EventBody::ReactionsChanged(ReactionsChanged {
                    conversation: id,
                    seq: *seq,
                    reactions: logged.reactions(Some(reader)),
                    act: None,
                }))
            }
        }
    }

    /// A conversation as it is now; to one who is no member its name, topic and members as they were then, with the
    /// messages of that membership.
    fn retell_conversation(
        &self,
        reader: UserId,
        offset: Offset,
        then: &Conversation,
    ) -> Option<EventBody> {
        let row = self.conversations.get(&then.id)?;
        if row.members.contains_key(&reader) {
            return Some(EventBody::ConversationChanged(row.shared()));
        }
        let mut former = self.users.row(reader)?.former.iter();
        let former =
            former.find(|former| former.conversation == then.id && former.left >= offset)?;
        Some(EventBody::ConversationChanged(Conversation {
            history: row.history,
            last_seq: former.last_seq,
            ..then.clone()
        }))
    }
}

/// The message that something happened to, unless the source leaves that out.
fn told_of<'a>(row: &'a ConversationRow, source: &ReplaySource, seq: Seq) -> Option<&'a Logged> {
    let in_gap = |(from, to)| (from..=to).contains(&seq);
    if seq <= source.floor || source.gap.is_some_and(in_gap) {
        return None;
    }
    row.message(seq)
}
