//! PNG: a signature, then chunks of length, name, data and checksum.

use super::{exif, walk::Walk};

/// What is kept: the picture, its transparency and colours, how large a pixel is, and the frames of an animation. The
/// others hold text, times, places, signatures of programs.
const KEPT: [&[u8; 4]; 18] = [
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP",
    b"mDCV", b"cLLI", b"sBIT", b"bKGD", b"pHYs", b"acTL", b"fcTL", b"fdAT",
];

pub(super) fn cleaned(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut walk = Walk::new(bytes);
    let mut clean = Vec::with_capacity(bytes.len());
    clean.extend_from_slice(walk.take(8)?);
    loop {
        let chunk = walk.rest();
        let length = walk.be32()?;
        let name: [u8; 4] = walk.array()?;
        let data = walk.take(length)?;
        walk.take(4)?;
        if KEPT.contains(&&name) {
            clean.extend_from_slice(chunk.get(..length.checked_add(12)?)?);
        } else if &name == b"eXIf"
            && let Some(upright) = exif::upright_only(data)
        {
            push(&mut clean, *b"eXIf", &upright)?;
        }
        if &name == b"IEND" {
            // What stands behind the end is no part of the picture.
            return Some(clean);
        }
    }
}

fn push(into: &mut Vec<u8>, name: [u8; 4], data: &[u8]) -> Option<()> {
    into.extend_from_slice(&u32::try_from(data.len()).ok()?.to_be_bytes());
    into.extend_from_slice(&name);
    into.extend_from_slice(data);
    into.extend_from_slice(&checksum(&[&name, data]).to_be_bytes());
    Some(())
}

/// The CRC-32 of PNG. For 30 bytes a table would be longer than the work.
fn checksum(parts: &[&[u8]]) -> u32 {
    let mut sum = u32::MAX;
    for byte in parts.iter().copied().flatten() {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            let is_odd = sum & 1 == 1;
            sum >>= 1;
            if is_odd {
                sum ^= 0xedb8_8320;
            }
        }
    }
    !sum
}

#[cfg(test)]
mod tests {
    use super::checksum;

    #[test]
    fn the_checksum_is_that_of_the_standard() {
        assert_eq!(checksum(&[b"IEND"]), 0xae42_6082);
        assert_eq!(checksum(&[b"1234", b"56789"]), 0xcbf4_3926);
    }
}
