//! Where a message is written: several lines, the movements and kills of readline, undo, completion, history, and the modes
//! of answering and of editing an own message.
//!
//! Promises: at most 16 KiB of UTF-8, and what was refused is said; a paste is text, whatever it holds; the cursor never
//! stands inside of a grapheme; leaving a mode or the history brings the draft back as it was. Nothing is sent here: what
//! Enter means is decided elsewhere. It is built on `String` rather than on a text area of a widget library: state must be
//! comparable, move by graphemes, and know nothing of a screen.

use super::{
    buffer::Buffer,
    edit::{Edit, Reach, reach},
    history::History,
};
use crate::client::app::untrusted::Untrusted;

/// Texts that were cut out and can come back.
const KILLS_MAX: usize = 32;
/// Steps that can be undone. At 16 KiB each 1.6 MiB at the most.
const UNDO_MAX: usize = 100;
/// Completions that are offered at once.
const OFFERS_MAX: usize = 200;

/// What the text will be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// A message.
    #[default]
    Write,
    /// The answer to a message.
    Reply(Quote),
    /// Another text for an own message.
    Edit(Quote),
}

/// The message that is answered or edited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Its number.
    pub seq: u64,
    /// Who sent it.
    pub sender: Untrusted,
    /// What it says.
    pub text: Untrusted,
}

/// What can stand in the place of a part of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// What is put there.
    pub insert: String,
    /// What is shown for it.
    pub label: String,
    /// What it is.
    pub help: String,
}

/// Completions to choose from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Where the part begins that is replaced, in bytes; it ends at the cursor.
    from: usize,
    /// What can be chosen.
    pub candidates: Vec<Candidate>,
    /// Which is chosen.
    pub chosen: usize,
}

/// A text that was put aside with its conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// The text and the cursor.
    pub buffer: Buffer,
    /// What it was to be.
    pub mode: Mode,
    /// The text from before an edit.
    kept: Option<Buffer>,
}

impl Draft {
    /// A message that was begun.
    pub fn new(text: &str) -> Self {
        Self {
            buffer: Buffer::new(text),
            ..Self::default()
        }
    }

    /// What a cache must keep of it: the message that was begun, not the edit of another.
    pub fn text(&self) -> &str {
        self.kept.as_ref().unwrap_or(&self.buffer).text()
    }
}

/// What the last act was, as far as the next depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Last {
    #[default]
    Other,
    /// A grapheme of a word was typed: the next joins it in one step of undo.
    Typed,
    /// Something was cut out: the next joins it in one kill.
    Killed,
    /// So many bytes were put back, of this kill counted from the newest.
    Yanked(usize, usize),
    /// The cursor moves over lines and keeps this column.
    Climbed(usize),
}

/// See the head of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Composer {
    buffer: Buffer,
    mode: Mode,
    /// The text from before an edit.
    kept: Option<Buffer>,
    offer: Option<Offer>,
    /// Which line of the history is shown, counted from the newest, and the text from before.
    recalled: Option<(usize, Buffer)>,
    kills: Vec<String>,
    undo: Vec<Buffer>,
    redo: Vec<Buffer>,
    last: Last,
}

impl Composer {
    /// The text and the cursor.
    pub fn buffer(&self) -> &Buffer {
        &self.buffer
    }

    /// The text.
    pub fn text(&self) -> &str {
        self.buffer.text()
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.text().is_empty()
    }

    /// What the text will be.
    pub fn mode(&self) -> &Mode {
        &self.mode
    }

    /// The completions that are offered.
    pub fn offer(&self) -> Option<&Offer> {
        self.offer.as_ref()
    }

    /// Takes what was typed. Returns how many bytes were refused.
    pub fn type_in(&mut self, text: &str) -> usize {
        let is_word = !text.is_empty() && text.chars().all(char::is_alphanumeric);
        if !(is_word && self.last == Last::Typed) {
            self.remember();
        }
        let refused = self.put(text);
        self.last = if is_word { Last::Typed } else { Last::Other };
        refused
    }

    /// Takes what was pasted, as text. Returns how many bytes were refused.
    pub fn paste(&mut self, text: &str) -> usize {
        self.remember();
        self.last = Last::Other;
        self.put(text)
    }

    fn put(&mut self, text: &str) -> usize {
        self.offer = None;
        self.redo.clear();
        self.buffer.insert(text)
    }

    /// Edits. Returns whether anything has changed, be it the cursor.
    pub fn edit(&mut self, edit: Edit) -> bool {
        let before = self.buffer.clone();
        self.offer = None;
        let last = std::mem::take(&mut self.last);
        match edit {
            Edit::LineUp | Edit::LineDown => self.climb(edit == Edit::LineUp, last),
            Edit::Yank => self.yank(0, 0),
            Edit::YankPop => {
                if let Last::Yanked(bytes, kill) = last {
                    self.yank(bytes, kill + 1);
                }
            }
            Edit::Undo => self.travel(true),
            Edit::Redo => self.travel(false),
            Edit::NewLine => {
                self.remember();
                self.put("\n");
            }
            Edit::Transpose => {
                self.remember();
                self.buffer.transpose();
            }
            _ => match reach(&self.buffer, edit) {
                Reach::Move(at) => self.buffer.set_cursor(at),
                Reach::Delete(from, to) => {
                    self.remember();
                    self.buffer.remove(from, to);
                }
                Reach::Kill(from, to) => self.kill(from, to, last),
            },
        }
        if self.buffer.text() != before.text() && !matches!(edit, Edit::Undo | Edit::Redo) {
            self.redo.clear();
        }
        self.buffer != before
    }

    fn climb(&mut self, is_up: bool, last: Last) {
        let column = match last {
            Last::Climbed(column) => column,
            _ => self.buffer.place().1,
        };
        if let Some(at) = self.buffer.in_next_line(is_up, column) {
            self.buffer.set_cursor(at);
        }
        self.last = Last::Climbed(column);
    }

    fn kill(&mut self, from: usize, to: usize, last: Last) {
        self.remember();
        let is_backward = to == self.buffer.cursor();
        let killed = self.buffer.remove(from, to);
        if killed.is_empty() {
            self.last = last;
            return;
        }
        match self.kills.last_mut().filter(|_| last == Last::Killed) {
            Some(kill) if is_backward => kill.insert_str(0, &killed),
            Some(kill) => kill.push_str(&killed),
            None => {
                self.kills.push(killed);
                if self.kills.len() > KILLS_MAX {
                    self.kills.remove(0);
                }
            }
        }
        self.last = Last::Killed;
    }

    /// Puts a kill in the place of so many bytes before the cursor.
    fn yank(&mut self, bytes: usize, kill: usize) {
        let Some(place) = kill.checked_rem(self.kills.len()) else {
            return;
        };
        let Some(text) = self.kills.iter().rev().nth(place).cloned() else {
            return;
        };
        self.remember();
        let at = self.buffer.cursor();
        self.buffer.remove(at.saturating_sub(bytes), at);
        let from = self.buffer.cursor();
        self.put(&text);
        self.last = Last::Yanked(self.buffer.cursor() - from, place);
    }

    fn remember(&mut self) {
        if self.undo.last() == Some(&self.buffer) {
            return;
        }
        self.undo.push(self.buffer.clone());
        if self.undo.len() > UNDO_MAX {
            self.undo.remove(0);
        }
    }

    fn travel(&mut self, is_back: bool) {
        let (from, to) = match is_back {
            true => (&mut self.undo, &mut self.redo),
            false => (&mut self.redo, &mut self.undo),
        };
        // Steps that only moved the cursor are none.
        while let Some(buffer) = from.pop() {
            if buffer.text() != self.buffer.text() {
                to.push(std::mem::replace(&mut self.buffer, buffer));
                return;
            }
        }
    }

    /// Offers completions for what stands between a byte and the cursor; none: takes back what was offered.
    pub fn set_offer(&mut self, from: usize, mut candidates: Vec<Candidate>) {
        candidates.truncate(OFFERS_MAX);
        let is_there = from <= self.buffer.cursor() && !candidates.is_empty();
        self.offer = is_there.then_some(Offer {
            from,
            candidates,
            chosen: 0,
        });
    }

    /// Chooses the next completion, or the one before.
    pub fn choose(&mut self, is_next: bool) {
        if let Some(offer) = &mut self.offer {
            let count = offer.candidates.len();
            let step = if is_next { 1 } else { count - 1 };
            offer.chosen = (offer.chosen + step) % count;
        }
    }

    /// Puts the completion that is chosen into the text. `None`: none was offered; else how many bytes were refused.
    pub fn accept(&mut self) -> Option<usize> {
        let offer = self.offer.take()?;
        let candidate = offer.candidates.get(offer.chosen)?;
        self.remember();
        self.buffer.remove(offer.from, self.buffer.cursor());
        self.last = Last::Other;
        Some(self.put(&candidate.insert))
    }

    /// Takes back what was offered.
    pub fn dismiss(&mut self) -> bool {
        self.offer.take().is_some()
    }

    /// Shows an older line of the history, or a newer one and at last the draft. Returns whether there was one.
    pub fn recall(&mut self, history: &History, is_older: bool) -> bool {
        let at = match (&self.recalled, is_older) {
            (None, true) => 0,
            (Some((at, _)), true) => at + 1,
            (Some((0, _)), false) => {
                if let Some((_, draft)) = self.recalled.take() {
                    self.show(draft);
                }
                return true;
            }
            (Some((at, _)), false) => at - 1,
            (None, false) => return false,
        };
        let Some(line) = history.newest(at) else {
            return false;
        };
        let draft = match self.recalled.take() {
            Some((_, draft)) => draft,
            None => self.buffer.clone(),
        };
        self.show(Buffer::new(line));
        self.recalled = Some((at, draft));
        true
    }

    fn show(&mut self, buffer: Buffer) {
        self.buffer = buffer;
        self.offer = None;
        self.undo.clear();
        self.redo.clear();
        self.last = Last::Other;
    }

    /// What is written becomes the answer to a message.
    pub fn reply_to(&mut self, quote: Quote) {
        self.leave_mode();
        self.mode = Mode::Reply(quote);
    }

    /// Edits an own message; what was written comes back afterwards.
    pub fn edit_message(&mut self, quote: Quote, text: &str) {
        self.leave_mode();
        self.recalled = None;
        self.kept = Some(self.buffer.clone());
        self.show(Buffer::new(text));
        self.mode = Mode::Edit(quote);
    }

    /// Leaves the mode of answering or editing; returns whether there was one.
    pub fn leave_mode(&mut self) -> bool {
        if let Some(kept) = self.kept.take() {
            self.recalled = None;
            self.show(kept);
        }
        std::mem::take(&mut self.mode) != Mode::Write
    }

    /// Takes what is to be sent and leaves what is to stay: nothing, or the draft from before an edit. `None`: there is
    /// nothing but spaces.
    pub fn take(&mut self) -> Option<(String, Mode)> {
        if self.text().trim().is_empty() {
            return None;
        }
        let text = self.text().to_owned();
        let rest = self.kept.take().unwrap_or_default();
        self.recalled = None;
        self.show(rest);
        Some((text, std::mem::take(&mut self.mode)))
    }

    /// Puts the text aside and takes up that of another conversation. Kills go along.
    pub fn exchange(&mut self, draft: Draft) -> Draft {
        let Draft { buffer, mode, kept } = draft;
        let old = Draft {
            buffer: match self.recalled.take() {
                // A line of the history that nobody touched is no draft.
                Some((_, draft)) if self.undo.is_empty() => draft,
                _ => self.buffer.clone(),
            },
            mode: std::mem::replace(&mut self.mode, mode),
            kept: std::mem::replace(&mut self.kept, kept),
        };
        self.show(buffer);
        old
    }
}

#[cfg(test)]
#[path = "composer_tests.rs"]
mod tests;
