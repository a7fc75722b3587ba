//! The terminal while the UI has it, and how it is given back: as it was, however the program ends.
//!
//! Promises that everything that is switched on is switched off again: when the guard is dropped, before the message of a
//! panic, before the program is stopped. Once the terminal is given back nothing more of the UI is written (see `outlet`),
//! and no answer is left there that was owed and comes soon. Taking it waits for no terminal that stands still, giving it
//! back never long, and one who gives it back waits for another who does. Its settings are at once those of before, but while
//! answers are owed without echo and not by lines; then wholly. A process that is killed in that moment leaves it so. Knows
//! nothing of what is drawn.

use std::{
    io,
    os::fd::AsFd,
    sync::{Mutex, MutexGuard, Once, PoisonError, TryLockError},
    thread::sleep,
    time::{Duration, Instant},
};

use rustix::{
    process::{Signal, getpid, getsid, kill_current_process_group},
    termios::{
        LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr,
    },
};
use tokio::sync::Notify;

use super::{
    asking::{self, Asking},
    outlet::Outlet,
    pictures,
};
use crate::client::{
    paper::Sheet,
    picture::{CellSize, decode::is_at_work},
};

/// The title is put aside; the screen that can be left; what is pasted comes in brackets; whether it is in front is told.
const ENTER: &str = "\x1b[22;2t\x1b[?1049h\x1b[?2004h\x1b[?1004h\x1b[2J";
/// Clicks and the wheel, with numbers that hold beyond column 223.
const MOUSE: &str = "\x1b[?1000h\x1b[?1006h";
/// The reverse, in the reverse order; also what a frame that was cut may have left on.
const LEAVE: &str =
    "\x1b[?2026l\x1b[?1006l\x1b[?1000l\x1b[?1004l\x1b[?2004l\x1b[0m\x1b[?25h\x1b[?1049l\x1b[23;2t";
/// Columns and rows that are used of a larger screen: what is drawn takes memory.
const SIZE_MAX: (u16, u16) = (1_000, 500);
/// What is drawn on while the terminal does not say how large it is.
const SIZE_UNKNOWN: (u16, u16) = (80, 24);

/// How long one who gives the terminal back waits for another who does: longer than that takes. A panic in its middle is
/// the same thread, and goes on then.
const LEAVE_WAIT: Duration = Duration::from_secs(2);

/// How the terminal was, while the UI has it. Static since a panic must find it from anywhere.
static BEFORE: Mutex<Option<Before>> = Mutex::new(None);
/// Held by who gives the terminal back.
static LEAVING: Mutex<()> = Mutex::new(());
/// The way to standard output.
static OUTLET: Outlet = Outlet::new();
/// Told of panics: of one in a thread nobody else would hear, and the screen is gone.
static DEFECT: Notify = Notify::const_new();

#[derive(Clone)]
struct Before {
    termios: Termios,
    has_mouse: bool,
}

/// Has the terminal until it is dropped.
#[derive(Debug)]
pub struct Guard(());

impl Guard {
    /// Takes the terminal of standard input and output; with the mouse, if that is wanted.
    pub fn enter(has_mouse: bool) -> io::Result<Self> {
        hear_panics();
        let termios = tcgetattr(io::stdin())?;
        let before = Before { termios, has_mouse };
        *locked(&BEFORE) = Some(before.clone());
        let guard = Self(());
        take(&before)?;
        Ok(guard)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        leave();
        *locked(&BEFORE) = None;
    }
}

/// Takes the terminal again after it was given back for a while.
pub fn enter_again() -> io::Result<()> {
    let before = locked(&BEFORE).clone();
    before.map_or(Ok(()), |before| take(&before))
}

/// Gives the terminal back. Doing it twice does no harm.
pub fn leave() {
    let Some(before) = locked(&BEFORE).clone() else {
        return;
    };
    give_back(io::stdin(), &before.termios, &asking::HERE, || {
        // What the terminal keeps for us would be left there.
        let undo = format!("{}{LEAVE}", pictures::undo());
        OUTLET.off(io::stdout(), &undo);
    });
}

/// Sets the settings of before, and takes the answers that are owed once nothing more is written.
fn give_back(input: impl AsFd, before: &Termios, asking: &Asking, off: impl FnOnce()) {
    // Otherwise one would switch the echo on while the other still takes answers.
    let _one = leaving();
    let set = |termios: &Termios| {
        // One that is gone has no settings.
        let _ = tcsetattr(&input, OptionalActions::Now, termios);
    };
    // What the terminal still answers would be shown, and read by the shell as if somebody had typed it.
    let is_owed = asking.is_owed();
    // First, since it waits for nothing.
    match is_owed {
        true => set(&without_echo(before)),
        false => set(before),
    }
    off();
    if is_owed {
        asking.drain(&input, asking::LATE);
        set(before);
    }
}

/// These settings, but what comes is not shown, and can be read byte by byte; ^C and ^Z do what they do.
fn without_echo(before: &Termios) -> Termios {
    let mut settings = before.clone();
    settings
        .local_modes
        .remove(LocalModes::ECHO | LocalModes::ICANON);
    settings.local_modes.insert(LocalModes::ISIG);
    settings.special_codes[SpecialCodeIndex::VMIN] = 1;
    settings.special_codes[SpecialCodeIndex::VTIME] = 0;
    settings
}

/// Waits until nobody else gives the terminal back, but not for ever.
fn leaving() -> Option<MutexGuard<'static, ()>> {
    let until = Instant::now() + LEAVE_WAIT;
    loop {
        match LEAVING.try_lock() {
            Ok(guard) => return Some(guard),
            Err(TryLockError::Poisoned(error)) => return Some(error.into_inner()),
            Err(TryLockError::WouldBlock) if Instant::now() < until => {
                sleep(Duration::from_millis(1));
            }
            Err(TryLockError::WouldBlock) => return None,
        }
    }
}

/// Returns when there was a panic anywhere.
pub async fn defect() {
    DEFECT.notified().await;
}

/// Whether something could bring the program back if it were stopped now: a shell that started it. The first program of a
/// terminal has none.
pub fn can_stop() -> bool {
    getsid(None).is_ok_and(|session| session != getpid())
}

/// Stops the program, with those that were started together with it, as the shell expects it. Returns when it goes on, or a
/// little before.
pub fn stop() -> io::Result<()> {
    Ok(kill_current_process_group(Signal::STOP)?)
}

/// Columns and rows of the screen.
pub fn size() -> (u16, u16) {
    let found = tcgetwinsize(io::stdout()).map(|size| (size.ws_col, size.ws_row));
    bounded(found.unwrap_or_default())
}

/// How large a cell of the screen is, if it says so.
pub fn cell() -> Option<CellSize> {
    let size = tcgetwinsize(io::stdout()).ok()?;
    let part = |dots: u16, cells: u16| u32::from(dots).checked_div(u32::from(cells));
    CellSize::new(
        part(size.ws_xpixel, size.ws_col)?,
        part(size.ws_ypixel, size.ws_row)?,
    )
}

/// The part of a size that is used.
fn bounded((columns, rows): (u16, u16)) -> (u16, u16) {
    match columns == 0 || rows == 0 {
        true => SIZE_UNKNOWN,
        false => (columns.min(SIZE_MAX.0), rows.min(SIZE_MAX.1)),
    }
}

/// The way to the screen for the thread that writes.
#[derive(Debug)]
pub struct Tty;

impl Sheet for Tty {
    fn show(&mut self, text: &[u8]) -> io::Result<()> {
        let before = locked(&BEFORE).clone();
        let has_mouse = before.is_some_and(|before| before.has_mouse);
        // What is cut off is drawn anew when the terminal is taken again.
        OUTLET.write(io::stdout(), &enter_codes(has_mouse), text)
    }
}

/// Where nothing is shown: what a screen is for that was given away.
#[derive(Debug)]
pub struct Nowhere;

impl Sheet for Nowhere {
    fn show(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
}

fn take(before: &Before) -> io::Result<()> {
    let mut raw = before.termios.clone();
    raw.make_raw();
    tcsetattr(io::stdin(), OptionalActions::Now, &raw)?;
    // The reader of keys takes a line feed for Enter as long as it does not know that; it is Ctrl+J.
    let _ = crossterm::terminal::enable_raw_mode();
    OUTLET.on();
    Ok(())
}

fn enter_codes(has_mouse: bool) -> String {
    let mouse = if has_mouse { MOUSE } else { "" };
    format!("{ENTER}{mouse}")
}

/// Nothing under these locks leaves a half-done state behind.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn hear_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            // A picture that its decoder cannot bear is damaged, no more.
            if is_at_work() {
                return;
            }
            leave();
            DEFECT.notify_one();
            before(info);
        }));
    });
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, io::Write, sync::mpsc, thread};

    use super::*;

    /// The modes of the terminal that a text switches on or off.
    fn modes(text: &str, end: char) -> BTreeSet<&str> {
        let parts = text.split("\x1b[?").skip(1);
        parts
            .filter_map(|part| part.split_once(end))
            .map(|(mode, _)| mode)
            .filter(|mode| mode.bytes().all(|byte| byte.is_ascii_digit()))
            .collect()
    }

    #[test]
    fn what_is_switched_on_is_switched_off() {
        for has_mouse in [false, true] {
            let enter = enter_codes(has_mouse);
            let on = modes(&enter, 'h');
            assert!(on.contains("1049") && on.contains("2004") && on.contains("1004"));
            assert_eq!(on.contains("1006"), has_mouse);
            let off = modes(LEAVE, 'l');
            assert!(on.is_subset(&off), "{on:?} {off:?}");
            assert_eq!(modes(&enter, 'l'), BTreeSet::new());
        }
        // The cursor is shown, no colour is left, and the title is that of before.
        assert_eq!(modes(LEAVE, 'h'), BTreeSet::from(["25"]));
        assert!(LEAVE.contains("\x1b[0m"));
        assert_eq!(ENTER.contains("\x1b[22;2t"), LEAVE.contains("\x1b[23;2t"));
        // What comes last is seen on the screen that comes back.
        let (off, screen) = (LEAVE.find("?2004l"), LEAVE.find("?1049l"));
        assert!(off < screen);
    }

    #[test]
    fn a_screen_is_never_too_large_to_be_drawn_and_never_nothing() {
        assert_eq!(bounded((80, 24)), (80, 24));
        assert_eq!(bounded((u16::MAX, u16::MAX)), SIZE_MAX);
        assert_eq!(bounded((0, 0)), (80, 24));
        assert_eq!(bounded((1, 1)), (1, 1));
    }

    #[test]
    fn nothing_is_given_back_that_was_not_taken() {
        leave();
        assert!(enter_again().is_ok());
        // Not taken: a frame goes nowhere, and nobody waits for it.
        assert!(Tty.show(b"\x1b[31mfor nobody").is_ok());
        assert!(!OUTLET.is_on());
    }

    #[test]
    fn while_answers_are_owed_nothing_is_shown_and_another_who_gives_it_back_waits() {
        let (mut pty, pts) = pty_process::blocking::open().unwrap();
        let mut before = tcgetattr(&pts).unwrap();
        before
            .local_modes
            .insert(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG | LocalModes::IEXTEN);
        let (modes, now) = (before.local_modes, || tcgetattr(&pts).unwrap().local_modes);
        let take = || {
            let mut raw = before.clone();
            raw.make_raw();
            tcsetattr(&pts, OptionalActions::Now, &raw).unwrap();
            assert!(!now().intersects(LocalModes::ISIG | LocalModes::ECHO));
        };
        take();
        // Nothing is owed: they are those of before, and then it may wait for a terminal that stands still.
        give_back(&pts, &before, &Asking::new(), || assert_eq!(now(), modes));
        assert_eq!(now(), modes);
        take();
        let asking = Asking::new();
        asking.ask(Duration::from_secs(600));
        let (tell, told) = mpsc::channel();
        let (terminal, settings) = (&pts, &before);
        thread::scope(|scope| {
            give_back(&pts, &before, &asking, || {
                let quiet = modes - LocalModes::ECHO - LocalModes::ICANON;
                assert_eq!(now(), quiet);
                scope.spawn(move || {
                    let off = || tell.send(()).unwrap();
                    give_back(terminal, settings, &Asking::new(), off);
                });
                let other = told.recv_timeout(Duration::from_millis(300));
                assert!(other.is_err(), "the other does not wait");
                assert_eq!(now(), quiet);
                pty.write_all(b"\x1b[?62;4c").unwrap();
            });
            told.recv_timeout(Duration::from_secs(20)).unwrap();
        });
        assert!(!asking.is_awaited() && !asking.is_unanswered());
        assert_eq!(now(), modes);
    }
}
