//! The words for what can go wrong with files; a part of `words`.

use std::time::Duration;

use tonic::Code;
use tracing::error;

use super::words::{Seen, seen};
use crate::{domain::invalid::Violation, engine::FileError};

/// When it is worth moving a file again where as many are on their way as may be.
const RETRY_TRANSFER: Duration = Duration::from_secs(1);

/// Chooses the words for an error of files.
pub(super) fn see(error: &FileError) -> Seen {
    let of_chunk = |reason, description: &str, mend: &str| {
        seen(
            Code::InvalidArgument,
            reason,
            format!("{description}; {mend}"),
        )
        .violation(Violation {
            field: "data",
            description: description.to_owned(),
        })
    };
    match error {
        FileError::NotFound(id) => seen(
            Code::NotFound,
            "FILE_NOT_FOUND",
            format!(
                "there is no file {id} that you may use; take the id from a message that you can read"
            ),
        ),
        FileError::UploadNotFound(id) => seen(
            Code::NotFound,
            "UPLOAD_NOT_FOUND",
            format!("you have no upload {id} under way (any more); begin one with CreateUpload"),
        ),
        FileError::TooLarge(max) => seen(
            Code::ResourceExhausted,
            "FILE_TOO_LARGE",
            format!(
                "a file may have {max} bytes here; send it in parts, or ask the operator for more"
            ),
        ),
        FileError::QuotaExceeded { used, max } => seen(
            Code::ResourceExhausted,
            "QUOTA_EXCEEDED",
            format!(
                "your files take {used} of {max} bytes, and there is no room for this one; delete messages with \
                 files of yours, or cancel an upload"
            ),
        ),
        FileError::TooManyUploads => seen(
            Code::ResourceExhausted,
            "TOO_MANY_UPLOADS",
            "you have as many uploads under way as there may be; complete or cancel one first",
        ),
        FileError::TooManyTransfers => seen(
            Code::ResourceExhausted,
            "TOO_MANY_TRANSFERS",
            "you move as many files at once as there may be; wait until one is done",
        )
        .retry_after(RETRY_TRANSFER),
        FileError::TooManyAttachments => seen(
            Code::ResourceExhausted,
            "TOO_MANY_ATTACHMENTS",
            "the message has more files than one may have; send the rest with another",
        ),
        FileError::ThumbnailInvalid(id) => {
            let description = format!(
                "{id} is no picture, too large to show another small, has a small one itself, or shows as many as it may"
            );
            let message = format!("{description}; make a smaller one, or leave it out");
            seen(Code::InvalidArgument, "THUMBNAIL_INVALID", message).violation(Violation {
                field: "thumbnail_file_id",
                description,
            })
        }
        FileError::UploadOffset(stands) => seen(
            Code::FailedPrecondition,
            "UPLOAD_OFFSET",
            format!("the upload stands at {stands}; go on from there"),
        ),
        FileError::ChunkPastEnd(size) => of_chunk(
            "CHUNK_INVALID",
            &format!("the chunk goes past the {size} bytes of the file"),
            "begin an upload of the right size",
        ),
        FileError::ChunkOfAnother => {
            let description = "the chunk is for another upload than the first of this call";
            let message = format!("{description}; bring each upload with a call of its own");
            seen(Code::InvalidArgument, "CHUNK_INVALID", message).violation(Violation {
                field: "upload_id",
                description: description.to_owned(),
            })
        }
        FileError::ChunkHashMismatch => of_chunk(
            "CHUNK_HASH_MISMATCH",
            "the chunk has another BLAKE3 than blake3 says",
            "send it again",
        ),
        FileError::UploadIncomplete { there, size } => seen(
            Code::FailedPrecondition,
            "UPLOAD_INCOMPLETE",
            format!("{there} of {size} bytes are there; send the rest first"),
        ),
        FileError::HashMismatch => seen(
            Code::DataLoss,
            "FILE_HASH_MISMATCH",
            "what came has another BLAKE3 than was said; it was dropped, and the upload stands at 0: send it again",
        ),
        FileError::TooSlow(least) => seen(
            Code::DeadlineExceeded,
            "TRANSFER_SLOW",
            format!(
                "fewer than {least} bytes moved in a minute; go on later, from where it stands"
            ),
        ),
        FileError::UploadTakenOver => seen(
            Code::Aborted,
            "UPLOAD_TAKEN_OVER",
            "another call goes on with this upload; ask GetUpload where it stands if that was not you",
        ),
        FileError::OffsetPastEnd(size) => {
            let description = format!("the file has {size} bytes");
            let message = format!("{description}; give an offset from 0 to {size}");
            seen(Code::InvalidArgument, "FILE_OFFSET", message).violation(Violation {
                field: "offset",
                description,
            })
        }
        FileError::Failed(cause) => {
            error!(%cause, "files cannot be kept or given");
            seen(
                Code::Internal,
                "FILES_FAILED",
                "the server cannot keep or give this file; its log says more, tell its operator",
            )
        }
    }
}
