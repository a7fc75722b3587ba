//! The password is changed by keys, and what came of it is told.

use super::{
    super::super::{
        Msg,
        support::{ann_with_bob, entered, keys, notice, press, typed},
        update,
    },
    *,
};
use crate::client::{
    app::{
        password::{Field, NewPassword, PasswordProblem},
        secret::Secret,
    },
    ui::{model::LinkState, news::News},
};

fn opened() -> Model {
    let mut model = ann_with_bob();
    assert_eq!(entered(&mut model, "/password"), []);
    assert!(pane(&mut model).is_some());
    model
}

fn at(model: &mut Model) -> Field {
    pane(model).unwrap().at
}

fn problem(model: &mut Model) -> String {
    pane(model).unwrap().problem.clone().unwrap_or_default()
}

/// Types into one field after the other, and takes each.
fn filled(model: &mut Model, texts: &[&str]) -> Vec<Effect> {
    let mut effects = Vec::new();
    for text in texts {
        effects.extend(typed(model, text));
        effects.extend(press(model, "enter"));
    }
    effects
}

fn came(model: &mut Model, outcome: Result<u32, PasswordProblem>) -> Vec<Effect> {
    let news = News::Password {
        ends_others: true,
        outcome,
    };
    update(model, &keys(), Msg::News(Box::new(news)))
}

const ALL: [&str; 4] = ["correct horse", "battery staple", "battery staple", "y"];

#[test]
fn what_was_typed_is_asked_for_once_and_the_answer_closes_it() {
    let mut model = opened();
    let wish = NewPassword {
        current: Secret::from("correct horse"),
        new: Secret::from("battery staple"),
        ends_others: true,
    };
    assert_eq!(filled(&mut model, &ALL), [Effect::Password(wish)]);
    assert_eq!(press(&mut model, "enter"), [], "it is under way");
    typed(&mut model, "n");
    assert!(pane(&mut model).unwrap().form.ends_others);
    assert_eq!(came(&mut model, Ok(2)), []);
    assert_eq!(model.overlay, None);
    assert_eq!(
        notice(&model),
        "Your password is changed. 2 other devices and tokens are ended."
    );
}

#[test]
fn each_mistake_is_said_where_it_was_made() {
    let mut model = opened();
    press(&mut model, "enter");
    assert_eq!(problem(&mut model), "your password until now is needed");
    assert_eq!(filled(&mut model, &["correct horse", "short"]), []);
    assert_eq!(
        (at(&mut model), problem(&mut model)),
        (Field::New, "a password has 8 to 1024 bytes".to_owned())
    );
    assert_eq!(filled(&mut model, &[" but longer", "another"]), []);
    assert_eq!(at(&mut model), Field::Again);
    assert_eq!(problem(&mut model), "the two new passwords differ");
    assert!(pane(&mut model).unwrap().form.again.is_empty());
    // Whoever goes past a field comes back to it.
    press(&mut model, "tab");
    press(&mut model, "enter");
    assert_eq!(at(&mut model), Field::Again);
    // More than fits is not taken.
    press(&mut model, "up");
    update(&mut model, &keys(), Msg::Paste("x".repeat(2_000)));
    assert_eq!(problem(&mut model), "no more than that fits in here");
    press(&mut model, "ctrl+u");
    assert!(pane(&mut model).unwrap().form.new.is_empty());
}

#[test]
fn a_refusal_keeps_what_was_typed_but_for_what_was_wrong() {
    let mut model = opened();
    filled(&mut model, &ALL);
    came(&mut model, Err(PasswordProblem::Wrong));
    assert_eq!(
        (at(&mut model), problem(&mut model)),
        (
            Field::Current,
            "that is not your password; try again".to_owned()
        )
    );
    let form = pane(&mut model).unwrap().form.clone();
    assert!(form.current.is_empty() && !form.new.is_empty());
    typed(&mut model, "correct horse");
    press(&mut model, "shift+tab");
    for _ in 0..4 {
        press(&mut model, "down");
    }
    assert_eq!(press(&mut model, "enter").len(), 1);
    came(&mut model, Err(PasswordProblem::Lost));
    assert!(problem(&mut model).starts_with("no answer came"));
    assert_eq!(press(&mut model, "enter").len(), 1, "it can be tried again");
    // Closed meanwhile: it is told all the same.
    press(&mut model, "esc");
    assert_eq!(model.overlay, None);
    came(&mut model, Err(PasswordProblem::Other("\u{1b}no".into())));
    assert_eq!(notice(&model), "Not changed: ␛no");
}

#[test]
fn while_the_server_is_away_nothing_is_asked_and_nothing_lost() {
    let mut model = opened();
    model.link = LinkState::Starting;
    assert_eq!(filled(&mut model, &ALL), []);
    assert_eq!(
        problem(&mut model),
        "the server is away; try again when it is back"
    );
    model.link = LinkState::Up;
    assert_eq!(press(&mut model, "enter").len(), 1);
}

#[test]
fn other_devices_are_chosen_and_what_is_pasted_answers_nothing() {
    let mut model = opened();
    for _ in 0..3 {
        press(&mut model, "tab");
    }
    assert_eq!(at(&mut model), Field::Others);
    let ends = |model: &mut Model| pane(model).unwrap().form.ends_others;
    assert!(!ends(&mut model));
    for (key, expected) in [("right", true), ("left", false), ("space", true)] {
        press(&mut model, key);
        assert_eq!(ends(&mut model), expected, "{key}");
    }
    typed(&mut model, "n");
    assert!(!ends(&mut model));
    update(&mut model, &keys(), Msg::Paste("y".to_owned()));
    assert!(!ends(&mut model), "a paste answers no question");
    update(
        &mut model,
        &keys(),
        Msg::Paste("correct horse\nmore".to_owned()),
    );
    assert!(pane(&mut model).unwrap().form.current.is_empty());
    press(&mut model, "ctrl+c");
    assert_eq!(model.overlay, None);
}
