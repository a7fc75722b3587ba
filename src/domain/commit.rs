//! One commit of the store, as the rest of the program hears of it.

use std::sync::Arc;

use super::{
    event::Event,
    ids::{Offset, UserId},
};

/// The events of one commit. It is on stable storage when anybody holds one of these.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The end of the log after it.
    pub last: Offset,
    /// The events in order of their offsets, each with exactly those who may read it.
    pub events: Vec<Committed>,
}

/// One event and its readers.
#[derive(Clone, Debug)]
pub struct Committed {
    /// The event.
    pub event: Event,
    /// Exactly the users who may read it, as of its offset.
    pub readers: Arc<[UserId]>,
}
