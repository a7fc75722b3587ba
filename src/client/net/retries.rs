//! When something is tried again, and when not any more: the patience of one call, or of all that belongs together.
//!
//! Knows the clock and nothing of calls.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    backoff::Backoff,
    error::{ClientError, Retry},
    session::Patience,
};

/// How long one attempt may take before the connection counts as dead.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long an attempt may take at least, however little patience is left.
const SHORTEST_ATTEMPT: Duration = Duration::from_secs(1);
/// The shortest wait before the next attempt: without it a server could make this a loop at the speed of the network.
const WAIT_MIN: Duration = Duration::from_millis(10);
/// The longest wait that a server can impose before the next attempt.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// How long a call is repeated that comes too fast.
const RATE_PATIENCE: Duration = Duration::from_secs(600);

/// The attempts at one thing.
#[derive(Clone, Debug)]
pub struct Retries {
    patience: Patience,
    backoff: Backoff,
    /// When it began, or when it last got on.
    start: Instant,
}

impl Retries {
    /// The first attempt begins now.
    pub fn new(patience: Patience) -> Self {
        Self {
            patience,
            backoff: Backoff::default(),
            start: Instant::now(),
        }
    }

    /// Notes that it gets on: the patience begins anew.
    pub fn moved(&mut self) {
        self.backoff.reset();
        self.start = Instant::now();
    }

    /// How long the next attempt may take.
    pub fn attempt_max(&self) -> Duration {
        self.left().min(ATTEMPT_TIMEOUT)
    }

    /// How long to wait before the next attempt after this failure; `None`: there is none.
    pub fn wait_after(&mut self, error: &ClientError) -> Option<Duration> {
        let least = match error.retry() {
            // A login that is too fast is told so: the wait can be a minute, and a person waits.
            Retry::After(wait)
                if self.patience != Patience::None && self.start.elapsed() < RATE_PATIENCE =>
            {
                wait
            }
            Retry::WithBackoff(wait) => return self.wait_longer(wait),
            _ => return None,
        };
        Some(least.clamp(WAIT_MIN, WAIT_MAX))
    }

    /// How long to wait before the next attempt where something stands in the way that goes by itself, and at least so
    /// long; `None`: there is none.
    pub fn wait_longer(&mut self, least: Duration) -> Option<Duration> {
        let is_patient = match self.patience {
            Patience::None => false,
            Patience::For(time) => self.start.elapsed() < time,
            Patience::Endless => true,
        };
        // The last attempt begins when the patience ends, and not long after.
        let wait = least.max(self.backoff.next_wait()).min(self.left());
        is_patient.then(|| wait.clamp(WAIT_MIN, WAIT_MAX))
    }

    fn left(&self) -> Duration {
        match self.patience {
            Patience::For(time) => time
                .saturating_sub(self.start.elapsed())
                .max(SHORTEST_ATTEMPT),
            _ => ATTEMPT_TIMEOUT,
        }
    }
}
