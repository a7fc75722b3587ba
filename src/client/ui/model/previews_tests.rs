//! What is held of pictures, and pictures for the tests of other parts.

use std::num::NonZeroU32;

use image::ImageFormat;
use proptest::prelude::*;

use super::*;
use crate::client::{
    app::file::tests::{file, picture},
    picture::{
        Deadline, decode,
        made_tests::{file as bytes_of, landscape},
        show::{Room, half_blocks::half_blocks, iterm2, kitty, sixel},
    },
};

/// Half blocks in all colours.
pub const BLOCKS: Canvas = Canvas {
    way: Way::Blocks(Depth::True),
    depth: Depth::True,
    cell: CellSize::ASSUMED,
};

/// What a fetcher would make of a picture.
pub fn made(want: &Want, number: u32, bytes: &[u8]) -> Made {
    let picture = decode(bytes, &Deadline::none()).unwrap();
    let picture = picture.shrunk(KEPT).unwrap();
    let Extent { columns, rows } = want.preview.extent;
    let room = Room {
        columns,
        rows,
        cell: want.canvas.cell,
    };
    let drawing = match want.canvas.way {
        Way::Off | Way::Blocks(_) => None,
        Way::Kitty => {
            let id = kitty::ImageId(NonZeroU32::new(number).unwrap());
            kitty::send(&picture, room, id).unwrap()
        }
        Way::Iterm2 => iterm2::draw(&picture, room).unwrap(),
        Way::Sixel => sixel::draw(&picture, room).unwrap(),
    };
    let blocks = half_blocks(&picture, room, want.canvas.depth);
    Made {
        canvas: want.canvas,
        blocks: Arc::new(blocks.unwrap().unwrap()),
        picture: Arc::new(picture),
        pixels: drawing.map(|drawing| {
            Arc::new(Pixels {
                number,
                way: want.canvas.way,
                parts: drawing.parts,
                extent: Extent {
                    columns: drawing.columns,
                    rows: drawing.rows,
                },
            })
        }),
    }
}

/// A landscape as a file.
pub fn landscape_file(format: ImageFormat) -> Vec<u8> {
    bytes_of(&landscape(320, 180), format)
}

fn on_blocks() -> Previews {
    let mut previews = Previews::default();
    assert!(previews.draw_on(BLOCKS));
    previews
}

fn preview(previews: &Previews, id: &str) -> Arc<Preview> {
    let mut file = picture("f1", "a.png");
    file.thumbnail_id = Some(id.to_owned());
    Arc::new(previews.of(&file, 60, 24).unwrap())
}

#[test]
fn a_picture_has_room_by_its_size_and_other_files_have_none() {
    let previews = on_blocks();
    let room = |image, columns, rows| {
        let file = File {
            image,
            ..picture("f1", "a.png")
        };
        let preview = previews.of(&file, columns, rows)?;
        assert_eq!(
            (preview.id.as_str(), preview.bytes_max),
            ("f9", THUMBNAIL_BYTES_MAX)
        );
        Some((preview.extent.columns, preview.extent.rows))
    };
    assert_eq!(room(Some((1920, 1080)), 60, 24), Some((29, 8)));
    assert_eq!(room(Some((1920, 1080)), 60, 50), Some((36, 10)));
    assert_eq!(room(Some((1920, 1080)), 20, 50), Some((20, 6)));
    assert_eq!(
        room(Some((16, 16)), 60, 24),
        Some((2, 1)),
        "it is not enlarged"
    );
    assert_eq!(room(Some((u32::MAX, 1)), 60, 24), Some((40, 1)));
    assert_eq!(room(Some((1, u32::MAX)), 60, 24), Some((1, 8)));
    assert_eq!(room(None, 60, 24), Some((22, 8)), "of a usual shape");
    assert_eq!(room(Some((9, 9)), 7, 24), None, "too narrow");
    assert_eq!(room(Some((9, 9)), 60, 11), None, "too low");

    let mut itself = File {
        thumbnail_id: None,
        size_bytes: ITSELF_BYTES_MAX,
        ..picture("f1", "a.png")
    };
    let preview = previews.of(&itself, 60, 24).unwrap();
    assert_eq!(
        (preview.id.as_str(), preview.bytes_max),
        ("f1", ITSELF_BYTES_MAX)
    );
    itself.size_bytes += 1;
    assert_eq!(previews.of(&itself, 60, 24), None);
    assert_eq!(
        previews.of(&file("f1", "a.png", "text/plain"), 60, 24),
        None
    );
    assert_eq!(previews.of(&file("", "a.png", "image/png"), 60, 24), None);
    assert_eq!(
        Previews::default().of(&picture("f1", "a.png"), 60, 24),
        None
    );
}

proptest! {
    #[test]
    fn no_size_that_is_said_takes_more_room_than_there_is(
        image in proptest::option::of((any::<u32>(), any::<u32>())),
        columns in 0..300_usize, rows in 0..300_u16, cell in (1..=128_u32, 1..=128_u32),
    ) {
        let mut previews = Previews::default();
        previews.draw_on(Canvas { cell: CellSize::new(cell.0, cell.1).unwrap(), ..BLOCKS });
        let file = File { image, ..picture("f1", "a.png") };
        if let Some(preview) = previews.of(&file, columns, rows) {
            let Extent { columns: wide, rows: high } = preview.extent;
            prop_assert!((1..=COLUMNS_MAX).contains(&wide) && usize::from(wide) <= columns);
            prop_assert!((1..=ROWS_MAX).contains(&high) && high <= rows / SCREEN_PART);
        }
    }
}

#[test]
fn the_room_is_the_same_before_and_after_the_terminal_says_how_large_its_cells_are() {
    let mut previews = on_blocks();
    let rooms = |previews: &Previews| {
        let sizes = [(1920, 1080), (1080, 1920), (320, 320), (64, 48), (9, 900)];
        sizes.map(|size| {
            let file = File {
                image: Some(size),
                ..picture("f1", "a.png")
            };
            previews.of(&file, 60, 50).unwrap()
        })
    };
    let before = rooms(&previews);
    for cell in [(6, 13), (10, 20), (10, 24), (20, 40), (40, 40)] {
        let cell = CellSize::new(cell.0, cell.1).unwrap();
        for way in [Way::Kitty, Way::Iterm2, Way::Sixel, BLOCKS.way] {
            previews.draw_on(Canvas {
                way,
                cell,
                ..BLOCKS
            });
            let after = rooms(&previews);
            assert_eq!(after, before);
            // What is drawn is within it.
            let want = Want {
                number: 1,
                preview: after[0].clone(),
                canvas: previews.canvas,
                known: None,
            };
            let made = made(&want, 1, &landscape_file(ImageFormat::Png));
            let rows = u16::try_from(made.blocks.rows().len()).unwrap();
            assert!(rows <= after[0].extent.rows);
        }
    }
}

#[test]
fn what_is_near_is_asked_for_once_and_few_at_one_time() {
    let mut previews = on_blocks();
    let near: Vec<_> = (0..10)
        .map(|id| preview(&previews, &format!("t{id}")))
        .collect();
    assert_eq!(previews.look(&near, false), [], "there is no connection");
    let wanted = previews.look(&near, true);
    let ids: Vec<&str> = wanted.iter().map(|want| want.preview.id.as_str()).collect();
    assert_eq!(ids, ["t0", "t1", "t2", "t3"]);
    assert_eq!(previews.look(&near, true), []);
    // What is seen no longer when there is room is not asked for.
    let bytes = landscape_file(ImageFormat::Png);
    previews.take(wanted[1].number, Ok(made(&wanted[1], 1, &bytes)));
    previews.take(wanted[1].number, Err(Why::Never));
    previews.take(77, Err(Why::Never));
    assert!(matches!(previews.shown(&near[1]), Shown::Picture(_)));
    assert_eq!(previews.shown(&near[2]), Shown::Room);
    let wanted = previews.look(&near[8..], true);
    assert_eq!(wanted.len(), 1);
    assert_eq!(wanted[0].preview.id, "t8");
}

#[test]
fn one_that_cannot_be_shown_has_no_room_and_one_that_is_away_is_asked_for_with_the_next_connection()
{
    let mut previews = on_blocks();
    let near = [preview(&previews, "t0"), preview(&previews, "t1")];
    let wanted = previews.look(&near, true);
    previews.take(wanted[0].number, Err(Why::Never));
    previews.take(wanted[1].number, Err(Why::NotNow));
    let of = |previews: &Previews, id: &str| {
        let file = File {
            thumbnail_id: Some(id.to_owned()),
            ..picture("f1", "a.png")
        };
        previews.of(&file, 60, 24).is_some()
    };
    assert!(!of(&previews, "t0") && of(&previews, "t1"));
    assert_eq!(previews.look(&near, true), []);
    previews.connected();
    let again = previews.look(&near, true);
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].preview.id, "t1");
    assert!(!of(&previews, "t0"));
}

#[test]
fn another_room_and_another_canvas_are_made_of_what_is_there() {
    let mut previews = on_blocks();
    let first = preview(&previews, "t0");
    let wanted = previews.look(&[Arc::clone(&first)], true);
    let bytes = landscape_file(ImageFormat::Png);
    let there = made(&wanted[0], 1, &bytes);
    previews.take(wanted[0].number, Ok(there.clone()));
    let smaller = Arc::new(Preview {
        extent: Extent {
            columns: 9,
            rows: 3,
        },
        ..Preview::clone(&first)
    });
    // Also without a connection, and both side by side without an end to it.
    let both = [first, smaller];
    let wanted = previews.look(&both, false);
    assert_eq!(wanted.len(), 1);
    assert_eq!(wanted[0].known.as_ref(), Some(&there.picture));
    previews.take(wanted[0].number, Ok(made(&wanted[0], 2, &bytes)));
    assert_eq!(previews.look(&both, true), []);

    let kitty = Canvas {
        way: Way::Kitty,
        ..BLOCKS
    };
    assert!(previews.draw_on(kitty) && !previews.draw_on(kitty));
    assert!(previews.are_pixels());
    assert!(
        matches!(previews.shown(&both[0]), Shown::Picture(_)),
        "as it is"
    );
    let wanted = previews.look(&both, false);
    assert_eq!(wanted.len(), 2);
    assert!(
        wanted
            .iter()
            .all(|want| want.known.is_some() && want.canvas == kitty)
    );
}

#[test]
fn what_is_held_has_a_bound_and_the_oldest_goes() {
    let mut previews = on_blocks();
    let canvas = Canvas {
        way: Way::Kitty,
        ..BLOCKS
    };
    previews.draw_on(canvas);
    let bytes = landscape_file(ImageFormat::Png);
    let heavy = |want: &Want, number| {
        let mut made = made(want, number, &bytes);
        let mut pixels = Pixels::clone(made.pixels.as_ref().unwrap());
        pixels.parts = vec![vec![0; DRAWING_BYTES_MAX]];
        made.pixels = Some(Arc::new(pixels));
        made
    };
    let mut last = Vec::new();
    for number in 0..100 {
        last = vec![preview(&previews, &format!("t{number}"))];
        let wanted = previews.look(&last, true);
        previews.take(wanted[0].number, Ok(heavy(&wanted[0], number + 1)));
        let bytes: usize = previews.held.values().map(|held| held.weight).sum();
        assert!(bytes <= BYTES_MAX && previews.held.len() <= HELD_MAX);
    }
    assert!(previews.held.len() >= NEAR_MAX, "{}", previews.held.len());
    assert!(matches!(previews.shown(&last[0]), Shown::Picture(_)));
    let gone = preview(&previews, "t0");
    assert_eq!(previews.shown(&gone), Shown::Room);
    assert_eq!(
        previews.look(&[gone], true).len(),
        1,
        "it is asked for anew"
    );
    for number in 0..2_000 {
        previews.asked.clear();
        let near = [preview(&previews, &format!("x{number}"))];
        let wanted = previews.look(&near, true);
        previews.take(wanted[0].number, Err(Why::Never));
    }
    assert!(previews.failed.len() <= FAILED_MAX);
}

#[test]
fn the_heaviest_pictures_near_what_is_seen_fit_together() {
    let side = usize::try_from(KEPT.width).unwrap();
    let cells = usize::from(COLUMNS_MAX) * usize::from(ROWS_MAX);
    let cell = size_of::<crate::client::picture::show::half_blocks::Cell>();
    let heaviest = side * side * 4 + DRAWING_BYTES_MAX + cells * cell;
    assert!(
        heaviest * NEAR_MAX <= BYTES_MAX,
        "else they throw out each other for ever"
    );
    const { assert!(NEAR_MAX <= HELD_MAX) };
}

#[test]
fn what_comes_from_a_store_that_is_gone_is_not_shown_under_the_ids_of_the_next() {
    let mut previews = on_blocks();
    let near = [preview(&previews, "t0")];
    let old = previews.look(&near, true);
    previews.reset();
    let new = previews.look(&near, true);
    assert_eq!(new.len(), 1);
    let bytes = landscape_file(ImageFormat::Png);
    previews.take(old[0].number, Ok(made(&old[0], 1, &bytes)));
    assert_eq!(previews.shown(&near[0]), Shown::Room);
    previews.take(new[0].number, Ok(made(&new[0], 2, &bytes)));
    assert!(matches!(previews.shown(&near[0]), Shown::Picture(_)));
}

#[test]
fn what_was_refused_for_now_is_asked_for_again_after_a_while_that_grows() {
    let mut previews = on_blocks();
    let near = [preview(&previews, "t1")];
    let mut now = 0;
    for wait in [30_000, 60_000, 120_000, 240_000, 480_000, 600_000, 600_000] {
        let asked = previews.look(&near, true);
        assert_eq!(asked.len(), 1, "at {now}");
        previews.take(asked[0].number, Err(Why::NotNow));
        previews.tick(TimeMs::new(now));
        assert_eq!(previews.again_at(), Some(TimeMs::new(now + wait)));
        previews.tick(TimeMs::new(now + wait - 1));
        assert_eq!(previews.look(&near, true), []);
        now += wait;
        previews.tick(TimeMs::new(now));
        assert_eq!(previews.again_at(), None);
    }
    // One that comes makes the next wait short again.
    let asked = previews.look(&near, true);
    let came = made(&asked[0], 1, &landscape_file(ImageFormat::Png));
    previews.take(asked[0].number, Ok(came));
    let other = [preview(&previews, "t2")];
    let asked = previews.look(&other, true);
    previews.take(asked[0].number, Err(Why::NotNow));
    previews.tick(TimeMs::new(now));
    assert_eq!(previews.again_at(), Some(TimeMs::new(now + 30_000)));
}
