//! What becomes of messages that were entered: which are kept on this machine, which may not be sent by this login, which
//! were refused.
//!
//! Promises that none of them is forgotten without a word: what is not on the server when the program ends is there at the
//! next start, or is named. Each counts once, however often it is tried. A journal that fails is told once and gone on
//! with: what is settled must not come back. Knows neither link nor screen.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs::File,
    io,
};

use crate::{
    client::{
        app::untrusted::Untrusted,
        exit::Failure,
        journal::Journal,
        net::outbox::{Outgoing, Target},
        unsent::{messages, unsent_failure},
    },
    domain::ids::ClientMessageId,
};

/// Messages that are named of those that are lost, and characters of each.
const NAMED_MAX: usize = 3;
const START_CHARS: usize = 40;

/// See the head of the file.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Without one, messages live in memory alone, and that was said.
    journal: Option<Journal>,
    /// That it fails was said.
    is_failing: bool,
    /// Messages that this login may not send, which stay kept for another.
    held: HashSet<ClientMessageId>,
    /// Messages that were refused and neither sent again nor dropped, by their ids: in the order in which they were written.
    refused: BTreeMap<ClientMessageId, Outgoing>,
    /// Messages that are on their way and could not be kept.
    unkept: HashMap<ClientMessageId, Outgoing>,
}

impl Ledger {
    /// Begins with this journal, or with none, and with what earlier programs left. Returns of each of those why it was
    /// refused, if it was; the others are to be sent.
    pub fn new(
        mut journal: Option<Journal>,
        left: Vec<Outgoing>,
    ) -> (Self, Vec<(Outgoing, Option<String>)>) {
        let mut refused = journal
            .as_mut()
            .map(Journal::take_refused)
            .unwrap_or_default();
        let left = left.into_iter().map(|message| {
            let why = refused.remove(&message.id);
            (message, why)
        });
        let left: Vec<_> = left.collect();
        let refused = left.iter().filter(|(_, why)| why.is_some());
        let refused = refused.map(|(message, _)| (message.id, message.clone()));
        let ledger = Self {
            journal,
            refused: refused.collect(),
            ..Self::default()
        };
        (ledger, left)
    }

    /// Whether another message can be kept. Without a journal none is, which was said.
    pub fn has_room(&self) -> bool {
        self.journal.as_ref().is_none_or(Journal::has_room)
    }

    /// Keeps a message that is about to be sent, or sent again. Returns what is to be said.
    #[must_use]
    pub fn add(&mut self, message: &Outgoing) -> Option<String> {
        self.held.remove(&message.id);
        self.refused.remove(&message.id);
        let is_kept = |it: &Journal| it.has(message.id);
        let said = self.keep(|journal| journal.add(message));
        if !self.journal.as_ref().is_some_and(is_kept) {
            self.unkept.insert(message.id, message.clone());
        }
        said
    }

    /// A message is on the server, or is dropped. Returns what is to be said.
    #[must_use]
    pub fn settle(&mut self, id: ClientMessageId) -> Option<String> {
        self.held.remove(&id);
        self.refused.remove(&id);
        self.unkept.remove(&id);
        self.keep(|journal| journal.settled(id))
    }

    /// A message may not be sent by this login.
    pub fn hold(&mut self, message: &Outgoing) {
        self.unkept.remove(&message.id);
        match self.is_kept(message.id) {
            true => self.held.insert(message.id),
            false => self.refused.insert(message.id, message.clone()).is_none(),
        };
    }

    /// A message was refused. One that is shown nowhere could not be dropped: it is not kept. Returns what is to be said.
    #[must_use]
    pub fn refuse(&mut self, message: Outgoing, why: &str, is_shown: bool) -> Option<String> {
        let id = message.id;
        self.unkept.remove(&id);
        self.refused.insert(id, message);
        self.keep(|journal| match is_shown {
            true => journal.refused(id, why),
            false => journal.settled(id),
        })
    }

    /// The server has another store: what the messages answer is another one there, or none. Returns what is to be said.
    #[must_use]
    pub fn reset(&mut self) -> Option<String> {
        let refused = self.refused.values_mut();
        refused.for_each(Outgoing::forget_reply);
        self.unkept.values_mut().for_each(Outgoing::forget_reply);
        self.keep(Journal::reset)
    }

    /// Returns what is to be put on the disk itself, by somebody who may wait.
    pub fn unsynced(&mut self) -> (Option<File>, Option<String>) {
        let mut file = None;
        let said = self.keep(|journal| {
            file = journal.unsynced()?;
            Ok(())
        });
        (file, said)
    }

    /// Returns what is to be told when the program ends, while so many messages are on their way.
    pub fn report(&self, unsent: usize) -> Vec<Failure> {
        self.all(unsent, true)
    }

    /// Returns what is to be told when another login of the same user goes on: of what is kept nothing.
    pub fn report_lost(&self, unsent: usize) -> Vec<Failure> {
        self.all(unsent, false)
    }

    fn all(&self, unsent: usize, has_kept: bool) -> Vec<Failure> {
        let mut told = Vec::new();
        let lost = match &self.journal {
            Some(_) => self.unkept.len().min(unsent),
            None => unsent,
        };
        if unsent > lost && has_kept {
            told.push(unsent_failure(unsent - lost, true));
        }
        if lost > 0 {
            let failure = unsent_failure(lost, false);
            told.push(failure.within(&named(self.unkept.values())));
        }
        if !self.held.is_empty() && has_kept {
            told.push(Failure::auth(format!(
                "{} not sent, since this login may not; kept for one that may",
                messages(self.held.len())
            )));
        }
        let (kept, lost): (Vec<_>, Vec<_>) =
            self.refused.values().partition(|it| self.is_kept(it.id));
        if !kept.is_empty() && has_kept {
            told.push(Failure::refused(format!(
                "{} refused and kept; the next tinychat-client shows what can be sent again or dropped",
                messages(kept.len())
            )));
        }
        if !lost.is_empty() {
            let failure = Failure::refused(format!("{} refused", messages(lost.len())));
            told.push(failure.within(&named(lost.into_iter())));
        }
        told
    }

    fn is_kept(&self, id: ClientMessageId) -> bool {
        self.journal.as_ref().is_some_and(|journal| journal.has(id))
    }

    fn keep(&mut self, act: impl FnOnce(&mut Journal) -> io::Result<()>) -> Option<String> {
        let outcome = act(self.journal.as_mut()?);
        let was_failing = std::mem::replace(&mut self.is_failing, outcome.is_err());
        outcome
            .err()
            .filter(|_| !was_failing)
            .map(|error| not_kept(&error))
    }
}

/// What is said of messages that live in memory alone.
pub(super) fn not_kept(problem: &impl std::fmt::Display) -> String {
    format!(
        "messages cannot be kept on this machine: {problem}; what is not sent when this ends is lost"
    )
}

/// Names messages, so that what they say can be written again.
fn named<'a>(messages: impl ExactSizeIterator<Item = &'a Outgoing>) -> String {
    let more = messages.len().saturating_sub(NAMED_MAX);
    let named = messages.take(NAMED_MAX).map(|message| {
        let to = match message.target.place() {
            Target::User(name) => name.clone(),
            Target::Channel(name) => format!("#{name}"),
            _ => "a group".to_owned(),
        };
        let text = Untrusted::from(message.text.as_str()).render_start(START_CHARS);
        format!("to {to}: \"{text}\"")
    });
    let mut named: Vec<String> = named.collect();
    if more > 0 {
        named.push(format!("and {more} more"));
    }
    named.join(", ")
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
