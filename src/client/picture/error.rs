//! Why a picture is not shown, with what a person can do about it.
//!
//! Promises that nothing of the file stands in a message: the decoders' own words may quote it, and are left out.

use super::{decode, size::Size};

/// What is wrong with a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// Its first bytes are those of no format that is read.
    #[error("not a PNG, JPEG, GIF or WebP picture; save it and open it with another program")]
    UnknownKind,
    /// More bytes than are looked at.
    #[error(
        "the picture has {bytes} bytes, and at most {} are shown; save it and open it with another program",
        decode::BYTES_MAX
    )]
    TooManyBytes {
        /// How many it has.
        bytes: usize,
    },
    /// More pixels than are decoded, or a side that is too long.
    #[error(
        "the picture has {size} pixels, and at most {} megapixels are shown; save it and open it with another program",
        decode::PIXELS_MAX / 1_000_000
    )]
    TooManyPixels {
        /// What it says of itself.
        size: Size,
    },
    /// To decode it takes more memory than is given.
    #[error(
        "the picture takes too much memory to be shown; save it and open it with another program"
    )]
    TooMuchMemory,
    /// To decode it takes more time than is given.
    #[error("the picture takes too long to be shown; save it and open it with another program")]
    TooSlow,
    /// It is not what its first bytes say, or ends too early.
    #[error("the picture is damaged or incomplete; fetch it again, or ask its sender")]
    Damaged,
    /// A picture of our own could not be written: no fault of the file.
    #[error("the picture could not be made ready; try again")]
    NotMade,
}
