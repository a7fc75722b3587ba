//! How files are removed: they lose their name at once, and give their room back in parts.
//!
//! A disk that is told of all of a file's room at once has no time for others meanwhile: where it is told at all (`discard`),
//! a commit of the store waited up to 20 ms for a file of 64 MB. In parts of 1 MiB it waits about 1 ms.
//!
//! Whoever has the file open still may read bytes of which the room is gone: `is_nameless` tells.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::Path,
    sync::{Mutex, PoisonError},
};

use rustix::fs::OFlags;

/// Bytes that are given back at once.
const GIVEN_BACK_AT_ONCE: u64 = 1024 * 1024;

/// Gives back the room of files, a part of one after a part of another.
#[derive(Default)]
pub(super) struct Removal(Mutex<()>);

/// A file without a name that still has its room; `None`: there is nothing to give back.
#[must_use]
pub(super) struct Nameless(Option<File>);

/// Whether a file has no name (any more): what is read of it may be no bytes of it.
pub(super) fn is_nameless(file: &File) -> bool {
    file.metadata().is_ok_and(|it| it.nlink() == 0)
}

/// Takes a file its name, if it is there.
pub(super) fn unname(path: &Path) -> io::Result<Nameless> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    // What cannot be opened, as a link, goes as well: all at once.
    let file = OpenOptions::new()
        .write(true)
        .custom_flags(flags)
        .open(path)
        .ok();
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Nameless(None)),
        removed => removed.map(|()| Nameless(file)),
    }
}

impl Removal {
    /// Gives the room of a file back. One that has another name besides keeps it, as in a backup that is made of links.
    pub fn give_back(&self, nameless: Nameless) {
        let Some(file) = nameless.0.filter(is_nameless) else {
            return;
        };
        let mut left = file.metadata().map_or(0, |it| it.len());
        while left > 0 {
            left = left.saturating_sub(GIVEN_BACK_AT_ONCE);
            // It guards no value.
            let _turn = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if file.set_len(left).is_err() {
                // The system does it when nobody has it open any more.
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write as _, os::unix::fs::symlink};

    use super::*;

    /// A file of a few parts, and one to look at it with.
    fn file(path: &Path) -> File {
        let mut file = File::create_new(path).unwrap();
        file.write_all(&vec![7; 3_500_000]).unwrap();
        File::open(path).unwrap()
    }

    #[test]
    fn it_is_gone_at_once_and_its_room_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let seen = file(&path);
        assert!(!is_nameless(&seen));
        let nameless = unname(&path).unwrap();
        assert!(is_nameless(&seen) && !path.exists());
        assert_eq!(seen.metadata().unwrap().len(), 3_500_000);
        Removal::default().give_back(nameless);
        assert_eq!(seen.metadata().unwrap().len(), 0);
        // Nothing is there any more.
        Removal::default().give_back(unname(&path).unwrap());
    }

    #[test]
    fn what_has_another_name_stays_under_it() {
        let folder = tempfile::tempdir().unwrap();
        let (path, backup) = (folder.path().join("file"), folder.path().join("backup"));
        file(&path);
        fs::hard_link(&path, &backup).unwrap();
        Removal::default().give_back(unname(&path).unwrap());
        assert!(!path.exists());
        assert_eq!(fs::read(&backup).unwrap(), vec![7; 3_500_000]);
    }

    #[test]
    fn a_link_goes_and_what_it_names_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (path, named) = (folder.path().join("link"), folder.path().join("named"));
        file(&named);
        symlink(&named, &path).unwrap();
        Removal::default().give_back(unname(&path).unwrap());
        assert!(fs::symlink_metadata(&path).is_err());
        assert_eq!(named.metadata().unwrap().len(), 3_500_000);
    }
}
