//! Power loss: every state of the disk that a cut can leave behind holds what was acknowledged before it. kill -9 cannot
//! show this. With weaker syncs the same check must fail, or it would show nothing.

mod files;

use std::{
    env, fs,
    path::Path,
    process::{Command, Stdio},
};

use rusqlite::Connection;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::support::{
    self, Account, Server,
    account::to_user,
    crash::{self, Verdict},
    strace::{self, Strace},
};

const SEED: u64 = 0xdead;
/// What the store's files are called.
const DATABASE: &str = "tinychat.db";

/// Records a run in which three users send, and judges every state that a power cut could have left. Also ends the
/// server cleanly, so that the checkpoint at the end is part of it.
async fn power_cuts(switch: Option<&str>) -> Verdict {
    let strace = Strace::tracing(crash::CALLS).whole();
    let start = Server::build().under(strace.wrapper());
    let start = match switch {
        Some(switch) => start.with_switch(switch),
        None => start,
    };
    let folder = fs::canonicalize(start.data()).unwrap();
    let mut server = start.start();
    for name in ["ann", "bob", "cat"] {
        Account::register(&server, name).await;
    }
    let mut senders = JoinSet::new();
    for (from, to) in [("ann", "bob"), ("bob", "ann"), ("cat", "cat")] {
        let account = Account::login(&server, from).await;
        senders.spawn(async move {
            let mut acked = Vec::new();
            for number in 0..20 {
                let id = Uuid::now_v7();
                let request = to_user(to, &format!("number {number}"), &id.to_string());
                account.send_request(request).await.unwrap();
                acked.push((id.into_bytes(), crash::now_us()));
            }
            acked
        });
    }
    let mut acked = Vec::new();
    while let Some(sent) = senders.join_next().await {
        acked.extend(sent.unwrap());
    }
    assert_eq!(acked.len(), 60);
    server.terminate();
    let operations = crash::recorded(&strace, &folder, &[DATABASE]);
    let torn = if support::long() { 12 } else { 2 };
    let verdict = crash::judge(&operations, &acked, DATABASE, SEED, torn);
    println!(
        "{switch:?}: {} operations, {} states, {} lose something, {} corrupt {:#?}",
        operations.len(),
        verdict.states,
        verdict.losing,
        verdict.corrupt,
        verdict.examples
    );
    verdict
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_at_any_moment_loses_nothing_acknowledged() {
    let name = "a_power_cut_at_any_moment_loses_nothing_acknowledged";
    if !support::need(name, strace::usable()) {
        return;
    }
    let _turn = support::heavy().await;
    let verdict = power_cuts(None).await;
    assert_eq!(
        (verdict.losing, verdict.corrupt),
        (0, 0),
        "{:#?}",
        verdict.examples
    );
    assert!(verdict.states >= 500, "only {} states", verdict.states);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_synchronous_normal_a_power_cut_is_seen_to_lose_messages() {
    let name = "with_synchronous_normal_a_power_cut_is_seen_to_lose_messages";
    if !support::need(name, strace::usable().and(support::switches())) {
        return;
    }
    let _turn = support::heavy().await;
    let verdict = power_cuts(Some("sync-normal")).await;
    assert!(verdict.losing > 0, "the check does not bite");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_synchronous_off_a_power_cut_is_seen_to_lose_messages() {
    let name = "with_synchronous_off_a_power_cut_is_seen_to_lose_messages";
    if !support::need(name, strace::usable().and(support::switches())) {
        return;
    }
    let _turn = support::heavy().await;
    let verdict = power_cuts(Some("sync-off")).await;
    assert!(verdict.losing > 0, "the check does not bite");
}

/// The variable by which the next test starts itself as the program that it records: `MODE FOLDER ACKS`.
const PLAIN: &str = "TINYCHAT_PLAIN_WRITER";

#[test]
fn the_rebuilder_tells_full_from_normal_and_off_on_a_plain_database() {
    let name = "the_rebuilder_tells_full_from_normal_and_off_on_a_plain_database";
    if let Ok(what) = env::var(PLAIN) {
        let words: Vec<&str> = what.split(' ').collect();
        return plain_writer(words[0], Path::new(words[1]), Path::new(words[2]));
    }
    if !support::need(name, strace::usable()) {
        return;
    }
    let verdict = |mode: &str| {
        let strace = Strace::tracing(crash::CALLS).whole();
        let folder = tempfile::tempdir().unwrap();
        let data = fs::canonicalize(folder.path()).unwrap().join("data");
        let acks = folder.path().join("acks");
        fs::create_dir(&data).unwrap();
        let line = strace.wrapper();
        let status = Command::new(&line[0])
            .args(&line[1..])
            .arg(env::current_exe().unwrap())
            .args(["--exact", &format!("crash_states::{name}")])
            .env(
                PLAIN,
                format!("{mode} {} {}", data.display(), acks.display()),
            )
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success());
        let acks = fs::read_to_string(acks).unwrap();
        let acked: Vec<([u8; 16], u64)> = acks
            .lines()
            .map(|line| {
                let (id, at) = line.split_once(' ').unwrap();
                (
                    id.parse::<Uuid>().unwrap().into_bytes(),
                    at.parse().unwrap(),
                )
            })
            .collect();
        assert_eq!(acked.len(), 40);
        let operations = crash::recorded(&strace, &data, &[DATABASE]);
        crash::judge(&operations, &acked, DATABASE, SEED, 2)
    };
    let full = verdict("FULL");
    assert_eq!((full.losing, full.corrupt), (0, 0), "{:#?}", full.examples);
    assert!(full.states > 300, "only {} states", full.states);
    let (normal, off) = (verdict("NORMAL"), verdict("OFF"));
    assert!(normal.losing * 2 > normal.states, "{normal:#?}");
    assert_eq!(normal.corrupt, 0, "{:#?}", normal.examples);
    assert!(off.losing * 2 > off.states, "{off:#?}");
    println!("FULL {full:?}\nNORMAL {normal:?}\nOFF {off:?}");
}

/// Writes rows as the simplest store would, and notes when each was committed.
fn plain_writer(mode: &str, data: &Path, acks: &Path) {
    let database = Connection::open(data.join(DATABASE)).unwrap();
    database.pragma_update(None, "journal_mode", "WAL").unwrap();
    database.pragma_update(None, "synchronous", mode).unwrap();
    let tables = "CREATE TABLE sends (client_id BLOB PRIMARY KEY) WITHOUT ROWID;
        CREATE TABLE log (offset INTEGER PRIMARY KEY, client_id BLOB, body TEXT)";
    database.execute_batch(tables).unwrap();
    let mut noted = String::new();
    for number in 0..40 {
        let id = Uuid::now_v7();
        let transaction = database.unchecked_transaction().unwrap();
        let bytes = id.as_bytes().as_slice();
        let one = "INSERT INTO sends VALUES (?1)";
        transaction.execute(one, [bytes]).unwrap();
        let two = "INSERT INTO log (client_id, body) VALUES (?1, ?2)";
        let body = format!("{number} {}", "x".repeat(300));
        transaction.execute(two, (bytes, body)).unwrap();
        transaction.commit().unwrap();
        noted += &format!("{id} {}\n", crash::now_us());
    }
    drop(database);
    fs::write(acks, noted).unwrap();
}
