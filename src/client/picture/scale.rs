//! Making a picture smaller: each pixel is the mean of those that it stands for.
//!
//! Promises that what is see-through lends its colour to nothing, and that the work ends at a deadline. Never enlarges.

use image::{GenericImageView, Rgba, RgbaImage};

use super::{deadline::Deadline, error::PictureError, size::Size};

/// Sums of what one pixel stands for; with 16 megapixels of 255 x 255 far from the end of a `u64`.
#[derive(Clone, Copy, Default)]
struct Sum {
    /// Each times its alpha.
    colour: [u64; 3],
    alpha: u64,
    count: u64,
}

impl Sum {
    fn add(&mut self, Rgba([red, green, blue, alpha]): Rgba<u8>) {
        let alpha = u64::from(alpha);
        for (sum, part) in self.colour.iter_mut().zip([red, green, blue]) {
            *sum += u64::from(part) * alpha;
        }
        self.alpha += alpha;
        self.count += 1;
    }

    fn mean(&self) -> Rgba<u8> {
        let mean = |sum: u64, of: u64| match of {
            0 => 0,
            of => u8::try_from((sum + of / 2) / of).unwrap_or(u8::MAX),
        };
        let [red, green, blue] = self.colour.map(|sum| mean(sum, self.alpha));
        Rgba([red, green, blue, mean(self.alpha, self.count)])
    }
}

/// Returns a picture at a size; a side that would be longer than its own stays as it is.
pub(super) fn reduced(
    picture: &impl GenericImageView<Pixel = Rgba<u8>>,
    size: Size,
    deadline: &Deadline,
) -> Result<RgbaImage, PictureError> {
    let (width, height) = picture.dimensions();
    let size = Size {
        width: size.width.clamp(1, width.max(1)),
        height: size.height.clamp(1, height.max(1)),
    };
    let mut small = RgbaImage::new(size.width, size.height);
    for y in 0..size.height {
        if deadline.is_over() {
            return Err(PictureError::TooSlow);
        }
        for x in 0..size.width {
            let mut sum = Sum::default();
            for from_y in covered(y, size.height, height) {
                for from_x in covered(x, size.width, width) {
                    sum.add(picture.get_pixel(from_x, from_y));
                }
            }
            small.put_pixel(x, y, sum.mean());
        }
    }
    Ok(small)
}

/// Returns which of `of` pixels the pixel at `place` of `parts` stands for: at least one, all below `of`.
fn covered(place: u32, parts: u32, of: u32) -> std::ops::Range<u32> {
    let edge = |place: u32| {
        let edge = u64::from(place) * u64::from(of) / u64::from(parts.max(1));
        u32::try_from(edge).unwrap_or(of).min(of)
    };
    let from = edge(place).min(of.saturating_sub(1));
    from..edge(place + 1).max(from + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_smaller_picture_is_the_mean_and_nothing_bleeds_from_what_is_not_seen() {
        let mut picture = RgbaImage::from_pixel(4, 2, Rgba([200, 100, 0, 255]));
        picture.put_pixel(0, 0, Rgba([0, 0, 0, 255]));
        picture.put_pixel(2, 0, Rgba([0, 255, 255, 0]));
        let size = Size {
            width: 2,
            height: 1,
        };
        let small = reduced(&picture, size, &Deadline::none()).unwrap();
        assert_eq!(*small.get_pixel(0, 0), Rgba([150, 75, 0, 255]));
        assert_eq!(*small.get_pixel(1, 0), Rgba([200, 100, 0, 191]));
    }

    #[test]
    fn the_same_size_is_the_same_picture_and_a_deadline_ends_the_work() {
        let picture = RgbaImage::from_fn(7, 5, |x, y| {
            Rgba([
                u8::try_from(x * 9).unwrap(),
                u8::try_from(y).unwrap(),
                7,
                255,
            ])
        });
        let size = Size {
            width: 70,
            height: 5,
        };
        let deadline = Deadline::none();
        assert_eq!(reduced(&picture, size, &deadline), Ok(picture.clone()));
        deadline.end();
        assert_eq!(
            reduced(&picture, size, &deadline),
            Err(PictureError::TooSlow)
        );
    }
}
