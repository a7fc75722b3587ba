//! Lines from standard input, one at a time, whatever bytes they hold.
//!
//! A thread of its own reads them: a terminal cannot be read without blocking, and a blocked read
//! must not keep the program from ending. The thread ends with the process.

use std::{
    io::{self, BufRead, IsTerminal as _, Read},
    thread,
};

use tokio::sync::mpsc;

/// Longest line that is taken. A text has at most 16 KiB; this leaves room to say how long it is.
pub const LINE_BYTES_MAX: u64 = 64 * 1024;
/// Lines that wait for the program. More stay in the pipe.
const LINES_MAX: usize = 16;

/// What was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// A line, without its line end.
    Line(String),
    /// A line that is not UTF-8.
    Undecodable,
    /// A line that is longer than any text.
    TooLong,
    /// Reading failed; nothing comes after it.
    Failed(String),
    /// The end of what a terminal gave so far, as Ctrl-D says it: more can come.
    Ended,
    /// Ctrl-C, where the terminal does not make a signal of it.
    Interrupted,
}

/// Begins to read standard input. The channel ends with the input; that of a terminal does not.
pub fn lines() -> io::Result<mpsc::Receiver<Typed>> {
    let (lines, typed) = mpsc::channel(LINES_MAX);
    let is_terminal = io::stdin().is_terminal();
    let read = move || {
        let mut input = io::stdin().lock();
        while let Some(line) = next_line(&mut input, is_terminal) {
            let last = matches!(line, Typed::Failed(_));
            if lines.blocking_send(line).is_err() || last {
                return;
            }
        }
    };
    thread::Builder::new()
        .name("stdin".to_owned())
        .spawn(read)?;
    Ok(typed)
}

/// Reads one line; `None`: no other one comes.
fn next_line(input: &mut impl BufRead, is_terminal: bool) -> Option<Typed> {
    read_line(input).or_else(|| is_terminal.then_some(Typed::Ended))
}

/// Reads one line; `None` at the end. A last line without a line end counts.
pub fn read_line(input: &mut impl BufRead) -> Option<Typed> {
    let mut bytes = Vec::new();
    match input
        .by_ref()
        .take(LINE_BYTES_MAX + 2)
        .read_until(b'\n', &mut bytes)
    {
        Ok(0) => return None,
        Ok(_) => {}
        Err(error) => return Some(Typed::Failed(error.to_string())),
    }
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    } else if bytes.len() as u64 > LINE_BYTES_MAX {
        skip_line(input);
        return Some(Typed::TooLong);
    }
    Some(String::from_utf8(bytes).map_or(Typed::Undecodable, Typed::Line))
}

fn skip_line(input: &mut impl BufRead) {
    loop {
        let (used, done) = match input.fill_buf() {
            Ok([]) | Err(_) => return,
            Ok(bytes) => match bytes.iter().position(|byte| *byte == b'\n') {
                Some(place) => (place + 1, true),
                None => (bytes.len(), false),
            },
        };
        input.consume(used);
        if done {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mut bytes: &[u8]) -> Vec<Typed> {
        std::iter::from_fn(|| read_line(&mut bytes)).collect()
    }

    fn line(text: &str) -> Typed {
        Typed::Line(text.to_owned())
    }

    #[test]
    fn lines_come_as_they_are() {
        assert_eq!(
            read(b"one\n two \r\n\nlast"),
            [line("one"), line(" two "), line(""), line("last")]
        );
        assert_eq!(read(b""), []);
    }

    #[test]
    fn bytes_that_are_no_text_spoil_their_line_alone() {
        assert_eq!(
            read(b"a\n\xff\xfe\nb\n"),
            [line("a"), Typed::Undecodable, line("b")]
        );
    }

    #[test]
    fn the_end_of_a_terminal_is_not_the_last_of_it() {
        assert_eq!(next_line(&mut &b""[..], false), None);
        assert_eq!(next_line(&mut &b""[..], true), Some(Typed::Ended));
        assert_eq!(next_line(&mut &b"a\n"[..], true), Some(line("a")));
    }

    #[test]
    fn a_line_without_end_is_bounded_and_skipped() {
        let longest = "x".repeat(64 * 1024);
        let input = format!("{longest}\n{longest}yyy\nnext\n");
        assert_eq!(
            read(input.as_bytes()),
            [line(&longest), Typed::TooLong, line("next")]
        );
        assert_eq!(read("z".repeat(1 << 20).as_bytes()), [Typed::TooLong]);
    }
}
