//! What a store knows of files: uploads that are under way, files, and which messages hold them. Their bytes lie in
//! [`super::blobs`].
//!
//! What every store promises, beside what stands in `store`:
//!
//! 1. A file is there as long as a message or another file (as its thumbnail) holds it, or was made less than
//!    `UPLOAD_IDLE` ago. Then it is gone in the commit that let go of it. An upload holds its thumbnail, too.
//! 2. Only members who can read a message that holds a file are told of it; one that no message holds, nor the picture that
//!    it shows small, its owner alone.
//! 3. Bytes are counted: `free_contents` names those that no file has any more, and that no upload has just placed.
//!    Whoever removes a content from the disk, and whoever gives it its place, must not run at the same time.

use super::{Answer, StoreError};
use crate::domain::{
    clock::TimeMs,
    file::{ContentHash, File, MediaType, NewUpload, Upload},
    ids::{FileId, UploadId, UserId},
};

/// Why an upload could not be begun.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreateUploadError {
    /// The owner's files would take more room than they may.
    #[error("{used} of {max} bytes are taken")]
    Quota {
        /// What they take now, in bytes.
        used: u64,
        /// What they may take.
        max: u64,
    },
    /// The owner has as many uploads under way as there may be.
    #[error("too many uploads")]
    TooMany,
    /// The small picture is no file of the owner.
    #[error("no file {0}")]
    NoThumbnail(FileId),
    /// The small picture is too large, no picture, or has a small one itself.
    #[error("{0} is no small picture")]
    ThumbnailInvalid(FileId),
    /// See there.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What has become of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UploadState {
    /// It is under way.
    UnderWay(Upload),
    /// It is a file.
    Done(File),
}

/// What an owner's uploads and files left behind when their time was over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    /// Uploads that are forgotten: what came of their bytes can go.
    pub uploads: Vec<UploadId>,
    /// How many files are gone.
    pub files: usize,
}

/// The part of a store that knows of files. See the head of this file for what it promises.
pub trait Files: Send + Sync {
    /// Begins an upload, if its owner's files may take so much more than `quota` allows; each counts
    /// `FILE_CHARGE_BYTES_MIN` at the least. The thumbnail must be a picture of the owner of at most `THUMBNAIL_BYTES_MAX`
    /// that has no thumbnail itself and shows fewer than `THUMBNAIL_PICTURES_MAX` files.
    fn create_upload(
        &self,
        new: NewUpload,
        quota: Option<u64>,
    ) -> Answer<'_, Result<Upload, CreateUploadError>>;

    /// What has become of an upload; `None`: it is not this owner's, or gone.
    fn find_upload(
        &self,
        owner: UserId,
        upload: UploadId,
    ) -> Answer<'_, Result<Option<UploadState>, StoreError>>;

    /// Notes that something came for an upload.
    fn touch_upload(&self, upload: UploadId, at: TimeMs) -> Answer<'_, Result<(), StoreError>>;

    /// Notes what an upload's bytes are, just before they get their place: should the place be all that is left of it,
    /// `free_contents` names it once the upload is gone. False: the upload is gone.
    fn place_upload(
        &self,
        upload: UploadId,
        content: ContentHash,
    ) -> Answer<'_, Result<bool, StoreError>>;

    /// Makes an upload whose bytes have their place a file. `None`: the upload is gone.
    fn complete_upload(
        &self,
        upload: UploadId,
        content: ContentHash,
        media_type: MediaType,
        at: TimeMs,
    ) -> Answer<'_, Result<Option<File>, StoreError>>;

    /// Forgets an upload. False: it is not this owner's, done or gone.
    fn cancel_upload(
        &self,
        owner: UserId,
        upload: UploadId,
    ) -> Answer<'_, Result<bool, StoreError>>;

    /// A file, to a user who may fetch it; `None` to everybody else.
    fn file(&self, user: UserId, file: FileId) -> Answer<'_, Result<Option<File>, StoreError>>;

    /// Forgets uploads to which nothing came since `before`, and files that nothing holds and that were made before; some
    /// hundreds of them at the most.
    fn expire_files(&self, before: TimeMs) -> Answer<'_, Result<Expired, StoreError>>;

    /// Those of the uploads that are under way, whoever's.
    fn known_uploads(&self, ids: Vec<UploadId>) -> Answer<'_, Result<Vec<UploadId>, StoreError>>;

    /// Contents that no file has any more and that no upload has placed: those after this one, in the order of their
    /// bytes; some hundreds of them at the most.
    fn free_contents(
        &self,
        after: Option<ContentHash>,
    ) -> Answer<'_, Result<Vec<ContentHash>, StoreError>>;

    /// Whether `free_contents` would name it (still).
    fn is_free(&self, content: ContentHash) -> Answer<'_, Result<bool, StoreError>>;

    /// Notes contents that are on the disk: those that nobody knows are free.
    fn note_contents(&self, contents: Vec<ContentHash>) -> Answer<'_, Result<(), StoreError>>;

    /// Forgets contents that were free and are not on the disk any more.
    fn forget_contents(&self, contents: Vec<ContentHash>) -> Answer<'_, Result<(), StoreError>>;
}
