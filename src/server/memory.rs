//! Memory that connections leave behind, given back to the system.
//!
//! The allocator of glibc keeps what is freed between things that live on, so that a server that once had five thousand
//! connections holds their 60 MiB for ever. It gives them back when it is asked to (`malloc_trim`), and nothing safe asks
//! it: this is the one place in this crate with unsafe code. Elsewhere there is nothing to do.
//!
//! Asking takes milliseconds, so it is done only when many connections have ended since the last time, and seldom; and once
//! more at the next look, since what an ended connection held is not all freed when it is counted as gone (its calls are
//! taken back one by one).

use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use super::doorkeeper::Doorkeeper;

/// How often it is looked whether there is something to give back.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Connections that must have ended: what one alone leaves, the next one takes.
const ENDED_MIN: u64 = 4;
/// And this share of those that are open: on a busy server they come and go, and what one leaves the next one takes.
const OPEN_SHARE: u64 = 8;

/// Gives memory back whenever there is something to give, until told to end.
pub async fn give_back(doorkeeper: Doorkeeper, ended: CancellationToken) {
    let mut turns = Turns::default();
    let mut beat = tokio::time::interval(LOOK_EVERY);
    while ended.run_until_cancelled(beat.tick()).await.is_some() {
        let (open, gone) = doorkeeper.counts();
        if turns.is_due(open, gone) {
            // Off the async threads: it walks through all that is free. Its failure would be its own panic.
            let _ = spawn_blocking(trim).await;
        }
    }
}

/// When it is worth it to ask.
#[derive(Default)]
struct Turns {
    /// How many connections had ended when it was last worth it.
    gone: u64,
    /// That look found something: the next one asks again.
    was_worth_it: bool,
}

impl Turns {
    /// Whether to ask at this look, with so many connections open and so many ended since the start.
    fn is_due(&mut self, open: u64, gone: u64) -> bool {
        let is_worth_it = gone - self.gone >= ENDED_MIN.max(open / OPEN_SHARE);
        if is_worth_it {
            self.gone = gone;
        }
        is_worth_it | std::mem::replace(&mut self.was_worth_it, is_worth_it)
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "no safe interface asks glibc for this")]
fn trim() {
    // SAFETY: malloc_trim takes a number, may be called at any time by any thread (it is marked MT-Safe), and touches
    // only memory that is free.
    unsafe { libc::malloc_trim(0) };
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
const fn trim() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_due_when_many_have_ended_for_those_that_are_open() {
        let first = |open, gone| Turns::default().is_due(open, gone);
        assert!(!first(0, 0) && !first(0, 3));
        assert!(first(0, 4) && first(32, 4));
        assert!(!first(8_000, 999) && first(8_000, 1_000));
    }

    #[test]
    fn it_is_due_once_more_at_the_next_look_for_what_was_not_freed_yet() {
        let mut turns = Turns::default();
        assert!(turns.is_due(0, 100));
        assert!(turns.is_due(0, 100));
        assert!(!turns.is_due(0, 100));
        assert!(!turns.is_due(0, 103) && turns.is_due(0, 104));
        assert!(turns.is_due(0, 108) && turns.is_due(0, 108) && !turns.is_due(0, 108));
    }

    #[tokio::test]
    async fn asking_does_no_harm() {
        let kept = vec![7_u8; 1 << 20];
        spawn_blocking(trim).await.unwrap();
        assert!(kept.iter().all(|byte| *byte == 7));
    }
}
