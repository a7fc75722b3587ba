//! Bytes of files in memory: for the store that keeps everything there, and for tests. What it holds ends with it.

use std::{
    collections::HashMap,
    future::ready,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;

use super::{Answer, BlobError, Blobs, Checked, HEAD_BYTES, Hold, PIECE_BYTES_MAX, Piece};
use crate::domain::{file::ContentHash, ids::UploadId};

/// Bytes that it takes in all: it is for trying things out, and there is no disk to fill.
const ALL_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Bytes of files in memory.
#[derive(Default)]
pub struct MemoryBlobs(Mutex<Held>);

#[derive(Default)]
struct Held {
    /// Shared with whoever hashes one, so that nobody waits for that; a change meanwhile is made to a copy.
    uploads: HashMap<UploadId, Arc<Vec<u8>>>,
    contents: HashMap<ContentHash, Bytes>,
}

impl Held {
    fn bytes(&self) -> usize {
        let of_uploads = self.uploads.values().map(|bytes| bytes.len());
        of_uploads
            .chain(self.contents.values().map(Bytes::len))
            .sum()
    }
}

impl MemoryBlobs {
    fn held(&self) -> MutexGuard<'_, Held> {
        // Nothing panics halfway through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Blobs for MemoryBlobs {
    fn begin(&self, upload: UploadId) -> Answer<'_, Result<(), BlobError>> {
        self.held().uploads.insert(upload, Arc::default());
        Box::pin(ready(Ok(())))
    }

    fn written(&self, upload: UploadId) -> Answer<'_, Result<Option<u64>, BlobError>> {
        let held = self.held();
        let written = held.uploads.get(&upload).map(|bytes| bytes.len() as u64);
        Box::pin(ready(Ok(written)))
    }

    fn append(
        &self,
        upload: UploadId,
        offset: u64,
        pieces: Vec<Piece>,
        _: Hold,
    ) -> Answer<'_, Result<u64, BlobError>> {
        if !pieces.iter().all(Piece::is_whole) {
            return Box::pin(ready(Err(BlobError::Garbled)));
        }
        let mut held = self.held();
        let more: usize = pieces.iter().map(|piece| piece.bytes.len()).sum();
        let full = held.bytes() + more > ALL_BYTES_MAX;
        let answer = match held.uploads.get_mut(&upload) {
            None => Err(BlobError::Gone),
            Some(bytes) if bytes.len() as u64 != offset => {
                Err(BlobError::Offset(bytes.len() as u64))
            }
            Some(_) if full => Err(BlobError::Full),
            Some(bytes) => {
                let bytes = Arc::make_mut(bytes);
                pieces
                    .iter()
                    .for_each(|piece| bytes.extend_from_slice(&piece.bytes));
                Ok(bytes.len() as u64)
            }
        };
        Box::pin(ready(answer))
    }

    fn flush(&self, upload: UploadId, _: Hold) -> Answer<'_, Result<u64, BlobError>> {
        let held = self.held();
        let there = held.uploads.get(&upload).map(|bytes| bytes.len() as u64);
        Box::pin(ready(there.ok_or(BlobError::Gone)))
    }

    fn check(
        &self,
        upload: UploadId,
        hold: Hold,
    ) -> Answer<'_, Result<Option<Checked>, BlobError>> {
        let Some(bytes) = self.held().uploads.get(&upload).map(Arc::clone) else {
            return Box::pin(ready(Ok(None)));
        };
        Box::pin(async move {
            let hashed = tokio::task::spawn_blocking(move || {
                let checked = Checked {
                    size: bytes.len() as u64,
                    hash: ContentHash::of(&bytes),
                    head: Bytes::copy_from_slice(&bytes[..bytes.len().min(HEAD_BYTES)]),
                };
                drop(hold);
                checked
            });
            let ended = |error: tokio::task::JoinError| BlobError::Failed(error.to_string());
            hashed.await.map(Some).map_err(ended)
        })
    }

    fn keep(
        &self,
        upload: UploadId,
        content: ContentHash,
        size: u64,
    ) -> Answer<'_, Result<(), BlobError>> {
        let mut held = self.held();
        let there = held.uploads.get(&upload).map(|bytes| bytes.len() as u64);
        let kept = match there {
            None => Err(BlobError::Gone),
            Some(there) if there != size => Err(BlobError::Offset(there)),
            Some(_) => {
                if let Some(bytes) = held.uploads.remove(&upload) {
                    let bytes = || Bytes::from(Arc::unwrap_or_clone(bytes));
                    held.contents.entry(content).or_insert_with(bytes);
                }
                Ok(())
            }
        };
        Box::pin(ready(kept))
    }

    fn settle(&self, content: ContentHash) -> Answer<'_, Result<Option<u64>, BlobError>> {
        self.size(content)
    }

    fn uploads(&self) -> Answer<'_, Result<Vec<UploadId>, BlobError>> {
        let uploads = self.held().uploads.keys().copied().collect();
        Box::pin(ready(Ok(uploads)))
    }

    fn discard(&self, upload: UploadId) -> Answer<'_, Result<(), BlobError>> {
        self.held().uploads.remove(&upload);
        Box::pin(ready(Ok(())))
    }

    fn size(&self, content: ContentHash) -> Answer<'_, Result<Option<u64>, BlobError>> {
        let held = self.held();
        let size = held.contents.get(&content).map(|bytes| bytes.len() as u64);
        Box::pin(ready(Ok(size)))
    }

    fn read(
        &self,
        content: ContentHash,
        offset: u64,
        max: usize,
        _: Hold,
    ) -> Answer<'_, Result<Bytes, BlobError>> {
        let held = self.held();
        let read = held.contents.get(&content).ok_or(BlobError::Gone);
        let piece = read.map(|bytes| {
            let from = usize::try_from(offset).map_or(bytes.len(), |at| at.min(bytes.len()));
            let to = (from + max.min(PIECE_BYTES_MAX)).min(bytes.len());
            bytes.slice(from..to)
        });
        Box::pin(ready(piece))
    }

    fn contents(&self, first: u8) -> Answer<'_, Result<Vec<ContentHash>, BlobError>> {
        let held = self.held();
        let part = held.contents.keys().filter(|hash| hash.0[0] == first);
        Box::pin(ready(Ok(part.copied().collect())))
    }

    fn remove(&self, content: ContentHash) -> Answer<'_, Result<(), BlobError>> {
        self.held().contents.remove(&content);
        Box::pin(ready(Ok(())))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn it_takes_no_more_than_it_may() {
        let blobs = MemoryBlobs::default();
        let (upload, mut offset) = (UploadId::new(1), 0);
        blobs.begin(upload).await.unwrap();
        let (piece, hold): (_, Hold) = (Bytes::from(vec![0; 1024 * 1024]), Arc::new(()));
        while offset < ALL_BYTES_MAX as u64 {
            let pieces = vec![piece.clone().into()];
            let appended = blobs.append(upload, offset, pieces, Arc::clone(&hold));
            offset = appended.await.unwrap();
        }
        let one_more = vec![Bytes::from_static(b"x").into()];
        let refused = blobs.append(upload, offset, one_more, hold).await;
        assert_eq!(refused, Err(BlobError::Full));
        assert_eq!(blobs.written(upload).await, Ok(Some(offset)));
    }

    #[tokio::test]
    async fn hashing_is_no_work_of_its_callers_thread_and_nobody_waits_for_it() {
        let blobs = MemoryBlobs::default();
        let upload = UploadId::new(1);
        blobs.begin(upload).await.unwrap();
        let append = async |offset, text: &'static str| {
            let piece = vec![Bytes::from_static(text.as_bytes()).into()];
            blobs.append(upload, offset, piece, Arc::new(())).await
        };
        append(0, "seen").await.unwrap();
        let mut check = blobs.check(upload, Arc::new(()));
        assert!((&mut check).now_or_never().is_none());
        assert_eq!(append(4, ", then more").await, Ok(15));
        let checked = check.await.unwrap().unwrap();
        assert_eq!((checked.size, checked.hash), (4, ContentHash::of(b"seen")));
        // What was checked is not what would be kept.
        let kept = blobs.keep(upload, checked.hash, checked.size).await;
        assert_eq!(kept, Err(BlobError::Offset(15)));
    }
}
