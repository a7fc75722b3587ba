//! What lies over all: pickers, the search, the help, pages of text, questions.

use ratatui::layout::{Position, Rect};

use super::{
    composer::typed,
    password,
    pen::{Bit, Pen},
    search,
};
use crate::client::ui::{
    keymap::Keymap,
    layout::over::{self, HelpRow, Over},
    model::{
        Model,
        composer::Composer,
        overlay::{Openable, Overlay, Picker, PickerKind, Question, TextPage},
    },
    text::{Line, Role as Said, Span, cut_spans, width},
    theme::Role,
};

/// Draws what lies over all; returns where the cursor stands.
pub fn draw(model: &Model, pen: &mut Pen<'_>, keys: &Keymap, frame: Rect) -> Option<Position> {
    let overlay = model.overlay.as_ref()?;
    let over = over::over(overlay, frame);
    let title = title(overlay);
    match over.has_border {
        true => pen.boxed(frame, &title, true),
        false => pen.clear(frame),
    }
    match overlay {
        Overlay::Pick(picker) => pick(pen, &over, picker),
        Overlay::Search(pane) => search::draw(model, pen, &over, pane),
        Overlay::Help { first_row } => {
            help(pen, &over, keys, *first_row);
            None
        }
        Overlay::Text(page) => {
            text(pen, &over, page);
            None
        }
        Overlay::Password(pane) => password::draw(pen, &over, pane),
        Overlay::Ask(question) => {
            ask(pen, &over, question);
            None
        }
    }
}

fn title(overlay: &Overlay) -> String {
    match overlay {
        Overlay::Pick(picker) => match &picker.kind {
            PickerKind::Switcher => "Go to".to_owned(),
            PickerKind::Palette => "Commands".to_owned(),
            PickerKind::Emoji { .. } => "React".to_owned(),
            PickerKind::Links(all) if all.iter().any(|it| matches!(it, Openable::File(..))) => {
                "Open".to_owned()
            }
            PickerKind::Links(_) => "Open a link".to_owned(),
            PickerKind::History => "Sent before".to_owned(),
        },
        Overlay::Search(pane) if pane.mentions.is_some() => "Mentions".to_owned(),
        Overlay::Search(_) => "Search".to_owned(),
        Overlay::Help { .. } => "Keys".to_owned(),
        Overlay::Text(page) => page.title.clone(),
        Overlay::Password(_) => "Another password".to_owned(),
        Overlay::Ask(_) => "Are you sure?".to_owned(),
    }
}

/// Draws the line where letters are typed.
pub fn input(pen: &mut Pen<'_>, over: &Over, composer: &Composer) -> Option<Position> {
    let row = over.input?;
    let sign = format!("{} ", pen.theme.glyph(Role::Notice));
    let style = pen.theme.style(Role::BorderFocused);
    let x = pen.put(row, row.y, row.x, &sign, style);
    let space = Rect {
        x,
        width: row.right().saturating_sub(x),
        ..row
    };
    typed(pen, space, composer, Role::Text)
}

/// Marks the row that is chosen, wholly.
pub fn choose(pen: &mut Pen<'_>, over: &Over, y: u16, height: u16) {
    pen.select(Rect {
        y,
        height: height.min(over.list.bottom().saturating_sub(y)),
        ..over.list
    });
}

fn pick(pen: &mut Pen<'_>, over: &Over, picker: &Picker) -> Option<Position> {
    let cursor = input(pen, over, &picker.input);
    let list = over.list;
    if picker.rows.is_empty() {
        let words = pen.bit(Role::Dim, "Nothing fits that.");
        pen.row(list, list.y, &[words], &[]);
        return cursor;
    }
    let first = over::first_item(picker.chosen, picker.rows.len(), over.items());
    let seen = picker
        .rows
        .iter()
        .enumerate()
        .skip(first)
        .take(over.items());
    let most = usize::from(list.width / 2);
    let labels = seen.clone().map(|(_, row)| width::room(&row.label));
    let column = labels
        .max()
        .unwrap_or(0)
        .min(most)
        .max(usize::from(list.width / 4))
        + 3;
    for (y, (place, row)) in (list.top()..list.bottom()).zip(seen) {
        let is_chosen = place == picker.chosen;
        let mut left = vec![pen.bit(Role::Text, " ")];
        left.extend(marked(pen, &row.label, &row.marks, most));
        let used: usize = left.iter().map(|bit| width::room(&bit.text)).sum();
        left.push(pen.bit(Role::Text, " ".repeat(column.saturating_sub(used))));
        left.push(pen.bit(Role::Dim, row.help.as_str()));
        pen.row(list, y, &left, &[]);
        if is_chosen {
            choose(pen, over, y, 1);
        }
    }
    cursor
}

/// A label with the letters that fit.
fn marked<'t>(pen: &Pen<'_>, label: &str, marks: &[u32], cells: usize) -> Vec<Bit<'t>> {
    let mut line = Line::new(vec![Span::plain(label)]);
    for (number, (at, c)) in label.char_indices().enumerate() {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        if marks.binary_search(&number).is_ok() {
            line.mark(at..at + c.len_utf8(), Said::BOLD);
        }
    }
    let row = cut_spans(&line.spans, cells, &pen.signs());
    let bit = |span: Span| {
        let role = match span.role.has(Said::BOLD) {
            true => Role::Unread,
            false => Role::Text,
        };
        pen.bit(role, span.text)
    };
    row.spans.into_iter().map(bit).collect()
}

fn help(pen: &mut Pen<'_>, over: &Over, keys: &Keymap, first_row: usize) {
    let list = over.list;
    let cells = usize::from(list.width);
    let rows = over::help_rows(keys, cells);
    let first = first_row.min(rows.len().saturating_sub(over.items()));
    let column = over::help_column(cells);
    let seen = rows.iter().skip(first);
    for (y, row) in (list.top()..list.bottom()).zip(seen) {
        let bits = match row {
            HelpRow::Blank => continue,
            HelpRow::Head(head) => vec![pen.bit(Role::Title, *head)],
            HelpRow::Keys(names, doc) => {
                let names = super::padded(names, column, &pen.signs());
                vec![pen.bit(Role::Key, names), pen.bit(Role::Text, doc.as_str())]
            }
        };
        pen.row(list, y, &bits, &[]);
    }
    position(pen, over, first, rows.len());
}

fn text(pen: &mut Pen<'_>, over: &Over, page: &TextPage) {
    let list = over.list;
    let rows = over::page_rows(page, usize::from(list.width));
    let first = page.first_row.min(rows.len().saturating_sub(over.items()));
    let style = pen.theme.style(Role::Text);
    for (y, row) in (list.top()..list.bottom()).zip(rows.iter().skip(first)) {
        pen.put(list, y, list.x, row, style);
    }
    position(pen, over, first, rows.len());
}

/// Says in the lower edge which part of a longer text is seen.
fn position(pen: &mut Pen<'_>, over: &Over, first: usize, count: usize) {
    let last = first.saturating_add(over.items()).min(count);
    if !over.has_border || count <= over.items() {
        return;
    }
    let words = format!(" {}-{last} of {count} ", first + 1);
    let cells = u16::try_from(words.len()).unwrap_or(u16::MAX);
    let frame = over.frame;
    let x = frame.right().saturating_sub(cells.saturating_add(2));
    if x > frame.x + 1 {
        let style = pen.theme.style(Role::Dim);
        pen.put(frame, frame.bottom() - 1, x, &words, style);
    }
}

fn ask(pen: &mut Pen<'_>, over: &Over, question: &Question) {
    let list = over.list;
    let rows = over::text_rows(&question.text, usize::from(list.width));
    let style = pen.theme.style(Role::Text);
    // The answers are seen, however long the question is.
    let space = usize::from(list.height).saturating_sub(1);
    let mut y = list.y;
    for row in rows.iter().take(space) {
        pen.put(list, y, list.x, row, style);
        y += 1;
    }
    let y = y.saturating_add(1).min(list.bottom().saturating_sub(1));
    let bits = [
        pen.bit(Role::Key, "y"),
        pen.bit(Role::Text, " yes"),
        pen.bit(Role::Text, "    "),
        pen.bit(Role::Key, "any other key"),
        pen.bit(Role::Text, " no"),
    ];
    pen.row(list, y, &bits, &[]);
}
