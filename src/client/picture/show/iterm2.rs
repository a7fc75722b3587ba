//! The protocol of iTerm2, which WezTerm and others speak, too: a whole file in one sequence, drawn at the cursor.
//!
//! <https://iterm2.com/documentation-images.html>. Each row of cells is a PNG of its own, made here, and fills it. What is
//! written over the cells takes the picture away. Not every terminal heeds that the cursor should stay: put it where it
//! belongs afterwards.

use data_encoding::BASE64;
use image::imageops::crop_imm;

use super::{
    super::{Picture, PictureError, thumbnail::png},
    Drawing, Room, filled, pixels,
};

/// Draws a picture where the cursor is; `None` if there is no room.
pub fn draw(picture: &Picture, room: Room) -> Result<Option<Drawing>, PictureError> {
    let Some((small, fit)) = pixels(picture, room)? else {
        return Ok(None);
    };
    let whole = filled(small, fit, room);
    let (width, height) = (whole.width(), room.cell.height());
    let mut parts = Vec::new();
    for row in 0..u32::from(fit.rows) {
        let row = crop_imm(&whole, 0, row * height, width, height).to_image();
        let file = png(&row)?;
        let part = format!(
            "\x1b]1337;File=inline=1;size={};width={};height=1;preserveAspectRatio=0;doNotMoveCursor=1:{}\x07",
            file.len(),
            fit.columns,
            BASE64.encode(&file),
        );
        parts.push(part.into_bytes());
    }
    Ok(Some(Drawing {
        parts,
        columns: fit.columns,
        rows: fit.rows,
    }))
}
