//! How long to wait before the next attempt: exponential with full jitter.
//!
//! Full jitter spreads a thousand clients that lost the same server evenly over the whole wait. Where somebody is there and
//! waits, the series goes back to waits of some seconds.

use std::time::Duration;

/// The longest first wait.
const BASE: Duration = Duration::from_millis(100);
/// The longest wait at all.
const CAP: Duration = Duration::from_secs(30);
/// Failures from which on the waits grow once more after somebody was there: the first is 3.2 s at the most, which one who
/// looks at the screen sits through, and no more than a series of those who are away asks of a server by then.
const ATTENDED: u32 = 5;

/// The waits of one series of attempts.
#[derive(Clone, Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Counts a failure and returns how long to wait after it.
    pub fn next_wait(&mut self) -> Duration {
        // Without a random number the whole wait is right, if not polite.
        let random = getrandom::u32().unwrap_or(u32::MAX);
        let wait = jittered(self.failures, random);
        self.failures = self.failures.saturating_add(1);
        wait
    }

    /// Somebody is there: the next waits are short ones again, though not the first of a series.
    pub fn attend(&mut self) {
        self.failures = self.failures.min(ATTENDED);
    }

    /// Forgets the failures: an attempt succeeded.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

/// The longest wait after so many failures.
fn ceiling(failures: u32) -> Duration {
    // 2^9 times the base is past the cap already.
    BASE.saturating_mul(1 << failures.min(9)).min(CAP)
}

fn jittered(failures: u32, random: u32) -> Duration {
    ceiling(failures).mul_f64(f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ceiling_doubles_up_to_the_cap() {
        let ceilings: Vec<u128> = (0..12)
            .map(|failures| ceiling(failures).as_millis())
            .collect();
        assert_eq!(
            ceilings,
            [
                100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000, 30_000
            ]
        );
        assert_eq!(ceiling(u32::MAX), CAP);
    }

    #[test]
    fn jitter_covers_the_whole_wait() {
        assert_eq!(jittered(3, 0), Duration::ZERO);
        assert_eq!(jittered(3, u32::MAX), Duration::from_millis(800));
        let half = jittered(3, u32::MAX / 2);
        assert!(half > Duration::from_millis(399) && half < Duration::from_millis(401));
    }

    #[test]
    fn who_is_there_waits_for_some_seconds_and_the_waits_grow_from_there() {
        let mut backoff = Backoff::default();
        backoff.attend();
        assert!(backoff.next_wait() <= BASE, "it makes no wait longer");
        for _ in 0..20 {
            assert!(backoff.next_wait() <= CAP);
        }
        backoff.attend();
        for ceiling in [3_200, 6_400, 12_800] {
            assert!(backoff.next_wait() <= Duration::from_millis(ceiling));
        }
    }

    #[test]
    fn a_success_starts_over() {
        let mut backoff = Backoff::default();
        for _ in 0..20 {
            assert!(backoff.next_wait() <= CAP);
        }
        backoff.reset();
        assert!(backoff.next_wait() <= BASE);
    }
}
