//! How the program ends: the exit codes, and the one line on stderr that goes with a failure.

use std::{
    fmt,
    io::{self, Write as _},
    process::ExitCode,
};

use serde_json::json;

use super::{
    json::{self, Format},
    net::error::{ClientError, ErrorKind},
};

/// The exit codes, as `--help` tells them.
pub const EXIT_CODES: &str = "Exit codes: 0 done, 1 another failure, 2 wrong usage, 3 login \
    missing, wrong or ended, 4 the server cannot be reached, 5 not found, 6 refused.";

/// Says something to the people behind a script. Nobody may be reading there, which is no reason to stop.
pub fn tell(text: &str) {
    let _ = writeln!(io::stderr(), "tinychat-client: {text}");
}

/// Why the program ends before it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Something that the program was asked to do failed.
    Told {
        /// The exit code.
        code: u8,
        /// The reason for programs, if the server gave one, such as `USER_NOT_FOUND`.
        reason: String,
        /// One line: what happened; the mend.
        text: String,
    },
    /// Nobody reads the output any more, which is how a pipe ends: no error.
    OutputClosed,
}

impl Failure {
    /// A failure without a class of its own.
    pub fn other(text: impl Into<String>) -> Self {
        Self::told(1, text)
    }

    /// The program was called wrongly.
    pub fn usage(text: impl Into<String>) -> Self {
        Self::told(2, text)
    }

    /// The login is missing or wrong.
    pub fn auth(text: impl Into<String>) -> Self {
        Self::told(3, text)
    }

    /// What was asked for is not there.
    pub fn not_found(text: impl Into<String>) -> Self {
        Self::told(5, text)
    }

    /// The request cannot be as it is.
    pub fn refused(text: impl Into<String>) -> Self {
        Self::told(6, text)
    }

    /// A failure with this exit code.
    pub fn told(code: u8, text: impl Into<String>) -> Self {
        Self::Told {
            code,
            reason: String::new(),
            text: text.into(),
        }
    }

    /// The same failure with something said before it.
    #[must_use]
    pub fn within(self, what: &str) -> Self {
        match self {
            Self::Told { code, reason, text } => Self::Told {
                code,
                reason,
                text: format!("{what}: {text}"),
            },
            Self::OutputClosed => Self::OutputClosed,
        }
    }

    /// Writing failed.
    pub fn output(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::OutputClosed,
            _ => Self::other(format!("cannot write the output: {error}")),
        }
    }

    /// Tells the user, or with `--json` a program, on stderr and returns the exit code.
    pub fn report(&self, format: Format) -> ExitCode {
        let Self::Told { code, reason, text } = self else {
            return ExitCode::SUCCESS;
        };
        match format {
            Format::Text => tell(text),
            Format::Json => {
                let error = json!({ "exit_code": code, "reason": reason, "message": text });
                let _ = writeln!(io::stderr(), "{}", json::object("error", error));
            }
        }
        ExitCode::from(*code)
    }
}

/// Everything that is to be told as one: one line, and the exit code of what is said first.
pub fn together(all: Vec<Failure>) -> Result<(), Failure> {
    let both = |first: Failure, next: Failure| match first {
        Failure::Told { code, reason, text } => Failure::Told {
            code,
            reason,
            text: format!("{text} — {next}"),
        },
        Failure::OutputClosed => next,
    };
    all.into_iter().reduce(both).map_or(Ok(()), Err)
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Told { text, .. } => f.write_str(text),
            Self::OutputClosed => f.write_str("the output is closed"),
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let code = match error.kind() {
            ErrorKind::Auth => 3,
            ErrorKind::Network => 4,
            ErrorKind::NotFound => 5,
            ErrorKind::Refused => 6,
            ErrorKind::Other => 1,
        };
        Self::Told {
            code,
            reason: error.reason().to_owned(),
            text: error.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use tonic::Status;

    use super::*;

    #[test]
    fn every_class_has_its_code() {
        let code = |status: Status| match Failure::from(ClientError::from(status)) {
            Failure::Told { code, .. } => code,
            Failure::OutputClosed => panic!("told"),
        };
        assert_eq!(code(Status::unauthenticated("")), 3);
        assert_eq!(code(Status::unavailable("")), 4);
        assert_eq!(code(Status::unknown("")), 4);
        assert_eq!(code(Status::not_found("")), 5);
        assert_eq!(code(Status::invalid_argument("")), 6);
        assert_eq!(code(Status::resource_exhausted("")), 6);
        assert_eq!(code(Status::internal("")), 1);
    }

    #[test]
    fn a_closed_pipe_is_no_error() {
        let closed = io::Error::from(io::ErrorKind::BrokenPipe);
        assert_eq!(Failure::output(&closed), Failure::OutputClosed);
        assert_eq!(
            Failure::OutputClosed.report(Format::Text),
            ExitCode::SUCCESS
        );
    }
}
