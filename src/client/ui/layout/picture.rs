//! Which previews of pictures are to be had, and which are wholly on the screen.

use std::sync::Arc;

use ratatui::layout::Rect;

use super::{
    Panes, over, panes,
    row::{Row, Strip},
    space, transcript,
};
use crate::client::ui::model::{Focus, Model, previews::Preview};

/// Returns the previews that are seen, be it a part of them, and then those near to that, the newest first; each once.
pub fn near(model: &Model) -> Vec<Arc<Preview>> {
    if !model.previews.are_shown() {
        return Vec::new();
    }
    let (seen, around) = transcript::seen_and_around(model, space(&panes(model)));
    let mut found: Vec<Arc<Preview>> = Vec::new();
    let rows = seen.into_iter().rev().chain(around.into_iter().rev());
    for strip in rows.filter_map(|row| row.picture) {
        if !found.contains(&strip.preview) {
            found.push(strip.preview);
        }
    }
    found
}

/// Returns the previews among the rows that are seen which are wholly on the screen with nothing of the layout over them,
/// and where.
pub fn whole(model: &Model, panes: &Panes, rows: &[Row]) -> Vec<(Arc<Preview>, Rect)> {
    let pane = panes.messages;
    let offer = model
        .composer
        .offer()
        .filter(|_| model.focus == Focus::Composer);
    let offer = offer.map(|offer| over::offer(offer.candidates.len(), pane).0);
    let over = [panes.overlay, panes.sidebar, offer];
    // They stand at the bottom.
    let count = u16::try_from(rows.len()).unwrap_or(pane.height);
    let top = pane.bottom().saturating_sub(count).max(pane.top());
    let mut found = Vec::new();
    for (row, y) in rows.iter().zip(top..pane.bottom()) {
        let Some(Strip {
            preview,
            row: 0,
            indent,
        }) = &row.picture
        else {
            continue;
        };
        let area = Rect {
            x: pane.x.saturating_add(*indent),
            y,
            width: preview.extent.columns,
            height: preview.extent.rows,
        };
        let is_covered = over.iter().flatten().any(|over| over.intersects(area));
        if pane.intersection(area) == area && !is_covered {
            found.push((Arc::clone(preview), area));
        }
    }
    found
}

#[cfg(test)]
#[path = "picture_tests.rs"]
mod tests;
