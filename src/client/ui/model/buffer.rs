//! A text of several lines with a cursor between graphemes: what a person sees as one character is never torn.
//!
//! Promises: the cursor stands at the edge of a grapheme, the text never grows past its bound, and holds no control
//! character but line ends and tabs. Moves count graphemes, not cells: how wide they are drawn is the view's business.
//! No undo, no kills, no modes here.

use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};

use crate::domain::limits::TEXT_BYTES_MAX;

/// See the head of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Buffer {
    text: String,
    cursor: usize,
}

impl Buffer {
    /// A text with the cursor at its end. What does not fit is left out.
    pub fn new(text: &str) -> Self {
        let mut buffer = Self::default();
        buffer.insert(text);
        buffer
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where the cursor stands, in bytes.
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// The line of the cursor, and how many graphemes stand before it there; both from 0.
    pub fn place(&self) -> (usize, usize) {
        let before = &self.text[..self.cursor];
        let column = self.text[self.line_start(self.cursor)..self.cursor]
            .graphemes(true)
            .count();
        (before.matches('\n').count(), column)
    }

    /// How many lines there are: at least one.
    pub fn lines_count(&self) -> usize {
        self.text.matches('\n').count() + 1
    }

    /// Puts the cursor at this byte, or at the edge of a grapheme just behind it.
    pub fn set_cursor(&mut self, at: usize) {
        self.cursor = self.edge(at);
    }

    /// Takes a text in at the cursor: line ends of all kinds become `\n`, other controls are left out. Returns how many
    /// bytes did not fit and were refused.
    pub fn insert(&mut self, text: &str) -> usize {
        let text = clean(text);
        let room = TEXT_BYTES_MAX.saturating_sub(self.text.len());
        let mut fits = text.len();
        if fits > room {
            fits = text
                .grapheme_indices(true)
                .map(|(at, grapheme)| at + grapheme.len())
                .take_while(|end| *end <= room)
                .last()
                .unwrap_or(0);
        }
        self.text.insert_str(self.cursor, &text[..fits]);
        self.set_cursor(self.cursor + fits);
        text.len() - fits
    }

    /// Takes out what lies between two bytes, and leaves the cursor there.
    pub fn remove(&mut self, from: usize, to: usize) -> String {
        let (from, to) = (self.edge(from), self.edge(to));
        if from >= to {
            return String::new();
        }
        let removed = self.text.drain(from..to).collect();
        self.set_cursor(from);
        removed
    }

    /// The edge of a grapheme at this byte or just behind it.
    fn edge(&self, at: usize) -> usize {
        if at >= self.text.len() {
            return self.text.len();
        }
        let mut at = at;
        while !self.text.is_char_boundary(at) {
            at += 1;
        }
        let mut cursor = GraphemeCursor::new(at, self.text.len(), true);
        match cursor.is_boundary(&self.text, 0) {
            Ok(true) => at,
            _ => self.after(at),
        }
    }

    /// The edge behind the grapheme that begins at this byte.
    pub fn after(&self, at: usize) -> usize {
        let mut cursor = GraphemeCursor::new(at, self.text.len(), true);
        let next = cursor.next_boundary(&self.text, 0);
        next.ok().flatten().unwrap_or(self.text.len())
    }

    /// The edge before the grapheme that ends at this byte.
    pub fn before(&self, at: usize) -> usize {
        let mut cursor = GraphemeCursor::new(at, self.text.len(), true);
        let previous = cursor.prev_boundary(&self.text, 0);
        previous.ok().flatten().unwrap_or(0)
    }

    /// Where the line of this byte begins.
    pub fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |end| end + 1)
    }

    /// Where the line of this byte ends.
    pub fn line_end(&self, at: usize) -> usize {
        self.text[at..]
            .find('\n')
            .map_or(self.text.len(), |end| at + end)
    }

    /// The beginning of the word before the cursor. What is a letter is said by the caller.
    pub fn word_start(&self, is_letter: fn(&str) -> bool) -> usize {
        let graphemes = self.text[..self.cursor].grapheme_indices(true).rev();
        let mut start = self.cursor;
        let mut is_in_word = false;
        for (at, grapheme) in graphemes {
            match is_letter(grapheme) {
                true => is_in_word = true,
                false if is_in_word => return start,
                false => {}
            }
            start = at;
        }
        start
    }

    /// The end of the word behind the cursor.
    pub fn word_end(&self, is_letter: fn(&str) -> bool) -> usize {
        let mut is_in_word = false;
        for (at, grapheme) in self.text[self.cursor..].grapheme_indices(true) {
            match is_letter(grapheme) {
                true => is_in_word = true,
                false if is_in_word => return self.cursor + at,
                false => {}
            }
        }
        self.text.len()
    }

    /// The place in the line above or below, so many graphemes in or at its end; `None`: there is no such line.
    pub fn in_next_line(&self, is_up: bool, column: usize) -> Option<usize> {
        let start = match is_up {
            true => {
                let end = self.line_start(self.cursor).checked_sub(1)?;
                self.line_start(end)
            }
            false => {
                let end = self.line_end(self.cursor);
                (end < self.text.len()).then_some(end + 1)?
            }
        };
        let line = &self.text[start..self.line_end(start)];
        let at = line.grapheme_indices(true).nth(column);
        Some(start + at.map_or(line.len(), |(at, _)| at))
    }

    /// Exchanges the graphemes on both sides of the cursor, at the end of a line the two before it, and steps over them.
    pub fn transpose(&mut self) {
        let is_at_end = self.cursor == self.line_end(self.cursor);
        let middle = match is_at_end {
            true => self.before(self.cursor),
            false => self.cursor,
        };
        let (from, to) = (self.before(middle), self.after(middle));
        if middle == 0 || from < self.line_start(middle) || middle >= to || to > self.text.len() {
            return;
        }
        let pair = format!("{}{}", &self.text[middle..to], &self.text[from..middle]);
        if pair.contains('\n') {
            return;
        }
        self.text.replace_range(from..to, &pair);
        self.set_cursor(to);
    }
}

/// A letter of a word, as readline has it.
pub fn is_word(grapheme: &str) -> bool {
    grapheme.chars().next().is_some_and(char::is_alphanumeric)
}

/// Anything that is no space.
pub fn is_no_space(grapheme: &str) -> bool {
    !grapheme.chars().all(char::is_whitespace)
}

fn clean(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.replace(|c: char| c.is_control() && !matches!(c, '\n' | '\t'), "")
}
