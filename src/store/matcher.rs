//! Whether texts match a query, and the pieces of them that show it: the one meaning of a search for every store.
//!
//! A text matches if each term of the query does, in the sense of FTS5's tokenizer `unicode61 remove_diacritics 2`, with
//! each Han, Hiragana and Katakana character a word of its own. The matcher is an FTS5 table in memory that holds some
//! texts for the time of one question, so an index of the same kind never finds by other rules. It knows nothing of
//! messages or who may read them.

use std::borrow::Cow;

use rusqlite::Connection;

use crate::domain::search::{Query, SnippetPart};

/// How every index of texts takes them apart.
pub(super) const TOKENIZE: &str = "tokenize = 'unicode61 remove_diacritics 2'";
/// Stands between characters that are words of their own. No text can hold it.
const SEPARATOR: char = '\u{1f}';
/// Stands before and behind what was found. No text can hold them.
const HIT: [char; 2] = ['\u{2}', '\u{3}'];
/// A longer text is cut to about this many characters.
const SNIPPET_CHARS: usize = 120;
/// Characters of a cut text that stand before what was found first.
const BEFORE_CHARS: usize = 30;
/// So many characters are given up at a cut to end with a whole word.
const WORD_CHARS: usize = 16;
/// Shows that a text is cut.
const CUT: &str = "…";

/// Matches texts against one query.
pub(super) struct Matcher {
    texts: Connection,
    expression: String,
}

impl Matcher {
    /// A matcher for this query.
    pub fn new(query: &Query) -> rusqlite::Result<Self> {
        let texts = Connection::open_in_memory()?;
        texts.execute_batch(&format!(
            "CREATE VIRTUAL TABLE texts USING fts5(text, columnsize = 0, {TOKENIZE})"
        ))?;
        Ok(Self {
            texts,
            expression: expression(query),
        })
    }

    /// Those of the texts that match, in the order given, each with its snippet.
    pub fn matches(
        &mut self,
        texts: &[(u64, &str)],
    ) -> rusqlite::Result<Vec<(u64, Vec<SnippetPart>)>> {
        // Rolled back at the end, so that the table is empty again.
        let asked = self.texts.transaction()?;
        let mut insert = asked.prepare_cached("INSERT INTO texts (rowid, text) VALUES (?1, ?2)")?;
        for (place, (_, text)) in (0_i64..).zip(texts) {
            insert.execute((place, prepared(text)))?;
        }
        let mut select = asked.prepare_cached(
            "SELECT rowid, highlight(texts, 0, char(2), char(3)) FROM texts WHERE texts MATCH ?1 ORDER BY rowid",
        )?;
        let mut found = select.query([&self.expression])?;
        let mut matching = Vec::new();
        while let Some(row) = found.next()? {
            let place = usize::try_from(row.get::<_, i64>(0)?).unwrap_or(usize::MAX);
            if let Some((id, _)) = texts.get(place) {
                matching.push((*id, snippet(row.get_ref(1)?.as_str()?)));
            }
        }
        Ok(matching)
    }
}

/// What FTS5 is asked for. Every term is a string of it, so that nothing in a query is syntax.
pub(super) fn expression(query: &Query) -> String {
    let terms = query.terms().iter().map(|term| {
        let text = prepared(&term.text).replace('"', "\"\"");
        let prefix = if term.prefix { " *" } else { "" };
        format!("\"{text}\"{prefix}")
    });
    terms.collect::<Vec<_>>().join(" AND ")
}

/// A text as it is put into an index or asked for: characters that are words of their own are set apart.
pub(super) fn prepared(text: &str) -> Cow<'_, str> {
    if !text.contains(is_word) {
        return Cow::Borrowed(text);
    }
    let mut apart = String::with_capacity(text.len() * 3 / 2);
    let mut after_word = false;
    for c in text.chars() {
        let word = is_word(c);
        if (word || after_word) && !apart.is_empty() {
            apart.push(SEPARATOR);
        }
        apart.push(c);
        after_word = word;
    }
    Cow::Owned(apart)
}

/// Whether the character is a word of its own: scripts that put no blanks between words.
const fn is_word(c: char) -> bool {
    matches!(c,
        '\u{2e80}'..='\u{2fdf}'         // radicals
        | '\u{3005}'..='\u{3007}' | '\u{3021}'..='\u{3029}' | '\u{3038}'..='\u{303b}'
        | '\u{3041}'..='\u{3096}' | '\u{309d}'..='\u{309f}'     // Hiragana
        | '\u{30a1}'..='\u{30fa}' | '\u{30fc}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}'   // Katakana
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'   // Han
        | '\u{ff66}'..='\u{ff9d}'       // narrow Katakana
        | '\u{1b000}'..='\u{1b16f}' | '\u{20000}'..='\u{3fffd}')
}

/// The pieces of a text in which what was found is marked: all of a short one, else what lies around the first hit.
fn snippet(marked: &str) -> Vec<SnippetPart> {
    let mut text: Vec<(char, bool)> = Vec::with_capacity(marked.len());
    let mut hit = false;
    for c in marked.chars() {
        match c {
            SEPARATOR => {}
            c if HIT.contains(&c) => hit = c == HIT[0],
            '\n' | '\t' | '\u{2028}' | '\u{2029}' => text.push((' ', hit)),
            c => text.push((c, hit)),
        }
    }
    let (from, to) = window(&text);
    let mut parts = Vec::new();
    if from > 0 {
        push(&mut parts, CUT, false);
    }
    for run in text[from..to].chunk_by(|one, next| one.1 == next.1) {
        let piece: String = run.iter().map(|(c, _)| *c).collect();
        push(&mut parts, &piece, run[0].1);
    }
    if to < text.len() {
        push(&mut parts, CUT, false);
    }
    parts
}

/// Which part of a text is shown: its first character and the one after its last.
fn window(text: &[(char, bool)]) -> (usize, usize) {
    if text.len() <= SNIPPET_CHARS {
        return (0, text.len());
    }
    let is_blank = |place: &usize| text[*place].0 == ' ';
    let hit = text.iter().position(|(_, hit)| *hit).unwrap_or(0);
    let latest = text.len() - SNIPPET_CHARS;
    let mut from = hit.saturating_sub(BEFORE_CHARS).min(latest);
    if from > 0 {
        // Begins after a blank, if there is one near.
        let near = from..hit.min(from + WORD_CHARS);
        from = near.clone().find(is_blank).map_or(from, |blank| blank + 1);
    }
    let mut to = (from + SNIPPET_CHARS).min(text.len());
    if to < text.len() {
        let near = (to - WORD_CHARS).max(hit + 1)..to;
        to = near.rev().find(is_blank).unwrap_or(to);
    }
    (from, to)
}

/// Adds to the pieces, which alternate between what was found and what was not.
fn push(parts: &mut Vec<SnippetPart>, text: &str, hit: bool) {
    match parts.last_mut() {
        Some(last) if last.hit == hit => last.text.push_str(text),
        _ => parts.push(SnippetPart {
            text: text.to_owned(),
            hit,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(query: &str, text: &str) -> Option<String> {
        let mut matcher = Matcher::new(&query.parse().unwrap()).unwrap();
        let found = matcher.matches(&[(7, text)]).unwrap();
        let (id, parts) = found.into_iter().next()?;
        assert_eq!(id, 7);
        let alternate = parts.windows(2).all(|two| two[0].hit != two[1].hit);
        assert!(alternate && parts.iter().all(|part| !part.text.is_empty()));
        let show = |part: &SnippetPart| match part.hit {
            true => format!("[{}]", part.text),
            false => part.text.clone(),
        };
        Some(parts.iter().map(show).collect())
    }

    #[test]
    fn every_term_must_match() {
        let text = "The quick brown fox\njumps\tover Zoë's lazy dog";
        for (query, expected) in [
            ("fox", "The quick brown [fox] jumps over Zoë's lazy dog"),
            (
                "FOX the",
                "[The] quick brown [fox] jumps over Zoë's lazy dog",
            ),
            ("zoe", "The quick brown fox jumps over [Zoë]'s lazy dog"),
            (
                "bro jum",
                "The quick [brown] fox [jumps] over Zoë's lazy dog",
            ),
            (
                "\"brown fox\"",
                "The quick [brown fox] jumps over Zoë's lazy dog",
            ),
            (
                "fox jumps",
                "The quick brown [fox] [jumps] over Zoë's lazy dog",
            ),
        ] {
            assert_eq!(shown(query, text).as_deref(), Some(expected), "{query}");
        }
        for query in [
            "cat",
            "fox cat",
            "fo",
            "ox",
            "\"fox brown\"",
            "\"bro\"",
            "\"brown f\"",
        ] {
            assert_eq!(shown(query, text), None, "{query}");
        }
    }

    #[test]
    fn nothing_in_a_query_is_syntax() {
        let text = "text : NEAR(a b) OR not^x* {y} the rest";
        for query in [
            "OR",
            "NEAR(a",
            "text:",
            "not^x*",
            "{y}",
            "-rest",
            "(a",
            "AND*\" rest",
        ] {
            let expected = query != "AND*\" rest";
            assert_eq!(shown(query, text).is_some(), expected, "{query}");
        }
        assert_eq!(shown("texts:rest", text), None);
        assert_eq!(
            shown("a\u{0}b", text).as_deref(),
            Some("text : NEAR([a b]) OR not^x* {y} the rest")
        );
    }

    #[test]
    fn characters_of_scripts_without_blanks_are_words() {
        let text = "今日は東京タワーへ行くABC한국어";
        for (query, expected) in [
            ("東京", "今日は[東京]タワーへ行くABC한국어"),
            ("京タ", "今日は東[京タ]ワーへ行くABC한국어"),
            ("東 京", "今日は[東京]タワーへ行くABC한국어"),
            ("タワー 今日", "[今日]は東京[タワー]へ行くABC한국어"),
            ("くabc", "今日は東京タワーへ行[くABC한국어]"),
            ("行 abc한", "今日は東京タワーへ[行]く[ABC한국어]"),
        ] {
            assert_eq!(shown(query, text).as_deref(), Some(expected), "{query}");
        }
        assert_eq!(shown("京東", text), None);
        assert!(matches!(prepared("no such words"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_long_text_is_cut_around_the_first_hit() {
        let words = |count: usize| "word ".repeat(count);
        let text = format!("{}needle {}needle", words(40), words(40));
        let expected = format!("…{}[needle] {}word…", words(5), words(16));
        assert_eq!(shown("needle", &text), Some(expected));
        let text = format!("needle {}", words(40));
        let expected = format!("[needle] {}word…", words(21));
        assert_eq!(shown("needle", &text), Some(expected));
        let text = format!("{}needle", words(40));
        assert_eq!(
            shown("needle", &text).unwrap(),
            format!("…{}[needle]", words(22))
        );
        let text = "x".repeat(4_000);
        assert_eq!(
            shown("xxx", &text).unwrap(),
            format!("[{}]…", "x".repeat(120))
        );
    }

    #[test]
    fn a_matcher_answers_for_many_texts_and_again() {
        let mut matcher = Matcher::new(&"one".parse().unwrap()).unwrap();
        let ids = |found: Vec<(u64, Vec<SnippetPart>)>| -> Vec<u64> {
            found.into_iter().map(|(id, _)| id).collect()
        };
        let texts = [(9, "one"), (u64::MAX, "two"), (3, "ones"), (3, "one more")];
        for _ in 0..2 {
            assert_eq!(ids(matcher.matches(&texts).unwrap()), [9, 3, 3]);
        }
        assert_eq!(ids(matcher.matches(&[]).unwrap()), [0; 0]);
        assert_eq!(ids(matcher.matches(&[(1, "two")]).unwrap()), [0; 0]);
    }
}
