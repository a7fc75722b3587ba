//! What a journal holds, and how that stands in its file: one line of JSON for each thing that happened.
//!
//! Promises that what the lines of a file leave behind is what their writer held, in the order in which it was typed, and
//! that a line that is cut or strange changes nothing. Knows no files.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use crate::{
    client::{
        app::written::{self, Written},
        net::outbox::{Outgoing, StoreId, Target},
    },
    domain::ids::ClientMessageId,
};

/// See the head of the file.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// Where each message stands.
    places: HashMap<ClientMessageId, u64>,
    /// Those that are not answered, and of those that were refused why.
    messages: BTreeMap<u64, (Outgoing, Option<String>)>,
    last_place: u64,
    /// What was begun.
    pub texts: Vec<Written>,
}

impl Held {
    /// What the lines of a file leave behind. A last line without its end is that of a program that was killed while it
    /// wrote, or could not: nobody was told that it is kept.
    pub fn read(bytes: &[u8]) -> Self {
        let mut held = Self::default();
        let whole = bytes.iter().rposition(|byte| *byte == b'\n');
        let whole = whole.and_then(|end| bytes.get(..end)).unwrap_or_default();
        for line in whole.split(|byte| *byte == b'\n') {
            if let Ok(line) = serde_json::from_slice(line) {
                held.take(&line);
            }
        }
        held
    }

    fn take(&mut self, line: &Value) {
        let id = |key: &str| line.get(key)?.as_str()?.parse::<ClientMessageId>().ok();
        if let Some(done) = id("done") {
            self.settle(done);
        } else if let Some(refused) = id("refused") {
            self.refuse(refused, line["why"].as_str().unwrap_or_default());
        } else if line.get("reset").is_some() {
            self.reset();
        } else if let Some(texts) = line.get("texts") {
            self.texts = written::from_json(texts);
        } else if let (Some(id), Some(target), Some(text)) =
            (id("id"), target_of(line), line["text"].as_str())
        {
            let text = text.to_owned();
            // Without one of its files it would be another message.
            if let Some(attachments) = attachments_of(line) {
                self.add(Outgoing {
                    id,
                    target,
                    text,
                    attachments,
                    store: line["store"].as_str().and_then(StoreId::new),
                });
            }
        }
    }

    /// A message is to be sent. One that was refused is so no more, and stays where it stood.
    pub fn add(&mut self, message: Outgoing) {
        if let Some(place) = self.places.get(&message.id) {
            self.messages.insert(*place, (message, None));
            return;
        }
        self.last_place += 1;
        self.places.insert(message.id, self.last_place);
        self.messages.insert(self.last_place, (message, None));
    }

    /// A message is answered; returns whether it was held.
    pub fn settle(&mut self, id: ClientMessageId) -> bool {
        let place = self.places.remove(&id);
        place
            .and_then(|place| self.messages.remove(&place))
            .is_some()
    }

    /// A message was refused; returns whether it is held.
    pub fn refuse(&mut self, id: ClientMessageId, why: &str) -> bool {
        let place = self.places.get(&id);
        let message = place.and_then(|place| self.messages.get_mut(place));
        message
            .map(|(_, refused)| *refused = Some(why.to_owned()))
            .is_some()
    }

    /// The server has another store: what messages answer is another one there, or none, and what is bound to it is nothing.
    pub fn reset(&mut self) {
        self.messages.retain(|_, (message, _)| !message.is_bound());
        let messages = &self.messages;
        self.places.retain(|_, place| messages.contains_key(place));
        let messages = self.messages.values_mut();
        messages.for_each(|(message, _)| message.forget_reply());
    }

    /// A message.
    pub fn get(&self, id: ClientMessageId) -> Option<&Outgoing> {
        let (message, _) = self.messages.get(self.places.get(&id)?)?;
        Some(message)
    }

    /// Whether a message is held.
    pub fn has(&self, id: ClientMessageId) -> bool {
        self.places.contains_key(&id)
    }

    /// The messages in their order, and of those that were refused why.
    pub fn messages(&self) -> impl Iterator<Item = &(Outgoing, Option<String>)> {
        self.messages.values()
    }

    /// Whether there are no messages.
    pub fn has_no_messages(&self) -> bool {
        self.messages.is_empty()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.has_no_messages() && self.texts.is_empty()
    }

    /// The fewest lines that leave all of it behind.
    pub fn lines(&self) -> impl Iterator<Item = Value> {
        let messages = self.messages.values().flat_map(|(message, why)| {
            let refused = why.as_ref().map(|why| refused(message.id, why));
            [Some(line_of(message)), refused].into_iter().flatten()
        });
        let texts = (!self.texts.is_empty()).then(|| texts(&self.texts));
        messages.chain(texts)
    }
}

/// The line of a message that was refused.
pub(super) fn refused(id: ClientMessageId, why: &str) -> Value {
    json!({ "refused": id.to_string(), "why": why })
}

/// The line of a message that is answered.
pub(super) fn done(id: ClientMessageId) -> Value {
    json!({ "done": id.to_string() })
}

/// The line of another store.
pub(super) fn reset() -> Value {
    json!({ "reset": true })
}

/// The line of all that was begun.
pub(super) fn texts(texts: &[Written]) -> Value {
    json!({ "texts": written::to_json(texts) })
}

/// The line of a message.
pub(super) fn line_of(message: &Outgoing) -> Value {
    let (key, to) = match message.target.place() {
        Target::User(name) => ("user", name.as_str()),
        Target::Channel(name) => ("channel", name.as_str()),
        Target::Conversation(id) => ("conversation", id.as_str()),
        // A place is never an answer.
        Target::Reply(..) => ("reply", ""),
    };
    let mut line = json!({ "id": message.id.to_string(), key: to, "text": message.text });
    let reply_to = message.target.reply_to_seq();
    if reply_to > 0 {
        line["reply_to"] = json!(reply_to);
    }
    if !message.attachments.is_empty() {
        line["attachments"] = json!(message.attachments);
    }
    if let Some(store) = &message.store {
        line["store"] = json!(store.as_str());
    }
    line
}

/// The files of a message. Lines of those without any, as all of earlier versions are, say nothing of files.
fn attachments_of(line: &Value) -> Option<Vec<String>> {
    let Some(attachments) = line.get("attachments") else {
        return Some(Vec::new());
    };
    let ids = attachments.as_array()?.iter();
    ids.map(|id| Some(id.as_str()?.to_owned())).collect()
}

fn target_of(line: &Value) -> Option<Target> {
    let word = |key: &str| Some(line.get(key)?.as_str()?.to_owned());
    let place = word("user")
        .map(Target::User)
        .or_else(|| word("channel").map(Target::Channel))
        .or_else(|| word("conversation").map(Target::Conversation))?;
    Some(match line.get("reply_to").and_then(Value::as_u64) {
        Some(seq @ 1..) => place.replying_to(seq),
        _ => place,
    })
}
