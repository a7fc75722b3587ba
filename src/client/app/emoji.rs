//! `:name:` for people whose keyboards have no emoji.
//!
//! Completes names as they are typed and puts the sign in the place of a whole one, in a text and as a reaction. In a text,
//! what is not in the table, what stands in code or within a word, a path, a time or an address stays as it was typed. The table is
//! small on purpose: what people say to each other, not all of Unicode. Which lines a person has typed is not known here.

use std::{borrow::Cow, ops::Range};

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag};

use super::{command, untrusted::Untrusted};
use crate::domain::{reaction::Emoji, text::MessageText};

pub use super::emoji_table::TABLE;

/// Names of those that are given most, the first one first.
pub const USUAL: [&str; 9] = [
    "+1",
    "heart",
    "joy",
    "tada",
    "open_mouth",
    "cry",
    "pray",
    "eyes",
    "white_check_mark",
];

/// Names that are proposed for one that there is not.
const NEAR_MAX: usize = 3;
/// Letters of a name that there is not which are shown.
const NAME_CHARS_MAX: usize = 30;

/// How well a name fits what was typed, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// It is it.
    Exact,
    /// It begins with it.
    Begins,
    /// It holds it.
    Contains,
}

/// A name between colons that no emoji has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no emoji is called :{name}:; {}give the emoji itself",
    near_words(near)
)]
pub struct UnknownName {
    /// The name, made safe and cut.
    name: String,
    /// Names that are near it.
    near: Vec<&'static str>,
}

/// Returns the sign of a name without colons.
pub fn named(name: &str) -> Option<&'static str> {
    let at = TABLE.binary_search_by_key(&name, |(name, _)| name).ok()?;
    TABLE.get(at).map(|(_, sign)| *sign)
}

/// Returns how well a name fits what was typed, in lower case; `None`: not at all.
pub fn fit(name: &str, typed: &str) -> Option<Fit> {
    if name == typed {
        Some(Fit::Exact)
    } else if name.starts_with(typed) {
        Some(Fit::Begins)
    } else {
        name.contains(typed).then_some(Fit::Contains)
    }
}

/// Returns all names with their signs: first those that are given most, then the others by their letters.
pub fn by_use() -> impl Iterator<Item = (&'static str, &'static str)> {
    let usual = USUAL.iter().filter_map(|name| Some((*name, named(name)?)));
    let rest = TABLE.iter().copied();
    usual.chain(rest.filter(|(name, _)| !USUAL.contains(name)))
}

/// Returns at most `most` names with their signs for what was typed behind the colon: the name itself, then those that begin
/// with it, then those that hold it; of those that fit equally well first what is given most.
pub fn complete(typed: &str, most: usize) -> Vec<(&'static str, &'static str)> {
    let typed = typed.to_lowercase();
    let fitting = by_use().filter_map(|named| Some((fit(named.0, &typed)?, named)));
    let mut fitting: Vec<_> = fitting.collect();
    fitting.sort_by_key(|(fit, _)| *fit);
    let names = fitting.into_iter().map(|(_, named)| named);
    names.take(most).collect()
}

/// Returns the reaction that is meant: where a name stands between colons, its sign. Anything else is taken as it is.
pub fn given(typed: Emoji) -> Result<Emoji, UnknownName> {
    let Some(name) = between_colons(typed.as_str()) else {
        return Ok(typed);
    };
    match named(&name).and_then(|sign| sign.parse().ok()) {
        Some(sign) => Ok(sign),
        None => Err(UnknownName {
            name: Untrusted::from(name.as_str()).render_start(NAME_CHARS_MAX),
            near: near(&name),
        }),
    }
}

/// The same for one that is taken back. A name that no emoji has may have been given as it is, by a program.
pub fn taken_back(typed: Emoji) -> Emoji {
    given(typed.clone()).unwrap_or(typed)
}

fn between_colons(typed: &str) -> Option<String> {
    let name = typed.strip_prefix(':')?.strip_suffix(':')?;
    let is_name = !name.is_empty() && name.chars().all(is_of_name);
    is_name.then(|| name.to_lowercase())
}

/// The names that are likely meant by one that there is not.
fn near(name: &str) -> Vec<&'static str> {
    let near = by_use().filter_map(|(known, _)| Some((command::nearness(name, known)?, known)));
    let mut near: Vec<_> = near.collect();
    near.sort_by_key(|(mistakes, _)| *mistakes);
    let names = near.into_iter().map(|(_, known)| known);
    names.take(NEAR_MAX).collect()
}

fn near_words(near: &[&str]) -> String {
    let names: Vec<String> = near.iter().map(|name| format!(":{name}:")).collect();
    match names.as_slice() {
        [] => String::new(),
        names => format!("near it is {}; or ", names.join(", ")),
    }
}

/// Returns a text as the person who typed it means it. One that would be too long with the signs stays as it is.
pub fn meant(text: MessageText) -> MessageText {
    match replace(text.as_str()) {
        Cow::Borrowed(_) => text,
        Cow::Owned(replaced) => replaced.parse().unwrap_or(text),
    }
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
    let mut code = code(text).into_iter().peekable();
    let mut replaced = String::new();
    // What is copied already, or looked at.
    let mut copied = 0;
    let mut looked = 0;
    // Whether the word that is looked at is an address.
    let mut is_address = false;
    while let Some(colon) = text.get(looked..).and_then(|rest| rest.find(':')) {
        let colon = looked + colon;
        let passed = text.get(looked..colon).unwrap_or_default();
        let rest = text.get(colon + 1..).unwrap_or_default();
        is_address &= !passed.contains(char::is_whitespace);
        is_address |= rest.starts_with("//");
        looked = colon + 1;
        while code.next_if(|code| code.end <= colon).is_some() {}
        let is_in_code = code.peek().is_some_and(|code| code.start <= colon);
        let last = text.get(..colon).and_then(|text| text.chars().next_back());
        // A colon before it is part of a path or a number, unless it has closed the name before.
        let is_free = last.is_none_or(|c| !c.is_alphanumeric() && c != '/' && c != ':')
            || (copied > 0 && copied == colon);
        let length = rest.find(|c| !is_of_name(c)).unwrap_or(rest.len());
        let is_closed = rest.get(length..).is_some_and(|rest| rest.starts_with(':'));
        if is_in_code || is_address || !is_free || !is_closed {
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

/// Returns where code stands in a text, in order: what is drawn as code is code.
fn code(text: &str) -> Vec<Range<usize>> {
    if !text.contains(['`', '~']) {
        return Vec::new();
    }
    let events = Parser::new(text).into_offset_iter();
    let code = events.filter_map(|(event, range)| match event {
        Event::Code(_) | Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_))) => Some(range),
        _ => None,
    });
    code.collect()
}

const fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '+' | '-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        client::app::parse::{Command, Input, parse},
        domain::limits::TEXT_BYTES_MAX,
    };

    #[test]
    fn the_table_is_in_order_and_can_be_given() {
        assert!(TABLE.is_sorted_by(|one, other| one.0 < other.0));
        for (name, sign) in TABLE {
            assert!(name.chars().all(is_of_name) && !name.is_empty(), "{name}");
            assert_eq!(Untrusted::from(*sign).render_line(), *sign, "{name}");
            assert_eq!(named(name), Some(*sign));
            assert!(sign.parse::<Emoji>().is_ok());
        }
        assert_eq!(by_use().count(), TABLE.len());
    }

    #[test]
    fn a_name_between_colons_is_the_sign_that_is_given() {
        let emoji = |text: &str| text.parse::<Emoji>().unwrap();
        for (typed, meant) in [
            (":heart:", "❤️"),
            (":+1:", "👍"),
            (":Heart:", "❤️"),
            ("👍", "👍"),
            ("+1", "+1"),
            (":)", ":)"),
            ("::", "::"),
            (":é:", ":é:"),
        ] {
            assert_eq!(given(emoji(typed)), Ok(emoji(meant)), "{typed}");
            assert_eq!(taken_back(emoji(typed)), emoji(meant), "{typed}");
        }
        let refused = |text: &str| given(emoji(text)).unwrap_err().to_string();
        assert_eq!(
            refused(":hart:"),
            "no emoji is called :hart:; near it is :heart:, :art:, :chart:; or give the emoji itself"
        );
        assert_eq!(
            refused(":frobnicate:"),
            "no emoji is called :frobnicate:; give the emoji itself"
        );
        assert_eq!(taken_back(emoji(":hart:")), emoji(":hart:"));
    }

    #[test]
    fn the_reaction_of_a_line_is_what_is_meant() {
        let given = |line: &str| match parse(line) {
            Ok(Input::Command(Command::React { emoji, .. })) => emoji.as_str().to_owned(),
            other => panic!("{other:?}"),
        };
        assert_eq!(given("/react 3 :heart:"), "❤️");
        assert_eq!(given("/unreact 3 :heart:"), "❤️");
        assert_eq!(given("/unreact 3 :hart:"), ":hart:");
        assert_eq!(
            parse("/react 3 :hart:").unwrap_err().to_string(),
            "/react N EMOJI: no emoji is called :hart:; near it is :heart:, :art:, :chart:; or give the emoji itself."
        );
    }

    #[test]
    fn what_would_be_too_long_stays_as_it_was_typed() {
        let text = |text: &str| text.parse::<MessageText>().unwrap();
        assert_eq!(meant(text("`:fire:` :fire:")), text("`:fire:` 🔥"));
        assert_eq!(meant(text("plain")), text("plain"));
        // A sign may have more bytes than its name.
        let long = ":v:".repeat(TEXT_BYTES_MAX / 3);
        assert!(replace(&long).len() > TEXT_BYTES_MAX);
        assert_eq!(meant(text(&long)), text(&long));
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
            ("see http://x/?a=:fire: :fire:", "see http://x/?a=:fire: 🔥"),
            ("(https://x/#:fire:)\n:fire:", "(https://x/#:fire:)\n🔥"),
            ("12:30:45 12:100:45", "12:30:45 12:100:45"),
            ("```\n:fire:\n```\n:fire:", "```\n:fire:\n```\n🔥"),
            ("```\n`\n:fire:", "```\n`\n:fire:"),
            ("~~~\n:fire:\n~~~", "~~~\n:fire:\n~~~"),
            ("``a ` :fire: b`` :fire:", "``a ` :fire: b`` 🔥"),
            ("std::thread::spawn", "std::thread::spawn"),
            ("tokio::sync::watch::Sender", "tokio::sync::watch::Sender"),
            ("2001:db8::100:1", "2001:db8::100:1"),
            ("[::100:1]:80", "[::100:1]:80"),
            ("::fire: :fire::fire:", "::fire: 🔥🔥"),
            ("that`s :fire:", "that`s 🔥"),
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
        assert_eq!(names("hea", 2), ["heart", "headphones"], "the usual first");
        assert_eq!(names("art", 2), ["art", "heart"], "the name itself first");
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
