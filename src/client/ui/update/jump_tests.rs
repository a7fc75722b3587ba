//! Going to messages that are there, come later, or never.

use super::{
    super::{
        super::{
            effect::Effect,
            model::{LinkState, chat::ChatId, window::Ask},
        },
        support::{ann_with_bob, counts, front, is_seen, message, notice, page, press},
    },
    *,
};

fn ops() -> ChatId {
    ChatId::from("c-ops")
}

/// A channel of 500 messages of which the newest ten are in memory.
fn in_ops() -> Model {
    let mut model = ann_with_bob();
    let chat = model.chats.get_mut(&ops()).unwrap();
    chat.take_counts(counts(500, 500));
    let messages = (491..=500).map(|seq| message(seq, "bob", "x"));
    chat.take_page(page(Ask::Newest, messages.collect(), 500));
    super::super::open(&mut model, ops());
    model
}

fn asked(model: &mut Model) -> Option<Ask> {
    match fill::fill(model).as_slice() {
        [] => None,
        [Effect::Page { ask, .. }] => Some(*ask),
        other => panic!("{other:?}"),
    }
}

fn answered(model: &mut Model, ask: Ask, from: u64, to: u64) {
    model.asked_pages.remove(&(ops(), ask));
    let messages = (from..=to).map(|seq| message(seq, "bob", "x"));
    let page = page(ask, messages.collect(), 500);
    model.chats.front_mut().unwrap().take_page(page);
}

#[test]
fn one_that_is_not_here_is_waited_for() {
    let mut model = in_ops();
    go_to(&mut model, 100, JumpTo::Selection);
    assert_eq!(asked(&mut model), Some(Ask::Around(100)));
    assert_eq!(asked(&mut model), None);
    answered(&mut model, Ask::Around(100), 50, 150);
    fill::fill(&mut model);
    assert_eq!((model.focus, &model.jump), (Focus::Messages(100), &None));
    assert!(is_seen(&model, 100));
}

#[test]
fn one_that_cannot_be_had_gives_way_to_its_neighbour() {
    let mut model = in_ops();
    go_to(&mut model, 100, JumpTo::Selection);
    assert_eq!(asked(&mut model), Some(Ask::Around(100)));
    // The page passes over it, and over all up to 110.
    answered(&mut model, Ask::Around(100), 110, 130);
    fill::fill(&mut model);
    for _ in 0..9 {
        model.asked_pages.clear();
        fill::fill(&mut model);
    }
    assert_eq!((model.focus, &model.jump), (Focus::Messages(110), &None));
    assert_eq!(
        notice(&model),
        "Message [100] is not shown: it cannot be read."
    );
}

#[test]
fn without_a_server_it_is_given_up_when_the_cache_has_nothing() {
    let mut model = in_ops();
    model.link = LinkState::Down {
        retry_at: model.now,
    };
    go_to(&mut model, 100, JumpTo::Sight);
    assert_eq!(asked(&mut model), Some(Ask::Around(100)));
    model.asked_pages.clear();
    // What is above its neighbour is another page.
    assert_eq!(asked(&mut model), Some(Ask::Before(491)));
    assert!(is_seen(&model, 491) && model.jump.is_none());
    assert_eq!(
        notice(&model),
        "Message [100] is not shown: it is not on this machine, and the server is away."
    );
    // Another wish is another try.
    go_to(&mut model, 100, JumpTo::Sight);
    assert_eq!(asked(&mut model), Some(Ask::Around(100)));
}

#[test]
fn who_goes_elsewhere_waits_no_more() {
    let mut model = in_ops();
    press(&mut model, "ctrl+home");
    assert_eq!(model.jump.as_ref().map(|jump| jump.to), Some(JumpTo::Top));
    assert_eq!(asked(&mut model), Some(Ask::Around(1)));
    super::super::open(&mut model, ChatId::from("c-bob"));
    assert_eq!(model.jump, None);
    assert_eq!(front(&model).scroll(), Scroll::AtEnd);
}

#[test]
fn who_has_turned_to_something_else_is_not_taken_away_from_it() {
    for (keys, focus) in [
        (&["h", "i"][..], Focus::Composer),
        (&["left"], Focus::Composer),
        (&["alt+b"], Focus::Sidebar),
    ] {
        let mut model = in_ops();
        model.composer.paste("draft");
        go_to(&mut model, 100, JumpTo::Selection);
        assert_eq!(asked(&mut model), Some(Ask::Around(100)));
        if focus == Focus::Sidebar {
            // As by a key that is bound to it.
            let hands = Hands::of(&model);
            model.focus = focus;
            hands.keep(&mut model);
        } else {
            for key in keys {
                press(&mut model, key);
            }
        }
        answered(&mut model, Ask::Around(100), 50, 150);
        fill::fill(&mut model);
        assert_eq!((model.focus, &model.jump), (focus, &None), "{keys:?}");
        assert!(is_seen(&model, 100));
    }
}
