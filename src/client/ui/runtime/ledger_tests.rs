//! What is told of messages at the end, and what is there at the next start.

use std::path::Path;

use super::*;
use crate::client::net::tls::Assurance;

fn open(folder: &Path) -> (Ledger, Vec<Outgoing>) {
    let (server, user) = ("127.0.0.1:7777".parse().unwrap(), "ann".parse().unwrap());
    let (journal, left) = Journal::open(folder, &server, Assurance::Plaintext, &user).unwrap();
    (Ledger::new(Some(journal), left.clone()).0, left)
}

fn message(text: &str) -> Outgoing {
    Outgoing {
        id: ClientMessageId::mint(),
        target: Target::User("bob".to_owned()),
        text: text.to_owned(),
    }
}

fn told(ledger: &Ledger, unsent: usize) -> Vec<String> {
    let told = ledger.report(unsent).into_iter();
    told.map(|failure| failure.to_string()).collect()
}

#[test]
fn a_message_counts_once_however_often_it_is_tried() {
    let home = tempfile::tempdir().unwrap();
    let (mut ledger, _) = open(home.path());
    let (one, two) = (message("one"), message("two"));
    for _ in 0..3 {
        for message in [&one, &two] {
            assert_eq!(ledger.add(message), None);
            ledger.hold(message);
        }
    }
    let held = "2 messages were not sent, since this login may not; kept for one that may";
    assert_eq!(told(&ledger, 0), [held]);
    // Sent after all, and dropped.
    assert_eq!((ledger.settle(one.id), ledger.settle(two.id)), (None, None));
    assert_eq!(told(&ledger, 0), [""; 0]);
}

#[test]
fn what_was_refused_is_kept_and_told_until_it_is_dropped() {
    let home = tempfile::tempdir().unwrap();
    let (mut ledger, _) = open(home.path());
    let one = message("one");
    assert_eq!(ledger.add(&one), None);
    assert_eq!(ledger.refuse(one.clone(), "too fast", true), None);
    let refused = "1 message was refused and kept; the next tinychat-client shows what can be sent again or dropped";
    assert_eq!(told(&ledger, 0), [refused]);
    drop(ledger);
    let (mut ledger, left) = open(home.path());
    assert_eq!(left, std::slice::from_ref(&one));
    assert_eq!(told(&ledger, 0), [refused]);
    assert_eq!(ledger.settle(one.id), None);
    drop(ledger);
    assert_eq!(open(home.path()).1, []);
}

#[test]
fn what_is_lost_is_named() {
    let mut ledger = Ledger::new(None, Vec::new()).0;
    let messages = ["one", "two\x1b[2J", "three", "four"].map(message);
    for message in &messages {
        assert_eq!(ledger.refuse(message.clone(), "no", true), None);
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
    // Those that wait as well.
    let mut ledger = Ledger::new(None, Vec::new()).0;
    assert_eq!(ledger.add(&messages[0]), None);
    let lost = "to bob: \"one\": 1 message was not sent; send again what is missing";
    assert_eq!(self::told(&ledger, 1), [lost]);
}

#[test]
fn a_journal_that_fails_is_told_once_and_what_is_dropped_does_not_come_back() {
    let home = tempfile::tempdir().unwrap();
    let (mut ledger, _) = open(home.path());
    let (one, two, three) = (message("one"), message("two"), message("three"));
    for message in [&one, &two] {
        assert_eq!(ledger.add(message), None);
    }
    ledger.journal.as_mut().unwrap().fail(true);
    assert!(
        ledger
            .settle(one.id)
            .is_some_and(|it| it.contains("cannot be kept"))
    );
    assert_eq!(ledger.add(&three), None, "said");
    let all = told(&ledger, 2);
    assert!(
        all[0].starts_with("1 message was not sent yet and kept"),
        "{all:?}"
    );
    assert!(all[1].starts_with("to bob: \"three\""), "{all:?}");
    ledger.journal.as_mut().unwrap().fail(false);
    assert_eq!(ledger.settle(three.id), None);
    drop(ledger);
    assert_eq!(open(home.path()).1, [two]);
}
