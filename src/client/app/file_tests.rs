//! What is written for files, honest and hostile.

use proptest::prelude::*;

use super::{
    super::{
        model::{Effect, MessageLine, Msg},
        news::News,
        untrusted::is_drawn,
        update::{
            tests::{ann_with_bob, said as said_by},
            update,
        },
    },
    *,
};

/// A file of 1.2 KiB, by its name and type.
pub fn file(id: &str, name: &str, media_type: &str) -> File {
    File {
        id: id.to_owned(),
        name: name.into(),
        size_bytes: 1_229,
        hash: Some(ContentHash([7; 32])),
        media_type: media_type.into(),
        image: None,
        thumbnail_id: None,
    }
}

/// A picture.
pub fn picture(id: &str, name: &str) -> File {
    File {
        size_bytes: 2 * 1024 * 1024,
        image: Some((1920, 1080)),
        thumbnail_id: Some("f9".to_owned()),
        ..file(id, name, "image/png")
    }
}

#[test]
fn a_line_has_name_type_size_and_how_to_get_it() {
    assert_eq!(
        file("f12", "notes.txt", "text/plain").line(1),
        "[file 1: notes.txt, text/plain, 1.2 KiB; tinychat-client download f12]"
    );
    assert_eq!(
        picture("f13", "a b.png").line(2),
        "[file 2: a b.png, image/png, 1920x1080, 2 MiB; tinychat-client download f13]"
    );
    let nothing = File::default().bounded();
    assert_eq!(
        nothing.line(1),
        "[file 1: without a name, of an unknown type, 0 bytes; cannot be fetched]"
    );
    for blank in [" ", "\u{200d}", "\u{200e}\u{200b}"] {
        let nothing = file("f1", blank, blank).bounded();
        assert_eq!(nothing.shown_name(9), UNNAMED, "{blank:?}");
    }
    assert_eq!(picture("f13", "a.png").shown_kind(), "1920x1080");
    assert_eq!(file("f1", "a", "text/plain").shown_kind(), "text/plain");
}

#[test]
fn an_id_that_a_shell_would_read_is_none() {
    for good in ["f12", "F-1_2", &"f".repeat(ID_BYTES_MAX)] {
        assert_eq!(file(good, "a", "b").bounded().id, good);
    }
    let long = "f".repeat(ID_BYTES_MAX + 1);
    for bad in [
        "",
        "-f",
        "--help",
        "_f",
        "f1;rm",
        "f1 -o /etc/x",
        "$(id)",
        "f1\n",
        "../f1",
        "f1\u{1b}",
        "ｆ1",
        &long,
    ] {
        let file = File {
            thumbnail_id: Some(bad.to_owned()),
            ..file(bad, "a", "b")
        };
        let taken = file.bounded();
        assert_eq!(
            (taken.id.as_str(), taken.thumbnail_id.as_ref()),
            ("", None),
            "{bad:?}"
        );
        assert!(taken.line(1).ends_with("; cannot be fetched]"), "{bad:?}");
    }
}

#[test]
fn a_picture_without_pixels_is_shown_by_its_type() {
    for image in [(0, 5), (5, 0), (0, 0)] {
        let file = File {
            image: Some(image),
            ..picture("f1", "a.png")
        };
        assert_eq!(file.bounded().shown_kind(), "image/png");
    }
}

#[test]
fn files_stand_for_a_message_without_a_text() {
    let one = [file("f1", "notes.txt", "text/plain")];
    let three = [
        one[0].clone(),
        picture("f2", "b.png"),
        picture("f3", "c.png"),
    ];
    let said = |text: Option<&str>, files: &[File]| {
        let text = text.map(Untrusted::from);
        said(text.as_ref(), files).map(|said| said.render_line())
    };
    assert_eq!(said(Some(""), &one).unwrap(), "[file notes.txt]");
    assert_eq!(
        said(Some(""), &three).unwrap(),
        "[file notes.txt and 2 more]"
    );
    assert_eq!(said(Some("look"), &one).unwrap(), "look");
    assert_eq!(said(Some(""), &[]).unwrap(), "");
    assert_eq!(said(None, &one), None);
    assert_eq!(
        (count_label(1), count_label(2)),
        ("[1 file]".to_owned(), "[2 files]".to_owned())
    );
}

#[test]
fn the_line_mode_shows_files_below_their_message_and_quotes_them() {
    let mut model = ann_with_bob();
    let mut told = |message: Msg| match update(&mut model, message).as_slice() {
        [Effect::Print(told)] => told.clone(),
        other => panic!("{other:?}"),
    };
    let shared = MessageLine {
        files: vec![file("f12", "notes.txt", "text/plain")],
        ..said_by("c-bob", 1, "bob", "")
    };
    let head = "<bob, 1970-01-01 01:00:01>";
    assert_eq!(
        told(Msg::Message(shared.clone())),
        format!(
            "{head} (1 file)\n[file 1: notes.txt, text/plain, 1.2 KiB; tinychat-client download f12]"
        )
    );
    let answer = MessageLine {
        reply_to: 1,
        ..said_by("c-bob", 2, "bob", "thanks")
    };
    let quoted = format!("> bob: [file notes.txt]\n{head} thanks");
    assert_eq!(told(Msg::Message(answer.clone())), quoted);
    let edited = MessageLine {
        is_edited: true,
        text: Some("now with words".into()),
        ..shared
    };
    assert_eq!(
        told(Msg::News(News::Edited(edited))),
        "<> bob edited [1]: now with words"
    );
    let deleted = News::Deleted {
        conversation: "c-bob".to_owned(),
        seq: 1,
        by: "bob".into(),
    };
    told(Msg::News(deleted));
    let quoted = format!("> bob: (deleted)\n{head} thanks");
    assert_eq!(told(Msg::Message(answer)), quoted);
}

#[test]
fn sizes_are_written_for_people() {
    for (bytes, shown) in [
        (0, "0 bytes"),
        (1, "1 byte"),
        (1_023, "1023 bytes"),
        (1_024, "1 KiB"),
        (1_229, "1.2 KiB"),
        (102_348, "99.9 KiB"),
        (102_400, "100 KiB"),
        (1_048_063, "1023 KiB"),
        (1_048_064, "1 MiB"),
        (1_048_575, "1 MiB"),
        (104_857_600, "100 MiB"),
        (u64::MAX, "16 EiB"),
    ] {
        assert_eq!(human_size(bytes), shown, "{bytes}");
    }
}

/// Whatever a server sends as a file.
pub fn any_file() -> impl Strategy<Value = File> {
    let text = || {
        prop_oneof![
            "[ -~]{0,300}",
            "\\PC{0,300}",
            ".{0,300}",
            "[\u{0}-\u{9f}\u{200e}\u{202e}\u{2066}\u{301}a]{0,300}"
        ]
    };
    let image = proptest::option::of((any::<u32>(), any::<u32>()));
    let whole = (
        text(),
        text(),
        any::<u64>(),
        text(),
        image,
        proptest::option::of(text()),
    );
    whole.prop_map(
        |(id, name, size_bytes, media_type, image, thumbnail_id)| File {
            id,
            name: name.into(),
            size_bytes,
            hash: None,
            media_type: media_type.into(),
            image,
            thumbnail_id,
        },
    )
}

proptest! {
    #[test]
    fn whatever_comes_is_one_safe_line_of_bounded_length(file in any_file(), more in 0_usize..3) {
        let file = file.bounded();
        prop_assert!(file.weight() < 4 * 1024);
        let label = label(&vec![file.clone(); more + 1]).unwrap().render_line();
        for line in [file.line(usize::MAX), file.shown_name(40), file.shown_kind(), label] {
            prop_assert!(line.chars().all(is_drawn), "{line:?}");
            prop_assert!(line.chars().count() < 600);
        }
    }
}
