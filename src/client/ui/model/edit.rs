//! The acts of editing that keys can stand for, and how far each reaches: the movements of readline over several lines.
//!
//! Words are letters and digits; `KillToSpace` alone goes by spaces. Changes nothing itself.

use super::buffer::{self, Buffer};
use crate::client::ui::keymap::Action;

/// One act of editing, as a key can stand for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// One grapheme to the left.
    Left,
    /// One grapheme to the right.
    Right,
    /// To the beginning of the word.
    WordLeft,
    /// To the end of the word.
    WordRight,
    /// To the beginning of the line.
    LineStart,
    /// To the end of the line.
    LineEnd,
    /// To the beginning of the text.
    TextStart,
    /// To the end of the text.
    TextEnd,
    /// One line up, in the same column if there is one.
    LineUp,
    /// One line down.
    LineDown,
    /// Begins a new line.
    NewLine,
    /// Deletes the grapheme to the left.
    DeleteLeft,
    /// Deletes the grapheme to the right.
    DeleteRight,
    /// Cuts out back to the beginning of the word.
    KillWordLeft,
    /// Cuts out up to the end of the word.
    KillWordRight,
    /// Cuts out back to the last space.
    KillToSpace,
    /// Cuts out back to the beginning of the line.
    KillToLineStart,
    /// Cuts out the rest of the line, or the line end if there is none.
    KillToLineEnd,
    /// Cuts out the whole text.
    KillAll,
    /// Puts back what was cut out last.
    Yank,
    /// Puts the kill before in the place of what was just yanked.
    YankPop,
    /// Exchanges two graphemes.
    Transpose,
    /// Takes the last step back.
    Undo,
    /// Takes that back.
    Redo,
}

impl Edit {
    /// The act of editing that an action stands for, in any line that is written.
    pub const fn of(action: Action) -> Option<Self> {
        Some(match action {
            Action::Left => Self::Left,
            Action::Right => Self::Right,
            Action::WordLeft => Self::WordLeft,
            Action::WordRight => Self::WordRight,
            Action::LineStart => Self::LineStart,
            Action::LineEnd => Self::LineEnd,
            Action::DeleteLeft => Self::DeleteLeft,
            Action::DeleteRight => Self::DeleteRight,
            Action::DeleteWordLeft => Self::KillToSpace,
            Action::DeleteWordRight => Self::KillWordRight,
            Action::DeleteToStart => Self::KillToLineStart,
            Action::DeleteToEnd => Self::KillToLineEnd,
            Action::Yank => Self::Yank,
            Action::Transpose => Self::Transpose,
            Action::Undo => Self::Undo,
            Action::Newline => Self::NewLine,
            _ => return None,
        })
    }
}

/// What an edit reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// The cursor goes there.
    Move(usize),
    /// What lies between goes away.
    Delete(usize, usize),
    /// The same, and it can be put back.
    Kill(usize, usize),
}

/// Returns what an edit reaches from where the cursor stands.
pub(super) fn reach(it: &Buffer, edit: Edit) -> Reach {
    let at = it.cursor();
    let left = |is_letter| it.word_start(is_letter);
    let right = |is_letter| it.word_end(is_letter);
    match edit {
        Edit::Left => Reach::Move(it.before(at)),
        Edit::Right => Reach::Move(it.after(at)),
        Edit::WordLeft => Reach::Move(left(buffer::is_word)),
        Edit::WordRight => Reach::Move(right(buffer::is_word)),
        Edit::LineStart => Reach::Move(it.line_start(at)),
        Edit::LineEnd => Reach::Move(it.line_end(at)),
        Edit::TextStart => Reach::Move(0),
        Edit::TextEnd => Reach::Move(it.text().len()),
        Edit::DeleteLeft => Reach::Delete(it.before(at), at),
        Edit::DeleteRight => Reach::Delete(at, it.after(at)),
        Edit::KillWordLeft => Reach::Kill(left(buffer::is_word), at),
        Edit::KillWordRight => Reach::Kill(at, right(buffer::is_word)),
        Edit::KillToSpace => Reach::Kill(left(buffer::is_no_space), at),
        Edit::KillToLineStart => Reach::Kill(it.line_start(at), at),
        // At the end of a line the line end itself, so that going on joins the lines.
        Edit::KillToLineEnd => Reach::Kill(at, it.line_end(at).max(it.after(at).min(at + 1))),
        Edit::KillAll => Reach::Kill(0, it.text().len()),
        _ => Reach::Move(at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reached(text: &str, at: usize, edit: Edit) -> Reach {
        let mut buffer = Buffer::new(text);
        buffer.set_cursor(at);
        reach(&buffer, edit)
    }

    #[test]
    fn each_reaches_as_far_as_readline() {
        for (edit, at, expected) in [
            (Edit::WordLeft, 7, Reach::Move(4)),
            (Edit::WordRight, 0, Reach::Move(3)),
            (Edit::LineStart, 10, Reach::Move(8)),
            (Edit::LineEnd, 0, Reach::Move(7)),
            (Edit::KillToLineEnd, 0, Reach::Kill(0, 7)),
            (Edit::KillToLineEnd, 7, Reach::Kill(7, 8)),
            (Edit::KillToLineEnd, 14, Reach::Kill(14, 14)),
            (Edit::KillWordLeft, 14, Reach::Kill(12, 14)),
            (Edit::KillToSpace, 14, Reach::Kill(8, 14)),
            (Edit::DeleteLeft, 0, Reach::Delete(0, 0)),
            (Edit::Yank, 3, Reach::Move(3)),
        ] {
            assert_eq!(
                reached("one two\na/b.cd", at, edit),
                expected,
                "{edit:?} at {at}"
            );
        }
    }
}
