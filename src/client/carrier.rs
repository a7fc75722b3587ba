//! Moves files beside everything else in the modes for people: each job is a task, can be steered, and tells how far it is.
//!
//! Promises that a job that ends, however it does, is told of once; that what is dropped in the middle can be gone on with by
//! the same command, and so can what was uploaded until its message is kept; that what is cancelled is not gone on with; and
//! that nobody who is slow to hear of it holds up anything but the job itself. Its calls never wait for a disk. Decides
//! nothing: `app::transfers` does.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    task::{Id, JoinSet, spawn_blocking},
    time::timeout,
};

use super::{
    app::{
        transfers::{Far, Job, Moved, Stage, Steer, Uploaded},
        untrusted::Untrusted,
    },
    attach::{Metadata, looked_at},
    net::{
        connect::ServerAddress,
        error::ErrorKind,
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
        upload::{abandon, upload},
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
/// How long it is looked for what an ended program began of files that are not sent after all.
const LOOKED_FOR: Duration = Duration::from_secs(3);
/// Where files go if nothing else is said, in the home folder.
const DOWNLOADS: &str = "Downloads";
/// What became of a file that was there, and is another one now, or none.
const OTHER_STORE: &str =
    "the server has another store than when this was sent; the same command sends all of it anew";

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
    /// Of uploads whose files are in a message that is kept nowhere yet, by its name.
    records: BTreeMap<ClientMessageId, Vec<Record>>,
    /// Records that are being forgotten, which takes as long as the disk does.
    forgetting: JoinSet<()>,
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
            forgetting: JoinSet::new(),
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
        self.numbers.clear();
        self.handles.clear();
        self.records.clear();
        while self.forgetting.join_next().await.is_some() {}
    }

    /// Whether no job is under way.
    pub fn is_idle(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Whether no job is under way but those that were told to wait.
    pub fn is_at_rest(&self) -> bool {
        self.handles.values().all(Handle::is_paused)
    }
}

/// Nobody goes on with these. Blocks.
fn forget(mut records: Vec<Record>) {
    records.iter_mut().for_each(Record::forget);
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
                let found = steering.through(|| self.files_of(&conversation, seq)).await;
                let files = found.map_err(|error| error.to_string())??;
                let folder = self.folder(folder.as_deref());
                self.save(&files, &folder, file, &mut steering).await
            }
        }
    }

    /// Uploads files, one after the other.
    async fn send(&self, files: &[String], at: &AtomicUsize, steering: &mut Steering) -> Done {
        let mut there = Vec::new();
        let mut bytes_max = None;
        let into = (&mut there, &mut bytes_max);
        let sent = self.send_all(files, at, steering, into).await;
        let bytes_max = bytes_max.unwrap_or(u64::MAX);
        let (there, mut records): (Vec<pb::File>, Vec<Record>) = there.into_iter().unzip();
        let (error, file) = match sent {
            Ok(()) => match self.strange(&there, files, steering).await {
                Ok(None) => {
                    let uploaded = Uploaded {
                        id: ClientMessageId::mint(),
                        files: there.into_iter().map(|file| file.id).collect(),
                    };
                    return Ok((Moved::Uploaded(uploaded), records));
                }
                Ok(Some(why)) => {
                    let _ = spawn_blocking(move || forget(records)).await;
                    return Err(why);
                }
                Err(error) => (error, None),
            },
            Err((error, file)) => (error, Some(file)),
        };
        if matches!(error, TransferError::Cancelled) {
            // That of the one in hand is forgotten already.
            let rest = files.get(there.len()..).unwrap_or_default();
            let _ = spawn_blocking(move || forget(std::mem::take(&mut records))).await;
            let all = async {
                for file in rest {
                    self.drop_begun(&self.path(file), bytes_max).await;
                }
            };
            let _ = timeout(LOOKED_FOR, all).await;
        }
        Err(match file {
            Some(file) => within(file, &error),
            None => error.to_string().into(),
        })
    }

    /// The same; takes in those that are there by now, and what the server lets a file have. What fails says with which.
    async fn send_all<'a>(
        &self,
        files: &'a [String],
        at: &AtomicUsize,
        steering: &mut Steering,
        (there, bytes_max): (&mut Vec<(pb::File, Record)>, &mut Option<u64>),
    ) -> Result<(), (TransferError, &'a String)> {
        for (file, number) in files.iter().zip(1..) {
            at.store(number, Ordering::Relaxed);
            let sent = async {
                let max = match *bytes_max {
                    Some(max) => max,
                    None => steering.through(|| self.bytes_max()).await?,
                };
                *bytes_max = Some(max);
                let sent = self.send_one(&self.path(file), max, steering).await?;
                // One that was cancelled while its last answer was on the way is cancelled.
                Ok::<_, TransferError>((sent, steering.clear().await))
            };
            let (sent, clear) = sent.await.map_err(|error| (error, file))?;
            there.push(sent);
            clear.map_err(|error| (error, file))?;
        }
        Ok(())
    }

    /// Why files that were sent before the last are none any more: a server that got another store meanwhile has others
    /// under their ids, or none.
    async fn strange(
        &self,
        there: &[pb::File],
        files: &[String],
        steering: &mut Steering,
    ) -> Result<Option<Untrusted>, TransferError> {
        let before_last = there.len().saturating_sub(1);
        for (file, path) in there.iter().zip(files).take(before_last) {
            let now = || self.session.file(&file.id, self.patience);
            let is_it = match steering.through(now).await? {
                Ok(now) => (now.size_bytes, &now.blake3) == (file.size_bytes, &file.blake3),
                Err(error) if error.reason() == "FILE_NOT_FOUND" => false,
                // A login that sends and may not read is not told.
                Err(error) if error.kind() == ErrorKind::Refused => true,
                Err(error) => return Err(error.into()),
            };
            if !is_it {
                return Ok(Some(format!("{path}: {OTHER_STORE}").into()));
            }
        }
        Ok(None)
    }

    /// What an ended program began of a file that is not sent after all: it is cancelled, too. The file must be read for it,
    /// so that is done only where there is something to be found.
    async fn drop_begun(&self, path: &Path, bytes_max: u64) {
        let records = self.records.clone();
        if !spawn_blocking(move || records.has_any())
            .await
            .is_ok_and(|has| has)
        {
            return;
        }
        let (_, mut unsteered) = steering();
        if let Ok(source) = Source::open(path, bytes_max, &mut unsteered).await {
            let mut record = self.record(&source).await;
            abandon(&self.session, &source, &mut record).await;
        }
    }

    /// Without one that can be kept it is sent all the same, and cannot be gone on with.
    async fn record(&self, source: &Source) -> Record {
        let (records, of) = (self.records.clone(), source.clone());
        let record = spawn_blocking(move || records.take(&of, None)).await;
        record.ok().and_then(Result::ok).unwrap_or_default()
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
    ) -> Result<(pb::File, Record), TransferError> {
        let source = Source::open(path, bytes_max, steering).await?;
        let source = looked_at(source, Metadata::Kept, &self.decoder).await?;
        let mut record = self.record(&source).await;
        let pace = Pace::patient(self.patience);
        let file = upload(&self.session, &source, &mut record, pace, steering).await?;
        Ok((file, record))
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
