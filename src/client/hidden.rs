//! A line from the terminal that is not shown while it is typed: a password.
//!
//! The echo is off before the question is asked, so not even a fast typist is seen, and it is on
//! again however the program ends, an interrupt included. Line editing and Ctrl-C work as ever.

use std::{
    io,
    process::exit,
    sync::{Mutex, PoisonError},
};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::task::JoinSet;

use super::{exit::Failure, signal::Interrupts};

/// The exit code of a program that an interrupt ended before it had begun.
const INTERRUPTED: i32 = 130;

/// How the terminal was, while it is hidden. Static since an interrupt must find it from anywhere.
static SHOWN: Mutex<Option<Termios>> = Mutex::new(None);

/// Hides what is typed until it is dropped.
#[derive(Debug)]
pub struct Hidden(());

impl Hidden {
    /// Turns the echo of standard input's terminal off; the end of the line is still shown.
    pub fn begin() -> io::Result<Self> {
        let shown = tcgetattr(io::stdin())?;
        let mut hidden = shown.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        hidden.local_modes.insert(LocalModes::ECHONL);
        *SHOWN.lock().unwrap_or_else(PoisonError::into_inner) = Some(shown);
        tcsetattr(io::stdin(), OptionalActions::Now, &hidden)?;
        Ok(Self(()))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        show();
    }
}

/// Ends the program at an interrupt, with the terminal as it was, for as long as the guard lives.
pub fn end_when_interrupted() -> Result<JoinSet<()>, Failure> {
    let mut interrupts = Interrupts::new()?;
    let mut guard = JoinSet::new();
    guard.spawn(async move {
        interrupts.next().await;
        show();
        exit(INTERRUPTED);
    });
    Ok(guard)
}

fn show() {
    let shown = SHOWN.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(shown) = shown {
        // A terminal that is gone needs nothing any more.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &shown);
    }
}
