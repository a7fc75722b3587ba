//! A picture as text: each cell is two pixels, one above the other, which is what every terminal with Unicode can show.
//!
//! With colours the upper pixel is the colour of a half block and the lower its ground. Without, dark and bright are told
//! apart by a fixed pattern of dots, for light text on a dark ground. What is see-through shows the terminal's own ground.

use image::{Rgba, RgbaImage};
use ratatui::style::{Color, Style};

use super::{
    super::{Deadline, Picture, PictureError, Size},
    Room, reduced,
};
use crate::client::ui::theme::colour::{self, Depth};

const UPPER: char = '▀';
const LOWER: char = '▄';
const BOTH: char = '█';
/// From here on a pixel is seen at all.
const SEEN: u8 = 128;
/// In which order dots appear as it gets brighter, in steps of 1/16 (Bayer's matrix).
const DOTS: [[u32; 4]; 4] = [[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]];

/// A cell of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// A half block, a full one or a space.
    pub glyph: char,
    /// Its colours; what is not set is the terminal's.
    pub style: Style,
}

/// A picture of cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocks {
    rows: Vec<Vec<Cell>>,
}

impl Blocks {
    /// Returns the rows from top to bottom, all of one length.
    pub fn rows(&self) -> &[Vec<Cell>] {
        &self.rows
    }
}

/// Draws a picture, in as many colours as there are; `None` if there is no room.
pub fn half_blocks(
    picture: &Picture,
    room: Room,
    depth: Depth,
) -> Result<Option<Blocks>, PictureError> {
    let Some(fit) = room.fit(picture) else {
        return Ok(None);
    };
    let half = room.cell.height().div_ceil(2);
    let size = Size {
        width: u32::from(fit.columns),
        height: fit
            .pixels
            .height
            .div_ceil(half)
            .clamp(1, 2 * u32::from(fit.rows)),
    };
    let small = reduced(picture.pixels(), size, &Deadline::none())?;
    let cell = |x, row: u32| {
        let (above, below) = (pixel(&small, x, 2 * row), pixel(&small, x, 2 * row + 1));
        match depth {
            Depth::None => dotted(above, below, x, 2 * row),
            _ => coloured(above, below, depth),
        }
    };
    let (width, height) = small.dimensions();
    let rows = (0..height.div_ceil(2)).map(|row| (0..width).map(|x| cell(x, row)).collect());
    Ok(Some(Blocks {
        rows: rows.collect(),
    }))
}

/// Returns the colour at a place, if something is seen there.
fn pixel(picture: &RgbaImage, x: u32, y: u32) -> Option<[u8; 3]> {
    let Rgba([red, green, blue, alpha]) = *picture.get_pixel_checked(x, y)?;
    (alpha >= SEEN).then_some([red, green, blue])
}

fn coloured(above: Option<[u8; 3]>, below: Option<[u8; 3]>, depth: Depth) -> Cell {
    let shown = |[red, green, blue]: [u8; 3]| {
        colour::reduce(Color::Rgb(red, green, blue), depth).unwrap_or(Color::Reset)
    };
    let (glyph, style) = match (above.map(shown), below.map(shown)) {
        (None, None) => (' ', Style::new()),
        (Some(above), None) => (UPPER, Style::new().fg(above)),
        (None, Some(below)) => (LOWER, Style::new().fg(below)),
        (Some(above), Some(below)) => (UPPER, Style::new().fg(above).bg(below)),
    };
    Cell { glyph, style }
}

fn dotted(above: Option<[u8; 3]>, below: Option<[u8; 3]>, x: u32, y: u32) -> Cell {
    let is_lit = |pixel: Option<[u8; 3]>, y: u32| {
        let order = |place: u32| usize::try_from(place % 4).unwrap_or_default();
        let dots = DOTS.get(order(y)).and_then(|row| row.get(order(x)));
        pixel.is_some_and(|pixel| brightness(pixel) * 16 > dots.map_or(0, |dots| dots * 255 + 127))
    };
    let glyph = match (is_lit(above, y), is_lit(below, y + 1)) {
        (false, false) => ' ',
        (true, false) => UPPER,
        (false, true) => LOWER,
        (true, true) => BOTH,
    };
    Cell {
        glyph,
        style: Style::new(),
    }
}

/// Returns how bright a colour looks, 0 to 255 (the weights of Rec. 601).
fn brightness([red, green, blue]: [u8; 3]) -> u32 {
    (299 * u32::from(red) + 587 * u32::from(green) + 114 * u32::from(blue)) / 1000
}
