//! How much may be held of messages that are not whole yet: by each connection of its own, and by all together beyond that.
//!
//! Counts bytes, and calls that wait, since a call costs before any byte of its message has come. Everything that is taken
//! is given back by whoever took it. Knows nothing of bodies.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

/// Bytes of halves of messages that each connection may hold: 100 calls, each with the start of a small message.
pub(super) const CONNECTION_BYTES: usize = 64 * 1024;
/// Bytes of halves that all connections together may hold beyond that: 12 of the largest messages at once.
pub(super) const POOL_BYTES: usize = 12 * 1024 * 1024;
/// Calls that may wait for the rest of their message on each connection: what our clients and one busy script have.
pub(super) const CONNECTION_WAITING: usize = 8;
/// Calls that may wait so on all connections together beyond that. Each costs 12 KiB before any byte of its message
/// (measured), so that 6 MiB bound them.
pub(super) const POOL_WAITING: usize = 512;
/// Bytes of answers that all connections together may leave unread, beyond what each may (`unread`).
pub(super) const POOL_UNREAD: usize = 64 * 1024 * 1024;

/// Room for the halves of messages of all connections, and for answers that they do not read, beyond what each may hold by
/// itself.
#[derive(Clone, Debug, Default)]
pub struct Pool(Arc<Rooms>);

#[derive(Debug)]
struct Rooms {
    bytes: AtomicUsize,
    waiting: AtomicUsize,
    answers: AtomicUsize,
}

impl Default for Rooms {
    fn default() -> Self {
        Self {
            bytes: AtomicUsize::new(POOL_BYTES),
            waiting: AtomicUsize::new(POOL_WAITING),
            answers: AtomicUsize::new(POOL_UNREAD),
        }
    }
}

impl Pool {
    /// Bytes of answers for which there is room.
    pub(super) fn answers(&self) -> &AtomicUsize {
        &self.0.answers
    }
}

/// Takes from a room what is there; false: there is not so much.
pub(super) fn take(room: &AtomicUsize, count: usize) -> bool {
    let left = |left: usize| left.checked_sub(count);
    room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left)
        .is_ok()
}

/// What one connection holds in halves of messages.
#[derive(Debug)]
pub struct Intake {
    /// Locked for a moment, so that what is taken and given back by several streams adds up.
    held: Mutex<Held>,
    pool: Pool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Held {
    bytes: usize,
    /// Calls whose message is not whole.
    waiting: usize,
}

impl Intake {
    /// A connection that holds nothing yet.
    pub fn new(pool: Pool) -> Self {
        Self {
            held: Mutex::default(),
            pool,
        }
    }

    /// Holds more bytes; false: there is no room for them.
    pub(super) fn hold(&self, bytes: usize, open: bool) -> bool {
        let mut held = self.held();
        let beyond = beyond(held.bytes + bytes) - beyond(held.bytes);
        let Pool(rooms) = &self.pool;
        let has_room = beyond == 0 || (!open && take(&rooms.bytes, beyond));
        if has_room {
            held.bytes += bytes;
        }
        has_room
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets go of bytes that were held.
    pub(super) fn release(&self, bytes: usize) {
        let mut held = self.held();
        let before = held.bytes;
        held.bytes -= bytes;
        let Pool(rooms) = &self.pool;
        let given = beyond(before) - beyond(held.bytes);
        rooms.bytes.fetch_add(given, Ordering::Relaxed);
    }

    /// Counts a call that waits for its message; false: too many do.
    pub(super) fn wait(&self) -> bool {
        let mut held = self.held();
        let Pool(rooms) = &self.pool;
        let has_room = held.waiting < CONNECTION_WAITING || take(&rooms.waiting, 1);
        held.waiting += usize::from(has_room);
        has_room
    }

    /// A call that was counted waits no more.
    pub(super) fn waited(&self) {
        let mut held = self.held();
        held.waiting -= 1;
        if held.waiting >= CONNECTION_WAITING {
            let Pool(rooms) = &self.pool;
            rooms.waiting.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
impl Intake {
    /// What is held of bytes: by this connection, and out of the pool.
    pub(super) fn bytes(&self) -> (usize, usize) {
        let Pool(rooms) = &self.pool;
        let left = rooms.bytes.load(Ordering::Relaxed);
        (self.held().bytes, POOL_BYTES - left)
    }

    /// How many wait: on this connection, and out of the pool.
    pub(super) fn waiting(&self) -> (usize, usize) {
        let Pool(rooms) = &self.pool;
        let left = rooms.waiting.load(Ordering::Relaxed);
        (self.held().waiting, POOL_WAITING - left)
    }
}

/// How much of what a connection holds is not its own share.
const fn beyond(held: usize) -> usize {
    held.saturating_sub(CONNECTION_BYTES)
}
