//! When the server is asked again for what it could not tell: after a wait that grows with each time it cannot, and is short
//! again once it can.
//!
//! What fails while the wait runs waits with it, so a server that is busy is not asked by each conversation on its own.
//! Knows nothing of what is asked.

use crate::domain::clock::TimeMs;

/// The first wait, in milliseconds: nobody notices a count that is a second late.
const FIRST_MS: i64 = 1_000;
/// The longest: a server that is down for hours is asked once a minute.
const LONGEST_MS: i64 = 60_000;

/// See the head of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pause {
    until: Option<TimeMs>,
    /// How long the last wait was; 0: there was none since the server could tell.
    wait_ms: i64,
}

impl Pause {
    /// The server could not tell. A wait that runs goes on.
    pub fn begin(&mut self, now: TimeMs) {
        if self.until.is_none() {
            self.wait_ms = (self.wait_ms.saturating_mul(2)).clamp(FIRST_MS, LONGEST_MS);
            let until = now.milliseconds().saturating_add(self.wait_ms);
            self.until = Some(TimeMs::new(until));
        }
    }

    /// The server could tell: the next wait is short. One that runs goes on, for what waits.
    pub fn ease(&mut self) {
        self.wait_ms = 0;
    }

    /// Whether the server could tell when it was asked last.
    pub fn is_fresh(&self) -> bool {
        self.wait_ms == 0
    }

    /// When it is over; `None`: none runs.
    pub fn end(&self) -> Option<TimeMs> {
        self.until
    }

    /// Whether a wait ran and is over now; it runs no more then.
    pub fn is_over(&mut self, now: TimeMs) -> bool {
        self.until.take_if(|until| *until <= now).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_up_to_its_bound_and_is_short_again_once_the_server_could_tell() {
        let (mut pause, mut now) = (Pause::default(), TimeMs::new(0));
        let mut waits = Vec::new();
        for _ in 0..9 {
            pause.begin(now);
            pause.begin(TimeMs::new(now.milliseconds() + 1));
            let end = pause.end().unwrap();
            waits.push(end.milliseconds() - now.milliseconds());
            assert!(!pause.is_over(TimeMs::new(end.milliseconds() - 1)));
            assert!(pause.is_over(end) && !pause.is_over(end) && pause.end().is_none());
            now = end;
        }
        let expected = [1, 2, 4, 8, 16, 32, 60, 60, 60].map(|seconds| seconds * 1_000);
        assert_eq!(waits, expected);
        assert!(!pause.is_fresh());
        pause.ease();
        pause.begin(now);
        let wait = pause.end().unwrap().milliseconds() - now.milliseconds();
        assert_eq!(wait, FIRST_MS);
    }
}
