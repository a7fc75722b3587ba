//! One batch of the writer: what its jobs do inside the transaction.
//!
//! The writer is the only one that writes, so it may remember what it has read: conversations with their members, and
//! names. A batch changes that memory and writes it back once at its end, so that a conversation row is written once
//! for a whole batch of messages. After a rollback everything remembered is forgotten.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};

use super::{
    memory::{Known, Member, Memory},
    rows,
    writer::Lazy,
};
use crate::{
    domain::{
        clock::TimeMs,
        commit::{Commit, Committed},
        event::{Event, EventBody},
        ids::{ConversationId, Offset, Seq, UserId},
        message::{Message, NewMessage, Sent, Target},
        name::UserName,
        user::UserRef,
    },
    store::SendRefusal,
};

/// A transaction that is under way.
pub(super) struct Batch<'a> {
    pub(super) connection: &'a Connection,
    pub(super) memory: &'a mut Memory,
    events: Vec<Committed>,
}

impl<'a> Batch<'a> {
    /// A batch inside the open transaction of the connection.
    pub fn new(connection: &'a Connection, memory: &'a mut Memory) -> Self {
        Self {
            connection,
            memory,
            events: Vec::new(),
        }
    }

    /// The connection, for writes that no event comes of.
    pub const fn connection(&self) -> &Connection {
        self.connection
    }

    pub(super) fn next_offset(&mut self) -> Offset {
        self.memory.next_end = self.memory.next_end.next();
        self.memory.next_end
    }

    pub(super) fn announce(&mut self, offset: Offset, body: EventBody, readers: Arc<[UserId]>) {
        self.events.push(Committed {
            event: Event { offset, body },
            readers,
        });
    }

    /// Loads a conversation into the memory. False if there is none.
    pub(super) fn know(&mut self, id: ConversationId) -> rusqlite::Result<bool> {
        if self.memory.conversations.contains_key(&id) {
            return Ok(true);
        }
        let Some(conversation) = rows::conversation(self.connection, id)? else {
            return Ok(false);
        };
        let mut statement = self.connection.prepare_cached(
            "SELECT user_id, joined_offset, read_seq, read_offset, shown_seq, shown_offset, shown_ms, sent, \
             sent_at_read FROM members WHERE conversation_id = ?1 ORDER BY user_id",
        )?;
        let members = statement.query_map([rows::int(id.number())], |row| {
            Ok(Member {
                user: UserId::new(rows::number(row, 0)?),
                joined: Offset::new(rows::number(row, 1)?),
                read_seq: Seq::new(rows::number(row, 2)?),
                read_offset: Offset::new(rows::number(row, 3)?),
                shown_seq: Seq::new(rows::number(row, 4)?),
                shown_offset: Offset::new(rows::number(row, 5)?),
                shown: TimeMs::new(row.get(6)?),
                sent: rows::number(row, 7)?,
                sent_at_read: rows::number(row, 8)?,
                dirty: false,
            })
        })?;
        let members = members.collect::<rusqlite::Result<Vec<_>>>()?;
        let last_offset = self
            .connection
            .prepare_cached("SELECT last_offset FROM conversations WHERE id = ?1")?
            .query_row([rows::int(id.number())], |row| rows::number(row, 0))?;
        let known = Known {
            readers: members.iter().map(|member| member.user).collect(),
            pair: conversation.members,
            last_seq: conversation.last_seq,
            last_offset: Offset::new(last_offset),
            members,
            dirty: false,
        };
        self.memory.conversations.insert(id, known);
        Ok(true)
    }

    /// The conversation, marked to be written at the end of the batch.
    pub(super) fn change(&mut self, id: ConversationId) -> Option<&mut Known> {
        let known = self.memory.conversations.get_mut(&id)?;
        if !known.dirty {
            known.dirty = true;
            self.memory.dirty.push(id);
        }
        Some(known)
    }

    /// Finds a user by name.
    pub fn user_by_name(&mut self, name: &UserName) -> rusqlite::Result<Option<UserRef>> {
        let id = match self.memory.names.get(name) {
            Some(id) => *id,
            None => match rows::user_id(self.connection, name)? {
                Some(id) => {
                    self.memory.names.insert(name.clone(), id);
                    id
                }
                None => return Ok(None),
            },
        };
        Ok(Some(UserRef {
            id,
            name: name.clone(),
        }))
    }

    /// Finds the DIRECT conversation of two users.
    fn direct(&mut self, a: &UserRef, b: &UserRef) -> rusqlite::Result<Option<ConversationId>> {
        let pair = (a.id.min(b.id), a.id.max(b.id));
        if let Some(id) = self.memory.pairs.get(&pair) {
            return Ok(Some(*id));
        }
        let found = self
            .connection
            .prepare_cached(
                "SELECT id FROM conversations WHERE kind = 1 AND low_user_id = ?1 AND high_user_id = ?2",
            )?
            .query_row([rows::int(pair.0.number()), rows::int(pair.1.number())], |row| {
                rows::number(row, 0)
            })
            .optional()?
            .map(ConversationId::new);
        if let Some(id) = found {
            self.memory.pairs.insert(pair, id);
        }
        Ok(found)
    }

    /// Makes the DIRECT conversation of two users, without members yet.
    fn create_direct(&mut self, a: &UserRef, b: &UserRef) -> rusqlite::Result<ConversationId> {
        let mut pair = vec![a.clone(), b.clone()];
        pair.sort_by_key(|user| user.id);
        pair.dedup_by_key(|user| user.id);
        let (low, high) = (a.id.min(b.id), a.id.max(b.id));
        self.connection
            .prepare_cached(
                "INSERT INTO conversations (kind, low_user_id, high_user_id, last_seq, last_offset) \
                 VALUES (1, ?1, ?2, 0, 0)",
            )?
            .execute([rows::int(low.number()), rows::int(high.number())])?;
        let id = ConversationId::new(self.connection.last_insert_rowid().cast_unsigned());
        let known = Known {
            pair,
            last_seq: Seq::ZERO,
            last_offset: Offset::ZERO,
            members: Vec::new(),
            readers: Arc::new([]),
            dirty: false,
        };
        self.memory.conversations.insert(id, known);
        self.memory.pairs.insert((low, high), id);
        Ok(id)
    }

    /// Makes those of the users members who are not yet. They read what lies after `joined`.
    fn join(&mut self, id: ConversationId, users: &[UserId], joined: Offset) -> bool {
        let Some(known) = self.change(id) else {
            return false;
        };
        let mut joined_any = false;
        for user in users {
            if known.member(*user).is_none() {
                joined_any = true;
                known.members.push(Member {
                    user: *user,
                    joined,
                    read_seq: Seq::ZERO,
                    read_offset: Offset::ZERO,
                    shown_seq: Seq::ZERO,
                    shown_offset: Offset::ZERO,
                    shown: TimeMs::default(),
                    sent: 0,
                    sent_at_read: 0,
                    dirty: true,
                });
            }
        }
        if joined_any {
            known.members.sort_by_key(|member| member.user);
            known.readers = known.members.iter().map(|member| member.user).collect();
        }
        joined_any
    }

    /// Writes an event without `seq` into the log: of a conversation, or (negative) of one user alone.
    fn log_conversation_changed(
        &mut self,
        place: i64,
        id: ConversationId,
        readers: Arc<[UserId]>,
    ) -> rusqlite::Result<Offset> {
        let offset = self.next_offset();
        self.connection
            .prepare_cached(
                "INSERT INTO log (offset, conversation_id, kind, subject_id) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![
                rows::int(offset.number()),
                place,
                rows::KIND_CONVERSATION_CHANGED,
                rows::int(id.number())
            ])?;
        if let Some(known) = self.memory.conversations.get(&id) {
            let state = known.to_domain(id);
            self.announce(offset, EventBody::ConversationChanged(state), readers);
        }
        Ok(offset)
    }

    /// Gets or makes the DIRECT conversation; the caller's own devices hear of it if it is new to the caller.
    pub fn start_direct(
        &mut self,
        user: &UserRef,
        peer: &UserRef,
    ) -> rusqlite::Result<ConversationId> {
        let id = match self.direct(user, peer)? {
            Some(id) => id,
            None => self.create_direct(user, peer)?,
        };
        self.know(id)?;
        let joined = self.memory.next_end;
        if self.join(id, &[user.id], joined) {
            let place = -rows::int(user.id.number());
            self.log_conversation_changed(place, id, Arc::new([user.id]))?;
        }
        Ok(id)
    }

    /// Commits one message, or says why not.
    pub fn append(&mut self, message: NewMessage) -> rusqlite::Result<Result<Sent, SendRefusal>> {
        let fingerprint = self.memory.key.fingerprint(&message.target, &message.text);
        let id = match self.resolve(&message)? {
            Resolved::Known(id) => id,
            // The key comes before everything else: a repeat succeeds even if its target is gone.
            other => {
                let first = rows::sent(
                    self.connection,
                    message.sender.id,
                    message.client_id,
                    fingerprint,
                )?;
                match (first, other) {
                    (Some(first), _) => return Ok(first),
                    (None, Resolved::Refused(refusal)) => return Ok(Err(refusal)),
                    (None, Resolved::Missing(peer)) => {
                        self.create_direct(&message.sender, &peer)?
                    }
                    (None, Resolved::Known(id)) => id,
                }
            }
        };
        let Some(known) = self.memory.conversations.get(&id) else {
            return Ok(Err(SendRefusal::NotMember(id)));
        };
        let seq = known.last_seq.next();
        let fresh = self
            .connection
            .prepare_cached(
                "INSERT INTO sends (client_id, user_id, request_hash, conversation_id, seq, sent_ms) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
            )?
            .execute(params![
                message.client_id.as_bytes(),
                rows::int(message.sender.id.number()),
                fingerprint,
                rows::int(id.number()),
                rows::int(seq.number()),
                message.sent.milliseconds()
            ])?;
        if fresh == 0 {
            let first = rows::sent(
                self.connection,
                message.sender.id,
                message.client_id,
                fingerprint,
            )?;
            return first.ok_or(rusqlite::Error::QueryReturnedNoRows);
        }
        if seq == Seq::ZERO.next() {
            self.open_direct(id)?;
        }
        let offset = self.next_offset();
        self.connection
            .prepare_cached(
                "INSERT INTO log (offset, conversation_id, seq, kind, subject_id, sent_ms, client_id, body) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                rows::int(offset.number()),
                rows::int(id.number()),
                rows::int(seq.number()),
                rows::KIND_MESSAGE,
                rows::int(message.sender.id.number()),
                message.sent.milliseconds(),
                message.client_id.as_bytes(),
                message.text.as_str()
            ])?;
        let Some(known) = self.change(id) else {
            return Ok(Err(SendRefusal::NotMember(id)));
        };
        known.last_seq = seq;
        known.last_offset = offset;
        if let Some(member) = known.member(message.sender.id) {
            member.sent += 1;
            member.dirty = true;
        }
        let readers = Arc::clone(&known.readers);
        let sent = Sent {
            conversation: id,
            seq,
            sent: message.sent,
            duplicate: false,
        };
        let body = EventBody::Message(Message {
            conversation: id,
            seq,
            sender: message.sender,
            sent: message.sent,
            client_id: message.client_id,
            text: message.text,
        });
        self.announce(offset, body, readers);
        Ok(Ok(sent))
    }

    /// Where a message is to go; changes nothing.
    fn resolve(&mut self, message: &NewMessage) -> rusqlite::Result<Resolved> {
        let sender = &message.sender;
        match &message.target {
            Target::Conversation(id) => {
                let member = self.know(*id)?
                    && self
                        .memory
                        .conversations
                        .get(id)
                        .is_some_and(|known| known.readers.contains(&sender.id));
                Ok(match member {
                    true => Resolved::Known(*id),
                    false => Resolved::Refused(SendRefusal::NotMember(*id)),
                })
            }
            Target::User(name) => {
                let Some(peer) = self.user_by_name(name)? else {
                    return Ok(Resolved::Refused(SendRefusal::UserNotFound(name.clone())));
                };
                match self.direct(sender, &peer)? {
                    Some(id) => {
                        self.know(id)?;
                        Ok(Resolved::Known(id))
                    }
                    None => Ok(Resolved::Missing(peer)),
                }
            }
        }
    }

    /// Before its first message a DIRECT conversation gets its missing members, and all of them hear of it.
    fn open_direct(&mut self, id: ConversationId) -> rusqlite::Result<()> {
        let Some(known) = self.memory.conversations.get(&id) else {
            return Ok(());
        };
        let pair: Vec<UserId> = known.pair.iter().map(|user| user.id).collect();
        let joined = self.memory.next_end;
        self.join(id, &pair, joined);
        let Some(readers) = self
            .memory
            .conversations
            .get(&id)
            .map(|known| known.readers.clone())
        else {
            return Ok(());
        };
        let offset = self.log_conversation_changed(rows::int(id.number()), id, readers)?;
        if let Some(known) = self.change(id) {
            known.last_offset = offset;
        }
        Ok(())
    }

    /// Writes what waited for a batch to share.
    pub fn write_lazy(&mut self, lazy: &Lazy) -> rusqlite::Result<()> {
        self.show_markers()?;
        for (device, cursor) in &lazy.cursors {
            self.connection
                .prepare_cached(
                    "UPDATE devices SET cursor_offset = max(coalesce(cursor_offset, 0), ?2) WHERE id = ?1",
                )?
                .execute([device.number(), cursor.number()].map(rows::int))?;
        }
        let streamed = lazy.seen.iter().map(|(device, (_, at))| (device, at));
        for (device, at) in streamed.chain(&lazy.used) {
            self.connection
                .prepare_cached("UPDATE devices SET seen_ms = max(seen_ms, ?2) WHERE id = ?1")?
                .execute([rows::int(device.number()), at.milliseconds()])?;
        }
        for (user, at) in lazy.seen.values() {
            self.connection
                .prepare_cached(
                    "UPDATE users SET seen_ms = max(coalesce(seen_ms, ?2), ?2) WHERE id = ?1",
                )?
                .execute([rows::int(user.number()), at.milliseconds()])?;
        }
        Ok(())
    }

    /// Writes back what changed in the memory and gives the commit to announce.
    pub fn finish(self) -> rusqlite::Result<Commit> {
        let Self {
            connection,
            memory,
            events,
        } = self;
        let mut update = connection.prepare_cached(
            "UPDATE conversations SET last_seq = ?2, last_offset = ?3 WHERE id = ?1",
        )?;
        let mut upsert = connection.prepare_cached(
            "INSERT OR REPLACE INTO members (user_id, conversation_id, joined_offset, read_seq, \
             read_offset, shown_seq, shown_offset, shown_ms, sent, sent_at_read) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?;
        for id in memory.dirty.drain(..) {
            let Some(known) = memory.conversations.get_mut(&id) else {
                continue;
            };
            known.dirty = false;
            update.execute(
                [
                    id.number(),
                    known.last_seq.number(),
                    known.last_offset.number(),
                ]
                .map(rows::int),
            )?;
            for member in known.members.iter_mut().filter(|member| member.dirty) {
                member.dirty = false;
                let marker = (id, member.user);
                if member.shown_seq == member.read_seq && memory.to_show.remove(&marker).is_some() {
                    memory.shown.push(marker);
                }
                upsert.execute(params![
                    rows::int(member.user.number()),
                    rows::int(id.number()),
                    rows::int(member.joined.number()),
                    rows::int(member.read_seq.number()),
                    rows::int(member.read_offset.number()),
                    rows::int(member.shown_seq.number()),
                    rows::int(member.shown_offset.number()),
                    member.shown.milliseconds(),
                    rows::int(member.sent),
                    rows::int(member.sent_at_read)
                ])?;
            }
        }
        if memory.next_end != memory.end {
            connection
                .prepare_cached("UPDATE meta SET last_offset = ?1")?
                .execute([rows::int(memory.next_end.number())])?;
        }
        Ok(Commit {
            last: memory.next_end,
            events,
        })
    }
}

/// Where a message is to go.
enum Resolved {
    /// A conversation that the memory holds.
    Known(ConversationId),
    /// A DIRECT conversation with this user that is not made yet.
    Missing(UserRef),
    /// Nowhere.
    Refused(SendRefusal),
}
