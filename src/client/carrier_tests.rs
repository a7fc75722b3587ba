//! Jobs against a server that each test plays.

use bytes::Bytes;

use super::{
    super::{
        picture::made_tests::{file, landscape},
        transfer::fake::{self, noise},
    },
    *,
};

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
    carrier.begin(4, Job::Send(files));
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
    carrier.handed_over(4);
    assert_eq!(kept(folder.path()), 0);
}

#[tokio::test]
async fn a_job_waits_goes_on_and_ends_as_it_is_told() {
    let stage = fake::Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a"), noise(8 * MIB)).unwrap();
    let mut carrier = carrier(&stage, folder.path());
    stage.gate.send_replace(MIB as u64);
    carrier.begin(1, Job::Send(vec!["~/a".to_owned()]));
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
    carrier.begin(1, Job::Send(files));
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
        id,
        name: "a.txt".to_owned(),
        ..pb::File::default()
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
    let missing = folder.path().join("x");
    let nowhere = carrier.errand.save(&files, &missing, &at, &mut steering);
    let why = nowhere.await.unwrap_err().render_line();
    assert!(why.starts_with("a.txt: cannot write to"), "{why}");
}
