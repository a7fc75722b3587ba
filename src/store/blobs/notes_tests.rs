//! Notes of what is committed, and what a power cut leaves of uploads.

use std::sync::Mutex;

use bytes::Bytes;

use super::*;
use crate::{
    domain::file::ContentHash,
    store::blobs::{
        BlobError, Piece,
        places::{Appended, NOTED_AFTER, Places},
    },
};

const UPLOAD: UploadId = UploadId::new(3);

/// The system in another run of the machine.
const FIRST: System = System {
    boot: || Some("first".to_owned()),
    ..System::REAL
};
const SECOND: System = System {
    boot: || Some("second".to_owned()),
    ..System::REAL
};

fn places(folder: &tempfile::TempDir, system: System) -> Places {
    Places::open(folder.path(), system).unwrap()
}

fn append(places: &Places, offset: u64, bytes: &[u8]) -> u64 {
    let piece = Piece::from(Bytes::copy_from_slice(bytes));
    match places.append(UPLOAD, offset, &[piece]).unwrap() {
        Appended::Written { stands, .. } => stands,
        Appended::Waits => panic!("it waits"),
    }
}

#[test]
fn after_a_power_cut_an_upload_stands_at_what_was_committed_and_else_at_its_length() {
    let folder = tempfile::tempdir().unwrap();
    let first = places(&folder, FIRST);
    first.begin(UPLOAD).unwrap();
    append(&first, 0, b"half");
    assert_eq!(first.commit(UPLOAD), Ok(4));
    append(&first, 4, b"more");
    drop(first);
    // A kill.
    let again = places(&folder, FIRST);
    assert_eq!(again.written(UPLOAD), Ok(Some(8)));
    assert_eq!(again.commit(UPLOAD), Ok(8));
    append(&again, 8, b"yet more");
    drop(again);
    // A power cut.
    let second = places(&folder, SECOND);
    assert_eq!(second.written(UPLOAD), Ok(Some(8)));
    append(&second, 8, b", uncommitted");
    drop(second);
    // And no more of them.
    let again = places(&folder, SECOND);
    assert_eq!(again.written(UPLOAD), Ok(Some(8 + 13)));
    let bytes = fs::read(folder.path().join("uploads/3")).unwrap();
    assert_eq!(bytes, b"halfmore, uncommitted");
}

#[test]
fn a_machine_that_tells_nothing_may_always_have_been_without_power() {
    const SILENT: System = System {
        boot: || None,
        ..System::REAL
    };
    let folder = tempfile::tempdir().unwrap();
    for system in [SILENT, FIRST, SILENT] {
        let places = places(&folder, system);
        places.begin(UPLOAD).unwrap();
        append(&places, 0, b"half");
        places.commit(UPLOAD).unwrap();
        append(&places, 4, b"more");
        drop(places);
        let again = Places::open(folder.path(), SILENT).unwrap();
        assert_eq!(again.written(UPLOAD), Ok(Some(4)));
    }
}

#[test]
fn uploads_from_before_there_were_notes_stand_at_their_length() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("uploads")).unwrap();
    fs::write(folder.path().join("uploads/3"), "half").unwrap();
    let first = places(&folder, FIRST);
    assert_eq!(first.written(UPLOAD), Ok(Some(4)));
    append(&first, 4, b"more");
    assert_eq!(first.commit(UPLOAD), Ok(8));
    drop(first);
    assert_eq!(places(&folder, SECOND).written(UPLOAD), Ok(Some(8)));
}

#[test]
fn a_long_call_notes_now_and_then_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let first = places(&folder, FIRST);
    first.begin(UPLOAD).unwrap();
    let part = NOTED_AFTER / 4;
    let bytes = vec![7; usize::try_from(part).unwrap()];
    for index in 0..7 {
        append(&first, index * part, &bytes);
        first.advance(UPLOAD).unwrap();
        let noted = first.prefixes.noted(UPLOAD);
        assert_eq!(noted, (index >= 3).then_some(NOTED_AFTER), "{index}");
    }
    drop(first);
    let second = places(&folder, SECOND);
    assert_eq!(second.written(UPLOAD), Ok(Some(NOTED_AFTER)));
}

#[test]
fn what_begins_anew_has_nothing_noted_from_before() {
    let folder = tempfile::tempdir().unwrap();
    let first = places(&folder, FIRST);
    for _ in 0..2 {
        first.begin(UPLOAD).unwrap();
        append(&first, 0, b"committed");
        first.commit(UPLOAD).unwrap();
    }
    first.begin(UPLOAD).unwrap();
    append(&first, 0, b"not committed");
    drop(first);
    let second = places(&folder, SECOND);
    assert_eq!(second.written(UPLOAD), Ok(Some(0)));
    // Nor has one whose sync failed.
    append(&second, 0, b"committed");
    second.commit(UPLOAD).unwrap();
    drop(second);
    static FAILS: Mutex<bool> = Mutex::new(false);
    let failing = System {
        sync: |file| match std::mem::take(&mut *FAILS.lock().unwrap()) {
            true => Err(io::Error::other("the disk failed")),
            false => file.sync_all(),
        },
        ..SECOND
    };
    let again = places(&folder, failing);
    append(&again, 9, b", not synced");
    *FAILS.lock().unwrap() = true;
    assert!(matches!(again.commit(UPLOAD), Err(BlobError::Failed(_))));
    assert_eq!(again.written(UPLOAD), Ok(Some(0)));
    append(&again, 0, b"something else");
    drop(again);
    let first = places(&folder, FIRST);
    assert_eq!(first.written(UPLOAD), Ok(Some(0)));
}

#[test]
fn no_note_outlives_its_upload() {
    let folder = tempfile::tempdir().unwrap();
    let first = places(&folder, FIRST);
    let notes = || {
        let names = fs::read_dir(folder.path().join("uploads")).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(".at")).count()
    };
    let bring = || {
        first.begin(UPLOAD).unwrap();
        append(&first, 0, b"half");
        first.commit(UPLOAD).unwrap();
        assert_eq!(notes(), 1);
    };
    bring();
    first.discard(UPLOAD).unwrap();
    assert_eq!(notes(), 0);
    assert_eq!(first.commit(UPLOAD), Err(BlobError::Gone));
    // The second one finds its content there.
    for _ in 0..2 {
        bring();
        let content = ContentHash::of(b"half");
        while first.check(UPLOAD).unwrap().is_none() {}
        first.keep(UPLOAD, content, 4).unwrap();
        assert_eq!(notes(), 0);
    }
    bring();
    drop(first);
    // A kill came between the two.
    fs::remove_file(folder.path().join("uploads/3")).unwrap();
    drop(places(&folder, FIRST));
    assert_eq!(notes(), 0);
}

#[test]
fn a_disk_that_has_lost_what_was_committed_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let first = places(&folder, FIRST);
    first.begin(UPLOAD).unwrap();
    append(&first, 0, b"half");
    first.commit(UPLOAD).unwrap();
    drop(first);
    fs::write(folder.path().join("uploads/3"), "ha").unwrap();
    let second = places(&folder, SECOND);
    assert_eq!(second.written(UPLOAD), Ok(Some(0)));
    append(&second, 0, b"other");
    drop(second);
    assert_eq!(places(&folder, FIRST).written(UPLOAD), Ok(Some(0)));
}

#[test]
fn what_cannot_be_cut_back_is_not_taken_for_there() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let first = places(&folder, FIRST);
    first.begin(UPLOAD).unwrap();
    append(&first, 0, b"half");
    drop(first);
    // Something else is where its note was.
    let note = folder.path().join("uploads/3.at");
    fs::remove_file(&note).unwrap();
    symlink("elsewhere", &note).unwrap();
    let second = places(&folder, SECOND);
    assert!(matches!(second.written(UPLOAD), Err(BlobError::Failed(_))));
    fs::remove_file(&note).unwrap();
    assert_eq!(second.written(UPLOAD), Ok(Some(0)));
}

#[test]
fn a_note_that_is_torn_leaves_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let notes = Notes::new(folder.path().to_owned());
    let (note, is_new) = notes.open(UPLOAD).unwrap();
    assert!(is_new && read(&note).unwrap() == 0);
    let whole = || fs::read(folder.path().join("3.at")).unwrap();
    let mut before = whole();
    for (index, committed) in [1, 255, 256, 65_536, u64::MAX].into_iter().enumerate() {
        let last = read(&note).unwrap();
        write(&note, committed, &System::REAL).unwrap();
        assert_eq!(read(&note).unwrap(), committed);
        // Only one of the two sectors is another.
        let now = whole();
        before.resize(now.len(), 0);
        let sectors = usize::try_from(SECTOR_BYTES).unwrap();
        let of = |bytes: &[u8]| {
            bytes
                .chunks(sectors)
                .map(<[u8]>::to_vec)
                .collect::<Vec<_>>()
        };
        let differing = of(&before)
            .iter()
            .zip(&of(&now))
            .filter(|(a, b)| a != b)
            .count();
        assert_eq!(differing, 1);
        // However few of its bytes are there, the other one says what it said.
        let place = usize::try_from(PLACES[index % 2]).unwrap();
        for there in 0..NOTE_BYTES {
            let mut torn = before.clone();
            torn[place..place + there].copy_from_slice(&now[place..place + there]);
            fs::write(folder.path().join("4.at"), torn).unwrap();
            let (torn, _) = notes.open(UploadId::new(4)).unwrap();
            let said = read(&torn).unwrap();
            assert!(said == last || said == committed, "{said}");
        }
        before = now;
    }
}
