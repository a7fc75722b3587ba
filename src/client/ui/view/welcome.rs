//! What stands where no conversation is in front: what to press and what to type.
//!
//! Keys are those that work; a command that is named is one of the table.

use ratatui::layout::Rect;

use super::pen::{Bit, Pen};
use crate::client::ui::{
    keymap::{Action, Context, Keymap},
    model::{LinkState, Model},
    text::width,
    theme::Role,
};

/// What can be typed, and what it does.
const COMMANDS: [(&str, &str); 3] = [
    ("/start bob", "write to somebody"),
    ("/join #general", "join a channel"),
    ("/users", "see who is there"),
];

/// Draws it in the middle of a pane.
pub fn draw(model: &Model, pen: &mut Pen<'_>, keys: &Keymap, pane: Rect) {
    let rows = rows(model, pen, keys);
    let count = u16::try_from(rows.len()).unwrap_or(u16::MAX);
    let cells = |row: &Vec<Bit<'_>>| row.iter().map(|bit| width::room(&bit.text)).sum();
    let widest: usize = rows.iter().map(cells).max().unwrap_or(0);
    let widest = u16::try_from(widest).unwrap_or(pane.width);
    let margin = u16::from(pane.width > 1);
    let x = (pane.width.saturating_sub(widest) / 2).max(margin);
    let y = pane.height.saturating_sub(count) / 3;
    let part = Rect {
        x: pane.x + x,
        y: pane.y + y,
        width: pane.width - x,
        height: pane.height - y,
    };
    for (row, bits) in (part.top()..part.bottom()).zip(rows) {
        pen.row(part, row, &bits, &[]);
    }
}

fn rows<'t>(model: &Model, pen: &Pen<'_>, keys: &Keymap) -> Vec<Vec<Bit<'t>>> {
    let line = |role, words: &str| vec![pen.bit(role, words.to_owned())];
    let pair = |name: &str, words: &str| {
        let cells = 15_usize.saturating_sub(width::room(name));
        vec![
            pen.bit(Role::Key, name.to_owned()),
            pen.bit(Role::Text, " ".repeat(cells.max(1))),
            pen.bit(Role::Text, words.to_owned()),
        ]
    };
    let key = |action, words: &str| {
        let chord = keys.hint(Context::Composer, action)?;
        Some(pair(&chord.to_string(), words))
    };
    let mut rows = Vec::new();
    if model.chats.is_empty() {
        let hello = format!("Welcome to TinyChat, {}.", model.me);
        rows.push(line(Role::Title, &hello));
        let state = match model.link {
            LinkState::Up => "You have no conversations yet.",
            LinkState::Starting | LinkState::CatchingUp => "Your conversations are on their way.",
            LinkState::Down { .. } | LinkState::Ended { .. } => "There is no connection now.",
        };
        rows.push(line(Role::Dim, state));
        rows.push(Vec::new());
        rows.extend(key(Action::Switcher, "find people and channels"));
    } else {
        rows.push(line(Role::Title, "No conversation is open."));
        rows.push(Vec::new());
        rows.extend(key(Action::Switcher, "find one by a few letters"));
        rows.extend(key(Action::NextUnread, "go to what is unread"));
    }
    rows.extend(key(Action::Palette, "all commands, with help"));
    rows.extend(key(Action::Help, "all keys"));
    rows.push(Vec::new());
    rows.push(line(Role::Dim, "Or type below, and press Enter:"));
    rows.extend(COMMANDS.map(|(command, words)| pair(command, words)));
    rows
}
