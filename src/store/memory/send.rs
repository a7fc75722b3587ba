//! Sending in memory: the key first, then the target, then the message with its place.

use super::{State, conversations::Logged};
use crate::{
    domain::{
        event::EventBody,
        ids::{ClientMessageId, ConversationId, Seq, UserId},
        message::{Message, NewMessage, Sent, Target},
        text::MessageText,
        user::UserRef,
    },
    store::SendRefusal,
};

/// A send that was committed: the request as it was given, and the answer. The text is shared with the message.
pub(super) struct SendRow {
    target: Target,
    text: MessageText,
    sent: Sent,
}

impl State {
    /// What a send is answered that was committed before; `None` if it was not.
    pub(super) fn find_sent(
        &self,
        sender: UserId,
        client_id: ClientMessageId,
        target: &Target,
        text: &MessageText,
    ) -> Option<Result<Sent, SendRefusal>> {
        let row = self.sends.get(&(sender, client_id))?;
        if row.target != *target || row.text != *text {
            return Some(Err(SendRefusal::ClientMessageIdReused(client_id)));
        }
        Some(Ok(Sent {
            duplicate: true,
            ..row.sent
        }))
    }

    /// Commits one message with the others of the batch.
    pub(super) fn send(&mut self, new: NewMessage) -> Result<Sent, SendRefusal> {
        // Before everything else: a repeat succeeds whatever became of its target.
        let known = self.find_sent(new.sender.id, new.client_id, &new.target, &new.text);
        if let Some(answer) = known {
            return answer;
        }
        let conversation = self.find_target(&new.sender, &new.target)?;
        self.open(conversation);
        let row = self.conversations.get_mut(&conversation);
        let Some(row) = row.filter(|row| row.members.contains_key(&new.sender.id)) else {
            return Err(SendRefusal::NotMember(conversation));
        };
        let message = Message {
            conversation,
            seq: row.last_seq().next(),
            sender: new.sender,
            sent: new.sent,
            client_id: new.client_id,
            text: new.text.clone(),
        };
        let sent = Sent {
            conversation,
            seq: message.seq,
            sent: message.sent,
            duplicate: false,
        };
        if let Some(member) = row.members.get_mut(&message.sender.id) {
            member.sent += 1;
        }
        let key = (message.sender.id, message.client_id);
        let body = EventBody::Message(message.clone());
        let offset = self.log.push(body, row.readers());
        row.push(Logged { offset, message });
        let send = SendRow {
            target: new.target,
            text: new.text,
            sent,
        };
        self.sends.insert(key, send);
        Ok(sent)
    }

    /// The conversation that a send goes to. One that is named by its id must have the sender as a member.
    fn find_target(
        &mut self,
        sender: &UserRef,
        target: &Target,
    ) -> Result<ConversationId, SendRefusal> {
        match target {
            Target::Conversation(id) => match self.view(sender.id, *id) {
                Some(_) => Ok(*id),
                None => Err(SendRefusal::NotMember(*id)),
            },
            Target::User(name) => match self.users.named(name) {
                Some(peer) => Ok(self.direct(sender, &peer)),
                None => Err(SendRefusal::UserNotFound(name.clone())),
            },
        }
    }

    /// Before the first message: makes everybody a member and tells them of the conversation.
    fn open(&mut self, id: ConversationId) {
        let Some(row) = self.conversations.get(&id) else {
            return;
        };
        if row.last_seq() != Seq::ZERO {
            return;
        }
        let people: Vec<UserId> = row.people.iter().map(|person| person.id).collect();
        for person in people {
            self.join(id, person, self.log.end);
        }
        if let Some(row) = self.conversations.get_mut(&id) {
            let body = EventBody::ConversationChanged(row.shared());
            let offset = self.log.push(body, row.readers());
            row.changes.insert(offset);
        }
    }
}
