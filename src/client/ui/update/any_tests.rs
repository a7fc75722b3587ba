//! Whatever is typed, pasted, clicked and answered, in any order: nothing panics, what is written holds no control
//! characters, a paste is never run, and pages are not asked for without end.

use proptest::prelude::*;

use super::{
    super::{
        effect::Effect,
        keymap::{Action, Chord, Context, Keymap, action::ACTIONS},
        layout::Spot,
        model::{LinkState, Model, overlay::Overlay, window::Ask},
    },
    Mouse, Msg, fill, mouse,
    support::{ann_with_bob, counts, id, message, page, with_outgoing},
    update,
};
use crate::domain::clock::TimeMs;

#[derive(Clone, Debug)]
enum Step {
    Chord(usize),
    Do(usize),
    Type(char),
    Paste(String),
    Drop(Vec<String>),
    Mouse(u8, u16, u16),
    Click(u8, u64),
    Resize(u16, u16),
    Focus(bool),
    Tick(i64),
    Link(bool),
    Come(u64),
    Answer,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let typed = prop_oneof![
        Just('/'),
        Just('@'),
        Just('#'),
        Just(':'),
        Just('y'),
        Just(' '),
        any::<char>()
    ];
    let pasted = prop_oneof![
        any::<String>(),
        Just("y".to_owned()),
        Just("/quit\n".to_owned()),
        Just("\u{1b}[201~/quit\r\u{1b}[A\u{3}".to_owned()),
    ];
    let step = prop_oneof![
        6 => any::<usize>().prop_map(Step::Chord),
        6 => any::<usize>().prop_map(Step::Do),
        4 => typed.prop_map(Step::Type),
        1 => pasted.prop_map(Step::Paste),
        1 => prop::collection::vec("/[a ']{1,4}/\\PC{0,9}", 1..13).prop_map(Step::Drop),
        1 => (any::<u8>(), 0_u16..200, 0_u16..80).prop_map(|(a, b, c)| Step::Mouse(a, b, c)),
        1 => (any::<u8>(), 0_u64..9).prop_map(|(a, b)| Step::Click(a, b)),
        1 => (any::<u16>(), any::<u16>()).prop_map(|(a, b)| Step::Resize(a, b)),
        1 => any::<bool>().prop_map(Step::Focus),
        1 => any::<i64>().prop_map(Step::Tick),
        1 => any::<bool>().prop_map(Step::Link),
        1 => any::<u64>().prop_map(Step::Come),
        1 => Just(Step::Answer),
    ];
    prop::collection::vec(step, 1..80)
}

fn chords() -> Vec<Chord> {
    let help = Keymap::default().help();
    let rows = help.iter().flat_map(|section| &section.rows);
    let names = rows.flat_map(|row| row.keys.iter());
    names.filter_map(|name| Chord::parse(name).ok()).collect()
}

fn context_of(model: &Model) -> Context {
    super::keys::context(model)
}

/// Does an action if it holds where keys go now.
fn do_action(model: &mut Model, keys: &Keymap, at: usize) -> Vec<Effect> {
    let action: Action = ACTIONS[at % ACTIONS.len()].action;
    match action.holds_in(context_of(model)) {
        true => super::keys::act(model, keys, action),
        false => Vec::new(),
    }
}

fn step(model: &mut Model, keys: &Keymap, chords: &[Chord], step: Step) -> Vec<Effect> {
    match step {
        Step::Chord(at) => update(model, keys, Msg::Key(chords[at % chords.len()])),
        Step::Do(at) => do_action(model, keys, at),
        Step::Type(c) => {
            let event = crossterm::event::KeyEvent::from(crossterm::event::KeyCode::Char(c));
            match Chord::from_event(&event) {
                Some(chord) => update(model, keys, Msg::Key(chord)),
                None => Vec::new(),
            }
        }
        Step::Paste(text) => {
            let effects = update(model, keys, Msg::Paste(text));
            let runs =
                |effect: &Effect| !matches!(effect, Effect::Typing { .. } | Effect::Search { .. });
            assert!(!effects.iter().any(runs), "{effects:?}");
            effects
        }
        Step::Drop(files) => {
            let text = files.join(" ");
            let effects = update(model, keys, Msg::Dropped { text, files });
            let runs =
                |effect: &Effect| !matches!(effect, Effect::Typing { .. } | Effect::Search { .. });
            assert!(!effects.iter().any(runs), "{effects:?}");
            effects
        }
        Step::Mouse(deed, column, row) => {
            let deed = match deed % 3 {
                0 => Mouse::Click,
                1 => Mouse::ScrollUp,
                _ => Mouse::ScrollDown,
            };
            update(model, keys, Msg::Mouse { deed, column, row })
        }
        Step::Click(what, seq) => {
            let spot = match what % 5 {
                0 => Spot::Chat("c-ops".into()),
                1 => Spot::Message(seq),
                2 => Spot::Row(usize::try_from(seq).unwrap()),
                3 => Spot::NewBelow,
                _ => Spot::Composer,
            };
            mouse::clicked(model, keys, spot)
        }
        Step::Resize(columns, rows) => update(model, keys, Msg::Resized(columns, rows)),
        Step::Focus(is_focused) => update(model, keys, Msg::Focused(is_focused)),
        Step::Tick(now) => update(model, keys, Msg::Tick(TimeMs::new(now))),
        Step::Link(is_up) => {
            model.link = match is_up {
                true => LinkState::Up,
                false => LinkState::Down {
                    retry_at: model.now,
                },
            };
            Vec::new()
        }
        Step::Come(seq) => {
            model.take_message(&"c-bob".into(), message(seq, "bob", "x"));
            super::selection::mend(model);
            Vec::new()
        }
        Step::Answer => {
            // Whatever was asked for is answered with nothing.
            for (chat, ask) in std::mem::take(&mut model.asked_pages) {
                let last = model
                    .chats
                    .get(&chat)
                    .map_or(0, |chat| chat.counts().last_seq);
                if let Some(chat) = model.chats.get_mut(&chat) {
                    chat.take_page(page(ask, Vec::new(), last));
                }
            }
            Vec::new()
        }
    }
}

fn is_clean(text: &str) -> bool {
    !text.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\t'))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn nothing_that_is_typed_or_clicked_breaks_anything(steps in steps()) {
        let (keys, chords) = (Keymap::default(), chords());
        let mut model = ann_with_bob();
        with_outgoing(&mut model);
        model.chats.get_mut(&"c-ops".into()).unwrap().take_counts(counts(500, 400));
        for (number, one) in steps.into_iter().enumerate() {
            model.fresh_id = id(u8::try_from(number).unwrap() + 20);
            step(&mut model, &keys, &chords, one);
            let first = fill(&mut model);
            prop_assert!(first.len() <= 1);
            prop_assert_eq!(fill(&mut model), [], "asked for twice");
            prop_assert!(is_clean(model.composer.text()));
            let input = match &model.overlay {
                Some(Overlay::Pick(picker)) => picker.input.text(),
                Some(Overlay::Search(pane)) => pane.input.text(),
                _ => "",
            };
            prop_assert!(is_clean(input) && !input.contains('\n'), "{:?}", input);
            if let Some(Overlay::Pick(picker)) = &model.overlay {
                prop_assert!(picker.chosen < picker.rows.len().max(1));
            }
        }
    }

    #[test]
    fn asking_for_pages_ends_whatever_is_answered(
        last in 0_u64..400,
        answers in prop::collection::vec((0_u8..4, 0_u64..400), 0..60),
    ) {
        let mut model = ann_with_bob();
        let ops = super::super::model::chat::ChatId::from("c-ops");
        model.chats.get_mut(&ops).unwrap().take_counts(counts(last, 0));
        super::open(&mut model, ops.clone());
        let mut answers = answers.into_iter();
        for _ in 0..200 {
            let Some(Effect::Page { ask, .. }) = fill(&mut model).pop() else {
                return Ok(());
            };
            model.asked_pages.remove(&(ops.clone(), ask));
            let (kind, seq) = answers.next().unwrap_or((1, 0));
            let near = match ask {
                Ask::Newest => last,
                Ask::Before(seq) => seq.saturating_sub(1),
                Ask::After(seq) => seq + 1,
                Ask::Around(seq) => seq,
            };
            let messages = match kind {
                // Nothing, an error, what was not asked for, or one message of the page.
                0 | 1 => Vec::new(),
                2 => vec![message(seq, "bob", "x")],
                _ => vec![message(near, "bob", "x")],
            };
            if kind != 1 {
                model.chats.get_mut(&ops).unwrap().take_page(page(ask, messages, last));
            }
        }
        prop_assert!(false, "it does not end");
    }
}
