//! What a peer can do with a stream of chunks, without a connection.

use std::iter::repeat_with;

use bytes::Bytes;
use futures_util::stream::iter;
use tokio_stream::pending;
use tonic::Code;

use super::*;
use crate::{engine::file_world::World, server::grpc::pace::tests::at_once};

fn piece(upload: &str, bytes: usize) -> pb::UploadChunksRequest {
    piece_at(upload, 0, bytes)
}

fn piece_at(upload: &str, offset: u64, bytes: usize) -> pb::UploadChunksRequest {
    pb::UploadChunksRequest {
        upload_id: upload.to_owned(),
        offset,
        data: Bytes::from(vec![7; bytes]),
        ..pb::UploadChunksRequest::default()
    }
}

fn service(world: &World) -> Files {
    Files::new(Arc::clone(&world.engine), Tasks::new())
}

fn chunks<S>(stream: S) -> Chunks<S> {
    Chunks {
        stream,
        stop: CancellationToken::new(),
        pace: Pace::new(UPLOAD_BYTES),
    }
}

#[test]
fn a_batch_is_bounded_in_bytes_and_in_chunks() {
    for (size, expected) in [(1, CHUNKS_AT_ONCE), (64 * 1024, 4), (512 * 1024, 1)] {
        let mut more = iter(repeat_with(|| Ok(piece("", size))).take(1_000));
        let first = piece("p1", size);
        let batch = batch_of(first, UploadId::new(1), &mut more).unwrap();
        assert_eq!(batch.len(), expected, "{size}");
        assert_eq!(bytes_of(&batch), (size * expected) as u64);
    }
    let batch = batch_of(piece("p1", 9), UploadId::new(1), &mut pending());
    assert_eq!(batch.unwrap().len(), 1);
}

#[test]
fn one_call_brings_one_upload() {
    let mut more = iter([Ok(piece("p2", 1))]);
    let refused = batch_of(piece("p1", 1), UploadId::new(1), &mut more).unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("another upload"));
}

#[tokio::test]
async fn whoever_has_always_one_more_does_not_keep_the_thread() {
    let world = World::new().await;
    let upload = world.begin(1_000, None).await;
    let id = upload.to_string();
    let many = (0..1_000).map(|offset| Ok(piece_at(&id, offset, 1)));
    let (files, chunks) = (service(&world), chunks(iter(many)));
    let mut all = Box::pin(files.take_in(&world.ann, chunks));
    let mut turns = 0;
    let stands = loop {
        match (&mut all).now_or_never() {
            Some(stands) => break stands.unwrap(),
            None => turns += 1,
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(stands, 1_000);
    assert!(turns >= 1_000 / CHUNKS_AT_ONCE, "{turns}");
}

#[tokio::test]
async fn an_upload_that_is_not_brought_ends_and_stands_where_it_stood() {
    let world = World::new().await;
    let upload = world.begin(10, None).await;
    let id = upload.to_string();
    let files = service(&world);
    let some = || iter([Ok(piece_at(&id, 0, 4))]).chain(pending());
    // Too little in the time there is.
    let slow = Chunks {
        pace: at_once(),
        ..chunks(some())
    };
    let ended = files.take_in(&world.ann, slow).await.unwrap_err();
    assert_eq!(ended.code(), Code::DeadlineExceeded);
    // The server stops.
    let nothing = chunks(pending());
    let stop = nothing.stop.clone();
    let mut waits = Box::pin(files.take_in(&world.ann, nothing));
    assert!((&mut waits).now_or_never().is_none());
    stop.cancel();
    assert_eq!(waits.await.unwrap_err().code(), Code::Unavailable);
    // Another call goes on with it; then it is cancelled.
    let more = iter([Ok(piece_at(&id, 4, 4))]).chain(pending());
    let mut first = Box::pin(files.take_in(&world.ann, chunks(more)));
    while world.stands(upload).await < 8 {
        assert!((&mut first).now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    let more = iter([Ok(piece_at(&id, 8, 1))]).chain(pending());
    let mut second = Box::pin(files.take_in(&world.ann, chunks(more)));
    while world.stands(upload).await < 9 {
        assert!((&mut second).now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    assert_eq!(first.await.unwrap_err().code(), Code::Aborted);
    let cancelled = world.engine.cancel_upload(&world.ann, upload).await;
    cancelled.unwrap();
    assert_eq!(second.await.unwrap_err().code(), Code::NotFound);
}
