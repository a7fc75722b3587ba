//! What is told of messages at the end, and what is there at the next start.

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
};

use super::*;
use crate::client::{app::written::To, journal::Journal, net::tls::Assurance};

fn journal(folder: &Path) -> (Journal, Vec<(Outgoing, Option<String>)>) {
    let (server, user) = ("127.0.0.1:7777".parse().unwrap(), "ann".parse().unwrap());
    let (mut journal, left) = Journal::open(folder, &server, Assurance::Plaintext, &user).unwrap();
    let mut refused = journal.take_refused();
    let left = left.into_iter().map(|it| {
        let why = refused.remove(&it.id);
        (it, why)
    });
    let left = left.collect();
    (journal, left)
}

fn open(folder: &Path) -> (Ledger, Vec<Outgoing>) {
    let (journal, left) = journal(folder);
    let keeper = Keeper::start(journal, |_| ()).unwrap();
    let ledger = Ledger::new(Some(keeper), &left, false);
    (ledger, left.into_iter().map(|(it, _)| it).collect())
}

/// One with a disk that fails while it is told to.
fn on_a_bad_disk(folder: &Path) -> (Ledger, Arc<AtomicBool>) {
    let fails = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&fails);
    let before = move |journal: &mut Journal| journal.fail(told.load(Ordering::SeqCst));
    let keeper = Keeper::start(journal(folder).0, before).unwrap();
    (Ledger::new(Some(keeper), &[], false), fails)
}

/// Keeps a message, and hears what the disk says of it: it is to be sent then. Returns what is to be said.
async fn add(ledger: &mut Ledger, message: &Outgoing) -> Option<String> {
    assert_eq!(ledger.add(message.clone(), Instant::now()), None);
    let word = ledger.next().await;
    let (sent, said) = ledger.word(word);
    assert_eq!((sent.as_ref(), ledger.waiting()), (Some(message), 0));
    said
}

/// Ends it in good order.
async fn end(mut ledger: Ledger) {
    ledger.close();
    while let Some(word) = ledger.next_or_end().await {
        let _ = ledger.word(word);
    }
}

fn message(text: &str) -> Outgoing {
    Outgoing {
        id: ClientMessageId::mint(),
        target: Target::User("bob".to_owned()),
        text: text.to_owned(),
        attachments: Vec::new(),
        store: None,
    }
}

fn told(ledger: &Ledger, unsent: usize) -> Vec<String> {
    let told = ledger.report(unsent).into_iter();
    told.map(|failure| failure.to_string()).collect()
}

#[tokio::test]
async fn a_message_counts_once_however_often_it_is_tried() {
    let home = tempfile::tempdir().unwrap();
    let (mut ledger, _) = open(home.path());
    let (one, two) = (message("one"), message("two"));
    for _ in 0..3 {
        for message in [&one, &two] {
            assert_eq!(add(&mut ledger, message).await, None);
            ledger.hold(message);
        }
    }
    let held = "2 messages were not sent, since this login may not; kept for one that may";
    assert_eq!(told(&ledger, 0), [held]);
    // Sent after all, and dropped.
    ledger.settle(one.id);
    ledger.settle(two.id);
    assert_eq!(told(&ledger, 0), [""; 0]);
}

#[tokio::test]
async fn what_was_refused_is_kept_and_told_until_it_is_dropped() {
    let home = tempfile::tempdir().unwrap();
    let (mut ledger, _) = open(home.path());
    let one = message("one");
    assert_eq!(add(&mut ledger, &one).await, None);
    ledger.refuse(one.clone(), "too fast", true);
    let refused = "1 message was refused and kept; the next tinychat-client shows what can be sent again or dropped";
    assert_eq!(told(&ledger, 0), [refused]);
    end(ledger).await;
    let (mut ledger, left) = open(home.path());
    assert_eq!(left, std::slice::from_ref(&one));
    assert_eq!(told(&ledger, 0), [refused]);
    ledger.settle(one.id);
    end(ledger).await;
    assert_eq!(open(home.path()).1, []);
}

#[test]
fn a_message_with_files_is_the_same_one_after_a_restart() {
    for (text, files) in [("", &["f1"][..]), ("see", &["f2", "f1"][..])] {
        let sent = Outgoing {
            attachments: files.iter().map(ToString::to_string).collect(),
            ..message(text)
        };
        let now = crate::domain::clock::TimeMs::new(0);
        let shown = super::super::left_over(&sent, None, now).unwrap();
        assert_eq!(super::super::perform::on_the_wire(&shown, None), sent);
    }
}

#[test]
fn what_is_lost_is_named() {
    let mut ledger = Ledger::default();
    let messages = ["one", "two\x1b[2J", "three", "four"].map(message);
    for message in &messages {
        ledger.refuse(message.clone(), "no", true);
    }
    let [told] = &told(&ledger, 0)[..] else {
        panic!("one")
    };
    assert!(told.ends_with("4 messages were refused"), "{told}");
    assert!(
        told.contains("to bob: \"one\"") && told.contains("and 1 more"),
        "{told}"
    );
    assert!(!told.contains('\x1b'));
    let mut ledger = Ledger::default();
    let files = Outgoing {
        attachments: vec!["f1".to_owned(); 2],
        ..message("")
    };
    ledger.refuse(files, "no", true);
    let named = self::told(&ledger, 0).concat();
    assert!(named.contains("to bob: \"[2 files]\""), "{named}");
    // Those that wait as well, which are sent all the same.
    let mut ledger = Ledger::default();
    let sent = ledger.add(messages[0].clone(), Instant::now());
    assert_eq!(sent.as_ref(), Some(&messages[0]));
    let lost = "to bob: \"one\": 1 message was not sent; send again what is missing";
    assert_eq!(self::told(&ledger, 1), [lost]);
}

#[tokio::test]
async fn a_journal_that_fails_is_told_once_and_what_is_dropped_does_not_come_back() {
    let home = tempfile::tempdir().unwrap();
    let (mut ledger, fails) = on_a_bad_disk(home.path());
    let (one, two, three) = (message("one"), message("two"), message("three"));
    for message in [&one, &two] {
        assert_eq!(add(&mut ledger, message).await, None);
    }
    fails.store(true, Ordering::SeqCst);
    ledger.settle(one.id);
    let word = ledger.next().await;
    let (sent, said) = ledger.word(word);
    assert!(sent.is_none() && said.is_some_and(|it| it.contains("cannot be kept")));
    assert!(!ledger.can_keep());
    assert_eq!(add(&mut ledger, &three).await, None, "said");
    let all = told(&ledger, 2);
    assert!(
        all[0].starts_with("1 message was not sent yet and kept"),
        "{all:?}"
    );
    assert!(all[1].starts_with("to bob: \"three\""), "{all:?}");
    fails.store(false, Ordering::SeqCst);
    ledger.settle(three.id);
    end(ledger).await;
    assert_eq!(open(home.path()).1, [two]);
}

#[tokio::test]
async fn a_disk_that_hangs_holds_up_nobody_and_what_waits_for_it_is_told() {
    let home = tempfile::tempdir().unwrap();
    let (go, gate) = mpsc::channel::<()>();
    let keeper = Keeper::start(journal(home.path()).0, move |_| {
        let _ = gate.recv();
    });
    let mut ledger = Ledger::new(Some(keeper.unwrap()), &[], false);
    let began = Instant::now();
    let (one, two) = (message("one"), message("two"));
    for message in [&one, &two] {
        assert_eq!(ledger.add(message.clone(), began), None);
    }
    for _ in 0..10_000 {
        ledger.reset();
        ledger.keep_texts(vec![Written {
            to: To::Nobody,
            text: "begun".to_owned(),
        }]);
    }
    assert_eq!((ledger.waiting(), ledger.has_kept_texts()), (2, false));
    let told = told(&ledger, 0);
    assert!(
        told[0].starts_with(
            "to bob: \"one\", to bob: \"two\": 2 messages were not sent, and the disk"
        ),
        "{told:?}"
    );
    // It is said once, after a while.
    let due = ledger.slow_at().unwrap();
    assert_eq!(ledger.slow(due - Duration::from_millis(1)), None);
    let said = ledger.slow(due).unwrap();
    assert!(
        said.starts_with("2 messages were not sent yet: the disk"),
        "{said}"
    );
    assert_eq!((ledger.slow(due), ledger.slow_at()), (None, None));
    // It goes on, in order.
    drop(go);
    let mut sent = Vec::new();
    ledger.close();
    while let Some(word) = ledger.next_or_end().await {
        let (message, said) = ledger.word(word);
        assert_eq!(said, None);
        sent.extend(message);
    }
    assert_eq!(sent, [one.clone(), two.clone()]);
    assert!(ledger.has_kept_texts());
    let (journal, left) = journal(home.path());
    assert_eq!((left.len(), journal.texts().len()), (2, 1));
}

/// What was begun goes into a message: until that is on the disk, what was begun is.
#[tokio::test]
async fn texts_behind_a_message_are_not_written_before_it() {
    let home = tempfile::tempdir().unwrap();
    let (go, gate) = mpsc::channel::<()>();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let seeing = Arc::clone(&seen);
    let keeper = Keeper::start(journal(home.path()).0, move |journal| {
        seeing.lock().unwrap().push(journal.texts().len());
        let _ = gate.recv();
    });
    let mut ledger = Ledger::new(Some(keeper.unwrap()), &[], false);
    let begun = Written {
        to: To::Nobody,
        text: "begun".to_owned(),
    };
    // The thread stands before the first order; the others come meanwhile, more of them than one batch has.
    ledger.keep_texts(vec![begun]);
    for _ in 0..300 {
        assert_eq!(ledger.add(message("entered"), Instant::now()), None);
    }
    ledger.keep_texts(Vec::new());
    drop(go);
    ledger.close();
    while let Some(word) = ledger.next_or_end().await {
        let _ = ledger.word(word);
    }
    assert!(ledger.has_kept_texts());
    let (journal, left) = journal(home.path());
    assert_eq!((left.len(), journal.texts().len()), (300, 0));
    assert_eq!(
        seen.lock().unwrap()[..2],
        [0, 1],
        "it stood there meanwhile"
    );
}

#[tokio::test]
async fn another_store_takes_the_answers_of_what_waits_for_the_disk() {
    let home = tempfile::tempdir().unwrap();
    let (mut ledger, _) = open(home.path());
    let place = message("one").target;
    let one = Outgoing {
        target: place.clone().replying_to(3),
        ..message("one")
    };
    assert_eq!(ledger.add(one.clone(), Instant::now()), None);
    ledger.reset();
    let word = ledger.next().await;
    let sent = ledger.word(word).0.unwrap();
    assert_eq!(sent.target, place);
    // What comes after it does answer.
    let two = Outgoing {
        target: place.clone().replying_to(4),
        ..message("two")
    };
    assert_eq!(add(&mut ledger, &two).await, None);
    end(ledger).await;
    assert_eq!(open(home.path()).1, [sent, two]);
}

#[tokio::test]
async fn what_is_settled_on_its_way_to_the_disk_is_not_sent() {
    let home = tempfile::tempdir().unwrap();
    let (mut ledger, _) = open(home.path());
    let (one, two) = (message("one"), message("two"));
    assert_eq!(ledger.add(one.clone(), Instant::now()), None);
    ledger.settle(one.id);
    assert_eq!((ledger.waiting(), told(&ledger, 0)), (0, Vec::new()));
    let word = ledger.next().await;
    assert_eq!(ledger.word(word), (None, None));
    assert_eq!(add(&mut ledger, &two).await, None);
    end(ledger).await;
    assert_eq!(open(home.path()).1, [two]);
}

#[tokio::test]
async fn the_next_journal_waits_for_the_one_that_is_just_being_closed() {
    for is_dropped in [false, true] {
        let home = tempfile::tempdir().unwrap();
        let (go, gate) = mpsc::channel::<()>();
        let keeper = Keeper::start(journal(home.path()).0, move |_| {
            let _ = gate.recv();
        });
        let mut ledger = Ledger::new(Some(keeper.unwrap()), &[], false);
        let one = message("one");
        assert_eq!(ledger.add(one.clone(), Instant::now()), None);
        // Another program, or this one, does not wait for one that goes on.
        assert_eq!(journal(home.path()).1, []);
        assert!(!ledger.is_closed());
        ledger.close();
        let closed = (!is_dropped).then_some(ledger);
        let folder = home.path().to_owned();
        let (opened, heard) = mpsc::channel();
        let opens = std::thread::spawn(move || opened.send(journal(&folder).1));
        let early = heard.recv_timeout(Duration::from_millis(200));
        assert!(early.is_err(), "{early:?}");
        drop(go);
        assert_eq!(heard.recv().unwrap(), [(one, None)]);
        assert_eq!(opens.join().unwrap(), Ok(()));
        drop(closed);
    }
}

#[tokio::test]
async fn what_a_login_may_not_send_and_another_store_has_no_place_for_is_not_said_to_be_kept() {
    let home = tempfile::tempdir().unwrap();
    let (mut ledger, _) = open(home.path());
    let to_group = Outgoing {
        target: Target::Conversation("c1".to_owned()),
        ..message("to a group")
    };
    let to_bob = message("to bob");
    for message in [&to_group, &to_bob] {
        assert_eq!(add(&mut ledger, message).await, None);
        ledger.hold(message);
    }
    assert_eq!(ledger.reset(), [to_group.id]);
    let held = "1 message was not sent, since this login may not; kept for one that may";
    assert_eq!(told(&ledger, 0), [held]);
    end(ledger).await;
    assert_eq!(open(home.path()).1, [to_bob]);
}
