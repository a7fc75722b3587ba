//! Which message is selected, and what becomes of the selection.

use super::{
    super::support::{ann, ann_with_bob, front, id, message, notice, press, with_outgoing},
    *,
};

fn walk(model: &mut Model, key: &str) -> Vec<Focus> {
    let step = |_| {
        press(model, key);
        model.focus
    };
    (0..3).map(step).collect()
}

#[test]
fn those_on_their_way_stand_below_the_messages() {
    let mut model = ann_with_bob();
    with_outgoing(&mut model);
    press(&mut model, "alt+v");
    assert_eq!(model.focus, Focus::Outgoing(id(8)));
    assert_eq!(
        walk(&mut model, "up"),
        [
            Focus::Outgoing(id(7)),
            Focus::Messages(5),
            Focus::Messages(4)
        ]
    );
    assert_eq!(
        walk(&mut model, "down"),
        [
            Focus::Messages(5),
            Focus::Outgoing(id(7)),
            Focus::Outgoing(id(8))
        ]
    );
    press(&mut model, "home");
    assert_eq!(model.focus, Focus::Messages(1));
    press(&mut model, "up");
    assert_eq!(model.focus, Focus::Messages(1), "the first is the first");
    press(&mut model, "end");
    assert_eq!(model.focus, Focus::Outgoing(id(8)));
    press(&mut model, "down");
    assert_eq!(model.focus, Focus::Outgoing(id(8)));
}

#[test]
fn the_lowest_that_is_seen_is_selected_first() {
    let mut model = ann_with_bob();
    for seq in 6..80 {
        model.take_message(&"c-bob".into(), message(seq, "bob", "x"));
    }
    model.chats.front_mut().unwrap().scroll_to(50, 0);
    press(&mut model, "alt+v");
    assert_eq!(model.focus, Focus::Messages(50));
    assert_eq!(
        front(&model).scroll(),
        Scroll::At {
            seq: 50,
            hidden_rows: 0
        }
    );
    let mut model = ann();
    press(&mut model, "alt+v");
    assert_eq!(
        (model.focus, notice(&model)),
        (Focus::Composer, "There is no message to select.")
    );
}

#[test]
fn a_hole_is_not_stepped_over() {
    let mut model = ann_with_bob();
    with_outgoing(&mut model);
    model.take_message(&"c-bob".into(), message(9, "bob", "far below"));
    model.focus = Focus::Messages(5);
    press(&mut model, "down");
    assert_eq!(model.focus, Focus::Messages(5));
    model.focus = Focus::Messages(9);
    press(&mut model, "up");
    assert_eq!(model.focus, Focus::Messages(9));
    press(&mut model, "down");
    assert_eq!(model.focus, Focus::Outgoing(id(7)));
}

#[test]
fn what_was_on_its_way_stays_selected_as_the_message_that_it_is() {
    let mut model = ann_with_bob();
    with_outgoing(&mut model);
    model.focus = Focus::Outgoing(id(8));
    let sent = Message {
        client_id: Some(id(8)),
        ..message(6, "ann", "waits")
    };
    model.take_message(&"c-bob".into(), sent);
    mend(&mut model);
    assert_eq!(model.focus, Focus::Messages(6));
    model.chats.front_mut().unwrap().trim(0);
    mend(&mut model);
    assert_eq!(model.focus, Focus::Composer, "nothing is left to select");
}

fn long() -> Model {
    let mut model = ann_with_bob();
    for seq in 6..200 {
        model.take_message(&"c-bob".into(), message(seq, "bob", "x"));
    }
    model
}

fn is_selected_seen(model: &Model) -> bool {
    matches!(model.focus, Focus::Messages(seq) if super::super::support::is_seen(model, seq))
}

#[test]
fn the_selection_goes_along_when_another_place_is_looked_at() {
    let mut model = long();
    press(&mut model, "alt+v");
    assert_eq!(model.focus, Focus::Messages(199));
    for key in ["pageup", "pageup", "pageup", "pagedown"] {
        press(&mut model, key);
        assert!(is_selected_seen(&model), "{key} {:?}", model.focus);
    }
    assert_ne!(model.focus, Focus::Messages(199));
    scroll::wheel(&mut model, true);
    assert!(is_selected_seen(&model));
    // One on its way is seen at the end alone.
    with_outgoing(&mut model);
    press(&mut model, "alt+v");
    press(&mut model, "pageup");
    assert!(is_selected_seen(&model), "{:?}", model.focus);
}

#[test]
fn what_is_selected_stays_in_sight_while_messages_come_and_the_screen_shrinks() {
    let mut model = long();
    press(&mut model, "alt+v");
    for seq in 200..260 {
        model.take_message(&"c-bob".into(), message(seq, "bob", "x"));
        mend(&mut model);
    }
    assert_eq!(model.focus, Focus::Messages(199));
    assert!(is_selected_seen(&model));
    let small = super::super::Msg::Resized(40, 8);
    super::super::update(&mut model, &super::super::support::keys(), small);
    assert_eq!(model.focus, Focus::Messages(199));
    assert!(is_selected_seen(&model));
}

#[test]
fn who_reads_within_a_long_message_stays_there_whatever_comes() {
    let mut model = ann_with_bob();
    let text = "line\n".repeat(80);
    model.take_message(&"c-bob".into(), message(6, "bob", text.trim_end()));
    press(&mut model, "alt+v");
    press(&mut model, "pagedown");
    let place = front(&model).scroll();
    assert!(is_selected_seen(&model), "{place:?}");
    mend(&mut model);
    assert_eq!(front(&model).scroll(), place);
}
