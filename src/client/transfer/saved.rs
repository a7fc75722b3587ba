//! Whether a file lies in a folder already, whole, under a name that a download gives it: then a repeat need not fetch it.
//!
//! What lies there is read, so that is done only of what has as many bytes, and can be steered. No link is followed.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{Mode, OFlags, open, openat},
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
    steering.clear().await?;
    let (name, size) = (name::for_disk(&file.name), file.size_bytes);
    let (place, but) = (folder.to_owned(), but.to_owned());
    let alike = blocking(move || alike(&place, &name, size, &but)).await;
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
        let there = match openat(&folder, &called, flags, Mode::empty()) {
            Ok(there) => File::from(there),
            Err(Errno::NOENT) => break,
            Err(_) => continue,
        };
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
