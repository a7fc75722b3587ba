//! Where the bytes of files lie: named by their BLAKE3, each content once. A seam: beside the store on disk
//! ([`folder`]), in memory ([`memory`]), later in an object store.
//!
//! What every place promises:
//!
//! 1. An upload's bytes are kept in order, from the first on; what `append` has answered is there after the process was
//!    killed (where the system tells that from a power cut), and after `flush` also when the machine was. Nothing else is.
//! 2. A content has its place whole or not at all: `keep` comes after a sync, and is itself on stable storage. What lies
//!    there is never written over by others of its length, and a sync that failed is not taken for done the next time.
//! 3. No call has more than `PIECE_BYTES_MAX` of a file in memory, and none does its work on the thread of its caller.
//! 4. A place that is nearly full takes no bytes, and an upload only so many more than are on stable storage, whoever brings
//!    them: the store beside it can still write.
//! 5. Only so many calls do their work at once, also when their callers are gone meanwhile; a `Hold` ends with the work.
//!
//! It knows nothing of owners, names or messages.

mod advice;
pub mod folder;
mod hands;
pub mod memory;
mod notes;
mod pieces;
mod places;
mod prefixes;
mod removal;

use std::{any::Any, sync::Arc};

use bytes::Bytes;

use super::Answer;
use crate::domain::{file::ContentHash, ids::UploadId};

/// Most bytes that a call takes or gives at once.
pub const PIECE_BYTES_MAX: usize = 512 * 1024;
/// First bytes of a content by which its type is told.
pub const HEAD_BYTES: usize = 8 * 1024;

/// What the caller of a long piece of work holds for it. It is dropped when the work ends, not when its caller goes away.
pub type Hold = Arc<dyn Any + Send + Sync>;

/// Why bytes were not kept or given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// There is no room. What was there stays there.
    #[error("there is no room for files")]
    Full,
    /// The upload stands elsewhere.
    #[error("the upload stands at {0}")]
    Offset(u64),
    /// A piece is not what its hash says.
    #[error("the bytes have another hash")]
    Garbled,
    /// The bytes are not there (any more).
    #[error("the bytes are gone")]
    Gone,
    /// The place failed.
    #[error("files cannot be kept: {0}")]
    Failed(String),
}

/// Bytes that an upload gets.
#[derive(Clone, Debug)]
pub struct Piece {
    /// They.
    pub bytes: Bytes,
    /// What they must be; `None`: anything.
    pub hash: Option<ContentHash>,
}

impl Piece {
    /// They are what they must be.
    fn is_whole(&self) -> bool {
        self.hash
            .is_none_or(|hash| hash == ContentHash::of(&self.bytes))
    }
}

impl From<Bytes> for Piece {
    fn from(bytes: Bytes) -> Self {
        Self { bytes, hash: None }
    }
}

/// All that was uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// How many bytes there are.
    pub size: u64,
    /// What names them.
    pub hash: ContentHash,
    /// The first of them, `HEAD_BYTES` at the most.
    pub head: Bytes,
}

/// A place for bytes. See the head of this file for what it promises.
pub trait Blobs: Send + Sync + 'static {
    /// Begins an upload, or begins it anew, at 0.
    fn begin(&self, upload: UploadId) -> Answer<'_, Result<(), BlobError>>;

    /// How many bytes of an upload are there; `None`: it was not begun, or its content has its place already.
    fn written(&self, upload: UploadId) -> Answer<'_, Result<Option<u64>, BlobError>>;

    /// Adds bytes to an upload that stands at `offset`, and answers where it stands then. With an error none of them is
    /// there.
    fn append(
        &self,
        upload: UploadId,
        offset: u64,
        pieces: Vec<Piece>,
        hold: Hold,
    ) -> Answer<'_, Result<u64, BlobError>>;

    /// Brings an upload's bytes to stable storage, and answers how many are there then for certain: what another call adds
    /// meanwhile is not counted.
    fn flush(&self, upload: UploadId, hold: Hold) -> Answer<'_, Result<u64, BlobError>>;

    /// Says what all is that was uploaded; `None`: see `written`. Whoever no longer waits ends it: it changes nothing.
    fn check(&self, upload: UploadId, hold: Hold)
    -> Answer<'_, Result<Option<Checked>, BlobError>>;

    /// Gives an upload's bytes their place under what names them, if they are still those that were checked (else
    /// `Offset`). If such a content lies there, it stays and they go.
    fn keep(
        &self,
        upload: UploadId,
        content: ContentHash,
        size: u64,
    ) -> Answer<'_, Result<(), BlobError>>;

    /// Brings a content that was given its place to stable storage, and answers how many bytes it has; `None`: it is not
    /// there.
    fn settle(&self, content: ContentHash) -> Answer<'_, Result<Option<u64>, BlobError>>;

    /// The uploads of which something is there.
    fn uploads(&self) -> Answer<'_, Result<Vec<UploadId>, BlobError>>;

    /// Forgets what came of an upload, if anything is there.
    fn discard(&self, upload: UploadId) -> Answer<'_, Result<(), BlobError>>;

    /// How many bytes a content has; `None`: it is not there.
    fn size(&self, content: ContentHash) -> Answer<'_, Result<Option<u64>, BlobError>>;

    /// Reads a content from an offset on: `max` bytes (`PIECE_BYTES_MAX` at the most), fewer at its end.
    fn read(
        &self,
        content: ContentHash,
        offset: u64,
        max: usize,
        hold: Hold,
    ) -> Answer<'_, Result<Bytes, BlobError>>;

    /// The contents whose names begin with this byte: a part of all that fits into memory.
    fn contents(&self, first: u8) -> Answer<'_, Result<Vec<ContentHash>, BlobError>>;

    /// Removes a content, if it is there: on stable storage, too, so that it may be forgotten.
    fn remove(&self, content: ContentHash) -> Answer<'_, Result<(), BlobError>>;
}

#[cfg(test)]
mod tests {
    //! The same promises, asked of every place.

    use std::sync::Arc;

    use super::{folder::FolderBlobs, memory::MemoryBlobs, *};

    /// Every place there is, and what must outlive it.
    fn places() -> Vec<(Arc<dyn Blobs>, Option<tempfile::TempDir>)> {
        let folder = tempfile::tempdir().unwrap();
        let on_disk: Arc<dyn Blobs> = Arc::new(FolderBlobs::open(folder.path()).unwrap());
        vec![
            (on_disk, Some(folder)),
            (Arc::new(MemoryBlobs::default()), None),
        ]
    }

    const UPLOAD: UploadId = UploadId::new(7);

    fn nothing() -> Hold {
        Arc::new(())
    }

    fn piece(text: &'static str) -> Vec<Piece> {
        vec![Bytes::from_static(text.as_bytes()).into()]
    }

    #[tokio::test]
    async fn bytes_come_in_order_get_their_place_and_are_read_from_anywhere() {
        for (blobs, _folder) in places() {
            assert_eq!(blobs.written(UPLOAD).await, Ok(None));
            assert_eq!(blobs.check(UPLOAD, nothing()).await, Ok(None));
            assert_eq!(blobs.uploads().await, Ok(vec![]));
            blobs.begin(UPLOAD).await.unwrap();
            assert_eq!(blobs.uploads().await, Ok(vec![UPLOAD]));
            assert_eq!(blobs.written(UPLOAD).await, Ok(Some(0)));
            assert_eq!(
                blobs.append(UPLOAD, 0, piece("hello "), nothing()).await,
                Ok(6)
            );
            let two = [piece("wor"), piece("ld")].concat();
            assert_eq!(blobs.append(UPLOAD, 6, two, nothing()).await, Ok(11));
            assert_eq!(blobs.flush(UPLOAD, nothing()).await, Ok(11));
            let checked = blobs.check(UPLOAD, nothing()).await.unwrap().unwrap();
            let hash = ContentHash::of(b"hello world");
            assert_eq!((checked.size, checked.hash), (11, hash));
            assert_eq!(checked.head, "hello world");
            assert_eq!(blobs.size(hash).await, Ok(None));
            blobs.keep(UPLOAD, hash, 11).await.unwrap();
            assert_eq!(blobs.size(hash).await, Ok(Some(11)));
            assert_eq!(blobs.written(UPLOAD).await, Ok(None));
            assert_eq!(blobs.read(hash, 6, 3, nothing()).await.unwrap(), "wor");
            assert_eq!(blobs.read(hash, 6, 100, nothing()).await.unwrap(), "world");
            assert_eq!(blobs.read(hash, 11, 100, nothing()).await.unwrap(), "");
            assert_eq!(blobs.read(hash, 12, 100, nothing()).await.unwrap(), "");
            blobs.remove(hash).await.unwrap();
            blobs.remove(hash).await.unwrap();
            assert_eq!(
                blobs.read(hash, 0, 1, nothing()).await,
                Err(BlobError::Gone)
            );
            assert_eq!(blobs.size(hash).await, Ok(None));
        }
    }

    #[tokio::test]
    async fn a_piece_that_does_not_follow_is_refused_and_changes_nothing() {
        for (blobs, _folder) in places() {
            let gone = blobs.append(UPLOAD, 0, piece("x"), nothing()).await;
            assert_eq!(gone, Err(BlobError::Gone));
            blobs.begin(UPLOAD).await.unwrap();
            blobs
                .append(UPLOAD, 0, piece("abc"), nothing())
                .await
                .unwrap();
            for offset in [0, 2, 4, u64::MAX] {
                let refused = blobs.append(UPLOAD, offset, piece("x"), nothing()).await;
                assert_eq!(refused, Err(BlobError::Offset(3)), "{offset}");
            }
            assert_eq!(blobs.written(UPLOAD).await, Ok(Some(3)));
        }
    }

    #[tokio::test]
    async fn a_piece_that_is_not_what_its_hash_says_keeps_those_before_it_out_too() {
        for (blobs, _folder) in places() {
            blobs.begin(UPLOAD).await.unwrap();
            let piece = |text: &'static str, says: &str| Piece {
                bytes: Bytes::from_static(text.as_bytes()),
                hash: Some(ContentHash::of(says.as_bytes())),
            };
            let pieces = vec![piece("one", "one"), piece("two", "three")];
            let refused = blobs.append(UPLOAD, 0, pieces, nothing()).await;
            assert_eq!(refused, Err(BlobError::Garbled));
            assert_eq!(blobs.written(UPLOAD).await, Ok(Some(0)));
            let pieces = vec![piece("one", "one"), piece("two", "two")];
            let appended = blobs.append(UPLOAD, 0, pieces, nothing()).await;
            assert_eq!(appended, Ok(6));
        }
    }

    #[tokio::test]
    async fn what_is_begun_anew_or_discarded_is_forgotten() {
        for (blobs, _folder) in places() {
            blobs.begin(UPLOAD).await.unwrap();
            blobs
                .append(UPLOAD, 0, piece("abc"), nothing())
                .await
                .unwrap();
            blobs.begin(UPLOAD).await.unwrap();
            assert_eq!(blobs.written(UPLOAD).await, Ok(Some(0)));
            blobs.discard(UPLOAD).await.unwrap();
            blobs.discard(UPLOAD).await.unwrap();
            assert_eq!(blobs.written(UPLOAD).await, Ok(None));
            let kept = blobs.keep(UPLOAD, ContentHash::of(b""), 0).await;
            assert_eq!(kept, Err(BlobError::Gone));
        }
    }

    #[tokio::test]
    async fn an_equal_content_lies_there_once() {
        for (blobs, _folder) in places() {
            let hash = ContentHash::of(b"same");
            for upload in [UPLOAD, UploadId::new(8)] {
                blobs.begin(upload).await.unwrap();
                blobs
                    .append(upload, 0, piece("same"), nothing())
                    .await
                    .unwrap();
                blobs.keep(upload, hash, 4).await.unwrap();
                assert_eq!(blobs.written(upload).await, Ok(None));
                assert_eq!(blobs.read(hash, 0, 9, nothing()).await.unwrap(), "same");
            }
        }
    }

    #[tokio::test]
    async fn nothing_is_a_content_too() {
        for (blobs, _folder) in places() {
            blobs.begin(UPLOAD).await.unwrap();
            let checked = blobs.check(UPLOAD, nothing()).await.unwrap().unwrap();
            assert_eq!((checked.size, checked.hash), (0, ContentHash::of(b"")));
            blobs.keep(UPLOAD, checked.hash, 0).await.unwrap();
            assert_eq!(blobs.read(checked.hash, 0, 1, nothing()).await.unwrap(), "");
        }
    }

    #[tokio::test]
    async fn what_has_its_place_is_not_written_over() {
        for (blobs, _folder) in places() {
            let hash = ContentHash::of(b"good");
            for (bytes, kept) in [
                ("good", Ok(())),
                ("longer", Err(BlobError::Offset(6))),
                ("bad", Err(BlobError::Offset(3))),
            ] {
                blobs.begin(UPLOAD).await.unwrap();
                blobs
                    .append(UPLOAD, 0, piece(bytes), nothing())
                    .await
                    .unwrap();
                assert_eq!(blobs.keep(UPLOAD, hash, 4).await, kept);
                assert_eq!(blobs.read(hash, 0, 9, nothing()).await.unwrap(), "good");
                let stays = kept.is_err().then_some(bytes.len() as u64);
                assert_eq!(blobs.written(UPLOAD).await, Ok(stays));
            }
            assert_eq!(blobs.settle(hash).await, Ok(Some(4)));
            assert_eq!(blobs.settle(ContentHash::of(b"other")).await, Ok(None));
        }
    }

    #[tokio::test]
    async fn all_contents_are_listed_by_their_first_byte() {
        for (blobs, _folder) in places() {
            let mut all = Vec::new();
            for number in 0..40 {
                let one = Bytes::from(vec![number]);
                let hash = ContentHash::of(&one);
                blobs.begin(UPLOAD).await.unwrap();
                let pieces = vec![one.into()];
                blobs.append(UPLOAD, 0, pieces, nothing()).await.unwrap();
                blobs.keep(UPLOAD, hash, 1).await.unwrap();
                all.push(hash);
            }
            blobs.remove(all.remove(7)).await.unwrap();
            let mut listed = Vec::new();
            for first in 0..=255 {
                let part = blobs.contents(first).await.unwrap();
                assert!(part.iter().all(|hash| hash.0[0] == first));
                listed.extend(part);
            }
            all.sort_by_key(|hash| hash.0);
            listed.sort_by_key(|hash| hash.0);
            assert_eq!(listed, all);
        }
    }

    #[tokio::test]
    async fn what_is_held_for_a_piece_of_work_is_given_back_with_its_end() {
        for (blobs, _folder) in places() {
            blobs.begin(UPLOAD).await.unwrap();
            let hold = nothing();
            let of = || Arc::clone(&hold);
            blobs.append(UPLOAD, 0, piece("x"), of()).await.unwrap();
            blobs.flush(UPLOAD, of()).await.unwrap();
            blobs.check(UPLOAD, of()).await.unwrap();
            let hash = ContentHash::of(b"x");
            blobs.keep(UPLOAD, hash, 1).await.unwrap();
            blobs.read(hash, 0, 1, of()).await.unwrap();
            assert_eq!(Arc::strong_count(&hold), 1);
        }
    }
}
