//! Where the lines of the line mode come from, and what each means to it.

use tokio::sync::mpsc;

use super::{app::model::Msg, editor::EditedTerminal, exit::Failure, input::Typed};

/// Where lines come from.
pub enum Lines {
    /// From a pipe, which can be made to wait, or from a terminal as it is.
    Plain {
        /// The lines.
        typed: mpsc::Receiver<Typed>,
        /// Whether a person types them, who can be told to wait; a pipe is made to wait.
        by_a_person: bool,
    },
    /// From a person who edits them.
    Edited(EditedTerminal),
}

impl Lines {
    /// The next line; `None` at the end.
    pub async fn next(&mut self) -> Option<Typed> {
        match self {
            Self::Plain { typed, .. } => typed.recv().await,
            Self::Edited(terminal) => terminal.typed.recv().await,
        }
    }

    /// Whether a person types them.
    pub fn by_a_person(&self) -> bool {
        match self {
            Self::Plain { by_a_person, .. } => *by_a_person,
            Self::Edited(_) => true,
        }
    }

    /// Remembers a name of a user, or of a channel with its `#`, for completion, if it is one: a server can say anything.
    pub fn name_seen(&self, name: &str) {
        let Self::Edited(terminal) = self else {
            return;
        };
        let (mark, name) = match name.strip_prefix('#') {
            Some(name) => ("#", name),
            None => ("", name),
        };
        if let Ok(name) = name.parse() {
            terminal.names.add(mark, &name);
        }
    }
}

/// Returns what a line means; a failure to read ends the program.
pub fn typed_msg(line: Option<Typed>) -> Result<Msg, Failure> {
    match line {
        Some(Typed::Line(line)) => Ok(Msg::Typed(line)),
        Some(Typed::Undecodable) => Ok(Msg::TypedUndecodable),
        Some(Typed::TooLong) => Ok(Msg::TypedTooLong),
        Some(Typed::Interrupted) => Ok(Msg::Interrupted),
        Some(Typed::Failed(error)) => Err(Failure::other(format!(
            "cannot read the input: {error}; give it as text lines"
        ))),
        Some(Typed::Ended) | None => Ok(Msg::InputEnded),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_input_is_no_error_and_a_failure_to_read_is() {
        assert_eq!(typed_msg(None), Ok(Msg::InputEnded));
        assert_eq!(typed_msg(Some(Typed::Ended)), Ok(Msg::InputEnded));
        assert!(typed_msg(Some(Typed::Failed("is a directory".to_owned()))).is_err());
    }
}
