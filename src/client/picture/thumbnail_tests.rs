//! What a preview weighs and holds.

use image::{ImageFormat, Rgba};

use super::super::made_tests::{decoded, file, landscape, noise, with_exif};
use super::*;

#[test]
fn a_thumbnail_is_small_in_pixels_and_bytes_and_says_its_size() {
    for (made, kind, size) in [
        (landscape(1000, 500), Kind::Png, "320x160"),
        (landscape(20, 10), Kind::Png, "20x10"),
        (noise(640, 640), Kind::Jpeg, "320x320"),
    ] {
        let picture = decoded(&file(&made, ImageFormat::Png));
        let small = thumbnail(&picture).unwrap();
        assert_eq!(
            (small.kind, small.size.to_string()),
            (kind, size.to_owned())
        );
        assert!(small.bytes.len() <= 256 * 1024);
        let shown = decoded(&small.bytes);
        assert_eq!((shown.kind(), shown.original()), (kind, small.size));
    }
}

#[test]
fn noise_that_is_see_through_is_made_smaller_until_it_fits() {
    let mut made = noise(320, 320);
    let other = noise(320, 319);
    for (pixel, alpha) in made
        .pixels_mut()
        .zip(other.pixels().map(|pixel| pixel.0[1]))
    {
        pixel.0[3] = alpha;
    }
    let small = thumbnail(&decoded(&file(&made, ImageFormat::Png))).unwrap();
    assert_eq!((small.kind, small.size.width), (Kind::Png, 224));
    assert!(small.bytes.len() <= 256 * 1024);
}

#[test]
fn a_thumbnail_is_upright_and_holds_nothing_of_the_file_but_its_look() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
        let original = with_exif(format, 6);
        assert!(original.windows(6).any(|bytes| bytes == b"SECRET"));
        let small = thumbnail(&decoded(&original)).unwrap();
        assert_eq!(small.size.to_string(), "16x32");
        assert!(!small.bytes.windows(6).any(|bytes| bytes == b"SECRET"));
        let Rgba([red, _, blue, _]) = *decoded(&small.bytes).pixels().get_pixel(8, 2);
        assert!(red > blue);
        assert_eq!(
            crate::client::picture::without_metadata(&small.bytes).as_ref(),
            Some(&small.bytes),
            "there is nothing to take away"
        );
    }
}
