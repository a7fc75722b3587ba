//! Files on their way out: how their streams end, what they keep meanwhile, and who is cut off.

use std::panic::{AssertUnwindSafe, catch_unwind};

use futures_util::FutureExt as _;
use tokio::time::timeout;
use tokio_stream::StreamExt as _;
use tonic::Code;

use super::*;
use crate::{
    domain::limits::TRANSFERS_PER_USER_MAX,
    engine::file_world::World,
    server::grpc::pace::{DOWNLOAD_BYTES, tests::at_once},
};

async fn download(world: &World, bytes: usize) -> Download {
    let file = world.file(&vec![7; bytes]).await;
    let download = Arc::clone(&world.engine);
    download.download(&world.ann, file.id, 0).await.unwrap()
}

fn uncut() -> Unread {
    Unread::new(CancellationToken::new())
}

/// What is left of a stream: its bytes, and how it ends.
async fn rest(mut answers: Answers, _kept: Kept) -> (usize, Option<Status>) {
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
        let (task, answers, kept) =
            hand_on(download, CancellationToken::new(), pace, uncut()).await;
        let ((), (bytes, end)) = tokio::join!(task, rest(answers, kept));
        assert_eq!((bytes, end.is_none()), (size, true));
    }
}

#[tokio::test]
async fn whoever_takes_nothing_is_told_that_more_was_to_come() {
    let world = World::new().await;
    let download = download(&world, 300_000).await;
    let stop = CancellationToken::new();
    let (task, answers, kept) = hand_on(download, stop, at_once(), uncut()).await;
    let ((), (bytes, end)) = tokio::join!(task, async {
        // Once the end lies there, too.
        while answers.stream.as_ref().len() < 2 {
            tokio::task::yield_now().await;
        }
        rest(answers, kept).await
    });
    assert!(bytes < 300_000, "{bytes}");
    assert_eq!(end.unwrap().code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn one_whose_end_is_not_taken_keeps_its_place_and_its_connection_is_cut() {
    for size in [1_000, 300_000] {
        let world = World::new().await;
        let file = world.file(b"one more").await.id;
        // How many more may begin.
        let room = async || {
            let mut all = Vec::new();
            while let Ok(more) = world.engine.download(&world.ann, file, 0).await {
                all.push(more);
            }
            all.len()
        };
        assert_eq!(room().await, TRANSFERS_PER_USER_MAX);
        let (next, cut) = (download(&world, size).await, CancellationToken::new());
        let unread = Unread {
            cut: cut.clone(),
            patience: Duration::from_millis(50),
        };
        let (task, answers, kept) =
            hand_on(next, CancellationToken::new(), at_once(), unread).await;
        task.await;
        assert!(cut.is_cancelled());
        assert_eq!(
            room().await,
            TRANSFERS_PER_USER_MAX - 1,
            "it lies there still"
        );
        drop((answers, kept));
        assert_eq!(room().await, TRANSFERS_PER_USER_MAX);
    }
}

#[tokio::test]
async fn a_body_keeps_its_place_until_its_end_is_asked_for() {
    use http_body_util::BodyExt as _;
    for (size, ends) in [(1_000, true), (1_000, false), (0, true)] {
        let world = World::new().await;
        let file = world.file(b"one more").await.id;
        let (next, stop) = (download(&world, size).await, CancellationToken::new());
        let (task, answers, kept) = hand_on(next, stop, at_once(), uncut()).await;
        let play = async {
            // As tonic makes it: the stream is over before its last bytes are handed on.
            drop(answers);
            let frames = [
                Frame::data(Bytes::from_static(b"all")),
                Frame::trailers(http::HeaderMap::new()),
            ];
            let frames = tokio_stream::iter(frames.map(Ok::<_, Status>));
            let mut answer = Response::new(Body::new(http_body_util::StreamBody::new(frames)));
            answer.extensions_mut().insert(kept);
            let mut body = keeping(answer).into_body();
            assert!(body.frame().await.unwrap().unwrap().is_data());
            // The task waits all the same.
            sleep(Duration::from_millis(50)).await;
            let others = || async {
                let mut all = Vec::new();
                while let Ok(more) = world.engine.download(&world.ann, file, 0).await {
                    all.push(more);
                }
                all.len()
            };
            assert_eq!(others().await, TRANSFERS_PER_USER_MAX - 1);
            match ends {
                true => assert!(body.frame().await.unwrap().unwrap().is_trailers()),
                false => drop(body),
            }
            assert_eq!(others().await, TRANSFERS_PER_USER_MAX);
        };
        tokio::join!(task, play);
    }
}

#[tokio::test]
async fn whoever_took_the_end_has_room_for_the_next_and_stays_connected() {
    let world = World::new().await;
    let (next, cut) = (download(&world, 1_000).await, CancellationToken::new());
    let (pace, unread) = (Pace::new(DOWNLOAD_BYTES), Unread::new(cut.clone()));
    let (task, answers, kept) = hand_on(next, CancellationToken::new(), pace, unread).await;
    let ((), taken) = tokio::join!(task, rest(answers, kept));
    assert_eq!(taken.0, 1_000);
    assert!(!cut.is_cancelled());
}

#[tokio::test]
async fn what_lies_unread_is_not_for_whose_token_is_void() {
    for size in [1_000, 1_000_000] {
        let world = World::new().await;
        let next = download(&world, size).await;
        let pace = Pace::new(DOWNLOAD_BYTES);
        let (task, answers, kept) = hand_on(next, CancellationToken::new(), pace, uncut()).await;
        let play = async {
            // It waits for its peer.
            while answers.stream.as_ref().is_empty() {
                tokio::task::yield_now().await;
            }
            world.engine.logout(&world.ann).await.unwrap();
            while answers.revoked.lock().unwrap().is_none() {
                sleep(Duration::from_millis(5)).await;
            }
            rest(answers, kept).await
        };
        let both = timeout(Duration::from_secs(30), async { tokio::join!(task, play) });
        let ((), (bytes, end)) = both.await.unwrap();
        assert_eq!((bytes, end.unwrap().code()), (0, Code::Unauthenticated));
    }
}

#[tokio::test]
async fn a_task_that_ends_early_and_a_server_that_stops_say_so() {
    let world = World::new().await;
    let pace = || Pace::new(DOWNLOAD_BYTES);
    for (panics, code) in [(true, Code::Internal), (false, Code::Unavailable)] {
        let first = download(&world, 300_000).await;
        let (task, answers, kept) = hand_on(first, CancellationToken::new(), pace(), uncut()).await;
        let mut task = Box::pin(task);
        assert!((&mut task).now_or_never().is_none());
        // As a panic does, or the end of the process.
        let dropped = catch_unwind(AssertUnwindSafe(move || {
            let _task = task;
            assert!(!panics, "on purpose");
        }));
        assert_eq!(dropped.is_err(), panics);
        assert_eq!(rest(answers, kept).await.1.unwrap().code(), code);
    }
    let second = download(&world, 300_000).await;
    let stop = CancellationToken::new();
    let (task, answers, kept) = hand_on(second, stop.clone(), pace(), uncut()).await;
    stop.cancel();
    let ((), (_, end)) = tokio::join!(task, rest(answers, kept));
    assert_eq!(end.unwrap().code(), Code::Unavailable);
    // Also while nobody takes what was read.
    let third = download(&world, 300_000).await;
    let stop = CancellationToken::new();
    let (task, answers, kept) = hand_on(third, stop.clone(), pace(), uncut()).await;
    let mut task = Box::pin(task);
    assert!((&mut task).now_or_never().is_none());
    stop.cancel();
    task.await;
    assert_eq!(
        rest(answers, kept).await.1.unwrap().code(),
        Code::Unavailable
    );
}
