//! How fast each user may send: a token bucket for each.

use std::{num::NonZeroU32, sync::atomic::AtomicU32, sync::atomic::Ordering, time::Duration};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock};

use crate::domain::{ids::UserId, limits::SendRate};

/// Sends after which buckets that are full again are dropped: one sweep of some thousand users for each.
const SWEEP_AFTER: u32 = 10_000;

/// The buckets.
pub struct SendRates {
    buckets: Option<DefaultKeyedRateLimiter<UserId>>,
    /// What a full bucket holds.
    burst: NonZeroU32,
    sends: AtomicU32,
}

impl SendRates {
    /// Buckets of this rate; `None` or a rate of 0: no limit.
    pub fn new(rate: Option<SendRate>) -> Self {
        let quota = rate.and_then(|rate| {
            let burst = NonZeroU32::new(rate.burst)?;
            NonZeroU32::new(rate.per_second).map(|rate| Quota::per_second(rate).allow_burst(burst))
        });
        Self {
            burst: quota.map_or(NonZeroU32::MIN, |quota| quota.burst_size()),
            buckets: quota.map(RateLimiter::dashmap),
            sends: AtomicU32::new(0),
        }
    }

    /// Takes one send out of the user's bucket, or says how long to wait.
    pub fn take(&self, user: UserId) -> Result<(), Duration> {
        self.take_many(user, 1)
    }

    /// Takes as much as so many sends, but never more than a full bucket holds, or it could never be had.
    pub fn take_many(&self, user: UserId, sends: usize) -> Result<(), Duration> {
        let Some(buckets) = &self.buckets else {
            return Ok(());
        };
        if self.sends.fetch_add(1, Ordering::Relaxed) % SWEEP_AFTER == SWEEP_AFTER - 1 {
            buckets.retain_recent();
        }
        let sends = u32::try_from(sends).ok().and_then(NonZeroU32::new);
        let sends = sends.unwrap_or(self.burst).min(self.burst);
        let clock = buckets.clock();
        match buckets.check_key_n(&user, sends) {
            Ok(taken) => taken.map_err(|refused| refused.wait_time_from(clock.now())),
            // More than a bucket holds, which was cut above.
            Err(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_one_past_it_must_wait() {
        let rates = SendRates::new(Some(SendRate {
            per_second: 1,
            burst: 3,
        }));
        let (ann, bob) = (UserId::new(1), UserId::new(2));
        assert!((0..3).all(|_| rates.take(ann).is_ok()));
        assert!(
            rates
                .take(ann)
                .is_err_and(|wait| wait > Duration::from_millis(500))
        );
        assert!(rates.take(bob).is_ok());
        // Much at once empties the bucket, however much it is.
        let eve = UserId::new(3);
        assert!(rates.take_many(eve, 500).is_ok() && rates.take(eve).is_err());
        assert!(rates.take_many(bob, 2).is_ok() && rates.take(bob).is_err());
        let unlimited = SendRates::new(None);
        assert!((0..1_000).all(|_| unlimited.take(ann).is_ok()));
    }
}
