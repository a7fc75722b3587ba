//! What is typed about files, what is said of them, and what becomes of a job.

use super::{
    super::parse::{Command, Input, parse},
    *,
};

fn wish(line: &str) -> Wish {
    match parse(line) {
        Ok(Input::Command(Command::Files(wish))) => wish,
        other => panic!("{line:?} is {other:?}"),
    }
}

fn error(line: &str) -> String {
    parse(line).unwrap_err().to_string()
}

fn bob() -> Place {
    Place::User("bob".parse().unwrap())
}

fn begun(transfers: &mut Transfers, line: &str) -> u32 {
    match transfers.wish(wish(line), Some(bob()), Some("c1".to_owned())) {
        Ok(Follows::Begin(number, ..)) => number,
        other => panic!("{other:?}"),
    }
}

fn moving(file: usize, bytes: u64, of: u64) -> Far {
    Far {
        stage: Stage::Moving,
        file,
        bytes,
        of,
        rate: 2048,
        is_unnoted: false,
    }
}

#[test]
fn paths_are_read_as_a_shell_does() {
    let sent = |line: &str| match wish(line) {
        Wish::Send(files) => files.paths,
        other => panic!("{other:?}"),
    };
    for (line, files) in [
        ("/send a.png", &["a.png"][..]),
        ("/send  a.png   ~/b.txt ", &["a.png", "~/b.txt"]),
        ("/send \"a b.png\" 'c d'", &["a b.png", "c d"]),
        (r"/send /tmp/a\ b.png", &["/tmp/a b.png"]),
        (r#"/send 'it'\''s' "a\"b" 'a\b'"#, &["it's", "a\"b", r"a\b"]),
        (r#"/send "a\b\\c\$d" a\b"#, &[r"a\b\c$d", "ab"]),
        ("/send a'b c'd", &["ab cd"]),
    ] {
        assert_eq!(sent(line), files, "{line}");
    }
    assert!(error("/send").contains("needs FILE…"));
    assert!(error("/send 'a").contains("a quote is not closed"));
    assert!(error("/send a\\").contains("nothing follows the backslash"));
    assert!(error("/send ''").contains("none"));
    let many = format!("/send{}", " a".repeat(11));
    assert!(error(&many).contains("may have 10 files, and these are 11"));
}

#[test]
fn the_other_commands_take_numbers() {
    assert_eq!(wish("/save 3"), Wish::Save(3, None));
    assert_eq!(
        wish("/save [3] 'a b'"),
        Wish::Save(3, Some("a b".to_owned()))
    );
    assert!(error("/save 3 a b").contains("quote the name"));
    assert!(error("/save x").contains("no number of a message"));
    assert_eq!(wish("/transfers"), Wish::List);
    assert_eq!(wish("/pause"), Wish::Steer(None, Steer::Pause));
    assert_eq!(wish("/RESUME 2"), Wish::Steer(Some(2), Steer::Resume));
    assert_eq!(wish("/cancel [7]"), Wish::Steer(Some(7), Steer::Cancel));
    assert!(error("/cancel all").contains("/transfers lists them"));
}

#[test]
fn a_job_has_a_number_a_line_and_an_end() {
    let mut transfers = Transfers::default();
    assert_eq!(transfers.short(), None);
    assert_eq!(begun(&mut transfers, "/send 'x/a\u{1b}b.png'"), 1);
    assert_eq!(transfers.short().unwrap(), "sending a␛b.png");
    assert_eq!(begun(&mut transfers, "/send a b"), 2);
    assert_eq!(begun(&mut transfers, "/save 7"), 3);
    assert_eq!(
        transfers.take(2, Moved::On(moving(2, 512, 1024))),
        Taken::Nothing
    );
    let Ok(Follows::Say(lines)) = transfers.wish(Wish::List, None, None) else {
        panic!("a list");
    };
    assert_eq!(
        lines,
        [
            "[1] sending a␛b.png: reading",
            "[2] sending 2 files: file 2 of 2, 50% of 1 KiB, 2 KiB/s",
            "[3] saving the files of message [7]: reading"
        ]
    );
    assert_eq!(transfers.short().unwrap(), "3 transfers 25%");
    let uploaded = Uploaded {
        id: ClientMessageId::from_bytes([1; 16]),
        files: vec!["f1".to_owned(), "f2".to_owned()],
    };
    let taken = transfers.take(2, Moved::Uploaded(uploaded.clone()));
    assert_eq!(taken, Taken::Send(bob(), uploaded, None));
    let failed = transfers.take(1, Moved::Failed("gone\u{1b}".into()));
    let text = "[1] Not sent: gone␛.".to_owned();
    assert_eq!(failed, Taken::Said(text, true));
    let saved = transfers.take(3, Moved::Saved(vec!["/x/a".into(), "/x/b\n".into()]));
    assert_eq!(
        saved,
        Taken::Said("[3] Saved: /x/a, /x/b⏎".to_owned(), false)
    );
    assert!(transfers.is_empty());
    // What comes late says nothing, and no number is another transfer's.
    let late = transfers.take(1, Moved::On(moving(1, 1, 1)));
    assert_eq!((late, transfers.is_empty()), (Taken::Nothing, true));
    assert_eq!(begun(&mut transfers, "/send a"), 4);
}

#[test]
fn which_is_meant_is_asked_where_it_is_not_plain() {
    let mut transfers = Transfers::default();
    let pause = || Wish::Steer(None, Steer::Pause);
    let nothing = Follows::Say(vec![NOTHING.to_owned()]);
    assert_eq!(transfers.wish(pause(), None, None), Ok(nothing));
    begun(&mut transfers, "/send a");
    assert_eq!(
        transfers.wish(pause(), None, None),
        Ok(Follows::Steer(1, Steer::Pause))
    );
    begun(&mut transfers, "/send b");
    let told = transfers.wish(pause(), None, None).unwrap_err();
    assert!(told.starts_with("2 transfers are under way: say which"));
    let none = Wish::Steer(Some(9), Steer::Cancel);
    assert!(
        transfers
            .wish(none, None, None)
            .unwrap_err()
            .contains("no transfer 9")
    );
    // Nowhere to send to, and no room.
    assert!(transfers.wish(wish("/send a"), None, None).is_err());
    assert!(transfers.wish(wish("/save 1"), Some(bob()), None).is_err());
    for _ in 2..8 {
        begun(&mut transfers, "/send a");
    }
    let full = transfers
        .wish(wish("/send a"), Some(bob()), None)
        .unwrap_err();
    assert!(full.contains("8 transfers are under way"));
}

#[test]
fn lines_say_now_and_then_how_far_it_is_and_at_once_what_a_person_did() {
    let mut transfers = Transfers::default();
    begun(&mut transfers, "/send a");
    let at = |seconds: i64| TimeMs::new(seconds * 1_000);
    let mut told = Vec::new();
    for second in 0..100_u64 {
        let far = moving(1, second, 100);
        transfers.take(1, Moved::On(far));
        told.extend(transfers.milestone(1, at(i64::try_from(second).unwrap())));
    }
    assert_eq!(
        told,
        [
            "[1] sending a: 5% of 100 bytes, 2 KiB/s",
            "[1] sending a: 25% of 100 bytes, 2 KiB/s",
            "[1] sending a: 50% of 100 bytes, 2 KiB/s",
            "[1] sending a: 75% of 100 bytes, 2 KiB/s",
        ]
    );
    for (second, stage, line) in [
        (
            100,
            Stage::Paused,
            Some("[1] sending a: paused at 99%, /resume 1 goes on"),
        ),
        (100, Stage::Paused, None),
        (
            100,
            Stage::Moving,
            Some("[1] sending a: 99% of 100 bytes, 2 KiB/s"),
        ),
        (100, Stage::Finishing, None),
    ] {
        let far = Far {
            stage,
            ..moving(1, 99, 100)
        };
        transfers.take(1, Moved::On(far));
        assert_eq!(
            transfers.milestone(1, at(second)).as_deref(),
            line,
            "{stage:?}"
        );
    }
    assert_eq!(transfers.milestone(9, at(100)), None);
}

#[test]
fn of_a_server_that_is_busy_now_and_then_only_what_lasts_is_said() {
    let mut transfers = Transfers::default();
    begun(&mut transfers, "/send a");
    let mut told = Vec::new();
    // Milliseconds in which it moves and waits, by turns.
    let mut now = 0;
    let mut turns = |transfers: &mut Transfers, turns: &[(Stage, i64)]| {
        for (stage, millis) in turns {
            let far = Far {
                stage: *stage,
                ..moving(1, 10, 100)
            };
            transfers.take(1, Moved::On(far));
            let end = now + millis;
            told.extend(transfers.milestone(1, TimeMs::new(now)));
            while now < end {
                now = end.min(now + 1_000);
                told.extend(transfers.milestones(TimeMs::new(now)));
            }
        }
        std::mem::take(&mut told)
    };
    let rated = [(Stage::Moving, 300), (Stage::Waiting, 1_000)].repeat(30);
    let goes_on = "[1] sending a: 10% of 100 bytes, 2 KiB/s";
    assert_eq!(turns(&mut transfers, &rated), [goes_on], "how far it is");
    let waits = "[1] sending a: 10% there, waiting for the server";
    assert_eq!(turns(&mut transfers, &[(Stage::Waiting, 9_000)]), [waits]);
    // What it moves in between is too little to speak of.
    let slow = [(Stage::Moving, 300), (Stage::Waiting, 9_000)].repeat(30);
    assert_eq!(turns(&mut transfers, &slow), Vec::<String>::new());
    assert_eq!(turns(&mut transfers, &[(Stage::Moving, 9_000)]), [goes_on]);
}

#[test]
fn what_was_cancelled_sends_nothing_whatever_comes() {
    let mut transfers = Transfers::default();
    begun(&mut transfers, "/send a");
    let cancel = Wish::Steer(None, Steer::Cancel);
    let follows = transfers.wish(cancel, None, None);
    assert_eq!(follows, Ok(Follows::Steer(1, Steer::Cancel)));
    let left = transfers.left(End::Noted);
    assert_eq!((left, transfers.count()), (None, 0));
    let listed = transfers.wish(Wish::List, None, None);
    let line = "[1] sending a: being cancelled".to_owned();
    assert_eq!(listed, Ok(Follows::Say(vec![line])));
    let uploaded = Moved::Uploaded(Uploaded {
        id: ClientMessageId::from_bytes([1; 16]),
        files: vec!["f1".to_owned()],
    });
    let said = Taken::Said("[1] Not sent: it was cancelled.".to_owned(), false);
    assert_eq!(transfers.take(1, uploaded), said);
    assert_eq!(transfers.left(End::Noted), None);
    for line in ["/send a", "/save 3", "/send b", "/send c", "/send d"] {
        begun(&mut transfers, line);
    }
    assert_eq!(
        transfers.left(End::Noted).unwrap(),
        "5 transfers were under way (sending a, saving the files of message [3], sending b, and 2 more); what is there is \
         kept, and the same command goes on with it"
    );
    let unnoted = transfers.left(End::Unnoted).unwrap();
    assert!(unnoted.ends_with("the same command sends that anew"));
}

#[test]
fn one_of_which_not_all_is_noted_is_one_until_it_is_over() {
    let mut transfers = Transfers::default();
    let (one, other) = (
        begun(&mut transfers, "/send a"),
        begun(&mut transfers, "/send b"),
    );
    assert!(transfers.are_noted());
    let far = Far {
        is_unnoted: true,
        ..moving(1, 1, 10)
    };
    transfers.take(other, Moved::On(far));
    transfers.take(one, Moved::On(moving(1, 1, 10)));
    assert!(!transfers.are_noted());
    transfers.take(other, Moved::Failed("no".into()));
    assert!(transfers.are_noted());
}

#[test]
fn more_of_a_file_than_before_is_told_from_the_same_once_more() {
    let mut transfers = Transfers::default();
    let number = begun(&mut transfers, "/send a b");
    let gets_on = |transfers: &mut Transfers, file, bytes| {
        let far = moving(file, bytes, 10);
        let gets_on = transfers.gets_on(number, &far);
        transfers.take(number, Moved::On(far));
        gets_on
    };
    let told = [(1, 0), (1, 4), (1, 4), (1, 3), (2, 9), (2, 10)];
    let got_on = told.map(|(file, bytes)| gets_on(&mut transfers, file, bytes));
    assert_eq!(got_on, [false, true, false, false, false, true]);
    assert!(!transfers.gets_on(number + 1, &moving(1, 1, 10)));
}

#[test]
fn files_go_to_the_name_that_a_channel_has_and_to_no_group_of_another_store() {
    let place = |name: &str| Place::Channel(name.parse().unwrap());
    let uploaded = || {
        Moved::Uploaded(Uploaded {
            id: ClientMessageId::from_bytes([1; 16]),
            files: vec!["f1".to_owned()],
        })
    };
    let mut transfers = Transfers::default();
    for to in [place("old"), place("else"), Place::Group("c8".to_owned())] {
        let id = Some("c1".to_owned());
        transfers.wish(wish("/send a"), Some(to), id).unwrap();
    }
    transfers.renamed(&place("old"), &place("new"));
    assert_eq!(transfers.sending(&place("new")).len(), 1);
    transfers.reset();
    let to = |taken| match taken {
        Taken::Send(to, ..) => Some(to),
        _ => None,
    };
    assert_eq!(to(transfers.take(1, uploaded())), Some(place("new")));
    assert_eq!(to(transfers.take(2, uploaded())), Some(place("else")));
    let said = format!("[3] Not sent: {STRANGE}.");
    assert_eq!(transfers.take(3, uploaded()), Taken::Said(said, true));
}

#[test]
fn how_far_all_of_it_is_counts_each_file_and_each_transfer_alike() {
    let mut transfers = Transfers::default();
    let percent = |transfers: &Transfers| {
        let sending = transfers.sending(&bob());
        sending.iter().map(|it| it.percent).collect::<Vec<_>>()
    };
    let one = begun(&mut transfers, "/send a b c d");
    let at = |transfers: &mut Transfers, number, far| {
        transfers.take(number, Moved::On(far));
    };
    let reading = Far {
        stage: Stage::Reading,
        ..moving(3, 900, 1_000)
    };
    for (far, expected) in [
        (moving(1, 500, 1_000), 12),
        (reading, 50),
        (moving(4, 1_000, 1_000), 100),
        // More than was said, and a size of nothing.
        (moving(9, u64::MAX, 1), 100),
        (moving(2, 0, 0), 25),
    ] {
        at(&mut transfers, one, far);
        assert_eq!(percent(&transfers), [expected], "{far:?}");
    }
    let two = begun(&mut transfers, "/save 7");
    at(&mut transfers, two, moving(3, 750, 1_000));
    assert_eq!(transfers.short().unwrap(), "2 transfers 50%");
    let paused = Far {
        stage: Stage::Paused,
        ..moving(1, 0, 10)
    };
    at(&mut transfers, two, paused);
    assert_eq!(transfers.short().unwrap(), "2 transfers 12%");
    at(&mut transfers, one, paused);
    assert_eq!(transfers.short().unwrap(), "2 transfers 0%, paused");
}

#[test]
fn files_answer_a_message_of_the_store_in_which_they_were_begun() {
    let uploaded = Uploaded {
        id: ClientMessageId::from_bytes([1; 16]),
        files: vec!["f1".to_owned()],
    };
    for is_reset in [false, true] {
        let mut transfers = Transfers::default();
        let number = begun(&mut transfers, "/send a");
        transfers.answers(number, 7);
        if is_reset {
            transfers.reset();
        }
        let taken = transfers.take(number, Moved::Uploaded(uploaded.clone()));
        let answers = (!is_reset).then_some(7);
        assert_eq!(taken, Taken::Send(bob(), uploaded.clone(), answers));
    }
    // That somebody wanted it so is no fault.
    let mut transfers = Transfers::default();
    let number = begun(&mut transfers, "/send a");
    let cancel = Wish::Steer(None, Steer::Cancel);
    transfers.wish(cancel, None, None).unwrap();
    let taken = transfers.take(number, Moved::Failed("it was cancelled".into()));
    assert!(matches!(taken, Taken::Said(_, false)), "{taken:?}");
}
