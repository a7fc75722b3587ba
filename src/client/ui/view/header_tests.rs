//! What waits elsewhere, on screens of all widths.

use super::super::{
    super::model::{Focus, tally::Counts},
    models::*,
};
use crate::client::app::room::Kind;

/// The first row of a screen of so many columns.
fn head(model: &mut crate::client::ui::model::Model, size: (u16, u16)) -> String {
    let text = shown(model, size, &theme("dark"));
    text.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn what_waits_elsewhere_is_told_where_the_conversations_are_not_seen() {
    let (mut model, _) = office();
    assert_eq!(
        head(&mut model, (69, 15)),
        " # ops · Production an… 99+ unread elsewhere, @2 (alt+a) · 3 members"
    );
}

#[test]
fn on_a_wide_screen_the_list_tells_it_unless_it_is_hidden() {
    let (mut model, _) = office();
    assert!(!head(&mut model, (80, 24)).contains("elsewhere"));
    model.sidebar.is_shown = false;
    assert!(head(&mut model, (80, 24)).contains("99+ unread elsewhere, @2"));
    // It is all that is seen, or at the side.
    for size in [(60, 15), (80, 24)] {
        model.focus = Focus::Sidebar;
        assert!(!head(&mut model, size).contains("elsewhere"));
    }
}

#[test]
fn one_that_is_muted_counts_by_its_mentions() {
    let mut model = newcomer();
    let ops = add(&mut model, Kind::Channel, "ops", at(0, 9, 0));
    let loud = add(&mut model, Kind::Channel, "loud", at(0, 9, 0));
    let mut settings = chat(&mut model, &loud).room.settings.unwrap_or_default();
    settings.notify.level = crate::domain::conversation::NotifyLevel::None;
    chat(&mut model, &loud).set_settings(settings);
    let counts = |unread, mentions| Counts {
        last_seq: 20,
        read_seq: 20 - unread,
        unread,
        mentions,
    };
    model.open(Some(ops.clone()));
    // What is in front is not elsewhere.
    chat(&mut model, &ops).take_counts(counts(5, 0));
    chat(&mut model, &loud).take_counts(counts(9, 0));
    assert_eq!(head(&mut model, (60, 15)).split_whitespace().count(), 4);
    chat(&mut model, &loud).take_counts(counts(9, 1));
    assert!(head(&mut model, (60, 15)).contains(" @1 elsewhere (alt+a) · "));
    let bob = add(&mut model, Kind::Direct, "bob", at(0, 9, 0));
    say(&mut model, &bob, "bob", at(0, 9, 0), "hello");
    say(&mut model, &bob, "bob", at(0, 9, 0), "are you there?");
    assert!(head(&mut model, (60, 15)).contains(" 3 unread elsewhere, @1 (alt+a) · "));
    assert!(head(&mut model, (20, 6)).contains(" 3 @1"));
    // The smallest give a row to it if they have one to spare.
    assert!(head(&mut model, (12, 10)).ends_with(" 3 @1"));
    for size in [(12, 4), (10, 3), (1, 1)] {
        assert!(!head(&mut model, size).contains("@1"));
    }
    model.open(Some(bob));
    model.chats.forget(&loud);
    chat(&mut model, &ops).take_counts(counts(0, 0));
    // Nothing waits, so it is given to messages again.
    assert!(!head(&mut model, (12, 10)).contains("bob"));
}
