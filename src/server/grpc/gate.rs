//! The calls that make, change or end logins, or block a user: how many run at once, and that each runs to its end.
//!
//! A peer can take a call back at any moment, and HTTP/2 drops it half-way: after the commit that ends a device but
//! before its streams hear of it (and so with a block), or while a password is hashed, which goes on with nobody counting
//! it. So these calls are tasks of their own, and since a task outlives its caller, there are only so many. Knows nothing of
//! what they do.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Semaphore, oneshot};

use super::handing_on::ended_early;
use crate::{domain::address::CallerAddress, engine::Error, tasks::Tasks};

/// Calls without a token that run at once: as many as may wait for a hash, and as many that look something up.
const OPEN_MAX: usize = 64;
/// Those from one address, so that one stranger does not take all places. On loopback one stands for everybody.
const OPEN_PER_ADDRESS_MAX: usize = 16;
/// Calls with a token that run at once: a commit each, shared by all that wait for it.
const KNOWN_MAX: usize = 256;

/// The gate.
#[derive(Clone)]
pub struct Gate {
    tasks: Tasks,
    open: Arc<Semaphore>,
    known: Arc<Semaphore>,
    by_address: Arc<Mutex<HashMap<CallerAddress, usize>>>,
}

impl Gate {
    /// A gate whose calls run as tasks of this group.
    pub fn new(tasks: Tasks) -> Self {
        Self {
            tasks,
            open: Arc::new(Semaphore::new(OPEN_MAX)),
            known: Arc::new(Semaphore::new(KNOWN_MAX)),
            by_address: Arc::default(),
        }
    }

    /// Runs a call without a token.
    pub async fn open<T: Send + 'static>(
        &self,
        from: CallerAddress,
        call: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let place = Place::take(&self.by_address, from).ok_or(Error::Busy)?;
        self.run(&self.open, place, call).await
    }

    /// Runs a call with a token.
    pub async fn known<T: Send + 'static>(
        &self,
        call: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        self.run(&self.known, (), call).await
    }

    async fn run<T: Send + 'static>(
        &self,
        room: &Arc<Semaphore>,
        place: impl Send + 'static,
        call: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let permit = Arc::clone(room).try_acquire_owned();
        let permit = permit.map_err(|_| Error::Busy)?;
        let (answer, answered) = oneshot::channel();
        let mut answer = Answer(Some(answer));
        self.tasks.spawn("account", async move {
            let result = call.await;
            answer.tell(result);
            drop((permit, place));
        });
        let lost = |_| Error::Defect("a call about an account was not answered".into());
        answered.await.map_err(lost)?
    }
}

/// What tells a caller how its call has ended, also if that is with its task.
struct Answer<T>(Option<oneshot::Sender<Result<T, Error>>>);

impl<T> Answer<T> {
    fn tell(&mut self, result: Result<T, Error>) {
        if let Some(answer) = self.0.take() {
            // Nobody may be there to hear it any more; what counts is that it was done.
            let _ = answer.send(result);
        }
    }
}

impl<T> Drop for Answer<T> {
    fn drop(&mut self) {
        self.tell(Err(ended_early("a call about an account")));
    }
}

/// One of the places of an address; given back when dropped.
struct Place {
    by_address: Arc<Mutex<HashMap<CallerAddress, usize>>>,
    from: CallerAddress,
}

type Counted<'a> = MutexGuard<'a, HashMap<CallerAddress, usize>>;

fn counted(by_address: &Mutex<HashMap<CallerAddress, usize>>) -> Counted<'_> {
    by_address.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Place {
    fn take(
        by_address: &Arc<Mutex<HashMap<CallerAddress, usize>>>,
        from: CallerAddress,
    ) -> Option<Option<Self>> {
        if from.is_loopback() {
            return Some(None);
        }
        let mut counts = counted(by_address);
        let count = counts.entry(from).or_default();
        if *count >= OPEN_PER_ADDRESS_MAX {
            return None;
        }
        *count += 1;
        let by_address = Arc::clone(by_address);
        Some(Some(Self { by_address, from }))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = counted(&self.by_address);
        if let Some(count) = counts.get_mut(&self.from) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.from);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{
        FutureExt as _,
        future::{BoxFuture, pending},
    };

    use super::*;

    fn from(text: &str) -> CallerAddress {
        CallerAddress::new(text.parse().unwrap())
    }

    #[test]
    fn a_call_that_the_end_of_the_process_takes_away_is_no_defect_and_one_that_panics_is() {
        let runtime = || {
            tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap()
        };
        let (of_calls, of_callers) = (runtime(), runtime());
        let gate = Gate::new(Tasks::new());
        let began = |mut call: BoxFuture<'_, Result<(), Error>>| {
            of_calls.block_on(async {
                assert!((&mut call).now_or_never().is_none());
                tokio::task::yield_now().await;
            });
        };
        let mut waits = gate.known(pending()).boxed();
        let mut panics = gate.known(async { panic!("on purpose") }).boxed();
        began((&mut waits).boxed());
        began((&mut panics).boxed());
        let answer = of_callers.block_on(panics);
        assert!(matches!(answer, Err(Error::Defect(_))), "{answer:?}");
        drop(of_calls);
        let answer = of_callers.block_on(waits);
        assert!(matches!(answer, Err(Error::StoreGone(_))), "{answer:?}");
    }

    #[tokio::test]
    async fn a_call_that_is_taken_back_runs_to_its_end() {
        let gate = Gate::new(Tasks::new());
        let (go, may_go) = oneshot::channel::<()>();
        let (done, is_done) = oneshot::channel();
        let call = gate.known(async {
            may_go.await.unwrap();
            done.send(7).unwrap();
            Ok(())
        });
        // Begun, and then dropped as HTTP/2 drops a call that was reset.
        assert!(Box::pin(call).as_mut().now_or_never().is_none());
        go.send(()).unwrap();
        assert_eq!(is_done.await, Ok(7));
    }

    #[tokio::test]
    async fn so_many_run_at_once_and_so_many_of_one_address() {
        let gate = Gate::new(Tasks::new());
        let begin = |from| {
            let call = gate.open(from, pending::<Result<(), Error>>());
            Box::pin(call).as_mut().now_or_never()
        };
        let one = from("192.0.2.1");
        assert!((0..OPEN_PER_ADDRESS_MAX).all(|_| begin(one).is_none()));
        assert_eq!(begin(one), Some(Err(Error::Busy)));
        let rest = OPEN_MAX - OPEN_PER_ADDRESS_MAX;
        assert!((0..rest).all(|_| begin(from("127.0.0.1")).is_none()));
        assert_eq!(begin(from("192.0.2.2")), Some(Err(Error::Busy)));
        // Whoever has a token is not touched by that.
        assert_eq!(gate.known(async { Ok(1) }).await, Ok(1));
        let all = (0..KNOWN_MAX).map(|_| {
            let call = gate.known(pending::<Result<(), Error>>());
            Box::pin(call).as_mut().now_or_never()
        });
        assert!(all.collect::<Vec<_>>().iter().all(Option::is_none));
        assert_eq!(gate.known(async { Ok(1) }).await, Err(Error::Busy));
    }

    #[tokio::test]
    async fn a_place_is_given_back() {
        let gate = Gate::new(Tasks::new());
        for _ in 0..3 * OPEN_MAX {
            let answer = gate.open(from("192.0.2.1"), async { Ok(()) }).await;
            assert_eq!(answer, Ok(()));
        }
        assert!(counted(&gate.by_address).is_empty());
    }
}
