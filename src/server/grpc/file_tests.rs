//! What a peer can do with a stream of chunks, without a connection.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    task::Poll,
};

use bytes::Bytes;
use futures_util::stream::{iter, poll_fn};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use prost::Message as _;
use tokio_stream::pending;
use tonic::{Code, body::Body, codec::Codec as _};

use super::*;
use crate::{
    domain::limits::STREAMED_FILE_REQUEST_BYTES_MAX,
    engine::file_world::World,
    pb::codec::Codec,
    server::grpc::{
        halves::{Intake, Pool},
        intake::watched,
        pace::tests::at_once,
    },
};

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

/// What HTTP/2 lets come of a call that nobody reads, and the frame that was taken from it and not handed on yet.
const WINDOW: usize = (128 + 16) * 1024;
/// The buffer in which messages come, at its largest and as it was before it grew: see
/// `the_buffer_in_which_messages_come_is_bounded_whatever_they_are`.
const BUFFERS: [usize; 2] = [228 * 1024, 114 * 1024];

#[test]
fn a_batch_is_bounded_in_bytes_and_in_chunks() {
    for (size, expected) in [(1, CHUNKS_AT_ONCE), (STREAMED_CHUNK_BYTES_MAX, 4)] {
        let mut held = Held::new(UploadId::new(1));
        while held.has_room() {
            held.add(piece("p1", size)).unwrap();
        }
        let batch = held.begin();
        assert_eq!(batch.len(), expected, "{size}");
        assert_eq!(held.writing, size * expected);
        // So many gather while those are written: no more than there is room for.
        while held.has_room() {
            held.add(piece("p1", size)).unwrap();
        }
        assert_eq!(held.batch.len(), expected, "{size}");
        assert!(held.bytes + held.writing <= HELD_MAX);
        held.is_over = true;
        assert!(!held.has_room());
    }
    // A message may have as much in the name of its upload as in its data.
    let copied = STREAMED_FILE_REQUEST_BYTES_MAX;
    let [buffer, before] = BUFFERS;
    assert!(HELD_MAX + buffer + copied.max(before) + WINDOW < 1024 * 1024);
}

#[tokio::test]
async fn the_buffer_in_which_messages_come_is_bounded_whatever_they_are() {
    const FRAME: usize = 16 * 1024;
    let mut rng = 1_u64;
    let mut random = |below: usize| {
        rng = rng.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(rng >> 33).unwrap() % below
    };
    let mut largest = 0;
    for _ in 0..300 {
        let mut bytes = Vec::new();
        for _ in 0..1 + random(12) {
            // Mostly large ones, some of which fill a buffer nearly and the next one does not fit.
            let size = match random(4) {
                0 => 1 + random(FRAME),
                _ => STREAMED_CHUNK_BYTES_MAX - random(STREAMED_CHUNK_BYTES_MAX / 2),
            };
            let mut chunk = piece("p1", size);
            let beside = [0, STREAMED_FILE_REQUEST_BYTES_MAX - chunk.encoded_len() - 8];
            chunk.blake3 = Bytes::from(vec![9; beside[random(2)]]);
            let message = chunk.encode_to_vec();
            bytes.push(0);
            bytes.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
            bytes.extend(message);
        }
        let frame = [FRAME, 1 + random(FRAME)][random(2)];
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
        let decoder = Codec::<(), pb::UploadChunksRequest>::default().decoder();
        let mut stream = Streaming::new_request(decoder, body, None, None);
        let mut last = Bytes::new();
        while let Some(chunk) = stream.message().await.unwrap() {
            // The others are copied out of it, and let go.
            last = chunk.data;
            if random(3) == 0 {
                break;
            }
            last = Bytes::new();
        }
        drop(stream);
        // Its first bytes are those of the last message, or of some before it that were used up.
        if let Ok(buffer) = last.try_into_mut() {
            largest = largest.max(buffer.capacity());
        }
    }
    println!("the largest buffer had {largest} bytes");
    assert!(largest < BUFFERS[0], "{largest}");
    assert!(largest > STREAMED_FILE_REQUEST_BYTES_MAX / 2, "{largest}");
}

#[tokio::test]
async fn a_message_that_is_longer_than_its_memory_is_reckoned_by_is_refused_before_it_has_come() {
    let heads = [0, 1].map(|more| {
        let length = u32::try_from(STREAMED_FILE_REQUEST_BYTES_MAX + more).unwrap();
        [&[0], &length.to_be_bytes()[..]].concat()
    });
    let comes = async |head: Vec<u8>| {
        let frames = iter([Ok::<_, Status>(Frame::data(Bytes::from(head)))]).chain(pending());
        let intake = Arc::new(Intake::new(Pool::default()));
        let path = "/tinychat.v1.FileService/UploadChunks";
        let mut body = watched(
            path,
            false,
            Body::new(StreamBody::new(frames)),
            intake,
            None,
        );
        body.frame().await.unwrap().map(drop)
    };
    let [fits, longer] = heads;
    comes(fits).await.unwrap();
    let refused = comes(longer).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
}

#[test]
fn what_is_held_is_the_data_alone_and_not_the_message_that_it_came_in() {
    let mut bytes = piece("p1", 4).encode_to_vec();
    // A field that nobody knows.
    let unknown = vec![9; STREAMED_FILE_REQUEST_BYTES_MAX - 100];
    prost::encoding::bytes::encode(999, &unknown, &mut bytes);
    let all = Bytes::from(bytes);
    let message = pb::UploadChunksRequest::decode(all.clone()).unwrap();
    assert!(!all.is_unique(), "its data is a part of all");
    let mut held = Held::new(UploadId::new(1));
    held.add(message).unwrap();
    assert_eq!(held.batch[0].data, [7; 4].as_slice());
    assert!(all.is_unique(), "nobody has it any more");
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
    assert_eq!(pulled.load(Ordering::SeqCst), HELD_MAX / PIECE);
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
fn late() -> impl Stream<Item = Result<pb::UploadChunksRequest, Status>> + Send + Unpin {
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
