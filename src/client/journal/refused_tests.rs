//! What was refused, and what could not be written.

use super::{
    tests::{killed, message, open},
    *,
};

#[test]
fn what_was_refused_stays_with_the_reason_until_it_is_sent_again_or_dropped() {
    let home = tempfile::tempdir().unwrap();
    let (mut first, _) = open(home.path());
    let messages = ["one", "two", "three", "four"].map(message);
    for message in &messages {
        first.add(message).unwrap();
    }
    for message in &messages[..3] {
        first.refused(message.id, "too \"late\"").unwrap();
    }
    // Sent again, and dropped.
    first.add(&messages[1]).unwrap();
    first.settled(messages[2].id).unwrap();
    killed(first);
    let expected = Refused::from([(messages[0].id, "too \"late\"".to_owned())]);
    for _ in 0..2 {
        let (mut next, left) = open(home.path());
        assert_eq!(
            left,
            [&messages[0], &messages[1], &messages[3]].map(Clone::clone)
        );
        assert_eq!(next.take_refused(), expected);
        assert!(next.has(messages[0].id) && !next.has(messages[2].id));
        killed(next);
    }
}

#[test]
fn an_answer_that_could_not_be_written_is_written_with_what_comes_next() {
    let home = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(home.path());
    let messages = ["one", "two", "three"].map(message);
    for message in &messages {
        journal.add(message).unwrap();
    }
    // As on a disk that is full for a while.
    journal.fail(true);
    assert!(journal.settled(messages[0].id).is_err());
    assert!(journal.refused(messages[1].id, "no").is_err());
    journal.fail(false);
    journal.settled(messages[2].id).unwrap();
    killed(journal);
    let (mut journal, left) = open(home.path());
    assert_eq!(left, [messages[1].clone()]);
    assert!(journal.take_refused().contains_key(&messages[1].id));
    // The same with the last one: there is nothing left to be brought back.
    journal.fail(true);
    assert!(journal.settled(messages[1].id).is_err());
    journal.fail(false);
    assert!(journal.sync().is_ok());
    killed(journal);
    assert_eq!(open(home.path()).1, []);
}
