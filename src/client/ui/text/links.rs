//! Where a text leads: addresses of the web in it, and the cells of a row that can be clicked. Opens nothing.

use std::{ops::Range, sync::Arc};

use super::{Row, width};

pub use crate::client::app::address::find;

/// A place of a row that leads somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its cells, counted from the beginning of the row as ratatui draws it.
    pub cells: Range<usize>,
    /// Where it leads, whole, even if the row holds only a part of it.
    pub to: Arc<str>,
}

/// Returns the places of a row that lead somewhere, from left to right.
pub fn in_row(row: &Row) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    let mut at = 0;
    for span in &row.spans {
        let end = at + width::cells(&span.text);
        if let Some(to) = &span.link {
            match places.last_mut() {
                Some(last) if last.cells.end == at && last.to == *to => last.cells.end = end,
                _ => places.push(Place {
                    cells: at..end,
                    to: to.clone(),
                }),
            }
        }
        at = end;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::super::{Role, Span};
    use super::*;

    #[test]
    fn places_are_counted_in_cells() {
        let link = |text: &str, to: &str, role| Span {
            text: text.into(),
            role,
            link: Some(to.into()),
        };
        let row = Row {
            spans: vec![
                Span::plain("漢 "),
                link("do", "u", Role::LINK),
                link("cs", "u", Role::LINK | Role::BOLD),
                link("x", "v", Role::LINK),
            ],
            room: 8,
        };
        let places = in_row(&row);
        let got: Vec<_> = places
            .iter()
            .map(|it| (it.cells.clone(), &*it.to))
            .collect();
        assert_eq!(got, [(3..7, "u"), (7..8, "v")]);
    }
}
