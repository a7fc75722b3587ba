//! Freeing a picture of what it tells beside: place and time of the shot, the camera, names, programs, notes, small copies
//! of what was cut away, what was put behind its end.
//!
//! Promises that the pixels stay what they are: the container is walked and its parts are copied or left out, nothing is
//! decoded. What is not known to be needed for the look is left out. Kept are the colour profile, and of the EXIF the one
//! number that says which side is up. A length in the file is only ever compared with the bytes that are there: nothing is
//! allocated by it, and every step of a walk goes forward.

mod exif;
mod gif;
pub(super) mod jpeg;
mod png;
mod walk;
pub(super) mod webp;

use super::kind::Kind;

/// Returns the picture without what it tells beside. `None`: it is of no format that is known, or its container is broken
/// or cut short, so that nothing can be promised.
pub fn without_metadata(bytes: &[u8]) -> Option<Vec<u8>> {
    match Kind::of(bytes)? {
        Kind::Png => png::cleaned(bytes),
        Kind::Jpeg => jpeg::cleaned(bytes),
        Kind::Gif => gif::cleaned(bytes),
        Kind::WebP => webp::cleaned(bytes),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
