//! Messages that hold files, on screens of all sizes.

use super::{models::*, screens::pin};
use crate::{
    client::{
        app::{
            blocked::Blocked,
            file::{
                File,
                tests::{file, picture},
            },
            look::{Found, Look, Search, Snippet},
            model::MessageLine,
            room::Place,
            transfers::{Far, Moved, Stage, Wish},
        },
        ui::{
            model::{
                Focus, Model,
                chat::ChatId,
                composer::Quote,
                outgoing::State,
                overlay::{Hit, Overlay, SearchPane},
            },
            text::width,
        },
    },
    domain::clock::TimeMs,
};

fn notes() -> File {
    file("f12", "notes.txt", "text/plain")
}

/// Somebody shares files; returns the number of the message.
fn shares(
    model: &mut Model,
    id: &ChatId,
    sender: &str,
    minute: i64,
    (text, files): (&str, Vec<File>),
) -> u64 {
    say_so(model, id, sender, at(0, 10, minute), text, |it| {
        it.files = files;
    })
}

/// The office, where bob, ann and carol have shared files.
fn sharing() -> (Model, ChatId) {
    let (mut model, ops) = office();
    let both = vec![picture("f13", "graph of the night.png"), notes()];
    let graph = shares(&mut model, &ops, "bob", 1, ("the graphs, as asked", both));
    let notes = shares(&mut model, &ops, "ann", 2, ("", vec![notes()]));
    say_so(
        &mut model,
        &ops,
        "carol",
        at(0, 10, 8),
        "**thanks**",
        |it| {
            it.reply_to = notes;
        },
    );
    let long = format!("{}.tar.gz", "backup of everything ".repeat(9));
    let long = vec![file("f14", long.trim(), "application/gzip")];
    let backup = shares(&mut model, &ops, "carol", 9, ("", long));
    say_so(&mut model, &ops, "ann", at(0, 10, 20), "keep it", |it| {
        it.reply_to = backup;
        it.revision = 1;
    });
    read(&mut model, &ops);
    assert!(graph > 0);
    (model, ops)
}

#[test]
fn files_stand_under_the_text_or_alone() {
    let (mut model, ops) = sharing();
    let screen = shown(&mut model, (80, 30), &theme("dark"));
    let (buffer, _) = drawn(&mut model, (80, 30), &theme("plain"));
    let row = screen
        .lines()
        .position(|line| line.contains("graph of"))
        .unwrap();
    let style = styles(&buffer, u16::try_from(row).unwrap());
    pin("files_80x30", &format!("{screen}\n{style}"));
    pin("files_40x24", &shown(&mut model, (40, 24), &theme("dark")));
    pin("files_20x30", &shown(&mut model, (20, 30), &theme("dark")));
    pin("files_ascii", &shown(&mut model, (80, 30), &ascii()));
    sends_files(&mut model, &ops, 1, ("", 1), State::Waiting);
    let failed = State::Failed {
        why: "the files are gone; send them anew".into(),
    };
    sends_files(&mut model, &ops, 2, ("two of them", 2), failed);
    pin(
        "files_on_their_way",
        &shown(&mut model, (80, 24), &theme("dark")),
    );
}

#[test]
fn files_of_whom_the_user_blocks_are_hidden_and_so_are_those_that_were_deleted() {
    let (mut model, ops) = office();
    model.blocked = Blocked::new(["eve".into()]);
    shares(&mut model, &ops, "eve", 1, ("", vec![notes()]));
    let seq = shares(&mut model, &ops, "bob", 2, ("see", vec![notes()]));
    let deleted = crate::client::ui::model::message::Change::Deleted { seq, revision: 1 };
    chat(&mut model, &ops).window.change(deleted);
    let screen = shown(&mut model, (80, 24), &theme("dark"));
    assert!(
        !screen.contains("notes.txt") && !screen.contains("text/plain"),
        "{screen}"
    );
    assert!(
        screen.contains("(hidden: you block eve)") && screen.contains("deleted"),
        "{screen}"
    );
}

#[test]
fn an_answer_says_which_file_it_is_about() {
    let (mut model, ops) = office();
    let seq = shares(
        &mut model,
        &ops,
        "bob",
        1,
        (
            "",
            vec![file("f1", "*a* [b](https://c.org).txt", "text/plain")],
        ),
    );
    say_so(&mut model, &ops, "ann", at(0, 10, 2), "good", |it| {
        it.reply_to = seq
    });
    model.composer.reply_to(Quote {
        seq,
        sender: "bob".into(),
        text: "[file notes.txt]".into(),
    });
    let screen = shown(&mut model, (80, 24), &theme("dark"));
    assert!(
        screen.contains("bob: [file *a* [b](https://c.org).txt]"),
        "{screen}"
    );
    assert!(
        screen.contains("Reply to bob: [file notes.txt]"),
        "{screen}"
    );
}

#[test]
fn what_was_found_without_a_text_names_its_files() {
    let (mut model, ops) = office();
    let hit = |snippet: Option<Snippet>, text: &str| Hit {
        chat: ops.clone(),
        place: "#ops".to_owned(),
        found: Found {
            message: MessageLine {
                conversation: "x".to_owned(),
                seq: 2,
                sender: "bob".into(),
                time: at(0, 9, 12),
                text: Some(text.into()),
                files: vec![notes(), picture("f2", "b.png")],
                reply_to: 0,
                is_edited: false,
                reactions: Vec::new(),
                mentions: Vec::new(),
                mentions_all: false,
            },
            snippet,
        },
    };
    model.overlay = Some(Overlay::Search(Box::new(SearchPane {
        input: Default::default(),
        is_here_only: false,
        mentions: Some(true),
        number: 1,
        is_asking: false,
        search: Some(Box::new(Search {
            look: Look::default(),
            spot: None,
            page: String::new(),
        })),
        hits: vec![
            hit(None, ""),
            hit(Some(Snippet::default()), ""),
            hit(None, "a text"),
        ],
        next: String::new(),
        problem: None,
        chosen: 0,
    })));
    let screen = shown(&mut model, (80, 24), &theme("dark"));
    let count = screen.matches("[file notes.txt and 1 more]").count();
    assert_eq!((count, screen.contains("a text")), (2, true), "{screen}");
}

#[test]
fn no_name_leaves_its_row_at_any_width() {
    let names = [
        "\u{202e}gpj.exe",
        "a\u{1b}]0;x\u{7}\u{9b}2J\r\n.txt",
        "שלום עולם.pdf",
        "漢字漢字漢字漢字漢字.txt",
        "👨\u{200d}👩\u{200d}👧🇨🇭❤\u{fe0f}.png",
        "e\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}.md",
        "\u{200b}\u{200e}",
        "../../etc/passwd",
    ];
    let (mut model, ops) = office();
    for name in names {
        for file in [file("f1", name, name), picture("f1", name)] {
            let both = vec![file.bounded(); 2];
            shares(&mut model, &ops, "bob", 3, ("", both));
        }
    }
    model.now = TimeMs::new(NOW);
    for focus in [Focus::Composer, Focus::Messages(12)] {
        model.focus = focus;
        for width in 1..100 {
            let (buffer, _) = drawn(&mut model, (width, 60), &theme("dark"));
            for row in rows(&buffer).lines() {
                assert!(
                    width::cells(row) <= usize::from(width),
                    "{row:?} in {width}"
                );
                assert!(
                    !row.contains(|c: char| c.is_control() || c == '\u{202e}'),
                    "{row:?}"
                );
            }
        }
    }
}

#[test]
fn what_is_on_its_way_stands_in_the_line_at_the_bottom() {
    let (mut model, _) = office();
    let wish = Wish::Send(vec!["/tmp/a\u{1b} holiday picture.png".to_owned()].into());
    let place = Some(Place::User("bob".parse().unwrap()));
    model.transfers.wish(wish, place, None).unwrap();
    let far = Far {
        stage: Stage::Moving,
        file: 1,
        bytes: 50,
        of: 100,
        ..Far::default()
    };
    model.transfers.take(1, Moved::On(far));
    let screen = shown(&mut model, (80, 24), &theme("dark"));
    assert!(
        screen.contains("ann · sending a␛ holiday pictu… 50%"),
        "{screen}"
    );
    for width in 1..60 {
        shown(&mut model, (width, 10), &theme("dark"));
    }
}

#[test]
fn what_is_on_its_way_stands_where_it_will_be_with_a_bar() {
    let (mut model, ops) = office();
    let number = moves_files(&mut model, &ops);
    let other = moves_files(&mut model, &ops);
    let far = |stage, bytes| Far {
        stage,
        file: 1,
        bytes,
        of: 100 << 20,
        rate: 5 << 20,
        ..Far::default()
    };
    let on = Moved::On(far(Stage::Moving, 37 << 20));
    model.transfers.take(number, on);
    let paused = Moved::On(far(Stage::Paused, 80 << 20));
    model.transfers.take(other, paused);
    let dark = theme("dark");
    pin("files_sending", &shown(&mut model, (80, 24), &dark));
    pin("files_sending_narrow", &shown(&mut model, (40, 24), &dark));
    pin(
        "files_sending_ascii",
        &shown(&mut model, (80, 24), &ascii()),
    );
    // Those of others are not shown here, and an end takes it away.
    model.open(Some("Direct carol".into()));
    let elsewhere = shown(&mut model, (80, 24), &dark);
    assert!(!elsewhere.contains("/pause"), "{elsewhere}");
    model.open(Some(ops));
    for number in [number, other] {
        let over = Moved::Failed("it was cancelled".into());
        model.transfers.take(number, over);
    }
    let over = shown(&mut model, (80, 24), &dark);
    assert!(!over.contains("/pause"), "{over}");
}
