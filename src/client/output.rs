//! Where results go: lines for people or objects for programs, and never a word more.

use std::io::{self, Write};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::Value;

use super::{
    exit::Failure,
    json::{self, Format, Named},
};

/// Standard output, in one of the two formats.
#[derive(Debug)]
pub struct Output<W> {
    format: Format,
    out: W,
}

impl<W: Write> Output<W> {
    /// Prints to this.
    pub fn new(format: Format, out: W) -> Self {
        Self { format, out }
    }

    /// Where it prints to.
    pub fn to(&mut self) -> &mut W {
        &mut self.out
    }

    /// In which format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Prints a message of the schema: as it is, or as its line for people.
    pub fn message<M: Named>(
        &mut self,
        message: &M,
        line: impl FnOnce(&M) -> String,
    ) -> Result<(), Failure> {
        match self.format {
            Format::Text => self.line(&line(message)),
            Format::Json => self.line(&json::line(message)),
        }
    }

    /// Prints something that has no message in the schema.
    pub fn object(&mut self, key: &str, inside: Value, line: &str) -> Result<(), Failure> {
        match self.format {
            Format::Text => self.line(line),
            Format::Json => self.line(&json::object(key, inside)),
        }
    }

    /// Prints a line as it is.
    pub fn line(&mut self, line: &str) -> Result<(), Failure> {
        writeln!(self.out, "{line}").map_err(|error| Failure::output(&error))
    }

    /// Whether nobody can read standard output any more, as when it goes to a `head` that has what it wants. Writing would
    /// tell as much, but a program that waits for news may have nothing to write.
    pub fn is_closed(&self) -> bool {
        let out = io::stdout();
        let mut polled = [PollFd::new(&out, PollFlags::empty())];
        let now = Timespec::default();
        let ready = poll(&mut polled, Some(&now));
        ready.is_ok() && polled[0].revents().contains(PollFlags::ERR)
    }

    /// Lets nothing lie between here and the reader.
    pub fn flush(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(|error| Failure::output(&error))
    }
}
