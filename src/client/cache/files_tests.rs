//! Messages that hold files: kept with them, within bounds, until they are deleted.

use std::fs;

use super::{
    tests::{key, said, settle},
    *,
};
use crate::pb;

fn file(name: &str) -> pb::File {
    pb::File {
        id: "f12".to_owned(),
        name: name.to_owned(),
        size_bytes: 1_229,
        media_type: "image/png".to_owned(),
        blake3: vec![7; 32].into(),
        image: Some(pb::ImageSize {
            width: 1920,
            height: 1080,
        }),
        thumbnail_file_id: "f9".to_owned(),
    }
}

fn sharing(seq: u64, text: &str, attachments: Vec<pb::File>) -> pb::Message {
    pb::Message {
        attachments,
        ..said("c1", seq, text)
    }
}

#[test]
fn files_come_back_with_their_messages_and_stay_with_an_edit() {
    let home = tempfile::tempdir().unwrap();
    let (cache, _) = Cache::open(home.path(), &key("ann")).unwrap();
    let only = sharing(1, "", vec![file("a.png"), file("notes.txt")]);
    let mut both = sharing(2, "see", vec![file("b.png")]);
    cache.apply(vec![
        Change::Message(Box::new(only.clone())),
        Change::Message(Box::new(both.clone())),
    ]);
    (both.revision, both.content) = (1, Some(pb::message::Content::Text("look".to_owned())));
    cache.apply(vec![Change::Edited(Box::new(both.clone()))]);
    cache.close().unwrap();
    let (cache, _) = Cache::open(home.path(), &key("ann")).unwrap();
    let page = cache.messages("c1", Place::Newest, 9).unwrap();
    assert_eq!(page.messages, [only, both]);
}

#[test]
fn no_more_of_files_is_kept_than_an_honest_server_sends() {
    let home = tempfile::tempdir().unwrap();
    let (cache, _) = Cache::open(home.path(), &key("ann")).unwrap();
    let mut stored = cache.stored();
    let long = pb::File {
        id: "f".repeat(9_999),
        media_type: "x".repeat(9_999),
        thumbnail_file_id: "f".repeat(9_999),
        blake3: vec![7; 9_999].into(),
        ..file(&"é".repeat(9_999))
    };
    let fits = file(&"x".repeat(255));
    let many = [vec![fits.clone()], vec![long; 99]].concat();
    cache.apply(vec![Change::Message(Box::new(sharing(1, "", many)))]);
    settle(&cache, &mut stored, "1");
    let kept = cache.messages("c1", Place::Newest, 9).unwrap();
    let files = &kept.messages[0].attachments;
    assert_eq!((files.len(), &files[0]), (10, &fits));
    for file in &files[1..] {
        assert_eq!(file.name, "é".repeat(127));
        let texts = [&file.id, &file.media_type, &file.thumbnail_file_id];
        assert!(texts.iter().all(|text| text.len() == 255));
        assert_eq!(file.blake3.len(), 32);
    }
}

#[test]
fn the_files_of_a_deleted_message_are_in_no_file() {
    let home = tempfile::tempdir().unwrap();
    let (cache, _) = Cache::open(home.path(), &key("ann")).unwrap();
    let mut stored = cache.stored();
    let secret = || vec![file("secret plan.txt")];
    cache.apply(vec![
        Change::Message(Box::new(sharing(1, "", secret()))),
        Change::Message(Box::new(sharing(2, "", secret()))),
    ]);
    settle(&cache, &mut stored, "1");
    let found = || {
        fs::read_dir(home.path()).unwrap().any(|entry| {
            let bytes = fs::read(entry.unwrap().path()).unwrap_or_default();
            bytes.windows(11).any(|window| window == b"secret plan")
        })
    };
    assert!(found());
    // An evil server may send both.
    let gone = pb::Message {
        deleted: true,
        revision: 1,
        ..sharing(2, "", secret())
    };
    cache.apply(vec![
        Change::Deleted(pb::MessageDeleted {
            conversation_id: "c1".to_owned(),
            seq: 1,
            revision: 1,
            deleted_by: None,
        }),
        Change::Message(Box::new(gone)),
    ]);
    settle(&cache, &mut stored, "2");
    let page = cache.messages("c1", Place::Newest, 9).unwrap();
    for message in &page.messages {
        assert_eq!((message.deleted, &message.attachments), (true, &Vec::new()));
    }
    cache.close().unwrap();
    assert!(!found());
}
