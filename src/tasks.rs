//! The owner of every task: named, tracked, told to end by one token. The only caller of `tokio::spawn`.

use std::{future::Future, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument, debug_span, warn};

/// A group of tasks that end together. Cheap to clone; all clones are the same group.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    cancel: CancellationToken,
}

impl Tasks {
    /// An empty group.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a task of the group. It should end soon after `cancelled` resolves.
    ///
    /// Its name stands in the log at the level of debug: what the log keeps of each span it never gives back, and there
    /// is one for each connection.
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    pub fn spawn<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        tokio::spawn(
            self.tracker
                .track_future(task.instrument(debug_span!("task", name))),
        );
    }

    /// The token that tells the tasks of this group to end.
    pub const fn cancelled(&self) -> &CancellationToken {
        &self.cancel
    }

    /// Waits until every task has ended by itself; false if that takes longer than `patience`.
    pub async fn finished(&self, patience: Duration) -> bool {
        self.tracker.close();
        tokio::time::timeout(patience, self.tracker.wait())
            .await
            .is_ok()
    }

    /// Tells the tasks to end and waits for it.
    pub async fn end(&self, patience: Duration) {
        self.cancel.cancel();
        if !self.finished(patience).await {
            warn!(tasks = self.tracker.len(), "tasks did not end in time");
        }
    }
}
