//! What happens to files: kills, damage, foreign files, full disks, other programs, and texts that must be gone.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
    time::Duration,
};

use super::{
    tests::{key, message, said, seqs, state},
    *,
};
use crate::pb;

/// Set in the child that is killed: the folder it writes to.
const CHILD: &str = "TINYCHAT_CACHE_CHILD";

fn fill(folder: &Path, messages: u64) -> PathBuf {
    let (cache, _) = Cache::open(folder, &key("ann")).unwrap();
    cache.apply(vec![
        Change::Epoch("e1".to_owned()),
        state("c1", 1),
        Change::Front(Some("c1".to_owned())),
    ]);
    for seq in 1..=messages {
        cache.apply(vec![message("c1", seq), Change::Cursor(seq.to_string())]);
    }
    cache.close().unwrap();
    cache.inner.file.clone()
}

/// What is there must be right: each message as it was said, none missing up to the cursor.
fn check(cache: &Cache, paint: &FirstPaint) -> u64 {
    let cursor: u64 = paint.cursor.as_deref().map_or(0, |it| it.parse().unwrap());
    let mut next = cursor;
    while next > 0 {
        let page = cache
            .messages("c1", Place::Before(next + 1), 1_000)
            .unwrap();
        for found in page.messages.iter().rev() {
            assert_eq!(
                message("c1", next),
                Change::Message(Box::new(found.clone()))
            );
            next -= 1;
        }
        if page.below != Edge::More {
            break;
        }
    }
    assert_eq!(next, 0, "all up to the cursor {cursor}");
    cursor
}

/// Not a test of its own: what the next one kills.
#[test]
fn child_that_writes_until_it_is_killed() {
    let Some(folder) = std::env::var_os(CHILD) else {
        return;
    };
    let (cache, paint) = Cache::open(Path::new(&folder), &key("ann")).unwrap();
    let start: u64 = paint.cursor.map_or(0, |it| it.parse().unwrap());
    let mut stored = cache.stored();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    for seq in start + 1..start + 100_000 {
        cache.apply(vec![message("c1", seq), Change::Cursor(seq.to_string())]);
        if seq % 7 == 0
            && let Word::Stored(Some(cursor)) = runtime.block_on(stored.next())
        {
            eprintln!("stored {cursor}");
        }
    }
}

#[test]
fn a_kill_at_any_time_loses_nothing_that_was_told_as_stored() {
    let home = tempfile::tempdir().unwrap();
    let program = std::env::current_exe().unwrap();
    for round in 0..6_u64 {
        let mut child = Command::new(&program)
            .args([
                "--exact",
                "--nocapture",
                "client::cache::damage_tests::child_that_writes_until_it_is_killed",
            ])
            .env(CHILD, home.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut told = 0;
        let mut lines = lines.map_while(Result::ok);
        for _ in 0..20 + round * 13 {
            let line = lines.next().unwrap();
            if let Some(cursor) = line.strip_prefix("stored ") {
                told = cursor.parse().unwrap();
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let (cache, paint) = Cache::open(home.path(), &key("ann")).unwrap();
        assert_eq!(paint.notice, None);
        let kept = check(&cache, &paint);
        assert!(kept >= told, "round {round}: {kept} of {told}");
        cache.close().unwrap();
        // The window of what is kept stays small in this test.
        fs::remove_dir_all(home.path()).unwrap();
    }
}

#[test]
fn a_copy_of_the_files_at_any_time_is_whole() {
    let home = tempfile::tempdir().unwrap();
    let (cache, _) = Cache::open(home.path(), &key("ann")).unwrap();
    let file = cache.inner.file.clone();
    let name = |ending: &str| format!("{}{ending}", file.file_name().unwrap().to_str().unwrap());
    for round in 0..10_u64 {
        cache.apply(
            (1..=150)
                .flat_map(|n| {
                    let seq = round * 150 + n;
                    [message("c1", seq), Change::Cursor(seq.to_string())]
                })
                .collect(),
        );
        // A crash leaves one moment, a copy takes some: an open reader keeps the WAL from being begun anew meanwhile.
        let reader = schema::open_reader(&file).unwrap();
        let transaction = reader.unchecked_transaction().unwrap();
        let _: i64 = transaction
            .query_row("SELECT count(*) FROM meta", [], |row| row.get(0))
            .unwrap();
        let copy = tempfile::tempdir().unwrap();
        for ending in ["", "-wal"] {
            fs::copy(
                home.path().join(name(ending)),
                copy.path().join(name(ending)),
            )
            .unwrap();
        }
        drop(transaction);
        let (copied, paint) = Cache::open(copy.path(), &key("ann")).unwrap();
        assert_eq!(paint.notice, None, "round {round}");
        check(&copied, &paint);
    }
    cache.close().unwrap();
}

#[test]
fn damaged_bytes_are_never_shown() {
    let home = tempfile::tempdir().unwrap();
    let file = fill(home.path(), 400);
    let whole = fs::read(&file).unwrap();
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    let (mut remade, mut ended, mut unseen) = (0, 0, 0);
    for round in 0..100_usize {
        let mut bytes = whole.clone();
        let len = bytes.len();
        if round % 10 == 9 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            bytes.truncate(usize::try_from(random >> 33).unwrap() % len);
        } else {
            for _ in 0..1 + round % 8 {
                random = random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                let at = usize::try_from(random >> 33).unwrap() % len;
                bytes[at] ^= (random >> 20).to_le_bytes()[0] | 1;
            }
        }
        fs::write(&file, &bytes).unwrap();
        let (cache, paint) = Cache::open(home.path(), &key("ann")).unwrap();
        if paint.notice.is_some() {
            remade += 1;
            assert_eq!(paint.chats, []);
        }
        assert!(paint.cursor.is_none_or(|it| it == "400"));
        let mut place = Place::Newest;
        let mut pages = 0;
        let read = loop {
            pages += 1;
            if pages > 50 {
                break Ok(());
            }
            match cache.messages("c1", place, 100) {
                Ok(page) => {
                    for found in &page.messages {
                        assert_eq!(
                            message("c1", found.seq),
                            Change::Message(Box::new(found.clone()))
                        );
                    }
                    match (page.below, page.messages.first()) {
                        (Edge::More, Some(first)) => place = Place::Before(first.seq),
                        (Edge::Hole(from, _), _) if from > 1 => place = Place::Before(from),
                        _ => break Ok(()),
                    }
                }
                Err(error) => break Err(error),
            }
        };
        cache.apply(vec![message("c1", 401), Change::Cursor("401".to_owned())]);
        let closed = cache.close();
        if read.is_err() || closed.is_err() {
            ended += 1;
            // What it made of it is gone: the next start is a good one.
            let (cache, _) = Cache::open(home.path(), &key("ann")).unwrap();
            cache.apply(vec![message("c1", 1)]);
            cache.close().unwrap();
        } else if paint.notice.is_none() {
            unseen += 1;
        }
        schema::remove(&file).unwrap();
    }
    eprintln!(
        "damaged files: {remade} made anew at the start, {ended} found later, {unseen} where it did not matter"
    );
    assert!(remade > 0 && ended > 0);
}

#[test]
fn a_file_of_the_schema_before_keeps_what_a_person_has_written() {
    let home = tempfile::tempdir().unwrap();
    let file = fill(home.path(), 3);
    let (cache, _) = Cache::open(home.path(), &key("ann")).unwrap();
    let draft = Change::Draft {
        conversation: "c1".to_owned(),
        text: "half a word".to_owned(),
    };
    cache.apply(vec![draft, Change::Written("[begun]".to_owned())]);
    cache.close().unwrap();
    let old = Connection::open(&file).unwrap();
    old.execute_batch("PRAGMA user_version = 1").unwrap();
    drop(old);
    for _ in 0..2 {
        let (cache, paint) = Cache::open(home.path(), &key("ann")).unwrap();
        assert_eq!((paint.notice, paint.cursor), (None, None));
        let draft = ("c1".to_owned(), "half a word".to_owned());
        assert_eq!(
            (paint.drafts, paint.written.as_str()),
            (vec![draft], "[begun]")
        );
        let page = cache.messages("c1", Place::Newest, 9).unwrap();
        assert_eq!(page.messages, [], "they come again, with their files");
        cache.close().unwrap();
    }
}

#[test]
fn a_foreign_file_is_made_anew_and_that_is_said() {
    let home = tempfile::tempdir().unwrap();
    let file = fill(home.path(), 3);
    let change = |sql: &str| Connection::open(&file).unwrap().execute_batch(sql).unwrap();
    let spoils: [&dyn Fn(); 5] = [
        &|| change("PRAGMA user_version = 99"),
        &|| change("PRAGMA application_id = 7"),
        &|| change("UPDATE meta SET value = x'00' WHERE name = 'account'"),
        &|| {
            fs::write(
                &file,
                b"not a database, but long enough to be taken for something else by mistake",
            )
            .unwrap()
        },
        // The file of another account under this name.
        &|| {
            let (cache, _) = Cache::open(home.path(), &key("bob")).unwrap();
            cache.close().unwrap();
            fs::rename(&cache.inner.file, &file).unwrap();
        },
    ];
    for (round, spoil) in spoils.iter().enumerate() {
        spoil();
        let (cache, paint) = Cache::open(home.path(), &key("ann")).unwrap();
        assert!(paint.notice.is_some(), "{round}");
        assert_eq!((paint.chats.len(), paint.cursor), (0, None));
        cache.close().unwrap();
        let (cache, paint) = Cache::open(home.path(), &key("ann")).unwrap();
        assert_eq!(paint.notice, None, "{round}: said once");
        cache.close().unwrap();
        fill(home.path(), 3);
    }
}

#[test]
fn a_second_program_goes_without_and_others_have_their_own() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("state");
    let (cache, _) = Cache::open(&folder, &key("ann")).unwrap();
    assert_eq!(
        Cache::open(&folder, &key("ann")).unwrap_err(),
        CacheError::Held
    );
    let (other, _) = Cache::open(&folder, &key("bob")).unwrap();
    let vouched = Key {
        assurance: Assurance::Vouched,
        ..key("ann")
    };
    let (third, _) = Cache::open(&folder, &vouched).unwrap();
    cache.apply(vec![message("c1", 1)]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{path:?}");
    }
    // Dropping without a close commits and lets go as well, a moment later.
    drop(cache);
    let until = std::time::Instant::now() + Duration::from_secs(20);
    let (cache, _) = loop {
        match Cache::open(&folder, &key("ann")) {
            Ok(opened) => break opened,
            Err(error) => assert_eq!(error, CacheError::Held),
        }
        assert!(std::time::Instant::now() < until);
    };
    assert_eq!(seqs(&cache.messages("c1", Place::Newest, 9).unwrap()), [1]);
    for one in [other, third] {
        assert_eq!(one.messages("c1", Place::Newest, 9), Ok(Page::default()));
    }
}

#[tokio::test]
async fn a_full_disk_is_told_once_and_leaves_what_was_stored() {
    let home = tempfile::tempdir().unwrap();
    let file = fill(home.path(), 50);
    let account = key("ann").account();
    let writer = schema::open_writer(&file, &account).unwrap();
    let pages: i64 = writer
        .pragma_query_value(None, "page_count", |row| row.get(0))
        .unwrap();
    writer
        .pragma_update_and_check(None, "max_page_count", pages + 2, |_| Ok(()))
        .unwrap();
    let (queue, orders) = channel();
    let (told, heard) = watch::channel(State::default());
    let work = Work {
        file: file.clone(),
        connection: writer,
        queue: orders,
        waiting: Arc::default(),
        told,
        bounds: BOUNDS,
    };
    for seq in 51..=500 {
        let changes = vec![message("c1", seq), Change::Cursor(seq.to_string())];
        queue.send(Order::Apply(changes, 0)).unwrap();
    }
    thread::spawn(move || work.run()).join().unwrap();
    let ended = heard.borrow().ended.clone();
    assert!(
        matches!(&ended, Some(CacheError::Unusable { cause, .. }) if cause.contains("full")),
        "{ended:?}"
    );
    let (cache, paint) = Cache::open(home.path(), &key("ann")).unwrap();
    assert_eq!((paint.notice.as_deref(), check(&cache, &paint)), (None, 50));
    cache.close().unwrap();

    // A place where nothing can be written.
    let file = home.path().join("a file");
    fs::write(&file, "").unwrap();
    let refused = Cache::open(&file.join("state"), &key("ann")).unwrap_err();
    assert!(matches!(refused, CacheError::Unusable { .. }));
    assert!(refused.to_string().contains("going on without it"));
}

#[test]
fn the_text_of_a_deleted_message_is_in_no_file() {
    let home = tempfile::tempdir().unwrap();
    let (cache, _) = Cache::open(home.path(), &key("ann")).unwrap();
    let secret = |seq: u64| {
        format!(
            "secret {seq:05} {}",
            "long ".repeat(usize::try_from(seq % 90).unwrap())
        )
    };
    let mut last = said("c1", 400, &secret(400));
    cache.apply(
        (1..=399)
            .map(|seq| Change::Message(Box::new(said("c1", seq, &secret(seq)))))
            .collect(),
    );
    let state = pb::Conversation {
        id: "c1".to_owned(),
        last_message: Some(last.clone()),
        ..pb::Conversation::default()
    };
    cache.apply(vec![Change::Conversation {
        state: Box::new(state),
        last_activity: 1,
    }]);
    let found = || {
        let mut count = 0;
        for entry in fs::read_dir(home.path()).unwrap() {
            let bytes = fs::read(entry.unwrap().path()).unwrap_or_default();
            count += bytes
                .windows(7)
                .filter(|window| *window == b"secret ")
                .count();
        }
        count
    };
    let until = std::time::Instant::now() + Duration::from_secs(20);
    while found() == 0 {
        assert!(std::time::Instant::now() < until, "nothing is written");
        std::thread::sleep(Duration::from_millis(5));
    }
    cache.apply(
        (1..=390)
            .map(|seq| {
                Change::Deleted(pb::MessageDeleted {
                    conversation_id: "c1".to_owned(),
                    seq,
                    revision: 1,
                    deleted_by: None,
                })
            })
            .collect(),
    );
    // An edit is a text that is gone, too, and so is a hole.
    (last.revision, last.content) = (1, Some(pb::message::Content::Text("better".to_owned())));
    cache.apply(vec![
        Change::Edited(Box::new(last)),
        Change::Hole(pb::Gap {
            conversation_id: "c1".to_owned(),
            from_seq: 391,
            to_seq: 399,
        }),
    ]);
    // While the program runs, not only at its end.
    let until = std::time::Instant::now() + Duration::from_secs(20);
    while found() > 0 {
        assert!(std::time::Instant::now() < until, "{} are left", found());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(
        cache.messages("c1", Place::Newest, 9).unwrap().messages[0].text(),
        "better"
    );
    cache.close().unwrap();
    assert_eq!(found(), 0);
}

#[test]
fn one_that_this_program_is_closing_is_waited_for() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().to_owned();
    let (cache, _) = Cache::open(&folder, &key("ann")).unwrap();
    let file = folder.join(format!("{}{ENDING}", key("ann").name()));
    // The disk is slow.
    let holder = Connection::open(file).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    cache.apply(vec![Change::Cursor("1".to_owned())]);
    drop(cache);
    let (tell, opened) = channel();
    thread::spawn(move || {
        let _ = tell.send(Cache::open(&folder, &key("ann")));
    });
    let early = opened.recv_timeout(Duration::from_millis(200));
    assert!(early.is_err(), "{early:?}");
    drop(holder);
    let (_, paint) = opened.recv().unwrap().unwrap();
    assert_eq!(paint.cursor.as_deref(), Some("1"));
}
