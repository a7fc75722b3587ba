//! The outbox on disk: what was typed and is not answered yet outlives the program.
//!
//! A message is written before it is sent, and its answer after it came, each as one line of JSON at the end of a file.
//! Whoever starts next takes over what ended programs left and sends it under the same ids, so that what had arrived is
//! not sent twice. Each running program has a file of its own, locked while it runs: two at a time never mix. The folder
//! and the files are for their owner alone. Knows nothing of the network.
//!
//! What was refused may stay, with the reason, until somebody says what is to become of it. An answer that cannot be
//! written now is written with what comes next. A file in which little still waits is written anew with only that
//! (`rewrite`), so that what stays for long does not make it grow without end. Where there is no cache for them, texts that
//! were begun stand in it as well ([`Journal::set_texts`]).
//!
//! A line is handed to the system, which keeps it if this program is killed; [`Journal::sync`] keeps it over a power cut as
//! well. All of it may block for as long as the disk does.

mod closing;
mod held;
mod rewrite;

use std::{
    collections::{HashMap, HashSet},
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::domain::{ids::ClientMessageId, name::UserName};

use super::{
    app::written::{WRITTEN_MAX, Written},
    net::{connect::ServerAddress, outbox::Outgoing, tls::Assurance},
};

pub use closing::Closing;
use held::Held;
use rewrite::{Step, rewrite};

/// How a file's name ends.
const ENDING: &str = ".outbox";
/// Bytes of a file past which no more is taken until everything in it is answered. A thousand messages of 16 KiB take
/// 32 MiB at the worst, when every byte is escaped.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Bytes that a file grows, and as many as were in it at least, before it is written anew with only what still waits: some
/// 10,000 messages and their answers. So each byte is copied once or twice over all its life.
const GROWN_BYTES: u64 = 1024 * 1024;
/// Characters of how well a server is known that stand in a file's name: enough to tell certificates apart, and short enough
/// for a file's name.
const ASSURANCE_CHARS: usize = 48;
/// Files of ended programs that are taken over at one start; a start with more leaves the rest to the next.
const FILES_MAX: usize = 100;

/// How long one that this program is just closing is waited for: on a slow disk that takes seconds.
const CLOSING_WAIT: Duration = Duration::from_secs(5);

/// Messages that were refused, and why.
type Refused = HashMap<ClientMessageId, String>;

/// A file that an ended program left, locked, and what is in it.
type Left = (PathBuf, File, Held);

/// See the head of the file.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    bytes: u64,
    held: Held,
    /// What was in the file when it was written anew.
    bytes_of_start: u64,
    /// Not before it has so many bytes is it tried again to write it anew.
    rewrite_from: u64,
    /// Of those that others left: which were refused, and why.
    refused: Refused,
    /// Lines of answers that could not be written. No more than there were messages, and one of texts.
    owed: Vec<Value>,
    is_synced: bool,
    /// That the file has its name is not on the disk itself yet.
    owes_folder: bool,
    /// Behind `bytes` there may be a line that was cut.
    is_torn: bool,
}

impl Journal {
    /// Makes the journal of this program for a user at a server. Returns what programs before it left, oldest first.
    ///
    /// What was written for a server that was known in one way is not sent to one that is known in another: whoever
    /// answers at the same address later does not get it.
    pub fn open(
        folder: &Path,
        server: &ServerAddress,
        assurance: Assurance,
        user: &UserName,
    ) -> io::Result<(Self, Vec<Outgoing>)> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        let known: String = assurance
            .to_string()
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .take(ASSURANCE_CHARS)
            .collect();
        let prefix = format!("{}@@{user}@@{known}@@", server.as_str());
        let mut journal = Self::create(folder, &prefix)?;
        let mut taken = Vec::new();
        for path in others(folder, &prefix, &journal.path)? {
            if let Some((file, held)) = take_over(&path)? {
                taken.push((path, file, held));
            }
        }
        // A file is in the order in which it was typed, whatever the clock did meanwhile. Whole files are put in the order
        // of their first messages, whose ids begin with the time.
        taken.sort_by_key(|(_, _, held)| held.messages().next().map(|(it, _)| *it.id.as_bytes()));
        let mut left: Vec<Outgoing> = Vec::new();
        let mut texts: Vec<Written> = Vec::new();
        let mut known = HashSet::new();
        for (_, _, held) in &mut taken {
            for (message, why) in held.messages() {
                if let Some(why) = why {
                    journal.refused.insert(message.id, why.clone());
                }
                if known.insert(message.id) {
                    left.push(message.clone());
                }
            }
            let mut fresh = std::mem::take(&mut held.texts);
            fresh.retain(|it| !texts.contains(it));
            let room = WRITTEN_MAX.saturating_sub(texts.len());
            // What has no room waits where it is for a start that has.
            held.texts = fresh.split_off(room.min(fresh.len()));
            texts.extend(fresh);
        }
        for message in &left {
            journal.add(message)?;
            if let Some(why) = journal.refused.get(&message.id).cloned() {
                journal.refused(message.id, &why)?;
            }
        }
        if !texts.is_empty() {
            journal.set_texts(texts)?;
        }
        journal.sync()?;
        for (path, _locked, held) in taken {
            if held.texts.is_empty() {
                rewrite::remove(&path)?;
            } else {
                let rest = std::iter::once(held::texts(&held.texts));
                rewrite(&path, rest, &mut |_| Ok(()))?;
            }
        }
        Ok((journal, left))
    }

    fn create(folder: &Path, prefix: &str) -> io::Result<Self> {
        let random = getrandom::u64().map_err(io::Error::other)?;
        let fresh = folder.join(format!(".{random:016x}.new"));
        let path = folder.join(format!("{prefix}{random:016x}{ENDING}"));
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .mode(0o600)
            .open(&fresh)?;
        // Locked before it has the name that others look for.
        file.lock()?;
        fs::rename(&fresh, &path)?;
        Ok(Self {
            path,
            file,
            bytes: 0,
            held: Held::default(),
            bytes_of_start: 0,
            rewrite_from: 0,
            refused: Refused::new(),
            owed: Vec::new(),
            is_synced: true,
            owes_folder: true,
            is_torn: false,
        })
    }

    /// Keeps a message; to be called before it is sent.
    pub fn add(&mut self, message: &Outgoing) -> io::Result<()> {
        self.pay()?;
        self.write(&held::line_of(message))?;
        self.held.add(message.clone());
        self.shrink();
        Ok(())
    }

    /// Notes that a message is answered, for good or for bad. If that fails it is tried again with the next.
    pub fn settled(&mut self, id: ClientMessageId) -> io::Result<()> {
        if self.held.settle(id) {
            self.owed.push(held::done(id));
        }
        self.pay()
    }

    /// Notes that a message was refused, and why: it stays until it is added again or settled. If that fails it is tried
    /// again with the next.
    pub fn refused(&mut self, id: ClientMessageId, why: &str) -> io::Result<()> {
        if self.held.refuse(id, why) {
            self.owed.push(held::refused(id, why));
        }
        self.pay()
    }

    /// Keeps texts that were begun, in the place of those before. If that fails it is tried again with the next.
    pub fn set_texts(&mut self, texts: Vec<Written>) -> io::Result<()> {
        if self.held.texts != texts {
            self.owed.retain(|line| line.get("texts").is_none());
            self.owed.push(held::texts(&texts));
            self.held.texts = texts;
        }
        self.pay()
    }

    /// The texts that are kept: those that were left, or were set since.
    pub fn texts(&self) -> &[Written] {
        &self.held.texts
    }

    /// Returns which of the messages that were left had been refused, and why; once.
    pub fn take_refused(&mut self) -> Refused {
        std::mem::take(&mut self.refused)
    }

    /// Whether a message is kept.
    pub fn has(&self, id: ClientMessageId) -> bool {
        self.held.has(id)
    }

    /// A message that is kept.
    pub fn get(&self, id: ClientMessageId) -> Option<&Outgoing> {
        self.held.get(id)
    }

    /// From now on nothing can be written, or all again: as on a disk that is full for a while.
    #[cfg(test)]
    pub fn fail(&mut self, fails: bool) {
        let file = OpenOptions::new()
            .append(!fails)
            .read(fails)
            .open(&self.path);
        if let Ok(file) = file {
            let old = std::mem::replace(&mut self.file, file);
            // The lock goes with the file that had it.
            drop(old);
            let _ = self.file.lock();
        }
    }

    /// Writes what is owed.
    fn pay(&mut self) -> io::Result<()> {
        if self.owed.is_empty() {
            return Ok(());
        }
        if self.held.is_empty() {
            // Everything in the file is answered: it need not grow for ever.
            self.file.set_len(0)?;
            (self.bytes, self.is_torn) = (0, false);
            (self.bytes_of_start, self.rewrite_from) = (0, 0);
            self.owed.clear();
            return Ok(());
        }
        while let Some(line) = self.owed.first().cloned() {
            self.write(&line)?;
            self.owed.remove(0);
        }
        self.shrink();
        Ok(())
    }

    /// Writes the file anew with only what still waits, if it has grown enough. What cannot be done now is tried later: all
    /// is in the old one.
    fn shrink(&mut self) {
        let grown = self.bytes.saturating_sub(self.bytes_of_start);
        let is_full = !self.has_room();
        let is_due = grown >= GROWN_BYTES && (grown >= self.bytes_of_start || is_full);
        if is_due && self.bytes >= self.rewrite_from && self.rewrite(&mut |_| Ok(())).is_err() {
            self.rewrite_from = self.bytes + GROWN_BYTES;
        }
    }

    fn rewrite(&mut self, step: &mut dyn FnMut(Step) -> io::Result<()>) -> io::Result<()> {
        let (file, bytes) = rewrite(&self.path, self.held.lines(), step)?;
        // The old one is nobody's any more, and its lock goes with it.
        self.file = file;
        (self.bytes, self.bytes_of_start, self.rewrite_from) = (bytes, bytes, 0);
        (self.is_synced, self.is_torn, self.owes_folder) = (true, false, true);
        self.owed.clear();
        // If that fails, the next sync says so.
        let _ = self.sync();
        Ok(())
    }

    /// Puts everything on the disk itself, and that the file has its name. That may take long.
    pub fn sync(&mut self) -> io::Result<()> {
        self.pay()?;
        if !self.is_synced {
            self.file.sync_data()?;
            self.is_synced = true;
        }
        if self.owes_folder {
            let folder = self.path.parent().unwrap_or(Path::new("."));
            File::open(folder)?.sync_all()?;
            self.owes_folder = false;
        }
        Ok(())
    }

    /// Notes that the server has another store: what messages answer that are not answered yet is another one there, or
    /// none. If that fails it is tried again with the next.
    pub fn reset(&mut self) -> io::Result<()> {
        if !self.held.has_no_messages() {
            self.held.reset();
            self.owed.push(held::reset());
        }
        self.pay()
    }

    /// What tells that it is being closed, to those that would take over what it leaves.
    pub fn closing(&self) -> Closing {
        Closing::of(self.path.clone())
    }

    /// Whether another message can be taken.
    pub fn has_room(&self) -> bool {
        self.bytes < FILE_BYTES_MAX
    }

    fn write(&mut self, line: &Value) -> io::Result<()> {
        if self.is_torn {
            // A line that was cut, as a full disk does it, is none: whoever wrote it was told so.
            self.file.set_len(self.bytes)?;
        }
        let line = format!("{line}\n");
        self.is_torn = true;
        self.is_synced = false;
        self.file.write_all(line.as_bytes())?;
        self.is_torn = false;
        self.bytes += line.len() as u64;
        Ok(())
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        if self.held.is_empty() {
            // A file that stays says that nothing waits, and the next start removes it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Drops everything that waits for a server, whoever wrote it, but for what running programs hold. Returns how many messages
/// that were.
pub fn drop_all(folder: &Path, server: &ServerAddress) -> io::Result<usize> {
    let prefix = format!("{}@@", server.as_str());
    let mut count = 0;
    for (path, _locked, held) in all_left(folder, &prefix)? {
        rewrite::remove(&path)?;
        count += held.messages().count();
    }
    Ok(count)
}

/// Counts the messages that are kept for a user at a server, however the server was known. What running programs hold is
/// theirs to tell of.
pub fn waiting(folder: &Path, server: &ServerAddress, user: &UserName) -> io::Result<usize> {
    let prefix = format!("{}@@{user}@@", server.as_str());
    let left = all_left(folder, &prefix)?;
    let messages = left.iter().map(|(_, _, held)| held.messages().count());
    Ok(messages.sum())
}

/// Drops the texts that were begun by a user at a server, however the server was known, but for what running programs hold.
/// Messages stay.
pub fn drop_texts(folder: &Path, server: &ServerAddress, user: &UserName) -> io::Result<()> {
    let prefix = format!("{}@@{user}@@", server.as_str());
    let mut is_changed = false;
    for (path, _locked, mut held) in all_left(folder, &prefix)? {
        // What an attempt to write it anew may have left has texts as well.
        rewrite::forget(&rewrite::beside(&path))?;
        if std::mem::take(&mut held.texts).is_empty() {
            continue;
        }
        is_changed = true;
        if held.is_empty() {
            rewrite::remove(&path)?;
        } else {
            rewrite(&path, held.lines(), &mut |_| Ok(()))?;
        }
    }
    if is_changed {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// What ended programs left, and its files, locked.
fn all_left(folder: &Path, prefix: &str) -> io::Result<Vec<Left>> {
    let paths = match others(folder, prefix, Path::new("")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        paths => paths?,
    };
    let mut left = Vec::new();
    for path in paths {
        if let Some((locked, held)) = take_over(&path)? {
            left.push((path, locked, held));
        }
    }
    Ok(left)
}

/// The files of this user at this server but one's own.
fn others(folder: &Path, prefix: &str, own: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let is_one = name.starts_with(prefix) && name.ends_with(ENDING);
        if is_one && entry.path() != own && found.len() < FILES_MAX {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// Reads what an ended program left, and keeps its file locked; `None` if the program still runs, or another took it. One
/// that this program is just closing is waited for a while.
fn take_over(path: &Path) -> io::Result<Option<(File, Held)>> {
    let until = Instant::now() + CLOSING_WAIT;
    loop {
        // Asked first: once it is closed it can be taken over.
        let is_closing = closing::is_closing(path);
        match take_over_now(path)? {
            None if is_closing && Instant::now() < until => {
                thread::sleep(Duration::from_millis(10));
            }
            outcome => return Ok(outcome),
        }
    }
}

fn take_over_now(path: &Path) -> io::Result<Option<(File, Held)>> {
    // What cannot be opened stays where it is: it is no reason to keep nothing from now on.
    let Ok(file) = File::open(path) else {
        return Ok(None);
    };
    let metadata = file.metadata()?;
    let is_ours =
        metadata.is_file() && metadata.nlink() > 0 && metadata.len() <= 2 * FILE_BYTES_MAX;
    if !is_ours || file.try_lock().is_err() || file.metadata()?.nlink() == 0 {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    (&file).take(2 * FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(Some((file, Held::read(&bytes))))
}

#[cfg(test)]
mod refused_tests;
#[cfg(test)]
mod rewrite_tests;
#[cfg(test)]
mod tests;
