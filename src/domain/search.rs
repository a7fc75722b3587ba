//! What is looked for, and what was found.

use std::str::FromStr;

use super::{
    clock::TimeMs,
    ids::{ConversationId, Offset},
    limits::{QUERY_BYTES_MAX, QUERY_WORDS_MAX},
    message::Message,
    name::UserName,
};

/// From so many letters and digits on a word also finds those that begin with it: what a shorter one begins is half of all
/// there is.
const PREFIX_CHARS_MIN: usize = 3;

/// Words to be found together in a message. At least one, each with a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query(Vec<Term>);

/// One word, or some that stand together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// As it was given, literal.
    pub text: String,
    /// Whether words that begin with it are found, too.
    pub prefix: bool,
}

/// Why a text is no query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// Nothing to look for.
    #[error("there is no word to look for; give at least one with a letter or digit")]
    Empty,
    /// Too much.
    #[error("a query has at most {QUERY_BYTES_MAX} bytes; give fewer words")]
    TooLong,
    /// Too many.
    #[error("a query has at most {QUERY_WORDS_MAX} words; give fewer")]
    TooManyWords,
}

impl Query {
    /// What must all be found.
    pub fn terms(&self) -> &[Term] {
        &self.0
    }
}

impl FromStr for Query {
    type Err = QueryError;

    /// Takes any text: words between blanks, and what stands between double quotes as one. A quote that is never closed
    /// ends with the text.
    fn from_str(text: &str) -> Result<Self, QueryError> {
        if text.len() > QUERY_BYTES_MAX {
            return Err(QueryError::TooLong);
        }
        let mut terms = Vec::new();
        for (number, part) in text.split('"').enumerate() {
            let quoted = number % 2 == 1;
            let words: Vec<&str> = match quoted {
                true => vec![part.trim()],
                false => part.split_whitespace().collect(),
            };
            // A word without a letter or digit is nowhere in an index.
            for word in words
                .into_iter()
                .filter(|word| word.contains(char::is_alphanumeric))
            {
                terms.push(Term {
                    prefix: !quoted && last_letters(word) >= PREFIX_CHARS_MIN,
                    // A control character separates words, and nothing more.
                    text: word.replace(char::is_control, " "),
                });
            }
        }
        match terms.len() {
            0 => Err(QueryError::Empty),
            1..=QUERY_WORDS_MAX => Ok(Self(terms)),
            _ => Err(QueryError::TooManyWords),
        }
    }
}

/// How many letters and digits the last of the words has that a text consists of.
fn last_letters(text: &str) -> usize {
    let mut words = text.rsplit(|c: char| !c.is_alphanumeric());
    words
        .find(|word| !word.is_empty())
        .map_or(0, |word| word.chars().count())
}

/// A search: the query, and what else must fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// The words.
    pub query: Query,
    /// Only here.
    pub conversation: Option<ConversationId>,
    /// Only of this user.
    pub sender: Option<UserName>,
    /// Only what was sent at this time or later.
    pub after: Option<TimeMs>,
    /// Only what was sent before this time.
    pub before: Option<TimeMs>,
}

/// A piece of a snippet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnippetPart {
    /// The text.
    pub text: String,
    /// Whether it is what was looked for.
    pub hit: bool,
}

/// A message that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The message.
    pub message: Message,
    /// Its text around what was looked for, on one line.
    pub snippet: Vec<SnippetPart>,
}

/// One page of what was found, the newest message first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<T> {
    /// What was found.
    pub items: Vec<T>,
    /// The next page lies before this; `None`: there is none.
    pub next: Option<Offset>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(text: &str) -> Vec<(String, bool)> {
        let query: Query = text.parse().unwrap();
        let terms = query.terms().iter();
        terms.map(|term| (term.text.clone(), term.prefix)).collect()
    }

    #[test]
    fn words_and_what_stands_in_quotes_are_terms() {
        let term = |text: &str, prefix| (text.to_owned(), prefix);
        assert_eq!(terms("  ab  abc "), [term("ab", false), term("abc", true)]);
        assert_eq!(terms("\"a b\" c"), [term("a b", false), term("c", false)]);
        assert_eq!(
            terms("say \"not closed"),
            [term("say", true), term("not closed", false)]
        );
        assert_eq!(
            terms("x* NEAR(y) -z:"),
            [
                term("x*", false),
                term("NEAR(y)", false),
                term("-z:", false)
            ]
        );
        assert_eq!(terms("a\u{0}b"), [term("a b", false)]);
        assert_eq!(
            terms("a-bcd a--"),
            [term("a-bcd", true), term("a--", false)]
        );
    }

    #[test]
    fn what_finds_nothing_and_what_is_too_much_is_refused() {
        for text in ["", "  ", "\"", "\"\"", "-- * ()", "😀"] {
            assert_eq!(text.parse::<Query>(), Err(QueryError::Empty), "{text:?}");
        }
        let (fits, not) = ("x".repeat(QUERY_BYTES_MAX), "x".repeat(QUERY_BYTES_MAX + 1));
        assert!(fits.parse::<Query>().is_ok());
        assert_eq!(not.parse::<Query>(), Err(QueryError::TooLong));
        let words = |count| "w ".repeat(count);
        assert!(words(QUERY_WORDS_MAX).parse::<Query>().is_ok());
        assert_eq!(
            words(QUERY_WORDS_MAX + 1).parse::<Query>(),
            Err(QueryError::TooManyWords)
        );
    }
}
