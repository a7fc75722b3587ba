//! How many first bytes of an upload are committed, noted beside them in `uploads/NUMBER.at`: after they were on stable storage,
//! and before anybody is told.
//!
//! After a power cut the length of a file may count bytes that are not there, where a file system puts lengths there before
//! bytes. So each upload is cut back to its note then. After no more than a kill of the process all that was written is there.
//! `uploads/boot` tells them apart: it names the run of the machine in which the notes were made. A disk that loses power while its
//! machine runs on is not noticed.
//!
//! A note is written into one of two places that no disk writes as one, that which says less, so that a cut in the middle of it
//! leaves the other. It is taken back, on stable storage, before its upload begins anew. Nothing here locks: notes of one upload
//! are made and taken back by whoever has its `syncing`.
//!
//! Where the system does not name its runs, as outside Linux, any start may come after a cut, and uploads go back to their notes.

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Read as _, Write as _},
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use tracing::warn;

use super::places::{System, flags};
use crate::domain::ids::UploadId;

/// Where a note may lie: further apart than the largest unit that a disk writes as a whole.
const PLACES: [u64; 2] = [0, 4096];
/// The number of bytes, and as many of a hash of it.
const NOTE_BYTES: usize = 16;
/// How the name of a note ends, after the number of its upload.
const NOTE: &str = ".at";
/// The file that names the run of the machine,
const BOOT: &str = "boot";
/// and more than it has.
const BOOT_BYTES_MAX: u64 = 256;

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

    /// How many bytes of an upload are noted as committed; 0 as well if nothing is.
    pub fn committed(&self, upload: UploadId) -> io::Result<u64> {
        match self.find(upload)? {
            Some(note) => Ok(said(&note, upload)?
                .into_iter()
                .flatten()
                .max()
                .unwrap_or_default()),
            None => Ok(0),
        }
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
        let boot = (system.boot)();
        let noted = self.noted_boot()?;
        let is_same = boot.is_some() && boot.as_ref().map(String::as_bytes) == noted.as_deref();
        let (uploads, notes) = self.there()?;
        let mut strays = notes
            .iter()
            .filter(|number| !uploads.contains(number))
            .peekable();
        if strays.peek().is_some() {
            // Their uploads may come back with a cut, and would stand at 0.
            self.sync(system)?;
            strays.for_each(|number| self.forget(UploadId::new(*number)));
        }
        if is_same {
            return Ok(Vec::new());
        }
        let mut failed = Vec::new();
        for number in uploads {
            let upload = UploadId::new(number);
            let restored = match noted.is_none() && !notes.contains(&number) {
                true => self.trust(upload, system),
                false => self.cut(upload, system),
            };
            if let Err(error) = restored {
                warn!(%error, %upload, "an upload could not be cut back to what is there for certain; it is refused until it can");
                failed.push(upload);
            }
        }
        // What could not be done is tried again by the next start, which must not take this one's word for it.
        let name = boot.filter(|_| failed.is_empty()).unwrap_or_default();
        if let Err(error) = self.note_boot(&name, system) {
            // Whatever stands there now names no run of the machine that goes on.
            warn!(%error, "the next start cuts uploads back to what is there for certain");
        }
        Ok(failed)
    }

    /// What the last start has noted as the run of the machine; `None`: it has noted nothing.
    fn noted_boot(&self) -> io::Result<Option<Vec<u8>>> {
        let mut noted = Vec::new();
        match OpenOptions::new()
            .read(true)
            .custom_flags(flags())
            .open(self.folder.join(BOOT))
        {
            Ok(file) => {
                file.take(BOOT_BYTES_MAX).read_to_end(&mut noted)?;
                Ok(Some(noted))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Torn, or not there after a cut, it names no run of a machine.
    fn note_boot(&self, name: &str, system: &System) -> io::Result<()> {
        let mut options = Self::options();
        options.create(true).truncate(true);
        let mut file = options.open(self.folder.join(BOOT))?;
        file.write_all(name.as_bytes())?;
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

    /// Takes away what an upload has beyond its note.
    fn cut(&self, upload: UploadId, system: &System) -> io::Result<()> {
        let file = self.open_upload(upload)?;
        let (committed, there) = (self.committed(upload)?, file.metadata()?.len());
        if committed <= there {
            return file.set_len(committed);
        }
        // The disk has not kept what it was given: nobody knows what it has of the rest.
        self.take_back(upload, system)?;
        file.set_len(0)
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

/// What each place of a note says; `None`: nothing.
fn said(note: &File, upload: UploadId) -> io::Result<[Option<u64>; 2]> {
    let mut said = [None; 2];
    for (said, place) in said.iter_mut().zip(PLACES) {
        let mut bytes = [0; NOTE_BYTES];
        match note.read_exact_at(&mut bytes, place) {
            Ok(()) => *said = parsed(bytes, upload),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {}
            Err(error) => return Err(error),
        }
    }
    Ok(said)
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
