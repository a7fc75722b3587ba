//! Where results go: lines for people or objects for programs, and never a word more.

use std::io::Write;

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

    /// Lets nothing lie between here and the reader.
    pub fn flush(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(|error| Failure::output(&error))
    }
}
