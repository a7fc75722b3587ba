//! Where a download goes on a disk: a part beside its place first, then the name, and never over something that is there.
//!
//! The folder is opened once, and what is in it is reached through it alone, without following a link. The part's name tells
//! which bytes it is of, so that the next program goes on with it, and it is locked while a program writes it. Blocks for as
//! long as the disk does.

use std::{
    fs::{File, TryLockError},
    io,
    os::{
        fd::OwnedFd,
        unix::fs::{FileExt, MetadataExt},
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, Mode, OFlags, RenameFlags, linkat, open, openat, renameat_with, unlinkat},
    io::Errno,
    process::geteuid,
};

use crate::domain::file::ContentHash;

use super::{error::TransferError, name};

/// Names that are tried where the name is taken.
const NUMBERS_MAX: u32 = 10_000;
/// Parts of the same bytes at once: so many programs fetch them.
const PARTS_MAX: u32 = 20;
/// Bytes of a part's name that its mark, hash and number need.
const PART_MARKS_BYTES: usize = 32;

/// A file in the making.
#[derive(Debug)]
pub(super) struct Part {
    folder: OwnedFd,
    folder_path: PathBuf,
    /// What it is to be called.
    name: String,
    /// What it is called so far.
    part: String,
    file: File,
    /// Bytes that are there.
    bytes: u64,
    is_settled: bool,
}

impl Part {
    /// Begins in this folder, or goes on with what an ended program left of the same bytes.
    pub fn open(
        folder_path: &Path,
        name: String,
        hash: ContentHash,
    ) -> Result<Self, TransferError> {
        let cannot = |errno: Errno| TransferError::Place {
            place: folder_path.display().to_string().into(),
            error: errno.into(),
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = open(folder_path, flags, Mode::empty()).map_err(cannot)?;
        for number in 1..=PARTS_MAX {
            let part = part_name(&name, hash, number);
            let Some(file) = taken(&folder, &part).map_err(cannot)? else {
                continue;
            };
            let bytes = file.metadata().map_err(TransferError::Write)?.len();
            return Ok(Self {
                folder,
                folder_path: folder_path.to_owned(),
                name,
                part,
                file,
                bytes,
                is_settled: false,
            });
        }
        Err(cannot(Errno::EXIST))
    }

    /// How many bytes are there.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads what is there.
    pub fn read(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        self.file.read_at(buffer, at)
    }

    /// Adds bytes.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, self.bytes)?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Begins anew.
    pub fn clear(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.bytes = 0;
        Ok(())
    }

    /// Gives it its name, or the first with a number that is free, and returns where it is. It is on the disk itself then.
    pub fn settle(&mut self) -> io::Result<PathBuf> {
        self.file.sync_all()?;
        for number in 1..=NUMBERS_MAX {
            let name = match number {
                1 => self.name.clone(),
                _ => name::numbered(&self.name, number),
            };
            match self.rename(&name) {
                Ok(()) => {
                    self.is_settled = true;
                    match rustix::fs::fsync(&self.folder) {
                        // Not every file system can do that to a folder; the file has its name all the same.
                        Ok(()) | Err(Errno::INVAL | Errno::NOTSUP) => {}
                        Err(error) => return Err(error.into()),
                    }
                    return Ok(self.folder_path.join(name));
                }
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    fn rename(&self, name: &str) -> rustix::io::Result<()> {
        let (from, to) = (&self.folder, &self.folder);
        match renameat_with(from, &self.part, to, name, RenameFlags::NOREPLACE) {
            // Not every file system can do that; a second name is never made over something either.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                linkat(from, &self.part, to, name, AtFlags::empty())?;
                unlinkat(from, &self.part, AtFlags::empty())
            }
            done => done,
        }
    }

    /// Leaves nothing behind.
    pub fn remove(&self) {
        // What cannot be removed stays a part, which nobody takes for the whole.
        let _ = unlinkat(&self.folder, &self.part, AtFlags::empty());
    }

    /// From now on nothing can be written, as on a disk that is full.
    #[cfg(test)]
    pub fn fail(&mut self) {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let read_only = openat(&self.folder, &self.part, flags, Mode::empty());
        self.file = read_only.unwrap().into();
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Of nothing there is nothing to go on with.
        if self.bytes == 0 && !self.is_settled {
            self.remove();
        }
    }
}

/// Makes a part, or takes one that is there and nobody's; `None`: it is somebody's.
fn taken(folder: &OwnedFd, part: &str) -> rustix::io::Result<Option<File>> {
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let new = flags | OFlags::CREATE | OFlags::EXCL;
    // As readable as the user has it of new files.
    let file = match openat(folder, part, new, Mode::from_raw_mode(0o666)) {
        Ok(file) => File::from(file),
        Err(Errno::EXIST) => match openat(folder, part, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            // A link, a folder, one of another user, or one that was there just now.
            Err(Errno::LOOP | Errno::ISDIR | Errno::ACCESS | Errno::NOENT | Errno::NXIO) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        },
        Err(error) => return Err(error),
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        // A file system without locks: two programs that fetch the same are told by the hash.
        Err(TryLockError::Error(_)) => {}
    }
    let metadata = file.metadata();
    let is_ours =
        metadata.is_ok_and(|it| it.is_file() && it.nlink() == 1 && it.uid() == geteuid().as_raw());
    Ok((is_ours && is_called(folder, part, &file)).then_some(file))
}

/// Whether a file is still called so: who held its lock may have given it its last name, and then it is no part any more.
fn is_called(folder: &OwnedFd, part: &str, file: &File) -> bool {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let there = openat(folder, part, flags, Mode::empty()).map(File::from);
    let same = |file: &File| file.metadata().map(|it| (it.dev(), it.ino())).ok();
    there.is_ok_and(|there| same(&there).is_some_and(|it| Some(it) == same(file)))
}

fn part_name(name: &str, hash: ContentHash, number: u32) -> String {
    let hash: String = hash.to_string().chars().take(16).collect();
    let start = name::start(name, 255 - PART_MARKS_BYTES);
    match number {
        1 => format!(".{start}.{hash}.part"),
        _ => format!(".{start}.{hash}.{number}.part"),
    }
}

#[cfg(test)]
#[path = "place_tests.rs"]
mod tests;
