//! Uploads whose id is another's by the time it is asked for, as in a store that was made anew or is one of before.

use super::{
    super::{
        fake::{self, noise},
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
