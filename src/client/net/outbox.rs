//! Messages on their way to the server: each is sent until it is answered, in the order given.
//!
//! The rules:
//! 1. A message keeps its `client_message_id` from the first attempt to the last, and its request
//!    stays the same to the byte, so however often it is sent, it is one message. In another store it
//!    is another one: there it answers nothing, and one that holds files is none ([`Outbox::reset`]).
//! 2. A message to one target never overtakes an earlier one to it. So one message per target is in
//!    flight: were there more, the first could be refused for now (too fast) and the second taken.
//! 3. Only where the server sets no rate, up to [`IN_FLIGHT_MAX`] are. The one refusal that could
//!    then mix up two messages, a server that cannot reach its store for a moment, ends this way
//!    of sending for good.
//! 4. What answers a message, holds files or goes to an id waits until it is known which store the server has
//!    ([`Outbox::sure_of`]); what comes after it for the same target waits with it. Where it names another store than that, it is treated as with
//!    a reset, however long ago it was written.
//! 5. It holds a bounded number of messages and refuses further ones.
//!
//! Pure: time comes in as an argument. In memory: a program that outlives its messages' answers keeps them elsewhere
//! (`client::journal`) and gives them back with [`Outbox::restore`].

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use crate::{
    domain::{ids::ClientMessageId, text::MessageText},
    pb,
};

use super::{
    backoff::Backoff,
    error::{ClientError, Retry},
};

/// Messages that wait at most. At 16 KiB each they take 16 MiB.
pub const OUTBOX_MESSAGES_MAX: usize = 1000;
/// Messages in flight at most. Far below the 1,024 replies that a server lets lie unread.
const IN_FLIGHT_MAX: usize = 64;
/// The shortest wait before a message is tried again: without it a server could make this a loop at the speed of the
/// network.
const WAIT_MIN: Duration = Duration::from_millis(10);
/// The longest wait that a server can impose before the message is tried again.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// Where a message goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// To a conversation, by its id.
    Conversation(String),
    /// To the DIRECT conversation with a user, by name.
    User(String),
    /// To a channel, by its name without `#`.
    Channel(String),
    /// To one of these, as the answer to a message there.
    Reply(Box<Target>, u64),
}

impl Target {
    /// The same place, as the answer to this message there.
    #[must_use]
    pub fn replying_to(self, seq: u64) -> Self {
        Self::Reply(Box::new(self.place().clone()), seq)
    }

    /// Where it goes, whatever it answers.
    pub fn place(&self) -> &Self {
        match self {
            Self::Reply(place, _) => place.place(),
            place => place,
        }
    }

    /// The message that is answered; 0: none.
    pub fn reply_to_seq(&self) -> u64 {
        match self {
            Self::Reply(_, seq) => *seq,
            _ => 0,
        }
    }
}

impl From<Target> for pb::send_request::Target {
    fn from(target: Target) -> Self {
        match target {
            Target::Conversation(id) => Self::ConversationId(id),
            Target::User(name) => Self::UserName(name),
            Target::Channel(name) => Self::ChannelName(name),
            Target::Reply(place, _) => (*place).into(),
        }
    }
}

/// The longest name of a store that is kept.
const STORE_BYTES_MAX: usize = 128;

/// Which store numbers of messages and ids of files are of: what the server calls its epoch. They mean nothing in another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreId(String);

impl StoreId {
    /// What the server says of its store; `None`: it names none.
    pub fn new(epoch: &str) -> Option<Self> {
        let is_one = (1..=STORE_BYTES_MAX).contains(&epoch.len());
        is_one.then(|| Self(epoch.to_owned()))
    }

    /// As the server says it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A message that was given to the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Names this send for ever.
    pub id: ClientMessageId,
    /// Where it goes.
    pub target: Target,
    /// What it says; nothing only beside files.
    pub text: String,
    /// The ids of the files that it holds, in their order.
    pub attachments: Vec<String>,
    /// The store that they are of, as the number of what it answers and the id of where it goes; `None`: that is not known.
    pub store: Option<StoreId>,
}

impl Outgoing {
    /// What it says; `None`: that cannot be sent.
    pub fn message_text(&self) -> Option<MessageText> {
        match self.text.is_empty() && !self.attachments.is_empty() {
            true => Some(MessageText::none()),
            false => self.text.parse().ok(),
        }
    }

    /// The files that it holds, in the words of the schema.
    pub fn files(&self) -> Vec<pb::Attachment> {
        let attachments = self.attachments.iter().cloned();
        attachments
            .map(|file_id| pb::Attachment { file_id })
            .collect()
    }

    /// Takes away what it answers.
    pub fn forget_reply(&mut self) {
        self.target = self.target.place().clone();
    }

    /// Whether it means something else in another store, or nothing: it goes to a conversation by its id, answers something,
    /// or holds files.
    fn is_of_store(&self) -> bool {
        self.target.reply_to_seq() > 0 || self.is_bound()
    }

    /// Whether it is nothing at all in another store, where the same ids are those of other conversations and files.
    pub fn is_bound(&self) -> bool {
        let is_by_id = matches!(self.target.place(), Target::Conversation(_));
        is_by_id || !self.attachments.is_empty()
    }

    /// The request, the same at every attempt.
    pub fn request(&self) -> pb::SendRequest {
        pb::SendRequest {
            target: Some(self.target.clone().into()),
            client_message_id: self.id.to_string(),
            text: self.text.clone(),
            reply_to_seq: self.target.reply_to_seq(),
            attachments: self.files(),
        }
    }
}

/// The outbox is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{OUTBOX_MESSAGES_MAX} messages are waiting to be sent already; try again when the server has \
     taken some"
)]
pub struct OutboxFull;

/// What became of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Settled {
    /// It is on the server's stable storage.
    Sent(Outgoing, pb::SendResponse),
    /// It is refused for good.
    Refused(Outgoing, ClientError),
}

#[derive(Debug)]
struct Item {
    message: Outgoing,
    /// The request of this stream that carries it, while it is in flight.
    request_id: Option<u64>,
}

/// See the head of the file.
#[derive(Debug, Default)]
pub struct Outbox {
    items: VecDeque<Item>,
    hold_until: Option<Instant>,
    backoff: Backoff,
    unlimited: bool,
    careful: bool,
    /// It is known which store the server has.
    sure: bool,
    /// Which that is, as far as the server named it.
    store: Option<StoreId>,
}

impl Outbox {
    /// Takes a message to send; `store` is the one that it was written for, as far as that is known. The message is returned
    /// where it is known by now that it is bound to another one.
    pub fn push(
        &mut self,
        target: Target,
        text: String,
        store: Option<StoreId>,
    ) -> Result<(ClientMessageId, Option<Outgoing>), OutboxFull> {
        if self.items.len() >= OUTBOX_MESSAGES_MAX {
            return Err(OutboxFull);
        }
        let id = ClientMessageId::mint();
        let strange = self.restore(Outgoing {
            id,
            target,
            text,
            attachments: Vec::new(),
            store,
        });
        Ok((id, strange))
    }

    /// Takes a message that was given to an outbox before and may or may not have been sent. Never refused, since it was
    /// taken once; but it is returned where it is known by now that it is bound to another store.
    #[must_use]
    pub fn restore(&mut self, mut message: Outgoing) -> Option<Outgoing> {
        if !self.sure || is_there(&mut message, self.store.as_ref()) {
            self.items.push_back(Item {
                message,
                request_id: None,
            });
            return None;
        }
        Some(message)
    }

    /// Returns how many messages are not answered.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Returns whether all messages are answered.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Returns whether a message was given to the stream and is not answered.
    pub fn is_in_flight(&self) -> bool {
        self.items.iter().any(|item| item.request_id.is_some())
    }

    /// Notes whether the server sets a rate (see rule 3).
    pub fn set_unlimited(&mut self, unlimited: bool) {
        self.unlimited = unlimited;
    }

    /// Notes that the server has this store, as it names it, and has told of it if it is another than it was (see rule 4).
    /// That is not known any more once the stream is gone. Returns the messages that are bound to another one, in their
    /// order: they are not sent.
    #[must_use]
    pub fn sure_of(&mut self, store: Option<StoreId>) -> Vec<Outgoing> {
        (self.sure, self.store) = (true, store);
        let store = self.store.as_ref();
        let mut lost = VecDeque::new();
        for mut item in std::mem::take(&mut self.items) {
            match is_there(&mut item.message, store) {
                true => self.items.push_back(item),
                false => lost.push_back(item),
            }
        }
        messages_of(lost)
    }

    /// Notes that the store is another one: what a message answers is another one there, or none. Returns the messages that
    /// are none there (see [`Outgoing::is_bound`]), in their order: they are not sent.
    pub fn reset(&mut self) -> Vec<Outgoing> {
        let items = std::mem::take(&mut self.items).into_iter();
        let (lost, kept): (VecDeque<Item>, VecDeque<Item>) =
            items.partition(|item| item.message.is_bound());
        self.items = kept;
        for item in &mut self.items {
            item.message.forget_reply();
        }
        messages_of(lost)
    }

    /// Returns the next message that may go now, as the given request of this stream.
    pub fn next(&mut self, now: Instant, request_id: u64) -> Option<pb::SendRequest> {
        if self.hold_until.is_some_and(|until| now < until) {
            return None;
        }
        self.hold_until = None;
        let place = self.next_place()?;
        let item = self.items.get_mut(place)?;
        item.request_id = Some(request_id);
        Some(item.message.request())
    }

    /// Returns when a message that waits may go, if time is what it waits for.
    pub fn wake_at(&self) -> Option<Instant> {
        self.hold_until.filter(|_| self.next_place().is_some())
    }

    /// Takes the answer to a request; `None` if no message is settled by it.
    pub fn answered(
        &mut self,
        now: Instant,
        request_id: u64,
        answer: Result<pb::SendResponse, ClientError>,
    ) -> Option<Settled> {
        let of_request = |item: &Item| item.request_id == Some(request_id);
        let place = self.items.iter().position(of_request)?;
        let wait = match answer.as_ref().map_err(ClientError::retry) {
            Ok(_) | Err(Retry::Never) => None,
            Err(Retry::After(wait)) => Some(wait.clamp(WAIT_MIN, WAIT_MAX)),
            Err(Retry::WithBackoff(wait)) => {
                Some(wait.clamp(WAIT_MIN, WAIT_MAX).max(self.backoff.next_wait()))
            }
        };
        if let Some(wait) = wait {
            self.careful = true;
            self.hold_until = self.hold_until.max(Some(now + wait));
            self.items.get_mut(place)?.request_id = None;
            return None;
        }
        self.backoff.reset();
        let message = self.items.remove(place)?.message;
        Some(match answer {
            Ok(response) => Settled::Sent(message, response),
            Err(error) => Settled::Refused(message, error),
        })
    }

    /// Notes that the stream is gone: what was in flight on it is sent again on the next one.
    pub fn disconnected(&mut self) {
        for item in &mut self.items {
            item.request_id = None;
        }
        self.hold_until = None;
        self.sure = false;
    }

    fn next_place(&self) -> Option<usize> {
        let in_flight = self
            .items
            .iter()
            .filter(|item| item.request_id.is_some())
            .count();
        if in_flight >= IN_FLIGHT_MAX {
            return None;
        }
        let many = self.unlimited && !self.careful;
        let (mut earlier, mut held): (Vec<&Target>, Vec<&Target>) = Default::default();
        for (place, item) in self.items.iter().enumerate() {
            let target = &item.message.target;
            if !self.sure && item.message.is_of_store() {
                held.push(target.place());
                continue;
            }
            let free = many || !earlier.contains(&target.place());
            if item.request_id.is_none() && free && !held.contains(&target.place()) {
                return Some(place);
            }
            if free {
                earlier.push(target.place());
            }
        }
        None
    }
}

/// Whether a message can be sent where this is the store: not if it is bound to another one. What it answers in another one is
/// taken away.
fn is_there(message: &mut Outgoing, store: Option<&StoreId>) -> bool {
    let of = message.store.as_ref();
    if of.is_none() || store.is_none() || of == store {
        return true;
    }
    message.forget_reply();
    !message.is_bound()
}

fn messages_of(items: VecDeque<Item>) -> Vec<Outgoing> {
    items.into_iter().map(|item| item.message).collect()
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
