//! How many first bytes of an upload are committed, noted beside them in `uploads/NUMBER.at`: after they were on stable storage,
//! and before anybody is told.
//!
//! After a power cut the length of a file may count bytes that are not there, where a file system puts lengths there before
//! bytes. So each upload is cut back to its note then. After no more than a kill of the process all that was written is there.
//! `uploads/boot` tells them apart: it names the run of the machine in which the notes were made. A disk that loses power while its
//! machine runs on is not noticed.
//!
//! A note is written into one of two places, that which says less, so that a cut in the middle of it
//! leaves the other. It is taken back, on stable storage, before its upload begins anew. Nothing here locks: notes of one upload
//! are made and taken back by whoever has its `syncing`.
//!
//! Where the system does not name its runs, as outside Linux, any start may come after a cut, and uploads go back to their notes.

use std::{
    collections::BTreeSet,
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Read as _, Write as _},
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use tracing::warn;

use super::places::{System, flags};
use crate::domain::ids::UploadId;

/// Where a note may lie: not in one sector of a disk, nor in one block of a file system.
const PLACES: [u64; 2] = [0, 4096];
/// The number of bytes, and as many of a hash of it.
const NOTE_BYTES: usize = 16;
/// How the name of a note ends, after the number of its upload.
const NOTE: &str = ".at";
/// The file that names the run of the machine,
const BOOT: &str = "boot";
/// how it ends,
const BOOT_END: &str = "end\n";
/// and more than it has where so few uploads fail that they can be told one by one.
const BOOT_BYTES_MAX: u64 = 1024 * 1024;

/// The notes in the folder of uploads.
pub(super) struct Notes {
    folder: PathBuf,
}

impl Notes {
    pub const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    fn path(&self, upload: UploadId) -> PathBuf {
        self.folder.join(number_name(upload) + NOTE)
    }

    fn options() -> OpenOptions {
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        options.mode(0o600).custom_flags(flags());
        options
    }

    /// Opens a note, if there is one.
    fn find(&self, upload: UploadId) -> io::Result<Option<File>> {
        match Self::options().open(self.path(upload)) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            opened => opened.map(Some),
        }
    }

    /// Opens a note, making it if need be: its name is on stable storage then.
    pub fn open(&self, upload: UploadId, system: &System) -> io::Result<File> {
        if let Some(note) = self.find(upload)? {
            return Ok(note);
        }
        let note = Self::options().create_new(true).open(self.path(upload))?;
        // It is not there again, or the next call would take its name for one that stays.
        self.sync(system).inspect_err(|_| self.forget(upload))?;
        Ok(note)
    }

    /// Makes a note that says nothing, or takes back what it says, on stable storage. Answers whether it is new; its name is
    /// not on stable storage then.
    pub fn begin(&self, upload: UploadId, system: &System) -> io::Result<bool> {
        match self.find(upload)? {
            Some(_) => self.take_back(upload, system).map(|()| false),
            None => {
                let made = Self::options().create_new(true).open(self.path(upload));
                made.map(|_| true)
            }
        }
    }

    /// Takes back what a note says, on stable storage.
    pub fn take_back(&self, upload: UploadId, system: &System) -> io::Result<()> {
        let Some(note) = self.find(upload)? else {
            return Ok(());
        };
        // Also in one that seems to say nothing: this may have failed the last time. Its room stays its own, or it could come
        // to say what another said before.
        for place in PLACES {
            note.write_all_at(&[0; NOTE_BYTES], place)?;
        }
        (system.sync)(&note)
    }

    /// How many bytes of an upload are noted as committed; `None`: nothing is.
    fn said(&self, upload: UploadId) -> io::Result<Option<u64>> {
        match self.find(upload)? {
            Some(note) => Ok(said(&note, upload)?.into_iter().max().flatten()),
            None => Ok(None),
        }
    }

    /// How many bytes of an upload are noted as committed; 0 as well if nothing is.
    pub fn committed(&self, upload: UploadId) -> io::Result<u64> {
        Ok(self.said(upload)?.unwrap_or_default())
    }

    /// Forgets a note whose upload is not there any more, on stable storage too. What stays of it goes with the next start.
    pub fn forget(&self, upload: UploadId) {
        if let Err(error) = fs::remove_file(self.path(upload))
            && error.kind() != ErrorKind::NotFound
        {
            warn!(%error, %upload, "a note about an upload could not be removed; the next start tries it again");
        }
    }

    fn sync(&self, system: &System) -> io::Result<()> {
        (system.sync)(&File::open(&self.folder)?)
    }

    /// Brings everything to where a power cut must have left it, if there may have been one since the notes were made, and
    /// answers which uploads that could not be done to. For a folder that nobody has begun to use.
    pub fn restore(&self, system: &System) -> io::Result<Vec<UploadId>> {
        // What lies here by its name may not stay so: a kill may have come before the sync.
        self.sync(system)?;
        let (uploads, notes) = self.there()?;
        for number in notes.difference(&uploads) {
            self.forget(UploadId::new(*number));
        }
        let name = (system.boot)().unwrap_or_default();
        let noted = Boot::read(&self.folder.join(BOOT))?;
        let is_same = noted
            .as_ref()
            .is_some_and(|noted| !name.is_empty() && noted.name == name);
        let mut failed = Vec::new();
        for upload in uploads.into_iter().map(UploadId::new) {
            let cut = match &noted {
                None if self.said(upload)?.is_none() => {
                    self.trust(upload, system)?;
                    continue;
                }
                Some(noted) if is_same && !noted.failed.contains(&upload.number()) => continue,
                _ => self
                    .open_upload(upload)
                    .and_then(|file| self.cut(upload, &file, system)),
            };
            if let Err(error) = cut {
                warn!(%error, %upload, "an upload could not be cut back to what is there for certain; it is refused until it can");
                failed.push(upload);
            }
        }
        let boot = Boot {
            name,
            failed: failed.iter().map(|upload| upload.number()).collect(),
        };
        if noted.as_ref() != Some(&boot) {
            self.note_boot(&boot, system).or_else(|error| match noted {
                // Lengths would be trusted by the next start, too, of uploads that begin now.
                None => Err(error),
                Some(_) => {
                    warn!(%error, "the next start cuts uploads back to what is there for certain");
                    Ok(())
                }
            })?;
        }
        Ok(failed)
    }

    fn note_boot(&self, boot: &Boot, system: &System) -> io::Result<()> {
        let mut options = Self::options();
        options.create(true).truncate(true);
        let mut file = options.open(self.folder.join(BOOT))?;
        file.write_all(boot.to_string().as_bytes())?;
        (system.sync)(&file)?;
        self.sync(system)
    }

    /// The numbers of the uploads and of the notes that are there.
    fn there(&self) -> io::Result<(BTreeSet<u64>, BTreeSet<u64>)> {
        let (mut uploads, mut notes) = (BTreeSet::new(), BTreeSet::new());
        for entry in fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            let name = name.to_str().unwrap_or_default();
            match name.strip_suffix(NOTE) {
                Some(number) => notes.extend(number.parse::<u64>()),
                None => uploads.extend(name.parse::<u64>()),
            }
        }
        Ok((uploads, notes))
    }

    /// Takes away what the file of an upload has beyond its note.
    pub fn cut(&self, upload: UploadId, file: &File, system: &System) -> io::Result<()> {
        let (committed, there) = (self.committed(upload)?, file.metadata()?.len());
        if committed == there {
            return Ok(());
        }
        if committed < there {
            return (system.cut)(file, committed);
        }
        // The disk has not kept what it was given: nobody knows what it has of the rest.
        self.take_back(upload, system)?;
        (system.cut)(file, 0)
    }

    /// Takes an upload of a version that made no notes at its length, as that version did.
    fn trust(&self, upload: UploadId, system: &System) -> io::Result<()> {
        let file = self.open_upload(upload)?;
        (system.sync)(&file)?;
        self.write(upload, file.metadata()?.len(), system)
    }

    fn open_upload(&self, upload: UploadId) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).custom_flags(flags());
        options.open(self.folder.join(number_name(upload)))
    }

    /// Notes on stable storage how many bytes of an upload are committed: no fewer than before.
    pub fn write(&self, upload: UploadId, committed: u64, system: &System) -> io::Result<()> {
        write(&self.open(upload, system)?, upload, committed, system)
    }
}

/// The name of the file of an upload.
pub(super) fn number_name(upload: UploadId) -> String {
    upload.number().to_string()
}

/// The run of the machine in which notes were made.
#[derive(Debug, PartialEq, Eq)]
struct Boot {
    /// Its name; empty: it has none, or this was torn.
    name: String,
    /// Uploads that could not be cut back when it began.
    failed: BTreeSet<u64>,
}

impl Boot {
    /// Reads what was noted last; `None`: nothing was.
    fn read(path: &Path) -> io::Result<Option<Self>> {
        let mut options = OpenOptions::new();
        let file = match options.read(true).custom_flags(flags()).open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let mut text = Vec::new();
        file.take(BOOT_BYTES_MAX).read_to_end(&mut text)?;
        let text = String::from_utf8_lossy(&text);
        // Torn, or cut, it names no run of a machine.
        let mut lines = text.strip_suffix(BOOT_END).unwrap_or_default().lines();
        Ok(Some(Self {
            name: lines.next().unwrap_or_default().to_owned(),
            failed: lines.filter_map(|line| line.parse().ok()).collect(),
        }))
    }
}

impl fmt::Display for Boot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}", self.name)?;
        for number in &self.failed {
            writeln!(formatter, "{number}")?;
        }
        formatter.write_str(BOOT_END)
    }
}

/// What each place of a note says; `None`: nothing.
fn said(note: &File, upload: UploadId) -> io::Result<[Option<u64>; 2]> {
    let read = |place| {
        let mut bytes = [0; NOTE_BYTES];
        match note.read_exact_at(&mut bytes, place) {
            Ok(()) => Ok(parsed(bytes, upload)),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    };
    match PLACES.map(read) {
        // Where a cut leaves one that cannot be read the other one counts.
        [Ok(Some(one)), other] => Ok([Some(one), other.unwrap_or_default()]),
        [one, Ok(Some(other))] => Ok([one.unwrap_or_default(), Some(other)]),
        [one, other] => Ok([one?, other?]),
    }
}

/// Notes on stable storage in an open note how many bytes are committed.
pub(super) fn write(
    note: &File,
    upload: UploadId,
    committed: u64,
    system: &System,
) -> io::Result<()> {
    let [first, second] = said(note, upload)?;
    let place = PLACES[usize::from(second < first)];
    note.write_all_at(&written(committed, upload), place)?;
    (system.sync)(note)
}

/// The hash is of the upload too: what lay on the disk before says nothing about another.
fn written(committed: u64, upload: UploadId) -> [u8; NOTE_BYTES] {
    let number = committed.to_le_bytes();
    let both = [number, upload.number().to_le_bytes()].concat();
    let mut bytes = [0; NOTE_BYTES];
    bytes[..8].copy_from_slice(&number);
    bytes[8..].copy_from_slice(&blake3::hash(&both).as_bytes()[..8]);
    bytes
}

fn parsed(bytes: [u8; NOTE_BYTES], upload: UploadId) -> Option<u64> {
    let [a, b, c, d, e, f, g, h, ..] = bytes;
    let committed = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
    (written(committed, upload) == bytes).then_some(committed)
}

/// Which run of the machine this is; `None`: the system does not tell.
pub(super) fn boot() -> Option<String> {
    let told = fs::read_to_string(Path::new("/proc/sys/kernel/random/boot_id")).ok()?;
    Some(told.trim().to_owned()).filter(|told| !told.is_empty())
}

#[cfg(test)]
#[path = "notes_tests.rs"]
mod tests;
