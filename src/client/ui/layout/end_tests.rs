//! Tests of what counts as seen.

use super::*;
use crate::client::{
    app::room::Kind,
    ui::{
        model::{
            LinkState,
            composer::Candidate,
            outgoing::State,
            overlay::{Overlay, Question, TextPage, Then},
        },
        view::models::{add, at, begins, earlier, newcomer, say, sends},
    },
};

fn model() -> (Model, ChatId) {
    let mut model = newcomer();
    model.link = LinkState::Up;
    let id = add(&mut model, Kind::Channel, "ops", at(0, 9, 0));
    begins(&mut model, &id);
    for minute in 0..30 {
        say(&mut model, &id, "bob", at(0, 9, minute), "hello");
    }
    model.size = (80, 24);
    model.open(Some(id.clone()));
    (model, id)
}

#[test]
fn what_is_not_on_the_screen_is_not_marked_read() {
    let (model, id) = model();
    assert_eq!(to_mark(&model), Some((id.clone(), 30)));
    let marks_when = |change: fn(&mut Model)| {
        let mut model = model.clone();
        change(&mut model);
        to_mark(&model).is_some()
    };
    // The newest is not here yet.
    assert!(!marks_when(|model| {
        let id = model.chats.front().unwrap().id().clone();
        earlier(model, &id, 99);
    }));
    // Something lies over it.
    assert!(!marks_when(|model| {
        model.overlay = Some(Overlay::Help { first_row: 0 });
        model.size = (60, 15);
    }));
    assert!(!marks_when(|model| {
        model.overlay = Some(Overlay::Text(TextPage {
            title: String::new(),
            rows: vec!["x".to_owned(); 99],
            first_row: 0,
        }));
    }));
    assert!(!marks_when(|model| {
        let candidate = Candidate {
            insert: "x".to_owned(),
            label: "x".to_owned(),
            help: String::new(),
        };
        model.composer.set_offer(0, vec![candidate]);
    }));
    // The list is all that is seen.
    assert!(!marks_when(|model| {
        model.size = (60, 15);
        model.focus = Focus::Sidebar;
    }));
    // There is no room for messages.
    assert!(!marks_when(|model| model.size = (80, 1)));
    assert!(!marks_when(|model| model.size = (0, 0)));
    // What is on its way takes all of the room.
    assert!(!marks_when(|model| {
        let id = model.chats.front().unwrap().id().clone();
        for number in 1..40 {
            sends(model, &id, number, "x", State::Waiting);
        }
    }));
    assert!(!marks_when(|model| model.is_focused = false));
    // These leave it in sight.
    assert!(marks_when(|model| {
        model.overlay = Some(Overlay::Ask(Question {
            text: "Leave?".to_owned(),
            then: Then::Quit,
        }));
    }));
    assert!(marks_when(|model| model.focus = Focus::Sidebar));
    assert!(marks_when(|model| model.size = (10, 3)));
}

#[test]
fn below_the_last_message_those_on_their_way_can_be_scrolled() {
    let (mut model, id) = model();
    for number in 1..40 {
        sends(&mut model, &id, number, "x", State::Waiting);
    }
    assert_eq!(to_mark(&model), None);
    while to_mark(&model).is_none() {
        let up = super::super::scrolled(&model, -1).unwrap();
        let Scroll::At { seq, hidden_rows } = up else {
            panic!("{up:?}");
        };
        model.chats.front_mut().unwrap().scroll_to(seq, hidden_rows);
    }
    assert_eq!(to_mark(&model), Some((id, 30)));
}
