//! What is being written, as rows with the place of the cursor.
//!
//! Promises that no row takes more cells than there are, that each byte of the text stands in one row, and that the
//! cursor has a cell of its own within the width. Knows nothing of messages.

use crate::client::ui::{model::buffer::Buffer, text::width};

/// A text as rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Its rows: at least one.
    pub rows: Vec<String>,
    /// The row of the cursor.
    pub cursor_row: usize,
    /// The cells before it there.
    pub cursor_cell: usize,
}

impl Written {
    /// The row that stands first where only so many are seen, so that the cursor is.
    pub fn first_row(&self, rows: usize) -> usize {
        let last = self.rows.len().saturating_sub(rows);
        let above = self.cursor_row.saturating_add(1).saturating_sub(rows);
        above.min(last)
    }
}

/// Returns a text as rows of so many cells.
pub fn written(buffer: &Buffer, cells: usize) -> Written {
    // The cursor stands behind the last sign of a row, too.
    let space = cells.saturating_sub(1).max(1);
    let mut written = Written::default();
    let mut begin = 0;
    for line in buffer.text().split('\n') {
        let end = begin + line.len();
        let cursor = buffer.cursor().checked_sub(begin);
        let cursor = cursor.filter(|_| buffer.cursor() <= end);
        put_line(&mut written, line, cursor, space);
        begin = end + 1;
    }
    written
}

/// A row that is being filled.
#[derive(Default)]
struct Shelf {
    text: String,
    room: usize,
    /// The bytes of the text up to where the row may end, and the room up to there.
    border: Option<(usize, usize)>,
    /// The bytes of the text before the cursor, if it stands here.
    cursor: Option<usize>,
}

impl Shelf {
    fn finish(self, written: &mut Written) {
        if let Some(cursor) = self.cursor {
            written.cursor_row = written.rows.len();
            let before = self.text.get(..cursor).unwrap_or_default();
            written.cursor_cell = width::cells(before);
        }
        written.rows.push(self.text);
    }

    /// Ends the row where it may end, and begins the next with the rest.
    fn turn(&mut self, written: &mut Written) {
        let whole = (self.text.len(), self.room);
        let (bytes, room) = self.border.take().unwrap_or(whole);
        let rest = self.text.split_off(bytes.min(self.text.len()));
        let next = Self {
            room: self.room - room,
            cursor: self.cursor.and_then(|at| at.checked_sub(bytes)),
            text: rest,
            border: None,
        };
        let mut full = std::mem::replace(self, next);
        if self.cursor.is_some() {
            full.cursor = None;
        }
        full.finish(written);
    }
}

fn put_line(written: &mut Written, line: &str, cursor: Option<usize>, space: usize) {
    let mut shelf = Shelf::default();
    let mut is_placed = false;
    for sign in width::signs(line) {
        let is_blank = sign.is_blank();
        // A sign that is wider than the row has one that stands for it.
        let (text, room) = match sign.room > space {
            true => ("?", 1),
            false => (&*sign.text, sign.room),
        };
        while shelf.room + room > space && !shelf.text.is_empty() {
            if is_blank {
                shelf.border = None;
            }
            shelf.turn(written);
        }
        if !is_placed && cursor.is_some_and(|cursor| sign.at >= cursor) {
            shelf.cursor = Some(shelf.text.len());
            is_placed = true;
        }
        shelf.text += text;
        shelf.room += room;
        if is_blank {
            shelf.border = Some((shelf.text.len(), shelf.room));
        }
    }
    if !is_placed && cursor.is_some() {
        shelf.cursor = Some(shelf.text.len());
    }
    shelf.finish(written);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::client::ui::text::wrap::tests::hard_text;

    fn at(text: &str, cursor: usize, cells: usize) -> (Vec<String>, (usize, usize)) {
        let mut buffer = Buffer::new(text);
        buffer.set_cursor(cursor);
        let written = written(&buffer, cells);
        (written.rows, (written.cursor_row, written.cursor_cell))
    }

    #[test]
    fn words_stay_whole_and_the_cursor_stands_where_it_types() {
        let rows = |text: &[&str]| text.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        assert_eq!(at("", 0, 9), (rows(&[""]), (0, 0)));
        assert_eq!(at("one two", 7, 6), (rows(&["one ", "two"]), (1, 3)));
        assert_eq!(at("one two", 4, 6), (rows(&["one ", "two"]), (1, 0)));
        assert_eq!(at("one two", 3, 6), (rows(&["one ", "two"]), (0, 3)));
        assert_eq!(at("abcdefgh", 8, 5), (rows(&["abcd", "efgh"]), (1, 4)));
        assert_eq!(at("a\n\nb", 2, 5), (rows(&["a", "", "b"]), (1, 0)));
        assert_eq!(at("a\n", 2, 5), (rows(&["a", ""]), (1, 0)));
        assert_eq!(at("漢字漢", 6, 5), (rows(&["漢字", "漢"]), (1, 0)));
        assert_eq!(at("漢", 3, 1), (rows(&["?"]), (0, 1)));
    }

    #[test]
    fn of_a_long_text_the_part_around_the_cursor_is_seen() {
        let mut buffer = Buffer::new("a\nb\nc\nd\ne");
        let first = |buffer: &Buffer| written(buffer, 9).first_row(3);
        assert_eq!(first(&buffer), 2);
        buffer.set_cursor(0);
        assert_eq!(first(&buffer), 0);
        buffer.set_cursor(6);
        assert_eq!(first(&buffer), 1);
    }

    proptest! {
        #[test]
        fn rows_fit_and_the_cursor_is_within(
            text in prop_oneof![
                "(\\PC|[a \\n\\t漢]|👩\u{200d}👧|e\u{301}){0,60}",
                hard_text(),
            ],
            cursor in 0_usize..200,
            cells in 0_usize..30,
        ) {
            let mut buffer = Buffer::new(&text);
            buffer.set_cursor(cursor);
            let written = written(&buffer, cells);
            prop_assert!(written.rows.len() >= buffer.lines_count());
            for row in &written.rows {
                let space = cells.saturating_sub(1).max(1);
                prop_assert!(width::room(row) <= space && width::cells(row) <= space, "{:?}", row);
            }
            let row = written.rows.get(written.cursor_row);
            prop_assert!(row.is_some_and(|row| written.cursor_cell <= width::cells(row)));
        }
    }
}
