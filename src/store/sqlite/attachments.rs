//! Which messages hold which files, and who may fetch them because of it.
//!
//! A hold is counted in `files.holders`; a file that loses the last of its holds goes with it (`files`). Knows neither
//! uploads nor bytes.

use rusqlite::{Connection, OptionalExtension};

use super::{
    batch::Batch,
    files::{file, file_at},
    rows,
};
use crate::domain::{
    file::File,
    ids::{ConversationId, FileId, Seq, UserId},
};

/// The files of a message, in the order of its sender.
pub(super) fn of_message(
    connection: &Connection,
    id: ConversationId,
    seq: Seq,
) -> rusqlite::Result<Vec<File>> {
    connection
        .prepare_cached(
            "SELECT f.id, f.name, f.size, f.media_type, f.hash, f.width, f.height, f.thumbnail_id \
             FROM attachments AS a JOIN files AS f ON f.id = a.file_id \
             WHERE a.conversation_id = ?1 AND a.seq = ?2 ORDER BY a.place",
        )?
        .query_map([id.number(), seq.number()].map(rows::int), file)?
        .collect()
}

/// A file, to a user who may fetch it: a member who can read a message that holds it, or the picture that it shows small;
/// the owner of one of which there is no such message.
pub(super) fn file_for(
    connection: &Connection,
    user: UserId,
    id: FileId,
) -> rusqlite::Result<Option<File>> {
    let may = connection
        .prepare_cached(
            "SELECT (EXISTS (SELECT 1 FROM files WHERE id = ?2 AND owner_id = ?1) \
             AND NOT EXISTS (SELECT 1 FROM attachments \
             WHERE file_id IN (SELECT ?2 UNION ALL SELECT id FROM files WHERE thumbnail_id = ?2))) \
             OR EXISTS (SELECT 1 FROM members AS m CROSS JOIN attachments AS a \
             ON a.conversation_id = m.conversation_id AND a.seq > m.floor_seq \
             WHERE m.user_id = ?1 AND a.file_id IN (SELECT ?2 UNION ALL SELECT id FROM files WHERE thumbnail_id = ?2))",
        )?
        .query_row([user.number(), id.number()].map(rows::int), |row| row.get(0))?;
    match may {
        true => file_at(connection, id),
        false => Ok(None),
    }
}

impl Batch<'_> {
    /// The files that a sender attaches, if each is there and the sender's own.
    pub(super) fn own_files(
        &self,
        owner: UserId,
        ids: &[FileId],
    ) -> rusqlite::Result<Result<Vec<File>, FileId>> {
        let mut files = Vec::with_capacity(ids.len());
        for id in ids {
            let owned = self
                .connection
                .prepare_cached("SELECT 1 FROM files WHERE id = ?1 AND owner_id = ?2")?
                .exists([id.number(), owner.number()].map(rows::int))?;
            match file_at(self.connection, *id)? {
                Some(file) if owned => files.push(file),
                _ => return Ok(Err(*id)),
            }
        }
        Ok(Ok(files))
    }

    /// Lets a message hold files.
    pub(super) fn attach(
        &self,
        id: ConversationId,
        seq: Seq,
        files: &[File],
    ) -> rusqlite::Result<()> {
        for (place, file) in files.iter().enumerate() {
            self.connection
                .prepare_cached(
                    "INSERT INTO attachments (conversation_id, seq, place, file_id) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute([id.number(), seq.number(), place as u64, file.id.number()].map(rows::int))?;
            self.hold(file.id)?;
        }
        Ok(())
    }

    /// A message that is deleted lets go of its files.
    pub(super) fn detach(
        &self,
        id: ConversationId,
        seq: Seq,
        files: &[File],
    ) -> rusqlite::Result<()> {
        if files.is_empty() {
            return Ok(());
        }
        self.connection
            .prepare_cached("DELETE FROM attachments WHERE conversation_id = ?1 AND seq = ?2")?
            .execute([id.number(), seq.number()].map(rows::int))?;
        files.iter().try_for_each(|file| self.let_go(file.id))
    }

    pub(super) fn hold(&self, id: FileId) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached("UPDATE files SET holders = holders + 1 WHERE id = ?1")?
            .execute([rows::int(id.number())])?;
        Ok(())
    }

    /// Takes one hold off a file, which goes with the last.
    pub(super) fn let_go(&self, id: FileId) -> rusqlite::Result<()> {
        let left = self
            .connection
            .prepare_cached(
                "UPDATE files SET holders = holders - 1 WHERE id = ?1 RETURNING holders",
            )?
            .query_row([rows::int(id.number())], |row| row.get::<_, i64>(0))
            .optional()?;
        match left {
            Some(..=0) => self.forget_file(id),
            _ => Ok(()),
        }
    }
}
