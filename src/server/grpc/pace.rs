//! How slowly a peer may move a file. A transfer takes a place and memory that others wait for, so whoever lets it stand, or
//! moves a byte now and then, is cut off and goes on later. Only the time counts that is spent waiting for the peer.

use std::time::Duration;

use tokio::time::{Instant, timeout};

/// The time in which so much must move.
const WINDOW: Duration = Duration::from_secs(60);
/// What an upload must bring in it: 1 KiB/s is what a modem does.
pub(super) const UPLOAD_BYTES: u64 = 64 * 1024;
/// What a download must take in it: more, since a piece of it waits in memory meanwhile.
pub(super) const DOWNLOAD_BYTES: u64 = 1024 * 1024;

/// The pace of one transfer.
pub(super) struct Pace {
    window: Duration,
    least: u64,
    moved: u64,
    left: Duration,
}

impl Pace {
    /// So many bytes must move in each window.
    pub fn new(least: u64) -> Self {
        Self::within(WINDOW, least)
    }

    fn within(window: Duration, least: u64) -> Self {
        Self {
            window,
            least,
            moved: 0,
            left: window,
        }
    }

    /// What must move in each window, in bytes.
    pub const fn least(&self) -> u64 {
        self.least
    }

    /// So many bytes have moved.
    pub const fn moved(&mut self, bytes: u64) {
        self.moved += bytes;
        if self.moved >= self.least {
            self.moved = 0;
            self.left = self.window;
        }
    }

    /// Waits for the peer; `None`: it has taken too long for too little.
    pub async fn wait<T>(&mut self, peer: impl Future<Output = T>) -> Option<T> {
        let begun = Instant::now();
        let done = timeout(self.left, peer).await;
        self.left = self.left.saturating_sub(begun.elapsed());
        done.ok()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::future::{pending, ready};

    use super::*;

    /// The pace of a peer that is never waited for.
    pub fn at_once() -> Pace {
        Pace::within(Duration::ZERO, 1)
    }

    #[tokio::test]
    async fn only_what_moves_enough_gets_more_time() {
        let mut pace = Pace::within(Duration::from_millis(20), 100);
        assert_eq!(pace.wait(ready(1)).await, Some(1));
        // As much as must be, in two pieces: the window begins anew.
        pace.left = Duration::from_millis(1);
        pace.moved(60);
        assert_eq!(pace.left, Duration::from_millis(1));
        pace.moved(40);
        assert_eq!(pace.left, pace.window);
        // Little by little is not enough, however often.
        while pace.wait(pending::<()>()).await.is_some() {}
        assert_eq!(pace.left, Duration::ZERO);
        for _ in 0..50 {
            pace.moved(1);
            assert_eq!(pace.left, Duration::ZERO);
        }
        assert_eq!(pace.wait(pending::<()>()).await, None);
        pace.moved(50);
        assert_eq!(pace.left, pace.window);
    }
}
