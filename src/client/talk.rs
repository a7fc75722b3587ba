//! The line mode asks for another password: the questions, and the lines that are their answers.
//!
//! Nothing that answers a hidden question is shown, and lines are answers only as long as the questions last. Asked is on a
//! terminal only, and on stderr where no editor has it, so that what the program prints stays clean.

use super::{
    app::{
        line,
        model::Msg,
        password::{NewPassword, Next, Talk},
    },
    exit::Failure,
    hidden::Hidden,
    input::Typed,
    lines::{Lines, typed_msg},
    login::prompt,
};

/// The mend where there is nobody to ask.
pub(super) const NOBODY: &str =
    "a password is asked for on a terminal only; there, tinychat-client password changes it";

/// See the head of the file.
#[derive(Debug)]
pub(super) struct TalkLines {
    talk: Talk,
    /// The terminal that shows nothing of what is typed, where no editor sees to that.
    hidden: Option<Hidden>,
    is_edited: bool,
}

/// What follows from a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// More is asked for.
    More,
    /// The same, once this is said, which the editor leaves to others.
    Said(String),
    /// This is to be asked of the server.
    Wish(NewPassword),
    /// Nothing is: why, and what the line means beside that.
    Over(String, Option<Msg>),
}

impl TalkLines {
    /// As with an editor: the terminal of the tests stays as it is.
    #[cfg(test)]
    pub fn of_tests() -> Self {
        Self {
            talk: Talk::default(),
            hidden: None,
            is_edited: true,
        }
    }

    /// Asks the first question; says why not if that cannot be.
    pub fn begin(lines: &Lines) -> Result<Self, String> {
        if !lines.by_a_person() {
            return Err(NOBODY.to_owned());
        }
        let mut talk = Self {
            talk: Talk::default(),
            hidden: None,
            is_edited: matches!(lines, Lines::Edited(_)),
        };
        talk.ask("").map_err(|failure| failure.to_string())?;
        Ok(talk)
    }

    /// The question, and whether nobody sees the answer.
    pub fn prompt(&self) -> (String, bool) {
        let field = self.talk.field();
        (field.question().to_owned(), field.is_hidden())
    }

    /// Whether Ctrl-C is a signal here, and no key of an editor.
    pub const fn is_stopped_by_a_signal(&self) -> bool {
        !self.is_edited
    }

    /// The server says that the password until now is another one.
    pub fn was_wrong(&mut self) -> Told {
        let told = self.talk.was_wrong();
        self.asked_again(told)
    }

    fn asked_again(&mut self, told: String) -> Told {
        if self.is_edited {
            return Told::Said(told);
        }
        // In one piece, and by the way of the question: what goes another way could come behind it.
        self.asked(&format!("{}\n", line::system(told)))
    }

    fn asked(&mut self, before: &str) -> Told {
        match self.ask(before) {
            Ok(()) => Told::More,
            Err(failure) => Told::Over(failure.to_string(), None),
        }
    }

    /// Asks, unless the editor does; with what stands before the question.
    fn ask(&mut self, before: &str) -> Result<(), Failure> {
        if self.is_edited {
            return Ok(());
        }
        let (question, is_hidden) = self.prompt();
        if !is_hidden {
            self.hidden = None;
        } else if self.hidden.is_none() {
            let hidden = Hidden::begin();
            self.hidden = Some(hidden.map_err(|error| {
                Failure::other(format!("cannot hide a password on this terminal ({error})"))
            })?);
        }
        prompt(&format!("{before}{question}"))
    }

    /// A key ended the line that was being typed, which is still open.
    fn stopped(&self) -> Result<Next, Failure> {
        if !self.is_edited {
            prompt("\n")?;
        }
        Ok(Next::Over("you have stopped it".to_owned()))
    }

    /// Takes in a line. What ends the input ends the questions as well.
    pub fn typed(&mut self, line: Option<Typed>) -> Result<Told, Failure> {
        let next = match line {
            Some(Typed::Line(line)) => self.talk.answer(line.into()),
            Some(Typed::Interrupted | Typed::Ended) => self.stopped()?,
            Some(Typed::Undecodable) => self.talk.no_answer("that is not UTF-8"),
            Some(Typed::TooLong) => self.talk.no_answer("that is longer than any password"),
            end @ (None | Some(Typed::Failed(_))) => {
                let why = "no answer was given".to_owned();
                return Ok(Told::Over(why, Some(typed_msg(end)?)));
            }
        };
        Ok(match next {
            Next::More => self.asked(""),
            Next::Again(told) => self.asked_again(told),
            Next::Wish(wish) => Told::Wish(wish),
            Next::Over(why) => Told::Over(format!("{why}; /password begins anew"), None),
        })
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;
    use crate::client::app::secret::Secret;

    fn lines(by_a_person: bool) -> Lines {
        let (_, typed) = mpsc::channel(1);
        Lines::Plain { typed, by_a_person }
    }

    fn edited() -> TalkLines {
        TalkLines::of_tests()
    }

    fn line(text: &str) -> Option<Typed> {
        Some(Typed::Line(text.to_owned()))
    }

    #[test]
    fn a_pipe_is_not_asked_for_a_password() {
        let refused = TalkLines::begin(&lines(false)).err();
        assert_eq!(refused.as_deref(), Some(NOBODY));
    }

    #[test]
    fn lines_are_answers_and_only_the_last_is_seen() {
        let mut talk = edited();
        for answer in ["correct horse", "battery staple", "battery staple"] {
            assert!(talk.prompt().1);
            assert_eq!(talk.typed(line(answer)), Ok(Told::More));
        }
        assert!(talk.prompt().0.contains("other devices") && !talk.prompt().1);
        let wish = NewPassword {
            current: Secret::from("correct horse"),
            new: Secret::from("battery staple"),
            ends_others: true,
        };
        assert_eq!(talk.typed(line("y")), Ok(Told::Wish(wish)));
    }

    #[test]
    fn what_is_wrong_is_asked_for_again_and_stays_hidden() {
        let mut talk = edited();
        let again = |why: &str| {
            let told = format!("Not taken: {why}. An empty line stops it.");
            Ok(Told::Said(told))
        };
        talk.typed(line("correct horse")).unwrap();
        assert_eq!(
            talk.typed(line("short")),
            again("a password has 8 to 1024 bytes")
        );
        assert_eq!(talk.prompt(), ("New password: ".to_owned(), true));
        talk.typed(line("battery staple")).unwrap();
        assert_eq!(
            talk.typed(line("battery stable")),
            again("the two new passwords differ")
        );
        assert_eq!(talk.prompt(), ("New password: ".to_owned(), true));
        assert_eq!(
            talk.typed(Some(Typed::Undecodable)),
            again("that is not UTF-8")
        );
        assert_eq!(
            talk.typed(Some(Typed::TooLong)),
            again("that is longer than any password")
        );
        let told = again("that is not your password; try again");
        assert_eq!(Ok(talk.was_wrong()), told);
        assert_eq!(
            talk.prompt(),
            ("Your password until now: ".to_owned(), true)
        );
    }

    #[test]
    fn what_is_no_answer_ends_it_and_the_end_of_the_input_stays_one() {
        let over = |why: &str| Ok(Told::Over(why.to_owned(), None));
        assert_eq!(
            edited().typed(line("")),
            over("an empty line stops it; /password begins anew")
        );
        for key in [Typed::Interrupted, Typed::Ended] {
            assert_eq!(
                edited().typed(Some(key)),
                over("you have stopped it; /password begins anew")
            );
        }
        let end = Told::Over("no answer was given".to_owned(), Some(Msg::InputEnded));
        assert_eq!(edited().typed(None), Ok(end));
        assert!(
            edited()
                .typed(Some(Typed::Failed("gone".to_owned())))
                .is_err()
        );
    }
}
