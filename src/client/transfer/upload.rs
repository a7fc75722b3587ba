//! An upload from its beginning to the file that comes of it, over cuts, restarts and a server that answers strangely.
//!
//! Before each call it is known where the upload stands: from its beginning, from the last answer, or by asking. What was
//! taken is not sent again. A server that never gets on, however it answers, ends it: what is sent in all is bounded, and so
//! is how often the same trouble may come without a byte that is new.

use std::{
    io,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::stream;
use tokio::{task::JoinSet, time::sleep};
use tokio_stream::Stream;

use crate::{
    client::net::{
        error::ClientError,
        files::{UploadState, silent},
        retries::Retries,
        session::{Patience, Session},
    },
    domain::file::ContentHash,
    pb,
};

use super::{
    Pace, blocking,
    cancelled::{Outcome, cancel},
    error::TransferError,
    records::Record,
    source::{Source, read_error},
    steering::{Meter, Stage, Steering},
};

/// Bytes of a chunk, as the schema advises.
const CHUNK_BYTES: usize = 64 * 1024;
/// How often a server may answer strangely before something new is there.
const STRIKES_MAX: u32 = 5;
/// Bytes that are sent in all: so many times the file, and a little for many cuts of a small one.
const SENT_TIMES_MAX: u64 = 4;
const SENT_BEYOND_BYTES: u64 = 16 * 1024 * 1024;

/// Sends it, and returns the file that it is on the server. The record is kept until who calls forgets it: sent again, it is
/// the same file. One that was cancelled, or cannot be gone on with, is forgotten here; while the server cannot be told that,
/// it is to be cancelled.
pub async fn upload(
    session: &Session,
    source: &Source,
    record: &mut Record,
    pace: Pace,
    steering: &mut Steering,
) -> Result<pb::File, TransferError> {
    let meter = Arc::clone(steering.meter());
    let mut upload = Upload::new(session, source, record, pace, meter);
    upload.whole(steering).await
}

/// Cancels what an ended program began of it, if there is something, and forgets the record; or notes that it is to be.
pub async fn abandon(session: &Session, source: &Source, record: &mut Record) {
    let meter = Arc::new(Meter::unseen());
    let pace = Pace::patient(Patience::None);
    Upload::new(session, source, record, pace, meter)
        .give_up()
        .await;
}

struct Upload<'a> {
    session: &'a Session,
    source: &'a Source,
    record: &'a mut Record,
    pace: Pace,
    meter: Arc<Meter>,
    /// Whether it is to be noted: what shows a picture small is not.
    has_record: bool,
    /// Which it is, once it is begun.
    id: Option<String>,
    /// The server has said that this id is an upload of this file.
    is_it: bool,
    /// The file that shows it small, once it is there.
    thumbnail_id: Option<String>,
    /// The beginning that is under way: it goes on when nobody waits for it, or what it begins would be left on the server.
    beginning: JoinSet<Result<pb::Upload, ClientError>>,
    /// How much is there, if that is known.
    stands: Option<u64>,
    /// The most that ever was there.
    best: u64,
    /// Bytes sent in all.
    sent: u64,
    strikes: u32,
    /// How often pieces were handed over since anything new was there.
    handed: u32,
    retries: Retries,
}

/// What a step came to.
enum Step {
    Next,
    Done(pb::File),
}

impl<'a> Upload<'a> {
    fn new(
        session: &'a Session,
        source: &'a Source,
        record: &'a mut Record,
        pace: Pace,
        meter: Arc<Meter>,
    ) -> Self {
        Self {
            has_record: record.can_be_kept(),
            id: record.upload_id().map(ToOwned::to_owned),
            is_it: false,
            thumbnail_id: None,
            beginning: JoinSet::new(),
            meter,
            session,
            source,
            record,
            pace,
            stands: None,
            best: 0,
            sent: 0,
            strikes: 0,
            handed: 0,
            retries: Retries::new(pace.patience),
        }
    }

    /// All of it, and nothing is left behind that nobody goes on with.
    async fn whole(&mut self, steering: &mut Steering) -> Result<pb::File, TransferError> {
        self.record.go_on();
        self.meter.begin(Stage::Moving, 0, self.source.size);
        let done = self.run(steering).await;
        if done.as_ref().is_err_and(|error| !error.can_go_on()) {
            self.give_up().await;
        }
        done
    }

    async fn run(&mut self, steering: &mut Steering) -> Result<pb::File, TransferError> {
        loop {
            steering.note(!self.has_record || self.id.is_none() || self.record.is_kept());
            steering.clear().await?;
            let source = self.source;
            if self.id.is_none()
                && self.thumbnail_id.is_none()
                && let Some(thumbnail) = &source.thumbnail
            {
                let id = bring_thumbnail(self.session, thumbnail, self.pace, steering).await?;
                self.thumbnail_id = Some(id);
            }
            let step = steering.while_running(self.step()).await;
            let error = match step {
                // What was on the way may have been taken.
                None => {
                    self.stands = None;
                    steering.clear().await?;
                    self.retries.moved();
                    continue;
                }
                Some(Ok(Step::Next)) => continue,
                Some(Ok(Step::Done(file))) => return Ok(file),
                Some(Err(error)) => error,
            };
            self.stands = None;
            let wait = match error {
                TransferError::Client(error) => self.after(error, steering).await?,
                error => return Err(error),
            };
            self.meter.stage(Stage::Waiting);
            let _ = steering.while_running(sleep(wait)).await;
        }
    }

    async fn step(&mut self) -> Result<Step, TransferError> {
        let Some(id) = self.id.clone() else {
            self.begin().await?;
            return Ok(Step::Next);
        };
        let Some(at) = self.stands else {
            return self.ask(&id).await;
        };
        if at < self.source.size {
            self.bring(id, at).await?;
            return Ok(Step::Next);
        }
        self.meter.stage(Stage::Finishing);
        let file = self.session.complete_upload(&id, Patience::None).await?;
        Ok(Step::Done(self.checked(file)?))
    }

    async fn begin(&mut self) -> Result<(), TransferError> {
        let source = self.source;
        let request = pb::CreateUploadRequest {
            name: source.name.as_str().to_owned(),
            size_bytes: source.size,
            media_type: source.media_type.clone(),
            blake3: Bytes::copy_from_slice(&source.hash.0),
            image: source.image.map(|size| pb::ImageSize {
                width: size.width,
                height: size.height,
            }),
            thumbnail_file_id: self.thumbnail_id.clone().unwrap_or_default(),
        };
        if self.beginning.is_empty() {
            let session = self.session.clone();
            let begin = async move { session.create_upload(&request, Patience::None).await };
            self.beginning.spawn(begin);
        }
        self.begun().await
    }

    /// Waits for the beginning that is under way.
    async fn begun(&mut self) -> Result<(), TransferError> {
        let Some(begun) = self.beginning.join_next().await else {
            return Ok(());
        };
        let begun = begun.map_err(|defect| TransferError::Read(io::Error::other(defect)))??;
        if begun.id.is_empty() {
            return Err(ClientError::BadAnswer("id of the upload").into());
        }
        self.note(&begun)?;
        self.is_it = true;
        self.record.keep(&begun.id);
        self.id = Some(begun.id);
        Ok(())
    }

    /// Asks where it stands: it may be done, and a program before this one did not hear of it; and it may be another by now,
    /// since a store that was made anew, or is one of before, counts its own. One of the same bytes under the same name is as
    /// good as this one.
    async fn ask(&mut self, id: &str) -> Result<Step, TransferError> {
        let state = self.session.upload_state(id, Patience::None).await?;
        if !self.is_of_this_file(&state) {
            self.strikes += u32::from(self.is_it);
            if self.strikes > STRIKES_MAX {
                return Err(ClientError::BadAnswer("upload of this file").into());
            }
            self.record.forget();
            // What shows it small is of the store before, too.
            (self.id, self.thumbnail_id, self.is_it) = (None, None, false);
            return Ok(Step::Next);
        }
        self.is_it = true;
        match state {
            UploadState::UnderWay(upload) => {
                self.note(&upload)?;
                Ok(Step::Next)
            }
            UploadState::Done(file) => Ok(Step::Done(self.checked(file)?)),
        }
    }

    fn is_of_this_file(&self, state: &UploadState) -> bool {
        match state {
            UploadState::UnderWay(upload) => {
                upload.size_bytes == self.source.size
                    && upload.name == self.source.name.as_str()
                    && *upload.blake3 == self.source.hash.0
            }
            UploadState::Done(file) => {
                file.size_bytes == self.source.size && *file.blake3 == self.source.hash.0
            }
        }
    }

    fn note(&mut self, upload: &pb::Upload) -> Result<(), TransferError> {
        if upload.size_bytes != self.source.size {
            return Err(ClientError::BadAnswer("size of this upload").into());
        }
        self.note_at(upload.committed_bytes)
    }

    fn note_at(&mut self, at: u64) -> Result<(), TransferError> {
        if at > self.source.size {
            return Err(ClientError::BadAnswer("place in this upload").into());
        }
        self.stands = Some(at);
        self.meter.begin(Stage::Moving, at, self.source.size);
        if at > self.best {
            self.best = at;
            self.strikes = 0;
            self.handed = 0;
            self.retries.moved();
        }
        Ok(())
    }

    /// Sends from here to the end.
    async fn bring(&mut self, id: String, at: u64) -> Result<(), TransferError> {
        let all = self.source.size.saturating_mul(SENT_TIMES_MAX);
        if self.sent > all.saturating_add(SENT_BEYOND_BYTES) {
            return Err(ClientError::BadAnswer("upload that gets on").into());
        }
        self.stands = None;
        let on_the_way = Arc::new(OnTheWay {
            given: AtomicU64::new(at),
            fault: OnceLock::new(),
        });
        let chunks = chunks(
            id,
            self.source.clone(),
            Arc::clone(&on_the_way),
            Arc::clone(&self.meter),
        );
        let mut call = std::pin::pin!(self.session.upload_chunks(chunks));
        let mut seen = at;
        let answer = loop {
            tokio::select! {
                answer = &mut call => break answer,
                () = sleep(self.pace.standstill) => {
                    let now = on_the_way.given.load(Ordering::Relaxed);
                    if now == seen {
                        break Err(silent(self.pace.standstill));
                    }
                    seen = now;
                }
            }
        };
        let given = on_the_way.given.load(Ordering::Relaxed);
        self.sent = self.sent.saturating_add(given - at);
        if let Some(fault) = on_the_way.fault.get() {
            return Err(read_error(io::Error::new(fault.kind(), fault.to_string())));
        }
        if given > at && self.handed < STRIKES_MAX {
            // The server was there for as long as this took; without a byte that is new that counts so often.
            self.handed += 1;
            self.retries.moved();
        }
        let committed = answer?;
        self.note_at(committed)?;
        if committed < given {
            // It says that it has all that came, and has not.
            self.stands = None;
            return Err(ClientError::BadAnswer("all of what it took").into());
        }
        Ok(())
    }

    /// What is to be done after a failure: how long to wait before the next attempt.
    async fn after(
        &mut self,
        error: ClientError,
        steering: &mut Steering,
    ) -> Result<Duration, TransferError> {
        match error.reason() {
            "UPLOAD_NOT_FOUND" => {
                self.id = None;
                self.record.forget();
                self.strike(error)
            }
            "UPLOAD_OFFSET" | "UPLOAD_INCOMPLETE" | "CHUNK_HASH_MISMATCH" | "UPLOAD_TAKEN_OVER" => {
                self.strike(error)
            }
            // What shows it small was kept for so long, and then nothing held it.
            "FILE_NOT_FOUND" if self.thumbnail_id.take().is_some() => self.strike(error),
            "FILE_HASH_MISMATCH" => {
                if !self.source.is_as_it_was(steering).await? {
                    return Err(TransferError::Changed);
                }
                self.strike(error)
            }
            // As many as there may be: those that were cut are soon found dead.
            "TOO_MANY_TRANSFERS" => {
                let wait = self.retries.wait_longer(Duration::ZERO);
                wait.ok_or_else(|| error.into())
            }
            _ if matches!(error, ClientError::BadAnswer("all of what it took")) => {
                self.strike(error)
            }
            _ => self.retries.wait_after(&error).ok_or_else(|| error.into()),
        }
    }

    fn strike(&mut self, error: ClientError) -> Result<Duration, TransferError> {
        self.strikes += 1;
        let wait = self.retries.wait_longer(Duration::ZERO);
        match wait.filter(|_| self.strikes <= STRIKES_MAX) {
            Some(wait) => Ok(wait),
            None => Err(error.into()),
        }
    }

    /// The file, if it is what was sent.
    fn checked(&self, file: pb::File) -> Result<pb::File, TransferError> {
        let is_it = file.size_bytes == self.source.size && *file.blake3 == self.source.hash.0;
        match is_it && !file.id.is_empty() {
            true => Ok(file),
            false => Err(ClientError::BadAnswer("file that was sent").into()),
        }
    }

    /// The server need not keep what nobody goes on with. If it cannot be told now, it is noted that it is to be.
    async fn give_up(&mut self) {
        // Before it is waited for anything: this may be dropped at any time.
        self.record.cancel();
        // What is being begun would stay there for a day.
        if self.begun().await.is_ok() {
            self.record.cancel();
        }
        let outcome = match self.id.take() {
            Some(id) => cancel(self.session, &id, |state| self.is_of_this_file(state)).await,
            None => Outcome::Over,
        };
        if outcome == Outcome::Over {
            self.record.forget();
        }
    }
}

/// Sends what shows it small, and returns which file that is. Nobody watches: it is as large as a few chunks.
async fn bring_thumbnail(
    session: &Session,
    thumbnail: &Source,
    pace: Pace,
    steering: &mut Steering,
) -> Result<String, TransferError> {
    let mut record = Record::default();
    let meter = Arc::new(Meter::unseen());
    let mut small = Upload::new(session, thumbnail, &mut record, pace, meter);
    let file = Box::pin(small.whole(steering)).await?;
    Ok(file.id)
}

/// What a stream of chunks and who watches it share.
struct OnTheWay {
    /// Bytes of the file up to here were handed to the connection.
    given: AtomicU64,
    /// Why there are no more.
    fault: OnceLock<io::Error>,
}

/// The chunks from here to the end, read as they are pulled.
fn chunks(
    id: String,
    source: Source,
    on_the_way: Arc<OnTheWay>,
    meter: Arc<Meter>,
) -> impl Stream<Item = pb::UploadChunksRequest> + Send + 'static {
    let offset = on_the_way.given.load(Ordering::Relaxed);
    let state = (offset, Bytes::new(), Some(id), source);
    stream::unfold(state, move |(offset, mut read, id, source)| {
        let (on_the_way, meter) = (Arc::clone(&on_the_way), Arc::clone(&meter));
        async move {
            if read.is_empty() {
                if offset >= source.size {
                    return None;
                }
                let from = source.clone();
                read = match blocking(move || from.read(offset)).await.flatten() {
                    Ok(read) => read,
                    Err(error) => {
                        let _ = on_the_way.fault.set(error);
                        return None;
                    }
                };
            }
            let data = read.split_to(CHUNK_BYTES.min(read.len()));
            let next = offset + data.len() as u64;
            let chunk = pb::UploadChunksRequest {
                // The first says it for all.
                upload_id: id.unwrap_or_default(),
                offset,
                blake3: Bytes::copy_from_slice(&ContentHash::of(&data).0),
                data,
            };
            on_the_way.given.store(next, Ordering::Relaxed);
            meter.at(next);
            Some((chunk, (next, read, None, source)))
        }
    })
}

#[cfg(test)]
#[path = "upload_other_tests.rs"]
mod other_tests;
#[cfg(test)]
#[path = "upload_tests.rs"]
mod tests;
