//! A transfer seen from outside: how far it is, and the wishes that it wait, go on or end.
//!
//! Figures come at most some times a second, and only the newest is kept: whoever looks rarely holds up nothing.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

use super::error::TransferError;

/// The shortest time between two figures that differ in nothing but bytes.
const TOLD_EVERY: Duration = Duration::from_millis(200);

/// What a transfer does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// What is to be sent is read and hashed.
    #[default]
    Reading,
    /// Bytes move.
    Moving,
    /// The link is lost or the server is busy; it is tried again.
    Waiting,
    /// It waits until it is told to go on.
    Paused,
    /// All bytes are there; the whole is checked and put in its place.
    Finishing,
}

/// How far a transfer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// What it does.
    pub stage: Stage,
    /// Bytes that are moved, or read in the stage of reading.
    pub bytes: u64,
    /// Of so many.
    pub of: u64,
    /// Bytes a second, of late.
    pub rate: u64,
    /// Some of it is noted nowhere, so that the next program cannot go on with that.
    pub is_unnoted: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Wish {
    #[default]
    Run,
    Pause,
    Cancel,
}

/// The handle of a transfer. If it is dropped the transfer goes on.
#[derive(Debug)]
pub struct Handle {
    wish: watch::Sender<Wish>,
    progress: watch::Receiver<Progress>,
}

impl Handle {
    /// Makes it wait. What was moved stays moved.
    pub fn pause(&self) {
        self.set(Wish::Pause);
    }

    /// Makes it go on.
    pub fn resume(&self) {
        self.set(Wish::Run);
    }

    /// Ends it: the server and the disk forget what was moved.
    pub fn cancel(&self) {
        self.wish.send_replace(Wish::Cancel);
    }

    /// Whether it was told to wait.
    pub fn is_paused(&self) -> bool {
        *self.wish.borrow() == Wish::Pause
    }

    /// Whether it was told to end.
    pub fn is_cancelled(&self) -> bool {
        *self.wish.borrow() == Wish::Cancel
    }

    /// Whether the next program can go on with all of it: some of it may be noted nowhere.
    pub fn is_noted(&self) -> bool {
        !self.progress.borrow().is_unnoted
    }

    /// How far it is; the receiver hears of each change.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// Nothing comes after a cancel.
    fn set(&self, wish: Wish) {
        self.wish.send_if_modified(|now| {
            let changes = *now != Wish::Cancel && *now != wish;
            if changes {
                *now = wish;
            }
            changes
        });
    }
}

/// The side of the transfer.
#[derive(Debug)]
pub struct Steering {
    wish: watch::Receiver<Wish>,
    meter: Arc<Meter>,
}

/// Makes both sides.
pub fn steering() -> (Handle, Steering) {
    let (wish, wished) = watch::channel(Wish::default());
    let meter = Arc::new(Meter::unseen());
    let progress = meter.shown.subscribe();
    let steering = Steering {
        wish: wished,
        meter,
    };
    (Handle { wish, progress }, steering)
}

impl Steering {
    /// Returns when it may go on: at once, or after a pause, from which it goes on with what it did.
    pub async fn clear(&mut self) -> Result<(), TransferError> {
        let mut before = None;
        loop {
            let wish = *self.wish.borrow_and_update();
            match wish {
                Wish::Run => {
                    before.into_iter().for_each(|stage| self.meter.stage(stage));
                    return Ok(());
                }
                Wish::Cancel => return Err(TransferError::Cancelled),
                Wish::Pause => {
                    before = before.or(Some(self.meter.now()));
                    self.meter.stage(Stage::Paused);
                }
            }
            if self.wish.changed().await.is_err() {
                // Nobody is left who could tell it to go on, so nobody wants it to wait.
                return Ok(());
            }
        }
    }

    /// Does what can as well be done again from its beginning, which it is after a pause.
    pub async fn through<T, Work: Future<Output = T>>(
        &mut self,
        mut work: impl FnMut() -> Work,
    ) -> Result<T, TransferError> {
        loop {
            self.clear().await?;
            if let Some(done) = self.while_running(work()).await {
                return Ok(done);
            }
        }
    }

    /// Does a part of the work; `None`: it was dropped, since somebody wants something else.
    pub(super) async fn while_running<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let turned = async {
            while *self.wish.borrow_and_update() == Wish::Run {
                if self.wish.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        tokio::select! {
            biased;
            () = turned => None,
            done = work => Some(done),
        }
    }

    /// Whether what is sent is noted, so that the next program can go on with it. What is once sent without stays so.
    pub fn note(&self, is_noted: bool) {
        if !is_noted {
            self.meter.unnoted();
        }
    }

    /// Whether all that was sent is noted.
    pub fn is_noted(&self) -> bool {
        !self.meter.shown.borrow().is_unnoted
    }

    /// Where figures go.
    pub(super) fn meter(&self) -> &Arc<Meter> {
        &self.meter
    }
}

/// Where the figures of a transfer go.
#[derive(Debug)]
pub(super) struct Meter {
    shown: watch::Sender<Progress>,
    pace: Mutex<Pace>,
}

#[derive(Debug)]
struct Pace {
    told: Instant,
    bytes: u64,
    rate: u64,
    /// The newest figure, be it told or not.
    at: u64,
}

impl Meter {
    /// One at which nobody looks.
    pub fn unseen() -> Self {
        Self {
            shown: watch::Sender::new(Progress::default()),
            pace: Mutex::new(Pace {
                told: Instant::now(),
                bytes: 0,
                rate: 0,
                at: 0,
            }),
        }
    }

    /// Something begins: of so many bytes, so many are there.
    pub fn begin(&self, stage: Stage, bytes: u64, of: u64) {
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        (pace.told, pace.bytes, pace.at) = (Instant::now(), bytes, bytes);
        let rate = pace.rate;
        self.show(Progress {
            stage,
            bytes,
            of,
            rate,
            is_unnoted: false,
        });
    }

    /// What it does.
    fn now(&self) -> Stage {
        self.shown.borrow().stage
    }

    /// It does something else. How far it was is told with it, since nothing may come after that for long.
    pub fn stage(&self, stage: Stage) {
        let pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        let progress = *self.shown.borrow();
        let rate = match stage {
            Stage::Moving | Stage::Reading => progress.rate,
            _ => 0,
        };
        self.show(Progress {
            stage,
            bytes: pace.at,
            rate,
            ..progress
        });
    }

    /// So many bytes are there now.
    pub fn at(&self, bytes: u64) {
        self.at_time(bytes, Instant::now());
    }

    fn at_time(&self, bytes: u64, now: Instant) {
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        pace.at = bytes;
        let passed = now.saturating_duration_since(pace.told);
        let progress = *self.shown.borrow();
        if passed < TOLD_EVERY && bytes < progress.of {
            return;
        }
        let millis = passed.as_millis().max(1);
        let moved = u128::from(bytes.saturating_sub(pace.bytes));
        let rate = u64::try_from(moved * 1000 / millis).unwrap_or(u64::MAX);
        // What was counts for two thirds, so that the figure can be read.
        pace.rate = match pace.rate {
            // Too short to tell.
            before if passed < TOLD_EVERY => before,
            0 => rate,
            before => before / 3 * 2 + rate / 3,
        };
        (pace.told, pace.bytes) = (now, bytes);
        let rate = pace.rate;
        self.show(Progress {
            bytes,
            rate,
            ..progress
        });
    }

    fn unnoted(&self) {
        let progress = *self.shown.borrow();
        self.show(Progress {
            is_unnoted: true,
            ..progress
        });
    }

    fn show(&self, mut progress: Progress) {
        self.shown.send_if_modified(|shown| {
            progress.is_unnoted |= shown.is_unnoted;
            let differs = *shown != progress;
            *shown = progress;
            differs
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_come_some_times_a_second_and_at_the_end() {
        let (handle, steering) = steering();
        let mut seen = handle.progress();
        let meter = steering.meter();
        meter.begin(Stage::Moving, 0, 1000);
        let start = Instant::now();
        let mut told = 0;
        for bytes in 1..=1000 {
            meter.at_time(bytes, start + Duration::from_millis(bytes));
            if seen.has_changed().unwrap() {
                told += 1;
                seen.borrow_and_update();
            }
        }
        assert!((4..=7).contains(&told), "{told}");
        let last = *seen.borrow();
        assert_eq!((last.bytes, last.of), (1000, 1000));
        assert!((900..=1100).contains(&last.rate), "{last:?}");
    }

    #[test]
    fn how_far_it_was_is_told_when_it_stops() {
        let (handle, steering) = steering();
        let meter = steering.meter();
        meter.begin(Stage::Moving, 0, 1000);
        let start = Instant::now();
        meter.at_time(400, start);
        assert_eq!(handle.progress().borrow().bytes, 0, "too soon to be told");
        meter.stage(Stage::Paused);
        let last = *handle.progress().borrow();
        assert_eq!((last.stage, last.bytes), (Stage::Paused, 400));
    }

    #[tokio::test]
    async fn what_is_told_to_wait_waits_and_what_is_cancelled_does_not_come_back() {
        let (handle, mut steering) = steering();
        assert!(steering.clear().await.is_ok());
        handle.pause();
        assert_eq!(steering.while_running(async { 1 }).await, None);
        {
            let mut clear = std::pin::pin!(steering.clear());
            let is_pending = std::future::poll_fn(|context| {
                std::task::Poll::Ready(clear.as_mut().poll(context).is_pending())
            });
            assert!(is_pending.await);
            assert_eq!(handle.progress().borrow().stage, Stage::Paused);
            handle.resume();
            assert!(clear.await.is_ok());
        }
        assert_eq!(steering.while_running(async { 1 }).await, Some(1));
        handle.cancel();
        handle.resume();
        assert!(matches!(
            steering.clear().await,
            Err(TransferError::Cancelled)
        ));
    }

    #[tokio::test]
    async fn after_a_pause_it_does_what_it_did_before() {
        let (handle, mut steering) = steering();
        let seen = handle.progress();
        for stage in [Stage::Reading, Stage::Moving] {
            steering.meter().begin(stage, 1, 2);
            handle.pause();
            let resume = async {
                let mut seen = handle.progress();
                seen.wait_for(|now| now.stage == Stage::Paused)
                    .await
                    .unwrap();
                handle.resume();
            };
            let (clear, ()) = tokio::join!(steering.clear(), resume);
            assert!(clear.is_ok());
            assert_eq!(seen.borrow().stage, stage);
        }
    }

    #[tokio::test]
    async fn what_is_asked_stops_where_it_is_told_to() {
        let (handle, mut steering) = steering();
        let mut asked = 0;
        // No answer ever comes.
        let ask = || {
            asked += 1;
            match asked {
                1 => handle.pause(),
                _ => handle.cancel(),
            }
            std::future::pending::<()>()
        };
        let resume = async {
            let mut seen = handle.progress();
            let paused = seen.wait_for(|now| now.stage == Stage::Paused).await;
            assert!(paused.is_ok());
            handle.resume();
        };
        let (through, ()) = tokio::join!(steering.through(ask), resume);
        assert!(matches!(through, Err(TransferError::Cancelled)));
        assert_eq!(asked, 2);
    }

    #[tokio::test]
    async fn without_a_handle_it_goes_on() {
        let (handle, mut steering) = steering();
        drop(handle);
        assert!(steering.clear().await.is_ok());
        assert_eq!(steering.while_running(async { 1 }).await, Some(1));
    }
}
