//! Who there is and how far each conversation has come: numbers only, in memory.

use std::{
    collections::HashMap,
    time::{SystemTime, UNIX_EPOCH},
};

use prost_types::Timestamp;

use crate::pb::{self, event::Body, reply::Result as Answer};

/// A conversation.
#[derive(Debug)]
pub struct Conversation {
    /// Its number.
    pub id: i64,
    /// The ids of its two users; the lower one first.
    pub users: [i64; 2],
    /// Highest place.
    pub seq: i64,
    /// Where its last message stands in the log.
    pub offset: i64,
    /// What each user has sent.
    pub sent: [i64; 2],
    /// Has changed since it was written.
    pub is_dirty: bool,
    /// Was never written.
    pub is_new: bool,
}

/// Where a message stands.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Number of its conversation.
    pub conversation_id: i64,
    /// Number of its sender.
    pub sender_id: i64,
    /// Its place in the conversation.
    pub seq: i64,
    /// Its place in the log.
    pub offset: i64,
    /// When it came.
    pub sent_ms: i64,
}

/// The book.
#[derive(Debug, Default)]
pub struct Book {
    users: HashMap<String, i64>,
    pairs: HashMap<(i64, i64), usize>,
    /// All conversations.
    pub conversations: Vec<Conversation>,
    /// End of the log.
    pub offset: i64,
    /// Users that are not written yet.
    pub fresh_users: Vec<(i64, String)>,
    /// Conversations that changed, and those that are new.
    pub dirty: Vec<usize>,
}

impl Book {
    fn user(&mut self, name: &str) -> i64 {
        if let Some(id) = self.users.get(name) {
            return *id;
        }
        let id = i64::try_from(self.users.len()).unwrap_or(i64::MAX) + 1;
        self.users.insert(name.to_owned(), id);
        self.fresh_users.push((id, name.to_owned()));
        id
    }

    /// Finds the conversation of two users, or makes it.
    pub fn conversation(&mut self, sender: &str, receiver: &str) -> (usize, i64) {
        let (from, to) = (self.user(sender), self.user(receiver));
        let pair = (from.min(to), from.max(to));
        let next = self.conversations.len();
        let index = *self.pairs.entry(pair).or_insert(next);
        if index == next {
            self.conversations.push(Conversation {
                id: i64::try_from(next).unwrap_or(i64::MAX) + 1,
                users: pair.into(),
                seq: 0,
                offset: 0,
                sent: [0; 2],
                is_dirty: false,
                is_new: true,
            });
        }
        (index, from)
    }

    /// Gives the next place in a conversation.
    pub fn place(&mut self, (conversation, sender_id): (usize, i64), sent_ms: i64) -> Place {
        self.offset += 1;
        let known = &mut self.conversations[conversation];
        known.seq += 1;
        known.offset = self.offset;
        known.sent[usize::from(known.users[0] != sender_id)] += 1;
        if !known.is_dirty {
            known.is_dirty = true;
            self.dirty.push(conversation);
        }
        Place {
            conversation_id: known.id,
            sender_id,
            seq: known.seq,
            offset: known.offset,
            sent_ms,
        }
    }
}

/// Now, as the log has it.
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}

fn time(ms: i64) -> Timestamp {
    Timestamp {
        seconds: ms.div_euclid(1000),
        nanos: i32::try_from(ms.rem_euclid(1000) * 1_000_000).unwrap_or(0),
    }
}

/// A message as an event, with all that the server's events have.
pub fn event(place: &Place, sender: &str, text: String, client_message_id: String) -> pb::Event {
    let conversation_id = format!("c{}", place.conversation_id);
    pb::Event {
        cursor: format!("bare.{}", place.offset),
        body: Some(Body::Message(pb::Message {
            message_id: format!("{conversation_id}.{}", place.seq),
            conversation_id,
            seq: place.seq.cast_unsigned(),
            sender: Some(pb::UserRef {
                id: format!("u{}", place.sender_id),
                name: sender.to_owned(),
            }),
            content: Some(pb::message::Content::Text(text)),
            sent_time: Some(time(place.sent_ms)),
            client_message_id,
            ..pb::Message::default()
        })),
    }
}

/// The acknowledgement of a message, with all that the server's have.
pub fn acknowledgement(place: &Place) -> pb::SendResponse {
    let conversation_id = format!("c{}", place.conversation_id);
    pb::SendResponse {
        message_id: format!("{conversation_id}.{}", place.seq),
        conversation_id,
        seq: place.seq.cast_unsigned(),
        sent_time: Some(time(place.sent_ms)),
        duplicate: false,
    }
}

/// The answer to a request of a stream.
pub fn reply(request_id: u64, place: &Place) -> pb::Reply {
    pb::Reply {
        request_id,
        result: Some(Answer::Send(acknowledgement(place))),
    }
}
