//! What is done to contents that have their place: looked for, read, removed.

use std::{fs, io::ErrorKind};

use bytes::Bytes;

use super::{
    super::{BlobError, PIECE_BYTES_MAX, pieces, removal::unname},
    Places, open_to_read,
};
use crate::domain::file::ContentHash;

impl Places {
    pub fn settle(&self, content: ContentHash) -> Result<Option<u64>, BlobError> {
        let (folder, path) = self.content(content);
        let file = match open_to_read(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        (self.system.sync)(&file)?;
        self.sync_folder(&folder)?;
        Ok(Some(file.metadata()?.len()))
    }

    pub fn contents(&self, first: u8) -> Result<Vec<ContentHash>, BlobError> {
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

    pub fn remove(&self, content: ContentHash) -> Result<(), BlobError> {
        let (folder, path) = self.content(content);
        let nameless = unname(&path)?;
        match self.sync_folder(&folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            synced => synced?,
        }
        self.removal.add(nameless);
        Ok(())
    }

    pub fn size(&self, content: ContentHash) -> Result<Option<u64>, BlobError> {
        match fs::symlink_metadata(self.content(content).1) {
            Ok(found) => Ok(Some(found.len())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub fn read(&self, content: ContentHash, offset: u64, max: usize) -> Result<Bytes, BlobError> {
        let file = open_to_read(&self.content(content).1)?;
        pieces::read(&file, offset, max.min(PIECE_BYTES_MAX))
    }
}
