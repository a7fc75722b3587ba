//! Why something could not be measured.

use std::{io, path::PathBuf};

/// Why something could not be measured. Each says the mend where there is one.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The program to measure is not there.
    #[error("{0} is not there; build it beside this program: cargo build --release --bins")]
    NoServer(PathBuf),
    /// A program did not start.
    #[error("{program} did not start; it said: {said}")]
    NotStarted {
        /// What it is called.
        program: &'static str,
        /// What it wrote.
        said: String,
    },
    /// A program did not stop.
    #[error("{0} did not stop in time and was killed")]
    NotStopped(&'static str),
    /// A file or a process.
    #[error("{what}: {cause}")]
    System {
        /// What was tried.
        what: String,
        /// What the system said.
        cause: io::Error,
    },
    /// `/proc` is not as it is on Linux.
    #[error("{0} cannot be read; only Linux tells what a process uses")]
    NoProc(String),
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Transport(#[from] tonic::transport::Error),
    /// A call or a stream ended.
    #[error("a call failed: {0}")]
    Status(Box<tonic::Status>),
    /// A send was refused in-band.
    #[error("a send was refused: {reason}: {message}")]
    Refused {
        /// For programs.
        reason: String,
        /// For people.
        message: String,
    },
    /// A stream ended in order, but too early.
    #[error("a stream ended before the end of the measurement")]
    Ended,
    /// Something did not come.
    #[error("{0} did not come in time")]
    Late(&'static str),
    /// A schedule was not kept.
    #[error("the messages that were due did not go out in time; give a lower --rate")]
    Overdue,
    /// No duration was recorded.
    #[error("nothing was measured in that time; give it more with --seconds, or a higher --rate")]
    NothingMeasured,
    /// Numbers that make no sense together.
    #[error("{0}")]
    Flags(String),
}

impl BenchError {
    /// For `map_err`, with what was tried.
    pub fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |cause| Self::System { what, cause }
    }
}

impl From<tonic::Status> for BenchError {
    fn from(status: tonic::Status) -> Self {
        Self::Status(Box::new(status))
    }
}
