//! A picture in at most 256 colours.
//!
//! Promises that a picture that has no more keeps them all, that others get the colours by which the most used part of its
//! colours is split best (median cut), and work that grows with the pixels only: colours are counted in 32,768 classes.

use std::collections::{BTreeMap, btree_map::Entry};

use image::RgbaImage;

/// Colours that sixel has at the most.
pub(super) const COLOURS_MAX: usize = 256;
/// From here on a pixel is seen at all.
const SEEN: u8 = 128;
/// How many bits of each part of a colour make its class.
const CLASS_BITS: u32 = 5;

/// A picture of numbers of colours.
pub(super) struct Indexed {
    /// The colours.
    pub colours: Vec<[u8; 3]>,
    /// For each pixel, row by row, which it has; `None` where nothing is seen.
    pub pixels: Vec<Option<u8>>,
}

/// The pixels of one class.
#[derive(Clone, Copy, Default)]
struct Class {
    sums: [u64; 3],
    count: u64,
}

impl Class {
    fn mean(&self) -> [u8; 3] {
        let mean = |sum: u64| (sum + self.count / 2) / self.count.max(1);
        self.sums
            .map(|sum| u8::try_from(mean(sum)).unwrap_or(u8::MAX))
    }
}

/// Brings a picture down to the colours of a palette.
pub(super) fn indexed(picture: &RgbaImage) -> Indexed {
    let seen = || {
        picture.pixels().map(|pixel| {
            let [red, green, blue, alpha] = pixel.0;
            (alpha >= SEEN).then_some([red, green, blue])
        })
    };
    let (colours, numbers) = few(seen().flatten()).unwrap_or_else(|| many(seen().flatten()));
    let number = |colour: [u8; 3]| match numbers.is_exact {
        true => numbers.of.get(&colour).copied(),
        false => numbers.of.get(&class(colour)).copied(),
    };
    Indexed {
        pixels: seen().map(|colour| colour.and_then(number)).collect(),
        colours,
    }
}

/// Which colour stands for which: by the colour itself, or by its class.
struct Numbers {
    of: BTreeMap<[u8; 3], u8>,
    is_exact: bool,
}

/// The colours of a picture that has no more than there are numbers.
fn few(seen: impl Iterator<Item = [u8; 3]>) -> Option<(Vec<[u8; 3]>, Numbers)> {
    let mut of = BTreeMap::new();
    let mut colours = Vec::new();
    for colour in seen {
        if let Entry::Vacant(new) = of.entry(colour) {
            new.insert(u8::try_from(colours.len()).ok()?);
            colours.push(colour);
        }
    }
    let is_exact = true;
    Some((colours, Numbers { of, is_exact }))
}

/// The class of a colour, as its darkest.
fn class(colour: [u8; 3]) -> [u8; 3] {
    colour.map(|part| part >> (8 - CLASS_BITS) << (8 - CLASS_BITS))
}

fn many(seen: impl Iterator<Item = [u8; 3]>) -> (Vec<[u8; 3]>, Numbers) {
    let mut classes: BTreeMap<[u8; 3], Class> = BTreeMap::new();
    for colour in seen {
        let class = classes.entry(class(colour)).or_default();
        for (sum, part) in class.sums.iter_mut().zip(colour) {
            *sum += u64::from(part);
        }
        class.count += 1;
    }
    let mut boxes = vec![classes.into_iter().collect::<Vec<_>>()];
    while boxes.len() < COLOURS_MAX {
        let widest = boxes
            .iter()
            .enumerate()
            .max_by_key(|(_, held)| weight(held));
        let Some((at, (_, part))) = widest.map(|(at, held)| (at, weight(held))) else {
            break;
        };
        let held = boxes.swap_remove(at);
        match split(held, part) {
            Ok((one, other)) => boxes.extend([one, other]),
            // Each has one class only: what a class holds looks alike.
            Err(whole) => {
                boxes.push(whole);
                break;
            }
        }
    }
    let mut of = BTreeMap::new();
    let mut colours = Vec::new();
    for (number, held) in (0..=u8::MAX).zip(&boxes) {
        let mut all = Class::default();
        for (class, pixels) in held {
            of.insert(*class, number);
            all.count += pixels.count;
            for (sum, part) in all.sums.iter_mut().zip(pixels.sums) {
                *sum += part;
            }
        }
        colours.push(all.mean());
    }
    let is_exact = false;
    (colours, Numbers { of, is_exact })
}

/// Returns how much a box calls for being split, and by which part of its colours: many pixels, far apart.
fn weight(held: &[([u8; 3], Class)]) -> (u64, usize) {
    let count: u64 = held.iter().map(|(_, pixels)| pixels.count).sum();
    let widths = [0, 1, 2].map(|part: usize| {
        let parts = held.iter().filter_map(|(class, _)| class.get(part));
        let (least, most) = parts.fold((u8::MAX, u8::MIN), |(least, most), value| {
            (least.min(*value), most.max(*value))
        });
        u64::from(most.saturating_sub(least))
    });
    let widest = (0..).zip(widths).max_by_key(|(_, width)| *width);
    let (part, width) = widest.unwrap_or_default();
    // A wide box of few pixels is seen as much as a narrow one of many: the square keeps gradients from banding.
    (count.saturating_mul(width * width), part)
}

type Held = Vec<([u8; 3], Class)>;

/// Splits a box where half of its pixels lie on each side; gives it back if it has one class only.
fn split(mut held: Held, part: usize) -> Result<(Held, Held), Held> {
    if held.len() < 2 {
        return Err(held);
    }
    held.sort_by_key(|(class, _)| class.get(part).copied());
    let half = held.iter().map(|(_, pixels)| pixels.count).sum::<u64>() / 2;
    let mut before = 0;
    let at = held.iter().position(|(_, pixels)| {
        before += pixels.count;
        before > half
    });
    let at = at.unwrap_or_default().clamp(1, held.len() - 1);
    let other = held.split_off(at);
    Ok((held, other))
}
