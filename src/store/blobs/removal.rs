//! How files are removed: they lose their name at once, and give their room back in parts, beside what goes on.
//!
//! A disk that is told of all of a file's room at once has no time for others meanwhile: where it is told at all (`discard`),
//! a commit of the store waited up to 20 ms for a file of 64 MB. In parts of 1 MiB it waits about 1 ms.
//!
//! Whoever has the file open still may read bytes of which the room is gone: `is_nameless` tells. What has another name besides
//! keeps its room, as in a backup that is made of links.

use std::{
    collections::VecDeque,
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::Path,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use rustix::fs::OFlags;

/// Bytes that are given back at once.
const PART_BYTES: u64 = 1024 * 1024;
/// Files that wait for it, each with a descriptor. More of them give all of their room back at once.
const WAITING_MAX: usize = 32;

/// A file without a name that still has its room; `None`: there is nothing to give back.
#[must_use]
pub(super) struct Nameless(Option<File>);

/// Whether a file has no name (any more): what is read of it may be no bytes of it.
pub(super) fn is_nameless(file: &File) -> io::Result<bool> {
    Ok(file.metadata()?.nlink() == 0)
}

/// Takes a file its name, if it is there.
pub(super) fn unname(path: &Path) -> io::Result<Nameless> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut options = OpenOptions::new();
    options.write(true).custom_flags(flags.bits().cast_signed());
    // What cannot be opened, as a link, goes as well: all at once.
    let file = options.open(path).ok();
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Nameless(None)),
        removed => removed.map(|()| Nameless(file)),
    }
}

/// The lengths that a file has while it gives its room back.
fn lengths(length: u64) -> impl Iterator<Item = u64> {
    let next = |left: &u64| (*left > 0).then(|| left.saturating_sub(PART_BYTES));
    std::iter::successors(Some(length), next).skip(1)
}

/// Files that give their room back, one after the other.
#[derive(Default)]
pub(super) struct Removal {
    waiting: Mutex<Waiting>,
    /// Bytes that are still to be given back.
    bytes: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    /// Files without a name, and their lengths.
    files: VecDeque<(File, u64)>,
    /// Somebody gives them back.
    is_going: bool,
}

impl Removal {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Nothing panics halfway through a change.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the room of a file given back, by the next `go_on`.
    pub fn add(&self, nameless: Nameless) {
        let Some(file) = nameless.0 else { return };
        let length = match file.metadata() {
            Ok(it) if it.nlink() == 0 => it.len(),
            // It has another name, or nobody knows.
            _ => return,
        };
        let mut waiting = self.waiting();
        if waiting.files.len() < WAITING_MAX {
            waiting.files.push_back((file, length));
            self.bytes.fetch_add(length, Ordering::Relaxed);
        }
    }

    /// Bytes that will be free in a moment.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Something waits that nobody gives back.
    pub fn is_due(&self) -> bool {
        let waiting = self.waiting();
        !waiting.is_going && !waiting.files.is_empty()
    }

    /// Gives back what waits, if nobody else does. It waits for the disk.
    pub fn go_on(&self) {
        let mut waiting = self.waiting();
        if waiting.is_going {
            return;
        }
        while let Some((file, mut length)) = waiting.files.pop_front() {
            waiting.is_going = true;
            drop(waiting);
            for left in lengths(length) {
                if file.set_len(left).is_err() {
                    // The system gives it back when nobody has it open any more.
                    break;
                }
                self.bytes.fetch_sub(length - left, Ordering::Relaxed);
                length = left;
            }
            drop(file);
            self.bytes.fetch_sub(length, Ordering::Relaxed);
            waiting = self.waiting();
        }
        waiting.is_going = false;
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write as _, os::unix::fs::symlink, sync::Arc, time::Duration};

    use bytes::Bytes;
    use tokio::time::timeout;

    use super::*;
    use crate::{
        domain::{file::ContentHash, ids::UploadId},
        store::blobs::{Blobs as _, folder::FolderBlobs},
    };

    const BYTES: usize = 3_500_000;

    /// A file of a few parts, and one to look at it with.
    fn file(path: &Path) -> File {
        let mut file = File::create_new(path).unwrap();
        file.write_all(&vec![7; BYTES]).unwrap();
        File::open(path).unwrap()
    }

    fn remove(path: &Path) {
        let removal = Removal::default();
        removal.add(unname(path).unwrap());
        removal.go_on();
        assert!(!removal.is_due());
    }

    #[test]
    fn it_is_gone_at_once_and_its_room_when_somebody_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let (seen, removal) = (file(&path), Removal::default());
        assert!(!is_nameless(&seen).unwrap());
        removal.add(unname(&path).unwrap());
        assert!(is_nameless(&seen).unwrap() && !path.exists());
        assert_eq!(seen.metadata().unwrap().len(), BYTES as u64);
        assert!(removal.is_due());
        assert_eq!(removal.bytes(), BYTES as u64);
        removal.go_on();
        assert_eq!(seen.metadata().unwrap().len(), 0);
        assert_eq!(removal.bytes(), 0);
        // Nothing is there any more.
        removal.add(unname(&path).unwrap());
        assert!(!removal.is_due());
    }

    #[test]
    fn room_is_given_back_in_parts() {
        let seen: Vec<u64> = lengths(BYTES as u64).collect();
        assert_eq!(seen, [2_451_424, 1_402_848, 354_272, 0]);
        assert_eq!(lengths(0).count(), 0);
    }

    #[test]
    fn so_many_wait_and_however_many_give_them_back() {
        let folder = tempfile::tempdir().unwrap();
        let removal = Removal::default();
        let seen: Vec<File> = (0..WAITING_MAX + 3)
            .map(|index| {
                let path = folder.path().join(index.to_string());
                fs::write(&path, "x").unwrap();
                let seen = File::open(&path).unwrap();
                removal.add(unname(&path).unwrap());
                seen
            })
            .collect();
        assert_eq!(removal.bytes(), WAITING_MAX as u64);
        std::thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| removal.go_on());
            }
        });
        let given = &seen[..WAITING_MAX];
        assert!(given.iter().all(|it| it.metadata().unwrap().len() == 0));
        assert_eq!((removal.bytes(), removal.is_due()), (0, false));
    }

    #[tokio::test]
    async fn whatever_removes_has_the_room_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = FolderBlobs::open(folder.path()).unwrap();
        let content = ContentHash::of(&[7; 100]);
        for (number, ends) in [(1, "kept"), (2, "equal"), (3, "discarded"), (4, "removed")] {
            let upload = UploadId::new(number);
            let mut path = folder.path().join(format!("uploads/{number}"));
            blobs.begin(upload).await.unwrap();
            let pieces = vec![Bytes::from_static(&[7; 100]).into()];
            blobs.append(upload, 0, pieces, Arc::new(())).await.unwrap();
            if ends == "removed" {
                let name = content.to_string();
                path = folder.path().join(format!("blobs/{}/{name}", &name[..2]));
            }
            let seen = File::open(&path).unwrap();
            match ends {
                "kept" | "equal" => blobs.keep(upload, content, 100).await.unwrap(),
                "discarded" => blobs.discard(upload).await.unwrap(),
                _ => blobs.remove(content).await.unwrap(),
            }
            if ends == "kept" {
                assert_eq!(seen.metadata().unwrap().len(), 100);
                continue;
            }
            assert!(is_nameless(&seen).unwrap(), "{ends}");
            let given_back = async {
                while seen.metadata().unwrap().len() > 0 {
                    tokio::task::yield_now().await;
                }
            };
            let given_back = timeout(Duration::from_secs(30), given_back).await;
            assert!(given_back.is_ok(), "{ends}");
        }
    }

    #[test]
    fn what_has_another_name_stays_under_it() {
        let folder = tempfile::tempdir().unwrap();
        let (path, backup) = (folder.path().join("file"), folder.path().join("backup"));
        file(&path);
        fs::hard_link(&path, &backup).unwrap();
        remove(&path);
        assert!(!path.exists());
        assert_eq!(fs::read(&backup).unwrap(), vec![7; BYTES]);
    }

    #[test]
    fn a_link_goes_and_what_it_names_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (path, named) = (folder.path().join("link"), folder.path().join("named"));
        file(&named);
        symlink(&named, &path).unwrap();
        remove(&path);
        assert!(fs::symlink_metadata(&path).is_err());
        assert_eq!(named.metadata().unwrap().len(), BYTES as u64);
    }
}
