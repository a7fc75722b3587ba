//! The thread that has the journal: what is to be kept is handed to it, and it tells what is on the disk itself.
//!
//! Promises: handing over never waits, however long the disk does; what was handed over first is kept and told first; a
//! message is told as kept once it outlives a power cut. When it is closed it does what is left, then lets the journal go:
//! whoever has heard the end of its words finds the file free. It is bounded, since its owner hands over no further message
//! while too many wait, and each has one answer; of resets in a row, and of texts without a message between them that nobody
//! took yet, the last is enough. Texts that are handed over behind a message are written behind it: they may lack what it
//! says. Knows neither link nor screen.

use std::{
    collections::VecDeque,
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc as std_mpsc,
    },
    thread,
};

use tokio::sync::mpsc;

use crate::{
    client::{
        app::written::Written,
        journal::{Closing, Journal},
        net::outbox::Outgoing,
    },
    domain::ids::ClientMessageId,
};

/// Words that wait to be heard; past it the thread waits. As many as a batch can have.
const WORDS_MAX: usize = 256;
/// Orders that are written before all of them are put on the disk itself.
const BATCH_MAX: usize = 256;

/// Something to do.
#[derive(Debug)]
pub(super) enum Order {
    /// A message is to be kept, and its word given.
    Add(Outgoing),
    /// A message is answered.
    Settled(ClientMessageId),
    /// A message was refused, and why.
    Refused(ClientMessageId, String),
    /// The server has another store.
    Reset,
    /// Texts are to be kept: they lie where both sides have them.
    Texts,
}

/// What has become of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// The message is on the disk itself.
    Kept(ClientMessageId),
    /// It is not, and why.
    NotKept(ClientMessageId, String),
    /// Something could not be written, and why; it is tried again.
    Failed(String),
    /// The texts that were handed over with this number are on the disk itself.
    TextsKept(u64),
}

/// The texts of each order to keep some that the thread has not done yet, with their numbers.
type Texts = Arc<Mutex<VecDeque<(u64, Vec<Written>)>>>;

/// See the head of the file.
#[derive(Debug)]
pub(super) struct Keeper {
    /// None once it is closed.
    orders: Option<std_mpsc::Sender<Order>>,
    words: mpsc::Receiver<Word>,
    texts: Texts,
    has_room: Arc<AtomicBool>,
    closing: Closing,
    /// The last thing that was handed over: one after the other they are the same.
    is_reset: bool,
    /// A message was handed over after the last texts.
    is_behind: bool,
}

impl Keeper {
    /// Starts the thread. `before` is called before each batch: it may take long or break things, as a disk does.
    pub fn start(
        journal: Journal,
        before: impl FnMut(&mut Journal) + Send + 'static,
    ) -> io::Result<Self> {
        let (orders, to_do) = std_mpsc::channel();
        let (told, words) = mpsc::channel(WORDS_MAX);
        let texts = Texts::default();
        let has_room = Arc::new(AtomicBool::new(journal.has_room()));
        let closing = journal.closing();
        let closed = closing.clone();
        let mut work = Work {
            journal,
            texts: Arc::clone(&texts),
            has_room: Arc::clone(&has_room),
            told,
        };
        thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || {
                work.run(&to_do, before);
                let Work { journal, told, .. } = work;
                drop(journal);
                closed.is_over();
                // Only now its file is another's.
                drop(told);
            })?;
        Ok(Self {
            orders: Some(orders),
            words,
            texts,
            has_room,
            closing,
            is_reset: false,
            is_behind: false,
        })
    }

    /// Hands something over. Never waits.
    pub fn order(&mut self, order: Order) {
        let is_reset = matches!(order, Order::Reset);
        if std::mem::replace(&mut self.is_reset, is_reset) && is_reset {
            return;
        }
        self.is_behind |= matches!(order, Order::Add(_));
        if let Some(orders) = &self.orders {
            // A thread that is gone has panicked, which ends the program.
            let _ = orders.send(order);
        }
    }

    /// Hands texts over, in the place of those that were handed over before.
    pub fn texts(&mut self, number: u64, texts: Vec<Written>) {
        let mut waiting = locked(&self.texts);
        let is_behind = std::mem::take(&mut self.is_behind);
        match waiting.back_mut().filter(|_| !is_behind) {
            Some(before) => *before = (number, texts),
            None => {
                waiting.push_back((number, texts));
                drop(waiting);
                self.order(Order::Texts);
            }
        }
    }

    /// Whether there is room for another message, as far as it is known.
    pub fn has_room(&self) -> bool {
        self.has_room.load(Ordering::Acquire)
    }

    /// Returns the next word; `None`: it was closed, and all is done. Cancelling it loses nothing.
    pub async fn next(&mut self) -> Option<Word> {
        self.words.recv().await
    }

    /// Hands nothing over any more. What opens the journal next in this program waits until it is done.
    pub fn close(&mut self) {
        if let Some(orders) = self.orders.take() {
            self.closing.begins();
            drop(orders);
        }
    }
}

impl Drop for Keeper {
    /// Waits for nothing.
    fn drop(&mut self) {
        self.close();
    }
}

/// What the thread has.
struct Work {
    journal: Journal,
    texts: Texts,
    has_room: Arc<AtomicBool>,
    told: mpsc::Sender<Word>,
}

impl Work {
    fn run(&mut self, orders: &std_mpsc::Receiver<Order>, mut before: impl FnMut(&mut Journal)) {
        while let Ok(first) = orders.recv() {
            before(&mut self.journal);
            let batch = [first].into_iter().chain(orders.try_iter()).take(BATCH_MAX);
            let words: Vec<Word> = batch.filter_map(|order| self.done(order)).collect();
            let synced = match words.is_empty() {
                true => Ok(()),
                false => self.journal.sync(),
            };
            let failed = synced.err().map(|error| error.to_string());
            self.has_room
                .store(self.journal.has_room(), Ordering::Release);
            for word in words {
                let word = match (word, &failed) {
                    (Word::Kept(id), Some(why)) => Word::NotKept(id, why.clone()),
                    (Word::TextsKept(_), Some(why)) => Word::Failed(why.clone()),
                    (word, _) => word,
                };
                // Whoever does not listen any more still wants to have it done.
                let _ = self.told.blocking_send(word);
            }
        }
    }

    /// Does one thing; what it leads to if all of it comes to the disk itself.
    fn done(&mut self, order: Order) -> Option<Word> {
        let failed = |error: io::Error| Word::Failed(error.to_string());
        match order {
            Order::Add(message) => Some(match self.journal.add(&message) {
                Ok(()) => Word::Kept(message.id),
                Err(error) => Word::NotKept(message.id, error.to_string()),
            }),
            Order::Settled(id) => self.journal.settled(id).err().map(failed),
            Order::Refused(id, why) => self.journal.refused(id, &why).err().map(failed),
            Order::Reset => self.journal.reset().err().map(failed),
            Order::Texts => {
                let (number, texts) = locked(&self.texts).pop_front()?;
                let set = self.journal.set_texts(texts);
                Some(set.map_or_else(failed, |()| Word::TextsKept(number)))
            }
        }
    }
}

/// Nothing under this lock leaves a half-done state behind, so a panic elsewhere does not matter.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
