//! Those of the cases that are about files: what they promise stands in the table, as for the others, whose helpers they
//! use.

use bytes::Bytes;
use tinychat::{
    client::{ClientError, Link, LinkOptions, Login},
    pb::{self, event::Body, send_request},
};
use tokio_stream::StreamExt as _;
use tonic::Code;

use super::{Place, caught_up, message_to, refused, send, until_text};
use crate::support::{
    eventually_async,
    file::{CHUNK, chunks},
    in_time,
};

/// A file of several pieces, each of them another.
fn lines() -> Vec<u8> {
    let lines = (1..=30_000).map(|number| format!("line {number}\n"));
    lines.collect::<String>().into_bytes()
}

/// Says what will come, and gives the id of the upload.
async fn begin(login: &Login, whole: &[u8]) -> String {
    let request = pb::CreateUploadRequest {
        name: "lines.txt".to_owned(),
        size_bytes: whole.len() as u64,
        media_type: "text/plain".to_owned(),
        blake3: Bytes::copy_from_slice(blake3::hash(whole).as_bytes()),
        ..pb::CreateUploadRequest::default()
    };
    let mut files = login.session.connection().files();
    let begun = in_time("an upload", files.create_upload(request)).await;
    begun.unwrap().into_inner().upload.unwrap().id
}

/// Where an upload stands, or what it has become.
async fn seen(login: &Login, id: &str) -> pb::GetUploadResponse {
    let request = pb::GetUploadRequest {
        upload_id: id.to_owned(),
    };
    let mut files = login.session.connection().files();
    let seen = in_time("where it stands", files.get_upload(request)).await;
    seen.unwrap().into_inner()
}

async fn stands(login: &Login, id: &str) -> u64 {
    seen(login, id).await.upload.unwrap().committed_bytes
}

async fn complete(login: &Login, id: &str) -> Result<pb::File, ClientError> {
    let request = pb::CompleteUploadRequest {
        upload_id: id.to_owned(),
    };
    let mut files = login.session.connection().files();
    let completed = in_time("a file", files.complete_upload(request)).await?;
    Ok(completed.into_inner().file.unwrap())
}

/// Goes on where the upload stands, up to its end.
async fn go_on(login: &Login, id: &str, whole: &[u8]) -> pb::File {
    let from = usize::try_from(stands(login, id).await).unwrap();
    let mut files = login.session.connection().files();
    let pieces = tokio_stream::iter(chunks(id, whole, from));
    let brought = in_time("the pieces", files.upload_chunks(pieces)).await;
    let committed = brought.unwrap().into_inner().committed_bytes;
    assert_eq!(committed, whole.len() as u64);
    complete(login, id).await.unwrap()
}

/// What comes of a file, from an offset on.
async fn fetched(login: &Login, file: &pb::File, offset: usize) -> Result<Vec<u8>, ClientError> {
    let request = pb::DownloadRequest {
        file_id: file.id.clone(),
        offset: offset as u64,
    };
    let mut files = login.session.connection().files();
    let pieces = in_time("a download", files.download(request)).await?;
    let mut pieces = pieces.into_inner();
    let mut bytes = Vec::new();
    while let Some(piece) = in_time("more of it", pieces.message()).await? {
        bytes.extend_from_slice(&piece.data);
    }
    Ok(bytes)
}

pub(super) async fn a_file(place: &Place) {
    let (ann, bob, eve) = (place.user().await, place.user().await, place.user().await);
    let mut his = Link::new(bob.session.clone(), LinkOptions::default());
    caught_up(&mut his).await;
    let whole = lines();
    let id = begin(&ann, &whole).await;
    let made = go_on(&ann, &id, &whole).await;
    let text = "all of them";
    let attachment = pb::Attachment {
        file_id: made.id.clone(),
    };
    let request = pb::SendRequest {
        attachments: vec![attachment],
        ..message_to(send_request::Target::UserName(bob.user.name.clone()), text)
    };
    send(&ann, request).await.unwrap();

    let came = until_text(&mut his, text).await.pop();
    let Some(Body::Message(message)) = came else {
        panic!("{came:?}")
    };
    assert_eq!(message.attachments, std::slice::from_ref(&made));
    let is = (&*made.name, made.size_bytes, &*made.media_type);
    assert_eq!(is, ("lines.txt", whole.len() as u64, "text/plain"));
    assert_eq!(made.blake3, blake3::hash(&whole).as_bytes().as_slice());
    for offset in [0, 100_000] {
        let got = fetched(&bob, &made, offset).await.unwrap();
        assert!(got == whole[offset..], "other bytes came from {offset} on");
    }

    let gone = (Code::NotFound, "FILE_NOT_FOUND".to_owned());
    let request = pb::GetFileRequest {
        file_id: made.id.clone(),
    };
    let answer = eve.session.connection().files().get_file(request).await;
    assert_eq!(refused(answer.map_err(ClientError::from)), gone);
    assert_eq!(refused(fetched(&eve, &made, 0).await), gone);
}

pub(super) async fn a_cut_upload(place: &Place) {
    let ann = place.user().await;
    let whole = lines();
    let id = begin(&ann, &whole).await;
    let two = chunks(&id, &whole[..2 * CHUNK], 0);
    // More may come for ever, until the call is dropped.
    let pieces = tokio_stream::iter(two).chain(tokio_stream::pending());
    let mut files = ann.session.connection().files();
    let two = 2 * CHUNK as u64;
    let came = eventually_async("two pieces are there", async || {
        stands(&ann, &id).await == two
    });
    tokio::select! {
        answer = files.upload_chunks(pieces) => panic!("the call ended: {answer:?}"),
        () = came => {}
    }
    assert_eq!(stands(&ann, &id).await, two, "what came stays");
    let declared = seen(&ann, &id).await.upload.unwrap().blake3;
    assert_eq!(declared, *blake3::hash(&whole).as_bytes().as_slice());
    let request = pb::UploadChunkRequest {
        upload_id: id.clone(),
        offset: 0,
        data: Bytes::copy_from_slice(&whole[..CHUNK]),
        blake3: Bytes::new(),
    };
    let answer = files.upload_chunk(request).await;
    let elsewhere = (Code::FailedPrecondition, "UPLOAD_OFFSET".to_owned());
    assert_eq!(refused(answer.map_err(ClientError::from)), elsewhere);
    let early = (Code::FailedPrecondition, "UPLOAD_INCOMPLETE".to_owned());
    assert_eq!(refused(complete(&ann, &id).await), early);

    let made = go_on(&ann, &id, &whole).await;
    assert_eq!(complete(&ann, &id).await.unwrap(), made, "by a repeat");
    assert_eq!(seen(&ann, &id).await.file.as_ref(), Some(&made));
    let got = fetched(&ann, &made, 0).await.unwrap();
    assert!(got == whole, "other bytes came");
}
