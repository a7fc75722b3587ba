//! Files on their way as a block of rows: what they are, and below a bar how far they are.
//!
//! Promises the same height whatever they come to. Knows nothing of the bytes.

use super::{Before, FILE_GAP, Piece, Row, Sheet, is_grouped, sign};
use crate::client::{
    app::transfers::Sending,
    ui::{
        model::markers::Delivery,
        text::{cut, width},
        theme::{Glyphs, Role},
    },
};

impl Sheet<'_> {
    /// The block of files on their way: what they are, and below a bar how far they are.
    pub fn sending(&self, it: &Sending, before: Before<'_>) -> Vec<Row> {
        let now = self.model.now;
        let mut rows = self.lead(now, None, before);
        if !rows.is_empty() || !is_grouped(&self.me, now, before) {
            rows.push(self.head(&self.me, now));
        }
        let from = rows.len();
        let mark = format!("{} ", sign(Role::File, self.glyphs));
        let mark_cells = width::room(&mark).min(self.space);
        let space = self.space.saturating_sub(mark_cells);
        let mark = Piece::of(Role::File, cut(&mark, mark_cells, &self.signs));
        let number = it.number;
        let stop = if it.is_paused { "resume" } else { "pause" };
        let hint = format!("/{stop} {number}, /cancel {number}");
        let has_hint = width::room(&it.label) + FILE_GAP + width::room(&hint) <= space;
        let mut first = vec![
            mark,
            Piece::of(Role::Text, cut(&it.label, space, &self.signs)),
        ];
        if has_hint {
            first.extend([Piece::blank(FILE_GAP), Piece::of(Role::Dim, hint)]);
        }
        rows.push(self.indented(first));
        let mut second = vec![Piece::blank(mark_cells)];
        let mut left = space;
        if let Some(cells) = bar_cells(space) {
            let (full, rest) = bar(it.percent, cells, self.glyphs);
            second.extend([Piece::of(Role::File, full), Piece::of(Role::Dim, rest)]);
            second.push(Piece::blank(FILE_GAP));
            left = left.saturating_sub(cells + FILE_GAP);
        }
        second.push(Piece::of(Role::Dim, cut(&it.words, left, &self.signs)));
        rows.push(self.indented(second));
        self.sign(&mut rows, from, Delivery::Pending);
        rows
    }
}

/// Cells of the bar that shows how far something is; `None`: the words need all of the room.
const fn bar_cells(space: usize) -> Option<usize> {
    match space {
        60.. => Some(24),
        36.. => Some(12),
        _ => None,
    }
}

/// The full and the empty part of a bar.
fn bar(percent: u64, cells: usize, glyphs: Glyphs) -> (String, String) {
    let (full, empty) = match glyphs {
        Glyphs::Unicode => ("━", "─"),
        Glyphs::Ascii => ("#", "-"),
    };
    let percent = usize::try_from(percent).unwrap_or(100).min(100);
    let count = cells * percent / 100;
    (full.repeat(count), empty.repeat(cells - count))
}
