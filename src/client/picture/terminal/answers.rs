//! The answers of a terminal, picked out of what comes from it.

use super::super::size::CellSize;

/// Bytes of one answer; the longest true one, a name with its version, has some dozens. A longer one is passed over.
const ANSWER_MAX: usize = 256;
/// Bytes that were no answers and are given back. What a person types in the moment of asking is far less; what more comes
/// is lost.
const TYPED_MAX: usize = 4096;
/// Bytes of Alt and a sign that could begin an answer.
const KEY_BYTES: usize = 2;
/// Characters of a name that are kept.
const NAME_MAX: usize = 64;

/// What a terminal has said of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// It draws by kitty's protocol.
    pub has_kitty: bool,
    /// It draws sixels.
    pub has_sixel: bool,
    /// What it is called, with its version; printable ASCII only.
    pub name: Option<String>,
    /// How large a cell is.
    pub cell: Option<CellSize>,
}

/// Where in an answer we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Outside,
    /// After ESC.
    Escape,
    /// In `ESC [`.
    Csi,
    /// In `ESC P`, `ESC _`, `ESC ]`, `ESC ^` or `ESC X`, which end with `ESC \`, the first also with BEL.
    Text,
    /// The same, after ESC.
    TextEscape,
}

/// Reads answers, piece by piece.
#[derive(Clone, Debug)]
pub struct Answers {
    place: Place,
    /// The answer so far, from its ESC on; at most [`ANSWER_MAX`], longer ones are only passed over.
    held: Vec<u8>,
    is_too_long: bool,
    typed: Vec<u8>,
    report: Report,
    /// How often the last answer of all came.
    ends: u32,
}

impl Default for Answers {
    fn default() -> Self {
        Self::new()
    }
}

impl Answers {
    /// Nothing was answered yet.
    pub const fn new() -> Self {
        Self {
            place: Place::Outside,
            held: Vec::new(),
            is_too_long: false,
            typed: Vec::new(),
            report: Report {
                has_kitty: false,
                has_sixel: false,
                name: None,
                cell: None,
            },
            ends: 0,
        }
    }

    /// Takes what came from the terminal.
    pub fn feed(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.take(*byte);
        }
    }

    /// Returns how often the last answer came, which every terminal gives once each time that it is asked. Give up after some
    /// seconds.
    pub const fn ends(&self) -> u32 {
        self.ends
    }

    /// Returns whether a sequence was begun that is not whole.
    pub fn is_within(&self) -> bool {
        self.place != Place::Outside
    }

    /// Takes what came so far that is no answer, in its order.
    pub fn take_typed(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.typed)
    }

    /// Nothing more came for a moment: an ESC alone is a key.
    pub fn pause(&mut self) {
        let is_key = self.place == Place::Text && self.held.len() <= KEY_BYTES;
        if self.place == Place::Escape || is_key {
            self.give_back();
        }
    }

    /// Ends the reading: what was answered, and what came that is no answer, in its order, such as keys. Of an answer that
    /// stopped in its middle nothing is left.
    pub fn finish(mut self) -> (Report, Vec<u8>) {
        let is_text = matches!(self.place, Place::Text | Place::TextEscape);
        // A lone ESC is a key, and so is one with a sign behind it.
        match is_text && self.held.len() > KEY_BYTES {
            true => self.held.clear(),
            false => self.give_back(),
        }
        (self.report, self.typed)
    }

    fn take(&mut self, byte: u8) {
        match (self.place, byte) {
            (Place::Outside, 0x1b) => self.begin(),
            (Place::Outside, _) => self.give_back_byte(byte),
            (Place::Escape, b'[') => self.go_on(byte, Place::Csi),
            (Place::Escape, b'P' | b'_' | b']' | b'^' | b'X') => self.go_on(byte, Place::Text),
            // The end of a text that was not begun, Alt and a key, two ESC: keys.
            (Place::Escape, 0x1b) => {
                self.give_back();
                self.begin();
            }
            (Place::Escape, _) => {
                self.go_on(byte, Place::Outside);
                self.give_back();
            }
            (Place::Csi, 0x20..=0x3f) => self.go_on(byte, Place::Csi),
            (Place::Csi, 0x40..=0x7e) => {
                self.go_on(byte, Place::Outside);
                self.end();
            }
            (Place::Text, 0x07) => self.end(),
            (Place::Text, 0x1b) => self.place = Place::TextEscape,
            (Place::Text, 0x20..) => self.go_on(byte, Place::Text),
            (Place::TextEscape, b'\\') => self.end(),
            // Broken off: what follows is something of its own.
            (Place::Csi | Place::Text | Place::TextEscape, _) => {
                let was_after_escape = self.place == Place::TextEscape;
                self.forget();
                if was_after_escape {
                    self.begin();
                }
                self.take(byte);
            }
        }
    }

    fn begin(&mut self) {
        self.forget();
        self.held.push(0x1b);
        self.place = Place::Escape;
    }

    fn go_on(&mut self, byte: u8, place: Place) {
        self.place = place;
        match self.held.len() < ANSWER_MAX {
            true => self.held.push(byte),
            false => self.is_too_long = true,
        }
    }

    fn forget(&mut self) {
        self.held.clear();
        self.is_too_long = false;
        self.place = Place::Outside;
    }

    fn give_back(&mut self) {
        for byte in std::mem::take(&mut self.held) {
            self.give_back_byte(byte);
        }
        self.forget();
    }

    fn give_back_byte(&mut self, byte: u8) {
        if self.typed.len() < TYPED_MAX {
            self.typed.push(byte);
        }
    }

    /// Reads a whole sequence: an answer, or a key such as an arrow.
    fn end(&mut self) {
        let held = std::mem::take(&mut self.held);
        let is_answer = self.is_too_long || self.read(&held).is_some();
        // A text is never a key; it is passed over, understood or not.
        if !is_answer && held.get(1) == Some(&b'[') {
            self.held = held;
            self.give_back();
        }
        self.forget();
    }

    fn read(&mut self, held: &[u8]) -> Option<()> {
        let text = std::str::from_utf8(held.get(1..)?).ok()?;
        if let Some(attributes) = between(text, "[?", "c") {
            self.ends = self.ends.saturating_add(1);
            // The first is the class of the terminal.
            self.report.has_sixel |= attributes.split(';').skip(1).any(|number| number == "4");
        } else if let Some(size) = between(text, "[6;", "t") {
            let (height, width) = size.split_once(';')?;
            let cell = CellSize::new(width.parse().ok()?, height.parse().ok()?);
            self.report.cell = cell.or(self.report.cell);
        } else if let Some(name) = text.strip_prefix("P>|") {
            let name = name.chars().filter(|char| matches!(char, ' '..='~'));
            self.report.name = Some(name.take(NAME_MAX).collect());
        } else if let Some(answer) = text.strip_prefix("_G") {
            let (keys, message) = answer.split_once(';')?;
            let is_ours = keys.split(',').any(|key| key == "i=31");
            self.report.has_kitty |= is_ours && message == "OK";
        } else {
            return None;
        }
        Some(())
    }
}

fn between<'t>(text: &'t str, start: &str, end: &str) -> Option<&'t str> {
    text.strip_prefix(start)?.strip_suffix(end)
}
