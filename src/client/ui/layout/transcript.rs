//! What is seen of the conversation in front, and where it is looked at after a move.
//!
//! The place that is looked at is a message and rows of it, so that it stays while messages come; those on their way
//! have no number, and are counted from the end: the number behind the newest stands for all of them. Promises that
//! only what is seen is laid out, that a screen is filled as far as there are rows, and that a move and its opposite
//! come back to the same place unless an end was met. Knows no panes.

use super::{
    bubble::{BLOCK_ROWS_MAX, Sheet},
    row::{Owner, Row},
    tape::{Key, Tape, signed},
};
use crate::client::ui::{
    model::{
        Model,
        chat::{Chat, Scroll},
    },
    theme::Glyphs,
};

/// How many screens around what is seen are near.
const NEAR: usize = 2;

/// The room that there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Cells of a row.
    pub cells: usize,
    /// Rows.
    pub rows: usize,
}

/// The conversation in front and where it is looked at.
struct Look<'m> {
    model: &'m Model,
    chat: &'m Chat,
    space: Space,
    glyphs: Glyphs,
    tape: Tape<'m>,
    /// The lower edge of what is seen.
    edge: isize,
}

impl<'m> Look<'m> {
    fn new(model: &'m Model, space: Space, glyphs: Glyphs) -> Option<Self> {
        let chat = model.chats.front()?;
        if space.cells == 0 || space.rows == 0 {
            return None;
        }
        let tape = |from| Tape::new(Sheet::new(model, chat, space.cells, glyphs), from);
        let (mut tape, edge) = match chat.scroll() {
            Scroll::AtEnd => (tape(None), 0),
            Scroll::At { seq, hidden_rows } => {
                let found = chat.window.upwards(seq).next().map(|message| message.seq);
                match found {
                    Some(found) if found == seq => {
                        let tape = tape(Some(Key::Message(seq)));
                        // One row of it is seen at the least.
                        let edge = (tape.top() + 1).max(-signed(hidden_rows));
                        (tape, edge)
                    }
                    _ => {
                        let mut end = tape(None);
                        if seq > end.end_seq() {
                            let rows = end.outgoing_rows(hidden_rows);
                            (end, -signed(rows))
                        } else {
                            (tape(Some(found.map_or(Key::Missing, Key::Message))), 0)
                        }
                    }
                }
            }
        };
        let edge = tape.settle(edge, space.rows);
        Some(Self {
            model,
            chat,
            space,
            glyphs,
            tape,
            edge,
        })
    }

    /// Looks at an edge of another tape.
    fn turn(&mut self, from: Key) {
        let sheet = Sheet::new(self.model, self.chat, self.space.cells, self.glyphs);
        self.tape = Tape::new(sheet, Some(from));
    }

    /// The place of an edge.
    fn scroll(&mut self, edge: isize) -> Option<Scroll> {
        let (key, hidden_rows) = self.tape.at(edge)?;
        let is_last = self.tape.is_last_message(key);
        match key {
            Key::Message(seq) if hidden_rows > 0 || !is_last => {
                Some(Scroll::At { seq, hidden_rows })
            }
            Key::Missing => None,
            // Nothing but those on their way is below.
            _ => match (self.tape.make_end(), key) {
                (Some(end), _) if edge >= end => Some(Scroll::AtEnd),
                (Some(end), _) => Some(Scroll::At {
                    seq: self.tape.end_seq().saturating_add(1),
                    hidden_rows: (end - edge).unsigned_abs(),
                }),
                (None, Key::Message(seq)) => Some(Scroll::At { seq, hidden_rows }),
                (None, _) => None,
            },
        }
    }

    /// The highest edge if a move reaches it for sure, so that not all between must be laid out.
    fn jump_up(&mut self, rows: usize) -> Option<isize> {
        let Some(Key::Message(first)) = self.tape.first() else {
            return None;
        };
        let above = || self.chat.window.upwards(first);
        // To count is cheap, but not for each small step.
        if rows < BLOCK_ROWS_MAX || rows / BLOCK_ROWS_MAX <= above().count() {
            return None;
        }
        self.turn(Key::Message(above().last()?.seq));
        let edge = self.tape.top();
        Some(self.tape.settle(edge, self.space.rows))
    }

    /// The same for the lowest edge.
    fn jump_down(&mut self, rows: usize) -> Option<isize> {
        let (Key::Message(seq), _) = self.tape.at(self.edge)? else {
            return None;
        };
        let below = || self.chat.window.downwards(seq);
        if rows < BLOCK_ROWS_MAX || rows / BLOCK_ROWS_MAX <= below().count() {
            return None;
        }
        self.turn(Key::Message(below().last()?.seq));
        let end = self.tape.make_end().unwrap_or(0);
        Some(self.tape.settle(end, self.space.rows))
    }
}

/// Returns the rows that are seen, from top to bottom: fewer than there is room for if there are no more.
pub fn rows(model: &Model, space: Space, glyphs: Glyphs) -> Vec<Row> {
    #[cfg(test)]
    layouts::count();
    let Some(look) = Look::new(model, space, glyphs) else {
        return Vec::new();
    };
    let from = look.edge.saturating_sub(signed(space.rows));
    look.tape.between(from, look.edge)
}

/// Returns the rows that are seen, and those within a screen above and below.
pub fn seen_and_around(model: &Model, space: Space) -> (Vec<Row>, Vec<Row>) {
    let has_files = model
        .chats
        .front()
        .is_some_and(|chat| chat.window.all().any(|message| !message.files.is_empty()));
    let look = has_files.then(|| Look::new(model, space, Glyphs::Unicode));
    let Some(mut look) = look.flatten() else {
        return (Vec::new(), Vec::new());
    };
    let height = signed(space.rows);
    let from = look.edge.saturating_sub(height.saturating_mul(2));
    let to = look.edge.saturating_add(height);
    look.tape.widen(from, to);
    let from = from.max(look.tape.top());
    let seen_from = look.edge.saturating_sub(height).max(from);
    let above = seen_from.saturating_sub(from).unsigned_abs();
    let count = look.edge.saturating_sub(seen_from).max(0).unsigned_abs();
    let mut rows = look.tape.between(from, to);
    let mut seen = rows.split_off(above.min(rows.len()));
    let below = seen.split_off(count.min(seen.len()));
    rows.extend(below);
    (seen, rows)
}

/// Whether nothing more is below what is seen.
pub fn is_at_end(model: &Model, space: Space) -> bool {
    Look::new(model, space, Glyphs::Unicode).is_some_and(|mut look| {
        let edge = look.edge;
        look.scroll(edge) == Some(Scroll::AtEnd)
    })
}

/// Returns where it is looked at after moving by so many rows; `None`: nothing moves.
pub fn scrolled(model: &Model, space: Space, rows: isize) -> Option<Scroll> {
    let mut look = Look::new(model, space, Glyphs::Unicode)?;
    let old = look.edge;
    let far = match rows {
        ..0 => look.jump_up(rows.unsigned_abs()),
        0 => return None,
        _ => look.jump_down(rows.unsigned_abs()),
    };
    let edge = match far {
        Some(edge) => edge,
        None => {
            let edge = look.tape.settle(old.saturating_add(rows), space.rows);
            // A place that is shown as the end, since nothing more is below it, becomes the end by going down.
            let mut is_end = || rows > 0 && look.scroll(edge) == Some(Scroll::AtEnd);
            if edge == old && !is_end() {
                return None;
            }
            edge
        }
    };
    let scroll = look.scroll(edge)?;
    (scroll != look.chat.scroll()).then_some(scroll)
}

/// Returns where it is looked at so that a message is seen; `None`: it is, or it is not in memory.
pub fn showing(model: &Model, space: Space, seq: u64) -> Option<Scroll> {
    let mut look = Look::new(model, space, Glyphs::Unicode)?;
    look.chat.window.get(seq)?;
    let height = signed(space.rows);
    let near = signed(space.rows.saturating_mul(NEAR));
    let (from, to) = (
        look.edge.saturating_sub(near + height),
        look.edge.saturating_add(near),
    );
    look.tape.widen(from, to);
    let edge = match look.tape.edges(seq, space.rows) {
        Some((top, bottom)) => {
            let first = look.edge - height;
            let edge = match bottom - top >= height || top < first {
                true => top + height,
                false => look.edge.max(bottom),
            };
            if edge == look.edge {
                return None;
            }
            edge
        }
        None => {
            look.turn(Key::Message(seq));
            let (top, bottom) = look.tape.edges(seq, space.rows)?;
            match bottom - top >= height {
                true => top + height,
                false => bottom + (height - (bottom - top)) / 2,
            }
        }
    };
    let edge = look.tape.settle(edge, space.rows);
    let scroll = look.scroll(edge)?;
    (scroll != look.chat.scroll()).then_some(scroll)
}

/// Returns the first and the last message of which any row is seen.
pub fn seen(model: &Model, space: Space) -> Option<(u64, u64)> {
    let rows = rows(model, space, Glyphs::Unicode);
    let mut seqs = rows.iter().filter_map(|row| match row.owner {
        Owner::Message(seq) => Some(seq),
        Owner::Nobody | Owner::Outgoing(_) => None,
    });
    let first = seqs.next()?;
    Some((first, seqs.next_back().unwrap_or(first)))
}

/// How often the rows of a screen were made.
#[cfg(test)]
pub mod layouts {
    use std::cell::Cell;

    thread_local! {
        static COUNT: Cell<usize> = const { Cell::new(0) };
    }

    /// They are made once more.
    pub fn count() {
        COUNT.set(COUNT.get() + 1);
    }

    /// Takes how often since the last time, by this thread.
    pub fn take() -> usize {
        COUNT.take()
    }
}
