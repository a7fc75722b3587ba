//! The journals of this program that are being closed, whose threads still write what was handed over.
//!
//! Promises that whoever opens the next journal, as with another login, can tell them from those of other programs: what
//! they leave is to be taken over, so that they are waited for. Knows no files.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

static CLOSING: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// The closing of one journal.
#[derive(Clone, Debug)]
pub struct Closing {
    path: PathBuf,
}

impl Closing {
    pub(super) fn of(path: PathBuf) -> Self {
        Self { path }
    }

    /// It is about to be closed: to be called before its thread can hear of that.
    pub fn begins(&self) {
        closing().insert(self.path.clone());
    }

    /// It is closed.
    pub fn is_over(&self) {
        closing().remove(&self.path);
    }
}

/// Whether a journal is just being closed by this program.
pub(super) fn is_closing(path: &Path) -> bool {
    closing().contains(path)
}

/// Nothing under this lock leaves a half-done state behind, so a panic elsewhere does not matter.
fn closing() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    CLOSING.lock().unwrap_or_else(PoisonError::into_inner)
}
