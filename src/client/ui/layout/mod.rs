//! Where everything stands on the screen, and how many rows it takes: what both scrolling and drawing must agree on.
//!
//! Pure, and made anew from the model each time: nothing is remembered that could be of another size. Knows no colours.

pub mod between;
pub mod bubble;
mod end;
pub mod listed;
mod mentions;
pub mod over;
pub mod panes;
pub mod picture;
pub mod row;
mod spot;
pub mod tape;
pub mod transcript;
pub mod written;

use ratatui::layout::Rect;

use super::{
    keymap::Keymap,
    model::{
        Model,
        chat::{ChatId, Scroll},
        overlay::Overlay,
    },
};
use crate::domain::ids::ClientMessageId;
use transcript::Space;

pub use end::{is_noticed, to_mark};
pub use panes::Panes;

/// Something that a mouse can point at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spot {
    /// A conversation of the sidebar.
    Chat(ChatId),
    /// A message.
    Message(u64),
    /// A message on its way, or one that was refused.
    Outgoing(ClientMessageId),
    /// A link in a message.
    Link(String),
    /// The composer.
    Composer,
    /// The line that says how much is new below.
    NewBelow,
    /// A row of the overlay's list.
    Row(usize),
}

/// Returns where the panes stand.
pub fn panes(model: &Model) -> Panes {
    panes::panes_in(model, screen(model))
}

/// The whole screen.
fn screen(model: &Model) -> Rect {
    let (width, height) = model.size;
    Rect::new(0, 0, width, height)
}

/// The room for the messages.
pub fn space(panes: &Panes) -> Space {
    Space {
        cells: usize::from(panes.messages.width),
        rows: usize::from(panes.messages.height),
    }
}

/// Returns where the conversation in front is looked at after moving by so many rows: below 0 to older ones. Never beyond
/// the first message that is in memory without a hole, nor below the end. `None`: nothing moves.
pub fn scrolled(model: &Model, rows: isize) -> Option<Scroll> {
    transcript::scrolled(model, space(&panes(model)), rows)
}

/// Whether the conversation in front is seen down to its end, be it that another place is looked at.
pub fn is_at_end(model: &Model) -> bool {
    transcript::is_at_end(model, space(&panes(model)))
}

/// Returns where the conversation in front is looked at so that a message is wholly seen, or its beginning if it is too
/// high: the smallest move, or the message in the middle if it is far. `None`: it is seen already, or not in memory.
pub fn showing(model: &Model, seq: u64) -> Option<Scroll> {
    transcript::showing(model, space(&panes(model)), seq)
}

/// Returns the first and the last message of which any row is seen.
pub fn seen(model: &Model) -> Option<(u64, u64)> {
    transcript::seen(model, space(&panes(model)))
}

/// Returns the conversations of the list in their order, as far as the filter leaves them.
pub fn listed(model: &Model) -> Vec<ChatId> {
    let chats = listed::chats(model).into_iter();
    chats.map(|chat| chat.id().clone()).collect()
}

/// Returns what is at a cell, counted from 0.
pub fn spot(model: &Model, column: u16, row: u16) -> Option<Spot> {
    spot::spot(model, &panes(model), column, row)
}

/// Returns how many rows of the overlay's list or text are seen at once; at least 1.
pub fn overlay_rows(model: &Model) -> usize {
    let panes = panes(model);
    let parts = model.overlay.as_ref().zip(panes.overlay);
    parts.map_or(1, |(overlay, frame)| over::over(overlay, frame).items())
}

/// Returns the highest row of the help or of a text that stands first when its end is seen; 0 for other overlays.
pub fn overlay_end(model: &Model, keys: &Keymap) -> usize {
    let panes = panes(model);
    let Some((overlay, frame)) = model.overlay.as_ref().zip(panes.overlay) else {
        return 0;
    };
    let over = over::over(overlay, frame);
    let cells = usize::from(over.list.width);
    let rows = match overlay {
        Overlay::Help { .. } => over::help_rows(keys, cells).len(),
        Overlay::Text(page) => over::page_rows(page, cells).len(),
        Overlay::Pick(_) | Overlay::Search(_) | Overlay::Ask(_) | Overlay::Password(_) => 0,
    };
    rows.saturating_sub(over.items())
}

#[cfg(test)]
#[path = "layout_tests.rs"]
mod tests;
