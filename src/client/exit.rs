//! How the program ends: the exit codes, and the one line on stderr that goes with a failure.

use std::{fmt, io, process::ExitCode};

use super::net::error::{ClientError, ErrorKind};

/// The exit codes, as `--help` tells them.
pub const EXIT_CODES: &str = "Exit codes: 0 done, 1 another failure, 2 wrong usage, 3 login \
    missing, wrong or ended, 4 the server cannot be reached, 5 not found, 6 refused.";

/// Why the program ends before it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Something that the program was asked to do failed.
    Told {
        /// The exit code.
        code: u8,
        /// One line: what happened; the mend.
        text: String,
    },
    /// Nobody reads the output any more, which is how a pipe ends: no error.
    OutputClosed,
}

impl Failure {
    /// A failure without a class of its own.
    pub fn other(text: impl Into<String>) -> Self {
        Self::Told {
            code: 1,
            text: text.into(),
        }
    }

    /// The program was called wrongly.
    pub fn usage(text: impl Into<String>) -> Self {
        Self::Told {
            code: 2,
            text: text.into(),
        }
    }

    /// The login is missing or wrong.
    pub fn auth(text: impl Into<String>) -> Self {
        Self::Told {
            code: 3,
            text: text.into(),
        }
    }

    /// Writing failed.
    pub fn output(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::OutputClosed,
            _ => Self::other(format!("cannot write the output: {error}")),
        }
    }

    /// Tells the user and returns the exit code.
    pub fn report(&self) -> ExitCode {
        match self {
            Self::OutputClosed => ExitCode::SUCCESS,
            Self::Told { code, text } => {
                eprintln!("tinychat-client: {text}");
                ExitCode::from(*code)
            }
        }
    }
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
        assert_eq!(Failure::OutputClosed.report(), ExitCode::SUCCESS);
    }
}
