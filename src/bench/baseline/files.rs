//! The files of the baselines: a bare byte stream each way over the same messages. What comes is counted, and what goes is made
//! of a buffer: no hash, no disk, no check. Where something is stored files are, too ([`kept`](super::kept)). An id says all
//! that there is to know of a file, and the bytes that go are those that came: the generator compares them as it does with the
//! server.

use bytes::Bytes;
use data_encoding::HEXLOWER;
use futures_util::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use tonic::{Request, Response, Status, Streaming, async_trait};

use super::{Fault, kept::Kept, outbox::BROKEN, service::not_here};
use crate::{
    bench::sample::{Pattern, name_of, number_of},
    pb::{self, servers::file_service_server::FileService},
};

/// The service.
pub struct Files {
    fault: Option<Fault>,
    kept: Option<Kept>,
}

/// What an id says.
struct Told {
    number: u64,
    size: u64,
    hash: Bytes,
}

impl Told {
    fn read(id: &str) -> Option<Self> {
        let mut parts = id.split('.');
        let (number, size, hash) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self {
            number: number.parse().ok()?,
            size: size.parse().ok()?,
            hash: HEXLOWER.decode(hash.as_bytes()).ok()?.into(),
        })
    }

    fn id(&self) -> String {
        let hash = HEXLOWER.encode(&self.hash);
        format!("{}.{}.{hash}", self.number, self.size)
    }

    fn file(&self) -> pb::File {
        pb::File {
            id: self.id(),
            name: name_of(self.number),
            size_bytes: self.size,
            blake3: self.hash.clone(),
            ..pb::File::default()
        }
    }
}

fn strange() -> Status {
    Status::invalid_argument("a baseline knows the files of the generator alone")
}

impl Files {
    /// The service, which may do something wrong. Without a place to keep files in it keeps none.
    pub const fn new(fault: Option<Fault>, kept: Option<Kept>) -> Self {
        Self { fault, kept }
    }
}

#[async_trait]
impl FileService for Files {
    type DownloadStream = BoxStream<'static, Result<pb::DownloadResponse, Status>>;

    async fn create_upload(
        &self,
        request: Request<pb::CreateUploadRequest>,
    ) -> Result<Response<pb::CreateUploadResponse>, Status> {
        let asked = request.into_inner();
        let told = Told {
            number: number_of(&asked.name).ok_or_else(strange)?,
            size: asked.size_bytes,
            hash: asked.blake3,
        };
        let upload = pb::Upload {
            id: told.id(),
            name: asked.name,
            size_bytes: asked.size_bytes,
            ..pb::Upload::default()
        };
        let upload = Some(upload);
        Ok(Response::new(pb::CreateUploadResponse { upload }))
    }

    async fn upload_chunks(
        &self,
        request: Request<Streaming<pb::UploadChunksRequest>>,
    ) -> Result<Response<pb::UploadChunksResponse>, Status> {
        let mut pieces = request.into_inner();
        let mut committed_bytes = 0;
        let mut coming = None;
        while let Some(piece) = pieces.message().await? {
            committed_bytes += piece.data.len() as u64;
            let Some(kept) = &self.kept else { continue };
            if coming.is_none() {
                let Told { number, hash, .. } = Told::read(&piece.upload_id).ok_or_else(strange)?;
                coming = Some(kept.begin(number, hash)?);
            }
            if let Some(coming) = &mut coming {
                coming.add(&piece)?;
            }
        }
        if let Some(coming) = coming {
            let finished = tokio::task::spawn_blocking(|| coming.finish()).await;
            finished.map_err(|error| Status::internal(error.to_string()))??;
        }
        Ok(Response::new(pb::UploadChunksResponse { committed_bytes }))
    }

    async fn complete_upload(
        &self,
        request: Request<pb::CompleteUploadRequest>,
    ) -> Result<Response<pb::CompleteUploadResponse>, Status> {
        let told = Told::read(&request.get_ref().upload_id).ok_or_else(strange)?;
        let file = Some(told.file());
        Ok(Response::new(pb::CompleteUploadResponse { file }))
    }

    async fn download(
        &self,
        request: Request<pb::DownloadRequest>,
    ) -> Result<Response<Self::DownloadStream>, Status> {
        let told = Told::read(&request.get_ref().file_id).ok_or_else(strange)?;
        let (pattern, fault) = (Pattern::new(told.size), self.fault);
        let kept = self.kept.as_ref();
        let mut going = kept.map(|kept| kept.open(told.number)).transpose()?;
        let is_sent = move |index: &u64| fault != Some(Fault::Drop) || *index != BROKEN;
        let pieces = (0..pattern.pieces()).filter(is_sent).map(move |index| {
            let mut data = match &mut going {
                Some(going) => going.next()?,
                None => pattern.piece(told.number, index),
            };
            if fault == Some(Fault::Garble) && index == BROKEN {
                data = data.iter().map(|byte| byte ^ 1).collect();
            }
            Ok(pb::DownloadResponse {
                file: (index == 0).then(|| told.file()),
                offset: Pattern::offset(index),
                data,
            })
        });
        Ok(Response::new(stream::iter(pieces).boxed()))
    }

    async fn upload_chunk(
        &self,
        _: Request<pb::UploadChunkRequest>,
    ) -> Result<Response<pb::UploadChunkResponse>, Status> {
        Err(not_here())
    }

    async fn get_upload(
        &self,
        _: Request<pb::GetUploadRequest>,
    ) -> Result<Response<pb::GetUploadResponse>, Status> {
        Err(not_here())
    }

    async fn cancel_upload(
        &self,
        _: Request<pb::CancelUploadRequest>,
    ) -> Result<Response<pb::CancelUploadResponse>, Status> {
        Err(not_here())
    }

    async fn get_file(
        &self,
        _: Request<pb::GetFileRequest>,
    ) -> Result<Response<pb::GetFileResponse>, Status> {
        Err(not_here())
    }
}
