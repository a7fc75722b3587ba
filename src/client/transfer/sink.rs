//! What takes the bytes of a download and hashes them on their way: a part on the disk, or a writer.
//!
//! Blocks for as long as what is below does.

use std::{
    fmt,
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::domain::file::ContentHash;

use super::{error::TransferError, name, place::Part};

/// Where a download goes.
pub enum To {
    /// Into this folder, under the name that the server says, made safe.
    Folder(PathBuf),
    /// To this file.
    File(PathBuf),
    /// To this writer, such as standard output.
    Writer(Box<dyn Write + Send>),
}

impl To {
    /// Into a folder if there is one, or if the path can only be one; else to the file of that name.
    pub fn path(path: PathBuf) -> Self {
        let can_only_be_one =
            path.as_os_str().as_encoded_bytes().ends_with(b"/") || path.file_name().is_none();
        match can_only_be_one || path.is_dir() {
            true => Self::Folder(path),
            false => Self::File(path),
        }
    }
}

impl fmt::Debug for To {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) | Self::File(path) => write!(f, "{path:?}"),
            Self::Writer(_) => f.write_str("a writer"),
        }
    }
}

enum Out {
    Part(Part),
    Writer(Box<dyn Write + Send>),
}

/// See the head of the file.
pub(super) struct Sink {
    out: Out,
    hasher: blake3::Hasher,
    at: u64,
    /// Whether a part of it is of a program before this one.
    is_old: bool,
}

impl Sink {
    /// Opens it for a file of this name, size and hash.
    pub fn open(to: To, name: &str, size: u64, hash: ContentHash) -> Result<Self, TransferError> {
        let part = match to {
            To::Writer(writer) => return Ok(Self::new(Out::Writer(writer))),
            To::Folder(folder) => Part::open(&folder, name::for_disk(name), hash)?,
            To::File(path) => {
                let own = path.file_name().and_then(|name| name.to_str());
                let own = own.ok_or_else(|| TransferError::Place {
                    place: path.display().to_string().into(),
                    error: io::Error::new(io::ErrorKind::InvalidInput, "the name is not UTF-8"),
                })?;
                let folder = match path.parent() {
                    Some(folder) if folder != Path::new("") => folder,
                    _ => Path::new("."),
                };
                Part::open(folder, own.to_owned(), hash)?
            }
        };
        let mut sink = Self::new(Out::Part(part));
        sink.take_in(size).map_err(TransferError::Write)?;
        Ok(sink)
    }

    fn new(out: Out) -> Self {
        Self {
            out,
            hasher: blake3::Hasher::new(),
            at: 0,
            is_old: false,
        }
    }

    /// Hashes what is there already.
    fn take_in(&mut self, size: u64) -> io::Result<()> {
        let Out::Part(part) = &mut self.out else {
            return Ok(());
        };
        if part.bytes() > size {
            part.clear()?;
        }
        let mut buffer = vec![0; 64 * 1024];
        while self.at < part.bytes() {
            let length = part.read(&mut buffer, self.at)?;
            if length == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.hasher.update(buffer.get(..length).unwrap_or_default());
            self.at += length as u64;
        }
        self.is_old = self.at > 0;
        Ok(())
    }

    /// How many bytes are there.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// Takes bytes.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.out {
            Out::Part(part) => part.write(bytes)?,
            Out::Writer(writer) => writer.write_all(bytes)?,
        }
        self.hasher.update(bytes);
        self.at += bytes.len() as u64;
        Ok(())
    }

    /// Whether what is there is this.
    pub fn is(&self, hash: ContentHash) -> bool {
        *self.hasher.finalize().as_bytes() == hash.0
    }

    /// Begins anew, if what a program before this one left may be what is wrong.
    pub fn restart(&mut self) -> io::Result<bool> {
        match &mut self.out {
            Out::Part(part) if self.is_old => {
                part.clear()?;
                self.hasher.reset();
                (self.at, self.is_old) = (0, false);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Puts it in its place, and returns where that is.
    pub fn settle(&mut self) -> io::Result<Option<PathBuf>> {
        match &mut self.out {
            Out::Part(part) => part.settle().map(Some),
            Out::Writer(writer) => writer.flush().map(|()| None),
        }
    }

    /// Leaves nothing behind, as far as that is possible.
    pub fn remove(&self) {
        if let Out::Part(part) = &self.out {
            part.remove();
        }
    }

    /// From now on nothing can be written.
    #[cfg(test)]
    pub fn fail(&mut self) {
        if let Out::Part(part) = &mut self.out {
            part.fail();
        }
    }
}
