//! What a peer can do with a stream of chunks, without a connection.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    task::Poll,
};

use bytes::Bytes;
use futures_util::stream::{iter, poll_fn};
use http_body_util::StreamBody;
use hyper::body::Frame;
use prost::Message as _;
use tokio_stream::pending;
use tonic::{Code, body::Body, codec::Codec as _};

use super::*;
use crate::{
    domain::limits::{CHUNK_BYTES_MAX, FILE_REQUEST_BYTES_MAX},
    engine::file_world::World,
    pb::codec::Codec,
    server::grpc::{
        halves::{Intake, Pool},
        intake::watched,
        pace::tests::at_once,
    },
};

fn piece(upload: &str, bytes: usize) -> ArrivedChunk {
    piece_at(upload, 0, bytes)
}

fn piece_at(upload: &str, offset: u64, bytes: usize) -> ArrivedChunk {
    let chunk = pb::UploadChunksRequest {
        upload_id: upload.to_owned(),
        offset,
        data: Bytes::from(vec![7; bytes]),
        ..pb::UploadChunksRequest::default()
    };
    let length = chunk.encoded_len();
    ArrivedChunk { chunk, length }
}

/// What a chunk becomes with so many bytes beside it that nobody reads, as it comes.
fn filled_up(chunk: &ArrivedChunk, beside: usize) -> (Bytes, ArrivedChunk) {
    let mut bytes = chunk.encode_to_vec();
    // A field that nobody knows.
    prost::encoding::bytes::encode(999, &vec![9; beside], &mut bytes);
    let all = Bytes::from(bytes);
    let decoded = ArrivedChunk::decode(all.clone()).unwrap();
    assert_eq!((&decoded.chunk, decoded.length), (&chunk.chunk, all.len()));
    (all, decoded)
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
    for (size, expected) in [(1, CHUNKS_AT_ONCE), (64 * 1024, 3), (512 * 1024, 1)] {
        let mut held = Held::new(UploadId::new(1));
        while held.has_room() {
            held.add(piece("p1", size)).unwrap();
        }
        let batch = held.begin();
        assert_eq!(batch.len(), expected, "{size}");
        assert!(held.writing >= size * expected);
        // So many gather while those are written: no more than there is room for.
        while held.has_room() {
            held.add(piece("p1", size)).unwrap();
        }
        let beside = [expected, 2, 0][[1, 64 * 1024, 512 * 1024].binary_search(&size).unwrap()];
        assert_eq!(held.batch.len(), beside, "{size}");
        held.is_over = true;
        assert!(!held.has_room());
    }
}

#[test]
fn less_than_a_mebibyte_is_in_memory_whatever_comes() {
    /// What HTTP/2 has of a stream: its window, and a frame that was taken from it and not handed on yet.
    const HTTP: usize = (128 + 16) * 1024;
    let of = |size: usize| {
        let chunk = piece("p1", size);
        let filled = filled_up(&chunk, FILE_REQUEST_BYTES_MAX - chunk.length - 6).1;
        assert!((FILE_REQUEST_BYTES_MAX - 2..=FILE_REQUEST_BYTES_MAX).contains(&filled.length));
        [chunk, filled]
    };
    let sizes = [1, COPIED_MAX, COPIED_MAX + 1, 64 * 1024, CHUNK_BYTES_MAX];
    let kinds: Vec<_> = sizes.into_iter().flat_map(of).collect();
    // One after another, each as often as there is room for it; after the first of them what has come is written.
    for [first, second, third] in (0..1_000).map(|code| [code / 100, code / 10 % 10, code % 10]) {
        let mut held = Held::new(UploadId::new(1));
        for kind in [first, second, third] {
            while held.has_room() {
                let one_more = FILE_REQUEST_BYTES_MAX + COPIED_MAX + HTTP;
                let most = held.bytes + held.writing + one_more;
                assert!(most < 1024 * 1024, "{first} {second} {third}: {most}");
                held.add(kinds[kind].clone()).unwrap();
                if held.batch.len() == 2 && kind != first {
                    // Something else comes next.
                    break;
                }
            }
            if kind == first {
                drop(held.begin());
            }
        }
    }
}

#[test]
fn what_is_held_of_a_small_chunk_is_its_data_and_not_the_message() {
    for (size, is_copied) in [(COPIED_MAX, true), (COPIED_MAX + 1, false)] {
        let (all, chunk) = filled_up(&piece("p1", size), 400 * 1024);
        assert!(!all.is_unique(), "its data is a part of all");
        let mut held = Held::new(UploadId::new(1));
        held.add(chunk).unwrap();
        assert_eq!(held.batch[0].data, vec![7; size]);
        assert_eq!(all.is_unique(), is_copied, "{size}");
        assert_eq!(held.bytes, if is_copied { size } else { all.len() });
    }
}

#[tokio::test]
async fn what_a_large_chunk_keeps_in_memory_is_its_message_and_no_more() {
    /// Frames of HTTP/2 as they come, whole ones and those that end somewhere else.
    const FRAMES: [usize; 3] = [16 * 1024, 16 * 1024 - 9, 1_000];
    let sizes = [64, 64, 17, 200, 512, 64, 512, 512, 65].map(|kib| kib * 1024);
    for frame in FRAMES {
        let mut bytes = Vec::new();
        for size in sizes {
            let message = piece("p1", size).encode_to_vec();
            bytes.push(0);
            bytes.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
            bytes.extend(message);
        }
        let frames: Vec<_> = bytes.chunks(frame).map(Bytes::copy_from_slice).collect();
        let frames = iter(frames).map(|bytes| Ok::<_, Status>(Frame::data(bytes)));
        let intake = Arc::new(Intake::new(Pool::default()));
        let path = "/tinychat.v1.FileService/UploadChunks";
        let body = watched(
            path,
            false,
            Body::new(StreamBody::new(frames)),
            intake,
            None,
        );
        let decoder = Codec::<(), ArrivedChunk>::default().decoder();
        let mut stream = Streaming::new_request(decoder, body, None, None);
        let mut held = Vec::new();
        while let Some(chunk) = stream.message().await.unwrap() {
            held.push(chunk);
        }
        drop(stream);
        assert_eq!(held.len(), sizes.len());
        for chunk in held {
            let (size, length) = (chunk.chunk.data.len(), chunk.length);
            // From its first byte to the end of what was allocated for it.
            let kept = chunk.chunk.data.try_into_mut().unwrap().capacity();
            assert!(kept < length + 16, "{size} in frames of {frame}: {kept}");
        }
    }
}

#[test]
fn one_call_brings_one_upload() {
    let mut held = Held::new(UploadId::new(1));
    held.add(piece("p1", 1)).unwrap();
    held.add(piece("", 1)).unwrap();
    let refused = held.add(piece("p2", 1)).unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("another upload"));
}

#[tokio::test]
async fn while_a_batch_is_written_the_next_one_gathers_and_no_more() {
    const PIECE: usize = 64 * 1024;
    let world = World::new().await;
    let upload = world.begin(100 * PIECE, None).await;
    let (id, pulled) = (upload.to_string(), AtomicUsize::new(0));
    let many = (0..100).map(|index| {
        pulled.fetch_add(1, Ordering::SeqCst);
        Ok(piece_at(&id, (index * PIECE) as u64, PIECE))
    });
    world.blobs.hold_back("append");
    let (files, chunks) = (service(&world), chunks(iter(many)));
    let mut all = Box::pin(files.take_in(&world.ann, chunks));
    for _ in 0..100 {
        assert!((&mut all).now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    assert_eq!(world.blobs.calls("append"), 1);
    // Three are written, and two more have come.
    assert_eq!(pulled.load(Ordering::SeqCst), 5);
    world.blobs.hold_back("nothing");
    world.blobs.let_one_go();
    assert_eq!(all.await.unwrap(), (100 * PIECE) as u64);
}

#[tokio::test]
async fn what_has_come_when_a_call_ends_is_written() {
    let world = World::new().await;
    let upload = world.begin(8, None).await;
    let files = service(&world);
    let all = breaks_while_it_writes(&files, &world, upload).await;
    // Whoever asks meanwhile is told where it stands then.
    let mut asked = Box::pin(world.engine.upload(&world.ann, upload));
    assert!((&mut asked).now_or_never().is_none());
    world.blobs.let_one_go();
    world.blobs.let_one_go();
    assert_eq!(all.await.unwrap_err().code(), Code::Unavailable);
    let Ok(UploadFound::UnderWay(seen)) = asked.await else {
        panic!("it is under way");
    };
    assert_eq!(seen.committed, 8);
}

#[tokio::test]
async fn a_void_token_writes_no_more() {
    let world = World::new().await;
    let upload = world.begin(8, None).await;
    let files = service(&world);
    let all = breaks_while_it_writes(&files, &world, upload).await;
    world.engine.logout(&world.ann).await.unwrap();
    world.blobs.hold_back("nothing");
    world.blobs.let_one_go();
    assert!(all.await.is_err());
    assert_eq!(world.stands(upload).await, 4);
}

/// A call whose first piece is being written; the next one has come, and the link is broken.
async fn breaks_while_it_writes<'a>(
    files: &'a Files,
    world: &'a World,
    upload: UploadId,
) -> BoxFuture<'a, Result<u64, Status>> {
    let id = upload.to_string();
    let lost = Err(Status::unavailable("the link broke"));
    let later = iter([Ok(piece_at(&id, 4, 4)), lost]);
    let some = iter([Ok(piece_at(&id, 0, 4))]).chain(late().chain(later));
    world.blobs.hold_back("append");
    let mut all = files.take_in(&world.ann, chunks(some)).boxed();
    for _ in 0..100 {
        assert!((&mut all).now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    assert_eq!(world.blobs.calls("append"), 1);
    all
}

/// Nothing, and that only when what came before is being written.
fn late() -> impl Stream<Item = Result<ArrivedChunk, Status>> + Send + Unpin {
    let mut polls = 0;
    poll_fn(move |context| {
        polls += 1;
        match polls {
            1..3 => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
            _ => Poll::Ready(None),
        }
    })
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
async fn whoever_has_always_one_more_is_told_that_the_server_stops() {
    let world = World::new().await;
    let upload = world.begin(1_000, None).await;
    let id = upload.to_string();
    let stop = CancellationToken::new();
    let many = (0..1_000).map(|offset| {
        if offset == 100 {
            stop.cancel();
        }
        Ok(piece_at(&id, offset, 1))
    });
    let stopped = Chunks {
        stop: stop.clone(),
        ..chunks(iter(many))
    };
    let ended = service(&world).take_in(&world.ann, stopped).await;
    assert_eq!(ended.unwrap_err().code(), Code::Unavailable);
    // What came before stays.
    assert_eq!(world.stands(upload).await, 101);
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
