//! A picture in a box of cells of a terminal: as coloured half blocks, or by one of the protocols that draw pixels.
//!
//! Promises that the aspect is kept, that the box is not left, that the cursor is not moved where the protocol can say so,
//! and that what is written is made here from pixels: numbers, base64, the letters of sixel. By kitty's
//! protocol it comes in parts, so that no text has to wait for all of a picture. Where the picture stands is the caller's affair: each protocol draws from where
//! the cursor is.

pub mod half_blocks;
pub mod iterm2;
pub mod kitty;
mod palette;
pub mod sixel;

use image::{Rgba, RgbaImage};

use super::{
    deadline::Deadline,
    decode::Picture,
    error::PictureError,
    scale::reduced,
    size::{CellSize, Fitted, Size, fitted},
};

/// Cells of a box from left to right that are used; more is no better to look at, and bounds what is written.
const COLUMNS_MAX: u16 = 200;
/// The same from top to bottom.
const ROWS_MAX: u16 = 100;
/// Pixels of the longer side that are drawn: 200 cells of the usual size. It bounds what is written where cells are large.
const DRAWN: Size = Size {
    width: 1600,
    height: 1600,
};

/// The box that a picture may fill, and what its cells are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// How many cells from left to right; more than 200 are not used.
    pub columns: u16,
    /// How many from top to bottom; more than 100 are not used.
    pub rows: u16,
    /// How large each is.
    pub cell: CellSize,
}

impl Room {
    /// Returns how a picture fits, by its original size; `None` if there is no room.
    pub fn fit(&self, picture: &Picture) -> Option<Fitted> {
        let (columns, rows) = (self.columns.min(COLUMNS_MAX), self.rows.min(ROWS_MAX));
        fitted(picture.original().within(DRAWN), columns, rows, self.cell)
    }
}

/// What a protocol writes for one picture, and the cells that it then covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawing {
    /// What the terminal gets, in parts between which text may be written. For kitty's protocol these are the pieces in
    /// which the picture is sent; for the others there is one, which is drawn from the first cell on.
    pub parts: Vec<Vec<u8>>,
    /// Cells from left to right.
    pub columns: u16,
    /// Cells from top to bottom.
    pub rows: u16,
}

/// Returns the pixels that a protocol draws, and the cells for them; `None` if there is no room.
fn pixels(picture: &Picture, room: Room) -> Result<Option<(RgbaImage, Fitted)>, PictureError> {
    let Some(fit) = room.fit(picture) else {
        return Ok(None);
    };
    let small = reduced(picture.pixels(), fit.pixels, &Deadline::none())?;
    Ok(Some((small, fit)))
}

/// Fills up the last cells with what is not seen, where the terminal stretches what it gets over all cells.
fn filled(small: RgbaImage, fit: Fitted, room: Room) -> RgbaImage {
    let whole = room.cell.of(fit.columns, fit.rows);
    if small.dimensions() == (whole.width, whole.height) {
        return small;
    }
    let nothing = Rgba([0; 4]);
    RgbaImage::from_fn(whole.width, whole.height, |x, y| {
        small.get_pixel_checked(x, y).copied().unwrap_or(nothing)
    })
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
