//! What a folder promises beside what every place does: links, faults of the disk, work whose caller is gone.

use std::{
    fs::{self, File},
    os::unix::fs::{PermissionsExt as _, symlink},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use futures_util::FutureExt as _;

use super::*;
use crate::store::blobs::hands::JOBS;

pub(super) const UPLOAD: UploadId = UploadId::new(3);
/// A place whose syncs are done so.
pub(super) fn with(folder: &tempfile::TempDir, sync: fn(&File) -> io::Result<()>) -> FolderBlobs {
    let system = System {
        sync,
        ..System::REAL
    };
    FolderBlobs::with(folder.path(), system).unwrap()
}

#[tokio::test]
async fn what_was_taken_is_there_for_the_next_process() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = FolderBlobs::open(folder.path()).unwrap();
    blobs.begin(UPLOAD).await.unwrap();
    let piece = vec![Bytes::from_static(b"half").into()];
    blobs.append(UPLOAD, 0, piece, Arc::new(())).await.unwrap();
    drop(blobs);
    let again = FolderBlobs::open(folder.path()).unwrap();
    assert_eq!(again.written(UPLOAD).await, Ok(Some(4)));
}

#[tokio::test]
async fn nobody_else_looks_into_it() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = FolderBlobs::open(folder.path()).unwrap();
    blobs.begin(UPLOAD).await.unwrap();
    let mode = |path: &str| {
        let found = fs::metadata(folder.path().join(path)).unwrap();
        found.permissions().mode() & 0o777
    };
    assert_eq!((mode("uploads"), mode("blobs")), (0o700, 0o700));
    assert_eq!(mode("uploads/3"), 0o600);
}

#[tokio::test]
async fn a_link_in_its_way_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = FolderBlobs::open(folder.path()).unwrap();
    let elsewhere = folder.path().join("elsewhere");
    fs::write(&elsewhere, "precious").unwrap();
    symlink(&elsewhere, folder.path().join("uploads/3")).unwrap();
    let refused = blobs.begin(UPLOAD).await;
    assert!(matches!(refused, Err(BlobError::Failed(_))), "{refused:?}");
    let piece = vec![Bytes::from_static(b"x").into()];
    let refused = blobs.append(UPLOAD, 8, piece, Arc::new(())).await;
    assert!(refused.is_err());
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "precious");
}

/// Syncs that `uncertain` still lets be before one fails; negative: all are done.
static LEFT: AtomicI64 = AtomicI64::new(-1);

/// Fails once, when `LEFT` has come to 0, as a disk does whose error is told once.
fn uncertain(file: &File) -> io::Result<()> {
    match LEFT.fetch_sub(1, Ordering::SeqCst) {
        0 => Err(io::Error::other("the disk failed")),
        _ => file.sync_all(),
    }
}

#[tokio::test]
async fn a_sync_that_failed_is_not_taken_for_done() {
    // Whichever sync fails: the call fails, and what is done again is synced from the first on.
    for equal in [false, true] {
        for failing in 0.. {
            let folder = tempfile::tempdir().unwrap();
            LEFT.store(-1, Ordering::SeqCst);
            let blobs = with(&folder, uncertain);
            let content = ContentHash::of(b"half");
            let bring = async || {
                blobs.begin(UPLOAD).await.unwrap();
                let piece = vec![Bytes::from_static(b"half").into()];
                blobs.append(UPLOAD, 0, piece, Arc::new(())).await.unwrap();
            };
            bring().await;
            if equal {
                blobs.keep(UPLOAD, content, 4).await.unwrap();
                bring().await;
            }
            LEFT.store(failing, Ordering::SeqCst);
            if blobs.keep(UPLOAD, content, 4).await.is_ok() {
                assert!(failing > 1, "there is something to fail");
                break;
            }
            let (written, size) = (blobs.written(UPLOAD).await, blobs.size(content).await);
            // It stands where it stood, or begins anew, and nothing has been given a place that may be lost.
            let stands = if failing == 0 { 0 } else { 4 };
            assert_eq!(written, Ok(Some(stands)), "{failing}");
            assert_eq!(size, Ok(equal.then_some(4)), "{failing}");
            bring().await;
            blobs.keep(UPLOAD, content, 4).await.unwrap();
            assert_eq!(blobs.settle(content).await, Ok(Some(4)));
        }
    }
    // On its way, too.
    LEFT.store(-1, Ordering::SeqCst);
    let folder = tempfile::tempdir().unwrap();
    let blobs = with(&folder, uncertain);
    blobs.begin(UPLOAD).await.unwrap();
    append(&blobs, 0, b"half").await.unwrap();
    LEFT.store(0, Ordering::SeqCst);
    assert!(blobs.flush(UPLOAD, Arc::new(())).await.is_err());
    assert_eq!(blobs.written(UPLOAD).await, Ok(Some(0)));
    // And if nobody waits for it: whoever brings more is told.
    append(&blobs, 0, b"half").await.unwrap();
    LEFT.store(0, Ordering::SeqCst);
    append(&blobs, 4, &much()).await.unwrap();
    idle(&blobs).await;
    let refused = append(&blobs, 4 + SYNCED_AFTER, b"more").await;
    assert_eq!(refused, Err(BlobError::Offset(0)));
    // What was checked before is not what is kept then, if something else is brought.
    append(&blobs, 0, b"good").await.unwrap();
    let checked = blobs.check(UPLOAD, Arc::new(())).await.unwrap().unwrap();
    LEFT.store(0, Ordering::SeqCst);
    assert!(blobs.flush(UPLOAD, Arc::new(())).await.is_err());
    append(&blobs, 0, b"evil").await.unwrap();
    let refused = blobs.keep(UPLOAD, checked.hash, 4).await;
    assert_eq!(refused, Err(BlobError::Offset(4)));
    assert_eq!(blobs.size(checked.hash).await, Ok(None));
    assert_eq!(blobs.written(UPLOAD).await, Ok(Some(4)));
}

#[tokio::test]
async fn an_upload_whose_beginning_failed_leaves_nothing_and_one_that_was_there_stays() {
    static FILES: AtomicBool = AtomicBool::new(true);
    static FOLDERS: AtomicBool = AtomicBool::new(true);
    let folder = tempfile::tempdir().unwrap();
    let blobs = with(&folder, |file| {
        let works = if file.metadata()?.is_dir() {
            &FOLDERS
        } else {
            &FILES
        };
        match works.load(Ordering::SeqCst) {
            true => file.sync_all(),
            false => Err(io::Error::other("the disk failed")),
        }
    });
    FOLDERS.store(false, Ordering::SeqCst);
    let refused = blobs.begin(UPLOAD).await;
    assert!(matches!(refused, Err(BlobError::Failed(_))), "{refused:?}");
    assert_eq!(blobs.uploads().await, Ok(vec![]));
    let left = fs::read_dir(folder.path().join("uploads")).unwrap();
    assert_eq!(left.count(), 1, "only what names the run of the machine");
    FOLDERS.store(true, Ordering::SeqCst);
    blobs.begin(UPLOAD).await.unwrap();
    append(&blobs, 0, b"half").await.unwrap();
    // It has a row, and whoever brings more must be told where it stands: where it stood, while its note cannot be taken back.
    FILES.store(false, Ordering::SeqCst);
    assert!(blobs.begin(UPLOAD).await.is_err());
    assert_eq!(blobs.written(UPLOAD).await, Ok(Some(4)));
    FILES.store(true, Ordering::SeqCst);
    FOLDERS.store(false, Ordering::SeqCst);
    assert!(blobs.begin(UPLOAD).await.is_err());
    assert_eq!(blobs.written(UPLOAD).await, Ok(Some(0)));
}

#[tokio::test]
async fn what_could_neither_be_synced_nor_taken_away_is_never_taken_for_there() {
    static SYNCS: AtomicBool = AtomicBool::new(true);
    static CUTS: AtomicBool = AtomicBool::new(true);
    fn does(what: &AtomicBool) -> io::Result<()> {
        let does = what.load(Ordering::SeqCst);
        does.then_some(())
            .ok_or_else(|| io::Error::other("the disk failed"))
    }
    let system = System {
        sync: |file| does(&SYNCS).and_then(|()| file.sync_all()),
        cut: |file, length| does(&CUTS).and_then(|()| file.set_len(length)),
        ..System::REAL
    };
    let folder = tempfile::tempdir().unwrap();
    let blobs = FolderBlobs::with(folder.path(), system).unwrap();
    let content = ContentHash::of(b"half");
    let lose = async || {
        append(&blobs, 0, b"half").await.unwrap();
        SYNCS.store(false, Ordering::SeqCst);
        CUTS.store(false, Ordering::SeqCst);
        assert!(blobs.flush(UPLOAD, Arc::new(())).await.is_err());
        // The next sync would be believed.
        SYNCS.store(true, Ordering::SeqCst);
    };
    let refused = |answer: Result<(), BlobError>| {
        let says = answer.unwrap_err().to_string();
        assert!(says.contains("neither be synced nor cut back"), "{says}");
    };
    blobs.begin(UPLOAD).await.unwrap();
    lose().await;
    refused(blobs.flush(UPLOAD, Arc::new(())).await.map(drop));
    refused(blobs.written(UPLOAD).await.map(drop));
    refused(append(&blobs, 4, b"more").await.map(drop));
    refused(append(&blobs, 0, b"half").await.map(drop));
    refused(blobs.check(UPLOAD, Arc::new(())).await.map(drop));
    refused(blobs.keep(UPLOAD, content, 4).await);
    assert_eq!(blobs.size(content).await, Ok(None));
    // As soon as they can be taken away it begins anew.
    CUTS.store(true, Ordering::SeqCst);
    assert_eq!(append(&blobs, 4, b"more").await, Err(BlobError::Offset(0)));
    lose().await;
    CUTS.store(true, Ordering::SeqCst);
    assert_eq!(blobs.flush(UPLOAD, Arc::new(())).await, Ok(0));
    // Or when its owner begins it anew, or forgets it: nothing is held against what comes then.
    lose().await;
    blobs.begin(UPLOAD).await.unwrap();
    lose().await;
    blobs.discard(UPLOAD).await.unwrap();
    assert_eq!(blobs.written(UPLOAD).await, Ok(None));
    blobs.begin(UPLOAD).await.unwrap();
    append(&blobs, 0, b"half").await.unwrap();
    assert_eq!(blobs.keep(UPLOAD, content, 4).await, Ok(()));
}

pub(super) async fn append(
    blobs: &FolderBlobs,
    offset: u64,
    bytes: &[u8],
) -> Result<u64, BlobError> {
    let piece = vec![Bytes::copy_from_slice(bytes).into()];
    blobs.append(UPLOAD, offset, piece, Arc::new(())).await
}

/// After so many bytes an upload is synced.
pub(super) fn much() -> Vec<u8> {
    let bytes = usize::try_from(SYNCED_AFTER).unwrap();
    let thousands = (0..=u8::MAX).flat_map(|byte| std::iter::repeat_n(byte, 1000));
    thousands.cycle().take(bytes).collect()
}

/// Waits until all work that was begun has ended.
pub(super) async fn idle(blobs: &FolderBlobs) {
    let all = u32::try_from(JOBS).unwrap();
    drop(blobs.hands.places.acquire_many(all).await.unwrap());
}

#[tokio::test]
async fn whoever_resets_each_call_leaves_no_more_unsynced_than_others() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = FolderBlobs::open(folder.path()).unwrap();
    blobs.begin(UPLOAD).await.unwrap();
    let much = much();
    for _ in 0..5 {
        let stands = blobs.written(UPLOAD).await.unwrap().unwrap();
        let writing = blobs.places.writing(UPLOAD);
        let mut call = Box::pin(append(&blobs, stands, &much));
        assert!((&mut call).now_or_never().is_none());
        drop((call, writing));
        idle(&blobs).await;
    }
    assert_eq!(blobs.places.prefixes.synced(UPLOAD), None);
    let stands = blobs.written(UPLOAD).await;
    assert_eq!(stands, Ok(Some(UNSYNCED_BYTES_MAX)));
    // Whoever stays waits for the sync, and goes on.
    let appended = append(&blobs, UNSYNCED_BYTES_MAX, &much).await;
    let stands = UNSYNCED_BYTES_MAX + SYNCED_AFTER;
    assert_eq!(appended, Ok(stands));
    idle(&blobs).await;
    assert_eq!(blobs.places.prefixes.synced(UPLOAD), Some(stands));
}

#[tokio::test]
async fn what_came_is_hashed_already_and_after_a_restart_as_it_lies_there() {
    let folder = tempfile::tempdir().unwrap();
    let hash = async |blobs: &FolderBlobs| {
        let checked = blobs.check(UPLOAD, Arc::new(())).await;
        checked.unwrap().unwrap().hash
    };
    let blobs = FolderBlobs::open(folder.path()).unwrap();
    blobs.begin(UPLOAD).await.unwrap();
    // More than is hashed in a turn.
    let mut bytes = [much(), much(), much(), b"end".to_vec()].concat();
    append(&blobs, 0, &bytes).await.unwrap();
    idle(&blobs).await;
    let good = ContentHash::of(&bytes);
    bytes[1] ^= 1;
    fs::write(folder.path().join("uploads/3"), &bytes).unwrap();
    assert_eq!(hash(&blobs).await, good, "it was not read again");
    drop(blobs);
    let blobs = FolderBlobs::open(folder.path()).unwrap();
    // What comes now follows bytes that were not hashed.
    append(&blobs, bytes.len() as u64, b"more").await.unwrap();
    bytes.extend(b"more");
    assert_eq!(hash(&blobs).await, ContentHash::of(&bytes));
    append(&blobs, bytes.len() as u64, b"yet more")
        .await
        .unwrap();
    bytes.extend(b"yet more");
    assert_eq!(hash(&blobs).await, ContentHash::of(&bytes));
}

#[tokio::test]
async fn what_may_still_be_there_after_a_cut_is_not_taken_for_removed() {
    /// Fails with every folder of a content.
    fn fails(file: &File) -> io::Result<()> {
        match file.metadata()?.is_dir() && FAILS.load(Ordering::SeqCst) {
            true => Err(io::Error::other("the disk failed")),
            false => file.sync_all(),
        }
    }
    static FAILS: AtomicBool = AtomicBool::new(false);
    let folder = tempfile::tempdir().unwrap();
    let blobs = with(&folder, fails);
    let content = ContentHash::of(b"");
    blobs.begin(UPLOAD).await.unwrap();
    blobs.keep(UPLOAD, content, 0).await.unwrap();
    FAILS.store(true, Ordering::SeqCst);
    for _ in 0..2 {
        let refused = blobs.remove(content).await;
        assert!(matches!(refused, Err(BlobError::Failed(_))), "{refused:?}");
    }
    FAILS.store(false, Ordering::SeqCst);
    assert_eq!(blobs.remove(content).await, Ok(()));
    assert_eq!(blobs.remove(ContentHash::of(b"never there")).await, Ok(()));
}

#[tokio::test]
async fn what_is_held_for_work_is_held_when_its_caller_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = FolderBlobs::open(folder.path()).unwrap();
    blobs.begin(UPLOAD).await.unwrap();
    let hold: Hold = Arc::new(());
    let held = blobs.places.writing(UPLOAD);
    let piece = vec![Bytes::from_static(b"x").into()];
    let mut append = blobs.append(UPLOAD, 0, piece, Arc::clone(&hold));
    assert!((&mut append).now_or_never().is_none());
    let mut flush = blobs.flush(UPLOAD, Arc::clone(&hold));
    assert!((&mut flush).now_or_never().is_none());
    drop((append, flush));
    assert_eq!(Arc::strong_count(&hold), 3);
    drop(held);
    let all = blobs
        .hands
        .places
        .acquire_many(u32::try_from(JOBS).unwrap())
        .await;
    drop(all.unwrap());
    assert_eq!(Arc::strong_count(&hold), 1);
    assert_eq!(blobs.written(UPLOAD).await, Ok(Some(1)));
}

#[tokio::test]
async fn work_whose_caller_is_gone_is_still_counted() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = FolderBlobs::open(folder.path()).unwrap();
    let hold: Hold = Arc::new(());
    let gate = Arc::new(Mutex::new(()));
    let held = gate.lock().unwrap();
    let mut callers = Vec::new();
    for _ in 0..JOBS + 9 {
        let (gate, held) = (Arc::clone(&gate), Arc::clone(&hold));
        let mut waiting = blobs.run(move |_| {
            drop(gate.lock());
            drop(held);
            Ok(())
        });
        // Begun, and then left alone.
        assert!((&mut waiting).now_or_never().is_none());
        callers.push(waiting);
    }
    drop(callers);
    // Of the others nothing was begun; these run on, and nobody else gets their places.
    assert_eq!(blobs.hands.places.available_permits(), 0);
    assert_eq!(Arc::strong_count(&hold), 1 + JOBS);
    drop(held);
    let all = blobs
        .hands
        .places
        .acquire_many(u32::try_from(JOBS).unwrap())
        .await;
    drop(all.unwrap());
    assert_eq!(Arc::strong_count(&hold), 1);
}
