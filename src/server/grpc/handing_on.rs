//! A file on its way out: a task that hands on no more than its peer takes, and whose stream ends well only with the last
//! byte. However else it ends, also by a panic or with the server, the peer is told so.
//!
//! It counts as under way until HTTP/2 has taken the end, too, and all that time it is asked whether the peer may have it (but
//! while the server stops): of one that may not any more nothing further is handed on that is still here, which is not what
//! HTTP/2 has (`server::listen`). If the end is not taken for too long the connection is cut, since HTTP/2 cannot end one stream
//! behind data that nobody takes.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::Response;
use hyper::body::Frame;
use tokio::{
    sync::mpsc::{self, OwnedPermit},
    time::sleep,
};
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::{Status, body::Body};

use super::{pace::Pace, status::status};
use crate::{
    convert::response,
    engine::{Download, Error, FileError},
    pb,
    store::blobs::Hold,
};

/// Bytes of an answer of `Download`.
const SENT_AT_ONCE: usize = 64 * 1024;

/// How long the end of a stream may lie unread, with what lies before it: a link that brings 16 KiB a second takes that in
/// this time.
const UNREAD: Duration = Duration::from_secs(60);
/// How long the end of one that its peer may not have may lie unread.
const REVOKED_UNREAD: Duration = Duration::from_secs(10);
/// How often it is asked whether the peer of a stream that stands still may have what it waits for.
const ASKED_AGAIN: Duration = Duration::from_millis(500);

type Answer = Result<pb::DownloadResponse, Status>;

/// The answers of a download, as its peer takes them.
pub struct Answers {
    stream: ReceiverStream<Answer>,
    /// Why it ends before all that lies here, if it does.
    revoked: Revoked,
    is_over: bool,
}

/// What a download keeps until its end is taken: its place among the transfers, and the word for its task. It stands among the
/// extensions of the answer, since what makes bytes of the answers drops them before it hands on the last.
#[derive(Clone)]
pub(super) struct Kept(Arc<Mutex<Option<(DropGuard, Hold)>>>);

impl Kept {
    fn let_go(&self) {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(kept);
    }
}

/// Has the body of a download keep what it must until its end.
pub(super) fn keeping(mut answer: Response<Body>) -> Response<Body> {
    let Some(kept) = answer.extensions_mut().remove::<Kept>() else {
        return answer;
    };
    answer.map(|inner| Body::new(Keeping { inner, kept }))
}

struct Keeping {
    inner: Body,
    kept: Kept,
}

impl hyper::body::Body for Keeping {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(context);
        let is_end = match &polled {
            Poll::Ready(Some(Ok(frame))) => !frame.is_data(),
            Poll::Ready(_) => true,
            Poll::Pending => false,
        };
        if is_end {
            // Before it is handed on: whoever has taken the end can begin the next one.
            self.kept.let_go();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        self.kept.let_go();
    }
}

type Revoked = Arc<Mutex<Option<Status>>>;

impl Stream for Answers {
    type Item = Answer;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Answer>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let revoked = self.revoked.lock();
        let revoked = revoked.unwrap_or_else(PoisonError::into_inner).take();
        if let Some(why) = revoked {
            self.is_over = true;
            self.stream.close();
            return Poll::Ready(Some(Err(why)));
        }
        Pin::new(&mut self.stream).poll_next(context)
    }
}

/// The end of a stream that has not come well to it yet.
struct Ending {
    place: Option<OwnedPermit<Answer>>,
    revoked: Revoked,
}

impl Ending {
    /// Tells the peer why it ends. There is a place for that, however many answers lie unread.
    fn tell(&mut self, error: Error) {
        if let Some(place) = self.place.take() {
            place.send(Err(status(error)));
        }
    }

    /// The same, in the place of all that lies unread.
    fn revoke(&mut self, error: Error) {
        let why = status(error);
        *self.revoked.lock().unwrap_or_else(PoisonError::into_inner) = Some(why.clone());
        // Whoever waits for more is woken by it.
        if let Some(place) = self.place.take() {
            place.send(Err(why));
        }
    }

    /// That was the last byte.
    fn well(&mut self) {
        self.place = None;
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.tell(ended_early("a download"));
    }
}

pub(super) fn stopping() -> Error {
    Error::StoreGone("the server stops".into())
}

/// Why a task is dropped before its end, for its own drop: it panics, or the process ends, as when its store has failed.
pub(super) fn ended_early(what: &str) -> Error {
    match std::thread::panicking() {
        true => Error::Defect(format!("{what} ended early")),
        false => stopping(),
    }
}

/// What becomes of a peer that does not take the end.
pub(super) struct Unread {
    cut: CancellationToken,
    patience: Duration,
}

impl Unread {
    /// Its connection ends by this token, after a minute.
    pub const fn new(cut: CancellationToken) -> Self {
        let patience = UNREAD;
        Self { cut, patience }
    }
}

/// What hands a file on, and its answers.
pub(super) async fn hand_on(
    mut download: Download,
    stop: CancellationToken,
    pace: Pace,
    unread: Unread,
) -> (impl Future<Output = ()> + Send + 'static, Answers, Kept) {
    // One answer is under way; the other place is for the end.
    let (answers, stream) = mpsc::channel(2);
    let (revoked, gone) = (Revoked::default(), CancellationToken::new());
    let mut ending = Ending {
        place: answers.clone().reserve_owned().await.ok(),
        revoked: Arc::clone(&revoked),
    };
    let (is_gone, place) = (gone.clone(), download.place());
    let task = async move {
        hand(&mut download, answers, &mut ending, &stop, pace).await;
        download.leave_place();
        let taken = taken(&mut download, &mut ending, &is_gone);
        tokio::select! {
            is_taken = taken => {
                if !is_taken {
                    unread.cut.cancel();
                }
            }
            // The server does not wait for it.
            () = stop.cancelled() => {}
            () = sleep(unread.patience) => unread.cut.cancel(),
        }
    };
    let kept = Kept(Arc::new(Mutex::new(Some((gone.drop_guard(), place)))));
    let answers = Answers {
        stream: ReceiverStream::new(stream),
        revoked,
        is_over: false,
    };
    (task, answers, kept)
}

/// Waits until the end is taken; false: the peer may not have it any more, and does not take even that.
async fn taken(download: &mut Download, ending: &mut Ending, gone: &CancellationToken) -> bool {
    let waits = async |wait| gone.run_until_cancelled(sleep(wait)).await.is_some();
    while waits(ASKED_AGAIN).await {
        if let Err(error) = download.still_may().await {
            ending.revoke(error);
            return !waits(REVOKED_UNREAD).await;
        }
    }
    true
}

async fn hand(
    download: &mut Download,
    answers: mpsc::Sender<Answer>,
    ending: &mut Ending,
    stop: &CancellationToken,
    mut pace: Pace,
) {
    let mut file = Some(response::file(&download.file));
    loop {
        let offset = download.offset;
        let piece = tokio::select! {
            biased;
            () = stop.cancelled() => Err(stopping()),
            () = answers.closed() => return ending.well(),
            piece = download.next() => piece,
        };
        let piece = match piece {
            // A file of nothing still says what it is.
            Ok(None) if file.is_some() => Bytes::new(),
            Ok(None) => return ending.well(),
            Ok(Some(piece)) => piece,
            Err(error) => return ending.tell(error),
        };
        let mut at = 0;
        loop {
            let end = (at + SENT_AT_ONCE).min(piece.len());
            let answer = pb::DownloadResponse {
                file: file.take(),
                offset: offset + at as u64,
                data: piece.slice(at..end),
            };
            let may_not = async {
                loop {
                    sleep(ASKED_AGAIN).await;
                    if let Err(error) = download.still_may().await {
                        break error;
                    }
                }
            };
            let sent = tokio::select! {
                biased;
                sent = pace.wait(answers.send(Ok(answer))) => sent,
                // The server does not wait for a peer that takes nothing.
                () = stop.cancelled() => return ending.tell(stopping()),
                error = may_not => return ending.revoke(error),
            };
            match sent {
                Some(Ok(())) => pace.moved((end - at) as u64),
                // Nobody is there any more.
                Some(Err(_)) => return ending.well(),
                None => return ending.tell(FileError::TooSlow(pace.least()).into()),
            }
            at = end;
            if at == piece.len() {
                break;
            }
        }
    }
}

#[cfg(test)]
#[path = "handing_on_tests.rs"]
mod tests;
