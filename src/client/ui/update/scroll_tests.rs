//! Where messages are looked at, as far as it is not the layout's.

use super::{
    super::{
        Mouse, Msg,
        support::{
            ann, ann_with_bob, front, id, is_seen, keys, message, notice, press, with_outgoing,
        },
        update,
    },
    *,
};
use crate::client::ui::model::paging::Jump;

#[test]
fn scrolling_gives_up_what_was_waited_for() {
    let mut model = ann_with_bob();
    for key in ["pgup", "pgdn", "ctrl+end"] {
        model.jump = Some(Jump {
            chat: "c-bob".into(),
            seq: 1,
            to: JumpTo::Sight,
        });
        press(&mut model, key);
        assert_eq!(model.jump, None, "{key}");
    }
    let msg = Msg::Mouse {
        deed: Mouse::ScrollUp,
        column: 1,
        row: 1,
    };
    assert_eq!(update(&mut model, &keys(), msg), []);
}

#[test]
fn the_end_selects_the_last_where_one_is_selected() {
    let mut model = ann_with_bob();
    with_outgoing(&mut model);
    model.focus = Focus::Messages(2);
    model.chats.front_mut().unwrap().scroll_to(2, 0);
    press(&mut model, "ctrl+end");
    assert_eq!(front(&model).scroll(), Scroll::AtEnd);
    assert_eq!(model.focus, Focus::Outgoing(id(8)));
}

#[test]
fn the_first_unread_is_that_below_the_line_as_long_as_there_is_one() {
    let mut model = ann_with_bob();
    press(&mut model, "alt+u");
    assert_eq!(notice(&model), "Nothing is unread here.");
    for seq in 6..9 {
        model.take_message(&"c-bob".into(), message(seq, "bob", "new"));
    }
    let mut away = model.clone();
    press(&mut away, "alt+down");
    press(&mut away, "alt+up");
    away.chats.front_mut().unwrap().read_to(8);
    for model in [&mut model, &mut away] {
        press(model, "alt+u");
        assert!(is_seen(model, 6));
    }
    let mut model = ann();
    press(&mut model, "pgup");
    assert!(notice(&model).starts_with("No conversation is open"));
}
