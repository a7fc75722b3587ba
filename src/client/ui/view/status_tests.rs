//! What the program has to say, in the line and over the messages.

use super::super::models::*;
use super::*;

/// What is wrong in a file of settings, so often.
fn faults(count: usize) -> String {
    let fault = |line| {
        format!(
            "ui.toml, line {line}: mouse is neither on nor off; write true or false, without quotes"
        )
    };
    (1..=count).map(fault).collect::<Vec<_>>().join("\n")
}

fn warned(count: usize) -> Model {
    let (mut model, _) = office();
    model.notices.push(Level::Warning, faults(count), model.now);
    model
}

#[test]
fn all_that_is_wrong_is_read_and_the_newest_message_is_seen() {
    let mut model = warned(5);
    let text = shown(&mut model, (80, 24), &theme("dark"));
    for line in 1..=5 {
        assert!(
            text.contains(&format!("· ui.toml, line {line}: ")),
            "{text}"
        );
    }
    assert!(text.contains("thank you!"), "{text}");
    assert!(text.contains("! Warning · esc closes"), "{text}");
    assert!(!text.contains("more"), "{text}");
    insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("notice_lines", text);
    });
}

#[test]
fn what_has_no_room_is_counted_down_to_the_smallest_screen() {
    let mut model = warned(9);
    let text = shown(&mut model, (40, 12), &theme("dark"));
    assert!(text.contains("line 1:"), "{text}");
    assert!(text.contains("│ … and 8 more"), "{text}");
    assert!(text.contains("thank you!"), "{text}");
    // None is seen in part only where whole ones are.
    let text = shown(&mut model, (60, 15), &theme("dark"));
    assert!(text.contains("line 2:"), "{text}");
    assert!(
        text.contains("without quotes") && !text.contains("line 3:"),
        "{text}"
    );
    assert!(text.contains("│ … and 7 more"), "{text}");
    let text = shown(&mut model, (30, 7), &theme("dark"));
    assert!(text.contains("│ · ui.toml, line 1:"), "{text}");
    // Where there is no room for a box, what fits the line is said.
    let text = shown(&mut model, (30, 6), &theme("dark"));
    assert!(text.contains("! ui.toml, line 1:"), "{text}");
}

#[test]
fn what_was_seen_is_not_counted() {
    let mut model = warned(2);
    model.now = crate::domain::clock::TimeMs::new(NOW + 3_000);
    let now = model.now;
    model.notices.push(Level::Error, faults(1), now);
    let text = shown(&mut model, (80, 24), &theme("dark"));
    assert!(text.contains(" Error · esc closes"), "{text}");
}
