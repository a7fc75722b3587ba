//! What becomes of messages that were entered: which are kept on this machine, which may not be sent by this login, which
//! were refused.
//!
//! Promises that none of them is forgotten without a word: what is not on the server when the program ends is there at the
//! next start, or is named; and that one is sent once it is on the disk itself, or cannot be put there. Each counts once,
//! however often it is tried. A journal that fails is told once and gone on with: what is settled must not come back. Knows
//! neither link nor screen.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use tokio::time::{Duration, Instant};

use crate::{
    client::{
        app::{
            file,
            line::counted,
            room::Kind,
            untrusted::Untrusted,
            written::{To, WRITTEN_MAX, Written},
        },
        exit::Failure,
        net::outbox::{Outgoing, StoreId, Target},
        unsent::{messages, unsent_failure},
    },
    domain::ids::ClientMessageId,
};

use super::keeper::{Keeper, Order, Word};

/// Messages that are named of those that are lost, and characters of each.
const NAMED_MAX: usize = 3;
const START_CHARS: usize = 40;

/// How long the disk may take for a message before that is said.
const DISK_PATIENCE: Duration = Duration::from_secs(5);

/// See the head of the file.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Without one, messages live in memory alone, and that was said.
    keeper: Option<Keeper>,
    /// That it fails was said.
    is_failing: bool,
    /// Messages of which the journal was told and that are not settled.
    written: HashSet<ClientMessageId>,
    /// Those of them that outlive this program.
    kept: HashSet<ClientMessageId>,
    /// Messages on their way to the disk, the oldest first, and since when: they are sent once they are there.
    at_disk: VecDeque<(Instant, Outgoing)>,
    /// That the disk does not answer was said.
    is_slow: bool,
    /// Messages that this login may not send, which stay kept for another.
    held: BTreeMap<ClientMessageId, Outgoing>,
    /// Messages that were refused and neither sent again nor dropped, by their ids: in the order in which they were written.
    refused: BTreeMap<ClientMessageId, Outgoing>,
    /// Messages that are on their way and could not be kept.
    unkept: HashMap<ClientMessageId, Outgoing>,
    /// The number of the texts that were handed over last, and of those that are on the disk itself.
    texts: (u64, u64),
    /// There are texts, or were.
    has_texts: bool,
}

impl Ledger {
    /// Begins with what keeps messages, or with nothing, and with what earlier programs left: each with the reason why it
    /// was refused, if it was; and texts, or none.
    pub fn new(
        keeper: Option<Keeper>,
        left: &[(Outgoing, Option<String>)],
        has_texts: bool,
    ) -> Self {
        let ids: HashSet<_> = left.iter().map(|(message, _)| message.id).collect();
        let refused = left.iter().filter(|(_, why)| why.is_some());
        let refused = refused.map(|(message, _)| (message.id, message.clone()));
        Self {
            keeper,
            written: ids.clone(),
            kept: ids,
            refused: refused.collect(),
            has_texts,
            ..Self::default()
        }
    }

    /// Whether another message can be kept. Without a journal none is, which was said.
    pub fn has_room(&self) -> bool {
        self.keeper.as_ref().is_none_or(Keeper::has_room)
    }

    /// How many messages are on their way to the disk.
    pub fn waiting(&self) -> usize {
        self.at_disk.len()
    }

    /// The message on its way to the disk that was entered last.
    pub fn last_at_disk(&self) -> Option<ClientMessageId> {
        self.at_disk.back().map(|(_, message)| message.id)
    }

    /// Whether a message is on its way to the disk.
    pub fn is_at_disk(&self, id: ClientMessageId) -> bool {
        self.at_disk.iter().any(|(_, message)| message.id == id)
    }

    /// The store that a message is of which was refused.
    pub fn store_of(&self, id: ClientMessageId) -> Option<&StoreId> {
        self.refused.get(&id)?.store.as_ref()
    }

    /// Whether what is handed over is kept, as far as it is known.
    pub fn can_keep(&self) -> bool {
        self.keeper.is_some() && !self.is_failing
    }

    /// Keeps a message that is to be sent, or sent again. Returns it if it is to be sent now, since nothing can keep it; else
    /// it comes with [`Ledger::word`].
    #[must_use]
    pub fn add(&mut self, message: Outgoing, now: Instant) -> Option<Outgoing> {
        self.held.remove(&message.id);
        self.refused.remove(&message.id);
        let Some(keeper) = &mut self.keeper else {
            self.unkept.insert(message.id, message.clone());
            return Some(message);
        };
        keeper.order(Order::Add(message.clone()));
        self.written.insert(message.id);
        self.at_disk.push_back((now, message));
        None
    }

    /// Returns what the disk says next; never, if there is nothing that it could say. Cancelling it loses nothing.
    pub async fn next(&mut self) -> Word {
        match self.next_or_end().await {
            Some(word) => word,
            None => std::future::pending().await,
        }
    }

    /// The same; `None`: it was closed, all is done, and the file is another's.
    pub async fn next_or_end(&mut self) -> Option<Word> {
        let word = self.keeper.as_mut()?.next().await;
        if word.is_none() {
            // Or it has panicked, which ends the program.
            self.keeper = None;
        }
        word
    }

    /// Takes in what the disk says. Returns the message that is to be sent now, and what is to be said.
    #[must_use]
    pub fn word(&mut self, word: Word) -> (Option<Outgoing>, Option<String>) {
        match word {
            Word::Kept(id) => {
                self.is_failing = false;
                let message = self.off_disk(id);
                // One that was settled meanwhile is nothing any more.
                if self.written.contains(&id) {
                    self.unkept.remove(&id);
                    self.kept.insert(id);
                }
                (message, None)
            }
            Word::NotKept(id, why) => {
                let message = self.off_disk(id);
                self.kept.remove(&id);
                self.unkept
                    .extend(message.iter().map(|message| (id, message.clone())));
                (message, self.fails(&why))
            }
            Word::Failed(why) => (None, self.fails(&why)),
            Word::TextsKept(number) => {
                self.is_failing = false;
                self.texts.1 = number;
                (None, None)
            }
        }
    }

    fn off_disk(&mut self, id: ClientMessageId) -> Option<Outgoing> {
        let at = self.at_disk.iter().position(|(_, it)| it.id == id)?;
        let (_, message) = self.at_disk.remove(at)?;
        self.is_slow &= !self.at_disk.is_empty();
        Some(message)
    }

    fn fails(&mut self, why: &str) -> Option<String> {
        let was_failing = std::mem::replace(&mut self.is_failing, true);
        (!was_failing).then(|| not_kept(&why))
    }

    /// Returns what is to be said of a disk that does not answer; once.
    #[must_use]
    pub fn slow(&mut self, now: Instant) -> Option<String> {
        if self.slow_at()? > now {
            return None;
        }
        self.is_slow = true;
        let count = messages(self.waiting());
        Some(format!(
            "{count} not sent yet: the disk of this machine does not answer, and what is sent is kept there before"
        ))
    }

    /// When there is something to be said of a disk that does not answer.
    pub fn slow_at(&self) -> Option<Instant> {
        let (since, _) = self.at_disk.front().filter(|_| !self.is_slow)?;
        Some(*since + DISK_PATIENCE)
    }

    /// A message is on the server, or is dropped.
    pub fn settle(&mut self, id: ClientMessageId) {
        self.held.remove(&id);
        self.refused.remove(&id);
        self.unkept.remove(&id);
        self.kept.remove(&id);
        // One on its way to the disk is nothing to be sent any more.
        self.off_disk(id);
        if self.written.remove(&id) {
            self.order(Order::Settled(id));
        }
    }

    /// A message may not be sent by this login.
    pub fn hold(&mut self, message: &Outgoing) {
        self.unkept.remove(&message.id);
        match self.kept.contains(&message.id) {
            true => self.held.insert(message.id, message.clone()),
            false => self.refused.insert(message.id, message.clone()),
        };
    }

    /// A message was refused. One that is shown nowhere could not be dropped: it is not kept.
    pub fn refuse(&mut self, message: Outgoing, why: &str, is_shown: bool) {
        let id = message.id;
        self.unkept.remove(&id);
        self.refused.insert(id, message);
        if !self.written.contains(&id) {
            return;
        }
        if is_shown {
            return self.order(Order::Refused(id, why.to_owned()));
        }
        self.written.remove(&id);
        self.kept.remove(&id);
        self.order(Order::Settled(id));
    }

    /// The server has another store: what the messages answer is another one there, or none. Returns those that are bound to
    /// the one before: they are nothing to be sent any more.
    pub fn reset(&mut self) -> Vec<ClientMessageId> {
        let known = self.refused.values().chain(self.unkept.values());
        let known = known.chain(self.held.values());
        let known = known.chain(self.at_disk.iter().map(|(_, message)| message));
        let lost = known.filter(|it| it.is_bound());
        let lost: Vec<_> = lost.map(|it| it.id).collect();
        lost.iter().for_each(|id| self.settle(*id));
        let refused = self.refused.values_mut().chain(self.held.values_mut());
        refused.for_each(Outgoing::forget_reply);
        self.unkept.values_mut().for_each(Outgoing::forget_reply);
        let at_disk = self.at_disk.iter_mut();
        at_disk.for_each(|(_, message)| message.forget_reply());
        self.order(Order::Reset);
        lost
    }

    /// Keeps texts that were begun, in the place of those before.
    pub fn keep_texts(&mut self, texts: Vec<Written>) {
        let had_texts = std::mem::replace(&mut self.has_texts, !texts.is_empty());
        if !had_texts && !self.has_texts {
            return;
        }
        self.texts.0 += 1;
        if let Some(keeper) = &mut self.keeper {
            keeper.texts(self.texts.0, texts);
        }
    }

    /// Whether the texts that were handed over last outlive this program.
    pub fn has_kept_texts(&self) -> bool {
        self.texts.0 == self.texts.1
    }

    /// Hands nothing over any more: what was handed over is done, and told.
    pub fn close(&mut self) {
        self.keeper.iter_mut().for_each(Keeper::close);
    }

    /// Whether the file of the journal is another's, or there is none.
    pub fn is_closed(&self) -> bool {
        self.keeper.is_none()
    }

    fn order(&mut self, order: Order) {
        if let Some(keeper) = &mut self.keeper {
            keeper.order(order);
        }
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
        let lost = self.unkept.len().min(unsent);
        if unsent > lost && has_kept {
            told.push(unsent_failure(unsent - lost, true));
        }
        if lost > 0 {
            let failure = unsent_failure(lost, false);
            told.push(failure.within(&named(self.unkept.values())));
        }
        if !self.at_disk.is_empty() {
            let text = format!(
                "{} not sent, and the disk did not answer in time: see at the next start whether what is missing is kept",
                messages(self.waiting())
            );
            let at_disk = self.at_disk.iter().map(|(_, message)| message);
            told.push(Failure::told(4, text).within(&named(at_disk)));
        }
        if !self.held.is_empty() && has_kept {
            told.push(Failure::auth(format!(
                "{} not sent, since this login may not; kept for one that may",
                messages(self.held.len())
            )));
        }
        let (kept, lost): (Vec<_>, Vec<_>) = self
            .refused
            .values()
            .partition(|it| self.kept.contains(&it.id));
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
}

/// What is said of messages that live in memory alone.
pub(super) fn not_kept(problem: &impl std::fmt::Display) -> String {
    format!(
        "messages cannot be kept on this machine: {problem}; what is not sent when this ends is lost"
    )
}

/// What is told of texts that were begun and are lost.
pub(super) fn lost(texts: &[Written]) -> Failure {
    let text = format!(
        "{} lost: nothing could be kept on this machine; see to the space and the rights there",
        texts_begun(texts.len())
    );
    Failure::told(4, text).within(&named_begun(texts))
}

/// What is told of texts that were begun past what is kept, and of so many more that were.
pub(super) fn past(texts: &[Written], more: usize) -> Option<Failure> {
    let count = texts.len() + more;
    let text = format!(
        "{} lost: no more than {WRITTEN_MAX} are kept on this machine",
        texts_begun(count)
    );
    let failure = Failure::told(4, text);
    let failure = match texts {
        [] => failure,
        some => failure.within(&named_begun(some)),
    };
    (count > 0).then_some(failure)
}

fn texts_begun(count: usize) -> String {
    counted(count, "text that was begun is", "texts that were begun are")
}

fn named_begun(texts: &[Written]) -> String {
    let texts = texts.iter().map(|written| {
        let to = match &written.to {
            To::Conversation { kind, name, .. } => match kind {
                Kind::Direct => format!("to {name}"),
                Kind::Channel => format!("to #{name}"),
                Kind::Group => "to a group".to_owned(),
            },
            To::Edit { .. } => "as an edit".to_owned(),
            To::Nobody => "to nobody yet".to_owned(),
        };
        (to, written.text.as_str().into())
    });
    named_texts(texts)
}

/// Names messages, so that what they say can be written again.
fn named<'a>(messages: impl ExactSizeIterator<Item = &'a Outgoing>) -> String {
    named_texts(messages.map(|message| {
        let to = match message.target.place() {
            Target::User(name) => format!("to {name}"),
            Target::Channel(name) => format!("to #{name}"),
            _ => "to a group".to_owned(),
        };
        (to, file::said_of(&message.text, message.attachments.len()))
    }))
}

fn named_texts(texts: impl ExactSizeIterator<Item = (String, Untrusted)>) -> String {
    let more = texts.len().saturating_sub(NAMED_MAX);
    let named = texts.take(NAMED_MAX).map(|(to, text)| {
        let to = Untrusted::from(to).render_start(START_CHARS);
        let text = text.render_start(START_CHARS);
        format!("{to}: \"{text}\"")
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
