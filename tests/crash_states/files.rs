//! Power loss and files: after a cut at any moment the bytes that were called committed are there, and a file that was completed
//! is whole. States are judged by the rows of the store, and by the bytes where those say that they lie; no server is started
//! on them, but the place for files is opened, as in another run of the machine. An upload stands then at no less than was
//! called committed, and all that it has is what was brought: also where lengths were there before the bytes that they count.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs,
    path::Path,
    sync::Arc,
};

use futures_util::future::join_all;
use rusqlite::Connection;
use tinychat::{pb::UploadChunksRequest, store::blobs::folder::FolderBlobs};
use tokio_stream::StreamExt as _;

use super::{DATABASE, SEED};
use crate::support::{
    self, Account, Server,
    crash::{self, Files, Operation, Recorded, Verdict},
    eventually_async,
    file::*,
    strace::{self, Strace},
};

/// What the server has said of an upload.
#[derive(Clone, Debug)]
struct Claim {
    /// The number of the upload, and of the file that comes of it.
    number: i64,
    /// All bytes that it shall have.
    whole: Arc<Vec<u8>>,
    says: Says,
}

#[derive(Clone, Copy, Debug)]
enum Says {
    /// So many first bytes are committed.
    Committed(usize),
    /// It is a file.
    Whole,
}

type Claims = Vec<(Claim, u64)>;

/// Uploads a file by two calls, the second of which breaks, and by a third that brings the rest; notes what is said.
async fn uploads(account: &Account, bytes: Vec<u8>, is_completed: bool) -> Claims {
    let whole = Arc::new(bytes);
    let upload = begin(account, "a.bin", whole.len() as u64)
        .await
        .unwrap()
        .id;
    let number = upload[1..].parse().unwrap();
    let mut claims = Claims::new();
    let mut say = |says| {
        let whole = Arc::clone(&whole);
        let claim = Claim {
            number,
            whole,
            says,
        };
        claims.push((claim, crash::now_us()));
    };
    say(Says::Committed(0));
    let mut all = chunks(&upload, &whole, 0);
    let mut rest = all.split_off(2);
    let last = rest.split_off(1);
    let committed = bring(account, all).await.unwrap();
    say(Says::Committed(committed as usize));
    // What a call brings that does not end is committed by whoever asks.
    let open = tokio_stream::iter(rest).chain(tokio_stream::pending::<UploadChunksRequest>());
    let mut files = account.connection.files();
    let brought = eventually_async("the third chunk", async || {
        let committed = stands(account, &upload).await.unwrap() as usize;
        say(Says::Committed(committed));
        committed == 3 * CHUNK
    });
    tokio::select! {
        ended = files.upload_chunks(open) => panic!("it ended: {ended:?}"),
        () = brought => {}
    }
    let committed = bring(account, last).await.unwrap();
    assert_eq!(committed, whole.len() as u64);
    say(Says::Committed(whole.len()));
    if is_completed {
        complete(account, &upload).await.unwrap();
        say(Says::Whole);
    }
    claims
}

/// Records a run in which files are uploaded side by side: some by the same bytes, one that is not completed.
async fn run() -> (Vec<Recorded>, Claims) {
    let strace = Strace::tracing(crash::CALLS).whole();
    let start = Server::build().under(strace.wrapper());
    let folder = fs::canonicalize(start.data()).unwrap();
    let mut server = start.start();
    let account = Account::register(&server, "ann").await;
    let sender = async |sender: u64| {
        let mut claims = Claims::new();
        for turn in 0..3 {
            // Of the last ones two have the same bytes, and the third is not completed.
            let seed = if turn == 2 { 0 } else { 3 * turn + sender + 1 };
            let bytes = noise(3 * CHUNK + 1000, seed);
            let is_completed = (turn, sender) != (2, 2);
            claims.extend(uploads(&account, bytes, is_completed).await);
        }
        claims
    };
    let claims = join_all((0..3).map(sender)).await.concat();
    server.terminate();
    let parts = [DATABASE, "uploads", "blobs"];
    (crash::recorded(&strace, &folder, &parts), claims)
}

/// What the store of a state knows.
#[derive(Default)]
struct Rows {
    /// Uploads, and the contents that they have placed.
    uploads: HashMap<i64, Option<Vec<u8>>>,
    /// Files, and their contents.
    files: HashMap<i64, Vec<u8>>,
}

fn rows(connection: &Connection) -> rusqlite::Result<Rows> {
    let mut rows = Rows::default();
    if !crash::has_table(connection, "uploads")? {
        return Ok(rows);
    }
    let mut uploads = connection.prepare("SELECT id, placed FROM uploads")?;
    for row in uploads.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))? {
        let (number, placed) = row?;
        rows.uploads.insert(number, placed);
    }
    let mut files = connection.prepare("SELECT id, hash FROM files")?;
    for row in files.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))? {
        let (number, hash) = row?;
        rows.files.insert(number, hash);
    }
    Ok(rows)
}

/// The bytes of a content.
fn content<'a>(files: &'a Files, hash: &[u8]) -> Option<&'a Vec<u8>> {
    let name: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    files.get(&format!("blobs/{}/{name}", &name[..2]))
}

/// What there is of each upload when a server has opened the place for files, after a cut or after a mere kill.
fn uploads_of(folder: &Path, files: &Files, after: After) -> BTreeMap<i64, Vec<u8>> {
    let root = folder.join("opened");
    let place = root.join("uploads");
    fs::create_dir_all(&place).unwrap();
    for (name, bytes) in files {
        if let Some(name) = name.strip_prefix("uploads/") {
            let bytes = match (name, after) {
                ("boot", After::Cut) => b"another run".as_slice(),
                _ => bytes,
            };
            fs::write(place.join(name), bytes).unwrap();
        }
    }
    drop(FolderBlobs::open(&root).unwrap());
    let there = fs::read_dir(&place).unwrap().filter_map(|entry| {
        let entry = entry.unwrap();
        let number = entry.file_name().to_str()?.parse().ok()?;
        Some((number, fs::read(entry.path()).unwrap()))
    });
    let there = there.collect();
    fs::remove_dir_all(&root).unwrap();
    there
}

/// What a server that opens the place for files takes to have come before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    /// The power was cut.
    Cut,
    /// It was killed.
    Kill,
}

/// How many claims do not hold in a state; an error if it is broken in itself.
fn lost(folder: &Path, files: &Files, due: &[&Claim], after: After) -> Result<usize, String> {
    for (name, bytes) in files {
        let is_content = name
            .strip_prefix("blobs/")
            .and_then(|name| name.split_once('/'));
        if let Some((_, hash)) = is_content
            && blake3::hash(bytes).to_hex().as_str() != hash
        {
            return Err(format!("{name} is not whole"));
        }
    }
    let rows = match crash::database(folder, files, DATABASE)? {
        Some(connection) => rows(&connection).map_err(|error| error.to_string())?,
        None => Rows::default(),
    };
    let uploads = uploads_of(folder, files, after);
    let holds = |claim: &&&Claim| {
        let number = claim.number;
        let file = rows.files.get(&number).map(|hash| content(files, hash));
        let upload = rows.uploads.get(&number).and_then(|placed| {
            let comes = uploads.get(&number);
            comes.or_else(|| content(files, placed.as_ref()?))
        });
        match (claim.says, file) {
            (_, Some(bytes)) => bytes == Some(&*claim.whole),
            (Says::Whole, None) => false,
            (Says::Committed(many), None) => {
                upload.is_some_and(|bytes| bytes.len() >= many && claim.whole.starts_with(bytes))
            }
        }
    };
    Ok(due.len() - due.iter().filter(holds).count())
}

/// The run as it would be without some of its syncs.
fn without(operations: &[Recorded], is_one: impl Fn(&str) -> bool) -> Vec<Recorded> {
    let stays = |recorded: &&Recorded| match &recorded.operation {
        Operation::SyncBegin { file, .. } | Operation::SyncEnd { file, .. } => !is_one(file),
        _ => true,
    };
    operations.iter().filter(stays).cloned().collect()
}

/// The run as it would be without the syncs of the folders of contents, and of that of uploads right after one was renamed into
/// one of those: either makes the rename stay.
fn unsure_of_renames(operations: &[Recorded]) -> Vec<Recorded> {
    let mut into = HashSet::new();
    let (mut renaming, mut skipping) = (HashSet::new(), HashSet::new());
    let stays = |recorded: &&Recorded| match &recorded.operation {
        Operation::Rename { to, .. } => {
            into.extend(to.rfind('/').map(|end| to[..=end].to_owned()));
            true
        }
        Operation::SyncBegin { file, by } if file == "uploads/" => {
            let skips = renaming.remove(by);
            if skips {
                skipping.insert(*by);
            }
            !skips
        }
        Operation::SyncEnd { file, by } if file == "uploads/" => !skipping.remove(by),
        Operation::SyncBegin { file, by } if into.remove(file) => {
            renaming.insert(*by);
            false
        }
        Operation::SyncBegin { file, .. } | Operation::SyncEnd { file, .. } => {
            !file.starts_with("blobs/") || file == "blobs/"
        }
        _ => true,
    };
    operations.iter().filter(stays).cloned().collect()
}

/// The run as it would be if uploads gave their room back as soon as they lose their names, and the next sync of those were not.
fn hasty(operations: &[Recorded]) -> Vec<Recorded> {
    let gives_back = |file: &str| {
        let is_it = |operation: &Operation| matches!(operation, Operation::TruncateNameless { file: it, .. } if it == file);
        operations.iter().any(|recorded| is_it(&recorded.operation))
    };
    let mut left: Vec<Recorded> = Vec::new();
    let (mut skips, mut skipped) = (false, None);
    for recorded in operations {
        match &recorded.operation {
            Operation::TruncateNameless { .. } => continue,
            Operation::SyncBegin { file, by } if skips && file == "uploads/" => {
                (skips, skipped) = (false, Some(*by));
                continue;
            }
            Operation::SyncEnd { by, .. } if skipped == Some(*by) => {
                skipped = None;
                continue;
            }
            _ => left.push(recorded.clone()),
        }
        if let Operation::Unlink { file } = &recorded.operation
            && gives_back(file)
        {
            let (file, length) = (file.clone(), 0);
            left.push(Recorded {
                at_us: recorded.at_us,
                operation: Operation::TruncateNameless { file, length },
            });
            skips = true;
        }
    }
    left
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_at_any_moment_loses_nothing_of_files_that_was_called_committed() {
    let name = "a_power_cut_at_any_moment_loses_nothing_of_files_that_was_called_committed";
    if !support::need(name, strace::usable()) {
        return;
    }
    let _turn = support::heavy().await;
    let (operations, claims) = run().await;
    let judge_after = |operations: &[Recorded], torn, after| -> Verdict {
        crash::judge_by(operations, &claims, SEED, torn, |folder, files, due| {
            lost(folder, files, due, after)
        })
    };
    let judge = |operations: &[Recorded], torn| judge_after(operations, torn, After::Cut);
    let torn = if support::long() { 12 } else { 2 };
    let verdict = judge(&operations, torn);
    println!(
        "{} operations, {} claims, {} states, {} lose something, {} broken {:#?}",
        operations.len(),
        claims.len(),
        verdict.states,
        verdict.losing,
        verdict.corrupt,
        verdict.examples
    );
    assert_eq!(
        (verdict.losing, verdict.corrupt),
        (0, 0),
        "{:#?}",
        verdict.examples
    );
    assert!(verdict.states >= 500, "only {} states", verdict.states);
    // Without any one kind of its syncs the same run is seen to lose something, or this would show nothing.
    let is_content = |file: &str| file.starts_with("blobs/") && !file.ends_with('/');
    let is_note = |file: &str| file.ends_with(".at");
    let of_bytes = |file: &str| {
        let is_upload = file.starts_with("uploads/") && file != "uploads/" && !is_note(file);
        is_upload || is_content(file)
    };
    for (what, kind) in [
        ("the bytes", &of_bytes as &dyn Fn(&str) -> bool),
        ("the notes of what is committed", &is_note),
        ("the folder of uploads", &|file| file == "uploads/"),
        ("the folder of those", &|file| file == "blobs/"),
    ] {
        let verdict = judge(&without(&operations, kind), 0);
        let bites = verdict.losing + verdict.corrupt;
        println!("without {what}: {bites} of {} states", verdict.states);
        assert!(bites > 0, "the check does not bite without {what}");
    }
    let verdict = judge(&unsure_of_renames(&operations), 0);
    let bites = verdict.losing + verdict.corrupt;
    println!("unsure of renames: {bites} of {} states", verdict.states);
    assert!(
        bites > 0,
        "the check does not bite without syncs after renames"
    );
    // Nor are lengths to be trusted.
    let verdict = judge_after(&operations, torn, After::Kill);
    println!(
        "at their lengths: {} of {} states",
        verdict.losing, verdict.states
    );
    assert!(verdict.losing > 0, "the check does not bite without notes");
    let verdict = judge(&hasty(&operations), 12);
    println!("hasty: {} of {} states", verdict.losing, verdict.states);
    assert!(
        verdict.losing > 0,
        "the check does not bite where room is given back too early"
    );
}
