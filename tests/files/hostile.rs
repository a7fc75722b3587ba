//! What nobody should send: names that are paths, hashes and offsets that are wrong, chunks that overlap, too much at once.

use bytes::Bytes;
use tinychat::pb::{CreateUploadRequest, DownloadRequest, UploadChunkRequest, UploadChunksRequest};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;

use super::{code, files_under, uploads_under};
use crate::support::{Account, Server, account::reason, file::*, in_time};

/// Names that no file may have.
fn names() -> Vec<String> {
    let mut names: Vec<String> = [
        "",
        ".",
        "..",
        "/",
        "\\",
        "../x",
        "..\\x",
        "/etc/passwd",
        "a/b",
        "a\\b",
        "C:\\x",
        "\\\\host\\share",
        "../../.ssh/authorized_keys",
        "..%2f..%2fx/../x",
        "a/",
        "/a",
        "./a",
        ".\\a",
        "a/../../b",
        "file:///etc/passwd",
        "/dev/null",
        "/proc/self/mem",
        "~/../x",
        "//x",
        "a//b",
    ]
    .map(str::to_owned)
    .to_vec();
    let controls = ('\0'..='\u{1f}').chain('\u{7f}'..='\u{9f}');
    let turned = ('\u{202a}'..='\u{202e}')
        .chain('\u{2066}'..='\u{2069}')
        .chain(['\u{200e}', '\u{200f}', '\u{61c}']);
    let hidden = controls.chain(turned).chain(['\u{2028}', '\u{2029}']);
    names.extend(hidden.map(|hidden| format!("photo{hidden}gpj.exe")));
    names.extend([256, 300, 4_096, 100_000].map(|length| "x".repeat(length)));
    names.push("é".repeat(128));
    names
}

#[tokio::test]
async fn a_name_is_no_path_and_hides_nothing() {
    let server = Server::start();
    let ann = Account::register(&server, "ann").await;
    let names = names();
    assert!(names.len() >= 100, "{}", names.len());
    for name in &names {
        let refused = code(begin(&ann, name, 1).await);
        assert_eq!(
            refused,
            (Code::InvalidArgument, "FILE_NAME_INVALID".to_owned()),
            "{name:?}"
        );
    }
    assert!(uploads_under(server.data()).is_empty());
    assert!(files_under(&server.data().join("blobs")).is_empty());
    // What looks odd and does no harm is taken as it is.
    for name in [
        "...",
        "CON",
        ".bashrc",
        "-rf",
        "a b",
        "שלום.txt",
        "👪.png",
        "%2e%2e",
        "$(x)",
        "'\";--",
    ] {
        assert_eq!(upload(&ann, name, b"x").await.unwrap().name, name);
    }
}

#[tokio::test]
async fn what_is_wrong_is_refused_and_the_upload_stands_where_it_stood() {
    let server = Server::start();
    let ann = Account::register(&server, "ann").await;
    let bytes = noise(3 * CHUNK, 1);
    let id = begin(&ann, "a", bytes.len() as u64).await.unwrap().id;
    bring(&ann, chunks(&id, &bytes[..CHUNK], 0)).await.unwrap();
    let chunk = |offset: usize, data: &[u8], hash: &[u8]| UploadChunksRequest {
        upload_id: id.clone(),
        offset: offset as u64,
        data: Bytes::copy_from_slice(data),
        blake3: Bytes::copy_from_slice(hash),
    };
    let piece = &bytes[CHUNK..CHUNK + 9];
    let other = blake3::hash(b"other");
    let bad = [
        (
            chunk(0, piece, &[]),
            Code::FailedPrecondition,
            "UPLOAD_OFFSET",
        ),
        (
            chunk(CHUNK - 1, piece, &[]),
            Code::FailedPrecondition,
            "UPLOAD_OFFSET",
        ),
        (
            chunk(CHUNK + 1, piece, &[]),
            Code::FailedPrecondition,
            "UPLOAD_OFFSET",
        ),
        (
            chunk(usize::MAX, piece, &[]),
            Code::FailedPrecondition,
            "UPLOAD_OFFSET",
        ),
        (
            chunk(CHUNK, piece, other.as_bytes()),
            Code::InvalidArgument,
            "CHUNK_HASH_MISMATCH",
        ),
        (
            chunk(CHUNK, piece, b"short"),
            Code::InvalidArgument,
            "HASH_INVALID",
        ),
        (
            chunk(CHUNK, b"", &[]),
            Code::InvalidArgument,
            "CHUNK_INVALID",
        ),
        (
            UploadChunksRequest {
                upload_id: "p999".to_owned(),
                ..chunk(CHUNK, piece, &[])
            },
            Code::NotFound,
            "UPLOAD_NOT_FOUND",
        ),
        (
            UploadChunksRequest {
                upload_id: String::new(),
                ..chunk(CHUNK, piece, &[])
            },
            Code::InvalidArgument,
            "UPLOAD_ID_INVALID",
        ),
    ];
    for (chunk, bad_code, why) in bad {
        let unary = UploadChunkRequest {
            upload_id: chunk.upload_id.clone(),
            offset: chunk.offset,
            data: chunk.data.clone(),
            blake3: chunk.blake3.clone(),
        };
        let refused = code(bring(&ann, vec![chunk]).await);
        assert_eq!(refused, (bad_code, why.to_owned()));
        let mut files = ann.connection.files();
        let refused = code(in_time("a chunk", files.upload_chunk(unary)).await);
        assert_eq!(refused, (bad_code, why.to_owned()));
        assert_eq!(stands(&ann, &id).await.unwrap(), CHUNK as u64, "{why}");
    }
    // Chunks that are too large, each in its way, and one past the end.
    let (invalid, large) = (
        (Code::InvalidArgument, "CHUNK_INVALID".to_owned()),
        (Code::ResourceExhausted, "MESSAGE_TOO_LARGE".to_owned()),
    );
    let few = begin(&ann, "few", 9).await.unwrap().id;
    let past = chunks(&few, &noise(10, 2), 0);
    assert_eq!(code(bring(&ann, past).await), invalid);
    for (bytes, streamed, unary) in [
        (64 * 1024 + 1, &invalid, None),
        ((64 + 16) * 1024, &large, None),
        (2 * CHUNK + 1, &large, Some(&invalid)),
        (512 * 1024 + 1, &large, Some(&invalid)),
        ((512 + 16) * 1024, &large, Some(&large)),
    ] {
        let chunk = chunk(CHUNK, &noise(bytes, 2), &[]);
        assert_eq!(
            &code(bring(&ann, vec![chunk.clone()]).await),
            streamed,
            "{bytes}"
        );
        if let Some(unary) = unary {
            let alone = UploadChunkRequest {
                upload_id: chunk.upload_id,
                offset: chunk.offset,
                data: chunk.data,
                blake3: chunk.blake3,
            };
            let mut files = ann.connection.files();
            let refused = in_time("a chunk", files.upload_chunk(alone)).await;
            assert_eq!(&code(refused), unary, "{bytes}");
        }
        assert_eq!(stands(&ann, &id).await.unwrap(), CHUNK as u64, "{bytes}");
    }
    // Chunks that overlap one another: all of what is written at once is refused, or what was right before them stays.
    let overlapping = vec![chunk(CHUNK, piece, &[]), chunk(CHUNK + 3, piece, &[])];
    assert_eq!(code(bring(&ann, overlapping).await).1, "UPLOAD_OFFSET");
    let stands_at = stands(&ann, &id).await.unwrap() as usize;
    assert!([CHUNK, CHUNK + 9].contains(&stands_at), "{stands_at}");
    assert_eq!(code(bring(&ann, vec![]).await).1, "REQUEST_MISSING");
    // A chunk for another upload of the same user, in one call.
    let other = begin(&ann, "b", 9).await.unwrap().id;
    let for_other = UploadChunksRequest {
        upload_id: other.clone(),
        ..chunk(0, piece, &[])
    };
    let mixed = bring(&ann, vec![chunk(stands_at, piece, &[]), for_other]).await;
    let refused = mixed.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused)),
        (Code::InvalidArgument, "CHUNK_INVALID".to_owned())
    );
    let fields = tonic_types::StatusExt::get_error_details(&refused);
    let fields = fields.bad_request().unwrap().field_violations.clone();
    assert_eq!(fields[0].field, "upload_id");
    assert_eq!(stands(&ann, &other).await.unwrap(), 0);
    let stands_at = stands(&ann, &id).await.unwrap() as usize;
    assert_eq!(code(complete(&ann, &id).await).1, "UPLOAD_INCOMPLETE");
    bring(&ann, chunks(&id, &bytes, stands_at)).await.unwrap();
    let file = complete(&ann, &id).await.unwrap();
    assert_eq!(download(&ann, &file.id, 0).await.unwrap(), bytes);
}

#[tokio::test]
async fn a_whole_with_another_hash_is_dropped_and_can_be_sent_again() {
    let server = Server::start();
    let ann = Account::register(&server, "ann").await;
    let bytes = noise(CHUNK + 5, 1);
    let asked = CreateUploadRequest {
        name: "a".to_owned(),
        size_bytes: bytes.len() as u64,
        blake3: Bytes::copy_from_slice(blake3::hash(&bytes).as_bytes()),
        ..CreateUploadRequest::default()
    };
    let id = create(&ann, asked.clone()).await.unwrap().id;
    bring(&ann, chunks(&id, &noise(CHUNK + 5, 2), 0))
        .await
        .unwrap();
    let refused = code(complete(&ann, &id).await);
    assert_eq!(refused, (Code::DataLoss, "FILE_HASH_MISMATCH".to_owned()));
    assert_eq!(stands(&ann, &id).await.unwrap(), 0);
    assert!(files_under(&server.data().join("blobs")).is_empty());
    bring(&ann, chunks(&id, &bytes, 0)).await.unwrap();
    complete(&ann, &id).await.unwrap();
    // To know a hash is not to have the bytes.
    let id = create(&ann, asked).await.unwrap().id;
    assert_eq!(code(complete(&ann, &id).await).1, "UPLOAD_INCOMPLETE");
    let bad = CreateUploadRequest {
        name: "a".to_owned(),
        blake3: Bytes::from_static(b"short"),
        ..CreateUploadRequest::default()
    };
    assert_eq!(code(create(&ann, bad).await).1, "HASH_INVALID");
    let huge = CreateUploadRequest {
        name: "a".to_owned(),
        size_bytes: u64::MAX,
        ..CreateUploadRequest::default()
    };
    assert_eq!(code(create(&ann, huge).await).1, "FILE_SIZE_INVALID");
    let odd = CreateUploadRequest {
        name: "a".to_owned(),
        media_type: "text/plain; charset=\u{1b}".to_owned(),
        ..CreateUploadRequest::default()
    };
    assert_eq!(code(create(&ann, odd).await).1, "MEDIA_TYPE_INVALID");
}

#[tokio::test]
async fn of_two_calls_for_one_upload_the_later_goes_on() {
    let server = Server::start();
    let ann = Account::register(&server, "ann").await;
    let bytes = noise(4 * CHUNK, 1);
    let id = begin(&ann, "a", bytes.len() as u64).await.unwrap().id;
    let all = chunks(&id, &bytes, 0);
    // The first brings a chunk and then stands still, as a link does that is dead and does not know it.
    let (feed, queue) = mpsc::channel(4);
    let mut files = ann.connection.files();
    let first = async { files.upload_chunks(ReceiverStream::new(queue)).await };
    let second = async {
        feed.send(all[0].clone()).await.unwrap();
        crate::support::eventually_async("the first chunk is there", async || {
            stands(&ann, &id).await.unwrap() == CHUNK as u64
        })
        .await;
        bring(&ann.on(&server), all[1..].to_vec()).await
    };
    let (first, second) = in_time("both", async { tokio::join!(first, second) }).await;
    assert_eq!(code(first), (Code::Aborted, "UPLOAD_TAKEN_OVER".to_owned()));
    assert_eq!(second.unwrap(), bytes.len() as u64);
    let file = complete(&ann, &id).await.unwrap();
    assert_eq!(download(&ann, &file.id, 0).await.unwrap(), bytes);
}

#[tokio::test]
async fn so_many_files_move_at_once_and_not_one_more() {
    let server = Server::start();
    let ann = Account::register(&server, "ann").await;
    let file = upload(&ann, "a", &noise(8 << 20, 1)).await.unwrap();
    let mut held = Vec::new();
    let open = async || {
        // Each over a connection of its own, none of which is read.
        let mut files = ann.on(&server).connection.files();
        let asked = DownloadRequest {
            file_id: file.id.clone(),
            offset: 0,
        };
        in_time("a download", files.download(asked)).await
    };
    for _ in 0..8 {
        held.push(open().await.unwrap());
    }
    let refused = open().await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert_eq!(reason(&refused), "TOO_MANY_TRANSFERS");
    held.pop();
    crate::support::eventually_async("a place is free", async || open().await.is_ok()).await;
}

#[tokio::test]
async fn so_many_uploads_are_begun_and_not_one_more() {
    let server = Server::start();
    let ann = Account::register(&server, "ann").await;
    for _ in 0..20 {
        begin(&ann, "a", 1).await.unwrap();
    }
    assert_eq!(code(begin(&ann, "a", 1).await).1, "TOO_MANY_UPLOADS");
    let bob = Account::register(&server, "bob").await;
    begin(&bob, "a", 1).await.unwrap();
}
