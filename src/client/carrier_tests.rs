//! Jobs against a server that each test plays.

use std::path::Path;

use bytes::Bytes;

use super::{
    super::{
        app::{transfers::Uploaded, untrusted::Untrusted},
        net::{error::ClientError, session::Patience, tls::Assurance},
        picture::{
            Decoder,
            made_tests::{file, landscape},
        },
        transfer::{
            fake::{self, noise},
            steering::Steering,
        },
    },
    errand::{DOWNLOADS, within},
    *,
};
use crate::pb;

const MIB: usize = 1024 * 1024;

fn carrier(stage: &fake::Stage, folder: &Path) -> Carrier {
    let server = "127.0.0.1:1".parse().unwrap();
    let me = "ann".parse().unwrap();
    let of = (&server, Assurance::Plaintext, &me);
    let patience = Patience::For(std::time::Duration::from_secs(20));
    let state = folder.join("state");
    let mut errand = Errand::new(stage.session(), of, &state, patience);
    errand.home = Some(folder.to_owned());
    errand.decoder = Decoder::within(std::time::Duration::from_secs(600));
    Carrier::new(errand)
}

/// What a job comes to in the end, and the most that was told of before.
async fn ended(carrier: &mut Carrier) -> (u32, Moved, Far) {
    let mut last = Far::default();
    loop {
        match carrier.next().await {
            (_, Moved::On(far)) => last = far,
            (number, moved) => return (number, moved, last),
        }
    }
}

fn kept(folder: &Path) -> usize {
    std::fs::read_dir(folder.join("state")).unwrap().count()
}

#[tokio::test]
async fn files_are_uploaded_one_after_the_other_and_pictures_with_a_small_copy() {
    let stage = fake::Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    let (text, picture) = (
        noise(3 * MIB),
        file(&landscape(40, 20), image::ImageFormat::Png),
    );
    std::fs::write(folder.path().join("a.bin"), &text).unwrap();
    std::fs::write(folder.path().join("b.png"), &picture).unwrap();
    let mut carrier = carrier(&stage, folder.path());
    let files = ["~/a.bin", "~/b.png"].map(str::to_owned).to_vec();
    carrier.begin(4, Job::Send(files.into()));
    assert!(!carrier.is_idle());
    let (number, moved, last) = ended(&mut carrier).await;
    let Moved::Uploaded(uploaded) = moved else {
        panic!("{moved:?}");
    };
    assert_eq!((number, uploaded.files.len(), last.file), (4, 2, 2));
    {
        let world = stage.world();
        assert_eq!(world.files[&uploaded.files[0]].1, text);
        let (sent, bytes) = &world.files[&uploaded.files[1]];
        assert_eq!((sent.name.as_str(), &bytes[..]), ("b.png", &picture[..]));
        let asked = world.uploads.values().map(|it| &it.asked);
        let asked = asked.clone().find(|it| it.name == "b.png").unwrap();
        assert_eq!(asked.image.map(|it| (it.width, it.height)), Some((40, 20)));
        assert!(world.files.contains_key(&asked.thumbnail_file_id));
    }
    // Until the message is kept they could be gone on with.
    assert_eq!((kept(folder.path()), carrier.is_idle()), (2, true));
    carrier.settled(uploaded.id);
    carrier.close().await;
    assert_eq!(kept(folder.path()), 0);
}

/// Sends what was sent before, to the end; returns the ids of the files.
async fn sent(carrier: &mut Carrier, files: &[&str]) -> Uploaded {
    let files: Vec<String> = files.iter().map(ToString::to_string).collect();
    carrier.begin(9, Job::Send(files.into()));
    match ended(carrier).await {
        (9, Moved::Uploaded(uploaded), _) => uploaded,
        other => panic!("{other:?}"),
    }
}

async fn until(carrier: &mut Carrier, file: usize, stage: Stage) {
    loop {
        match carrier.next().await {
            (1, Moved::On(far)) if (far.file, far.stage) == (file, stage) => return,
            (1, Moved::On(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// Something of an upload has come, so it is noted here which it is.
async fn until_begun(stage: &fake::Stage) {
    let is_begun = |it: &fake::Begun| !it.is_done && !it.bytes.is_empty();
    while !stage.world().uploads.values().any(is_begun) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_found_no_message_is_gone_on_with_by_the_same_command() {
    let stage = fake::Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a"), noise(1000)).unwrap();
    let mut carrier = carrier(&stage, folder.path());
    let first = sent(&mut carrier, &["~/a"]).await;
    carrier.let_go(first.id);
    let again = sent(&mut carrier, &["~/a"]).await;
    assert_eq!(again.files, first.files);
    assert_eq!(stage.world().count("create"), 1);
    // What is settled is another file the next time.
    carrier.settled(again.id);
    while carrier.forgetting.join_next().await.is_some() {}
    assert_ne!(sent(&mut carrier, &["~/a"]).await.files, first.files);
}

#[tokio::test]
async fn what_is_cancelled_is_gone_on_with_in_none_of_its_files() {
    let stage = fake::Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a"), noise(1000)).unwrap();
    std::fs::write(folder.path().join("b"), noise(8 * MIB)).unwrap();
    let mut first = carrier(&stage, folder.path());
    stage.gate.send_replace(MIB as u64);
    let files = || Job::Send(["~/a", "~/b"].map(str::to_owned).to_vec().into());
    first.begin(1, files());
    until(&mut first, 2, Stage::Moving).await;
    first.steer(1, Steer::Cancel);
    let (_, moved, _) = ended(&mut first).await;
    assert_eq!(moved, Moved::Failed("~/b: it was cancelled".into()));
    assert_eq!(kept(folder.path()), 0);
    assert_eq!(under_way(&stage), 0);

    // What an ended program began is cancelled, however early that is said.
    stage.gate.send_replace(2 * MIB as u64);
    first.begin(1, files());
    until(&mut first, 2, Stage::Moving).await;
    until_begun(&stage).await;
    first.close().await;
    assert_eq!((kept(folder.path()), under_way(&stage)), (2, 1));
    let mut next = carrier(&stage, folder.path());
    next.begin(1, files());
    next.steer(1, Steer::Cancel);
    let (_, moved, _) = ended(&mut next).await;
    assert_eq!(moved, Moved::Failed("~/a: it was cancelled".into()));
    assert_eq!((kept(folder.path()), under_way(&stage)), (0, 0));
}

fn under_way(stage: &fake::Stage) -> usize {
    let world = stage.world();
    world.uploads.values().filter(|it| !it.is_done).count()
}

/// All that was to be cancelled at the beginning is, as far as that can be.
async fn until_cancelled(carrier: &mut Carrier) {
    while carrier.cancelling.join_next().await.is_some() {}
}

#[tokio::test]
async fn what_the_server_could_not_be_told_is_cancelled_the_next_time() {
    let stage = fake::Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a"), noise(8 * MIB)).unwrap();
    let mut first = carrier(&stage, folder.path());
    stage.gate.send_replace(MIB as u64);
    first.begin(1, Job::Send(vec!["~/a".to_owned()].into()));
    until(&mut first, 1, Stage::Moving).await;
    until_begun(&stage).await;
    let away = || tonic::Status::unavailable("away");
    let refuse = ["get", "get", "cancel"].map(|call| (call, away()));
    stage.world().refuse = refuse.into();
    first.steer(1, Steer::Cancel);
    let (_, moved, _) = ended(&mut first).await;
    assert_eq!(moved, Moved::Failed("~/a: it was cancelled".into()));
    assert_eq!((kept(folder.path()), under_way(&stage)), (1, 1));
    // The file is needed no more. The server is away again, and then it does not take the cancel.
    std::fs::remove_file(folder.path().join("a")).unwrap();
    for _ in 0..2 {
        let mut next = carrier(&stage, folder.path());
        until_cancelled(&mut next).await;
        assert_eq!((kept(folder.path()), under_way(&stage)), (1, 1));
    }
    let mut next = carrier(&stage, folder.path());
    until_cancelled(&mut next).await;
    assert_eq!((kept(folder.path()), under_way(&stage)), (0, 0));
    assert_eq!(stage.world().count("cancel"), 2);
}

#[tokio::test]
async fn what_a_logout_left_is_cancelled_with_the_next_transfer_and_only_that() {
    let stage = fake::Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in [("a", 8 * MIB), ("b", 9 * MIB), ("c", 1000)] {
        std::fs::write(folder.path().join(name), noise(bytes)).unwrap();
    }
    for (file, count) in [("~/a", 1), ("~/b", 2)] {
        let mut first = carrier(&stage, folder.path());
        stage.gate.send_replace(count * 3 * MIB as u64);
        first.begin(1, Job::Send(vec![file.to_owned()].into()));
        until(&mut first, 1, Stage::Moving).await;
        // Something of it has come, so it is noted which it is.
        let has_bytes = |it: &&fake::Begun| !it.bytes.is_empty();
        while (stage.world().uploads.values().filter(has_bytes).count() as u64) < count {
            tokio::task::yield_now().await;
        }
        first.close().await;
    }
    assert_eq!(kept(folder.path()), 2);
    let mut next = carrier(&stage, folder.path());
    until_cancelled(&mut next).await;
    assert_eq!(
        (kept(folder.path()), under_way(&stage)),
        (2, 2),
        "they are gone on with"
    );
    let (server, me) = ("127.0.0.1:1".parse().unwrap(), "ann".parse().unwrap());
    let state = folder.path().join("state");
    crate::client::transfer::records::cancel_all(&state, &server, &me).unwrap();
    // Meanwhile the server has another store, in which one of the ids is another upload.
    stage.world().uploads.get_mut("p1").unwrap().asked.name = "other".to_owned();
    stage.gate.send_replace(u64::MAX);
    let sent = sent(&mut next, &["~/c"]).await;
    until_cancelled(&mut next).await;
    next.settled(sent.id);
    next.close().await;
    assert_eq!((kept(folder.path()), under_way(&stage)), (0, 1));
    assert!(stage.world().uploads.contains_key("p1"));
}

#[tokio::test]
async fn a_cancel_reads_only_files_that_can_be_under_way() {
    let stage = fake::Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a"), noise(1000)).unwrap();
    // So large that it is not read in the time that there is.
    let large = std::fs::File::create(folder.path().join("b")).unwrap();
    large.set_len(1 << 40).unwrap();
    std::fs::write(folder.path().join("c"), noise(8 * MIB)).unwrap();
    let mut first = carrier(&stage, folder.path());
    stage.gate.send_replace(MIB as u64);
    first.begin(1, Job::Send(vec!["~/c".to_owned()].into()));
    until(&mut first, 1, Stage::Moving).await;
    until_begun(&stage).await;
    first.close().await;
    assert_eq!((kept(folder.path()), under_way(&stage)), (1, 1));
    let mut next = carrier(&stage, folder.path());
    let files = ["~/a", "~/b", "~/c"].map(str::to_owned).to_vec();
    next.begin(1, Job::Send(files.into()));
    next.steer(1, Steer::Cancel);
    let (_, moved, _) = ended(&mut next).await;
    assert_eq!(moved, Moved::Failed("~/a: it was cancelled".into()));
    assert_eq!((kept(folder.path()), under_way(&stage)), (0, 0));
}

#[tokio::test]
async fn a_cancel_before_the_end_is_taken_is_in_time() {
    let stage = fake::Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a"), noise(1000)).unwrap();
    let mut carrier = carrier(&stage, folder.path());
    carrier.begin(1, Job::Send(vec!["~/a".to_owned()].into()));
    // The job has ended, and nobody has heard of it.
    let progress = carrier.handles[&1].progress();
    while progress.has_changed().is_ok() {
        tokio::task::yield_now().await;
    }
    assert_eq!(stage.world().files.len(), 1);
    carrier.steer(1, Steer::Cancel);
    let (_, moved, _) = ended(&mut carrier).await;
    assert_eq!(moved, Moved::Failed("it was cancelled".into()));
    carrier.close().await;
    assert_eq!(kept(folder.path()), 0);
}

#[tokio::test]
async fn nothing_is_sent_where_one_of_the_files_cannot_be() {
    let stage = fake::Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a"), noise(1000)).unwrap();
    let mut carrier = carrier(&stage, folder.path());
    for (number, bad) in [(1, "~/none"), (2, "~/")] {
        let files = ["~/a", bad].map(str::to_owned).to_vec();
        carrier.begin(number, Job::Send(files.into()));
        let (_, moved, _) = ended(&mut carrier).await;
        let Moved::Failed(why) = moved else {
            panic!("{moved:?}");
        };
        assert!(why.render_line().starts_with(bad), "{why:?}");
    }
    let world = stage.world();
    assert!(world.uploads.is_empty() && world.files.is_empty());
}

#[tokio::test]
async fn files_that_another_store_calls_something_else_are_not_sent() {
    let stage = fake::Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a"), noise(1000)).unwrap();
    std::fs::write(folder.path().join("b"), noise(8 * MIB)).unwrap();
    let mut carrier = carrier(&stage, folder.path());
    stage.gate.send_replace(MIB as u64);
    let files = ["~/a", "~/b"].map(str::to_owned).to_vec();
    carrier.begin(1, Job::Send(files.into()));
    until(&mut carrier, 2, Stage::Moving).await;
    {
        let mut world = stage.world();
        let (file, _) = world.files.get_mut("f1").unwrap();
        (file.name, file.blake3) = ("other".to_owned(), Bytes::from_static(&[1; 32]));
    }
    stage.gate.send_replace(u64::MAX);
    let (_, moved, _) = ended(&mut carrier).await;
    let why = "~/a: the server has another store than when this was sent; the same command sends all of it anew";
    assert_eq!(moved, Moved::Failed(why.into()));
    assert_eq!(kept(folder.path()), 0);
    assert_eq!(sent(&mut carrier, &["~/a"]).await.files, ["f3"]);
}

#[tokio::test]
async fn what_is_closed_is_free_for_the_next() {
    let stage = fake::Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a"), noise(8 * MIB)).unwrap();
    let mut carrier = carrier(&stage, folder.path());
    assert!(carrier.is_at_rest());
    stage.gate.send_replace(MIB as u64);
    carrier.begin(1, Job::Send(vec!["~/a".to_owned()].into()));
    until(&mut carrier, 1, Stage::Moving).await;
    until_begun(&stage).await;
    assert!(!carrier.is_at_rest());
    carrier.steer(1, Steer::Pause);
    assert!(carrier.is_at_rest() && !carrier.is_idle());
    let record = std::fs::read_dir(folder.path().join("state")).unwrap();
    let record = record.map(|it| it.unwrap().path()).next().unwrap();
    let is_free = || std::fs::File::open(&record).unwrap().try_lock().is_ok();
    assert!(!is_free());
    carrier.close().await;
    assert!(is_free() && carrier.is_idle());
}

#[tokio::test]
async fn a_job_waits_goes_on_and_ends_as_it_is_told() {
    let stage = fake::Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a"), noise(8 * MIB)).unwrap();
    let mut carrier = carrier(&stage, folder.path());
    stage.gate.send_replace(MIB as u64);
    carrier.begin(1, Job::Send(vec!["~/a".to_owned()].into()));
    let until = async |carrier: &mut Carrier, stage: Stage| loop {
        match carrier.next().await {
            (1, Moved::On(far)) if far.stage == stage => return,
            (1, Moved::On(_)) => {}
            other => panic!("{other:?}"),
        }
    };
    until(&mut carrier, Stage::Moving).await;
    carrier.steer(1, Steer::Pause);
    until(&mut carrier, Stage::Paused).await;
    carrier.steer(1, Steer::Resume);
    until(&mut carrier, Stage::Moving).await;
    carrier.steer(1, Steer::Cancel);
    let (_, moved, _) = ended(&mut carrier).await;
    assert_eq!(moved, Moved::Failed("~/a: it was cancelled".into()));
    assert!(stage.world().uploads.is_empty());
    assert_eq!(kept(folder.path()), 0);
    // What is over is let be.
    carrier.steer(1, Steer::Cancel);
}

#[tokio::test]
async fn what_cannot_be_sent_says_which_file_it_is() {
    let stage = fake::Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a"), b"a").unwrap();
    let mut carrier = carrier(&stage, folder.path());
    let files = ["~/a", "~/b"].map(str::to_owned).to_vec();
    carrier.begin(1, Job::Send(files.into()));
    let (_, moved, _) = ended(&mut carrier).await;
    let Moved::Failed(why) = moved else {
        panic!("{moved:?}");
    };
    let why = why.render_line();
    assert!(
        why.starts_with("~/b: cannot read it: No such file"),
        "{why}"
    );
}

#[tokio::test]
async fn what_is_saved_is_under_a_name_of_its_own() {
    let stage = fake::Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    let bytes = Bytes::from_static(b"hello");
    let ids = ["../a.txt", "a.txt"].map(|name| stage.world().add_file(name, &bytes));
    let files = ids.map(|id| pb::File {
        name: "a.txt".to_owned(),
        ..stage.world().files[&id].0.clone()
    });
    let carrier = carrier(&stage, folder.path());
    let to = |typed| carrier.errand.folder(typed);
    assert_eq!(to(None), Path::new("."));
    std::fs::create_dir(folder.path().join(DOWNLOADS)).unwrap();
    let downloads = folder.path().join(DOWNLOADS);
    assert_eq!(
        (to(None), to(Some("~"))),
        (downloads.clone(), folder.path().to_owned())
    );
    let (_handle, mut steering) = steering();
    let at = AtomicUsize::new(1);
    let saved = carrier.errand.save(&files, &downloads, &at, &mut steering);
    let paths = ["a.txt", "a (2).txt"].map(|name| {
        let path = downloads.join(name);
        assert!(!path.exists());
        Untrusted::from(path.display().to_string())
    });
    assert_eq!(saved.await.unwrap().0, Moved::Saved(paths.to_vec()));
    // Once more: they lie there.
    let given = stage.world().given;
    let again = carrier.errand.save(&files, &downloads, &at, &mut steering);
    assert_eq!(again.await.unwrap().0, Moved::Saved(paths.to_vec()));
    assert_eq!(stage.world().given, given);
    let missing = folder.path().join("x");
    let nowhere = carrier.errand.save(&files, &missing, &at, &mut steering);
    let why = nowhere.await.unwrap_err().render_line();
    assert!(why.starts_with("a.txt: cannot write to"), "{why}");
}

/// A message of these files, as it was when the server had its store of before.
fn files_of(stage: &fake::Stage, files: &[(&str, &Bytes)]) -> Vec<pb::File> {
    let mut world = stage.world();
    let ids = files
        .iter()
        .map(|(name, bytes)| world.add_file(name, bytes));
    let ids: Vec<String> = ids.collect();
    ids.iter().map(|id| world.files[id].0.clone()).collect()
}

#[tokio::test]
async fn what_another_store_has_under_the_id_is_not_saved() {
    let stage = fake::Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    let carrier = carrier(&stage, folder.path());
    let (mine, other) = (noise(3 * MIB), Bytes::from(vec![7; 3 * MIB]));
    let files = files_of(&stage, &[("a", &mine)]);
    let world_turns = |stage: &fake::Stage| {
        let mut world = stage.world();
        let (file, bytes) = world.files.get_mut(&files[0].id).unwrap();
        file.blake3 = Bytes::copy_from_slice(blake3::hash(&other).as_bytes());
        *bytes = other.clone();
    };
    let inbox = folder.path().join("inbox");
    std::fs::create_dir(&inbox).unwrap();
    let save = async |steering: &mut Steering| {
        let at = AtomicUsize::new(1);
        let saved = carrier.errand.save(&files, &inbox, &at, steering).await;
        saved.unwrap_err().render_line()
    };
    let why = "a: the server has another store by now, and under the same id another file; see what it has, and fetch that anew";
    // While it waits, in the middle.
    let (handle, mut steered) = steering();
    stage.gate.send_replace(MIB as u64);
    let play = async {
        while stage.world().given < MIB as u64 / 2 {
            tokio::task::yield_now().await;
        }
        handle.pause();
        let is_paused = |it: &Progress| it.stage == steering::Stage::Paused;
        handle.progress().wait_for(is_paused).await.unwrap();
        world_turns(&stage);
        stage.gate.send_replace(u64::MAX);
        handle.resume();
    };
    let (told, ()) = tokio::join!(save(&mut steered), play);
    assert_eq!(told, why);
    // Before it begins.
    let given = stage.world().given;
    let (_handle, mut steered) = steering();
    assert_eq!(save(&mut steered).await, why);
    assert_eq!(stage.world().given, given);
    assert_eq!(std::fs::read_dir(&inbox).unwrap().count(), 0);
}

#[tokio::test]
async fn a_repeat_saves_what_is_missing_and_makes_no_doubles() {
    let stage = fake::Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    let carrier = carrier(&stage, folder.path());
    let (one, two) = (noise(MIB), noise(2 * MIB));
    let files = files_of(&stage, &[("a.txt", &one), ("b.txt", &two)]);
    let inbox = folder.path().join("inbox");
    std::fs::create_dir(&inbox).unwrap();
    let at = |name: &str| inbox.join(name);
    // Another file of that length under the name of the first.
    std::fs::write(at("a.txt"), vec![1; MIB]).unwrap();
    let file = AtomicUsize::new(1);
    let (handle, mut steered) = steering();
    stage.gate.send_replace(2 * MIB as u64);
    let play = async {
        while file.load(Ordering::Relaxed) < 2 || stage.world().given < 3 * MIB as u64 / 2 {
            tokio::task::yield_now().await;
        }
        handle.cancel();
    };
    let saving = carrier.errand.save(&files, &inbox, &file, &mut steered);
    let (cancelled, ()) = tokio::join!(saving, play);
    let there = at("a (2).txt");
    assert_eq!(
        cancelled.unwrap_err().render_line(),
        format!("b.txt: it was cancelled; saved: {}", there.display())
    );
    stage.gate.send_replace(u64::MAX);
    let given = stage.world().given;
    let (_handle, mut steered) = steering();
    let saved = carrier.errand.save(&files, &inbox, &file, &mut steered);
    let paths = [there, at("b.txt")].map(|path| Untrusted::from(path.display().to_string()));
    assert_eq!(saved.await.unwrap().0, Moved::Saved(paths.to_vec()));
    assert_eq!(stage.world().given, given + two.len() as u64);
    assert_eq!(std::fs::read(at("b.txt")).unwrap(), two);
    assert_eq!(std::fs::read_dir(&inbox).unwrap().count(), 3);
    // What only is called so is none: a link to it, a beginning of it.
    std::fs::rename(at("b.txt"), at("c")).unwrap();
    std::os::unix::fs::symlink("c", at("b.txt")).unwrap();
    std::fs::write(at("b (2).txt"), &two[..MIB]).unwrap();
    let found = crate::client::transfer::saved::saved(&inbox, &files[1], &[], &mut steered);
    assert_eq!(found.await.unwrap(), None);
}

#[tokio::test]
async fn what_is_given_up_for_now_says_that_the_same_command_goes_on() {
    let stage = fake::Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a"), noise(1000)).unwrap();
    let mut carrier = carrier(&stage, folder.path());
    carrier.errand.patience = Patience::None;
    let again = "what is there is kept, and the same command goes on with it";
    let away = ("create", tonic::Status::unavailable("busy"));
    stage.world().refuse = [away].into();
    carrier.begin(1, Job::Send(vec!["~/a".to_owned()].into()));
    let (_, moved, _) = ended(&mut carrier).await;
    assert_eq!(moved, Moved::Failed(format!("~/a: busy; {again}").into()));
    // Nothing is behind a question.
    let away = TransferError::Client(ClientError::Unreachable {
        cause: "gone".into(),
    });
    let told = within(Some("a"), &away, &["/x".into()], true).render_line();
    assert_eq!(
        told,
        "a: cannot reach the server (gone); is it running, and is the address right? Saved: /x; what is there is kept, and the \
         same command goes on with it"
    );
    let told = within(Some("a"), &TransferError::Changed, &[], true).render_line();
    assert!(!told.contains(again), "{told}");
}

#[path = "carrier_left_tests.rs"]
mod left;
