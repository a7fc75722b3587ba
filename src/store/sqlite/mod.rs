//! The default store: one SQLite file in WAL mode, one writer with group commit, a few readers.
//!
//! Knows nothing of sessions. What a reader sees is one consistent state, and no read lasts longer than its call, so
//! the WAL can always be carried into the file.

mod accounts;
mod acts;
mod attachments;
mod batch;
mod blocks;
mod calls;
mod delivered;
mod fault;
mod files;
mod inbox;
mod invites;
mod markers;
mod member_rows;
mod memory;
mod mentions;
mod open;
mod readers;
mod reading;
mod replay;
mod replay_events;
mod replay_rows;
mod rooms;
mod rows;
mod search;
mod settings;
mod writer;

use std::{fs::File, path::Path, sync::Arc};

pub use open::Durability;
use tokio::sync::oneshot;

use self::{
    batch::Batch,
    fault::Faults,
    memory::Memory,
    readers::Readers,
    rooms::Acted,
    search::SearchIndex,
    writer::{Kind, Writer},
};
use super::{
    ActError, Answer, AuthMode, OnCommit, OpenError, Replay, ReplayFrom, ReplayPage, Store,
    StoreError, request::RequestKey,
};
use crate::domain::{
    conversation::ConversationView,
    ids::{ConversationId, Epoch, UserId},
};

/// A store in one file.
pub struct SqliteStore {
    epoch: Epoch,
    mode: AuthMode,
    key: RequestKey,
    writer: Writer,
    readers: Arc<Readers>,
    faults: Arc<Faults>,
    search: SearchIndex,
    /// Says to other processes that the folder is taken; the system lets go of it when the process ends.
    _lock: File,
}

impl SqliteStore {
    /// Opens the store in a folder, making both if need be.
    pub fn open(
        folder: &Path,
        durability: Durability,
        mode: AuthMode,
        on_commit: OnCommit,
    ) -> Result<Self, OpenError> {
        let opened = open::open(folder, durability, mode)?;
        let unusable = |cause: String| OpenError::Unusable {
            file: opened.file.display().to_string(),
            cause,
        };
        let to_show = not_shown(&opened.writer).map_err(|cause| unusable(cause.to_string()))?;
        let faults = Arc::new(Faults::new());
        let memory = Memory::new(opened.key.clone(), opened.end, to_show);
        let readers = Arc::new(Readers::new(opened.file.clone(), Arc::clone(&faults)));
        let search = SearchIndex::start(folder, opened.file.clone(), opened.epoch, opened.end)
            .map_err(|cause| unusable(cause.to_string()))?;
        let on_commit = search.listening(on_commit);
        let writer = Writer::start(opened.writer, memory, Arc::clone(&faults), on_commit).map_err(
            |cause| OpenError::Unusable {
                file: opened.file.display().to_string(),
                cause: cause.to_string(),
            },
        )?;
        Ok(Self {
            epoch: opened.epoch,
            mode,
            key: opened.key,
            writer,
            readers,
            faults,
            search,
            _lock: opened.lock,
        })
    }

    /// Queues work now (its place in the log is the order of these calls) and gives a future of its outcome.
    fn write<T, F>(
        &self,
        kind: Kind,
        bytes: usize,
        work: F,
    ) -> Answer<'static, Result<T, StoreError>>
    where
        T: Send + 'static,
        F: FnOnce(&mut Batch<'_>) -> rusqlite::Result<T> + Send + 'static,
    {
        let queued = self.writer.submit(kind, bytes, work);
        Box::pin(async move { answered(queued?).await })
    }
}

impl SqliteStore {
    /// Reads one consistent state.
    fn read<'a, T, F>(&'a self, work: F) -> Answer<'a, Result<T, StoreError>>
    where
        T: Send + 'static,
        F: FnOnce(&rusqlite::Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        Box::pin(self.readers.read(move |snapshot| work(snapshot)))
    }

    /// Reads what may be refused.
    fn ask<'a, T, F>(&'a self, work: F) -> Answer<'a, Result<T, ActError>>
    where
        T: Send + 'static,
        F: FnOnce(&rusqlite::Connection) -> Acted<T> + Send + 'static,
    {
        let asked = self.read(work);
        Box::pin(async move { asked.await? })
    }

    /// Queues an act that may be refused.
    fn act<T, F>(&self, bytes: usize, work: F) -> Answer<'static, Result<T, ActError>>
    where
        T: Send + 'static,
        F: FnOnce(&mut Batch<'_>) -> Acted<T> + Send + 'static,
    {
        let acted = self.write(Kind::Other, bytes, work);
        Box::pin(async move { acted.await? })
    }

    /// Reads what a member sees of a conversation once an act on it is committed.
    fn then_view<'a>(
        &'a self,
        reader: UserId,
        acted: Answer<'a, Result<Result<ConversationId, ActError>, StoreError>>,
    ) -> Answer<'a, Result<ConversationView, ActError>> {
        Box::pin(async move {
            let id = acted.await??;
            // Whoever was taken out meanwhile learns that.
            let view = self.conversation(reader, id).await?;
            view.ok_or(ActError::NotMember(id))
        })
    }
}

impl SqliteStore {
    /// Begins a replay, after what the device has acknowledged even if that is not written yet.
    async fn begin_replay(
        &self,
        user: UserId,
        from: ReplayFrom,
        backlog_max: Option<u64>,
    ) -> Result<Replay, StoreError> {
        let waiting = match from {
            ReplayFrom::Acknowledged(device) => self.writer.lazy().cursors.get(&device).copied(),
            ReplayFrom::After(_) | ReplayFrom::Unread => None,
        };
        let open = move |snapshot: &_| replay::open(snapshot, user, from, backlog_max, waiting);
        let replay = self.read(open).await?;
        // Its cursors are good from now on.
        self.writer.seen(replay.end);
        Ok(replay)
    }

    /// Reads the next page of a replay.
    async fn go_on_with_replay(&self, replay: &mut Replay) -> Result<ReplayPage, StoreError> {
        let (end, mut rest) = (replay.end, std::mem::take(&mut replay.rest));
        let (page, rest) = self
            .read(move |snapshot| replay::read(snapshot, end, &mut rest).map(|page| (page, rest)))
            .await?;
        replay.rest = rest;
        Ok(page)
    }
}

/// Waits for the batch.
async fn answered<T>(answer: oneshot::Receiver<Result<T, StoreError>>) -> Result<T, StoreError> {
    answer.await.unwrap_or(Err(StoreError::Closed))
}

/// Markers that a stop came in the way of telling others.
fn not_shown(connection: &rusqlite::Connection) -> rusqlite::Result<Vec<(ConversationId, UserId)>> {
    connection
        .prepare(
            "SELECT m.conversation_id, m.user_id FROM members AS m JOIN conversations AS c \
             ON c.id = m.conversation_id WHERE m.shown_seq < m.read_seq \
             AND (c.kind = 2 OR c.low_user_id <> c.high_user_id)",
        )?
        .query_map([], |row| {
            Ok((
                ConversationId::new(rows::number(row, 0)?),
                UserId::new(rows::number(row, 1)?),
            ))
        })?
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{writer::JOB_BYTES, *};

    #[tokio::test]
    async fn a_defect_in_the_writer_ends_the_store_instead_of_leaving_it_mute() {
        let folder = tempfile::tempdir().unwrap();
        let (durability, mode) = (Durability::Full, AuthMode::Trust);
        let store = SqliteStore::open(folder.path(), durability, mode, Arc::new(|_| {})).unwrap();
        let broken = store.write(Kind::Other, JOB_BYTES, |_| -> rusqlite::Result<()> {
            panic!("on purpose");
        });
        assert_eq!(broken.await, Err(StoreError::Closed));
        assert!(store.failed().await.contains("defect"));
        let later = store.write(Kind::Other, JOB_BYTES, |_| Ok(())).await;
        assert!(matches!(later, Err(StoreError::Failed(_))), "{later:?}");
    }
}
