//! Opening the file: the lock, the schema, the settings of each connection. What cannot succeed is refused here, before
//! the server listens.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags, OptionalExtension, config::DbConfig};

use crate::{
    domain::ids::{Epoch, Offset},
    store::{
        AuthMode, OpenError,
        request::RequestKey,
        switch::{self, Switch},
    },
};

/// Name of the database in the data folder.
const FILE: &str = "tinychat.db";
/// Name of the file whose lock says that a server has the folder.
const LOCK: &str = "lock";

/// The schema, one step a file: step n takes a store from `user_version` n-1 to n.
const MIGRATIONS: [&str; 6] = [
    include_str!("../../../migrations/sqlite/0001_first.sql"),
    include_str!("../../../migrations/sqlite/0002_tokens.sql"),
    include_str!("../../../migrations/sqlite/0003_conversations.sql"),
    include_str!("../../../migrations/sqlite/0004_mentions_and_settings.sql"),
    include_str!("../../../migrations/sqlite/0005_invites_and_blocks.sql"),
    include_str!("../../../migrations/sqlite/0006_files.sql"),
];

/// 8 MiB for the writer's pages: the inner pages of its three indexes at some ten million rows.
const WRITER_CACHE_KIB: i32 = 8 * 1024;
/// 2 MiB for each reader.
const READER_CACHE_KIB: i32 = 2 * 1024;
/// The WAL is carried into the file when it has 16 MiB: a checkpoint costs two syncs, so not after each small batch.
const CHECKPOINT_PAGES: i32 = 4096;
/// A WAL that grew past this under a long reader is cut back to it at the next checkpoint.
const WAL_BYTES_KEPT: i64 = 64 * 1024 * 1024;
/// Statements that a connection keeps compiled: more than the program has.
const STATEMENTS_KEPT: usize = 128;

/// How sure an acknowledgement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// On stable storage.
    Full,
    /// With the operating system: a crash of the machine may lose the last of it, a crash of the server does not.
    Relaxed,
}

/// What an opened store is.
pub(super) struct Opened {
    /// The file.
    pub file: PathBuf,
    /// The write connection.
    pub writer: Connection,
    /// Its identity.
    pub epoch: Epoch,
    /// The key of request fingerprints.
    pub key: RequestKey,
    /// The end of the log.
    pub end: Offset,
    /// Held for as long as the store is open.
    pub lock: File,
}

/// Opens the store in a folder, making what is missing.
pub(super) fn open(
    folder: &Path,
    durability: Durability,
    mode: AuthMode,
) -> Result<Opened, OpenError> {
    let unfit = |cause: io::Error| OpenError::Folder {
        folder: shown(folder),
        cause: cause.to_string(),
    };
    make_private(folder).map_err(unfit)?;
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(folder.join(LOCK))
        .map_err(unfit)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(OpenError::Held {
                folder: shown(folder),
            });
        }
        Err(TryLockError::Error(cause)) => return Err(unfit(cause)),
    }
    let file = folder.join(FILE);
    let unusable = |cause: rusqlite::Error| OpenError::Unusable {
        file: shown(&file),
        cause: cause.to_string(),
    };
    let writer = connect(&file, true, durability).map_err(unusable)?;
    migrate(&writer, &file, mode)?;
    sync_folder(folder).map_err(unfit)?;
    let (epoch, key, made, end) = writer
        .query_row(
            "SELECT epoch, request_key, auth_mode, last_offset FROM meta",
            [],
            |row| {
                let made: String = row.get(2)?;
                let (epoch, end): (i64, i64) = (row.get(0)?, row.get(3)?);
                Ok((
                    epoch.cast_unsigned(),
                    row.get::<_, [u8; 32]>(1)?,
                    made,
                    end.cast_unsigned(),
                ))
            },
        )
        .map_err(unusable)?;
    if made != mode.word() {
        let anybody = writer
            .query_row("SELECT 1 FROM users LIMIT 1", [], |_| Ok(()))
            .optional();
        if anybody.map_err(unusable)?.is_some() {
            let made = made
                .parse::<AuthMode>()
                .map_or("another mode", AuthMode::word);
            return Err(OpenError::AuthMode {
                made,
                asked: mode.word(),
            });
        }
        writer
            .execute("UPDATE meta SET auth_mode = ?1", [mode.word()])
            .map_err(unusable)?;
    }
    let (epoch, end) = (Epoch::new(epoch), Offset::new(end));
    Ok(Opened {
        file,
        writer,
        epoch,
        key: RequestKey::new(key),
        end,
        lock,
    })
}

/// Makes the folder for this user alone: it will hold what people say to each other.
fn make_private(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    // A new folder is on stable storage when the one that names it is.
    let made = folder.canonicalize()?;
    made.ancestors()
        .skip(1)
        .take_while(|above| sync_folder(above).is_ok())
        .for_each(drop);
    Ok(())
}

/// Puts the names in a folder on stable storage: a file that was synced is of no use under no name.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Opens one connection with its settings.
pub(super) fn connect(
    file: &Path,
    writer: bool,
    durability: Durability,
) -> rusqlite::Result<Connection> {
    let access = match writer {
        true => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
        // Not READ_ONLY: the last connection to close must be able to tidy the WAL. `query_only` keeps it honest.
        false => OpenFlags::SQLITE_OPEN_READ_WRITE,
    };
    let connection = Connection::open_with_flags(file, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    // Plans do not depend on what is bound. Without it statements are compiled anew when it changes: half the cost of a
    // resume over a thousand conversations.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // Nobody else writes; a reader can meet a lock only while the WAL is recovered or tidied.
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    let pragma = |name: &str, value: &dyn rusqlite::ToSql| {
        connection
            .pragma_update_and_check(None, name, value, |_| Ok(()))
            .optional()
            .map(drop)
    };
    pragma("journal_mode", &"wal")?;
    connection.pragma_update(None, "synchronous", synchronous(durability))?;
    connection.pragma_update(None, "temp_store", "memory")?;
    if writer {
        connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
        pragma("wal_autocheckpoint", &CHECKPOINT_PAGES)?;
        pragma("journal_size_limit", &WAL_BYTES_KEPT)?;
        // What is deleted or edited away is overwritten, wherever it lay.
        pragma("secure_delete", &true)?;
    } else {
        connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
        connection.pragma_update(None, "query_only", true)?;
    }
    Ok(connection)
}

fn synchronous(durability: Durability) -> &'static str {
    if switch::is_on(Switch::SyncOff) {
        "off"
    } else if switch::is_on(Switch::SyncNormal) || durability == Durability::Relaxed {
        "normal"
    } else {
        "full"
    }
}

/// Brings the schema up to ours, each step in one transaction.
fn migrate(writer: &Connection, file: &Path, mode: AuthMode) -> Result<(), OpenError> {
    let unusable = |cause: rusqlite::Error| OpenError::Unusable {
        file: shown(file),
        cause: cause.to_string(),
    };
    let found: u32 = writer
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(unusable)?;
    let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    if found > known {
        return Err(OpenError::SchemaNewer {
            file: shown(file),
            found,
            known,
        });
    }
    for (step, sql) in (1..=known)
        .zip(MIGRATIONS)
        .skip_while(|(step, _)| *step <= found)
    {
        let run = || {
            let transaction = writer.unchecked_transaction()?;
            transaction.execute_batch(sql)?;
            if step == 1 {
                birth(&transaction, mode)?;
            }
            transaction.pragma_update(None, "user_version", step)?;
            transaction.commit()
        };
        run().map_err(unusable)?;
    }
    Ok(())
}

/// Gives a new store its identity.
fn birth(connection: &Connection, mode: AuthMode) -> rusqlite::Result<()> {
    let mut random = [0_u8; 40];
    getrandom::fill(&mut random).map_err(|cause| {
        rusqlite::Error::ToSqlConversionFailure(Box::new(io::Error::other(cause.to_string())))
    })?;
    let (epoch, key) = random.split_at(8);
    let epoch = epoch
        .iter()
        .fold(0_i64, |number, byte| (number << 8) | i64::from(*byte));
    // Positive and not 0, so that it is never taken for "none".
    let epoch = (epoch & i64::MAX).max(1);
    connection
        .execute(
            "INSERT INTO meta (id, epoch, request_key, auth_mode, last_offset) VALUES (1, ?1, ?2, ?3, 0)",
            (epoch, key, mode.word()),
        )
        .map(drop)
}
