//! Files, call by call. `client::transfer` makes a whole upload or download of them, over cuts and restarts.

use std::time::Duration;

use tokio::time::timeout;
use tokio_stream::Stream;
use tonic::Streaming;

use crate::{domain::limits::CHUNK_BYTES_MAX, pb};

use super::{
    error::ClientError,
    retries::ATTEMPT_TIMEOUT,
    session::{Patience, Session, attempts},
};

/// The largest answer of a download that is taken: servers send 64 KiB, and a little beside them.
const ANSWER_BYTES_MAX: usize = CHUNK_BYTES_MAX + 16 * 1024;

/// What has become of an upload.
#[derive(Clone, Debug, PartialEq)]
pub enum UploadState {
    /// It is under way.
    UnderWay(pb::Upload),
    /// It is a file.
    Done(pb::File),
}

impl Session {
    /// Begins an upload. One whose answer is lost stays on the server until it is forgotten there.
    pub async fn create_upload(
        &self,
        request: &pb::CreateUploadRequest,
        patience: Patience,
    ) -> Result<pb::Upload, ClientError> {
        let call = async || {
            let mut files = self.connection().files();
            files.create_upload(request.clone()).await
        };
        let answer = attempts(patience, call).await?;
        answer.upload.ok_or(ClientError::BadAnswer("upload"))
    }

    /// Returns where an upload stands, or what it has become.
    pub async fn upload_state(
        &self,
        upload_id: &str,
        patience: Patience,
    ) -> Result<UploadState, ClientError> {
        let request = pb::GetUploadRequest {
            upload_id: upload_id.to_owned(),
        };
        let call = async || self.connection().files().get_upload(request.clone()).await;
        let answer = attempts(patience, call).await?;
        match (answer.file, answer.upload) {
            (Some(file), _) => Ok(UploadState::Done(file)),
            (None, Some(upload)) => Ok(UploadState::UnderWay(upload)),
            (None, None) => Err(ClientError::BadAnswer("upload")),
        }
    }

    /// Brings chunks, and returns where the upload stands after the last. Takes as long as it takes: who calls watches
    /// whether it moves.
    pub async fn upload_chunks(
        &self,
        chunks: impl Stream<Item = pb::UploadChunksRequest> + Send + 'static,
    ) -> Result<u64, ClientError> {
        let mut files = self.connection().files();
        let answer = files.upload_chunks(chunks).await?;
        Ok(answer.into_inner().committed_bytes)
    }

    /// Makes a whole upload a file. Done again, it returns the same file.
    pub async fn complete_upload(
        &self,
        upload_id: &str,
        patience: Patience,
    ) -> Result<pb::File, ClientError> {
        let request = pb::CompleteUploadRequest {
            upload_id: upload_id.to_owned(),
        };
        let call = async || {
            let mut files = self.connection().files();
            files.complete_upload(request.clone()).await
        };
        let answer = attempts(patience, call).await?;
        answer.file.ok_or(ClientError::BadAnswer("file"))
    }

    /// Ends an upload and forgets its bytes.
    pub async fn cancel_upload(&self, upload_id: &str) -> Result<(), ClientError> {
        let request = pb::CancelUploadRequest {
            upload_id: upload_id.to_owned(),
        };
        let call = async || {
            let mut files = self.connection().files();
            files.cancel_upload(request.clone()).await
        };
        attempts(Patience::None, call).await.map(|_| ())
    }

    /// Returns what a file is.
    pub async fn file(&self, file_id: &str, patience: Patience) -> Result<pb::File, ClientError> {
        let request = pb::GetFileRequest {
            file_id: file_id.to_owned(),
        };
        let call = async || self.connection().files().get_file(request.clone()).await;
        let answer = attempts(patience, call).await?;
        answer.file.ok_or(ClientError::BadAnswer("file"))
    }

    /// Begins to fetch a file from an offset on. Waits for the beginning of the answer only so long as for any other.
    pub async fn download(
        &self,
        file_id: &str,
        offset: u64,
    ) -> Result<Streaming<pb::DownloadResponse>, ClientError> {
        let request = pb::DownloadRequest {
            file_id: file_id.to_owned(),
            offset,
        };
        let mut files = self
            .connection()
            .files()
            .max_decoding_message_size(ANSWER_BYTES_MAX);
        match timeout(ATTEMPT_TIMEOUT, files.download(request)).await {
            Ok(answer) => Ok(answer?.into_inner()),
            Err(_) => Err(silent(ATTEMPT_TIMEOUT)),
        }
    }
}

/// The failure of a server from which nothing has come for so long.
pub fn silent(time: Duration) -> ClientError {
    let seconds = time.as_secs();
    ClientError::Unreachable {
        cause: format!("nothing moved for {seconds} s").into(),
    }
}
