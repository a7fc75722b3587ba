//! Blocks of rows: what the screens before the chat are made of.
//!
//! Promises that no row is wider than it was asked to be, and that of a password there is nothing but dots.

use super::{Secret, state::Told};
use crate::{
    client::ui::{
        model::{composer::Composer, notices::Level},
        text::{self, Line, Span, cut, width, wrap},
        theme::{Glyphs, Role},
    },
    domain::fingerprint::Fingerprint,
};

/// Rows of one text: what a server says can be of any length.
const TEXT_ROWS_MAX: usize = 40;
/// What stands before a field, and before each row of a list.
pub(super) const LEAD: usize = 2;

/// How much weight something has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// The question and its answer.
    Must,
    /// What went wrong.
    Told,
    /// What explains.
    Help,
    /// Nothing.
    Air,
}

/// Rows that stand together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// How much weight it has.
    pub rank: Rank,
    /// Its rows.
    pub rows: Vec<Row>,
    /// Whether it is what the keys act on.
    pub has_focus: bool,
    /// The cell of the cursor in its first row.
    pub cursor: Option<usize>,
}

/// One row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    /// What stands in it, from left to right.
    pub pieces: Vec<(Role, String)>,
    /// What stands at its right edge.
    pub right: Option<String>,
    /// Whether it is the one that is chosen.
    pub is_chosen: bool,
}

impl Block {
    /// Nothing yet.
    pub(super) const fn of(rank: Rank) -> Self {
        Self {
            rank,
            rows: Vec::new(),
            has_focus: false,
            cursor: None,
        }
    }

    /// An empty row.
    pub(super) fn air() -> Self {
        let rows = vec![Row::default()];
        Self {
            rows,
            ..Self::of(Rank::Air)
        }
    }
}

impl Row {
    /// Says at its end that more would follow.
    pub(super) fn cut_short(&mut self, cells: usize, glyphs: Glyphs) {
        let signs = Writer { cells, glyphs }.signs();
        let dots = width::room(signs.ellipsis);
        let mut space = cells.saturating_sub(dots);
        for (_, text) in &mut self.pieces {
            let mut kept = cut(text, space, &signs);
            if kept.len() < text.len() {
                kept = kept.trim_end_matches(signs.ellipsis).to_owned();
            }
            space = space.saturating_sub(width::room(&kept));
            *text = kept;
        }
        if cells >= dots
            && let Some((_, last)) = self.pieces.last_mut()
        {
            last.push_str(signs.ellipsis);
        }
    }
}

/// Writes rows of one width.
#[derive(Clone, Copy, Debug)]
pub(super) struct Writer {
    /// How many cells a row has.
    pub cells: usize,
    /// Which signs can be drawn.
    pub glyphs: Glyphs,
}

impl Writer {
    /// The signs of texts.
    pub(super) const fn signs(&self) -> text::Glyphs {
        match self.glyphs {
            Glyphs::Unicode => text::Glyphs::UNICODE,
            Glyphs::Ascii => text::Glyphs::ASCII,
        }
    }

    /// The sign of a role.
    pub(super) fn sign(&self, role: Role) -> &'static str {
        match self.glyphs {
            Glyphs::Unicode => role.spec().unicode,
            Glyphs::Ascii => role.spec().ascii,
        }
    }

    fn wrapped(&self, text: &str, cells: usize) -> Vec<String> {
        let line = Line::new(vec![Span::plain(text)]);
        let rows = wrap::wrap(&[line], cells, TEXT_ROWS_MAX, &self.signs());
        rows.iter().map(text::Row::text).collect()
    }

    /// A text of one look.
    pub(super) fn text(&self, rank: Rank, role: Role, text: &str) -> Block {
        let row = |text| Row {
            pieces: vec![(role, text)],
            ..Row::default()
        };
        Block {
            rows: { self.wrapped(text, self.cells).into_iter() }
                .map(row)
                .collect(),
            ..Block::of(rank)
        }
    }

    /// What is asked.
    pub(super) fn question(&self, text: &str) -> Block {
        self.text(Rank::Must, Role::Strong, text)
    }

    /// What explains.
    pub(super) fn help(&self, text: &str) -> Block {
        self.text(Rank::Help, Role::Dim, text)
    }

    /// A text behind a sign.
    pub(super) fn marked(&self, role: Role, rank: Rank, text: &str) -> Block {
        let cells = self.cells.saturating_sub(LEAD).max(1);
        let mut lead = format!("{} ", self.sign(role));
        let row = |text| {
            let lead = std::mem::replace(&mut lead, " ".repeat(LEAD));
            Row {
                pieces: vec![(role, lead), (Role::Text, text)],
                ..Row::default()
            }
        };
        Block {
            rows: { self.wrapped(text, cells).into_iter() }.map(row).collect(),
            ..Block::of(rank)
        }
    }

    /// What is said below a question, if anything is.
    pub(super) fn told(&self, told: Option<&Told>) -> Vec<Block> {
        let Some(told) = told else {
            return Vec::new();
        };
        let role = match told.level {
            Level::Info => Role::Notice,
            Level::Warning => Role::Warning,
            Level::Error => Role::Error,
        };
        vec![Block::air(), self.marked(role, Rank::Told, &told.text)]
    }

    /// A field with the part of its text that the cursor is in.
    pub(super) fn field(&self, field: &Composer) -> Block {
        let space = self.cells.saturating_sub(LEAD).max(1);
        let (text, cell) = part(field.text(), field.buffer().cursor(), space);
        self.input(text, cell)
    }

    /// The same for what nobody sees.
    pub(super) fn dots(&self, secret: &Secret) -> Block {
        let space = self.cells.saturating_sub(LEAD).max(1);
        let count = secret.count().min(space - 1);
        let dot = match self.glyphs {
            Glyphs::Unicode => "•",
            Glyphs::Ascii => "*",
        };
        self.input(dot.repeat(count), count)
    }

    fn input(&self, text: String, cell: usize) -> Block {
        let lead = format!("{} ", self.sign(Role::Notice));
        let row = Row {
            pieces: vec![(Role::Key, lead), (Role::Composer, text)],
            ..Row::default()
        };
        Block {
            rows: vec![row],
            has_focus: true,
            cursor: Some(LEAD + cell),
            ..Block::of(Rank::Must)
        }
    }

    /// Both answers, of which one is chosen.
    pub(super) fn yes_or_no(&self, is_yes: bool) -> Block {
        let answer = |word: &str, is_chosen: bool| {
            let (role, mark) = match is_chosen {
                true => (Role::Selection, self.sign(Role::Notice)),
                false => (Role::Text, " "),
            };
            (role, format!("{mark} {word} "))
        };
        let between = (Role::Text, "  ".to_owned());
        let row = Row {
            pieces: vec![answer("no", !is_yes), between, answer("yes", is_yes)],
            ..Row::default()
        };
        Block {
            rows: vec![row],
            has_focus: true,
            ..Block::of(Rank::Must)
        }
    }

    /// A fingerprint in rows of one length, all of which are seen on the smallest screen.
    pub(super) fn fingerprint(&self, rank: Rank, fingerprint: &Fingerprint) -> Block {
        let text = fingerprint.to_string();
        let pairs = text.split_once(':').map_or("", |(_, pairs)| pairs);
        let pairs: Vec<&str> = pairs.split(':').collect();
        let (in_a_row, between) = match self.cells {
            48.. => (16, ":"),
            24.. => (8, ":"),
            16.. => (8, ""),
            _ => (4, ""),
        };
        let last = pairs.len().div_ceil(in_a_row).saturating_sub(1);
        let row = |(number, pairs): (usize, &[&str])| {
            let end = if number < last { between } else { "" };
            let text = format!("{}{end}", pairs.join(between));
            Row {
                pieces: vec![(Role::Code, cut(&text, self.cells, &self.signs()))],
                ..Row::default()
            }
        };
        Block {
            rows: pairs.chunks(in_a_row).enumerate().map(row).collect(),
            ..Block::of(rank)
        }
    }

    /// What a row of a list has behind its mark.
    pub(super) fn list_cells(&self) -> usize {
        self.cells.saturating_sub(LEAD)
    }
}

/// The part of a line that fits into so many cells, with the place of the cursor in it, and a cell left for it.
fn part(text: &str, cursor: usize, space: usize) -> (String, usize) {
    let signs: Vec<width::Cell<'_>> = width::signs(text).collect();
    let place = signs.partition_point(|sign| sign.at < cursor);
    let (mut first, mut before) = (place, 0);
    while let Some(sign) = first.checked_sub(1).and_then(|at| signs.get(at)) {
        if before + sign.room >= space {
            break;
        }
        before += sign.room;
        first -= 1;
    }
    let mut room = 0;
    let shown = signs.iter().skip(first).take_while(|sign| {
        room += sign.room;
        room < space.max(before + 1)
    });
    let shown: String = shown.map(|sign| &*sign.text).collect();
    let left = { signs.iter() }.skip(first).take(place - first);
    let left: String = left.map(|sign| &*sign.text).collect();
    (shown, width::cells(&left))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_fingerprint_is_whole_at_any_width() {
        let fingerprint = Fingerprint::of(b"abc");
        let whole = fingerprint.to_string().replace("SHA256:", "");
        for (cells, rows) in [
            (64, 2),
            (48, 2),
            (47, 4),
            (24, 4),
            (23, 4),
            (16, 4),
            (15, 8),
        ] {
            let writer = Writer {
                cells,
                glyphs: Glyphs::Unicode,
            };
            let block = writer.fingerprint(Rank::Must, &fingerprint);
            let text: String = { block.rows.iter() }
                .map(|row| row.pieces[0].1.as_str())
                .collect();
            assert_eq!(block.rows.len(), rows, "{cells}");
            match cells {
                24.. => assert_eq!(text, whole),
                _ => assert_eq!(text, whole.replace(':', "")),
            }
        }
    }

    #[test]
    fn a_field_shows_what_is_around_the_cursor() {
        assert_eq!(part("hello", 5, 10), ("hello".to_owned(), 5));
        assert_eq!(part("hello", 5, 5), ("ello".to_owned(), 4));
        assert_eq!(part("hello", 0, 5), ("hell".to_owned(), 0));
        assert_eq!(part("漢字漢字", 12, 5), ("漢字".to_owned(), 4));
        assert_eq!(part("", 0, 1), (String::new(), 0));
    }

    proptest! {
        #[test]
        fn a_field_never_takes_more_than_it_has(
            text in "\\PC{0,20}",
            at in 0_usize..24,
            space in 1_usize..12,
        ) {
            let field = super::super::state::typed(&text);
            let cursor = field.text().char_indices().nth(at).map_or(field.text().len(), |(at, _)| at);
            let (shown, cell) = part(field.text(), cursor, space);
            prop_assert!(width::room(&shown) < space.max(1) + 1 && cell < space);
        }
    }
}
