//! Texts on their way to the screen: what is drawn how, in lines that fit.
//!
//! A message goes through `markdown` (what is bold, what is a link), `wrap` (rows of so many cells) and then to the
//! view, which knows colours. Promises that no row is wider than it was asked to be and that nothing reaches a row that
//! `Untrusted` would not have let through. Knows neither terminals nor themes: a `Role` says what a text is, not how it
//! looks.

mod containers;
mod cut;
pub mod day;
pub mod links;
pub mod markdown;
mod markup;
pub mod width;
pub mod wrap;

use std::{
    ops::{BitOr, BitOrAssign, Range},
    sync::Arc,
};

pub use cut::{cut, cut_spans};

/// What a piece of text is. Roles nest: `Role::BOLD | Role::LINK`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Role(u16);

impl Role {
    /// Nothing special.
    pub const PLAIN: Self = Self(0);
    /// Said with weight.
    pub const BOLD: Self = Self(1);
    /// Said with a tone.
    pub const ITALIC: Self = Self(1 << 1);
    /// Taken back.
    pub const STRIKE: Self = Self(1 << 2);
    /// To be read letter by letter.
    pub const CODE: Self = Self(1 << 3);
    /// Leads somewhere.
    pub const LINK: Self = Self(1 << 4);
    /// Said by another.
    pub const QUOTE: Self = Self(1 << 5);
    /// Names somebody.
    pub const MENTION: Self = Self(1 << 6);
    /// Names the reader.
    pub const MENTION_ME: Self = Self(1 << 7);
    /// Of less weight than the rest.
    pub const DIM: Self = Self(1 << 8);
    /// What was searched for.
    pub const HIT: Self = Self(1 << 9);

    /// Returns whether all of `other` is in it.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns whether there is nothing special about it.
    pub const fn is_plain(self) -> bool {
        self.0 == 0
    }
}

impl BitOr for Role {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Role {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// A piece of text of one role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The text.
    pub text: String,
    /// What it is.
    pub role: Role,
    /// Where it leads.
    pub link: Option<Arc<str>>,
}

impl Span {
    /// A piece that leads nowhere.
    pub fn new(text: impl Into<String>, role: Role) -> Self {
        Self {
            text: text.into(),
            role,
            link: None,
        }
    }

    /// A piece with nothing special about it.
    pub fn plain(text: impl Into<String>) -> Self {
        Self::new(text, Role::PLAIN)
    }
}

/// A line as it was written, before it is known how wide the screen is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// What stands before its first row: a bullet, the bar of a quote.
    pub first: String,
    /// What stands before each further row, as wide as `first`.
    pub further: String,
    /// Its text.
    pub spans: Vec<Span>,
}

impl Line {
    /// A line of these pieces with nothing before it.
    pub const fn new(spans: Vec<Span>) -> Self {
        Self {
            first: String::new(),
            further: String::new(),
            spans,
        }
    }

    /// Returns its text without what stands before it.
    pub fn text(&self) -> String {
        self.spans.iter().map(|span| span.text.as_str()).collect()
    }

    /// Adds a role to a part of the text, given in bytes of `text()`: a mention, a hit. A range that does not lie on
    /// the borders of characters changes nothing.
    pub fn mark(&mut self, range: Range<usize>, role: Role) {
        let mut marked = Vec::with_capacity(self.spans.len() + 2);
        let mut begin = 0;
        for span in std::mem::take(&mut self.spans) {
            let end = begin + span.text.len();
            let from = range.start.clamp(begin, end) - begin;
            let to = range.end.clamp(begin, end) - begin;
            begin = end;
            let text = span.text.as_str();
            let (Some(before), Some(within), Some(after)) =
                (text.get(..from), text.get(from..to), text.get(to..))
            else {
                marked.push(span);
                continue;
            };
            for (text, role) in [
                (before, span.role),
                (within, span.role | role),
                (after, span.role),
            ] {
                if !text.is_empty() {
                    marked.push(Span {
                        text: text.to_owned(),
                        role,
                        link: span.link.clone(),
                    });
                }
            }
        }
        self.spans = marked;
    }
}

/// A row of the screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Its pieces from left to right.
    pub spans: Vec<Span>,
    /// The cells that it takes on the worst of terminals: never more than there are.
    pub room: usize,
}

impl Row {
    /// Returns its text.
    pub fn text(&self) -> String {
        self.spans.iter().map(|span| span.text.as_str()).collect()
    }
}

/// The signs that are ours in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glyphs {
    /// Before each row of a quote.
    pub bar: &'static str,
    /// Before an entry of a list.
    pub bullet: &'static str,
    /// Where something was left out.
    pub ellipsis: &'static str,
}

impl Glyphs {
    /// For terminals that draw Unicode.
    pub const UNICODE: Self = Self {
        bar: "│ ",
        bullet: "• ",
        ellipsis: "…",
    };
    /// For those that draw only ASCII.
    pub const ASCII: Self = Self {
        bar: "| ",
        bullet: "- ",
        ellipsis: "...",
    };
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn roles_nest() {
        let mut role = Role::BOLD | Role::LINK;
        assert!(role.has(Role::BOLD) && role.has(Role::LINK) && !role.has(Role::HIT));
        role |= Role::HIT;
        assert!(role.has(Role::HIT | Role::BOLD) && !role.is_plain());
        assert!(Role::default().is_plain());
    }

    #[test]
    fn a_mark_crosses_pieces() {
        let mut line = Line::new(vec![Span::new("ab", Role::BOLD), Span::plain("cdé")]);
        line.mark(1..3, Role::HIT);
        let got: Vec<(&str, Role)> = line
            .spans
            .iter()
            .map(|span| (span.text.as_str(), span.role))
            .collect();
        assert_eq!(
            got,
            [
                ("a", Role::BOLD),
                ("b", Role::BOLD | Role::HIT),
                ("c", Role::HIT),
                ("dé", Role::PLAIN),
            ]
        );
    }

    proptest! {
        #[test]
        fn a_mark_never_changes_the_text(
            texts in prop::collection::vec("\\PC{0,6}", 0..5),
            from in 0_usize..40,
            to in 0_usize..40,
        ) {
            let mut line = Line::new(texts.iter().map(Span::plain).collect());
            line.mark(from..to, Role::HIT);
            prop_assert_eq!(line.text(), texts.concat());
        }
    }
}
