//! What is being written, the rule above it, and the completions that are offered.
//!
//! The cursor of the terminal stands here while keys go here.

use ratatui::layout::{Position, Rect};

use super::pen::{Bit, Pen};
use crate::{
    client::ui::{
        keymap::{Action, Context, Keymap},
        layout::{bubble::preview, over, panes::PROMPT, written::written},
        model::{
            Focus, Model,
            chat::Scroll,
            composer::{Composer, Mode, Offer},
        },
        text::{cut, width},
        theme::Role,
    },
    domain::role,
};

/// Characters of a name.
const NAME_CHARS: usize = 64;
/// Columns of the labels of completions.
const LABEL_CELLS: usize = 24;

/// Draws the rule: what is answered or edited, and what is below the messages that are seen.
pub fn rule(model: &Model, pen: &mut Pen<'_>, keys: &Keymap, pane: Rect) {
    pen.across(pane, pane.y);
    let inner = Rect {
        x: pane.x.saturating_add(1),
        width: pane.width.saturating_sub(2),
        ..pane
    };
    let below = below(model, pen, keys);
    let room: usize = below.iter().map(|bit| width::room(&bit.text)).sum();
    let room = u16::try_from(room).unwrap_or(u16::MAX);
    let has_below = room <= inner.width;
    if has_below {
        let x = inner.right() - room;
        let place = Rect {
            x,
            width: room,
            ..inner
        };
        pen.row(place, pane.y, &below, &[]);
    }
    // What is answered comes first: two signs of the line stay between.
    let taken = if has_below && room > 0 { room + 2 } else { 0 };
    let place = Rect {
        width: inner.width.saturating_sub(taken),
        ..inner
    };
    let mode = mode(model, pen, usize::from(place.width));
    pen.row(place, pane.y, &mode, &[]);
}

/// What is answered or edited, set off from the line by blanks.
fn mode<'t>(model: &Model, pen: &Pen<'_>, space: usize) -> Vec<Bit<'t>> {
    let (words, quote) = match model.composer.mode() {
        Mode::Write => return Vec::new(),
        Mode::Reply(quote) => {
            let name = quote.sender.render_start(NAME_CHARS);
            (format!("Reply to {name}: "), quote)
        }
        Mode::Edit(quote) => ("Edit: ".to_owned(), quote),
    };
    let signs = pen.signs();
    let words = cut(&words, space.saturating_sub(2), &signs);
    let rest = space.saturating_sub(2 + width::room(&words));
    let quoted = cut(&preview(&quote.text, &signs), rest, &signs);
    vec![
        pen.bit(Role::Text, " "),
        pen.bit(Role::Title, words),
        pen.bit(Role::Quote, quoted),
        pen.bit(Role::Text, " "),
    ]
}

/// What is below the messages that are seen.
fn below<'t>(model: &Model, pen: &Pen<'_>, keys: &Keymap) -> Vec<Bit<'t>> {
    let Some(chat) = model.chats.front() else {
        return Vec::new();
    };
    if chat.scroll() == Scroll::AtEnd {
        return Vec::new();
    }
    let new = chat.new_below(&model.me);
    let sign = pen.theme.glyph(Role::NewBelow);
    let mut bits = match new {
        0 => vec![pen.bit(Role::Dim, format!(" {sign} more below"))],
        _ => vec![pen.bit(
            Role::NewBelow,
            format!(" {sign} {} new below", super::counted(new)),
        )],
    };
    if let Some(chord) = keys.hint(Context::Composer, Action::Newest) {
        bits.push(pen.bit(Role::Text, " "));
        bits.push(pen.bit(Role::Key, chord.to_string()));
    }
    bits.push(pen.bit(Role::Text, " "));
    bits
}

/// Draws what is being written; returns where the cursor stands.
pub fn draw(model: &Model, pen: &mut Pen<'_>, pane: Rect) -> Option<Position> {
    let is_focused = model.focus == Focus::Composer;
    let prompt = if pane.width > 4 * PROMPT { PROMPT } else { 0 };
    if prompt > 0 {
        let role = match is_focused {
            true => Role::BorderFocused,
            false => Role::Border,
        };
        let sign = match model.composer.mode() {
            Mode::Edit(_) => Role::Draft,
            Mode::Write | Mode::Reply(_) => Role::Notice,
        };
        let style = pen.theme.style(role);
        pen.put(pane, pane.y, pane.x, pen.theme.glyph(sign), style);
    }
    let text = Rect {
        x: pane.x + prompt,
        width: pane.width - prompt,
        ..pane
    };
    let cursor = typed(pen, text, &model.composer, Role::Composer);
    if model.composer.is_empty() {
        let words = pen.bit(Role::Dim, hint(model));
        pen.row(text, text.y, &[words], &[]);
    }
    cursor.filter(|_| is_focused && model.overlay.is_none())
}

/// Draws a text that is being typed; returns where the cursor stands.
pub fn typed(pen: &mut Pen<'_>, pane: Rect, composer: &Composer, role: Role) -> Option<Position> {
    let written = written(composer.buffer(), usize::from(pane.width));
    let first = written.first_row(usize::from(pane.height));
    let style = pen.theme.style(role);
    let rows = written.rows.iter().skip(first);
    for (row, text) in (pane.top()..pane.bottom()).zip(rows) {
        pen.put(pane, row, pane.x, text, style);
    }
    let row = u16::try_from(written.cursor_row.checked_sub(first)?).ok()?;
    let cell = u16::try_from(written.cursor_cell).ok()?;
    let cell = cell.min(pane.width.checked_sub(1)?);
    (row < pane.height).then(|| Position::new(pane.x + cell, pane.y + row))
}

/// What can be written here.
fn hint(model: &Model) -> String {
    let Some(chat) = model.chats.front() else {
        return "Type a command, such as /help".to_owned();
    };
    match chat.my_role {
        Some(role::Role::ReadOnly) => "You can read here, but not write".to_owned(),
        _ => format!("Write to {}", chat.room.label()),
    }
}

/// Draws the completions that are offered, above the rule.
pub fn offer(model: &Model, pen: &mut Pen<'_>, above: Rect) {
    let Some(offer) = model.composer.offer() else {
        return;
    };
    let (frame, has_border) = over::offer(offer.candidates.len(), above);
    let list = match has_border {
        true => {
            pen.boxed(frame, "", false);
            Rect {
                x: frame.x + 1,
                y: frame.y + 1,
                width: frame.width - 2,
                height: frame.height - 2,
            }
        }
        false => {
            pen.clear(frame);
            frame
        }
    };
    offers(pen, list, offer);
}

fn offers(pen: &mut Pen<'_>, list: Rect, offer: &Offer) {
    let count = offer.candidates.len();
    let first = over::first_item(offer.chosen, count, usize::from(list.height).max(1));
    let labels = offer.candidates.iter();
    let widest = labels.map(|it| width::room(&it.label)).max().unwrap_or(0);
    let column = widest.min(LABEL_CELLS);
    let seen = offer.candidates.iter().enumerate().skip(first);
    for (row, (place, candidate)) in (list.top()..list.bottom()).zip(seen) {
        let label = super::padded(&candidate.label, column, &pen.signs());
        let bits = [
            pen.bit(Role::Text, " "),
            pen.bit(Role::Strong, label),
            pen.bit(Role::Text, "  "),
            pen.bit(Role::Dim, candidate.help.as_str()),
        ];
        pen.row(list, row, &bits, &[]);
        if place == offer.chosen {
            pen.select(Rect {
                y: row,
                height: 1,
                ..list
            });
        }
    }
}
