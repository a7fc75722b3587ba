//! Time as a value that is handed in: the program asks a `Clock`, tests own theirs. Order never comes from here.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use chrono::{DateTime, Utc};

/// A moment: milliseconds since 1970-01-01T00:00:00Z by the server's clock. Decoration, never order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeMs(i64);

impl TimeMs {
    /// Takes milliseconds since 1970.
    pub const fn new(milliseconds: i64) -> Self {
        Self(milliseconds)
    }

    /// Milliseconds since 1970.
    pub const fn milliseconds(self) -> i64 {
        self.0
    }

    /// This moment and so much more.
    pub fn after(self, time: Duration) -> Self {
        let more = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(more))
    }

    /// So much before this moment.
    pub fn before(self, time: Duration) -> Self {
        let less = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(less))
    }

    /// Milliseconds from `earlier` to this moment; 0 if the clock went back in between.
    pub fn since_ms(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }
}

/// Where the program gets the time.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> TimeMs;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> TimeMs {
        let now: DateTime<Utc> = Utc::now();
        TimeMs(now.timestamp_millis())
    }
}

/// A clock that stands still until it is set.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows this moment.
    pub const fn at(time: TimeMs) -> Self {
        Self(AtomicI64::new(time.0))
    }

    /// Moves the clock on.
    pub fn advance_ms(&self, milliseconds: i64) {
        self.0.fetch_add(milliseconds, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> TimeMs {
        TimeMs(self.0.load(Ordering::SeqCst))
    }
}
