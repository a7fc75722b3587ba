//! Reads the parts of what stands behind a command: names, numbers, and what every other part of this program reads.

use std::{fmt::Display, str::FromStr};

use crate::domain::{
    conversation::NotifyLevel,
    name::{ChannelName, UserName},
    reaction::Emoji,
    role::Role,
};

use super::{command::Spec, emoji, parse::CommandError, room::Wanted, untrusted::Untrusted};

/// Letters of a bad argument that are shown.
const WORD_CHARS_MAX: usize = 20;

/// Reads the arguments of this command; what it cannot read, it says so.
pub(super) struct Reading<'a>(pub(super) &'a Spec);

impl Reading<'_> {
    pub(super) fn bad(&self, problem: String) -> CommandError {
        CommandError::Bad {
            name: self.0.name,
            argument: self.0.argument,
            problem,
        }
    }

    pub(super) fn missing(&self) -> CommandError {
        CommandError::ArgumentMissing {
            name: self.0.name,
            argument: self.0.argument,
            example: self.0.example,
        }
    }

    pub(super) fn as_is<T: FromStr<Err: Display>>(&self, text: &str) -> Result<T, CommandError> {
        text.parse()
            .map_err(|error: T::Err| self.bad(error.to_string()))
    }

    /// Whether the only word that may stand there does.
    pub(super) fn has(&self, word: &str, argument: &str) -> Result<bool, CommandError> {
        match argument {
            "" => Ok(false),
            argument if argument.eq_ignore_ascii_case(word) => Ok(true),
            _ => Err(self.bad(format!("nothing but {word} may stand there"))),
        }
    }

    pub(super) fn wanted(&self, argument: &str) -> Result<Wanted, CommandError> {
        if argument.starts_with('#') {
            return Ok(Wanted::Channel(self.channel(argument)?));
        }
        if let Some(name) = argument.strip_prefix('"') {
            return Ok(Wanted::Group(name.trim_end_matches('"').to_owned()));
        }
        match argument.strip_prefix("id:") {
            Some(id) => Ok(Wanted::Id(id.to_owned())),
            None => self.as_is(argument).map(Wanted::User),
        }
    }

    pub(super) fn channel(&self, text: &str) -> Result<ChannelName, CommandError> {
        self.as_is(text.strip_prefix('#').unwrap_or(text))
    }

    pub(super) fn users(&self, text: &str) -> Result<Vec<UserName>, CommandError> {
        let users = text.split_whitespace().map(|name| self.as_is(name));
        users.collect()
    }

    pub(super) fn seq(&self, text: &str) -> Result<u64, CommandError> {
        match text.trim_matches(['[', ']']).parse() {
            Ok(seq @ 1..) => Ok(seq),
            _ => Err(self.bad(format!(
                "\"{}\" is no number of a message; /history shows the numbers",
                Untrusted::from(text).render_start(WORD_CHARS_MAX)
            ))),
        }
    }

    pub(super) fn seq_and_more<'a>(&self, text: &'a str) -> Result<(u64, &'a str), CommandError> {
        let (seq, more) = first_word(text);
        let seq = self.seq(seq)?;
        match more.is_empty() {
            true => Err(self.missing()),
            false => Ok((seq, more)),
        }
    }

    /// An emoji that is given, or taken back; a name between colons is its sign.
    pub(super) fn emoji(&self, text: &str, give: bool) -> Result<Emoji, CommandError> {
        let emoji: Emoji = self.as_is(text)?;
        match give {
            true => emoji::given(emoji).map_err(|unknown| self.bad(unknown.to_string())),
            false => Ok(emoji::taken_back(emoji)),
        }
    }

    pub(super) fn role(&self, text: &str) -> Result<Role, CommandError> {
        let word = text.to_lowercase();
        let is_it = |role: &Role| role.word() == word;
        Role::ALL
            .into_iter()
            .find(is_it)
            .ok_or_else(|| self.bad("a role is owner, admin, member or read-only".to_owned()))
    }

    pub(super) fn level(&self, text: &str) -> Result<NotifyLevel, CommandError> {
        match text.to_lowercase().as_str() {
            "all" => Ok(NotifyLevel::All),
            "mentions" => Ok(NotifyLevel::Mentions),
            "none" => Ok(NotifyLevel::None),
            _ => Err(self.bad("say all, mentions or none".to_owned())),
        }
    }
}

/// The first word, and what stands behind it.
pub(super) fn first_word(argument: &str) -> (&str, &str) {
    match argument.split_once(char::is_whitespace) {
        Some((word, rest)) => (word, rest.trim_start()),
        None => (argument, ""),
    }
}

/// Several words in quotes, or one without.
pub(super) fn quoted_or_word(argument: &str) -> (&str, &str) {
    let quoted = argument.strip_prefix('"').and_then(|it| it.split_once('"'));
    match quoted {
        Some((name, rest)) => (name, rest.trim_start()),
        None => first_word(argument),
    }
}
