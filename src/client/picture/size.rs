//! Sizes: of pictures in pixels, of a cell of the terminal in pixels, and the largest that fits.
//!
//! Promises that what fits keeps its aspect, is never enlarged, and has at least one pixel a side.

use std::fmt;

/// A width and a height in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Size {
    /// From left to right.
    pub width: u32,
    /// From top to bottom.
    pub height: u32,
}

impl Size {
    /// Returns how many pixels that is.
    pub const fn pixels(self) -> u64 {
        // Widening; `u64::from` is not const.
        self.width as u64 * self.height as u64
    }

    /// Returns the longer side.
    pub fn longest(self) -> u32 {
        self.width.max(self.height)
    }

    /// Returns the largest size of the same aspect within another; never more than it is itself.
    pub fn within(self, most: Self) -> Self {
        let most = Self {
            width: most.width.max(1),
            height: most.height.max(1),
        };
        if self.width <= most.width && self.height <= most.height {
            return self.at_least_one();
        }
        // Which side is the tighter: width/most.width against height/most.height, without a fraction.
        let by_width = u64::from(self.width) * u64::from(most.height)
            >= u64::from(self.height) * u64::from(most.width);
        let (of, to) = match by_width {
            true => (self.width, most.width),
            false => (self.height, most.height),
        };
        let fit = |side: u32, most: u32| {
            let side = (u64::from(side) * u64::from(to) + u64::from(of) / 2) / u64::from(of.max(1));
            u32::try_from(side).unwrap_or(most).min(most)
        };
        Self {
            width: fit(self.width, most.width),
            height: fit(self.height, most.height),
        }
        .at_least_one()
    }

    fn at_least_one(self) -> Self {
        Self {
            width: self.width.max(1),
            height: self.height.max(1),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

/// How many pixels a cell of the terminal has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellSize {
    /// From left to right, 1 to 128.
    width: u32,
    /// From top to bottom, 1 to 128.
    height: u32,
}

impl CellSize {
    /// What a cell has if nobody says: the shape, which is what counts most, is near to that of most fonts.
    pub const ASSUMED: Self = Self {
        width: 8,
        height: 16,
    };
    /// Larger than the letters of any screen; who says more does not tell the truth.
    const SIDE_MAX: u32 = 128;

    /// Takes what a terminal says, if that can be.
    pub fn new(width: u32, height: u32) -> Option<Self> {
        let can_be = |side: u32| (1..=Self::SIDE_MAX).contains(&side);
        (can_be(width) && can_be(height)).then_some(Self { width, height })
    }

    /// Returns the width in pixels.
    pub const fn width(self) -> u32 {
        self.width
    }

    /// Returns the height in pixels.
    pub const fn height(self) -> u32 {
        self.height
    }

    /// Returns how many pixels so many cells have.
    pub fn of(self, columns: u16, rows: u16) -> Size {
        Size {
            width: self.width * u32::from(columns),
            height: self.height * u32::from(rows),
        }
    }
}

/// A picture as it fits into a box of cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fitted {
    /// How large it is drawn.
    pub pixels: Size,
    /// How many cells it takes from left to right.
    pub columns: u16,
    /// How many from top to bottom.
    pub rows: u16,
}

/// Returns how a picture fits into a box of cells; `None` if the box is empty.
pub fn fitted(picture: Size, columns: u16, rows: u16, cell: CellSize) -> Option<Fitted> {
    if columns == 0 || rows == 0 {
        return None;
    }
    let pixels = picture.within(cell.of(columns, rows));
    let cells = |pixels: u32, cell: u32, most: u16| {
        u16::try_from(pixels.div_ceil(cell)).map_or(most, |cells| cells.clamp(1, most))
    };
    Some(Fitted {
        pixels,
        columns: cells(pixels.width, cell.width, columns),
        rows: cells(pixels.height, cell.height, rows),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_fits_keeps_its_aspect_and_is_never_enlarged() {
        let size = |width, height| Size { width, height };
        for (picture, most, wanted) in [
            (size(100, 50), size(200, 200), size(100, 50)),
            (size(100, 50), size(50, 50), size(50, 25)),
            (size(50, 100), size(50, 50), size(25, 50)),
            (size(10_000, 1), size(100, 100), size(100, 1)),
            (size(3, 3), size(0, 0), size(1, 1)),
            (size(u32::MAX, u32::MAX), size(320, 320), size(320, 320)),
        ] {
            assert_eq!(picture.within(most), wanted, "{picture} in {most}");
        }
    }

    proptest! {
        #[test]
        fn what_fits_is_within_the_box(
            width in 1..=u32::MAX, height in 1..=u32::MAX,
            columns in 1..=u16::MAX, rows in 1..=u16::MAX, cell in (1..=128u32, 1..=128u32),
        ) {
            let cell = CellSize::new(cell.0, cell.1).unwrap();
            let fit = fitted(Size { width, height }, columns, rows, cell).unwrap();
            prop_assert!(fit.columns >= 1 && fit.columns <= columns);
            prop_assert!(fit.rows >= 1 && fit.rows <= rows);
            prop_assert!(fit.pixels.width >= 1 && fit.pixels.width <= width);
            let room = cell.of(fit.columns, fit.rows);
            prop_assert!(fit.pixels.width <= room.width && fit.pixels.height <= room.height);
        }
    }
}
