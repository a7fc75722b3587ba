//! Another password in the line mode: where the questions and the server meet.
//!
//! What is wrong is asked for again, and while it is, no line is one to be sent.

use super::{
    super::{
        app::model::Msg,
        asks,
        exit::Failure,
        talk::{TalkLines, Told},
    },
    Plain,
};

impl Plain {
    /// Whether Ctrl-C ends the questions, rather than the program.
    pub(super) fn stops_questions(&self) -> bool {
        let talk = self.talk.as_ref();
        talk.is_some_and(TalkLines::is_stopped_by_a_signal)
    }

    /// Does what follows from an answer.
    pub(super) fn talked(&mut self, talk: TalkLines, told: Told) -> Result<(), Failure> {
        match told {
            Told::More => {
                self.talk = Some(talk);
                Ok(())
            }
            Told::Said(told) => {
                self.talk = Some(talk);
                self.happened(Msg::PasswordAgain(told))
            }
            Told::Wish(wish) => {
                self.answered_talk = Some(talk);
                self.asks.spawn(asks::password(self.session.clone(), wish));
                Ok(())
            }
            Told::Over(why, rest) => {
                // The terminal shows again what is typed.
                drop(talk);
                self.happened(Msg::NoPassword(why))?;
                rest.map_or(Ok(()), |rest| self.happened(rest))
            }
        }
    }

    /// The server says that the password until now is another one.
    pub(super) fn wrong_password(&mut self, mut talk: TalkLines) -> Result<(), Failure> {
        let told = talk.was_wrong();
        self.talked(talk, told)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::sending::tests::plain, *};
    use crate::client::{
        app::{model::LinkState, password::PasswordProblem},
        asks::Answer,
        input::Typed,
    };

    /// Types an answer; returns what is asked for then, and whether that is hidden.
    fn typed(plain: &mut Plain, line: &str) -> Option<(String, bool)> {
        assert!(plain.typed(Some(Typed::Line(line.to_owned()))).is_ok());
        plain.talk.as_ref().map(TalkLines::prompt)
    }

    fn answered(plain: &mut Plain, outcome: Result<u32, PasswordProblem>) {
        let answer = Answer::new(Msg::Password {
            ends_others: false,
            outcome,
        });
        assert!(plain.answered(answer).is_ok());
    }

    #[tokio::test]
    async fn no_line_is_sent_until_the_password_is_right_or_the_questions_are_stopped() {
        let home = tempfile::tempdir().unwrap();
        let mut plain = plain(home.path(), true);
        plain.model.link = LinkState::Up;
        plain.model.asking = true;
        plain.talk = Some(TalkLines::of_tests());
        let current = Some(("Your password until now: ".to_owned(), true));
        let new = Some(("New password: ".to_owned(), true));
        assert_eq!(typed(&mut plain, "wrong horse"), new);
        assert_eq!(typed(&mut plain, "short"), new);
        typed(&mut plain, "battery staple");
        assert_eq!(typed(&mut plain, "battery stable"), new);
        typed(&mut plain, "battery staple");
        typed(&mut plain, "battery staple");
        assert_eq!(typed(&mut plain, "n"), None, "the server is asked");
        assert!(!plain.takes_input(), "lines wait for its answer");
        answered(&mut plain, Err(PasswordProblem::Wrong));
        assert_eq!(plain.talk.as_ref().map(TalkLines::prompt), current);
        assert!(plain.takes_input());
        assert_eq!(typed(&mut plain, "correct horse"), None);
        answered(&mut plain, Ok(0));
        assert!(plain.answered_talk.is_none() && !plain.model.asking);
        assert_eq!(plain.link.unsent(), 0);

        // Whatever else is in the way ends them, and so does an empty line.
        for answer in ["", "correct horse"] {
            plain.model.asking = true;
            plain.talk = Some(TalkLines::of_tests());
            typed(&mut plain, answer);
            if plain.talk.is_some() {
                for rest in ["battery staple", "battery staple", "n"] {
                    typed(&mut plain, rest);
                }
                answered(&mut plain, Err(PasswordProblem::Lost));
            }
            assert!(plain.talk.is_none() && plain.answered_talk.is_none());
            assert!(!plain.model.asking && plain.takes_input());
        }
        typed(&mut plain, "hi");
        assert_eq!(plain.link.unsent(), 1, "a line is one to be sent again");
    }
}
