//! One batch of the writer: what its jobs do inside the transaction.
//!
//! The writer is the only one that writes, so it may remember what it has read: conversations with their members, and
//! names. A batch changes that memory and writes it back once at its end, so that a conversation row is written once
//! for a whole batch of messages. After a rollback everything remembered is forgotten.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};

use super::{
    blocks, member_rows,
    memory::{Known, Member, Memory},
    rows,
    writer::Lazy,
};
use crate::{
    domain::{
        clock::TimeMs,
        commit::{Commit, Committed},
        conversation::{ConversationKind, HistoryAccess},
        event::{Event, EventBody},
        file::File,
        ids::{ConversationId, Offset, Seq, UserId},
        message::{Message, NewMessage, Sent, Target},
        name::{Topic, UserName},
        role::Role,
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
        let mut names = rows::Names::default();
        let Some(conversation) = rows::conversation(self.connection, &mut names, id)? else {
            return Ok(false);
        };
        let members = member_rows::read(self.connection, id)?;
        let blockers = match &conversation.kind {
            ConversationKind::Direct(people) => self.blockers_of(people)?,
            ConversationKind::Group(_) | ConversationKind::Channel(_) => Vec::new(),
        };
        let (last_offset, open_from) = self
            .connection
            .prepare_cached("SELECT last_offset, open_from_seq FROM conversations WHERE id = ?1")?
            .query_row([rows::int(id.number())], |row| {
                Ok((rows::number(row, 0)?, rows::number(row, 1)?))
            })?;
        let known = Known {
            readers: members.iter().map(|member| member.user).collect(),
            kind: conversation.kind,
            topic: conversation.topic,
            history: conversation.history,
            open_from: Seq::new(open_from),
            last_seq: conversation.last_seq,
            last_offset: Offset::new(last_offset),
            members,
            blockers,
            dirty: false,
        };
        self.memory.members += known.members.len();
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

    /// Those of the two of a DIRECT who block the other.
    fn blockers_of(&self, people: &[UserRef]) -> rusqlite::Result<Vec<UserId>> {
        match people {
            [a, b] => blocks::blockers(self.connection, a.id, b.id),
            _ => Ok(Vec::new()),
        }
    }

    /// Finds the DIRECT conversation of two users.
    pub(super) fn direct_of(
        &mut self,
        a: UserId,
        b: UserId,
    ) -> rusqlite::Result<Option<ConversationId>> {
        let pair = (a.min(b), a.max(b));
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
        let blockers = self.blockers_of(&pair)?;
        let (low, high) = (a.id.min(b.id), a.id.max(b.id));
        self.connection
            .prepare_cached(
                "INSERT INTO conversations (kind, low_user_id, high_user_id, last_seq, last_offset) \
                 VALUES (1, ?1, ?2, 0, 0)",
            )?
            .execute([rows::int(low.number()), rows::int(high.number())])?;
        let id = ConversationId::new(self.connection.last_insert_rowid().cast_unsigned());
        self.remember_new(
            id,
            ConversationKind::Direct(pair),
            Topic::default(),
            HistoryAccess::SinceJoin,
        );
        if let Some(known) = self.memory.conversations.get_mut(&id) {
            known.blockers = blockers;
        }
        self.memory.pairs.insert((low, high), id);
        Ok(id)
    }

    /// Remembers a conversation that was just made, without members yet.
    pub(super) fn remember_new(
        &mut self,
        id: ConversationId,
        kind: ConversationKind,
        topic: Topic,
        history: HistoryAccess,
    ) {
        let known = Known {
            kind,
            topic,
            history,
            open_from: Seq::ZERO,
            last_seq: Seq::ZERO,
            last_offset: Offset::ZERO,
            members: Vec::new(),
            readers: Arc::new([]),
            blockers: Vec::new(),
            dirty: false,
        };
        self.memory.conversations.insert(id, known);
    }

    /// Makes those of the users members of a DIRECT who are not yet. They read what lies after `joined`.
    fn join(&mut self, id: ConversationId, users: &[UserId], joined: Offset) -> bool {
        let Some(known) = self.change(id) else {
            return false;
        };
        let mut joined_any = false;
        for user in users {
            if known.find(*user).is_none() {
                joined_any = true;
                let (since, read) = (TimeMs::default(), Seq::ZERO);
                known.add(Member::new(*user, Role::Member, joined, since, read));
            }
        }
        joined_any
    }

    /// Logs that a conversation is new or changed: for all members, or in the private place of one user alone.
    pub(super) fn log_conversation_changed(
        &mut self,
        id: ConversationId,
        only: Option<UserId>,
    ) -> rusqlite::Result<()> {
        let Some(known) = self.memory.conversations.get(&id) else {
            return Ok(());
        };
        let state = known.to_domain(id);
        let readers = match only {
            Some(user) => Arc::new([user]),
            None => Arc::clone(&known.readers),
        };
        let place = match only {
            Some(user) => -rows::int(user.number()),
            None => rows::int(id.number()),
        };
        let offset = self.log(place, rows::KIND_CONVERSATION_CHANGED, id.number())?;
        // A DIRECT is never left, so nobody asks what it was like.
        if !matches!(state.kind, ConversationKind::Direct(_)) {
            self.connection
                .prepare_cached(
                    "INSERT INTO happenings (offset, members_count, name, topic) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![
                    rows::int(offset.number()),
                    rows::int(state.members_count),
                    state.kind.own_name(),
                    state.topic.as_str()
                ])?;
        }
        if only.is_none()
            && let Some(known) = self.change(id)
        {
            known.last_offset = offset;
        }
        self.announce(offset, EventBody::ConversationChanged(state), readers);
        Ok(())
    }

    /// Writes a row of the log that is no message.
    pub(super) fn log(&mut self, place: i64, kind: i64, subject: u64) -> rusqlite::Result<Offset> {
        let offset = self.next_offset();
        self.connection
            .prepare_cached(
                "INSERT INTO log (offset, conversation_id, kind, subject_id) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute([rows::int(offset.number()), place, kind, rows::int(subject)])?;
        Ok(offset)
    }

    /// Gets or makes the DIRECT conversation; the caller's own devices hear of it if it is new to the caller.
    pub fn start_direct(
        &mut self,
        user: &UserRef,
        peer: &UserRef,
    ) -> rusqlite::Result<ConversationId> {
        let id = match self.direct_of(user.id, peer.id)? {
            Some(id) => id,
            None => self.create_direct(user, peer)?,
        };
        self.know(id)?;
        let joined = self.memory.next_end;
        if self.join(id, &[user.id], joined) {
            self.log_conversation_changed(id, Some(user.id))?;
        }
        Ok(id)
    }

    /// Commits one message, or says why not.
    pub fn append(&mut self, message: NewMessage) -> rusqlite::Result<Result<Sent, SendRefusal>> {
        let fingerprint = self.memory.key.fingerprint(&message.request);
        let attachments = match self.attachments_of(&message, fingerprint)? {
            Ok(files) => files,
            Err(answer) => return Ok(answer),
        };
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
                "INSERT INTO log (offset, conversation_id, seq, kind, subject_id, sent_ms, client_id, body, reply_to, touched) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?
            .execute(params![
                rows::int(offset.number()),
                rows::int(id.number()),
                rows::int(seq.number()),
                rows::KIND_MESSAGE,
                rows::int(message.sender.id.number()),
                message.sent.milliseconds(),
                message.client_id.as_bytes(),
                message.request.text.as_str(),
                message.request.reply_to.map(|seq| rows::int(seq.number())),
                if attachments.is_empty() { 0 } else { rows::WITH_FILES }
            ])?;
        self.attach(id, seq, &attachments)?;
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
        let text = message.request.text;
        let mentions = self.mention(id, seq, offset, message.sender.id, &text)?;
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
            text: Some(text),
            reply_to: message.request.reply_to,
            revision: 0,
            reactions: Vec::new(),
            mentions,
            attachments,
        });
        self.announce(offset, body, readers);
        Ok(Ok(sent))
    }

    /// The files that a send attaches; or what the send is answered: a repeat as the first time, whatever became of its
    /// files.
    fn attachments_of(
        &self,
        message: &NewMessage,
        fingerprint: [u8; 16],
    ) -> rusqlite::Result<Result<Vec<File>, Result<Sent, SendRefusal>>> {
        let asked = &message.request.attachments;
        if asked.is_empty() {
            return Ok(Ok(Vec::new()));
        }
        let sender = message.sender.id;
        if let Some(first) = rows::sent(self.connection, sender, message.client_id, fingerprint)? {
            return Ok(Err(first));
        }
        let files = self.own_files(sender, asked)?;
        Ok(files.map_err(|unknown| Err(SendRefusal::FileNotFound(unknown))))
    }

    /// Where a message is to go; changes nothing.
    fn resolve(&mut self, message: &NewMessage) -> rusqlite::Result<Resolved> {
        let sender = &message.sender;
        let refused = |refusal| Ok(Resolved::Refused(refusal));
        let (id, stranger) = match &message.request.target {
            Target::Conversation(id) => (*id, SendRefusal::NotMember(*id)),
            Target::Channel(name) => match self.channel(name)? {
                None => return refused(SendRefusal::ChannelNotFound(name.clone())),
                Some(id) => (id, SendRefusal::NotInChannel(name.clone())),
            },
            Target::User(name) => {
                let Some(peer) = self.user_by_name(name)? else {
                    return refused(SendRefusal::UserNotFound(name.clone()));
                };
                let direct = self.direct_of(sender.id, peer.id)?;
                let block = match direct {
                    Some(id) => {
                        self.know(id)?;
                        self.block_in(id, sender.id)
                    }
                    None => self.block_between(sender.id, &peer)?,
                };
                if let Some(block) = block {
                    return refused(block.into());
                }
                match (direct, message.request.reply_to) {
                    (Some(id), None) => return Ok(Resolved::Known(id)),
                    // The sender may have no row yet, and then there is nothing to reply to.
                    (Some(id), Some(seq)) => (id, SendRefusal::ReplyToUnknown(seq)),
                    (None, Some(seq)) => return refused(SendRefusal::ReplyToUnknown(seq)),
                    (None, None) => return Ok(Resolved::Missing(peer)),
                }
            }
        };
        self.know(id)?;
        let known = self.memory.conversations.get(&id);
        let member = known.and_then(|known| Some((known.last_seq, known.find(sender.id)?)));
        let Some((last_seq, member)) = member else {
            return refused(stranger);
        };
        if let Some(block) = self.block_in(id, sender.id) {
            return refused(block.into());
        }
        if !member.role.speaks() {
            return refused(SendRefusal::ReadOnly);
        }
        match message.request.reply_to {
            Some(seq) if seq > last_seq || !member.sees(seq) => {
                refused(SendRefusal::ReplyToUnknown(seq))
            }
            _ => Ok(Resolved::Known(id)),
        }
    }

    /// Before its first message a DIRECT conversation gets its missing members, and all of them hear of it.
    fn open_direct(&mut self, id: ConversationId) -> rusqlite::Result<()> {
        let known = self.memory.conversations.get(&id);
        let Some(ConversationKind::Direct(people)) = known.map(|known| &known.kind) else {
            return Ok(());
        };
        let pair: Vec<UserId> = people.iter().map(|user| user.id).collect();
        let joined = self.memory.next_end;
        self.join(id, &pair, joined);
        self.log_conversation_changed(id, None)
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
            "UPDATE conversations SET last_seq = ?2, last_offset = ?3, members_count = ?4 WHERE id = ?1",
        )?;
        let mut upsert = connection.prepare_cached(member_rows::UPSERT)?;
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
                    known.members.len() as u64,
                ]
                .map(rows::int),
            )?;
            for member in known.members.iter_mut().filter(|member| member.dirty) {
                member.dirty = false;
                let marker = (id, member.user);
                if member.shown_seq == member.read_seq && memory.to_show.remove(&marker).is_some() {
                    memory.shown.push(marker);
                }
                member_rows::write(&mut upsert, id, member)?;
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
