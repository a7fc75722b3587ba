//! The one writer: a thread that owns the write connection and commits what is queued, at once.
//!
//! Group commit without waiting: while a sync is in flight the next jobs queue up, and all of them share the next one.
//! A job is answered after the commit, and the commit is announced before the next one begins, so that commits are
//! heard in their order. When a batch fails, all of it is rolled back and every job of it learns why.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tracing::{error, warn};

use super::{batch::Batch, fault::Faults, memory::Memory};
use crate::{
    domain::{
        clock::TimeMs,
        commit::Commit,
        ids::{DeviceId, Offset, UserId},
    },
    store::{
        OnCommit, StoreError,
        switch::{self, Switch},
    },
    telemetry,
};

/// Bytes of jobs that may wait for the disk, over all callers: beyond it a caller is told to come again (`Busy`).
/// At 100-byte texts that is some 150,000 sends, about a second of them.
const QUEUED_BYTES_MAX: usize = 64 * 1024 * 1024;
/// What a job costs beside its texts.
pub(super) const JOB_BYTES: usize = 256;
/// Bytes of jobs in one batch: about 4,000 small sends. A larger batch would win nothing more and hold up its first.
const BATCH_BYTES_MAX: usize = 2 * 1024 * 1024;
/// How long what is lazy (device cursors, last seen, markers to show) may wait for a batch to share.
const LAZY: Duration = Duration::from_millis(900);

/// A job that waits for its batch.
struct Queued {
    kind: Kind,
    bytes: usize,
    job: Box<dyn Job>,
}

/// What a job is about; only `Switch::AckBeforeCommit` asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Messages.
    Sends,
    /// Anything else.
    Other,
}

/// Something to be done in the next batch.
trait Job: Send {
    /// Does it, inside the transaction.
    fn run(&mut self, batch: &mut Batch<'_>) -> rusqlite::Result<()>;
    /// Tells the caller how the batch ended.
    fn answer(self: Box<Self>, outcome: Result<(), StoreError>);
}

struct JobOf<T, F> {
    work: Option<F>,
    value: Option<T>,
    reply: oneshot::Sender<Result<T, StoreError>>,
    _room: OwnedSemaphorePermit,
}

impl<T, F> Job for JobOf<T, F>
where
    T: Send,
    F: FnOnce(&mut Batch<'_>) -> rusqlite::Result<T> + Send,
{
    fn run(&mut self, batch: &mut Batch<'_>) -> rusqlite::Result<()> {
        if let Some(work) = self.work.take() {
            self.value = Some(work(batch)?);
        }
        Ok(())
    }

    fn answer(self: Box<Self>, outcome: Result<(), StoreError>) {
        let Self { value, reply, .. } = *self;
        let value = outcome.and_then(|()| value.ok_or(StoreError::Closed));
        // The caller may have gone; what it asked for is done all the same.
        let _ = reply.send(value);
    }
}

/// What may be committed late: it is merged here until the next batch.
#[derive(Clone, Debug, Default)]
pub(super) struct Lazy {
    /// How far each device has acknowledged.
    pub cursors: HashMap<DeviceId, Offset>,
    /// When each device, and so its user, was there last.
    pub seen: HashMap<DeviceId, (UserId, TimeMs)>,
    /// When each device made a call last.
    pub used: HashMap<DeviceId, TimeMs>,
}

impl Lazy {
    fn is_empty(&self) -> bool {
        self.cursors.is_empty() && self.seen.is_empty() && self.used.is_empty()
    }

    /// Drops what a batch has written, unless something newer came meanwhile. Until then it stays to be read here.
    fn drop_written(&mut self, written: &Self) {
        self.cursors
            .retain(|device, cursor| written.cursors.get(device) != Some(cursor));
        self.seen
            .retain(|device, seen| written.seen.get(device) != Some(seen));
        self.used
            .retain(|device, used| written.used.get(device) != Some(used));
    }
}

/// The callers' end of the writer.
pub(super) struct Writer {
    queue: Mutex<Option<Sender<Queued>>>,
    room: Arc<Semaphore>,
    faults: Arc<Faults>,
    lazy: Arc<Mutex<Lazy>>,
    end: Arc<AtomicU64>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the thread works with.
struct Work {
    connection: Connection,
    memory: Memory,
    queue: Receiver<Queued>,
    lazy: Arc<Mutex<Lazy>>,
    faults: Arc<Faults>,
    end: Arc<AtomicU64>,
    on_commit: OnCommit,
}

impl Writer {
    /// Starts the thread.
    pub fn start(
        connection: Connection,
        memory: Memory,
        faults: Arc<Faults>,
        on_commit: OnCommit,
    ) -> std::io::Result<Self> {
        // Unbounded by itself; `room` bounds what is in it.
        let (sender, queue) = channel();
        let lazy = Arc::new(Mutex::new(Lazy::default()));
        let end = Arc::new(AtomicU64::new(memory.end().number()));
        let work = Work {
            connection,
            memory,
            queue,
            lazy: Arc::clone(&lazy),
            faults: Arc::clone(&faults),
            end: Arc::clone(&end),
            on_commit,
        };
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || {
                let _alarm = Alarm(Arc::clone(&work.faults));
                work.run();
            })?;
        Ok(Self {
            queue: Mutex::new(Some(sender)),
            room: Arc::new(Semaphore::new(QUEUED_BYTES_MAX)),
            faults,
            lazy,
            end,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// The end of the log.
    pub fn end(&self) -> Offset {
        Offset::new(self.end.load(Ordering::Acquire))
    }

    /// A reader found the log committed up to here: perhaps just before the writer could say so.
    pub fn seen(&self, end: Offset) {
        self.end.fetch_max(end.number(), Ordering::AcqRel);
    }

    /// What is merged until the next batch takes it.
    pub fn lazy(&self) -> MutexGuard<'_, Lazy> {
        self.lazy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses once the store is closed or has failed.
    pub fn check_open(&self) -> Result<(), StoreError> {
        self.faults.check()?;
        match *self.queue.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(_) => Ok(()),
            None => Err(StoreError::Closed),
        }
    }

    /// Queues work for the next batch; its place in the log is the order of these calls.
    pub fn submit<T, F>(
        &self,
        kind: Kind,
        bytes: usize,
        work: F,
    ) -> Result<oneshot::Receiver<Result<T, StoreError>>, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Batch<'_>) -> rusqlite::Result<T> + Send + 'static,
    {
        self.faults.check()?;
        let bytes = (bytes + JOB_BYTES).min(QUEUED_BYTES_MAX);
        let permits = u32::try_from(bytes).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room)
            .try_acquire_many_owned(permits)
            .map_err(|_| StoreError::Busy)?;
        let (reply, answer) = oneshot::channel();
        let job = JobOf {
            work: Some(work),
            value: None,
            reply,
            _room: room,
        };
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = queue.as_ref().ok_or(StoreError::Closed)?;
        sender
            .send(Queued {
                kind,
                bytes,
                job: Box::new(job),
            })
            .map_err(|_| StoreError::Closed)?;
        Ok(answer)
    }

    /// Commits what is queued and lazy, then ends the thread.
    pub async fn close(&self) {
        drop(
            self.queue
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            let joined = tokio::task::spawn_blocking(move || thread.join()).await;
            if !matches!(joined, Ok(Ok(()))) {
                error!("the writer of the store ended early");
            }
        }
    }
}

/// Without its writer a store must not go on: a defect that ends the thread ends the process, as a failed disk does.
struct Alarm(Arc<Faults>);

impl Drop for Alarm {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0
                .fail("a defect ended the writer; the log says where".into());
        }
    }
}

impl Work {
    fn run(mut self) {
        let mut lazy_since: Option<Instant> = None;
        loop {
            let wait = match lazy_since {
                Some(since) => LAZY.saturating_sub(since.elapsed()),
                None => LAZY,
            };
            let (mut jobs, open) = self.next_jobs(wait);
            let has_lazy = !self
                .lazy
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .is_empty()
                || self.memory.has_markers_to_show();
            let due =
                has_lazy && (!open || lazy_since.is_some_and(|since| since.elapsed() >= LAZY));
            if !jobs.is_empty() || due {
                self.commit(&mut jobs);
                lazy_since = None;
            } else if has_lazy {
                lazy_since.get_or_insert_with(Instant::now);
            }
            if !open {
                break;
            }
        }
        if let Err(error) = self.connection.close() {
            warn!(error = %error.1, "closing the store");
        }
    }

    /// Takes what is queued, waiting a while for the first; and whether more can come.
    fn next_jobs(&self, wait: Duration) -> (Vec<Queued>, bool) {
        let mut next = match self.queue.recv_timeout(wait) {
            Ok(first) => first,
            Err(RecvTimeoutError::Timeout) => return (Vec::new(), true),
            Err(RecvTimeoutError::Disconnected) => return (Vec::new(), false),
        };
        let mut jobs = Vec::new();
        let mut bytes = 0;
        loop {
            bytes += next.bytes;
            jobs.push(next);
            if bytes >= BATCH_BYTES_MAX {
                return (jobs, true);
            }
            match self.queue.try_recv() {
                Ok(more) => next = more,
                // A closed queue is seen again, and then ended, when it is empty.
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => return (jobs, true),
            }
        }
    }

    /// One batch: all of it or nothing.
    fn commit(&mut self, jobs: &mut Vec<Queued>) {
        if let Err(failed) = self.faults.check() {
            return answer(jobs, &Err(failed));
        }
        let lazy = self
            .lazy
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let (began, count) = (Instant::now(), jobs.len());
        match self.write(jobs, &lazy) {
            Ok(commit) => {
                telemetry::committed(count, began.elapsed());
                self.end.store(commit.last.number(), Ordering::Release);
                self.lazy
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .drop_written(&lazy);
                // Announced first: on its way to a sender the acknowledgement then often meets the message's own event,
                // and they share a frame.
                if !commit.events.is_empty() {
                    (self.on_commit)(commit);
                }
                answer(jobs, &Ok(()));
            }
            Err(error) => {
                let judged = self.faults.judge(&error);
                warn!(%error, "a batch was rolled back");
                if !self.connection.is_autocommit()
                    && let Err(error) = self.connection.execute_batch("ROLLBACK")
                {
                    self.faults.judge(&error);
                }
                self.memory.forget();
                answer(jobs, &Err(judged));
            }
        }
    }

    fn write(&mut self, jobs: &mut Vec<Queued>, lazy: &Lazy) -> rusqlite::Result<Commit> {
        self.connection
            .prepare_cached("BEGIN IMMEDIATE")?
            .execute([])?;
        let mut batch = Batch::new(&self.connection, &mut self.memory);
        for queued in jobs.iter_mut() {
            queued.job.run(&mut batch)?;
        }
        batch.write_lazy(lazy)?;
        let commit = batch.finish()?;
        if switch::is_on(Switch::AckBeforeCommit) {
            let (mut sends, others) = jobs
                .drain(..)
                .partition(|queued| queued.kind == Kind::Sends);
            answer(&mut sends, &Ok(()));
            *jobs = others;
            std::thread::sleep(Duration::from_millis(20));
        }
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        self.memory.settle();
        Ok(commit)
    }
}

fn answer(jobs: &mut Vec<Queued>, outcome: &Result<(), StoreError>) {
    for queued in jobs.drain(..) {
        queued.job.answer(outcome.clone());
    }
}
