//! What two calls at once, a kill or a fault could do to files.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::FutureExt as _;
use tokio::time::timeout;

use crate::{
    domain::{
        file::ContentHash,
        ids::UploadId,
        limits::{TRANSFERS_PER_USER_MAX, UPLOAD_IDLE, UPLOAD_UNBEGUN},
    },
    engine::{
        Error, FileError, UploadFound,
        file_world::{World, chunk},
    },
    store::{UploadState, blobs::Blobs as _},
};

/// Longer than anything takes that waits for nobody.
const PATIENCE: Duration = Duration::from_secs(30);

fn gone(id: UploadId) -> Error {
    FileError::UploadNotFound(id).into()
}

fn ms(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap()
}

#[tokio::test]
async fn one_call_at_a_time_decides_about_an_upload() {
    let world = World::new().await;
    let upload = world.begin(4, None).await;
    world.bring(upload, b"good").await;
    world.blobs.hold_back("check");
    let mut first = Box::pin(world.complete(upload));
    assert!((&mut first).now_or_never().is_none());
    // While it looks at the bytes, nobody else does.
    let mut second = Box::pin(world.complete(upload));
    assert!((&mut second).now_or_never().is_none());
    assert_eq!(world.blobs.calls("check"), 1);
    let stands = world.blobs.written(upload).await;
    assert_eq!(stands, Ok(Some(4)));
    world.blobs.let_one_go();
    let file = first.await.unwrap();
    assert_eq!(file.hash, ContentHash::of(b"good"));
    assert_eq!(second.await, Ok(file));
    assert_eq!(world.blobs.calls("check"), 1);
}

#[tokio::test]
async fn a_cancel_does_not_wait_until_all_is_hashed() {
    let world = World::new().await;
    // Two are hashed, and one waits for that.
    world.blobs.hold_back("check");
    let mut uploads = Vec::new();
    for _ in 0..3 {
        let upload = world.begin(4, None).await;
        world.bring(upload, b"good").await;
        uploads.push((upload, Box::pin(world.complete(upload))));
    }
    for (_, complete) in &mut uploads {
        assert!(complete.now_or_never().is_none());
    }
    assert_eq!(world.blobs.calls("check"), 2);
    for (upload, complete) in uploads.into_iter().rev() {
        let cancel = world.engine.cancel_upload(&world.ann, upload);
        let both = async { tokio::join!(complete, cancel) };
        let (completed, cancelled) = timeout(PATIENCE, both).await.expect("nobody waits");
        assert_eq!(completed, Err(gone(upload)));
        assert_eq!(cancelled, Ok(()));
    }
    assert_eq!(world.blobs.uploads().await, Ok(vec![]));
}

#[tokio::test]
async fn a_cancel_while_the_bytes_get_their_place_leaves_nothing() {
    let world = World::new().await;
    for call in ["keep", "settle"] {
        let upload = world.begin(4, None).await;
        world.bring(upload, b"good").await;
        let content = ContentHash::of(b"good");
        if call == "settle" {
            world.store.place_upload(upload, content).await.unwrap();
            world.blobs.keep(upload, content, 4).await.unwrap();
        }
        world.blobs.hold_back(call);
        let mut complete = Box::pin(world.complete(upload));
        while world.blobs.calls(call) == 0 {
            assert!((&mut complete).now_or_never().is_none());
            tokio::task::yield_now().await;
        }
        let mut cancel = Box::pin(world.engine.cancel_upload(&world.ann, upload));
        assert!((&mut cancel).now_or_never().is_none());
        world.blobs.let_one_go();
        assert_eq!(complete.await, Err(gone(upload)));
        assert_eq!(cancel.await, Ok(()));
        world.engine.clean_files().await;
        assert_eq!(world.blobs.uploads().await, Ok(vec![]));
        assert_eq!(world.blobs.size(content).await, Ok(None));
        world.blobs.hold_back("nothing");
    }
}

#[tokio::test]
async fn an_upload_to_which_nothing_has_come_is_soon_forgotten() {
    let world = World::new().await;
    let (lost, begun) = (world.begin(4, None).await, world.begin(4, None).await);
    let expires = async |upload| {
        let Ok(UploadFound::UnderWay(seen)) = world.engine.upload(&world.ann, upload).await else {
            panic!("it is under way");
        };
        seen.upload.asked.at.after(UPLOAD_IDLE)
    };
    let soon = world.engine.now().after(UPLOAD_UNBEGUN);
    assert_eq!((expires(lost).await, expires(begun).await), (soon, soon));
    // With the first bytes already, whatever becomes of the call that brings them.
    let transfer = world.engine.begin_transfer(&world.ann, begun).await;
    let appended = transfer.unwrap().append(vec![chunk(0, b"go")]).await;
    assert_eq!(appended, Ok(2));
    assert_eq!(expires(begun).await, world.engine.now().after(UPLOAD_IDLE));
    world.clock.advance_ms(ms(UPLOAD_UNBEGUN));
    world.engine.clean_files().await;
    assert_eq!(world.blobs.uploads().await.unwrap().len(), 2);
    world.clock.advance_ms(1);
    world.engine.clean_files().await;
    assert_eq!(world.blobs.uploads().await, Ok(vec![begun]));
    let found = world.engine.upload(&world.ann, lost).await;
    assert_eq!(found, Err(gone(lost)));
}

#[tokio::test]
async fn what_a_failed_sync_took_is_not_called_committed() {
    let world = World::new().await;
    let upload = world.begin(4, None).await;
    let transfer = world.engine.begin_transfer(&world.ann, upload).await;
    let mut transfer = transfer.unwrap();
    transfer.append(vec![chunk(0, b"good")]).await.unwrap();
    // As it does that nobody waited for.
    world.blobs.inner.begin(upload).await.unwrap();
    let refused = transfer.finish().await;
    assert_eq!(refused, Err(FileError::UploadOffset(0).into()));
}

#[tokio::test]
async fn what_came_after_a_sync_is_not_called_committed() {
    let world = World::new().await;
    let upload = world.begin(4, None).await;
    let begin = async || world.engine.begin_transfer(&world.ann, upload).await;
    let mut first = begin().await.unwrap();
    first.append(vec![chunk(0, b"go")]).await.unwrap();
    world.blobs.hold_back("flushed");
    let mut finish = Box::pin(first.finish());
    assert!((&mut finish).now_or_never().is_none());
    let mut asked = Box::pin(world.engine.upload(&world.ann, upload));
    // Both wait for a sync.
    while world.blobs.calls("flushed") < 2 {
        assert!((&mut asked).now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    let mut second = begin().await.unwrap();
    let appended = second.append(vec![chunk(2, b"od")]).await;
    assert_eq!(appended, Ok(4));
    world.blobs.let_one_go();
    world.blobs.let_one_go();
    assert_eq!(finish.await, Ok(2));
    let Ok(UploadFound::UnderWay(seen)) = asked.await else {
        panic!("it is under way");
    };
    assert_eq!(seen.committed, 2);
}

#[tokio::test]
async fn an_upload_that_is_cancelled_while_it_is_made_leaves_nothing() {
    let world = World::new().await;
    world.blobs.hold_back("begin");
    let mut create = Box::pin(world.begin(4, None));
    assert!((&mut create).now_or_never().is_none());
    let mut cancel = Box::pin(world.engine.cancel_upload(&world.ann, UploadId::new(1)));
    assert!((&mut cancel).now_or_never().is_none());
    world.blobs.let_one_go();
    let upload = create.await;
    assert_eq!(cancel.await, Ok(()));
    assert_eq!(upload, UploadId::new(1));
    assert_eq!(world.blobs.uploads().await, Ok(vec![]));
}

#[tokio::test]
async fn what_is_not_whole_is_not_hashed_and_hashing_takes_a_place() {
    let world = World::new().await;
    let upload = world.begin(4, None).await;
    world.bring(upload, b"goo").await;
    let refused = world.complete(upload).await;
    let incomplete = FileError::UploadIncomplete { there: 3, size: 4 };
    assert_eq!(refused, Err(incomplete.into()));
    assert_eq!(world.blobs.calls("check"), 0);
    let file = world.file(b"other").await;
    let mut held = Vec::new();
    for _ in 0..TRANSFERS_PER_USER_MAX {
        held.push(world.engine.download(&world.ann, file.id, 0).await.unwrap());
    }
    let refused = world.complete(upload).await;
    assert_eq!(refused, Err(FileError::TooManyTransfers.into()));
    held.pop();
    assert_eq!(world.complete(upload).await, Err(incomplete_of(3, 4)));
}

fn incomplete_of(there: u64, size: u64) -> Error {
    FileError::UploadIncomplete { there, size }.into()
}

#[tokio::test]
async fn only_few_are_hashed_at_once() {
    let world = World::new().await;
    let mut uploads = Vec::new();
    for _ in 0..4 {
        let upload = world.begin(4, None).await;
        world.bring(upload, b"good").await;
        uploads.push(upload);
    }
    world.blobs.hold_back("check");
    let mut completing: Vec<_> = uploads
        .into_iter()
        .map(|upload| Box::pin(world.complete(upload)))
        .collect();
    for complete in &mut completing {
        assert!(complete.now_or_never().is_none());
    }
    assert_eq!(world.blobs.calls("check"), 2);
    for _ in 0..4 {
        world.blobs.let_one_go();
    }
    for file in futures_util::future::join_all(completing).await {
        assert_eq!(file.unwrap().hash, ContentHash::of(b"good"));
    }
    assert_eq!(world.blobs.calls("check"), 4);
}

#[tokio::test]
async fn what_an_upload_has_just_placed_is_not_taken_from_it() {
    let world = World::new().await;
    let content = ContentHash::of(b"good");
    let upload = world.begin(4, None).await;
    world.bring(upload, b"good").await;
    // A kill comes after its bytes got their place.
    world.store.place_upload(upload, content).await.unwrap();
    world.blobs.keep(upload, content, 4).await.unwrap();
    world.engine.clean_files().await;
    let Ok(UploadFound::UnderWay(seen)) = world.engine.upload(&world.ann, upload).await else {
        panic!("it is under way");
    };
    assert_eq!(seen.committed, 4);
    // Each time they are brought to stable storage, since nobody knows whether they are there.
    assert_eq!(world.blobs.calls("settle"), 1);
    assert_eq!(world.complete(upload).await.unwrap().hash, content);
    assert_eq!(world.blobs.calls("settle"), 2);
    // Of another nothing is left, not even in its place.
    let lost = world.begin(4, None).await;
    let missing = ContentHash::of(b"lost");
    world.store.place_upload(lost, missing).await.unwrap();
    world.blobs.discard(lost).await.unwrap();
    let Ok(UploadFound::UnderWay(seen)) = world.engine.upload(&world.ann, lost).await else {
        panic!("it is under way");
    };
    assert_eq!(seen.committed, 0);
    assert_eq!(world.complete(lost).await, Err(incomplete_of(0, 4)));
    world.bring(lost, b"lost").await;
    assert_eq!(world.complete(lost).await.unwrap().hash, missing);
}

#[tokio::test]
async fn what_an_upload_becomes_is_told_again() {
    let world = World::new().await;
    let file = world.file(b"good").await;
    let upload = UploadId::new(file.id.number());
    let found = world.engine.upload(&world.ann, upload).await;
    assert_eq!(found, Ok(UploadFound::Done(file)));
    let unknown = UploadId::new(99);
    let found = world.engine.upload(&world.ann, unknown).await;
    assert_eq!(found, Err(gone(unknown)));
}

#[tokio::test]
async fn whoever_asks_while_it_becomes_a_file_is_not_told_that_nothing_is_there() {
    let world = World::new().await;
    let content = ContentHash::of(b"good");
    let ask = async |meanwhile: &str| {
        let upload = world.begin(4, None).await;
        world.bring(upload, b"good").await;
        world.blobs.hold_back("flush");
        let mut asked = Box::pin(world.engine.upload(&world.ann, upload));
        // It has read what the store knows, and not yet looked at the bytes.
        let before = world.blobs.calls("flush");
        while world.blobs.calls("flush") == before {
            assert!((&mut asked).now_or_never().is_none());
            tokio::task::yield_now().await;
        }
        match meanwhile {
            "complete" => drop(world.complete(upload).await.unwrap()),
            "place" => {
                world.store.place_upload(upload, content).await.unwrap();
                world.blobs.keep(upload, content, 4).await.unwrap();
            }
            _ => {
                let cancel = world.engine.cancel_upload(&world.ann, upload);
                cancel.await.unwrap();
            }
        }
        world.blobs.hold_back("nothing");
        world.blobs.let_one_go();
        (upload, asked.await)
    };
    let (_, found) = ask("complete").await;
    assert!(
        matches!(&found, Ok(UploadFound::Done(file)) if file.hash == content),
        "{found:?}"
    );
    let (_, found) = ask("place").await;
    assert!(
        matches!(&found, Ok(UploadFound::UnderWay(seen)) if seen.committed == 4),
        "{found:?}"
    );
    let (upload, found) = ask("cancel").await;
    assert_eq!(found, Err(gone(upload)));
}

#[tokio::test]
async fn an_upload_that_goes_on_does_not_expire_and_one_that_ends_ends_its_call() {
    let world = World::new().await;
    let upload = world.begin(100, None).await;
    let transfer = world.engine.begin_transfer(&world.ann, upload).await;
    let mut transfer = transfer.unwrap();
    // A day in steps of an hour, in which the call never ends.
    for step in 0..30 {
        world.clock.advance_ms(ms(UPLOAD_IDLE / 24));
        let stands = transfer.append(vec![chunk(step, b"x")]).await;
        assert_eq!(stands, Ok(step + 1));
        world.engine.clean_files().await;
    }
    let found = world.store.find_upload(world.ann.user.id, upload).await;
    assert!(matches!(found, Ok(Some(UploadState::UnderWay(_)))));
    world.clock.advance_ms(ms(UPLOAD_IDLE) + 1);
    world.engine.clean_files().await;
    assert_eq!(
        transfer.watch().should_end().now_or_never(),
        Some(gone(upload))
    );
    let refused = transfer.append(vec![chunk(30, b"x")]).await;
    assert_eq!(refused, Err(gone(upload)));
    drop(transfer);
    // A cancel says the same, and another call something else.
    let upload = world.begin(100, None).await;
    let begin = async || {
        world
            .engine
            .begin_transfer(&world.ann, upload)
            .await
            .unwrap()
    };
    let (first, second) = (begin().await, begin().await);
    let taken_over = Error::from(FileError::UploadTakenOver);
    assert_eq!(first.watch().should_end().now_or_never(), Some(taken_over));
    assert_eq!(second.watch().should_end().now_or_never(), None);
    world
        .engine
        .cancel_upload(&world.ann, upload)
        .await
        .unwrap();
    assert_eq!(
        second.watch().should_end().now_or_never(),
        Some(gone(upload))
    );
}

#[tokio::test]
async fn what_nobody_knows_is_found_and_removed() {
    let world = World::new().await;
    let file = world.file(b"good").await;
    let known = world.begin(4, None).await;
    let (stray, unknown) = (UploadId::new(77), ContentHash::of(b"stray"));
    for upload in [stray, UploadId::new(78)] {
        world.blobs.begin(upload).await.unwrap();
    }
    world.blobs.keep(stray, unknown, 0).await.unwrap();
    world.engine.discard_strays().await.unwrap();
    assert_eq!(world.blobs.uploads().await, Ok(vec![known]));
    world.engine.note_contents().await;
    world.engine.clean_files().await;
    assert_eq!(world.blobs.size(unknown).await, Ok(None));
    assert_eq!(world.blobs.size(file.hash).await, Ok(Some(4)));
    assert_eq!(world.store.free_contents(None).await, Ok(vec![]));
}

#[tokio::test]
async fn one_that_cannot_be_removed_does_not_keep_the_others() {
    let world = World::new().await;
    let contents = [1, 2, 3].map(|number| ContentHash([number; 32]));
    for content in contents {
        world.blobs.begin(UploadId::new(77)).await.unwrap();
        let kept = world.blobs.keep(UploadId::new(77), content, 0).await;
        kept.unwrap();
    }
    world.engine.note_contents().await;
    world.blobs.stuck.lock().unwrap().insert(contents[0]);
    world.engine.clean_files().await;
    let free = world.store.free_contents(None).await;
    assert_eq!(free, Ok(vec![contents[0]]), "it is not forgotten");
    assert_eq!(world.blobs.size(contents[2]).await, Ok(None));
    world.blobs.stuck.lock().unwrap().clear();
    world.engine.clean_files().await;
    assert_eq!(world.store.free_contents(None).await, Ok(vec![]));
    assert_eq!(world.blobs.size(contents[0]).await, Ok(None));
}

#[tokio::test]
async fn a_content_that_is_needed_again_is_not_removed() {
    let world = World::new().await;
    let content = ContentHash::of(b"good");
    let stray = UploadId::new(77);
    world.blobs.begin(stray).await.unwrap();
    world
        .blobs
        .inner
        .append(stray, 0, vec![Bytes::from("good").into()], Arc::new(()))
        .await
        .unwrap();
    world.blobs.keep(stray, content, 4).await.unwrap();
    world.engine.note_contents().await;
    let upload = world.begin(4, None).await;
    world.bring(upload, b"good").await;
    // It is being removed when an upload of the same bytes is completed.
    world.blobs.hold_back("remove");
    let mut clean = Box::pin(world.engine.clean_files());
    assert!((&mut clean).now_or_never().is_none());
    assert_eq!(world.blobs.calls("remove"), 1);
    let kept = world.blobs.calls("keep");
    let mut complete = Box::pin(world.complete(upload));
    while world.blobs.calls("check") == 0 {
        assert!((&mut complete).now_or_never().is_none());
    }
    for _ in 0..1_000 {
        assert!((&mut complete).now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    assert_eq!(world.blobs.calls("keep"), kept);
    world.blobs.let_one_go();
    clean.await;
    let file = complete.await.unwrap();
    assert_eq!(world.blobs.size(content).await, Ok(Some(4)));
    // And the other way round: what is needed now is spared.
    world.engine.clean_files().await;
    let mut download = world.engine.download(&world.ann, file.id, 0).await.unwrap();
    assert_eq!(download.next().await.unwrap().unwrap(), "good");
}
