//! `FileService`: uploads in pieces, files out again.
//!
//! A stream of chunks is read as fast as the disk takes them, some of them at once; a download is a task (`handing_on`).
//! Both end when the token does, when too little moves (`pace`), and when the server stops: their peers go on later where
//! they were.

use std::{
    future::{pending, ready},
    mem,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Fuse, FusedFuture as _},
};
use tokio_stream::{Stream, StreamExt as _};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming, async_trait};

use super::{
    caller,
    edge::stream_status,
    gate::Gate,
    handing_on::{Answers, Unread, hand_on, stopping},
    pace::{DOWNLOAD_BYTES, Pace, UPLOAD_BYTES},
    principal,
    status::{Protocol, status},
};
use crate::{
    auth::Principal,
    convert::{files, response},
    domain::{
        file::Chunk,
        ids::UploadId,
        limits::{CHUNK_BYTES_MAX, STREAMED_CHUNK_BYTES_MAX},
    },
    engine::{Engine, Error, FileError, Transfer, UploadFound, UploadSeen, Watch},
    pb::{self, servers::file_service_server::FileService},
    tasks::Tasks,
};

/// Bytes of chunks that a call has in memory, half of which are written while the others come. Beside them are the buffer in
/// which a message comes (at most 228 KiB, and while it grows the one before), a copy of what is in it, and 128 KiB that HTTP/2
/// lets come: less than 1 MiB, also of peers that fill their messages up with what nobody reads. What HTTP/2 has besides is its
/// connection's (`server::listen`).
const HELD_MAX: usize = 512 * 1024;
/// Bytes of chunks that are written at once, if so many have come.
const WRITTEN_AT_ONCE: usize = HELD_MAX / 2;
/// Chunks that are written at once, however small they are: each has its room in memory.
const CHUNKS_AT_ONCE: usize = 64;
/// How often an upload that waits asks whether its token still holds.
const ASKED_AGAIN: Duration = Duration::from_millis(500);

/// The service.
pub struct Files {
    engine: Arc<Engine>,
    gate: Gate,
    tasks: Tasks,
}

impl Files {
    /// The service over an engine; downloads, and calls that must run to their end, are tasks of the group.
    pub fn new(engine: Arc<Engine>, tasks: Tasks) -> Self {
        Self {
            engine,
            gate: Gate::new(tasks.clone()),
            tasks,
        }
    }

    /// Reads chunks until their end, and answers where the upload stands.
    async fn take_in(
        &self,
        principal: &Principal,
        mut chunks: Chunks<impl Messages>,
    ) -> Result<u64, Status> {
        let first = chunks.next(&self.engine, principal, None).await?;
        let Some(first) = first else {
            return Err(Protocol::RequestMissing.into());
        };
        let id = files::upload_id(&first.upload_id).map_err(status)?;
        let transfer = self.engine.begin_transfer(principal, id).await;
        let transfer = transfer.map_err(status)?;
        let watch = transfer.watch();
        let mut held = Held::new(id);
        held.add(first)?;
        // While a batch is written, the next one gathers. Whoever writes has the transfer.
        let mut idle = Some(transfer);
        let mut writing: Fuse<BoxFuture<'_, Written>> = Fuse::terminated();
        loop {
            tokio::select! {
                biased;
                next = chunks.next(&self.engine, principal, Some(&watch)), if held.has_room() => {
                    let taken = next.and_then(|next| held.take(next, &mut chunks.pace));
                    if let Err(ended) = taken {
                        // What has come stays however its stream ends, if the disk takes it, unless another has taken
                        // over or the token is void. Not if the peer resets the call: then this ends right here, and
                        // of all that is held only what is just being written may stay.
                        watch.closes();
                        if !writing.is_terminated() {
                            let (transfer, written) = writing.await;
                            idle = written.is_ok().then_some(transfer);
                        }
                        // A token may be why it ended, or have ended meanwhile.
                        let holds = self.engine.still_holds(principal).is_ok();
                        if let Some(mut transfer) = idle.filter(|_| holds) {
                            drop(transfer.append(held.begin()).await);
                        }
                        return Err(ended);
                    }
                }
                (transfer, written) = &mut writing, if !writing.is_terminated() => {
                    written.map_err(status)?;
                    held.writing = 0;
                    idle = Some(transfer);
                    // A peer that has always one more ready would have the thread for itself.
                    tokio::task::yield_now().await;
                }
                () = ready(()), if idle.is_some() && !held.batch.is_empty() => {
                    let Some(mut transfer) = idle.take() else { continue };
                    self.engine.still_holds(principal).map_err(status)?;
                    let batch = held.begin();
                    let write = async move {
                        let written = transfer.append(batch).await;
                        (transfer, written)
                    };
                    writing = write.boxed().fuse();
                }
                else => break,
            }
        }
        match idle {
            Some(transfer) => transfer.finish().await.map_err(status),
            None => Err(status(Error::Defect("an upload lost its transfer".into()))),
        }
    }
}

/// What has become of a batch, and whoever writes the next one.
type Written = (Transfer, Result<u64, Error>);

/// The chunks of a call that have come and are not written yet.
struct Held {
    id: UploadId,
    batch: Vec<Chunk>,
    /// Bytes of the batch.
    bytes: usize,
    /// Bytes that are being written.
    writing: usize,
    /// No more will come.
    is_over: bool,
}

impl Held {
    const fn new(id: UploadId) -> Self {
        Self {
            id,
            batch: Vec::new(),
            bytes: 0,
            writing: 0,
            is_over: false,
        }
    }

    /// One more may come.
    const fn has_room(&self) -> bool {
        let held = self.bytes + self.writing;
        !self.is_over
            && self.bytes < WRITTEN_AT_ONCE
            && self.batch.len() < CHUNKS_AT_ONCE
            && held + STREAMED_CHUNK_BYTES_MAX <= HELD_MAX
    }

    /// Takes what a peer has brought: one more, or the end.
    fn take(
        &mut self,
        next: Option<pb::UploadChunksRequest>,
        pace: &mut Pace,
    ) -> Result<(), Status> {
        match next {
            Some(next) => {
                let moved = next.data.len() as u64;
                self.add(next)?;
                pace.moved(moved);
            }
            None => self.is_over = true,
        }
        Ok(())
    }

    fn add(&mut self, next: pb::UploadChunksRequest) -> Result<(), Status> {
        let mut chunk = chunk_of(next, self.id)?;
        // Its data is a part of the message that it came in, and keeps all of that in memory. A message may have a few bytes
        // of data and much else that nobody reads.
        chunk.data = Bytes::copy_from_slice(&chunk.data);
        self.bytes += chunk.data.len();
        self.batch.push(chunk);
        Ok(())
    }

    /// What came is written now.
    fn begin(&mut self) -> Vec<Chunk> {
        self.writing = mem::take(&mut self.bytes);
        mem::take(&mut self.batch)
    }
}

/// What comes from a peer.
trait Messages: Stream<Item = Result<pb::UploadChunksRequest, Status>> + Unpin {}

impl<S: Stream<Item = Result<pb::UploadChunksRequest, Status>> + Unpin> Messages for S {}

/// A stream of chunks.
struct Chunks<S> {
    stream: S,
    stop: CancellationToken,
    pace: Pace,
}

impl<S: Messages> Chunks<S> {
    /// Waits for the next chunk; `None`: that was all.
    async fn next(
        &mut self,
        engine: &Engine,
        principal: &Principal,
        watch: Option<&Watch>,
    ) -> Result<Option<pb::UploadChunksRequest>, Status> {
        let should_end = async {
            match watch {
                Some(watch) => watch.should_end().await,
                None => pending().await,
            }
        };
        let ended = async {
            loop {
                tokio::time::sleep(ASKED_AGAIN).await;
                if let Err(ended) = engine.still_holds(principal) {
                    break ended;
                }
            }
        };
        let least = self.pace.least();
        if self.stop.is_cancelled() {
            // It would never be looked at with a peer that has always one more ready.
            return Err(status(stopping()));
        }
        tokio::select! {
            // What has come is taken before anything waits.
            biased;
            next = self.pace.wait(self.stream.next()) => match next {
                Some(next) => next.transpose().map_err(stream_status),
                None => Err(status(Error::from(FileError::TooSlow(least)))),
            },
            error = should_end => Err(status(error)),
            ended = ended => Err(status(ended)),
            () = self.stop.cancelled() => Err(status(stopping())),
        }
    }
}

/// The chunk of a message for an upload.
fn chunk_of(message: pb::UploadChunksRequest, id: UploadId) -> Result<Chunk, Status> {
    let of_another = |text: &str| files::upload_id(text).map(|other| other != id);
    if !message.upload_id.is_empty() && of_another(&message.upload_id).map_err(status)? {
        // One call, one upload: where the other stands nobody has looked.
        return Err(status(Error::from(FileError::ChunkOfAnother)));
    }
    let max = STREAMED_CHUNK_BYTES_MAX;
    files::chunk(message.offset, message.data, &message.blake3, max).map_err(status)
}

fn upload(seen: &UploadSeen) -> Option<pb::Upload> {
    Some(response::upload(&seen.upload, seen.committed))
}

#[async_trait]
impl FileService for Files {
    type DownloadStream = Answers;

    async fn create_upload(
        &self,
        request: Request<pb::CreateUploadRequest>,
    ) -> Result<Response<pb::CreateUploadResponse>, Status> {
        let principal = principal(&self.engine, &request)?;
        let new = files::new_file(request.get_ref()).map_err(status)?;
        let engine = Arc::clone(&self.engine);
        let created = self
            .gate
            .known(async move { engine.create_upload(&principal, new).await });
        let seen = created.await.map_err(status)?;
        let upload = upload(&seen);
        Ok(Response::new(pb::CreateUploadResponse { upload }))
    }

    async fn upload_chunks(
        &self,
        request: Request<Streaming<pb::UploadChunksRequest>>,
    ) -> Result<Response<pb::UploadChunksResponse>, Status> {
        let principal = principal(&self.engine, &request)?;
        let chunks = Chunks {
            stream: request.into_inner(),
            stop: self.engine.hub().draining().clone(),
            pace: Pace::new(UPLOAD_BYTES),
        };
        let committed_bytes = self.take_in(&principal, chunks).await?;
        Ok(Response::new(pb::UploadChunksResponse { committed_bytes }))
    }

    async fn upload_chunk(
        &self,
        request: Request<pb::UploadChunkRequest>,
    ) -> Result<Response<pb::UploadChunkResponse>, Status> {
        let principal = principal(&self.engine, &request)?;
        let asked = request.into_inner();
        let id = files::upload_id(&asked.upload_id).map_err(status)?;
        let chunk = files::chunk(asked.offset, asked.data, &asked.blake3, CHUNK_BYTES_MAX);
        let chunk = chunk.map_err(status)?;
        let transfer = self.engine.begin_transfer(&principal, id).await;
        let mut transfer = transfer.map_err(status)?;
        transfer.append(vec![chunk]).await.map_err(status)?;
        let committed_bytes = transfer.finish().await.map_err(status)?;
        Ok(Response::new(pb::UploadChunkResponse { committed_bytes }))
    }

    async fn get_upload(
        &self,
        request: Request<pb::GetUploadRequest>,
    ) -> Result<Response<pb::GetUploadResponse>, Status> {
        let principal = principal(&self.engine, &request)?;
        let id = files::upload_id(&request.into_inner().upload_id).map_err(status)?;
        let found = self.engine.upload(&principal, id).await.map_err(status)?;
        let (upload, file) = match found {
            UploadFound::UnderWay(seen) => (upload(&seen), None),
            UploadFound::Done(file) => (None, Some(response::file(&file))),
        };
        Ok(Response::new(pb::GetUploadResponse { upload, file }))
    }

    async fn complete_upload(
        &self,
        request: Request<pb::CompleteUploadRequest>,
    ) -> Result<Response<pb::CompleteUploadResponse>, Status> {
        let principal = principal(&self.engine, &request)?;
        let id = files::upload_id(&request.into_inner().upload_id).map_err(status)?;
        let engine = Arc::clone(&self.engine);
        let completed = self
            .gate
            .known(async move { engine.complete_upload(&principal, id).await });
        let file = Some(response::file(&completed.await.map_err(status)?));
        Ok(Response::new(pb::CompleteUploadResponse { file }))
    }

    async fn cancel_upload(
        &self,
        request: Request<pb::CancelUploadRequest>,
    ) -> Result<Response<pb::CancelUploadResponse>, Status> {
        let principal = principal(&self.engine, &request)?;
        let id = files::upload_id(&request.into_inner().upload_id).map_err(status)?;
        let engine = Arc::clone(&self.engine);
        let cancelled = self
            .gate
            .known(async move { engine.cancel_upload(&principal, id).await });
        cancelled.await.map_err(status)?;
        Ok(Response::new(pb::CancelUploadResponse {}))
    }

    async fn download(
        &self,
        request: Request<pb::DownloadRequest>,
    ) -> Result<Response<Self::DownloadStream>, Status> {
        let principal = principal(&self.engine, &request)?;
        let unread = Unread::new(caller(&request)?.cut);
        let asked = request.into_inner();
        let id = files::file_id("file_id", &asked.file_id).map_err(status)?;
        let download = self.engine.download(&principal, id, asked.offset).await;
        let download = download.map_err(status)?;
        let stop = self.engine.hub().draining().clone();
        let (task, answers, kept) =
            hand_on(download, stop, Pace::new(DOWNLOAD_BYTES), unread).await;
        self.tasks.spawn("download", task);
        let mut answer = Response::new(answers);
        answer.extensions_mut().insert(kept);
        Ok(answer)
    }

    async fn get_file(
        &self,
        request: Request<pb::GetFileRequest>,
    ) -> Result<Response<pb::GetFileResponse>, Status> {
        let principal = principal(&self.engine, &request)?;
        let id = files::file_id("file_id", &request.into_inner().file_id).map_err(status)?;
        let file = self.engine.file(&principal, id).await.map_err(status)?;
        let file = Some(response::file(&file));
        Ok(Response::new(pb::GetFileResponse { file }))
    }
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
