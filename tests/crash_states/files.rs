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

use bytes::Bytes;
use futures_util::future::join_all;
use rusqlite::Connection;
use tinychat::{
    pb::{CancelUploadRequest, CreateUploadRequest, UploadChunksRequest},
    store::blobs::folder::FolderBlobs,
};
use tokio_stream::StreamExt as _;

use super::{DATABASE, SEED};
use crate::support::{
    self, Account, Server,
    account::reason,
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    /// So many first bytes are committed.
    Committed(usize),
    /// It is a file.
    Whole,
    /// Something was asked for that ends all that was said before.
    Open,
    /// There is neither the upload nor a file of it.
    Gone,
}

type Claims = Vec<(Claim, u64)>;

/// An upload, and what was said of it.
struct Told {
    id: String,
    whole: Arc<Vec<u8>>,
    claims: Claims,
}

impl Told {
    /// Begins an upload of these bytes.
    async fn begin(account: &Account, bytes: Vec<u8>) -> Self {
        let asked = CreateUploadRequest {
            name: "a.bin".to_owned(),
            size_bytes: bytes.len() as u64,
            blake3: Bytes::copy_from_slice(blake3::hash(&bytes).as_bytes()),
            ..CreateUploadRequest::default()
        };
        let upload = create(account, asked).await.unwrap();
        let mut told = Self {
            id: upload.id,
            whole: Arc::new(bytes),
            claims: Claims::new(),
        };
        told.say(Says::Committed(0));
        told
    }

    fn say(&mut self, says: Says) {
        let claim = Claim {
            number: self.id[1..].parse().unwrap(),
            whole: Arc::clone(&self.whole),
            says,
        };
        self.claims.push((claim, crash::now_us()));
    }

    /// Brings so many chunks from an offset on.
    async fn bring(&mut self, account: &Account, offset: usize, many: usize) {
        let mut chunks = chunks(&self.id, &self.whole, offset);
        chunks.truncate(many);
        let committed = bring(account, chunks).await.unwrap();
        self.say(Says::Committed(committed as usize));
    }

    /// A call that brings the chunk at an offset and does not end.
    async fn open_call(&self, account: &Account, offset: usize) {
        let mut chunks = chunks(&self.id, &self.whole, offset);
        chunks.truncate(1);
        let open = tokio_stream::iter(chunks).chain(tokio_stream::pending::<UploadChunksRequest>());
        let mut files = account.connection.files();
        files.upload_chunks(open).await.ok();
    }

    /// Brings all of other bytes, which are found to be wrong, so that the upload begins anew.
    async fn bring_wrong(&mut self, account: &Account) {
        let whole = noise(self.whole.len(), 1000);
        let right = std::mem::replace(&mut self.whole, Arc::new(whole));
        self.say(Says::Open);
        self.say(Says::Committed(0));
        self.bring(account, 0, usize::MAX).await;
        self.say(Says::Open);
        let refused = complete(account, &self.id).await.unwrap_err();
        assert_eq!(reason(&refused), "FILE_HASH_MISMATCH");
        self.whole = right;
        self.say(Says::Committed(0));
    }

    async fn cancel(&mut self, account: &Account) {
        self.say(Says::Open);
        let asked = CancelUploadRequest {
            upload_id: self.id.clone(),
        };
        account
            .connection
            .files()
            .cancel_upload(asked)
            .await
            .unwrap();
        self.say(Says::Gone);
    }

    async fn complete(&mut self, account: &Account) {
        complete(account, &self.id).await.unwrap();
        self.say(Says::Whole);
    }
}

/// How an upload goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    Completed,
    NotCompleted,
    Cancelled,
    /// It is completed after wrong bytes, with which it had to begin anew.
    SecondTime,
}

/// Uploads a file by two calls, the second of which breaks, and by a third that brings the rest; notes what is said.
async fn uploads(account: &Account, bytes: Vec<u8>, ends: Ends) -> Claims {
    let mut told = Told::begin(account, bytes).await;
    if ends == Ends::SecondTime {
        told.bring_wrong(account).await;
    }
    told.bring(account, 0, 2).await;
    // What a call brings that does not end is committed by whoever asks.
    let (id, mut seen) = (told.id.clone(), Vec::new());
    let brought = eventually_async("the third chunk", async || {
        let committed = stands(account, &id).await.unwrap() as usize;
        seen.push((Says::Committed(committed), crash::now_us()));
        committed == 3 * CHUNK
    });
    tokio::select! {
        () = told.open_call(account, 2 * CHUNK) => panic!("it ended"),
        () = brought => {}
    }
    for (says, at_us) in seen {
        told.say(says);
        told.claims.last_mut().unwrap().1 = at_us;
    }
    if ends == Ends::Cancelled {
        told.cancel(account).await;
        return told.claims;
    }
    told.bring(account, 3 * CHUNK, usize::MAX).await;
    assert_eq!(
        told.claims.last().unwrap().0.says,
        Says::Committed(told.whole.len())
    );
    if ends != Ends::NotCompleted {
        told.complete(account).await;
    }
    told.claims
}

/// Records two servers on one store, the first of which is killed. Files are uploaded to it side by side: some of the same
/// bytes, one that is not completed, one that is cancelled, one that begins anew. Others are under way when it is killed, and
/// the second server, which finds their bytes, gets the rest.
async fn run() -> ([Vec<Recorded>; 2], Claims) {
    let parts = [DATABASE, "uploads", "blobs"];
    let strace = Strace::tracing(crash::CALLS).whole();
    let start = Server::build().under(strace.wrapper());
    let folder = fs::canonicalize(start.data()).unwrap();
    let mut server = start.start();
    let account = Account::register(&server, "ann").await;
    let bytes = |seed| noise(3 * CHUNK + 1000, seed);
    let sender = async |sender: u64| {
        let mut claims = Claims::new();
        for turn in 0..3 {
            // Of the last ones two have the same bytes, and the third is not completed.
            let seed = if turn == 2 { 0 } else { 3 * turn + sender + 1 };
            let ends = match (turn, sender) {
                (0, 1) => Ends::Cancelled,
                (1, 2) => Ends::SecondTime,
                (2, 2) => Ends::NotCompleted,
                _ => Ends::Completed,
            };
            claims.extend(uploads(&account, bytes(seed), ends).await);
        }
        claims
    };
    let mut claims = join_all((0..3).map(sender)).await.concat();
    // Nobody has been told of the last chunk of these.
    let under_way = async |sender: u64| {
        let mut told = Told::begin(&account, bytes(100 + sender)).await;
        told.bring(&account, 0, 1).await;
        told
    };
    let mut under_way = join_all((0..2).map(under_way)).await;
    let came = |told: &Told| {
        let length = fs::metadata(folder.join("uploads").join(&told.id[1..]));
        length.is_ok_and(|file| file.len() == 2 * CHUNK as u64)
    };
    let calls = under_way.iter().map(|told| told.open_call(&account, CHUNK));
    let came = eventually_async("a second chunk of each", async || {
        under_way.iter().all(came)
    });
    tokio::select! {
        _ = join_all(calls) => panic!("they ended"),
        () = came => server.kill9(),
    }
    let first = crash::recorded(&strace, &folder, &parts);

    let strace = Strace::tracing(crash::CALLS).whole();
    let mut server = server.again().under(strace.wrapper()).start();
    let account = Account::login(&server, "ann").await;
    for told in &mut under_way {
        let committed = stands(&account, &told.id).await.unwrap() as usize;
        assert_eq!(committed, 2 * CHUNK, "a kill takes nothing");
        told.say(Says::Committed(committed));
        told.bring(&account, committed, usize::MAX).await;
        told.complete(&account).await;
    }
    claims.extend(under_way.into_iter().flat_map(|told| told.claims));
    server.terminate();
    let second = crash::recorded(&strace, &folder, &parts);
    ([first, second], claims)
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
    let mut ended = HashMap::new();
    for (place, claim) in due.iter().enumerate() {
        if claim.says == Says::Open {
            ended.insert(claim.number, place);
        }
    }
    let is_said = |(place, claim): &(usize, &&Claim)| ended.get(&claim.number) <= Some(place);
    let said = due.iter().enumerate().filter(is_said);
    let holds = |claim: &Claim| {
        let number = claim.number;
        let file = rows.files.get(&number).map(|hash| content(files, hash));
        let upload = rows.uploads.get(&number).and_then(|placed| {
            let comes = uploads.get(&number);
            comes.or_else(|| content(files, placed.as_ref()?))
        });
        match (claim.says, file) {
            (Says::Open, _) => true,
            (Says::Gone, file) => file.is_none() && !rows.uploads.contains_key(&number),
            (_, Some(bytes)) => bytes == Some(&*claim.whole),
            (Says::Whole, None) => false,
            (Says::Committed(many), None) => {
                upload.is_some_and(|bytes| bytes.len() >= many && claim.whole.starts_with(bytes))
            }
        }
    };
    Ok(said.filter(|(_, claim)| !holds(claim)).count())
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
    let (servers, claims) = run().await;
    let operations = servers.concat();
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
    let [first, second] = servers;
    let verdict = judge(&[first, without(&second, of_bytes)].concat(), 0);
    let bites = verdict.losing + verdict.corrupt;
    println!(
        "without the second server's: {bites} of {} states",
        verdict.states
    );
    assert!(bites > 0, "the check does not bite after a kill");
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
    let verdict = judge(&hasty(&operations), 5);
    println!("hasty: {} of {} states", verdict.losing, verdict.states);
    assert!(
        verdict.losing > 0,
        "the check does not bite where room is given back too early"
    );
}
