//! Uploads and files in the batch and for readers: made, held by messages, let go of.
//!
//! `files.holders` counts the messages that hold a file and the files and uploads that it shows small; a file that loses
//! the last of them goes in the same commit, and with it the hold on its thumbnail. `contents.files` counts the files of a
//! content; the bytes of one that has none are removed by whoever asks for `free_contents`. `file_rooms` is the sum of what
//! an owner's uploads and files count, kept with each change.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    SqliteStore,
    attachments::file_for,
    batch::Batch,
    rows,
    writer::{JOB_BYTES, Kind},
};
use crate::{
    domain::{
        clock::TimeMs,
        file::{ContentHash, File, FileName, ImageSize, MediaType, NewFile, NewUpload, Upload},
        ids::{FileId, UploadId, UserId},
        limits::{
            FILE_CHARGE_BYTES_MIN, THUMBNAIL_BYTES_MAX, THUMBNAIL_PICTURES_MAX,
            UPLOADS_PER_USER_MAX,
        },
    },
    store::{Answer, CreateUploadError, Expired, Files, StoreError, UploadState},
};

/// Rows that one call to clean up looks at: each is a commit's work.
const CLEANED_AT_ONCE: u64 = 256;

/// The columns that `file` reads, in its order.
const FILE_COLUMNS: &str = "id, name, size, media_type, hash, width, height, thumbnail_id";
/// The columns that `upload` reads, in its order.
const UPLOAD_COLUMNS: &str =
    "id, owner_id, name, size, media_type, hash, width, height, thumbnail_id, touched_ms, placed";

/// A file from its row.
pub(super) fn file(row: &Row<'_>) -> rusqlite::Result<File> {
    Ok(File {
        id: FileId::new(rows::number(row, 0)?),
        name: FileName::from_store(row.get_ref(1)?.as_str()?),
        size: rows::number(row, 2)?,
        media_type: MediaType::from_store(row.get_ref(3)?.as_str()?),
        hash: ContentHash(row.get(4)?),
        image: image(row, 5)?,
        thumbnail: file_id(row, 7)?,
    })
}

/// An upload from its row.
fn upload(row: &Row<'_>) -> rusqlite::Result<Upload> {
    let declared = row.get_ref(4)?.as_str_or_null()?;
    Ok(Upload {
        id: UploadId::new(rows::number(row, 0)?),
        asked: NewUpload {
            owner: UserId::new(rows::number(row, 1)?),
            file: NewFile {
                name: FileName::from_store(row.get_ref(2)?.as_str()?),
                size: rows::number(row, 3)?,
                declared: declared.map(MediaType::from_store),
                hash: row.get::<_, Option<[u8; 32]>>(5)?.map(ContentHash),
                image: image(row, 6)?,
                thumbnail: file_id(row, 8)?,
            },
            at: TimeMs::new(row.get(9)?),
        },
        placed: row.get::<_, Option<[u8; 32]>>(10)?.map(ContentHash),
    })
}

/// The size of a picture, from two neighbouring columns.
fn image(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<ImageSize>> {
    let (width, height) = (row.get::<_, Option<u32>>(column)?, row.get(column + 1)?);
    Ok(width
        .zip(height)
        .map(|(width, height)| ImageSize { width, height }))
}

fn file_id(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<FileId>> {
    let number: Option<i64> = row.get(column)?;
    Ok(number.map(|number| FileId::new(number.cast_unsigned())))
}

/// A file, whoever asks.
pub(super) fn file_at(connection: &Connection, id: FileId) -> rusqlite::Result<Option<File>> {
    let sql = format!("SELECT {FILE_COLUMNS} FROM files WHERE id = ?1");
    connection
        .prepare_cached(&sql)?
        .query_row([rows::int(id.number())], file)
        .optional()
}

impl Batch<'_> {
    /// Begins an upload, if there is room for it.
    fn create_upload(
        &mut self,
        new: NewUpload,
        quota: Option<u64>,
    ) -> rusqlite::Result<Result<Upload, CreateUploadError>> {
        let owner = rows::int(new.owner.number());
        let (used, under_way) = self
            .connection
            .prepare_cached("SELECT bytes, uploads FROM file_rooms WHERE owner_id = ?1")?
            .query_row([owner], |row| {
                Ok((rows::number(row, 0)?, rows::number(row, 1)?))
            })
            .optional()?
            .unwrap_or_default();
        if under_way >= UPLOADS_PER_USER_MAX as u64 {
            return Ok(Err(CreateUploadError::TooMany));
        }
        let room = used.saturating_add(charge(new.file.size));
        // What cannot be counted cannot be kept, whatever the operator allows.
        let max = quota.unwrap_or(u64::MAX).min(i64::MAX.cast_unsigned());
        if room > max {
            return Ok(Err(CreateUploadError::Quota { used, max }));
        }
        if let Some(id) = new.file.thumbnail {
            let found = self
                .connection
                .prepare_cached(&format!(
                    "SELECT {FILE_COLUMNS} FROM files WHERE id = ?1 AND owner_id = ?2"
                ))?
                .query_row([rows::int(id.number()), owner], file)
                .optional()?;
            let Some(found) = found else {
                return Ok(Err(CreateUploadError::NoThumbnail(id)));
            };
            let small = found.size <= THUMBNAIL_BYTES_MAX && found.media_type.is_image();
            let shows = self
                .connection
                .prepare_cached(
                    "SELECT (SELECT count(*) FROM files WHERE thumbnail_id = ?1) \
                     + (SELECT count(*) FROM uploads WHERE owner_id = ?2 AND thumbnail_id = ?1)",
                )?
                .query_row([rows::int(id.number()), owner], |row| rows::number(row, 0))?;
            let is_free = shows < THUMBNAIL_PICTURES_MAX as u64;
            if !small || !is_free || found.thumbnail.is_some() {
                return Ok(Err(CreateUploadError::ThumbnailInvalid(id)));
            }
            self.hold(id)?;
        }
        self.connection
            .prepare_cached(
                "INSERT INTO file_rooms (owner_id, bytes, uploads) VALUES (?1, ?2, 1) \
                 ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes, uploads = uploads + 1",
            )?
            .execute([owner, rows::int(charge(new.file.size))])?;
        self.connection
            .prepare_cached(
                "INSERT INTO uploads (owner_id, name, media_type, size, hash, width, height, thumbnail_id, touched_ms) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                owner,
                new.file.name.as_str(),
                new.file.declared.as_ref().map(MediaType::as_str),
                rows::int(new.file.size),
                new.file.hash.map(|hash| hash.0),
                new.file.image.map(|image| image.width),
                new.file.image.map(|image| image.height),
                new.file.thumbnail.map(|file| rows::int(file.number())),
                new.at.milliseconds(),
            ])?;
        let id = UploadId::new(self.connection.last_insert_rowid().cast_unsigned());
        Ok(Ok(Upload {
            id,
            asked: new,
            placed: None,
        }))
    }

    /// Notes what an upload's bytes are, just before they get their place.
    fn place_upload(&mut self, id: UploadId, content: ContentHash) -> rusqlite::Result<bool> {
        let noted = self
            .connection
            .prepare_cached("UPDATE uploads SET placed = ?2 WHERE id = ?1")?
            .execute(params![rows::int(id.number()), content.0])?;
        if noted == 0 {
            return Ok(false);
        }
        self.note_content(content)?;
        Ok(true)
    }

    /// Notes that a content is on the disk, or soon will be.
    fn note_content(&self, content: ContentHash) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached(
                "INSERT INTO contents (hash, files) VALUES (?1, 0) ON CONFLICT DO NOTHING",
            )?
            .execute([content.0])?;
        Ok(())
    }

    /// Makes an upload a file.
    fn complete_upload(
        &mut self,
        id: UploadId,
        content: ContentHash,
        media_type: &MediaType,
        at: TimeMs,
    ) -> rusqlite::Result<Option<File>> {
        let number = rows::int(id.number());
        // What it counts stays as it is, and so does the hold on its thumbnail.
        let made = self
            .connection
            .prepare_cached(
                "INSERT INTO files (id, owner_id, name, media_type, size, hash, width, height, thumbnail_id, created_ms) \
                 SELECT id, owner_id, name, ?2, size, ?3, width, height, thumbnail_id, ?4 FROM uploads WHERE id = ?1",
            )?
            .execute(params![number, media_type.as_str(), content.0, at.milliseconds()])?;
        if made == 0 {
            return Ok(None);
        }
        self.connection
            .prepare_cached(
                "UPDATE file_rooms SET uploads = uploads - 1 \
                 WHERE owner_id = (SELECT owner_id FROM uploads WHERE id = ?1)",
            )?
            .execute([number])?;
        self.connection
            .prepare_cached("DELETE FROM uploads WHERE id = ?1")?
            .execute([number])?;
        self.connection
            .prepare_cached(
                "INSERT INTO contents (hash, files) VALUES (?1, 1) ON CONFLICT DO UPDATE SET files = files + 1",
            )?
            .execute([content.0])?;
        file_at(self.connection, id.file())
    }

    /// Forgets an upload, which lets go of its thumbnail. False: it is gone.
    fn end_upload(&self, id: UploadId) -> rusqlite::Result<bool> {
        let ended = self
            .connection
            .prepare_cached(
                "DELETE FROM uploads WHERE id = ?1 RETURNING owner_id, size, thumbnail_id",
            )?
            .query_row([rows::int(id.number())], |row| {
                Ok((
                    row.get::<_, i64>(0)?,
                    rows::number(row, 1)?,
                    file_id(row, 2)?,
                ))
            })
            .optional()?;
        let Some((owner, size, thumbnail)) = ended else {
            return Ok(false);
        };
        self.give_room(owner, size, 1)?;
        if let Some(thumbnail) = thumbnail {
            self.let_go(thumbnail)?;
        }
        Ok(true)
    }

    /// Takes what an upload or a file of this size counted off the sum of its owner.
    fn give_room(&self, owner: i64, size: u64, uploads: i64) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached(
                "UPDATE file_rooms SET bytes = bytes - ?2, uploads = uploads - ?3 WHERE owner_id = ?1",
            )?
            .execute([owner, rows::int(charge(size)), uploads])?;
        Ok(())
    }

    /// Forgets a file that nothing holds, and lets go of its thumbnail, which has none of its own.
    pub(super) fn forget_file(&self, id: FileId) -> rusqlite::Result<()> {
        let mut next = Some(id);
        while let Some(id) = next {
            let gone = self
                .connection
                .prepare_cached(
                    "DELETE FROM files WHERE id = ?1 RETURNING hash, thumbnail_id, owner_id, size",
                )?
                .query_row([rows::int(id.number())], |row| {
                    let (hash, thumbnail) =
                        (row.get::<_, [u8; 32]>(0)?, row.get::<_, Option<i64>>(1)?);
                    Ok((hash, thumbnail, row.get(2)?, rows::number(row, 3)?))
                })
                .optional()?;
            let Some((hash, thumbnail, owner, size)) = gone else {
                return Ok(());
            };
            self.give_room(owner, size, 0)?;
            self.connection
                .prepare_cached("UPDATE contents SET files = files - 1 WHERE hash = ?1")?
                .execute([hash])?;
            next = match thumbnail {
                None => None,
                Some(thumbnail) => self
                    .connection
                    .prepare_cached(
                        "UPDATE files SET holders = holders - 1 WHERE id = ?1 RETURNING holders",
                    )?
                    .query_row([thumbnail], |row| row.get::<_, i64>(0))
                    .optional()?
                    .filter(|left| *left <= 0)
                    .map(|_| FileId::new(thumbnail.cast_unsigned())),
            };
        }
        Ok(())
    }

    /// Forgets uploads and files whose time is over.
    fn expire_files(&self, before: TimeMs) -> rusqlite::Result<Expired> {
        let ids = |sql: &str| {
            self.connection
                .prepare_cached(sql)?
                .query_map([before.milliseconds(), rows::int(CLEANED_AT_ONCE)], |row| {
                    rows::number(row, 0)
                })?
                .collect::<rusqlite::Result<Vec<u64>>>()
        };
        let uploads =
            ids("SELECT id FROM uploads WHERE touched_ms < ?1 ORDER BY touched_ms LIMIT ?2")?;
        for id in &uploads {
            self.end_upload(UploadId::new(*id))?;
        }
        let files = ids(
            "SELECT id FROM files WHERE holders = 0 AND created_ms < ?1 ORDER BY created_ms LIMIT ?2",
        )?;
        for id in &files {
            self.forget_file(FileId::new(*id))?;
        }
        Ok(Expired {
            uploads: uploads.into_iter().map(UploadId::new).collect(),
            files: files.len(),
        })
    }
}

/// What a file of this size counts.
fn charge(size: u64) -> u64 {
    size.max(FILE_CHARGE_BYTES_MIN)
}

impl Files for SqliteStore {
    fn known_uploads(&self, ids: Vec<UploadId>) -> Answer<'_, Result<Vec<UploadId>, StoreError>> {
        self.read(move |snapshot| {
            let mut exists = snapshot.prepare_cached("SELECT 1 FROM uploads WHERE id = ?1")?;
            let mut known = Vec::new();
            for id in ids {
                if exists.exists([rows::int(id.number())])? {
                    known.push(id);
                }
            }
            Ok(known)
        })
    }

    fn create_upload(
        &self,
        new: NewUpload,
        quota: Option<u64>,
    ) -> Answer<'_, Result<Upload, CreateUploadError>> {
        let made = self.write(Kind::Other, JOB_BYTES, move |batch| {
            batch.create_upload(new, quota)
        });
        Box::pin(async move { made.await? })
    }

    fn find_upload(
        &self,
        owner: UserId,
        id: UploadId,
    ) -> Answer<'_, Result<Option<UploadState>, StoreError>> {
        self.read(move |snapshot| {
            let place = [id.number(), owner.number()].map(rows::int);
            let sql =
                format!("SELECT {UPLOAD_COLUMNS} FROM uploads WHERE id = ?1 AND owner_id = ?2");
            let under_way = snapshot
                .prepare_cached(&sql)?
                .query_row(place, upload)
                .optional()?;
            if let Some(upload) = under_way {
                return Ok(Some(UploadState::UnderWay(upload)));
            }
            let sql = format!("SELECT {FILE_COLUMNS} FROM files WHERE id = ?1 AND owner_id = ?2");
            let done = snapshot
                .prepare_cached(&sql)?
                .query_row(place, file)
                .optional()?;
            Ok(done.map(UploadState::Done))
        })
    }

    fn touch_upload(&self, id: UploadId, at: TimeMs) -> Answer<'_, Result<(), StoreError>> {
        self.write(Kind::Other, JOB_BYTES, move |batch| {
            batch
                .connection
                .prepare_cached(
                    "UPDATE uploads SET touched_ms = max(touched_ms, ?2) WHERE id = ?1",
                )?
                .execute([rows::int(id.number()), at.milliseconds()])?;
            Ok(())
        })
    }

    fn place_upload(
        &self,
        id: UploadId,
        content: ContentHash,
    ) -> Answer<'_, Result<bool, StoreError>> {
        self.write(Kind::Other, JOB_BYTES, move |batch| {
            batch.place_upload(id, content)
        })
    }

    fn complete_upload(
        &self,
        id: UploadId,
        content: ContentHash,
        media_type: MediaType,
        at: TimeMs,
    ) -> Answer<'_, Result<Option<File>, StoreError>> {
        self.write(Kind::Other, JOB_BYTES, move |batch| {
            batch.complete_upload(id, content, &media_type, at)
        })
    }

    fn cancel_upload(&self, owner: UserId, id: UploadId) -> Answer<'_, Result<bool, StoreError>> {
        self.write(Kind::Other, JOB_BYTES, move |batch| {
            let own = batch
                .connection
                .prepare_cached("SELECT 1 FROM uploads WHERE id = ?1 AND owner_id = ?2")?
                .exists([id.number(), owner.number()].map(rows::int))?;
            Ok(own && batch.end_upload(id)?)
        })
    }

    fn file(&self, user: UserId, id: FileId) -> Answer<'_, Result<Option<File>, StoreError>> {
        self.read(move |snapshot| file_for(snapshot, user, id))
    }

    fn expire_files(&self, before: TimeMs) -> Answer<'_, Result<Expired, StoreError>> {
        self.write(Kind::Other, JOB_BYTES, move |batch| {
            batch.expire_files(before)
        })
    }

    fn free_contents(
        &self,
        after: Option<ContentHash>,
    ) -> Answer<'_, Result<Vec<ContentHash>, StoreError>> {
        self.read(move |snapshot| {
            snapshot
                .prepare_cached(
                    "SELECT hash FROM contents WHERE files = 0 AND (?1 IS NULL OR hash > ?1) \
                     AND NOT EXISTS (SELECT 1 FROM uploads WHERE placed = contents.hash) ORDER BY hash LIMIT ?2",
                )?
                .query_map(
                    params![after.map(|hash| hash.0), rows::int(CLEANED_AT_ONCE)],
                    |row| row.get(0).map(ContentHash),
                )?
                .collect()
        })
    }

    fn is_free(&self, content: ContentHash) -> Answer<'_, Result<bool, StoreError>> {
        self.read(move |snapshot| {
            snapshot
                .prepare_cached(
                    "SELECT 1 FROM contents WHERE hash = ?1 AND files = 0 \
                     AND NOT EXISTS (SELECT 1 FROM uploads WHERE placed = contents.hash)",
                )?
                .exists([content.0])
        })
    }

    fn note_contents(&self, contents: Vec<ContentHash>) -> Answer<'_, Result<(), StoreError>> {
        self.write(Kind::Other, JOB_BYTES, move |batch| {
            for content in contents {
                batch.note_content(content)?;
            }
            Ok(())
        })
    }

    fn forget_contents(&self, contents: Vec<ContentHash>) -> Answer<'_, Result<(), StoreError>> {
        self.write(Kind::Other, JOB_BYTES, move |batch| {
            for content in contents {
                batch
                    .connection
                    .prepare_cached("DELETE FROM contents WHERE hash = ?1 AND files = 0")?
                    .execute([content.0])?;
            }
            Ok(())
        })
    }
}
