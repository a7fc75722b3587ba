//! Files: what is uploaded is what is downloaded, whatever happens to the link and the server in between; and nobody
//! fetches what is not theirs to read.

mod broken;
mod hostile;
mod in_chat;
mod large;

use std::{fs, path::Path};

use bytes::Bytes;
use tinychat::pb::{
    AddMembersRequest, CancelUploadRequest, ConversationKind, CreateConversationRequest,
    CreateUploadRequest, DeleteMessageRequest, GetFileRequest, GetUploadRequest, ImageSize,
    LeaveConversationRequest, RemoveMemberRequest, SendRequest, UploadChunkRequest, event::Body,
    send_request::Target,
};
use tonic::{Code, Status};

use crate::support::{
    Account, Server, Start,
    account::{reason, text_of},
    both_stores, eventually_async,
    file::*,
    in_time,
};

both_stores! {
    what_is_uploaded_is_downloaded_from_anywhere,
    a_message_with_files_comes_by_every_door,
    a_small_file_goes_by_unary_calls_alone,
    strangers_and_those_who_are_out_find_nothing,
    a_picture_comes_with_one_that_shows_it_small,
    what_bytes_show_counts_more_than_what_was_said,
    a_cancelled_upload_is_gone,
}

/// What a server has of uploads: their files and the notes about them.
fn uploads_under(data: &Path) -> Vec<String> {
    let mut names = files_under(&data.join("uploads"));
    // It names the run of the machine.
    names.retain(|name| name != "boot");
    names
}

/// The files under a folder, with their paths from there.
fn files_under(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        let Ok(entries) = fs::read_dir(next) else {
            continue;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push(path.strip_prefix(folder).unwrap().display().to_string()),
            }
        }
    }
    found.sort();
    found
}

fn code(answer: Result<impl std::fmt::Debug, Status>) -> (Code, String) {
    let status = answer.expect_err("it is refused");
    (status.code(), reason(&status))
}

fn not_found() -> (Code, String) {
    (Code::NotFound, "FILE_NOT_FOUND".to_owned())
}

async fn what_is_uploaded_is_downloaded_from_anywhere(server: Start) {
    let server = server.start();
    let ann = Account::register(&server, "ann").await;
    for size in [0, 1, CHUNK, 3 * CHUNK + 7, 1 << 20] {
        let bytes = noise(size, size as u64);
        let file = upload(&ann, "some file.bin", &bytes).await.unwrap();
        assert_eq!(
            (file.size_bytes, file.name.as_str()),
            (size as u64, "some file.bin")
        );
        assert_eq!(file.blake3, blake3::hash(&bytes).as_bytes().as_slice());
        let from = [0, size / 2, size.saturating_sub(1), size];
        for offset in from {
            let got = download(&ann, &file.id, offset as u64).await.unwrap();
            assert_eq!(got, bytes[offset..], "{size} from {offset}");
        }
        let past = download(&ann, &file.id, size as u64 + 1).await;
        assert_eq!(
            code(past),
            (Code::InvalidArgument, "FILE_OFFSET".to_owned())
        );
    }
}

async fn a_message_with_files_comes_by_every_door(server: Start) {
    let server = server.start();
    let ann = Account::register(&server, "ann").await;
    let bob = Account::register(&server, "bob").await;
    let mut live = bob.subscribe(None).await;
    live.until_caught_up().await;
    let first = upload(&ann, "first.txt", b"one").await.unwrap();
    let second = upload(&ann, "second.txt", b"two").await.unwrap();
    let sent = send_with(&ann, "bob", "", &[&second, &first])
        .await
        .unwrap();
    let expected = vec![second.clone(), first.clone()];
    let came = live.messages(1).await.remove(0);
    assert_eq!((&came.attachments, text_of(&came)), (&expected, ""));
    let mut replayed = bob.subscribe(None).await;
    assert_eq!(replayed.messages(1).await[0].attachments, expected);
    let history = bob.history(&sent.conversation_id).await;
    assert_eq!(history[0].attachments, expected);
    let listed = bob.conversations().await.remove(0);
    assert_eq!(listed.last_message.unwrap().attachments, expected);
    assert_eq!(download(&bob, &first.id, 0).await.unwrap(), b"one");
    let mut files = bob.connection.files();
    let asked = GetFileRequest {
        file_id: second.id.clone(),
    };
    let got = in_time("the file", files.get_file(asked)).await.unwrap();
    assert_eq!(got.into_inner().file, Some(second));
    // Without files there must be a text.
    let empty = send_with(&ann, "bob", "", &[]).await;
    assert_eq!(
        code(empty),
        (Code::InvalidArgument, "TEXT_EMPTY".to_owned())
    );
}

async fn a_small_file_goes_by_unary_calls_alone(server: Start) {
    let server = server.start();
    let ann = Account::register(&server, "ann").await;
    let bytes = noise(900_000, 1);
    let id = begin(&ann, "small.bin", bytes.len() as u64)
        .await
        .unwrap()
        .id;
    let mut files = ann.connection.files();
    for (index, piece) in bytes.chunks(512 * 1024).enumerate() {
        let asked = UploadChunkRequest {
            upload_id: id.clone(),
            offset: (index * 512 * 1024) as u64,
            data: Bytes::copy_from_slice(piece),
            blake3: Bytes::new(),
        };
        let brought = in_time("a chunk", files.upload_chunk(asked)).await.unwrap();
        let stands = brought.into_inner().committed_bytes;
        assert_eq!(stands, (index * 512 * 1024 + piece.len()) as u64);
    }
    let file = complete(&ann, &id).await.unwrap();
    // A repeat is answered with the same file, and whoever lost the answer is told what it has become.
    assert_eq!(complete(&ann, &id).await.unwrap(), file);
    let asked = GetUploadRequest { upload_id: id };
    let found = in_time("what it is", files.get_upload(asked)).await;
    let found = found.unwrap().into_inner();
    assert_eq!((found.upload, found.file.as_ref()), (None, Some(&file)));
    assert_eq!(download(&ann, &file.id, 0).await.unwrap(), bytes);
}

async fn strangers_and_those_who_are_out_find_nothing(server: Start) {
    let server = server.start();
    let ann = Account::register(&server, "ann").await;
    let bob = Account::register(&server, "bob").await;
    let eve = Account::register(&server, "eve").await;
    let mut rooms = ann.connection.conversations();
    let asked = CreateConversationRequest {
        kind: ConversationKind::Group.into(),
        name: "the group".to_owned(),
        ..CreateConversationRequest::default()
    };
    let made = in_time("a group", rooms.create_conversation(asked))
        .await
        .unwrap();
    let group = made.into_inner().conversation.unwrap().id;
    let say = async |file: &tinychat::pb::File| {
        let request = SendRequest {
            target: Some(Target::ConversationId(group.clone())),
            attachments: vec![tinychat::pb::Attachment {
                file_id: file.id.clone(),
            }],
            ..SendRequest::default()
        };
        ann.send_request(request).await.unwrap().seq
    };
    let before = upload(&ann, "before", b"before").await.unwrap();
    // Not sent yet: its uploader's alone.
    assert_eq!(code(download(&bob, &before.id, 0).await), not_found());
    assert_eq!(download(&ann, &before.id, 0).await.unwrap(), b"before");
    say(&before).await;
    let add = AddMembersRequest {
        conversation_id: group.clone(),
        user_names: vec!["bob".to_owned()],
    };
    in_time("bob is added", rooms.add_members(add))
        .await
        .unwrap();
    let later = upload(&ann, "later", b"later").await.unwrap();
    let seq = say(&later).await;
    assert_eq!(download(&bob, &later.id, 0).await.unwrap(), b"later");
    // What was said before he came, what a stranger asks for, and what is made up: all the same answer.
    let of_message = |status: Status, id: &str| status.message().replace(id, "ID");
    let mut answers = Vec::new();
    for (who, id) in [
        (&bob, &before.id),
        (&eve, &later.id),
        (&eve, &"f99".to_owned()),
    ] {
        let refused = download(who, id, 0).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused)), not_found());
        answers.push(of_message(refused, id));
    }
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );
    // Nobody attaches what is another's.
    assert_eq!(
        code(send_with(&bob, "eve", "", &[&later]).await),
        not_found()
    );
    let out = RemoveMemberRequest {
        conversation_id: group.clone(),
        user_name: "bob".to_owned(),
        ban: false,
    };
    in_time("bob is out", rooms.remove_member(out))
        .await
        .unwrap();
    assert_eq!(code(download(&bob, &later.id, 0).await), not_found());
    let delete = DeleteMessageRequest {
        conversation_id: group.clone(),
        seq,
    };
    in_time("deleted", rooms.delete_message(delete))
        .await
        .unwrap();
    assert_eq!(code(download(&ann, &later.id, 0).await), not_found());
    assert_eq!(download(&ann, &before.id, 0).await.unwrap(), b"before");
    let leave = LeaveConversationRequest {
        conversation_id: group,
    };
    in_time("ann leaves", rooms.leave_conversation(leave))
        .await
        .unwrap();
    assert_eq!(code(download(&ann, &before.id, 0).await), not_found());
}

async fn a_picture_comes_with_one_that_shows_it_small(server: Start) {
    let server = server.start();
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR and so on";
    let ann = Account::register(&server, "ann").await;
    let bob = Account::register(&server, "bob").await;
    let small = upload(&ann, "small.png", PNG).await.unwrap();
    let asked = CreateUploadRequest {
        name: "large.png".to_owned(),
        image: Some(ImageSize {
            width: 4_000,
            height: 3_000,
        }),
        thumbnail_file_id: small.id.clone(),
        ..CreateUploadRequest::default()
    };
    let id = create(&ann, asked.clone()).await.unwrap().id;
    let large = complete(&ann, &id).await.unwrap();
    assert_eq!(large.image.unwrap().width, 4_000);
    let sent = send_with(&ann, "bob", "look", &[&large]).await.unwrap();
    let history = bob.history(&sent.conversation_id).await;
    let shown = &history[0].attachments[0].thumbnail_file_id;
    assert_eq!(download(&bob, shown, 0).await.unwrap(), PNG);
    // A text shows nothing small, and no picture has no pixels.
    let text = upload(&ann, "a.txt", b"text").await.unwrap();
    let with_text = CreateUploadRequest {
        thumbnail_file_id: text.id,
        ..asked.clone()
    };
    let refused = code(create(&ann, with_text).await);
    assert_eq!(
        refused,
        (Code::InvalidArgument, "THUMBNAIL_INVALID".to_owned())
    );
    let flat = CreateUploadRequest {
        image: Some(ImageSize {
            width: 0,
            height: 3,
        }),
        ..asked
    };
    let refused = code(create(&ann, flat).await);
    assert_eq!(
        refused,
        (Code::InvalidArgument, "IMAGE_SIZE_INVALID".to_owned())
    );
}

async fn what_bytes_show_counts_more_than_what_was_said(server: Start) {
    let server = server.start();
    let ann = Account::register(&server, "ann").await;
    let of = async |said: &str, bytes: &[u8]| {
        let asked = CreateUploadRequest {
            name: "a".to_owned(),
            size_bytes: bytes.len() as u64,
            media_type: said.to_owned(),
            ..CreateUploadRequest::default()
        };
        let id = create(&ann, asked).await.unwrap().id;
        bring(&ann, chunks(&id, bytes, 0)).await.unwrap();
        complete(&ann, &id).await.unwrap().media_type
    };
    let gif = b"GIF89a and so on";
    assert_eq!(of("text/plain", gif).await, "image/gif");
    assert_eq!(
        of("image/gif", b"no picture").await,
        "application/octet-stream"
    );
    assert_eq!(of("text/x-rust", b"fn main() {}").await, "text/x-rust");
    assert_eq!(of("", b"something").await, "application/octet-stream");
}

async fn a_cancelled_upload_is_gone(server: Start) {
    let server = server.start();
    let ann = Account::register(&server, "ann").await;
    let bytes = noise(3 * CHUNK, 9);
    let id = begin(&ann, "a", bytes.len() as u64).await.unwrap().id;
    bring(&ann, chunks(&id, &bytes[..CHUNK], 0)).await.unwrap();
    let mut files = ann.connection.files();
    let asked = CancelUploadRequest {
        upload_id: id.clone(),
    };
    in_time("cancelled", files.cancel_upload(asked.clone()))
        .await
        .unwrap();
    let gone = (Code::NotFound, "UPLOAD_NOT_FOUND".to_owned());
    assert_eq!(code(stands(&ann, &id).await), gone);
    assert_eq!(code(complete(&ann, &id).await), gone);
    assert_eq!(code(bring(&ann, chunks(&id, &bytes, 0)).await), gone);
    let again = in_time("cancelled", files.cancel_upload(asked)).await;
    assert_eq!(code(again), gone);
}

#[tokio::test]
async fn deleting_removes_the_bytes_that_nobody_else_has() {
    let server = Server::start();
    let ann = Account::register(&server, "ann").await;
    let bob = Account::register(&server, "bob").await;
    let blobs = server.data().join("blobs");
    let bytes = noise(200_000, 3);
    let of_ann = upload(&ann, "a", &bytes).await.unwrap();
    let of_bob = upload(&bob, "b", &bytes).await.unwrap();
    // Equal content lies there once.
    let name = blake3::hash(&bytes).to_hex();
    let lies = vec![format!("{}/{name}", &name[..2])];
    assert_eq!(
        (files_under(&blobs), uploads_under(server.data())),
        (lies.clone(), vec![])
    );
    let first = send_with(&ann, "bob", "", &[&of_ann]).await.unwrap();
    let second = send_with(&bob, "ann", "", &[&of_bob]).await.unwrap();
    let delete = async |who: &Account, seq| {
        let asked = DeleteMessageRequest {
            conversation_id: first.conversation_id.clone(),
            seq,
        };
        let mut rooms = who.connection.conversations();
        in_time("deleted", rooms.delete_message(asked))
            .await
            .unwrap();
    };
    delete(&ann, first.seq).await;
    assert_eq!(code(download(&ann, &of_ann.id, 0).await), not_found());
    assert_eq!(download(&ann, &of_bob.id, 0).await.unwrap(), bytes);
    assert_eq!(files_under(&blobs), lies);
    delete(&bob, second.seq).await;
    eventually_async("the bytes are gone", async || {
        files_under(&blobs).is_empty()
    })
    .await;
    // The same bytes can be brought again.
    let again = upload(&ann, "again", &bytes).await.unwrap();
    assert_eq!(download(&ann, &again.id, 0).await.unwrap(), bytes);
    assert_eq!(files_under(&blobs), lies);
}

#[tokio::test]
async fn a_download_ends_for_who_is_taken_out_meanwhile() {
    let server = Server::start();
    let ann = Account::register(&server, "ann").await;
    let bob = Account::register(&server, "bob").await;
    let bytes = noise(30 << 20, 4);
    let file = upload(&ann, "long", &bytes).await.unwrap();
    let sent = send_with(&ann, "bob", "", &[&file]).await.unwrap();
    let mut files = bob.connection.files();
    let asked = tinychat::pb::DownloadRequest {
        file_id: file.id.clone(),
        offset: 0,
    };
    let mut stream = files.download(asked).await.unwrap().into_inner();
    in_time("its beginning", stream.message()).await.unwrap();
    let mut rooms = ann.connection.conversations();
    let delete = DeleteMessageRequest {
        conversation_id: sent.conversation_id,
        seq: sent.seq,
    };
    in_time("deleted", rooms.delete_message(delete))
        .await
        .unwrap();
    let mut got = 0;
    let ended = loop {
        match in_time("its end", stream.message()).await {
            Ok(Some(answer)) => got += answer.data.len(),
            Ok(None) => panic!("it went on to its end"),
            Err(status) => break status,
        }
    };
    assert_eq!((ended.code(), reason(&ended)), not_found());
    assert!(got < bytes.len(), "{got}");
}

#[tokio::test]
async fn files_take_no_more_room_than_the_server_says() {
    let server = Server::build()
        .arguments(&["--file-size", "100KiB", "--files-per-user", "150KiB"])
        .start();
    let ann = Account::register(&server, "ann").await;
    let exhausted = |why: &str| (Code::ResourceExhausted, why.to_owned());
    let large = begin(&ann, "a", 100 * 1024 + 1).await;
    assert_eq!(code(large), exhausted("FILE_TOO_LARGE"));
    let file = upload(&ann, "a", &noise(100 * 1024, 1)).await.unwrap();
    let over = begin(&ann, "b", 50 * 1024 + 1).await;
    assert_eq!(code(over), exhausted("QUOTA_EXCEEDED"));
    begin(&ann, "b", 50 * 1024).await.unwrap();
    let none_left = begin(&ann, "c", 1).await;
    assert_eq!(code(none_left), exhausted("QUOTA_EXCEEDED"));
    let eleven: Vec<_> = (0..11)
        .map(|index| tinychat::pb::File {
            id: format!("f{}", index + 1),
            ..file.clone()
        })
        .collect();
    let many: Vec<_> = eleven.iter().collect();
    let refused = send_with(&ann, "ann", "", &many).await;
    assert_eq!(code(refused), exhausted("TOO_MANY_ATTACHMENTS"));
    let twice = send_with(&ann, "ann", "", &[&file, &file]).await;
    assert_eq!(
        code(twice),
        (Code::InvalidArgument, "ATTACHMENTS_INVALID".to_owned())
    );
    let announced = ann.subscribe(None).await.until_caught_up().await;
    let Some(Body::Welcome(welcome)) = announced.into_iter().next() else {
        panic!("no welcome");
    };
    let limits = welcome.limits.unwrap();
    assert_eq!(
        (limits.file_bytes_max, limits.files_bytes_per_user_max),
        (102_400, 153_600)
    );
}
