//! The answers of the terminal to what it is asked, and what a person types meanwhile.
//!
//! Whoever reads the keys reads the answers first, since both come the same way; frames wait for neither. What is typed
//! meanwhile is handed on at once, as the keys that it is, and what cannot be told is dropped. Ends with the last answer,
//! which every terminal gives, or after [`WAIT`]: that is long, since answers that come later would be taken for keys, and
//! nobody waits for it. One who asks again while answers may still come is owed both: the first last answer is not the last.
//!
//! Whoever gets the terminal next is to find no answers there: giving it back waits a moment for those that are owed
//! ([`Asking::drain`]), and takes nothing that comes behind the last one, nor behind the first byte that no answer has: that
//! one is lost, and the rest is for the next one, be it that an answer is among it. Nothing of that moment is told later.

use std::{
    mem,
    os::fd::AsFd,
    sync::{Mutex, MutexGuard, PoisonError, TryLockError},
    thread::sleep,
    time::{Duration, Instant},
};

use crossterm::event::{
    Event, KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use crate::client::picture::terminal::{Answers, QUESTIONS, Report};

/// How long answers are waited for: any link takes less. Nobody waits for it, and what is typed is handed on meanwhile.
pub const WAIT: Duration = Duration::from_secs(10);
/// How long giving the terminal back waits for answers that are owed: the way to the other side of the earth and back.
pub const LATE: Duration = Duration::from_millis(300);
/// How long the rest of a sequence may take: then an ESC alone is a key.
const MOMENT: Duration = Duration::from_millis(30);
/// How often it is looked whether somebody else took the last answer.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long another reader may have what is shared: it never waits with it in hand, unless something else reads there, too.
const OTHER_WAIT: Duration = Duration::from_millis(100);
/// What is read at once.
const PIECE_BYTES: usize = 1024;
/// The longest sequence of a key, and the longest paste that is taken here.
const KEY_BYTES_MAX: usize = 64;
const PASTE_BYTES_MAX: usize = 1024 * 1024;
/// What ends a paste.
const PASTE_END: &[u8] = b"\x1b[201~";

/// What the terminal of standard input and output was asked. Static, since it is to be seen to however the program ends.
pub static HERE: Asking = Asking::new();

/// What the terminal is asked, and what takes away whatever a poor one draws of it.
pub fn questions() -> String {
    format!("{}\x1b[2J", String::from_utf8_lossy(QUESTIONS))
}

/// What was asked, and what came of it so far.
#[derive(Debug)]
pub struct Asking(Mutex<State>);

#[derive(Debug)]
struct State {
    place: Place,
    /// How often the last answer is to come, of all that came since it was told what came; and until when that may be.
    owed: u32,
    until: Option<Instant>,
    answers: Answers,
    typed: Typed,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Nothing was asked, or all is answered and told.
    Done,
    /// Answers are waited for until then.
    Awaited(Instant),
    /// Answers did not come in time.
    Unanswered,
}

impl State {
    /// The questions are sent once more. What was asked before may still be answered until its time is over.
    fn ask(&mut self, within: Duration) {
        let now = Instant::now();
        let ends = self.answers.ends();
        let before = match self.until {
            Some(until) if now < until => self.owed.max(ends),
            _ => ends,
        };
        let until = now + within;
        (self.owed, self.until) = (before.saturating_add(1), Some(until));
        // The rest of an answer that was begun may still come.
        self.place = Place::Awaited(until);
    }

    /// Whether the last answer came as often as it was asked for.
    fn is_complete(&self) -> bool {
        self.answers.ends() >= self.owed
    }

    /// Whether an answer is owed that may still come.
    fn is_awaited(&self) -> bool {
        let is_due = matches!(self.place, Place::Awaited(until) if Instant::now() < until);
        is_due && !self.is_complete()
    }

    /// Whether an answer is owed that did not come in time, so that it may be asked for once more.
    fn is_unanswered(&self) -> bool {
        match self.place {
            Place::Done => false,
            Place::Awaited(_) => !self.is_awaited() && self.answers.ends() == 0,
            Place::Unanswered => true,
        }
    }

    /// Whether nothing more is to be read: somebody else took the last answer, or gave it up.
    fn is_taken(&self) -> bool {
        match self.place {
            Place::Awaited(_) => self.is_complete() && !self.is_within(),
            Place::Done | Place::Unanswered => true,
        }
    }

    /// Whether something was begun that is not whole.
    fn is_within(&self) -> bool {
        self.answers.is_within() || self.typed.is_within()
    }

    /// What was typed among the answers so far.
    fn events(&mut self) -> Vec<Event> {
        let typed = self.answers.take_typed();
        self.typed.feed(&typed)
    }
}

impl Asking {
    /// Nothing was asked.
    pub const fn new() -> Self {
        Self(Mutex::new(State {
            place: Place::Done,
            owed: 0,
            until: None,
            answers: Answers::new(),
            typed: Typed::new(),
        }))
    }

    /// The questions are about to be sent: the first thing that comes may be an answer.
    pub fn ask(&self, within: Duration) {
        self.locked().ask(within);
    }

    /// Whether answers are waited for: whoever reads keys reads those first. Waits for who just takes some.
    pub fn is_awaited(&self) -> bool {
        self.locked().is_awaited()
    }

    /// The same for who gives the terminal back and may not be held up: also false if it cannot be found out.
    pub fn is_owed(&self) -> bool {
        self.locked_soon().is_some_and(|state| state.is_awaited())
    }

    /// Whether it was asked and the last answer did not come in time.
    pub fn is_unanswered(&self) -> bool {
        self.locked().is_unanswered()
    }

    /// Reads until all is answered or time is up; `None`: it was given up elsewhere, nothing will ever come any more, or
    /// nobody takes what is typed. Once it is over nothing more is read.
    pub fn read(
        &self,
        input: impl AsFd,
        has_ended: impl Fn() -> bool,
        mut tell: impl FnMut(Event) -> bool,
    ) -> Option<Report> {
        loop {
            let (wait, is_over) = {
                let state = self.locked();
                let Place::Awaited(until) = state.place else {
                    return None;
                };
                let left = until.saturating_duration_since(Instant::now());
                let is_over = state.is_complete() || left.is_zero();
                match state.is_within() {
                    false if is_over => break,
                    true => (MOMENT, is_over),
                    false => (left.min(LOOK_EVERY), is_over),
                }
            };
            let is_there = wait_for(&input, wait);
            let mut state = self.locked();
            if has_ended() {
                return None;
            }
            // What is there now is for who gets the terminal next.
            if state.is_taken() {
                continue;
            }
            // Somebody else may have taken a part of it meanwhile.
            let taken = is_there.and_then(|is_there| match is_there {
                true => state.take(&input, PIECE_BYTES),
                false => Some(false),
            });
            match taken {
                None => {
                    state.place = Place::Unanswered;
                    return None;
                }
                Some(true) => {}
                Some(false) => {
                    state.answers.pause();
                    // The end of a paste always comes; what comes before it is never a key.
                    if is_over && !state.typed.is_pasted() {
                        break;
                    }
                }
            }
            let events = state.events();
            drop(state);
            if !events.into_iter().all(&mut tell) {
                return None;
            }
        }
        let (report, events) = self.locked().finish();
        let told = events.into_iter().all(tell);
        told.then_some(report)
    }

    /// Takes what comes until all is answered, if anything is owed, but not for long, and only as long as it may be an
    /// answer: byte by byte, so that nothing behind is taken. What is taken and is none is lost.
    pub fn drain(&self, input: impl AsFd, within: Duration) {
        let until = Instant::now() + within;
        let Some(mut state) = self.locked_soon() else {
            return;
        };
        if !state.is_awaited() {
            return;
        }
        while state.is_awaited() {
            let left = until.saturating_duration_since(Instant::now());
            let taken = match left.is_zero() {
                true => None,
                false => wait_for(&input, left),
            };
            let taken = taken.and_then(|is_there| match is_there {
                true => state.take(&input, 1),
                false => Some(false),
            });
            // Of two ESC the second may begin an answer.
            let is_typed = !state.answers.take_typed().is_empty() && !state.answers.is_within();
            if taken.is_none() || is_typed {
                state.place = Place::Unanswered;
            }
        }
        // A key that was begun is not to end with one that is pressed much later, nor a paste; an answer may go on.
        state.answers.pause();
        state.answers.take_typed();
        state.typed = Typed::new();
    }

    /// Nothing under this lock leaves a half-done state behind.
    fn locked(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same where nobody may be held up; `None`: another has it, be it the thread that just panics.
    fn locked_soon(&self) -> Option<MutexGuard<'_, State>> {
        let until = Instant::now() + OTHER_WAIT;
        loop {
            match self.0.try_lock() {
                Ok(guard) => return Some(guard),
                Err(TryLockError::Poisoned(error)) => return Some(error.into_inner()),
                Err(TryLockError::WouldBlock) if Instant::now() < until => {
                    sleep(Duration::from_millis(1));
                }
                Err(TryLockError::WouldBlock) => return None,
            }
        }
    }
}

impl State {
    /// Reads what is there, so many bytes at the most; returns whether there was anything, `None`: there never will be.
    fn take(&mut self, input: &impl AsFd, bytes_max: usize) -> Option<bool> {
        if !wait_for(input, Duration::ZERO)? {
            return Some(false);
        }
        let mut piece = [0; PIECE_BYTES];
        let piece = piece.get_mut(..bytes_max)?;
        match rustix::io::read(input, &mut *piece) {
            Ok(0) => None,
            Ok(count) => {
                self.answers.feed(piece.get(..count).unwrap_or_default());
                Some(true)
            }
            Err(Errno::INTR | Errno::AGAIN) => Some(true),
            Err(_) => None,
        }
    }

    /// The end of a reading: what was answered, and what was typed last.
    fn finish(&mut self) -> (Report, Vec<Event>) {
        // Each time it says the same: once is enough.
        self.place = match self.answers.ends() {
            0 => Place::Unanswered,
            _ => Place::Done,
        };
        self.owed = 0;
        let (report, rest) = mem::take(&mut self.answers).finish();
        (report, self.typed.feed(&rest))
    }
}

/// Waits until there is something to read; `None`: there never will be.
fn wait_for(input: &impl AsFd, wait: Duration) -> Option<bool> {
    let mut polled = [PollFd::new(input, PollFlags::IN)];
    let wait = Timespec::try_from(wait).unwrap_or_default();
    match poll(&mut polled, Some(&wait)) {
        Err(Errno::INTR) => Some(false),
        Err(_) => None,
        Ok(0) => Some(false),
        Ok(_) => polled[0].revents().contains(PollFlags::IN).then_some(true),
    }
}

/// Reads keys out of what is typed.
#[derive(Debug, Default)]
struct Typed {
    held: Vec<u8>,
    paste: Option<Vec<u8>>,
}

impl Typed {
    const fn new() -> Self {
        Self {
            held: Vec::new(),
            paste: None,
        }
    }

    /// Whether something was begun that is not whole.
    fn is_within(&self) -> bool {
        !self.held.is_empty() || self.is_pasted()
    }

    /// Whether a paste was begun.
    fn is_pasted(&self) -> bool {
        self.paste.is_some()
    }

    fn feed(&mut self, bytes: &[u8]) -> Vec<Event> {
        self.held.extend_from_slice(bytes);
        let mut events = Vec::new();
        loop {
            if self.paste.is_some() {
                match self.pasted() {
                    Some(event) => events.push(event),
                    None => return events,
                }
                continue;
            }
            let Some((event, count)) = first(&self.held) else {
                if self.held.len() > KEY_BYTES_MAX {
                    self.held.clear();
                }
                return events;
            };
            self.held.drain(..count.min(self.held.len()));
            match event {
                Told::Event(event) => events.push(event),
                Told::Paste => self.paste = Some(Vec::new()),
                Told::Nothing => {}
            }
        }
    }

    /// Goes on with a paste; returns it once it is whole.
    fn pasted(&mut self) -> Option<Event> {
        let paste = self.paste.as_mut()?;
        let end = self
            .held
            .windows(PASTE_END.len())
            .position(|window| window == PASTE_END);
        let count = end.unwrap_or_else(|| self.held.len().saturating_sub(PASTE_END.len() - 1));
        let room = PASTE_BYTES_MAX.saturating_sub(paste.len());
        paste.extend(self.held.drain(..count).take(room));
        end?;
        self.held.drain(..PASTE_END.len());
        let paste = mem::take(&mut self.paste)?;
        Some(Event::Paste(String::from_utf8_lossy(&paste).into_owned()))
    }
}

/// What some bytes mean.
#[derive(Debug, PartialEq)]
enum Told {
    Event(Event),
    /// A paste begins.
    Paste,
    Nothing,
}

fn key(code: KeyCode, modifiers: KeyModifiers) -> Told {
    Told::Event(Event::Key(KeyEvent::new(code, modifiers)))
}

/// Returns what stands first, and how many bytes it has; `None`: nothing, or it is not whole.
fn first(held: &[u8]) -> Option<(Told, usize)> {
    let rest = held.get(1..).unwrap_or_default();
    match (*held.first()?, rest) {
        (0x1b, [] | [0x1b, ..]) => Some((key(KeyCode::Esc, KeyModifiers::NONE), 1)),
        (0x1b, [b'[', rest @ ..]) => {
            let end = rest.iter().position(|byte| !(0x20..0x40).contains(byte))?;
            let numbers = rest.get(..end).unwrap_or_default();
            let action = rest.get(end).copied().unwrap_or_default();
            Some((sequence(numbers, action), 2 + end + 1))
        }
        (0x1b, [b'O', action, ..]) => Some((sequence(b"", *action), 3)),
        (0x1b, rest) => {
            let (sign, count) = character(rest)?;
            let told = sign.map_or(Told::Nothing, |sign| typed(sign, KeyModifiers::ALT));
            Some((told, 1 + count))
        }
        _ => {
            let (sign, count) = character(held)?;
            let told = sign.map_or(Told::Nothing, |sign| typed(sign, KeyModifiers::NONE));
            Some((told, count))
        }
    }
}

/// Returns the first character, if it is one, and its bytes; `None`: it is not whole.
fn character(bytes: &[u8]) -> Option<(Option<char>, usize)> {
    let start = bytes.get(..bytes.len().min(4))?;
    let text = match std::str::from_utf8(start) {
        Ok(text) => text,
        Err(error) if error.valid_up_to() > 0 => {
            std::str::from_utf8(start.get(..error.valid_up_to())?).ok()?
        }
        // It may go on.
        Err(error) if error.error_len().is_none() => return None,
        Err(_) => return Some((None, 1)),
    };
    let sign = text.chars().next()?;
    Some((Some(sign), sign.len_utf8()))
}

/// A character as it is typed.
fn typed(sign: char, held: KeyModifiers) -> Told {
    let with = |sign: char| key(KeyCode::Char(sign), held | KeyModifiers::CONTROL);
    let letter = |from: u32, to: u32| char::from_u32(u32::from(sign) - from + to);
    match sign {
        '\r' => key(KeyCode::Enter, held),
        '\t' => key(KeyCode::Tab, held),
        '\u{7f}' => key(KeyCode::Backspace, held),
        '\0' => with(' '),
        '\u{1}'..='\u{1a}' => letter(1, u32::from('a')).map_or(Told::Nothing, with),
        '\u{1c}'..='\u{1f}' => letter(0x1c, u32::from('4')).map_or(Told::Nothing, with),
        sign if sign.is_control() => Told::Nothing,
        sign if sign.is_uppercase() => key(KeyCode::Char(sign), held | KeyModifiers::SHIFT),
        sign => key(KeyCode::Char(sign), held),
    }
}

/// A sequence: its numbers, and the letter that ends it.
fn sequence(numbers: &[u8], action: u8) -> Told {
    let text = std::str::from_utf8(numbers).unwrap_or_default();
    if let Some(mouse) = text.strip_prefix('<') {
        return clicked(mouse, action).unwrap_or(Told::Nothing);
    }
    let mut parts = text.split(';').map(|part| part.parse::<u16>().ok());
    let number = parts.next().flatten();
    let held = parts.next().flatten().map_or(KeyModifiers::NONE, modifiers);
    let code = match (action, number) {
        (b'I', None) => return Told::Event(Event::FocusGained),
        (b'O', None) => return Told::Event(Event::FocusLost),
        (b'~', Some(200)) => return Told::Paste,
        (b'Z', _) => return key(KeyCode::BackTab, KeyModifiers::SHIFT),
        (b'A', _) => KeyCode::Up,
        (b'B', _) => KeyCode::Down,
        (b'C', _) => KeyCode::Right,
        (b'D', _) => KeyCode::Left,
        (b'H', _) | (b'~', Some(1 | 7)) => KeyCode::Home,
        (b'F', _) | (b'~', Some(4 | 8)) => KeyCode::End,
        (b'~', Some(2)) => KeyCode::Insert,
        (b'~', Some(3)) => KeyCode::Delete,
        (b'~', Some(5)) => KeyCode::PageUp,
        (b'~', Some(6)) => KeyCode::PageDown,
        (b'P'..=b'S', _) => KeyCode::F(action - b'P' + 1),
        (b'~', Some(number)) => match function(number) {
            Some(number) => KeyCode::F(number),
            None => return Told::Nothing,
        },
        _ => return Told::Nothing,
    };
    key(code, held)
}

fn function(number: u16) -> Option<u8> {
    let from = match number {
        11..=15 => 10,
        17..=21 => 11,
        23 | 24 => 12,
        _ => return None,
    };
    u8::try_from(number - from).ok()
}

/// What is held, as terminals say it: one more than the sum of the bits.
fn modifiers(number: u16) -> KeyModifiers {
    let bits = number.saturating_sub(1);
    let mut held = KeyModifiers::NONE;
    for (bit, modifier) in [
        (1, KeyModifiers::SHIFT),
        (2, KeyModifiers::ALT),
        (4, KeyModifiers::CONTROL),
    ] {
        held.set(modifier, bits & bit != 0);
    }
    held
}

fn clicked(numbers: &str, action: u8) -> Option<Told> {
    let mut parts = numbers.split(';').map(|part| part.parse::<u16>().ok());
    let mut next = || parts.next().flatten();
    let (button, column, row) = (next()?, next()?, next()?);
    let kind = match (button, action) {
        (0, b'M') => MouseEventKind::Down(MouseButton::Left),
        (64, b'M') => MouseEventKind::ScrollUp,
        (65, b'M') => MouseEventKind::ScrollDown,
        _ => return None,
    };
    Some(Told::Event(Event::Mouse(MouseEvent {
        kind,
        column: column.checked_sub(1)?,
        row: row.checked_sub(1)?,
        modifiers: KeyModifiers::NONE,
    })))
}

#[cfg(test)]
#[path = "asking_tests.rs"]
mod tests;
