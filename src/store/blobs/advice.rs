//! What the system is told about the files of uploads: to keep only little of a large one in memory.
//!
//! It is advice. Nothing here waits for the disk or changes what lies there, and where it is not to be had the system does as
//! it does with all files. It is not told to write early.

use std::fs::File;

/// First bytes of a file that stay in the system's memory once they are written: all of a photo. What comes after them is let
/// go, so that a large file does not take the place of others there; whoever reads it waits for the disk.
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
