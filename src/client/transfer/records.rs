//! What a program notes of an upload that is under way, so that the next one goes on with it: a small file beside the outbox,
//! for its owner alone.
//!
//! A record belongs to what is sent (its name, type, size and hash), to the user and to the server, known in the same way:
//! an equal file, from wherever, goes on where the one before stopped. No path stands in it. The running program holds a
//! lock on it: another one that sends an equal file begins an upload of its own, rather than take this one over. Blocks for
//! as long as the disk does.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use rustix::fs::OFlags;
use serde_json::{Value, json};

use crate::{
    client::net::{connect::ServerAddress, tls::Assurance},
    domain::{ids::ClientMessageId, name::UserName},
};

use super::source::Source;

/// How a file's name ends.
const ENDING: &str = ".upload";
/// Bytes of a record: an id and a word.
const RECORD_BYTES_MAX: u64 = 1024;
/// The longest id that is kept.
const ID_BYTES_MAX: usize = 128;
/// Characters of how well a server is known that stand in a file's name, as in that of an outbox.
const ASSURANCE_CHARS: usize = 48;
/// After so long a record is of no use: a server keeps an upload to which nothing comes for a day, as it is set up.
const OLD: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// How often a record is tried for that others remove at the same moment.
const ATTEMPTS_MAX: u32 = 5;

/// The records of a user at a server.
#[derive(Clone, Debug)]
pub struct Records {
    folder: PathBuf,
    prefix: String,
}

/// The record of one upload.
#[derive(Debug, Default)]
pub struct Record {
    /// `None`: nothing is kept.
    kept: Option<(PathBuf, File)>,
    upload_id: Option<String>,
}

impl Records {
    /// Those in this folder, of this user at this server.
    pub fn new(
        folder: &Path,
        server: &ServerAddress,
        assurance: Assurance,
        user: &UserName,
    ) -> Self {
        let known: String = assurance
            .to_string()
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .take(ASSURANCE_CHARS)
            .collect();
        Self {
            folder: folder.to_owned(),
            prefix: format!("{}@@{user}@@{known}@@", server.as_str()),
        }
    }

    /// Takes the record of what is to be sent: a new one, or the one that an ended program left. One that a running
    /// program holds is not taken: then nothing is kept. What is sent under an id of a message has a record of its own, and
    /// so the same file however often that is repeated.
    pub fn take(&self, source: &Source, message: Option<ClientMessageId>) -> io::Result<Record> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)?;
        self.sweep()?;
        let path = self
            .folder
            .join(format!("{}{}{ENDING}", self.prefix, key(source, message)));
        let no_link = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or_default();
        for _ in 0..ATTEMPTS_MAX {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .custom_flags(no_link)
                .open(&path)?;
            if file.try_lock().is_err() {
                return Ok(Record::default());
            }
            // Whoever had it may have removed it meanwhile.
            if file.metadata()?.nlink() == 0 {
                continue;
            }
            let mut text = Vec::new();
            Read::take(&file, RECORD_BYTES_MAX).read_to_end(&mut text)?;
            return Ok(Record {
                upload_id: upload_id(&text),
                kept: Some((path, file)),
            });
        }
        Ok(Record::default())
    }

    /// Whether there is one that an ended program left.
    pub fn has_any(&self) -> bool {
        let mut has_any = false;
        let left = |file: &File| {
            // One that a running program holds is its own.
            has_any |= file.try_lock().is_ok() && file.unlock().is_ok();
            false
        };
        remove(&self.folder, &self.prefix, left).is_err() || has_any
    }

    /// Removes what is of no use any more.
    fn sweep(&self) -> io::Result<()> {
        let now = SystemTime::now();
        let is_old = |file: &File| {
            let written = file.metadata().and_then(|metadata| metadata.modified());
            written.is_ok_and(|at| now.duration_since(at).is_ok_and(|age| age > OLD))
        };
        remove(&self.folder, &self.prefix, is_old).map(drop)
    }
}

/// Removes all records of a server, or of one user there, but for what running programs hold.
pub fn drop_all(folder: &Path, server: &ServerAddress, user: Option<&UserName>) -> io::Result<()> {
    let prefix = match user {
        Some(user) => format!("{}@@{user}@@", server.as_str()),
        None => format!("{}@@", server.as_str()),
    };
    remove(folder, &prefix, |_| true)
}

fn remove(folder: &Path, prefix: &str, mut is_meant: impl FnMut(&File) -> bool) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        if !name.starts_with(prefix) || !name.ends_with(ENDING) {
            continue;
        }
        let Ok(file) = File::open(entry.path()) else {
            continue;
        };
        if is_meant(&file) && file.try_lock().is_ok() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

impl Record {
    /// The upload that an ended program began, or that was kept.
    pub fn upload_id(&self) -> Option<&str> {
        self.upload_id.as_deref()
    }

    /// Whether the next program finds it.
    pub fn is_kept(&self) -> bool {
        self.kept.is_some() && self.upload_id.is_some()
    }

    /// Notes which upload it is. If that cannot be written, nothing is kept: the upload goes on all the same.
    pub fn keep(&mut self, id: &str) {
        if id.len() > ID_BYTES_MAX {
            return;
        }
        let Some((_, file)) = &mut self.kept else {
            return;
        };
        let line = format!("{}\n", json!({ "upload": id }));
        let written = file
            .set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| file.write_all(line.as_bytes()));
        self.upload_id = written.is_ok().then(|| id.to_owned());
    }

    /// Nothing is to be gone on with: it is done, or gone.
    pub fn forget(&mut self) {
        self.upload_id = None;
        if let Some((_, file)) = &self.kept {
            // An empty one says as much.
            let _ = file.set_len(0);
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if let (Some((path, _)), None) = (&self.kept, &self.upload_id) {
            // While it is locked, nobody else has it.
            let _ = fs::remove_file(path);
        }
    }
}

/// What stands for all that makes two files equal.
fn key(source: &Source, message: Option<ClientMessageId>) -> String {
    let mut hasher = blake3::Hasher::new();
    // Not its thumbnail: an upload that is gone on with has the one with which it was begun.
    for part in [source.name.as_str(), &source.media_type] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.update(&source.size.to_le_bytes());
    hasher.update(&source.hash.0);
    if let Some(message) = message {
        hasher.update(message.to_string().as_bytes());
    }
    hasher.finalize().to_hex().chars().take(32).collect()
}

fn upload_id(text: &[u8]) -> Option<String> {
    let value: Value = serde_json::from_slice(text).ok()?;
    let id = value.get("upload")?.as_str()?;
    (id.len() <= ID_BYTES_MAX && !id.is_empty()).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use bytes::Bytes;

    use super::*;

    fn source(name: &str, bytes: &'static [u8]) -> Source {
        Source::bytes(name.parse().unwrap(), Bytes::from_static(bytes))
    }

    fn records(folder: &Path, user: &str) -> Records {
        let server = "127.0.0.1:1".parse().unwrap();
        Records::new(
            folder,
            &server,
            Assurance::Plaintext,
            &user.parse().unwrap(),
        )
    }

    fn count(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn what_was_not_finished_is_found_for_an_equal_file_of_the_same_user_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (ann, bob) = (records(folder.path(), "ann"), records(folder.path(), "bob"));
        let file = source("a", b"1");
        let mut record = ann.take(&file, None).unwrap();
        assert_eq!((record.upload_id(), record.is_kept()), (None, false));
        record.keep("p7");
        assert!(record.is_kept());
        drop(record);
        let path = fs::read_dir(folder.path())
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        for other in [source("b", b"1"), source("a", b"2")] {
            assert_eq!(ann.take(&other, None).unwrap().upload_id(), None);
        }
        assert_eq!(bob.take(&file, None).unwrap().upload_id(), None);
        let mut again = ann.take(&file, None).unwrap();
        assert_eq!(again.upload_id(), Some("p7"));
        again.forget();
        drop(again);
        assert_eq!(count(folder.path()), 0);
    }

    #[test]
    fn two_programs_do_not_share_one() {
        let folder = tempfile::tempdir().unwrap();
        let ann = records(folder.path(), "ann");
        let file = source("a", b"1");
        let mut first = ann.take(&file, None).unwrap();
        first.keep("p1");
        let mut second = ann.take(&file, None).unwrap();
        second.keep("p2");
        assert!(!second.is_kept());
        drop((first, second));
        assert_eq!(ann.take(&file, None).unwrap().upload_id(), Some("p1"));
    }

    #[test]
    fn what_is_old_or_strange_is_not_gone_on_with() {
        let folder = tempfile::tempdir().unwrap();
        let ann = records(folder.path(), "ann");
        let (file, other) = (source("a", b"1"), source("b", b"1"));
        ann.take(&file, None).unwrap().keep("p1");
        let path = fs::read_dir(folder.path())
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path();
        for strange in [
            "{\"upload\":",
            "{}",
            "{\"upload\":7}",
            "{\"upload\":\"\"}",
            "\u{0}",
        ] {
            fs::write(&path, strange).unwrap();
            let mut record = ann.take(&file, None).unwrap();
            assert_eq!(record.upload_id(), None, "{strange}");
            record.keep("p1");
        }
        let long_ago = SystemTime::now() - OLD - Duration::from_secs(60);
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(long_ago)
            .unwrap();
        drop(ann.take(&other, None).unwrap());
        assert_eq!(count(folder.path()), 0);
        ann.take(&file, None).unwrap().keep("p1");
        let server: ServerAddress = "127.0.0.1:1".parse().unwrap();
        drop_all(folder.path(), &server, Some(&"bob".parse().unwrap())).unwrap();
        assert_eq!(count(folder.path()), 1);
        drop_all(folder.path(), &server, None).unwrap();
        assert_eq!(count(folder.path()), 0);
    }

    #[test]
    fn a_link_in_its_place_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let ann = records(folder.path(), "ann");
        let file = source("a", b"1");
        let name = format!("{}{}{ENDING}", ann.prefix, key(&file, None));
        let target = folder.path().join("precious");
        fs::write(&target, b"precious").unwrap();
        std::os::unix::fs::symlink(&target, folder.path().join(name)).unwrap();
        assert!(ann.take(&file, None).is_err());
        assert_eq!(fs::read(&target).unwrap(), b"precious");
    }
}
