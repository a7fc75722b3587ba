//! WebP: a RIFF of chunks with name, length, data, and a byte more where the length is odd; frames of an animation hold
//! such chunks in turn.

use super::{exif, walk::Walk};

/// What is kept; the others hold EXIF, XMP, and what programs invent.
const KEPT: [&[u8; 4]; 6] = [b"VP8 ", b"VP8L", b"ALPH", b"VP8X", b"ANIM", b"ICCP"];
const FRAME: &[u8; 4] = b"ANMF";
/// Place, size, time: what a frame says before its chunks.
const FRAME_HEAD: usize = 16;
/// Bits of the first byte of `VP8X`.
const HAS_XMP: u8 = 0x04;
const HAS_EXIF: u8 = 0x08;

/// Takes the next chunk.
fn chunk<'b>(walk: &mut Walk<'b>) -> Option<([u8; 4], &'b [u8])> {
    let name = walk.array()?;
    let length = walk.le32()?;
    let data = walk.take(length)?;
    if length % 2 == 1 {
        // Some writers leave out the very last one.
        walk.byte();
    }
    Some((name, data))
}

/// Takes the head, and returns what the RIFF says that it holds.
fn body(bytes: &[u8]) -> Option<Walk<'_>> {
    let mut walk = Walk::new(bytes);
    walk.take(4)?;
    let length = walk.le32()?;
    let mut walk = Walk::new(match length % 2 {
        // The same byte that may be missing.
        1 => walk.rest().get(..length)?,
        _ => walk.take(length)?,
    });
    walk.take(4)?;
    Some(walk)
}

pub(super) fn cleaned(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut walk = body(bytes)?;
    let mut clean = Vec::with_capacity(bytes.len());
    clean.extend_from_slice(b"RIFF\0\0\0\0WEBP");
    // Where the flags of the picture stand, and how the EXIF becomes.
    let mut flags_at = None;
    let mut upright = None;
    while !walk.is_empty() {
        let (name, data) = chunk(&mut walk)?;
        if &name == FRAME {
            push(&mut clean, &name, &frame(data)?)?;
        } else if &name == b"EXIF" {
            // Some writers begin it as it begins in a JPEG.
            let exif = data.strip_prefix(b"Exif\0\0").unwrap_or(data);
            upright = upright.or(exif::upright_only(exif));
        } else if KEPT.contains(&&name) {
            if &name == b"VP8X" && !data.is_empty() {
                flags_at = flags_at.or(Some(clean.len() + 8));
            }
            push(&mut clean, &name, data)?;
        }
    }
    if let Some(flags) = flags_at.and_then(|at| clean.get_mut(at)) {
        *flags &= !(HAS_XMP | HAS_EXIF);
        if let Some(upright) = upright {
            *flags |= HAS_EXIF;
            push(&mut clean, b"EXIF", &upright)?;
        }
    }
    let length = u32::try_from(clean.len()).ok()?.checked_sub(8)?;
    clean.get_mut(4..8)?.copy_from_slice(&length.to_le_bytes());
    Some(clean)
}

/// Returns a frame without chunks that are not known.
fn frame(data: &[u8]) -> Option<Vec<u8>> {
    let mut walk = Walk::new(data);
    let mut clean = walk.take(FRAME_HEAD)?.to_vec();
    while !walk.is_empty() {
        let (name, data) = chunk(&mut walk)?;
        if matches!(&name, b"VP8 " | b"VP8L" | b"ALPH") {
            push(&mut clean, &name, data)?;
        }
    }
    Some(clean)
}

fn push(into: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) -> Option<()> {
    into.extend_from_slice(name);
    into.extend_from_slice(&u32::try_from(data.len()).ok()?.to_le_bytes());
    into.extend_from_slice(data);
    if data.len() % 2 == 1 {
        into.push(0);
    }
    Some(())
}

/// Returns how many bytes of the lossless coding the file holds, as far as it can be walked over: each may make its decoder
/// allocate hundreds.
pub(in super::super) fn lossless_bytes(bytes: &[u8]) -> usize {
    // The length of the whole is not asked: decoders go by the chunks.
    lossless_within(Walk::new(bytes.get(12..).unwrap_or_default()), false)
}

/// A frame holds no frames: decoders do not look for any there.
fn lossless_within(mut walk: Walk<'_>, is_frame: bool) -> usize {
    let mut sum = 0_usize;
    while let (Some(name), Some(length)) = (walk.array::<4>(), walk.le32()) {
        let here = walk.rest();
        let data = here.get(..length).unwrap_or(here);
        sum = sum.saturating_add(match &name {
            b"VP8L" | b"ALPH" => data.len(),
            FRAME if !is_frame => {
                lossless_within(Walk::new(data.get(FRAME_HEAD..).unwrap_or_default()), true)
            }
            _ => 0,
        });
        let padded = length.saturating_add(length % 2);
        if walk.take(padded).is_none() {
            break;
        }
    }
    sum
}
