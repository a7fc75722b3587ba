//! Who is mentioned in a text: `@name` and `@all`.
//!
//! This file finds what could be a mention; whether it is one is said by the members of the conversation.

use super::{limits::MENTIONS_PER_MESSAGE_MAX, name::UserName, text::MessageText, user::UserRef};

/// The word that mentions everybody.
const ALL: &str = "all";

/// Who a message mentions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mentions {
    /// Members by name, without the sender, in the order of the text; none twice.
    pub users: Vec<UserRef>,
    /// Everybody, since the sender may say so.
    pub all: bool,
}

impl Mentions {
    /// Whether it mentions nobody.
    pub const fn is_empty(&self) -> bool {
        self.users.is_empty() && !self.all
    }
}

/// What stands behind an `@`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mentioned {
    /// As it is written.
    pub name: UserName,
    /// Without the full stops, hyphens and underscores at its end: `@ann.` means ann unless there is an `ann.`.
    pub trimmed: Option<UserName>,
}

impl Mentioned {
    /// Whether it can mean everybody.
    pub fn is_all(&self) -> bool {
        let trimmed = self.trimmed.as_ref().map(UserName::as_str);
        self.name.as_str() == ALL || trimmed == Some(ALL)
    }
}

/// What a text may mention: the first `MENTIONS_PER_MESSAGE_MAX` different names. An `@` within a word, as in a mail
/// address, is none.
pub fn mentioned(text: &MessageText) -> Vec<Mentioned> {
    let mut found: Vec<Mentioned> = Vec::new();
    let mut rest = text.as_str();
    let mut before = None;
    while let Some(at) = rest.find('@') {
        before = rest[..at].chars().next_back().or(before);
        rest = &rest[at + 1..];
        let end = rest.find(|c: char| !is_of_name(c)).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let begins_a_word = before.is_none_or(|c| !c.is_alphanumeric() && c != '@');
        before = name.chars().next_back().or(Some('@'));
        rest = after;
        let Some(one) = begins_a_word.then(|| of(name)).flatten() else {
            continue;
        };
        if !found.contains(&one) {
            found.push(one);
        }
        if found.len() == MENTIONS_PER_MESSAGE_MAX {
            break;
        }
    }
    found
}

const fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

fn of(word: &str) -> Option<Mentioned> {
    let trimmed = word.trim_end_matches(['.', '_', '-']);
    let short = (trimmed.len() < word.len())
        .then(|| trimmed.parse().ok())
        .flatten();
    match (word.parse().ok(), short) {
        (Some(name), trimmed) => Some(Mentioned { name, trimmed }),
        // Too long as it is written, or nothing but a name followed by dots.
        (None, Some(name)) => Some(Mentioned {
            name,
            trimmed: None,
        }),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        let found = mentioned(&text.parse().unwrap()).into_iter();
        found
            .map(|one| match one.trimmed {
                Some(trimmed) => format!("{}|{trimmed}", one.name),
                None => one.name.to_string(),
            })
            .collect()
    }

    #[test]
    fn names_behind_an_at_are_found() {
        assert_eq!(names("@ann hi @Bob, and @cy.d"), ["ann", "bob", "cy.d"]);
        assert_eq!(names("(@ann) @ann again"), ["ann"]);
        assert_eq!(names("thanks @ann."), ["ann.|ann"]);
        assert_eq!(names("thanks @ann..."), ["ann...|ann"]);
        assert_eq!(names("né@ann x@y.org @@ann @ @- -@ann"), ["ann"]);
        assert_eq!(names("@ann@bob"), ["ann"]);
        assert_eq!(
            names(&format!("@{} @{}.", "x".repeat(33), "y".repeat(32))),
            ["y".repeat(32)]
        );
        assert!(names("nobody").is_empty());
    }

    #[test]
    fn all_is_a_name_like_others() {
        let of = |text: &str| mentioned(&text.parse().unwrap());
        assert!(of("@all!")[0].is_all() && of("@ALL.")[0].is_all());
        assert!(!of("@allan")[0].is_all());
    }

    #[test]
    fn only_so_many_are_looked_at() {
        let many: String = (0..40).map(|n| format!("@n{n} ")).collect();
        let found = names(&many);
        assert_eq!(found.len(), MENTIONS_PER_MESSAGE_MAX);
        assert_eq!(found[0], "n0");
    }
}
