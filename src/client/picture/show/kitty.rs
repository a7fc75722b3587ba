//! The graphics protocol of kitty: a picture is sent once under a number, then placed and taken away by it.
//!
//! <https://sw.kovidgoyal.net/kitty/graphics-protocol/>. Promises base64 in pieces of at most 4096 bytes, a number given by
//! the caller for each picture and place, no move of the cursor, and that the terminal answers nothing, since an answer
//! would come as something typed.

use std::num::NonZeroU32;

use data_encoding::BASE64;

use super::{
    super::{Picture, PictureError, thumbnail::png},
    Drawing, Room, filled, pixels,
};

/// Bytes of base64 in one sequence, as the protocol asks.
const PIECE_MAX: usize = 4096;

/// The number of a picture in the terminal, which other programs there share: begin at a number chosen by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageId(pub NonZeroU32);

/// The number of one place of a picture on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PlacementId(pub NonZeroU32);

/// Sends a picture in the size in which it will be shown, without showing it; `None` if there is no room. Between its
/// pieces text may be written, but nothing else of this protocol.
pub fn send(picture: &Picture, room: Room, id: ImageId) -> Result<Option<Drawing>, PictureError> {
    let Some((small, fit)) = pixels(picture, room)? else {
        return Ok(None);
    };
    let data = BASE64.encode(&png(&filled(small, fit, room))?);
    let mut parts = Vec::new();
    let mut rest = data.as_str();
    while parts.is_empty() || !rest.is_empty() {
        let (piece, after) = rest.split_at_checked(PIECE_MAX).unwrap_or((rest, ""));
        rest = after;
        let more = u8::from(!rest.is_empty());
        let keys = match parts.is_empty() {
            true => format!("a=t,f=100,t=d,i={},q=2,m={more}", id.0),
            false => format!("q=2,m={more}"),
        };
        parts.push(format!("\x1b_G{keys};{piece}\x1b\\").into_bytes());
    }
    Ok(Some(Drawing {
        parts,
        columns: fit.columns,
        rows: fit.rows,
    }))
}

/// Shows a picture that was sent where the cursor is, over so many cells. The same place again moves it.
pub fn place(id: ImageId, placement: PlacementId, columns: u16, rows: u16) -> Vec<u8> {
    let (id, placement) = (id.0, placement.0);
    format!("\x1b_Ga=p,i={id},p={placement},c={columns},r={rows},C=1,q=2\x1b\\").into_bytes()
}

/// Takes a picture from one place; it stays sent.
pub fn take_away(id: ImageId, placement: PlacementId) -> Vec<u8> {
    format!("\x1b_Ga=d,d=i,i={},p={},q=2\x1b\\", id.0, placement.0).into_bytes()
}

/// Takes a picture from all its places, and frees what the terminal keeps of it.
pub fn delete(id: ImageId) -> Vec<u8> {
    format!("\x1b_Ga=d,d=I,i={},q=2\x1b\\", id.0).into_bytes()
}
