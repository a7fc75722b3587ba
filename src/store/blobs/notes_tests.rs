//! Notes of what is committed, and what a power cut leaves of uploads.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
};

use bytes::Bytes;

use super::*;
use crate::{
    domain::file::ContentHash,
    store::blobs::{
        BlobError, Piece,
        places::{Appended, NOTED_AFTER, Places, Room, Turn},
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
    drop(first);
    assert_eq!(places(&folder, SECOND).written(UPLOAD), Ok(Some(4)));
    // But those that have notes do not, if it is not known when they were made.
    append(&places(&folder, SECOND), 4, b"more");
    fs::remove_file(folder.path().join("uploads/boot")).unwrap();
    assert_eq!(places(&folder, SECOND).written(UPLOAD), Ok(Some(4)));
}

#[test]
fn the_first_start_with_notes_may_be_killed_at_any_moment_and_fail() {
    static LEFT: AtomicI64 = AtomicI64::new(0);
    let failing = || System {
        sync: |file| match LEFT.fetch_sub(1, Ordering::SeqCst) {
            0 => Err(io::Error::other("the disk failed")),
            _ => file.sync_all(),
        },
        ..FIRST
    };
    for left in 0.. {
        let folder = tempfile::tempdir().unwrap();
        let uploads = folder.path().join("uploads");
        fs::create_dir(&uploads).unwrap();
        fs::write(uploads.join("3"), "half").unwrap();
        LEFT.store(left, Ordering::SeqCst);
        let opened = Places::open(folder.path(), failing());
        let has_failed = LEFT.load(Ordering::SeqCst) < 0;
        assert_eq!(opened.is_err(), has_failed, "{left}");
        drop(opened);
        assert_eq!(
            places(&folder, FIRST).written(UPLOAD),
            Ok(Some(4)),
            "{left}"
        );
        if !has_failed {
            assert!(left > 5, "there is something to fail");
            break;
        }
    }
    // Or killed when the note has its name and says nothing.
    let folder = tempfile::tempdir().unwrap();
    let uploads = folder.path().join("uploads");
    fs::create_dir(&uploads).unwrap();
    fs::write(uploads.join("3"), "half").unwrap();
    fs::write(uploads.join("3.at"), "").unwrap();
    assert_eq!(places(&folder, FIRST).written(UPLOAD), Ok(Some(4)));
    assert_eq!(places(&folder, SECOND).written(UPLOAD), Ok(Some(4)));
}

#[test]
fn what_names_the_run_is_read_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(BOOT);
    assert_eq!(Boot::read(&path).unwrap(), None);
    let boot = Boot {
        name: "a-run".to_owned(),
        failed: [3, 12].into(),
    };
    let whole = boot.to_string();
    for there in 0..whole.len() {
        fs::write(&path, &whole[..there]).unwrap();
        assert_eq!(Boot::read(&path).unwrap().unwrap().name, "", "{there}");
    }
    fs::write(&path, whole).unwrap();
    assert_eq!(Boot::read(&path).unwrap(), Some(boot));
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
}

/// Syncs that are done before one fails; negative: all are.
static LEFT: AtomicI64 = AtomicI64::new(-1);

/// Fails once, when `LEFT` has come to 0, as a disk does whose error is told once.
const FAILING: System = System {
    sync: |file| match LEFT.fetch_sub(1, Ordering::SeqCst) {
        0 => Err(io::Error::other("the disk failed")),
        _ => file.sync_all(),
    },
    ..FIRST
};

#[test]
fn whichever_sync_fails_what_was_committed_stays_and_nothing_else_is_taken_for_it() {
    for left in 0.. {
        let folder = tempfile::tempdir().unwrap();
        LEFT.store(-1, Ordering::SeqCst);
        let first = places(&folder, FAILING);
        first.begin(UPLOAD).unwrap();
        append(&first, 0, b"half");
        assert_eq!(first.commit(UPLOAD), Ok(4));
        append(&first, 4, b"more");
        LEFT.store(left, Ordering::SeqCst);
        let committed = first.commit(UPLOAD);
        let has_failed = LEFT.load(Ordering::SeqCst) < 0;
        LEFT.store(-1, Ordering::SeqCst);
        let stands = first.written(UPLOAD).unwrap().unwrap();
        match left {
            // The bytes, and then the note.
            0 => assert_eq!((committed.is_err(), stands), (true, 4)),
            1 => assert_eq!((committed.is_err(), stands), (true, 8)),
            _ => assert_eq!((committed, stands, has_failed), (Ok(8), 8, false)),
        }
        append(&first, stands, b", not committed");
        drop(first);
        let second = places(&folder, SECOND);
        let there = second.written(UPLOAD).unwrap().unwrap();
        assert!(
            there == stands || there == 4 && left == 1,
            "{left}: {there}"
        );
        let bytes = fs::read(folder.path().join("uploads/3")).unwrap();
        assert!(b"halfmore".starts_with(&bytes[..]), "{left}");
        if left == 2 {
            break;
        }
    }
    // Nor is what could not be taken back, if its upload is cut back then.
    let folder = tempfile::tempdir().unwrap();
    let first = places(&folder, FAILING);
    first.begin(UPLOAD).unwrap();
    append(&first, 0, b"committed");
    first.commit(UPLOAD).unwrap();
    LEFT.store(0, Ordering::SeqCst);
    assert!(first.begin(UPLOAD).is_err());
    assert_eq!(first.written(UPLOAD), Ok(Some(9)));
    append(&first, 9, b", more");
    LEFT.store(0, Ordering::SeqCst);
    assert!(first.commit(UPLOAD).is_err());
    assert!(
        LEFT.load(Ordering::SeqCst) < -1,
        "it was taken back once more"
    );
    assert_eq!(first.written(UPLOAD), Ok(Some(0)));
    LEFT.store(-1, Ordering::SeqCst);
}

#[test]
fn what_is_being_removed_counts_as_free_and_no_more_than_once() {
    const MIB: u64 = 1024 * 1024;
    /// As a disk that is full but for what files must leave, and a byte.
    static FREE: AtomicU64 = AtomicU64::new(256 * MIB + 1);
    let full = System {
        room: |_| {
            let free = FREE.load(Ordering::SeqCst);
            Ok(Room {
                all: 1024 * MIB,
                free,
            })
        },
        ..FIRST
    };
    let folder = tempfile::tempdir().unwrap();
    let places = places(&folder, full);
    let bring = |offset: u64, bytes: usize| {
        let piece = Piece::from(Bytes::from(vec![7; bytes]));
        places.append(UPLOAD, offset, &[piece]).map(drop)
    };
    places.begin(UPLOAD).unwrap();
    assert_eq!(bring(0, 2), Err(BlobError::Full));
    assert_eq!(bring(0, 1), Ok(()));
    let other = UploadId::new(4);
    places.begin(other).unwrap();
    let large = vec![7; 3_000_000];
    fs::write(folder.path().join("uploads/4"), &large).unwrap();
    FREE.store(256 * MIB, Ordering::SeqCst);
    assert_eq!(bring(1, 1), Err(BlobError::Full));
    // It was removed, and its room is not given back yet.
    places.discard(other).unwrap();
    assert_eq!(bring(1, large.len() + 1), Err(BlobError::Full));
    assert_eq!(bring(1, large.len()), Ok(()));
    places.removal.go_on();
    assert_eq!(bring(1 + large.len() as u64, 1), Err(BlobError::Full));
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
        assert!(matches!(first.check(UPLOAD), Ok(Some(Turn::Whole(_)))));
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
    // Nor does it get bytes that nobody brought when that fails at first.
    let folder = tempfile::tempdir().unwrap();
    let first = places(&folder, FIRST);
    first.begin(UPLOAD).unwrap();
    append(&first, 0, b"half");
    first.commit(UPLOAD).unwrap();
    drop(first);
    fs::write(folder.path().join("uploads/3"), "ha").unwrap();
    let failing = System {
        cut: |file, length| match file.metadata()?.len() == 2
            && !FAILED.swap(true, Ordering::SeqCst)
        {
            true => Err(io::Error::other("the disk failed")),
            false => file.set_len(length),
        },
        ..SECOND
    };
    static FAILED: AtomicBool = AtomicBool::new(false);
    let second = places(&folder, failing);
    assert!(FAILED.load(Ordering::SeqCst));
    // What it said is said again, as where it could not be taken back.
    second.notes.write(UPLOAD, 4, &SECOND).unwrap();
    assert_eq!(second.written(UPLOAD), Ok(Some(0)));
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
    drop(second);
    // Nor by the next start of the same run, which leaves the others alone.
    fs::write(folder.path().join("uploads/4"), "other").unwrap();
    let again = places(&folder, SECOND);
    assert!(matches!(again.written(UPLOAD), Err(BlobError::Failed(_))));
    assert_eq!(again.written(UploadId::new(4)), Ok(Some(5)));
    fs::remove_file(&note).unwrap();
    assert_eq!(again.written(UPLOAD), Ok(Some(0)));
    drop(again);
    assert_eq!(places(&folder, SECOND).written(UPLOAD), Ok(Some(0)));
}

#[test]
fn a_note_that_is_torn_leaves_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let notes = Notes::new(folder.path().to_owned());
    let path = folder.path().join("3.at");
    assert!(notes.begin(UPLOAD, &System::REAL).unwrap());
    let mut before = Vec::new();
    for (index, committed) in [1, 255, 256, 65_536, u64::MAX].into_iter().enumerate() {
        let last = notes.committed(UPLOAD).unwrap();
        notes.write(UPLOAD, committed, &System::REAL).unwrap();
        assert_eq!(notes.committed(UPLOAD).unwrap(), committed);
        let now = fs::read(&path).unwrap();
        before.resize(now.len(), 0);
        // The other place is as it was.
        let [place, other] =
            [index % 2, 1 - index % 2].map(|it| usize::try_from(PLACES[it]).unwrap());
        let of = |bytes: &[u8]| bytes.get(other..other + NOTE_BYTES).map(<[u8]>::to_vec);
        assert_eq!(of(&before), of(&now));
        // However few of its bytes are there, that one says what it said.
        for there in 0..NOTE_BYTES {
            let mut torn = before.clone();
            torn[place..place + there].copy_from_slice(&now[place..place + there]);
            fs::write(&path, torn).unwrap();
            let said = notes.committed(UPLOAD).unwrap();
            assert!(said == last || said == committed, "{said}");
        }
        fs::write(&path, &now).unwrap();
        before = now;
    }
    // It says nothing about another upload, and nothing when it was taken back.
    let other = UploadId::new(4);
    fs::copy(&path, folder.path().join("4.at")).unwrap();
    assert_eq!(notes.committed(other).unwrap(), 0);
    notes.take_back(UPLOAD, &System::REAL).unwrap();
    assert_eq!(notes.committed(UPLOAD).unwrap(), 0);
    assert_eq!(notes.committed(UploadId::new(5)).unwrap(), 0);
}

#[test]
fn the_name_of_a_note_is_there_before_it_says_something() {
    static SYNCED: Mutex<Vec<bool>> = Mutex::new(Vec::new());
    let system = System {
        sync: |file| {
            let is_folder = file.metadata()?.is_dir();
            SYNCED.lock().unwrap().push(is_folder);
            match is_folder && SYNCED.lock().unwrap().len() == 1 {
                true => Err(io::Error::other("the disk failed")),
                false => file.sync_all(),
            }
        },
        ..FIRST
    };
    let folder = tempfile::tempdir().unwrap();
    let notes = Notes::new(folder.path().to_owned());
    assert!(notes.write(UPLOAD, 7, &system).is_err());
    assert_eq!(notes.committed(UPLOAD).unwrap(), 0);
    notes.write(UPLOAD, 7, &system).unwrap();
    assert_eq!(notes.committed(UPLOAD).unwrap(), 7);
    // The folder, once more, and then the note.
    assert_eq!(*SYNCED.lock().unwrap(), [true, true, false]);
}
