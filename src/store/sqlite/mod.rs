//! The default store: one SQLite file in WAL mode, one writer with group commit, a few readers.
//!
//! Knows nothing of sessions. What a reader sees is one consistent state, and no read lasts longer than its call, so
//! the WAL can always be carried into the file.

mod accounts;
mod batch;
mod fault;
mod markers;
mod memory;
mod open;
mod readers;
mod reading;
mod replay;
mod rows;
mod writer;

use std::{
    collections::HashSet,
    fs::File,
    path::Path,
    sync::{Arc, PoisonError},
};

pub use open::Durability;
use tokio::sync::oneshot;

use self::{
    batch::Batch,
    fault::Faults,
    memory::Memory,
    readers::Readers,
    writer::{JOB_BYTES, Kind, Writer},
};
use super::{
    Account, Answer, AuthMode, ConversationPage, CreateDeviceError, CreateUserError, MarkReadError,
    MessagePage, NewDevice, OnCommit, OpenError, PasswordHash, Replay, ReplayFrom, ReplayPage,
    SendRefusal, StartError, Store, StoreError, UserFilter, UserPage, request::RequestKey,
};
use crate::domain::{
    clock::TimeMs,
    conversation::{ConversationView, ReadState},
    ids::{ClientMessageId, ConversationId, DeviceId, Epoch, Offset, Seq, UserId},
    message::{NewMessage, Sent, Target},
    name::{DeviceName, UserName},
    page::{PageSize, Position},
    secret::TokenHash,
    text::MessageText,
    user::{Device, DeviceSeen, User, UserRef},
};

/// A store in one file.
pub struct SqliteStore {
    epoch: Epoch,
    mode: AuthMode,
    key: RequestKey,
    writer: Writer,
    readers: Arc<Readers>,
    faults: Arc<Faults>,
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

/// Waits for the batch.
async fn answered<T>(answer: oneshot::Receiver<Result<T, StoreError>>) -> Result<T, StoreError> {
    answer.await.unwrap_or(Err(StoreError::Closed))
}

/// Markers that a stop came in the way of telling others.
fn not_shown(connection: &rusqlite::Connection) -> rusqlite::Result<Vec<(ConversationId, UserId)>> {
    connection
        .prepare(
            "SELECT m.conversation_id, m.user_id FROM members AS m JOIN conversations AS c \
             ON c.id = m.conversation_id WHERE m.shown_seq < m.read_seq AND c.low_user_id <> c.high_user_id",
        )?
        .query_map([], |row| {
            Ok((ConversationId::new(rows::number(row, 0)?), UserId::new(rows::number(row, 1)?)))
        })?
        .collect()
}

impl Store for SqliteStore {
    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn end(&self) -> Offset {
        self.writer.end()
    }

    fn auth_mode(&self) -> AuthMode {
        self.mode
    }

    fn create_user(
        &self,
        name: UserName,
        password: Option<PasswordHash>,
        created: TimeMs,
    ) -> Answer<'_, Result<User, CreateUserError>> {
        let taken = CreateUserError::NameTaken(name.clone());
        let made = self.write(Kind::Other, JOB_BYTES, move |batch| {
            accounts::create_user(batch, name, password, created)
        });
        Box::pin(async move { made.await?.ok_or(taken) })
    }

    fn find_account(&self, name: UserName) -> Answer<'_, Result<Option<Account>, StoreError>> {
        Box::pin(
            self.readers
                .read(move |snapshot| accounts::find_account(snapshot, &name)),
        )
    }

    fn list_users(
        &self,
        filter: UserFilter,
        after: Option<UserName>,
        size: PageSize,
    ) -> Answer<'_, Result<UserPage, StoreError>> {
        Box::pin(
            self.readers.read(move |snapshot| {
                accounts::list_users(snapshot, &filter, after.as_ref(), size)
            }),
        )
    }

    fn create_device(
        &self,
        device: NewDevice,
        streaming: Arc<HashSet<DeviceId>>,
    ) -> Answer<'_, Result<(Device, Vec<DeviceId>), CreateDeviceError>> {
        let made = self.write(Kind::Other, JOB_BYTES, move |batch| {
            accounts::create_device(batch, &device, &streaming)
        });
        Box::pin(async move { made.await? })
    }

    fn list_devices(&self, user: UserId) -> Answer<'_, Result<Vec<DeviceSeen>, StoreError>> {
        Box::pin(
            self.readers
                .read(move |snapshot| accounts::list_devices(snapshot, user)),
        )
    }

    fn find_device(
        &self,
        token: TokenHash,
    ) -> Answer<'_, Result<Option<(User, Device)>, StoreError>> {
        Box::pin(
            self.readers
                .read(move |snapshot| accounts::find_device(snapshot, token)),
        )
    }

    fn rename_device(
        &self,
        device: DeviceId,
        name: DeviceName,
    ) -> Answer<'_, Result<(), StoreError>> {
        self.write(Kind::Other, JOB_BYTES, move |batch| {
            accounts::rename_device(batch, device, &name)
        })
    }

    fn end_device(&self, user: UserId, device: DeviceId) -> Answer<'_, Result<bool, StoreError>> {
        self.write(Kind::Other, JOB_BYTES, move |batch| {
            accounts::end_device(batch, user, device)
        })
    }

    fn set_password(
        &self,
        user: UserId,
        old: PasswordHash,
        new: PasswordHash,
        keep: Option<DeviceId>,
    ) -> Answer<'_, Result<Option<Vec<DeviceId>>, StoreError>> {
        self.write(Kind::Other, JOB_BYTES, move |batch| {
            accounts::set_password(batch, user, &old, &new, keep)
        })
    }

    fn touch(&self, user: UserId, device: DeviceId, at: TimeMs) {
        let mut lazy = self
            .writer
            .lazy
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        lazy.seen.insert(device, (user, at));
    }

    fn note_use(&self, device: DeviceId, at: TimeMs) {
        let mut lazy = self
            .writer
            .lazy
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        lazy.used.insert(device, at);
    }

    fn append(
        &self,
        messages: Vec<NewMessage>,
    ) -> Answer<'static, Result<Vec<Result<Sent, SendRefusal>>, StoreError>> {
        let texts: usize = messages
            .iter()
            .map(|message| message.text.as_str().len())
            .sum();
        let bytes = texts + messages.len() * JOB_BYTES;
        self.write(Kind::Sends, bytes, move |batch| {
            messages
                .into_iter()
                .map(|message| batch.append(message))
                .collect()
        })
    }

    fn find_sent(
        &self,
        sender: UserId,
        client_id: ClientMessageId,
        target: Target,
        text: MessageText,
    ) -> Answer<'_, Result<Option<Result<Sent, SendRefusal>>, StoreError>> {
        let fingerprint = self.key.fingerprint(&target, &text);
        Box::pin(
            self.readers
                .read(move |snapshot| rows::sent(snapshot, sender, client_id, fingerprint)),
        )
    }

    fn start_direct(
        &self,
        user: UserRef,
        peer: UserName,
    ) -> Answer<'_, Result<ConversationView, StartError>> {
        let unknown = StartError::UserNotFound(peer.clone());
        let reader = user.id;
        let started = self.write(Kind::Other, JOB_BYTES, move |batch| {
            match batch.user_by_name(&peer)? {
                Some(peer) => batch.start_direct(&user, &peer).map(Some),
                None => Ok(None),
            }
        });
        Box::pin(async move {
            let Some(id) = started.await? else {
                return Err(unknown);
            };
            // Read after the commit: nothing but the caller's own membership was made before.
            let view = self
                .readers
                .read(move |snapshot| rows::view(snapshot, reader, id))
                .await?;
            view.ok_or_else(|| {
                StoreError::Broken(format!("the conversation {id} has no member {reader}")).into()
            })
        })
    }

    fn mark_read(
        &self,
        user: UserId,
        conversation: ConversationId,
        seq: Seq,
        at: TimeMs,
    ) -> Answer<'_, Result<ReadState, MarkReadError>> {
        let marked = self.write(Kind::Other, JOB_BYTES, move |batch| {
            batch.mark_read(user, conversation, seq, at)
        });
        Box::pin(async move { marked.await? })
    }

    fn acknowledge(&self, device: DeviceId, cursor: Offset) -> Result<(), StoreError> {
        self.writer.check_open()?;
        let mut lazy = self
            .writer
            .lazy
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let latest = lazy.cursors.entry(device).or_insert(cursor);
        *latest = cursor.max(*latest);
        Ok(())
    }

    fn conversation(
        &self,
        user: UserId,
        conversation: ConversationId,
    ) -> Answer<'_, Result<Option<ConversationView>, StoreError>> {
        Box::pin(
            self.readers
                .read(move |snapshot| rows::view(snapshot, user, conversation)),
        )
    }

    fn list_conversations(
        &self,
        user: UserId,
        after: Option<ConversationId>,
        size: PageSize,
    ) -> Answer<'_, Result<ConversationPage, StoreError>> {
        Box::pin(
            self.readers
                .read(move |snapshot| reading::list_conversations(snapshot, user, after, size)),
        )
    }

    fn list_messages(
        &self,
        user: UserId,
        conversation: ConversationId,
        position: Position,
        size: PageSize,
    ) -> Answer<'_, Result<Option<MessagePage>, StoreError>> {
        Box::pin(self.readers.read(move |snapshot| {
            reading::list_messages(snapshot, user, conversation, position, size)
        }))
    }

    fn open_replay(
        &self,
        user: UserId,
        from: ReplayFrom,
        backlog_max: Option<u64>,
    ) -> Answer<'_, Result<Replay, StoreError>> {
        let waiting = match from {
            ReplayFrom::Acknowledged(device) => {
                let lazy = self
                    .writer
                    .lazy
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                lazy.cursors.get(&device).copied()
            }
            ReplayFrom::After(_) | ReplayFrom::Unread => None,
        };
        Box::pin(
            self.readers
                .read(move |snapshot| replay::open(snapshot, user, from, backlog_max, waiting)),
        )
    }

    fn read_replay<'a>(
        &'a self,
        replay: &'a mut Replay,
    ) -> Answer<'a, Result<ReplayPage, StoreError>> {
        Box::pin(async move {
            let (end, mut rest) = (replay.end, std::mem::take(&mut replay.rest));
            let (page, rest) = self
                .readers
                .read(move |snapshot| {
                    replay::read(snapshot, end, &mut rest).map(|page| (page, rest))
                })
                .await?;
            replay.rest = rest;
            Ok(page)
        })
    }

    fn failed(&self) -> Answer<'_, String> {
        Box::pin(self.faults.failed())
    }

    fn close(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            self.writer.close().await;
            self.readers.close();
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
