//! The outbox on disk: what was typed and is not answered yet outlives the program.
//!
//! A message is written before it is sent, and its answer after it came, each as one line of JSON at the end of a file.
//! Whoever starts next takes over what ended programs left and sends it under the same ids, so that what had arrived is
//! not sent twice. Each running program has a file of its own, locked while it runs: two at a time never mix. The folder
//! and the files are for their owner alone. Knows nothing of the network.
//!
//! What was refused may stay, with the reason, until somebody says what is to become of it. An answer that cannot be
//! written now is written with what comes next.
//!
//! While the server can be reached a line is only handed to the system, which keeps it if this program is killed; when
//! it cannot, [`Journal::sync`] keeps it over a power cut as well.

use std::{
    collections::{HashMap, HashSet},
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::domain::{ids::ClientMessageId, name::UserName};

use super::net::{
    connect::ServerAddress,
    outbox::{Outgoing, Target},
    tls::Assurance,
};

/// How a file's name ends.
const ENDING: &str = ".outbox";
/// Bytes of a file past which no more is taken until everything in it is answered. A thousand messages of 16 KiB take
/// 32 MiB at the worst, when every byte is escaped.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Characters of how well a server is known that stand in a file's name: enough to tell certificates apart, and short enough
/// for a file's name.
const ASSURANCE_CHARS: usize = 48;
/// Files of ended programs that are taken over at one start; a start with more leaves the rest to the next.
const FILES_MAX: usize = 100;

/// Messages that were refused, and why.
type Refused = HashMap<ClientMessageId, String>;

/// See the head of the file.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    bytes: u64,
    open: HashSet<ClientMessageId>,
    /// Of those that others left: which were refused, and why.
    refused: Refused,
    /// Lines of answers that could not be written. No more than there were messages.
    owed: Vec<Value>,
    is_synced: bool,
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
            if let Some((file, messages, refused)) = take_over(&path)? {
                taken.push((path, file, messages));
                journal.refused.extend(refused);
            }
        }
        // A file is in the order in which it was typed, whatever the clock did meanwhile. Whole files are put in the order
        // of their first messages, whose ids begin with the time.
        taken.sort_by_key(|(_, _, messages)| messages.first().map(|it| *it.id.as_bytes()));
        let mut left: Vec<Outgoing> = Vec::new();
        let mut known = HashSet::new();
        for (_, _, messages) in &taken {
            let fresh = messages.iter().filter(|it| known.insert(it.id));
            left.extend(fresh.cloned());
        }
        for message in &left {
            journal.add(message)?;
            if let Some(why) = journal.refused.get(&message.id).cloned() {
                journal.refused(message.id, &why)?;
            }
        }
        journal.sync()?;
        for (path, _locked, _) in taken {
            fs::remove_file(path)?;
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
            open: HashSet::new(),
            refused: Refused::new(),
            owed: Vec::new(),
            is_synced: true,
            is_torn: false,
        })
    }

    /// Keeps a message; to be called before it is sent.
    pub fn add(&mut self, message: &Outgoing) -> io::Result<()> {
        self.pay()?;
        self.write(&line_of(message))?;
        self.open.insert(message.id);
        Ok(())
    }

    /// Notes that a message is answered, for good or for bad. If that fails it is tried again with the next.
    pub fn settled(&mut self, id: ClientMessageId) -> io::Result<()> {
        if !self.open.remove(&id) {
            return self.pay();
        }
        self.owed.push(json!({ "done": id.to_string() }));
        self.pay()
    }

    /// Notes that a message was refused, and why: it stays until it is added again or settled. If that fails it is tried
    /// again with the next.
    pub fn refused(&mut self, id: ClientMessageId, why: &str) -> io::Result<()> {
        if self.open.contains(&id) {
            self.owed
                .push(json!({ "refused": id.to_string(), "why": why }));
        }
        self.pay()
    }

    /// Returns which of the messages that were left had been refused, and why; once.
    pub fn take_refused(&mut self) -> Refused {
        std::mem::take(&mut self.refused)
    }

    /// Whether a message is kept.
    pub fn has(&self, id: ClientMessageId) -> bool {
        self.open.contains(&id)
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
        if self.open.is_empty() {
            // Everything in the file is answered: it need not grow for ever.
            self.file.set_len(0)?;
            (self.bytes, self.is_torn) = (0, false);
            self.owed.clear();
            return Ok(());
        }
        while let Some(line) = self.owed.first().cloned() {
            self.write(&line)?;
            self.owed.remove(0);
        }
        Ok(())
    }

    /// Puts everything on the disk itself. That may take long.
    pub fn sync(&mut self) -> io::Result<()> {
        match self.unsynced()? {
            Some(file) => file.sync_data(),
            None => Ok(()),
        }
    }

    /// Returns the file for whoever puts it on the disk itself, where waiting does no harm; `None`: it is there.
    pub fn unsynced(&mut self) -> io::Result<Option<File>> {
        self.pay()?;
        if std::mem::replace(&mut self.is_synced, true) {
            return Ok(None);
        }
        self.file.try_clone().map(Some)
    }

    /// Notes that the server has another store: what messages answer that are not answered yet is another one there, or
    /// none. If that fails it is tried again with the next.
    pub fn reset(&mut self) -> io::Result<()> {
        if !self.open.is_empty() {
            self.owed.push(json!({ "reset": true }));
        }
        self.pay()
    }

    /// Whether another message can be taken.
    pub fn has_room(&self) -> bool {
        self.bytes < FILE_BYTES_MAX
    }

    fn write(&mut self, line: &Value) -> io::Result<()> {
        // Behind a line that was cut, as a full disk does it, a new one begins.
        let start = if self.is_torn { "\n" } else { "" };
        let line = format!("{start}{line}\n");
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
        if self.open.is_empty() {
            // A file that stays is empty, and the next start removes it.
            let _ = fs::remove_file(&self.path);
        }
        // A thread that still puts it on the disk has the same lock, and would keep the next journal from taking it over.
        let _ = self.file.unlock();
    }
}

/// Drops everything that waits for a server, whoever wrote it, but for what running programs hold. Returns how many messages
/// that were.
pub fn drop_all(folder: &Path, server: &ServerAddress) -> io::Result<usize> {
    let prefix = format!("{}@@", server.as_str());
    let mut count = 0;
    match others(folder, &prefix, Path::new("")) {
        Ok(paths) => {
            for path in paths {
                if let Some((_locked, messages, _)) = take_over(&path)? {
                    fs::remove_file(&path)?;
                    count += messages.len();
                }
            }
            Ok(count)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
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

/// Reads what an ended program left, and keeps its file locked; `None` if the program still runs, or another took it.
fn take_over(path: &Path) -> io::Result<Option<(File, Vec<Outgoing>, Refused)>> {
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
    Ok(Some((file, unanswered(&bytes), refused(&bytes))))
}

/// What a file says was refused and not sent again since, and why.
fn refused(bytes: &[u8]) -> Refused {
    let mut found = Refused::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let Ok(line) = serde_json::from_slice::<Value>(line) else {
            continue;
        };
        let id = |key: &str| line.get(key)?.as_str()?.parse::<ClientMessageId>().ok();
        if let Some(id) = id("refused") {
            let why = line["why"].as_str().unwrap_or_default();
            found.insert(id, why.to_owned());
        } else if let Some(id) = id("id").or_else(|| id("done")) {
            found.remove(&id);
        }
    }
    found
}

/// What a file says was not answered, in the order in which it was typed. A line that is not whole is the last one of a
/// program that was killed while it wrote, so that nobody was told that it is kept.
fn unanswered(bytes: &[u8]) -> Vec<Outgoing> {
    let mut messages: Vec<Outgoing> = Vec::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let Ok(line) = serde_json::from_slice::<Value>(line) else {
            continue;
        };
        let id = |key: &str| line.get(key)?.as_str()?.parse::<ClientMessageId>().ok();
        if let Some(done) = id("done") {
            messages.retain(|message| message.id != done);
        } else if line.get("reset").is_some() {
            messages.iter_mut().for_each(Outgoing::forget_reply);
        } else if let (Some(id), Some(target), Some(text)) =
            (id("id"), target_of(&line), line["text"].as_str())
        {
            let text = text.to_owned();
            messages.push(Outgoing { id, target, text });
        }
    }
    messages
}

fn line_of(message: &Outgoing) -> Value {
    let (key, to) = match message.target.place() {
        Target::User(name) => ("user", name.as_str()),
        Target::Channel(name) => ("channel", name.as_str()),
        Target::Conversation(id) => ("conversation", id.as_str()),
        // A place is never an answer.
        Target::Reply(..) => ("reply", ""),
    };
    let mut line = json!({ "id": message.id.to_string(), key: to, "text": message.text });
    let reply_to = message.target.reply_to_seq();
    if reply_to > 0 {
        line["reply_to"] = json!(reply_to);
    }
    line
}

fn target_of(line: &Value) -> Option<Target> {
    let word = |key: &str| Some(line.get(key)?.as_str()?.to_owned());
    let place = word("user")
        .map(Target::User)
        .or_else(|| word("channel").map(Target::Channel))
        .or_else(|| word("conversation").map(Target::Conversation))?;
    Some(match line.get("reply_to").and_then(Value::as_u64) {
        Some(seq @ 1..) => place.replying_to(seq),
        _ => place,
    })
}

#[cfg(test)]
#[path = "journal_refused_tests.rs"]
mod refused_tests;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::domain::fingerprint::Fingerprint;

    pub(super) fn open(folder: &Path) -> (Journal, Vec<Outgoing>) {
        let server = "127.0.0.1:7777".parse().unwrap();
        let user = "ann".parse().unwrap();
        Journal::open(folder, &server, Assurance::Plaintext, &user).unwrap()
    }

    pub(super) fn message(text: &str) -> Outgoing {
        Outgoing {
            id: ClientMessageId::mint(),
            target: Target::User("bob".to_owned()),
            text: text.to_owned(),
        }
    }

    /// Ends a program as a kill does: the file stays as it is, the lock goes.
    pub(super) fn killed(journal: Journal) {
        let Journal { file, path, .. } = &journal;
        let copy = fs::read(path).unwrap();
        file.unlock().unwrap();
        let path = path.clone();
        drop(journal);
        fs::write(path, copy).unwrap();
    }

    #[test]
    fn what_was_not_answered_is_there_at_the_next_start_in_order() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("state");
        let (mut first, left) = open(&folder);
        assert_eq!(left, []);
        let messages: Vec<Outgoing> = ["one", "two\n\"", "three", "four"].map(message).into();
        for message in &messages {
            first.add(message).unwrap();
        }
        first.settled(messages[1].id).unwrap();
        first.sync().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&first.path)), (0o700, 0o600));

        // A second one at the same time sees nothing of it, and is not seen.
        let (mut second, left) = open(&folder);
        assert_eq!(left, []);
        let later = message("later");
        second.add(&later).unwrap();

        killed(first);
        killed(second);
        let (third, left) = open(&folder);
        let expected = [&messages[0], &messages[2], &messages[3], &later];
        assert_eq!(left.iter().collect::<Vec<_>>(), expected);
        // Taken over, they are in one file, and stay there if this one is killed, too.
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        killed(third);
        let (mut fourth, left) = open(&folder);
        assert_eq!(left.len(), 4);
        for message in left {
            fourth.settled(message.id).unwrap();
        }
        drop(fourth);
        assert_eq!(
            fs::read_dir(&folder).unwrap().count(),
            0,
            "nothing is left when all is answered"
        );
    }

    #[test]
    fn what_was_not_answered_answers_nothing_in_another_store() {
        let home = tempfile::tempdir().unwrap();
        let (mut journal, _) = open(home.path());
        let answer = |text: &str| {
            let Outgoing { id, target, text } = message(text);
            let target = target.replying_to(3);
            Outgoing { id, target, text }
        };
        let [old, new] = ["old", "new"].map(answer);
        journal.reset().unwrap();
        journal.add(&old).unwrap();
        journal.reset().unwrap();
        journal.add(&new).unwrap();
        killed(journal);
        let expected = Outgoing {
            target: Target::User("bob".to_owned()),
            ..old
        };
        assert_eq!(open(home.path()).1, [expected, new]);
    }

    #[test]
    fn every_target_reads_back_and_lines_of_earlier_versions_do() {
        let places = [
            Target::User("bob".to_owned()),
            Target::Channel("ops".to_owned()),
            Target::Conversation("c7".to_owned()),
        ];
        for place in places {
            for target in [place.clone(), place.replying_to(3)] {
                let message = Outgoing {
                    target,
                    ..message("text")
                };
                let line = line_of(&message).to_string();
                assert_eq!(unanswered(line.as_bytes()), [message], "{line}");
            }
        }
        let id = "0198c5a0-9c1e-7b21-8a4d-3f6f1f2b7c11";
        let line = format!("{{\"id\":\"{id}\",\"user\":\"bob\",\"text\":\"hi\"}}\n");
        let expected = Outgoing {
            id: id.parse().unwrap(),
            ..message("hi")
        };
        assert_eq!(unanswered(line.as_bytes()), [expected]);
    }

    #[test]
    fn others_find_nothing_of_another_user_or_server() {
        let home = tempfile::tempdir().unwrap();
        let (mut ann, _) = open(home.path());
        ann.add(&message("hers")).unwrap();
        killed(ann);
        for (server, user) in [("127.0.0.1:7777", "an"), ("127.0.0.1:777", "ann")] {
            let server = server.parse().unwrap();
            let user = user.parse().unwrap();
            let opened = Journal::open(home.path(), &server, Assurance::Plaintext, &user);
            assert_eq!(opened.unwrap().1, [], "{server:?} {user}");
        }
        // Nor does whoever is known in another way at the same address.
        let server = "127.0.0.1:7777".parse().unwrap();
        let pinned = Assurance::Pinned(Fingerprint::of(b"1"));
        let opened = Journal::open(home.path(), &server, pinned, &"ann".parse().unwrap());
        assert_eq!(opened.unwrap().1, []);
        assert_eq!(open(home.path()).1.len(), 1);
    }

    #[test]
    fn a_line_that_is_cut_and_lines_of_another_kind_do_no_harm() {
        let whole = message("whole");
        let mut bytes = format!("{}\n", line_of(&whole)).into_bytes();
        bytes.extend(
            b"\xff\xfe\n[]\n{\"id\":\"x\",\"user\":\"bob\",\"text\":\"a\"}\n\n{\"done\":7}\n",
        );
        let cut = line_of(&message("cut")).to_string();
        for end in 0..cut.len() {
            let mut bytes = bytes.clone();
            bytes.extend(&cut.as_bytes()[..end]);
            assert_eq!(
                unanswered(&bytes),
                std::slice::from_ref(&whole),
                "cut at {end}"
            );
        }
    }

    #[test]
    fn order_holds_when_the_clock_goes_back_and_a_strange_file_is_left_alone() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(
            home.path()
                .join("127.0.0.1:7777@@ann@@plaintext@@dd.outbox"),
        )
        .unwrap();
        let (mut first, _) = open(home.path());
        let typed = [9, 3, 5].map(|time| {
            let mut bytes = [0; 16];
            bytes[0] = time;
            let id = ClientMessageId::from_bytes(bytes);
            Outgoing { id, ..message("x") }
        });
        for message in &typed {
            first.add(message).unwrap();
        }
        killed(first);
        let (_second, left) = open(home.path());
        assert_eq!(left, typed);
        let server = "127.0.0.1:7777".parse().unwrap();
        assert_eq!(drop_all(home.path(), &server).unwrap(), 0, "it is held");
        drop(_second);
        assert_eq!(drop_all(home.path(), &server).unwrap(), 3);
        assert_eq!(open(home.path()).1, []);
    }

    #[test]
    fn a_file_that_is_answered_whole_does_not_grow() {
        let home = tempfile::tempdir().unwrap();
        let (mut journal, _) = open(home.path());
        for round in 0..100 {
            let message = message(&format!("{round}"));
            journal.add(&message).unwrap();
            journal.settled(message.id).unwrap();
        }
        assert_eq!(fs::metadata(&journal.path).unwrap().len(), 0);
        // What others answered is nothing to write.
        journal.settled(ClientMessageId::mint()).unwrap();
        assert_eq!(fs::metadata(&journal.path).unwrap().len(), 0);
    }
}
