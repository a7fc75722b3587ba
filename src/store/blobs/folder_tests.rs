//! What a folder promises beside what every place does: links, faults of the disk, work whose caller is gone.

use std::{
    os::{
        fd::AsRawFd as _,
        unix::fs::{PermissionsExt as _, symlink},
    },
    sync::atomic::{AtomicBool, AtomicI64, Ordering},
};

use futures_util::FutureExt as _;

use super::*;

const UPLOAD: UploadId = UploadId::new(3);

#[tokio::test]
async fn what_was_taken_is_there_for_the_next_process() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = FolderBlobs::open(folder.path()).unwrap();
    blobs.begin(UPLOAD).await.unwrap();
    let piece = vec![Bytes::from_static(b"half")];
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
    let piece = vec![Bytes::from_static(b"x")];
    let refused = blobs.append(UPLOAD, 8, piece, Arc::new(())).await;
    assert!(refused.is_err());
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "precious");
}

/// Syncs that `uncertain` still lets be before one fails; negative: all are done.
static LEFT: AtomicI64 = AtomicI64::new(-1);

/// What it failed with last.
static FAILED: Mutex<Option<PathBuf>> = Mutex::new(None);

/// Fails once, when `LEFT` has come to 0, as a disk does whose error is told once.
fn uncertain(file: &File) -> io::Result<()> {
    match LEFT.fetch_sub(1, Ordering::SeqCst) {
        0 => {
            let name = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
            *FAILED.lock().unwrap() = Some(name);
            Err(io::Error::other("the disk failed"))
        }
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
            let blobs = FolderBlobs::with(folder.path(), uncertain).unwrap();
            let content = ContentHash::of(b"half");
            let bring = async || {
                blobs.begin(UPLOAD).await.unwrap();
                let piece = vec![Bytes::from_static(b"half")];
                blobs.append(UPLOAD, 0, piece, Arc::new(())).await.unwrap();
            };
            bring().await;
            if equal {
                blobs.keep(UPLOAD, content, 4).await.unwrap();
                bring().await;
            }
            LEFT.store(failing, Ordering::SeqCst);
            if blobs.keep(UPLOAD, content, 4).await.is_ok() {
                assert!(failing > 2, "there is something to fail");
                break;
            }
            let (written, size) = (blobs.written(UPLOAD).await, blobs.size(content).await);
            match written.unwrap() {
                // It has its place, and only that the upload is gone there nobody knows: that does no harm.
                None => {
                    assert_eq!(size, Ok(Some(4)));
                    let failed = FAILED.lock().unwrap().take().unwrap();
                    assert!(failed.ends_with("uploads"), "{failed:?}");
                }
                // It stands where it stood, or begins anew, and nothing has been given a place that may be lost.
                Some(stands) => {
                    assert_eq!(stands, if failing == 0 { 0 } else { 4 }, "{failing}");
                    assert_eq!(size, Ok(equal.then_some(4)), "{failing}");
                    bring().await;
                    blobs.keep(UPLOAD, content, 4).await.unwrap();
                }
            }
            assert_eq!(blobs.settle(content).await, Ok(Some(4)));
        }
    }
    // On its way, too.
    LEFT.store(-1, Ordering::SeqCst);
    let folder = tempfile::tempdir().unwrap();
    let blobs = FolderBlobs::with(folder.path(), uncertain).unwrap();
    blobs.begin(UPLOAD).await.unwrap();
    let piece = |bytes| vec![Bytes::from(vec![7; bytes])];
    let append = async |offset, bytes| {
        let appended = blobs.append(UPLOAD, offset, piece(bytes), Arc::new(()));
        appended.await
    };
    append(0, 4).await.unwrap();
    LEFT.store(0, Ordering::SeqCst);
    assert!(blobs.flush(UPLOAD, Arc::new(())).await.is_err());
    assert_eq!(blobs.written(UPLOAD).await, Ok(Some(0)));
    append(0, 4).await.unwrap();
    LEFT.store(0, Ordering::SeqCst);
    let much = usize::try_from(UNSYNCED_BYTES_MAX).unwrap();
    assert!(append(4, much).await.is_err());
    assert_eq!(blobs.written(UPLOAD).await, Ok(Some(0)));
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
    let blobs = FolderBlobs::with(folder.path(), fails).unwrap();
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
    let piece = vec![Bytes::from_static(b"x")];
    let mut append = blobs.append(UPLOAD, 0, piece, Arc::clone(&hold));
    assert!((&mut append).now_or_never().is_none());
    let mut flush = blobs.flush(UPLOAD, Arc::clone(&hold));
    assert!((&mut flush).now_or_never().is_none());
    drop((append, flush));
    assert_eq!(Arc::strong_count(&hold), 3);
    drop(held);
    let all = blobs.jobs.acquire_many(u32::try_from(JOBS).unwrap()).await;
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
    assert_eq!(blobs.jobs.available_permits(), 0);
    assert_eq!(Arc::strong_count(&hold), 1 + JOBS);
    drop(held);
    let all = blobs.jobs.acquire_many(u32::try_from(JOBS).unwrap()).await;
    drop(all.unwrap());
    assert_eq!(Arc::strong_count(&hold), 1);
}
