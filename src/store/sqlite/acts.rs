//! What is done to messages in the batch: edits, deletions, reactions.
//!
//! Of all rows in the log about a message only the last edit or deletion counts, and the last of its reactions: `touches`
//! points to them, and a replay shows the state of now. Rows of the log hold texts, so none changes its size and none is
//! deleted: a row that moved to another page would leave a copy of its text behind. A text that is edited away or deleted
//! is overwritten with spaces where it stands. Whom it mentioned is forgotten with it (see `mentions`).

use std::sync::Arc;

use rusqlite::params;

use super::{
    batch::Batch,
    rooms::{Acted, granted},
    rows::{self, Names},
};
use crate::{
    domain::{
        event::{EventBody, MessageDeleted, ReactionAct, ReactionsChanged},
        ids::{ConversationId, Offset, Seq, UserId},
        limits::REACTIONS_PER_MESSAGE_MAX,
        message::Message,
        reaction::{Emoji, Reaction},
        role::Role,
        text::MessageText,
        user::UserRef,
    },
    store::ActError,
};

/// What of a message changes, and so which pointer of `touches`.
#[derive(Clone, Copy)]
enum What {
    Text,
    Reactions,
}

impl Batch<'_> {
    /// A message that the caller can read, with the caller's role and those who hear of what happens to it.
    fn message_for(
        &mut self,
        user: UserId,
        id: ConversationId,
        seq: Seq,
        must_speak: bool,
    ) -> Acted<(Message, Role, Arc<[UserId]>)> {
        let (known, role) = granted!(self.as_member(user, id)?);
        if must_speak && !role.speaks() {
            return Ok(Err(ActError::ReadOnly));
        }
        let sees = known.find(user).is_some_and(|member| member.sees(seq));
        let readers = known.readers_of(seq);
        if !sees || seq > known.last_seq {
            return Ok(Err(ActError::MessageNotFound(seq)));
        }
        let message = rows::message_at(self.connection, &mut Names::default(), user, id, seq)?;
        Ok(match message {
            Some(message) => Ok((message, role, readers)),
            None => Err(ActError::MessageNotFound(seq)),
        })
    }

    /// Gives a message another text.
    pub fn edit_message(
        &mut self,
        by: &UserRef,
        id: ConversationId,
        seq: Seq,
        text: MessageText,
    ) -> Acted<Message> {
        granted!(self.speaking(by.id, id)?);
        let (mut message, _, readers) = granted!(self.message_for(by.id, id, seq, true)?);
        if message.sender.id != by.id {
            return Ok(Err(ActError::MessageNotYours));
        }
        if message.text.is_none() {
            return Ok(Err(ActError::MessageDeleted));
        }
        if message.text.as_ref() == Some(&text) {
            return Ok(Ok(message));
        }
        self.blank(&message)?;
        let body = Some(text.as_str());
        let offset = self.happen(id, seq, rows::KIND_EDITED, by, body, What::Text)?;
        message.text = Some(text);
        message.revision += 1;
        self.mention_anew(&mut message)?;
        let edited = Message {
            reactions: Vec::new(),
            ..message.clone()
        };
        self.announce(offset, EventBody::MessageEdited(edited), readers);
        Ok(Ok(message))
    }

    /// Erases a message's text and its reactions.
    pub fn delete_message(&mut self, by: &UserRef, id: ConversationId, seq: Seq) -> Acted<Message> {
        let (mut message, role, readers) = granted!(self.message_for(by.id, id, seq, false)?);
        if message.sender.id != by.id && !role.runs() {
            return Ok(Err(ActError::MessageNotYours));
        }
        if message.text.is_none() {
            return Ok(Ok(message));
        }
        self.blank(&message)?;
        let offset = self.happen(id, seq, rows::KIND_DELETED, by, None, What::Text)?;
        let place = [id.number(), seq.number()].map(rows::int);
        self.connection
            .prepare_cached("DELETE FROM reactions WHERE conversation_id = ?1 AND seq = ?2")?
            .execute(place)?;
        self.connection
            .prepare_cached(
                "UPDATE touches SET deleted = 1, reacted_offset = NULL WHERE conversation_id = ?1 AND seq = ?2",
            )?
            .execute(place)?;
        self.unmention(&mut message)?;
        self.detach(id, seq, &message.attachments)?;
        message.attachments = Vec::new();
        message.text = None;
        message.reactions = Vec::new();
        message.revision += 1;
        let deleted = MessageDeleted {
            conversation: id,
            seq,
            revision: message.revision,
            by: by.clone(),
        };
        self.announce(offset, EventBody::MessageDeleted(deleted), readers);
        Ok(Ok(message))
    }

    /// Gives an emoji to a message or takes it back.
    pub fn react(
        &mut self,
        by: &UserRef,
        id: ConversationId,
        seq: Seq,
        emoji: Emoji,
        add: bool,
    ) -> Acted<Vec<Reaction>> {
        if add {
            granted!(self.speaking(by.id, id)?);
        }
        let (message, _, readers) = granted!(self.message_for(by.id, id, seq, true)?);
        if message.text.is_none() {
            return Ok(Err(ActError::MessageDeleted));
        }
        let had = message.reactions.iter().find(|had| had.emoji == emoji);
        if had.is_some_and(|had| had.mine) == add {
            return Ok(Ok(message.reactions));
        }
        if add && had.is_none() && message.reactions.len() >= REACTIONS_PER_MESSAGE_MAX {
            return Ok(Err(ActError::TooManyReactions));
        }
        let offset = self.happen(id, seq, rows::KIND_REACTED, by, None, What::Reactions)?;
        let (id_number, seq_number) = (rows::int(id.number()), rows::int(seq.number()));
        let user = rows::int(by.id.number());
        if add {
            self.connection
                .prepare_cached(
                    "INSERT INTO reactions (conversation_id, seq, emoji, user_id, given_offset) \
                     VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![
                    id_number,
                    seq_number,
                    emoji.as_str(),
                    user,
                    rows::int(offset.number())
                ])?;
        } else {
            self.connection
                .prepare_cached(
                    "DELETE FROM reactions WHERE conversation_id = ?1 AND seq = ?2 AND emoji = ?3 AND user_id = ?4",
                )?
                .execute(params![id_number, seq_number, emoji.as_str(), user])?;
        }
        let reactions = rows::reactions(self.connection, id, seq, by.id)?;
        let shared = reactions.iter().cloned().map(|reaction| Reaction {
            mine: false,
            ..reaction
        });
        let changed = ReactionsChanged {
            conversation: id,
            seq,
            reactions: shared.collect(),
            act: Some(ReactionAct {
                user: by.clone(),
                emoji,
                added: add,
            }),
        };
        self.announce(offset, EventBody::ReactionsChanged(changed), readers);
        Ok(Ok(reactions))
    }

    /// Logs that something happened to a message, and points to it.
    fn happen(
        &mut self,
        id: ConversationId,
        seq: Seq,
        kind: i64,
        by: &UserRef,
        body: Option<&str>,
        what: What,
    ) -> rusqlite::Result<Offset> {
        let offset = self.next_offset();
        let (id_number, seq_number) = (rows::int(id.number()), rows::int(seq.number()));
        self.connection
            .prepare_cached(
                "INSERT INTO log (offset, conversation_id, kind, subject_id, body) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                rows::int(offset.number()),
                id_number,
                kind,
                rows::int(by.id.number()),
                body
            ])?;
        self.connection
            .prepare_cached("INSERT INTO happenings (offset, seq) VALUES (?1, ?2)")?
            .execute([offset.number(), seq.number()].map(rows::int))?;
        // 0 and 1 take the same room in a row, and so do 2 and 3.
        self.connection
            .prepare_cached(
                "UPDATE log SET touched = touched | ?3 WHERE conversation_id = ?1 AND seq = ?2",
            )?
            .execute([id_number, seq_number, rows::TOUCHED])?;
        let point = match what {
            What::Text => {
                "INSERT INTO touches (conversation_id, seq, revision, changed_offset) VALUES (?1, ?2, 1, ?3) \
                 ON CONFLICT DO UPDATE SET revision = revision + 1, changed_offset = ?3"
            }
            What::Reactions => {
                "INSERT INTO touches (conversation_id, seq, reacted_offset) VALUES (?1, ?2, ?3) \
                 ON CONFLICT DO UPDATE SET reacted_offset = ?3"
            }
        };
        self.connection.prepare_cached(point)?.execute([
            id_number,
            seq_number,
            rows::int(offset.number()),
        ])?;
        if let Some(known) = self.change(id) {
            known.last_offset = offset;
        }
        Ok(offset)
    }

    /// Overwrites the text of a message where it stands: in its own row, or in that of its last edit.
    fn blank(&self, message: &Message) -> rusqlite::Result<()> {
        let blank = " ".repeat(message.text_bytes());
        let edit = rows::touch(self.connection, message.conversation, message.seq)?
            .and_then(|touch| touch.changed);
        let offset = match edit {
            Some(edit) => edit,
            None => rows::offset_of(self.connection, message.conversation, message.seq)?,
        };
        self.connection
            .prepare_cached("UPDATE log SET body = ?2 WHERE offset = ?1")?
            .execute(params![rows::int(offset.number()), blank])?;
        Ok(())
    }
}
