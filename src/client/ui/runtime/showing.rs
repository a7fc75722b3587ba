//! How pictures are shown here: what the user wishes, what the environment says, and what the terminal answers once it does.
//!
//! Until then half blocks are drawn, which cannot harm a screen. Clones share the answer.

use std::sync::{Arc, OnceLock};

use super::settings::Surroundings;
use crate::client::{
    picture::{
        CellSize,
        terminal::{Images, Report, Way, choose},
    },
    ui::{model::previews::Canvas, theme::Depth},
};

/// A cell of many pixels counts as one of about so many from left to right: a picture is as large on the screens of which
/// each dot of before is several.
const CELL_WIDTH: u32 = 10;

/// See the head of the file.
#[derive(Clone, Debug)]
pub struct Showing {
    /// What the user wishes.
    pub wish: Images,
    /// The look is one without colours, by choice.
    pub is_plain: bool,
    around: Surroundings,
    report: Arc<OnceLock<Report>>,
}

impl Showing {
    /// As it fits there, if nobody says otherwise.
    pub fn new(around: Surroundings) -> Self {
        Self {
            wish: Images::Auto,
            is_plain: false,
            around,
            report: Arc::default(),
        }
    }

    /// Whether the terminal is to be asked.
    pub fn asks(&self) -> bool {
        !self.is_unwanted() && self.around.of_pictures().should_ask(self.wish)
    }

    /// Takes in what the terminal answered.
    pub fn told(&self, report: Report) {
        // It is asked once.
        let _ = self.report.set(report);
    }

    /// What pictures are drawn on, as far as it is known.
    pub fn canvas(&self) -> Canvas {
        if self.is_unwanted() {
            return Canvas::OFF;
        }
        let none = Report::default();
        let (wish, report) = match self.report.get() {
            Some(report) => (self.wish, report),
            None if self.asks() => (Images::Blocks, &none),
            None => (self.wish, &none),
        };
        let around = self.around.of_pictures();
        let way = choose(wish, &around, report);
        let cell = report.cell.unwrap_or(CellSize::ASSUMED);
        Canvas {
            way,
            depth: around.env.depth(),
            // Sixels are dots of the screen; what the others draw is stretched over cells.
            cell: match way {
                Way::Sixel => cell,
                _ => usual(cell),
            },
        }
    }

    /// Whether no pictures are wanted, since no colours are.
    fn is_unwanted(&self) -> bool {
        let has_none = self.around.of_pictures().env.depth() == Depth::None;
        self.wish == Images::Auto && (self.is_plain || has_none)
    }
}

/// A cell of the same shape and of a usual size.
fn usual(cell: CellSize) -> CellSize {
    let by = ((cell.width() + CELL_WIDTH / 2 - 1) / CELL_WIDTH).max(1);
    let part = |side: u32| (side / by).max(1);
    CellSize::new(part(cell.width()), part(cell.height())).unwrap_or(CellSize::ASSUMED)
}

#[cfg(test)]
#[path = "showing_tests.rs"]
mod tests;
