//! Mentions: found in the batch that commits a text, kept for as long as the message has that text.
//!
//! Who is meant is said by the members at that moment. A text without an `@` costs a look at its bytes, here and when it
//! is read. In the table user 0 stands for everybody.

use std::collections::HashSet;

use rusqlite::Connection;

use super::{
    batch::Batch,
    blocks,
    rows::{self, Names},
};
use crate::domain::{
    conversation::ConversationKind,
    ids::{ConversationId, Offset, Seq, UserId},
    limits::MENTIONS_COUNTED_MAX,
    mention::{Mentions, mentioned},
    message::Message,
    name::UserName,
    text::MessageText,
    user::UserRef,
};

/// `mentions.user_id` of everybody: no user has it.
pub(super) const EVERYBODY: UserId = UserId::new(0);

/// Whether a text can mention anybody.
fn can_mention(text: &MessageText) -> bool {
    text.as_str().contains('@')
}

impl Batch<'_> {
    /// Finds whom the text of a new message mentions, and notes it.
    pub(super) fn mention(
        &mut self,
        id: ConversationId,
        seq: Seq,
        offset: Offset,
        sender: UserId,
        text: &MessageText,
    ) -> rusqlite::Result<Mentions> {
        let mut mentions = Mentions::default();
        if !can_mention(text) {
            return Ok(mentions);
        }
        let may_say_all = self.may_mention_all(id, sender);
        for one in mentioned(text) {
            if may_say_all && one.is_all() {
                mentions.all = true;
                continue;
            }
            let user = match (self.member_by_name(id, &one.name)?, one.trimmed) {
                (None, Some(trimmed)) => self.member_by_name(id, &trimmed)?,
                (user, _) => user,
            };
            if let Some(user) = user
                && user.id != sender
                && !mentions.users.contains(&user)
            {
                mentions.users.push(user);
            }
        }
        let everybody = mentions.all.then_some(EVERYBODY);
        let users = mentions.users.iter().map(|user| user.id);
        for (place, user) in (0..).zip(users.chain(everybody)) {
            self.connection
                .prepare_cached(
                    "INSERT INTO mentions (conversation_id, seq, place, user_id, offset, sender_id) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )?
                .execute(
                    [
                        id.number(),
                        seq.number(),
                        place,
                        user.number(),
                        offset.number(),
                        sender.number(),
                    ]
                    .map(rows::int),
                )?;
        }
        Ok(mentions)
    }

    /// Finds whom a message mentions now that it has another text, and notes it in place of the old.
    pub(super) fn mention_anew(&mut self, message: &mut Message) -> rusqlite::Result<()> {
        self.unmention(message)?;
        if let Some(text) = message.text.as_ref().filter(|text| can_mention(text)) {
            let (id, seq) = (message.conversation, message.seq);
            let offset = rows::offset_of(self.connection, id, seq)?;
            message.mentions = self.mention(id, seq, offset, message.sender.id, text)?;
        }
        Ok(())
    }

    /// The text of a message is gone, and whom it mentioned with it.
    pub(super) fn unmention(&self, message: &mut Message) -> rusqlite::Result<()> {
        if !std::mem::take(&mut message.mentions).is_empty() {
            self.connection
                .prepare_cached("DELETE FROM mentions WHERE conversation_id = ?1 AND seq = ?2")?
                .execute([message.conversation.number(), message.seq.number()].map(rows::int))?;
        }
        Ok(())
    }

    fn may_mention_all(&self, id: ConversationId, sender: UserId) -> bool {
        let Some(known) = self.memory.conversations.get(&id) else {
            return false;
        };
        match known.kind {
            ConversationKind::Direct(_) => false,
            ConversationKind::Group(_) | ConversationKind::Channel(_) => {
                known.find(sender).is_some_and(|member| member.role.runs())
            }
        }
    }

    fn member_by_name(
        &mut self,
        id: ConversationId,
        name: &UserName,
    ) -> rusqlite::Result<Option<UserRef>> {
        let user = self.user_by_name(name)?;
        let known = self.memory.conversations.get(&id);
        Ok(user.filter(|user| known.is_some_and(|known| known.find(user.id).is_some())))
    }
}

/// Whom a message mentions that has this text now.
pub(super) fn of(
    connection: &Connection,
    names: &mut Names,
    id: ConversationId,
    seq: Seq,
    text: &MessageText,
) -> rusqlite::Result<Mentions> {
    let mut mentions = Mentions::default();
    if !can_mention(text) {
        return Ok(mentions);
    }
    let mut statement = connection.prepare_cached(
        "SELECT user_id FROM mentions WHERE conversation_id = ?1 AND seq = ?2 ORDER BY place",
    )?;
    let mut found = statement.query([id.number(), seq.number()].map(rows::int))?;
    while let Some(row) = found.next()? {
        match UserId::new(rows::number(row, 0)?) {
            EVERYBODY => mentions.all = true,
            user => mentions.users.push(names.find(connection, user)?),
        }
    }
    Ok(mentions)
}

/// Rows of one sort that a count looks at: the own ones and those of whom the user blocks do not count.
const COUNT_LOOKS_AT: usize = 4 * MENTIONS_COUNTED_MAX;

/// Counts the messages of others after `read` that mention a member who joined at this place. Looks at none before it.
pub(super) fn count(
    connection: &Connection,
    user: UserId,
    id: ConversationId,
    read: Seq,
    joined: Offset,
) -> rusqlite::Result<u64> {
    let (mut counted, mut blocked) = (HashSet::new(), None);
    let mut statement = connection.prepare_cached(
        "SELECT seq, sender_id FROM mentions WHERE user_id = ?1 AND conversation_id = ?2 AND offset > ?3 \
         ORDER BY offset DESC",
    )?;
    for (mentioned, after) in [(user, Offset::ZERO), (EVERYBODY, joined)] {
        let asked = [mentioned.number(), id.number(), after.number()];
        let mut found = statement.query(asked.map(rows::int))?;
        let mut looked_at = 0;
        while counted.len() < MENTIONS_COUNTED_MAX
            && looked_at < COUNT_LOOKS_AT
            && let Some(row) = found.next()?
        {
            looked_at += 1;
            // `seq` and offset rise together.
            let seq = Seq::new(rows::number(row, 0)?);
            if seq <= read {
                break;
            }
            let sender = UserId::new(rows::number(row, 1)?);
            if sender == user {
                continue;
            }
            // Most users block nobody, and most conversations mention nobody.
            let blocked = match &mut blocked {
                Some(blocked) => blocked,
                none => none.insert(blocks::blocked_ids(connection, user)?),
            };
            if !blocked.contains(&sender) {
                counted.insert(seq);
            }
        }
    }
    Ok(counted.len() as u64)
}
