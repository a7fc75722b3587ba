//! When work on a picture must end, and a reader that fails from then on: so a decoder that reads as it goes is cut off.

use std::{
    io::{BufRead, Cursor, Error, ErrorKind, Read, Result, Seek, SeekFrom},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// How many bytes are given out before the clock is looked at again: little enough to decode in a millisecond, also where
/// each becomes a thousand pixels of one colour.
const STRIDE: usize = 4 * 1024;

/// When work must end: at a time, or as soon as nobody waits for it. Cheap to clone; all clones are the same deadline.
#[derive(Clone, Debug)]
pub struct Deadline {
    at: Option<Instant>,
    is_ended: Arc<AtomicBool>,
}

impl Deadline {
    /// A deadline so long from now.
    pub fn after(time: Duration) -> Self {
        Self {
            at: Instant::now().checked_add(time),
            is_ended: Arc::default(),
        }
    }

    /// No deadline, for what is small already; it can still be ended.
    pub fn none() -> Self {
        Self {
            at: None,
            is_ended: Arc::default(),
        }
    }

    /// Ends the work now: nobody waits for it any more.
    pub fn end(&self) {
        self.is_ended.store(true, Ordering::Relaxed);
    }

    /// Returns whether the work must end.
    pub fn is_over(&self) -> bool {
        self.is_ended.load(Ordering::Relaxed) || self.at.is_some_and(|at| Instant::now() >= at)
    }
}

/// Bytes that can be read until the deadline is over.
pub(super) struct Watched<'b> {
    bytes: Cursor<&'b [u8]>,
    deadline: &'b Deadline,
    /// How many bytes may be given out before the clock is looked at.
    unwatched: usize,
}

impl<'b> Watched<'b> {
    pub(super) fn new(bytes: &'b [u8], deadline: &'b Deadline) -> Self {
        Self {
            bytes: Cursor::new(bytes),
            deadline,
            unwatched: 0,
        }
    }

    fn look(&mut self) -> Result<()> {
        if self.unwatched == 0 {
            if self.deadline.is_over() {
                return Err(Error::new(ErrorKind::TimedOut, "out of time"));
            }
            self.unwatched = STRIDE;
        }
        Ok(())
    }
}

impl Read for Watched<'_> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        let given = self.fill_buf()?;
        let count = given.len().min(into.len());
        if let (Some(into), Some(given)) = (into.get_mut(..count), given.get(..count)) {
            into.copy_from_slice(given);
        }
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Watched<'_> {
    fn fill_buf(&mut self) -> Result<&[u8]> {
        self.look()?;
        let most = self.unwatched;
        let given = self.bytes.fill_buf()?;
        Ok(given.get(..most).unwrap_or(given))
    }

    fn consume(&mut self, count: usize) {
        self.unwatched = self.unwatched.saturating_sub(count);
        self.bytes.consume(count);
    }
}

impl Seek for Watched<'_> {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        // Who goes back and forth reads nothing and yet takes time.
        self.unwatched = 0;
        self.look()?;
        self.bytes.seek(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_read_before_the_deadline_and_nothing_after_it() {
        let bytes: Vec<u8> = (0..=255).cycle().take(3 * STRIDE + 7).collect();
        let deadline = Deadline::none();
        let mut read = Vec::new();
        Watched::new(&bytes, &deadline)
            .read_to_end(&mut read)
            .unwrap();
        assert_eq!(read, bytes);

        let mut watched = Watched::new(&bytes, &deadline);
        let mut some = [0; 10];
        watched.read_exact(&mut some).unwrap();
        deadline.end();
        let mut rest = Vec::new();
        let error = watched.read_to_end(&mut rest).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(rest.len() < STRIDE, "{}", rest.len());
        assert!(Deadline::after(Duration::ZERO).is_over());
    }
}
