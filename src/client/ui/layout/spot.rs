//! What stands at a cell: what a mouse points at.
//!
//! What lies over all hides what is below it. Promises no more than the rows that are drawn.

use ratatui::layout::{Position, Rect};

use super::{
    Panes, Spot,
    listed::{self, Listed},
    over,
    row::Owner,
    space, transcript,
};
use crate::client::ui::{
    model::{Model, overlay::Overlay},
    theme::Glyphs,
};

/// Returns what is at a cell.
pub fn spot(model: &Model, panes: &Panes, column: u16, row: u16) -> Option<Spot> {
    let at = Position::new(column, row);
    if let Some((overlay, frame)) = model.overlay.as_ref().zip(panes.overlay) {
        return in_overlay(overlay, frame, at);
    }
    let is_in = |pane: Option<Rect>| pane.filter(|pane| pane.contains(at));
    if let Some(pane) = is_in(panes.sidebar) {
        return in_list(model, pane, at);
    }
    if panes.composer.contains(at) {
        return Some(Spot::Composer);
    }
    if is_in(panes.rule).is_some() {
        let chat = model.chats.front()?;
        return (chat.new_below(&model.me) > 0).then_some(Spot::NewBelow);
    }
    is_in(Some(panes.messages))?;
    in_messages(model, panes, at)
}

fn in_list(model: &Model, pane: Rect, at: Position) -> Option<Spot> {
    let rows = listed::seen(model, usize::from(pane.height));
    match rows.get(usize::from(at.y - pane.y))? {
        Listed::Chat(chat) => Some(Spot::Chat(chat.id().clone())),
        Listed::Blank | Listed::Head(_) | Listed::Filter(_) => None,
    }
}

fn in_messages(model: &Model, panes: &Panes, at: Position) -> Option<Spot> {
    let pane = panes.messages;
    let rows = transcript::rows(model, space(panes), Glyphs::Unicode);
    // They stand at the bottom.
    let blank = usize::from(pane.height).saturating_sub(rows.len());
    let row = rows.get(usize::from(at.y - pane.y).checked_sub(blank)?)?;
    let link = row.link_at(usize::from(at.x - pane.x));
    match (link, row.owner) {
        (Some(link), _) => Some(Spot::Link(link.to_string())),
        (None, Owner::Message(seq)) => Some(Spot::Message(seq)),
        (None, Owner::Outgoing(id)) => Some(Spot::Outgoing(id)),
        (None, Owner::Nobody) => None,
    }
}

fn in_overlay(overlay: &Overlay, frame: Rect, at: Position) -> Option<Spot> {
    let over = over::over(overlay, frame);
    if !over.list.contains(at) {
        return None;
    }
    let (chosen, count) = match overlay {
        Overlay::Pick(picker) => (picker.chosen, picker.rows.len()),
        Overlay::Search(pane) => (pane.chosen, pane.hits.len()),
        Overlay::Help { .. } | Overlay::Text(_) | Overlay::Ask(_) | Overlay::Password(_) => {
            return None;
        }
    };
    let item = usize::from((at.y - over.list.y) / over.item_rows.max(1));
    let item = over::first_item(chosen, count, over.items()) + item;
    (item < count).then_some(Spot::Row(item))
}
