//! Which files are on their way: how many at once, of each user and in all, which call brings the bytes of an upload, and
//! which decides what becomes of it. Each transfer has less than 1 MiB in memory.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::OwnedMutexGuard;
use tokio_util::sync::CancellationToken;

use super::{Error, FileError};
use crate::domain::{
    ids::{UploadId, UserId},
    limits::TRANSFERS_PER_USER_MAX,
};

/// Files on their way at once: with less than 1 MiB of each in memory, 128 MiB.
const ALL_MAX: usize = 128;

/// What is on its way.
#[derive(Default)]
pub(super) struct Transfers(Mutex<Counted>);

/// Bounded by `ALL_MAX`: entries go when nothing is on its way for them.
#[derive(Default)]
struct Counted {
    all: usize,
    by_user: HashMap<UserId, usize>,
    /// The newest call of each upload, by the order of calls.
    calls: HashMap<UploadId, (u64, Arc<Ending>)>,
    begun: u64,
    /// The locks of uploads that somebody has or waits for.
    deciding: HashMap<UploadId, Decision>,
}

impl Transfers {
    fn counted(&self) -> MutexGuard<'_, Counted> {
        // Counting cannot panic halfway, so what a poisoned lock guards is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets one more begin.
    pub fn begin(self: &Arc<Self>, user: UserId) -> Result<Place, Error> {
        let mut counted = self.counted();
        let own = counted.by_user.get(&user).copied().unwrap_or_default();
        if own >= TRANSFERS_PER_USER_MAX {
            return Err(FileError::TooManyTransfers.into());
        }
        if counted.all >= ALL_MAX {
            return Err(Error::Busy);
        }
        counted.all += 1;
        counted.by_user.insert(user, own + 1);
        Ok(Place {
            transfers: Arc::clone(self),
            user,
        })
    }

    /// Makes a call the one that brings the bytes of an upload; the one before is told.
    pub fn take_over(self: &Arc<Self>, upload: UploadId) -> Call {
        let ending = Arc::new(Ending::default());
        let mut counted = self.counted();
        counted.begun += 1;
        let number = counted.begun;
        let before = counted.calls.insert(upload, (number, Arc::clone(&ending)));
        if let Some((_, before)) = before {
            before.token.cancel();
        }
        Call {
            transfers: Arc::clone(self),
            number,
            watch: Watch { upload, ending },
        }
    }

    /// The upload is gone: the call that brings its bytes is told, and whoever decides about it.
    pub fn end(&self, upload: UploadId) {
        let mut counted = self.counted();
        if let Some((_, call)) = counted.calls.remove(&upload) {
            call.gone.store(true, Ordering::SeqCst);
            call.token.cancel();
        }
        if let Some(decision) = counted.deciding.get(&upload) {
            decision.gone.cancel();
        }
    }

    /// Waits while a call only writes what has come: where its upload stands is news in a moment.
    pub async fn settled(&self, upload: UploadId) {
        let call = self
            .counted()
            .calls
            .get(&upload)
            .map(|(_, ending)| Arc::clone(ending));
        let closes = |call: &Arc<Ending>| call.closes.load(Ordering::SeqCst);
        if let Some(call) = call.filter(closes) {
            call.over.cancelled().await;
        }
    }

    /// Waits until nobody else decides what becomes of an upload: completes it, begins it anew, or ends it.
    pub async fn decide(self: &Arc<Self>, upload: UploadId) -> Deciding {
        let decision = self.counted().deciding.entry(upload).or_default().clone();
        let lock = Arc::clone(&decision.lock);
        let mut deciding = Deciding {
            transfers: Arc::clone(self),
            upload,
            decision: Some(decision),
            guard: None,
        };
        deciding.guard = Some(lock.lock_owned().await);
        deciding
    }
}

/// What decides about an upload.
#[derive(Clone, Default)]
struct Decision {
    lock: Arc<tokio::sync::Mutex<()>>,
    /// There is nothing left to decide about: numbers of uploads do not come again.
    gone: CancellationToken,
}

/// Why a call should end that brings the bytes of an upload.
#[derive(Default)]
struct Ending {
    token: CancellationToken,
    /// The upload itself is gone.
    gone: AtomicBool,
    /// The call takes no more in, and only writes what has come.
    closes: AtomicBool,
    /// The call is over.
    over: CancellationToken,
}

/// Whoever has it decides what becomes of an upload, and nobody else. It waits for it, or has it. A caller must not be
/// dropped while it has it: what it began would go on, in the store or on the disk, beside the next one.
#[must_use]
pub(super) struct Deciding {
    transfers: Arc<Transfers>,
    upload: UploadId,
    decision: Option<Decision>,
    guard: Option<OwnedMutexGuard<()>>,
}

impl Deciding {
    /// Resolves when the upload is gone.
    pub async fn gone(&self) {
        match &self.decision {
            Some(decision) => decision.gone.cancelled().await,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Deciding {
    fn drop(&mut self) {
        let mut counted = self.transfers.counted();
        drop((self.guard.take(), self.decision.take()));
        // Locks are handed out under `counted` alone: when the table has the last one, nobody waits for it.
        let decision = counted.deciding.get(&self.upload);
        if decision.is_some_and(|decision| Arc::strong_count(&decision.lock) == 1) {
            counted.deciding.remove(&self.upload);
        }
    }
}

/// The place of one transfer; given back when dropped.
#[must_use]
pub(super) struct Place {
    transfers: Arc<Transfers>,
    user: UserId,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counted = self.transfers.counted();
        counted.all -= 1;
        if let Some(own) = counted.by_user.get_mut(&self.user) {
            *own -= 1;
            if *own == 0 {
                counted.by_user.remove(&self.user);
            }
        }
    }
}

/// The call that brings the bytes of an upload, for as long as none takes over.
#[must_use]
pub(super) struct Call {
    transfers: Arc<Transfers>,
    number: u64,
    /// When it should end.
    pub watch: Watch,
}

/// What knows when a call should end that brings the bytes of an upload.
#[derive(Clone)]
pub struct Watch {
    upload: UploadId,
    ending: Arc<Ending>,
}

impl Watch {
    /// Why it should end, if it should.
    pub(super) fn ended(&self) -> Option<FileError> {
        if !self.ending.token.is_cancelled() {
            return None;
        }
        Some(match self.ending.gone.load(Ordering::SeqCst) {
            true => FileError::UploadNotFound(self.upload),
            false => FileError::UploadTakenOver,
        })
    }

    /// It takes no more in: whoever asks where the upload stands waits until the call is over.
    pub fn closes(&self) {
        self.ending.closes.store(true, Ordering::SeqCst);
    }

    /// Resolves when it should end.
    pub async fn should_end(&self) -> Error {
        self.ending.token.cancelled().await;
        self.ended().unwrap_or(FileError::UploadTakenOver).into()
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let mut counted = self.transfers.counted();
        let newest = counted.calls.get(&self.watch.upload);
        if newest.is_some_and(|(number, _)| *number == self.number) {
            counted.calls.remove(&self.watch.upload);
        }
        self.watch.ending.over.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_of_a_user_and_so_many_in_all() {
        let transfers = Arc::new(Transfers::default());
        let user = UserId::new;
        let own: Vec<_> = (0..TRANSFERS_PER_USER_MAX)
            .map(|_| transfers.begin(user(1)).unwrap())
            .collect();
        let refused = transfers.begin(user(1)).err();
        assert_eq!(refused, Some(FileError::TooManyTransfers.into()));
        let others: Vec<_> = (0..ALL_MAX - own.len())
            .map(|index| transfers.begin(user(2 + index as u64)).unwrap())
            .collect();
        assert_eq!(transfers.begin(user(999)).err(), Some(Error::Busy));
        drop((own, others));
        assert!(transfers.counted().by_user.is_empty());
        assert_eq!(transfers.counted().all, 0);
    }

    #[test]
    fn the_newest_call_takes_over_and_the_one_before_leaves_it_be() {
        let transfers = Arc::new(Transfers::default());
        let first = transfers.take_over(UploadId::new(1));
        let other = transfers.take_over(UploadId::new(2));
        let second = transfers.take_over(UploadId::new(1));
        assert_eq!(first.watch.ended(), Some(FileError::UploadTakenOver));
        assert_eq!((second.watch.ended(), other.watch.ended()), (None, None));
        drop(first);
        let third = transfers.take_over(UploadId::new(1));
        assert_eq!(second.watch.ended(), Some(FileError::UploadTakenOver));
        transfers.end(UploadId::new(1));
        assert_eq!(
            third.watch.ended(),
            Some(FileError::UploadNotFound(UploadId::new(1)))
        );
        transfers.end(UploadId::new(1));
        drop((second, third, other));
        assert!(transfers.counted().calls.is_empty());
    }

    #[tokio::test]
    async fn one_at_a_time_decides_about_an_upload_and_nothing_is_left() {
        use futures_util::FutureExt as _;
        let transfers = Arc::new(Transfers::default());
        let first = transfers.decide(UploadId::new(1)).await;
        let other = transfers.decide(UploadId::new(2)).now_or_never();
        assert!(other.is_some());
        drop(other);
        let mut second = Box::pin(transfers.decide(UploadId::new(1)));
        let mut third = Box::pin(transfers.decide(UploadId::new(1)));
        assert!((&mut second).now_or_never().is_none());
        assert!((&mut third).now_or_never().is_none());
        drop(first);
        // One that goes away while it waits does not keep the others waiting.
        drop(second);
        drop(third.await);
        assert!(transfers.counted().deciding.is_empty());
    }
}
