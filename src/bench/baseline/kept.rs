//! The least that it takes to keep a file as the contract of uploads says: each piece is what its hash says, the whole is what
//! was declared, and its bytes are synced when the upload is answered.
//!
//! One file for each number, written as the pieces come and synced once at its end, however much of the disk's time that takes
//! from others. Nothing is resumed, and no length is checked.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use tonic::Status;

use crate::{bench::sample::PIECE_BYTES, pb};

/// A folder of files.
#[derive(Clone, Debug)]
pub struct Kept(PathBuf);

/// A file that comes up.
pub struct Coming {
    file: File,
    whole: blake3::Hasher,
    hash: Bytes,
}

/// A file that goes down.
pub struct Going(File);

fn failed(error: io::Error) -> Status {
    Status::internal(format!("a baseline cannot keep a file: {error}"))
}

fn check(hash: blake3::Hash, wanted: &[u8]) -> Result<(), Status> {
    match hash.as_bytes() == wanted {
        true => Ok(()),
        false => Err(Status::data_loss("the bytes have another hash")),
    }
}

impl Kept {
    /// Makes the folder.
    pub fn create(folder: &Path) -> io::Result<Self> {
        let folder = folder.join("files");
        fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }

    fn path(&self, number: u64) -> PathBuf {
        self.0.join(number.to_string())
    }

    /// Begins to take the file of a number, that shall have this hash.
    pub fn begin(&self, number: u64, hash: Bytes) -> Result<Coming, Status> {
        Ok(Coming {
            file: File::create(self.path(number)).map_err(failed)?,
            whole: blake3::Hasher::new(),
            hash,
        })
    }

    /// Begins to give the file of a number.
    pub fn open(&self, number: u64) -> Result<Going, Status> {
        File::open(self.path(number)).map(Going).map_err(failed)
    }
}

impl Coming {
    /// Takes the next piece. It waits for the memory of the system, not for the disk.
    pub fn add(&mut self, piece: &pb::UploadChunksRequest) -> Result<(), Status> {
        check(blake3::hash(&piece.data), &piece.blake3)?;
        self.whole.update(&piece.data);
        self.file.write_all(&piece.data).map_err(failed)
    }

    /// That was all. It waits for the disk.
    pub fn finish(self) -> Result<(), Status> {
        check(self.whole.finalize(), &self.hash)?;
        self.file.sync_all().map_err(failed)
    }
}

impl Going {
    /// The next piece.
    pub fn next(&mut self) -> Result<Bytes, Status> {
        let mut bytes = Vec::with_capacity(PIECE_BYTES);
        let mut piece = (&mut self.0).take(PIECE_BYTES as u64);
        piece.read_to_end(&mut bytes).map_err(failed)?;
        Ok(bytes.into())
    }
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;

    fn piece(data: &'static [u8]) -> pb::UploadChunksRequest {
        pb::UploadChunksRequest {
            data: Bytes::from_static(data),
            blake3: blake3::hash(data).as_bytes().to_vec().into(),
            ..pb::UploadChunksRequest::default()
        }
    }

    #[test]
    fn what_was_kept_comes_back_and_what_is_another_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::create(folder.path()).unwrap();
        let whole = Bytes::copy_from_slice(blake3::hash(b"hello").as_bytes());
        let mut coming = kept.begin(1, whole.clone()).unwrap();
        coming.add(&piece(b"hel")).unwrap();
        let mut other = piece(b"lo");
        other.data = Bytes::from_static(b"la");
        assert_eq!(coming.add(&other).unwrap_err().code(), Code::DataLoss);
        coming.add(&piece(b"lo")).unwrap();
        coming.finish().unwrap();
        assert_eq!(kept.open(1).unwrap().next().unwrap(), "hello");
        let mut coming = kept.begin(2, whole).unwrap();
        coming.add(&piece(b"jello")).unwrap();
        assert_eq!(coming.finish().unwrap_err().code(), Code::DataLoss);
        assert!(kept.open(3).is_err());
    }
}
