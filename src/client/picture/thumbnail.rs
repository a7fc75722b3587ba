//! A small copy of a picture, to be sent beside it.
//!
//! Promises at most [`SIDE_MAX`] pixels a side and as many bytes as a server takes, and that nothing of the file is in it but
//! what is seen: it is made from pixels alone.

use image::{
    DynamicImage, ImageEncoder, RgbaImage,
    codecs::{jpeg::JpegEncoder, png::PngEncoder},
};

use super::{
    deadline::Deadline, decode::Picture, error::PictureError, kind::Kind, scale::reduced,
    size::Size,
};
use crate::domain::limits::THUMBNAIL_BYTES_MAX;

/// Pixels of the longer side.
pub const SIDE_MAX: u32 = 320;
/// Up to here the sharper PNG is taken also where a JPEG would do: drawings, screens, icons.
const SHARP_BYTES_MAX: usize = 32 * 1024;
/// Good enough at this size; noise of 320 x 320 becomes about 120 KiB.
const JPEG_QUALITY: u8 = 80;
/// Tried in this order where a see-through picture does not compress; the last has 64 KiB of pixels.
const SIDES: [u32; 3] = [SIDE_MAX, 224, 128];

/// A small copy of a picture, as a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thumbnail {
    /// The file.
    pub bytes: Vec<u8>,
    /// Its format: PNG or JPEG.
    pub kind: Kind,
    /// How large it is.
    pub size: Size,
}

/// Makes a small copy. How large the original is, [`Picture::original`] says.
pub fn thumbnail(picture: &Picture) -> Result<Thumbnail, PictureError> {
    let is_opaque = picture.pixels().pixels().all(|pixel| pixel.0[3] == u8::MAX);
    for side in SIDES {
        let most = Size {
            width: side,
            height: side,
        };
        let size = picture.size().within(most);
        let small = reduced(picture.pixels(), size, &Deadline::none())?;
        let sharp = png(&small)?;
        let (bytes, kind) = match is_opaque && sharp.len() > SHARP_BYTES_MAX {
            true => (jpeg(small)?, Kind::Jpeg),
            false => (sharp, Kind::Png),
        };
        if u64::try_from(bytes.len()).is_ok_and(|bytes| bytes <= THUMBNAIL_BYTES_MAX) {
            return Ok(Thumbnail { bytes, kind, size });
        }
    }
    Err(PictureError::NotMade)
}

/// Encodes pixels as a PNG that holds nothing else.
pub(super) fn png(pixels: &RgbaImage) -> Result<Vec<u8>, PictureError> {
    let mut bytes = Vec::new();
    let (width, height) = pixels.dimensions();
    let is_opaque = pixels.pixels().all(|pixel| pixel.0[3] == u8::MAX);
    let encoder = PngEncoder::new(&mut bytes);
    let written = match is_opaque {
        true => {
            let rgb: Vec<u8> = pixels
                .pixels()
                .flat_map(|pixel| [pixel.0[0], pixel.0[1], pixel.0[2]])
                .collect();
            encoder.write_image(&rgb, width, height, image::ExtendedColorType::Rgb8)
        }
        false => encoder.write_image(pixels, width, height, image::ExtendedColorType::Rgba8),
    };
    written.map_err(|_| PictureError::NotMade)?;
    Ok(bytes)
}

fn jpeg(pixels: RgbaImage) -> Result<Vec<u8>, PictureError> {
    let mut bytes = Vec::new();
    let rgb = DynamicImage::ImageRgba8(pixels).into_rgb8();
    JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY)
        .encode_image(&rgb)
        .map_err(|_| PictureError::NotMade)?;
    Ok(bytes)
}

#[cfg(test)]
#[path = "thumbnail_tests.rs"]
mod tests;
