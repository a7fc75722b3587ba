//! The messages, as the layout made rows of them; where there is no conversation, what to do first.

use ratatui::layout::Rect;

use super::{pen::Pen, picture, welcome};
use crate::client::ui::{keymap::Keymap, layout::row::Row, model::Model, text::width, theme::Role};

/// Draws the messages of the conversation in front, of which these rows are seen.
pub fn draw(model: &Model, pen: &mut Pen<'_>, keys: &Keymap, pane: Rect, rows: &[Row]) {
    if model.chats.front().is_none() {
        return welcome::draw(model, pen, keys, pane);
    }
    // They stand at the bottom, next to what is being written.
    let count = u16::try_from(rows.len()).unwrap_or(pane.height);
    let top = pane.bottom().saturating_sub(count).max(pane.top());
    for (row, y) in rows.iter().zip(top..pane.bottom()) {
        self::row(pen, pane, y, row);
        if let Some(strip) = &row.picture {
            picture::strip(model, pen, pane, y, strip);
        }
    }
}

fn row(pen: &mut Pen<'_>, pane: Rect, y: u16, row: &Row) {
    if let Some(role) = row.gutter {
        // The bar alone: turned colours would make a block of it.
        let style = match role {
            Role::Selection => pen.theme.style(Role::BorderFocused),
            role => pen.theme.style(role),
        };
        pen.put(pane, y, pane.x, pen.theme.glyph(role), style);
    }
    let mut x = pane.x.saturating_add(1);
    for piece in &row.pieces {
        let style = pen.ink(piece.ink, &piece.text);
        x = pen.put(pane, y, x, &piece.text, style);
    }
    if let Some(role) = row.right {
        let sign = pen.theme.glyph(role);
        let cells = u16::try_from(width::cells(sign)).unwrap_or(0);
        let edge = u16::from(pane.width >= 40);
        let x = pane.right().saturating_sub(cells + edge);
        pen.put(pane, y, x, sign, pen.theme.style(role));
    }
}
