//! What is there at the next start, and who may take it.

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::{
    client::{
        app::written::To,
        net::outbox::{StoreId, Target},
    },
    domain::fingerprint::Fingerprint,
};

/// What the lines of a file leave behind.
fn unanswered(bytes: &[u8]) -> Vec<Outgoing> {
    let held = Held::read(bytes);
    held.messages()
        .map(|(message, _)| message.clone())
        .collect()
}

pub(super) fn open(folder: &Path) -> (Journal, Vec<Outgoing>) {
    let server = "127.0.0.1:7777".parse().unwrap();
    let user = "ann".parse().unwrap();
    Journal::open(folder, &server, Assurance::Plaintext, &user).unwrap()
}

pub(super) fn message(text: &str) -> Outgoing {
    Outgoing {
        id: ClientMessageId::mint(),
        target: Target::User("bob".to_owned()),
        text: text.to_owned(),
        attachments: Vec::new(),
        store: None,
    }
}

/// Ends a program as a kill does: the file stays as it is, the lock goes.
pub(super) fn killed(journal: Journal) {
    let Journal { file, path, .. } = &journal;
    let copy = fs::read(path).unwrap();
    file.unlock().unwrap();
    let path = path.clone();
    drop(journal);
    fs::write(path, copy).unwrap();
}

#[test]
fn what_was_not_answered_is_there_at_the_next_start_in_order() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("state");
    let (mut first, left) = open(&folder);
    assert_eq!(left, []);
    let messages: Vec<Outgoing> = ["one", "two\n\"", "three", "four"].map(message).into();
    for message in &messages {
        first.add(message).unwrap();
    }
    first.settled(messages[1].id).unwrap();
    first.sync().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&first.path)), (0o700, 0o600));

    // A second one at the same time sees nothing of it, and is not seen.
    let (mut second, left) = open(&folder);
    assert_eq!(left, []);
    let later = message("later");
    second.add(&later).unwrap();

    killed(first);
    killed(second);
    let (third, left) = open(&folder);
    let expected = [&messages[0], &messages[2], &messages[3], &later];
    assert_eq!(left.iter().collect::<Vec<_>>(), expected);
    // Taken over, they are in one file, and stay there if this one is killed, too.
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    killed(third);
    let (mut fourth, left) = open(&folder);
    assert_eq!(left.len(), 4);
    for message in left {
        fourth.settled(message.id).unwrap();
    }
    drop(fourth);
    assert_eq!(
        fs::read_dir(&folder).unwrap().count(),
        0,
        "nothing is left when all is answered"
    );
}

#[test]
fn texts_that_were_begun_outlive_the_program_until_others_take_their_place() {
    let home = tempfile::tempdir().unwrap();
    let text = |text: &str| Written {
        to: To::Nobody,
        text: text.to_owned(),
    };
    let (mut first, _) = open(home.path());
    first.set_texts(vec![text("draft"), text("b")]).unwrap();
    first.set_texts(vec![text("a"), text("b")]).unwrap();
    let (mut second, _) = open(home.path());
    second.set_texts(vec![text("b"), text("c")]).unwrap();
    // Neither a kill nor an orderly end takes them away.
    killed(first);
    drop(second);
    for _ in 0..2 {
        let (next, left) = open(home.path());
        let mut texts: Vec<&str> = next.texts().iter().map(|it| it.text.as_str()).collect();
        texts.sort_unstable();
        assert_eq!((texts, left), (vec!["a", "b", "c"], Vec::new()));
        killed(next);
    }
    let (mut last, _) = open(home.path());
    last.set_texts(Vec::new()).unwrap();
    assert_eq!(fs::metadata(&last.path).unwrap().len(), 0);
    drop(last);
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn what_was_not_answered_answers_nothing_in_another_store() {
    let home = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(home.path());
    let answer = |text: &str| {
        let message = message(text);
        Outgoing {
            target: message.target.clone().replying_to(3),
            ..message
        }
    };
    let [old, new] = ["old", "new"].map(answer);
    // Its files are none there.
    let files = Outgoing {
        attachments: vec!["f1".to_owned()],
        ..message("files")
    };
    // And its id is that of another conversation.
    let to_group = Outgoing {
        target: Target::Conversation("c1".to_owned()),
        ..message("secret")
    };
    journal.add(&files).unwrap();
    journal.add(&to_group).unwrap();
    journal.reset().unwrap();
    journal.add(&old).unwrap();
    journal.reset().unwrap();
    journal.add(&new).unwrap();
    killed(journal);
    let expected = Outgoing {
        target: Target::User("bob".to_owned()),
        ..old
    };
    assert_eq!(open(home.path()).1, [expected, new]);
}

#[test]
fn every_target_reads_back_and_lines_of_earlier_versions_do() {
    let places = [
        Target::User("bob".to_owned()),
        Target::Channel("ops".to_owned()),
        Target::Conversation("c7".to_owned()),
    ];
    for place in places {
        for target in [place.clone(), place.replying_to(3)] {
            for (text, files) in [
                ("text", &[][..]),
                ("text", &["f1", "f2"][..]),
                ("", &["f1"][..]),
            ] {
                let message = Outgoing {
                    target: target.clone(),
                    attachments: files.iter().map(ToString::to_string).collect(),
                    store: StoreId::new(if files.is_empty() { "" } else { "e1" }),
                    ..message(text)
                };
                let line = format!("{}\n", held::line_of(&message));
                let read = unanswered(line.as_bytes());
                assert_eq!(read, std::slice::from_ref(&message), "{line}");
                assert_eq!(read[0].request(), message.request(), "{line}");
            }
        }
    }
    let id = "0198c5a0-9c1e-7b21-8a4d-3f6f1f2b7c11";
    let line = format!("{{\"id\":\"{id}\",\"user\":\"bob\",\"text\":\"hi\"}}\n");
    let expected = Outgoing {
        id: id.parse().unwrap(),
        ..message("hi")
    };
    assert_eq!(unanswered(line.as_bytes()), [expected]);
    // Without its files it would be another message.
    for files in ["7", "[7]", "[\"f1\",null]", "null", "{}"] {
        let line = line.replace("\"text\"", &format!("\"attachments\":{files},\"text\""));
        assert_eq!(unanswered(line.as_bytes()), [], "{line}");
    }
}

#[test]
fn others_find_nothing_of_another_user_or_server() {
    let home = tempfile::tempdir().unwrap();
    let (mut ann, _) = open(home.path());
    ann.add(&message("hers")).unwrap();
    killed(ann);
    for (server, user) in [("127.0.0.1:7777", "an"), ("127.0.0.1:777", "ann")] {
        let server = server.parse().unwrap();
        let user = user.parse().unwrap();
        let opened = Journal::open(home.path(), &server, Assurance::Plaintext, &user);
        assert_eq!(opened.unwrap().1, [], "{server:?} {user}");
    }
    // Nor does whoever is known in another way at the same address.
    let server = "127.0.0.1:7777".parse().unwrap();
    let pinned = Assurance::Pinned(Fingerprint::of(b"1"));
    let opened = Journal::open(home.path(), &server, pinned, &"ann".parse().unwrap());
    assert_eq!(opened.unwrap().1, []);
    assert_eq!(open(home.path()).1.len(), 1);
}

#[test]
fn a_line_that_is_cut_and_lines_of_another_kind_do_no_harm() {
    let whole = message("whole");
    let mut bytes = format!("{}\n", held::line_of(&whole)).into_bytes();
    bytes.extend(b"\xff\xfe\n[]\n{\"id\":\"x\",\"user\":\"bob\",\"text\":\"a\"}\n\n{\"done\":7}\n");
    let cut = held::line_of(&message("cut")).to_string();
    // Also one of which nothing but its end is missing.
    for end in 0..=cut.len() {
        let mut bytes = bytes.clone();
        bytes.extend(&cut.as_bytes()[..end]);
        assert_eq!(
            unanswered(&bytes),
            std::slice::from_ref(&whole),
            "cut at {end}"
        );
    }
}

#[test]
fn order_holds_when_the_clock_goes_back_and_a_strange_file_is_left_alone() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(
        home.path()
            .join("127.0.0.1:7777@@ann@@plaintext@@dd.outbox"),
    )
    .unwrap();
    let (mut first, _) = open(home.path());
    let typed = [9, 3, 5].map(|time| {
        let mut bytes = [0; 16];
        bytes[0] = time;
        let id = ClientMessageId::from_bytes(bytes);
        Outgoing { id, ..message("x") }
    });
    for message in &typed {
        first.add(message).unwrap();
    }
    killed(first);
    let (_second, left) = open(home.path());
    assert_eq!(left, typed);
    let server = "127.0.0.1:7777".parse().unwrap();
    assert_eq!(drop_all(home.path(), &server).unwrap(), 0, "it is held");
    let waits = |user: &str| waiting(home.path(), &server, &user.parse().unwrap());
    assert_eq!(waits("ann").unwrap(), 0);
    drop(_second);
    assert_eq!((waits("ann").unwrap(), waits("an").unwrap()), (3, 0));
    assert_eq!(drop_all(home.path(), &server).unwrap(), 3);
    assert_eq!(open(home.path()).1, []);
}

#[test]
fn a_file_that_is_answered_whole_does_not_grow() {
    let home = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(home.path());
    for round in 0..100 {
        let message = message(&format!("{round}"));
        journal.add(&message).unwrap();
        journal.settled(message.id).unwrap();
    }
    assert_eq!(fs::metadata(&journal.path).unwrap().len(), 0);
    // What others answered is nothing to write.
    journal.settled(ClientMessageId::mint()).unwrap();
    assert_eq!(fs::metadata(&journal.path).unwrap().len(), 0);
}

#[test]
fn a_line_that_was_cut_is_no_line_for_what_comes_behind_it() {
    let home = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(home.path());
    let [one, cut, two] = ["one", "cut", "two"].map(message);
    journal.add(&one).unwrap();
    // As a disk does it that is full there.
    let line = held::line_of(&cut).to_string();
    journal.file.write_all(line.as_bytes()).unwrap();
    journal.is_torn = true;
    journal.settled(cut.id).unwrap();
    journal.add(&two).unwrap();
    let bytes = fs::metadata(&journal.path).unwrap().len();
    assert_eq!(bytes, journal.bytes);
    killed(journal);
    assert_eq!(open(home.path()).1, [one, two]);
}

#[test]
fn texts_are_dropped_and_messages_stay() {
    let home = tempfile::tempdir().unwrap();
    let server = "127.0.0.1:7777".parse().unwrap();
    let text = |text: &str| Written {
        to: To::Nobody,
        text: text.to_owned(),
    };
    let (mut both, _) = open(home.path());
    let waits = message("waits");
    both.add(&waits).unwrap();
    both.set_texts(vec![text("secret")]).unwrap();
    let (mut alone, _) = open(home.path());
    alone.set_texts(vec![text("secret")]).unwrap();
    let (mut held, _) = open(home.path());
    held.set_texts(vec![text("another program")]).unwrap();
    fs::write(rewrite::beside(&both.path), "secret").unwrap();
    killed(both);
    killed(alone);
    drop_texts(home.path(), &server, &"an".parse().unwrap()).unwrap();
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 4);
    drop_texts(home.path(), &server, &"ann".parse().unwrap()).unwrap();
    let mut files = 0;
    for entry in fs::read_dir(home.path()).unwrap() {
        let bytes = fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(!bytes.contains("secret"), "{bytes}");
        files += 1;
    }
    assert_eq!(files, 2);
    let (next, left) = open(home.path());
    assert_eq!((left, next.texts()), (vec![waits], &[][..]));
}

#[test]
fn texts_for_which_there_is_no_room_wait_for_a_start_that_has_it() {
    let home = tempfile::tempdir().unwrap();
    let waits = message("waits");
    let mut journals = Vec::new();
    for name in ["a", "b"] {
        let texts = (0..WRITTEN_MAX - 50).map(|count| Written {
            to: To::Nobody,
            text: format!("{name}{count}"),
        });
        let (mut journal, _) = open(home.path());
        journal.set_texts(texts.collect()).unwrap();
        journals.push(journal);
    }
    journals[1].add(&waits).unwrap();
    journals.into_iter().for_each(killed);
    let (mut first, left) = open(home.path());
    assert_eq!(left, [waits]);
    assert_eq!(first.texts().len(), WRITTEN_MAX);
    let mut all = first.texts().to_vec();
    first.set_texts(Vec::new()).unwrap();
    killed(first);
    let (second, left) = open(home.path());
    assert_eq!(left.len(), 1, "once");
    all.extend_from_slice(second.texts());
    all.sort_by(|one, two| one.text.cmp(&two.text));
    all.dedup();
    assert_eq!(all.len(), 2 * (WRITTEN_MAX - 50));
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
}
