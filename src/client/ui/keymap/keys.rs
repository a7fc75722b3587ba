//! Keys by name: a chord is one key with what is held down, as a terminal can tell it.
//!
//! Each chord is written in one way: `ctrl+k`, `alt+1`, `alt+shift+a`, `pgup`, `f1`. Many ways to write it are read.
//! Terminals send some keys as the same bytes. Those that are the same key by nature are treated alike, typed or
//! written: ctrl+i is tab, ctrl+m is enter, ctrl+[ is esc, ctrl+h is backspace, ctrl+/ is ctrl+_, ctrl+@ is
//! ctrl+space. Those that would be taken for a plainer key are refused with a mend: ctrl+enter, ctrl+shift+k.
//! The case of a letter says nothing in the file (`Alt+A` is alt+a); `shift+` does. Knows no actions.

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::client::ui::fault::{nearest, shown};

/// A key without what is held down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Key {
    /// A character in the case in which it is typed.
    Char(char),
    /// F1 to F12.
    F(u8),
    /// One of [`NAMED`].
    Named(&'static str),
}

/// The keys with names, and whether a terminal tells ctrl, alt and shift on them.
const NAMED: [(&str, KeyCode, bool); 14] = [
    ("enter", KeyCode::Enter, false),
    ("tab", KeyCode::Tab, false),
    ("backspace", KeyCode::Backspace, false),
    ("esc", KeyCode::Esc, false),
    ("up", KeyCode::Up, true),
    ("down", KeyCode::Down, true),
    ("left", KeyCode::Left, true),
    ("right", KeyCode::Right, true),
    ("home", KeyCode::Home, true),
    ("end", KeyCode::End, true),
    ("pgup", KeyCode::PageUp, true),
    ("pgdn", KeyCode::PageDown, true),
    ("insert", KeyCode::Insert, true),
    ("delete", KeyCode::Delete, true),
];

/// Other words for keys.
const ALIASES: [(&str, &str); 9] = [
    ("return", "enter"),
    ("escape", "esc"),
    ("pageup", "pgup"),
    ("pagedown", "pgdn"),
    ("pgdown", "pgdn"),
    ("del", "delete"),
    ("ins", "insert"),
    ("bs", "backspace"),
    ("backtab", "shift+tab"),
];

/// The signs that have a control code. Others send nothing of their own with ctrl.
const CONTROL_SIGNS: &str = "\\]^_ ";
/// The highest F key that terminals agree on.
const F_MAX: u8 = 12;

/// One key with what is held down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Chord {
    key: Key,
    ctrl: bool,
    alt: bool,
    /// Never with a character: there the case says it.
    shift: bool,
}

/// Why a text names no key that can be typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChordError {
    /// What is wrong.
    pub what: String,
    /// What to write instead.
    pub mend: String,
}

impl Chord {
    /// Reads a chord as a person writes it.
    pub fn parse(text: &str) -> Result<Self, ChordError> {
        let error = |what: &str, mend: &str| {
            Err(ChordError {
                what: format!("{} {what}", shown(text)),
                mend: mend.to_owned(),
            })
        };
        let lower = text.trim().to_lowercase();
        let (mut ctrl, mut alt, mut shift) = (false, false, false);
        let mut rest = lower.as_str();
        // A sign at the end is the key itself: `alt++`, `alt+-`.
        while let Some((word, after)) = rest.split_once(['+', '-']) {
            if word.is_empty() || after.is_empty() {
                break;
            }
            match word {
                "ctrl" | "control" | "c" => ctrl = true,
                "alt" | "meta" | "option" | "opt" | "m" => alt = true,
                "shift" | "s" => shift = true,
                "super" | "cmd" | "win" | "hyper" => {
                    return error("holds a key that terminals do not send", "use ctrl or alt");
                }
                _ => return error("is no key", &key_mend(word, &["ctrl", "alt", "shift"])),
            }
            rest = after;
        }
        if let Some((_, other)) = ALIASES.iter().find(|(word, _)| *word == rest) {
            rest = match other.strip_prefix("shift+") {
                Some(key) => {
                    shift = true;
                    key
                }
                None => other,
            };
        }
        let Some(key) = read_key(rest) else {
            return error("is no key", &key_mend(rest, &[]));
        };
        let chord = Self {
            key,
            ctrl,
            alt,
            shift,
        };
        match chord.untypable() {
            Some((what, mend)) => error(what, mend),
            None => Ok(chord.canonical()),
        }
    }

    /// Returns the chord that a terminal told of; `None` for what is no press of a key that can have an action.
    pub fn from_event(event: &KeyEvent) -> Option<Self> {
        if event.kind == KeyEventKind::Release {
            return None;
        }
        let held = |modifier| event.modifiers.contains(modifier);
        let mut shift = held(KeyModifiers::SHIFT);
        let key = match event.code {
            KeyCode::BackTab => {
                shift = true;
                Key::Named("tab")
            }
            KeyCode::Null => Key::Char(' '),
            KeyCode::Char(c) if c.is_control() => return None,
            KeyCode::Char(c) => Key::Char(c),
            KeyCode::F(number) if (1..=F_MAX).contains(&number) => Key::F(number),
            code => NAMED
                .iter()
                .find(|(_, named, _)| *named == code)
                .map(|(name, ..)| Key::Named(name))?,
        };
        let chord = Self {
            key,
            ctrl: held(KeyModifiers::CONTROL) || event.code == KeyCode::Null,
            alt: held(KeyModifiers::ALT),
            shift,
        };
        Some(chord.canonical())
    }

    /// Returns the character that is typed when the chord has no action.
    pub fn typed(self) -> Option<char> {
        match self.key {
            Key::Char(c) if !self.ctrl && !self.alt => Some(c),
            _ => None,
        }
    }

    /// Brings chords that a terminal cannot tell apart to one of them.
    fn canonical(mut self) -> Self {
        if let Key::Char(c) = &mut self.key {
            if self.ctrl {
                c.make_ascii_lowercase();
            } else if self.shift {
                c.make_ascii_uppercase();
            }
            self.shift = false;
        }
        let alike = match (self.ctrl, self.key) {
            (true, Key::Char('i')) => Some(Key::Named("tab")),
            (true, Key::Char('m')) => Some(Key::Named("enter")),
            (true, Key::Char('[' | '3')) => Some(Key::Named("esc")),
            (true, Key::Char('h' | '8' | '?')) => Some(Key::Named("backspace")),
            _ => None,
        };
        if let Some(key) = alike {
            (self.key, self.ctrl) = (key, false);
        }
        if let (true, Key::Char(c)) = (self.ctrl, &mut self.key) {
            *c = match *c {
                '@' | '2' => ' ',
                '4' => '\\',
                '5' => ']',
                '6' => '^',
                '7' | '/' | '-' => '_',
                other => other,
            };
        }
        // A terminal that does tell these apart is not to make them dead keys.
        if let Key::Named(name) = self.key {
            let is_plain = !tells_held(name);
            self.ctrl &= !is_plain;
            self.shift &= !is_plain || name == "tab";
            self.alt &= name != "esc";
        }
        self
    }

    /// Says why no terminal can be trusted to send it, and the mend.
    fn untypable(self) -> Option<(&'static str, &'static str)> {
        match self.key {
            Key::Named("esc") if self.ctrl || self.alt || self.shift => {
                Some(("cannot be told from esc", "write esc, or use another key"))
            }
            Key::Named("tab") if self.ctrl => {
                Some(("cannot be told from tab", "use alt+tab or shift+tab"))
            }
            Key::Named("tab") => None,
            Key::Named(name) if !tells_held(name) && (self.ctrl || self.shift) => Some((
                "cannot be told from the key without ctrl or shift",
                "use alt with it, as in alt+enter",
            )),
            Key::Named(_) | Key::F(_) => None,
            Key::Char(c) if self.ctrl && c.is_ascii_alphabetic() && self.shift => Some((
                "cannot be told from the key without shift",
                "leave shift out, or use alt+shift with the letter",
            )),
            Key::Char(c) if self.shift && !c.is_ascii_alphabetic() => Some((
                "depends on the keyboard",
                "write the character that it types, without shift",
            )),
            Key::Char('[') if self.alt && !self.ctrl => {
                Some(("is how the codes of other keys begin", "use another key"))
            }
            Key::Char('o') if self.alt && self.shift => {
                Some(("is how the codes of other keys begin", "use another key"))
            }
            Key::Char(c) if self.ctrl && !has_control_code(c) => Some((
                "has no code that a terminal could send",
                "use ctrl with a letter, or alt",
            )),
            Key::Char(_) => None,
        }
    }
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (is_held, word) in [
            (self.ctrl, "ctrl+"),
            (self.alt, "alt+"),
            (self.shift, "shift+"),
        ] {
            if is_held {
                f.write_str(word)?;
            }
        }
        match self.key {
            Key::Char(' ') => f.write_str("space"),
            Key::Char(c) if c.is_ascii_uppercase() => write!(f, "shift+{}", c.to_ascii_lowercase()),
            Key::Char(c) => write!(f, "{c}"),
            Key::F(number) => write!(f, "f{number}"),
            Key::Named(name) => f.write_str(name),
        }
    }
}

fn read_key(word: &str) -> Option<Key> {
    if word == "space" {
        return Some(Key::Char(' '));
    }
    let mut letters = word.chars();
    if let (Some(c), None) = (letters.next(), letters.next()) {
        return (!c.is_control() && !c.is_whitespace()).then_some(Key::Char(c));
    }
    if let Some(number) = word.strip_prefix('f').and_then(|word| word.parse().ok()) {
        return (1..=F_MAX).contains(&number).then_some(Key::F(number));
    }
    NAMED
        .iter()
        .find(|(name, ..)| *name == word)
        .map(|(name, ..)| Key::Named(name))
}

fn tells_held(name: &str) -> bool {
    NAMED
        .iter()
        .any(|(named, _, tells)| *named == name && *tells)
}

fn has_control_code(c: char) -> bool {
    // The second part are those that are alike to one that has.
    c.is_ascii_lowercase() || CONTROL_SIGNS.contains(c) || "[@?/2345678".contains(c)
}

fn key_mend(word: &str, others: &[&'static str]) -> String {
    let names = NAMED.iter().map(|(name, ..)| *name).chain(["space"]);
    match nearest(word, names.chain(others.iter().copied())) {
        Some(name) => format!("did you mean {name}?"),
        None => {
            "write a character, a name such as pgup, enter or f1, with ctrl+, alt+ or shift+ before it"
                .to_owned()
        }
    }
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
