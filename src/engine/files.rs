//! Files: begun, brought piece by piece, made whole, fetched.
//!
//! Who may do what is said by the store; the bytes lie with `store::blobs`. An upload becomes a file in an order that a kill
//! at any moment leaves whole: what it is is noted, its bytes get their place, and only then it is a file. One call at a time
//! decides what becomes of an upload (`Transfers::decide`): between the look at its bytes and their place nobody begins it
//! anew. Cleaning up is `file_cleaning`'s.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{sync::Mutex, time::Instant};

use super::{
    Engine, Error, FileError,
    transfers::{Call, Watch},
};
use crate::{
    auth::Principal,
    domain::{
        clock::TimeMs,
        file::{Chunk, ContentHash, File, MediaType, NewFile, NewUpload, Upload},
        ids::{FileId, UploadId},
        limits::{UPLOAD_IDLE, UPLOAD_UNBEGUN},
        scope::Scope,
    },
    store::{
        UploadState,
        blobs::{BlobError, Checked, HEAD_BYTES, Hold, Piece},
    },
};

/// Bytes that a download reads at once.
const READ_AT_ONCE: usize = 256 * 1024;
/// How often a download asks whether it still may.
const ASKED_AGAIN: Duration = Duration::from_millis(500);
/// How often an upload that goes on is noted as one: a commit each, and a small part of `UPLOAD_IDLE`.
const TOUCHED_AGAIN_MS: u64 = 5 * 60 * 1000;

/// An upload and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadSeen {
    /// The upload.
    pub upload: Upload,
    /// How many bytes are there, and stay.
    pub committed: u64,
}

/// What has become of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UploadFound {
    /// It is under way.
    UnderWay(UploadSeen),
    /// It is a file.
    Done(File),
}

/// A call that brings the bytes of an upload.
pub struct Transfer {
    engine: Arc<Engine>,
    upload: Upload,
    call: Call,
    /// When it was last noted that something came.
    touched: TimeMs,
    /// Where what it brought ends.
    end: u64,
    place: Hold,
}

/// A file on its way out.
pub struct Download {
    engine: Arc<Engine>,
    principal: Principal,
    /// What it is.
    pub file: File,
    /// Where the next piece begins.
    pub offset: u64,
    asked: Instant,
    place: Hold,
}

impl Engine {
    /// Begins an upload.
    pub async fn create_upload(
        &self,
        principal: &Principal,
        new: NewFile,
    ) -> Result<UploadSeen, Error> {
        let owner = self.actor(principal)?.id;
        let limits = self.settings.files;
        if new.size > limits.file {
            return Err(FileError::TooLarge(limits.file).into());
        }
        let new = NewUpload {
            owner,
            file: new,
            // Until something comes it has less time left.
            at: self.now().before(UPLOAD_IDLE - UPLOAD_UNBEGUN),
        };
        let upload = self.store.create_upload(new, limits.per_user).await?;
        let _deciding = self.transfers.decide(upload.id).await;
        // Its number can be guessed, and whoever cancelled it first must not leave bytes behind that no row names.
        self.upload_under_way(principal, upload.id).await?;
        if let Err(error) = self.blobs.begin(upload.id).await {
            self.store.cancel_upload(owner, upload.id).await?;
            return Err(error.into());
        }
        Ok(UploadSeen {
            upload,
            committed: 0,
        })
    }

    /// What has become of an upload, and where it stands.
    pub async fn upload(&self, principal: &Principal, id: UploadId) -> Result<UploadFound, Error> {
        let upload = match self.find_upload(principal, id).await? {
            UploadState::UnderWay(upload) => upload,
            UploadState::Done(file) => return Ok(UploadFound::Done(file)),
        };
        self.transfers.settled(id).await;
        // A cut must not take back what its sender is told of here, and will not send again.
        let committed = match self.blobs.flush(id, Arc::new(())).await {
            Err(BlobError::Gone) => return self.upload_elsewhere(principal, id).await,
            flushed => flushed?,
        };
        Ok(UploadFound::UnderWay(UploadSeen { upload, committed }))
    }

    /// What has become of an upload whose bytes are not where they come. Whoever completes it has given them their place, it
    /// may be since its row was read before.
    async fn upload_elsewhere(
        &self,
        principal: &Principal,
        id: UploadId,
    ) -> Result<UploadFound, Error> {
        let upload = match self.find_upload(principal, id).await? {
            UploadState::UnderWay(upload) => upload,
            UploadState::Done(file) => return Ok(UploadFound::Done(file)),
        };
        let size = upload.asked.file.size;
        let committed = match upload.placed {
            // Nothing is left but to complete it.
            Some(content) if self.blobs.settle(content).await? == Some(size) => size,
            _ => 0,
        };
        Ok(UploadFound::UnderWay(UploadSeen { upload, committed }))
    }

    async fn find_upload(&self, principal: &Principal, id: UploadId) -> Result<UploadState, Error> {
        principal.may(Scope::Send)?;
        let found = self.store.find_upload(principal.user.id, id).await?;
        found.ok_or_else(|| FileError::UploadNotFound(id).into())
    }

    async fn upload_under_way(&self, principal: &Principal, id: UploadId) -> Result<Upload, Error> {
        match self.find_upload(principal, id).await? {
            UploadState::UnderWay(upload) => Ok(upload),
            UploadState::Done(_) => Err(FileError::UploadNotFound(id).into()),
        }
    }

    /// Begins to bring the bytes of an upload. A call that does so already is told to end.
    pub async fn begin_transfer(
        self: &Arc<Self>,
        principal: &Principal,
        id: UploadId,
    ) -> Result<Transfer, Error> {
        principal.may(Scope::Send)?;
        let place = Arc::new(self.transfers.begin(principal.user.id)?);
        let upload = self.upload_under_way(principal, id).await?;
        Ok(Transfer {
            engine: Arc::clone(self),
            call: self.transfers.take_over(id),
            touched: upload.asked.at,
            end: 0,
            upload,
            place,
        })
    }

    /// Makes a whole upload a file. Must run to its end: see `Deciding`.
    pub async fn complete_upload(
        &self,
        principal: &Principal,
        id: UploadId,
    ) -> Result<File, Error> {
        principal.may(Scope::Send)?;
        let gone = || Error::from(FileError::UploadNotFound(id));
        let owner = principal.user.id;
        let place: Hold = Arc::new(self.transfers.begin(owner)?);
        let deciding = self.transfers.decide(id).await;
        let upload = match self.store.find_upload(owner, id).await?.ok_or_else(gone)? {
            UploadState::Done(file) => return Ok(file),
            UploadState::UnderWay(upload) => upload,
        };
        let size = upload.asked.file.size;
        let (content, head) = match (self.blobs.written(id).await?, upload.placed) {
            (Some(there), _) if there < size => {
                return Err(FileError::UploadIncomplete { there, size }.into());
            }
            (Some(_), _) => {
                let checked = tokio::select! {
                    checked = self.check(id, &place) => checked?.ok_or_else(gone)?,
                    // Hashing may take long, and changes nothing.
                    () = deciding.gone() => return Err(gone()),
                };
                let declared = upload.asked.file.hash;
                if checked.size != size || declared.is_some_and(|hash| hash != checked.hash) {
                    self.blobs.begin(id).await?;
                    return Err(FileError::HashMismatch.into());
                }
                let _placing = self.placing(checked.hash).lock().await;
                if !self.store.place_upload(id, checked.hash).await? {
                    return Err(gone());
                }
                match self.blobs.keep(id, checked.hash, size).await {
                    Err(BlobError::Gone) => return Err(gone()),
                    kept => kept?,
                }
                (checked.hash, checked.head)
            }
            // A kill or a fault came between the place and the file.
            (None, Some(content)) if self.blobs.settle(content).await? == Some(size) => {
                let head = self.blobs.read(content, 0, HEAD_BYTES, place);
                (content, head.await?)
            }
            (None, _) => {
                self.blobs.begin(id).await?;
                return Err(FileError::UploadIncomplete { there: 0, size }.into());
            }
        };
        let media_type = MediaType::of(&head, upload.asked.file.declared.as_ref());
        let made = self
            .store
            .complete_upload(id, content, media_type, self.now())
            .await?;
        made.ok_or_else(gone)
    }

    /// Says what the bytes of an upload are. Of all uploads only few are hashed at once.
    async fn check(&self, id: UploadId, place: &Hold) -> Result<Option<Checked>, Error> {
        let permit = self.hashing.acquire().await;
        let _permit = permit.map_err(|error| Error::Defect(error.to_string()))?;
        Ok(self.blobs.check(id, Arc::clone(place)).await?)
    }

    /// Held while this content gets its place or is removed: what has just become free must not become needed in between.
    pub(super) fn placing(&self, content: ContentHash) -> &Mutex<()> {
        &self.placing[usize::from(content.0[0]) % self.placing.len()]
    }

    /// Ends an upload. Must run to its end, or its bytes stay until the next start.
    pub async fn cancel_upload(&self, principal: &Principal, id: UploadId) -> Result<(), Error> {
        principal.may(Scope::Send)?;
        if !self.store.cancel_upload(principal.user.id, id).await? {
            return Err(FileError::UploadNotFound(id).into());
        }
        // Whoever completes it finds it gone, at the latest when it would become a file.
        self.transfers.end(id);
        let _deciding = self.transfers.decide(id).await;
        self.blobs.discard(id).await?;
        // Its thumbnail, and a content that it had placed.
        self.files_may_be_free();
        Ok(())
    }

    /// What a file is.
    pub async fn file(&self, principal: &Principal, id: FileId) -> Result<File, Error> {
        principal.may(Scope::Read)?;
        let file = self.store.file(principal.user.id, id).await?;
        file.ok_or_else(|| FileError::NotFound(id).into())
    }

    /// Begins to send a file.
    pub async fn download(
        self: &Arc<Self>,
        principal: &Principal,
        id: FileId,
        offset: u64,
    ) -> Result<Download, Error> {
        principal.may(Scope::Read)?;
        let place = Arc::new(self.transfers.begin(principal.user.id)?);
        let file = self.file(principal, id).await?;
        if offset > file.size {
            return Err(FileError::OffsetPastEnd(file.size).into());
        }
        Ok(Download {
            engine: Arc::clone(self),
            principal: principal.clone(),
            file,
            offset,
            asked: Instant::now(),
            place,
        })
    }
}

impl Transfer {
    /// What resolves when another call brings the bytes of this upload, or the upload is gone.
    pub fn watch(&self) -> Watch {
        self.call.watch.clone()
    }

    /// Adds chunks that follow one another, and answers where the upload stands then. With an error none of them is there.
    pub async fn append(&mut self, chunks: Vec<Chunk>) -> Result<u64, Error> {
        let Some(first) = chunks.first() else {
            return self.stands().await;
        };
        let (begin, mut end) = (first.offset, first.offset);
        let size = self.upload.asked.file.size;
        let mut pieces = Vec::with_capacity(chunks.len());
        for chunk in chunks {
            if chunk.offset != end {
                let stands = self.stands().await?;
                return Err(FileError::UploadOffset(stands).into());
            }
            end = end.saturating_add(chunk.data.len() as u64);
            if end > size {
                // One at a wrong place may not be too much where it belongs.
                let stands = self.stands().await?;
                return Err(match stands == begin {
                    true => FileError::ChunkPastEnd(size).into(),
                    false => FileError::UploadOffset(stands).into(),
                });
            }
            pieces.push(Piece {
                bytes: chunk.data,
                hash: chunk.hash,
            });
        }
        if let Some(ended) = self.call.watch.ended() {
            return Err(ended.into());
        }
        let (id, engine, now) = (self.upload.id, &self.engine, self.engine.now());
        let append = engine
            .blobs
            .append(id, begin, pieces, Arc::clone(&self.place));
        let appended = match now.since_ms(self.touched) >= TOUCHED_AGAIN_MS {
            true => {
                let touch = engine.store.touch_upload(id, now);
                let (appended, touched) = tokio::join!(append, touch);
                touched?;
                self.touched = now;
                appended
            }
            false => append.await,
        };
        match appended {
            // Cancelled or completed meanwhile.
            Err(BlobError::Gone) => Err(FileError::UploadNotFound(id).into()),
            done => {
                self.end = done?;
                Ok(self.end)
            }
        }
    }

    async fn stands(&self) -> Result<u64, Error> {
        let written = self.engine.blobs.written(self.upload.id).await?;
        written.ok_or_else(|| FileError::UploadNotFound(self.upload.id).into())
    }

    /// Brings what came to stable storage, and answers how much of the upload is there.
    pub async fn finish(&self) -> Result<u64, Error> {
        let (id, engine) = (self.upload.id, &self.engine);
        let flush = engine.blobs.flush(id, Arc::clone(&self.place));
        let touch = engine.store.touch_upload(id, engine.now());
        let (flushed, touched) = tokio::join!(flush, touch);
        let flushed = match flushed {
            Err(BlobError::Gone) => return Err(FileError::UploadNotFound(id).into()),
            flushed => flushed?,
        };
        touched?;
        match flushed < self.end {
            // A sync failed beside it.
            true => Err(FileError::UploadOffset(flushed).into()),
            false => Ok(flushed),
        }
    }
}

impl Download {
    /// Its place among the transfers.
    pub fn place(&self) -> Hold {
        Arc::clone(&self.place)
    }

    /// From now on somebody else keeps its place.
    pub fn leave_place(&mut self) {
        self.place = Arc::new(());
    }

    /// Whoever was taken out, or whose message was deleted, gets no more of it.
    pub async fn still_may(&mut self) -> Result<(), Error> {
        self.engine.still_holds(&self.principal)?;
        self.file = self.engine.file(&self.principal, self.file.id).await?;
        self.asked = Instant::now();
        Ok(())
    }

    /// The next piece; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        if self.offset >= self.file.size {
            return Ok(None);
        }
        if self.asked.elapsed() >= ASKED_AGAIN {
            self.still_may().await?;
        }
        let place = Arc::clone(&self.place);
        let blobs = &self.engine.blobs;
        let read = blobs.read(self.file.hash, self.offset, READ_AT_ONCE, place);
        let piece = match read.await {
            // Deleted meanwhile.
            Err(BlobError::Gone) => return Err(FileError::NotFound(self.file.id).into()),
            piece => piece?,
        };
        if piece.is_empty() {
            let cut = format!("the content {:?} is too short", self.file.hash);
            return Err(FileError::Failed(cut).into());
        }
        self.offset += piece.len() as u64;
        Ok(Some(piece))
    }
}
