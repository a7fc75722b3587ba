//! What is to be sent: a regular file, what came on a pipe, or bytes that are in memory. Its name, size and hash are known
//! before anything is sent.
//!
//! A link is followed: whoever names it means what it points to. What is no regular file is refused before it is read, since
//! a device has no end and a pipe cannot be read again after a cut.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    path::Path,
    sync::Arc,
};

use bytes::Bytes;
use rustix::fs::{Mode, OFlags, open};

use crate::domain::file::{ContentHash, FileName, ImageSize};

use super::{
    blocking,
    error::TransferError,
    media, name,
    steering::{Stage, Steering},
};

/// Bytes that are read at once.
pub(super) const READ_BYTES: usize = 256 * 1024;
/// Bytes that are hashed before it is asked again whether somebody wants something else: some hundredths of a second.
const HASHED_BYTES: u64 = 16 * 1024 * 1024;

/// Where the bytes are.
#[derive(Clone, Debug)]
enum Content {
    File(Arc<File>),
    Bytes(Bytes),
}

/// Something to be sent.
#[derive(Clone, Debug)]
pub struct Source {
    content: Content,
    /// What it is called there.
    pub name: FileName,
    /// What it is taken for, such as `image/png`; empty: not known.
    pub media_type: String,
    /// How many bytes it has.
    pub size: u64,
    /// What names its bytes.
    pub hash: ContentHash,
    /// For a picture, how large it is.
    pub image: Option<ImageSize>,
    /// For a picture, a file that shows it small. It is sent before, unless an upload that knows it is gone on with.
    pub thumbnail: Option<Arc<Source>>,
}

impl Source {
    /// Opens a file and reads it once. `bytes_max`: how many it may have.
    pub async fn open(
        path: &Path,
        bytes_max: u64,
        steering: &mut Steering,
    ) -> Result<Self, TransferError> {
        let name = name::for_server(path)?;
        let path = path.to_owned();
        let opened = blocking(move || regular(&path)).await;
        let (file, size) = opened.map_err(TransferError::Read)??;
        Self::of_file(file, size, name, bytes_max, steering).await
    }

    /// Says why a file cannot be sent, as far as that can be seen without reading it. `bytes_max`: how many it may have.
    pub async fn look(path: &Path, bytes_max: u64) -> Result<(), TransferError> {
        name::for_server(path)?;
        let path = path.to_owned();
        let opened = blocking(move || regular(&path)).await;
        match opened.map_err(TransferError::Read)?? {
            (_, size) if size > bytes_max => Err(TransferError::TooLarge(bytes_max)),
            _ => Ok(()),
        }
    }

    /// Takes all that a reader brings, on the disk: its size must be known before it is sent, and after a cut it is read
    /// again. The file in this folder has no name, so that it is gone with the program.
    pub async fn spool(
        reader: impl Read + Send + 'static,
        folder: &Path,
        name: FileName,
        bytes_max: u64,
        steering: &mut Steering,
    ) -> Result<Self, TransferError> {
        let folder = folder.to_owned();
        let spooled = blocking(move || spool(reader, &folder, bytes_max)).await;
        let (file, size) = spooled.map_err(TransferError::Read)??;
        Self::of_file(file, size, name, bytes_max, steering).await
    }

    /// Takes bytes that are in memory.
    pub fn bytes(name: FileName, bytes: Bytes) -> Self {
        Self {
            media_type: media::of_name(&name).to_owned(),
            size: bytes.len() as u64,
            hash: ContentHash::of(&bytes),
            content: Content::Bytes(bytes),
            name,
            image: None,
            thumbnail: None,
        }
    }

    /// Returns so many of its first bytes, or all if it has no more.
    pub async fn start(&self, bytes_max: usize) -> Result<Bytes, TransferError> {
        let length = usize::try_from(self.size)
            .unwrap_or(bytes_max)
            .min(bytes_max);
        let content = self.content.clone();
        let read = blocking(move || content.read(0, length)).await.flatten();
        read.map_err(read_error)
    }

    /// Calls it something else; then it may be taken for something else, too.
    pub fn rename(&mut self, name: FileName) {
        self.media_type = media::of_name(&name).to_owned();
        self.name = name;
    }

    async fn of_file(
        file: File,
        size: u64,
        name: FileName,
        bytes_max: u64,
        steering: &mut Steering,
    ) -> Result<Self, TransferError> {
        if size > bytes_max {
            return Err(TransferError::TooLarge(bytes_max));
        }
        let content = Content::File(Arc::new(file));
        Ok(Self {
            hash: content.hash(size, steering).await?,
            content,
            size,
            media_type: media::of_name(&name).to_owned(),
            name,
            image: None,
            thumbnail: None,
        })
    }

    /// Whether it still holds the bytes that it held.
    pub(super) async fn is_as_it_was(
        &self,
        steering: &mut Steering,
    ) -> Result<bool, TransferError> {
        match self.content.hash(self.size, steering).await {
            Ok(hash) => Ok(hash == self.hash),
            Err(TransferError::Changed) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Reads a piece of at most [`READ_BYTES`]. Blocks. A piece that is not there any more is an end that came too early.
    pub(super) fn read(&self, offset: u64) -> io::Result<Bytes> {
        let left = self.size.saturating_sub(offset);
        let length = usize::try_from(left).unwrap_or(READ_BYTES).min(READ_BYTES);
        self.content.read(offset, length)
    }
}

impl Content {
    fn read(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        match self {
            Self::File(file) => {
                let mut bytes = vec![0; length];
                file.read_exact_at(&mut bytes, offset)?;
                Ok(bytes.into())
            }
            Self::Bytes(bytes) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX);
                let is_there = start
                    .checked_add(length)
                    .is_some_and(|end| end <= bytes.len());
                match is_there {
                    true => Ok(bytes.slice(start..start + length)),
                    false => Err(io::ErrorKind::UnexpectedEof.into()),
                }
            }
        }
    }

    /// The hash of so many bytes.
    async fn hash(&self, size: u64, steering: &mut Steering) -> Result<ContentHash, TransferError> {
        let mut hasher = blake3::Hasher::new();
        let mut at = 0;
        steering.meter().begin(Stage::Reading, 0, size);
        while at < size {
            steering.clear().await?;
            let end = size.min(at + HASHED_BYTES);
            let content = self.clone();
            let read = blocking(move || {
                while at < end {
                    let left = usize::try_from(end - at).unwrap_or(READ_BYTES);
                    let piece = content.read(at, left.min(READ_BYTES))?;
                    hasher.update(&piece);
                    at += piece.len() as u64;
                }
                Ok((hasher, at))
            });
            let read: io::Result<_> = read.await.map_err(TransferError::Read)?;
            (hasher, at) = read.map_err(read_error)?;
            steering.meter().at(at);
        }
        Ok(ContentHash(*hasher.finalize().as_bytes()))
    }
}

/// What names so many bytes of a file.
pub(super) async fn hash_of(
    file: File,
    size: u64,
    steering: &mut Steering,
) -> Result<ContentHash, TransferError> {
    Content::File(Arc::new(file)).hash(size, steering).await
}

/// What a failure to read means: a file that has become shorter has become another.
pub(super) fn read_error(error: io::Error) -> TransferError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => TransferError::Changed,
        _ => TransferError::Read(error),
    }
}

/// Opens a regular file, and nothing else: not even for a moment does it wait for who writes into a pipe.
fn regular(path: &Path) -> Result<(File, u64), TransferError> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let opened = open(path, flags, Mode::empty());
    let file = match opened {
        Ok(file) => File::from(file),
        // What a socket says to that.
        Err(rustix::io::Errno::NXIO) => {
            return Err(TransferError::NotAFile("a socket or a device"));
        }
        Err(error) => return Err(TransferError::Read(error.into())),
    };
    let metadata = file.metadata().map_err(TransferError::Read)?;
    let kind = metadata.file_type();
    match kind.is_file() {
        // What the system makes up as it is read has no length that it tells.
        true if metadata.len() == 0 && has_bytes(&file)? => {
            Err(TransferError::NotAFile("made up as it is read"))
        }
        true => Ok((file, metadata.len())),
        false if kind.is_dir() => Err(TransferError::NotAFile("a folder")),
        false => Err(TransferError::NotAFile("a pipe or a device")),
    }
}

fn has_bytes(file: &File) -> Result<bool, TransferError> {
    let read = file.read_at(&mut [0], 0).map_err(TransferError::Read)?;
    Ok(read > 0)
}

fn spool(
    mut reader: impl Read,
    folder: &Path,
    bytes_max: u64,
) -> Result<(File, u64), TransferError> {
    let cannot = |error| TransferError::Place {
        place: folder.display().to_string().into(),
        error,
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(cannot)?;
    let random = getrandom::u64().map_err(|error| TransferError::Read(io::Error::other(error)))?;
    let path = folder.join(format!(".{random:016x}.new"));
    let made = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path);
    let mut file = made.map_err(cannot)?;
    std::fs::remove_file(&path).map_err(cannot)?;
    let mut buffer = vec![0; 64 * 1024];
    let mut size = 0_u64;
    loop {
        let length = match reader.read(&mut buffer) {
            Ok(0) => return Ok((file, size)),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(TransferError::Read(error)),
        };
        size += length as u64;
        if size > bytes_max {
            return Err(TransferError::TooLarge(bytes_max));
        }
        let piece = buffer.get(..length).unwrap_or_default();
        file.write_all(piece).map_err(cannot)?;
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::{fs::symlink, net::UnixListener};

    use super::*;
    use crate::client::transfer::steering::steering;

    async fn opened(path: &Path) -> Result<Source, TransferError> {
        Source::open(path, 1_000_000, &mut steering().1).await
    }

    #[tokio::test]
    async fn a_link_is_followed_and_what_is_no_regular_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("a.txt"), b"hello").unwrap();
        symlink("a.txt", at("link.png")).unwrap();
        let source = opened(&at("link.png")).await.unwrap();
        assert_eq!((source.size, source.name.as_str()), (5, "link.png"));
        assert_eq!(source.media_type, "image/png");
        assert_eq!(source.hash, ContentHash::of(b"hello"));
        symlink("nothing", at("broken")).unwrap();
        let broken = opened(&at("broken")).await;
        assert!(matches!(broken, Err(TransferError::Read(_))), "{broken:?}");
        let _socket = UnixListener::bind(at("socket")).unwrap();
        let pipe = std::process::Command::new("mkfifo")
            .arg(at("pipe"))
            .status();
        assert!(pipe.unwrap().success());
        symlink("/dev/zero", at("zero")).unwrap();
        for name in [".", "pipe", "socket", "zero"] {
            let path = std::fs::canonicalize(at(name)).unwrap();
            let refused = opened(&path).await;
            assert!(
                matches!(refused, Err(TransferError::NotAFile(_))),
                "{name}: {refused:?}"
            );
        }
    }

    #[tokio::test]
    async fn what_comes_on_a_pipe_has_no_name_on_the_disk_and_an_end() {
        let folder = tempfile::tempdir().unwrap();
        let name: FileName = "stdin".parse().unwrap();
        let (_, mut steering) = steering();
        let bytes = vec![7; 300_000];
        let reader = io::Cursor::new(bytes.clone());
        let source = Source::spool(reader, folder.path(), name.clone(), 300_000, &mut steering);
        let source = source.await.unwrap();
        assert_eq!(
            (source.size, source.hash),
            (300_000, ContentHash::of(&bytes))
        );
        assert_eq!(source.read(299_999).unwrap(), bytes[..1]);
        let endless = Source::spool(io::repeat(1), folder.path(), name, 1_000_000, &mut steering);
        assert!(matches!(
            endless.await,
            Err(TransferError::TooLarge(1_000_000))
        ));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_file_that_is_too_large_or_shrinks_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, vec![1; 100]).unwrap();
        let (_, mut steering) = steering();
        let large = Source::open(&path, 99, &mut steering).await;
        assert!(matches!(large, Err(TransferError::TooLarge(99))));
        let source = opened(&path).await.unwrap();
        assert!(source.is_as_it_was(&mut steering).await.unwrap());
        std::fs::write(&path, vec![2; 100]).unwrap();
        assert!(!source.is_as_it_was(&mut steering).await.unwrap());
        std::fs::write(&path, vec![1; 50]).unwrap();
        assert!(!source.is_as_it_was(&mut steering).await.unwrap());
        let cut = read_error(source.read(0).unwrap_err());
        assert!(matches!(cut, TransferError::Changed));
    }
}
