//! How often somebody may try: token buckets by key, filled by a clock that tests own.
//!
//! An attempt is taken before the work and given back if it did not fail, so that many at once cannot slip through
//! between the look and the count. Knows nothing of names or passwords.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::domain::clock::Clock;

/// Keys that are kept at once, some 10 MiB. Past it those that are full again are dropped, and while there are none, new
/// keys are not counted at all: to refuse them would lock out all those who did nothing. What such a flood can do is
/// bounded by what hashes run at once.
const KEYS_MAX: usize = 100_000;
/// How often it is looked for keys to drop: a look goes through all.
const SWEEP_EVERY_MS: i64 = 1_000;

/// A minute, over which a bucket fills.
const MINUTE_MS: i64 = 60_000;

/// Buckets that hold so many attempts and fill up in a minute.
pub struct Buckets<K> {
    /// Milliseconds for one attempt; `None`: no limit.
    interval_ms: Option<i64>,
    clock: Arc<dyn Clock>,
    counted: Mutex<Counted<K>>,
}

struct Counted<K> {
    /// When each bucket will be full again.
    full_at: HashMap<K, i64>,
    swept: i64,
}

impl<K: Eq + Hash + Clone> Buckets<K> {
    /// Buckets of so many attempts a minute; 0: no limit.
    pub fn per_minute(attempts: u32, clock: Arc<dyn Clock>) -> Self {
        let interval_ms = (attempts > 0).then(|| (MINUTE_MS / i64::from(attempts)).max(1));
        Self {
            interval_ms,
            clock,
            counted: Mutex::new(Counted {
                full_at: HashMap::new(),
                swept: i64::MIN,
            }),
        }
    }

    fn counted(&self) -> MutexGuard<'_, Counted<K>> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one attempt, or says how long to wait for one.
    pub fn take(&self, key: &K) -> Result<(), Duration> {
        let Some(interval) = self.interval_ms else {
            return Ok(());
        };
        let now = self.clock.now().milliseconds();
        let mut counted = self.counted();
        let Counted { full_at, swept } = &mut *counted;
        if full_at.len() >= KEYS_MAX && !full_at.contains_key(key) {
            // A clock that was set back is one that has moved enough.
            if now.wrapping_sub(*swept).unsigned_abs() >= SWEEP_EVERY_MS.unsigned_abs() {
                full_at.retain(|_, full| *full > now);
                *swept = now;
            }
            if full_at.len() >= KEYS_MAX {
                return Ok(());
            }
        }
        // No bucket is further from full than a minute: a clock that was set back must not lock anybody out.
        let full = full_at
            .get(key)
            .map_or(now, |full| (*full).clamp(now, now + MINUTE_MS));
        let then = full + interval;
        let wait = then - now - MINUTE_MS;
        if wait > 0 {
            full_at.insert(key.clone(), full);
            return Err(Duration::from_millis(wait.unsigned_abs()));
        }
        full_at.insert(key.clone(), then);
        Ok(())
    }

    /// Gives one attempt back.
    pub fn give_back(&self, key: &K) {
        let Some(interval) = self.interval_ms else {
            return;
        };
        let now = self.clock.now().milliseconds();
        let full_at = &mut self.counted().full_at;
        if let Some(full) = full_at.get_mut(key) {
            *full -= interval;
            if *full <= now {
                full_at.remove(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::{ManualClock, TimeMs};

    fn buckets(attempts: u32) -> (Arc<ManualClock>, Buckets<&'static str>) {
        let clock = Arc::new(ManualClock::at(TimeMs::new(1_000_000)));
        (clock.clone(), Buckets::per_minute(attempts, clock))
    }

    #[test]
    fn five_pass_and_the_sixth_must_wait_for_its_turn() {
        let (clock, buckets) = buckets(5);
        assert!((0..5).all(|_| buckets.take(&"ann").is_ok()));
        assert_eq!(buckets.take(&"ann"), Err(Duration::from_secs(12)));
        assert_eq!(buckets.take(&"bob"), Ok(()));
        clock.advance_ms(11_999);
        assert_eq!(buckets.take(&"ann"), Err(Duration::from_millis(1)));
        clock.advance_ms(1);
        assert_eq!(buckets.take(&"ann"), Ok(()));
        assert_eq!(buckets.take(&"ann"), Err(Duration::from_secs(12)));
        clock.advance_ms(60_000);
        assert!((0..5).all(|_| buckets.take(&"ann").is_ok()));
        assert!(buckets.take(&"ann").is_err());
    }

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let (_, buckets) = buckets(2);
        for _ in 0..10 {
            assert_eq!(buckets.take(&"ann"), Ok(()));
            buckets.give_back(&"ann");
        }
        assert!((0..2).all(|_| buckets.take(&"ann").is_ok()));
        assert!(buckets.take(&"ann").is_err());
        buckets.give_back(&"nobody");
        assert_eq!(buckets.counted().full_at.len(), 1);
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out() {
        let (clock, buckets) = buckets(5);
        assert!((0..5).all(|_| buckets.take(&"ann").is_ok()));
        clock.advance_ms(-1_000_000);
        assert_eq!(buckets.take(&"ann"), Err(Duration::from_secs(12)));
        clock.advance_ms(12_000);
        assert_eq!(buckets.take(&"ann"), Ok(()));
    }

    #[test]
    fn no_limit_is_no_limit() {
        let (_, buckets) = buckets(0);
        assert!((0..1_000).all(|_| buckets.take(&"ann").is_ok()));
    }

    #[test]
    fn the_number_of_keys_is_bounded() {
        let clock = Arc::new(ManualClock::at(TimeMs::new(0)));
        let buckets = Buckets::per_minute(5, clock.clone());
        assert!((0..KEYS_MAX).all(|key| buckets.take(&key).is_ok()));
        // Who is not counted is not refused either, and who is counted still is.
        assert!((0..10).all(|_| buckets.take(&KEYS_MAX).is_ok()));
        assert_eq!(buckets.counted().full_at.len(), KEYS_MAX);
        assert!((0..4).all(|_| buckets.take(&0).is_ok()) && buckets.take(&0).is_err());
        clock.advance_ms(60_000);
        assert!(buckets.take(&KEYS_MAX).is_ok());
        assert_eq!(buckets.counted().full_at.len(), 1);
    }
}
