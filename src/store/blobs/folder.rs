//! Bytes of files in a folder beside the store. What is done there is `places`'; here it is handed to threads that may wait for
//! the disk (`hands`), so that no caller does, and syncs go on beside what comes next.

use std::{io, path::Path, sync::Arc};

use bytes::Bytes;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
use tracing::warn;

use super::{
    Answer, BlobError, Blobs, Checked, Hold, Piece,
    hands::Hands,
    places::{Appended, Places, STRIPES, System, Turn, UNSYNCED_BYTES_MAX, bytes_of, stripe},
};
use crate::domain::{file::ContentHash, ids::UploadId};

/// Bytes of an upload after which they are brought to stable storage, beside those that come next: half of what may be
/// unsynced, so that the disk takes one half while the other comes.
const SYNCED_AFTER: u64 = UNSYNCED_BYTES_MAX / 2;

/// A folder with the bytes of files.
#[derive(Clone)]
pub struct FolderBlobs {
    places: Arc<Places>,
    hands: Hands,
    /// Held from a sync of an upload until all that follows from it is done, so that none is taken for done whose failure
    /// another has heard of. More may be written meanwhile. Whoever waits for it has no thread of `hands`: however many ask
    /// about one upload, the others go on.
    syncing: Arc<[Arc<AsyncMutex<()>>; STRIPES]>,
}

impl FolderBlobs {
    /// Opens the place in the folder of a store, making it if need be. Others may not look into it.
    pub fn open(folder: &Path) -> io::Result<Self> {
        Self::with(folder, System::REAL)
    }

    fn with(folder: &Path, system: System) -> io::Result<Self> {
        let places = Places::open(folder, system)?;
        Ok(Self {
            places: Arc::new(places),
            hands: Hands::new(),
            syncing: Arc::new(std::array::from_fn(|_| Arc::default())),
        })
    }

    /// Does something where it may wait for the disk.
    fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Places) -> Result<T, BlobError> + Send + 'static,
    ) -> Answer<'_, Result<T, BlobError>> {
        let places = Arc::clone(&self.places);
        Box::pin(self.hands.run(move || work(&places)))
    }

    /// Waits until no other syncs this upload.
    async fn syncing(&self, upload: UploadId) -> OwnedMutexGuard<()> {
        let lock = Arc::clone(&self.syncing[stripe(upload)]);
        lock.lock_owned().await
    }

    /// Does something to an upload that no other syncs until it is done.
    fn run_syncing<T: Send + 'static>(
        &self,
        upload: UploadId,
        work: impl FnOnce(&Places) -> Result<T, BlobError> + Send + 'static,
    ) -> Answer<'_, Result<T, BlobError>> {
        Box::pin(async move {
            let syncing = self.syncing(upload).await;
            let work = move |places: &Places| {
                let _syncing = syncing;
                work(places)
            };
            self.run(work).await
        })
    }

    /// Brings an upload's bytes to stable storage without waiting for it. While another syncs it, it is left to the next
    /// call. If it fails, the upload goes back to what is noted, and whoever brings more is told where it stands.
    async fn sync_beside(&self, upload: UploadId, hold: Hold) -> Result<(), BlobError> {
        let Ok(syncing) = Arc::clone(&self.syncing[stripe(upload)]).try_lock_owned() else {
            return Ok(());
        };
        let places = Arc::clone(&self.places);
        let work = move || {
            let _held = (syncing, hold);
            match places.advance(upload) {
                // It has ended meanwhile.
                Ok(()) | Err(BlobError::Gone) => {}
                Err(error) => {
                    warn!(%error, %upload, "an upload could not be synced; it goes back to what is noted, unless that alone has failed")
                }
            }
        };
        self.hands.begin(work).await
    }

    /// Has the room of what was removed given back, without waiting for it: a large file takes a second.
    async fn give_back_beside(&self) {
        if self.places.removal.is_due() {
            let places = Arc::clone(&self.places);
            let begun = self.hands.begin(move || places.removal.go_on()).await;
            if let Err(error) = begun {
                warn!(%error, "what was removed gives its room back when more is removed");
            }
        }
    }
}

impl Blobs for FolderBlobs {
    fn begin(&self, upload: UploadId) -> Answer<'_, Result<(), BlobError>> {
        self.run_syncing(upload, move |places| places.begin(upload))
    }

    fn written(&self, upload: UploadId) -> Answer<'_, Result<Option<u64>, BlobError>> {
        self.run(move |places| places.written(upload))
    }

    fn append(
        &self,
        upload: UploadId,
        offset: u64,
        pieces: Vec<Piece>,
        hold: Hold,
    ) -> Answer<'_, Result<u64, BlobError>> {
        let pieces: Arc<[Piece]> = pieces.into();
        let bytes = bytes_of(&pieces);
        Box::pin(async move {
            loop {
                let (held, pieces) = (Arc::clone(&hold), Arc::clone(&pieces));
                let appended = self.run(move |places| {
                    let _held = held;
                    places.append(upload, offset, &pieces)
                });
                match appended.await? {
                    Appended::Written { stands, unsynced } => {
                        // Not by what came now: a caller that is dropped right here has brought bytes, and no sync of
                        // them. What it leaves so is bounded there.
                        if unsynced >= SYNCED_AFTER {
                            self.sync_beside(upload, hold).await?;
                        }
                        return Ok(stands);
                    }
                    Appended::Waits => {
                        let held = Arc::clone(&hold);
                        let made = self.run_syncing(upload, move |places| {
                            let _held = held;
                            places.make_way(upload, bytes)
                        });
                        made.await?;
                    }
                }
            }
        })
    }

    fn flush(&self, upload: UploadId, hold: Hold) -> Answer<'_, Result<u64, BlobError>> {
        self.run_syncing(upload, move |places| {
            let _hold = hold;
            places.commit(upload)
        })
    }

    fn check(
        &self,
        upload: UploadId,
        hold: Hold,
    ) -> Answer<'_, Result<Option<Checked>, BlobError>> {
        Box::pin(async move {
            loop {
                let hold = Arc::clone(&hold);
                let turn = self.run(move |places| {
                    let _hold = hold;
                    places.check(upload)
                });
                match turn.await? {
                    Some(Turn::More) => {}
                    Some(Turn::Whole(checked)) => return Ok(Some(checked)),
                    None => return Ok(None),
                }
            }
        })
    }

    fn keep(
        &self,
        upload: UploadId,
        content: ContentHash,
        size: u64,
    ) -> Answer<'_, Result<(), BlobError>> {
        Box::pin(async move {
            // Nearly always all of it is hashed already. What is not known, as after a restart, is hashed here.
            let hold: Hold = Arc::new(());
            let checked = self.check(upload, hold).await?;
            checked.ok_or(BlobError::Gone)?;
            let keep = move |places: &Places| places.keep(upload, content, size);
            let kept = self.run_syncing(upload, keep).await;
            self.give_back_beside().await;
            kept
        })
    }

    fn settle(&self, content: ContentHash) -> Answer<'_, Result<Option<u64>, BlobError>> {
        self.run(move |places| places.settle(content))
    }

    fn uploads(&self) -> Answer<'_, Result<Vec<UploadId>, BlobError>> {
        self.run(Places::uploads)
    }

    fn discard(&self, upload: UploadId) -> Answer<'_, Result<(), BlobError>> {
        Box::pin(async move {
            let discarded = self.run(move |places| places.discard(upload)).await;
            self.give_back_beside().await;
            discarded
        })
    }

    fn size(&self, content: ContentHash) -> Answer<'_, Result<Option<u64>, BlobError>> {
        self.run(move |places| places.size(content))
    }

    fn read(
        &self,
        content: ContentHash,
        offset: u64,
        max: usize,
        hold: Hold,
    ) -> Answer<'_, Result<Bytes, BlobError>> {
        self.run(move |places| {
            let _hold = hold;
            places.read(content, offset, max)
        })
    }

    fn contents(&self, first: u8) -> Answer<'_, Result<Vec<ContentHash>, BlobError>> {
        self.run(move |places| places.contents(first))
    }

    fn remove(&self, content: ContentHash) -> Answer<'_, Result<(), BlobError>> {
        Box::pin(async move {
            let removed = self.run(move |places| places.remove(content)).await;
            self.give_back_beside().await;
            removed
        })
    }
}

#[cfg(test)]
#[path = "folder_sync_tests.rs"]
mod sync_tests;
#[cfg(test)]
#[path = "folder_tests.rs"]
mod tests;
