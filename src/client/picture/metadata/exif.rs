//! The one thing of an EXIF that is kept: which side is up. Without it the picture would lie on its side.

use image::metadata::Orientation;

/// Returns an EXIF that says only which side is up, if the one given says that and it is not as the pixels stand.
pub(super) fn upright_only(exif: &[u8]) -> Option<[u8; 26]> {
    let orientation = Orientation::from_exif_chunk(exif)?;
    if orientation == Orientation::NoTransforms {
        return None;
    }
    // "II", 42, the directory at 8: one entry: tag 0x0112, a SHORT, one of it, its value; no further directory.
    let mut made = *b"II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\0\0\0\0\0\0\0\0";
    if let Some(value) = made.get_mut(18) {
        *value = orientation.to_exif();
    }
    Some(made)
}
