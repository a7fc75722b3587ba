//! What the index's thread is told, and when it has to do something.
//!
//! Knows nothing of what that is.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How long what was committed may wait to be taken in, so that one transaction takes in more.
const GATHER: Duration = Duration::from_millis(250);
/// So many events are taken in at once.
const GATHERED_MAX: usize = 1_024;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Take in what was committed.
    TakeIn,
    /// What was waited for is due.
    Due,
    /// The file is damaged: make another.
    Remake,
    /// End.
    Stop,
}

/// How the thread ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    Now,
    /// What can be done until then is still done.
    By(Instant),
}

#[derive(Default)]
struct Told {
    /// Events that wait.
    waiting: usize,
    /// The first of them came then.
    since: Option<Instant>,
    /// A search waits for them.
    hurry: bool,
    damaged: bool,
    stop: Option<Stop>,
}

/// See the head of this file.
#[derive(Default)]
pub(super) struct Signals {
    told: Mutex<Told>,
    woken: Condvar,
}

impl Signals {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, tell: impl FnOnce(&mut Told)) {
        tell(&mut self.told());
        self.woken.notify_all();
    }

    /// Events were committed. This is called by the writer between two commits.
    pub fn committed(&self, events: usize) {
        let mut told = self.told();
        let before = told.waiting;
        told.waiting += events;
        let first = told.since.is_none();
        told.since.get_or_insert_with(Instant::now);
        let many = before < GATHERED_MAX && told.waiting >= GATHERED_MAX;
        drop(told);
        if first || many {
            self.woken.notify_all();
        }
    }

    /// A search waits.
    pub fn hurry(&self) {
        self.tell(|told| told.hurry = true);
    }

    /// A search met damage.
    pub fn damaged(&self) {
        self.tell(|told| told.damaged = true);
    }

    /// Ends the thread as soon as it can.
    pub fn stop(&self) {
        self.tell(|told| told.stop = Some(Stop::Now));
    }

    /// Ends the thread when all is done, or at this time.
    pub fn stop_by(&self, deadline: Instant) {
        self.tell(|told| {
            told.stop.get_or_insert(Stop::By(deadline));
        });
    }

    /// Whether to leave off what is being done.
    pub fn must_stop(&self) -> bool {
        match self.told().stop {
            None => false,
            Some(Stop::Now) => true,
            Some(Stop::By(deadline)) => Instant::now() >= deadline,
        }
    }

    /// Waits until something is to be done, at the latest when something else is due.
    pub fn next(&self, due: Option<Instant>) -> Next {
        let mut told = self.told();
        loop {
            let now = Instant::now();
            if told.stop.is_some() {
                return Next::Stop;
            }
            if std::mem::take(&mut told.damaged) {
                return Next::Remake;
            }
            let take_in_at = told.since.map(|since| since + GATHER);
            if told.hurry || told.waiting >= GATHERED_MAX || take_in_at.is_some_and(|at| at <= now)
            {
                (told.waiting, told.since, told.hurry) = (0, None, false);
                return Next::TakeIn;
            }
            if due.is_some_and(|due| due <= now) {
                return Next::Due;
            }
            told = match take_in_at.into_iter().chain(due).min() {
                None => self
                    .woken
                    .wait(told)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(at) => {
                    let waited = self.woken.wait_timeout(told, at - now);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// Waits a while after a failure. False: the thread ends.
    pub fn pause(&self, pause: Duration) -> bool {
        let told = self.told();
        let waited = self
            .woken
            .wait_timeout_while(told, pause, |told| told.stop.is_none());
        waited
            .unwrap_or_else(PoisonError::into_inner)
            .0
            .stop
            .is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_waits_for_more_and_much_does_not() {
        let signals = Signals::default();
        let began = Instant::now();
        assert_eq!(signals.next(Some(began)), Next::Due);
        signals.committed(1);
        assert_eq!(
            signals.next(Some(began)),
            Next::Due,
            "what is due does not wait"
        );
        assert_eq!(signals.next(None), Next::TakeIn);
        assert!(began.elapsed() >= GATHER);
        signals.committed(GATHERED_MAX - 1);
        signals.committed(1);
        let far = began + Duration::from_secs(600);
        assert_eq!(signals.next(Some(far)), Next::TakeIn);
        signals.committed(1);
        signals.hurry();
        assert_eq!(signals.next(Some(far)), Next::TakeIn);
        signals.damaged();
        assert_eq!(signals.next(None), Next::Remake);
        assert!(!signals.must_stop());
        signals.stop_by(far);
        assert!(!signals.must_stop());
        assert_eq!(signals.next(None), Next::Stop);
        assert!(!signals.pause(Duration::from_secs(600)));
        signals.stop();
        assert!(signals.must_stop());
    }
}
