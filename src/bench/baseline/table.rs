//! A bare SQLite writer with the tables of the server: one thread, one transaction for what is queued, at once.
//!
//! Each message makes the rows that the server makes of it: in the log, in `sends`, and, once for each batch, its
//! conversation, the member that sent it and the end of the log. Nothing is looked up, nothing is checked.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    thread::JoinHandle,
};

use rusqlite::{Connection, config::DbConfig, params};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{
    book::{Book, Place},
    service::{Batch, Sent},
};
use crate::bench::process::Durability;

/// The schema of the server, step by step.
const MIGRATIONS: [&str; 6] = [
    include_str!("../../../migrations/sqlite/0001_first.sql"),
    include_str!("../../../migrations/sqlite/0002_tokens.sql"),
    include_str!("../../../migrations/sqlite/0003_conversations.sql"),
    include_str!("../../../migrations/sqlite/0004_mentions_and_settings.sql"),
    include_str!("../../../migrations/sqlite/0005_invites_and_blocks.sql"),
    include_str!("../../../migrations/sqlite/0006_files.sql"),
];
/// Batches that wait for the writer: those of more streams than are ever measured at once.
const BATCHES_WAITING: usize = 4_096;
/// Messages in a transaction, about as many as the server takes.
const MESSAGES_MAX: usize = 4_096;
/// Transactions that wait to be delivered: the writer is at most so far ahead.
const COMMITS_WAITING: usize = 16;
/// `log.kind` of a message.
const KIND_MESSAGE: i64 = 1;

/// A batch that is committed.
pub struct Job {
    /// What came.
    pub batch: Batch,
    /// Where it stands.
    pub places: Vec<Place>,
}

/// The callers' end of the writer.
pub struct Table {
    queue: Mutex<Option<mpsc::Sender<Batch>>>,
    committed: Option<mpsc::Receiver<Vec<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

fn other(error: rusqlite::Error) -> io::Error {
    io::Error::other(error)
}

/// Opens a connection with the settings of the server's writer.
pub fn connect(file: &Path, durability: Durability) -> rusqlite::Result<Connection> {
    let connection = Connection::open(file)?;
    let synchronous = match durability {
        Durability::Full => "full",
        Durability::Relaxed => "normal",
    };
    connection.execute_batch(&format!(
        "PRAGMA journal_mode = wal; PRAGMA synchronous = {synchronous}; PRAGMA temp_store = memory; \
         PRAGMA cache_size = -8192; PRAGMA wal_autocheckpoint = 4096; PRAGMA journal_size_limit = 67108864;"
    ))?;
    connection.set_prepared_statement_cache_capacity(16);
    // As the server does.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

/// Makes the tables in a new file.
pub fn create(folder: &Path, durability: Durability) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let file = folder.join("bare.db");
    let connection = connect(&file, durability).map_err(other)?;
    for step in MIGRATIONS {
        connection.execute_batch(step).map_err(other)?;
    }
    let identity = "INSERT INTO meta (id, epoch, request_key, auth_mode, last_offset) \
                    VALUES (1, 1, zeroblob(32), 'trust', 0)";
    connection.execute(identity, []).map_err(other)?;
    Ok(file)
}

impl Table {
    /// Starts the writer.
    pub fn start(file: &Path, durability: Durability) -> io::Result<Self> {
        let connection = connect(file, durability).map_err(other)?;
        let (queue, batches) = mpsc::channel(BATCHES_WAITING);
        let (commits, committed) = mpsc::channel(COMMITS_WAITING);
        let thread = std::thread::Builder::new()
            .name("bare-writer".into())
            .spawn(move || {
                if let Err(error) = write(&connection, batches, &commits) {
                    eprintln!("the bare writer failed: {error}");
                }
            })?;
        Ok(Self {
            queue: Mutex::new(Some(queue)),
            committed: Some(committed),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// What comes out of the writer; once.
    pub const fn committed(&mut self) -> Option<mpsc::Receiver<Vec<Job>>> {
        self.committed.take()
    }

    /// Queues a batch. If the writer has failed nobody is answered, which is seen.
    pub async fn submit(&self, batch: Batch) {
        let queue = self
            .queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(queue) = queue {
            let _ = queue.send(batch).await;
        }
    }

    /// Commits what is queued and ends the thread.
    pub fn close(&self) {
        drop(
            self.queue
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // It may wait for room among the commits, which nobody takes any more: it is not waited for.
        drop(thread);
    }
}

/// The thread: commits until nobody sends any more.
fn write(
    connection: &Connection,
    mut batches: mpsc::Receiver<Batch>,
    commits: &mpsc::Sender<Vec<Job>>,
) -> rusqlite::Result<()> {
    let mut book = Book::default();
    while let Some(first) = batches.blocking_recv() {
        let mut jobs = Vec::new();
        let (mut next, mut messages) = (Some(first), 0);
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        while let Some(batch) = next {
            let places = batch.places(&mut book);
            for (send, place) in batch.sends.iter().zip(&places) {
                insert(connection, send, place)?;
            }
            messages += places.len();
            jobs.push(Job { batch, places });
            next = match messages < MESSAGES_MAX {
                true => batches.try_recv().ok(),
                false => None,
            };
        }
        finish(connection, &mut book)?;
        connection.prepare_cached("COMMIT")?.execute([])?;
        if commits.blocking_send(jobs).is_err() {
            break;
        }
    }
    Ok(())
}

fn insert(connection: &Connection, send: &Sent, place: &Place) -> rusqlite::Result<()> {
    let id = Uuid::try_parse(&send.client_message_id).unwrap_or_default();
    connection
        .prepare_cached(
            "INSERT INTO sends (client_id, user_id, request_hash, conversation_id, seq, sent_ms) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            id.as_bytes(),
            place.sender_id,
            // As long as a fingerprint, without the work.
            id.as_bytes(),
            place.conversation_id,
            place.seq,
            place.sent_ms
        ])?;
    connection
        .prepare_cached(
            "INSERT INTO log (offset, conversation_id, seq, kind, subject_id, sent_ms, client_id, body) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            place.offset,
            place.conversation_id,
            place.seq,
            KIND_MESSAGE,
            place.sender_id,
            place.sent_ms,
            id.as_bytes(),
            send.text
        ])?;
    Ok(())
}

/// Writes what changes once for each batch.
fn finish(connection: &Connection, book: &mut Book) -> rusqlite::Result<()> {
    for (id, name) in book.fresh_users.drain(..) {
        connection
            .prepare_cached("INSERT INTO users (id, name, created_ms) VALUES (?1, ?2, 0)")?
            .execute(params![id, name])?;
    }
    for index in book.dirty.drain(..) {
        let known = &mut book.conversations[index];
        known.is_dirty = false;
        let [low, high] = known.users;
        connection
            .prepare_cached(
                "INSERT INTO conversations (id, kind, low_user_id, high_user_id, last_seq, last_offset) \
                 VALUES (?1, 1, ?2, ?3, ?4, ?5) \
                 ON CONFLICT (id) DO UPDATE SET last_seq = ?4, last_offset = ?5",
            )?
            .execute([known.id, low, high, known.seq, known.offset])?;
        let mut upsert = connection.prepare_cached(
            "INSERT OR REPLACE INTO members (user_id, conversation_id, joined_offset, read_seq, \
             read_offset, shown_seq, shown_offset, shown_ms, sent, sent_at_read) \
             VALUES (?1, ?2, 0, 0, 0, 0, 0, 0, ?3, 0)",
        )?;
        // As the server: the member that sent; the other once, with the first message.
        for (user, sent) in known.users.into_iter().zip(known.sent) {
            if sent > 0 || known.is_new {
                upsert.execute([user, known.id, sent])?;
            }
        }
        known.is_new = false;
    }
    connection
        .prepare_cached("UPDATE meta SET last_offset = ?1")?
        .execute([book.offset])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_those_of_the_server() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/sqlite");
        let entries = fs::read_dir(folder).unwrap();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let steps: Vec<String> = files
            .iter()
            .map(|file| fs::read_to_string(file).unwrap())
            .collect();
        assert_eq!(steps, MIGRATIONS, "{files:?}");
    }
}
