//! What stays over the end of a program, and what does not.

use std::fs;

use super::*;
use crate::client::net::outbox::Target;

fn open(folder: &Path) -> (Kept, Vec<(String, Option<String>)>) {
    let server = "127.0.0.1:7777".parse().unwrap();
    let user = "ann".parse().unwrap();
    let (kept, left) = Kept::open(folder, (&server, Assurance::Plaintext), &user).unwrap();
    let left = left.into_iter().map(|(message, why)| (message.text, why));
    (kept, left.collect())
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

fn left(text: &str, why: Option<&str>) -> (String, Option<String>) {
    (text.to_owned(), why.map(ToOwned::to_owned))
}

#[test]
fn what_a_person_typed_stays_when_it_is_refused_and_what_a_program_typed_does_not() {
    let home = tempfile::tempdir().unwrap();
    let (mut kept, nothing) = open(home.path());
    assert_eq!(nothing, []);
    let [mine, of_a_program, waits] = ["mine", "of a program", "waits"].map(message);
    for message in [&mine, &of_a_program, &waits] {
        assert_eq!(kept.add(message, true), None);
    }
    assert_eq!(kept.refused(mine.id, "no", true), None);
    assert_eq!(kept.refused(of_a_program.id, "no", false), None);
    drop(kept);
    let expected = [left("mine", Some("no")), left("waits", None)];
    for _ in 0..2 {
        let (kept, found) = open(home.path());
        assert_eq!(found, expected, "nothing became of it");
        drop(kept);
    }
    // Tried again by a program, and refused again: it stays where it was.
    let (mut kept, _) = open(home.path());
    assert_eq!(kept.add(&mine, false), None);
    assert_eq!(kept.refused(mine.id, "still no", false), None);
    assert_eq!(kept.settled(waits.id), None);
    drop(kept);
    let (mut kept, found) = open(home.path());
    assert_eq!(found, [left("mine", Some("still no"))]);
    assert_eq!(kept.settled(mine.id), None);
    drop(kept);
    assert_eq!(open(home.path()).1, []);
}

#[test]
fn what_stays_does_not_keep_others_out() {
    let home = tempfile::tempdir().unwrap();
    let (mut kept, _) = open(home.path());
    let stays = message("stays");
    assert_eq!(kept.add(&stays, true), None);
    assert_eq!(kept.refused(stays.id, "no", true), None);
    let long = "x".repeat(8 * 1024 * 1024);
    for _ in 0..20 {
        let message = message(&long);
        assert_eq!(kept.add(&message, true), None);
        assert_eq!(kept.settled(message.id), None);
        assert!(kept.has_room());
    }
    let files = fs::read_dir(home.path()).unwrap();
    let bytes: u64 = files.map(|it| it.unwrap().metadata().unwrap().len()).sum();
    assert!(bytes < 32 * 1024 * 1024, "{bytes} of 160 MiB");
    assert_eq!(kept.settled(stays.id), None);
    drop(kept);
    assert_eq!(open(home.path()).1, []);
}

#[test]
fn what_earlier_programs_left_stays_when_it_is_refused_whoever_tried_it() {
    let home = tempfile::tempdir().unwrap();
    let (mut kept, _) = open(home.path());
    let [typed, settled] = ["typed", "settled"].map(message);
    for message in [&typed, &settled] {
        assert_eq!(kept.add(message, true), None);
    }
    drop(kept);
    // A program takes it over: a person may have typed it, who was told nothing yet.
    let (mut kept, found) = open(home.path());
    assert_eq!(found, [left("typed", None), left("settled", None)]);
    assert_eq!(kept.settled(settled.id), None);
    assert_eq!(kept.refused(typed.id, "no", false), None);
    drop(kept);
    assert_eq!(open(home.path()).1, [left("typed", Some("no"))]);
}

#[test]
fn a_journal_that_fails_is_told_once_and_gone_on_with() {
    let home = tempfile::tempdir().unwrap();
    let (mut kept, _) = open(home.path());
    let [before, answered, lost, sent, after] =
        ["before", "answered", "lost", "sent", "after"].map(message);
    for message in [&before, &answered] {
        assert_eq!(kept.add(message, true), None);
    }
    kept.fail(true);
    let told = kept.add(&lost, true);
    assert!(matches!(told, Some(Msg::NotKept { .. })), "{told:?}");
    assert_eq!(kept.add(&sent, true), None);
    assert_eq!(kept.settled(answered.id), None);
    // What is kept is so still, and what is not is told.
    assert_eq!(
        kept.lost(4),
        ["to bob: \"lost\"", "to bob: \"sent\""],
        "each that is on its way and in memory alone"
    );
    assert_eq!(kept.settled(sent.id), None);
    assert_eq!(kept.lost(3), ["to bob: \"lost\""]);
    assert_eq!(kept.lost(0), [""; 0]);
    kept.fail(false);
    assert_eq!(kept.add(&after, true), None);
    drop(kept);
    // What was answered meanwhile does not come back.
    let (mut kept, found) = open(home.path());
    assert_eq!(found, [left("before", None), left("after", None)]);
    // It has kept something, so the next failure is told again.
    for _ in 0..2 {
        kept.fail(true);
        let told = kept.add(&message("one"), true);
        assert!(matches!(told, Some(Msg::NotKept { .. })), "{told:?}");
        kept.fail(false);
        assert_eq!(kept.add(&message("two"), true), None);
    }
}

#[test]
fn without_a_journal_all_that_is_on_its_way_is_lost() {
    let mut kept = Kept::default();
    let one = message("one");
    assert_eq!(kept.add(&one, false), None);
    assert!(kept.has_room());
    assert_eq!(kept.lost(1), ["to bob: \"one\""]);
    assert!(!kept.hold(one.id), "it stays nowhere");
    assert_eq!(kept.refused(one.id, "no", true), None);
    assert_eq!((kept.lost(1), kept.held()), (vec![], 0));
}
