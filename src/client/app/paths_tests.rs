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
    ] {
        assert_eq!(offered(pasted).as_deref(), Some(line), "{pasted}");
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
        assert_eq!(offered(text), None, "{text}");
    }
    assert_eq!(offered(&"/a/b ".repeat(11)), None);
    let told = too_many(&"/a/b ".repeat(11)).unwrap();
    assert!(
        told.starts_with("These are 11 files, and a message may have 10"),
        "{told}"
    );
    for few in ["/a/b ".repeat(10), "/a/b no ".repeat(11), String::new()] {
        assert_eq!(too_many(&few), None, "{few}");
    }
    assert_eq!(offered(&format!("/a/{}", "b".repeat(100_000))), None);
    // Not one that finds no room where it is written.
    let long = |bytes: usize| format!("/a/{}", "b".repeat(bytes - "/send /a/".len()));
    assert!(offered(&long(TEXT_BYTES_MAX)).is_some());
    assert_eq!(offered(&long(TEXT_BYTES_MAX + 1)), None);
}

proptest! {
    #[test]
    fn what_is_offered_is_what_was_pasted(paths in prop::collection::vec("/[a-c' \"\\\\é]{1,5}/[a-c' \"\\\\é]{1,9}[a-c]", 1..10)) {
        let words: Vec<String> = paths.iter().map(|path| quoted(path)).collect();
        let line = offered(&words.join("\n")).unwrap();
        prop_assert_eq!(wish(&line), Wish::Send(paths));
    }

    #[test]
    fn whatever_stands_there_is_read(text in "[a '\"\\\\\u{1b}\n/~-]{0,40}") {
        if let Ok(paths) = paths(&text) {
            prop_assert!(paths.iter().all(|path| !path.is_empty()));
            prop_assert!(paths.iter().map(String::len).sum::<usize>() <= text.len());
        }
    }
}
