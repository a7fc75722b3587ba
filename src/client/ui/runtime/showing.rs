//! How pictures are shown here: what the user wishes, what the environment says, and what the terminal answers once it does.
//!
//! Until then half blocks are drawn, which cannot harm a screen. Clones share the answer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::settings::Surroundings;
use crate::client::{
    picture::{
        CellSize,
        terminal::{Images, Report, Way, choose},
    },
    ui::{model::previews::Canvas, theme::Depth},
};

/// See the head of the file.
#[derive(Clone, Debug)]
pub struct Showing {
    /// What the user wishes.
    pub wish: Images,
    /// The look is one without colours.
    pub is_plain: bool,
    /// The look has no half blocks.
    pub is_ascii: bool,
    around: Surroundings,
    report: Arc<Mutex<Option<Report>>>,
    /// How large a cell is since the screen changed its size, if that is known; `None`: it has not.
    resized: Arc<Mutex<Option<Option<CellSize>>>>,
}

impl Showing {
    /// As it fits there, if nobody says otherwise.
    pub fn new(around: Surroundings) -> Self {
        Self {
            wish: Images::Auto,
            is_plain: false,
            is_ascii: false,
            around,
            report: Arc::default(),
            resized: Arc::default(),
        }
    }

    /// Whether the terminal is to be asked.
    pub fn asks(&self) -> bool {
        !self.is_unwanted() && self.around.of_pictures().should_ask(self.wish)
    }

    /// Takes in what the terminal answered; once more if it was asked once more. `cell`: how large a cell is, if the system
    /// says so; that counts where the terminal does not, as xterm does not unless it is allowed to.
    pub fn told(&self, report: Report, cell: Option<CellSize>) {
        let cell = report.cell.or(cell);
        *locked(&self.report) = Some(Report { cell, ..report });
    }

    /// Takes in that the screen has another size, and maybe other cells with it: this large, if it says so.
    pub fn resized(&self, cell: Option<CellSize>) {
        *locked(&self.resized) = Some(cell);
    }

    /// Whether a cell has another size than the one that pictures are drawn for.
    pub fn has_other_cells(&self, cell: Option<CellSize>) -> bool {
        let told = || locked(&self.report).as_ref().and_then(|report| report.cell);
        let before = locked(&self.resized).unwrap_or_else(told);
        cell.is_some() && cell != before
    }

    /// What pictures are drawn on, as far as it is known.
    pub fn canvas(&self) -> Canvas {
        if self.is_unwanted() {
            return Canvas::OFF;
        }
        let none = Report::default();
        let resized = *locked(&self.resized);
        let known = locked(&self.report).clone().map(|report| Report {
            cell: match resized {
                None => report.cell,
                // Sixels of another size than the cells would cover what stands beside them.
                Some(None) if report.has_sixel && !report.has_kitty => None,
                Some(now) => now.or(report.cell),
            },
            ..report
        });
        let (wish, report) = match &known {
            Some(report) => (self.wish, report),
            None if self.asks() => (Images::Blocks, &none),
            None => (self.wish, &none),
        };
        let around = self.around.of_pictures();
        let way = match choose(wish, &around, report) {
            Way::Blocks(_) if self.is_ascii => return Canvas::OFF,
            way => way,
        };
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

/// Nothing under these locks leaves a half-done state behind.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A cell of the same shape, as wide as those by which pictures get their room: however many dots the screen has, a picture
/// fills it.
fn usual(cell: CellSize) -> CellSize {
    let width = CellSize::ASSUMED.width();
    let height = (cell.height() * width + cell.width() / 2) / cell.width();
    // One that were so high is not true.
    CellSize::new(width, height.max(1)).unwrap_or(CellSize::ASSUMED)
}

#[cfg(test)]
#[path = "showing_tests.rs"]
mod tests;
