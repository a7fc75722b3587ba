//! Sixel: pixels as letters, in bands of six rows; each band is written once for each of its colours. A picture is one
//! drawing with one palette: xterm keeps 16 drawings, and counts also those that were written over.
//!
//! As DEC's VT340 had it, with the raster attributes that xterm, foot, mlterm and others read. Where nothing is seen the
//! ground stays. The picture moves the cursor, in each terminal otherwise: put it where it belongs afterwards, and keep the
//! last row of the screen free, at whose end some scroll.

use std::fmt::Write;

use super::{
    super::{Picture, PictureError},
    Drawing, Room, palette, pixels,
};

/// Rows of a band.
const BAND: usize = 6;
/// The letter without a pixel; the pixels are bits added to it.
const NOTHING: u8 = b'?';
/// From so many equal letters on, a number is shorter.
const REPEAT_MIN: usize = 4;

/// Draws a picture where the cursor is; `None` if there is no room.
pub fn draw(picture: &Picture, room: Room) -> Result<Option<Drawing>, PictureError> {
    let Some((small, fit)) = pixels(picture, room)? else {
        return Ok(None);
    };
    let (width, height) = small.dimensions();
    let picture = palette::indexed(&small);
    // Pixels are square; what is not drawn stays as it is.
    let mut written = format!("\x1bP0;1;0q\"1;1;{width};{height}");
    for (number, colour) in picture.colours.iter().enumerate() {
        let [red, green, blue] = colour.map(percent);
        // Writing to a text cannot fail.
        let _ = write!(written, "#{number};2;{red};{green};{blue}");
    }
    let width = usize::try_from(width).unwrap_or(usize::MAX).max(1);
    for (number, band) in picture
        .pixels
        .chunks(width.saturating_mul(BAND))
        .enumerate()
    {
        if number > 0 {
            written.push('-');
        }
        draw_band(&mut written, band, width);
    }
    written.push_str("\x1b\\");
    Ok(Some(Drawing {
        parts: vec![written.into_bytes()],
        columns: fit.columns,
        rows: fit.rows,
    }))
}

/// Sixel's colours have steps of a hundredth.
fn percent(part: u8) -> u32 {
    (u32::from(part) * 100 + 127) / 255
}

fn draw_band(written: &mut String, band: &[Option<u8>], width: usize) {
    let mut is_used = [false; palette::COLOURS_MAX];
    for colour in band.iter().flatten() {
        if let Some(used) = is_used.get_mut(usize::from(*colour)) {
            *used = true;
        }
    }
    let used = (0..=u8::MAX).zip(is_used).filter(|(_, is_used)| *is_used);
    let mut letters = vec![0; width];
    let mut is_first = true;
    for (colour, _) in used {
        letters.fill(NOTHING);
        for (row, pixels) in band.chunks(width).enumerate() {
            for (letter, pixel) in letters.iter_mut().zip(pixels) {
                if *pixel == Some(colour) {
                    *letter += 1 << row;
                }
            }
        }
        if !is_first {
            written.push('$');
        }
        is_first = false;
        let _ = write!(written, "#{colour}");
        draw_letters(written, &letters);
    }
}

/// Writes the letters of one colour; those at the end that draw nothing are left out.
fn draw_letters(written: &mut String, letters: &[u8]) {
    let end = letters.iter().rposition(|letter| *letter != NOTHING);
    let letters = letters.get(..=end.unwrap_or_default()).unwrap_or_default();
    for run in letters.chunk_by(|one, other| one == other) {
        let Some(letter) = run.first().copied().map(char::from) else {
            continue;
        };
        if run.len() >= REPEAT_MIN {
            let _ = write!(written, "!{}{letter}", run.len());
        } else {
            written.extend(run.iter().copied().map(char::from));
        }
    }
}
