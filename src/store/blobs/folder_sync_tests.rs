//! What a folder promises while its disk takes its time: syncs go on beside what comes, and are told apart from it.

use std::{
    fs::{self, File},
    sync::atomic::{AtomicBool, AtomicI64, Ordering},
    time::{Duration, Instant},
};

use futures_util::{FutureExt as _, future::join_all};
use tokio::time::timeout;

use super::{
    tests::{UPLOAD, append, idle, much, with},
    *,
};
use crate::store::blobs::hands::JOBS;

/// Longer than nothing takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A disk that takes as long as it is held.
struct Disk {
    held: AtomicBool,
    /// Syncs of files that have begun.
    begun: AtomicI64,
}

impl Disk {
    const fn new() -> Self {
        Self {
            held: AtomicBool::new(false),
            begun: AtomicI64::new(0),
        }
    }

    /// Holds it from now on, or lets it go.
    fn hold(&self, held: bool) {
        if held {
            self.begun.store(0, Ordering::SeqCst);
        }
        self.held.store(held, Ordering::SeqCst);
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        if !file.metadata()?.is_dir() {
            self.begun.fetch_add(1, Ordering::SeqCst);
            // A test that has failed lets nothing go any more, and its work would be waited for.
            let began = Instant::now();
            while self.held.load(Ordering::SeqCst) && began.elapsed() < PATIENCE {
                std::thread::yield_now();
            }
        }
        file.sync_all()
    }

    /// Lets a call go on until it syncs.
    async fn until_it_syncs<T>(&self, call: &mut (impl Future<Output = T> + Unpin)) {
        while self.begun.load(Ordering::SeqCst) == 0 {
            assert!((&mut *call).now_or_never().is_none());
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn what_comes_while_the_disk_takes_the_rest_is_bounded() {
    static DISK: Disk = Disk::new();
    let folder = tempfile::tempdir().unwrap();
    let blobs = with(&folder, |file| DISK.sync(file));
    blobs.begin(UPLOAD).await.unwrap();
    DISK.hold(true);
    let much = much();
    // Nobody waits for the first sync, and more comes beside it.
    append(&blobs, 0, &much).await.unwrap();
    append(&blobs, SYNCED_AFTER, b"more").await.unwrap();
    // But no more than may be lost: the next one waits for the first sync.
    let offset = SYNCED_AFTER + 4;
    let mut next = Box::pin(append(&blobs, offset, &much));
    assert!((&mut next).now_or_never().is_none());
    while blobs.hands.places.available_permits() < JOBS - 1 {
        tokio::task::yield_now().await;
    }
    for _ in 0..100 {
        assert!((&mut next).now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    assert_eq!(blobs.written(UPLOAD).await, Ok(Some(offset)));
    DISK.hold(false);
    assert_eq!(next.await, Ok(offset + SYNCED_AFTER));
    idle(&blobs).await;
    // It has not waited for one more, and has begun the next beside it.
    assert_eq!(DISK.begun.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn what_came_during_the_sync_gets_no_place_with_the_rest() {
    static DISK: Disk = Disk::new();
    let folder = tempfile::tempdir().unwrap();
    let blobs = with(&folder, |file| DISK.sync(file));
    let content = ContentHash::of(b"good");
    blobs.begin(UPLOAD).await.unwrap();
    append(&blobs, 0, b"go").await.unwrap();
    DISK.hold(true);
    let mut keep = blobs.keep(UPLOAD, content, 4);
    DISK.until_it_syncs(&mut keep).await;
    append(&blobs, 2, b"od").await.unwrap();
    DISK.hold(false);
    assert_eq!(keep.await, Err(BlobError::Offset(4)));
    assert_eq!(blobs.size(content).await, Ok(None));
    // The next one brings it all there.
    assert_eq!(blobs.keep(UPLOAD, content, 4).await, Ok(()));
}

#[tokio::test]
async fn what_is_not_known_is_hashed_before_it_gets_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = FolderBlobs::open(folder.path()).unwrap();
    blobs.begin(UPLOAD).await.unwrap();
    append(&blobs, 0, b"evil").await.unwrap();
    drop(blobs);
    let blobs = FolderBlobs::open(folder.path()).unwrap();
    let good = ContentHash::of(b"good");
    let refused = blobs.keep(UPLOAD, good, 4).await;
    assert_eq!(refused, Err(BlobError::Offset(4)));
    assert_eq!(blobs.size(good).await, Ok(None));
    // Nothing of the first call is left to go by.
    let evil = ContentHash::of(b"evil");
    assert_eq!(blobs.keep(UPLOAD, evil, 4).await, Ok(()));
}

#[tokio::test]
async fn a_flush_says_how_far_it_came_and_does_nothing_twice() {
    static DISK: Disk = Disk::new();
    let folder = tempfile::tempdir().unwrap();
    let blobs = with(&folder, |file| DISK.sync(file));
    blobs.begin(UPLOAD).await.unwrap();
    append(&blobs, 0, b"go").await.unwrap();
    DISK.hold(true);
    let mut flush = blobs.flush(UPLOAD, Arc::new(()));
    DISK.until_it_syncs(&mut flush).await;
    append(&blobs, 2, b"od").await.unwrap();
    DISK.hold(false);
    assert_eq!(flush.await, Ok(2));
    // An error about the rest would be told to nobody, if nobody had it open.
    assert!(blobs.places.prefixes.is_open(UPLOAD));
    for _ in 0..2 {
        assert_eq!(blobs.flush(UPLOAD, Arc::new(())).await, Ok(4));
        // The bytes, and the note of how many there are, each time.
        assert_eq!(DISK.begun.load(Ordering::SeqCst), 4);
        assert!(!blobs.places.prefixes.is_open(UPLOAD));
    }
    drop(blobs);
    // What came before a restart may not be there for certain: it is synced, and once is enough.
    let blobs = with(&folder, |file| DISK.sync(file));
    for _ in 0..2 {
        assert_eq!(blobs.flush(UPLOAD, Arc::new(())).await, Ok(4));
        assert_eq!(DISK.begun.load(Ordering::SeqCst), 6);
    }
}

#[tokio::test]
async fn however_many_ask_about_one_upload_the_others_go_on() {
    static DISK: Disk = Disk::new();
    let folder = tempfile::tempdir().unwrap();
    let blobs = with(&folder, |file| DISK.sync(file));
    let other = UploadId::new(4);
    for upload in [UPLOAD, other] {
        blobs.begin(upload).await.unwrap();
    }
    append(&blobs, 0, b"good").await.unwrap();
    DISK.hold(true);
    let mut first = blobs.flush(UPLOAD, Arc::new(()));
    DISK.until_it_syncs(&mut first).await;
    let mut asked: Vec<_> = (0..2 * JOBS)
        .map(|_| blobs.flush(UPLOAD, Arc::new(())))
        .collect();
    asked.push(Box::pin(async { blobs.begin(UPLOAD).await.map(|()| 0) }));
    for one in &mut asked {
        assert!(one.now_or_never().is_none());
    }
    let written = timeout(PATIENCE, blobs.written(other)).await;
    DISK.hold(false);
    assert_eq!(written, Ok(Ok(Some(0))));
    assert_eq!(first.await, Ok(4));
    let stand = join_all(asked).await;
    assert_eq!(stand[..2 * JOBS], [const { Ok(4) }; 2 * JOBS]);
    assert_eq!(stand[2 * JOBS..], [Ok(0)]);
}

#[tokio::test]
async fn of_what_is_discarded_while_it_is_synced_nothing_is_known() {
    static DISK: Disk = Disk::new();
    let folder = tempfile::tempdir().unwrap();
    let blobs = with(&folder, |file| DISK.sync(file));
    blobs.begin(UPLOAD).await.unwrap();
    append(&blobs, 0, b"good").await.unwrap();
    DISK.hold(true);
    let mut flush = blobs.flush(UPLOAD, Arc::new(()));
    DISK.until_it_syncs(&mut flush).await;
    blobs.discard(UPLOAD).await.unwrap();
    DISK.hold(false);
    assert_eq!(flush.await, Err(BlobError::Gone));
    assert_eq!(blobs.places.prefixes.synced(UPLOAD), None);
}

#[tokio::test]
async fn nobody_is_told_of_half_a_batch() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = FolderBlobs::open(folder.path()).unwrap();
    blobs.begin(UPLOAD).await.unwrap();
    let writing = blobs.places.writing(UPLOAD);
    let half = folder.path().join("uploads/3");
    fs::write(&half, "half").unwrap();
    let mut asked = blobs.written(UPLOAD);
    let mut flush = blobs.flush(UPLOAD, Arc::new(()));
    for _ in 0..1_000 {
        assert!((&mut asked).now_or_never().is_none());
        assert!((&mut flush).now_or_never().is_none());
        std::thread::yield_now();
    }
    // It is taken back.
    fs::write(&half, "").unwrap();
    drop(writing);
    assert_eq!((asked.await, flush.await), (Ok(Some(0)), Ok(0)));
}

#[tokio::test]
async fn what_a_caller_that_went_away_has_brought_is_synced_with_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = FolderBlobs::open(folder.path()).unwrap();
    blobs.begin(UPLOAD).await.unwrap();
    let much = much();
    let writing = blobs.places.writing(UPLOAD);
    let mut call = Box::pin(append(&blobs, 0, &much));
    assert!((&mut call).now_or_never().is_none());
    drop(call);
    drop(writing);
    idle(&blobs).await;
    assert_eq!(blobs.written(UPLOAD).await, Ok(Some(SYNCED_AFTER)));
    assert_eq!(blobs.places.prefixes.synced(UPLOAD), None);
    append(&blobs, SYNCED_AFTER, b"x").await.unwrap();
    idle(&blobs).await;
    let all = SYNCED_AFTER + 1;
    assert_eq!(blobs.places.prefixes.synced(UPLOAD), Some(all));
}
