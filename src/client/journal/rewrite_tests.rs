//! A file that is written anew while something waits in it: cut short at each step, and failing at each step.

use super::{
    tests::{killed, message, open},
    *,
};
use crate::client::app::written::To;

const STEPS: [Step; 4] = [Step::Made, Step::Written, Step::Synced, Step::Renamed];

/// A journal with a message that waits, one that was refused, a text, and much that is over.
fn grown(folder: &Path) -> (Journal, [Outgoing; 2]) {
    let (mut journal, _) = open(folder);
    let [waits, refused, over] = ["waits", "refused", "over"].map(message);
    journal.add(&refused).unwrap();
    journal.refused(refused.id, "no").unwrap();
    journal.add(&waits).unwrap();
    journal.add(&over).unwrap();
    journal.settled(over.id).unwrap();
    journal.set_texts(vec![text()]).unwrap();
    (journal, [refused, waits])
}

fn text() -> Written {
    Written {
        to: To::Nobody,
        text: "begun".to_owned(),
    }
}

/// All that is there at a start: once, in order.
fn must_have(folder: &Path, expected: &[Outgoing], context: &str) {
    let (mut journal, left) = open(folder);
    assert_eq!(left, expected, "{context}");
    assert_eq!(journal.texts(), [text()], "{context}");
    let refused = Refused::from([(expected[0].id, "no".to_owned())]);
    assert_eq!(journal.take_refused(), refused, "{context}");
    // Nothing else is in the folder.
    assert_eq!(fs::read_dir(folder).unwrap().count(), 1, "{context}");
}

/// The folder as it is now, in which no program runs.
fn as_after_a_kill(folder: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
    }
    copy
}

#[test]
fn a_kill_at_any_step_loses_nothing_and_doubles_nothing() {
    let home = tempfile::tempdir().unwrap();
    let (mut journal, expected) = grown(home.path());
    let mut cuts = Vec::new();
    let before = fs::metadata(&journal.path).unwrap().len();
    let cut = &mut |step| {
        cuts.push((step, as_after_a_kill(home.path())));
        Ok(())
    };
    journal.rewrite(cut).unwrap();
    let steps: Vec<Step> = cuts.iter().map(|(step, _)| *step).collect();
    assert_eq!(steps, STEPS);
    for (step, folder) in &cuts {
        must_have(folder.path(), &expected, &format!("{step:?}"));
    }
    assert!(fs::metadata(&journal.path).unwrap().len() < before);
    // It goes on in the new file, which is nobody else's while this one runs.
    let (other, left) = open(home.path());
    assert_eq!(left, []);
    drop(other);
    let more = message("more");
    journal.add(&more).unwrap();
    killed(journal);
    let [refused, waits] = expected;
    must_have(home.path(), &[refused, waits, more], "after");
}

#[test]
fn one_that_fails_at_any_step_goes_on_with_the_old_file() {
    for fails_at in [Step::Made, Step::Written, Step::Synced] {
        let home = tempfile::tempdir().unwrap();
        let (mut journal, [refused, waits]) = grown(home.path());
        let fail = &mut |step| match step == fails_at {
            true => Err(io::Error::other("full")),
            false => Ok(()),
        };
        assert!(journal.rewrite(fail).is_err());
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
        let more = message("more");
        journal.add(&more).unwrap();
        killed(journal);
        let context = format!("{fails_at:?}");
        must_have(home.path(), &[refused, waits, more], &context);
    }
}

#[test]
fn what_stays_for_long_does_not_make_the_file_grow_without_end() {
    let home = tempfile::tempdir().unwrap();
    let (mut journal, expected) = grown(home.path());
    let long = "x".repeat(16 * 1024);
    for _ in 0..300 {
        let message = message(&long);
        journal.add(&message).unwrap();
        journal.settled(message.id).unwrap();
        assert!(journal.bytes < 2 * GROWN_BYTES, "{}", journal.bytes);
    }
    let bytes = fs::metadata(&journal.path).unwrap().len();
    assert_eq!(bytes, journal.bytes);
    killed(journal);
    must_have(home.path(), &expected, "after");
}

#[test]
fn what_could_not_be_written_stands_in_the_new_file() {
    let home = tempfile::tempdir().unwrap();
    let (mut journal, expected) = grown(home.path());
    let over = message("over");
    journal.add(&over).unwrap();
    journal.fail(true);
    assert!(journal.settled(over.id).is_err());
    journal.rewrite(&mut |_| Ok(())).unwrap();
    assert_eq!(journal.owed, [Value::Null; 0]);
    killed(journal);
    must_have(home.path(), &expected, "after");
}

#[test]
fn one_that_is_full_of_what_waits_is_not_written_anew_with_each_line() {
    let home = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(home.path());
    let waits = message("waits");
    journal.add(&waits).unwrap();
    (journal.bytes, journal.bytes_of_start) = (FILE_BYTES_MAX, FILE_BYTES_MAX - GROWN_BYTES / 2);
    assert!(!journal.has_room());
    journal.refused(waits.id, "no").unwrap();
    assert!(!journal.has_room(), "half of what must have grown");
    journal.bytes = FILE_BYTES_MAX + GROWN_BYTES / 2;
    journal.refused(waits.id, "no").unwrap();
    assert!(journal.has_room() && journal.bytes < 1_000);
}
