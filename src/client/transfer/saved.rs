//! Whether a file lies in a folder already, whole, under a name that a download gives it: then a repeat need not fetch it.
//!
//! What lies there is read, so that is done only of what has as many bytes, and can be steered. No link is followed, and
//! what is no regular file of so many bytes is not even opened: a pipe or a device would take note of it.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, FileType, Mode, OFlags, Stat, open, openat, statat},
    io::Errno,
};

use crate::pb;

use super::{blocking, error::TransferError, name, source::hash_of, steering::Steering};

/// Files of as many bytes that are read at the most: where there are more, it is fetched.
const READ_MAX: usize = 8;
/// Names that are looked at.
const NUMBERS_MAX: u32 = 1_000;

/// Where it is; but for these places, which are those of others.
pub async fn saved(
    folder: &Path,
    file: &pb::File,
    but: &[PathBuf],
    steering: &mut Steering,
) -> Result<Option<PathBuf>, TransferError> {
    let (name, size) = (name::for_disk(&file.name), file.size_bytes);
    let look = || {
        let (place, name, but) = (folder.to_owned(), name.clone(), but.to_owned());
        blocking(move || alike(&place, &name, size, &but))
    };
    let alike = steering.through(look).await?;
    let alike = alike.map_err(TransferError::Read)?;
    for (path, there) in alike {
        match hash_of(there, size, steering).await {
            Ok(hash) if hash.0 == *file.blake3 => return Ok(Some(path)),
            Err(TransferError::Cancelled) => return Err(TransferError::Cancelled),
            // Another file, or one that cannot be read.
            Ok(_) | Err(_) => {}
        }
    }
    Ok(None)
}

/// The files of so many bytes under the names of which a download takes the first that is free. Blocks.
fn alike(place: &Path, name: &str, size: u64, but: &[PathBuf]) -> Vec<(PathBuf, File)> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    // What is wrong with the folder is told where it is written to.
    let Ok(folder) = open(place, flags, Mode::empty()) else {
        return Vec::new();
    };
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut found = Vec::new();
    for number in 1..=NUMBERS_MAX {
        let called = match number {
            1 => name.to_owned(),
            _ => name::numbered(name, number),
        };
        let path = place.join(&called);
        match statat(&folder, &called, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(it) if is_regular(&it, size) => {}
            Err(Errno::NOENT) => break,
            Ok(_) | Err(_) => continue,
        }
        let there = match openat(&folder, &called, flags, Mode::empty()) {
            Ok(there) => File::from(there),
            Err(_) => continue,
        };
        // It may have become another meanwhile.
        let metadata = there.metadata();
        let is_alike = metadata.is_ok_and(|it| it.is_file() && it.len() == size);
        if is_alike && !but.contains(&path) {
            found.push((path, there));
        }
        if found.len() >= READ_MAX {
            break;
        }
    }
    found
}

fn is_regular(stat: &Stat, size: u64) -> bool {
    let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    is_file && u64::try_from(stat.st_size) == Ok(size)
}

// What is opened is told by inotify.
#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::mem::MaybeUninit;

    use rustix::fs::inotify::{self, CreateFlags, Reader, WatchFlags};

    use super::*;
    use crate::{client::transfer::steering::steering, domain::file::ContentHash};

    #[tokio::test]
    async fn what_cannot_be_it_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let pipe = rustix::fs::mknodat(rustix::fs::CWD, at("a"), FileType::Fifo, Mode::RUSR, 0);
        pipe.unwrap();
        std::fs::write(at("a (2)"), b"longer").unwrap();
        std::os::unix::fs::symlink("a (4)", at("a (3)")).unwrap();
        std::fs::write(at("a (4)"), b"hello").unwrap();
        let watch = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).unwrap();
        inotify::add_watch(&watch, folder.path(), WatchFlags::OPEN).unwrap();
        let file = pb::File {
            name: "a".to_owned(),
            size_bytes: 5,
            blake3: ContentHash::of(b"hello").0.to_vec().into(),
            ..pb::File::default()
        };
        let (_handle, mut steered) = steering();
        let found = saved(folder.path(), &file, &[], &mut steered).await;
        assert_eq!(found.unwrap(), Some(at("a (4)")));
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = Reader::new(watch, &mut buffer);
        let mut opened = Vec::new();
        while let Ok(event) = events.next() {
            opened.extend(
                event
                    .file_name()
                    .map(|name| name.to_string_lossy().into_owned()),
            );
        }
        assert_eq!(opened, ["a (4)"]);

        let (handle, mut steered) = steering();
        handle.cancel();
        let cancelled = saved(folder.path(), &file, &[], &mut steered).await;
        assert!(matches!(cancelled, Err(TransferError::Cancelled)));
    }
}
