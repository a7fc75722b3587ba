//! The index as a file: a database of its own beside the log, which can be thrown away and made anew from it.
//!
//! The messages of a stretch of the log stand in one part, an FTS5 table; only the newest part grows. A document is the
//! text of a message under the message's offset, with a word for its conversation and one for its sender. FTS5 and the
//! pages under it leave copies behind of what they take out. So a part of which something was edited away or deleted is
//! emptied, which overwrites all of it, and filled again from the log. Until then such messages are listed as stale.
//!
//! One connection writes, that of the index's thread. It knows nothing of when that is.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use super::{
    super::rows,
    Trouble,
    texts::{self, Entry, Slice},
};
use crate::{
    domain::{
        clock::TimeMs,
        ids::{ConversationId, Epoch, Offset, UserId},
    },
    store::matcher::{self, TOKENIZE},
};

/// Name of the database in the data folder.
const FILE: &str = "search.db";
/// What is written into it is of this form. Any other is thrown away.
const VERSION: u32 = 1;
/// Messages of a part. More make a search of rare words faster, and an edit or deletion dearer.
pub(super) const PART_DOCUMENTS: u64 = 32_768;
/// Bytes of text at which a part is full, even below its count: making it anew takes some seconds at the most.
const PART_BYTES: u64 = 16 * 1024 * 1024;
/// Rows of the log that are taken in by one transaction.
const TRANSACTION_ROWS: u64 = 8_000;
/// Pages in memory.
const CACHE_KIB: i32 = 2 * 1024;
/// The WAL is carried into the file when it has 8 MiB, and cut back to that.
const CHECKPOINT_PAGES: i32 = 2048;
const WAL_BYTES_KEPT: i64 = 8 * 1024 * 1024;

/// The tables beside the parts, which are called `part_` and their number.
const SCHEMA: &str = "
    CREATE TABLE place (                    -- one row
        id INTEGER PRIMARY KEY CHECK (id = 1),
        epoch INTEGER NOT NULL,             -- of the log
        cursor INTEGER NOT NULL             -- everything up to here is taken in
    ) STRICT;
    CREATE TABLE parts (
        number INTEGER PRIMARY KEY,
        first_offset INTEGER NOT NULL,
        last_offset INTEGER NOT NULL,
        documents INTEGER NOT NULL,
        bytes INTEGER NOT NULL,             -- of their texts
        seen INTEGER NOT NULL,              -- what was done to its messages until then is in their texts
        earliest_ms INTEGER NOT NULL,       -- when they were sent
        latest_ms INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE stale (                    -- messages whose old text is in a part
        offset INTEGER PRIMARY KEY,
        conversation_id INTEGER NOT NULL,
        since INTEGER NOT NULL,             -- the offset of the first change
        deleted INTEGER NOT NULL
    ) STRICT;
";

/// A part.
#[derive(Clone, Copy)]
struct Part {
    number: u64,
    first: Offset,
    last: Offset,
    documents: u64,
    bytes: u64,
    seen: Offset,
    earliest: TimeMs,
    latest: TimeMs,
}

impl Part {
    /// Without messages.
    fn empty(number: u64, first: Offset) -> Self {
        Self {
            number,
            first,
            last: first,
            documents: 0,
            bytes: 0,
            seen: Offset::ZERO,
            earliest: TimeMs::new(i64::MAX),
            latest: TimeMs::new(i64::MIN),
        }
    }
}

/// The index, to be written.
pub(super) struct Index {
    connection: Connection,
    cursor: Offset,
    /// The part that grows.
    newest: Option<Part>,
    part_documents: u64,
    /// Whether old texts may be left in the WAL.
    untidy: bool,
}

/// Where the index of a store lies.
pub(super) fn file(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

/// Throws an index away. Nobody may have it open.
pub(super) fn discard(file: &Path) -> io::Result<()> {
    for ending in ["", "-wal", "-shm"] {
        let mut name = file.as_os_str().to_owned();
        name.push(ending);
        match fs::remove_file(name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Opens a connection.
pub(super) fn connect(file: &Path, writer: bool) -> rusqlite::Result<Connection> {
    let mut access = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    access.set(OpenFlags::SQLITE_OPEN_CREATE, writer);
    let connection = Connection::open_with_flags(file, access)?;
    connection.busy_timeout(std::time::Duration::from_secs(2))?;
    let pragma = |name: &str, value: &dyn rusqlite::ToSql| {
        connection
            .pragma_update_and_check(None, name, value, |_| Ok(()))
            .optional()
            .map(drop)
    };
    pragma("journal_mode", &"wal")?;
    // What a power cut takes of it is taken in again from the log.
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    if writer {
        pragma("wal_autocheckpoint", &CHECKPOINT_PAGES)?;
        pragma("journal_size_limit", &WAL_BYTES_KEPT)?;
        pragma("secure_delete", &true)?;
    } else {
        connection.pragma_update(None, "query_only", true)?;
    }
    Ok(connection)
}

/// The word of a conversation in the column `keys`.
pub(super) fn conversation_key(id: ConversationId) -> String {
    format!("c{}", id.number())
}

/// The word of a sender in the column `keys`.
pub(super) fn sender_key(id: UserId) -> String {
    format!("s{}", id.number())
}

impl Index {
    /// Opens the index of a log, which ends at `end`. `None`: the file is that of another log, or of one that was longer,
    /// or of another form.
    pub fn open(
        file: &Path,
        epoch: Epoch,
        end: Offset,
        part_documents: u64,
    ) -> rusqlite::Result<Option<Self>> {
        let connection = connect(file, true)?;
        let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if version == 0 {
            let made = connection.unchecked_transaction()?;
            made.execute_batch(SCHEMA)?;
            made.execute(
                "INSERT INTO place (id, epoch, cursor) VALUES (1, ?1, 0)",
                [rows::int(epoch.number())],
            )?;
            made.pragma_update(None, "user_version", VERSION)?;
            made.commit()?;
        } else if version != VERSION {
            return Ok(None);
        }
        let (found, cursor) =
            connection.query_row("SELECT epoch, cursor FROM place", [], |row| {
                Ok((rows::number(row, 0)?, Offset::new(rows::number(row, 1)?)))
            })?;
        // What its texts know may lie beyond what is taken in.
        let seen = connection
            .query_row("SELECT coalesce(max(seen), 0) FROM parts", [], |row| {
                rows::number(row, 0)
            })
            .map(Offset::new)?;
        if found != epoch.number() || cursor.max(seen) > end {
            return Ok(None);
        }
        let newest = part(&connection, Offset::new(u64::MAX >> 1))?;
        let mut index = Self {
            connection,
            cursor,
            newest,
            part_documents,
            untidy: true,
        };
        // A stop may have come between an erasure and this.
        index.untidy = !index.tidy()?;
        Ok(Some(index))
    }

    /// Everything in the log up to here is taken in.
    pub const fn cursor(&self) -> Offset {
        self.cursor
    }

    /// Whether it was opened with old texts in its WAL that a search held fast.
    pub const fn is_untidy(&self) -> bool {
        self.untidy
    }

    /// Whether nothing more goes into a part.
    const fn is_full(&self, part: &Part) -> bool {
        part.documents >= self.part_documents || part.bytes >= PART_BYTES
    }

    /// Whether there are old texts in it.
    pub fn is_stale(&self) -> rusqlite::Result<bool> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT 1 FROM stale LIMIT 1")?;
        statement.exists([])
    }

    /// Takes in what comes next in the log, and says whether there is more.
    pub fn take_in(&mut self, log: &Connection, stop: impl Fn() -> bool) -> Result<bool, Trouble> {
        let mut slice = self.next_slice(log)?;
        if slice.rows == 0 {
            return Ok(false);
        }
        if let Some(full) = self.newest.filter(|part| self.is_full(part)) {
            // From now on it is only read.
            self.connection.execute_batch(&merge(full.number))?;
            self.newest = None;
        }
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        let mut rows = 0;
        let more = loop {
            self.put(&slice)?;
            rows += slice.rows;
            let full = self.newest.is_some_and(|part| self.is_full(&part));
            if !slice.more || full || rows >= TRANSACTION_ROWS || stop() {
                break slice.more;
            }
            slice = self.next_slice(log)?;
        };
        self.connection
            .prepare_cached("UPDATE place SET cursor = ?1")?
            .execute([rows::int(self.cursor.number())])?;
        if let Some(newest) = &self.newest {
            self.note(newest)?;
        }
        self.connection.execute_batch("COMMIT")?;
        Ok(more)
    }

    /// What comes next in the log, as far as there is room for it in the part that grows.
    fn next_slice(&self, log: &Connection) -> Result<Slice, Trouble> {
        let grown = self
            .newest
            .map_or(0, |part| part.documents % self.part_documents);
        let room = self.part_documents - grown;
        texts::slice(log, self.cursor, Offset::new(u64::MAX >> 1), room).map_err(Trouble::Log)
    }

    /// Puts a slice into the part that grows.
    fn put(&mut self, slice: &Slice) -> rusqlite::Result<()> {
        let before = self.cursor;
        let messages = slice
            .entries
            .iter()
            .filter(|entry| matches!(entry, Entry::Message { .. }));
        if self.newest.is_none() && messages.count() > 0 {
            self.begin_part(slice)?;
        }
        if let Some(part) = &mut self.newest {
            fill(&self.connection, part, slice)?;
        }
        for entry in &slice.entries {
            // A message of the same slice was read with this change.
            if let Entry::Change {
                offset,
                message,
                conversation,
                deleted,
            } = entry
                && *message <= before
            {
                self.mark_stale(*message, *conversation, *offset, *deleted)?;
            }
        }
        self.cursor = slice.to;
        Ok(())
    }

    /// Its pieces are merged when there are many and once it is full, not all the time: that takes a fifth off the work.
    fn begin_part(&mut self, slice: &Slice) -> rusqlite::Result<()> {
        let last: Option<i64> =
            self.connection
                .query_row("SELECT max(number) FROM parts", [], |row| row.get(0))?;
        let number = last.map_or(1, |last| last.cast_unsigned() + 1);
        self.connection.execute_batch(&format!(
            "CREATE VIRTUAL TABLE part_{number} USING fts5(text, keys, content = '', columnsize = 0, {TOKENIZE}); \
             INSERT INTO part_{number} (part_{number}, rank) VALUES ('automerge', 0)"
        ))?;
        self.newest = Some(Part {
            seen: slice.seen,
            ..Part::empty(number, self.cursor.next())
        });
        Ok(())
    }

    /// Notes that a message has another text than its part says.
    fn mark_stale(
        &self,
        message: Offset,
        conversation: ConversationId,
        since: Offset,
        deleted: bool,
    ) -> rusqlite::Result<()> {
        let part = match self.newest {
            Some(newest) if newest.first <= message => Some(newest),
            _ => part(&self.connection, message)?,
        };
        if part.is_some_and(|part| since > part.seen) {
            self.connection
                .prepare_cached(
                    "INSERT INTO stale (offset, conversation_id, since, deleted) VALUES (?1, ?2, ?3, ?4) \
                     ON CONFLICT DO UPDATE SET deleted = ?4",
                )?
                .execute(params![
                    rows::int(message.number()),
                    rows::int(conversation.number()),
                    rows::int(since.number()),
                    deleted
                ])?;
        }
        Ok(())
    }

    fn note(&self, part: &Part) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached(
                "INSERT OR REPLACE INTO parts (number, first_offset, last_offset, documents, seen, earliest_ms, \
                 latest_ms, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute([
                rows::int(part.number),
                rows::int(part.first.number()),
                rows::int(part.last.number()),
                rows::int(part.documents),
                rows::int(part.seen.number()),
                part.earliest.milliseconds(),
                part.latest.milliseconds(),
                rows::int(part.bytes),
            ])
            .map(drop)
    }

    /// Erases old texts: makes the part anew that has had a deleted one for the longest time, or else an edited one. False if there is none, or if it was
    /// stopped.
    pub fn erase(&mut self, log: &Connection, stop: impl Fn() -> bool) -> Result<bool, Trouble> {
        let oldest = self
            .connection
            .prepare_cached("SELECT offset FROM stale ORDER BY deleted DESC, since LIMIT 1")?
            .query_row([], |row| rows::number(row, 0))
            .optional()?;
        let Some(oldest) = oldest.map(Offset::new) else {
            return Ok(false);
        };
        let transaction = self.connection.unchecked_transaction()?;
        let old = part(&transaction, oldest)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        let Part {
            number,
            first,
            last,
            ..
        } = old;
        let mut anew = Part::empty(number, first);
        let mut at = Offset::new(first.number() - 1);
        transaction.execute_batch(&format!(
            "INSERT INTO part_{number} (part_{number}) VALUES ('delete-all')"
        ))?;
        loop {
            let slice = texts::slice(log, at, last, u64::MAX).map_err(Trouble::Log)?;
            if anew.seen == Offset::ZERO {
                anew.seen = slice.seen;
            }
            fill(&transaction, &mut anew, &slice)?;
            at = slice.to;
            if !slice.more {
                break;
            }
            if stop() {
                return Ok(false);
            }
        }
        anew.last = last;
        let is_newest = self.newest.is_some_and(|newest| newest.number == number);
        if !is_newest {
            transaction.execute_batch(&merge(number))?;
        }
        self.note(&anew)?;
        transaction.execute(
            "DELETE FROM stale WHERE offset BETWEEN ?1 AND ?2",
            [first.number(), last.number()].map(rows::int),
        )?;
        transaction.commit()?;
        if is_newest {
            self.newest = Some(anew);
        }
        Ok(true)
    }

    /// Carries all of the WAL into the file and empties it, so that it has no old texts. False if a search was in the way.
    pub fn tidy(&self) -> rusqlite::Result<bool> {
        self.connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
            .map(|busy: i64| busy == 0)
    }
}

/// Puts the messages of a slice into a part.
fn fill(index: &Connection, part: &mut Part, slice: &Slice) -> rusqlite::Result<()> {
    let mut insert = index.prepare_cached(&format!(
        "INSERT INTO part_{} (rowid, text, keys) VALUES (?1, ?2, ?3)",
        part.number
    ))?;
    for entry in &slice.entries {
        if let Entry::Message {
            offset,
            conversation,
            sender,
            sent,
            text,
        } = entry
        {
            let keys = format!(
                "{} {}",
                conversation_key(*conversation),
                sender_key(*sender)
            );
            insert.execute(params![
                rows::int(offset.number()),
                matcher::prepared(text),
                keys
            ])?;
            part.documents += 1;
            part.bytes += text.len() as u64;
            part.last = *offset;
            part.earliest = part.earliest.min(*sent);
            part.latest = part.latest.max(*sent);
        }
    }
    Ok(())
}

/// The last part that begins at this offset or before.
fn part(index: &Connection, offset: Offset) -> rusqlite::Result<Option<Part>> {
    index
        .prepare_cached(
            "SELECT number, first_offset, last_offset, documents, seen, earliest_ms, latest_ms, bytes FROM parts \
             WHERE first_offset <= ?1 ORDER BY number DESC LIMIT 1",
        )?
        .query_row([rows::int(offset.number())], |row| {
            Ok(Part {
                number: rows::number(row, 0)?,
                first: Offset::new(rows::number(row, 1)?),
                last: Offset::new(rows::number(row, 2)?),
                documents: rows::number(row, 3)?,
                seen: Offset::new(rows::number(row, 4)?),
                earliest: TimeMs::new(row.get(5)?),
                latest: TimeMs::new(row.get(6)?),
                bytes: rows::number(row, 7)?,
            })
        })
        .optional()
}

/// Makes one piece of all that a part consists of.
fn merge(number: u64) -> String {
    format!("INSERT INTO part_{number} (part_{number}) VALUES ('optimize')")
}
