//! What the line mode keeps of what was typed until somebody has answered it: the server, or, of what was refused, a person.
//!
//! Promises that a message is on disk before it is sent, where that is possible, and tells those of which it was not; that
//! what was refused and stays is never sent again by itself; and that what stays does not fill the disk. What a program
//! typed does not stay when it is refused: a program is told all of it, and nobody would drop it. What an earlier program
//! left does, since a person may have typed it. A journal that fails is told once and gone on with: what is settled must not
//! come back. Knows neither link nor screen.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    io,
    path::Path,
};

use crate::domain::{ids::ClientMessageId, name::UserName};

use super::{
    app::model::Msg,
    journal::Journal,
    net::{
        connect::ServerAddress,
        outbox::{Outgoing, StoreId},
        tls::Assurance,
    },
    unsent,
};

/// See the head of the file.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Without one, messages live in memory alone, and that was said.
    journal: Option<Journal>,
    /// That it fails was said.
    is_failing: bool,
    /// Messages that are on their way and could not be kept, each as it is named, by their ids: in the order in which they
    /// were typed. No more than are on their way.
    unkept: BTreeMap<ClientMessageId, String>,
    /// Messages that this login may not send, which stay kept for another: in the order in which they were written.
    held: BTreeSet<ClientMessageId>,
    /// Messages that stay if they are refused, until they are answered otherwise: those that earlier programs left, and
    /// those that were refused here and stayed, also while they are tried again.
    stay: HashSet<ClientMessageId>,
}

/// A message that an earlier program left, and why it was refused, if it was.
pub type Left = (Outgoing, Option<String>);

impl Kept {
    /// Keeps what this user types at a server. Returns what earlier programs left, oldest first, each with why it was
    /// refused, if it was; the others are to be sent.
    pub fn open(
        folder: &Path,
        (server, assurance): (&ServerAddress, Assurance),
        user: &UserName,
    ) -> io::Result<(Self, Vec<Left>)> {
        let (mut journal, left) = Journal::open(folder, server, assurance, user)?;
        let mut refused = journal.take_refused();
        let left = left.into_iter().map(|message| {
            let why = refused.remove(&message.id);
            (message, why)
        });
        let left: Vec<_> = left.collect();
        let kept = Self {
            journal: Some(journal),
            stay: left.iter().map(|(message, _)| message.id).collect(),
            ..Self::default()
        };
        Ok((kept, left))
    }

    /// Names those that are lost if the program ends now; of so many at most that are on their way.
    pub fn lost(&self, unsent: usize) -> Vec<&str> {
        let names = self.unkept.values().map(String::as_str);
        names.take(unsent).collect()
    }

    /// Whether a message is on the disk itself, once all was put there.
    pub fn has_safely(&self, id: ClientMessageId) -> bool {
        !self.is_failing && self.has(id)
    }

    /// From now on nothing can be written, or all again.
    #[cfg(test)]
    pub fn fail(&mut self, fails: bool) {
        self.journal.iter_mut().for_each(|it| it.fail(fails));
    }

    /// How many messages this login may not send.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// Whether another message can be kept. Without a disk none is, which was said.
    pub fn has_room(&self) -> bool {
        self.journal.as_ref().is_none_or(Journal::has_room)
    }

    /// The store that a message that is kept is of.
    pub fn store_of(&self, id: ClientMessageId) -> Option<&StoreId> {
        self.journal.as_ref()?.get(id)?.store.as_ref()
    }

    fn has(&self, id: ClientMessageId) -> bool {
        self.journal.as_ref().is_some_and(|it| it.has(id))
    }

    /// Keeps a message that is about to be sent, or sent again; on the disk itself, if the server is away.
    #[must_use]
    pub fn add(&mut self, message: &Outgoing, is_up: bool) -> Option<Msg> {
        let done = match &mut self.journal {
            Some(journal) if is_up => journal.add(message),
            Some(journal) => journal.add(message).and_then(|()| journal.sync()),
            None => Ok(()),
        };
        match self.has(message.id) {
            true => self.unkept.remove(&message.id),
            false => self.unkept.insert(message.id, unsent::name(message)),
        };
        self.is_failing &= done.is_err();
        self.told(done)
    }

    /// A message is on the server, or is dropped.
    #[must_use]
    pub fn settled(&mut self, id: ClientMessageId) -> Option<Msg> {
        self.stay.remove(&id);
        self.held.remove(&id);
        self.unkept.remove(&id);
        self.keep(|journal| journal.settled(id))
    }

    /// A message was refused. If `is_typed` a person typed it here, and it stays. One that an earlier program left stays,
    /// and so does one that stayed before.
    #[must_use]
    pub fn refused(&mut self, id: ClientMessageId, why: &str, is_typed: bool) -> Option<Msg> {
        if !is_typed && !self.stay.contains(&id) {
            return self.settled(id);
        }
        self.stay.insert(id);
        self.unkept.remove(&id);
        self.keep(|journal| journal.refused(id, why))
    }

    /// A message may not be sent by this login: it stays for another, if it is kept. Returns whether it is.
    #[must_use]
    pub fn hold(&mut self, id: ClientMessageId) -> bool {
        let is_kept = self.has(id);
        if is_kept {
            self.held.insert(id);
        }
        is_kept
    }

    /// The server has another store: what the messages answer is another one there, or none. Returns those of the messages
    /// that this login may not send that are none there: nobody else has them any more.
    #[must_use]
    pub fn reset(&mut self) -> (Vec<Outgoing>, Option<Msg>) {
        let journal = self.journal.as_ref();
        let held = self.held.iter();
        let lost = held.filter_map(|id| journal?.get(*id).filter(|it| it.is_bound()).cloned());
        let lost: Vec<Outgoing> = lost.collect();
        for message in &lost {
            self.held.remove(&message.id);
        }
        (lost, self.keep(Journal::reset))
    }

    /// Puts everything on the disk itself.
    #[must_use]
    pub fn sync(&mut self) -> Option<Msg> {
        self.keep(Journal::sync)
    }

    /// Does something to the journal.
    fn keep(&mut self, act: impl FnOnce(&mut Journal) -> io::Result<()>) -> Option<Msg> {
        let done = act(self.journal.as_mut()?);
        self.told(done)
    }

    /// That the journal fails is to be said, once until it keeps a message again.
    fn told(&mut self, done: io::Result<()>) -> Option<Msg> {
        let error = done.err()?;
        let was_failing = std::mem::replace(&mut self.is_failing, true);
        let problem = error.to_string().into();
        (!was_failing).then_some(Msg::NotKept { problem })
    }
}

#[cfg(test)]
#[path = "kept_tests.rs"]
mod tests;
