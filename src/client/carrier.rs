//! Moves files beside everything else in the modes for people: each job is a task, can be steered, and tells how far it is.
//!
//! Promises that a job that ends, however it does, is told of once; that what is dropped in the middle can be gone on with by
//! the same command; and that nobody who is slow to hear of it holds up anything but the job itself. Decides nothing:
//! `app::transfers` does.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    task::{Id, JoinSet, spawn_blocking},
};

use super::{
    app::{
        transfers::{Far, Job, Moved, Stage, Steer, Uploaded},
        untrusted::Untrusted,
    },
    attach::{Metadata, looked_at},
    net::{
        connect::ServerAddress,
        history::Position,
        session::{Patience, Session},
        tls::Assurance,
    },
    picture::Decoder,
    transfer::{
        Pace,
        download::{To, download},
        error::TransferError,
        records::{Record, Records},
        source::Source,
        steering::{self, Handle, Progress, Steering, steering},
        upload::upload,
    },
};
use crate::{
    domain::{ids::ClientMessageId, name::UserName},
    pb,
};

/// Figures that wait to be taken: some of each job.
const TOLD_MAX: usize = 64;
/// How long a message is asked for: nobody can steer that.
const ASK_PATIENCE: Patience = Patience::For(Duration::from_secs(60));
/// Where files go if nothing else is said, in the home folder.
const DOWNLOADS: &str = "Downloads";

/// Who moves files where.
#[derive(Clone, Debug)]
pub struct Errand {
    /// The server.
    pub session: Session,
    /// How the records of uploads are found again.
    pub records: Records,
    /// How long a job goes on trying while nothing gets on.
    pub patience: Patience,
    /// The home folder, for `~` and for downloads.
    pub home: Option<PathBuf>,
    /// Looks at pictures.
    pub decoder: Decoder,
}

impl Errand {
    /// Of this user at this server, with the records in this folder.
    pub fn new(
        session: Session,
        (server, assurance, me): (&ServerAddress, Assurance, &UserName),
        folder: &Path,
        patience: Patience,
    ) -> Self {
        Self {
            session,
            records: Records::new(folder, server, assurance, me),
            patience,
            home: etcetera::home_dir().ok(),
            decoder: Decoder::new(),
        }
    }
}

/// See the head of the file.
#[derive(Debug)]
pub struct Carrier {
    errand: Errand,
    tasks: JoinSet<Done>,
    numbers: HashMap<Id, u32>,
    handles: BTreeMap<u32, Handle>,
    tell: mpsc::Sender<(u32, Far)>,
    told: mpsc::Receiver<(u32, Far)>,
    /// Of uploads whose files are in no message yet.
    records: BTreeMap<u32, Vec<Record>>,
}

/// What a job came to.
type Done = Result<(Moved, Vec<Record>), Untrusted>;

impl Carrier {
    /// Nothing is moved yet.
    pub fn new(errand: Errand) -> Self {
        let (tell, told) = mpsc::channel(TOLD_MAX);
        Self {
            errand,
            tasks: JoinSet::new(),
            numbers: HashMap::new(),
            handles: BTreeMap::new(),
            tell,
            told,
            records: BTreeMap::new(),
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
                    self.handles.remove(&number);
                    return match done {
                        Ok((moved, records)) => {
                            self.records.insert(number, records);
                            (number, moved)
                        }
                        Err(why) => (number, Moved::Failed(why)),
                    };
                }
                Some((number, far)) = self.told.recv() => return (number, Moved::On(far)),
            }
        }
    }

    /// The files of a job are in a message that is kept, so nobody goes on with their uploads.
    pub fn handed_over(&mut self, number: u32) {
        for mut record in self.records.remove(&number).unwrap_or_default() {
            record.forget();
        }
    }

    /// Whether no job is under way.
    pub fn is_idle(&self) -> bool {
        self.numbers.is_empty()
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

impl Errand {
    async fn run(&self, job: Job, file: &AtomicUsize, mut steering: Steering) -> Done {
        match job {
            Job::Send(files) => self.send(&files, file, &mut steering).await,
            Job::Save {
                conversation,
                seq,
                folder,
            } => {
                let files = self.files_of(&conversation, seq).await?;
                let folder = self.folder(folder.as_deref());
                self.save(&files, &folder, file, &mut steering).await
            }
        }
    }

    /// Uploads files, one after the other.
    async fn send(&self, files: &[String], at: &AtomicUsize, steering: &mut Steering) -> Done {
        let (mut ids, mut records) = (Vec::new(), Vec::new());
        let bytes_max = self.bytes_max().await;
        for (file, number) in files.iter().zip(1..) {
            at.store(number, Ordering::Relaxed);
            let (id, record) = self
                .send_one(&self.path(file), bytes_max, steering)
                .await
                .map_err(|error| within(file, &error))?;
            ids.push(id);
            records.push(record);
        }
        let id = ClientMessageId::mint();
        let uploaded = Uploaded { id, files: ids };
        Ok((Moved::Uploaded(uploaded), records))
    }

    /// How many bytes a file may have, if the server says so at once: else it says so when all of it was read here.
    async fn bytes_max(&self) -> u64 {
        let info = self.session.server_info(Patience::None).await;
        match info.ok().and_then(|info| info.limits) {
            Some(limits) if limits.file_bytes_max > 0 => limits.file_bytes_max,
            _ => u64::MAX,
        }
    }

    async fn send_one(
        &self,
        path: &Path,
        bytes_max: u64,
        steering: &mut Steering,
    ) -> Result<(String, Record), TransferError> {
        let source = Source::open(path, bytes_max, steering).await?;
        let source = looked_at(source, Metadata::Kept, &self.decoder).await?;
        let (records, of) = (self.records.clone(), source.clone());
        let record = spawn_blocking(move || records.take(&of, None)).await;
        // Without one it is sent all the same, and cannot be gone on with.
        let mut record = record.ok().and_then(Result::ok).unwrap_or_default();
        let pace = Pace::patient(self.patience);
        let file = upload(&self.session, &source, &mut record, pace, steering).await?;
        Ok((file.id, record))
    }

    /// The files of a message.
    async fn files_of(&self, conversation: &str, seq: u64) -> Result<Vec<pb::File>, Untrusted> {
        let around = Position::Around(seq);
        let found = self.session.history(conversation, around, 1, ASK_PATIENCE);
        let found = found.await.map_err(|error| error.to_string())?;
        let message = found.into_iter().find(|message| message.seq == seq);
        let message = message.ok_or("there is no such message; /history shows the numbers")?;
        match message.attachments.is_empty() {
            true => Err("that message has no files".into()),
            false => Ok(message.attachments),
        }
    }

    /// Fetches files, one after the other.
    async fn save(
        &self,
        files: &[pb::File],
        folder: &Path,
        at: &AtomicUsize,
        steering: &mut Steering,
    ) -> Done {
        let mut paths = Vec::new();
        for (file, number) in files.iter().zip(1..) {
            at.store(number, Ordering::Relaxed);
            let to = To::Folder(folder.to_owned());
            let pace = Pace::patient(self.patience);
            let fetched = download(&self.session, &file.id, to, pace, steering).await;
            let fetched = fetched.map_err(|error| within(&file.name, &error))?;
            let path = fetched.path.unwrap_or_default();
            paths.push(path.display().to_string().into());
        }
        Ok((Moved::Saved(paths), Vec::new()))
    }

    /// A path as it is typed: `~/` is the home folder.
    fn path(&self, typed: &str) -> PathBuf {
        match (typed.strip_prefix("~/"), &self.home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ if typed == "~" => self.home.clone().unwrap_or_else(|| typed.into()),
            _ => typed.into(),
        }
    }

    /// Where files go: the folder that was given, the one for downloads if there is one, or the one of now.
    fn folder(&self, typed: Option<&str>) -> PathBuf {
        let downloads = self.home.as_ref().map(|home| home.join(DOWNLOADS));
        match typed {
            Some(typed) => self.path(typed),
            None => downloads
                .filter(|folder| folder.is_dir())
                .unwrap_or_else(|| ".".into()),
        }
    }
}

/// What went wrong, and with what.
fn within(what: &str, error: &TransferError) -> Untrusted {
    format!("{what}: {error}").into()
}

#[cfg(test)]
#[path = "carrier_tests.rs"]
mod tests;
