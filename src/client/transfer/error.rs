//! Why a file was not moved.

use std::io;

use crate::{
    client::{app::untrusted::Untrusted, net::error::ClientError},
    domain::file::FileNameError,
};

/// Why a file was not moved. `Display` is one safe line: what happened; the mend.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The server refused it, or cannot be reached for longer than the patience.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// What is to be sent cannot be read.
    #[error("cannot read it: {0}")]
    Read(#[source] io::Error),
    /// What is to be sent is a folder, a device, a pipe.
    #[error("it is {0}, and no regular file; give a file")]
    NotAFile(&'static str),
    /// It has no name that a file can have on the server.
    #[error("{0}")]
    Name(#[from] FileNameError),
    /// It has more bytes than are taken.
    #[error("it has more than the {0} bytes that a file may have here; send it in parts")]
    TooLarge(u64),
    /// What is to be sent has become another.
    #[error("the file changed while it was sent; send it again")]
    Changed,
    /// It is there no more, or is another file by now.
    #[error(
        "the server has another store than when this was sent; the same command sends all of it anew"
    )]
    OtherStore,
    /// What is to be fetched is another file by now.
    #[error(
        "the server has another store by now, and under the same id another file; see what it has, and fetch that anew"
    )]
    OtherFile,
    /// What it tells beside is to be taken out of it, and cannot be.
    #[error(
        "what a picture tells beside is taken out of PNG, JPEG, GIF and WebP that are whole, and it is none of these; \
         take it out with another program, or send it as it is"
    )]
    Told,
    /// What came is not what the server said that it is.
    #[error(
        "what came has another BLAKE3 than was said, so nothing of it is to be used; fetch it again"
    )]
    WrongHash,
    /// What came cannot be written.
    #[error("cannot write it: {0}; see to the room and the rights there")]
    Write(#[source] io::Error),
    /// The place where it should go is none.
    #[error("cannot write to {}: {error}", .place.render_line())]
    Place {
        /// The folder or file.
        place: Untrusted,
        /// Why.
        error: io::Error,
    },
    /// Somebody wanted it so.
    #[error("it was cancelled")]
    Cancelled,
}

impl TransferError {
    /// Whether the same again can go on with what is there.
    pub fn can_go_on(&self) -> bool {
        match self {
            Self::Client(ClientError::BadAnswer(_)) => false,
            // What is refused only for now is as good as a cut.
            Self::Client(error) => !error.is_for_good(),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tonic::Code;

    use super::*;
    use crate::client::net::error::Refusal;

    #[test]
    fn what_is_refused_only_for_now_throws_nothing_away() {
        let refused = |code, reason: &str, retry_after| {
            TransferError::Client(ClientError::Refused(Refusal {
                code,
                reason: reason.to_owned(),
                message: "no".into(),
                retry_after,
            }))
        };
        let later = Some(Duration::from_secs(1));
        for error in [
            refused(Code::ResourceExhausted, "TOO_MANY_TRANSFERS", None),
            refused(Code::ResourceExhausted, "RATE_LIMITED", later),
            refused(Code::DeadlineExceeded, "TRANSFER_SLOW", None),
        ] {
            assert!(error.can_go_on(), "{error:?}");
        }
        for error in [
            refused(Code::ResourceExhausted, "QUOTA_EXCEEDED", None),
            refused(Code::NotFound, "FILE_NOT_FOUND", None),
            TransferError::Changed,
        ] {
            assert!(!error.can_go_on(), "{error:?}");
        }
    }
}
