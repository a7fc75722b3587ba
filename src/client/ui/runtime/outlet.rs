//! The one way of bytes to the terminal: switched on and off while somebody writes.
//!
//! Promises: once it is switched off nothing more of a frame comes out, also of one that is just being written, but for a
//! piece that the terminal was already given; what a frame changed is undone then, if the terminal takes that in time.
//! Switching on waits for nothing, switching off a second at the most, and writing a frame only as long as it is on. What
//! switches the terminal over is written with the first frame. Knows nothing of what is written.

use std::{
    io,
    os::fd::AsFd,
    sync::{
        Mutex, MutexGuard, PoisonError, TryLockError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::sleep,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

/// How long switching off waits for a frame that is just being written, and then for a terminal that takes nothing.
const OFF_WAIT: Duration = Duration::from_millis(500);
/// What is written at once: so much may still come out after it is switched off, of a terminal that stands still.
const PIECE_BYTES: usize = 512;
/// How often it is looked whether it is still on, while the terminal stands still.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Ends a sequence that was cut, also one that holds a picture.
const CANCEL: &str = "\x18\x1b\\";

/// See the head of the file.
#[derive(Debug)]
pub(super) struct Outlet {
    /// Grows with each switching; odd while it is on.
    turn: AtomicU64,
    /// The turn in which the terminal was switched over last.
    entered: AtomicU64,
    /// A frame was cut in the middle.
    is_cut: AtomicBool,
    /// Held by who writes.
    one: Mutex<()>,
}

impl Outlet {
    /// One that is off.
    pub const fn new() -> Self {
        Self {
            turn: AtomicU64::new(0),
            entered: AtomicU64::new(0),
            is_cut: AtomicBool::new(false),
            one: Mutex::new(()),
        }
    }

    /// Switches on; the next frame switches the terminal over, also if it was on before.
    pub fn on(&self) {
        // From even to odd, and from odd to the next odd.
        let next = |turn: u64| Some((turn + 1) | 1);
        let _ = self
            .turn
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, next);
    }

    /// Whether it is on.
    #[cfg(test)]
    pub fn is_on(&self) -> bool {
        is_on(self.turn.load(Ordering::SeqCst))
    }

    /// Switches off, and undoes with these codes what the first frame has done. Twice does no harm.
    pub fn off(&self, out: impl AsFd, undo: &str) {
        let next = |turn: u64| is_on(turn).then_some(turn + 1);
        let switched = self
            .turn
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, next);
        let Ok(turn) = switched else { return };
        let Some(_one) = self.wait_for_one() else {
            return;
        };
        if self.entered.load(Ordering::SeqCst) != turn {
            return;
        }
        let cancel = match self.is_cut.swap(false, Ordering::SeqCst) {
            true => CANCEL,
            false => "",
        };
        let until = Instant::now() + OFF_WAIT;
        // A terminal that is gone needs nothing any more.
        let undo = format!("{cancel}{undo}");
        let _ = write_while(out, undo.as_bytes(), || Instant::now() < until);
    }

    /// Writes a frame while it is on, behind the codes that switch the terminal over if that was not done yet. Waits for a
    /// terminal that stands still.
    pub fn write(&self, out: impl AsFd, codes: &str, frame: &[u8]) -> io::Result<()> {
        let _one = self.one.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = self.turn.load(Ordering::SeqCst);
        if !is_on(turn) {
            return Ok(());
        }
        let is_first = self.entered.swap(turn, Ordering::SeqCst) != turn;
        let codes = if is_first { codes } else { "" };
        let goes_on = || self.turn.load(Ordering::SeqCst) == turn;
        for text in [codes.as_bytes(), frame] {
            if !write_while(out.as_fd(), text, goes_on)? {
                self.is_cut.store(true, Ordering::SeqCst);
                return Ok(());
            }
        }
        Ok(())
    }

    fn wait_for_one(&self) -> Option<MutexGuard<'_, ()>> {
        let until = Instant::now() + OFF_WAIT;
        loop {
            match self.one.try_lock() {
                Ok(guard) => return Some(guard),
                Err(TryLockError::Poisoned(error)) => return Some(error.into_inner()),
                Err(TryLockError::WouldBlock) if Instant::now() < until => {
                    sleep(Duration::from_millis(2));
                }
                Err(TryLockError::WouldBlock) => return None,
            }
        }
    }
}

const fn is_on(turn: u64) -> bool {
    turn % 2 == 1
}

/// Writes as long as it is to go on; returns whether all was written. Goes past the lock of the standard library, which a
/// thread that is held up by the terminal may have for ever.
fn write_while(out: impl AsFd, mut text: &[u8], goes_on: impl Fn() -> bool) -> io::Result<bool> {
    while !text.is_empty() {
        if !goes_on() {
            return Ok(false);
        }
        if !takes_text(&out) {
            continue;
        }
        match rustix::io::write(&out, text.get(..PIECE_BYTES).unwrap_or(text)) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => text = text.get(count..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            // Somebody who shares the terminal has told it not to wait.
            Err(Errno::AGAIN) => sleep(Duration::from_millis(1)),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(true)
}

/// Waits a moment until the terminal takes text; returns whether it does, or is gone, which writing tells.
fn takes_text(out: impl AsFd) -> bool {
    let mut polled = [PollFd::new(&out, PollFlags::OUT)];
    let within = Timespec::try_from(LOOK_EVERY).unwrap_or_default();
    match poll(&mut polled, Some(&within)) {
        Ok(count) => count > 0,
        Err(error) => error != Errno::INTR,
    }
}

#[cfg(test)]
#[path = "outlet_tests.rs"]
mod tests;
