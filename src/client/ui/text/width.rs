//! How many cells a text takes, and the last gate before the screen.
//!
//! Two measures. `cells` is what ratatui counts and draws. `room` is what the worst terminal takes: one that draws each
//! part of a joined emoji beside the other. Rows are filled by `room`, so that no terminal breaks them; places in a row
//! are counted in `cells`. `room` is never less than `cells`. Each `Cell` is safe to draw, whatever was given.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::client::app::untrusted::is_drawn;

/// Cells between the stops of a tab.
pub const TAB: usize = 4;
/// Signs without a width in a row that are kept: `Untrusted` lets as many marks through, but where signs between them
/// are taken away, as markup is, towers would grow again.
const MARKS_IN_A_ROW_MAX: usize = 4;
/// Asks for a sign as text where terminals draw it as a picture of two cells: they do not agree whether that makes it narrower.
const AS_TEXT: char = '\u{fe0e}';
/// What stands for a control character that came this far.
const REPLACEMENT: char = '\u{fffd}';
/// What keeps a word of the other direction from taking its surroundings along.
pub(super) const LEFT_TO_RIGHT: char = '\u{200e}';

/// What a reader takes for one sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell<'a> {
    /// Its characters.
    pub text: Cow<'a, str>,
    /// Where it begins, in bytes of the text.
    pub at: usize,
    /// The cells that it takes on the worst terminal.
    pub room: usize,
}

impl Cell<'_> {
    /// Whether it is a blank at which a row may end.
    pub fn is_blank(&self) -> bool {
        self.text == " "
    }

    /// Whether it is written from right to left.
    pub fn is_right_to_left(&self) -> bool {
        self.text.chars().any(is_right_to_left)
    }
}

/// Returns the signs of a text that is one line. Tabs become spaces, line ends and other control characters a sign for
/// what cannot be drawn; what is not drawn at all is left out.
pub fn signs(text: &str) -> impl Iterator<Item = Cell<'_>> {
    let mut column = 0;
    text.grapheme_indices(true).flat_map(move |(at, sign)| {
        let (cell, times) = if sign == "\t" {
            let text = Cow::Borrowed(" ");
            (Cell { text, at, room: 1 }, TAB - column % TAB)
        } else {
            let text = gate(sign);
            let room = room_of(&text);
            // What has no room of its own was written over something that is not there.
            let is_seen = room > 0;
            (Cell { text, at, room }, usize::from(is_seen))
        };
        column += cell.room * times;
        std::iter::repeat_n(cell, times)
    })
}

/// Returns the cells that ratatui gives to a text without control characters.
pub fn cells(text: &str) -> usize {
    if is_simple(text) {
        return text.len();
    }
    text.graphemes(true).map(UnicodeWidthStr::width).sum()
}

/// Returns the cells that a text takes on the worst terminal.
pub fn room(text: &str) -> usize {
    if is_simple(text) {
        return text.len();
    }
    signs(text).map(|sign| sign.room).sum()
}

/// Whether each byte is one sign of one cell.
pub(super) fn is_simple(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

fn room_of(sign: &str) -> usize {
    let apart = sign.chars().filter_map(UnicodeWidthChar::width).sum();
    sign.width().max(apart)
}

fn gate(sign: &str) -> Cow<'_, str> {
    if is_simple(sign) {
        return Cow::Borrowed(sign);
    }
    let mut in_a_row = 0;
    let mut is_begun = false;
    let mut safe = String::with_capacity(sign.len());
    for c in sign.chars() {
        let c = if c.is_control() { REPLACEMENT } else { c };
        // Without one of its own before it, it would be drawn over what stands there: a border, or the text of another.
        is_begun |= c.width() != Some(0);
        if !is_begun || c == AS_TEXT {
            continue;
        }
        match c.width() {
            // Joiners neither stack nor begin a new place to stack on.
            Some(0) if matches!(c, '\u{200c}' | '\u{200d}') => {}
            Some(0) => in_a_row += 1,
            _ => in_a_row = 0,
        }
        if is_drawn(c) && in_a_row <= MARKS_IN_A_ROW_MAX {
            safe.push(c);
        }
    }
    if safe == sign {
        Cow::Borrowed(sign)
    } else {
        Cow::Owned(safe)
    }
}

/// Returns whether a character is of a script that is written from right to left: Hebrew, Arabic, Syriac, Thaana,
/// N'Ko and their neighbours, their presentation forms, and the old scripts of the second plane.
const fn is_right_to_left(c: char) -> bool {
    matches!(c,
        '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}'
        | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::client::app::emoji;

    fn shown(text: &str) -> String {
        signs(text).map(|sign| sign.text.into_owned()).collect()
    }

    #[test]
    fn widths_of_what_people_write() {
        for (text, drawn, worst) in [
            ("hello", 5, 5),
            ("漢字", 4, 4),
            ("e\u{301}", 1, 1),
            ("👩\u{200d}👩\u{200d}👧", 2, 6),
            ("❤\u{fe0f}", 2, 2),
            ("👍🏽", 2, 4),
            ("🇨🇭", 2, 2),
            ("שלום", 4, 4),
        ] {
            assert_eq!((cells(text), room(text)), (drawn, worst), "{text}");
        }
    }

    #[test]
    fn every_emoji_that_has_a_name_takes_two_cells() {
        for (name, sign) in emoji::TABLE {
            assert_eq!(cells(sign), 2, "{name} {sign}");
        }
    }

    #[test]
    fn nothing_passes_that_a_terminal_obeys() {
        assert_eq!(shown("a\u{1b}[2J\u{9b}"), "a\u{fffd}[2J\u{fffd}");
        assert_eq!(shown("a\u{202e}b\u{200e}\u{feff}c"), "abc");
        assert_eq!(shown("a\r\nb\n"), "a\u{fffd}\u{fffd}b\u{fffd}");
        let everything: String = ('\0'..=char::MAX).collect();
        assert!(shown(&everything).chars().all(is_drawn));
    }

    #[test]
    fn towers_do_not_grow_and_tabs_stop() {
        let tower = format!("z{}a", "\u{300}".repeat(50));
        assert_eq!(shown(&tower), format!("z{}a", "\u{300}".repeat(4)));
        let tower = format!("z{}a", "\u{300}\u{200d}".repeat(50));
        assert_eq!(shown(&tower).matches('\u{300}').count(), 4);
        assert_eq!(shown("\u{300}"), "");
        // Two that are one sign, of which only the second has a cell.
        assert_eq!(shown("\u{34f}\u{2d7f}"), "\u{2d7f}");
        assert_eq!(shown("☔\u{fe0e}x"), "☔x");
        assert_eq!(shown("ab\tc\td"), "ab  c   d");
    }

    proptest! {
        #[test]
        fn the_worst_is_never_less_than_what_is_drawn(text in any::<String>()) {
            let shown = shown(&text);
            prop_assert!(shown.chars().all(is_drawn));
            prop_assert!(cells(&shown) <= signs(&text).map(|sign| sign.room).sum::<usize>());
        }
    }
}
