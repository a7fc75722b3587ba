//! Texts that must fit into a row: what does not is left out, and a sign says so.
//!
//! Promises that the result takes no more cells than were asked for, whatever the text is; that it is cut between
//! signs, never within one; and that it is safe, as rows are. Knows nothing of wrapping.

use super::{
    Glyphs, Row, Span,
    width::{self, is_simple},
    wrap::{Shelf, flatten},
};

/// Returns the text if it fits into so many cells, else its beginning with an ellipsis behind it.
pub fn cut(text: &str, cells_max: usize, glyphs: &Glyphs) -> String {
    if text.len() <= cells_max && is_simple(text) {
        return text.to_owned();
    }
    cut_spans(&[Span::plain(text)], cells_max, glyphs).text()
}

/// Returns these pieces as one row if they fit into so many cells, else their beginning with an ellipsis of the role of
/// the first piece that was cut.
pub fn cut_spans(spans: &[Span], cells_max: usize, glyphs: &Glyphs) -> Row {
    let flat = flatten(spans);
    let mut shelf = Shelf::new(&flat);
    for sign in width::signs(&flat.text) {
        if shelf.room() + sign.room <= cells_max {
            shelf.put(sign);
            continue;
        }
        let mut dots: &str = glyphs.ellipsis;
        while width::room(dots) > cells_max {
            let mut chars = dots.chars();
            chars.next_back();
            dots = chars.as_str();
        }
        let at = sign.at;
        while shelf.room() + width::room(dots) > cells_max {
            shelf.take();
        }
        for mut dot in width::signs(dots) {
            dot.at = at;
            shelf.put(dot);
        }
        break;
    }
    shelf.row()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Role, width::room, wrap::tests::hard_text};
    use super::*;

    #[test]
    fn what_fits_stays_and_what_does_not_is_cut_between_signs() {
        for (text, cells, shown) in [
            ("hello", 5, "hello"),
            ("hello", 4, "hel…"),
            ("hello", 1, "…"),
            ("hello", 0, ""),
            ("漢字漢字", 8, "漢字漢字"),
            ("漢字漢字", 7, "漢字漢…"),
            ("漢字漢字", 6, "漢字…"),
            ("ae\u{301}bc", 3, "ae\u{301}…"),
            ("a👩\u{200d}👩\u{200d}👧b", 4, "a…"),
        ] {
            assert_eq!(
                cut(text, cells, &Glyphs::UNICODE),
                shown,
                "{text} in {cells}"
            );
        }
        assert_eq!(cut("hello", 4, &Glyphs::ASCII), "h...");
        assert_eq!(cut("hello", 2, &Glyphs::ASCII), "..");
    }

    #[test]
    fn roles_stay() {
        let spans = [Span::new("bold", Role::BOLD), Span::plain(" and so on")];
        let row = cut_spans(&spans, 8, &Glyphs::UNICODE);
        assert_eq!(
            row.spans,
            [Span::new("bold", Role::BOLD), Span::plain(" an…")]
        );
        assert_eq!(row.room, 8);
    }

    proptest! {
        #[test]
        fn it_always_fits(text in hard_text(), cells in 0_usize..20) {
            let shown = cut(&text, cells, &Glyphs::UNICODE);
            prop_assert!(width::cells(&shown) <= cells);
            prop_assert!(room(&shown) <= cells);
            let shown = cut(&text, cells, &Glyphs::ASCII);
            prop_assert!(room(&shown) <= cells);
        }
    }
}
