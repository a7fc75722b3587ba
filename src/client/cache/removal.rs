//! Takes the caches of an account off this machine, when its user has logged out.
//!
//! Promises that files of other accounts stay as they are; that no link is followed: one goes, what it leads to stays; and
//! that a program which has the cache open goes on unharmed: it keeps its copy until it ends, nobody else sees it any more,
//! and no new cache takes its place while it does.

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
};

use super::{ENDING, LOCK_ENDING, lock_it, schema};
use crate::{client::net::connect::ServerAddress, domain::name::UserName};

/// How the names of the files of a cache end.
const ENDINGS: [&str; 5] = ["", "-wal", "-shm", "-journal", LOCK_ENDING];

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// How many caches. An account has one for each way in which its server was known.
    pub count: usize,
    /// How many of them are still open in a program.
    pub held: usize,
}

/// Removes the caches of a user at a server, or of all users there. Blocks: one that this program is just closing is waited
/// for. What cannot be removed is no reason to leave the others: the first error is returned in the end.
pub fn remove(
    folder: &Path,
    server: &ServerAddress,
    user: Option<&UserName>,
) -> io::Result<Removed> {
    let mut removed = Removed::default();
    let mut failed = None;
    for file in files(folder, server, user)? {
        match remove_one(&file) {
            Ok(was_held) => {
                removed.count += 1;
                removed.held += usize::from(was_held);
            }
            Err(error) => {
                let error = io::Error::new(error.kind(), format!("{}: {error}", file.display()));
                failed.get_or_insert(error);
            }
        }
    }
    failed.map_or(Ok(removed), Err)
}

/// Removes a cache; returns whether a program has it open.
fn remove_one(file: &Path) -> io::Result<bool> {
    let lock = super::lock_of(file);
    let held = match lock_of_nobody(&lock, file) {
        Ok(lock) => Some(lock),
        Err(TryLockError::WouldBlock) => None,
        Err(TryLockError::Error(error)) => return Err(error),
    };
    schema::remove(file)?;
    // While a program has the cache its lock stays: a new one in its place would be torn by what that does at its end.
    let Some(_held) = held else {
        return Ok(true);
    };
    match fs::remove_file(&lock) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(false),
    }
}

/// Locks a cache that no program has; `None` if there is nothing to lock, or something that is no file.
fn lock_of_nobody(lock: &Path, file: &Path) -> Result<Option<File>, TryLockError> {
    let is_file = fs::symlink_metadata(lock).is_ok_and(|found| found.is_file());
    if !is_file {
        return Ok(None);
    }
    let opened = OpenOptions::new().write(true).open(lock);
    let opened = opened.map_err(TryLockError::Error)?;
    lock_it(&opened, file)?;
    Ok(Some(opened))
}

/// The caches of which there is at least a part.
fn files(
    folder: &Path,
    server: &ServerAddress,
    user: Option<&UserName>,
) -> io::Result<BTreeSet<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => return Err(error),
    };
    let mut found = BTreeSet::new();
    for entry in entries {
        let name = entry?.file_name();
        let name = name.to_str().and_then(|name| name_of(name, server, user));
        found.extend(name.map(|name| folder.join(name)));
    }
    Ok(found)
}

/// The name of the cache that a file belongs to, if that is one of these.
fn name_of(name: &str, server: &ServerAddress, user: Option<&UserName>) -> Option<String> {
    let mut endings = ENDINGS.iter();
    let account = endings.find_map(|ending| name.strip_suffix(ending)?.strip_suffix(ENDING))?;
    let mut parts = account.split("@@");
    let (place, who, known) = (parts.next()?, parts.next()?, parts.next()?);
    let who: UserName = who.parse().ok()?;
    let is_one = place == server.as_str()
        && user.is_none_or(|user| *user == who)
        && known.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && parts.next().is_none();
    is_one.then(|| format!("{account}{ENDING}"))
}

#[cfg(test)]
#[path = "removal_tests.rs"]
mod tests;
