//! Looking at older and newer messages. How many rows a message takes is the layout's knowledge.

use super::{
    super::{
        effect::Effect,
        keymap::Action,
        layout,
        model::{Focus, Model, chat::Scroll, paging::JumpTo},
    },
    jump, refuse,
};

/// Rows by which the wheel scrolls.
const WHEEL_ROWS: isize = 3;
/// Rows of one page that are seen on the next, too.
const OVERLAP_ROWS: usize = 2;

/// Does what an action says about where messages are looked at.
pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    if model.chats.front().is_none() {
        return refuse(
            model,
            "No conversation is open, so there is nothing to scroll.",
        );
    }
    match action {
        Action::PageUp => by_rows(model, -page_rows(model)),
        Action::PageDown => by_rows(model, page_rows(model)),
        Action::Oldest => {
            let floor = model.chats.front().map_or(0, |chat| chat.window.floor());
            jump::go_to(model, floor.saturating_add(1), JumpTo::Top);
        }
        Action::FirstUnread => return first_unread(model),
        _ => to_end(model),
    }
    Vec::new()
}

/// The wheel was turned.
pub(super) fn wheel(model: &mut Model, is_up: bool) {
    by_rows(model, if is_up { -WHEEL_ROWS } else { WHEEL_ROWS });
}

/// Looks at the end, where new messages come.
pub(super) fn to_end(model: &mut Model) {
    model.jump = None;
    look(model, Scroll::AtEnd);
    if let Focus::Messages(_) | Focus::Outgoing(_) = model.focus {
        super::selection::select(model, Action::SelectLast);
    }
}

/// Looks at another place.
pub(super) fn look(model: &mut Model, to: Scroll) {
    let Some(front) = model.chats.front_mut() else {
        return;
    };
    match to {
        Scroll::AtEnd => front.to_end(),
        Scroll::At { seq, hidden_rows } => front.scroll_to(seq, hidden_rows),
    }
}

fn page_rows(model: &Model) -> isize {
    let rows = usize::from(layout::panes(model).messages.height);
    isize::try_from(rows.saturating_sub(OVERLAP_ROWS).max(1)).unwrap_or(1)
}

fn by_rows(model: &mut Model, rows: isize) {
    model.jump = None;
    // Who goes on asks again for what could not be had before.
    model.filled = None;
    if let Some(to) = layout::scrolled(model, rows) {
        look(model, to);
        super::selection::follow(model);
    }
}

fn first_unread(model: &mut Model) -> Vec<Effect> {
    let line = model.chats.front().and_then(|chat| {
        let counts = chat.counts();
        let unread = (counts.unread > 0).then_some(counts.read_seq);
        chat.unread_line().or(unread)
    });
    match line {
        Some(line) => {
            jump::go_to(model, line.saturating_add(1), JumpTo::Sight);
            Vec::new()
        }
        None => refuse(model, "Nothing is unread here."),
    }
}

#[cfg(test)]
#[path = "scroll_tests.rs"]
mod tests;
