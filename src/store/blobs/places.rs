//! What is done to the folder in which the bytes of files lie: `uploads/NUMBER` while they come, then `blobs/aa/aabb…` by
//! their BLAKE3. Every call opens what it needs; only the file of an upload stays open, while some of it is not on stable storage.
//!
//! The length of an upload's file is where it stands; after a power cut it is cut back to what was committed (`notes`). It grows
//! by whole writes, which are hashed as they come: what was not, as before a restart, is hashed as it lies there before the whole
//! gets its place. Links are not followed, and nothing but this process writes here.
//!
//! All of it may wait for the disk: it knows nothing of tasks, and belongs on threads of its own (`folder`). `begin`, `commit`,
//! `advance`, `make_way` and `keep` are for whoever has the upload's `syncing` there; it is taken before `writing`.

mod contents;

use std::{
    collections::HashSet,
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Read as _, Seek as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rustix::fs::{OFlags, statvfs};
use tracing::warn;

use super::{
    BlobError, Checked, HEAD_BYTES, Piece, advice,
    notes::{self, Notes},
    pieces,
    prefixes::Prefixes,
    removal::{Removal, is_nameless, unname},
};
use crate::domain::{file::ContentHash, ids::UploadId};

/// Room that files leave on their disk, so that the store there can still write: this much,
const RESERVE_BYTES: u64 = 256 * 1024 * 1024;
/// or this part of the disk, if that is less.
const RESERVE_PART: u64 = 4;
/// Most bytes of an upload that may not be on stable storage, whatever becomes of those who brought them; or those of one
/// call, if they are more. A sync of the store beside it may have to wait for them.
pub(super) const UNSYNCED_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Bytes of an upload after which it is noted that they are there though nobody waits for it: a power cut takes no more from a
/// long call, and what was not synced yet. A note is a sync of its own.
pub(super) const NOTED_AFTER: u64 = 16 * 1024 * 1024;
/// Locks for uploads: each stands for every 64th of them.
pub(super) const STRIPES: usize = 64;
/// Bytes that are read at once to hash what lies there.
const HASHED_AT_ONCE: usize = 256 * 1024;
/// Bytes that are hashed before others have a turn, and before it is looked whether somebody still waits for it.
const HASHED_IN_TURN: u64 = 8 * 1024 * 1024;

/// The folder of the bytes.
pub(super) struct Places {
    uploads: PathBuf,
    blobs: PathBuf,
    /// Held while the file of an upload changes: a caller that goes away leaves its work running, and the next one must not
    /// write between its look at where the upload stands and its bytes.
    writing: [Mutex<()>; STRIPES],
    pub prefixes: Prefixes,
    pub notes: Notes,
    /// Uploads whose sync has failed, and whose bytes could not be taken away then: the next sync would be believed, though
    /// some of them may not be there after a cut. And those that the start could not cut back to their notes. Empty but where
    /// a disk fails. A kill leaves the former to the next process, which believes them as long as the machine runs.
    lost: Mutex<HashSet<UploadId>>,
    /// What was removed, and has its room still.
    pub removal: Removal,
    system: System,
}

/// What of a system can fail in ways that matter here. Tests have some that do.
pub(super) struct System {
    /// Brings a file or a folder to stable storage.
    pub sync: fn(&File) -> io::Result<()>,
    /// Takes away all bytes of a file but so many.
    pub cut: fn(&File, u64) -> io::Result<()>,
    /// Which run of the machine this is; `None`: it does not tell.
    pub boot: fn() -> Option<String>,
    /// How much room there is on the disk of a folder.
    pub room: fn(&Path) -> io::Result<Room>,
}

/// Bytes of a disk: in all, and free for this process.
pub(super) struct Room {
    pub all: u64,
    pub free: u64,
}

impl System {
    /// The one that there is.
    pub const REAL: Self = Self {
        sync: File::sync_all,
        cut: File::set_len,
        boot: notes::boot,
        room: |folder| {
            let disk = statvfs(folder).map_err(io::Error::from)?;
            let of = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
            Ok(Room {
                all: of(disk.f_blocks),
                free: of(disk.f_bavail),
            })
        },
    };
}

/// What has become of bytes that came.
pub(super) enum Appended {
    /// They are there: the upload stands here, and so many of its bytes may not be on stable storage.
    Written { stands: u64, unsynced: u64 },
    /// None of them is there: too many before them may not be on stable storage.
    Waits,
}

/// What one turn of hashing has come to.
pub(super) enum Turn {
    /// There is more.
    More,
    /// That was all.
    Whole(Checked),
}

impl From<io::Error> for BlobError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                Self::Full
            }
            ErrorKind::NotFound => Self::Gone,
            _ => Self::Failed(error.to_string()),
        }
    }
}

/// Makes a folder and answers whether it is new.
fn make_folder(folder: &Path) -> io::Result<bool> {
    match fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        made => made.map(|()| true),
    }
}

pub(super) fn flags() -> i32 {
    OFlags::NOFOLLOW.bits().cast_signed()
}

/// Makes an empty file, of one that is there too, and answers whether it is new.
fn make_file(path: &Path) -> io::Result<bool> {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600).custom_flags(flags());
    match options.clone().create_new(true).open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            options.truncate(true).open(path).map(|_| false)
        }
        made => made.map(|_| true),
    }
}

fn open_to_read(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(flags())
        .open(path)
}

/// How many bytes there are.
pub(super) fn bytes_of(pieces: &[Piece]) -> u64 {
    pieces.iter().map(|piece| piece.bytes.len() as u64).sum()
}

/// Which lock is that of an upload.
pub(super) fn stripe(upload: UploadId) -> usize {
    usize::try_from(upload.number()).unwrap_or_default() % STRIPES
}

impl Places {
    /// Opens it in the folder of a store, making it if need be. Others may not look into it.
    pub fn open(folder: &Path, system: System) -> io::Result<Self> {
        let places = Self {
            notes: Notes::new(folder.join("uploads")),
            uploads: folder.join("uploads"),
            blobs: folder.join("blobs"),
            writing: std::array::from_fn(|_| Mutex::default()),
            prefixes: Prefixes::default(),
            lost: Mutex::default(),
            removal: Removal::default(),
            system,
        };
        for place in [&places.uploads, &places.blobs] {
            make_folder(place)?;
        }
        places.sync_folder(folder)?;
        let failed = places.notes.restore(&places.system)?;
        places.lost().extend(failed);
        Ok(places)
    }

    /// Nobody else changes this upload until it is dropped.
    pub fn writing(&self, upload: UploadId) -> MutexGuard<'_, ()> {
        let lock = self.writing[stripe(upload)].lock();
        // It guards no value that could be half changed.
        lock.unwrap_or_else(PoisonError::into_inner)
    }

    fn upload(&self, upload: UploadId) -> PathBuf {
        self.uploads.join(notes::number_name(upload))
    }

    fn lost(&self) -> MutexGuard<'_, HashSet<UploadId>> {
        // Nothing panics halfway through a change.
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens an upload to read and to append. Of one that is lost only what is noted is to be seen, or it is refused. For
    /// whoever has `writing`.
    fn open_upload(&self, upload: UploadId) -> Result<File, BlobError> {
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .custom_flags(flags())
            .open(self.upload(upload))?;
        if self.lost().contains(&upload) {
            self.take_away(upload, &file).map_err(|error| {
                let what = "an upload could neither be synced nor cut back to what is there";
                BlobError::Failed(format!("{what}: {error}"))
            })?;
            self.lost().remove(&upload);
        }
        Ok(file)
    }

    /// Takes away those bytes of an upload of which nobody knows whether they are there: all beyond its note.
    fn take_away(&self, upload: UploadId, file: &File) -> io::Result<()> {
        if self.notes.committed(upload)? == 0 {
            // To take it back may have failed, and the disk would say what it said.
            self.notes.take_back(upload, &self.system)?;
        }
        self.notes.cut(upload, file, &self.system)
    }

    /// Brings what a folder lists to stable storage.
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        (self.system.sync)(&File::open(folder)?)
    }

    /// The folder of a content and the content in it.
    fn content(&self, content: ContentHash) -> (PathBuf, PathBuf) {
        let name = content.to_string();
        let folder = self.blobs.join(&name[..2]);
        let path = folder.join(name);
        (folder, path)
    }

    /// Refuses what would leave the store beside it too little room.
    fn check_room(&self, bytes: u64) -> Result<(), BlobError> {
        let disk = (self.system.room)(&self.uploads)?;
        // What was removed is free in a moment.
        let free = disk.free.saturating_add(self.removal.bytes());
        let reserve = RESERVE_BYTES.min(disk.all / RESERVE_PART);
        match free >= reserve.saturating_add(bytes) {
            true => Ok(()),
            false => Err(BlobError::Full),
        }
    }

    /// For whoever has `syncing`: what a sync has brought there that began before is not what comes now.
    pub fn begin(&self, upload: UploadId) -> Result<(), BlobError> {
        let writing = self.writing(upload);
        self.prefixes.forget(upload);
        let path = self.upload(upload);
        // One that begins anew gives room back.
        if fs::symlink_metadata(&path).is_err() {
            self.check_room(0)?;
        }
        let notes_anew = self.notes.begin(upload, &self.system)?;
        let forget = || {
            if notes_anew {
                self.notes.forget(upload);
            }
        };
        let is_new = make_file(&path).inspect_err(|_| forget())?;
        self.lost().remove(&upload);
        // Whoever writes to this upload, or to another of the same lock, does not wait for the folder (but for a note that is
        // taken back).
        drop(writing);
        if let Err(error) = self.sync_folder(&self.uploads) {
            // Nobody is told of a new one. One that was there before is there still, and stands at 0.
            forget();
            if is_new {
                self.removal.add(unname(&path)?);
            }
            return Err(error.into());
        }
        Ok(())
    }

    pub fn written(&self, upload: UploadId) -> Result<Option<u64>, BlobError> {
        // Half a batch may be taken back.
        let _writing = self.writing(upload);
        match self.open_upload(upload) {
            Ok(file) => Ok(Some(file.metadata()?.len())),
            Err(BlobError::Gone) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// How many bytes of an upload may not be on stable storage when so many have come; `None`: too many.
    fn unsynced(&self, upload: UploadId, stands: u64, more: u64) -> Option<u64> {
        // What nobody knows to be there may not be.
        let before = stands.saturating_sub(self.prefixes.synced(upload).unwrap_or_default());
        let then = before + more;
        (before == 0 || then <= UNSYNCED_BYTES_MAX).then_some(then)
    }

    /// Adds bytes, unless too many may not be on stable storage then. That is looked at here, where it is done whoever still
    /// waits for it: a peer that resets each of its calls would else bring more and more.
    pub fn append(
        &self,
        upload: UploadId,
        offset: u64,
        pieces: &[Piece],
    ) -> Result<Appended, BlobError> {
        if !pieces.iter().all(Piece::is_whole) {
            return Err(BlobError::Garbled);
        }
        let writing = self.writing(upload);
        let mut file = self.open_upload(upload)?;
        let stands = file.metadata()?.len();
        if stands != offset {
            return Err(BlobError::Offset(stands));
        }
        let bytes = bytes_of(pieces);
        let Some(unsynced) = self.unsynced(upload, stands, bytes) else {
            return Ok(Appended::Waits);
        };
        self.check_room(bytes)?;
        let known = self.prefixes.take(upload).filter(|_| stands > 0);
        let mut prefix = known.unwrap_or_default();
        for piece in pieces {
            if let Err(error) = file.write_all(&piece.bytes) {
                // What lies there is hashed later.
                self.prefixes.put(upload, prefix.unknown());
                // Part of it may be there. It is taken back, so that the upload stands where its sender believes.
                file.set_len(stands)?;
                return Err(error.into());
            }
        }
        if prefix.hashed == stands {
            pieces.iter().for_each(|piece| prefix.add(&piece.bytes));
        }
        let file = Arc::new(file);
        prefix.unsynced.get_or_insert_with(|| Arc::clone(&file));
        let synced = prefix.synced.unwrap_or_default();
        self.prefixes.put(upload, prefix);
        drop(writing);
        advice::write_soon(&file, synced, stands, stands + bytes);
        let stands = stands + bytes;
        Ok(Appended::Written { stands, unsynced })
    }

    pub fn discard(&self, upload: UploadId) -> Result<(), BlobError> {
        let writing = self.writing(upload);
        self.prefixes.forget(upload);
        let nameless = unname(&self.upload(upload))?;
        self.notes.forget(upload);
        self.lost().remove(&upload);
        drop(writing);
        self.removal.add(nameless);
        Ok(())
    }

    pub fn uploads(&self) -> Result<Vec<UploadId>, BlobError> {
        let mut uploads = Vec::new();
        for entry in fs::read_dir(&self.uploads)? {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.parse().ok());
            uploads.extend(number.map(UploadId::new));
        }
        Ok(uploads)
    }

    /// Brings an upload's bytes to stable storage, notes how many are there for certain, and answers it.
    pub fn commit(&self, upload: UploadId) -> Result<u64, BlobError> {
        let synced = self.flush(upload)?;
        if synced > 0 && self.prefixes.noted(upload) != Some(synced) {
            self.note(upload, synced)?;
        }
        Ok(synced)
    }

    /// Brings an upload's bytes to stable storage, and notes it now and then: nobody is told of it.
    pub fn advance(&self, upload: UploadId) -> Result<(), BlobError> {
        let synced = self.flush(upload)?;
        let noted = self.prefixes.noted(upload).unwrap_or_default();
        match synced.saturating_sub(noted) >= NOTED_AFTER {
            true => self.note(upload, synced),
            false => Ok(()),
        }
    }

    /// Notes how many bytes of an upload are on stable storage. For whoever has `syncing`, and who has just synced them.
    fn note(&self, upload: UploadId, synced: u64) -> Result<(), BlobError> {
        let writing = self.writing(upload);
        // One that was discarded meanwhile gets no note.
        fs::symlink_metadata(self.upload(upload))?;
        let note = self.notes.open(upload, &self.system)?;
        drop(writing);
        notes::write(&note, upload, synced, &self.system)?;
        let _writing = self.writing(upload);
        if let Some(mut prefix) = self.prefixes.take(upload) {
            prefix.noted = Some(synced);
            self.prefixes.put(upload, prefix);
        }
        Ok(())
    }

    /// Brings an upload's bytes to stable storage, if they are not known to be there. After a failure nobody knows which of
    /// them are, and the next sync would not tell: the upload goes back to its note. Answers how many are there for certain: what
    /// comes meanwhile is not among them. For whoever has `syncing`.
    fn flush(&self, upload: UploadId) -> Result<u64, BlobError> {
        let writing = self.writing(upload);
        let file = self.open_upload(upload)?;
        let stood = file.metadata()?.len();
        if self.prefixes.synced(upload) == Some(stood) {
            return Ok(stood);
        }
        drop(writing);
        // Without `writing`: more may come, and nearly all of the time goes here.
        let synced = (self.system.sync)(&file);
        let writing = self.writing(upload);
        if is_nameless(&file).unwrap_or(false) {
            // It was discarded meanwhile: nothing is known of it any more.
            return Err(BlobError::Gone);
        }
        if let Err(error) = synced {
            self.prefixes.forget(upload);
            if let Err(stays) = self.take_away(upload, &file) {
                warn!(error = %stays, %upload, "an upload that could not be synced could not be cut back to what is there either; it is refused until it can");
                self.lost().insert(upload);
            }
            return Err(error.into());
        }
        let is_all = file.metadata()?.len() == stood;
        // Of one that was forgotten this much is known again.
        let mut prefix = self.prefixes.take(upload).unwrap_or_default();
        let before = prefix.synced.replace(stood).unwrap_or_default();
        prefix.unsynced = prefix.unsynced.filter(|_| !is_all);
        self.prefixes.put(upload, prefix);
        drop(writing);
        advice::let_go(&file, before, stood);
        Ok(stood)
    }

    /// Sees that so many bytes may come. Whoever has waited for `syncing` may find that another's sync has done it. For
    /// whoever has `syncing`.
    pub fn make_way(&self, upload: UploadId, bytes: u64) -> Result<(), BlobError> {
        let stands = self.written(upload)?.ok_or(BlobError::Gone)?;
        match self.unsynced(upload, stands, bytes) {
            Some(_) => Ok(()),
            None => self.flush(upload).map(drop),
        }
    }

    /// Goes on to hash an upload, for one turn.
    pub fn check(&self, upload: UploadId) -> Result<Option<Turn>, BlobError> {
        let _writing = self.writing(upload);
        let mut file = match self.open_upload(upload) {
            Ok(file) => file,
            Err(BlobError::Gone) => return Ok(None),
            Err(error) => return Err(error),
        };
        let size = file.metadata()?.len();
        let known = self.prefixes.take(upload);
        let mut prefix = known
            .filter(|prefix| prefix.hashed <= size)
            .unwrap_or_default();
        let end = size.min(prefix.hashed + HASHED_IN_TURN);
        if prefix.hashed < end {
            let mut part = Vec::new();
            while prefix.hashed < end {
                let left = usize::try_from(end - prefix.hashed).unwrap_or(HASHED_AT_ONCE);
                part.clear();
                let read = pieces::fill(&file, prefix.hashed, left.min(HASHED_AT_ONCE), &mut part);
                let read = read.and_then(|()| match part.is_empty() {
                    true => Err(ErrorKind::UnexpectedEof.into()),
                    false => Ok(()),
                });
                if let Err(error) = read {
                    self.prefixes.put(upload, prefix.unknown());
                    return Err(error.into());
                }
                prefix.add(&part);
            }
        }
        let turn = match prefix.hashed == size {
            true => {
                let mut head = Vec::new();
                file.rewind()?;
                file.take(HEAD_BYTES as u64).read_to_end(&mut head)?;
                Turn::Whole(Checked {
                    size,
                    hash: prefix.hash(),
                    head: head.into(),
                })
            }
            false => Turn::More,
        };
        self.prefixes.put(upload, prefix);
        Ok(Some(turn))
    }

    /// For whoever has `syncing`.
    pub fn keep(&self, upload: UploadId, content: ContentHash, size: u64) -> Result<(), BlobError> {
        let from = self.upload(upload);
        let (folder, to) = self.content(content);
        // After a cut it may be back where it was, and whoever asked in between was told that all of it is there.
        let synced = self.commit(upload)?;
        let writing = self.writing(upload);
        let there = self.open_upload(upload)?.metadata()?.len();
        // As many as were checked may be others: a sync has failed since, and it was brought anew. And what came while the
        // rest was synced may not be there after a cut.
        let prefix = self.prefixes.take(upload).unwrap_or_default();
        let is_it = prefix.hashed == size && prefix.hash() == content;
        if there != size || synced != size || !is_it {
            self.prefixes.put(upload, prefix.unknown());
            return Err(BlobError::Offset(there));
        }
        let is_new = make_folder(&folder)?;
        if let Err(error) = self.sync_folder(&self.blobs) {
            // A new folder that may not be there after a cut goes again, so that the next call makes it anew.
            if is_new {
                fs::remove_dir(&folder)?;
            }
            return Err(error.into());
        }
        if self.settle(content)? == Some(size) {
            // Such bytes lie there: others have them, and they stay as they are.
            let nameless = unname(&from)?;
            drop(writing);
            // If its name were there after a cut and only a part of its bytes, the upload would stand where it no longer stood.
            match self.sync_folder(&self.uploads) {
                Ok(()) => {
                    // Were the note gone before, and the upload still there after a cut, it would stand at 0.
                    self.notes.forget(upload);
                    self.removal.add(nameless);
                }
                Err(error) => {
                    warn!(%error, %upload, "that an upload is gone may not be so after a cut; its row says it then");
                }
            }
            return Ok(());
        }
        fs::rename(&from, &to)?;
        // What may not be there after a cut is taken back: a later sync would not tell. And where a file system has no journal the
        // old name may come back: of the same bytes, which an upload that nobody knows would take with it.
        let synced = self.sync_folder(&folder);
        let synced = synced.and_then(|()| self.sync_folder(&self.uploads));
        synced.or_else(|error| {
            fs::rename(&to, &from)?;
            Err(error)
        })?;
        self.notes.forget(upload);
        Ok(())
    }
}
