//! How many conversations and bytes are kept, whatever a server says.

use std::time::Instant;

use super::{
    tests::{key, message, said, seqs, settle, state},
    *,
};

#[test]
fn only_so_many_conversations_are_kept_and_first_those_of_which_nothing_is_known() {
    let home = tempfile::tempdir().unwrap();
    let bounds = Bounds {
        chats: 50,
        ..BOUNDS
    };
    let (cache, _) = Cache::open_bounded(home.path(), &key("ann"), bounds).unwrap();
    let mut stored = cache.stored();
    cache.apply(
        (1..=40)
            .map(|chat| state(&format!("c{chat}"), chat))
            .collect(),
    );
    cache.apply(vec![Change::Draft {
        conversation: "early".to_owned(),
        text: "to be".to_owned(),
    }]);
    // As a server may do that says something of ever new ones and never what they are.
    cache.apply(
        (0..2_000)
            .map(|chat| message(&format!("x{chat}"), 1))
            .collect(),
    );
    let count = || {
        let reader = locked(&cache.inner.reader);
        let count = "SELECT count(*), count(bytes) FROM chats";
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        reader.as_ref().unwrap().query_row(count, [], row).unwrap()
    };
    let until = Instant::now() + std::time::Duration::from_secs(30);
    while count() != (50, 40) {
        assert!(Instant::now() < until, "{:?}", count());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    cache.apply(
        (41..=100)
            .map(|chat| state(&format!("c{chat}"), chat))
            .collect(),
    );
    settle(&cache, &mut stored, "1");
    while count() != (50, 49) {
        assert!(Instant::now() < until, "{:?}", count());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    cache.close().unwrap();
    let (_, paint) = Cache::open(home.path(), &key("ann")).unwrap();
    let (first, last) = (&paint.chats[0].state.id, &paint.chats[48].state.id);
    assert_eq!((first.as_str(), last.as_str()), ("c100", "c52"));
    assert_eq!(paint.drafts, [("early".to_owned(), "to be".to_owned())]);
}

#[test]
fn only_so_many_bytes_are_kept() {
    let home = tempfile::tempdir().unwrap();
    let bounds = Bounds {
        bytes: 4 * 1024 * 1024,
        ..BOUNDS
    };
    let (cache, _) = Cache::open_bounded(home.path(), &key("ann"), bounds).unwrap();
    let mut stored = cache.stored();
    let text = "x".repeat(30_000);
    for seq in 1..=1_000 {
        cache.apply(vec![Change::Message(Box::new(said("c1", seq, &text)))]);
    }
    settle(&cache, &mut stored, "1");
    let held = || seqs(&cache.messages("c1", Place::Newest, 999).unwrap());
    let until = Instant::now() + std::time::Duration::from_secs(30);
    while held().len() > 140 {
        assert!(Instant::now() < until, "{}", held().len());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(held().len() > 50 && held().last() == Some(&1_000));
}
