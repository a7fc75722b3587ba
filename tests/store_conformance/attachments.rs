//! Uploads, files, and the messages that hold them.

use tinychat::{
    domain::{
        event::EventBody,
        file::{ContentHash, File, ImageSize, NewFile, NewUpload},
        ids::{ConversationId, FileId, UploadId},
        limits::{THUMBNAIL_PICTURES_MAX, UPLOADS_PER_USER_MAX},
        message::{Message, Target},
        page::{PageSize, Position, PositionAsked},
        role::Role,
        text::MessageText,
        user::UserRef,
    },
    store::{CreateUploadError, SendRefusal, UploadState},
};

use super::{
    doing::group,
    subject::{NOON, Subject, after, new, to},
};

/// What there is to say of a file of so many bytes.
fn file_of(name: &str, size: u64) -> NewFile {
    NewFile {
        name: name.parse().unwrap(),
        size,
        declared: None,
        hash: None,
        image: None,
        thumbnail: None,
    }
}

fn upload_of(owner: &UserRef, file: NewFile) -> NewUpload {
    NewUpload {
        owner: owner.id,
        file,
        at: NOON,
    }
}

fn content(number: u8) -> ContentHash {
    ContentHash([number; 32])
}

async fn begin(subject: &Subject, owner: &UserRef, file: NewFile) -> UploadId {
    let begun = subject.store.create_upload(upload_of(owner, file), None);
    begun.await.unwrap().id
}

/// Makes an upload a file of this content, a picture.
async fn complete(subject: &Subject, upload: UploadId, content: ContentHash) -> Option<File> {
    subject.store.place_upload(upload, content).await.unwrap();
    let kind = "image/png".parse().unwrap();
    let made = subject.store.complete_upload(upload, content, kind, NOON);
    made.await.unwrap()
}

/// Makes a file of this content.
async fn made(subject: &Subject, owner: &UserRef, number: u8) -> File {
    let name = format!("{number}.png");
    let upload = begin(subject, owner, file_of(&name, 5_000)).await;
    complete(subject, upload, content(number)).await.unwrap()
}

/// Sends files to somebody and answers where the message stands.
async fn send(
    subject: &Subject,
    sender: &UserRef,
    target: Target,
    files: &[FileId],
) -> Result<tinychat::domain::message::Sent, SendRefusal> {
    let mut message = new(sender, target, "x");
    message.request.text = MessageText::none();
    message.request.attachments = files.to_vec();
    subject.try_send(message).await
}

async fn may(subject: &Subject, user: &UserRef, file: FileId) -> bool {
    let found = subject.store.file(user.id, file).await.unwrap();
    found.is_some()
}

async fn free(subject: &Subject) -> Vec<ContentHash> {
    subject.store.free_contents(None).await.unwrap()
}

async fn page(subject: &Subject, user: &UserRef, id: ConversationId) -> Vec<Message> {
    let newest = PositionAsked::At(Position::Newest);
    let page = subject
        .store
        .list_messages(user.id, id, newest, PageSize::asked(50));
    page.await.unwrap().unwrap().messages
}

pub async fn an_upload_becomes_a_file_of_its_number_once(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let mut asked = file_of("photo.png", 5_000);
    asked.hash = Some(content(1));
    asked.declared = Some("image/webp".parse().unwrap());
    asked.image = Some(ImageSize {
        width: 640,
        height: 480,
    });
    let upload = begin(&subject, &ann, asked.clone()).await;
    let Some(UploadState::UnderWay(seen)) =
        subject.store.find_upload(ann.id, upload).await.unwrap()
    else {
        panic!("it is under way");
    };
    assert_eq!((seen.asked.file, seen.placed), (asked, None));
    assert_eq!(subject.store.find_upload(bob.id, upload).await, Ok(None));
    let file = complete(&subject, upload, content(2)).await.unwrap();
    assert_eq!(file.id.number(), upload.number());
    assert_eq!((file.name.as_str(), file.size), ("photo.png", 5_000));
    assert_eq!(file.media_type.as_str(), "image/png");
    assert_eq!(file.hash, content(2));
    assert_eq!(file.image.unwrap().height, 480);
    // A second time there is nothing to complete, and the owner is told what it became.
    assert_eq!(complete(&subject, upload, content(2)).await, None);
    let done = subject.store.find_upload(ann.id, upload).await;
    assert_eq!(done, Ok(Some(UploadState::Done(file.clone()))));
    assert_eq!(subject.store.find_upload(bob.id, upload).await, Ok(None));
    let subject = subject.restarted().await;
    assert_eq!(subject.store.file(ann.id, file.id).await, Ok(Some(file)));
}

pub async fn what_is_placed_is_noted_and_a_cancelled_upload_is_gone(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let upload = begin(&subject, &ann, file_of("a", 1)).await;
    assert_eq!(
        subject.store.place_upload(upload, content(1)).await,
        Ok(true)
    );
    let seen = subject.store.find_upload(ann.id, upload).await.unwrap();
    let Some(UploadState::UnderWay(seen)) = seen else {
        panic!("it is under way");
    };
    assert_eq!(seen.placed, Some(content(1)));
    // It may be all that is left after a kill: it is the upload's until that is gone.
    assert!(free(&subject).await.is_empty());
    assert_eq!(subject.store.is_free(content(1)).await, Ok(false));
    let subject = subject.restarted().await;
    assert!(free(&subject).await.is_empty());
    assert_eq!(subject.store.cancel_upload(bob.id, upload).await, Ok(false));
    assert_eq!(subject.store.cancel_upload(ann.id, upload).await, Ok(true));
    assert_eq!(free(&subject).await, [content(1)]);
    assert_eq!(subject.store.is_free(content(1)).await, Ok(true));
    assert_eq!(subject.store.cancel_upload(ann.id, upload).await, Ok(false));
    assert_eq!(
        subject.store.place_upload(upload, content(1)).await,
        Ok(false)
    );
    assert_eq!(complete(&subject, upload, content(1)).await, None);
    let known = subject.store.known_uploads(vec![upload]).await;
    assert_eq!(known, Ok(vec![]));
    // Numbers are not used again.
    assert!(begin(&subject, &ann, file_of("b", 1)).await > upload);
}

pub async fn files_take_no_more_room_than_they_may(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let quota = Some(20_000);
    let ask = async |owner: &UserRef, size| {
        let begun = subject
            .store
            .create_upload(upload_of(owner, file_of("a", size)), quota);
        begun.await.map(|upload| upload.id)
    };
    let first = ask(&ann, 10_000).await.unwrap();
    complete(&subject, first, content(1)).await.unwrap();
    // A small one counts as a block of the disk.
    let small = ask(&ann, 1).await.unwrap();
    let over = CreateUploadError::Quota {
        used: 14_096,
        max: 20_000,
    };
    assert_eq!(ask(&ann, 5_905).await, Err(over));
    let last = ask(&ann, 5_904).await.unwrap();
    let full = CreateUploadError::Quota {
        used: 20_000,
        max: 20_000,
    };
    assert_eq!(ask(&ann, 0).await, Err(full));
    // What is cancelled gives its room back, and others have their own.
    subject.store.cancel_upload(ann.id, last).await.unwrap();
    subject.store.cancel_upload(ann.id, small).await.unwrap();
    ask(&ann, 10_000).await.unwrap();
    ask(&bob, 20_000).await.unwrap();
}

pub async fn so_many_uploads_are_under_way_and_not_one_more(subject: Subject) {
    let ann = subject.user("ann").await;
    let mut last = None;
    for _ in 0..UPLOADS_PER_USER_MAX {
        last = Some(begin(&subject, &ann, file_of("a", 1)).await);
    }
    let ask = async || {
        let begun = subject
            .store
            .create_upload(upload_of(&ann, file_of("a", 1)), None);
        begun.await.map(drop)
    };
    assert_eq!(ask().await, Err(CreateUploadError::TooMany));
    complete(&subject, last.unwrap(), content(1)).await.unwrap();
    assert_eq!(ask().await, Ok(()));
}

pub async fn a_message_holds_files_and_shows_them_everywhere(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let files = [made(&subject, &ann, 1).await, made(&subject, &ann, 2).await];
    let ids = [files[1].id, files[0].id];
    let sent = send(&subject, &ann, to(&bob), &ids).await.unwrap();
    let expected = vec![files[1].clone(), files[0].clone()];
    let heard = subject.heard().await;
    let live = heard.iter().flat_map(|commit| &commit.events);
    let mut live = live.filter_map(|committed| match &committed.event.body {
        EventBody::Message(message) => Some(message.clone()),
        _ => None,
    });
    assert_eq!(live.next_back().unwrap().attachments, expected);
    for user in [&ann, &bob] {
        let messages = page(&subject, user, sent.conversation).await;
        assert_eq!(messages[0].attachments, expected);
        assert_eq!(messages[0].text, Some(MessageText::none()));
        let view = subject.store.conversation(user.id, sent.conversation).await;
        let last = view.unwrap().unwrap().last_message.unwrap();
        assert_eq!(last.attachments, expected);
    }
    // An edit gives it a text, and it keeps its files; the text of one without them must be something.
    let edited = subject.store.edit_message(
        ann.clone(),
        sent.conversation,
        sent.seq,
        "now with words".parse().unwrap(),
    );
    assert_eq!(edited.await.unwrap().attachments, expected);
    let subject = subject.restarted().await;
    let messages = page(&subject, &bob, sent.conversation).await;
    assert_eq!(messages[0].attachments, expected);
    assert_eq!(messages[0].revision, 1);
    // Reactions leave them be.
    let emoji = "👍".parse().unwrap();
    let reacted = subject
        .store
        .react(bob.clone(), sent.conversation, sent.seq, emoji, true);
    reacted.await.unwrap();
    assert_eq!(
        page(&subject, &ann, sent.conversation).await[0].attachments,
        expected
    );
}

pub async fn only_own_files_are_attached_and_a_repeat_is_answered_as_before(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let (own, of_bob) = (made(&subject, &ann, 1).await, made(&subject, &bob, 2).await);
    let begun = begin(&subject, &ann, file_of("a", 1)).await;
    for unknown in [of_bob.id, FileId::new(999), begun.file()] {
        let refused = send(&subject, &ann, to(&bob), &[own.id, unknown]).await;
        assert_eq!(refused, Err(SendRefusal::FileNotFound(unknown)));
    }
    // Nothing was done: no conversation, no hold.
    assert_eq!(subject.store.expire_files(after(1)).await.unwrap().files, 2);
    let own = made(&subject, &ann, 3).await;
    let mut message = new(&ann, to(&bob), "look");
    message.request.attachments = vec![own.id];
    let sent = subject.try_send(message.clone()).await.unwrap();
    subject
        .delete(&ann, sent.conversation, sent.seq.number())
        .await;
    // The file is gone, and still the repeat is the same send.
    let again = subject.try_send(message.clone()).await.unwrap();
    assert_eq!((again.seq, again.duplicate), (sent.seq, true));
    message.request.attachments = Vec::new();
    let other = subject.try_send(message.clone()).await;
    assert_eq!(
        other,
        Err(SendRefusal::ClientMessageIdReused(message.client_id))
    );
}

pub async fn whoever_reads_a_message_that_holds_a_file_may_fetch_it(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let eve = subject.user("eve").await;
    let file = made(&subject, &ann, 1).await;
    // Before it is sent, it is its owner's alone.
    assert!(may(&subject, &ann, file.id).await);
    assert!(!may(&subject, &bob, file.id).await);
    let sent = send(&subject, &ann, to(&bob), &[file.id]).await.unwrap();
    assert!(may(&subject, &ann, file.id).await && may(&subject, &bob, file.id).await);
    assert!(!may(&subject, &eve, file.id).await);
    assert!(!may(&subject, &bob, FileId::new(999)).await);
    // It may be sent elsewhere, too.
    send(&subject, &ann, to(&eve), &[file.id]).await.unwrap();
    assert!(may(&subject, &eve, file.id).await);
    subject
        .delete(&ann, sent.conversation, sent.seq.number())
        .await;
    assert!(may(&subject, &eve, file.id).await && may(&subject, &ann, file.id).await);
    assert!(!may(&subject, &bob, file.id).await);
    let messages = page(&subject, &bob, sent.conversation).await;
    assert_eq!(
        (messages[0].text.as_ref(), messages[0].attachments.len()),
        (None, 0)
    );
}

pub async fn a_file_goes_with_the_last_message_that_holds_it(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let file = made(&subject, &ann, 1).await;
    // The same bytes, once more.
    let same = made(&subject, &bob, 1).await;
    let mut places = Vec::new();
    for _ in 0..2 {
        let sent = send(&subject, &ann, to(&bob), &[file.id]).await.unwrap();
        places.push((sent.conversation, sent.seq));
    }
    let of_bob = send(&subject, &bob, to(&ann), &[same.id]).await.unwrap();
    places.push((of_bob.conversation, of_bob.seq));
    let gone = [
        (&ann, file.id, false),
        (&ann, file.id, true),
        (&bob, same.id, true),
    ];
    for ((conversation, seq), (owner, file, last)) in places.into_iter().zip(gone) {
        let deleted = subject
            .store
            .delete_message(owner.clone(), conversation, seq);
        deleted.await.unwrap();
        // Deleting again takes no second hold off.
        let again = subject
            .store
            .delete_message(owner.clone(), conversation, seq);
        again.await.unwrap();
        assert_eq!(may(&subject, owner, file).await, !last);
    }
    // Nobody has the bytes any more, and only now.
    assert_eq!(free(&subject).await, [content(1)]);
    subject
        .store
        .forget_contents(vec![content(1)])
        .await
        .unwrap();
    assert!(free(&subject).await.is_empty());
}

pub async fn equal_bytes_stay_while_one_file_has_them(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let (first, second) = (made(&subject, &ann, 1).await, made(&subject, &bob, 1).await);
    let sent = send(&subject, &ann, to(&bob), &[first.id]).await.unwrap();
    send(&subject, &bob, to(&ann), &[second.id]).await.unwrap();
    subject
        .delete(&ann, sent.conversation, sent.seq.number())
        .await;
    assert!(free(&subject).await.is_empty());
    // What is needed again is not forgotten.
    subject
        .store
        .forget_contents(vec![content(1)])
        .await
        .unwrap();
    assert!(may(&subject, &ann, second.id).await);
}

pub async fn what_nobody_holds_and_nobody_brings_comes_to_its_end(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let idle = begin(&subject, &ann, file_of("idle", 1)).await;
    let busy = begin(&subject, &ann, file_of("busy", 1)).await;
    let (free_file, held) = (made(&subject, &ann, 1).await, made(&subject, &ann, 2).await);
    send(&subject, &ann, to(&bob), &[held.id]).await.unwrap();
    subject.store.touch_upload(busy, after(10)).await.unwrap();
    let nothing = subject.store.expire_files(NOON).await.unwrap();
    assert_eq!((nothing.uploads, nothing.files), (vec![], 0));
    let subject = subject.restarted().await;
    let expired = subject.store.expire_files(after(5)).await.unwrap();
    assert_eq!((expired.uploads, expired.files), (vec![idle], 1));
    assert!(!may(&subject, &ann, free_file.id).await && may(&subject, &ann, held.id).await);
    let known = subject.store.known_uploads(vec![idle, busy]).await;
    assert_eq!(known, Ok(vec![busy]));
    assert_eq!(free(&subject).await, [content(1)]);
}

pub async fn a_thumbnail_lives_and_is_fetched_with_its_picture(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let (small, of_bob) = (made(&subject, &ann, 1).await, made(&subject, &bob, 2).await);
    let with = |thumbnail: FileId| NewFile {
        thumbnail: Some(thumbnail),
        ..file_of("large.png", 9_000)
    };
    let ask = async |thumbnail: FileId| {
        let begun = subject
            .store
            .create_upload(upload_of(&ann, with(thumbnail)), None);
        begun.await.map(|upload| upload.id)
    };
    for foreign in [of_bob.id, FileId::new(999)] {
        assert_eq!(
            ask(foreign).await,
            Err(CreateUploadError::NoThumbnail(foreign))
        );
    }
    let upload = ask(small.id).await.unwrap();
    let large = complete(&subject, upload, content(3)).await.unwrap();
    assert_eq!(large.thumbnail, Some(small.id));
    // It is held by its picture now.
    let sent = send(&subject, &ann, to(&bob), &[large.id]).await.unwrap();
    assert_eq!(subject.store.expire_files(after(1)).await.unwrap().files, 1);
    assert!(may(&subject, &bob, small.id).await);
    let messages = page(&subject, &bob, sent.conversation).await;
    assert_eq!(messages[0].attachments[0].thumbnail, Some(small.id));
    subject
        .delete(&ann, sent.conversation, sent.seq.number())
        .await;
    assert_eq!(free(&subject).await, [content(1), content(2), content(3)]);
    assert!(!may(&subject, &bob, small.id).await && !may(&subject, &ann, small.id).await);
}

pub async fn a_thumbnail_is_a_small_picture(subject: Subject) {
    let ann = subject.user("ann").await;
    let ask = async |thumbnail: FileId| {
        let file = NewFile {
            thumbnail: Some(thumbnail),
            ..file_of("large.png", 9_000)
        };
        let begun = subject.store.create_upload(upload_of(&ann, file), None);
        begun.await.map(drop)
    };
    let of_size = async |size, kind: &str| {
        let upload = begin(&subject, &ann, file_of("small", size)).await;
        let kind = kind.parse().unwrap();
        let made = subject
            .store
            .complete_upload(upload, content(1), kind, NOON);
        made.await.unwrap().unwrap().id
    };
    let just = of_size(256 * 1024, "image/png").await;
    assert_eq!(ask(just).await, Ok(()));
    for bad in [
        of_size(256 * 1024 + 1, "image/png").await,
        of_size(100, "text/plain").await,
    ] {
        assert_eq!(
            ask(bad).await,
            Err(CreateUploadError::ThumbnailInvalid(bad))
        );
    }
}

pub async fn a_new_member_fetches_no_file_of_before(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let group = subject.make(&ann, group(&[])).await;
    let (before, later) = (made(&subject, &ann, 1).await, made(&subject, &ann, 2).await);
    let target = || Target::Conversation(group);
    send(&subject, &ann, target(), &[before.id]).await.unwrap();
    subject.add(&ann, group, &[&bob]).await;
    send(&subject, &ann, target(), &[later.id]).await.unwrap();
    assert!(!may(&subject, &bob, before.id).await && may(&subject, &bob, later.id).await);
    subject.remove(&ann, group, &bob, false).await;
    assert!(!may(&subject, &bob, later.id).await && may(&subject, &ann, later.id).await);
    // Whoever sent it and is out fetches it no more either.
    subject.leave(&ann, group).await;
    assert!(!may(&subject, &ann, later.id).await);
}

pub async fn a_thumbnail_is_held_by_its_upload_and_fetched_by_its_owner(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let small = made(&subject, &ann, 1).await;
    let with = |name: &str| NewFile {
        thumbnail: Some(small.id),
        ..file_of(name, 9_000)
    };
    let cancelled = begin(&subject, &ann, with("cancelled")).await;
    let idle = begin(&subject, &ann, with("idle")).await;
    let upload = begin(&subject, &ann, with("large.png")).await;
    // Nothing but uploads hold it, and that is enough.
    subject.store.touch_upload(upload, after(9)).await.unwrap();
    subject
        .store
        .cancel_upload(ann.id, cancelled)
        .await
        .unwrap();
    let expired = subject.store.expire_files(after(5)).await.unwrap();
    assert_eq!((expired.uploads, expired.files), (vec![idle], 0));
    let subject = subject.restarted().await;
    let large = complete(&subject, upload, content(2)).await.unwrap();
    assert_eq!(large.thumbnail, Some(small.id));
    // Before the picture is sent, its owner shows it.
    assert!(may(&subject, &ann, small.id).await && may(&subject, &ann, large.id).await);
    assert!(!may(&subject, &bob, small.id).await);
    let group = subject.make(&ann, group(&[&bob])).await;
    let target = Target::Conversation(group);
    send(&subject, &ann, target, &[large.id]).await.unwrap();
    assert!(may(&subject, &bob, small.id).await);
    subject.set_role(&ann, group, &bob, Role::Owner).await;
    subject.leave(&ann, group).await;
    assert!(!may(&subject, &ann, small.id).await && !may(&subject, &ann, large.id).await);
    // The last upload that held one takes it along.
    let other = made(&subject, &ann, 3).await;
    let with = NewFile {
        thumbnail: Some(other.id),
        ..file_of("b", 9_000)
    };
    let upload = begin(&subject, &ann, with).await;
    subject.store.cancel_upload(ann.id, upload).await.unwrap();
    assert!(!may(&subject, &ann, other.id).await);
    assert_eq!(free(&subject).await, [content(3)]);
}

pub async fn a_thumbnail_has_none_itself(subject: Subject) {
    let ann = subject.user("ann").await;
    let small = made(&subject, &ann, 1).await;
    let with = |thumbnail: FileId| NewFile {
        thumbnail: Some(thumbnail),
        ..file_of("large.png", 9_000)
    };
    let upload = begin(&subject, &ann, with(small.id)).await;
    let large = complete(&subject, upload, content(2)).await.unwrap();
    let chained = subject
        .store
        .create_upload(upload_of(&ann, with(large.id)), None);
    let refused = CreateUploadError::ThumbnailInvalid(large.id);
    assert_eq!(chained.await.map(drop), Err(refused));
}

pub async fn a_thumbnail_shows_so_many_pictures_and_no_more(subject: Subject) {
    let ann = subject.user("ann").await;
    let small = made(&subject, &ann, 1).await;
    let with = |name: &str| NewFile {
        thumbnail: Some(small.id),
        ..file_of(name, 9_000)
    };
    // Those that are under way count, too.
    for number in 0..THUMBNAIL_PICTURES_MAX {
        let upload = begin(&subject, &ann, with("shown.png")).await;
        if number % 2 == 0 {
            complete(&subject, upload, content(2)).await.unwrap();
        }
    }
    let ask = upload_of(&ann, with("one more.png"));
    let refused = subject.store.create_upload(ask, None).await.map(drop);
    assert_eq!(refused, Err(CreateUploadError::ThumbnailInvalid(small.id)));
}

pub async fn what_files_count_is_exact_whatever_becomes_of_them(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let used = async |subject: &Subject| {
        let ask = upload_of(&ann, file_of("a", 0));
        match subject.store.create_upload(ask, Some(0)).await {
            Err(CreateUploadError::Quota { used, .. }) => used,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(used(&subject).await, 0);
    let small = made(&subject, &ann, 1).await;
    assert_eq!(used(&subject).await, 5_000);
    let with = |size| NewFile {
        thumbnail: Some(small.id),
        ..file_of("large.png", size)
    };
    let large = begin(&subject, &ann, with(9_000)).await;
    let tiny = begin(&subject, &ann, file_of("tiny", 1)).await;
    let idle = begin(&subject, &ann, with(7_000)).await;
    assert_eq!(used(&subject).await, 5_000 + 9_000 + 4_096 + 7_000);
    let large = complete(&subject, large, content(2)).await.unwrap();
    assert_eq!(used(&subject).await, 5_000 + 9_000 + 4_096 + 7_000);
    assert_eq!(
        complete(&subject, large_upload(&large), content(2)).await,
        None
    );
    subject.store.touch_upload(tiny, after(10)).await.unwrap();
    let sent = send(&subject, &ann, to(&bob), &[large.id]).await.unwrap();
    let subject = subject.restarted().await;
    let expired = subject.store.expire_files(after(5)).await.unwrap();
    assert_eq!((expired.uploads, expired.files), (vec![idle], 0));
    assert_eq!(used(&subject).await, 5_000 + 9_000 + 4_096);
    subject.store.cancel_upload(ann.id, tiny).await.unwrap();
    subject.store.cancel_upload(ann.id, tiny).await.unwrap();
    assert_eq!(used(&subject).await, 5_000 + 9_000);
    // With the message go the picture and what showed it small.
    subject
        .delete(&ann, sent.conversation, sent.seq.number())
        .await;
    assert_eq!(used(&subject).await, 0);
    let free_file = made(&subject, &ann, 3).await;
    assert_eq!(used(&subject).await, 5_000);
    assert_eq!(subject.store.expire_files(after(5)).await.unwrap().files, 1);
    assert!(!may(&subject, &ann, free_file.id).await);
    assert_eq!(used(&subject).await, 0);
}

fn large_upload(file: &File) -> UploadId {
    UploadId::new(file.id.number())
}

pub async fn a_content_that_nobody_knows_is_free(subject: Subject) {
    let ann = subject.user("ann").await;
    made(&subject, &ann, 2).await;
    let all = [1, 2, 3].map(content).to_vec();
    subject.store.note_contents(all).await.unwrap();
    assert_eq!(free(&subject).await, [content(1), content(3)]);
    let rest = subject.store.free_contents(Some(content(1))).await;
    assert_eq!(rest, Ok(vec![content(3)]));
    assert_eq!(subject.store.is_free(content(2)).await, Ok(false));
    assert_eq!(subject.store.is_free(content(9)).await, Ok(false));
    let all = [1, 2, 3].map(content).to_vec();
    subject.store.forget_contents(all).await.unwrap();
    assert!(free(&subject).await.is_empty());
}
