//! What is known of uploads under way beside their bytes: the hash of those that came first, and how many are on stable
//! storage. It saves reading a file again to hash it. Nothing here is the only copy: what was forgotten, as after a restart,
//! is hashed from the first byte on.
//!
//! Whoever takes what is known of an upload, changes it and puts it back has the lock of that upload's writing.

use std::{
    collections::HashMap,
    fs::File,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::domain::{file::ContentHash, ids::UploadId};

/// Uploads of which something is known: twice as many as may be on their way at once, so that none of those is forgotten.
/// Each takes 2 KiB.
const KNOWN_MAX: usize = 256;
/// Files of uploads that are held open: a part of the descriptors that are kept for other things than connections.
const OPEN_MAX: usize = 64;

/// The first bytes of an upload.
#[derive(Default)]
pub(super) struct Prefix {
    hasher: blake3::Hasher,
    /// How many are hashed.
    pub hashed: u64,
    /// How many are on stable storage; `None`: nobody knows.
    pub synced: Option<u64>,
    /// How many are noted as such, on stable storage too; `None`: nobody knows.
    pub noted: Option<u64>,
    /// Its file, held open while some are not: if the system fails to write them while nobody has it open, it may forget that
    /// before the next sync asks. Of `OPEN_MAX` uploads only.
    pub unsynced: Option<Arc<File>>,
}

impl Prefix {
    /// Hashes those that come next.
    pub fn add(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.hashed += bytes.len() as u64;
    }

    /// Nothing is known of its bytes any more, but that some may not be on stable storage.
    pub fn unknown(self) -> Self {
        Self {
            unsynced: self.unsynced,
            ..Self::default()
        }
    }

    /// The hash of all so far.
    pub fn hash(&self) -> ContentHash {
        ContentHash(*self.hasher.finalize().as_bytes())
    }
}

/// What is known of each.
#[derive(Default)]
pub(super) struct Prefixes(Mutex<Known>);

#[derive(Default)]
struct Known {
    by_upload: HashMap<UploadId, (u64, Prefix)>,
    /// Counts what was put, so that the one that was put first goes first.
    put: u64,
}

impl Prefixes {
    fn known(&self) -> MutexGuard<'_, Known> {
        // Nothing panics halfway through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many bytes of an upload are on stable storage, if that is known.
    pub fn synced(&self, upload: UploadId) -> Option<u64> {
        let known = self.known();
        known.by_upload.get(&upload)?.1.synced
    }

    /// How many bytes of an upload are noted as being on stable storage, if that is known.
    pub fn noted(&self, upload: UploadId) -> Option<u64> {
        let known = self.known();
        known.by_upload.get(&upload)?.1.noted
    }

    /// Whether the file of an upload is held open.
    #[cfg(test)]
    pub fn is_open(&self, upload: UploadId) -> bool {
        let known = self.known();
        let prefix = known.by_upload.get(&upload);
        prefix.is_some_and(|(_, it)| it.unsynced.is_some())
    }

    /// What is known of an upload, which is forgotten here until it is put back.
    pub fn take(&self, upload: UploadId) -> Option<Prefix> {
        let (_, prefix) = self.known().by_upload.remove(&upload)?;
        Some(prefix)
    }

    /// Keeps it. What was not put for longest is forgotten when there is no room.
    pub fn put(&self, upload: UploadId, prefix: Prefix) {
        let mut known = self.known();
        known.put += 1;
        let put = known.put;
        known.by_upload.insert(upload, (put, prefix));
        if known.by_upload.len() > KNOWN_MAX {
            let first = known.by_upload.iter().min_by_key(|(_, (put, _))| *put);
            if let Some(first) = first.map(|(upload, _)| *upload) {
                known.by_upload.remove(&first);
            }
        }
        let all = known.by_upload.values_mut();
        let mut open: Vec<_> = all.filter(|(_, it)| it.unsynced.is_some()).collect();
        if open.len() > OPEN_MAX
            && let Some((_, first)) = open.iter_mut().min_by_key(|(put, _)| *put)
        {
            first.unsynced = None;
        }
    }

    /// Nothing is known of its bytes any more.
    pub fn forget(&self, upload: UploadId) {
        self.known().by_upload.remove(&upload);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_are_known_and_the_ones_in_use_stay() {
        let prefixes = Prefixes::default();
        let used = UploadId::new(1);
        for number in 1..=3 * KNOWN_MAX as u64 {
            prefixes.put(UploadId::new(number), Prefix::default());
            let mut prefix = prefixes.take(used).unwrap();
            prefix.add(b"x");
            prefixes.put(used, prefix);
        }
        assert_eq!(prefixes.known().by_upload.len(), KNOWN_MAX);
        let prefix = prefixes.take(used).unwrap();
        assert_eq!(prefix.hashed, 3 * KNOWN_MAX as u64);
        assert_eq!(prefix.hash(), ContentHash::of(&[b'x'; 3 * KNOWN_MAX]));
        assert!(prefixes.take(UploadId::new(2)).is_none());
    }

    #[test]
    fn so_many_files_are_open_and_those_in_use_stay() {
        let (prefixes, used) = (Prefixes::default(), UploadId::new(1));
        let file = Arc::new(tempfile::tempfile().unwrap());
        for number in 2..=3 * OPEN_MAX as u64 {
            for upload in [used, UploadId::new(number)] {
                let mut prefix = prefixes.take(upload).unwrap_or_default();
                prefix.unsynced = Some(Arc::clone(&file));
                prefixes.put(upload, prefix);
            }
        }
        assert_eq!(Arc::strong_count(&file), OPEN_MAX + 1);
        assert!(prefixes.take(used).unwrap().unsynced.is_some());
        assert!(prefixes.take(UploadId::new(2)).unwrap().unsynced.is_none());
    }
}
