//! Answers of real terminals, answers that lie, and the way that is taken.

use proptest::prelude::*;

use super::super::{Answers, QUESTIONS, Report};
use super::*;
use crate::client::picture::CellSize;

fn read(bytes: &[u8]) -> (Report, Vec<u8>) {
    let mut answers = Answers::new();
    answers.feed(bytes);
    answers.finish()
}

#[test]
fn answers_are_read_and_what_was_typed_is_given_back() {
    let all = b"h\x1b_Gi=31;OK\x1b\\i\x1bP>|WezTerm 20240203\x1b\\\x1b[A\x1b[6;20;10t\x1bx\x1b[?65;4;22c!";
    let (report, typed) = read(all);
    let wanted = Report {
        has_kitty: true,
        has_sixel: true,
        name: Some("WezTerm 20240203".to_owned()),
        cell: CellSize::new(10, 20),
    };
    assert_eq!(report, wanted);
    assert_eq!(typed, b"hi\x1b[A\x1bx!");
    // Byte by byte it is the same, and it is complete with the last answer, not before.
    let mut answers = Answers::new();
    let (last, before) = (b"c!".len(), all.len() - 2);
    for byte in &all[..before] {
        answers.feed(&[*byte]);
        assert_eq!(answers.ends(), 0);
    }
    answers.feed(&all[all.len() - last..]);
    assert_eq!(answers.ends(), 1);
    assert_eq!(answers.finish(), (wanted, typed));
}

#[test]
fn what_terminals_cannot_is_not_taken_for_something() {
    for (answer, why) in [
        (
            &b"\x1b_Gi=31;ENOTSUPPORTED:no\x1b\\\x1b[?62c"[..],
            "kitty refused",
        ),
        (b"\x1b_Gi=7;OK\x1b\\\x1b[?62c", "an answer to somebody else"),
        (b"\x1b[?4c", "4 is the class of the terminal here"),
        (b"\x1b[?62;14;40c", "no 4 among them"),
        (
            b"\x1b[6;0;0t\x1b[6;999;999t\x1b[6;20t\x1b[?62c",
            "no cell is like that",
        ),
    ] {
        let (report, _) = read(answer);
        assert_eq!(report, Report::default(), "{why}");
    }
    // A lone ESC is a key.
    assert_eq!(read(b"\x1b").1, b"\x1b");
}

#[test]
fn an_answer_without_end_costs_little() {
    let mut answers = Answers::new();
    answers.feed(b"\x1bP>|");
    for _ in 0..10_000 {
        answers.feed(&[b'a'; 100]);
    }
    answers.feed(b"\x1b\\\x1b[?62;4c");
    assert_eq!(answers.ends(), 1);
    answers.feed(&[b'x'; 100_000]);
    let (report, typed) = answers.finish();
    assert_eq!((report.name, report.has_sixel), (None, true));
    assert_eq!(typed.len(), 4096);
}

#[test]
fn a_name_is_safe_and_short() {
    let name = format!("\x1bP>|a\u{202e}\u{9b}b{}\x1b\\", "c".repeat(200));
    let name = read(name.as_bytes()).0.name.unwrap();
    assert_eq!(name, format!("ab{}", "c".repeat(62)));
}

#[test]
fn the_questions_are_sequences_and_end_with_what_all_answer() {
    assert!(QUESTIONS.ends_with(b"\x1b[c"));
    assert!(
        QUESTIONS
            .iter()
            .all(|byte| *byte == 0x1b || matches!(byte, 0x20..=0x7e))
    );
}

proptest! {
    #[test]
    fn whatever_comes_is_read(bytes in prop::collection::vec(prop_oneof![
        any::<u8>(), Just(0x1b), Just(b'['), Just(b'P'), Just(b'_'), Just(b'\\'), Just(b';'), Just(b'c'),
    ], 0..300)) {
        let mut pieces = Answers::new();
        for byte in &bytes {
            pieces.feed(&[*byte]);
        }
        let whole = read(&bytes);
        prop_assert!(whole.1.len() <= bytes.len());
        prop_assert_eq!(pieces.finish(), whole);
    }
}

fn xterm() -> Surroundings<'static> {
    Surroundings {
        env: Env {
            term: Some("xterm-256color"),
            colorterm: Some("truecolor"),
            locale: Some("en_US.UTF-8"),
            ..Env::default()
        },
        ..Surroundings::default()
    }
}

#[test]
fn the_best_way_that_the_terminal_says_is_taken() {
    let report = |has_kitty, has_sixel, name: Option<&str>| Report {
        has_kitty,
        has_sixel,
        name: name.map(str::to_owned),
        cell: CellSize::new(10, 20),
    };
    let blocks = Way::Blocks(Depth::True);
    for (said, way) in [
        (report(true, true, Some("kitty(0.40)")), Way::Kitty),
        (report(false, true, Some("XTerm(390)")), Way::Sixel),
        (report(true, true, Some("WezTerm 2024")), Way::Iterm2),
        (report(false, false, Some("iTerm2 3.4")), Way::Iterm2),
        (report(false, false, None), blocks),
    ] {
        assert_eq!(choose(Images::Auto, &xterm(), &said), way, "{said:?}");
        assert_eq!(choose(Images::Off, &xterm(), &said), Way::Off);
        assert_eq!(choose(Images::Blocks, &xterm(), &said), blocks);
        assert_eq!(choose(Images::Sixel, &xterm(), &said), Way::Sixel);
    }
    let unsized_sixel = Report {
        cell: None,
        ..report(false, true, None)
    };
    assert_eq!(choose(Images::Auto, &xterm(), &unsized_sixel), blocks);
    let by_ssh = Surroundings {
        lc_terminal: Some("iTerm2"),
        ..xterm()
    };
    assert_eq!(
        choose(Images::Auto, &by_ssh, &Report::default()),
        Way::Iterm2
    );
    // What was started within inherits the environment, and says what it is itself.
    assert_eq!(
        choose(
            Images::Auto,
            &by_ssh,
            &report(false, true, Some("XTerm(390)"))
        ),
        Way::Sixel
    );
    assert_eq!(
        choose(
            Images::Auto,
            &xterm(),
            &report(false, true, Some("tmux 3.5"))
        ),
        blocks
    );
}

#[test]
fn in_doubt_blocks_are_drawn_and_where_nothing_can_be_drawn_nothing_is() {
    let able = Report {
        has_kitty: true,
        ..Report::default()
    };
    let with = |env| Surroundings { env, ..xterm() };
    let tmux = Surroundings {
        is_multiplexed: true,
        ..xterm()
    };
    assert_eq!(choose(Images::Auto, &tmux, &able), Way::Blocks(Depth::True));
    assert!(!tmux.should_ask(Images::Auto) && tmux.should_ask(Images::Kitty));
    assert_eq!(
        choose(Images::Kitty, &tmux, &able),
        Way::Kitty,
        "by its name"
    );
    for term in ["screen", "screen-256color", "tmux-256color"] {
        let far = with(Env {
            term: Some(term),
            ..xterm().env
        });
        assert_eq!(choose(Images::Auto, &far, &able), Way::Blocks(Depth::True));
    }
    for term in [None, Some(""), Some("dumb")] {
        let dumb = with(Env {
            term,
            ..xterm().env
        });
        for wish in [Images::Auto, Images::Blocks, Images::Kitty, Images::Sixel] {
            assert_eq!(choose(wish, &dumb, &able), Way::Off);
            assert!(!dumb.should_ask(wish));
        }
    }
    let no_color = with(Env {
        no_color: Some("1"),
        ..xterm().env
    });
    assert_eq!(choose(Images::Auto, &no_color, &able), Way::Off);
    assert_eq!(
        choose(Images::Blocks, &no_color, &able),
        Way::Blocks(Depth::None)
    );
    let ascii = with(Env {
        locale: Some("C"),
        ..xterm().env
    });
    assert_eq!(choose(Images::Auto, &ascii, &Report::default()), Way::Off);
    assert!(xterm().should_ask(Images::Auto) && !xterm().should_ask(Images::Off));
}
