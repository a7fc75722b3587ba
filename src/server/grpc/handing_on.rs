//! A file on its way out: a task that hands on no more than its peer takes, and whose stream ends well only with the last
//! byte. However else it ends, also by a panic or with the server, the peer is told so.

use bytes::Bytes;
use tokio::sync::mpsc::{self, OwnedPermit};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::{pace::Pace, status::status};
use crate::{
    convert::response,
    engine::{Download, Error, FileError},
    pb,
};

/// Bytes of an answer of `Download`.
const SENT_AT_ONCE: usize = 64 * 1024;

type Answer = Result<pb::DownloadResponse, Status>;

/// The answers of a download, as its peer takes them.
pub(super) type Answers = ReceiverStream<Answer>;

/// The end of a stream that has not come well to it yet.
struct Ending(Option<OwnedPermit<Answer>>);

impl Ending {
    /// Tells the peer why it ends. There is a place for that, however many answers lie unread.
    fn tell(&mut self, error: Error) {
        if let Some(place) = self.0.take() {
            place.send(Err(status(error)));
        }
    }

    /// That was the last byte.
    fn well(&mut self) {
        self.0 = None;
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

/// What hands a file on, and its answers.
pub(super) async fn hand_on(
    download: Download,
    stop: CancellationToken,
    pace: Pace,
) -> (impl Future<Output = ()> + Send + 'static, Answers) {
    // One answer is under way; the other place is for the end.
    let (answers, stream) = mpsc::channel(2);
    let ending = Ending(answers.clone().reserve_owned().await.ok());
    let task = hand(download, answers, ending, stop, pace);
    (task, ReceiverStream::new(stream))
}

async fn hand(
    mut download: Download,
    answers: mpsc::Sender<Answer>,
    mut ending: Ending,
    stop: CancellationToken,
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
            let sent = tokio::select! {
                biased;
                sent = pace.wait(answers.send(Ok(answer))) => sent,
                // The server does not wait for a peer that takes nothing.
                () = stop.cancelled() => return ending.tell(stopping()),
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
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use std::sync::Arc;

    use futures_util::FutureExt as _;
    use tokio_stream::StreamExt as _;
    use tonic::Code;

    use super::*;
    use crate::{
        engine::file_world::World,
        server::grpc::pace::{DOWNLOAD_BYTES, tests::at_once},
    };

    async fn download(world: &World, bytes: usize) -> Download {
        let file = world.file(&vec![7; bytes]).await;
        let download = Arc::clone(&world.engine);
        download.download(&world.ann, file.id, 0).await.unwrap()
    }

    /// What is left of a stream: its bytes, and how it ends.
    async fn rest(mut answers: Answers) -> (usize, Option<Status>) {
        let mut bytes = 0;
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(answer) => bytes += answer.data.len(),
                Err(status) => return (bytes, Some(status)),
            }
        }
        (bytes, None)
    }

    #[tokio::test]
    async fn a_stream_ends_well_with_the_last_byte_alone() {
        let world = World::new().await;
        for size in [0, 1, 300_000] {
            let download = download(&world, size).await;
            let pace = Pace::new(DOWNLOAD_BYTES);
            let (task, answers) = hand_on(download, CancellationToken::new(), pace).await;
            let ((), (bytes, end)) = tokio::join!(task, rest(answers));
            assert_eq!((bytes, end.is_none()), (size, true));
        }
    }

    #[tokio::test]
    async fn whoever_takes_nothing_is_told_that_more_was_to_come() {
        let world = World::new().await;
        let download = download(&world, 300_000).await;
        let stop = CancellationToken::new();
        let (task, answers) = hand_on(download, stop, at_once()).await;
        task.await;
        let (bytes, end) = rest(answers).await;
        assert!(bytes < 300_000, "{bytes}");
        assert_eq!(end.unwrap().code(), Code::DeadlineExceeded);
    }

    #[tokio::test]
    async fn a_task_that_ends_early_and_a_server_that_stops_say_so() {
        let world = World::new().await;
        let pace = || Pace::new(DOWNLOAD_BYTES);
        for (panics, code) in [(true, Code::Internal), (false, Code::Unavailable)] {
            let first = download(&world, 300_000).await;
            let (task, answers) = hand_on(first, CancellationToken::new(), pace()).await;
            let mut task = Box::pin(task);
            assert!((&mut task).now_or_never().is_none());
            // As a panic does, or the end of the process.
            let dropped = catch_unwind(AssertUnwindSafe(move || {
                let _task = task;
                assert!(!panics, "on purpose");
            }));
            assert_eq!(dropped.is_err(), panics);
            assert_eq!(rest(answers).await.1.unwrap().code(), code);
        }
        let second = download(&world, 300_000).await;
        let stop = CancellationToken::new();
        let (task, answers) = hand_on(second, stop.clone(), pace()).await;
        stop.cancel();
        let ((), (_, end)) = tokio::join!(task, rest(answers));
        assert_eq!(end.unwrap().code(), Code::Unavailable);
        // Also while nobody takes what was read.
        let third = download(&world, 300_000).await;
        let stop = CancellationToken::new();
        let (task, answers) = hand_on(third, stop.clone(), pace()).await;
        let mut task = Box::pin(task);
        assert!((&mut task).now_or_never().is_none());
        stop.cancel();
        task.await;
        assert_eq!(rest(answers).await.1.unwrap().code(), Code::Unavailable);
    }
}
