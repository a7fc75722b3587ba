//! The protocol of iTerm2, which WezTerm and others speak, too: a whole file in one sequence, drawn at the cursor.
//!
//! <https://iterm2.com/documentation-images.html>. The file is a PNG made here. What is written over the cells takes the
//! picture away. Not every terminal heeds that the cursor should stay: put it where it belongs afterwards.

use data_encoding::BASE64;

use super::{
    super::{Picture, PictureError, thumbnail::png},
    Drawing, Room, pixels,
};

/// Draws a picture where the cursor is; `None` if there is no room.
pub fn draw(picture: &Picture, room: Room) -> Result<Option<Drawing>, PictureError> {
    let Some((small, fit)) = pixels(picture, room)? else {
        return Ok(None);
    };
    let file = png(&small)?;
    let bytes = format!(
        "\x1b]1337;File=inline=1;size={};width={};height={};preserveAspectRatio=1;doNotMoveCursor=1:{}\x07",
        file.len(),
        fit.columns,
        fit.rows,
        BASE64.encode(&file),
    );
    Ok(Some(Drawing {
        parts: vec![bytes.into_bytes()],
        columns: fit.columns,
        rows: fit.rows,
    }))
}
