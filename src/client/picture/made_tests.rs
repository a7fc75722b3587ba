//! Pictures for the tests, made here by the encoders of `image`.

use std::io::Cursor;

use image::{
    DynamicImage, ExtendedColorType, ImageEncoder, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage,
    codecs::{gif::GifEncoder, jpeg::JpegEncoder, png::PngEncoder, webp::WebPEncoder},
};

use super::{Deadline, Picture, decode};

/// A landscape: sky with a sun, and a hill.
pub(in super::super) fn landscape(width: u32, height: u32) -> RgbaImage {
    RgbaImage::from_fn(width, height, |x, y| {
        let part = |value: u32, of: u32| u8::try_from(value * 255 / of.max(1)).unwrap();
        let across = i64::from(x) - i64::from(width) * 3 / 4;
        let down = i64::from(y) - i64::from(height) / 4;
        let radius = i64::from(height) / 6;
        if across * across + down * down < radius * radius {
            Rgba([255, 220, 40, 255])
        } else if y * 3 > height * 2 - x * height / width.max(1) / 3 {
            Rgba([20, 150 - part(x, width) / 4, 40, 255])
        } else {
            Rgba([part(y, height) / 2, 120, 250, 255])
        }
    })
}

/// Noise, the same each time: what compresses worst and has the most colours.
pub(in super::super) fn noise(width: u32, height: u32) -> RgbaImage {
    let mut state = 0x9e37_79b9_u32;
    RgbaImage::from_fn(width, height, |_, _| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let [red, green, blue, _] = state.to_le_bytes();
        Rgba([red, green, blue, 255])
    })
}

pub(in super::super) fn file(picture: &RgbaImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let rgb = DynamicImage::ImageRgba8(picture.clone()).into_rgb8();
    match format {
        ImageFormat::Jpeg => rgb.write_to(&mut bytes, format).unwrap(),
        _ => picture.write_to(&mut bytes, format).unwrap(),
    }
    bytes.into_inner()
}

pub(super) const FORMATS: [ImageFormat; 4] = [
    ImageFormat::Png,
    ImageFormat::Jpeg,
    ImageFormat::Gif,
    ImageFormat::WebP,
];

/// An animation of so many frames.
pub(super) fn animation(frames: u32, width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new_with_speed(&mut bytes, 30);
    for number in 0..frames {
        let shade = u8::try_from(number % 200).unwrap();
        let frame = RgbaImage::from_pixel(width, height, Rgba([200, shade, 0, 255]));
        encoder.encode_frame(image::Frame::new(frame)).unwrap();
    }
    drop(encoder);
    bytes
}

/// An EXIF that says which side is up, and what nobody should learn.
pub(super) fn exif(orientation: u8) -> Vec<u8> {
    let mut made =
        b"MM\0\x2a\0\0\0\x08\0\x02\x01\x0f\0\x02\0\0\0\x0d\0\0\0\x26\x01\x12\0\x03\0\0\0\x01\0"
            .to_vec();
    made.extend([orientation, 0, 0, 0, 0, 0, 0]);
    made.extend(b"SECRET CAMERA");
    made
}

/// A picture of 4 x 2, left half red and right half blue, with an EXIF; WebP, PNG and JPEG can hold one.
pub(in super::super) fn with_exif(format: ImageFormat, orientation: u8) -> Vec<u8> {
    let picture = RgbImage::from_fn(32, 16, |x, _| match x < 16 {
        true => Rgb([220, 10, 10]),
        false => Rgb([10, 10, 220]),
    });
    let mut bytes = Vec::new();
    let exif = exif(orientation);
    let (width, height, colour) = (32, 16, ExtendedColorType::Rgb8);
    match format {
        ImageFormat::Png => {
            let mut encoder = PngEncoder::new(&mut bytes);
            encoder.set_exif_metadata(exif).unwrap();
            encoder
                .write_image(&picture, width, height, colour)
                .unwrap();
        }
        ImageFormat::Jpeg => {
            let mut encoder = JpegEncoder::new(&mut bytes);
            encoder.set_exif_metadata(exif).unwrap();
            encoder
                .write_image(&picture, width, height, colour)
                .unwrap();
        }
        _ => {
            let mut encoder = WebPEncoder::new_lossless(&mut bytes);
            encoder.set_exif_metadata(exif).unwrap();
            encoder
                .write_image(&picture, width, height, colour)
                .unwrap();
        }
    }
    bytes
}

pub(super) fn decoded(bytes: &[u8]) -> Picture {
    decode(bytes, &Deadline::none()).unwrap()
}
