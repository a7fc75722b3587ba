//! Threads that do the work of files: they hash, copy and wait for the disk.
//!
//! They are apart from the threads that the store reads with, so that neither waits for the other's work. One is started when
//! the others have enough to do, since each has memory of its own; all end with their owner, once what was asked for is done.
//!
//! They run with the priority of all others.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use tokio::sync::{Semaphore, oneshot};

use super::BlobError;

/// Pieces of work that run at once: more of them wait for a disk, which is no faster for that.
pub(super) const JOBS: usize = 16;
type Job = Box<dyn FnOnce() + Send>;

/// The threads. Clones share them.
#[derive(Clone)]
pub(super) struct Hands {
    owner: Arc<Owner>,
    /// One for each job that was handed over and has not ended.
    pub places: Arc<Semaphore>,
}

/// Whoever has the threads: they end with it.
struct Owner(Arc<Shared>);

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    /// There is a job, or it is over.
    news: Condvar,
}

#[derive(Default)]
struct Queue {
    /// No more than `JOBS`.
    jobs: VecDeque<Job>,
    threads: usize,
    /// Those of them that wait for a job.
    idle: usize,
    is_over: bool,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics halfway through a change.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next job, when there is one; `None`: it is over.
    fn next(&self) -> Option<Job> {
        let mut queue = self.queue();
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                return Some(job);
            }
            if queue.is_over {
                return None;
            }
            queue.idle += 1;
            queue = self
                .news
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
            queue.idle -= 1;
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.queue().is_over = true;
        self.0.news.notify_all();
    }
}

impl Hands {
    /// None yet.
    pub fn new() -> Self {
        Self {
            owner: Arc::new(Owner(Arc::default())),
            places: Arc::new(Semaphore::new(JOBS)),
        }
    }

    /// Does something on one of them, when there is a place. What has begun is done to its end, also without its caller.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, BlobError> + Send + 'static,
    ) -> Result<T, BlobError> {
        let (answer, answered) = oneshot::channel();
        // Nobody may be there to hear it.
        let job = move || drop(answer.send(work()));
        self.begin(job).await?;
        let early = |_| Err(BlobError::Failed("the work on a file ended early".into()));
        answered.await.unwrap_or_else(early)
    }

    /// Waits until there is a place, and has something done there; nobody waits for its end.
    pub async fn begin(&self, work: impl FnOnce() + Send + 'static) -> Result<(), BlobError> {
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.map_err(|error| BlobError::Failed(error.to_string()))?;
        let job = move || {
            work();
            // Here rather than with the caller, who may be gone by now: the work still ran.
            drop(place);
        };
        let shared = &self.owner.0;
        let mut queue = shared.queue();
        if queue.idle <= queue.jobs.len() && queue.threads < JOBS {
            let of_thread = Arc::clone(shared);
            let thread = thread::Builder::new().name("files".to_owned());
            match thread.spawn(move || serve(&of_thread)) {
                Ok(_) => queue.threads += 1,
                Err(error) if queue.threads == 0 => {
                    return Err(BlobError::Failed(error.to_string()));
                }
                // Those that are there do it.
                Err(_) => {}
            }
        }
        queue.jobs.push_back(Box::new(job));
        drop(queue);
        shared.news.notify_one();
        Ok(())
    }
}

/// One thread: a job after the other, until no more can come.
fn serve(shared: &Shared) {
    while let Some(job) = shared.next() {
        // Whoever asked for it hears that it ended early. The panic itself is told by its hook.
        let _ = catch_unwind(AssertUnwindSafe(job));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    /// Longer than nothing takes.
    const PATIENCE: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn a_job_that_panics_is_told_and_the_threads_go_on() {
        let hands = Hands::new();
        for _ in 0..2 * JOBS {
            let ended = hands.run::<()>(|| panic!("on purpose")).await;
            assert!(matches!(ended, Err(BlobError::Failed(_))), "{ended:?}");
        }
        assert_eq!(hands.run(|| Ok(7)).await, Ok(7));
        let all = u32::try_from(JOBS).unwrap();
        let all = timeout(PATIENCE, hands.places.acquire_many(all)).await;
        assert!(all.is_ok(), "their places are given back");
    }

    #[tokio::test]
    async fn no_more_are_started_than_there_is_work_for_and_they_end_with_their_owner() {
        let hands = Hands::new();
        let shared = Arc::clone(&hands.owner.0);
        for _ in 0..3 {
            hands.run(|| Ok(())).await.unwrap();
            while shared.queue().idle == 0 {
                tokio::task::yield_now().await;
            }
            assert_eq!(shared.queue().threads, 1);
        }
        drop(hands);
        // What a thread shares with the others goes with it.
        while Arc::strong_count(&shared) > 1 {
            tokio::task::yield_now().await;
        }
    }
}
