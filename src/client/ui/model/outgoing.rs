//! Messages on their way to the server, by the names that their sends have, in the order in which others will see them.
//!
//! Promises: a message stands here or in its conversation, never in both, whichever comes first: the answer to the send or
//! the event of the message. One that was refused stays until it is retried or dropped. Nothing is sent here.

use std::collections::VecDeque;

use super::markers::Delivery;
use crate::{
    client::app::{file, room::Place, untrusted::Untrusted},
    domain::{clock::TimeMs, ids::ClientMessageId, text::MessageText},
};

/// Messages that wait or failed. As many as the outbox of the link holds.
pub const MESSAGES_MAX: usize = 1_000;
/// Names of messages whose events came before the answers to their sends.
const ARRIVED_MAX: usize = 1_000;

/// How far a message has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It waits for the server.
    Waiting,
    /// It is on the server; its event is still to come.
    Sent {
        /// Its number.
        seq: u64,
    },
    /// It was refused.
    Failed {
        /// Why, and the mend.
        why: Untrusted,
    },
}

/// A message on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Names this send for ever.
    pub id: ClientMessageId,
    /// Where it goes.
    pub to: Place,
    /// What it says.
    pub text: MessageText,
    /// The ids of the files that it holds.
    pub attachments: Vec<String>,
    /// The message that it answers.
    pub reply_to: Option<u64>,
    /// When it was written.
    pub time: TimeMs,
    /// How far it has come.
    pub state: State,
}

impl Outgoing {
    /// What it says on one line: its text, or how many files it has instead.
    pub fn said(&self) -> Untrusted {
        file::said_of(self.text.as_str(), self.attachments.len())
    }

    /// What is shown for it.
    pub fn delivery(&self) -> Delivery {
        match self.state {
            State::Waiting => Delivery::Pending,
            State::Sent { .. } => Delivery::Sent,
            State::Failed { .. } => Delivery::Failed,
        }
    }
}

/// Too many wait already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    /// In number.
    #[error(
        "{MESSAGES_MAX} messages are waiting or were refused; try again when some are sent, or drop those that were refused"
    )]
    Messages,
    /// In bytes, where they are kept.
    #[error(
        "what waits or was refused takes all the room that there is for it on this machine; try again when some is sent, or \
         drop what was refused"
    )]
    Bytes,
}

/// See the head of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outbox {
    items: Vec<Outgoing>,
    /// Whose events have come.
    arrived: VecDeque<ClientMessageId>,
    /// Why those who send them take no more.
    full: Option<Full>,
}

impl Outbox {
    /// Notes whether those who send the messages take more, and why not.
    pub fn set_full(&mut self, full: Option<Full>) {
        self.full = full;
    }

    /// Takes a message, as one that an earlier program left.
    pub fn push(&mut self, message: Outgoing) -> Result<(), Full> {
        if self.has(message.id) {
            return Ok(());
        }
        if self.items.len() >= MESSAGES_MAX {
            return Err(Full::Messages);
        }
        self.items.push(message);
        Ok(())
    }

    /// Takes a message that was written just now: only where those who send take it.
    pub fn write(&mut self, message: Outgoing) -> Result<(), Full> {
        match self.full {
            Some(full) => Err(full),
            None => self.push(message),
        }
    }

    /// The message is on the server's stable storage.
    pub fn sent(&mut self, id: ClientMessageId, seq: u64) {
        if let Some(at) = self.arrived.iter().position(|it| *it == id) {
            self.arrived.remove(at);
        } else if let Some(item) = self.get_mut(id) {
            item.state = State::Sent { seq };
        }
    }

    /// The message was refused.
    pub fn failed(&mut self, id: ClientMessageId, why: Untrusted) {
        if let Some(item) = self.get_mut(id) {
            item.state = State::Failed { why };
        }
    }

    /// The event of a message has come; returns whether it was one of these, which is no longer here then.
    pub fn arrived(&mut self, id: ClientMessageId) -> bool {
        let Some(at) = self.items.iter().position(|it| it.id == id) else {
            return false;
        };
        let item = self.items.remove(at);
        if item.state == State::Waiting {
            if self.arrived.len() >= ARRIVED_MAX {
                self.arrived.pop_front();
            }
            self.arrived.push_back(id);
        }
        true
    }

    /// Everything up to this number has come of a place, or never will: what is on the server stands there by now.
    pub fn passed(&mut self, place: &Place, seq: u64) {
        let is_there = |it: &Outgoing| {
            it.to == *place && matches!(it.state, State::Sent { seq: sent } if sent <= seq)
        };
        self.items.retain(|it| !is_there(it));
    }

    /// A place has another name: what is on its way there stands there.
    pub fn renamed(&mut self, old: &Place, new: &Place) {
        for item in self.items.iter_mut().filter(|it| it.to == *old) {
            item.to = new.clone();
        }
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Sends a message again that was refused, behind all that wait, and under its name. Returns what to send.
    pub fn retry(&mut self, id: ClientMessageId) -> Option<Outgoing> {
        let is_it = |it: &Outgoing| it.id == id && matches!(it.state, State::Failed { .. });
        let at = self.items.iter().position(is_it)?;
        let mut item = self.items.remove(at);
        item.state = State::Waiting;
        self.items.push(item.clone());
        Some(item)
    }

    /// Drops a message that was refused and returns it, so that its text can be written anew. One that waits may have
    /// arrived, and cannot be dropped.
    pub fn drop_failed(&mut self, id: ClientMessageId) -> Option<Outgoing> {
        let is_it = |it: &Outgoing| it.id == id && matches!(it.state, State::Failed { .. });
        let at = self.items.iter().position(is_it)?;
        Some(self.items.remove(at))
    }

    /// Takes out one that is not there yet: it will never be.
    pub fn take(&mut self, id: ClientMessageId) -> Option<Outgoing> {
        let is_it = |it: &Outgoing| it.id == id && !matches!(it.state, State::Sent { .. });
        let at = self.items.iter().position(is_it)?;
        Some(self.items.remove(at))
    }

    /// The store is another one: what was on the old one will never come, and what a message answers is another one there, or
    /// none. Returns those that were not there yet and are nothing here: those that hold files, and those to groups.
    pub fn reset(&mut self) -> Vec<Outgoing> {
        self.arrived.clear();
        self.items
            .retain(|it| !matches!(it.state, State::Sent { .. }));
        let (lost, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut self.items)
            .into_iter()
            .partition(|it| !it.attachments.is_empty() || matches!(it.to, Place::Group(_)));
        self.items.extend(kept);
        for item in &mut self.items {
            item.reply_to = None;
        }
        lost
    }

    /// The messages to a place, in their order: those on the server first.
    pub fn to<'a, 'p>(
        &'a self,
        place: &'p Place,
    ) -> impl Iterator<Item = &'a Outgoing> + use<'a, 'p> {
        let here = move |it: &&Outgoing| it.to == *place;
        let is_sent = |it: &&Outgoing| matches!(it.state, State::Sent { .. });
        let sent = self.items.iter().filter(here).filter(is_sent);
        let others = self.items.iter().filter(here);
        sent.chain(others.filter(move |it| !is_sent(it)))
    }

    /// Those that were refused, to wherever they were to go.
    pub fn refused(&self) -> impl Iterator<Item = &Outgoing> {
        let is_refused = |it: &&Outgoing| matches!(it.state, State::Failed { .. });
        self.items.iter().filter(is_refused)
    }

    /// How many wait, and how many were refused.
    pub fn counts(&self) -> (usize, usize) {
        let count = |state| {
            self.items
                .iter()
                .filter(|it| it.delivery() == state)
                .count()
        };
        (count(Delivery::Pending), count(Delivery::Failed))
    }

    /// A message by its name.
    pub fn get(&self, id: ClientMessageId) -> Option<&Outgoing> {
        self.items.iter().find(|it| it.id == id)
    }

    fn has(&self, id: ClientMessageId) -> bool {
        self.get(id).is_some()
    }

    fn get_mut(&mut self, id: ClientMessageId) -> Option<&mut Outgoing> {
        self.items.iter_mut().find(|it| it.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u16) -> ClientMessageId {
        let mut bytes = [1; 16];
        bytes[..2].copy_from_slice(&number.to_be_bytes());
        ClientMessageId::from_bytes(bytes)
    }

    fn bob() -> Place {
        Place::User("bob".parse().unwrap())
    }

    fn message(number: u16) -> Outgoing {
        Outgoing {
            id: id(number),
            to: bob(),
            text: "x".parse().unwrap(),
            attachments: Vec::new(),
            reply_to: None,
            time: TimeMs::new(0),
            state: State::Waiting,
        }
    }

    fn shown(outbox: &Outbox) -> Vec<(ClientMessageId, Delivery)> {
        let place = bob();
        outbox.to(&place).map(|it| (it.id, it.delivery())).collect()
    }

    #[test]
    fn the_answer_and_the_event_may_come_in_any_order() {
        let mut outbox = Outbox::default();
        for number in 1..=3 {
            outbox.push(message(number)).unwrap();
        }
        outbox.push(message(2)).unwrap();
        outbox.sent(id(2), 8);
        let expected = [
            (id(2), Delivery::Sent),
            (id(1), Delivery::Pending),
            (id(3), Delivery::Pending),
        ];
        assert_eq!(shown(&outbox), expected);
        assert!(outbox.arrived(id(2)) && !outbox.arrived(id(2)));
        assert!(outbox.arrived(id(1)));
        outbox.sent(id(1), 7);
        assert_eq!(shown(&outbox), [(id(3), Delivery::Pending)]);
        assert!(outbox.arrived.is_empty());
    }

    #[test]
    fn what_was_refused_is_retried_at_the_end_or_dropped() {
        let mut outbox = Outbox::default();
        for number in 1..=3 {
            outbox.push(message(number)).unwrap();
        }
        assert_eq!(outbox.retry(id(1)), None);
        assert_eq!(outbox.drop_failed(id(1)), None);
        outbox.failed(id(1), "too long".into());
        outbox.failed(id(2), "too long".into());
        assert_eq!(outbox.counts(), (1, 2));
        assert_eq!(outbox.retry(id(1)), Some(message(1)));
        assert_eq!(outbox.drop_failed(id(2)).unwrap().id, id(2));
        let expected = [(id(3), Delivery::Pending), (id(1), Delivery::Pending)];
        assert_eq!(shown(&outbox), expected);
    }

    #[test]
    fn it_is_bounded_and_says_so() {
        let mut outbox = Outbox::default();
        let taken = (1..=2_000).filter(|number| outbox.push(message(*number)).is_ok());
        assert_eq!(taken.count(), MESSAGES_MAX);
        assert!(
            Full::Messages
                .to_string()
                .contains("1000 messages are waiting")
        );
        outbox.sent(id(1), 1);
        outbox.reset();
        assert_eq!(outbox.counts(), (MESSAGES_MAX - 1, 0));
    }

    #[test]
    fn what_waits_answers_nothing_in_another_store() {
        let mut outbox = Outbox::default();
        for number in 1..=2 {
            let reply_to = Some(9);
            let answer = Outgoing {
                reply_to,
                ..message(number)
            };
            outbox.push(answer).unwrap();
        }
        outbox.failed(id(1), "too long".into());
        for number in 3..=4 {
            let files = Outgoing {
                attachments: vec!["f1".to_owned()],
                ..message(number)
            };
            outbox.push(files).unwrap();
        }
        outbox.failed(id(4), "too long".into());
        let to_group = Outgoing {
            to: Place::Group("c1".to_owned()),
            ..message(5)
        };
        outbox.push(to_group).unwrap();
        let lost: Vec<_> = outbox.reset().into_iter().map(|it| it.id).collect();
        assert_eq!(lost, [id(3), id(4), id(5)]);
        assert_eq!(outbox.counts(), (1, 1));
        assert_eq!(outbox.retry(id(1)), Some(message(1)));
        assert_eq!(outbox.get(id(2)), Some(&message(2)));
    }
}
