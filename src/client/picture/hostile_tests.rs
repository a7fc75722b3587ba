//! Pictures that are made to harm: they end in an error or a picture, in bounded memory, and never in a panic.

use std::{io::Write, process::Command};

use flate2::{Compression, Crc, write::ZlibEncoder};
use image::ImageFormat;
use proptest::prelude::*;

use super::made_tests::{FORMATS, animation, file, landscape, noise, with_exif};
use super::{Deadline, Picture, PictureError, decode, decode::LOSSLESS_BYTES_MAX, thumbnail};

/// What the process that decodes the worst may take at the most: itself, the file, 64 MiB of pixels twice over for what a
/// decoder holds beside, and what is kept. The tables of lossless WebP come on top.
const PEAK_MIB_MAX: u64 = 192;
const TABLES_PEAK_MIB_MAX: u64 = 256;
/// Says to a process of this test which of the worst it decodes.
const CASE: &str = "TINYCHAT_TEST_PICTURE";

fn try_decode(bytes: &[u8]) -> Result<Picture, PictureError> {
    decode(bytes, &Deadline::none())
}

fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut sum = Crc::new();
    sum.update(name);
    sum.update(data);
    let length = u32::try_from(data.len()).unwrap().to_be_bytes();
    [&length[..], name, data, &sum.sum().to_be_bytes()].concat()
}

/// A PNG of one colour, true to its word: the rows are all there, well compressed.
fn png(width: u32, height: u32, bits: u8, colour: u8, row: usize, rows: u32) -> Vec<u8> {
    let head = [
        &width.to_be_bytes()[..],
        &height.to_be_bytes(),
        &[bits, colour, 0, 0, 0],
    ]
    .concat();
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::fast());
    let row = vec![0; row + 1];
    for _ in 0..rows {
        packed.write_all(&row).unwrap();
    }
    let data = packed.finish().unwrap();
    let chunks = [
        chunk(b"IHDR", &head),
        chunk(b"IDAT", &data),
        chunk(b"IEND", b""),
    ];
    [&b"\x89PNG\r\n\x1a\n"[..], &chunks.concat()].concat()
}

fn patched(mut bytes: Vec<u8>, at: usize, with: &[u8]) -> Vec<u8> {
    bytes[at..at + with.len()].copy_from_slice(with);
    bytes
}

/// Where a JPEG says how large it is.
fn jpeg_size_at(bytes: &[u8]) -> usize {
    bytes
        .windows(2)
        .position(|pair| pair == [0xff, 0xc0])
        .unwrap()
        + 5
}

fn jpeg_of(width: u16, height: u16, frame: u8) -> Vec<u8> {
    let jpeg = file(&landscape(60, 40), ImageFormat::Jpeg);
    let at = jpeg_size_at(&jpeg);
    let jpeg = patched(
        jpeg,
        at,
        &[height.to_be_bytes(), width.to_be_bytes()].concat(),
    );
    patched(jpeg, at - 4, &[frame])
}

/// A WebP that says it is larger than it has pixels for; at most 16,383 a side, since its decoder takes one more for none.
fn webp_of(width: u32, height: u32) -> Vec<u8> {
    let webp = file(&landscape(60, 40), ImageFormat::WebP);
    assert_eq!(&webp[12..16], b"VP8L");
    let bits = (width - 1) | (height - 1) << 14;
    patched(webp, 21, &bits.to_le_bytes())
}

/// Bits from the lowest on, as WebP has them.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: u32,
}

impl Bits {
    fn put(&mut self, value: u32, count: u32) {
        for bit in 0..count {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let last = self.bytes.last_mut().unwrap();
            *last |= u8::try_from(value >> bit & 1).unwrap() << (self.used % 8);
            self.used += 1;
        }
    }
}

/// A lossless WebP whose one pixel calls for 65,536 groups of codes, each written as short as a table of 4 KiB can be.
fn table_bomb(bytes_max: usize) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.put(0x2f, 8);
    bits.put(0, 14 + 14 + 1 + 3);
    // No transform, no cache of colours, groups of codes; the picture of groups has no cache.
    bits.put(0b0, 1);
    bits.put(0b0, 1);
    bits.put(0b1, 1);
    bits.put(0, 3);
    bits.put(0b0, 1);
    // Its green, red, blue, alpha, distance, each a code of one symbol: red and green make group 65,535.
    for symbol in [255, 255, 0, 0, 0] {
        bits.put(0b1, 1);
        bits.put(0b0, 1);
        bits.put(0b1, 1);
        bits.put(symbol, 8);
    }
    while bits.bytes.len() < bytes_max {
        // A code of codes, in 14 places of 3 bits in their own order.
        bits.put(0b0, 1);
        bits.put(10, 4);
        for length in [17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10] {
            // Ten lengths share 16 leaves: six of 3 bits, four of 4 bits.
            let bits_of = match length {
                1..=6 => 3,
                7..=10 => 4,
                _ => 0,
            };
            bits.put(bits_of, 3);
        }
        // Eleven symbols, the last two of ten bits: 1, 2, 3, … 10, 10.
        bits.put(0b1, 1);
        bits.put(1, 3);
        bits.put(11 - 2, 4);
        for length in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10_u32] {
            let (code, count) = match length {
                1..=6 => (length - 1, 3),
                _ => (12 + length - 7, 4),
            };
            // The first bit of a code is its highest.
            for bit in (0..count).rev() {
                bits.put(code >> bit & 1, 1);
            }
        }
    }
    bits.bytes.truncate(bytes_max);
    riff(b"VP8L", &bits.bytes)
}

fn riff(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let length = |length: usize| u32::try_from(length).unwrap().to_le_bytes();
    let parts = [&b"WEBP"[..], name, &length(data.len()), data].concat();
    [&b"RIFF"[..], &length(parts.len()), &parts].concat()
}

/// A case and what makes it.
type Case = (&'static str, fn() -> Vec<u8>);

/// The worst, by name.
fn worst() -> [Case; 14] {
    [
        ("png_of_50000", || png(50_000, 50_000, 8, 6, 200_000, 100)),
        ("png_of_one_row", || png(15_000_000, 1, 8, 2, 45_000_000, 1)),
        ("png_of_16_bits", || png(4000, 3900, 16, 6, 32_000, 100)),
        ("png_at_the_limit", || png(4000, 4000, 8, 2, 12_000, 4000)),
        ("jpeg_of_65535", || jpeg_of(65_535, 65_535, 0xc0)),
        ("jpeg_progressive", || jpeg_of(3_900, 4_000, 0xc2)),
        ("jpeg_baseline", || jpeg_of(4_000, 4_000, 0xc0)),
        ("gif_of_65535", || {
            patched(animation(1, 8, 8), 6, &[0xff; 4])
        }),
        ("gif_at_the_limit", || {
            patched(animation(1, 8, 8), 6, &[0xa0, 0x0f, 0xa0, 0x0f])
        }),
        ("gif_of_many_frames", || animation(3000, 20, 20)),
        ("gif_with_a_large_frame", gif_with_a_large_frame),
        ("webp_of_16383", || webp_of(16_383, 16_383)),
        ("webp_at_the_limit", || webp_of(4_000, 4_000)),
        ("webp_of_tables", || table_bomb(LOSSLESS_BYTES_MAX)),
    ]
}

fn gif_with_a_large_frame() -> Vec<u8> {
    let gif = animation(1, 8, 8);
    // The control of the picture stands before it, eight bytes long.
    let at = gif
        .windows(3)
        .position(|three| three == [0x21, 0xf9, 4])
        .unwrap()
        + 8;
    assert_eq!(gif[at], 0x2c);
    patched(gif, at + 5, &[0xff; 4])
}

#[test]
fn dimensions_that_are_too_large_are_refused_before_anything_is_allocated() {
    let refused = |bytes: &[u8]| try_decode(bytes).map(|picture| picture.original());
    for (bytes, width, height) in [
        (png(50_000, 50_000, 8, 6, 0, 0), 50_000, 50_000),
        (png(40_000, 1, 8, 0, 40_000, 1), 40_000, 1),
        (jpeg_of(65_535, 65_535, 0xc0), 65_535, 65_535),
        (patched(animation(1, 8, 8), 6, &[0xff; 4]), 65_535, 65_535),
        (webp_of(16_383, 16_383), 16_383, 16_383),
    ] {
        let size = super::Size { width, height };
        assert_eq!(refused(&bytes), Err(PictureError::TooManyPixels { size }));
    }
    // 16 bits for each part of a colour make twice the memory, several scans of a JPEG as well.
    let deep = png(4000, 3900, 16, 6, 32_000, 1);
    assert_eq!(refused(&deep), Err(PictureError::TooMuchMemory));
    let progressive = jpeg_of(3_900, 4_000, 0xc2);
    assert_eq!(refused(&progressive), Err(PictureError::TooMuchMemory));
    let bomb = table_bomb(LOSSLESS_BYTES_MAX + 1);
    assert_eq!(refused(&bomb), Err(PictureError::TooMuchMemory));
}

#[test]
fn what_is_cut_short_anywhere_is_damaged_or_shown_in_part() {
    for format in FORMATS {
        let bytes = file(&landscape(24, 16), format);
        for length in 0..bytes.len() {
            match try_decode(&bytes[..length]) {
                Ok(picture) => assert_eq!(picture.original().to_string(), "24x16"),
                Err(error) => assert!(
                    matches!(error, PictureError::Damaged | PictureError::UnknownKind),
                    "{format:?} {length}: {error}"
                ),
            }
        }
    }
}

#[test]
fn what_is_not_what_it_begins_like_is_damaged() {
    for one in FORMATS {
        for other in FORMATS.into_iter().filter(|other| *other != one) {
            let begin = &file(&landscape(24, 16), one)[..12];
            let rest = &file(&landscape(24, 16), other)[12..];
            let outcome = try_decode(&[begin, rest].concat());
            assert_eq!(outcome, Err(PictureError::Damaged), "{one:?} {other:?}");
        }
    }
}

#[test]
fn of_many_frames_one_is_read() {
    let long = animation(3000, 20, 20);
    let picture = try_decode(&long).unwrap();
    assert_eq!(picture.original().to_string(), "20x20");
    // What follows the first is not looked at.
    let start = try_decode(&long[..long.len() / 2]).unwrap();
    assert_eq!(start, picture);
}

/// Decodes one of the worst, in a process of its own, and says what that took. Alone it has nothing to do.
#[test]
fn child() {
    let Ok(case) = std::env::var(CASE) else {
        return;
    };
    let worst = worst();
    let (_, make) = worst.iter().find(|(name, _)| *name == case).unwrap();
    let bytes = make();
    let made = peak_kib();
    let outcome = try_decode(&bytes).and_then(|picture| thumbnail(&picture));
    let what = outcome.map_or_else(|error| error.to_string(), |small| small.size.to_string());
    println!("peak {} {made} {what}", peak_kib());
}

fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
    number.map_or(0, |number| number.trim().parse().unwrap())
}

#[cfg(target_os = "linux")]
#[test]
fn the_worst_takes_bounded_memory() {
    for (case, _) in worst() {
        let outcome = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &format!("{}::child", test_path()), "--nocapture"])
            .env(CASE, case)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&outcome.stdout).into_owned();
        assert!(outcome.status.success(), "{case}: {said}");
        let line = said
            .lines()
            .find_map(|line| line.split("peak ").nth(1))
            .unwrap();
        let peak: u64 = line.split(' ').next().unwrap().parse().unwrap();
        let most = match case {
            "webp_of_tables" => TABLES_PEAK_MIB_MAX,
            _ => PEAK_MIB_MAX,
        };
        println!("{case}: {} MiB; {line}", peak / 1024);
        assert!(peak > 0 && peak / 1024 <= most, "{case}: {line}");
    }
}

/// The name under which the test runner knows this module.
#[cfg(target_os = "linux")]
fn test_path() -> &'static str {
    module_path!().split_once("::").unwrap().1
}

/// Whoever looked into each would need a frame of the stack for each.
#[test]
fn frames_within_frames_are_not_looked_into() {
    let mut nested = Vec::new();
    let (levels, head) = (100_000_u32, 8 + 16);
    for level in 0..levels {
        nested.extend(b"ANMF");
        nested.extend(((levels - level - 1) * head + 16).to_le_bytes());
        nested.extend([0; 16]);
    }
    let length = u32::try_from(nested.len() + 4).unwrap().to_le_bytes();
    let bytes = [&b"RIFF"[..], &length, b"WEBP", &nested].concat();
    assert!(try_decode(&bytes).is_err());
    let clean = super::without_metadata(&bytes);
    assert!(clean.is_none_or(|clean| clean.len() < 100));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn random_bytes_never_panic(
        start in prop::sample::select(vec![
            &b""[..], b"\x89PNG\r\n\x1a\n", b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR", b"\xff\xd8\xff", b"GIF89a",
            b"RIFF\x40\0\0\0WEBPVP8L", b"RIFF\x40\0\0\0WEBPVP8 ", b"RIFF\x40\0\0\0WEBPVP8X",
        ]),
        rest in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let _ = try_decode(&[start, &rest].concat());
    }

    #[test]
    fn a_few_changed_bytes_never_panic(
        which in 0..7_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = match which {
            0..=3 => file(&landscape(24, 16), FORMATS[which]),
            4 => with_exif(ImageFormat::Jpeg, 6),
            5 => with_exif(ImageFormat::WebP, 6),
            _ => file(&noise(20, 20), ImageFormat::Png),
        };
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if let Ok(picture) = try_decode(&bytes) {
            prop_assert!(picture.original().pixels() <= 16_000_000);
            prop_assert!(picture.size().longest() <= 2048);
        }
    }
}
