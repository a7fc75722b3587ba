//! `:name:` for people whose keyboards have no emoji.
//!
//! Completes names as they are typed and puts the sign in the place of a whole one. What is not in the table, what
//! stands in code or within a word or an address stays as it was typed. The table is small on purpose: what people say
//! to each other, not all of Unicode.

use std::{borrow::Cow, ops::Range};

pub use super::emoji_table::TABLE;

/// Returns the sign of a name without colons.
pub fn named(name: &str) -> Option<&'static str> {
    let at = TABLE.binary_search_by_key(&name, |(name, _)| name).ok()?;
    TABLE.get(at).map(|(_, sign)| *sign)
}

/// Returns at most `most` names with their signs for what was typed behind the colon: first those that begin with it,
/// then those that contain it.
pub fn complete(typed: &str, most: usize) -> Vec<(&'static str, &'static str)> {
    let typed = typed.to_lowercase();
    let begins = TABLE.iter().filter(|(name, _)| name.starts_with(&typed));
    let is_within = |name: &str| !name.starts_with(&typed) && name.contains(&typed);
    let contains = TABLE.iter().filter(|(name, _)| is_within(name));
    begins.chain(contains).take(most).copied().collect()
}

/// Returns where the name that is being typed before the cursor stands, in bytes, with its colon; none if there is none
/// or the cursor stands within a character.
pub fn being_typed(text: &str, cursor: usize) -> Option<Range<usize>> {
    let before = text.get(..cursor)?;
    let colon = before.rfind(|c| !is_of_name(c))?;
    let is_colon = before.get(colon..)?.starts_with(':');
    let last = before.get(..colon)?.chars().next_back();
    let begins = last.is_none_or(|c| !c.is_alphanumeric() && c != ':' && c != '/');
    (is_colon && begins && colon + 1 < cursor).then_some(colon..cursor)
}

/// Returns the text with signs in the places of their names.
pub fn replace(text: &str) -> Cow<'_, str> {
    if !text.contains(':') {
        return Cow::Borrowed(text);
    }
    let mut replaced = String::new();
    // What is copied already, and whether that ended within code.
    let mut copied = 0;
    let mut looked = 0;
    let mut is_code = false;
    while let Some(colon) = text.get(looked..).and_then(|rest| rest.find(':')) {
        let colon = looked + colon;
        let passed = text.get(looked..colon).unwrap_or_default();
        is_code ^= passed.matches('`').count() % 2 == 1;
        let rest = text.get(colon + 1..).unwrap_or_default();
        looked = colon + 1;
        let last = text.get(..colon).and_then(|text| text.chars().next_back());
        let is_free = last.is_none_or(|c| !c.is_alphanumeric() && c != '/');
        let length = rest.find(|c| !is_of_name(c)).unwrap_or(rest.len());
        let is_closed = rest.get(length..).is_some_and(|rest| rest.starts_with(':'));
        if is_code || !is_free || !is_closed {
            continue;
        }
        let Some(sign) = rest.get(..length).and_then(named) else {
            continue;
        };
        replaced += text.get(copied..colon).unwrap_or_default();
        replaced += sign;
        looked += length + 1;
        copied = looked;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    replaced += text.get(copied..).unwrap_or_default();
    Cow::Owned(replaced)
}

const fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '+' | '-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::width;
    use super::*;
    use crate::client::app::untrusted::Untrusted;

    #[test]
    fn the_table_is_in_order_and_drawn() {
        assert!(TABLE.is_sorted_by(|one, other| one.0 < other.0));
        for (name, sign) in TABLE {
            assert!(name.chars().all(is_of_name) && !name.is_empty(), "{name}");
            assert_eq!(width::cells(sign), 2, "{name} {sign}");
            assert_eq!(Untrusted::from(*sign).render_line(), *sign, "{name}");
            assert_eq!(named(name), Some(*sign));
        }
    }

    #[test]
    fn names_become_signs() {
        for (text, shown) in [
            (":smile: hi :+1:", "😄 hi 👍"),
            (":tada::tada:", "🎉🎉"),
            ("(:heart:)", "(❤️)"),
            (":nobody: :smile", ":nobody: :smile"),
            ("10:fire:20 at 10:30", "10:fire:20 at 10:30"),
            ("`:fire:` :fire:", "`:fire:` 🔥"),
            ("http://x/:fire:", "http://x/:fire:"),
            (": :", ": :"),
            ("no colon", "no colon"),
        ] {
            assert_eq!(replace(text), shown, "{text}");
        }
    }

    #[test]
    fn names_are_completed() {
        let names = |typed, most| {
            let found = complete(typed, most);
            found.into_iter().map(|it| it.0).collect::<Vec<_>>()
        };
        assert_eq!(names("tad", 9), ["tada"]);
        assert_eq!(names("thumbs", 9), ["thumbsdown", "thumbsup"]);
        assert_eq!(names("SMIL", 2), ["smile", "smile_cat"]);
        assert!(names("eyes", 20).contains(&"heart_eyes"));
        assert!(names("nobody", 9).is_empty());
        assert_eq!(being_typed("hi :smi", 7), Some(3..7));
        assert_eq!(being_typed(":smi le", 4), Some(0..4));
        for (text, cursor) in [
            ("10:3", 4),
            ("hi :", 4),
            ("smi", 3),
            ("http://a", 8),
            ("é", 1),
            ("", 0),
            ("a", 9),
        ] {
            assert_eq!(being_typed(text, cursor), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_fail(text in any::<String>(), cursor in 0_usize..20) {
            replace(&text);
            complete(&text, 5);
            being_typed(&text, cursor);
        }

        #[test]
        fn only_names_are_changed(text in "(:|`|fire|a|\\+1|é| ){0,20}") {
            prop_assert_eq!(replace(&text).replace('🔥', ":fire:").replace('👍', ":+1:"), text);
        }
    }
}
