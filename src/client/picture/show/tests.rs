//! What is written for a terminal, parsed back to the picture, and by a parser of terminals.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use data_encoding::BASE64;
use image::{ImageFormat, Rgba, RgbaImage};
use proptest::prelude::*;
use ratatui::style::Color;

use super::super::made_tests::{decoded, file, landscape, noise};
use super::super::{CellSize, Picture, size::Fitted};
use super::half_blocks::{Blocks, half_blocks};
use super::kitty::{ImageId, PlacementId};
use super::{Room, iterm2, kitty, pixels, sixel};
use crate::client::ui::theme::Depth;

fn room(columns: u16, rows: u16) -> Room {
    Room {
        columns,
        rows,
        cell: CellSize::ASSUMED,
    }
}

fn of(picture: &RgbaImage) -> Picture {
    decoded(&file(picture, ImageFormat::Png))
}

/// What of a sequence reaches a terminal, in words.
#[derive(Default)]
struct Heard(Vec<String>);

impl vte::Perform for Heard {
    fn print(&mut self, char: char) {
        self.0.push(format!("print {char:?}"));
    }
    fn execute(&mut self, byte: u8) {
        self.0.push(format!("execute {byte}"));
    }
    fn hook(&mut self, params: &vte::Params, between: &[u8], _: bool, action: char) {
        let params: Vec<_> = params.iter().map(<[u16]>::to_vec).collect();
        self.0.push(format!("hook {params:?} {between:?} {action}"));
    }
    fn put(&mut self, byte: u8) {
        let last = self.0.last().map(String::as_str);
        if !matches!(byte, b' '..=b'~') || !matches!(last, Some(last) if last.starts_with("hook")) {
            self.0.push(format!("put {byte}"));
        }
    }
    fn unhook(&mut self) {
        self.0.push("unhook".to_owned());
    }
    fn osc_dispatch(&mut self, params: &[&[u8]], bell: bool) {
        let first = String::from_utf8_lossy(params.first().copied().unwrap_or_default());
        self.0.push(format!("osc {first} bell={bell}"));
    }
    fn csi_dispatch(&mut self, _: &vte::Params, _: &[u8], _: bool, action: char) {
        self.0.push(format!("csi {action}"));
    }
    fn esc_dispatch(&mut self, _: &[u8], _: bool, byte: u8) {
        self.0.push(format!("esc {}", char::from(byte)));
    }
}

fn heard(bytes: &[u8]) -> Vec<String> {
    let mut heard = Heard::default();
    vte::Parser::new().advance(&mut heard, bytes);
    heard.0
}

/// The commands of kitty's protocol: their keys and their data.
fn commands(bytes: &[u8]) -> Vec<(BTreeMap<String, String>, String)> {
    let text = std::str::from_utf8(bytes).unwrap();
    let parts: Vec<_> = text.split("\x1b_G").collect();
    assert_eq!(parts[0], "");
    let command = |part: &str| {
        let body = part.strip_suffix("\x1b\\").unwrap();
        let (keys, data) = body.split_once(';').unwrap_or((body, ""));
        let pair = |pair: &str| {
            let (key, value) = pair.split_once('=').unwrap();
            (key.to_owned(), value.to_owned())
        };
        (keys.split(',').map(pair).collect(), data.to_owned())
    };
    parts[1..].iter().map(|part| command(part)).collect()
}

fn id(number: u32) -> ImageId {
    ImageId(NonZeroU32::new(number).unwrap())
}

/// What kitty stretches over the cells has as many pixels as they have, so that nothing is stretched; beside the picture
/// nothing is seen.
fn assert_shows(shown: &RgbaImage, small: &RgbaImage, fit: Fitted) {
    let whole = CellSize::ASSUMED.of(fit.columns, fit.rows);
    assert_eq!(shown.dimensions(), (whole.width, whole.height));
    for (x, y, pixel) in shown.enumerate_pixels() {
        let wanted = small.get_pixel_checked(x, y).copied();
        assert_eq!(*pixel, wanted.unwrap_or(Rgba([0; 4])), "{x} {y}");
    }
}

#[test]
fn kitty_gets_the_picture_in_pieces_under_its_number() {
    for made in [landscape(200, 100), noise(160, 160), landscape(1, 1)] {
        let picture = of(&made);
        let drawing = kitty::send(&picture, room(30, 30), id(77))
            .unwrap()
            .unwrap();
        // Each part is a whole sequence.
        for part in &drawing.parts {
            assert_eq!(heard(part), ["esc \\"]);
        }
        let commands = commands(&drawing.parts.concat());
        let mut data = String::new();
        for (number, (keys, piece)) in commands.iter().enumerate() {
            let is_last = number + 1 == commands.len();
            assert_eq!(keys["m"], if is_last { "0" } else { "1" });
            assert_eq!(keys["q"], "2", "nothing is answered");
            assert!(piece.len() <= 4096 && (is_last || piece.len().is_multiple_of(4)));
            assert_eq!(keys.contains_key("a"), number == 0);
            data.push_str(piece);
        }
        let first = &commands[0].0;
        assert_eq!(
            (&*first["a"], &*first["f"], &*first["i"], &*first["t"]),
            ("t", "100", "77", "d")
        );
        let shown = decoded(&BASE64.decode(data.as_bytes()).unwrap());
        let (small, fit) = pixels(&picture, room(30, 30)).unwrap().unwrap();
        assert_shows(shown.pixels(), &small, fit);
        assert_eq!((drawing.columns, drawing.rows), (fit.columns, fit.rows));
    }
}

#[test]
fn kitty_places_and_takes_away_by_number() {
    let placement = PlacementId(NonZeroU32::new(3).unwrap());
    for (bytes, wanted) in [
        (
            kitty::place(id(7), placement, 20, 10),
            "a=p,i=7,p=3,c=20,r=10,C=1,q=2",
        ),
        (kitty::take_away(id(7), placement), "a=d,d=i,i=7,p=3,q=2"),
        (kitty::delete(id(7)), "a=d,d=I,i=7,q=2"),
    ] {
        assert_eq!(bytes, format!("\x1b_G{wanted}\x1b\\").into_bytes());
        assert_eq!(heard(&bytes), ["esc \\"]);
    }
}

#[test]
fn iterm2_gets_a_file() {
    let picture = of(&landscape(200, 100));
    let drawing = iterm2::draw(&picture, room(10, 10)).unwrap().unwrap();
    let [part] = &*drawing.parts else {
        panic!("{} files", drawing.parts.len());
    };
    assert_eq!(heard(part), ["osc 1337 bell=true"]);
    let text = std::str::from_utf8(part).unwrap();
    let body = text
        .strip_prefix("\x1b]1337;File=")
        .and_then(|text| text.strip_suffix('\x07'));
    let (keys, data) = body.unwrap().split_once(':').unwrap();
    let file = BASE64.decode(data.as_bytes()).unwrap();
    let wanted = format!(
        "inline=1;size={};width=10;height=3;preserveAspectRatio=1;doNotMoveCursor=1",
        file.len()
    );
    assert_eq!(keys, wanted);
    let (small, fit) = pixels(&picture, room(10, 10)).unwrap().unwrap();
    assert_eq!(decoded(&file).pixels(), &small);
    assert_eq!((fit.columns, fit.rows), (drawing.columns, drawing.rows));
}

/// Draws sixels as a terminal does; colours in percent.
fn drawn(bytes: &[u8]) -> (u32, u32, BTreeMap<(u32, u32), [u32; 3]>) {
    let text = std::str::from_utf8(bytes).unwrap();
    let body = text
        .strip_prefix("\x1bP0;1;0q\"")
        .and_then(|text| text.strip_suffix("\x1b\\"))
        .unwrap();
    let end = body.find(|char: char| !matches!(char, '0'..='9' | ';'));
    let end = end.unwrap_or(body.len());
    let raster: Vec<u32> = body[..end]
        .split(';')
        .map(|number| number.parse().unwrap())
        .collect();
    let [1, 1, width, height] = raster[..] else {
        panic!("{raster:?}");
    };
    let mut rest = &body[end..];
    let (mut colours, mut colour) = (BTreeMap::new(), 0);
    let (mut x, mut y, mut seen) = (0_u32, 0_u32, BTreeMap::new());
    let number = |rest: &mut &str| {
        let end = rest
            .find(|char: char| !char.is_ascii_digit())
            .unwrap_or(rest.len());
        let number: u32 = rest[..end].parse().unwrap();
        *rest = &rest[end..];
        number
    };
    while let Some(letter) = rest.chars().next() {
        rest = &rest[1..];
        let mut repeat = 1;
        let mut letter = letter;
        match letter {
            '#' => {
                colour = number(&mut rest);
                assert!(colour < 256);
                if let Some(after) = rest.strip_prefix(";2;") {
                    rest = after;
                    let parts = [0, 1, 2].map(|part| {
                        rest = if part > 0 {
                            rest.strip_prefix(';').unwrap()
                        } else {
                            rest
                        };
                        number(&mut rest)
                    });
                    colours.insert(colour, parts);
                }
                continue;
            }
            '$' => {
                x = 0;
                continue;
            }
            '-' => {
                (x, y) = (0, y + 6);
                continue;
            }
            '!' => {
                repeat = number(&mut rest);
                letter = rest.chars().next().unwrap();
                rest = &rest[1..];
            }
            _ => {}
        }
        assert!(('?'..='~').contains(&letter), "{letter:?}");
        let bits = u32::from(letter) - u32::from('?');
        for _ in 0..repeat {
            for row in (0..6_u32).filter(|row| bits >> row & 1 == 1) {
                let twice = seen.insert((x, y + row), colours[&colour]);
                assert_eq!(twice, None, "each pixel is drawn once");
                assert!(x < width && y + row < height);
            }
            x += 1;
        }
    }
    (width, height, seen)
}

/// How far a drawn picture is from what was meant, in percent: the mean and the most.
fn apart(small: &RgbaImage, seen: &BTreeMap<(u32, u32), [u32; 3]>) -> (f64, u32) {
    let (mut sum, mut most, mut count) = (0_u32, 0_u32, 0_u32);
    for (x, y, Rgba([red, green, blue, alpha])) in small.enumerate_pixels() {
        assert_eq!(seen.contains_key(&(x, y)), *alpha >= 128);
        let Some(drawn) = seen.get(&(x, y)) else {
            continue;
        };
        for (is, meant) in drawn.iter().zip([red, green, blue]) {
            let apart = is.abs_diff((u32::from(*meant) * 100 + 127) / 255);
            (sum, most, count) = (sum + apart, most.max(apart), count + 1);
        }
    }
    (f64::from(sum) / f64::from(count.max(1)), most)
}

#[test]
fn sixels_draw_the_picture() {
    let mut holed = landscape(50, 37);
    for x in 10..30 {
        holed.put_pixel(x, 17, Rgba([9, 9, 9, 0]));
    }
    for (made, mean_max, most_max) in [
        // Few colours: each as it is, but for the hundredths.
        (holed, 0.0, 0),
        (landscape(60, 7), 0.0, 0),
        // A whole cube of colours in 256.
        (noise(120, 120), 8.0, 40),
        (landscape(600, 590), 2.0, 12),
    ] {
        let picture = of(&made);
        let room = room(100, 50);
        let drawing = sixel::draw(&picture, room).unwrap().unwrap();
        let hook = "hook [[0], [1], [0]] [] q";
        // More than one would take more than one place of the few that xterm has.
        let [part] = &*drawing.parts else {
            panic!("{} drawings", drawing.parts.len());
        };
        assert_eq!(heard(part), [hook, "unhook", "esc \\"]);
        let (small, fit) = pixels(&picture, room).unwrap().unwrap();
        let (width, height, seen) = drawn(part);
        assert_eq!((width, height), small.dimensions());
        assert_eq!((fit.columns, fit.rows), (drawing.columns, drawing.rows));
        let (mean, most) = apart(&small, &seen);
        assert!(
            mean <= mean_max && most <= most_max,
            "{width}x{height}: {mean} {most}"
        );
    }
}

/// Rows of glyphs, then the colours of each cell.
fn text(blocks: &Blocks) -> String {
    let name = |colour: Option<Color>| match colour {
        Some(Color::Rgb(red, green, blue)) => format!("{red:02x}{green:02x}{blue:02x}"),
        Some(Color::Indexed(index)) => index.to_string(),
        Some(named) => named.to_string(),
        None => "-".to_owned(),
    };
    let mut text = String::new();
    for row in blocks.rows() {
        text.extend(row.iter().map(|cell| cell.glyph));
        text.push('\n');
    }
    for row in blocks.rows() {
        let pairs = row.iter().map(|cell| match (cell.style.fg, cell.style.bg) {
            (None, None) => String::new(),
            (fg, bg) => format!("{}/{}", name(fg), name(bg)),
        });
        text.push_str(pairs.collect::<Vec<_>>().join(" ").trim());
        text.push('\n');
    }
    text
}

#[test]
fn a_png_and_a_jpeg_in_half_blocks() {
    let made = landscape(160, 120);
    for (name, format) in [("png", ImageFormat::Png), ("jpeg", ImageFormat::Jpeg)] {
        let picture = decoded(&file(&made, format));
        for (colours, depth) in [
            ("true", Depth::True),
            ("256", Depth::Indexed),
            ("16", Depth::Sixteen),
        ] {
            let blocks = half_blocks(&picture, room(10, 5), depth).unwrap().unwrap();
            insta::assert_snapshot!(format!("{name}_in_half_blocks_of_{colours}"), text(&blocks));
        }
    }
    let shades = RgbaImage::from_fn(320, 128, |x, _| {
        let shade = u8::try_from(x * 255 / 319).unwrap();
        Rgba([shade, shade, shade, 255])
    });
    let blocks = half_blocks(&of(&shades), room(40, 8), Depth::None)
        .unwrap()
        .unwrap();
    insta::assert_snapshot!("shades_without_colour", text(&blocks));
}

#[test]
fn half_blocks_show_the_ground_where_nothing_is_seen() {
    let picture = RgbaImage::from_fn(16, 16, |x, y| {
        Rgba([
            255,
            0,
            0,
            match (x < 8, y < 8) {
                (true, true) | (false, false) => 255,
                _ => 0,
            },
        ])
    });
    let blocks = half_blocks(&of(&picture), room(9, 9), Depth::True)
        .unwrap()
        .unwrap();
    assert_eq!(text(&blocks), "▀▄\nff0000/- ff0000/-\n");
}

#[test]
fn without_room_nothing_is_drawn_and_no_room_is_left() {
    let picture = of(&landscape(100, 3));
    for (columns, rows) in [(0, 5), (5, 0)] {
        let room = room(columns, rows);
        assert_eq!(kitty::send(&picture, room, id(1)), Ok(None));
        assert_eq!(iterm2::draw(&picture, room), Ok(None));
        assert_eq!(sixel::draw(&picture, room), Ok(None));
        assert_eq!(half_blocks(&picture, room, Depth::True), Ok(None));
    }
    let drawing = sixel::draw(&picture, room(u16::MAX, u16::MAX))
        .unwrap()
        .unwrap();
    assert_eq!((drawing.columns, drawing.rows), (13, 1));
    let large = of(&landscape(2048, 2048));
    let drawing = iterm2::draw(&large, room(u16::MAX, u16::MAX))
        .unwrap()
        .unwrap();
    assert_eq!((drawing.columns, drawing.rows), (200, 100));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn every_picture_is_drawn_within_its_room(
        width in 1..40_u32, height in 1..40_u32, columns in 1..8_u16, rows in 1..8_u16,
        alphas in prop::collection::vec(any::<u8>(), 1..50),
    ) {
        let mut made = noise(width, height);
        for (pixel, alpha) in made.pixels_mut().zip(alphas.iter().cycle()) {
            pixel.0[3] = *alpha;
        }
        let picture = of(&made);
        let room = room(columns, rows);
        let drawing = sixel::draw(&picture, room).unwrap().unwrap();
        prop_assert!(drawing.columns <= columns && drawing.rows <= rows);
        let (small, fit) = pixels(&picture, room).unwrap().unwrap();
        let (.., seen) = drawn(&drawing.parts.concat());
        apart(&small, &seen);
        let blocks = half_blocks(&picture, room, Depth::Sixteen).unwrap().unwrap();
        prop_assert!(blocks.rows().len() <= usize::from(rows));
        prop_assert!(blocks.rows().iter().all(|row| row.len() == usize::from(drawing.columns)));
        let sent = kitty::send(&picture, room, id(1)).unwrap().unwrap();
        let data: String = commands(&sent.parts.concat()).into_iter().map(|(_, data)| data).collect();
        let back = decoded(&BASE64.decode(data.as_bytes()).unwrap());
        assert_shows(back.pixels(), &small, fit);
    }
}
