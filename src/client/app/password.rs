//! Another password for the account: what is asked for it, in which order, and what is told of what came.
//!
//! The same for the line mode, the terminal UI and the one-shot. What was typed stands in nothing that can be printed, and is
//! overwritten when it is let go. Promises that nothing is asked of the server that it would have to refuse.

use super::{line::counted, secret::Secret, untrusted::Untrusted};
use crate::domain::limits::{PASSWORD_BYTES_MAX, PASSWORD_BYTES_MIN};

/// What is asked of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPassword {
    /// The password until now.
    pub current: Secret,
    /// The password from now on.
    pub new: Secret,
    /// Whether all other devices of the account are ended, tokens of bots included.
    pub ends_others: bool,
}

/// Why the password is not another one, or may not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordProblem {
    /// The one until now is another one.
    Wrong,
    /// No answer came.
    Lost,
    /// Anything else, with the mend.
    Other(Untrusted),
}

impl PasswordProblem {
    /// Writes what happened and the mend, in words without a capital and a stop.
    pub fn words(&self) -> String {
        match self {
            Self::Wrong => "that is not your password; try again".to_owned(),
            Self::Lost => "no answer came, so the new password may hold or not; try again, and if the old one is wrong then, \
                           the new one holds"
                .to_owned(),
            Self::Other(text) => text.render_line(),
        }
    }
}

/// Says that the password is another one, and what became of the other devices.
pub fn done_line(ends_others: bool, ended: u32) -> String {
    let others = match (ends_others, ended) {
        (false, _) => "Your other devices and tokens stay logged in.".to_owned(),
        (true, 0) => "There was no other device or token to end.".to_owned(),
        (true, ended) => {
            let count = usize::try_from(ended).unwrap_or(usize::MAX);
            let ended = counted(
                count,
                "other device or token is",
                "other devices and tokens are",
            );
            format!("{ended} ended.")
        }
    };
    format!("Your password is changed. {others}")
}

/// What is asked for, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// The password until now.
    Current,
    /// The password from now on.
    New,
    /// The same once more.
    Again,
    /// Whether the other devices are ended.
    Others,
}

impl Field {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Current, Self::New, Self::Again, Self::Others];

    /// The one after it.
    pub const fn next(self) -> Option<Self> {
        match self {
            Self::Current => Some(Self::New),
            Self::New => Some(Self::Again),
            Self::Again => Some(Self::Others),
            Self::Others => None,
        }
    }

    /// The question in a line of its own.
    pub const fn question(self) -> &'static str {
        match self {
            Self::Current => "Your password until now: ",
            Self::New => "New password: ",
            Self::Again => "New password again: ",
            Self::Others => "Your other devices and tokens stay logged in. End them, too? [y/N] ",
        }
    }

    /// Whether nobody sees the answer.
    pub const fn is_hidden(self) -> bool {
        !matches!(self, Self::Others)
    }
}

/// What was typed, and whether it can be asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// The password until now.
    pub current: Secret,
    /// The password from now on.
    pub new: Secret,
    /// The same once more.
    pub again: Secret,
    /// Whether the other devices are ended.
    pub ends_others: bool,
}

impl Form {
    /// Says what is wrong with an answer, in words without a capital and a stop.
    pub fn check(&self, field: Field) -> Result<(), String> {
        match field {
            Field::Current if self.current.is_empty() => {
                Err("your password until now is needed".to_owned())
            }
            Field::New => self.new.check().map_err(|error| error.to_string()),
            Field::Again if self.again != self.new => {
                Err("the two new passwords differ".to_owned())
            }
            Field::Current | Field::Again | Field::Others => Ok(()),
        }
    }

    /// What is asked of the server.
    pub fn wish(&self) -> NewPassword {
        NewPassword {
            current: self.current.clone(),
            new: self.new.clone(),
            ends_others: self.ends_others,
        }
    }
}

/// Says what a new password is.
pub fn rule() -> String {
    format!(
        "It has {PASSWORD_BYTES_MIN} to {PASSWORD_BYTES_MAX} bytes, and any signs. Nobody can tell you what it was: keep it."
    )
}

/// Asks in lines, one answer after the other.
#[derive(Debug)]
pub struct Talk {
    field: Field,
    form: Form,
}

/// What follows from an answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// The next question.
    More,
    /// All is answered: this is to be asked of the server.
    Wish(NewPassword),
    /// Nothing is to be asked; why, in words without a capital and a stop.
    Over(String),
}

impl Default for Talk {
    fn default() -> Self {
        Self {
            field: Field::Current,
            form: Form::default(),
        }
    }
}

impl Talk {
    /// What is asked for now.
    pub const fn field(&self) -> Field {
        self.field
    }

    /// Takes in an answer.
    pub fn answer(&mut self, line: Secret) -> Next {
        match self.field {
            Field::Current => self.form.current = line,
            Field::New => self.form.new = line,
            Field::Again => self.form.again = line,
            Field::Others => {
                let is_yes = |yes: &str| line.expose().trim().eq_ignore_ascii_case(yes);
                self.form.ends_others = is_yes("y") || is_yes("yes");
            }
        }
        match (self.form.check(self.field), self.field.next()) {
            (Err(why), _) => Next::Over(why),
            (Ok(()), Some(next)) => {
                self.field = next;
                Next::More
            }
            (Ok(()), None) => Next::Wish(self.form.wish()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn talked(answers: &[&str]) -> Next {
        let mut talk = Talk::default();
        let mut next = Next::More;
        for answer in answers {
            assert_eq!(next, Next::More);
            assert!(talk.field().is_hidden() || talk.field() == Field::Others);
            next = talk.answer(Secret::from((*answer).to_owned()));
        }
        next
    }

    #[test]
    fn what_is_answered_is_asked_for() {
        for (answer, ends_others) in [("", false), ("n", false), (" YES ", true), ("y", true)] {
            let wish = NewPassword {
                current: Secret::from("correct horse"),
                new: Secret::from("battery staple"),
                ends_others,
            };
            let answers = ["correct horse", "battery staple", "battery staple", answer];
            assert_eq!(talked(&answers), Next::Wish(wish), "{answer:?}");
        }
    }

    #[test]
    fn what_the_server_would_refuse_is_not_asked() {
        let over = |text: &str| Next::Over(text.to_owned());
        assert_eq!(talked(&[""]), over("your password until now is needed"));
        let rule = "a password has 8 to 1024 bytes";
        assert_eq!(talked(&["x", "1234567"]), over(rule));
        assert_eq!(talked(&["x", &"y".repeat(1025)]), over(rule));
        assert_eq!(
            talked(&["x", "12345678", "12345679"]),
            over("the two new passwords differ")
        );
    }

    #[test]
    fn what_came_of_it_is_said_plainly_and_never_what_was_typed() {
        assert_eq!(
            done_line(false, 0),
            "Your password is changed. Your other devices and tokens stay logged in."
        );
        assert!(done_line(true, 0).ends_with("There was no other device or token to end."));
        assert!(done_line(true, 1).ends_with("1 other device or token is ended."));
        assert!(done_line(true, 7).ends_with("7 other devices and tokens are ended."));
        let hostile = PasswordProblem::Other("\u{1b}[2Jno".into());
        assert_eq!(hostile.words(), "␛[2Jno");
        let mut talk = Talk::default();
        talk.answer(Secret::from("correct horse"));
        assert!(!format!("{talk:?}").contains("correct"));
    }
}
