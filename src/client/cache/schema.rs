//! The file of a cache: its tables, the settings of a connection, and how a file that is of no use is told.
//!
//! Promises that every blob carries a sum over itself and the place it stands at: what was damaged on the disk is found
//! when it is read, and never shown as if it had been said. Knows nothing of what the rows mean.

use std::{
    fs::{self, OpenOptions},
    io,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, config::DbConfig};

use super::CacheError;

/// Says that a file is a cache of ours: "TCca".
const APPLICATION: i32 = 0x5443_6361;
/// Number of this schema. A file of another one that is not known here is made anew.
const VERSION: i32 = 2;
/// The schema before it, of messages without files.
const WITHOUT_FILES: i32 = 1;
/// What comes again from the server, with files. What a person has written, which nobody else has, stays.
const UPGRADE: &str = "
DELETE FROM messages; DELETE FROM markers; DELETE FROM meta WHERE name = 'cursor';
";
/// 2 MiB of pages for each of the two connections: the inner pages of 200,000 messages and the chats in sight.
const CACHE_KIB: i32 = 2 * 1024;
/// The WAL is carried into the file when it has 4 MiB.
const CHECKPOINT_PAGES: i32 = 1024;
/// A WAL that grew past this is cut back at the next checkpoint.
const WAL_BYTES_KEPT: i64 = 4 * 1024 * 1024;
/// How long a connection waits for the other one: only while the WAL is recovered or emptied.
const PATIENCE: Duration = Duration::from_secs(2);
/// Bytes of the sum behind each blob: a damaged one passes once in 2^64.
const SUM_BYTES: usize = 8;

/// `chats.bytes` is null for a conversation whose state has not come yet.
const TABLES: &str = "
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE chats (
    chat INTEGER PRIMARY KEY, conversation TEXT NOT NULL UNIQUE, kind INTEGER NOT NULL DEFAULT 0,
    last_activity INTEGER NOT NULL DEFAULT 0, last_seq INTEGER NOT NULL DEFAULT 0, read_seq INTEGER NOT NULL DEFAULT 0,
    unread INTEGER NOT NULL DEFAULT 0, mentions INTEGER NOT NULL DEFAULT 0, bytes BLOB
);
CREATE INDEX chats_by_activity ON chats (last_activity, chat);
CREATE TABLE messages (
    chat INTEGER NOT NULL, seq INTEGER NOT NULL, revision INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (chat, seq)
) WITHOUT ROWID;
CREATE TABLE drafts (chat INTEGER PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE sent_lines (line INTEGER PRIMARY KEY, chat INTEGER NOT NULL, text TEXT NOT NULL);
CREATE INDEX sent_lines_by_chat ON sent_lines (chat, line);
CREATE TABLE markers (
    chat INTEGER NOT NULL, user TEXT NOT NULL, read_seq INTEGER NOT NULL, delivered_seq INTEGER NOT NULL,
    PRIMARY KEY (chat, user)
) WITHOUT ROWID;
";

/// Everything but the account, and what was begun.
pub(super) const DROP_ALL: &str = "
DELETE FROM messages; DELETE FROM chats; DELETE FROM drafts; DELETE FROM sent_lines; DELETE FROM markers;
DELETE FROM meta WHERE name NOT IN ('account', 'written');
";

/// The tables that hang on a conversation.
pub(super) const OF_A_CHAT: [&str; 5] = ["messages", "drafts", "sent_lines", "markers", "chats"];

/// What is wrong with a file or a row.
#[derive(Debug)]
pub(super) enum Fault {
    /// The file is of another schema or account, or no database.
    Foreign,
    /// A row is not what was written.
    Damaged,
    /// The system refuses it.
    Io(String),
    /// SQLite cannot go on.
    Sql(rusqlite::Error),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error::{
            FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, Utf8Error,
        };
        match &error {
            // A column that holds what we never write.
            FromSqlConversionFailure(..)
            | IntegralValueOutOfRange(..)
            | InvalidColumnType(..)
            | Utf8Error(..) => Self::Damaged,
            _ => match error.sqlite_error_code() {
                Some(ErrorCode::DatabaseCorrupt) => Self::Damaged,
                Some(ErrorCode::NotADatabase) => Self::Foreign,
                // No statement of ours fails so over a file that is whole: the number of its schema was checked.
                Some(ErrorCode::Unknown | ErrorCode::ConstraintViolation | ErrorCode::TooBig) => {
                    Self::Damaged
                }
                _ => Self::Sql(error),
            },
        }
    }
}

impl Fault {
    /// What the user is told of it.
    pub fn into_error(self, file: &Path) -> CacheError {
        let file = file.display().to_string();
        match self {
            Self::Foreign | Self::Damaged => CacheError::Damaged { file },
            Self::Io(cause) => CacheError::Unusable { file, cause },
            Self::Sql(error) => CacheError::Unusable {
                file,
                cause: error.to_string(),
            },
        }
    }
}

/// Makes the file for its owner alone, if it is not there; SQLite gives the files beside it the same rights.
pub(super) fn make_private(file: &Path) -> io::Result<()> {
    match fs::symlink_metadata(file) {
        Ok(found) if found.is_file() => {
            if found.permissions().mode() & 0o077 != 0 {
                fs::set_permissions(file, fs::Permissions::from_mode(0o600))?;
            }
            Ok(())
        }
        // Somebody's link or pipe: not followed.
        Ok(found) if !found.is_dir() => {
            fs::remove_file(file)?;
            make_empty(file)
        }
        Ok(_) => Err(io::Error::other("it is a folder")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => make_empty(file),
        Err(error) => Err(error),
    }
}

fn make_empty(file: &Path) -> io::Result<()> {
    let fresh = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file);
    fresh.map(drop)
}

/// Removes a cache. Connections that are open still see it, and nobody else does.
pub(super) fn remove(file: &Path) -> io::Result<()> {
    for ending in ["-wal", "-shm", "-journal", ""] {
        let mut name = file.as_os_str().to_owned();
        name.push(ending);
        match fs::remove_file(PathBuf::from(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Opens the write connection; an empty file gets its tables.
pub(super) fn open_writer(file: &Path, account: &str) -> Result<Connection, Fault> {
    let connection = connect(file)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update(None, "journal_size_limit", WAL_BYTES_KEPT)?;
    // One flipped byte makes a file read-only, and the rights of the file do the same: a new one is better than none.
    if connection.is_readonly("main")? {
        return Err(Fault::Foreign);
    }
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let found = (number("application_id")?, number("user_version")?);
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let is_new = found == (0, 0) && tables == 0;
    if is_new {
        let transaction = connection.unchecked_transaction()?;
        transaction.execute_batch(TABLES)?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
        put_meta(&transaction, "account", account.as_bytes())?;
        transaction.commit()?;
        return Ok(connection);
    }
    let is_known = matches!(found, (APPLICATION, VERSION | WITHOUT_FILES));
    if !is_known || meta(&connection, "account")?.as_deref() != Some(account.as_bytes()) {
        return Err(Fault::Foreign);
    }
    if found.1 == WITHOUT_FILES {
        let transaction = connection.unchecked_transaction()?;
        transaction.execute_batch(UPGRADE)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
        transaction.commit()?;
    }
    Ok(connection)
}

/// Opens the read connection.
pub(super) fn open_reader(file: &Path) -> Result<Connection, Fault> {
    let connection = connect(file)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn connect(file: &Path) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    // More than the statements there are.
    connection.set_prepared_statement_cache_capacity(64);
    connection.busy_timeout(PATIENCE)?;
    // The file may be anybody's: its schema runs nothing but what is built in.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    // A crash of the machine may lose the last of it, never its shape: what is lost comes again from the server, since
    // the cursor is lost with it. The writer is more careful where that is not so.
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    // What is deleted or edited away is overwritten, wherever it lay.
    connection
        .pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))
        .optional()?;
    Ok(connection)
}

/// Reads a value that stands once.
pub(super) fn meta(connection: &Connection, name: &str) -> Result<Option<Vec<u8>>, Fault> {
    let mut found = connection.prepare_cached("SELECT value FROM meta WHERE name = ?1")?;
    let found = found
        .query_row([name], |row| row.get::<_, Vec<u8>>(0))
        .optional()?;
    found
        .map(|sealed| unsealed(name, 0, &sealed).map(<[u8]>::to_vec))
        .transpose()
}

/// Reads a text that stands once.
pub(super) fn meta_text(connection: &Connection, name: &str) -> Result<Option<String>, Fault> {
    let found = meta(connection, name)?;
    found
        .map(|bytes| String::from_utf8(bytes).map_err(|_| Fault::Damaged))
        .transpose()
}

/// Writes a value that stands once.
pub(super) fn put_meta(connection: &Connection, name: &str, value: &[u8]) -> Result<(), Fault> {
    let sealed = sealed(name, 0, value.to_vec());
    connection
        .prepare_cached("INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)")?
        .execute((name, sealed))?;
    Ok(())
}

/// Puts the sum behind the bytes that will stand at a place.
pub(super) fn sealed(place: &str, number: u64, mut bytes: Vec<u8>) -> Vec<u8> {
    let sum = sum(place, number, &bytes);
    bytes.extend(sum);
    bytes
}

/// Takes the sum off again.
pub(super) fn unsealed<'a>(place: &str, number: u64, sealed: &'a [u8]) -> Result<&'a [u8], Fault> {
    let split = sealed.len().checked_sub(SUM_BYTES);
    let (bytes, found) = sealed.split_at(split.ok_or(Fault::Damaged)?);
    if found == sum(place, number, bytes) {
        Ok(bytes)
    } else {
        Err(Fault::Damaged)
    }
}

fn sum(place: &str, number: u64, bytes: &[u8]) -> [u8; SUM_BYTES] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(place.as_bytes()).update(&[0]);
    hasher.update(&number.to_le_bytes()).update(bytes);
    let mut sum = [0; SUM_BYTES];
    sum.copy_from_slice(&hasher.finalize().as_bytes()[..SUM_BYTES]);
    sum
}

/// A number of the wire as SQL has it. None of an honest server is past 2^63.
pub(super) fn sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
