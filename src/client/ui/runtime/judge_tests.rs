//! Who reads what is written for the terminal as a terminal does, and finds what is not ours: a parser of escape sequences
//! with a short list of what may be in them, and the cells of a terminal emulator beside those that were drawn.

use ratatui::buffer::Buffer;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::client::app::untrusted::is_drawn;

/// What may stand in a text for the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum May {
    /// A frame: text, colours, places, clearing, the cursor, and the brackets around it.
    Draw,
    /// Titles, notifications, the clipboard and the bell: nothing is drawn.
    Call,
    /// What the shell shows below: text and line ends.
    Tell,
}

/// The modes of a frame: the cursor, and showing all of it at once.
const MODES: [u16; 2] = [25, 2026];
/// The commands of the terminal's own: title, the two kinds of notification, clipboard.
const COMMANDS: [&[u8]; 4] = [b"2", b"9", b"777", b"52"];
/// What a command carries at most: notifications in both ways, and the longest text in the clipboard, by which base64 is
/// longer.
const CARRIED_MAX: usize = 3_000;
const CLIPBOARD_MAX: usize = 140_000;
/// The only sign without a width that is ours.
const LEFT_TO_RIGHT: char = '\u{200e}';

/// Hears all that a terminal would do.
#[derive(Debug)]
struct Ear {
    may: May,
    size: (u16, u16),
    printed: usize,
    wrong: Vec<String>,
}

impl Ear {
    fn wrong(&mut self, what: &str, seen: impl std::fmt::Debug) {
        if self.wrong.len() < 9 {
            self.wrong.push(format!("{what}: {seen:?}"));
        }
    }
}

impl vte::Perform for Ear {
    fn print(&mut self, c: char) {
        self.printed += 1;
        let is_ours = is_drawn(c) || c == LEFT_TO_RIGHT;
        if self.may == May::Call || !is_ours {
            self.wrong("text", c);
        }
    }

    fn execute(&mut self, byte: u8) {
        let is_ours = match self.may {
            May::Draw => false,
            May::Call => byte == 7,
            May::Tell => byte == b'\n',
        };
        if !is_ours {
            self.wrong("control", byte);
        }
    }

    fn csi_dispatch(&mut self, params: &vte::Params, between: &[u8], cut: bool, action: char) {
        let numbers: Vec<u16> = params.iter().flatten().copied().collect();
        let (columns, rows) = self.size;
        let is_ours = self.may == May::Draw
            && !cut
            && match (between, action) {
                // Colours and weights: numbers that no terminal obeys otherwise.
                (b"", 'm') => numbers.iter().all(|number| *number <= 255),
                (b"", 'H') => match numbers.as_slice() {
                    [row, column] => (1..=rows).contains(row) && (1..=columns).contains(column),
                    _ => false,
                },
                (b"", 'J' | 'K') => numbers == [2],
                (b"?", 'h' | 'l') => numbers.iter().all(|mode| MODES.contains(mode)),
                _ => false,
            };
        if !is_ours {
            self.wrong("sequence", (numbers, between.to_vec(), action));
        }
    }

    fn osc_dispatch(&mut self, params: &[&[u8]], ends_with_bell: bool) {
        let [command, carried @ ..] = params else {
            return self.wrong("empty command", params);
        };
        let is_text = |bytes: &&[u8]| {
            std::str::from_utf8(bytes).is_ok_and(|text| !text.contains(char::is_control))
        };
        let length: usize = carried.iter().map(|part| part.len()).sum();
        let is_ours = self.may == May::Call
            && ends_with_bell
            && COMMANDS.contains(command)
            && carried.iter().all(is_text)
            && match (*command, carried) {
                (b"52", [b"c", text]) => {
                    length <= CLIPBOARD_MAX
                        && data_encoding::BASE64
                            .decode(text)
                            .is_ok_and(|text| String::from_utf8(text).is_ok())
                }
                (b"777", [b"notify", _, _]) | (b"2" | b"9", [_]) => length <= CARRIED_MAX,
                _ => false,
            };
        if !is_ours {
            let shown: Vec<_> = params
                .iter()
                .map(|it| String::from_utf8_lossy(it))
                .collect();
            self.wrong("command", shown);
        }
    }

    fn esc_dispatch(&mut self, between: &[u8], _: bool, byte: u8) {
        self.wrong("escape", (between.to_vec(), byte));
    }

    fn hook(&mut self, _: &vte::Params, _: &[u8], _: bool, action: char) {
        self.wrong("device control", action);
    }
}

/// Reads texts for the terminal one after the other, as one stream: what one of them leaves open swallows the next.
pub struct Judge {
    parser: vte::Parser,
    ear: Ear,
}

impl Judge {
    pub fn new(size: (u16, u16)) -> Self {
        let ear = Ear {
            may: May::Draw,
            size,
            printed: 0,
            wrong: Vec::new(),
        };
        Self {
            parser: vte::Parser::new(),
            ear,
        }
    }

    pub fn resize(&mut self, size: (u16, u16)) {
        self.ear.size = size;
    }

    /// Returns what is not ours in a text.
    pub fn read(&mut self, may: May, bytes: &[u8]) -> Vec<String> {
        self.ear.may = may;
        self.parser.advance(&mut self.ear, bytes);
        // Behind what is whole a letter is a letter.
        (self.ear.may, self.ear.printed) = (May::Draw, 0);
        self.parser.advance(&mut self.ear, b"x");
        if self.ear.printed != 1 {
            self.ear.wrong("left open", self.ear.printed);
        }
        std::mem::take(&mut self.ear.wrong)
    }
}

/// The emulator leaves the sign for what cannot be drawn out, as no terminal does: it gets another one of one cell for it.
const UNDRAWABLE: [&str; 2] = ["\u{fffd}", "¤"];

/// Returns a text for the terminal as the emulator gets it.
pub fn for_emulator(written: &[u8]) -> Vec<u8> {
    let written = String::from_utf8_lossy(written);
    written.replace(UNDRAWABLE[0], UNDRAWABLE[1]).into_bytes()
}

/// Returns where what a terminal shows is not what was drawn. Of signs on whose width terminals do not agree only the
/// first character is looked at, since this one counts each character by itself.
pub fn differences(screen: &vt100::Screen, drawn: &Buffer) -> Vec<String> {
    let mut wrong = Vec::new();
    for row in 0..drawn.area.height {
        let mut covered = 0;
        for column in 0..drawn.area.width {
            let symbol = drawn[(column, row)].symbol();
            let symbol = symbol.replace(UNDRAWABLE[0], UNDRAWABLE[1]);
            if covered > 0 {
                covered -= 1;
                continue;
            }
            let cells = symbol.width();
            covered = cells.saturating_sub(1);
            let Some(shown) = screen.cell(row, column) else {
                wrong.push(format!("there is no column {column} of row {row}"));
                continue;
            };
            let text = match shown.contents() {
                "" => " ",
                text => text,
            };
            let widths: Vec<usize> = symbol.chars().filter_map(UnicodeWidthChar::width).collect();
            let is_plain = widths.iter().filter(|width| **width > 0).count() == 1
                && widths.iter().sum::<usize>() == cells;
            let is_same = match is_plain {
                // The emulator keeps some 20 bytes of a cell.
                true => {
                    let is_cut = text.len() > 17 && symbol.starts_with(text);
                    let is_whole = text == symbol || is_cut;
                    is_whole && shown.is_wide() == (cells > 1)
                }
                false => text.chars().next() == symbol.chars().next(),
            };
            if !is_same && wrong.len() < 9 {
                wrong.push(format!(
                    "row {row}, column {column}: {symbol:?} was drawn, {text:?} is shown"
                ));
            }
        }
    }
    wrong
}

mod tests {
    use super::*;

    #[test]
    fn what_is_not_ours_is_heard() {
        let heard = |may, text: &str| !Judge::new((80, 24)).read(may, text.as_bytes()).is_empty();
        for ours in [
            "\x1b[?2026h\x1b[3;4H\x1b[38;2;1;2;3;49m漢\x1b[0m\x1b[2K\x1b[?25l",
            "ש\u{200e}",
        ] {
            assert!(!heard(May::Draw, ours), "{ours:?}");
        }
        for ours in [
            "\x1b]2;a b\x07",
            "\x1b]52;c;aGk=\x07",
            "\x07",
            "\x1b]9;tinychat: a: b\x07",
        ] {
            assert!(!heard(May::Call, ours), "{ours:?}");
            assert!(heard(May::Draw, ours) && heard(May::Tell, ours), "{ours:?}");
        }
        for theirs in [
            "\x1b[25;1H",
            "\x1b[1;81H",
            "\x1b[3J",
            "\x1b[?1049l",
            "\x1b[?2004l",
            "\x1b[6n",
            "\x1b[5;3t",
            "\x1bc",
            "\x1bP1$r\x1b\\",
            "\x1b]0;x\x07",
            "\u{9b}31m",
            "\u{85}",
            "\r",
            "\n",
            "\t",
            "\x08",
            "\u{202e}",
            "\u{200b}",
            "\u{feff}",
            "\u{e0041}",
            "\x7f",
            "\x1b]52;c;",
            "\x1b[",
        ] {
            assert!(heard(May::Draw, theirs), "{theirs:?}");
            assert!(heard(May::Call, theirs), "{theirs:?}");
        }
        for theirs in [
            "\x1b]2;x\x1b\\",
            "\x1b]52;p;aGk=\x07",
            "\x1b]52;c;?\x07",
            "\x1b]8;;x\x07",
            "x",
        ] {
            assert!(heard(May::Call, theirs), "{theirs:?}");
        }
    }
}
