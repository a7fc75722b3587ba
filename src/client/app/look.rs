//! What is looked for: the words of `/search` and what else must fit, and the messages that were found.
//!
//! `in:#ops`, `in:bob`, `in:"the trip"`, `in:this`, `from:bob`, `since:2026-11-20` and `until:2026-11-20T14:00` may stand
//! anywhere between the words; what stands in double quotes is looked for as it is.

use crate::domain::{name::UserName, search::Query};

use super::{
    acts::Spot, model::MessageLine, parse::CommandError, reading::Reading, room::Wanted,
    untrusted::Untrusted, when::Moment,
};

/// What marks the conversation in front.
const THIS: &str = "this";
/// Characters of the part of a text that was found: an honest server sends half of it.
const SNIPPET_CHARS: usize = 400;

/// Where it is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Within {
    /// In the conversation in front.
    This,
    /// In this one.
    Wanted(Wanted),
}

/// What is looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// The words. They are a query.
    pub words: String,
    /// Only there.
    pub within: Option<Within>,
    /// Only what this user said.
    pub from: Option<UserName>,
    /// Only what was said then or later.
    pub since: Option<Moment>,
    /// Only what was said before.
    pub until: Option<Moment>,
}

/// A search that can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// What is looked for.
    pub look: Look,
    /// Where, if not everywhere.
    pub spot: Option<Spot>,
    /// Gets the next page; empty for the first.
    pub page: String,
}

/// A message that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The message.
    pub message: MessageLine,
    /// The part of its text around what was looked for; `None`: all of it is meant.
    pub snippet: Option<Snippet>,
}

/// The part of a text around what was looked for, in pieces that stand behind each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snippet(Vec<Piece>);

/// A piece of a snippet.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    text: Untrusted,
    is_match: bool,
}

impl Snippet {
    /// Takes pieces, each with whether it is what was looked for.
    pub fn new(pieces: impl IntoIterator<Item = (Untrusted, bool)>) -> Self {
        let pieces = pieces.into_iter().filter(|(text, _)| !text.is_empty());
        // More have no character that is shown.
        let pieces = pieces.take(SNIPPET_CHARS + 1);
        let pieces = pieces.map(|(text, is_match)| Piece { text, is_match });
        Self(pieces.collect())
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the pieces as they are shown on one safe line, and that there is more where it is too long for one.
    pub fn shown(&self) -> Vec<(String, bool)> {
        let texts = Untrusted::render_pieces(self.0.iter().map(|piece| &piece.text));
        let mut shown = Vec::new();
        let mut room = SNIPPET_CHARS;
        for (mut text, is_match) in texts.zip(self.0.iter().map(|piece| piece.is_match)) {
            if let Some((at, _)) = text.char_indices().nth(room) {
                text.truncate(at);
                text.push('…');
                shown.push((text, is_match));
                break;
            }
            room = room.saturating_sub(text.chars().count());
            shown.push((text, is_match));
        }
        shown
    }

    /// Returns it for people who see no colours: what was looked for stands between stars.
    pub fn starred(&self) -> String {
        let starred = self.shown().into_iter().map(|(text, is_match)| {
            let star = if is_match { "*" } else { "" };
            format!("{star}{text}{star}")
        });
        starred.collect()
    }
}

/// Reads what stands between stars as what was looked for.
#[cfg(test)]
impl From<&str> for Snippet {
    fn from(starred: &str) -> Self {
        let pieces = starred.split('*').enumerate();
        Self::new(pieces.map(|(at, text)| (text.into(), at % 2 == 1)))
    }
}

/// Reads what stands behind `/search`.
pub(super) fn look(read: &Reading<'_>, argument: &str) -> Result<Look, CommandError> {
    let mut look = Look::default();
    let mut words = Vec::new();
    for word in parts(argument) {
        let filter = word.split_once(':').filter(|(_, value)| !value.is_empty());
        let Some((name, value)) = filter else {
            words.push(word);
            continue;
        };
        match name.to_ascii_lowercase().as_str() {
            "in" => look.within = Some(within(read, value)?),
            "from" => look.from = Some(read.as_is(without_at(value))?),
            "since" => look.since = Some(read.as_is(value)?),
            "until" => look.until = Some(read.as_is(value)?),
            _ => words.push(word),
        }
    }
    look.words = words.join(" ");
    read.as_is::<Query>(&look.words)?;
    Ok(look)
}

fn within(read: &Reading<'_>, value: &str) -> Result<Within, CommandError> {
    match value.eq_ignore_ascii_case(THIS) {
        true => Ok(Within::This),
        false => read.wanted(without_at(value)).map(Within::Wanted),
    }
}

/// Other programs write names of users so.
fn without_at(name: &str) -> &str {
    name.strip_prefix('@').unwrap_or(name)
}

/// Parts a text at its blanks; those in double quotes part nothing.
fn parts(text: &str) -> Vec<&str> {
    let mut quoted = false;
    let parts = text.split(|c: char| {
        quoted ^= c == '"';
        c.is_whitespace() && !quoted
    });
    parts.filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::{
        super::parse::{Command, Input, parse},
        *,
    };

    #[test]
    fn a_snippet_is_shown_in_its_pieces_and_ends_somewhere() {
        let pieces = [
            ("a* ", false),
            ("", true),
            ("b\n\u{1b}", true),
            ("*", false),
        ];
        let snippet = Snippet::new(pieces.map(|(text, is_match)| (text.into(), is_match)));
        let shown = |text: &str, is_match| (text.to_owned(), is_match);
        assert_eq!(
            snippet.shown(),
            [shown("a* ", false), shown("b⏎␛", true), shown("*", false)]
        );
        assert_eq!(snippet.starred(), "a* *b⏎␛**");
        let count = |pieces: usize, text: &str| {
            let pieces = std::iter::repeat_n((text.into(), true), pieces);
            let shown = Snippet::new(pieces).shown();
            shown.iter().map(|(text, _)| text.chars().count()).sum()
        };
        for (pieces, text) in [
            (1, SNIPPET_CHARS),
            (SNIPPET_CHARS, 1),
            (4, SNIPPET_CHARS / 4),
        ] {
            let shown: usize = count(pieces, &"x".repeat(text));
            assert_eq!(shown, SNIPPET_CHARS, "{pieces} of {text}");
            let cut: usize = count(pieces + 1, &"x".repeat(text));
            assert_eq!(cut, SNIPPET_CHARS + 1, "{pieces} of {text}, and one");
        }
        assert_eq!(
            Snippet::new(vec![("x".into(), true); 9_999]).0.len(),
            SNIPPET_CHARS + 1
        );
    }

    fn search(line: &str) -> Look {
        match parse(line) {
            Ok(Input::Command(Command::Search(look))) => look,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn words(words: &str) -> Look {
        Look {
            words: words.to_owned(),
            ..Look::default()
        }
    }

    #[test]
    fn words_are_words_unless_they_are_filters() {
        for (line, expected) in [
            ("/search green  build", "green build"),
            ("/search \"the build\"  is", "\"the build\" is"),
            (
                "/search \"in:bob\" in: http://x a:b",
                "\"in:bob\" in: http://x a:b",
            ),
            ("/search never \"closed  in:bob", "never \"closed  in:bob"),
        ] {
            assert_eq!(search(line), words(expected), "{line}");
        }
    }

    #[test]
    fn filters_may_stand_anywhere() {
        let within = |wanted| Some(Within::Wanted(wanted));
        let bob = || "bob".parse::<UserName>().unwrap();
        for (line, expected) in [
            (
                "/search IN:#Ops x FROM:@Bob",
                Look {
                    within: within(Wanted::Channel("ops".parse().unwrap())),
                    from: Some(bob()),
                    ..words("x")
                },
            ),
            (
                "/search x in:\"the trip\" y",
                Look {
                    within: within(Wanted::Group("the trip".to_owned())),
                    ..words("x y")
                },
            ),
            (
                "/search in:@bob x",
                Look {
                    within: within(Wanted::User(bob())),
                    ..words("x")
                },
            ),
            (
                "/search in:id:c8 x",
                Look {
                    within: within(Wanted::Id("c8".to_owned())),
                    ..words("x")
                },
            ),
            (
                "/search in:this x since:2026-11-20 until:2026-11-20T14:00Z",
                Look {
                    within: Some(Within::This),
                    since: Some("2026-11-20".parse().unwrap()),
                    until: Some("2026-11-20T14:00Z".parse().unwrap()),
                    ..words("x")
                },
            ),
        ] {
            assert_eq!(search(line), expected, "{line}");
        }
    }

    #[test]
    fn what_is_no_search_says_why() {
        let error = |line: &str| parse(line).unwrap_err().to_string();
        assert_eq!(
            error("/search in:#ops"),
            "/search WORDS…: there is no word to look for; give at least one with a letter or digit."
        );
        for line in [
            "/search",
            "/search ...",
            "/search in:a/b x",
            "/search from:a/b x",
            "/search since:yesterday x",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
