//! A journal's file written anew with only what still waits, in the place of the old one.
//!
//! Promises that at each moment the name stands for one whole file, the old one or the new one: whoever is killed in between
//! loses nothing and doubles nothing. The new file is locked before it has the name. Knows nothing of what lines mean.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use serde_json::Value;

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// There is an empty file beside the old one, locked.
    Made,
    /// Everything is in it.
    Written,
    /// And on the disk itself.
    Synced,
    /// It has the name of the old one.
    Renamed,
}

/// Writes lines to a new file and gives it this name. Returns it, locked, and its bytes; that it has the name is on the disk
/// itself once the folder is. `step` hears of each step, and can stop it there, as a full disk would, but for the last one.
pub(super) fn rewrite(
    path: &Path,
    lines: impl Iterator<Item = Value>,
    step: &mut dyn FnMut(Step) -> io::Result<()>,
) -> io::Result<(File, u64)> {
    let fresh = beside(path);
    let done = fill(&fresh, lines, step).and_then(|file| {
        let bytes = file.metadata()?.len();
        fs::rename(&fresh, path)?;
        Ok((file, bytes))
    });
    match &done {
        // It is done: nothing can stop it any more.
        Ok(_) => drop(step(Step::Renamed)),
        // One that stays is removed with the old one.
        Err(_) => drop(fs::remove_file(&fresh)),
    }
    done
}

fn fill(
    fresh: &Path,
    lines: impl Iterator<Item = Value>,
    step: &mut dyn FnMut(Step) -> io::Result<()>,
) -> io::Result<File> {
    // What is left of an attempt that was cut short; nobody else has a file of this name.
    forget(fresh)?;
    let file = OpenOptions::new()
        .append(true)
        .create_new(true)
        .mode(0o600)
        .open(fresh)?;
    file.lock()?;
    step(Step::Made)?;
    let mut writer = BufWriter::new(&file);
    for line in lines {
        writeln!(writer, "{line}")?;
    }
    writer.flush()?;
    drop(writer);
    step(Step::Written)?;
    file.sync_all()?;
    step(Step::Synced)?;
    Ok(file)
}

/// The file in which a new one is written.
pub(super) fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

/// Removes a journal of an ended program, and what an attempt to write it anew may have left.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    forget(&beside(path))?;
    fs::remove_file(path)
}

/// Removes a file, if there is one.
pub(super) fn forget(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
