//! What a job with files does, from its beginning to its end: it uploads, or it saves.
//!
//! Promises that what fails says with which file; and that what is cancelled leaves nothing to be gone on with, here or, as
//! far as it can be told, on the server. Runs inside a task of the carrier, and may be dropped at any time.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{sync::RwLock, task::spawn_blocking, time::timeout};

use super::super::{
    app::{
        line::further,
        transfers::{AGAIN, Files, Job, Moved, Uploaded},
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
        download::{To, download_this},
        error::TransferError,
        records::{Record, Records},
        saved::saved,
        source::Source,
        standing::{before_last, stranger},
        steering::{Steering, steering},
        upload::{abandon, upload},
    },
};
use crate::{
    domain::{ids::ClientMessageId, name::UserName},
    pb,
};

/// How long a message is asked for: nobody can steer that.
const ASK_PATIENCE: Patience = Patience::For(Duration::from_secs(60));
/// How long it is looked for what an ended program began of files that are not sent after all.
const LOOKED_FOR: Duration = Duration::from_secs(3);
/// Where files go if nothing else is said, in the home folder.
pub(super) const DOWNLOADS: &str = "Downloads";

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
    /// Held by each job that sends, and by who cancels what was left while a record is in its hands: so no job finds a
    /// record taken by its own program.
    pub turn: Arc<RwLock<()>>,
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
            turn: Arc::default(),
        }
    }
}

/// What was sent of a job.
#[derive(Debug, Default)]
struct Sent {
    /// The files, in their order, and how each is gone on with until somebody knows of it.
    there: Vec<pb::File>,
    records: Vec<Record>,
    /// How the one that is being sent is gone on with.
    in_hand: Record,
    /// How many bytes a file may have, once that is known.
    bytes_max: Option<u64>,
}

/// What a job came to.
pub(super) type Done = Result<(Moved, Vec<Record>), Untrusted>;

impl Errand {
    /// Does a job; `file` is told with which of its files it is.
    pub(super) async fn run(&self, job: Job, file: &AtomicUsize, mut steering: Steering) -> Done {
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
    async fn send(&self, files: &Files, at: &AtomicUsize, steering: &mut Steering) -> Done {
        let metadata = match files.is_freed {
            true => Metadata::Dropped,
            false => Metadata::Kept,
        };
        let files = &files.paths;
        // One that is being cancelled is waited for: two calls at the most, each of which can take half a minute.
        let turn = steering.through(|| self.turn.read()).await;
        let mut sent = Sent::default();
        let (_turn, done) = match turn {
            Ok(turn) => {
                let of = (files.as_slice(), metadata);
                let done = self.send_all(of, at, steering, &mut sent).await;
                (Some(turn), done)
            }
            Err(error) => (None, Err((error, files.first()))),
        };
        let Sent {
            there,
            mut records,
            in_hand,
            bytes_max,
        } = sent;
        let Err((error, file)) = done else {
            let uploaded = Uploaded {
                id: ClientMessageId::mint(),
                files: there.into_iter().map(|file| file.id).collect(),
            };
            return Ok((Moved::Uploaded(uploaded), records));
        };
        let is_noted = steering.is_noted()
            && records.iter().all(Record::is_kept)
            && (there.len() == files.len() || in_hand.can_be_kept());
        drop(in_hand);
        let is_cancelled = matches!(error, TransferError::Cancelled);
        if is_cancelled || matches!(error, TransferError::OtherStore) {
            // That of the one in hand is forgotten already.
            let _ = spawn_blocking(move || forget(std::mem::take(&mut records))).await;
        }
        if is_cancelled {
            let rest = files.get(there.len()..).unwrap_or_default();
            let all = async {
                for file in rest {
                    let bytes_max = bytes_max.unwrap_or(u64::MAX);
                    let of = (self.path(file), metadata);
                    self.drop_begun(of, bytes_max).await;
                }
            };
            let _ = timeout(LOOKED_FOR, all).await;
        }
        let file = file.map(String::as_str);
        Err(within(file, &error, &[], is_noted))
    }

    /// The same; takes in what is there by now. What fails says with which.
    async fn send_all<'a>(
        &self,
        (files, metadata): (&'a [String], Metadata),
        at: &AtomicUsize,
        steering: &mut Steering,
        sent: &mut Sent,
    ) -> Result<(), (TransferError, Option<&'a String>)> {
        // What cannot be sent is told before anything is.
        let max = steering.through(|| self.bytes_max()).await;
        let max = max.map_err(|error| (error, files.first()))?;
        sent.bytes_max = Some(max);
        for file in files {
            let looked = Source::look(&self.path(file), max).await;
            looked.map_err(|error| (error, Some(file)))?;
        }
        for (file, number) in files.iter().zip(1..) {
            at.store(number, Ordering::Relaxed);
            let sending = async {
                let (path, in_hand) = (self.path(file), &mut sent.in_hand);
                let of = (path.as_path(), metadata);
                let one = self.send_one(of, max, steering, in_hand).await?;
                // One that was cancelled while its last answer was on the way is cancelled.
                Ok::<_, TransferError>((one, steering.clear().await))
            };
            let (one, clear) = sending.await.map_err(|error| (error, Some(file)))?;
            sent.there.push(one);
            sent.records.push(std::mem::take(&mut sent.in_hand));
            clear.map_err(|error| (error, Some(file)))?;
        }
        // The last was answered just now.
        let all = || stranger(&self.session, before_last(&sent.there), self.patience);
        let strange = steering.through(all).await.map_err(|error| (error, None))?;
        match strange.map_err(|error| (error.into(), None))? {
            None => Ok(()),
            Some(index) => Err((TransferError::OtherStore, files.get(index))),
        }
    }

    /// What an ended program began of a file that is not sent after all: it is cancelled, too. The file must be read for it,
    /// so that is done only where a file of its size was begun.
    async fn drop_begun(&self, (path, metadata): (PathBuf, Metadata), bytes_max: u64) {
        let (records, at) = (self.records.clone(), path.clone());
        let is_noted = move || std::fs::metadata(at).is_ok_and(|it| records.has(it.len()));
        // What was freed of metadata has another size.
        let is_kept = metadata == Metadata::Kept;
        if is_kept && !spawn_blocking(is_noted).await.is_ok_and(|it| it) {
            return;
        }
        let (_, mut unsteered) = steering();
        let source = Source::open(&path, bytes_max, &mut unsteered).await;
        let source = match (source, is_kept) {
            (Ok(source), false) => looked_at(source, metadata, &self.decoder).await,
            (source, _) => source,
        };
        if let Ok(source) = source {
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
        (path, metadata): (&Path, Metadata),
        bytes_max: u64,
        steering: &mut Steering,
        record: &mut Record,
    ) -> Result<pb::File, TransferError> {
        let source = Source::open(path, bytes_max, steering).await?;
        let source = looked_at(source, metadata, &self.decoder).await?;
        *record = self.record(&source).await;
        steering.note(record.can_be_kept());
        let pace = Pace::patient(self.patience);
        upload(&self.session, &source, record, pace, steering).await
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

    /// Fetches files, one after the other, but for those that lie there already, as the same command left them. What fails
    /// says which are there.
    pub(super) async fn save(
        &self,
        files: &[pb::File],
        folder: &Path,
        at: &AtomicUsize,
        steering: &mut Steering,
    ) -> Done {
        let mut paths = Vec::new();
        for (file, number) in files.iter().zip(1..) {
            at.store(number, Ordering::Relaxed);
            match self.save_one(file, folder, &paths, steering).await {
                Ok(path) => paths.push(path),
                Err(error) => return Err(within(Some(&file.name), &error, &paths, true)),
            }
        }
        let paths = paths.iter().map(|path| shown(path).into()).collect();
        Ok((Moved::Saved(paths), Vec::new()))
    }

    async fn save_one(
        &self,
        file: &pb::File,
        folder: &Path,
        others: &[PathBuf],
        steering: &mut Steering,
    ) -> Result<PathBuf, TransferError> {
        if let Some(path) = saved(folder, file, others, steering).await? {
            return Ok(path);
        }
        let (to, pace) = (To::Folder(folder.to_owned()), Pace::patient(self.patience));
        let fetched = download_this(&self.session, file.into(), to, pace, steering).await?;
        Ok(fetched.path.unwrap_or_default())
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
    pub(super) fn folder(&self, typed: Option<&str>) -> PathBuf {
        let downloads = self.home.as_ref().map(|home| home.join(DOWNLOADS));
        match typed {
            Some(typed) => self.path(typed),
            None => downloads
                .filter(|folder| folder.is_dir())
                .unwrap_or_else(|| ".".into()),
        }
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// What went wrong, and with what; which files were saved all the same; and whether the same command goes on with it, as it
/// can if it is noted what is there.
pub(super) fn within(
    what: Option<&str>,
    error: &TransferError,
    saved: &[PathBuf],
    is_noted: bool,
) -> Untrusted {
    let mut told = match what {
        Some(what) => format!("{what}: {error}"),
        None => error.to_string(),
    };
    if !saved.is_empty() {
        let saved: Vec<String> = saved.iter().map(|path| shown(path)).collect();
        told = further(&told, &format!("saved: {}", saved.join(", ")));
    }
    if error.can_go_on() && is_noted {
        told = further(&told, AGAIN);
    }
    told.into()
}

/// Nobody goes on with these. Blocks.
pub(super) fn forget(mut records: Vec<Record>) {
    records.iter_mut().for_each(Record::forget);
}
