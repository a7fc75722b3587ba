//! How many first bytes of an upload are committed, noted beside them in `uploads/NUMBER.at`: after they were on stable storage,
//! and before anybody is told.
//!
//! After a power cut the length of a file may count bytes that are not there, where a file system puts lengths there before
//! bytes. So each upload is cut back to its note then. After no more than a kill of the process all that was written is there.
//! `uploads/boot` tells them apart: it names the run of the machine in which the notes were made. A disk that loses power while its
//! machine runs on is not noticed.
//!
//! A note is written into one of two sectors, the one that says less, so that a cut in the middle of it leaves the other. It is
//! taken back, on stable storage, before its upload begins anew. Nothing here locks: notes of one upload are made and taken
//! back by whoever has its `syncing`.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write as _},
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use tracing::warn;

use super::places::{System, flags};
use crate::domain::ids::UploadId;

/// The unit that a disk writes whole.
const SECTOR_BYTES: u64 = 512;
/// Where a note may lie.
const PLACES: [u64; 2] = [0, SECTOR_BYTES];
/// The number, and as many bytes of its hash.
const NOTE_BYTES: usize = 16;
/// The file that names the run of the machine.
const BOOT: &str = "boot";

/// The notes in the folder of uploads.
pub(super) struct Notes {
    folder: PathBuf,
}

impl Notes {
    pub const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    fn path(&self, upload: UploadId) -> PathBuf {
        self.folder.join(format!("{}.at", upload.number()))
    }

    /// Opens a note, making it if need be, and answers whether it is new.
    pub fn open(&self, upload: UploadId) -> io::Result<(File, bool)> {
        let path = self.path(upload);
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        options.mode(0o600).custom_flags(flags());
        match options.clone().create_new(true).open(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                options.open(&path).map(|file| (file, false))
            }
            made => made.map(|file| (file, true)),
        }
    }

    /// Makes a note that says 0, of one that says something as well: on stable storage then.
    pub fn begin(&self, upload: UploadId, system: &System) -> io::Result<()> {
        let (file, is_new) = self.open(upload)?;
        if !is_new {
            // Also one that says nothing: it may have said something on the disk, when this failed the last time.
            file.set_len(0)?;
            (system.sync)(&file)?;
        }
        Ok(())
    }

    /// Forgets a note whose upload is not there any more. What stays of it goes with the next start.
    pub fn forget(&self, upload: UploadId) {
        if let Err(error) = fs::remove_file(self.path(upload))
            && error.kind() != ErrorKind::NotFound
        {
            warn!(%error, %upload, "a note about an upload could not be removed; the next start tries it again");
        }
    }

    /// Brings everything to where a power cut must have left it, if there may have been one since the notes were made, and
    /// answers which uploads that could not be done to. For a folder that nobody has begun to use.
    pub fn restore(&self, system: &System) -> io::Result<Vec<UploadId>> {
        let boot = (system.boot)();
        let path = self.folder.join(BOOT);
        let noted = match fs::read(&path) {
            Ok(noted) => Some(noted),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let is_same = boot.as_ref().map(String::as_bytes) == noted.as_deref() && boot.is_some();
        let mut failed = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            let name = name.to_str().unwrap_or_default();
            if let Some(number) = name.strip_suffix(".at").and_then(|it| it.parse().ok()) {
                if fs::symlink_metadata(self.folder.join(number_name(number)))
                    .is_err_and(|error| error.kind() == ErrorKind::NotFound)
                {
                    self.forget(UploadId::new(number));
                }
            } else if let Ok(number) = name.parse()
                // Nothing was noted before there was anything to be told apart.
                && !is_same
                && noted.is_some()
            {
                let upload = UploadId::new(number);
                if let Err(error) = self.cut(upload, system) {
                    warn!(%error, %upload, "an upload could not be cut back to what is there for certain; it begins anew");
                    failed.push(upload);
                }
            }
        }
        if !is_same {
            // Torn, or not there after a cut, it names no run of a machine.
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true);
            let mut file = options.mode(0o600).custom_flags(flags()).open(&path)?;
            file.write_all(boot.unwrap_or_default().as_bytes())?;
            (system.sync)(&file)?;
            (system.sync)(&File::open(&self.folder)?)?;
        }
        Ok(failed)
    }

    /// Takes away what an upload has beyond its note.
    fn cut(&self, upload: UploadId, system: &System) -> io::Result<()> {
        let path = self.folder.join(number_name(upload.number()));
        let file = OpenOptions::new()
            .write(true)
            .custom_flags(flags())
            .open(&path)?;
        let (note, _) = self.open(upload)?;
        let (committed, there) = (read(&note)?, file.metadata()?.len());
        match committed <= there {
            true => file.set_len(committed),
            false => {
                // The disk has not kept what it was given: nobody knows what it has of the rest.
                self.begin(upload, system)?;
                file.set_len(0)
            }
        }
    }
}

/// The name of the file of an upload.
pub(super) fn number_name(number: u64) -> String {
    number.to_string()
}

/// How many bytes are noted as committed.
fn read(note: &File) -> io::Result<u64> {
    Ok(said(note)?.into_iter().flatten().max().unwrap_or_default())
}

/// What each place of a note says; `None`: nothing.
fn said(note: &File) -> io::Result<[Option<u64>; 2]> {
    let mut said = [None; 2];
    for (said, place) in said.iter_mut().zip(PLACES) {
        let mut bytes = [0; NOTE_BYTES];
        match note.read_exact_at(&mut bytes, place) {
            Ok(()) => *said = parsed(bytes),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {}
            Err(error) => return Err(error),
        }
    }
    Ok(said)
}

/// Notes on stable storage how many bytes are committed: no fewer than before.
pub(super) fn write(note: &File, committed: u64, system: &System) -> io::Result<()> {
    let [first, second] = said(note)?;
    let place = PLACES[usize::from(second < first)];
    note.write_all_at(&written(committed), place)?;
    (system.sync)(note)
}

fn written(committed: u64) -> [u8; NOTE_BYTES] {
    let mut bytes = [0; NOTE_BYTES];
    let number = committed.to_le_bytes();
    bytes[..8].copy_from_slice(&number);
    bytes[8..].copy_from_slice(&blake3::hash(&number).as_bytes()[..8]);
    bytes
}

fn parsed(bytes: [u8; NOTE_BYTES]) -> Option<u64> {
    let [a, b, c, d, e, f, g, h, ..] = bytes;
    let committed = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
    (written(committed) == bytes).then_some(committed)
}

/// Which run of the machine this is; `None`: the system does not tell.
pub(super) fn boot() -> Option<String> {
    let told = fs::read_to_string(Path::new("/proc/sys/kernel/random/boot_id")).ok()?;
    Some(told.trim().to_owned()).filter(|told| !told.is_empty())
}

#[cfg(test)]
#[path = "notes_tests.rs"]
mod tests;
