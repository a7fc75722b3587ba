//! What is taken away, what stays, and containers that lie.

use image::ImageFormat;
use proptest::prelude::*;

use super::super::made_tests::{FORMATS, animation, decoded, exif, file, landscape, with_exif};
use super::{jpeg, webp, without_metadata};

fn holds(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|part| part == text)
}

/// Puts bytes where the marker of a format says.
fn insert(bytes: &[u8], at: usize, more: &[u8]) -> Vec<u8> {
    [&bytes[..at], more, &bytes[at..]].concat()
}

fn segment(marker: u8, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len() + 2).unwrap().to_be_bytes();
    [&[0xff, marker][..], &length, data].concat()
}

fn png_chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap().to_be_bytes();
    // The checksum of what is left out is not looked at.
    [&length[..], name, data, &[0; 4]].concat()
}

fn riff_chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap().to_le_bytes();
    [&name[..], &length, data, &vec![0; data.len() % 2]].concat()
}

#[test]
fn what_has_nothing_to_hide_stays_as_it_is() {
    for format in FORMATS {
        let bytes = file(&landscape(60, 40), format);
        assert_eq!(
            without_metadata(&bytes).as_ref(),
            Some(&bytes),
            "{format:?}"
        );
    }
    let animation = animation(5, 8, 8);
    assert_eq!(without_metadata(&animation), Some(animation));
}

#[test]
fn the_camera_is_gone_and_the_right_side_is_up() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
        for orientation in [1, 3, 6, 8] {
            let bytes = with_exif(format, orientation);
            assert!(holds(&bytes, b"SECRET CAMERA"));
            let clean = without_metadata(&bytes).unwrap();
            assert!(!holds(&clean, b"SECRET"), "{format:?}");
            assert_eq!(decoded(&clean), decoded(&bytes), "{format:?} {orientation}");
            assert_eq!(without_metadata(&clean).as_ref(), Some(&clean));
            assert!(orientation != 1 || !holds(&clean, b"II\x2a\0"));
        }
    }
}

#[test]
fn everything_that_tells_something_is_taken_from_a_jpeg() {
    let bytes = file(&landscape(60, 40), ImageFormat::Jpeg);
    let mut told = bytes.clone();
    for (marker, data) in [
        (0xe1, &b"http://ns.adobe.com/xap/1.0/\0SECRET"[..]),
        (0xe2, b"MPF\0SECRET"),
        (0xed, b"Photoshop 3.0\0SECRET"),
        (0xeb, b"JP\0\0SECRET"),
        (0xfe, b"SECRET"),
        (0xe0, b"JFXX\0\x10SECRET"),
        (0xf7, b"SECRET"),
    ] {
        told = insert(&told, 2, &segment(marker, data));
    }
    told.extend(b"SECRET behind the end");
    assert_eq!(without_metadata(&told), Some(bytes.clone()));

    // A small copy in the JFIF, and a profile of colours.
    let jfif = b"JFIF\0\x01\x02\0\0\x01\0\x01\x01\x01SECRET";
    let icc = segment(0xe2, b"ICC_PROFILE\0\x01\x01colours");
    let told = [&[0xff, 0xd8][..], &segment(0xe0, jfif), &icc, &bytes[20..]].concat();
    let clean = without_metadata(&told).unwrap();
    assert!(!holds(&clean, b"SECRET") && holds(&clean, b"colours"));
    let wanted = segment(0xe0, b"JFIF\0\x01\x02\0\0\x01\0\x01\0\0");
    assert_eq!(&clean[2..2 + wanted.len()], wanted);
    assert_eq!(decoded(&clean).pixels(), decoded(&bytes).pixels());
}

#[test]
fn everything_that_tells_something_is_taken_from_a_png() {
    let bytes = file(&landscape(60, 40), ImageFormat::Png);
    let mut told = bytes.clone();
    for name in [
        b"tEXt", b"zTXt", b"iTXt", b"tIME", b"caBX", b"prVt", b"eXIf",
    ] {
        told = insert(&told, 33, &png_chunk(name, b"SECRET"));
    }
    told = insert(&told, 33, &png_chunk(b"eXIf", &exif(1)));
    told.extend(b"SECRET behind the end");
    assert_eq!(without_metadata(&told), Some(bytes));
}

#[test]
fn everything_that_tells_something_is_taken_from_a_webp() {
    let bytes = with_exif(ImageFormat::WebP, 1);
    let mut told = bytes.clone();
    for name in [b"XMP ", b"EXIF", b"abcd"] {
        told.extend(riff_chunk(name, b"SECRET!"));
    }
    let length = u32::try_from(told.len() - 8).unwrap().to_le_bytes();
    told[4..8].copy_from_slice(&length);
    told.extend(b"SECRET behind the end");
    let clean = without_metadata(&told).unwrap();
    assert!(!holds(&clean, b"SECRET") && !holds(&clean, b"EXIF"));
    assert_eq!(decoded(&clean).pixels(), decoded(&bytes).pixels());
    assert_eq!(clean[20] & 0x0c, 0, "the head says that there is none");

    // A frame of an animation, with something of its own.
    let frame = [
        vec![0; 16],
        riff_chunk(b"ALPH", b"a"),
        riff_chunk(b"note", b"SECRET"),
    ]
    .concat();
    let body = [b"WEBP".to_vec(), riff_chunk(b"ANMF", &frame)].concat();
    let clean = without_metadata(&riff_chunk(b"RIFF", &body)).unwrap();
    assert!(!holds(&clean, b"SECRET") && holds(&clean, b"ALPH"));
}

#[test]
fn everything_that_tells_something_is_taken_from_a_gif() {
    let bytes = animation(3, 8, 8);
    let at = 13
        + if bytes[10] & 0x80 == 0 {
            0
        } else {
            3 << ((bytes[10] & 7) + 1)
        };
    let mut told = bytes.clone();
    for more in [
        &b"\x21\xfe\x06SECRET\x00"[..],
        b"\x21\xff\x0bXMP DataXMP\x06SECRET\x00",
        b"\x21\x01\x0c0123456789ab\x06SECRET\x00",
    ] {
        told = insert(&told, at, more);
    }
    told.extend(b"SECRET behind the end");
    assert_eq!(without_metadata(&told), Some(bytes.clone()));
    // How often it is shown stays; what is hidden behind that does not.
    let repeats = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x05\x00\x06SECRET\x00";
    let clean = without_metadata(&insert(&bytes, at, repeats)).unwrap();
    assert_eq!(
        clean,
        insert(&bytes, at, b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x05\x00\x00")
    );
}

#[test]
fn what_is_unknown_or_cut_short_is_not_called_clean() {
    assert_eq!(without_metadata(b"BM and more"), None);
    assert_eq!(without_metadata(b""), None);
    for format in FORMATS {
        let bytes = file(&landscape(20, 10), format);
        for length in 0..bytes.len() {
            assert_eq!(
                without_metadata(&bytes[..length]),
                None,
                "{format:?} {length}"
            );
        }
    }
}

#[test]
fn lengths_that_lie_are_only_compared() {
    for bytes in [
        &b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffIHDR"[..],
        b"\xff\xd8\xff\xe1\x00\x00",
        b"\xff\xd8\xff\xe1\xff\xff",
        b"RIFF\xff\xff\xff\xffWEBPVP8 \xff\xff\xff\xff",
        b"RIFF\x0c\0\0\0WEBPVP8 \xff\xff\xff\xff",
        b"GIF89a\xff\xff\xff\xff\xff\xff\xff",
    ] {
        assert_eq!(without_metadata(bytes), None);
    }
    assert_eq!(
        webp::lossless_bytes(b"RIFF\0\0\0\0WEBPVP8L\xff\xff\xff\xff1234"),
        4
    );
}

#[test]
fn parts_that_are_not_as_they_should_be_do_not_spoil_others() {
    // A control of a GIF that is longer than it should be, and looks whole after six bytes.
    let head = b"GIF89a\x01\0\x01\0\0\0\0";
    let picture = b"\x2c\0\0\0\0\x01\0\x01\0\0\x02\0\x3b";
    let told = [&head[..], b"\x21\xf9\x06\x01\x02\x03\x04\0\x05\0", picture].concat();
    let clean = [&head[..], picture].concat();
    assert_eq!(without_metadata(&told), Some(clean));
    // A head of a WebP without flags.
    let body = [
        b"WEBP".to_vec(),
        riff_chunk(b"VP8X", b""),
        riff_chunk(b"ALPH", b"ab"),
    ]
    .concat();
    let told = riff_chunk(b"RIFF", &body);
    assert_eq!(without_metadata(&told), Some(told));
}

#[test]
fn what_a_jpeg_makes_its_decoder_hold_is_known_before() {
    let bytes = file(&landscape(60, 40), ImageFormat::Jpeg);
    assert_eq!(jpeg::coefficient_bytes(&bytes), Some(0), "one scan");
    let at = bytes
        .windows(2)
        .position(|pair| pair == [0xff, 0xc0])
        .unwrap();
    let mut progressive = bytes.clone();
    progressive[at + 1] = 0xc2;
    let full = jpeg::coefficient_bytes(&progressive).unwrap();
    // At least the three components of 64 x 40, at most padded to whole units.
    assert!((64 * 40 * 2..=64 * 48 * 3 * 2).contains(&full), "{full}");
    progressive[at + 5..at + 9].fill(0xff);
    assert!(jpeg::coefficient_bytes(&progressive).unwrap() > 8 << 30);
}

proptest! {
    #[test]
    fn random_bytes_harm_nothing(
        start in prop::sample::select(vec![
            &b"\x89PNG\r\n\x1a\n"[..], b"\xff\xd8\xff", b"GIF89a", b"RIFF\x40\0\0\0WEBP",
        ]),
        rest in prop::collection::vec(prop_oneof![any::<u8>(), Just(0xff), Just(0), Just(1)], 0..400),
    ) {
        let bytes = [start, &rest].concat();
        if let Some(clean) = without_metadata(&bytes) {
            prop_assert!(clean.len() <= bytes.len() + 38);
            prop_assert_eq!(without_metadata(&clean), Some(clean));
        }
    }

    #[test]
    fn one_changed_byte_harms_nothing(place in 0..4000_usize, value in any::<u8>(), which in 0..4_usize) {
        let mut bytes = file(&landscape(30, 20), FORMATS[which]);
        let place = place % bytes.len();
        bytes[place] = value;
        if let Some(clean) = without_metadata(&bytes) {
            prop_assert_eq!(without_metadata(&clean), Some(clean));
        }
    }
}
