//! Memory that connections leave behind, given back to the system.
//!
//! The allocator of glibc keeps what is freed between things that live on, so that a server that once had five thousand
//! connections holds their 60 MiB for ever. It gives them back when it is asked to (`malloc_trim`), and nothing safe asks
//! it: this is the one place in this crate with unsafe code. Elsewhere there is nothing to do.
//!
//! Asking takes milliseconds, so it is done only when many connections have ended since the last time, and seldom.

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
    let mut done_at = 0;
    let mut beat = tokio::time::interval(LOOK_EVERY);
    while ended.run_until_cancelled(beat.tick()).await.is_some() {
        let (open, gone) = doorkeeper.counts();
        if is_worth_it(open, gone - done_at) {
            done_at = gone;
            // Off the async threads: it walks through all that is free. Its failure would be its own panic.
            let _ = spawn_blocking(trim).await;
        }
    }
}

fn is_worth_it(open: u64, ended: u64) -> bool {
    ended >= ENDED_MIN.max(open / OPEN_SHARE)
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
    fn it_is_worth_it_when_many_have_ended_for_those_that_are_open() {
        assert!(!is_worth_it(0, 0) && !is_worth_it(0, 3));
        assert!(is_worth_it(0, 4) && is_worth_it(32, 4));
        assert!(!is_worth_it(8_000, 999) && is_worth_it(8_000, 1_000));
    }

    #[tokio::test]
    async fn asking_does_no_harm() {
        let kept = vec![7_u8; 1 << 20];
        spawn_blocking(trim).await.unwrap();
        assert!(kept.iter().all(|byte| *byte == 7));
    }
}
