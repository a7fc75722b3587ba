//! What the engine can refuse about files, free of transport; a part of `error`.

use super::Error;
use crate::{
    domain::ids::{FileId, UploadId},
    store::{CreateUploadError, blobs::BlobError},
};

/// Why something about a file was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// There is no such file, or the caller may not fetch (or attach) it; nobody learns which.
    #[error("no file {0}")]
    NotFound(FileId),
    /// There is no such upload of the caller (any more).
    #[error("no upload {0}")]
    UploadNotFound(UploadId),
    /// The file is larger than files may be.
    #[error("at most {0} bytes")]
    TooLarge(u64),
    /// The caller's files would take more room than they may.
    #[error("{used} of {max} bytes are taken")]
    QuotaExceeded {
        /// What they take now, in bytes.
        used: u64,
        /// What they may take.
        max: u64,
    },
    /// The caller has as many uploads under way as there may be.
    #[error("too many uploads")]
    TooManyUploads,
    /// The caller moves as many files at once as there may be.
    #[error("too many transfers")]
    TooManyTransfers,
    /// A message would hold more files than it may.
    #[error("too many attachments")]
    TooManyAttachments,
    /// What is to show a picture small is no picture, or no small one.
    #[error("{0} is no small picture")]
    ThumbnailInvalid(FileId),
    /// A chunk does not begin where the upload stands.
    #[error("the upload stands at {0}")]
    UploadOffset(u64),
    /// A chunk goes past the size that was said.
    #[error("the file has {0} bytes")]
    ChunkPastEnd(u64),
    /// A chunk is for another upload than the others of its call.
    #[error("one call brings one upload")]
    ChunkOfAnother,
    /// A chunk is not what its hash says.
    #[error("the chunk has another hash")]
    ChunkHashMismatch,
    /// Not all bytes are there.
    #[error("{there} of {size} bytes are there")]
    UploadIncomplete {
        /// How many are there.
        there: u64,
        /// How many there should be.
        size: u64,
    },
    /// The whole is not what its hash says.
    #[error("the file has another hash")]
    HashMismatch,
    /// Fewer bytes than so many moved in a minute.
    #[error("fewer than {0} bytes moved in a minute")]
    TooSlow(u64),
    /// Another call brings the bytes of this upload now.
    #[error("another call goes on with the upload")]
    UploadTakenOver,
    /// A download is to begin past the end.
    #[error("the file has {0} bytes")]
    OffsetPastEnd(u64),
    /// The place for files failed.
    #[error("files cannot be kept: {0}")]
    Failed(String),
}

impl From<BlobError> for Error {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::Full => Self::StoreFull,
            BlobError::Offset(stands) => FileError::UploadOffset(stands).into(),
            BlobError::Garbled => FileError::ChunkHashMismatch.into(),
            BlobError::Gone => FileError::Failed("the bytes of a file are gone".to_owned()).into(),
            BlobError::Failed(cause) => FileError::Failed(cause).into(),
        }
    }
}

impl From<CreateUploadError> for Error {
    fn from(error: CreateUploadError) -> Self {
        let of_file = match error {
            CreateUploadError::Quota { used, max } => FileError::QuotaExceeded { used, max },
            CreateUploadError::TooMany => FileError::TooManyUploads,
            CreateUploadError::NoThumbnail(id) => FileError::NotFound(id),
            CreateUploadError::ThumbnailInvalid(id) => FileError::ThumbnailInvalid(id),
            CreateUploadError::Store(error) => return error.into(),
        };
        of_file.into()
    }
}
