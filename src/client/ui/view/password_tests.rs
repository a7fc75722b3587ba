//! The screen on which the password is changed, pinned, and what it never shows.

use super::{super::models::*, *};
use crate::client::{
    app::{password::PasswordProblem, secret::Secret},
    ui::model::overlay::Overlay,
};

fn pin(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

fn filled(at: Field) -> PasswordPane {
    let mut pane = PasswordPane {
        at,
        ..PasswordPane::default()
    };
    pane.form.current = Secret::from("correct horse");
    pane.form.new = Secret::from("battery staple");
    pane
}

#[test]
fn the_password_is_changed_over_the_chat() {
    let (mut model, _) = office();
    let mut shows = |name: &str, pane: PasswordPane, size, look| {
        model.overlay = Some(Overlay::Password(Box::new(pane)));
        let text = shown(&mut model, size, &theme(look));
        assert!(!text.contains("horse") && !text.contains("staple"));
        pin(name, &text);
    };
    shows("password_80x24", filled(Field::New), (80, 24), "dark");
    let mut refused = filled(Field::Others);
    refused.form.ends_others = true;
    refused.refused(&PasswordProblem::Lost);
    shows("password_lost_60x15", refused, (60, 15), "plain");
    shows("password_10x3", filled(Field::Again), (10, 3), "dark");
}

#[test]
fn no_size_and_no_field_makes_it_fail_and_the_cursor_stands_in_the_field() {
    let (mut model, _) = office();
    for at in Field::ALL {
        for size in [(1, 1), (2, 2), (9, 3), (20, 6), (50, 14), (200, 60)] {
            let mut pane = filled(at);
            pane.form.again = Secret::from("x".repeat(1024).as_str());
            model.overlay = Some(Overlay::Password(Box::new(pane)));
            let (_, cursor) = drawn(&mut model, size, &theme("dark"));
            if at == Field::Others {
                assert_eq!(cursor, None, "{size:?}");
            }
        }
    }
}
