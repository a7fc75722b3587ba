//! Pictures of each format, upright, at their limits, and cut off in time.

use std::time::Duration;

use bytes::Bytes;
use image::{ImageFormat, Rgba};

use super::super::made_tests::{FORMATS, animation, decoded, file, landscape, with_exif};
use super::*;

fn no_deadline(bytes: &[u8]) -> Result<Picture, PictureError> {
    decode(bytes, &Deadline::none())
}

#[test]
fn each_format_is_told_by_its_content_and_decoded() {
    let made = landscape(60, 40);
    for format in FORMATS {
        let picture = decoded(&file(&made, format));
        assert_eq!(picture.kind().format(), format);
        assert_eq!(picture.original().to_string(), "60x40");
        let [red, green, blue, alpha] = picture.pixels().get_pixel(45, 10).0;
        assert!(red > 230 && green > 190 && blue < 80 && alpha == 255);
        if matches!(format, ImageFormat::Png | ImageFormat::WebP) {
            assert_eq!(*picture.pixels(), made, "{format:?}");
        }
    }
}

#[test]
fn the_picture_is_the_right_side_up() {
    let is_red = |picture: &Picture, x, y| {
        let Rgba([red, _, blue, _]) = *picture.pixels().get_pixel(x, y);
        red > blue
    };
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
        let as_it_is = decoded(&with_exif(format, 1));
        assert_eq!(as_it_is.original().to_string(), "32x16");
        assert!(is_red(&as_it_is, 0, 0) && !is_red(&as_it_is, 31, 0));
        let mirrored = decoded(&with_exif(format, 2));
        assert!(!is_red(&mirrored, 0, 0) && is_red(&mirrored, 31, 0));
        // Turned to the right: what was left is above.
        let turned = decoded(&with_exif(format, 6));
        assert_eq!(turned.original().to_string(), "16x32");
        assert_eq!(turned.size(), turned.original());
        assert!(is_red(&turned, 0, 0) && is_red(&turned, 15, 0) && !is_red(&turned, 0, 31));
        // No such side.
        assert_eq!(decoded(&with_exif(format, 99)).pixels(), as_it_is.pixels());
    }
}

#[test]
fn a_large_picture_is_kept_small_and_says_how_large_it_was() {
    let picture = decoded(&file(&landscape(4096, 8), ImageFormat::Png));
    assert_eq!(picture.original().to_string(), "4096x8");
    assert_eq!(picture.size().to_string(), "2048x4");
}

#[test]
fn of_an_animation_the_first_frame_is_taken() {
    let picture = decoded(&animation(50, 10, 10));
    let [red, green, ..] = picture.pixels().get_pixel(5, 5).0;
    assert!(red > 180 && green < 20);
}

#[test]
fn what_is_no_picture_or_too_large_is_refused_with_a_reason() {
    assert_eq!(no_deadline(b"<svg/>"), Err(PictureError::UnknownKind));
    assert_eq!(no_deadline(b""), Err(PictureError::UnknownKind));
    let mut long = b"\x89PNG\r\n\x1a\n".to_vec();
    long.resize(BYTES_MAX + 1, 0);
    let error = no_deadline(&long).unwrap_err();
    let bytes = BYTES_MAX + 1;
    assert_eq!(error, PictureError::TooManyBytes { bytes });
    insta::assert_snapshot!(error, @"the picture has 33554433 bytes, and at most 33554432 are shown; save it and open it with another program");
    let size = Size {
        width: 50_000,
        height: 50_000,
    };
    insta::assert_snapshot!(PictureError::TooManyPixels { size }, @"the picture has 50000x50000 pixels, and at most 16 megapixels are shown; save it and open it with another program");
}

#[test]
fn a_deadline_cuts_the_work_off() {
    let deadline = Deadline::none();
    deadline.end();
    for format in FORMATS {
        let outcome = decode(&file(&landscape(60, 40), format), &deadline);
        assert_eq!(outcome, Err(PictureError::TooSlow), "{format:?}");
    }
}

#[tokio::test]
async fn work_beside_the_caller_gives_what_was_made_of_the_picture() {
    let decoder = Decoder::within(Duration::from_secs(600));
    let bytes = Bytes::from(file(&landscape(60, 40), ImageFormat::Png));
    let size = decoder.decode(bytes.clone(), |picture| Ok(picture.size()));
    assert_eq!(
        size.await.map(|size| size.to_string()),
        Ok("60x40".to_owned())
    );
    // What panics found the picture damaged, and its place is free again.
    for _ in 0..=AT_ONCE {
        let outcome = decoder.decode(bytes.clone(), |_| -> Result<(), _> {
            assert!(is_at_work());
            std::panic::resume_unwind(Box::new("a fault of a decoder"))
        });
        assert_eq!(outcome.await, Err(PictureError::Damaged));
    }
    let marked = decoder.decode(bytes, |_| Ok(is_at_work()));
    assert_eq!((marked.await, is_at_work()), (Ok(true), false));
    // The threads that were used, too, are no longer marked.
    let after = tokio::task::spawn_blocking(is_at_work);
    assert!(!after.await.unwrap());
}

#[tokio::test]
async fn who_waits_goes_on_at_the_deadline_and_what_is_dropped_ends() {
    let decoder = Decoder::within(Duration::from_millis(300));
    let bytes = Bytes::from(file(&landscape(60, 40), ImageFormat::Png));
    let (begun, has_begun) = std::sync::mpsc::channel();
    let (go, may_go) = std::sync::mpsc::channel::<()>();
    // Work that cannot be cut off, as that of a JPEG.
    let stuck = decoder.decode(bytes.clone(), move |_| {
        begun.send(()).unwrap();
        Ok(may_go.recv().is_ok())
    });
    assert_eq!(stuck.await, Err(PictureError::TooSlow));
    if has_begun.try_recv().is_ok() {
        assert_eq!(decoder.places.available_permits(), AT_ONCE - 1);
    }
    drop(go);
    // The place comes back when the work is done.
    let all = u32::try_from(AT_ONCE).unwrap();
    drop(decoder.places.acquire_many(all).await.unwrap());

    // A future that is dropped ends its work: the same flag is read by the reader and by the reduction.
    let deadline = Deadline::none();
    drop(EndOnDrop(deadline.clone()));
    assert_eq!(decode(&bytes, &deadline), Err(PictureError::TooSlow));
}
