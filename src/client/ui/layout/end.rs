//! Whether a person sees the end of the conversation in front: what is not seen is not marked read, and calls.
//!
//! Says nothing of a frame that is still to be drawn, nor of what the status line lays over the oldest messages for some
//! seconds.

use ratatui::layout::Rect;

use super::{over, panes, row::Owner, space, transcript};
use crate::client::ui::{
    model::{
        Focus, Model,
        chat::{Chat, ChatId, Scroll},
    },
    theme::Glyphs,
};

/// Whether the newest message of the conversation in front is in memory and on the screen, with nothing over it, and the
/// terminal is in front.
fn is_end_seen(model: &Model) -> bool {
    let Some(chat) = model.chats.front().filter(|_| model.is_focused) else {
        return false;
    };
    let is_scrolled = match chat.scroll() {
        Scroll::AtEnd => false,
        // Below the last one are only those on their way.
        Scroll::At { seq, .. } => seq <= chat.counts().last_seq,
    };
    let panes = panes(model);
    let pane = panes.messages;
    if is_scrolled || chat.missing(1, 0).is_some() || pane.is_empty() {
        return false;
    }
    let Some(newest) = chat.window.all().next_back().map(|message| message.seq) else {
        // There is nothing that could be read.
        return true;
    };
    let rows = transcript::rows(model, space(&panes), Glyphs::Unicode);
    let Some(place) = rows
        .iter()
        .rposition(|row| row.owner == Owner::Message(newest))
    else {
        return false;
    };
    // They stand at the bottom.
    let below = u16::try_from(rows.len() - place).unwrap_or(u16::MAX);
    let row = Rect {
        y: pane.bottom().saturating_sub(below),
        height: 1,
        ..pane
    };
    let offer = model
        .composer
        .offer()
        .filter(|_| model.focus == Focus::Composer);
    let offer = offer.map(|offer| over::offer(offer.candidates.len(), pane).0);
    let over = [panes.overlay, panes.sidebar, offer];
    !over.into_iter().flatten().any(|over| over.intersects(row))
}

/// Whether a person notices a new message of the conversation in front: who reads further up sees that there is more below.
pub fn is_noticed(model: &Model) -> bool {
    let is_up = matches!(
        model.chats.front().map(Chat::scroll),
        Some(Scroll::At { .. })
    );
    let panes = panes(model);
    let Some(rule) = panes.rule.filter(|_| model.is_focused && is_up) else {
        return is_end_seen(model);
    };
    let over = [panes.overlay, panes.sidebar];
    !over.into_iter().flatten().any(|over| over.intersects(rule))
}

/// What is to be marked read now: what a person sees.
pub fn to_mark(model: &Model) -> Option<(ChatId, u64)> {
    model.to_mark().filter(|_| is_end_seen(model))
}

#[cfg(test)]
#[path = "end_tests.rs"]
mod tests;
