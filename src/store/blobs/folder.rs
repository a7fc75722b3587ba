//! Bytes of files in a folder beside the store: `uploads/NUMBER` while they come, then `blobs/aa/aabb…` by their BLAKE3.
//!
//! Every call opens what it needs and closes it again, in a thread that may wait for the disk: nothing is held between two
//! calls. The length of an upload's file is where it stands; it grows by whole writes, and the whole is hashed as it lies
//! there before it gets its place. Links are not followed, and nothing but this process writes here.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use rustix::fs::{OFlags, statvfs};
use tokio::sync::Semaphore;

use super::{Answer, BlobError, Blobs, Checked, HEAD_BYTES, Hold, PIECE_BYTES_MAX};
use crate::domain::{file::ContentHash, ids::UploadId};

/// Room that files leave on their disk, so that the store there can still write: this much,
const RESERVE_BYTES: u64 = 256 * 1024 * 1024;
/// or this part of the disk, if that is less.
const RESERVE_PART: u64 = 4;
/// Bytes of an upload that may wait to be written by the system: a sync of the store beside it may have to wait for them.
const UNSYNCED_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Locks for the writing of uploads: each stands for every 64th of them.
const STRIPES: usize = 64;
/// Pieces of work that run at once: the store's reads and all that hashes share the threads with them, and a disk is no
/// faster with more.
const JOBS: usize = 16;
/// Bytes that are read at once to hash a content.
const HASHED_AT_ONCE: usize = 256 * 1024;

/// A folder with the bytes of files.
#[derive(Clone)]
pub struct FolderBlobs {
    places: Arc<Places>,
    jobs: Arc<Semaphore>,
}

struct Places {
    uploads: PathBuf,
    blobs: PathBuf,
    /// Held while the file of an upload changes: a caller that goes away leaves its work running, and the next one must not
    /// write between its look at where the upload stands and its bytes.
    writing: [Mutex<()>; STRIPES],
    /// Brings a file or a folder to stable storage. Tests have one that fails.
    sync: SyncFile,
}

type SyncFile = fn(&File) -> io::Result<()>;

impl FolderBlobs {
    /// Opens the place in the folder of a store, making it if need be. Others may not look into it.
    pub fn open(folder: &Path) -> io::Result<Self> {
        Self::with(folder, File::sync_all)
    }

    fn with(folder: &Path, sync: SyncFile) -> io::Result<Self> {
        let places = Places {
            uploads: folder.join("uploads"),
            blobs: folder.join("blobs"),
            writing: std::array::from_fn(|_| Mutex::default()),
            sync,
        };
        for place in [&places.uploads, &places.blobs] {
            make_folder(place)?;
        }
        places.sync_folder(folder)?;
        Ok(Self {
            places: Arc::new(places),
            jobs: Arc::new(Semaphore::new(JOBS)),
        })
    }

    /// Does something where it may wait for the disk.
    fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Places) -> Result<T, BlobError> + Send + 'static,
    ) -> Answer<'_, Result<T, BlobError>> {
        let (places, jobs) = (Arc::clone(&self.places), Arc::clone(&self.jobs));
        Box::pin(async move {
            let permit = jobs.acquire_owned().await;
            let permit = permit.map_err(|error| BlobError::Failed(error.to_string()))?;
            let done = tokio::task::spawn_blocking(move || {
                let done = work(&places);
                // Here rather than with the caller, who may be gone by now: the work still ran.
                drop(permit);
                done
            });
            match done.await {
                Ok(done) => done,
                // Only the end of the program takes work back: there is nobody left to tell.
                Err(ended) if ended.is_cancelled() => std::future::pending().await,
                Err(ended) => Err(BlobError::Failed(ended.to_string())),
            }
        })
    }
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

fn flags() -> i32 {
    OFlags::NOFOLLOW.bits().cast_signed()
}

fn open_to_read(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(flags())
        .open(path)
}

fn open_to_append(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .custom_flags(flags())
        .open(path)
}

/// Removes a file, if it is there.
fn remove(path: &Path) -> Result<(), BlobError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => Ok(removed?),
    }
}

impl Places {
    /// Nobody else changes this upload until it is dropped.
    fn writing(&self, upload: UploadId) -> MutexGuard<'_, ()> {
        let stripe = usize::try_from(upload.number()).unwrap_or_default() % STRIPES;
        self.writing[stripe]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn upload(&self, upload: UploadId) -> PathBuf {
        self.uploads.join(upload.number().to_string())
    }

    /// Brings what a folder lists to stable storage.
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        (self.sync)(&File::open(folder)?)
    }

    /// Brings an upload's bytes to stable storage. After a failure nobody knows which of them are there, and the next sync
    /// would not tell: the upload begins anew.
    fn synced(&self, file: &File) -> Result<(), BlobError> {
        (self.sync)(file).or_else(|error| {
            file.set_len(0)?;
            Err(error.into())
        })
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
        let disk = statvfs(&self.uploads).map_err(io::Error::from)?;
        let all = disk.f_blocks.saturating_mul(disk.f_frsize);
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        let reserve = RESERVE_BYTES.min(all / RESERVE_PART);
        match free >= reserve.saturating_add(bytes) {
            true => Ok(()),
            false => Err(BlobError::Full),
        }
    }

    fn begin(&self, upload: UploadId) -> Result<(), BlobError> {
        let _writing = self.writing(upload);
        self.check_room(0)?;
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .custom_flags(flags())
            .open(self.upload(upload))?;
        Ok(self.sync_folder(&self.uploads)?)
    }

    fn written(&self, upload: UploadId) -> Result<Option<u64>, BlobError> {
        match fs::symlink_metadata(self.upload(upload)) {
            Ok(found) => Ok(Some(found.len())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn append(&self, upload: UploadId, offset: u64, pieces: &[Bytes]) -> Result<u64, BlobError> {
        let _writing = self.writing(upload);
        let mut file = open_to_append(&self.upload(upload))?;
        let stands = file.metadata()?.len();
        if stands != offset {
            return Err(BlobError::Offset(stands));
        }
        let bytes: usize = pieces.iter().map(Bytes::len).sum();
        self.check_room(bytes as u64)?;
        for piece in pieces {
            if let Err(error) = file.write_all(piece) {
                // Part of it may be there. It is taken back, so that the upload stands where its sender believes.
                file.set_len(stands)?;
                return Err(error.into());
            }
        }
        let now = stands + bytes as u64;
        if now / UNSYNCED_BYTES_MAX > stands / UNSYNCED_BYTES_MAX {
            self.synced(&file)?;
        }
        Ok(now)
    }

    fn uploads(&self) -> Result<Vec<UploadId>, BlobError> {
        let mut uploads = Vec::new();
        for entry in fs::read_dir(&self.uploads)? {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.parse().ok());
            uploads.extend(number.map(UploadId::new));
        }
        Ok(uploads)
    }

    fn flush(&self, upload: UploadId) -> Result<(), BlobError> {
        let _writing = self.writing(upload);
        self.synced(&open_to_append(&self.upload(upload))?)
    }

    fn check(&self, upload: UploadId) -> Result<Option<Checked>, BlobError> {
        let mut file = match open_to_read(&self.upload(upload)) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; HASHED_AT_ONCE];
        let (mut size, mut head) = (0, Vec::new());
        loop {
            let count = match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            let bytes = &buffer[..count];
            hasher.update(bytes);
            let wanted = HEAD_BYTES - head.len();
            head.extend_from_slice(&bytes[..wanted.min(count)]);
            size += count as u64;
        }
        Ok(Some(Checked {
            size,
            hash: ContentHash(*hasher.finalize().as_bytes()),
            head: head.into(),
        }))
    }

    fn keep(&self, upload: UploadId, content: ContentHash, size: u64) -> Result<(), BlobError> {
        let from = self.upload(upload);
        let (folder, to) = self.content(content);
        // Before the stripe is taken, for which others wait: nearly all of the time goes here.
        let file = open_to_append(&from)?;
        let synced = (self.sync)(&file);
        let _writing = self.writing(upload);
        if let Err(error) = synced {
            file.set_len(0)?;
            return Err(error.into());
        }
        let there = file.metadata()?.len();
        if there != size {
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
            fs::remove_file(&from)?;
            return Ok(self.sync_folder(&self.uploads)?);
        }
        fs::rename(&from, &to)?;
        // What may not be there after a cut is taken back: a later sync would not tell.
        self.sync_folder(&folder).or_else(|error| {
            fs::rename(&to, &from)?;
            Err(error)
        })?;
        Ok(self.sync_folder(&self.uploads)?)
    }

    fn settle(&self, content: ContentHash) -> Result<Option<u64>, BlobError> {
        let (folder, path) = self.content(content);
        let file = match open_to_read(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        (self.sync)(&file)?;
        self.sync_folder(&folder)?;
        Ok(Some(file.metadata()?.len()))
    }

    fn contents(&self, first: u8) -> Result<Vec<ContentHash>, BlobError> {
        let entries = match fs::read_dir(self.blobs.join(format!("{first:02x}"))) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let mut contents = Vec::new();
        for entry in entries {
            let name = entry?.file_name();
            let named = name
                .to_str()
                .and_then(|name| blake3::Hash::from_hex(name).ok());
            contents.extend(named.map(|hash| ContentHash(*hash.as_bytes())));
        }
        Ok(contents)
    }

    fn remove(&self, content: ContentHash) -> Result<(), BlobError> {
        let (folder, path) = self.content(content);
        match fs::remove_file(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            removed => removed?,
        }
        match self.sync_folder(&folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            synced => Ok(synced?),
        }
    }

    fn size(&self, content: ContentHash) -> Result<Option<u64>, BlobError> {
        match fs::symlink_metadata(self.content(content).1) {
            Ok(found) => Ok(Some(found.len())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn read(&self, content: ContentHash, offset: u64, max: usize) -> Result<Bytes, BlobError> {
        let mut file = open_to_read(&self.content(content).1)?;
        file.seek(SeekFrom::Start(offset))?;
        let max = max.min(PIECE_BYTES_MAX);
        let mut bytes = Vec::with_capacity(max);
        file.take(max as u64).read_to_end(&mut bytes)?;
        Ok(bytes.into())
    }
}

impl Blobs for FolderBlobs {
    fn begin(&self, upload: UploadId) -> Answer<'_, Result<(), BlobError>> {
        self.run(move |places| places.begin(upload))
    }

    fn written(&self, upload: UploadId) -> Answer<'_, Result<Option<u64>, BlobError>> {
        self.run(move |places| places.written(upload))
    }

    fn append(
        &self,
        upload: UploadId,
        offset: u64,
        pieces: Vec<Bytes>,
        hold: Hold,
    ) -> Answer<'_, Result<u64, BlobError>> {
        self.run(move |places| {
            let _hold = hold;
            places.append(upload, offset, &pieces)
        })
    }

    fn flush(&self, upload: UploadId, hold: Hold) -> Answer<'_, Result<(), BlobError>> {
        self.run(move |places| {
            let _hold = hold;
            places.flush(upload)
        })
    }

    fn check(
        &self,
        upload: UploadId,
        hold: Hold,
    ) -> Answer<'_, Result<Option<Checked>, BlobError>> {
        self.run(move |places| {
            let _hold = hold;
            places.check(upload)
        })
    }

    fn keep(
        &self,
        upload: UploadId,
        content: ContentHash,
        size: u64,
    ) -> Answer<'_, Result<(), BlobError>> {
        self.run(move |places| places.keep(upload, content, size))
    }

    fn settle(&self, content: ContentHash) -> Answer<'_, Result<Option<u64>, BlobError>> {
        self.run(move |places| places.settle(content))
    }

    fn uploads(&self) -> Answer<'_, Result<Vec<UploadId>, BlobError>> {
        self.run(Places::uploads)
    }

    fn discard(&self, upload: UploadId) -> Answer<'_, Result<(), BlobError>> {
        self.run(move |places| {
            let _writing = places.writing(upload);
            remove(&places.upload(upload))
        })
    }

    fn size(&self, content: ContentHash) -> Answer<'_, Result<Option<u64>, BlobError>> {
        self.run(move |places| places.size(content))
    }

    fn read(
        &self,
        content: ContentHash,
        offset: u64,
        max: usize,
        hold: Hold,
    ) -> Answer<'_, Result<Bytes, BlobError>> {
        self.run(move |places| {
            let _hold = hold;
            places.read(content, offset, max)
        })
    }

    fn contents(&self, first: u8) -> Answer<'_, Result<Vec<ContentHash>, BlobError>> {
        self.run(move |places| places.contents(first))
    }

    fn remove(&self, content: ContentHash) -> Answer<'_, Result<(), BlobError>> {
        self.run(move |places| places.remove(content))
    }
}

#[cfg(test)]
#[path = "folder_tests.rs"]
mod tests;
