//! Draws the screen on which the password is changed. Of a password there is nothing but dots.

use ratatui::layout::{Position, Rect};

use super::{
    super::{
        layout::over::{self, Over},
        model::password::PasswordPane,
        text::{Glyphs, width},
        theme::Role,
    },
    pen::Pen,
};
use crate::client::app::{
    line::ended,
    password::{self, Field},
};

/// Cells of a sign before a field.
const LEAD: u16 = 2;
/// Cells of what a field is called.
const LABEL_CELLS: u16 = 20;

/// Draws it; returns where the cursor stands.
pub fn draw(pen: &mut Pen<'_>, over: &Over, pane: &PasswordPane) -> Option<Position> {
    let list = over.list;
    let rows = usize::from(list.height).max(1);
    let at = Field::ALL.iter().position(|field| *field == pane.at);
    // The field that is written is seen, however small the screen is.
    let first = at.unwrap_or(0).saturating_sub(rows - 1);
    let mut cursor = None;
    let mut y = list.y;
    for field in Field::ALL.into_iter().skip(first).take(rows) {
        let row = Rect {
            y,
            height: 1,
            ..list
        };
        cursor = cursor.or(self::field(pen, row, pane, field));
        y = y.saturating_add(1);
    }
    let (role, text) = told(pane, pen.signs());
    let style = pen.theme.style(role);
    let words = over::text_rows(&text, usize::from(list.width));
    for (y, words) in (y.saturating_add(1)..list.bottom()).zip(words) {
        pen.put(list, y, list.x, &words, style);
    }
    cursor
}

/// What a field is called, and where there is little room.
const fn label(field: Field) -> (&'static str, &'static str) {
    match field {
        Field::Current => ("Password until now", "now"),
        Field::New => ("New password", "new"),
        Field::Again => ("New password again", "again"),
        Field::Others => ("Other devices", "others"),
    }
}

fn field(pen: &mut Pen<'_>, row: Rect, pane: &PasswordPane, field: Field) -> Option<Position> {
    let is_here = field == pane.at;
    let role = if is_here { Role::Strong } else { Role::Dim };
    let sign = match is_here {
        true => pen.theme.glyph(Role::Notice),
        false => " ",
    };
    let style = pen.theme.style(Role::BorderFocused);
    pen.put(row, row.y, row.x, sign, style);
    let lead = LEAD.min(row.width);
    let labels = LABEL_CELLS.min((row.width - lead) / 2);
    let name = Rect {
        x: row.x + lead,
        width: labels,
        ..row
    };
    let (long, short) = label(field);
    let words = if labels < LABEL_CELLS { short } else { long };
    let bits = [pen.bit(role, words)];
    pen.row(name, row.y, &bits, &[]);
    let space = Rect {
        x: name.right(),
        width: row.right().saturating_sub(name.right()),
        ..row
    };
    let Some(secret) = pane.secret(field) else {
        let words = match pane.form.ends_others {
            true => "are ended, and tokens, too",
            false => "stay logged in",
        };
        let role = match (is_here, pane.form.ends_others) {
            (_, true) => Role::Warning,
            (true, false) => Role::Text,
            (false, false) => Role::Dim,
        };
        let bits = [pen.bit(role, words)];
        pen.row(space, row.y, &bits, &[]);
        return None;
    };
    let dot = match pen.signs() == Glyphs::ASCII {
        true => "*",
        false => "•",
    };
    let count = secret
        .count()
        .min(usize::from(space.width.saturating_sub(1)));
    let style = pen.theme.style(Role::Composer);
    let dots = dot.repeat(count);
    let cells = u16::try_from(width::room(&dots)).unwrap_or(u16::MAX);
    pen.put(space, row.y, space.x, &dots, style);
    let cursor = Position::new(space.x.saturating_add(cells), row.y);
    (is_here && !pane.is_asking && space.contains(cursor)).then_some(cursor)
}

/// What is said below the fields.
fn told(pane: &PasswordPane, signs: Glyphs) -> (Role, String) {
    if pane.is_asking {
        return (Role::Dim, format!("Asking the server{}", signs.ellipsis));
    }
    if let Some(problem) = &pane.problem {
        return (Role::Error, ended(&format!("Not changed: {problem}")));
    }
    let help = match pane.at {
        Field::Current => "That with which you log in now.".to_owned(),
        Field::New => password::rule(),
        Field::Again => "The same once more: nobody sees what you typed.".to_owned(),
        Field::Others => "Your other logins, and the tokens of bots and scripts: y ends them, n leaves them as they are. \
                          Enter changes the password."
            .to_owned(),
    };
    (Role::Dim, help)
}

#[cfg(test)]
#[path = "password_tests.rs"]
mod tests;
