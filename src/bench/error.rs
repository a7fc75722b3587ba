//! Why something could not be measured.

use std::{io, path::PathBuf, process};

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
    /// A stream left something out or began anew, though nobody asked for that.
    #[error("a stream did not go on after its cursor: the target sent a `{0}`")]
    NotResumed(&'static str),
    /// A message was acknowledged that was not under way.
    #[error("request {0} was acknowledged twice, or was never sent")]
    Answered(u64),
    /// A file is not what was sent.
    #[error("a file did not come as it was sent: {0}")]
    WrongFile(&'static str),
    /// Something did not come.
    #[error("{0} did not come in time")]
    Late(&'static str),
    /// A schedule was not kept.
    #[error("the messages that were due did not go out in time; give a lower --rate")]
    Overdue,
    /// No duration was recorded.
    #[error("nothing was measured in that time; give it more with --seconds, or a higher --rate")]
    NothingMeasured,
    /// Standard output cannot be written.
    #[error("writing to standard output: {0}")]
    Output(io::Error),
    /// SIGINT or SIGTERM.
    #[error("interrupted")]
    Interrupted,
    /// What is asked for makes no sense.
    #[error("{0}")]
    Usage(&'static str),
    /// A program stopped, but not well.
    #[error("the {target} did not stop in order: {status}; it said last: {said}")]
    StoppedBadly {
        /// What it is.
        target: &'static str,
        /// How it ended.
        status: process::ExitStatus,
        /// The last of its log.
        said: String,
    },
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
