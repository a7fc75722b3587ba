//! A download from the question what the file is to the file on the disk, over cuts and restarts.
//!
//! Each answer must go on exactly where the one before ended, and none past the end that was said first. What ends before
//! the whole is there is gone on with; the whole is compared with the hash that was said first.

use std::{path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    task::{JoinHandle, spawn_blocking},
    time::{sleep, timeout},
};
use tonic::Streaming;

use crate::{
    client::net::{
        error::ClientError,
        files::silent,
        retries::Retries,
        session::{Patience, Session},
    },
    domain::file::ContentHash,
    pb,
};

pub use super::sink::To;
use super::{
    Pace, blocking,
    error::TransferError,
    sink::Sink,
    standing::is_same,
    steering::{Meter, Stage, Steering},
};

/// Bytes of a name that is looked at; a server gives 255 at the most.
const NAME_BYTES_MAX: usize = 4096;

/// A file that was fetched.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// What it is.
    pub file: pb::File,
    /// Where it is; `None`: it went to a writer.
    pub path: Option<PathBuf>,
}

/// Fetches a file. What failed for a while only, and what is dropped in the middle, leaves a part that the same download
/// goes on with; everything else leaves nothing.
pub async fn download(
    session: &Session,
    file_id: &str,
    to: To,
    pace: Pace,
    steering: &mut Steering,
) -> Result<Fetched, TransferError> {
    fetch(session, (file_id, None), to, pace, steering).await
}

/// A file of which is known what it is, as a message says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// Its id.
    pub id: &'a str,
    /// How many bytes it has.
    pub size_bytes: u64,
    /// Their BLAKE3; no other file has one of another length.
    pub blake3: &'a [u8],
}

impl<'a> From<&'a pb::File> for Wanted<'a> {
    fn from(file: &'a pb::File) -> Self {
        Self {
            id: &file.id,
            size_bytes: file.size_bytes,
            blake3: &file.blake3,
        }
    }
}

impl Wanted<'_> {
    fn is(&self, file: &pb::File) -> bool {
        (self.size_bytes, self.blake3) == (file.size_bytes, &*file.blake3)
    }
}

/// The same of a file of which is known what it is: nothing is written of any other one.
pub async fn download_this(
    session: &Session,
    file: Wanted<'_>,
    to: To,
    pace: Pace,
    steering: &mut Steering,
) -> Result<Fetched, TransferError> {
    fetch(session, (file.id, Some(file)), to, pace, steering).await
}

async fn fetch(
    session: &Session,
    (id, wanted): (&str, Option<Wanted<'_>>),
    to: To,
    pace: Pace,
    steering: &mut Steering,
) -> Result<Fetched, TransferError> {
    let mut download = Download {
        meter: Arc::clone(steering.meter()),
        session,
        id,
        wanted,
        pace,
        file: None,
        sink: None,
        busy: None,
        retries: Retries::new(pace.patience),
    };
    let done = download.run(to, steering).await;
    if done.as_ref().is_err_and(|error| !error.can_go_on()) {
        // A write that is under way has its end first.
        let _ = download.written().await;
        if let Some(sink) = download.sink.take() {
            let _ = blocking(move || sink.remove()).await;
        }
    }
    done
}

/// What a file is, as far as it matters here.
struct Known {
    file: pb::File,
    hash: ContentHash,
}

struct Download<'a> {
    session: &'a Session,
    id: &'a str,
    /// What it is to be, if that was known before.
    wanted: Option<Wanted<'a>>,
    pace: Pace,
    meter: Arc<Meter>,
    file: Option<Known>,
    /// Where it goes, unless it is being written to.
    sink: Option<Sink>,
    /// The write that is under way: it goes on when nobody waits for it.
    busy: Option<JoinHandle<(Sink, std::io::Result<()>)>>,
    retries: Retries,
}

impl Download<'_> {
    async fn run(&mut self, to: To, steering: &mut Steering) -> Result<Fetched, TransferError> {
        let mut to = Some(to);
        loop {
            steering.clear().await?;
            let step = steering.while_running(self.step()).await;
            let error = match step {
                None => {
                    steering.clear().await?;
                    self.retries.moved();
                    continue;
                }
                Some(Ok(())) => match self.open_or_finish(&mut to).await? {
                    Some(fetched) => return Ok(fetched),
                    None => continue,
                },
                Some(Err(TransferError::Client(error))) => error,
                Some(Err(error)) => return Err(error),
            };
            // As many as there may be: those that were cut are soon found dead.
            let wait = match error.reason() {
                "TOO_MANY_TRANSFERS" => self.retries.wait_longer(Duration::ZERO),
                _ => self.retries.wait_after(&error),
            };
            let Some(wait) = wait else {
                return Err(error.into());
            };
            self.meter.stage(Stage::Waiting);
            let _ = steering.while_running(sleep(wait)).await;
        }
    }

    /// Asks what the file is; then, brings what there is. To be dropped at any time.
    async fn step(&mut self) -> Result<(), TransferError> {
        self.written().await?;
        let Some(known) = &self.file else {
            let file = self.session.file(self.id, Patience::None).await?;
            if self.wanted.is_some_and(|wanted| !wanted.is(&file)) {
                return Err(TransferError::OtherFile);
            }
            self.file = Some(known(file)?);
            return Ok(());
        };
        let size = known.file.size_bytes;
        let at = self.at();
        self.meter.begin(Stage::Moving, at, size);
        if at == size {
            return Ok(());
        }
        let standstill = self.pace.standstill;
        let mut answers = self.session.download(self.id, at).await?;
        let first = next(&mut answers, standstill).await?;
        let first = first.ok_or(ClientError::BadAnswer("file"))?;
        let named = first.file.as_ref().ok_or(ClientError::BadAnswer("file"))?;
        if !is_same(&known.file, named) {
            return Err(TransferError::OtherFile);
        }
        self.take(first, true).await?;
        while self.at() < size {
            match next(&mut answers, standstill).await? {
                Some(answer) => self.take(answer, false).await?,
                None => {
                    let cause = "the file ended before its end".into();
                    return Err(ClientError::Unreachable { cause }.into());
                }
            }
        }
        Ok(())
    }

    /// Does what is not to be dropped in the middle.
    async fn open_or_finish(
        &mut self,
        to: &mut Option<To>,
    ) -> Result<Option<Fetched>, TransferError> {
        let Some(Known { file, hash }) = &self.file else {
            return Ok(None);
        };
        let (size, hash) = (file.size_bytes, *hash);
        if let Some(to) = to.take() {
            let name = file.name.clone();
            let opened = blocking(move || Sink::open(to, &name, size, hash)).await;
            self.sink = Some(opened.map_err(TransferError::Write)??);
            return Ok(None);
        }
        if self.at() < size {
            return Ok(None);
        }
        let Some(mut sink) = self.sink.take() else {
            return Ok(None);
        };
        self.meter.stage(Stage::Finishing);
        let settled = blocking(move || {
            let done = match sink.is(hash) {
                true => sink.settle().map(Some),
                false => sink.restart().map(|_| None),
            };
            (sink, done)
        });
        let (sink, done) = settled.await.map_err(TransferError::Write)?;
        let begins_anew = sink.at() < size;
        self.sink = Some(sink);
        match done.map_err(TransferError::Write)? {
            Some(path) => Ok(Some(Fetched {
                file: file.clone(),
                path,
            })),
            None if begins_anew => Ok(None),
            None => Err(TransferError::WrongHash),
        }
    }

    /// Bytes that are there.
    fn at(&self) -> u64 {
        self.sink.as_ref().map_or(0, Sink::at)
    }

    async fn take(
        &mut self,
        answer: pb::DownloadResponse,
        is_first: bool,
    ) -> Result<(), TransferError> {
        let at = self.at();
        let size = self.file.as_ref().map_or(0, |known| known.file.size_bytes);
        let data = answer.data;
        if data.is_empty() {
            // One of these, or there would be no end to them.
            return match is_first {
                true => Ok(()),
                false => Err(ClientError::BadAnswer("bytes in its answer").into()),
            };
        }
        if answer.offset != at {
            return Err(ClientError::BadAnswer("piece that comes next").into());
        }
        if data.len() as u64 > size - at {
            return Err(ClientError::BadAnswer("end where it said that it is").into());
        }
        let Some(mut sink) = self.sink.take() else {
            return Ok(());
        };
        self.busy = Some(spawn_blocking(move || {
            let written = sink.write(&data);
            (sink, written)
        }));
        self.written().await?;
        self.retries.moved();
        self.meter.at(self.at());
        Ok(())
    }

    /// Waits for a write that is under way.
    async fn written(&mut self) -> Result<(), TransferError> {
        let Some(busy) = &mut self.busy else {
            return Ok(());
        };
        let done = busy.await;
        self.busy = None;
        let (sink, written) = done.map_err(|error| TransferError::Write(error.into()))?;
        self.sink = Some(sink);
        written.map_err(TransferError::Write)
    }
}

/// The next answer, if it comes before the connection counts as dead.
async fn next(
    answers: &mut Streaming<pb::DownloadResponse>,
    standstill: Duration,
) -> Result<Option<pb::DownloadResponse>, ClientError> {
    match timeout(standstill, answers.message()).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(silent(standstill)),
    }
}

/// What a server says that the file is, if it can be one.
fn known(file: pb::File) -> Result<Known, ClientError> {
    if file.name.len() > NAME_BYTES_MAX {
        return Err(ClientError::BadAnswer("name that a file can have"));
    }
    let hash = <[u8; 32]>::try_from(&*file.blake3);
    let hash = hash.map_err(|_| ClientError::BadAnswer("hash of the file"))?;
    Ok(Known {
        hash: ContentHash(hash),
        file,
    })
}

#[cfg(test)]
#[path = "download_tests.rs"]
mod tests;
