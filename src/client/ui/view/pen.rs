//! What all panes draw with: text into cells, and nothing else.
//!
//! Promises that nothing is drawn outside of the pane, that no control character reaches a cell, and that a wide sign is
//! never left with one half. Knows no model.

use std::{borrow::Cow, num::NonZeroU16};

use ratatui::{
    buffer::{Buffer, Cell, CellDiffOption, CellWidth},
    layout::{Margin, Position, Rect},
    style::{Modifier, Style},
};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::client::ui::{
    layout::row::{Ink, text_glyphs},
    text::{self, cut, width},
    theme::{Glyphs, Role, Theme},
};

/// The only sign without a width of its own that is drawn: it keeps a terminal from turning what stands behind it.
const LEFT_TO_RIGHT: &str = "\u{200e}";
/// Cells that stay for the left part of a row, or the right part is left out.
const LEFT_MIN: usize = 6;

/// The mark of a cell of a picture: it has the width that it has anyway.
const PICTURE: CellDiffOption = CellDiffOption::ForcedWidth(NonZeroU16::MIN);

/// A piece of text with its style.
#[derive(Clone, Debug)]
pub struct Bit<'t> {
    /// The text.
    pub text: Cow<'t, str>,
    /// How it looks.
    pub style: Style,
}

/// See the head of the file.
pub struct Pen<'a> {
    buffer: &'a mut Buffer,
    /// How things look.
    pub theme: &'a Theme,
}

impl<'a> Pen<'a> {
    /// A pen for this buffer.
    pub fn new(buffer: &'a mut Buffer, theme: &'a Theme) -> Self {
        Self { buffer, theme }
    }

    /// A piece of a role.
    pub fn bit<'t>(&self, role: Role, text: impl Into<Cow<'t, str>>) -> Bit<'t> {
        let style = self.theme.style(role);
        let text = text.into();
        Bit { text, style }
    }

    /// The sign of a role, in its style.
    pub fn sign(&self, role: Role) -> Bit<'static> {
        self.bit(role, self.theme.glyph(role))
    }

    /// The signs of texts.
    pub fn signs(&self) -> text::Glyphs {
        text_glyphs(self.theme.glyphs())
    }

    /// What stands between two short texts.
    pub fn dot(&self) -> &'static str {
        match self.theme.glyphs() {
            Glyphs::Unicode => " · ",
            Glyphs::Ascii => " - ",
        }
    }

    /// The style of a piece of a row.
    pub fn ink(&self, ink: Ink, text: &str) -> Style {
        match ink {
            Ink::Role(role) => self.theme.style(role),
            Ink::Name => self.theme.name_style(text),
            Ink::Text(role) => self.said(role),
        }
    }

    /// The style of a text that was said.
    fn said(&self, role: text::Role) -> Style {
        let mut style = self.theme.style(Role::Text);
        for (part, looks) in [
            (text::Role::DIM, Role::Dim),
            (text::Role::QUOTE, Role::Quote),
            (text::Role::ITALIC, Role::Emphasis),
            (text::Role::BOLD, Role::Strong),
            (text::Role::LINK, Role::Link),
            (text::Role::CODE, Role::Code),
            (text::Role::MENTION, Role::OtherName),
            (text::Role::MENTION_ME, Role::Mention),
            (text::Role::HIT, Role::Hit),
        ] {
            if role.has(part) {
                style = style.patch(self.theme.style(looks));
            }
        }
        match role.has(text::Role::STRIKE) {
            true => style.add_modifier(Modifier::CROSSED_OUT),
            false => style,
        }
    }

    /// Draws a text from a column on, as far as the pane goes; returns the column behind it.
    pub fn put(&mut self, pane: Rect, row: u16, column: u16, text: &str, style: Style) -> u16 {
        let pane = pane.intersection(self.buffer.area);
        let mut x = column;
        if row < pane.top() || row >= pane.bottom() || x < pane.left() {
            return column;
        }
        let mut last: Option<u16> = None;
        for sign in text.graphemes(true) {
            if sign == LEFT_TO_RIGHT {
                self.join(last, row, sign);
                continue;
            }
            let cells = u16::try_from(sign.width()).unwrap_or(u16::MAX);
            if cells == 0 || sign.contains(char::is_control) {
                continue;
            }
            if cells > pane.right().saturating_sub(x) {
                break;
            }
            if let Some(cell) = self.buffer.cell_mut((x, row)) {
                cell.reset();
                cell.set_symbol(sign).set_style(style);
                force(cell, cells);
            }
            for behind in x + 1..x + cells {
                if let Some(cell) = self.buffer.cell_mut((behind, row)) {
                    cell.reset();
                    cell.set_style(style);
                }
            }
            last = (cells == 1).then_some(x);
            x += cells;
        }
        x
    }

    /// Draws a sign without a width over another.
    fn join(&mut self, column: Option<u16>, row: u16, sign: &str) {
        let cell = column.and_then(|column| self.buffer.cell_mut((column, row)));
        if let Some(cell) = cell {
            let joined = format!("{}{sign}", cell.symbol());
            cell.set_symbol(&joined);
        }
    }

    /// Makes cells empty, and marks them as those of a picture: what is drawn there afterwards takes the mark away.
    pub fn mark(&mut self, room: Rect) {
        self.clear(room);
        for at in room.intersection(self.buffer.area).positions() {
            if let Some(cell) = self.buffer.cell_mut(at) {
                cell.set_diff_option(PICTURE);
            }
        }
    }

    /// Draws a sign of one cell into a marked cell.
    pub fn dab(&mut self, at: Position, sign: char, style: Style) {
        if let Some(cell) = self.buffer.cell_mut(at) {
            cell.set_char(sign).set_style(style);
        }
    }

    /// Draws one row of a pane: pieces at its left, cut where those at its right begin.
    pub fn row(&mut self, pane: Rect, row: u16, left: &[Bit<'_>], right: &[Bit<'_>]) {
        let whole = usize::from(pane.width);
        let room = right
            .iter()
            .map(|bit| width::room(&bit.text))
            .sum::<usize>();
        let has_right = room > 0 && room + LEFT_MIN <= whole;
        let mut space = match has_right {
            true => whole - room - 1,
            false => whole,
        };
        let signs = self.signs();
        let mut x = pane.x;
        for bit in left {
            let room = width::room(&bit.text);
            let text = cut(&bit.text, space, &signs);
            x = self.put(pane, row, x, &text, bit.style);
            if room > space {
                break;
            }
            space -= room;
        }
        if !has_right {
            return;
        }
        let mut x = pane
            .right()
            .saturating_sub(u16::try_from(room).unwrap_or(0));
        for bit in right {
            x = self.put(pane, row, x, &bit.text, bit.style);
        }
    }

    /// Gives all cells of a pane a style over the one that they have.
    pub fn tint(&mut self, pane: Rect, style: Style) {
        self.buffer.set_style(pane, style);
    }

    /// Marks a row, or some: a bar at its left, and behind that one style for all, since turned colours of many pieces
    /// would be a patchwork.
    pub fn select(&mut self, pane: Rect) {
        let pane = pane.intersection(self.buffer.area);
        let style = self.theme.style(Role::Selection);
        for column in pane.columns() {
            for row in column.rows() {
                if let Some(cell) = self.buffer.cell_mut((row.x, row.y)) {
                    let mut weight = cell.modifier.intersection(Modifier::BOLD);
                    // What was turned already, as a hit is, must still be told.
                    if cell.modifier.contains(Modifier::REVERSED) {
                        weight |= Modifier::BOLD | Modifier::UNDERLINED;
                    }
                    cell.set_style(Style::reset().patch(style).add_modifier(weight));
                }
            }
        }
        let bar = self.theme.glyph(Role::Selection);
        let style = self.theme.style(Role::BorderFocused);
        for row in pane.top()..pane.bottom() {
            self.put(pane, row, pane.x, bar, style);
        }
    }

    /// Makes a pane empty.
    pub fn clear(&mut self, pane: Rect) {
        let pane = pane.intersection(self.buffer.area);
        for row in pane.rows() {
            self.take_reaching(row.x, row.y);
            for column in row.columns() {
                if let Some(cell) = self.buffer.cell_mut((column.x, row.y)) {
                    cell.reset();
                }
            }
        }
    }

    /// Takes away a wide sign that begins before a column and reaches into it: it would be left with a part of itself, and
    /// hide what is drawn there.
    fn take_reaching(&mut self, column: u16, row: u16) {
        let before = (self.buffer.area.left()..column).rev();
        for x in before {
            let Some(cell) = self.buffer.cell_mut((x, row)) else {
                return;
            };
            // Behind a wide sign stand blanks as far as it reaches.
            if cell.symbol() == " " {
                continue;
            }
            if cell.symbol().width() > usize::from(column - x) {
                cell.set_symbol(" ").set_diff_option(CellDiffOption::None);
            }
            return;
        }
    }

    /// Draws a line down the left or right edge of a pane.
    pub fn upright(&mut self, pane: Rect, column: u16, is_focused: bool) {
        let line = self.theme.border(is_focused).vertical_left;
        let style = self.theme.style(border_role(is_focused));
        for row in pane.top()..pane.bottom() {
            self.put(pane, row, column, line, style);
        }
    }

    /// Joins a line down with one across that begins behind it.
    pub fn joint(&mut self, pane: Rect, row: u16, column: u16, is_focused: bool) {
        let sign = match (self.theme.glyphs(), is_focused) {
            (Glyphs::Unicode, false) => "├",
            (Glyphs::Unicode, true) => "┠",
            (Glyphs::Ascii, _) => "+",
        };
        self.put(
            pane,
            row,
            column,
            sign,
            self.theme.style(border_role(is_focused)),
        );
    }

    /// Draws a line across a row.
    pub fn across(&mut self, pane: Rect, row: u16) {
        let line = self.theme.border(false).horizontal_top;
        let style = self.theme.style(Role::Border);
        let text = line.repeat(usize::from(pane.width));
        self.put(pane, row, pane.x, &text, style);
    }

    /// Draws a box over what is there, with words in its upper edge. One that takes keys has lines of another role.
    pub fn boxed(&mut self, frame: Rect, title: &str, takes_keys: bool) {
        // Half words right beside its lines would read as part of it.
        self.clear(frame.outer(Margin::new(1, 0)));
        let (Some(last_row), Some(last_column)) =
            (frame.bottom().checked_sub(1), frame.right().checked_sub(1))
        else {
            return;
        };
        // What lies over all needs no heavy lines to be told from the rest.
        let set = self.theme.border(false);
        let style = self.theme.style(border_role(takes_keys));
        let inner = usize::from(frame.width.saturating_sub(2));
        for (row, begin, line, end) in [
            (frame.y, set.top_left, set.horizontal_top, set.top_right),
            (
                last_row,
                set.bottom_left,
                set.horizontal_bottom,
                set.bottom_right,
            ),
        ] {
            let text = format!("{begin}{}{end}", line.repeat(inner));
            self.put(frame, row, frame.x, &text, style);
        }
        for row in frame.y + 1..last_row {
            self.put(frame, row, frame.x, set.vertical_left, style);
            self.put(frame, row, last_column, set.vertical_right, style);
        }
        let title = cut(title, inner.saturating_sub(4), &self.signs());
        if !title.is_empty() {
            let style = self.theme.style(Role::Title);
            self.put(frame, frame.y, frame.x + 2, &format!(" {title} "), style);
        }
    }
}

/// Ratatui counts the sound marks of halfwidth katakana twice, and would not draw what stands behind such a sign.
fn force(cell: &mut Cell, cells: u16) {
    let forced = NonZeroU16::new(cells).filter(|_| cell.cell_width() != cells);
    if let Some(cells) = forced {
        cell.set_diff_option(CellDiffOption::ForcedWidth(cells));
    }
}

/// The role of a line beside a pane.
const fn border_role(is_focused: bool) -> Role {
    match is_focused {
        true => Role::BorderFocused,
        false => Role::Border,
    }
}

#[cfg(test)]
mod tests {
    use super::{super::models::*, *};

    fn put(width: u16, texts: &[(u16, &str)]) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, 1));
        let area = buffer.area;
        let theme = theme("plain");
        let mut pen = Pen::new(&mut buffer, &theme);
        for (column, text) in texts {
            pen.put(area, 0, *column, text, Style::new());
        }
        buffer
    }

    #[test]
    fn wide_signs_stay_whole_and_within_the_pane() {
        assert_eq!(rows(&put(5, &[(0, "漢字漢")])), "漢字\n");
        let mut buffer = put(6, &[(0, "漢字漢")]);
        let theme = theme("plain");
        Pen::new(&mut buffer, &theme).clear(Rect::new(3, 0, 2, 1));
        assert_eq!(rows(&buffer), "漢\n");
        assert_eq!(rows(&put(3, &[(9, "x")])), "\n");
    }

    #[test]
    fn what_stands_behind_a_sound_mark_is_drawn() {
        let before = put(9, &[]);
        let after = put(9, &[(0, "ｶ\u{ff9e}bc")]);
        let drawn: Vec<(u16, &str)> = before
            .diff_iter(&after)
            .map(|(column, _, cell)| (column, cell.symbol()))
            .collect();
        assert_eq!(drawn, [(0, "ｶ\u{ff9e}"), (2, "b"), (3, "c")]);
    }

    #[test]
    fn what_is_drawn_over_the_end_of_a_wide_sign_is_seen() {
        let before = put(9, &[]);
        let theme = theme("plain");
        for column in 1..5 {
            let mut after = put(9, &[(0, "ｶ\u{ff9e}🏽b")]);
            let area = after.area;
            let mut pen = Pen::new(&mut after, &theme);
            pen.clear(Rect::new(column, 0, 2, 1));
            pen.put(area, 0, column, "|", Style::new());
            let drawn = before.diff_iter(&after);
            let drawn: Vec<(u16, &str)> = drawn.map(|(x, _, cell)| (x, cell.symbol())).collect();
            assert!(drawn.contains(&(column, "|")), "{column}: {drawn:?}");
        }
    }

    #[test]
    fn nothing_that_a_terminal_obeys_reaches_a_cell() {
        let buffer = put(9, &[(0, "a\u{1b}[2J\u{7}\u{9b}b\u{301}\u{202e}")]);
        assert_eq!(rows(&buffer), "a[2Jb\u{301}\n");
    }

    #[test]
    fn a_mark_of_direction_stands_with_the_sign_before_it() {
        let buffer = put(9, &[(0, "ש\u{200e}x")]);
        assert_eq!(buffer[(0, 0)].symbol(), "ש\u{200e}");
        assert_eq!(buffer[(1, 0)].symbol(), "x");
        // A terminal would not know whose it is behind a wide one.
        assert_eq!(put(9, &[(0, "漢\u{200e}")])[(0, 0)].symbol(), "漢");
    }

    #[test]
    fn the_left_of_a_row_is_cut_where_the_right_begins() {
        let theme = theme("plain");
        let row = |width, left: &str, right: &str| {
            let mut buffer = Buffer::empty(Rect::new(0, 0, width, 1));
            let area = buffer.area;
            let mut pen = Pen::new(&mut buffer, &theme);
            let left = [pen.bit(Role::Text, left), pen.bit(Role::Text, "!")];
            let right = [pen.bit(Role::Text, right)];
            pen.row(area, 0, &left, &right);
            rows(&buffer)
        };
        assert_eq!(row(14, "one two three", "99"), "one two th… 99\n");
        assert_eq!(row(14, "one", "99"), "one!        99\n");
        assert_eq!(row(7, "one two", "99"), "one two\n");
    }
}
