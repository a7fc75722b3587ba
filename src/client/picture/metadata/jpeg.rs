//! JPEG: segments that begin with a marker and mostly a length; after the start of a scan, bytes without a length up to the
//! next marker.

use super::{exif, walk::Walk};

const FILL: u8 = 0xff;
const TEMPORARY: u8 = 0x01;
const END: u8 = 0xd9;
const SCAN: u8 = 0xda;
const COMMENT: u8 = 0xfe;

/// A part of the file.
enum Part<'b> {
    /// A marker without anything.
    Bare(u8),
    /// A marker and what it holds, its length not included.
    Segment(u8, &'b [u8]),
    /// The start of a scan, whose bytes follow.
    Scan(&'b [u8]),
    /// The end; what follows is no part of the picture.
    End,
}

/// What remains to be walked over, after the first marker.
struct Parts<'b>(Walk<'b>);

impl<'b> Parts<'b> {
    fn of(bytes: &'b [u8]) -> Option<Self> {
        let mut walk = Walk::new(bytes);
        (walk.take(2)? == [0xff, 0xd8]).then_some(Self(walk))
    }

    /// Takes the next part; `None` if there is none before the end, or it is broken.
    fn next(&mut self) -> Option<Part<'b>> {
        if self.0.byte()? != FILL {
            return None;
        }
        let mut marker = FILL;
        while marker == FILL {
            marker = self.0.byte()?;
        }
        match marker {
            0x00 => None,
            END => Some(Part::End),
            TEMPORARY | 0xd0..=0xd8 => Some(Part::Bare(marker)),
            _ => {
                let length = self.0.be16()?.checked_sub(2)?;
                let data = self.0.take(length)?;
                match marker {
                    SCAN => Some(Part::Scan(data)),
                    _ => Some(Part::Segment(marker, data)),
                }
            }
        }
    }

    /// Takes what a scan holds: all up to a marker that is neither a stuffed byte nor a restart.
    fn entropy(&mut self) -> Option<&'b [u8]> {
        let rest = self.0.rest();
        let is_end = |pair: &[u8]| matches!(pair, [0xff, next] if !matches!(next, 0x00 | 0xd0..=0xd7 | 0xff));
        let length = rest.windows(2).position(is_end)?;
        self.0.take(length)
    }
}

pub(super) fn cleaned(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut parts = Parts::of(bytes)?;
    let mut clean = Vec::with_capacity(bytes.len());
    clean.extend_from_slice(&[0xff, 0xd8]);
    let mut is_upright_said = false;
    loop {
        match parts.next()? {
            Part::Bare(marker) => clean.extend_from_slice(&[0xff, marker]),
            Part::Segment(marker, data) => match kept(marker, data) {
                Kept::Nothing => {}
                Kept::These(data) => push(&mut clean, marker, &[data])?,
                // A second one would count for some readers, and the first for others.
                Kept::Upright(exif) if !is_upright_said => {
                    is_upright_said = true;
                    push(&mut clean, marker, &[b"Exif\0\0", &exif])?;
                }
                Kept::Upright(_) => {}
                Kept::WithoutThumbnail(data) => push(&mut clean, marker, &[data, &[0, 0]])?,
            },
            Part::Scan(data) => {
                push(&mut clean, SCAN, &[data])?;
                clean.extend_from_slice(parts.entropy()?);
            }
            Part::End => {
                clean.extend_from_slice(&[0xff, END]);
                return Some(clean);
            }
        }
    }
}

/// What is kept of a segment.
enum Kept<'b> {
    Nothing,
    These(&'b [u8]),
    Upright([u8; 26]),
    WithoutThumbnail(&'b [u8]),
}

fn kept(marker: u8, data: &[u8]) -> Kept<'_> {
    match marker {
        // JFIF says how the colours are meant, and may hold a small copy of the picture as it once was.
        0xe0 if data.starts_with(b"JFIF\0") => match data.get(..12) {
            Some(start) if data.len() >= 14 => Kept::WithoutThumbnail(start),
            _ => Kept::Nothing,
        },
        0xe1 => match data.strip_prefix(b"Exif\0\0").and_then(exif::upright_only) {
            Some(exif) => Kept::Upright(exif),
            None => Kept::Nothing,
        },
        // Without these two the colours would be others.
        0xe2 if data.starts_with(b"ICC_PROFILE\0") => Kept::These(data),
        0xee if data.starts_with(b"Adobe") => Kept::These(data.get(..12).unwrap_or(data)),
        0xe0..=0xef | COMMENT => Kept::Nothing,
        // The extensions of JPEG, which no picture needs.
        0xf0..=0xfd | 0x02..=0xbf => Kept::Nothing,
        _ => Kept::These(data),
    }
}

fn push(into: &mut Vec<u8>, marker: u8, parts: &[&[u8]]) -> Option<()> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    into.extend_from_slice(&[0xff, marker]);
    into.extend_from_slice(&u16::try_from(length + 2).ok()?.to_be_bytes());
    for part in parts {
        into.extend_from_slice(part);
    }
    Some(())
}

/// Returns how many bytes a decoder holds beside the pixels: where a picture comes in several scans, all coefficients of all
/// of its components. `None` if no scan of a picture is found.
pub(in super::super) fn coefficient_bytes(bytes: &[u8]) -> Option<u64> {
    let mut parts = Parts::of(bytes)?;
    // The largest frame counts: which of several a decoder takes is its own affair.
    let mut most = None;
    let mut components = 0_usize;
    let mut is_progressive = false;
    loop {
        match parts.next()? {
            Part::Segment(
                marker @ (0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf),
                data,
            ) => {
                let (bytes, count) = frame_bytes(data)?;
                most = most.max(Some(bytes));
                components = components.max(count);
                is_progressive |= !matches!(marker, 0xc0 | 0xc1);
            }
            Part::Scan(data) => {
                let is_whole = data.first().copied().map(usize::from) >= Some(components);
                let bytes = most?;
                return Some(if is_progressive || !is_whole {
                    bytes
                } else {
                    0
                });
            }
            Part::Bare(_) | Part::Segment(..) => {}
            Part::End => return None,
        }
    }
}

/// Reads a frame: how many bytes its coefficients take, and how many components it has.
fn frame_bytes(data: &[u8]) -> Option<(u64, usize)> {
    let mut walk = Walk::new(data);
    walk.byte()?;
    let (height, width) = (walk.be16()?, walk.be16()?);
    let count = usize::from(walk.byte()?);
    let factors: Vec<(u64, u64)> = (0..count)
        .map(|_| {
            let [_, factors, _] = walk.array()?;
            Some((u64::from(factors >> 4), u64::from(factors & 15)))
        })
        .collect::<Option<_>>()?;
    let across = factors.iter().map(|factor| factor.0).max()?.max(1);
    let down = factors.iter().map(|factor| factor.1).max()?.max(1);
    let units = |side: usize, factor: u64| Some(u64::try_from(side).ok()?.div_ceil(8 * factor));
    let units = units(width, across)? * units(height, down)?;
    let blocks: u64 = factors.iter().map(|(across, down)| across * down).sum();
    // 64 numbers of 16 bits each.
    Some((units * blocks * 128, count))
}
