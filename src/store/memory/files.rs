//! Uploads and files in memory: made, held by messages, let go of. Their bytes lie with [`crate::store::blobs`].

use std::collections::{BTreeMap, HashMap};

use super::{MemoryStore, State};
use crate::{
    domain::{
        clock::TimeMs,
        file::{ContentHash, File, MediaType, NewFile, NewUpload, Upload},
        ids::{FileId, Seq, UploadId, UserId},
        limits::{
            FILE_CHARGE_BYTES_MIN, THUMBNAIL_BYTES_MAX, THUMBNAIL_PICTURES_MAX,
            UPLOADS_PER_USER_MAX,
        },
        message::Message,
    },
    store::{Answer, CreateUploadError, Expired, Files, StoreError, UploadState},
};

/// All uploads and files.
#[derive(Default)]
pub(super) struct FileRows {
    /// How many uploads were ever begun: ids are not used again.
    begun: u64,
    uploads: BTreeMap<UploadId, Upload>,
    files: BTreeMap<FileId, FileRow>,
    /// What lies somewhere, and how many files have it.
    contents: HashMap<ContentHash, u64>,
}

struct FileRow {
    file: File,
    owner: UserId,
    created: TimeMs,
    /// Messages that hold it, and files and uploads that it shows small.
    holders: u64,
}

impl FileRows {
    fn own(&self, owner: UserId, id: FileId) -> Option<&File> {
        let row = self.files.get(&id).filter(|row| row.owner == owner)?;
        Some(&row.file)
    }

    fn create(&mut self, new: NewUpload, quota: Option<u64>) -> Result<Upload, CreateUploadError> {
        let own = |owner: UserId| owner == new.owner;
        let uploads = self.uploads.values().filter(|row| own(row.asked.owner));
        if uploads.clone().count() >= UPLOADS_PER_USER_MAX {
            return Err(CreateUploadError::TooMany);
        }
        let files = self.files.values().filter(|row| own(row.owner));
        let sizes = uploads
            .map(|row| row.asked.file.size)
            .chain(files.map(|row| row.file.size));
        let used: u64 = sizes.map(|size| size.max(FILE_CHARGE_BYTES_MIN)).sum();
        // What cannot be counted cannot be kept, whatever the operator allows.
        let max = quota.unwrap_or(u64::MAX).min(i64::MAX.cast_unsigned());
        if used.saturating_add(new.file.size.max(FILE_CHARGE_BYTES_MIN)) > max {
            return Err(CreateUploadError::Quota { used, max });
        }
        if let Some(id) = new.file.thumbnail {
            let thumbnail = self.own(new.owner, id);
            let thumbnail = thumbnail.ok_or(CreateUploadError::NoThumbnail(id))?;
            let small = thumbnail.size <= THUMBNAIL_BYTES_MAX && thumbnail.media_type.is_image();
            let files = self.files.values().map(|row| row.file.thumbnail);
            let uploads = self.uploads.values().map(|row| row.asked.file.thumbnail);
            let shown = files.chain(uploads).filter(|it| *it == Some(id)).count();
            if !small || shown >= THUMBNAIL_PICTURES_MAX || thumbnail.thumbnail.is_some() {
                return Err(CreateUploadError::ThumbnailInvalid(id));
            }
            self.hold(id);
        }
        self.begun += 1;
        let id = UploadId::new(self.begun);
        let upload = Upload {
            id,
            asked: new,
            placed: None,
        };
        self.uploads.insert(id, upload.clone());
        Ok(upload)
    }

    fn find(&self, owner: UserId, id: UploadId) -> Option<UploadState> {
        let upload = self.uploads.get(&id).filter(|row| row.asked.owner == owner);
        match upload {
            Some(upload) => Some(UploadState::UnderWay(upload.clone())),
            None => self.own(owner, id.file()).cloned().map(UploadState::Done),
        }
    }

    fn place(&mut self, id: UploadId, content: ContentHash) -> bool {
        let Some(upload) = self.uploads.get_mut(&id) else {
            return false;
        };
        upload.placed = Some(content);
        self.contents.entry(content).or_default();
        true
    }

    fn complete(
        &mut self,
        id: UploadId,
        content: ContentHash,
        media_type: MediaType,
        at: TimeMs,
    ) -> Option<File> {
        let NewUpload { owner, file, .. } = self.uploads.remove(&id)?.asked;
        let NewFile {
            name,
            size,
            image,
            thumbnail,
            ..
        } = file;
        let file = File {
            id: id.file(),
            name,
            size,
            media_type,
            hash: content,
            image,
            thumbnail,
        };
        let row = FileRow {
            file: file.clone(),
            owner,
            created: at,
            holders: 0,
        };
        self.files.insert(file.id, row);
        *self.contents.entry(content).or_default() += 1;
        Some(file)
    }

    fn hold(&mut self, id: FileId) {
        if let Some(row) = self.files.get_mut(&id) {
            row.holders += 1;
        }
    }

    /// Takes one hold off a file, which goes with the last, and so on with its thumbnail.
    fn let_go(&mut self, id: FileId) {
        let mut next = Some(id);
        while let Some(id) = next.take() {
            let Some(row) = self.files.get_mut(&id) else {
                return;
            };
            row.holders = row.holders.saturating_sub(1);
            if row.holders == 0 {
                next = self.forget(id);
            }
        }
    }

    /// Forgets a file and answers what it held.
    fn forget(&mut self, id: FileId) -> Option<FileId> {
        let file = self.files.remove(&id)?.file;
        if let Some(files) = self.contents.get_mut(&file.hash) {
            *files = files.saturating_sub(1);
        }
        file.thumbnail
    }

    /// Forgets an upload, which lets go of its thumbnail.
    fn end(&mut self, id: UploadId) -> bool {
        let Some(upload) = self.uploads.remove(&id) else {
            return false;
        };
        if let Some(thumbnail) = upload.asked.file.thumbnail {
            self.let_go(thumbnail);
        }
        true
    }

    /// Contents that no file has and no upload has placed, in their order.
    fn free(&self) -> Vec<ContentHash> {
        let placed: Vec<_> = self.uploads.values().filter_map(|row| row.placed).collect();
        let free = self.contents.iter();
        let free = free.filter(|(hash, files)| **files == 0 && !placed.contains(*hash));
        let mut free: Vec<_> = free.map(|(hash, _)| *hash).collect();
        free.sort();
        free
    }

    fn expire(&mut self, before: TimeMs) -> Expired {
        let uploads = self.uploads.values().filter(|row| row.asked.at < before);
        let uploads: Vec<UploadId> = uploads.map(|row| row.id).collect();
        for id in &uploads {
            self.end(*id);
        }
        let free = self.files.values();
        let free = free.filter(|row| row.holders == 0 && row.created < before);
        let free: Vec<FileId> = free.map(|row| row.file.id).collect();
        for id in &free {
            if let Some(thumbnail) = self.forget(*id) {
                self.let_go(thumbnail);
            }
        }
        Expired {
            uploads,
            files: free.len(),
        }
    }
}

impl State {
    /// The files that a sender attaches, if each is there and the sender's own.
    pub(super) fn own_files(&self, owner: UserId, ids: &[FileId]) -> Result<Vec<File>, FileId> {
        let own = |id: &FileId| self.files.own(owner, *id).cloned().ok_or(*id);
        ids.iter().map(own).collect()
    }

    /// Lets a message hold files.
    pub(super) fn attach(&mut self, files: &[File]) {
        files.iter().for_each(|file| self.files.hold(file.id));
    }

    /// A message that is deleted lets go of its files.
    pub(super) fn detach(&mut self, files: &[File]) {
        files.iter().for_each(|file| self.files.let_go(file.id));
    }

    /// A file, to a user who may fetch it.
    fn file(&self, user: UserId, id: FileId) -> Option<File> {
        let row = self.files.files.get(&id)?;
        let holds = |message: &Message| {
            let mut files = message.attachments.iter();
            files.any(|file| file.id == id || file.thumbnail == Some(id))
        };
        let mut messages = self.conversations.values().flat_map(|row| {
            let all = row.messages(Seq::new(1), row.last_seq());
            all.iter().map(|logged| &logged.message)
        });
        let alone = row.owner == user && !messages.any(holds);
        let may = alone
            || self.conversations.values().any(|row| {
                let floor = row.members.get(&user).map(|member| member.floor);
                floor.is_some_and(|floor| {
                    let read = row.messages(floor.next(), row.last_seq());
                    read.iter().any(|logged| holds(&logged.message))
                })
            });
        may.then(|| row.file.clone())
    }
}

impl Files for MemoryStore {
    fn known_uploads(
        &self,
        mut ids: Vec<UploadId>,
    ) -> Answer<'_, Result<Vec<UploadId>, StoreError>> {
        self.answer(|state| {
            ids.retain(|id| state.files.uploads.contains_key(id));
            Ok(ids)
        })
    }

    fn create_upload(
        &self,
        new: NewUpload,
        quota: Option<u64>,
    ) -> Answer<'_, Result<Upload, CreateUploadError>> {
        self.answer(|state| state.files.create(new, quota))
    }

    fn find_upload(
        &self,
        owner: UserId,
        id: UploadId,
    ) -> Answer<'_, Result<Option<UploadState>, StoreError>> {
        self.answer(|state| Ok(state.files.find(owner, id)))
    }

    fn touch_upload(&self, id: UploadId, at: TimeMs) -> Answer<'_, Result<(), StoreError>> {
        self.answer(|state| {
            if let Some(upload) = state.files.uploads.get_mut(&id) {
                upload.asked.at = upload.asked.at.max(at);
            }
            Ok(())
        })
    }

    fn place_upload(
        &self,
        id: UploadId,
        content: ContentHash,
    ) -> Answer<'_, Result<bool, StoreError>> {
        self.answer(|state| Ok(state.files.place(id, content)))
    }

    fn complete_upload(
        &self,
        id: UploadId,
        content: ContentHash,
        media_type: MediaType,
        at: TimeMs,
    ) -> Answer<'_, Result<Option<File>, StoreError>> {
        self.answer(|state| Ok(state.files.complete(id, content, media_type, at)))
    }

    fn cancel_upload(&self, owner: UserId, id: UploadId) -> Answer<'_, Result<bool, StoreError>> {
        self.answer(|state| {
            let upload = state.files.uploads.get(&id);
            let own = upload.is_some_and(|row| row.asked.owner == owner);
            Ok(own && state.files.end(id))
        })
    }

    fn file(&self, user: UserId, id: FileId) -> Answer<'_, Result<Option<File>, StoreError>> {
        self.answer(|state| Ok(state.file(user, id)))
    }

    fn expire_files(&self, before: TimeMs) -> Answer<'_, Result<Expired, StoreError>> {
        self.answer(|state| Ok(state.files.expire(before)))
    }

    fn free_contents(
        &self,
        after: Option<ContentHash>,
    ) -> Answer<'_, Result<Vec<ContentHash>, StoreError>> {
        self.answer(|state| {
            let mut free = state.files.free();
            free.retain(|content| after.is_none_or(|after| *content > after));
            Ok(free)
        })
    }

    fn is_free(&self, content: ContentHash) -> Answer<'_, Result<bool, StoreError>> {
        self.answer(|state| Ok(state.files.free().contains(&content)))
    }

    fn note_contents(&self, contents: Vec<ContentHash>) -> Answer<'_, Result<(), StoreError>> {
        self.answer(|state| {
            for content in contents {
                state.files.contents.entry(content).or_default();
            }
            Ok(())
        })
    }

    fn forget_contents(&self, contents: Vec<ContentHash>) -> Answer<'_, Result<(), StoreError>> {
        self.answer(|state| {
            let gone = |hash: &ContentHash, files: &u64| *files == 0 && contents.contains(hash);
            state
                .files
                .contents
                .retain(|hash, files| !gone(hash, files));
            Ok(())
        })
    }
}
