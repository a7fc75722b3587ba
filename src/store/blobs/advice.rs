//! What the system is told about the files of uploads: to keep only little of a large one in memory.
//!
//! It is advice. Nothing here waits for the disk or changes what lies there, and where it is not to be had the system does as
//! it does with all files. It is not told to write early: who writes then holds up the journal of the file system, and with
//! it the commits of the store, for as long as the disk has other work.

use std::fs::File;

/// First bytes of a file that stay in the system's memory once they are written: all of a photo. Of what comes after them
/// nothing stays, since a large file would take the place of others there, and a disk reads it fast enough.
const CACHED_BYTES: u64 = 4 * 1024 * 1024;

/// The bytes from one place of a file to another are on stable storage.
pub(super) fn let_go(file: &File, from: u64, to: u64) {
    let from = from.max(CACHED_BYTES);
    if from < to {
        advise(file, from, to - from);
    }
}

#[cfg(target_os = "linux")]
fn advise(file: &File, from: u64, bytes: u64) {
    use std::num::NonZeroU64;

    use rustix::fs::{Advice, fadvise};

    if let Err(error) = fadvise(file, from, NonZeroU64::new(bytes), Advice::DontNeed) {
        tracing::debug!(%error, "the system takes no advice about files");
    }
}

#[cfg(not(target_os = "linux"))]
fn advise(_: &File, _: u64, _: u64) {}
