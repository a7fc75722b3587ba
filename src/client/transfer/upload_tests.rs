//! Uploads against a server that each test plays: what arrives is what was sent, once, or it is told.

use std::path::Path;

use tonic::{Code, Status};

use super::*;
use crate::client::{
    net::tls::Assurance,
    transfer::{
        fake::{self, World, noise, refusal},
        records::Records,
        steering::steering,
    },
};
use crate::domain::file::ImageSize;

pub(super) const MIB: usize = 1024 * 1024;

pub(super) fn pace() -> Pace {
    Pace {
        patience: Patience::For(Duration::from_secs(20)),
        standstill: Duration::from_secs(20),
    }
}

pub(super) fn source(bytes: &Bytes) -> Source {
    Source::bytes("some.bin".parse().unwrap(), bytes.clone())
}

pub(super) fn records(folder: &Path) -> Records {
    let server = "127.0.0.1:1".parse().unwrap();
    Records::new(
        folder,
        &server,
        Assurance::Plaintext,
        &"ann".parse().unwrap(),
    )
}

async fn send(session: &Session, source: &Source) -> Result<pb::File, TransferError> {
    send_at(session, source, pace()).await
}

async fn send_at(
    session: &Session,
    source: &Source,
    pace: Pace,
) -> Result<pb::File, TransferError> {
    let (_handle, mut steering) = steering();
    upload(session, source, &mut Record::default(), pace, &mut steering).await
}

pub(super) fn arrived(world: &World, file: &pb::File) -> Bytes {
    world.files[&file.id].1.clone()
}

#[tokio::test]
async fn what_arrives_is_what_was_sent_of_any_size() {
    let stage = fake::Stage::new().await;
    for size in [0, 1, 64 * 1024, 64 * 1024 + 1, 3 * MIB + 7] {
        let bytes = noise(size);
        let file = send(&stage.session(), &source(&bytes)).await.unwrap();
        assert_eq!(arrived(&stage.world(), &file), bytes, "{size}");
    }
    assert_eq!(
        stage.world().count("get"),
        0,
        "nothing is asked for that is known"
    );
}

#[tokio::test]
async fn a_file_on_the_disk_is_sent_as_it_is() {
    let stage = fake::Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    let (bytes, path) = (noise(MIB + 1), folder.path().join("photo.png"));
    std::fs::write(&path, &bytes).unwrap();
    let (handle, mut steering) = steering();
    let source = Source::open(&path, u64::MAX, &mut steering).await.unwrap();
    let mut record = Record::default();
    let file = upload(
        &stage.session(),
        &source,
        &mut record,
        pace(),
        &mut steering,
    )
    .await
    .unwrap();
    assert_eq!(arrived(&stage.world(), &file), bytes);
    assert_eq!(
        (file.name.as_str(), file.media_type.as_str()),
        ("photo.png", "image/png")
    );
    let last = *handle.progress().borrow();
    let all = bytes.len() as u64;
    assert_eq!(
        (last.stage, last.bytes, last.of),
        (Stage::Finishing, all, all)
    );
}

#[tokio::test]
async fn streams_that_are_cut_go_on_and_send_little_twice() {
    let stage = fake::Stage::new().await;
    let bytes = noise(4 * MIB);
    stage.world().cuts = [1, 700_000, 64 * 1024, 1_500_000, 3].into();
    let file = send(&stage.session(), &source(&bytes)).await.unwrap();
    let world = stage.world();
    assert_eq!(arrived(&world, &file), bytes);
    assert_eq!(world.count("chunks"), 6);
    assert_eq!(world.count("get"), 5);
    assert_eq!(
        world.received,
        bytes.len() as u64,
        "what was taken is not sent again"
    );
}

#[tokio::test]
async fn connections_that_break_anywhere_lose_nothing() {
    let mut stage = fake::Stage::new().await;
    let bytes = noise(4 * MIB);
    // In the middle of a greeting, of the first call, of chunks.
    let session = stage
        .broken_session(vec![10, 300, 500_123, 70_000, 1_000_003, 90, 123_457])
        .await;
    let file = send(&session, &source(&bytes)).await.unwrap();
    assert_eq!(arrived(&stage.world(), &file), bytes);
    assert_eq!(file.name, "some.bin");
}

#[tokio::test]
async fn every_refusal_that_can_be_mended_is() {
    let stage = fake::Stage::new().await;
    let bytes = noise(300_000);
    let too_fast = || {
        let mut details = tonic_types::ErrorDetails::new();
        details.set_retry_info(Some(Duration::from_millis(1)));
        use tonic_types::StatusExt as _;
        Status::with_error_details(Code::ResourceExhausted, "too fast", details)
    };
    let cases: [(&'static str, Status); 12] = [
        ("create", Status::unavailable("busy")),
        ("create", too_fast()),
        ("chunks", refusal(Code::FailedPrecondition, "UPLOAD_OFFSET")),
        (
            "chunks",
            refusal(Code::InvalidArgument, "CHUNK_HASH_MISMATCH"),
        ),
        ("chunks", refusal(Code::Aborted, "UPLOAD_TAKEN_OVER")),
        (
            "chunks",
            refusal(Code::ResourceExhausted, "TOO_MANY_TRANSFERS"),
        ),
        ("chunks", refusal(Code::DeadlineExceeded, "TRANSFER_SLOW")),
        ("chunks", refusal(Code::NotFound, "UPLOAD_NOT_FOUND")),
        ("complete", refusal(Code::DataLoss, "FILE_HASH_MISMATCH")),
        (
            "complete",
            refusal(Code::FailedPrecondition, "UPLOAD_INCOMPLETE"),
        ),
        ("complete", Status::unavailable("restarts")),
        ("completed", Status::unavailable("the answer is lost")),
    ];
    for (call, status) in cases {
        let what = format!("{call}: {status:?}");
        stage.world().refuse.push_back((call, status));
        let file = send(&stage.session(), &source(&bytes)).await.expect(&what);
        let world = stage.world();
        assert_eq!(arrived(&world, &file), bytes, "{what}");
        assert!(world.refuse.is_empty(), "{what}");
    }
}

#[tokio::test]
async fn what_cannot_be_mended_is_told_and_the_server_keeps_nothing() {
    let stage = fake::Stage::new().await;
    let bytes = noise(100_000);
    for (call, code, reason) in [
        ("create", Code::ResourceExhausted, "QUOTA_EXCEEDED"),
        ("create", Code::ResourceExhausted, "FILE_TOO_LARGE"),
        ("chunks", Code::PermissionDenied, "SCOPE_MISSING"),
        ("complete", Code::InvalidArgument, "CHUNK_INVALID"),
    ] {
        stage
            .world()
            .refuse
            .push_back((call, refusal(code, reason)));
        match send(&stage.session(), &source(&bytes)).await {
            Err(TransferError::Client(error)) => assert_eq!(error.reason(), reason),
            other => panic!("{reason}: {other:?}"),
        }
        assert!(stage.world().uploads.is_empty(), "{reason}");
    }
}

#[tokio::test]
async fn the_same_trouble_over_and_over_has_an_end() {
    let stage = fake::Stage::new().await;
    let bytes = noise(100_000);
    for (call, code, reason) in [
        ("chunks", Code::FailedPrecondition, "UPLOAD_OFFSET"),
        ("chunks", Code::Aborted, "UPLOAD_TAKEN_OVER"),
        ("chunks", Code::NotFound, "UPLOAD_NOT_FOUND"),
    ] {
        for _ in 0..20 {
            stage
                .world()
                .refuse
                .push_back((call, refusal(code, reason)));
        }
        match send(&stage.session(), &source(&bytes)).await {
            Err(TransferError::Client(error)) => assert_eq!(error.reason(), reason),
            other => panic!("{reason}: {other:?}"),
        }
        stage.world().refuse.clear();
    }
    // A whole that arrives wrong each time, though the file is as it was.
    stage.world().spoils = true;
    match send(&stage.session(), &source(&bytes)).await {
        Err(TransferError::Client(error)) => assert_eq!(error.reason(), "FILE_HASH_MISMATCH"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_file_that_changes_meanwhile_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    for shrinks in [false, true] {
        let stage = fake::Stage::new().await;
        std::fs::write(&path, noise(2 * MIB)).unwrap();
        let (_handle, mut steering) = steering();
        let source = Source::open(&path, u64::MAX, &mut steering).await.unwrap();
        let other = if shrinks {
            vec![1; 5]
        } else {
            vec![1; 2 * MIB]
        };
        std::fs::write(&path, other).unwrap();
        let changed = send(&stage.session(), &source).await;
        assert!(
            matches!(changed, Err(TransferError::Changed)),
            "{shrinks}: {changed:?}"
        );
        assert!(stage.world().uploads.is_empty(), "{shrinks}");
    }
}

#[tokio::test]
async fn a_server_that_lies_is_not_followed_for_ever() {
    let bytes = noise(MIB);
    type Lie = (&'static str, fn(&mut World));
    let lies: [Lie; 4] = [
        ("a place beyond the end", |world| {
            world.lies_of_place = Some(Box::new(|_| 1 << 40));
            world.cuts = [1].into();
        }),
        ("it took more than there is", |world| {
            world.lies_of_taken = Some(Box::new(|_| u64::MAX));
        }),
        ("it took less than it took", |world| {
            world.lies_of_taken = Some(Box::new(|taken| taken - 1));
            world.lies_of_place = Some(Box::new(|_| 0));
        }),
        ("it goes back each time", |world| {
            world.lies_of_place = Some(Box::new(|_| 0));
            world.cuts = [100_000].into();
        }),
    ];
    for (what, lie) in lies {
        let stage = fake::Stage::new().await;
        lie(&mut stage.world());
        let told = send(&stage.session(), &source(&bytes)).await;
        assert!(
            matches!(told, Err(TransferError::Client(_))),
            "{what}: {told:?}"
        );
        let world = stage.world();
        assert!(
            world.received < 30 * MIB as u64,
            "{what}: {}",
            world.received
        );
        assert!(world.calls.len() < 100, "{what}: {:?}", world.calls);
    }
}

#[tokio::test]
async fn a_server_that_takes_all_and_keeps_nothing_of_it_is_given_up() {
    let stage = fake::Stage::new().await;
    {
        let mut world = stage.world();
        world.cuts = std::iter::repeat_n(MIB as u64, 1000).collect();
        world.forgets = true;
    }
    let told = send(&stage.session(), &source(&noise(MIB))).await;
    // The patience ends before it has had all the bytes that it may have: the same again may go on.
    assert!(matches!(told, Err(TransferError::Client(_))), "{told:?}");
    let world = stage.world();
    assert!(world.received < 25 * MIB as u64, "{}", world.received);
}

#[tokio::test]
async fn a_server_that_neither_reads_nor_answers_is_as_good_as_gone() {
    let stage = fake::Stage::new().await;
    stage.world().is_deaf = true;
    let pace = Pace {
        patience: Patience::None,
        standstill: Duration::from_millis(50),
    };
    let told = send_at(&stage.session(), &source(&noise(4 * MIB)), pace).await;
    let Err(error @ TransferError::Client(ClientError::Unreachable { .. })) = &told else {
        panic!("{told:?}")
    };
    assert!(error.can_go_on());
}

#[tokio::test]
async fn the_next_program_goes_on_where_one_was_ended() {
    let stage = fake::Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    let bytes = noise(3 * MIB);
    let (source, session) = (source(&bytes), stage.session());
    // The first is killed in the middle: whatever it held is gone but for the disk.
    stage.gate.send_replace(MIB as u64);
    {
        let (_handle, mut steering) = steering();
        let mut record = records(folder.path()).take(&source, None).unwrap();
        let sending = upload(&session, &source, &mut record, pace(), &mut steering);
        let reached = async {
            while stage.world().received < MIB as u64 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            done = sending => panic!("{done:?}"),
            () = reached => {}
        }
    }
    stage.gate.send_replace(u64::MAX);
    let mut record = records(folder.path()).take(&source, None).unwrap();
    assert_eq!(record.upload_id(), Some("p1"));
    let (_handle, mut steering) = steering();
    let file = upload(&session, &source, &mut record, pace(), &mut steering)
        .await
        .unwrap();
    assert_eq!(arrived(&stage.world(), &file), bytes);
    assert_eq!(stage.world().count("create"), 1);
    assert!(stage.world().received < bytes.len() as u64 + MIB as u64);
    // Killed once more before anybody heard of it: it is the same file, and no byte is sent for it.
    drop(record);
    let sent = stage.world().received;
    let mut record = records(folder.path()).take(&source, None).unwrap();
    let again = upload(&session, &source, &mut record, pace(), &mut steering)
        .await
        .unwrap();
    assert_eq!((again.id, stage.world().received), (file.id, sent));
    record.forget();
    drop(record);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_record_of_an_upload_that_is_gone_begins_anew() {
    let stage = fake::Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    let source = source(&noise(100_000));
    records(folder.path())
        .take(&source, None)
        .unwrap()
        .keep("p77");
    let mut record = records(folder.path()).take(&source, None).unwrap();
    let (_handle, mut steering) = steering();
    let file = upload(
        &stage.session(),
        &source,
        &mut record,
        pace(),
        &mut steering,
    )
    .await
    .unwrap();
    assert_eq!(file.id, "f1");
    assert_eq!(record.upload_id(), Some("p1"));
}

/// A store that was made anew counts anew: the number of a record may be another upload, which is not to be touched.
#[tokio::test]
async fn a_record_of_an_older_store_begins_anew_and_leaves_what_has_its_number() {
    let stage = fake::Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    let other = pb::CreateUploadRequest {
        name: "other".to_owned(),
        size_bytes: 7,
        ..pb::CreateUploadRequest::default()
    };
    let session = stage.session();
    let other = session.create_upload(&other, Patience::None).await.unwrap();
    let source = source(&noise(100_000));
    let mut record = records(folder.path()).take(&source, None).unwrap();
    record.keep(&other.id);
    drop(record);
    let mut record = records(folder.path()).take(&source, None).unwrap();
    let (_handle, mut steering) = steering();
    let sent = upload(&session, &source, &mut record, pace(), &mut steering).await;
    assert!(sent.is_ok(), "{sent:?}");
    assert!(stage.world().uploads.contains_key(&other.id));
}

/// A picture with what shows it small.
fn picture(bytes: &Bytes) -> Source {
    let thumbnail = Source::bytes("thumbnail.png".parse().unwrap(), noise(20_000));
    let mut picture = source(bytes);
    let (width, height) = (640, 480);
    picture.image = Some(ImageSize { width, height });
    picture.thumbnail = Some(Arc::new(thumbnail));
    picture
}

#[tokio::test]
async fn what_shows_it_small_is_there_before_and_sent_once() {
    let stage = fake::Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    let source = picture(&noise(MIB));
    let session = stage.session();
    let (handle, mut steering) = steering();
    let mut record = records(folder.path()).take(&source, None).unwrap();
    // The answers to the thumbnail, to the question for the upload, and to its beginning are lost.
    for call in ["complete", "create", "chunks"] {
        let lost = Status::unavailable("lost");
        stage.world().refuse.push_back((call, lost));
    }
    stage.world().cuts = [u64::MAX, 300_000].into();
    let file = upload(&session, &source, &mut record, pace(), &mut steering)
        .await
        .unwrap();
    {
        let world = stage.world();
        let begun = &world.uploads[&file.id.replace('f', "p")].asked;
        assert_eq!(
            begun.image.map(|it| (it.width, it.height)),
            Some((640, 480))
        );
        let (small, bytes) = &world.files[&begun.thumbnail_file_id];
        assert_eq!(
            (small.name.as_str(), bytes.len()),
            ("thumbnail.png", 20_000)
        );
        assert_eq!(world.files.len(), 2, "each is there once");
    }
    assert_eq!(handle.progress().borrow().of, MIB as u64, "of the picture");
    // An upload that is gone on with has its thumbnail.
    drop(record);
    let mut record = records(folder.path()).take(&source, None).unwrap();
    upload(&session, &source, &mut record, pace(), &mut steering)
        .await
        .unwrap();
    assert_eq!(stage.world().files.len(), 2);
}

#[tokio::test]
async fn a_thumbnail_that_is_gone_is_sent_again_and_one_that_may_not_be_ends_it() {
    let stage = fake::Stage::new().await;
    let source = picture(&noise(1000));
    // The first beginning is that of the thumbnail.
    let gone = || refusal(Code::NotFound, "FILE_NOT_FOUND");
    stage.world().refuse.push_back(("complete", gone()));
    let told = send(&stage.session(), &source).await;
    assert!(matches!(told, Err(TransferError::Client(_))), "{told:?}");
    assert!(stage.world().uploads.is_empty(), "nothing is left");
    stage.world().forgets_thumbnails = 1;
    let file = send(&stage.session(), &source).await.unwrap();
    assert_eq!(file.size_bytes, 1000);
    let full = refusal(Code::ResourceExhausted, "QUOTA_EXCEEDED");
    stage.world().refuse.push_back(("create", full));
    let told = send(&stage.session(), &source).await;
    assert!(
        matches!(told, Err(TransferError::Client(error)) if error.reason() == "QUOTA_EXCEEDED")
    );
}

/// Waits until something has come.
pub(super) async fn until_received(stage: &fake::Stage) {
    while stage.world().received == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn it_waits_when_it_is_told_and_goes_on_without_loss() {
    let stage = fake::Stage::new().await;
    let bytes = noise(8 * MIB);
    let (source, session) = (source(&bytes), stage.session());
    stage.gate.send_replace(MIB as u64);
    let (handle, mut steering) = steering();
    let mut record = Record::default();
    let sending = upload(&session, &source, &mut record, pace(), &mut steering);
    let play = async {
        until_received(&stage).await;
        handle.pause();
        let mut progress = handle.progress();
        progress
            .wait_for(|it| it.stage == Stage::Paused)
            .await
            .unwrap();
        stage.gate.send_replace(u64::MAX);
        handle.resume();
    };
    let (file, ()) = tokio::join!(sending, play);
    let file = file.unwrap();
    assert_eq!(arrived(&stage.world(), &file), bytes);
    assert!(stage.world().count("get") >= 1, "it asked where it stands");
}

#[tokio::test]
async fn a_cancel_leaves_nothing_on_the_server_and_on_the_disk() {
    let stage = fake::Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    let bytes = noise(8 * MIB);
    let (source, session) = (source(&bytes), stage.session());
    stage.gate.send_replace(MIB as u64);
    let (handle, mut steering) = steering();
    let mut record = records(folder.path()).take(&source, None).unwrap();
    let sending = upload(&session, &source, &mut record, pace(), &mut steering);
    let play = async {
        until_received(&stage).await;
        handle.cancel();
    };
    let (cancelled, ()) = tokio::join!(sending, play);
    assert!(
        matches!(cancelled, Err(TransferError::Cancelled)),
        "{cancelled:?}"
    );
    drop(record);
    assert!(stage.world().uploads.is_empty());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn an_upload_that_is_cancelled_while_it_is_begun_is_not_left_on_the_server() {
    let stage = fake::Stage::new().await;
    let source = source(&noise(1000));
    let session = stage.session();
    for cancels in [true, false] {
        // It is begun there, and the answer is on its way.
        stage.gate.send_replace(0);
        let (handle, mut steering) = steering();
        let mut record = Record::default();
        let sending = upload(&session, &source, &mut record, pace(), &mut steering);
        let play = async {
            while stage.world().uploads.is_empty() {
                tokio::task::yield_now().await;
            }
            handle.pause();
            let mut progress = handle.progress();
            let is_paused =
                |it: &crate::client::transfer::steering::Progress| it.stage == Stage::Paused;
            progress.wait_for(is_paused).await.unwrap();
            match cancels {
                true => handle.cancel(),
                false => handle.resume(),
            }
            stage.gate.send_replace(u64::MAX);
        };
        let (done, ()) = tokio::join!(sending, play);
        assert_eq!(done.is_ok(), !cancels, "{done:?}");
        let left = usize::from(!cancels);
        assert_eq!(stage.world().uploads.len(), left, "nothing is begun twice");
    }
}
