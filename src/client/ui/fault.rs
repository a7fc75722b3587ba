//! What is wrong with a file of settings that a person wrote: the line, what is wrong, and the mend.
//!
//! Promises that whatever the file says is shown harmless and short, and that a fault costs its own line only: what
//! is right in the file holds. Knows no files: who reads them puts the name of the file before the fault.

use std::{fmt, ops::Range};

use toml::{
    Spanned,
    de::{DeTable, Error},
};

/// Letters of a word of the file that are shown.
const SHOWN_CHARS_MAX: usize = 30;
/// Mistakes in a word up to which a name is suggested.
const DISTANCE_MAX: usize = 3;

/// One thing that is wrong in a file of settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line of the file, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub mend: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}; {}", self.line, self.what, self.mend)
    }
}

/// Reads a text as TOML as far as it goes, and names what is no TOML.
pub fn read<'t>(text: &'t str) -> (DeTable<'t>, Vec<Fault>) {
    let (table, errors) = DeTable::parse_recoverable(text);
    let fault = |error: &Error| {
        let line = line_of(text, &error.span().unwrap_or_default());
        let written = text.split('\n').nth(line - 1).unwrap_or_default();
        let (what, mend) = match bare(written) {
            Some((what, mend)) => (what, mend),
            None => (
                one_line(error.message()),
                "correct this line; the others hold".to_owned(),
            ),
        };
        let what = format!("this is no TOML: {what}");
        Fault { line, what, mend }
    };
    let mut faults: Vec<Fault> = errors.iter().map(fault).collect();
    // One slip makes the parser complain more than once about a line.
    faults.dedup_by(|next, first| next.line == first.line);
    (table.into_inner(), faults)
}

/// What is wrong with a line, and its mend, where something stands without quotes that needs them, or a word for yes or no
/// that TOML does not know.
fn bare(written: &str) -> Option<(String, String)> {
    let (key, value) = written.split_once('=')?;
    let (key, value) = (
        key.trim(),
        value.split('#').next().unwrap_or_default().trim(),
    );
    let is_quoted = |text: &str| text.starts_with(['"', '\'']);
    let is_bare = |c: char| c.is_ascii_alphanumeric() || "_-. \t".contains(c);
    let is_key = !key.is_empty() && !key.starts_with('[') && !is_quoted(key);
    if is_key && !key.chars().all(is_bare) {
        let what = format!("{} stands without quotes", shown(key));
        return Some((what, "put what is before the = in double quotes".to_owned()));
    }
    let lower = value.to_ascii_lowercase();
    let word = match lower.as_str() {
        "yes" | "on" | "true" | "enabled" => "true",
        "no" | "off" | "false" | "disabled" => "false",
        _ => "",
    };
    // Those of TOML have nothing wrong with them.
    if !word.is_empty() && value != word {
        let what = format!("{} is neither true nor false", shown(value));
        let mend = format!("write {word}, without quotes (true or false)");
        return Some((what, mend));
    }
    let mut signs = value.chars();
    let is_word = signs.next().is_some_and(char::is_alphabetic)
        && signs.all(|c| c.is_alphanumeric() || "_-+. ".contains(c));
    (is_word && value != word).then(|| {
        let what = format!("{} stands without quotes", shown(value));
        (what, "put it in double quotes".to_owned())
    })
}

/// Returns the entries of a table in the order in which they stand in the file.
pub fn in_order<'a, K, V>(
    entries: impl Iterator<Item = (&'a Spanned<K>, &'a V)>,
) -> Vec<(&'a str, Range<usize>, &'a V)>
where
    K: AsRef<str> + 'a,
    V: 'a,
{
    let mut all: Vec<_> = entries
        .map(|(key, value)| (key.get_ref().as_ref(), key.span(), value))
        .collect();
    all.sort_by_key(|(_, span, _)| span.start);
    all
}

/// Returns the line in which a piece of a text begins, from 1.
pub fn line_of(text: &str, piece: &Range<usize>) -> usize {
    let before = text.bytes().take(piece.start);
    before.filter(|byte| *byte == b'\n').count() + 1
}

/// Returns a word of the file as it can be shown: in quotes, short, and with nothing that moves a cursor.
pub fn shown(word: &str) -> String {
    let start: String = word.chars().take(SHOWN_CHARS_MAX).collect();
    let more = if start.len() < word.len() { "…" } else { "" };
    format!("\"{}{more}\"", start.escape_debug())
}

/// Returns the mend for a name that is not known: the nearest one, or where all stand.
pub fn suggest<'n>(
    word: &str,
    names: impl IntoIterator<Item = &'n str>,
    otherwise: &str,
) -> String {
    match nearest(word, names) {
        Some(name) => format!("did you mean \"{name}\"?"),
        None => otherwise.to_owned(),
    }
}

/// Returns the name that was most likely meant.
pub fn nearest<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let typed: Vec<char> = word.to_lowercase().chars().take(SHOWN_CHARS_MAX).collect();
    // A short word with three mistakes is another word.
    let allowed = DISTANCE_MAX.min(typed.len() / 2);
    names
        .into_iter()
        .map(|name| (distance(&typed, name), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Counts the letters to add, drop or change between two words.
fn distance(typed: &[char], name: &str) -> usize {
    let mut above: Vec<usize> = (0..=typed.len()).collect();
    for (row, wanted) in name.chars().enumerate() {
        let mut here = Vec::with_capacity(above.len());
        let mut left = row + 1;
        here.push(left);
        for (letter, pair) in typed.iter().zip(above.windows(2)) {
            let changed = pair[0] + usize::from(*letter != wanted);
            left = changed.min(pair[1] + 1).min(left + 1);
            here.push(left);
        }
        above = here;
    }
    above.last().copied().unwrap_or(usize::MAX)
}

fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested_and_nothing_far_fetched() {
        let names = ["send", "newline", "quit"];
        assert_eq!(nearest("sned", names), Some("send"));
        assert_eq!(nearest("NEWLIN", names), Some("newline"));
        assert_eq!(nearest("x", names), None);
        assert_eq!(nearest("frobnicate", names), None);
        assert_eq!(nearest(&"q".repeat(5000), names), None);
        assert_eq!(nearest("", names), None);
    }

    #[test]
    fn what_the_file_says_is_shown_short_and_harmless() {
        assert_eq!(shown("a\u{1b}[2J\u{202e}"), "\"a\\u{1b}[2J\\u{202e}\"");
        assert_eq!(shown(&"y".repeat(99)), format!("\"{}…\"", "y".repeat(30)));
    }

    #[test]
    fn what_is_no_toml_is_named_by_its_line_and_the_rest_is_read() {
        let (table, faults) = read("a = 1\nb = = 2\nc = 3\n");
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert_eq!(faults[0].line, 2);
        assert!(faults[0].to_string().starts_with("line 2: this is no TOML"));
        assert!(table.contains_key("a") && table.contains_key("c"));
    }

    #[test]
    fn what_needs_quotes_and_what_is_no_truth_is_named_with_its_mend() {
        for (line, expected) in [
            (
                "mouse = yes",
                "\"yes\" is neither true nor false; write true, without quotes (true or false)",
            ),
            (
                "mouse = Off # for now",
                "\"Off\" is neither true nor false; write false, without quotes (true or false)",
            ),
            (
                "theme = dark",
                "\"dark\" stands without quotes; put it in double quotes",
            ),
            (
                "ctrl+x = \"quit\"",
                "\"ctrl+x\" stands without quotes; put what is before the = in double quotes",
            ),
        ] {
            let text = format!("a = 1\n{line}\nc = 3\n");
            let (_, faults) = read(&text);
            let faults: Vec<String> = faults.iter().map(Fault::to_string).collect();
            let expected = format!("line 2: this is no TOML: {expected}");
            assert_eq!(faults, [expected], "{line}");
        }
        for line in ["b = = 2", "b =", "= 3", "b = \"x", "b", "[b"] {
            let (_, faults) = read(line);
            let mend = &faults[0].mend;
            assert_eq!(mend, "correct this line; the others hold", "{line}");
        }
        assert_eq!(read("a = true\nb = \"x\"\n").1, []);
    }

    #[test]
    fn a_key_given_twice_is_named() {
        let (_, faults) = read("a = 1\na = 2\n");
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert_eq!(faults[0].line, 2);
    }
}
