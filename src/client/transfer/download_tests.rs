//! Downloads against a server that each test plays: what is there in the end is what the server has, or nothing is.

use std::{
    collections::BTreeSet,
    io::{self, Write},
    path::Path,
    sync::Mutex,
    time::Duration,
};

use bytes::Bytes;
use tonic::Code;

use super::*;
use crate::client::transfer::{
    fake::{self, noise, pieces, refusal},
    name::tests::{HOSTILE, assert_safe},
    steering::{Progress, steering},
};

const MIB: usize = 1024 * 1024;

fn pace() -> Pace {
    Pace {
        patience: Patience::For(Duration::from_secs(20)),
        standstill: Duration::from_secs(20),
    }
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

async fn fetch(session: &Session, id: &str, to: To) -> Result<Fetched, TransferError> {
    let (_handle, mut steering) = steering();
    download(session, id, to, pace(), &mut steering).await
}

/// Writes into memory that the test sees, up to so many bytes.
struct Memory(Arc<Mutex<Vec<u8>>>, usize);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut all = self.0.lock().unwrap();
        if all.len() + bytes.len() > self.1 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        all.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn what_is_fetched_is_what_is_there_of_any_size() {
    let stage = fake::Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    for size in [0, 1, 64 * 1024, 64 * 1024 + 1, 3 * MIB + 7] {
        let bytes = noise(size);
        let id = stage.world().add_file(&format!("{size}.bin"), &bytes);
        let to = To::path(folder.path().to_owned());
        let fetched = fetch(&stage.session(), &id, to).await.unwrap();
        let path = fetched.path.unwrap();
        assert_eq!(path, folder.path().join(format!("{size}.bin")));
        assert_eq!(std::fs::read(path).unwrap(), bytes);
        let all = Arc::new(Mutex::new(Vec::new()));
        let to = To::Writer(Box::new(Memory(Arc::clone(&all), usize::MAX)));
        assert_eq!(fetch(&stage.session(), &id, to).await.unwrap().path, None);
        assert_eq!(*all.lock().unwrap(), bytes);
    }
    assert_eq!(names(folder.path()).len(), 5);
}

#[tokio::test]
async fn cuts_anywhere_lose_nothing_and_bring_little_twice() {
    let mut stage = fake::Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    let bytes = noise(4 * MIB);
    let id = stage.world().add_file("a", &bytes);
    stage.world().cuts = [1, 700_000, 64 * 1024, 1_500_000].into();
    let to = To::path(folder.path().to_owned());
    let path = fetch(&stage.session(), &id, to)
        .await
        .unwrap()
        .path
        .unwrap();
    assert_eq!(std::fs::read(path).unwrap(), bytes);
    assert_eq!(stage.world().given, bytes.len() as u64);
    let session = stage
        .broken_session(vec![10, 300, 500_123, 70_000, 1_000_003, 90, 123_457])
        .await;
    let to = To::path(folder.path().to_owned());
    let path = fetch(&session, &id, to).await.unwrap().path.unwrap();
    assert_eq!(std::fs::read(path).unwrap(), bytes);
    assert_eq!(
        names(folder.path()),
        ["a".to_owned(), "a (2)".to_owned()].into()
    );
}

#[tokio::test]
async fn names_of_all_kinds_end_inside_the_folder() {
    let stage = fake::Stage::new().await;
    let outside = tempfile::tempdir().unwrap();
    let folder = outside.path().join("in");
    std::fs::create_dir(&folder).unwrap();
    let session = stage.session();
    for name in HOSTILE {
        let id = stage.world().add_file(name, &Bytes::from_static(b"x"));
        let to = To::Folder(folder.clone());
        let path = fetch(&session, &id, to).await.unwrap().path.unwrap();
        assert_eq!(path.parent(), Some(folder.as_path()), "{name:?}");
        assert_safe(path.file_name().unwrap().to_str().unwrap());
    }
    assert_eq!(names(&folder).len(), HOSTILE.len());
    assert_eq!(names(outside.path()), ["in".to_owned()].into());
    let endless = "x".repeat(100_000);
    let id = stage.world().add_file(&endless, &Bytes::from_static(b"x"));
    assert!(
        fetch(&session, &id, To::Folder(folder.clone()))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn what_an_evil_server_answers_is_told_and_leaves_nothing() {
    let bytes = noise(200_000);
    type Lie = fn(pb::File, Bytes, u64) -> Vec<pb::DownloadResponse>;
    let lies: [(&str, Lie); 9] = [
        ("another file", |file, bytes, offset| {
            let mut pieces = pieces(&file, &bytes, offset);
            pieces[0].file.as_mut().unwrap().size_bytes += 1;
            pieces
        }),
        ("no file", |file, bytes, offset| {
            let mut pieces = pieces(&file, &bytes, offset);
            pieces[0].file = None;
            pieces
        }),
        ("nothing", |_, _, _| Vec::new()),
        ("offsets that go back", |file, bytes, _| {
            let mut pieces = pieces(&file, &bytes, 0);
            pieces[1].offset = 0;
            pieces
        }),
        ("offsets beyond", |file, bytes, _| {
            let mut pieces = pieces(&file, &bytes, 0);
            pieces[1].offset = u64::MAX;
            pieces
        }),
        ("more than it said", |file, bytes, _| {
            let mut pieces = pieces(&file, &bytes, 0);
            let last = pieces.last_mut().unwrap();
            last.data = Bytes::from(vec![0; last.data.len() + 1]);
            pieces
        }),
        ("answers of nothing for ever", |file, bytes, _| {
            let mut pieces = pieces(&file, &bytes, 0);
            pieces.truncate(1);
            let nothing = std::iter::repeat_n(pb::DownloadResponse::default(), 100_000);
            pieces.into_iter().chain(nothing).collect()
        }),
        ("other bytes", |file, _, offset| {
            pieces(&file, &vec![0; 200_000].into(), offset)
        }),
        ("an answer without bound", |file, _, _| {
            let data = Bytes::from(vec![0; 2 * MIB]);
            let (file, offset) = (Some(file), 0);
            vec![pb::DownloadResponse { file, offset, data }]
        }),
    ];
    for (what, lie) in lies {
        let stage = fake::Stage::new().await;
        let folder = tempfile::tempdir().unwrap();
        let id = stage.world().add_file("a", &bytes);
        stage.world().answers = Some(Box::new(lie));
        let told = fetch(&stage.session(), &id, To::Folder(folder.path().to_owned())).await;
        let told = told.expect_err(what);
        assert_eq!(
            matches!(told, TransferError::WrongHash),
            what == "other bytes",
            "{told}"
        );
        assert_eq!(names(folder.path()), BTreeSet::new(), "{what}: {told}");
        assert!(stage.world().calls.len() < 10, "{what}");
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_for_too_long_is_as_good_as_gone() {
    let stage = fake::Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    let bytes = noise(MIB);
    let id = stage.world().add_file("a", &bytes);
    stage.gate.send_replace(200_000);
    let pace = Pace {
        patience: Patience::None,
        // Longer than it takes to answer and to note what has come, on a machine with much else to do.
        standstill: Duration::from_secs(3),
    };
    let (_handle, mut steering) = steering();
    let session = stage.session();
    let to = || To::Folder(folder.path().to_owned());
    let told = download(&session, &id, to(), pace, &mut steering)
        .await
        .unwrap_err();
    assert!(told.can_go_on(), "{told}");
    // What was there is not fetched again by the next program.
    assert_eq!(names(folder.path()).len(), 1);
    stage.gate.send_replace(u64::MAX);
    let path = fetch(&session, &id, to()).await.unwrap().path.unwrap();
    assert_eq!(std::fs::read(path).unwrap(), bytes);
    assert!(stage.world().given < bytes.len() as u64 + 200_000);
    assert_eq!(names(folder.path()), ["a".to_owned()].into());
}

#[tokio::test]
async fn a_part_that_is_wrong_is_fetched_anew() {
    let stage = fake::Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    let bytes = noise(300_000);
    let id = stage.world().add_file("a", &bytes);
    let hash = blake3::hash(&bytes).to_hex();
    for left in [vec![1; 100_000], vec![1; 300_000], vec![1; 400_000]] {
        let part = folder.path().join(format!(".a.{}.part", &hash[..16]));
        std::fs::write(&part, left).unwrap();
        let to = To::Folder(folder.path().to_owned());
        let path = fetch(&stage.session(), &id, to)
            .await
            .unwrap()
            .path
            .unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
        std::fs::remove_file(path).unwrap();
        assert_eq!(names(folder.path()), BTreeSet::new());
    }
}

#[tokio::test]
async fn what_may_not_be_fetched_or_written_is_told_and_leaves_nothing() {
    let stage = fake::Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    let session = stage.session();
    let to = || To::Folder(folder.path().to_owned());
    let none = fetch(&session, "f7", to()).await.unwrap_err();
    assert!(matches!(&none, TransferError::Client(error) if error.reason() == "FILE_NOT_FOUND"));
    let bytes = noise(MIB);
    let id = stage.world().add_file("a", &bytes);
    // Gone in the middle, as when the message is deleted.
    {
        let mut world = stage.world();
        world.cuts = [300_000].into();
        world
            .refuse
            .push_back(("file", tonic::Status::unavailable("busy")));
    }
    let (_handle, mut steering) = steering();
    let fetching = download(&session, &id, to(), pace(), &mut steering);
    stage.gate.send_replace(100_000);
    let play = async {
        while stage.world().given == 0 {
            tokio::task::yield_now().await;
        }
        let gone = refusal(Code::NotFound, "FILE_NOT_FOUND");
        stage.world().refuse.push_back(("download", gone));
        stage.gate.send_replace(u64::MAX);
    };
    let (gone, ()) = tokio::join!(fetching, play);
    assert!(matches!(gone, Err(TransferError::Client(_))), "{gone:?}");
    assert_eq!(names(folder.path()), BTreeSet::new());
    // A disk that is full.
    stage.world().refuse.clear();
    let full = To::Writer(Box::new(Memory(Arc::default(), 500_000)));
    let full = fetch(&session, &id, full).await.unwrap_err();
    assert!(matches!(full, TransferError::Write(_)), "{full}");
}

#[tokio::test]
async fn it_waits_when_it_is_told_and_a_cancel_leaves_nothing() {
    let stage = fake::Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    let bytes = noise(2 * MIB);
    let id = stage.world().add_file("a", &bytes);
    let session = stage.session();
    for cancels in [false, true] {
        stage.world().given = 0;
        stage.gate.send_replace(200_000);
        let (handle, mut steering) = steering();
        let to = To::Folder(folder.path().to_owned());
        let fetching = download(&session, &id, to, pace(), &mut steering);
        let play = async {
            while stage.world().given < 100_000 {
                tokio::task::yield_now().await;
            }
            handle.pause();
            let is_paused = |it: &Progress| it.stage == Stage::Paused;
            handle.progress().wait_for(is_paused).await.unwrap();
            stage.gate.send_replace(u64::MAX);
            match cancels {
                true => handle.cancel(),
                false => handle.resume(),
            }
        };
        let (done, ()) = tokio::join!(fetching, play);
        match cancels {
            true => assert!(matches!(done, Err(TransferError::Cancelled)), "{done:?}"),
            false => assert_eq!(std::fs::read(done.unwrap().path.unwrap()).unwrap(), bytes),
        }
        assert_eq!(names(folder.path()), ["a".to_owned()].into());
    }
}
