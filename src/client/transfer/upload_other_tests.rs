//! Uploads whose id is another's by the time it is asked for, as in a store that was made anew or is one of before.

use super::{
    super::{
        cancelled::cancel_left,
        fake::{self, noise, refusal},
        standing::{Unsent, stranger, with_files},
        steering::steering,
    },
    tests::{MIB, arrived, pace, records, source, until_received},
    *,
};

#[tokio::test]
async fn an_upload_that_becomes_another_on_the_way_is_let_be() {
    let stage = fake::Stage::new().await;
    let bytes = noise(8 * MIB);
    let (source, session) = (source(&bytes), stage.session());
    stage.gate.send_replace(MIB as u64);
    let (_handle, mut steering) = steering();
    let mut record = Record::default();
    let sending = upload(&session, &source, &mut record, pace(), &mut steering);
    let other = fake::Begun {
        asked: pb::CreateUploadRequest {
            name: "other".to_owned(),
            size_bytes: source.size,
            ..pb::CreateUploadRequest::default()
        },
        bytes: vec![7; 10],
        is_done: false,
    };
    let play = async {
        until_received(&stage).await;
        // The server got the store of a backup, where this id is another's.
        let before = stage.world().uploads.insert("p1".to_owned(), other.clone());
        assert!(before.is_some());
        stage.gate.send_replace(u64::MAX);
    };
    let (file, ()) = tokio::join!(sending, play);
    let file = file.unwrap();
    let world = stage.world();
    assert_eq!((file.id.as_str(), arrived(&world, &file)), ("f2", bytes));
    assert_eq!(world.uploads["p1"].bytes, other.bytes);
    assert_eq!(world.count("cancel"), 0);
}

/// An upload of the same user from another device, which has the same name and size, and other bytes.
fn alike(bytes: &[u8]) -> fake::Begun {
    let hash = blake3::hash(b"another");
    fake::Begun {
        asked: pb::CreateUploadRequest {
            name: "some.bin".to_owned(),
            size_bytes: bytes.len() as u64,
            blake3: Bytes::copy_from_slice(hash.as_bytes()),
            ..pb::CreateUploadRequest::default()
        },
        bytes: vec![7; 10],
        is_done: false,
    }
}

#[tokio::test]
async fn one_of_the_same_name_and_size_in_another_store_is_neither_gone_on_with_nor_ended() {
    let stage = fake::Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    let bytes = noise(MIB);
    let (source, session, all) = (source(&bytes), stage.session(), records(folder.path()));
    let noted = || {
        let mut record = all.take(&source, None).unwrap();
        record.keep("p1");
        record
    };
    let is_let_be = || {
        let world = stage.world();
        let other = &world.uploads["p1"];
        (other.bytes.as_slice(), other.is_done) == (&[7; 10], false) && world.count("cancel") == 0
    };
    stage.world().uploads.insert("p1".to_owned(), alike(&bytes));
    // What an ended program left to be cancelled.
    noted().cancel();
    cancel_left(session.clone(), all.clone(), Arc::default()).await;
    assert!(is_let_be() && all.cancelled(9).is_empty());
    // What is cancelled now.
    abandon(&session, &source, &mut noted()).await;
    assert!(is_let_be());
    // What is gone on with.
    let (_handle, mut steering) = steering();
    let mut record = noted();
    let file = upload(&session, &source, &mut record, pace(), &mut steering).await;
    let file = file.unwrap();
    assert_eq!((file.id.as_str(), record.upload_id()), ("f2", Some("p2")));
    assert_eq!(arrived(&stage.world(), &file), bytes);
    assert!(is_let_be());
}

#[tokio::test]
async fn what_was_begun_is_abandoned_if_it_is_that() {
    let stage = fake::Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (source(&noise(MIB)), source(&noise(MIB + 1)));
    stage.world().cuts = [300_000].into();
    let patience = Pace {
        patience: Patience::None,
        ..pace()
    };
    let (_handle, mut steering) = steering();
    let mut record = records(folder.path()).take(&one, None).unwrap();
    let cut = upload(&stage.session(), &one, &mut record, patience, &mut steering).await;
    assert!(cut.is_err());
    let id = record.upload_id().unwrap().to_owned();
    // By its id alone it would be another's.
    let mut other = records(folder.path()).take(&two, None).unwrap();
    other.keep(&id);
    abandon(&stage.session(), &two, &mut other).await;
    assert_eq!((stage.world().uploads.len(), other.upload_id()), (1, None));
    abandon(&stage.session(), &one, &mut record).await;
    assert_eq!((stage.world().uploads.len(), record.upload_id()), (0, None));
}

#[tokio::test]
async fn one_that_cannot_be_cancelled_does_not_keep_the_others() {
    let stage = fake::Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    let all = records(folder.path());
    let left = |status: tonic::Status| {
        for bytes in [1, 2, 3] {
            let mut record = all.take(&source(&noise(bytes)), None).unwrap();
            record.keep(&format!("p{bytes}"));
            record.cancel();
        }
        stage.world().refuse = [("get", status)].into();
        let done = cancel_left(stage.session(), all.clone(), Arc::default());
        let all = all.clone();
        async move {
            done.await;
            all.cancelled(9).len()
        }
    };
    let denied = refusal(tonic::Code::PermissionDenied, "SCOPE_MISSING");
    assert_eq!(left(denied).await, 0, "it will never be");
    assert_eq!(left(tonic::Status::internal("?")).await, 1);
    assert_eq!(left(tonic::Status::unavailable("away")).await, 3);
}

#[tokio::test]
async fn files_are_asked_for_again_before_each_further_attempt() {
    let stage = fake::Stage::new().await;
    let session = stage.session();
    let id = stage.world().add_file("a", &noise(1000));
    let there = [stage.world().files[&id].0.clone()];
    let patience = Patience::For(Duration::from_secs(20));
    let mut attempts = 0;
    // The server is away for a moment, twice, and comes back with what it had.
    let done = with_files(&session, &there, patience, async || {
        attempts += 1;
        match attempts {
            1 => Err(tonic::Status::unavailable("away").into()),
            count => Ok(count),
        }
    });
    stage.world().refuse = [("file", tonic::Status::unavailable("away"))].into();
    assert!(matches!(done.await, Ok(2)));
    assert_eq!(stage.world().count("file"), 2);
    // A login that sends and may not read is not told.
    let refused = async |status: tonic::Status| {
        stage.world().refuse = [("file", status)].into();
        stranger(&session, &there, Patience::None).await
    };
    let denied = refusal(tonic::Code::PermissionDenied, "SCOPE_MISSING");
    assert_eq!(refused(denied).await, Ok(None));
    let busy = refusal(tonic::Code::ResourceExhausted, "RATE_LIMITED");
    assert!(refused(busy).await.is_err(), "nothing was told of it");
    // It comes back with a copy of before, where the only file is another's.
    let mut attempts = 0;
    let done = with_files(&session, &there, patience, async || {
        attempts += 1;
        let mut world = stage.world();
        let (file, _) = world.files.get_mut(&id).unwrap();
        file.blake3 = Bytes::from_static(&[1; 32]);
        Err::<(), _>(tonic::Status::unavailable("away").into())
    });
    assert!(matches!(done.await, Err(Unsent::Stranger(0))));
    assert_eq!(attempts, 1);
}
