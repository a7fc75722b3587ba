//! What a program notes of an upload that is under way, so that the next one goes on with it: a small file beside the outbox,
//! for its owner alone.
//!
//! A record belongs to what is sent (its name, type, size and hash), to the user and to the server, known in the same way:
//! an equal file, from wherever, goes on where the one before stopped. No path stands in it. The running program holds a
//! lock on it: another one that sends an equal file begins an upload of its own, rather than take this one over. One that is
//! to be cancelled says so until the server was told, unless an equal file is sent before that. Blocks for as long as the
//! disk does.

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
    /// What the upload is, as a server tells it: see [`mark`].
    mark: String,
    /// It is to be cancelled.
    is_cancelled: bool,
}

/// What stands in a record.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    upload_id: String,
    mark: String,
    /// It is to be cancelled.
    is_cancelled: bool,
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
        let size = source.size;
        let key = key(source, message);
        let path = self
            .folder
            .join(format!("{}{size}-{key}{ENDING}", self.prefix));
        let mark = mark(source.name.as_str(), size, &source.hash.0);
        for _ in 0..ATTEMPTS_MAX {
            let file = writable().create(true).truncate(false).open(&path)?;
            if file.try_lock().is_err() {
                return Ok(Record::default());
            }
            // Whoever had it may have removed it meanwhile.
            if file.metadata()?.nlink() == 0 {
                continue;
            }
            let line = line(&file)?;
            return Ok(Record {
                kept: Some((path, file)),
                is_cancelled: line.as_ref().is_some_and(|line| line.is_cancelled),
                upload_id: line.map(|line| line.upload_id),
                mark,
            });
        }
        Ok(Record::default())
    }

    /// Whether there is one of a file of so many bytes that is not to be cancelled as it is: an ended program left it, or a
    /// running one has it.
    pub fn has(&self, size: u64) -> bool {
        let prefix = format!("{}{size}-", self.prefix);
        let is_left = |path: &PathBuf| read(path).is_some_and(|line| !line.is_cancelled);
        found(&self.folder, &prefix).is_ok_and(|all| all.iter().any(is_left))
    }

    /// Those that are to be cancelled, so many at the most: each is to be taken for that.
    pub fn cancelled(&self, count_max: usize) -> Vec<PathBuf> {
        let all = found(&self.folder, &self.prefix).unwrap_or_default();
        let is_cancelled = |path: &PathBuf| read(path).is_some_and(|line| line.is_cancelled);
        all.into_iter()
            .filter(is_cancelled)
            .take(count_max)
            .collect()
    }

    /// Takes one of those; `None`: it is not to be cancelled any more.
    pub fn take_cancelled(&self, path: PathBuf) -> Option<Record> {
        let file = opened(&path)?;
        let line = line(&file).ok().flatten()?;
        line.is_cancelled.then(|| Record {
            kept: Some((path, file)),
            upload_id: Some(line.upload_id),
            mark: line.mark,
            is_cancelled: true,
        })
    }

    /// Removes what is of no use any more: what is old, and what an earlier build named otherwise.
    fn sweep(&self) -> io::Result<()> {
        let now = SystemTime::now();
        for path in found(&self.folder, &self.prefix)? {
            let written = fs::symlink_metadata(&path).and_then(|metadata| metadata.modified());
            let is_old = written.is_ok_and(|at| now.duration_since(at).is_ok_and(|age| age > OLD));
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let own = name.strip_prefix(&self.prefix);
            let has_size = own.is_some_and(|own| own.contains('-'));
            if (is_old || !has_size)
                && let Some(_held) = opened(&path)
            {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}

/// Removes all records of a server, but for what running programs hold.
pub fn drop_all(folder: &Path, server: &ServerAddress) -> io::Result<()> {
    for path in found(folder, &format!("{}@@", server.as_str()))? {
        if let Some(_held) = opened(&path) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// All that ended programs left of a user at a server is to be cancelled.
pub fn cancel_all(folder: &Path, server: &ServerAddress, user: &UserName) -> io::Result<()> {
    for path in found(folder, &format!("{}@@{user}@@", server.as_str()))? {
        let Some(file) = opened(&path) else { continue };
        // One of which nothing is known goes when it is let go.
        let line = line(&file)?;
        let (upload_id, mark) = line.map(|line| (line.upload_id, line.mark)).unzip();
        let mut record = Record {
            kept: Some((path, file)),
            upload_id,
            mark: mark.unwrap_or_default(),
            is_cancelled: false,
        };
        record.cancel();
    }
    Ok(())
}

/// The records whose names begin so.
fn found(folder: &Path, prefix: &str) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let is_it = |name: &str| name.starts_with(prefix) && name.ends_with(ENDING);
        if name.to_str().is_some_and(is_it) {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// How a record is opened: a link in its place is not followed.
fn writable() -> OpenOptions {
    let no_link = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or_default();
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .mode(0o600)
        .custom_flags(no_link);
    options
}

/// A record that is there, locked; `None`: a running program has it, or it is gone.
fn opened(path: &Path) -> Option<File> {
    let file = writable().open(path).ok()?;
    let is_free = file.try_lock().is_ok();
    let is_there = file.metadata().is_ok_and(|it| it.nlink() > 0);
    (is_free && is_there).then_some(file)
}

/// What stands in a record that is there. Not locked: whoever takes it at this moment is not to find it taken.
fn read(path: &Path) -> Option<Line> {
    let file = writable().open(path).ok()?;
    line(&file).ok().flatten()
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

    /// Whether the next program finds it once something is begun: there is a place for it, which nobody else has.
    pub fn can_be_kept(&self) -> bool {
        self.kept.is_some()
    }

    /// Notes which upload it is. If that cannot be written, nothing is kept: the upload goes on all the same.
    pub fn keep(&mut self, id: &str) {
        self.write(id, false);
    }

    /// It is gone on with, and to be cancelled no more.
    pub fn go_on(&mut self) {
        if let Some(id) = self.upload_id.clone().filter(|_| self.is_cancelled) {
            self.write(&id, false);
        }
    }

    /// It is to be cancelled: that is noted until the server was told.
    pub fn cancel(&mut self) {
        if let Some(id) = self.upload_id.clone() {
            self.write(&id, true);
        }
    }

    fn write(&mut self, id: &str, is_cancelled: bool) {
        if id.len() > ID_BYTES_MAX {
            return;
        }
        let Some((_, file)) = &mut self.kept else {
            return;
        };
        let line = json!({ "upload": id, "of": self.mark, "cancel": is_cancelled });
        let line = format!("{line}\n");
        let written = file
            .set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| file.write_all(line.as_bytes()));
        self.upload_id = written.is_ok().then(|| id.to_owned());
        self.is_cancelled = is_cancelled;
        if written.is_err()
            && let Some((path, _)) = self.kept.take()
        {
            let _ = fs::remove_file(path);
        }
    }

    /// Whether an upload of this name, size and hash, under its id, is the one of this record.
    pub fn is_of(&self, name: &str, size: u64, hash: &[u8]) -> bool {
        self.mark == mark(name, size, hash)
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

/// What stands for an upload in a record, of what a server tells of one that is under way: an id names one for ever, but
/// another store, made anew or put back from before, counts its own. Name and size alone can be those of another device.
fn mark(name: &str, size: u64, hash: &[u8]) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&size.to_le_bytes());
    hasher.update(&(hash.len() as u64).to_le_bytes());
    hasher.update(hash);
    hasher.update(name.as_bytes());
    hasher.finalize().to_hex().chars().take(32).collect()
}

/// What stands in a record, if it is one.
fn line(file: &File) -> io::Result<Option<Line>> {
    let mut text = Vec::new();
    Read::take(file, RECORD_BYTES_MAX).read_to_end(&mut text)?;
    Ok(parsed(&text))
}

fn parsed(text: &[u8]) -> Option<Line> {
    let value: Value = serde_json::from_slice(text).ok()?;
    let word = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
    let id = word("upload");
    (id.len() <= ID_BYTES_MAX && !id.is_empty()).then(|| Line {
        upload_id: id.to_owned(),
        mark: word("of").to_owned(),
        is_cancelled: value.get("cancel").and_then(Value::as_bool) == Some(true),
    })
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
        drop_all(folder.path(), &"127.0.0.1:2".parse().unwrap()).unwrap();
        assert_eq!(count(folder.path()), 1);
        drop_all(folder.path(), &server).unwrap();
        assert_eq!(count(folder.path()), 0);
        // As an earlier build named them.
        let before = format!("{}{}{ENDING}", ann.prefix, key(&file, None));
        fs::write(folder.path().join(before), "{\"upload\":\"p1\"}\n").unwrap();
        drop(ann.take(&other, None).unwrap());
        assert_eq!(count(folder.path()), 0);
    }

    #[test]
    fn what_is_to_be_cancelled_is_found_until_it_is_done_or_taken_up() {
        let folder = tempfile::tempdir().unwrap();
        let (ann, bob) = (records(folder.path(), "ann"), records(folder.path(), "bob"));
        let (file, other) = (source("a", b"1"), source("b", b"12"));
        let mut record = ann.take(&file, None).unwrap();
        record.keep("p1");
        assert!(ann.has(1), "who looks takes nothing, so it may be held");
        drop(record);
        assert!(ann.has(1) && !ann.has(2) && !bob.has(1));
        assert!(ann.cancelled(9).is_empty());
        let server: ServerAddress = "127.0.0.1:1".parse().unwrap();
        cancel_all(folder.path(), &server, &"bob".parse().unwrap()).unwrap();
        assert!(ann.cancelled(9).is_empty());
        ann.take(&other, None).unwrap().keep("p2");
        cancel_all(folder.path(), &server, &"ann".parse().unwrap()).unwrap();
        assert_eq!((ann.cancelled(9).len(), ann.cancelled(1).len()), (2, 1));
        assert!(!ann.has(1));
        assert!(bob.cancelled(9).is_empty());
        // An equal file goes on with it.
        let left = ann.cancelled(9);
        let mut taken = ann.take(&file, None).unwrap();
        assert_eq!(taken.upload_id(), Some("p1"));
        taken.go_on();
        drop(taken);
        let mut done: Vec<Record> = left
            .into_iter()
            .filter_map(|path| ann.take_cancelled(path))
            .collect();
        assert_eq!(done.len(), 1);
        assert_eq!(done[0].upload_id(), Some("p2"));
        let hash = blake3::hash(b"12");
        let is_of = |name, size, hash: &[u8]| done[0].is_of(name, size, hash);
        assert!(is_of("b", 2, hash.as_bytes()));
        assert!(!is_of("b", 1, hash.as_bytes()) && !is_of("a", 2, hash.as_bytes()));
        assert!(!is_of("b", 2, &[7; 32]) && !is_of("b", 2, b""));
        done[0].forget();
        drop(done);
        assert!(ann.cancelled(9).is_empty());
        assert_eq!(count(folder.path()), 1);
    }

    #[test]
    fn a_link_in_its_place_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let ann = records(folder.path(), "ann");
        let file = source("a", b"1");
        let name = format!("{}1-{}{ENDING}", ann.prefix, key(&file, None));
        let target = folder.path().join("precious");
        fs::write(&target, b"precious").unwrap();
        std::os::unix::fs::symlink(&target, folder.path().join(name)).unwrap();
        assert!(ann.take(&file, None).is_err());
        assert_eq!(fs::read(&target).unwrap(), b"precious");
    }
}
