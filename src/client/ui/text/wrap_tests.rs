//! Tests of `wrap`: what people write, and anything at all.

use proptest::prelude::*;

use super::*;
use crate::client::app::untrusted::is_drawn;

fn lines(text: &str) -> Vec<Line> {
    let line = |line| Line::new(vec![Span::plain(line)]);
    text.split('\n').map(line).collect()
}

fn shown(text: &str, cells: usize) -> Vec<String> {
    let rows = wrap(&lines(text), cells, 100, &Glyphs::UNICODE);
    rows.iter().map(Row::text).collect()
}

#[test]
fn words_stay_whole_where_they_fit() {
    assert_eq!(shown("hello world", 11), ["hello world"]);
    assert_eq!(shown("hello world", 10), ["hello", "world"]);
    assert_eq!(shown("hello  world ", 5), ["hello", "world"]);
    assert_eq!(shown("a bc def", 4), ["a bc", "def"]);
    assert_eq!(shown("", 4), [""]);
    assert_eq!(shown("a\n\nb", 4), ["a", "", "b"]);
    assert!(shown("hello", 0).is_empty());
}

#[test]
fn long_words_are_cut() {
    assert_eq!(shown("abcdefgh", 3), ["abc", "def", "gh"]);
    assert_eq!(shown("a bcdefgh", 4), ["a", "bcde", "fgh"]);
    assert_eq!(shown("   abcdef", 4), ["   a", "bcde", "f"]);
    assert_eq!(
        shown("see https://example.org/path", 12),
        ["see", "https://exam", "ple.org/path"]
    );
}

#[test]
fn wide_and_joined_signs_are_never_split() {
    assert_eq!(shown("漢字漢字", 5), ["漢字", "漢字"]);
    assert_eq!(shown("ab漢字。", 6), ["ab漢", "字。"]);
    assert_eq!(
        shown("e\u{301}e\u{301}e\u{301}", 2),
        ["e\u{301}e\u{301}", "e\u{301}"]
    );
    assert_eq!(shown("漢a", 1), ["?", "a"]);
    let family = "👩\u{200d}👩\u{200d}👧";
    assert_eq!(shown(&format!("{family}{family}"), 7), [family, family]);
    assert_eq!(shown(family, 3), ["👩"]);
    assert_eq!(shown("👍🏽👍🏽👍🏽 🇨🇭🇨🇭", 8), ["👍🏽👍🏽", "👍🏽 🇨🇭", "🇨🇭"]);
}

#[test]
fn a_sign_of_three_cells_breaks_no_row() {
    // What follows the heart has a cell of its own, and yet is one sign with it. What stands between is not drawn.
    for between in ["", "\u{200b}", "\u{1b}", "\u{202e}", "\r", "\u{600}"] {
        for whole in [
            format!("❤\u{fe0f}{between}\u{e33}"),
            format!("❤{between}\u{fe0f}\u{e33}"),
            format!("1{between}\u{fe0f}\u{20e3}\u{e33}"),
        ] {
            for cells in 1..6 {
                for text in [whole.clone(), format!("a{whole}b"), whole.repeat(3)] {
                    for row in wrap(&lines(&text), cells, 100, &Glyphs::UNICODE) {
                        let drawn = width::cells(&row.text());
                        assert!(drawn <= row.room, "{row:?} of {text:?} in {cells}");
                        assert!(row.room <= cells, "{row:?} of {text:?} in {cells}");
                    }
                }
            }
        }
    }
    assert_eq!(shown("❤\u{fe0f}\u{e33}", 3), ["❤\u{fe0f}\u{e33}"]);
    assert_eq!(shown("❤\u{fe0f}\u{e33}x", 2), ["❤x"], "its beginning alone");
}

#[test]
fn rows_from_right_to_left_end_in_a_mark() {
    assert_eq!(shown("שלום!", 9), ["שלום!\u{200e}"]);
    assert_eq!(shown("ab שלום cd", 7), ["ab שלום\u{200e}", "cd"]);
    assert_eq!(shown("שלום😀", 9), ["שלום\u{200e}😀"]);
    assert_eq!(shown("plain", 9), ["plain"]);
}

#[test]
fn roles_and_links_stay_over_the_edge() {
    let mut link = Span::new("https://example.org", Role::LINK);
    link.link = Some("https://example.org".into());
    let line = Line::new(vec![Span::new("see", Role::BOLD), Span::plain(" "), link]);
    let rows = wrap(&[line], 10, 9, &Glyphs::UNICODE);
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0].spans, [Span::new("see", Role::BOLD)]);
    for row in &rows[1..] {
        assert!(row.spans[0].role.has(Role::LINK) && row.spans[0].link.is_some());
    }
    // A mark over a border belongs to what it is drawn on.
    let spans = [Span::new("e", Role::BOLD), Span::plain("\u{301}x")];
    let rows = wrap(&[Line::new(spans.into())], 10, 9, &Glyphs::UNICODE);
    assert_eq!(
        rows[0].spans,
        [Span::new("e\u{301}", Role::BOLD), Span::plain("x")]
    );
}

#[test]
fn leads_stand_before_each_row_while_there_is_space() {
    let line = |cells| {
        let line = Line {
            first: "• ".into(),
            further: "  ".into(),
            spans: vec![Span::plain("one two")],
        };
        let rows = wrap(&[line], cells, 9, &Glyphs::UNICODE);
        rows.iter().map(Row::text).collect::<Vec<_>>()
    };
    assert_eq!(line(9), ["• one two"]);
    assert_eq!(line(8), ["• one", "  two"]);
    assert_eq!(line(3), ["one", "two"]);
}

#[test]
fn what_is_too_long_says_so() {
    let rows = wrap(&lines("a\nb\nc\nd"), 10, 3, &Glyphs::UNICODE);
    let shown: Vec<String> = rows.iter().map(Row::text).collect();
    assert_eq!(shown, ["a", "b", "… more"]);
    assert_eq!(wrap(&lines("a\nb\nc"), 10, 3, &Glyphs::UNICODE).len(), 3);
    assert_eq!(wrap(&lines("abcdefghij"), 2, 3, &Glyphs::ASCII).len(), 3);
}

/// Texts of signs that are hard on rows.
pub(crate) fn hard_text() -> impl Strategy<Value = String> {
    let sign = prop::sample::select(vec![
        "a",
        "b",
        " ",
        "  ",
        "\t",
        "漢",
        "。",
        "（",
        "ש",
        "ل",
        "\u{301}",
        "\u{200d}",
        "\u{fe0f}",
        "❤",
        "👩",
        "🏽",
        "🇨",
        "\n",
        "\u{1b}",
        "\u{202e}",
        "\u{200b}",
        "ไ",
        "ำ",
        "한",
        "ᄒ",
        "ᅡ",
        "ᆫ",
        "நி",
        "क्षि",
        "-",
        "#",
        "1",
        "\u{20e3}",
        "https://x.org/",
        "\u{e0041}",
        "\r\n",
        "ﷺ",
        "𒐫",
        "\u{b}",
    ]);
    prop_oneof![
        prop::collection::vec(sign, 0..40).prop_map(|signs| signs.concat()),
        any::<String>(),
    ]
}

proptest! {
    #[test]
    fn no_row_is_wider_than_it_may_be(
        texts in prop::collection::vec(hard_text(), 0..4),
        first in "\\PC{0,3}",
        further in "\\PC{0,3}",
        cells in 0_usize..24,
        rows_max in 0_usize..30,
    ) {
        let roles = [Role::PLAIN, Role::BOLD, Role::LINK | Role::CODE];
        let spans = texts.iter().zip(roles.into_iter().cycle());
        let spans = spans.map(|(text, role)| Span::new(text, role)).collect();
        let line = Line { first, further, spans };
        let rows = wrap(&[line], cells, rows_max, &Glyphs::UNICODE);
        prop_assert!(rows.len() <= rows_max);
        for row in rows {
            let text = row.text();
            prop_assert!(row.room <= cells, "{} in {cells}: {text:?}", row.room);
            prop_assert!(width::cells(&text) <= cells, "{text:?} in {cells}");
            let drawn: usize = row.spans.iter().map(|span| width::cells(&span.text)).sum();
            prop_assert!(drawn <= cells, "{:?} in {cells}", row.spans);
            prop_assert!(text.chars().all(|c| is_drawn(c) || c == LEFT_TO_RIGHT), "{text:?}");
        }
    }

    #[test]
    fn nothing_but_blanks_is_lost(text in hard_text(), cells in 6_usize..24) {
        let rows = wrap(&lines(&text.replace('\n', " ")), cells, usize::MAX - 1, &Glyphs::UNICODE);
        let solid = |text: &str| text.replace([' ', LEFT_TO_RIGHT], "");
        let all: String = rows.iter().map(|row| solid(&row.text())).collect();
        let given: Vec<_> = width::signs(&text.replace('\n', " ")).map(|sign| fit(sign, cells).text.into_owned()).collect();
        prop_assert_eq!(all, solid(&given.concat()));
    }
}
