//! Previews of pictures as cells: half blocks, or an empty room while they are on their way.
//!
//! Every cell of a preview bears a mark, which whatever is drawn over it takes away: so it is known of a frame whether a
//! picture is seen wholly, and pixels may be drawn over its cells.

use std::sync::Arc;

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::pen::Pen;
use crate::client::ui::{
    layout::{
        Panes, picture,
        row::{Row, Strip},
    },
    model::{
        Model,
        previews::{Pixels, Preview, Shown},
    },
    theme::{Glyphs, Role, Theme},
};

/// Draws a row of a preview, as far as the pane goes.
pub(super) fn strip(model: &Model, pen: &mut Pen<'_>, pane: Rect, y: u16, strip: &Strip) {
    let x = pane.x.saturating_add(strip.indent);
    row(model, pen, pane, (x, y), (&strip.preview, strip.row));
}

fn row(
    model: &Model,
    pen: &mut Pen<'_>,
    pane: Rect,
    (x, y): (u16, u16),
    (preview, row): (&Preview, u16),
) {
    let columns = preview.extent.columns;
    let room = Rect::new(x, y, columns, 1).intersection(pane);
    pen.mark(room);
    match model.previews.shown(preview) {
        Shown::Picture(made) if pen.theme.glyphs() == Glyphs::Unicode => {
            let cells = made.blocks.rows().get(usize::from(row));
            for (cell, at) in cells.into_iter().flatten().zip(room.positions()) {
                pen.dab(at, cell.glyph, cell.style);
            }
        }
        Shown::Picture(_) => {}
        Shown::Room => {
            if row == preview.extent.rows / 2 {
                let sign = pen.signs().ellipsis.chars().next().unwrap_or(' ');
                let style = pen.theme.style(Role::Dim);
                let middle = Position::new(x.saturating_add(columns / 2), y);
                if room.contains(middle) {
                    pen.dab(middle, sign, style);
                }
            }
        }
    }
}

/// A picture that is wholly on the screen and can be drawn as pixels.
#[derive(Clone, Debug)]
pub struct Whole {
    /// Its cells, at their place.
    cells: Buffer,
    /// Its pixels.
    pub pixels: Arc<Pixels>,
}

impl Whole {
    /// Cells and the pixels over them.
    pub const fn new(cells: Buffer, pixels: Arc<Pixels>) -> Self {
        Self { cells, pixels }
    }

    /// Where it stands.
    pub const fn area(&self) -> Rect {
        self.cells.area
    }

    /// Whether a frame has all its cells, and nothing over any of them.
    pub fn is_in(&self, frame: &Buffer) -> bool {
        self.cells
            .area
            .positions()
            .all(|at| frame.cell(at).is_some() && frame.cell(at) == self.cells.cell(at))
    }
}

/// Returns the pictures among these rows that are wholly on the screen, as far as the layout says, and can be drawn as
/// pixels.
pub(super) fn wholes(model: &Model, theme: &Theme, panes: &Panes, rows: &[Row]) -> Vec<Whole> {
    if !model.previews.are_pixels() {
        return Vec::new();
    }
    let found = picture::whole(model, panes, rows).into_iter();
    found
        .filter_map(|(preview, area)| {
            let Shown::Picture(made) = model.previews.shown(&preview) else {
                return None;
            };
            let pixels = Arc::clone(made.pixels.as_ref()?);
            let mut cells = Buffer::empty(area);
            let mut pen = Pen::new(&mut cells, theme);
            for (number, y) in (0..preview.extent.rows).zip(area.top()..area.bottom()) {
                row(model, &mut pen, area, (area.x, y), (&preview, number));
            }
            Some(Whole { cells, pixels })
        })
        .collect()
}

#[cfg(test)]
#[path = "picture_tests.rs"]
mod tests;
