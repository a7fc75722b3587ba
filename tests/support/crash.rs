//! What a power cut can leave behind. From the recorded file operations of one run this rebuilds, for every operation,
//! the files as they would be had the power gone just before it: first what was synced and nothing else, then with
//! random subsets of what was written and not yet synced, torn at 512 bytes.
//!
//! A file of the store counts as made for good once it or its folder was synced, as gone for good once its folder was; one in a
//! folder below, and such a folder itself, only once the folder was that lists it. A rename is one change: after a cut the file
//! has one of both names, and the new one for good once either folder was synced. The wal-index (`-shm`) is memory, not
//! storage, and is left out.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use rusqlite::Connection;

use super::{rng::Rng, strace::Strace};

/// The unit that a disk writes whole.
const SECTOR: usize = 512;
/// The calls to record.
pub const CALLS: &str = "openat,open,creat,pwrite64,pwritev,pwritev2,write,ftruncate,fallocate,fsync,fdatasync,\
     sync_file_range,msync,unlink,unlinkat,rename,renameat,renameat2,mkdir,mkdirat";

/// Microseconds since 1970, by the clock that strace stamps its lines with.
pub fn now_us() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_micros()).unwrap()
}

/// One operation on a file of the store's folder, at the moment at which it began or, for `SyncEnd`, ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    pub at_us: u64,
    pub operation: Operation,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    Open {
        file: String,
        truncate: bool,
    },
    Write {
        file: String,
        at: usize,
        bytes: Vec<u8>,
    },
    /// A write at the end.
    Append {
        file: String,
        bytes: Vec<u8>,
    },
    Truncate {
        file: String,
        length: usize,
    },
    /// Of one that was unlinked, by the name that it had.
    TruncateNameless {
        file: String,
        length: usize,
    },
    MakeFolder {
        folder: String,
    },
    Rename {
        from: String,
        to: String,
    },
    /// A sync begins: what was written before it will be safe when it has ended.
    SyncBegin {
        file: String,
        by: u32,
    },
    /// The sync of this thread has ended. Folders end with a `/`; the empty name is the folder of the store itself.
    SyncEnd {
        file: String,
        by: u32,
    },
    Unlink {
        file: String,
    },
}

/// Reads the record of a run: what it did to the files of this folder whose paths in it begin with one of `parts`.
pub fn recorded(strace: &Strace, folder: &Path, parts: &[&str]) -> Vec<Recorded> {
    let reader = Reader { folder, parts };
    let mut operations = Vec::new();
    let mut halves: HashMap<u32, (u64, String)> = HashMap::new();
    for line in strace.finished_log().lines() {
        // A short thread id is padded.
        let Some((by, line)) = line.split_once(' ') else {
            continue;
        };
        let Some((at, call)) = line.trim_start().split_once(' ') else {
            continue;
        };
        let (Ok(by), Some(at_us)) = (by.parse(), microseconds(at)) else {
            continue;
        };
        let call = call.trim_start();
        if let Some(half) = call.strip_suffix(" <unfinished ...>") {
            if let Some(file) = reader.synced(half) {
                let operation = Operation::SyncBegin { file, by };
                operations.push(Recorded { at_us, operation });
            }
            halves.insert(by, (at_us, half.to_owned()));
        } else if call.starts_with("<... ") {
            let (Some((_, rest)), Some((_, half))) =
                (call.split_once(" resumed>"), halves.remove(&by))
            else {
                continue;
            };
            let whole = format!("{half}{rest}");
            // The stamp is that of the end: what the call did can have happened as late as that.
            let done = reader.done(&whole, by);
            let done = done.into_iter();
            operations.extend(
                done.filter(|operation| !matches!(operation, Operation::SyncBegin { .. }))
                    .map(|operation| Recorded { at_us, operation }),
            );
        } else {
            let done = reader.done(call, by).into_iter();
            operations.extend(done.map(|operation| Recorded { at_us, operation }));
        }
    }
    operations
}

/// `1795390532.125983`
fn microseconds(text: &str) -> Option<u64> {
    let (seconds, micros) = text.split_once('.')?;
    Some(seconds.parse::<u64>().ok()? * 1_000_000 + micros.parse::<u64>().ok()?)
}

/// Understands strace's lines, with `-y -xx`.
struct Reader<'a> {
    folder: &'a Path,
    parts: &'a [&'a str],
}

impl Reader<'_> {
    /// What a call did that came back with success.
    fn done(&self, call: &str, by: u32) -> Vec<Operation> {
        let Some((arguments, result)) = call.rsplit_once(" = ") else {
            return Vec::new();
        };
        let result = result.split_whitespace().next().unwrap_or_default();
        let result = result.split('<').next().unwrap_or_default();
        let Ok(result) = result.parse::<i64>() else {
            return Vec::new();
        };
        if result < 0 {
            return Vec::new();
        }
        let (name, arguments) = arguments.split_once('(').unwrap();
        let last = |n: usize| -> usize {
            let mut numbers = arguments.trim_end().trim_end_matches(')').rsplit(", ");
            numbers.nth(n).unwrap().parse().unwrap()
        };
        match name {
            "fsync" | "fdatasync" => {
                let Some(file) = self.synced(call) else {
                    return Vec::new();
                };
                let begin = Operation::SyncBegin {
                    file: file.clone(),
                    by,
                };
                vec![begin, Operation::SyncEnd { file, by }]
            }
            "open" | "openat" | "creat" => {
                let file = self.file(&quoted(arguments));
                let writes = name == "creat"
                    || arguments.contains("O_CREAT")
                    || arguments.contains("O_TRUNC");
                let truncate = name == "creat" || arguments.contains("O_TRUNC");
                let file = file.filter(|_| writes).into_iter();
                file.map(|file| Operation::Open { file, truncate })
                    .collect()
            }
            "pwrite64" => {
                let file = self.file(&behind(arguments)).into_iter();
                file.map(|file| {
                    let mut bytes = quoted(arguments);
                    bytes.truncate(result as usize);
                    assert_eq!(bytes.len(), result as usize, "the record is cut short");
                    Operation::Write {
                        file,
                        at: last(0),
                        bytes,
                    }
                })
                .collect()
            }
            // Without a place it is at the end where the file was opened so.
            "write"
                if self
                    .file(&behind(arguments))
                    .is_some_and(|file| file.starts_with(APPENDED)) =>
            {
                let mut bytes = quoted(arguments);
                bytes.truncate(result as usize);
                assert_eq!(bytes.len(), result as usize, "the record is cut short");
                let file = self.file(&behind(arguments)).into_iter();
                file.map(|file| Operation::Append {
                    file,
                    bytes: bytes.clone(),
                })
                .collect()
            }
            "mkdir" | "mkdirat" => {
                let folder = self.file(&quoted(arguments)).into_iter();
                folder
                    .map(|folder| Operation::MakeFolder {
                        folder: folder + "/",
                    })
                    .collect()
            }
            "rename" | "renameat" | "renameat2" => {
                let second = unescaped(arguments.split('"').nth(3).unwrap_or_default());
                match (self.file(&quoted(arguments)), self.file(&second)) {
                    (Some(from), Some(to)) => vec![Operation::Rename { from, to }],
                    (None, None) => Vec::new(),
                    half => panic!("a file comes or goes: {half:?}"),
                }
            }
            "ftruncate" => {
                let file = self.file(&behind(arguments)).into_iter();
                let length = last(0);
                let is_nameless = arguments.contains(">(deleted)");
                file.map(|file| match is_nameless {
                    true => Operation::TruncateNameless { file, length },
                    false => Operation::Truncate { file, length },
                })
                .collect()
            }
            "unlink" | "unlinkat" => {
                let file = self.file(&quoted(arguments)).into_iter();
                file.map(|file| Operation::Unlink { file }).collect()
            }
            other => {
                let touched = [behind(arguments), quoted(arguments)];
                let touched = touched.iter().any(|path| self.file(path).is_some());
                assert!(!touched, "the rebuilder does not know {other}: {call:.200}");
                Vec::new()
            }
        }
    }

    /// The file or folder that a sync is for.
    fn synced(&self, call: &str) -> Option<String> {
        let (name, arguments) = call.split_once('(')?;
        if !matches!(name, "fsync" | "fdatasync") {
            return None;
        }
        let path = behind(arguments);
        if Path::new(std::str::from_utf8(&path).ok()?) == self.folder {
            return Some(String::new());
        }
        let name = self.file(&path)?;
        Some(if is_folder(&name) { name + "/" } else { name })
    }

    /// The path of a file in the folder; `None` for every other one.
    fn file(&self, path: &[u8]) -> Option<String> {
        let path = Path::new(std::str::from_utf8(path).ok()?);
        let name = path.strip_prefix(self.folder).ok()?.to_str()?;
        let is_part = self.parts.iter().any(|part| name.starts_with(part));
        (is_part && !name.ends_with("-shm")).then(|| name.to_owned())
    }
}

/// Files below are opened to append.
const APPENDED: &str = "uploads/";

/// Of the paths in the folder of a store: `uploads`, `blobs`, and below `blobs` what is no content.
fn is_folder(path: &str) -> bool {
    match path.split_once('/') {
        Some((_, below)) => path.starts_with("blobs/") && !below.contains('/'),
        None => matches!(path, "uploads" | "blobs"),
    }
}

/// The folder that lists a file or folder.
fn parent(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    path.rfind('/').map_or("", |end| &path[..=end])
}

/// The bytes of the first `"\x61\x62"` of a line.
fn quoted(text: &str) -> Vec<u8> {
    let text = text.split('"').nth(1).unwrap_or_default();
    unescaped(text)
}

/// The path of the first `3<\x2f\x74>` of a line.
fn behind(text: &str) -> Vec<u8> {
    let path = text
        .split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'));
    path.map(|(path, _)| unescaped(path)).unwrap_or_default()
}

fn unescaped(text: &str) -> Vec<u8> {
    let codes = text.split("\\x").skip(1);
    codes
        .map(|code| u8::from_str_radix(&code[..2], 16).unwrap())
        .collect()
}

/// The files of a store, by name.
pub type Files = BTreeMap<String, Vec<u8>>;

/// A disk and what its cache holds.
#[derive(Debug, Default)]
struct Disk {
    files: BTreeMap<String, File>,
    /// Unlinked or renamed, but the folder has not been synced since.
    ghosts: BTreeMap<String, Ghost>,
    /// Those below, and whether they are made for good.
    folders: BTreeMap<String, bool>,
    /// Counts the changes; a sync covers those up to where it began.
    changes: u64,
    syncs: HashMap<u32, u64>,
}

#[derive(Clone, Debug, Default)]
struct File {
    made_for_good: bool,
    /// As all see it until a cut.
    length: usize,
    safe: Vec<u8>,
    cached: Vec<(u64, Change)>,
}

/// What a name may lead to again after a cut.
#[derive(Debug)]
struct Ghost {
    file: File,
    /// The name that the file has now.
    renamed_to: Option<String>,
}

#[derive(Clone, Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

/// Applies a change; of a write only the sectors that `kept` says.
fn apply(content: &mut Vec<u8>, change: &Change, mut kept: impl FnMut() -> bool) {
    match change {
        Change::Length(length) => {
            if kept() {
                content.resize(*length, 0);
            }
        }
        Change::Write(at, bytes) => {
            let mut from = 0;
            while from < bytes.len() {
                let place = at + from;
                // Torn where the disk's sectors end, not where the write's bytes do.
                let to = (from + SECTOR - place % SECTOR).min(bytes.len());
                if kept() {
                    let end = at + to;
                    if content.len() < end {
                        content.resize(end, 0);
                    }
                    content[place..end].copy_from_slice(&bytes[from..to]);
                }
                from = to;
            }
        }
    }
}

impl Disk {
    fn carry_out(&mut self, operation: &Operation) {
        self.changes += 1;
        let number = self.changes;
        match operation {
            Operation::Open { file, truncate } => {
                let file = self.files.entry(file.clone()).or_default();
                if *truncate {
                    file.length = 0;
                    file.cached.push((number, Change::Length(0)));
                }
            }
            Operation::Write { file, at, bytes } => {
                let file = self.files.entry(file.clone()).or_default();
                file.length = file.length.max(at + bytes.len());
                file.cached
                    .push((number, Change::Write(*at, bytes.clone())));
            }
            Operation::Append { file, bytes } => {
                let file = self.files.get_mut(file).unwrap();
                let change = Change::Write(file.length, bytes.clone());
                file.length += bytes.len();
                file.cached.push((number, change));
            }
            Operation::Truncate { file, length } => {
                let file = self.files.entry(file.clone()).or_default();
                file.length = *length;
                file.cached.push((number, Change::Length(*length)));
            }
            Operation::TruncateNameless { file, length } => {
                // Until its folder is synced its name may lead to it again, and to no more than is left of it.
                if let Some(ghost) = self.ghosts.get_mut(file) {
                    let change = Change::Length(*length);
                    ghost.file.cached.push((number, change));
                }
            }
            Operation::MakeFolder { folder } => {
                self.folders.insert(folder.clone(), false);
            }
            Operation::Rename { from, to } => {
                let mut file = self.files.remove(from).unwrap();
                if file.made_for_good {
                    let ghost = Ghost {
                        file: file.clone(),
                        renamed_to: Some(to.clone()),
                    };
                    self.ghosts.insert(from.clone(), ghost);
                }
                file.made_for_good = false;
                let before = self.files.insert(to.clone(), file);
                assert!(before.is_none(), "{to} was there");
            }
            Operation::SyncBegin { by, .. } => {
                self.syncs.insert(*by, number);
            }
            Operation::SyncEnd { file, by } => {
                let began = self.syncs.remove(by).unwrap();
                if file.is_empty() || file.ends_with('/') {
                    self.sync_folder(file);
                } else if let Some(synced) = self.files.get_mut(file) {
                    if parent(file).is_empty() {
                        synced.made_for_good = true;
                        self.ghosts.remove(file);
                    }
                    let (safe, cached) = (&mut synced.safe, &mut synced.cached);
                    cached.retain(|(number, change)| {
                        if *number < began {
                            apply(safe, change, || true);
                        }
                        *number >= began
                    });
                }
            }
            Operation::Unlink { file } => {
                if let Some(gone) = self.files.remove(file).filter(|file| file.made_for_good) {
                    let ghost = Ghost {
                        file: gone,
                        renamed_to: None,
                    };
                    self.ghosts.entry(file.clone()).or_insert(ghost);
                }
            }
        }
    }

    /// What a folder lists is as it is for good.
    fn sync_folder(&mut self, folder: &str) {
        for (name, file) in &mut self.files {
            file.made_for_good |= parent(name) == folder;
        }
        for (name, made_for_good) in &mut self.folders {
            *made_for_good |= parent(name) == folder;
        }
        let files = &mut self.files;
        self.ghosts.retain(|name, ghost| {
            let new = ghost.renamed_to.as_deref();
            if parent(name) != folder && new.map(parent) != Some(folder) {
                return true;
            }
            if let Some(file) = new.and_then(|new| files.get_mut(new)) {
                file.made_for_good = true;
            }
            false
        });
    }

    /// The folders above a file are there, where these are not.
    fn is_reached(name: &str, missing: &BTreeSet<&str>) -> bool {
        let mut above = parent(name);
        while !above.is_empty() {
            if missing.contains(above) {
                return false;
            }
            above = parent(above);
        }
        true
    }

    /// The folders that may not be there after a cut.
    fn unsure(&self) -> impl Iterator<Item = &str> {
        let unsure = self.folders.iter().filter(|(_, for_good)| !**for_good);
        unsure.map(|(name, _)| name.as_str())
    }

    /// What was synced, and nothing else.
    fn safe(&self) -> Files {
        let missing = self.unsure().collect();
        let ghosts = self.ghosts.iter().map(|(name, ghost)| (name, &ghost.file));
        let files = self.files.iter().filter(|(_, file)| file.made_for_good);
        ghosts
            .chain(files)
            .filter(|(name, _)| Self::is_reached(name, &missing))
            .map(|(name, file)| (name.clone(), file.safe.clone()))
            .collect()
    }

    /// What was synced, and some of what was not.
    fn torn(&self, rng: &mut Rng) -> Files {
        let percent = rng.within(0..101);
        let missing: BTreeSet<_> = self.unsure().filter(|_| rng.chance(50)).collect();
        let mut files = Files::new();
        for (name, file) in &self.files {
            if !(file.made_for_good || rng.chance(50)) || !Self::is_reached(name, &missing) {
                continue;
            }
            let mut content = file.safe.clone();
            for (_, change) in &file.cached {
                apply(&mut content, change, || rng.chance(percent));
            }
            files.insert(name.clone(), content);
        }
        for (name, ghost) in &self.ghosts {
            let stays = match &ghost.renamed_to {
                Some(new) => !files.contains_key(new),
                None => rng.chance(50) && !files.contains_key(name),
            };
            if stays && Self::is_reached(name, &missing) {
                let mut content = ghost.file.safe.clone();
                for (_, change) in &ghost.file.cached {
                    apply(&mut content, change, || rng.chance(percent));
                }
                files.insert(name.clone(), content);
            }
        }
        files
    }
}

/// What rebuilt states came to.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// How many states were opened.
    pub states: usize,
    /// States that lack something that had been acknowledged.
    pub losing: usize,
    /// States that the database itself finds broken.
    pub corrupt: usize,
    /// The first things found, for people.
    pub examples: Vec<String>,
}

/// Opens every state and looks for what was acknowledged before it: 16-byte client ids with the moments of their
/// acknowledgements. `torn` random states are made per operation beside the synced one.
pub fn judge(
    operations: &[Recorded],
    acked: &[([u8; 16], u64)],
    database: &str,
    seed: u64,
    torn: usize,
) -> Verdict {
    judge_by(operations, acked, seed, torn, |folder, files, due| {
        let found = open(folder, files, database)?;
        Ok(due.iter().filter(|id| !found.contains(**id)).count())
    })
}

/// Looks at every state by `lost`, which says how many of the claims that were made before do not hold in it, or why it is
/// broken; it has an empty folder for its use.
pub fn judge_by<C>(
    operations: &[Recorded],
    claims: &[(C, u64)],
    seed: u64,
    torn: usize,
    lost: impl Fn(&Path, &Files, &[&C]) -> Result<usize, String>,
) -> Verdict {
    let mut rng = Rng::new(seed);
    let mut disk = Disk::default();
    let mut verdict = Verdict::default();
    // In memory if it can be: thousands of small files are made and dropped.
    let memory = Path::new("/dev/shm");
    let folder = tempfile::tempdir_in(if memory.is_dir() {
        memory
    } else {
        Path::new("/tmp")
    });
    let folder = folder.unwrap();
    let mut end = operations.to_vec();
    // And the state after everything.
    let last_us = operations.last().map_or(0, |last| last.at_us);
    end.push(Recorded {
        at_us: last_us,
        operation: Operation::Unlink {
            file: String::new(),
        },
    });
    for (index, recorded) in end.iter().enumerate() {
        let due = claims.iter().filter(|(_, at_us)| *at_us < recorded.at_us);
        let due: Vec<&C> = due.map(|(claim, _)| claim).collect();
        let mut states = vec![("synced", disk.safe())];
        states.extend((0..torn).map(|_| ("torn", disk.torn(&mut rng))));
        for (kind, files) in states {
            verdict.states += 1;
            let problem = match lost(folder.path(), &files, &due) {
                Err(why) => {
                    verdict.corrupt += 1;
                    why
                }
                Ok(0) => continue,
                Ok(lost) => {
                    verdict.losing += 1;
                    format!("{lost} of {} acknowledged are lost", due.len())
                }
            };
            if verdict.examples.len() < 10 {
                let examples = &mut verdict.examples;
                examples.push(format!(
                    "before operation {index}, {kind} (seed {seed:#x}): {problem}"
                ));
            }
        }
        disk.carry_out(&recorded.operation);
    }
    verdict
}

/// Puts the database of a state into a folder and opens it, as a restarted server would; `None`: there is none yet.
pub fn database(
    folder: &Path,
    files: &Files,
    database: &str,
) -> Result<Option<Connection>, String> {
    for old in fs::read_dir(folder).unwrap() {
        fs::remove_file(old.unwrap().path()).unwrap();
    }
    let of_it = files.iter().filter(|(name, _)| name.starts_with(database));
    let mut laid_out = 0;
    for (name, content) in of_it {
        fs::write(folder.join(name), content).unwrap();
        laid_out += 1;
    }
    let path: PathBuf = folder.join(database);
    if fs::metadata(&path).map_or(0, |file| file.len()) == 0 && laid_out <= 1 {
        return Ok(None);
    }
    let opened = || -> rusqlite::Result<(Connection, String)> {
        let connection = Connection::open(&path)?;
        let sound = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        Ok((connection, sound))
    };
    match opened() {
        Ok((connection, sound)) if sound == "ok" => Ok(Some(connection)),
        Ok((_, broken)) => Err(broken),
        Err(error) => Err(error.to_string()),
    }
}

/// The table is there.
pub fn has_table(connection: &Connection, table: &str) -> rusqlite::Result<bool> {
    let there = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1";
    connection.query_row(there, [table], |row| row.get(0))
}

/// The client ids that are whole in a state.
fn open(folder: &Path, files: &Files, name: &str) -> Result<BTreeSet<[u8; 16]>, String> {
    let Some(connection) = database(folder, files, name)? else {
        return Ok(BTreeSet::new());
    };
    let ids = || -> rusqlite::Result<Result<BTreeSet<[u8; 16]>, String>> {
        let mut both = Vec::new();
        for table in ["sends", "log"] {
            if !has_table(&connection, table)? {
                return Ok(Ok(BTreeSet::new()));
            }
            let sql = format!("SELECT client_id FROM {table} WHERE client_id IS NOT NULL");
            let mut statement = connection.prepare(&sql)?;
            let ids = statement.query_map([], |row| row.get::<_, [u8; 16]>(0))?;
            both.push(ids.collect::<rusqlite::Result<BTreeSet<_>>>()?);
        }
        if both[0] != both[1] {
            return Ok(Err("the tables sends and log disagree".to_owned()));
        }
        Ok(Ok(both.remove(0)))
    };
    ids().unwrap_or_else(|error| Err(error.to_string()))
}

mod tests {
    use super::*;

    fn write(at: usize, bytes: &[u8]) -> Operation {
        Operation::Write {
            file: "f".to_owned(),
            at,
            bytes: bytes.to_vec(),
        }
    }

    fn sync(disk: &mut Disk, file: &str) {
        let file = file.to_owned();
        disk.carry_out(&Operation::SyncBegin {
            file: file.clone(),
            by: 1,
        });
        disk.carry_out(&Operation::SyncEnd { file, by: 1 });
    }

    #[test]
    fn only_what_was_written_before_a_sync_began_is_safe() {
        let mut disk = Disk::default();
        let file = || "f".to_owned();
        disk.carry_out(&Operation::Open {
            file: file(),
            truncate: false,
        });
        assert_eq!(disk.safe(), Files::new());
        disk.carry_out(&write(0, b"ab"));
        disk.carry_out(&Operation::SyncBegin {
            file: file(),
            by: 1,
        });
        disk.carry_out(&write(2, b"cd"));
        disk.carry_out(&Operation::SyncEnd {
            file: file(),
            by: 1,
        });
        assert_eq!(disk.safe(), Files::from([(file(), b"ab".to_vec())]));
        sync(&mut disk, "f");
        assert_eq!(disk.safe(), Files::from([(file(), b"abcd".to_vec())]));
    }

    #[test]
    fn an_unlinked_file_may_come_back_until_its_folder_is_synced() {
        let mut disk = Disk::default();
        disk.carry_out(&write(0, b"ab"));
        sync(&mut disk, "f");
        disk.carry_out(&Operation::Unlink {
            file: "f".to_owned(),
        });
        assert_eq!(disk.safe().len(), 1);
        disk.carry_out(&Operation::TruncateNameless {
            file: "f".to_owned(),
            length: 1,
        });
        let mut rng = Rng::new(1);
        let mut seen = BTreeSet::new();
        for _ in 0..100 {
            seen.insert(disk.torn(&mut rng));
        }
        let with = |bytes: &[u8]| Files::from([("f".to_owned(), bytes.to_vec())]);
        assert_eq!(
            seen,
            BTreeSet::from([Files::new(), with(b"a"), with(b"ab")])
        );
        sync(&mut disk, "");
        assert_eq!(disk.safe().len(), 0);
    }

    #[test]
    fn a_file_below_is_reached_only_by_folders_that_were_synced() {
        let mut disk = Disk::default();
        for folder in ["uploads/", "blobs/"] {
            let folder = folder.to_owned();
            disk.carry_out(&Operation::MakeFolder { folder });
        }
        sync(&mut disk, "");
        let (from, to) = ("uploads/3".to_owned(), "blobs/ab/abc".to_owned());
        disk.carry_out(&Operation::Open {
            file: from.clone(),
            truncate: false,
        });
        disk.carry_out(&Operation::Append {
            file: from.clone(),
            bytes: b"ab".to_vec(),
        });
        sync(&mut disk, &from);
        assert_eq!(disk.safe(), Files::new(), "its folder does not list it");
        sync(&mut disk, "uploads/");
        let at = |name: &str| Files::from([(name.to_owned(), b"ab".to_vec())]);
        assert_eq!(disk.safe(), at(&from));
        let folder = "blobs/ab/".to_owned();
        disk.carry_out(&Operation::MakeFolder { folder });
        let new = to.clone();
        disk.carry_out(&Operation::Rename {
            from: from.clone(),
            to: new,
        });
        let mut rng = Rng::new(1);
        let mut seen = BTreeSet::new();
        for _ in 0..100 {
            seen.insert(disk.torn(&mut rng));
        }
        assert_eq!(seen, BTreeSet::from([at(&from), at(&to)]), "one of both");
        assert_eq!(disk.safe(), at(&from));
        sync(&mut disk, "blobs/ab/");
        assert_eq!(disk.safe(), Files::new(), "nothing leads there");
        sync(&mut disk, "blobs/");
        assert_eq!(disk.safe(), at(&to));
    }

    #[test]
    fn a_torn_write_is_torn_at_the_sectors_of_the_disk() {
        let mut content = Vec::new();
        let mut turn = 0;
        apply(&mut content, &Change::Write(500, vec![1; 600]), || {
            turn += 1;
            turn == 2
        });
        assert_eq!(turn, 3);
        assert_eq!(content.len(), 1024);
        assert!(content[..512].iter().all(|byte| *byte == 0));
        assert!(content[512..].iter().all(|byte| *byte == 1));
    }

    #[test]
    fn the_lines_of_strace_are_understood() {
        let folder = Path::new("/t");
        let reader = Reader {
            folder,
            parts: &["f", "uploads", "blobs"],
        };
        let call = r#"pwrite64(4<\x2f\x74\x2f\x66>, "\x61\x3e\x62", 3, 4096) = 3"#;
        let written = Operation::Write {
            file: "f".to_owned(),
            at: 4096,
            bytes: b"a>b".to_vec(),
        };
        assert_eq!(reader.done(call, 1), [written]);
        assert_eq!(reader.synced(r"fsync(4<\x2f\x74>"), Some(String::new()));
        assert_eq!(reader.synced(r"fsync(4<\x2f\x75>"), None);
        let appended =
            r#"write(4<\x2f\x74\x2f\x75\x70\x6c\x6f\x61\x64\x73\x2f\x33>, "\x61\x62", 2) = 2"#;
        let appended_to = Operation::Append {
            file: "uploads/3".to_owned(),
            bytes: b"ab".to_vec(),
        };
        assert_eq!(reader.done(appended, 1), [appended_to]);
        let cut = r"ftruncate(4<\x2f\x74\x2f\x66>, 7) = 0";
        let (file, length) = ("f".to_owned(), 7);
        let cut_to = Operation::Truncate { file, length };
        assert_eq!(reader.done(cut, 1), [cut_to]);
        let cut = r"ftruncate(4<\x2f\x74\x2f\x66>(deleted), 7) = 0";
        let (file, length) = ("f".to_owned(), 7);
        let cut_to = Operation::TruncateNameless { file, length };
        assert_eq!(reader.done(cut, 1), [cut_to]);
        let renamed = r#"rename("\x2f\x74\x2f\x66\x31", "\x2f\x74\x2f\x66\x32") = 0"#;
        let renamed_to = Operation::Rename {
            from: "f1".to_owned(),
            to: "f2".to_owned(),
        };
        assert_eq!(reader.done(renamed, 1), [renamed_to]);
        let made = r#"mkdir("\x2f\x74\x2f\x62\x6c\x6f\x62\x73", 0700) = 0"#;
        let folder = "blobs/".to_owned();
        assert_eq!(reader.done(made, 1), [Operation::MakeFolder { folder }]);
        let synced = r"fsync(4<\x2f\x74\x2f\x62\x6c\x6f\x62\x73>";
        assert_eq!(reader.synced(synced), Some("blobs/".to_owned()));
        let failed = r"fsync(4<\x2f\x74\x2f\x66>) = -1 EIO (Input/output error)";
        assert_eq!(reader.done(failed, 1), []);
        assert_eq!(microseconds("12.000034"), Some(12_000_034));
    }
}
