//! What is done to messages in memory: edits, deletions, reactions.
//!
//! A message has at most one row in the log for its last edit or its deletion, and one for its reactions: a new one
//! takes the place of the older.

use super::{
    State,
    conversations::{ConversationRow, Happening},
    messages::Logged,
};
use crate::{
    domain::{
        event::{EventBody, MessageDeleted, ReactionAct, ReactionsChanged},
        ids::{ConversationId, Offset, Seq, UserId},
        limits::REACTIONS_PER_MESSAGE_MAX,
        mention::Mentions,
        message::Message,
        reaction::{Emoji, Reaction},
        role::Role,
        text::MessageText,
        user::UserRef,
    },
    store::ActError,
};

impl ConversationRow {
    /// Notes an event at its place, and that the older one which it replaces is gone.
    fn replace(&mut self, older: Option<Offset>, offset: Offset, happening: Happening) {
        if let Some(older) = older {
            self.changes.remove(&older);
        }
        self.changes.insert(offset, happening);
    }
}

impl State {
    /// The message that a member wants to do something to, and the member's role. Who must speak for it is refused
    /// before it is said whether there is such a message.
    fn act_on(
        &self,
        by: UserId,
        id: ConversationId,
        seq: Seq,
        must_speak: bool,
    ) -> Result<(&Logged, Role), ActError> {
        let (row, member) = self.membership(by, id)?;
        if must_speak && !member.role.speaks() {
            return Err(ActError::ReadOnly);
        }
        let message = row.message(seq).filter(|_| seq > member.floor);
        let message = message.ok_or(ActError::MessageNotFound(seq))?;
        Ok((message, member.role))
    }

    pub(super) fn edit_message(
        &mut self,
        by: &UserRef,
        id: ConversationId,
        seq: Seq,
        text: MessageText,
    ) -> Result<Message, ActError> {
        self.check_speaking(by.id, id)?;
        let (logged, _) = self.act_on(by.id, id, seq, true)?;
        if logged.message.sender.id != by.id {
            return Err(ActError::MessageNotYours);
        }
        match &logged.message.text {
            None => return Err(ActError::MessageDeleted),
            Some(now) if *now == text => return Ok(logged.shown_to(by.id)),
            Some(_) => {}
        }
        let mentions = self.mentions_in(id, by.id, &text);
        self.change_message(id, seq, Some(text), mentions, None);
        let (logged, _) = self.act_on(by.id, id, seq, true)?;
        Ok(logged.shown_to(by.id))
    }

    pub(super) fn delete_message(
        &mut self,
        by: &UserRef,
        id: ConversationId,
        seq: Seq,
    ) -> Result<Message, ActError> {
        let (logged, role) = self.act_on(by.id, id, seq, false)?;
        if logged.message.sender.id != by.id && !role.runs() {
            return Err(ActError::MessageNotYours);
        }
        if logged.message.text.is_some() {
            let nobody = Mentions::default();
            self.change_message(id, seq, None, nobody, Some(by.clone()));
        }
        let (logged, _) = self.act_on(by.id, id, seq, false)?;
        Ok(logged.shown_to(by.id))
    }

    /// Gives a message another text with its mentions, or none, and tells of it.
    fn change_message(
        &mut self,
        id: ConversationId,
        seq: Seq,
        text: Option<MessageText>,
        mentions: Mentions,
        deleted_by: Option<UserRef>,
    ) {
        let Some(row) = self.conversations.get_mut(&id) else {
            return;
        };
        let Some(logged) = row.message_mut(seq) else {
            return;
        };
        (logged.message.text, logged.message.mentions) = (text, mentions);
        logged.message.revision += 1;
        logged.deleted_by = deleted_by;
        let without_text = logged.message.text.is_none();
        let unreacted = logged.reacted.take_if(|_| without_text);
        let mut let_go = Vec::new();
        if without_text {
            logged.given.clear();
            let_go = std::mem::take(&mut logged.message.attachments);
        }
        let body = logged.changed_body();
        if let Some(unreacted) = unreacted {
            row.changes.remove(&unreacted);
        }
        let offset = self.log.push(body, row.readers_of(seq));
        let older = row
            .message_mut(seq)
            .and_then(|logged| logged.changed.replace(offset));
        row.replace(older, offset, Happening::Message(seq));
        row.note_mentions(seq);
        self.detach(&let_go);
    }

    pub(super) fn react(
        &mut self,
        by: &UserRef,
        id: ConversationId,
        seq: Seq,
        emoji: &Emoji,
        add: bool,
    ) -> Result<Vec<Reaction>, ActError> {
        if add {
            self.check_speaking(by.id, id)?;
        }
        let (logged, _) = self.act_on(by.id, id, seq, true)?;
        if logged.message.text.is_none() {
            return Err(ActError::MessageDeleted);
        }
        let now = logged.reactions(Some(by.id));
        let same = now.iter().find(|reaction| reaction.emoji == *emoji);
        if same.is_some_and(|same| same.mine) == add {
            return Ok(now);
        }
        if add && same.is_none() && now.len() >= REACTIONS_PER_MESSAGE_MAX {
            return Err(ActError::TooManyReactions);
        }
        self.change_reactions(by, id, seq, emoji, add);
        let (logged, _) = self.act_on(by.id, id, seq, true)?;
        Ok(logged.reactions(Some(by.id)))
    }

    /// Gives a reaction or takes it back, and tells of it.
    fn change_reactions(
        &mut self,
        by: &UserRef,
        id: ConversationId,
        seq: Seq,
        emoji: &Emoji,
        add: bool,
    ) {
        let Some(row) = self.conversations.get_mut(&id) else {
            return;
        };
        let Some(logged) = row.message_mut(seq) else {
            return;
        };
        if add {
            logged.given.push((emoji.clone(), by.id));
        } else {
            let is_taken = |given: &(Emoji, UserId)| given.0 == *emoji && given.1 == by.id;
            logged.given.retain(|given| !is_taken(given));
        }
        let body = EventBody::ReactionsChanged(ReactionsChanged {
            conversation: id,
            seq,
            reactions: logged.reactions(None),
            act: Some(ReactionAct {
                user: by.clone(),
                emoji: emoji.clone(),
                added: add,
            }),
        });
        let offset = self.log.push(body, row.readers_of(seq));
        // The older ones stay: a replay that began before this one tells them.
        if let Some(logged) = row.message_mut(seq) {
            logged.reacted = Some(offset);
        }
        row.changes.insert(offset, Happening::Reactions(seq));
    }
}

impl Logged {
    /// The event of its last edit or its deletion, as it is now.
    pub(super) fn changed_body(&self) -> EventBody {
        match &self.deleted_by {
            Some(by) => EventBody::MessageDeleted(MessageDeleted {
                conversation: self.message.conversation,
                seq: self.message.seq,
                revision: self.message.revision,
                by: by.clone(),
            }),
            None => EventBody::MessageEdited(self.message.clone()),
        }
    }
}
