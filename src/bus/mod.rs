//! "The log grew": carries each commit to whoever serves live readers.
//!
//! A hint, no more: what is heard is true, but something may be missed, and then the listener is told so and reads the
//! store. Losing a hint costs latency, never data.

pub mod local;

use std::{future::Future, pin::Pin, sync::Arc};

use crate::domain::commit::Commit;

/// What a listener hears.
#[derive(Clone, Debug)]
pub enum Heard {
    /// The next commit.
    Commit(Arc<Commit>),
    /// Some commits were missed: read the store.
    Missed,
}

/// Says what was committed.
pub trait Bus: Send + Sync + 'static {
    /// Announces a commit. Never waits.
    fn publish(&self, commit: Commit);

    /// Listens from now on.
    fn listen(&self) -> Box<dyn Listener>;
}

/// One who listens.
pub trait Listener: Send {
    /// Waits for what comes next; `None` when the bus is gone.
    fn next(&mut self) -> Pin<Box<dyn Future<Output = Option<Heard>> + Send + '_>>;
}
