//! Where a message is written: several lines, the movements and kills of readline, undo, completion, history, and the modes
//! of answering and of editing an own message.
//!
//! Promises: at most 16 KiB of UTF-8, and what was refused is said; a paste is text, whatever it holds; the cursor never
//! stands inside of a grapheme; leaving a mode or the history brings the draft back as it was, and so does sending what
//! stood before it; what was typed and goes away all the same can be yanked. Nothing is sent here: what Enter means is
//! decided elsewhere. It is built on `String` rather than on a text area of a widget library: state must be
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

/// What is behind a text that was put in the place of what was being written.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Aside {
    /// Which line of the history it is, counted from the newest; `None`: none of them.
    line: Option<usize>,
    /// The text as it was put there.
    shown: String,
    /// What was being written.
    draft: Buffer,
}

/// What was being written before an edit.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Kept {
    buffer: Buffer,
    aside: Option<Aside>,
}

/// A text that was put aside with its conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// The text and the cursor.
    pub buffer: Buffer,
    /// What it was to be.
    pub mode: Mode,
    aside: Option<Aside>,
    kept: Option<Kept>,
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
        let (buffer, aside) = match &self.kept {
            Some(kept) => (&kept.buffer, &kept.aside),
            None => (&self.buffer, &self.aside),
        };
        match aside {
            Some(aside) if !aside.is_changed(buffer) => aside.draft.text(),
            _ => buffer.text(),
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The message that is edited, and its new text, if that is another one by now.
    pub fn edit(&self) -> Option<(&Quote, &str)> {
        let Mode::Edit(quote) = &self.mode else {
            return None;
        };
        let text = match &self.aside {
            Some(aside) if !aside.is_changed(&self.buffer) => aside.draft.text(),
            _ => self.buffer.text(),
        };
        let is_new = !text.trim().is_empty() && text != quote.text.render_lines();
        is_new.then_some((quote, text))
    }

    /// What is written becomes another text for an own message; what was written waits behind it.
    pub(super) fn begin_edit(&mut self, quote: Quote, text: &str) {
        self.kept = Some(Kept {
            buffer: std::mem::replace(&mut self.buffer, Buffer::new(text)),
            aside: self.aside.take(),
        });
        self.mode = Mode::Edit(quote);
    }

    /// The same with another message that was begun.
    #[must_use]
    pub(super) fn with_message(&self, message: &str) -> Self {
        let mut other = self.clone();
        if message == self.text() {
            return other;
        }
        let buffer = Buffer::new(message);
        match &mut other.kept {
            Some(kept) => {
                *kept = Kept {
                    buffer,
                    aside: None,
                }
            }
            None => (other.buffer, other.aside) = (buffer, None),
        }
        other
    }

    /// Leaves the text alone: what it answers or edits is of no conversation any more. Of an edit before which nothing was
    /// begun it is the new text.
    #[must_use]
    pub fn bare(&self) -> Self {
        let edit = self.edit().map(|(_, text)| text);
        let edit = edit.filter(|_| self.text().trim().is_empty());
        Self::new(edit.unwrap_or(self.text()))
    }
}

impl Aside {
    /// Whether anything was written into what stands there.
    fn is_changed(&self, buffer: &Buffer) -> bool {
        buffer.text() != self.shown && !buffer.text().trim().is_empty()
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
    kept: Option<Kept>,
    offer: Option<Offer>,
    /// The text from before what is shown, which is a line of the history or was picked.
    aside: Option<Aside>,
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

    /// Whether nothing is written and nothing was: what was typed and taken away again is not.
    pub fn is_untouched(&self) -> bool {
        self.is_empty() && self.mode == Mode::Write && !self.has_aside() && self.undo.is_empty()
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
            None => self.add_kill(killed),
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
        if is_back {
            self.come_back();
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
        let at = match (self.aside.as_ref().map(|aside| aside.line), is_older) {
            (None, false) => return false,
            (None | Some(None), true) => 0,
            (Some(Some(at)), true) => at + 1,
            (Some(None | Some(0)), false) => return self.come_back(),
            (Some(Some(at)), false) => at - 1,
        };
        let Some(line) = history.newest(at) else {
            return false;
        };
        self.stand_in(Buffer::new(line), Some(at));
        true
    }

    /// Puts a text in the place of what is being written, which comes back when that is sent or taken away. Returns how
    /// many bytes were refused.
    pub fn put_before(&mut self, text: &str) -> usize {
        let mut buffer = Buffer::default();
        let refused = buffer.insert(text);
        self.stand_in(buffer, None);
        refused
    }

    fn stand_in(&mut self, buffer: Buffer, line: Option<usize>) {
        self.save_changes();
        let draft = match self.aside.take() {
            Some(aside) => aside.draft,
            None => self.buffer.clone(),
        };
        self.show(buffer);
        self.aside = Some(Aside {
            line,
            shown: self.buffer.text().to_owned(),
            draft,
        });
    }

    /// Takes away what stands in the place of what was being written. Returns whether anything does.
    pub fn come_back(&mut self) -> bool {
        self.save_changes();
        match self.aside.take() {
            Some(aside) => {
                self.show(aside.draft);
                true
            }
            None => false,
        }
    }

    /// Takes blanks away if nothing else is written; what they stand in the place of is there again.
    pub fn drop_blanks(&mut self) {
        let is_blank = !self.is_empty() && self.text().trim().is_empty();
        if is_blank && !self.come_back() {
            self.show(Buffer::default());
        }
    }

    /// Whether something stands in the place of what was being written.
    pub fn has_aside(&self) -> bool {
        self.aside.is_some()
    }

    /// What was written into what goes away can be yanked.
    fn save_changes(&mut self) {
        let is_changed = |aside: &Aside| aside.is_changed(&self.buffer);
        if self.aside.as_ref().is_some_and(is_changed) {
            let text = self.buffer.text().to_owned();
            self.save(text);
        }
    }

    /// Keeps a text so that it can be yanked.
    pub fn save(&mut self, text: String) {
        if !text.trim().is_empty() && self.kills.last() != Some(&text) {
            self.add_kill(text);
        }
    }

    fn add_kill(&mut self, text: String) {
        self.kills.push(text);
        if self.kills.len() > KILLS_MAX {
            self.kills.remove(0);
        }
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
        self.kept = Some(Kept {
            buffer: self.buffer.clone(),
            aside: self.aside.take(),
        });
        self.show(Buffer::new(text));
        self.mode = Mode::Edit(quote);
    }

    /// Leaves the mode of answering or editing; returns whether there was one.
    pub fn leave_mode(&mut self) -> bool {
        let mode = std::mem::take(&mut self.mode);
        if let Some(kept) = self.kept.take() {
            self.save_changes();
            let edited = self.aside.take().map(|aside| aside.draft);
            let edited = edited.unwrap_or_else(|| self.buffer.clone());
            let is_same =
                matches!(&mode, Mode::Edit(quote) if quote.text.render_lines() == edited.text());
            if !is_same {
                self.save(edited.text().to_owned());
            }
            self.take_up(kept);
        }
        mode != Mode::Write
    }

    fn take_up(&mut self, kept: Kept) {
        self.show(kept.buffer);
        self.aside = kept.aside;
    }

    /// Takes what is to be sent and leaves what is to stay: nothing, or the draft from before an edit or a line of the
    /// history. `None`: there is nothing but spaces.
    pub fn take(&mut self) -> Option<(String, Mode)> {
        if self.text().trim().is_empty() {
            return None;
        }
        let text = self.text().to_owned();
        let draft = self.aside.take().map(|aside| aside.draft);
        match self.kept.take() {
            Some(kept) => {
                // The edit that a line of the history took the place of.
                self.save(draft.unwrap_or_default().text().to_owned());
                self.take_up(kept);
            }
            None => self.show(draft.unwrap_or_default()),
        }
        Some((text, std::mem::take(&mut self.mode)))
    }

    /// What is being written, as it would be put aside; it stays where it is.
    pub fn draft(&self) -> Draft {
        Draft {
            buffer: self.buffer.clone(),
            mode: self.mode.clone(),
            aside: self.aside.clone(),
            kept: self.kept.clone(),
        }
    }

    /// Puts the text aside and takes up that of another conversation. Kills go along.
    pub fn exchange(&mut self, draft: Draft) -> Draft {
        let is_line = |aside: &Aside| aside.line.is_some() && !aside.is_changed(&self.buffer);
        if self.aside.as_ref().is_some_and(is_line) {
            // A line of the history that nobody touched is no draft.
            self.come_back();
        }
        let old = Draft {
            buffer: self.buffer.clone(),
            mode: std::mem::replace(&mut self.mode, draft.mode),
            aside: std::mem::replace(&mut self.aside, draft.aside),
            kept: std::mem::replace(&mut self.kept, draft.kept),
        };
        self.show(draft.buffer);
        old
    }
}

#[cfg(test)]
#[path = "composer_tests.rs"]
mod tests;
