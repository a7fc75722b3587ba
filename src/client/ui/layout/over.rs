//! Where the parts of an overlay stand, and which of its rows are seen.
//!
//! A list is shown so that what is chosen is seen, a text from the row that stands first. Promises that all parts lie
//! within the frame and that one row at least is counted, however small the screen.

use ratatui::layout::Rect;

use crate::client::ui::{
    keymap::Keymap,
    model::overlay::{Overlay, TextPage},
    text::{self, Glyphs, Line, Span, wrap},
};

/// Rows of a text that is read.
const TEXT_ROWS_MAX: usize = 20_000;
/// Columns beside an overlay that are worth to be seen.
const SIDES_MIN: u16 = 12;
/// Columns and rows of the screen on which the password is changed: four fields, and three rows of what is said.
const PASSWORD_SIZE: (u16, u16) = (62, 10);
/// Cells of the keys in the help.
const KEYS_CELLS: usize = 22;

/// Where the parts of an overlay stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Over {
    /// Its border, or all of it where there is no room for one.
    pub frame: Rect,
    /// Whether there is a border.
    pub has_border: bool,
    /// Where letters are typed.
    pub input: Option<Rect>,
    /// The line that says what is looked through.
    pub note: Option<Rect>,
    /// The list or the text.
    pub list: Rect,
    /// Rows of one item of the list.
    pub item_rows: u16,
}

impl Over {
    /// How many items are seen at once.
    pub fn items(&self) -> usize {
        usize::from(self.list.height / self.item_rows.max(1)).max(1)
    }
}

/// Returns the frame of an overlay.
pub fn frame(overlay: &Overlay, screen: Rect) -> Rect {
    let (columns, rows) = match overlay {
        Overlay::Pick(_) => (64, 18),
        Overlay::Search(_) => (92, u16::MAX),
        Overlay::Help { .. } => (88, u16::MAX),
        Overlay::Text(page) => (88, text_height(page, screen)),
        Overlay::Password(_) => PASSWORD_SIZE,
        Overlay::Ask(question) => {
            let width = 56.min(screen.width.saturating_sub(4));
            let text = text_rows(&question.text, usize::from(width.saturating_sub(4)));
            (
                56,
                u16::try_from(text.len())
                    .unwrap_or(u16::MAX)
                    .saturating_add(4),
            )
        }
    };
    // On a small screen the edge would cost more than it gives.
    let is_small = screen.width < 50 || screen.height < 14;
    let edge = if is_small { (0, 0) } else { (4, 2) };
    let mut width = columns.min(screen.width.saturating_sub(edge.0));
    let height = rows.min(screen.height.saturating_sub(edge.1));
    // Some cells of words at both sides would say nothing.
    if screen.width - width < SIDES_MIN && !matches!(overlay, Overlay::Ask(_)) {
        width = screen.width;
    }
    Rect {
        x: screen.x + (screen.width - width) / 2,
        y: screen.y + (screen.height - height) / 3,
        width,
        height,
    }
}

fn text_height(page: &TextPage, screen: Rect) -> u16 {
    let width = 88.min(screen.width.saturating_sub(4)).saturating_sub(4);
    // A long list is not wrapped as far as nobody sees it: this is asked several times for each frame.
    let most = usize::from(screen.height);
    let rows = rows_of(page, usize::from(width)).take(most).count();
    u16::try_from(rows).unwrap_or(u16::MAX).saturating_add(2)
}

/// Returns where the parts of an overlay stand in its frame.
pub fn over(overlay: &Overlay, frame: Rect) -> Over {
    let has_border = frame.width >= 10 && frame.height >= 5;
    let mut rest = match has_border {
        true => Rect {
            x: frame.x + 2,
            y: frame.y + 1,
            width: frame.width - 4,
            height: frame.height - 2,
        },
        false => frame,
    };
    let mut take = |is_wanted: bool| {
        let is_taken = is_wanted && rest.height > 1;
        is_taken.then(|| {
            let row = Rect { height: 1, ..rest };
            rest.y += 1;
            rest.height -= 1;
            row
        })
    };
    let is_search = matches!(overlay, Overlay::Search(_));
    let is_pick = matches!(overlay, Overlay::Pick(_));
    let is_typed = match overlay {
        Overlay::Search(pane) => pane.mentions.is_none(),
        _ => is_pick,
    };
    let input = take(is_typed);
    let note = take(is_search);
    // A line between what is typed and what fits it.
    if frame.height >= 10 {
        take(is_search || is_pick);
    }
    Over {
        frame,
        has_border,
        input,
        note,
        list: rest,
        item_rows: if is_search && rest.height >= 2 { 2 } else { 1 },
    }
}

/// Completions that are seen at once, and their columns.
const OFFERS: u16 = 8;
const OFFER_COLUMNS: u16 = 60;

/// Returns the frame of so many completions, above the rule, and whether it has a border.
pub fn offer(count: usize, above: Rect) -> (Rect, bool) {
    let count = u16::try_from(count).unwrap_or(u16::MAX);
    let has_border = above.height >= 4 && above.width >= 20;
    let edge = if has_border { 2 } else { 0 };
    let height = count.min(OFFERS).saturating_add(edge).min(above.height);
    let frame = Rect {
        y: above.bottom().saturating_sub(height),
        height,
        width: above.width.min(OFFER_COLUMNS),
        ..above
    };
    (frame, has_border)
}

/// Returns the first item that is seen of a list in which one is chosen.
pub fn first_item(chosen: usize, count: usize, items: usize) -> usize {
    let last = count.saturating_sub(items);
    chosen.saturating_sub(items / 2).min(last)
}

/// Returns the rows of a text.
pub fn text_rows(text: &str, cells: usize) -> Vec<String> {
    let line = |line| Line::new(vec![Span::plain(line)]);
    let lines: Vec<Line> = text.split('\n').map(line).collect();
    // Which signs they are changes no row but the one that says that there is more.
    let rows = wrap::wrap(&lines, cells, TEXT_ROWS_MAX, &Glyphs::UNICODE);
    rows.iter().map(text::Row::text).collect()
}

/// Returns the rows of a page.
pub fn page_rows(page: &TextPage, cells: usize) -> Vec<String> {
    rows_of(page, cells).take(TEXT_ROWS_MAX).collect()
}

fn rows_of(page: &TextPage, cells: usize) -> impl Iterator<Item = String> {
    page.rows.iter().flat_map(move |row| text_rows(row, cells))
}

/// A row of the help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HelpRow {
    /// Nothing.
    Blank,
    /// Where the keys below hold.
    Head(&'static str),
    /// Keys and what they do; further rows of that have no keys.
    Keys(String, String),
}

/// Returns the rows of the help.
pub fn help_rows(keys: &Keymap, cells: usize) -> Vec<HelpRow> {
    let column = help_column(cells);
    let mut rows = Vec::new();
    for section in keys.help() {
        if !rows.is_empty() {
            rows.push(HelpRow::Blank);
        }
        rows.push(HelpRow::Head(section.context.title()));
        for row in section.rows {
            let names = row.keys.join("  ");
            let mut names = text_rows(&names, column.saturating_sub(2)).into_iter();
            let mut docs = text_rows(&row.doc, cells.saturating_sub(column)).into_iter();
            loop {
                match (names.next(), docs.next()) {
                    (None, None) => break,
                    (names, docs) => rows.push(HelpRow::Keys(
                        names.unwrap_or_default(),
                        docs.unwrap_or_default(),
                    )),
                }
            }
        }
    }
    rows
}

/// Returns the cells of the keys in the help.
pub fn help_column(cells: usize) -> usize {
    KEYS_CELLS.min(cells / 2)
}
