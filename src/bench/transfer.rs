//! Files on their way up and down, as the real client moves them: pieces of 64 KiB, each with its hash, on a connection
//! of their own. Every byte that comes back is compared with what was sent, as it comes: what it is compared with stays in
//! the cache of the processor, so that is cheaper than a hash or than keeping it all for later.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::stream;
use tokio::time::{sleep, sleep_until};
use tokio_stream::Stream;
use tonic::transport::Channel;

use super::{
    client::{self, Login, PATIENCE},
    error::BenchError,
    process::Peer,
    sample::{Original, Originals, PIECE_BYTES, Pattern, name_of},
};
use crate::pb::{self, file_service_client::FileServiceClient};

/// How often it is looked at transfers.
const LOOK: Duration = Duration::from_millis(10);
/// What a transfer that was kept waiting makes up for: more would go out at once, and that is not its speed.
const MADE_UP_FOR: Duration = Duration::from_millis(20);

/// How much was moved, and how fast it may go.
#[derive(Debug)]
pub struct Meter {
    moved: AtomicU64,
    /// Time for a piece; `None`: as fast as it goes.
    each: Option<Duration>,
    /// When the next piece is due.
    due: Mutex<Instant>,
}

impl Meter {
    /// As fast as it goes.
    pub fn unbounded() -> Self {
        Self::paced(None, Duration::ZERO)
    }

    /// So many bytes a second from a moment on, a bit later than now, so that several do not move in step.
    pub fn paced(bytes_per_second: Option<u32>, later: Duration) -> Self {
        Self {
            moved: AtomicU64::new(0),
            each: bytes_per_second.map(Self::piece),
            due: Mutex::new(Instant::now() + later),
        }
    }

    /// How long a piece takes at so many bytes a second.
    pub fn piece(bytes_per_second: u32) -> Duration {
        Duration::from_secs(PIECE_BYTES as u64) / bytes_per_second.max(1)
    }

    /// Bytes that were moved so far.
    pub fn moved(&self) -> u64 {
        self.moved.load(Ordering::Relaxed)
    }

    fn count(&self, bytes: usize) {
        self.moved.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// When the next piece may be moved, if not at once.
    fn take_turn(&self, now: Instant) -> Option<Instant> {
        let each = self.each?;
        let mut next = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        let due = now
            .checked_sub(MADE_UP_FOR)
            .map_or(*next, |least| least.max(*next));
        *next = due + each;
        (due > now).then_some(due)
    }

    /// Waits until the next piece may be moved.
    async fn turn(&self) {
        if let Some(due) = self.take_turn(Instant::now()) {
            sleep_until(due.into()).await;
        }
    }
}

/// A file that has become one.
#[derive(Clone, Debug)]
pub struct Uploaded {
    /// Its id.
    pub id: String,
    /// Which of the originals it is.
    pub number: u64,
    /// How long its completion took: the check of the whole, and stable storage.
    pub completing: Duration,
}

/// One who sends and fetches files, one at a time.
pub struct Mover {
    files: FileServiceClient<Channel>,
    login: Login,
    originals: Arc<Originals>,
    meter: Arc<Meter>,
}

impl Mover {
    /// Logs so many in, each with a connection of its own, as `f0`, `f1` and so on.
    pub async fn open(
        peer: Peer,
        originals: &Arc<Originals>,
        meters: Vec<Meter>,
    ) -> Result<Vec<Self>, BenchError> {
        let names = (0..meters.len()).map(|number| format!("f{number}"));
        let logins = client::log_in(peer, names, 1).await?;
        let mut movers = Vec::with_capacity(meters.len());
        for (login, meter) in logins.into_iter().zip(meters) {
            let channel = client::connect(peer.address).await?;
            movers.push(Self {
                files: FileServiceClient::new(channel),
                login,
                originals: Arc::clone(originals),
                meter: Arc::new(meter),
            });
        }
        Ok(movers)
    }

    /// What it has moved.
    pub fn meter(&self) -> Arc<Meter> {
        Arc::clone(&self.meter)
    }

    /// Sends the file of a number.
    pub async fn upload(&mut self, number: u64) -> Result<Uploaded, BenchError> {
        let original = self.originals.file(number);
        let (size, hash) = (self.originals.pattern().size(), original.hash.clone());
        let request = pb::CreateUploadRequest {
            name: name_of(number),
            size_bytes: size,
            blake3: hash.clone(),
            ..pb::CreateUploadRequest::default()
        };
        let created = self
            .files
            .create_upload(self.login.request(request))
            .await?;
        let upload = created.into_inner().upload;
        let id = upload.ok_or(BenchError::WrongFile("no upload"))?.id;
        let pieces = pieces(
            id.clone(),
            Arc::clone(&self.originals),
            original,
            Arc::clone(&self.meter),
        );
        let sent = self.files.upload_chunks(self.login.request(pieces)).await?;
        if sent.into_inner().committed_bytes != size {
            return Err(BenchError::WrongFile("not all of an upload was taken"));
        }
        let asked = Instant::now();
        let request = pb::CompleteUploadRequest { upload_id: id };
        let completed = self.files.complete_upload(self.login.request(request));
        let file = completed.await?.into_inner().file;
        let completing = asked.elapsed();
        let file = file.ok_or(BenchError::WrongFile("an upload became nothing"))?;
        if (file.size_bytes, file.blake3) != (size, hash) {
            return Err(BenchError::WrongFile("another size or hash"));
        }
        Ok(Uploaded {
            id: file.id,
            number,
            completing,
        })
    }

    /// Fetches a file that it has sent; returns in how many pieces it came.
    pub async fn download(&mut self, file: &Uploaded) -> Result<u64, BenchError> {
        let original = self.originals.file(file.number);
        let request = pb::DownloadRequest {
            file_id: file.id.clone(),
            offset: 0,
        };
        let answers = self.files.download(self.login.request(request)).await?;
        let mut answers = answers.into_inner();
        let (mut at, mut count) = (0, 0);
        loop {
            self.meter.turn().await;
            let Some(answer) = answers.message().await? else {
                break;
            };
            if answer.offset != at {
                return Err(BenchError::WrongFile("a piece was left out, or came twice"));
            }
            if !self.originals.matches(&original, at, &answer.data) {
                return Err(BenchError::WrongFile("other bytes came back"));
            }
            at += answer.data.len() as u64;
            count += 1;
            self.meter.count(answer.data.len());
        }
        match at == self.originals.pattern().size() {
            true => Ok(count),
            false => Err(BenchError::WrongFile("the end of it did not come back")),
        }
    }
}

/// The pieces of a file, made when HTTP/2 asks for them.
fn pieces(
    id: String,
    originals: Arc<Originals>,
    original: Original,
    meter: Arc<Meter>,
) -> impl Stream<Item = pb::UploadChunksRequest> + Send + 'static {
    let state = (0, id, originals, original, meter);
    stream::unfold(
        state,
        |(index, id, originals, original, meter)| async move {
            let (data, blake3) = originals.piece(&original, index)?;
            meter.turn().await;
            meter.count(data.len());
            let piece = pb::UploadChunksRequest {
                // The first says it for all.
                upload_id: id,
                offset: Pattern::offset(index),
                data,
                blake3,
            };
            let state = (index + 1, String::new(), originals, original, meter);
            Some((piece, state))
        },
    )
}

/// Lets transfers go on to their end, and looks at what they are doing every now and then. It fails when nothing moves.
pub async fn watch<T>(
    meters: &[Arc<Meter>],
    transfers: impl Future<Output = Result<T, BenchError>>,
    mut look: impl FnMut() -> Result<(), BenchError>,
) -> Result<T, BenchError> {
    let mut transfers = std::pin::pin!(transfers);
    let (mut last, mut since) = (0, Instant::now());
    loop {
        tokio::select! {
            biased;
            done = &mut transfers => return done,
            () = sleep(LOOK) => look()?,
        }
        let moved = meters.iter().map(|meter| meter.moved()).sum();
        // Where there is nothing to move, nothing is missed.
        if moved != last || meters.is_empty() {
            (last, since) = (moved, Instant::now());
        } else if since.elapsed() > PATIENCE {
            return Err(BenchError::Late("the next piece of a file"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paced_transfer_keeps_its_speed_and_makes_up_for_little() {
        // A piece in a millisecond.
        let speed = u32::try_from(PIECE_BYTES * 1000).unwrap();
        let meter = Meter::paced(Some(speed), Duration::ZERO);
        let began = *meter.due.lock().unwrap();
        let ms = |ms| began + Duration::from_millis(ms);
        assert_eq!(meter.take_turn(began), None);
        assert_eq!(meter.take_turn(began), Some(ms(1)));
        assert_eq!(meter.take_turn(ms(1)), Some(ms(2)));
        // After a second: what it may make up for, then as before.
        let turns = (0..30).map(|_| meter.take_turn(ms(1_000)));
        let waits: Vec<Instant> = turns.flatten().collect();
        assert_eq!(waits.len(), 9);
        assert_eq!((waits[0], waits[8]), (ms(1_001), ms(1_009)));
        assert_eq!(Meter::unbounded().take_turn(began), None);
    }
}
