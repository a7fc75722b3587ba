//! Files by the API: begun, brought in chunks, completed, fetched. Every wait has a deadline.

use bytes::Bytes;
use tinychat::pb::{
    Attachment, CompleteUploadRequest, CreateUploadRequest, DownloadRequest, File,
    GetUploadRequest, SendRequest, SendResponse, Upload, UploadChunksRequest,
};
use tonic::Status;

use super::{
    Account,
    account::{new_id, to_user},
    in_time,
};

/// Bytes of a chunk, as the schema advises.
pub const CHUNK: usize = 64 * 1024;

/// Bytes that do not repeat, and others for another seed.
pub fn noise(bytes: usize, seed: u64) -> Vec<u8> {
    let mut reader = blake3::Hasher::new()
        .update(&seed.to_le_bytes())
        .finalize_xof();
    let mut noise = vec![0; bytes];
    reader.fill(&mut noise);
    noise
}

/// The chunks of a file from an offset on, with their hashes.
pub fn chunks(upload: &str, bytes: &[u8], offset: usize) -> Vec<UploadChunksRequest> {
    let of = |(index, piece): (usize, &[u8])| UploadChunksRequest {
        upload_id: upload.to_owned(),
        offset: (offset + index * CHUNK) as u64,
        data: Bytes::copy_from_slice(piece),
        blake3: Bytes::copy_from_slice(blake3::hash(piece).as_bytes()),
    };
    bytes[offset..].chunks(CHUNK).enumerate().map(of).collect()
}

/// Asks for an upload.
pub async fn create(account: &Account, asked: CreateUploadRequest) -> Result<Upload, Status> {
    let mut files = account.connection.files();
    let created = in_time("an upload", files.create_upload(asked)).await?;
    Ok(created.into_inner().upload.unwrap())
}

/// Begins an upload of so many bytes.
pub async fn begin(account: &Account, name: &str, size: u64) -> Result<Upload, Status> {
    let asked = CreateUploadRequest {
        name: name.to_owned(),
        size_bytes: size,
        ..CreateUploadRequest::default()
    };
    create(account, asked).await
}

/// Brings chunks, and answers where the upload stands.
pub async fn bring(account: &Account, chunks: Vec<UploadChunksRequest>) -> Result<u64, Status> {
    let mut files = account.connection.files();
    let brought = files.upload_chunks(tokio_stream::iter(chunks));
    Ok(in_time("the chunks", brought)
        .await?
        .into_inner()
        .committed_bytes)
}

/// Where an upload stands.
pub async fn stands(account: &Account, upload: &str) -> Result<u64, Status> {
    let asked = GetUploadRequest {
        upload_id: upload.to_owned(),
    };
    let mut files = account.connection.files();
    let seen = in_time("where it stands", files.get_upload(asked)).await?;
    Ok(seen.into_inner().upload.unwrap().committed_bytes)
}

/// Makes an upload a file.
pub async fn complete(account: &Account, upload: &str) -> Result<File, Status> {
    let asked = CompleteUploadRequest {
        upload_id: upload.to_owned(),
    };
    let mut files = account.connection.files();
    let completed = in_time("a file", files.complete_upload(asked)).await?;
    Ok(completed.into_inner().file.unwrap())
}

/// Uploads a file whole.
pub async fn upload(account: &Account, name: &str, bytes: &[u8]) -> Result<File, Status> {
    let upload = begin(account, name, bytes.len() as u64).await?.id;
    if !bytes.is_empty() {
        bring(account, chunks(&upload, bytes, 0)).await?;
    }
    complete(account, &upload).await
}

/// Fetches a file from an offset on.
pub async fn download(account: &Account, file: &str, offset: u64) -> Result<Vec<u8>, Status> {
    let asked = DownloadRequest {
        file_id: file.to_owned(),
        offset,
    };
    let mut files = account.connection.files();
    let mut stream = in_time("a download", files.download(asked))
        .await?
        .into_inner();
    let mut bytes = Vec::new();
    while let Some(answer) = in_time("more of it", stream.message()).await? {
        assert_eq!(
            answer.file.is_some(),
            bytes.is_empty(),
            "the first says what it is"
        );
        assert_eq!(answer.offset, offset + bytes.len() as u64);
        assert!(answer.data.len() <= CHUNK);
        bytes.extend_from_slice(&answer.data);
    }
    Ok(bytes)
}

/// Sends a message with files to a user.
pub async fn send_with(
    account: &Account,
    user: &str,
    text: &str,
    files: &[&File],
) -> Result<SendResponse, Status> {
    let attachment = |file: &&File| Attachment {
        file_id: file.id.clone(),
    };
    let request = SendRequest {
        attachments: files.iter().map(attachment).collect(),
        ..to_user(user, text, &new_id())
    };
    account.send_request(request).await
}
