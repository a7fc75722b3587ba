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
