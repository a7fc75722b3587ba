//! What a folder promises beside what every place does: links, faults of the disk, work whose caller is gone.

use std::{
    fs::{self, File},
    os::unix::fs::{PermissionsExt as _, symlink},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt as _, future::join_all};
use tokio::time::timeout;

use super::*;
use crate::store::blobs::hands::JOBS;

const UPLOAD: UploadId = UploadId::new(3);
/// Longer than nothing takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A place whose syncs are done so.
fn with(folder: &tempfile::TempDir, sync: fn(&File) -> io::Result<()>) -> FolderBlobs {
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
    static FAILS: AtomicBool = AtomicBool::new(false);
    let folder = tempfile::tempdir().unwrap();
    let blobs = with(&folder, |file| match FAILS.load(Ordering::SeqCst) {
        true => Err(io::Error::other("the disk failed")),
        false => file.sync_all(),
    });
    FAILS.store(true, Ordering::SeqCst);
    let refused = blobs.begin(UPLOAD).await;
    assert!(matches!(refused, Err(BlobError::Failed(_))), "{refused:?}");
    assert_eq!(blobs.uploads().await, Ok(vec![]));
    FAILS.store(false, Ordering::SeqCst);
    blobs.begin(UPLOAD).await.unwrap();
    append(&blobs, 0, b"half").await.unwrap();
    // It has a row, and whoever brings more must be told where it stands.
    FAILS.store(true, Ordering::SeqCst);
    assert!(blobs.begin(UPLOAD).await.is_err());
    assert_eq!(blobs.written(UPLOAD).await, Ok(Some(0)));
}

#[tokio::test]
async fn what_could_neither_be_synced_nor_taken_away_is_never_taken_for_there() {
    static SYNCS: AtomicBool = AtomicBool::new(true);
    static EMPTIES: AtomicBool = AtomicBool::new(true);
    fn does(what: &AtomicBool) -> io::Result<()> {
        let does = what.load(Ordering::SeqCst);
        does.then_some(())
            .ok_or_else(|| io::Error::other("the disk failed"))
    }
    let system = System {
        sync: |file| does(&SYNCS).and_then(|()| file.sync_all()),
        empty: |file| does(&EMPTIES).and_then(|()| file.set_len(0)),
    };
    let folder = tempfile::tempdir().unwrap();
    let blobs = FolderBlobs::with(folder.path(), system).unwrap();
    let content = ContentHash::of(b"half");
    let lose = async || {
        append(&blobs, 0, b"half").await.unwrap();
        SYNCS.store(false, Ordering::SeqCst);
        EMPTIES.store(false, Ordering::SeqCst);
        assert!(blobs.flush(UPLOAD, Arc::new(())).await.is_err());
        // The next sync would be believed.
        SYNCS.store(true, Ordering::SeqCst);
    };
    let refused = |answer: Result<(), BlobError>| {
        let says = answer.unwrap_err().to_string();
        assert!(says.contains("neither be synced nor begun anew"), "{says}");
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
    EMPTIES.store(true, Ordering::SeqCst);
    assert_eq!(append(&blobs, 4, b"more").await, Err(BlobError::Offset(0)));
    lose().await;
    EMPTIES.store(true, Ordering::SeqCst);
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

async fn append(blobs: &FolderBlobs, offset: u64, bytes: &[u8]) -> Result<u64, BlobError> {
    let piece = vec![Bytes::copy_from_slice(bytes).into()];
    blobs.append(UPLOAD, offset, piece, Arc::new(())).await
}

/// After so many bytes an upload is synced.
fn much() -> Vec<u8> {
    let bytes = usize::try_from(SYNCED_AFTER).unwrap();
    let thousands = (0..=u8::MAX).flat_map(|byte| std::iter::repeat_n(byte, 1000));
    thousands.cycle().take(bytes).collect()
}

/// Waits until all work that was begun has ended.
async fn idle(blobs: &FolderBlobs) {
    let all = u32::try_from(JOBS).unwrap();
    drop(blobs.hands.places.acquire_many(all).await.unwrap());
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

    fn hold(&self, held: bool) {
        self.held.store(held, Ordering::SeqCst);
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        if !file.metadata()?.is_dir() {
            self.begun.fetch_add(1, Ordering::SeqCst);
            while self.held.load(Ordering::SeqCst) {
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
        assert_eq!(DISK.begun.load(Ordering::SeqCst), 2);
        assert!(!blobs.places.prefixes.is_open(UPLOAD));
    }
    drop(blobs);
    // What came before a restart may not be there for certain: it is synced, and once is enough.
    let blobs = with(&folder, |file| DISK.sync(file));
    for _ in 0..2 {
        assert_eq!(blobs.flush(UPLOAD, Arc::new(())).await, Ok(4));
        assert_eq!(DISK.begun.load(Ordering::SeqCst), 3);
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
