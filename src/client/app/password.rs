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

/// Asks in lines, one answer after the other. What is wrong is asked for again, so that a line that is meant as a password
/// is never taken for anything else; a line with nothing in it ends it.
#[derive(Debug)]
pub struct Talk {
    field: Field,
    form: Form,
    /// Whether all but the password until now is answered already.
    is_rest_answered: bool,
}

/// What follows from an answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// The next question.
    More,
    /// A question again, after this was said: a sentence or two.
    Again(String),
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
            is_rest_answered: false,
        }
    }
}

/// Says that an answer is not taken, for a reason without a capital and a stop.
fn not_taken(why: &str) -> String {
    format!("Not taken: {why}. An empty line stops it.")
}

impl Talk {
    /// What is asked for now.
    pub const fn field(&self) -> Field {
        self.field
    }

    /// The server says that the password until now is another one: that is asked for again, and nothing else. Returns what
    /// is to be said of it.
    pub fn was_wrong(&mut self) -> String {
        self.field = Field::Current;
        self.is_rest_answered = true;
        not_taken(&PasswordProblem::Wrong.words())
    }

    /// Something came that is no answer, for a reason without a capital and a stop: it is asked for again.
    pub fn no_answer(&self, why: &str) -> Next {
        match self.field.is_hidden() {
            true => Next::Again(not_taken(why)),
            false => Next::Again(format!("Not taken: {why}.")),
        }
    }

    /// Takes in an answer.
    pub fn answer(&mut self, line: Secret) -> Next {
        if self.field.is_hidden() && line.is_empty() {
            return Next::Over("an empty line stops it".to_owned());
        }
        match self.field {
            Field::Current => self.form.current = line,
            Field::New => self.form.new = line,
            Field::Again => self.form.again = line,
            Field::Others => {
                let is_yes = |yes: &str| line.expose().trim().eq_ignore_ascii_case(yes);
                self.form.ends_others = is_yes("y") || is_yes("yes");
            }
        }
        let next = self.field.next().filter(|_| !self.is_rest_answered);
        match (self.form.check(self.field), next) {
            (Err(why), _) => {
                // Nobody sees which of two that differ is the wrong one.
                if self.field == Field::Again {
                    self.field = Field::New;
                }
                Next::Again(not_taken(&why))
            }
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
    fn what_the_server_would_refuse_is_asked_for_again() {
        let again = |why: &str| Next::Again(format!("Not taken: {why}. An empty line stops it."));
        let rule = "a password has 8 to 1024 bytes";
        assert_eq!(talked(&["x", "1234567"]), again(rule));
        assert_eq!(talked(&["x", &"y".repeat(1025)]), again(rule));
        let mut talk = Talk::default();
        let mut said = |answer: &str| (talk.answer(Secret::from(answer)), talk.field());
        assert_eq!(said("x"), (Next::More, Field::New));
        assert_eq!(said("short"), (again(rule), Field::New));
        assert_eq!(said("12345678"), (Next::More, Field::Again));
        let differ = again("the two new passwords differ");
        assert_eq!(said("12345679"), (differ, Field::New));
        assert_eq!(said("12345678"), (Next::More, Field::Again));
        assert_eq!(said("12345678"), (Next::More, Field::Others));
        let (next, _) = said("");
        assert!(matches!(next, Next::Wish(wish) if wish.new.expose() == "12345678"));
    }

    #[test]
    fn a_line_with_nothing_in_it_stops_what_is_hidden() {
        for answers in [&[""][..], &["x", ""], &["x", "12345678", ""]] {
            let over = Next::Over("an empty line stops it".to_owned());
            assert_eq!(talked(answers), over, "{answers:?}");
        }
    }

    #[test]
    fn a_password_that_is_not_the_one_until_now_is_asked_for_alone() {
        let mut talk = Talk::default();
        for answer in ["wrong", "battery staple", "battery staple", "y"] {
            talk.answer(Secret::from(answer));
        }
        let told = talk.was_wrong();
        assert_eq!(
            told,
            "Not taken: that is not your password; try again. An empty line stops it."
        );
        assert_eq!(talk.field(), Field::Current);
        let wish = NewPassword {
            current: Secret::from("correct horse"),
            new: Secret::from("battery staple"),
            ends_others: true,
        };
        assert_eq!(talk.answer(Secret::from("correct horse")), Next::Wish(wish));
        talk.was_wrong();
        assert!(matches!(talk.answer(Secret::default()), Next::Over(_)));
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
