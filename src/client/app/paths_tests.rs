//! What is pasted and typed as paths, and what is offered of it.

use proptest::prelude::*;

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

#[test]
fn paths_that_are_pasted_are_offered_and_nothing_else_is() {
    for (pasted, line) in [
        ("/tmp/a.png", "/send /tmp/a.png"),
        ("'/tmp/a b.png' ", "/send '/tmp/a b.png'"),
        (
            r"/tmp/a\ b.png /tmp/it\'s",
            r"/send '/tmp/a b.png' '/tmp/it'\''s'",
        ),
        (
            "file:///tmp/a%20b.png\nfile:///tmp/c\n",
            "/send '/tmp/a b.png' /tmp/c",
        ),
        (
            "file://localhost/tmp/it's file:/tmp/c",
            r"/send '/tmp/it'\''s' /tmp/c",
        ),
    ] {
        let files = readings(pasted).remove(0);
        assert_eq!(offered(&files).as_deref(), Some(line), "{pasted}");
        assert!(matches!(wish(line), Wish::Send(_)));
    }
    for text in [
        "",
        "/users",
        "/join /tmp/a",
        "/tmp",
        "/tmp/",
        "see /tmp/a",
        "tmp/a",
        "'/tmp/a",
        "https://x.org/a",
        "file:///tmp/%zz",
        "file:///tmp/%ff",
        "file:///tmp/%0a",
        "file://",
        "//tmp/a",
        "file:////tmp/a",
    ] {
        assert_eq!(readings(text), Vec::<Vec<String>>::new(), "{text}");
    }
    // Where spaces are parts of names only the disk tells which it is.
    let one = |name: &str| vec![name.to_owned()];
    assert_eq!(readings("/tmp/My Files/it's"), [one("/tmp/My Files/it's")]);
    assert_eq!(
        readings("/tmp/a /tmp/b"),
        [
            vec!["/tmp/a".to_owned(), "/tmp/b".to_owned()],
            one("/tmp/a /tmp/b")
        ]
    );
    let of = |count: usize| vec!["/a/b".to_owned(); count];
    assert_eq!((offered(&of(11)), offered(&[])), (None, None));
    let told = too_many(&of(11)).unwrap();
    assert!(
        told.starts_with("These are 11 files, and a message may have 10"),
        "{told}"
    );
    assert_eq!((too_many(&of(10)), too_many(&[])), (None, None));
    assert!(readings(&format!("/a/{}", "b".repeat(100_000))).is_empty());
    // Not one that finds no room where it is written.
    let long = |bytes: usize| format!("/a/{}", "b".repeat(bytes - "/send /a/".len()));
    assert!(offered(&[long(TEXT_BYTES_MAX)]).is_some());
    assert_eq!(offered(&[long(TEXT_BYTES_MAX + 1)]), None);
    // What a file manager copies can be typed, too, and a flag stands before.
    let sent = |line: &str| match wish(line) {
        Wish::Send(Files { paths, is_freed }) => (paths.join(" "), is_freed),
        other => panic!("{other:?}"),
    };
    let freed = sent("/send --strip-metadata file:///tmp/a%20b 'c d'");
    assert_eq!(freed, ("/tmp/a b c d".to_owned(), true));
    assert!(!sent("/send a --strip-metadata").1);
    assert!(parse("/send --strip-metadata").is_err());
}

proptest! {
    #[test]
    fn what_is_offered_is_what_was_pasted(paths in prop::collection::vec("/[a-c' \"\\\\é]{1,5}/[a-c' \"\\\\é]{1,9}[a-c]", 1..10)) {
        let words: Vec<String> = paths.iter().map(|path| quoted(path)).collect();
        let read = readings(&words.join("\n"));
        prop_assert_eq!(read.first(), Some(&paths));
        let line = offered(&paths).unwrap();
        prop_assert_eq!(wish(&line), Wish::Send(paths.into()));
    }

    #[test]
    fn whatever_stands_there_is_read(text in "[a '\"\\\\\u{1b}\n/~-]{0,40}") {
        if let Ok(paths) = paths(&text) {
            prop_assert!(paths.iter().all(|path| !path.is_empty()));
            prop_assert!(paths.iter().map(String::len).sum::<usize>() <= text.len());
        }
    }
}
