//! Tests of the composer: against a list of graphemes with a number for the cursor.

use proptest::prelude::*;
use unicode_segmentation::UnicodeSegmentation;

use super::{super::buffer, *};
use crate::domain::limits::TEXT_BYTES_MAX;

fn with(text: &str) -> Composer {
    let mut composer = Composer::default();
    composer.paste(text);
    composer
}

fn edited(text: &str, edits: &[Edit]) -> String {
    let mut composer = with(text);
    for edit in edits {
        composer.edit(*edit);
    }
    let (before, after) = composer.text().split_at(composer.buffer().cursor());
    format!("{before}|{after}")
}

#[test]
fn readline_moves_and_kills() {
    use Edit::*;
    for (text, edits, shown) in [
        ("one two", &[WordLeft][..], "one |two"),
        ("one two", &[TextStart, WordRight], "one| two"),
        ("one a/b", &[KillWordLeft], "one a/|"),
        ("one a/b ", &[KillToSpace], "one |"),
        ("one two", &[WordLeft, KillToLineEnd], "one |"),
        ("one two", &[WordLeft, KillToLineStart], "|two"),
        ("ab\ncd", &[LineUp], "ab|\ncd"),
        ("ab\ncd", &[LineUp, KillToLineEnd], "ab|cd"),
        ("ab\ncd", &[LineStart, DeleteLeft], "ab|cd"),
        ("abc\n\nabc", &[LineUp, LineUp], "abc|\n\nabc"),
        ("ab", &[Transpose], "ba|"),
        ("ab", &[Left, Transpose], "ba|"),
        ("a\nb", &[Transpose], "a\nb|"),
        ("one two", &[KillWordLeft, KillWordLeft, Yank], "one two|"),
        (
            "one two",
            &[TextStart, KillWordRight, KillWordRight, Yank],
            "one two|",
        ),
        (
            "one two",
            &[KillWordLeft, Left, Right, KillWordLeft, Yank, YankPop],
            "two|",
        ),
        ("one", &[KillAll, Undo], "one|"),
        ("one", &[KillAll, Undo, Redo], "|"),
        (
            "e\u{301}👩\u{200d}👧x",
            &[DeleteLeft, DeleteLeft],
            "e\u{301}|",
        ),
        (
            "e\u{301}👩\u{200d}👧x",
            &[Left, Left, Left, DeleteRight],
            "|👩\u{200d}👧x",
        ),
        (
            "",
            &[
                Left,
                Right,
                LineUp,
                DeleteLeft,
                DeleteRight,
                Yank,
                YankPop,
                Undo,
                Redo,
                Transpose,
            ],
            "|",
        ),
    ] {
        assert_eq!(edited(text, edits), shown, "{text:?} {edits:?}");
    }
}

#[test]
fn a_paste_is_text_and_what_does_not_fit_is_refused_and_said() {
    let mut composer = with("a\r\nb\rc\u{1b}[201~\u{9b}\td");
    assert_eq!(composer.text(), "a\nb\nc[201~\td");
    assert_eq!(composer.paste("/quit\n"), 0);
    composer.edit(Edit::KillAll);
    assert_eq!(composer.paste(&"x".repeat(TEXT_BYTES_MAX + 3)), 3);
    assert_eq!(composer.type_in("y"), 1);
    composer.edit(Edit::DeleteLeft);
    assert_eq!(composer.type_in("é"), 2, "half of it would fit");
    assert_eq!(composer.text().len(), TEXT_BYTES_MAX - 1);
}

#[test]
fn typing_is_undone_by_words() {
    let mut composer = Composer::default();
    for letter in ["o", "n", "e", " ", "t", "w", "o"] {
        composer.type_in(letter);
    }
    let mut seen = Vec::new();
    while composer.edit(Edit::Undo) {
        seen.push(composer.text().to_owned());
    }
    assert_eq!(seen, ["one ", "one", ""]);
    while composer.edit(Edit::Redo) {}
    assert_eq!(composer.text(), "one two");
}

#[test]
fn the_history_keeps_the_draft() {
    let mut history = History::default();
    history.push("first");
    history.push("second");
    let mut composer = with("draft");
    assert!(!composer.recall(&history, false));
    let mut shown = Vec::new();
    for is_older in [true, true, true, false, false, false] {
        composer.recall(&history, is_older);
        shown.push(composer.text().to_owned());
    }
    assert_eq!(
        shown,
        ["second", "first", "first", "second", "draft", "draft"]
    );
    composer.recall(&history, true);
    let aside = composer.exchange(Draft::new("other"));
    assert_eq!((aside.text(), composer.text()), ("draft", "other"));
}

#[test]
fn what_was_being_written_comes_back_whatever_took_its_place() {
    let mut history = History::default();
    history.push("first");
    history.push("second");
    let quote = Quote {
        seq: 7,
        sender: "ann".into(),
        text: "old".into(),
    };
    let recalled = || {
        let mut composer = with("draft");
        composer.recall(&history, true);
        composer
    };
    // Sent.
    let mut composer = recalled();
    assert_eq!(composer.take().unwrap().0, "second");
    assert_eq!(composer.text(), "draft");
    // Changed, and another conversation came between.
    let mut composer = recalled();
    composer.type_in("!");
    let aside = composer.exchange(Draft::default());
    assert_eq!((aside.text(), composer.text()), ("second!", ""));
    composer.exchange(aside);
    composer.take();
    assert_eq!(composer.text(), "draft");
    // A message was edited between.
    let mut composer = recalled();
    composer.edit_message(quote.clone(), "old");
    composer.recall(&history, true);
    assert_eq!(composer.take().unwrap().1, Mode::Edit(quote.clone()));
    assert_eq!(composer.text(), "second");
    assert!(composer.recall(&history, false));
    assert_eq!(composer.text(), "draft");
    // Something was picked.
    for back in [
        |composer: &mut Composer| composer.edit(Edit::Undo),
        |composer: &mut Composer| composer.take().is_some(),
        |composer: &mut Composer| composer.recall(&History::default(), false),
        |composer: &mut Composer| composer.come_back(),
    ] {
        let mut composer = with("draft");
        assert_eq!(composer.put_before("/topic "), 0);
        composer.type_in("x");
        assert_eq!(composer.text(), "/topic x");
        while composer.text() != "draft" {
            assert!(back(&mut composer), "{composer:?}");
        }
        assert!(!composer.has_aside());
    }
}

#[test]
fn what_goes_away_unsent_can_be_yanked() {
    let mut history = History::default();
    history.push("first");
    history.push("second");
    let yanked = |composer: &mut Composer| {
        composer.edit(Edit::KillAll);
        composer.edit(Edit::Left);
        composer.edit(Edit::Yank);
        composer.edit(Edit::YankPop);
        composer.text().to_owned()
    };
    let mut composer = with("draft");
    composer.recall(&history, true);
    composer.type_in("!");
    composer.recall(&history, true);
    assert_eq!(composer.text(), "first");
    assert_eq!(yanked(&mut composer), "second!");
    let mut composer = with("draft");
    let quote = Quote {
        seq: 7,
        sender: "ann".into(),
        text: "old".into(),
    };
    composer.edit_message(quote.clone(), "old");
    composer.type_in("er");
    composer.leave_mode();
    assert_eq!(composer.text(), "draft");
    assert_eq!(yanked(&mut composer), "older");
    let mut composer = with("draft");
    composer.edit_message(quote, "old");
    composer.leave_mode();
    assert_eq!(yanked(&mut composer), "draft", "nothing else was written");
}

#[test]
fn a_mode_is_left_as_it_was_come_to() {
    let quote = Quote {
        seq: 7,
        sender: "ann".into(),
        text: "old".into(),
    };
    let mut composer = with("draft");
    composer.edit_message(quote.clone(), "old");
    composer.type_in("er");
    let aside = composer.exchange(Draft::default());
    assert_eq!(aside.text(), "draft");
    assert_eq!((composer.text(), composer.mode()), ("", &Mode::Write));
    composer.exchange(aside);
    let sent = composer.take();
    assert_eq!(sent, Some(("older".to_owned(), Mode::Edit(quote.clone()))));
    assert_eq!((composer.text(), composer.mode()), ("draft", &Mode::Write));
    composer.reply_to(quote.clone());
    assert_eq!(composer.text(), "draft");
    assert!(composer.leave_mode() && !composer.leave_mode());
    composer.edit_message(quote.clone(), "x");
    composer.reply_to(quote.clone());
    assert_eq!(
        (composer.text(), composer.mode()),
        ("draft", &Mode::Reply(quote))
    );
    composer.edit(Edit::KillAll);
    composer.type_in(" ");
    assert_eq!(composer.take(), None);
}

#[test]
fn a_completion_is_chosen_and_put_in() {
    let candidate = |insert: &str| Candidate {
        insert: insert.to_owned(),
        label: insert.to_owned(),
        help: String::new(),
    };
    let mut composer = with("hi @b");
    composer.set_offer(3, vec![candidate("@bob "), candidate("@ben ")]);
    composer.choose(false);
    composer.choose(true);
    composer.choose(true);
    assert_eq!(composer.accept(), Some(0));
    assert_eq!(composer.accept(), None);
    assert_eq!(composer.text(), "hi @ben ");
    composer.edit(Edit::Undo);
    assert_eq!(composer.text(), "hi @b");
    composer.set_offer(3, vec![candidate("@bob ")]);
    composer.type_in("x");
    assert_eq!(composer.offer(), None);
    composer.set_offer(99, vec![candidate("@bob ")]);
    composer.set_offer(0, Vec::new());
    assert!(!composer.dismiss());
}

/// A composer as simple as can be.
#[derive(Default)]
struct Simple {
    graphemes: Vec<String>,
    cursor: usize,
}

impl Simple {
    /// Graphemes are made anew from the whole text, since a mark joins what it is put behind.
    fn put(&mut self, before: String, after: &str) {
        let text = format!("{before}{after}");
        self.graphemes = text.graphemes(true).map(str::to_owned).collect();
        let mut bytes = 0;
        self.cursor = 0;
        while bytes < before.len() {
            bytes += self.graphemes[self.cursor].len();
            self.cursor += 1;
        }
    }

    fn sides(&self) -> (String, String) {
        let (before, after) = self.graphemes.split_at(self.cursor);
        (before.concat(), after.concat())
    }

    fn remove(&mut self, from: usize, to: usize) {
        let before = self.graphemes[..from].concat();
        let after = self.graphemes[to..].concat();
        self.put(before, &after);
    }

    fn line_start(&self) -> usize {
        let before = &self.graphemes[..self.cursor];
        before
            .iter()
            .rposition(|it| it == "\n")
            .map_or(0, |at| at + 1)
    }

    fn line_end(&self) -> usize {
        let after = &self.graphemes[self.cursor..];
        let end = after.iter().position(|it| it == "\n");
        end.map_or(self.graphemes.len(), |at| self.cursor + at)
    }

    fn word_start(&self, is_letter: fn(&str) -> bool) -> usize {
        let mut at = self.cursor;
        while at > 0 && !is_letter(&self.graphemes[at - 1]) {
            at -= 1;
        }
        while at > 0 && is_letter(&self.graphemes[at - 1]) {
            at -= 1;
        }
        at
    }

    fn word_end(&self) -> usize {
        let mut at = self.cursor;
        let all = &self.graphemes;
        while at < all.len() && !buffer::is_word(&all[at]) {
            at += 1;
        }
        while at < all.len() && buffer::is_word(&all[at]) {
            at += 1;
        }
        at
    }

    fn edit(&mut self, edit: Edit) {
        let (at, len) = (self.cursor, self.graphemes.len());
        match edit {
            Edit::Left => self.cursor = at.saturating_sub(1),
            Edit::Right => self.cursor = len.min(at + 1),
            Edit::WordLeft => self.cursor = self.word_start(buffer::is_word),
            Edit::WordRight => self.cursor = self.word_end(),
            Edit::LineStart => self.cursor = self.line_start(),
            Edit::LineEnd => self.cursor = self.line_end(),
            Edit::TextStart => self.cursor = 0,
            Edit::TextEnd => self.cursor = len,
            Edit::NewLine => {
                let (before, after) = self.sides();
                self.put(before + "\n", &after);
            }
            Edit::DeleteLeft => self.remove(at.saturating_sub(1), at),
            Edit::DeleteRight => self.remove(at, len.min(at + 1)),
            Edit::KillWordLeft => self.remove(self.word_start(buffer::is_word), at),
            Edit::KillToSpace => self.remove(self.word_start(buffer::is_no_space), at),
            Edit::KillWordRight => self.remove(at, self.word_end()),
            Edit::KillToLineStart => self.remove(self.line_start(), at),
            Edit::KillToLineEnd => {
                let end = self.line_end();
                self.remove(at, if end == at { len.min(at + 1) } else { end });
            }
            Edit::KillAll => self.remove(0, len),
            _ => {}
        }
    }
}

fn act() -> impl Strategy<Value = Result<String, Edit>> {
    use Edit::*;
    let text = prop::collection::vec(
        prop_oneof![
            Just("a"),
            Just("B"),
            Just(" "),
            Just("-"),
            Just("\n"),
            Just("\t"),
            Just("\u{301}"),
            Just("é"),
            Just("漢"),
            Just("👩"),
            Just("\u{200d}"),
            Just("🇩"),
            Just("\u{fe0f}"),
            Just("한"),
            Just("\u{1100}"),
            Just("\u{1161}"),
            Just("ש"),
            Just("\u{5c1}"),
        ],
        1..6,
    );
    let edits = vec![
        Left,
        Right,
        WordLeft,
        WordRight,
        LineStart,
        LineEnd,
        TextStart,
        TextEnd,
        NewLine,
        DeleteLeft,
        DeleteRight,
        KillWordLeft,
        KillToSpace,
        KillWordRight,
        KillToLineStart,
        KillToLineEnd,
        KillAll,
    ];
    prop_oneof![
        text.prop_map(|parts| Ok(parts.concat())),
        prop::sample::select(edits).prop_map(Err),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn it_is_the_same_as_a_list_of_graphemes(acts in prop::collection::vec(act(), 0..50)) {
        let (mut composer, mut simple) = (Composer::default(), Simple::default());
        for act in acts {
            match act {
                Ok(text) => {
                    composer.type_in(&text);
                    let (before, after) = simple.sides();
                    simple.put(before + &text, &after);
                }
                Err(edit) => {
                    composer.edit(edit);
                    simple.edit(edit);
                }
            }
            prop_assert_eq!(composer.text(), simple.graphemes.concat());
            prop_assert_eq!(composer.buffer().cursor(), simple.sides().0.len());
        }
        while composer.edit(Edit::Undo) {}
        prop_assert_eq!(composer.text(), "");
    }

    #[test]
    fn no_order_of_acts_does_harm(acts in prop::collection::vec(
        (0_usize..24, any::<String>()), 0..60
    )) {
        use Edit::*;
        let all = [
            Left, Right, WordLeft, WordRight, LineStart, LineEnd, TextStart, TextEnd, LineUp, LineDown,
            NewLine, DeleteLeft, DeleteRight, KillWordLeft, KillWordRight, KillToSpace,
            KillToLineStart, KillToLineEnd, KillAll, Yank, YankPop, Transpose, Undo, Redo,
        ];
        let mut composer = Composer::default();
        for (at, text) in acts {
            if at % 2 == 0 {
                composer.paste(&text);
            }
            composer.edit(all[at]);
            let cursor = composer.buffer().cursor();
            let mut edges = composer.text().grapheme_indices(true).map(|(at, _)| at);
            prop_assert!(cursor == composer.text().len() || edges.any(|at| at == cursor));
            prop_assert!(composer.text().len() <= TEXT_BYTES_MAX);
        }
    }
}
