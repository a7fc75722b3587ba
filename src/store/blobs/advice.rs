//! What the system is told about the files of uploads and contents, so that they do not hold up others at the disk nor take
//! their place in memory.
//!
//! A disk does one thing after the other: what a commit of the store has to bring there waits for what others have given it
//! at once. So bytes are given to it as they come rather than four MiB at a time, and read in pieces that are asked for rather
//! than as far ahead as the system likes (8 MiB on some disks): docs/performance.md has what that comes to.
//!
//! It is advice. Nothing here changes what lies there, and where it is not to be had the system does as it does with all
//! files.

use std::fs::File;

/// First bytes of a file that stay in the system's memory once they are written: all of a photo. What comes after them is let
/// go, so that a large file does not take the place of others there; whoever reads it waits for the disk. Memory that is used
/// again at once is also quicker to copy to: with 64 MiB here uploads took a third more of the processor.
const CACHED_BYTES: u64 = 4 * 1024 * 1024;
/// Bytes of a file that are given to the disk at once, when all of them have come. Fewer would be many small writes, of pages
/// that are written again.
const WRITTEN_AT_ONCE: u64 = 256 * 1024;

/// How many pieces are asked of the disk at once by whoever reads one: the disk is at work while one of them is sent, and has no
/// more than 1 MiB to read for one who reads 256 KiB at once.
const READ_AHEAD: u64 = 4;

/// The bytes from one place of a file to another are on stable storage.
pub(super) fn let_go(file: &File, from: u64, to: u64) {
    advise(file, Advice::LetGo, from.max(CACHED_BYTES), to);
}

/// The bytes from one place of a file to another have come at its end, of which so many first bytes are on stable storage. They
/// are to be written soon. It waits where the disk has more to do than the system lets wait for it, so it is for whoever has no
/// lock.
pub(super) fn write_soon(file: &File, synced: u64, from: u64, to: u64) {
    let (from, to) = whole(from, to);
    // To let go of what is not written yet is to begin to write it, and it stays where it is until then. What is written would
    // go at once.
    advise(file, Advice::LetGo, from.max(synced), to);
}

/// What of a file became whole parts with the bytes between two places.
const fn whole(from: u64, to: u64) -> (u64, u64) {
    (from - from % WRITTEN_AT_ONCE, to - to % WRITTEN_AT_ONCE)
}

/// So many bytes of the file are read from here on; then perhaps what follows.
pub(super) fn read_from(file: &File, from: u64, bytes: u64) {
    advise(file, Advice::NoFurther, 0, u64::MAX);
    let ahead = bytes.saturating_mul(READ_AHEAD);
    advise(file, Advice::Soon, from, from.saturating_add(ahead));
}

/// What is told of some bytes.
#[derive(Clone, Copy)]
enum Advice {
    /// Nobody needs them soon.
    LetGo,
    /// They are read in pieces of the reader's choice: nothing beyond what is asked for.
    NoFurther,
    /// They are asked for soon.
    Soon,
}

#[cfg(target_os = "linux")]
fn advise(file: &File, advice: Advice, from: u64, to: u64) {
    use std::num::NonZeroU64;

    use rustix::fs::{self, fadvise};

    if from >= to {
        return;
    }
    let advice = match advice {
        Advice::LetGo => fs::Advice::DontNeed,
        Advice::NoFurther => fs::Advice::Random,
        Advice::Soon => fs::Advice::WillNeed,
    };
    // None: to the end.
    let bytes = NonZeroU64::new(to - from).filter(|_| to < u64::MAX);
    if let Err(error) = fadvise(file, from, bytes, advice) {
        tracing::debug!(%error, "the system takes no advice about files");
    }
}

#[cfg(not(target_os = "linux"))]
fn advise(_: &File, _: Advice, _: u64, _: u64) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_is_written_once_and_whole_however_its_bytes_come() {
        for step in [1_000, WRITTEN_AT_ONCE, 300_000] {
            let mut written = 0;
            for from in (0..5 * WRITTEN_AT_ONCE).step_by(usize::try_from(step).unwrap()) {
                let (first, end) = whole(from, from + step);
                assert_eq!(first, written);
                assert_eq!(end % WRITTEN_AT_ONCE, 0);
                written = end;
            }
            assert!(written >= 5 * WRITTEN_AT_ONCE, "{step}");
        }
    }
}
