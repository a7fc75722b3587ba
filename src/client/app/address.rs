//! Addresses of the web in a text.
//!
//! Promises that an address is written in the text as it is returned, begins with `http://` or `https://` and a host,
//! and leaves out what belongs to the sentence around it: a full stop, a bracket that it did not open. Opens nothing.

use std::ops::Range;

const SCHEMES: [&str; 2] = ["https://", "http://"];
/// Longer ones are text: nobody opens them by hand, and some programs do not take them.
const BYTES_MAX: usize = 2048;

/// Returns the addresses in a text, in bytes, in order.
pub fn find(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(colon) = text.get(from..).and_then(|rest| rest.find("://")) {
        let colon = from + colon;
        from = colon + "://".len();
        let Some(begin) = begin(text, colon) else {
            continue;
        };
        let rest = text.get(from..).unwrap_or_default();
        let length = rest.find(|c| !is_of_address(c)).unwrap_or(rest.len());
        let end = from + trimmed(rest.get(..length).unwrap_or_default());
        let has_host = text
            .get(from..end)
            .and_then(|rest| rest.chars().next())
            .is_some_and(|c| c.is_alphanumeric() || c == '[');
        if has_host && end - begin <= BYTES_MAX {
            found.push(begin..end);
        }
        from += length;
    }
    found
}

/// Where the scheme before a `://` begins, if it is one and begins a word.
fn begin(text: &str, colon: usize) -> Option<usize> {
    let before = text.get(..colon)?;
    let scheme = SCHEMES.iter().find_map(|scheme| {
        let name = scheme.trim_end_matches("://");
        let at = before.len().checked_sub(name.len())?;
        let is_it = before.get(at..)?.eq_ignore_ascii_case(name);
        is_it.then_some(at)
    })?;
    let last = before.get(..scheme)?.chars().next_back();
    last.is_none_or(|c| !c.is_alphanumeric()).then_some(scheme)
}

fn is_of_address(c: char) -> bool {
    !c.is_whitespace()
        && !c.is_control()
        && !matches!(
            c,
            '<' | '>' | '"' | '`' | '\\' | '^' | '{' | '}' | '|' | '\u{fffd}'
        )
        && !matches!(c, '\u{ff08}'..='\u{ff09}' | '\u{3000}'..='\u{3011}' | '，' | '“' | '”')
}

/// How much of a run of characters is the address.
fn trimmed(run: &str) -> usize {
    // What each bracket lacks: below 0 there are more closing ones than opening ones.
    let mut open = [0_i32; 2];
    for c in run.chars() {
        match c {
            '(' => open[0] += 1,
            ')' => open[0] -= 1,
            '[' => open[1] += 1,
            ']' => open[1] -= 1,
            _ => {}
        }
    }
    let mut end = run.len();
    for (at, c) in run.char_indices().rev() {
        let is_left_out = match c {
            ')' => open[0] < 0,
            ']' => open[1] < 0,
            '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | '_' | '~' | '…' | '’' => true,
            _ => false,
        };
        if !is_left_out {
            break;
        }
        open[0] += i32::from(c == ')');
        open[1] += i32::from(c == ']');
        end = at;
    }
    end
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(text: &str) -> Vec<&str> {
        find(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn addresses_are_found_without_the_sentence_around_them() {
        for (text, addresses) in [
            ("https://x.org", vec!["https://x.org"]),
            (
                "see http://x.org/a?b=c#d, or HTTPS://Y.org!",
                vec!["http://x.org/a?b=c#d", "HTTPS://Y.org"],
            ),
            ("(https://x.org/a_(b))", vec!["https://x.org/a_(b)"]),
            ("(https://x.org).", vec!["https://x.org"]),
            ("[https://x.org/a[1]]", vec!["https://x.org/a[1]"]),
            ("https://[::1]:80/", vec!["https://[::1]:80/"]),
            ("**https://x.org**", vec!["https://x.org"]),
            ("<https://x.org>", vec!["https://x.org"]),
            ("https://例え.jp/道。次", vec!["https://例え.jp/道"]),
            ("shttp://x.org ftp://x.org", vec![]),
            ("https:// http://. https://", vec![]),
            ("ssh://x https://y", vec!["https://y"]),
        ] {
            assert_eq!(found(text), addresses, "{text}");
        }
        assert!(found(&format!("https://{}", "x".repeat(BYTES_MAX))).is_empty());
    }

    proptest! {
        #[test]
        fn each_is_an_address_of_the_text(text in "(https?://|[a-c.,()\\[\\] *<>é漢\\n]){0,20}") {
            let mut last = 0;
            for range in find(&text) {
                prop_assert!(last <= range.start && range.start < range.end);
                last = range.end;
                let address = &text[range];
                prop_assert!(address.starts_with("http") && !address.contains([' ', '\n', '<']));
            }
        }

        #[test]
        fn nothing_makes_it_fail(text in any::<String>()) {
            find(&text);
        }
    }
}
