//! GIF: a head, then blocks: pictures, extensions of chains of at most 255 bytes each, the end.

use super::walk::Walk;

const EXTENSION: u8 = 0x21;
const PICTURE: u8 = 0x2c;
const END: u8 = 0x3b;
/// How the next picture is shown.
const CONTROL: u8 = 0xf9;
const APPLICATION: u8 = 0xff;

pub(super) fn cleaned(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut walk = Walk::new(bytes);
    let mut clean = Vec::with_capacity(bytes.len());
    let head = walk.take(13)?;
    clean.extend_from_slice(head);
    clean.extend_from_slice(walk.take(table_bytes(*head.get(10)?))?);
    // Goes with the picture that follows, or with nothing.
    let mut control: Option<&[u8]> = None;
    loop {
        match walk.byte()? {
            END => {
                clean.push(END);
                return Some(clean);
            }
            PICTURE => {
                if let Some(control) = control.take() {
                    clean.extend_from_slice(&[EXTENSION, CONTROL]);
                    clean.extend_from_slice(control);
                }
                let place = walk.take(9)?;
                clean.push(PICTURE);
                clean.extend_from_slice(place);
                clean.extend_from_slice(walk.take(table_bytes(*place.last()?))?);
                clean.push(walk.byte()?);
                clean.extend_from_slice(chain(&mut walk)?);
            }
            EXTENSION => {
                let label = walk.byte()?;
                let held = chain(&mut walk)?;
                match label {
                    CONTROL => {
                        control =
                            Some(held).filter(|held| matches!(held, [4, .., 0] if held.len() == 6))
                    }
                    APPLICATION => clean.extend_from_slice(&repeats(held).unwrap_or_default()),
                    // Comments, and texts that no program of today draws: with the control that was meant for them.
                    _ => control = control.filter(|_| label != 0x01),
                }
            }
            _ => return None,
        }
    }
}

/// Returns how many bytes the table of colours has that this byte announces.
fn table_bytes(flags: u8) -> usize {
    match flags & 0x80 {
        0 => 0,
        _ => 3 << ((flags & 7) + 1),
    }
}

/// Takes a chain of blocks, each after its length, with the empty one that ends it.
fn chain<'b>(walk: &mut Walk<'b>) -> Option<&'b [u8]> {
    let start = walk.rest();
    loop {
        let length = usize::from(walk.byte()?);
        walk.take(length)?;
        if length == 0 {
            return start.get(..start.len() - walk.rest().len());
        }
    }
}

/// Returns the extension that says how often an animation is shown, made anew; all others of programs hold metadata.
fn repeats(held: &[u8]) -> Option<Vec<u8>> {
    let rest = held
        .strip_prefix(b"\x0bNETSCAPE2.0")
        .or_else(|| held.strip_prefix(b"\x0bANIMEXTS1.0"))?;
    let [3, 1, low, high, ..] = *rest else {
        return None;
    };
    let mut made = b"\x21\xff\x0bNETSCAPE2.0\x03\x01".to_vec();
    made.extend_from_slice(&[low, high, 0]);
    Some(made)
}
