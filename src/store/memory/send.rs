//! Sending in memory: the key first, then the target, then what the sender may say there, then the message with its
//! place. Nothing is made before all of that has passed.

use super::{State, messages::Logged};
use crate::{
    domain::{
        conversation::ConversationKind,
        event::EventBody,
        file::File,
        ids::{ClientMessageId, ConversationId, Seq, UserId},
        message::{Message, NewMessage, SendRequest, Sent, Target},
        user::UserRef,
    },
    store::SendRefusal,
};

/// A send that was committed: the fingerprint of the request as it was given, and the answer. It keeps no text, so that
/// a message can be erased.
pub(super) struct SendRow {
    fingerprint: [u8; 16],
    sent: Sent,
}

/// Where a message goes.
enum Goal {
    /// To a conversation that the sender is a member of.
    Conversation(ConversationId),
    /// To the DIRECT conversation with this user, which may have to be made.
    Direct(UserRef),
}

impl State {
    /// What a send is answered that was committed before; `None` if it was not.
    pub(super) fn find_sent(
        &self,
        sender: UserId,
        client_id: ClientMessageId,
        request: &SendRequest,
    ) -> Option<Result<Sent, SendRefusal>> {
        let row = self.sends.get(&(sender, client_id))?;
        if row.fingerprint != self.request_key.fingerprint(request) {
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
        let known = self.find_sent(new.sender.id, new.client_id, &new.request);
        if let Some(answer) = known {
            return answer;
        }
        let attachments = self
            .own_files(new.sender.id, &new.request.attachments)
            .map_err(SendRefusal::FileNotFound)?;
        let goal = self.find_target(new.sender.id, &new.request.target)?;
        self.check_speech(new.sender.id, &goal, new.request.reply_to)?;
        let conversation = match goal {
            Goal::Conversation(id) => id,
            Goal::Direct(peer) => self.direct(&new.sender, &peer),
        };
        self.open(conversation);
        self.commit(conversation, new, attachments)
    }

    /// Gives a message its place in a conversation that the sender may speak in.
    fn commit(
        &mut self,
        conversation: ConversationId,
        new: NewMessage,
        attachments: Vec<File>,
    ) -> Result<Sent, SendRefusal> {
        let fingerprint = self.request_key.fingerprint(&new.request);
        let mentions = self.mentions_in(conversation, new.sender.id, &new.request.text);
        let Some(row) = self.conversations.get_mut(&conversation) else {
            return Err(SendRefusal::NotMember(conversation));
        };
        let seq = row.last_seq().next();
        let Some(member) = row.members.get_mut(&new.sender.id) else {
            return Err(SendRefusal::NotMember(conversation));
        };
        member.sent += 1;
        let message = Message {
            conversation,
            seq,
            sender: new.sender,
            sent: new.sent,
            client_id: new.client_id,
            text: Some(new.request.text),
            reply_to: new.request.reply_to,
            revision: 0,
            reactions: Vec::new(),
            mentions,
            attachments: attachments.clone(),
        };
        let sent = Sent {
            conversation,
            seq,
            sent: message.sent,
            duplicate: false,
        };
        let key = (message.sender.id, message.client_id);
        let body = EventBody::Message(message.clone());
        let offset = self.log.push(body, row.readers());
        row.push(Logged::new(offset, message));
        row.note_mentions(seq);
        self.sends.insert(key, SendRow { fingerprint, sent });
        self.attach(&attachments);
        Ok(sent)
    }

    /// Where a send goes to. A conversation or channel that is named must have the sender as a member.
    fn find_target(&self, sender: UserId, target: &Target) -> Result<Goal, SendRefusal> {
        match target {
            Target::Conversation(id) => match self.is_member(sender, *id) {
                true => Ok(Goal::Conversation(*id)),
                false => Err(SendRefusal::NotMember(*id)),
            },
            Target::User(name) => match self.users.named(name) {
                Some(peer) => Ok(Goal::Direct(peer)),
                None => Err(SendRefusal::UserNotFound(name.clone())),
            },
            Target::Channel(name) => match self.channels.get(name) {
                Some(id) if self.is_member(sender, *id) => Ok(Goal::Conversation(*id)),
                Some(_) => Err(SendRefusal::NotInChannel(name.clone())),
                None => Err(SendRefusal::ChannelNotFound(name.clone())),
            },
        }
    }

    /// Refuses one with whom there is a block, one who may only read, and an answer to what the sender cannot read.
    fn check_speech(
        &self,
        sender: UserId,
        goal: &Goal,
        reply_to: Option<Seq>,
    ) -> Result<(), SendRefusal> {
        let id = match goal {
            Goal::Conversation(id) => Some(*id),
            Goal::Direct(peer) => self.find_direct(sender, peer.id),
        };
        let block = match goal {
            Goal::Conversation(id) => self.block_in(*id, sender),
            Goal::Direct(peer) => self.block_between(sender, peer),
        };
        if let Some(block) = block {
            return Err(block.into());
        }
        let row = id.and_then(|id| self.conversations.get(&id));
        let member = row.and_then(|row| row.members.get(&sender));
        if member.is_some_and(|member| !member.role.speaks()) {
            return Err(SendRefusal::ReadOnly);
        }
        // One who is no member of a DIRECT yet becomes one by this message, and reads all of it.
        let floor = member.map_or(Seq::ZERO, |member| member.floor);
        let last_seq = row.map_or(Seq::ZERO, |row| row.last_seq());
        match reply_to.filter(|seq| *seq <= floor || *seq > last_seq) {
            Some(unknown) => Err(SendRefusal::ReplyToUnknown(unknown)),
            None => Ok(()),
        }
    }

    fn is_member(&self, user: UserId, id: ConversationId) -> bool {
        let row = self.conversations.get(&id);
        row.is_some_and(|row| row.members.contains_key(&user))
    }

    /// Before the first message of a DIRECT: makes everybody a member and tells them of the conversation.
    fn open(&mut self, id: ConversationId) {
        let Some(row) = self.conversations.get(&id) else {
            return;
        };
        let ConversationKind::Direct(people) = &row.kind else {
            return;
        };
        if row.last_seq() != Seq::ZERO {
            return;
        }
        for person in people.clone() {
            self.join_direct(id, &person);
        }
        self.tell_changed(id);
    }
}
