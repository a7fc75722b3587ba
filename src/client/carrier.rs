//! Moves files beside everything else in the modes for people: each job is a task, can be steered, and tells how far it is.
//!
//! Promises that a job that ends, however it does, is told of once; that what is dropped in the middle can be gone on with by
//! the same command, and so can what was uploaded until its message is kept; that what is cancelled is not gone on with; and
//! that nobody who is slow to hear of it holds up anything but the job itself. Its calls never wait for a disk. Decides
//! nothing: `app::transfers` does.

use std::{
    collections::{BTreeMap, HashMap},
    sync::atomic::{AtomicUsize, Ordering},
};

use tokio::{
    sync::{mpsc, watch},
    task::{Id, JoinSet},
};

use super::{
    app::transfers::{Far, Job, Moved, Stage, Steer},
    transfer::{
        cancelled::cancel_left,
        error::TransferError,
        records::Record,
        steering::{self, Handle, Progress, steering},
    },
};
use crate::domain::ids::ClientMessageId;

mod errand;

pub use errand::Errand;
use errand::{Done, forget};

/// Figures that wait to be taken: some of each job.
const TOLD_MAX: usize = 64;

/// See the head of the file.
#[derive(Debug)]
pub struct Carrier {
    errand: Errand,
    tasks: JoinSet<Done>,
    numbers: HashMap<Id, u32>,
    handles: BTreeMap<u32, Handle>,
    tell: mpsc::Sender<(u32, Far)>,
    told: mpsc::Receiver<(u32, Far)>,
    /// Of uploads whose files are in a message that is kept nowhere yet, by its name.
    records: BTreeMap<ClientMessageId, Vec<Record>>,
    /// Records that are being forgotten, which takes as long as the disk does.
    forgetting: JoinSet<()>,
    /// Uploads are being cancelled of which the server could not be told before: one task at the most.
    cancelling: JoinSet<()>,
}

impl Carrier {
    /// Nothing is moved yet. What could not be cancelled before is cancelled now, and else when what is begun is done.
    pub fn new(errand: Errand) -> Self {
        let (tell, told) = mpsc::channel(TOLD_MAX);
        let mut carrier = Self {
            errand,
            tasks: JoinSet::new(),
            numbers: HashMap::new(),
            handles: BTreeMap::new(),
            tell,
            told,
            records: BTreeMap::new(),
            forgetting: JoinSet::new(),
            cancelling: JoinSet::new(),
        };
        carrier.cancel_left();
        carrier
    }

    /// Not while a job is under way, which may go on with one of them.
    fn cancel_left(&mut self) {
        if self.cancelling.is_empty() && self.is_idle() {
            let Errand {
                session,
                records,
                turn,
                ..
            } = self.errand.clone();
            self.cancelling.spawn(cancel_left(session, records, turn));
        }
    }

    /// Begins a job under a number that no other one has.
    pub fn begin(&mut self, number: u32, job: Job) {
        let (handle, steering) = steering();
        let progress = handle.progress();
        let (errand, tell) = (self.errand.clone(), self.tell.clone());
        let task = self.tasks.spawn(async move {
            let file = AtomicUsize::new(1);
            tokio::select! {
                done = errand.run(job, &file, steering) => done,
                never = follow(number, progress, &file, tell) => match never {},
            }
        });
        self.numbers.insert(task.id(), number);
        self.handles.insert(number, handle);
    }

    /// Has a job wait, go on or end. One that is over is let be.
    pub fn steer(&self, number: u32, steer: Steer) {
        if let Some(handle) = self.handles.get(&number) {
            match steer {
                Steer::Pause => handle.pause(),
                Steer::Resume => handle.resume(),
                Steer::Cancel => handle.cancel(),
            }
        }
    }

    /// Returns what a job brings next. Cancelling it loses nothing.
    pub async fn next(&mut self) -> (u32, Moved) {
        loop {
            tokio::select! {
                Some(done) = self.tasks.join_next_with_id() => {
                    let (id, done) = match done {
                        Ok((id, done)) => (id, done),
                        Err(defect) => {
                            let why = format!("a defect of this program: {defect}; please report it");
                            (defect.id(), Err(why.into()))
                        }
                    };
                    let Some(number) = self.numbers.remove(&id) else {
                        continue;
                    };
                    let handle = self.handles.remove(&number);
                    if done.is_ok() {
                        // The server is there, and can be told of others.
                        self.cancel_left();
                    }
                    let is_cancelled = handle.is_some_and(|it| it.is_cancelled());
                    return match done {
                        // It was too late for the job to hear of it, and not for what comes after it.
                        Ok((Moved::Uploaded(_), records)) if is_cancelled => {
                            self.forget(records);
                            (number, Moved::Failed(TransferError::Cancelled.to_string().into()))
                        }
                        Ok((moved, records)) => {
                            if let Moved::Uploaded(uploaded) = &moved {
                                self.records.insert(uploaded.id, records);
                            }
                            (number, moved)
                        }
                        Err(why) => (number, Moved::Failed(why)),
                    };
                }
                Some(_) = self.forgetting.join_next() => {}
                Some(_) = self.cancelling.join_next() => {}
                Some((number, far)) = self.told.recv() => return (number, Moved::On(far)),
            }
        }
    }

    /// The message of this name is on a disk, here or of the server, or was dropped: nobody goes on with the uploads of its
    /// files.
    pub fn settled(&mut self, message: ClientMessageId) {
        if let Some(records) = self.records.remove(&message) {
            self.forget(records);
        }
    }

    /// The same of all messages that are kept.
    pub fn settle_kept(&mut self, is_kept: impl Fn(ClientMessageId) -> bool) {
        let kept: Vec<_> = self
            .records
            .keys()
            .copied()
            .filter(|id| is_kept(*id))
            .collect();
        kept.into_iter().for_each(|id| self.settled(id));
    }

    /// Whether no message is awaited that holds what was uploaded.
    pub fn is_settled(&self) -> bool {
        self.records.is_empty()
    }

    /// The message of this name is not sent: the same command goes on with the uploads of its files.
    pub fn let_go(&mut self, message: ClientMessageId) {
        self.records.remove(&message);
    }

    fn forget(&mut self, records: Vec<Record>) {
        self.forgetting.spawn_blocking(move || forget(records));
    }

    /// Notes a message whose files have these records.
    #[cfg(test)]
    pub fn note(&mut self, message: ClientMessageId, records: Vec<Record>) {
        self.records.insert(message, records);
    }

    /// Whether the files of a message can be gone on with.
    #[cfg(test)]
    pub fn notes(&self, message: ClientMessageId) -> bool {
        self.records.contains_key(&message)
    }

    /// Ends all that is under way, so that what it held is free: the same commands go on with it.
    pub async fn close(&mut self) {
        self.tasks.shutdown().await;
        self.cancelling.shutdown().await;
        self.numbers.clear();
        self.handles.clear();
        self.records.clear();
        while self.forgetting.join_next().await.is_some() {}
    }

    /// Whether no job is under way.
    pub fn is_idle(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Whether what is under way, but for what is cancelled, can be gone on with when this ends.
    pub fn is_noted(&self) -> bool {
        let mut handles = self.handles.values();
        handles.all(|handle| handle.is_cancelled() || handle.is_noted())
    }

    /// Whether no job is under way but those that were told to wait.
    pub fn is_at_rest(&self) -> bool {
        self.handles.values().all(Handle::is_paused)
    }
}

/// Tells how far a job is, and never ends.
async fn follow(
    number: u32,
    mut progress: watch::Receiver<Progress>,
    file: &AtomicUsize,
    tell: mpsc::Sender<(u32, Far)>,
) -> std::convert::Infallible {
    while progress.changed().await.is_ok() {
        let now = *progress.borrow_and_update();
        let far = Far {
            stage: stage(now.stage),
            file: file.load(Ordering::Relaxed),
            bytes: now.bytes,
            of: now.of,
            rate: now.rate,
            is_unnoted: now.is_unnoted,
        };
        if tell.send((number, far)).await.is_err() {
            break;
        }
    }
    std::future::pending().await
}

fn stage(stage: steering::Stage) -> Stage {
    match stage {
        steering::Stage::Reading => Stage::Reading,
        steering::Stage::Moving => Stage::Moving,
        steering::Stage::Waiting => Stage::Waiting,
        steering::Stage::Paused => Stage::Paused,
        steering::Stage::Finishing => Stage::Finishing,
    }
}

#[cfg(test)]
#[path = "carrier_tests.rs"]
mod tests;
