//! How the bytes of a file are read: in pieces that follow each other, some of them asked for ahead.

use std::{fs::File, io};

use bytes::Bytes;
use rustix::{
    buffer::spare_capacity,
    io::{pread, retry_on_intr},
};

use super::{BlobError, advice, removal::is_nameless};

/// Reads the bytes of a content from an offset on: so many, fewer at its end. `Gone` if it was removed meanwhile: what was read
/// then may be bytes of which the room was given back.
pub(super) fn read(file: &File, offset: u64, max: usize) -> Result<Bytes, BlobError> {
    let mut bytes = Vec::with_capacity(max);
    fill(file, offset, max, &mut bytes)?;
    match is_nameless(file)? {
        true => Err(BlobError::Gone),
        false => Ok(bytes.into()),
    }
}

/// Reads so many bytes, or as many as there are, into what is empty.
pub(super) fn fill(file: &File, offset: u64, max: usize, bytes: &mut Vec<u8>) -> io::Result<()> {
    advice::read_from(file, offset, max as u64);
    bytes.reserve_exact(max);
    while bytes.len() < max {
        // Nearly always all of it comes at once.
        let from = offset + bytes.len() as u64;
        if retry_on_intr(|| pread(file, spare_capacity(bytes), from))? == 0 {
            break;
        }
    }
    bytes.truncate(max);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::store::blobs::removal::{Removal, unname};

    #[test]
    fn it_reads_from_anywhere_and_no_more_than_there_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let all: Vec<u8> = (0..=255).cycle().take(70_000).collect();
        fs::write(&path, &all).unwrap();
        let file = File::open(&path).unwrap();
        for (offset, max) in [(0, 1), (0, 70_000), (1, 80_000), (69_999, 5), (70_000, 5)] {
            let to = all.len().min(offset + max);
            let read = read(&file, offset as u64, max).unwrap();
            assert_eq!(read, all[offset..to], "{offset} {max}");
        }
        assert_eq!(read(&file, 1 << 40, 5).unwrap(), "");
    }

    #[test]
    fn what_loses_its_name_while_it_is_read_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "precious").unwrap();
        let file = File::open(&path).unwrap();
        let (nameless, removal) = (unname(&path).unwrap(), Removal::default());
        assert_eq!(read(&file, 0, 8), Err(BlobError::Gone));
        removal.add(nameless);
        removal.go_on();
        assert_eq!(read(&file, 0, 8), Err(BlobError::Gone));
    }
}
