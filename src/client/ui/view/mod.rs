//! What is drawn: the model as it is, in the looks of a theme, with the keys that work.
//!
//! Promises: the same model gives the same screen; nothing is decided here and nothing is kept; every cell holds a sign
//! that is drawn and no control character, whatever anybody wrote; the cursor lies within the screen; no size of the
//! screen makes it fail. Where things stand is said by `layout`.

mod composer;
mod header;
mod members;
mod messages;
mod overlay;
mod password;
pub(super) mod pen;
mod picture;
mod search;
mod sidebar;
mod status;
mod welcome;

use ratatui::{Frame, layout::Position};

use super::{
    keymap::Keymap,
    layout::{Panes, panes::panes_in, row::Row, space, transcript},
    model::{Focus, Model},
    text::{self, cut, width},
    theme::Theme,
};
use pen::Pen;
pub use picture::Whole;

/// A count above this is shown as this and a plus.
const COUNTED_MAX: u64 = 99;

/// Draws the screen; returns the pictures that can be drawn as pixels over it, as far as the layout says.
pub fn draw(model: &Model, theme: &Theme, keys: &Keymap, frame: &mut Frame<'_>) -> Vec<Whole> {
    let screen = frame.area();
    let panes = panes_in(model, screen);
    // Where there is room for one pane only, the list lies over the others.
    let is_alone = panes.sidebar.is_some_and(|pane| pane.width == screen.width);
    // They are laid out once: drawn, and asked where pictures stand.
    let rows = match is_alone {
        true => Vec::new(),
        false => transcript::rows(model, space(&panes), theme.glyphs()),
    };
    let mut pen = Pen::new(frame.buffer_mut(), theme);
    let cursor = all(model, keys, (&panes, is_alone), &rows, &mut pen);
    if let Some(cursor) = cursor.filter(|cursor| screen.contains(*cursor)) {
        frame.set_cursor_position(cursor);
    }
    picture::wholes(model, theme, &panes, &rows)
}

/// Draws all panes; returns where the cursor stands.
fn all(
    model: &Model,
    keys: &Keymap,
    (panes, is_alone): (&Panes, bool),
    rows: &[Row],
    pen: &mut Pen<'_>,
) -> Option<Position> {
    let mut cursor = None;
    if !is_alone {
        if let Some(pane) = panes.header {
            header::draw(model, pen, keys, pane, panes.sidebar.is_none());
        }
        messages::draw(model, pen, keys, panes.messages, rows);
        if let Some(pane) = panes.members {
            members::draw(model, pen, pane);
        }
        if let Some(pane) = panes.rule {
            composer::rule(model, pen, keys, pane);
        }
        cursor = composer::draw(model, pen, panes.composer);
    }
    if let Some(pane) = panes.sidebar {
        sidebar::draw(model, pen, pane, is_alone);
        if let (Some(rule), Some(column)) = (panes.rule, pane.right().checked_sub(1))
            && !is_alone
        {
            pen.joint(pane, rule.y, column, model.focus == Focus::Sidebar);
        }
    }
    if let Some(pane) = panes.status {
        status::draw(model, pen, keys, pane, panes.messages);
        status::long_text(model, pen, keys, pane, panes.messages);
    }
    if model.focus == Focus::Composer {
        composer::offer(model, pen, panes.messages);
    }
    match panes.overlay {
        Some(pane) => overlay::draw(model, pen, keys, pane),
        None => cursor,
    }
}

/// Returns the title of the terminal: how much is unread, and where this user is.
pub fn title(model: &Model) -> String {
    let (unread, _) = model.chats.totals(model.now);
    let count = match unread {
        0 => String::new(),
        unread => format!("({}) ", counted(unread)),
    };
    let place = model.chats.front();
    let place = place.map_or_else(String::new, |chat| format!(" - {}", chat.room.label()));
    format!("{count}TinyChat{place}")
}

/// A count that takes three cells at the most.
fn counted(count: u64) -> String {
    match count > COUNTED_MAX {
        true => format!("{COUNTED_MAX}+"),
        false => count.to_string(),
    }
}

/// A text in so many cells: cut, or with blanks behind it.
fn padded(text: &str, cells: usize, signs: &text::Glyphs) -> String {
    let text = cut(text, cells, signs);
    let blanks = cells.saturating_sub(width::room(&text));
    format!("{text}{}", " ".repeat(blanks))
}

#[cfg(test)]
#[path = "any_tests.rs"]
mod any;
#[cfg(test)]
#[path = "files_tests.rs"]
mod files;
#[cfg(test)]
#[path = "models_tests.rs"]
pub(super) mod models;
#[cfg(test)]
#[path = "screens_tests.rs"]
mod screens;
