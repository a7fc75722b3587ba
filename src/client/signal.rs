//! The wishes of the system and of Ctrl-C that the program end.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::exit::Failure;

/// SIGINT, SIGTERM and SIGHUP, which all mean the same here.
#[derive(Debug)]
pub struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
    /// `None`: whoever started this program wants it to outlive its terminal (`nohup`).
    hang_up: Option<Signal>,
}

/// What a signal says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupt {
    /// SIGINT, which Ctrl-C makes of itself: it can be about what the program is just doing.
    Key,
    /// SIGTERM or SIGHUP: the program is to end.
    End,
}

impl Interrupts {
    /// Begins to listen; from now on the signals no longer end the program by themselves.
    pub fn new() -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind)
                .map_err(|error| Failure::other(format!("cannot listen to signals: {error}")))
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hang_up: match hang_ups_are_ignored() {
                true => None,
                false => Some(listen(SignalKind::hangup())?),
            },
        })
    }

    /// Returns at the next one.
    pub async fn next(&mut self) {
        self.next_and_kind().await;
    }

    /// Returns at the next one; what it says.
    pub async fn next_and_kind(&mut self) -> Interrupt {
        tokio::select! {
            _ = self.interrupt.recv() => Interrupt::Key,
            _ = self.terminate.recv() => Interrupt::End,
            () = next_of(&mut self.hang_up) => Interrupt::End,
        }
    }

    /// Returns when somebody asks for the end who does not wait. That the terminal is gone is no such wish: a window that is
    /// closed says it twice, the system at once and the shell a moment later.
    pub async fn insisted(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

async fn next_of(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// Whether SIGHUP was ignored when the program was started. Asked for here, since no safe call tells it; where there is no
/// such file it counts as not ignored.
fn hang_ups_are_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & 1 != 0)
}

#[cfg(test)]
mod tests {
    use std::{env, process::Command, task::Poll};

    use rustix::process::{Signal, getpid, kill_process};

    use super::*;

    /// Says that this is the program that gets the signals: they would end other tests.
    const ALONE: &str = "TINYCHAT_TEST_ALONE";

    #[tokio::test]
    async fn that_the_terminal_is_gone_is_no_wish_for_haste() {
        if env::var_os(ALONE).is_none() {
            let (_, here) = module_path!().split_once("::").unwrap();
            let name = format!("{here}::that_the_terminal_is_gone_is_no_wish_for_haste");
            let mut alone = Command::new(env::current_exe().unwrap());
            let ended = alone.args(["--exact", &name]).env(ALONE, "1").status();
            assert!(ended.unwrap().success());
            return;
        }
        let mut interrupts = Interrupts::new().unwrap();
        let mut others = Interrupts::new().unwrap();
        let tell = |signal| kill_process(getpid(), signal).unwrap();
        tell(Signal::HUP);
        others.next().await;
        {
            let mut insisted = std::pin::pin!(interrupts.insisted());
            let waits = std::future::poll_fn(|context| {
                Poll::Ready(insisted.as_mut().poll(context).is_pending())
            });
            assert!(waits.await);
            tell(Signal::TERM);
            insisted.await;
        }
        // Of two that wait either may come first.
        tell(Signal::INT);
        let mut keys = vec![others.next_and_kind().await, others.next_and_kind().await];
        keys.sort_by_key(|kind| *kind == Interrupt::Key);
        assert_eq!(keys, [Interrupt::End, Interrupt::Key]);
        // It is not forgotten either.
        interrupts.next().await;
    }
}
