//! Lines become rows of so many cells.
//!
//! Promises for any text and any width: no row takes more cells than there are, on the worst of terminals; signs are
//! never split, and wide ones never stand over the edge; words stay whole where they fit, long ones are cut between
//! signs; what leads somewhere leads there from each of its rows. Text from right to left stays in the order in which
//! it was written, and a mark at the end of its row keeps a terminal that turns it from turning what stands beside it.
//! Knows no colours.

use std::{borrow::Cow, sync::Arc};

use super::{
    Glyphs, Line, Role, Row, Span,
    width::{self, Cell, LEFT_TO_RIGHT, is_simple},
};

/// What stands for a wide sign where only one cell is left for it.
const TOO_WIDE: &str = "?";
/// The last row of a text of which not all is shown, behind an ellipsis.
const MORE: &str = " more";

/// Returns the rows of these lines: at most `rows_max`, of which the last says so if there are more.
pub fn wrap(lines: &[Line], cells: usize, rows_max: usize, glyphs: &Glyphs) -> Vec<Row> {
    let mut rows = Vec::new();
    if cells == 0 || rows_max == 0 {
        return rows;
    }
    for line in lines {
        // One row more than is shown says that there is more.
        wrap_line(line, cells, rows_max.saturating_add(1), &mut rows);
        if rows.len() > rows_max {
            rows.truncate(rows_max - 1);
            let more = Span::new(format!("{}{MORE}", glyphs.ellipsis), Role::DIM);
            rows.push(super::cut_spans(&[more], cells, glyphs));
            break;
        }
    }
    rows
}

fn wrap_line(line: &Line, cells: usize, rows_max: usize, rows: &mut Vec<Row>) {
    let flat = flatten(&line.spans);
    let first = Lead::new(&line.first, cells);
    let further = Lead::new(&line.further, cells);
    // The leads are meant to be of one width; where they are not, the wider one counts.
    let space = cells - first.room.max(further.room);
    if flat.text.len() <= space && is_simple(&flat.text) {
        let room = flat.text.len();
        let spans = line.spans.iter().filter(|span| !span.text.is_empty());
        let spans = spans.cloned().collect();
        rows.push(first.before(Row { spans, room }));
        return;
    }
    let mut shelf = Shelf::new(&flat);
    let mut is_first = true;
    let mut is_skipping = false;
    let mut finish = |row: Row, rows: &mut Vec<Row>| {
        let lead = if is_first { &first } else { &further };
        rows.push(lead.before(row));
        is_first = false;
    };
    for sign in width::signs(&flat.text) {
        if is_skipping && sign.is_blank() {
            continue;
        }
        is_skipping = false;
        let sign = fit(sign, space);
        if shelf.room + sign.room > space && sign.is_blank() {
            // Blanks at the end of a row hang over the edge, where nobody sees them.
            let rest = shelf.signs.len();
            finish(shelf.row_up_to(rest), rows);
            is_skipping = true;
        }
        if is_skipping {
            continue;
        }
        shelf.note_border(&sign);
        while shelf.room + sign.room > space {
            let border = shelf.border().unwrap_or(shelf.signs.len());
            finish(shelf.row_up_to(border), rows);
            if rows.len() >= rows_max {
                return;
            }
        }
        shelf.put(sign);
    }
    if !is_skipping {
        finish(shelf.row(), rows);
    }
}

/// Puts another sign in the place of one that would not fit into an empty row.
fn fit(sign: Cell<'_>, space: usize) -> Cell<'_> {
    if sign.room <= space {
        return sign;
    }
    let at = sign.at;
    let begin: Option<String> = sign.text.chars().next().map(String::from);
    if let Some(begin) = begin {
        let room = width::room(&begin);
        if (1..=space).contains(&room) {
            let text = Cow::Owned(begin);
            return Cell { text, at, room };
        }
    }
    let text = Cow::Borrowed(TOO_WIDE);
    Cell { text, at, room: 1 }
}

/// What stands before a row.
struct Lead {
    span: Option<Span>,
    room: usize,
}

impl Lead {
    /// Nothing, where it would take more than half of the row.
    fn new(text: &str, cells: usize) -> Self {
        let signs = width::signs(text);
        let (mut safe, mut room) = (String::new(), 0);
        for sign in signs {
            safe += &sign.text;
            room += sign.room;
        }
        if room == 0 || room * 2 > cells {
            let span = None;
            return Self { span, room: 0 };
        }
        let span = Some(Span::new(safe, Role::DIM));
        Self { span, room }
    }

    fn before(&self, mut row: Row) -> Row {
        if let Some(span) = &self.span {
            row.spans.insert(0, span.clone());
            row.room += self.room;
        }
        row
    }
}

/// Pieces as one text, so that a sign that spans two of them is one.
pub(super) struct Flat {
    /// The text of all.
    pub(super) text: String,
    runs: Vec<Run>,
}

struct Run {
    end: usize,
    role: Role,
    link: Option<Arc<str>>,
}

/// Joins pieces.
pub(super) fn flatten(spans: &[Span]) -> Flat {
    let mut text = String::with_capacity(spans.iter().map(|span| span.text.len()).sum());
    let mut runs = Vec::with_capacity(spans.len());
    for span in spans {
        text += &span.text;
        let (end, role, link) = (text.len(), span.role, span.link.clone());
        runs.push(Run { end, role, link });
    }
    Flat { text, runs }
}

/// The signs of the row that is being filled.
pub(super) struct Shelf<'a> {
    flat: &'a Flat,
    signs: Vec<Cell<'a>>,
    room: usize,
    /// Where the row may end: before the sign of this number.
    border: usize,
}

impl<'a> Shelf<'a> {
    /// An empty row of this text.
    pub(super) const fn new(flat: &'a Flat) -> Self {
        let signs = Vec::new();
        let (room, border) = (0, 0);
        Self {
            flat,
            signs,
            room,
            border,
        }
    }

    /// The cells that are taken.
    pub(super) const fn room(&self) -> usize {
        self.room
    }

    /// Puts a sign at the end.
    pub(super) fn put(&mut self, sign: Cell<'a>) {
        self.room += sign.room;
        self.signs.push(sign);
    }

    /// Takes the last sign away.
    pub(super) fn take(&mut self) {
        if let Some(sign) = self.signs.pop() {
            self.room -= sign.room;
        }
    }

    /// Notes whether a row may end before this sign: behind blanks, and beside signs of scripts without blanks.
    fn note_border(&mut self, next: &Cell<'_>) {
        let Some(last) = self.signs.last() else {
            return;
        };
        let is_wide = last.room > 1 || next.room > 1;
        let is_bound = is_one_of(next, CLOSING) || is_one_of(last, OPENING);
        if (last.is_blank() && !next.is_blank()) || (is_wide && !is_bound && !next.is_blank()) {
            self.border = self.signs.len();
        }
    }

    /// Where the row can end without cutting a word: not if it would be left without anything that is seen.
    fn border(&self) -> Option<usize> {
        let before = self.signs.get(..self.border)?;
        let is_seen = before.iter().any(|sign| !sign.is_blank());
        is_seen.then_some(self.border)
    }

    /// Ends the row before the sign of this number; the rest begins the next.
    fn row_up_to(&mut self, border: usize) -> Row {
        let rest = self.signs.split_off(border.min(self.signs.len()));
        while self.signs.last().is_some_and(Cell::is_blank) {
            self.signs.pop();
        }
        let row = self.row();
        self.room = rest.iter().map(|sign| sign.room).sum();
        self.signs = rest;
        self.border = 0;
        row
    }

    /// The row as it is.
    pub(super) fn row(&self) -> Row {
        let mark_at = self.mark_at();
        let mut spans: Vec<Span> = Vec::new();
        let mut run = 0;
        for (number, sign) in self.signs.iter().enumerate() {
            let runs = &self.flat.runs;
            while runs
                .get(run)
                .is_some_and(|it| it.end <= sign.at && run + 1 < runs.len())
            {
                run += 1;
            }
            let (role, link) = match runs.get(run) {
                Some(run) => (run.role, run.link.as_ref()),
                None => (Role::PLAIN, None),
            };
            match spans.last_mut() {
                Some(span) if span.role == role && span.link.as_ref() == link => {
                    span.text += &sign.text;
                }
                _ => spans.push(Span {
                    text: sign.text.to_string(),
                    role,
                    link: link.cloned(),
                }),
            }
            if mark_at == Some(number)
                && let Some(span) = spans.last_mut()
            {
                span.text.push(LEFT_TO_RIGHT);
            }
        }
        let room = self.signs.iter().map(|sign| sign.room).sum();
        Row { spans, room }
    }

    /// The sign behind which the mark of direction belongs: the last one, or the last narrow one, as ratatui does not
    /// draw what has no width behind a wide one.
    fn mark_at(&self) -> Option<usize> {
        let turned = self.signs.iter().rposition(Cell::is_right_to_left)?;
        let narrow = self.signs.iter().rposition(|sign| sign.room == 1)?;
        Some(narrow.max(turned))
    }
}

/// Signs before which no row ends, beside wide ones.
const CLOSING: &str = "、。，．！？：；）」』】》〉”’…!?.,:;)]}";
/// Signs behind which no row ends, beside wide ones.
const OPENING: &str = "（「『【《〈“‘([{";

fn is_one_of(sign: &Cell<'_>, signs: &str) -> bool {
    let mut chars = sign.text.chars();
    let only = chars.next().filter(|_| chars.next().is_none());
    only.is_some_and(|c| signs.contains(c))
}

#[cfg(test)]
#[path = "wrap_tests.rs"]
pub(in super::super) mod tests;
