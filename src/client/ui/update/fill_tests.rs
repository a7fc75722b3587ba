//! Which pages are asked for, and that each is once.

use super::{
    super::{
        super::model::{
            LinkState,
            chat::{ChatId, Scroll},
            window::{Ask, Page},
        },
        open,
        support::{ann, ann_with_bob, counts, message, page, press},
    },
    *,
};

fn ops() -> ChatId {
    ChatId::from("c-ops")
}

fn in_ops(last_seq: u64) -> Model {
    let mut model = ann_with_bob();
    let chat = model.chats.get_mut(&ops()).unwrap();
    chat.take_counts(counts(last_seq, last_seq));
    open(&mut model, ops());
    model
}

fn asked(model: &mut Model) -> Vec<Ask> {
    let one = |effect| match effect {
        Effect::Page { chat, ask, count } => {
            assert_eq!((chat, count), (ops(), PAGE_COUNT));
            ask
        }
        other => panic!("{other:?}"),
    };
    fill(model).into_iter().map(one).collect()
}

#[test]
fn the_newest_page_is_asked_for_once_until_it_is_answered() {
    let mut model = in_ops(500);
    assert_eq!(asked(&mut model), [Ask::Newest]);
    assert_eq!(asked(&mut model), []);
    open(&mut model, "c-bob".into());
    open(&mut model, ops());
    assert_eq!(asked(&mut model), [], "it is still on its way");
    model.asked_pages.clear();
    let messages = (401..=500).map(|seq| message(seq, "bob", "x")).collect();
    let chat = model.chats.get_mut(&ops()).unwrap();
    chat.take_page(page(Ask::Newest, messages, 500));
    assert_eq!(asked(&mut model), [], "the screen is full");
    let mut nothing = ann();
    assert_eq!(fill(&mut nothing), []);
    let mut empty = in_ops(0);
    assert_eq!(asked(&mut empty), []);
}

#[test]
fn what_brought_nothing_is_asked_again_only_when_something_has_changed() {
    let mut model = in_ops(500);
    model.link = LinkState::Down {
        retry_at: model.now,
    };
    assert_eq!(asked(&mut model), [Ask::Newest]);
    model.asked_pages.clear();
    let nothing = Page {
        ask: Ask::Newest,
        messages: Vec::new(),
        ends: None,
    };
    model.chats.get_mut(&ops()).unwrap().take_page(nothing);
    assert_eq!(asked(&mut model), []);
    press(&mut model, "pgup");
    assert_eq!(asked(&mut model), [Ask::Newest], "the user goes on");
    model.asked_pages.clear();
    assert_eq!(asked(&mut model), []);
    model.link = LinkState::CatchingUp;
    assert_eq!(asked(&mut model), [Ask::Newest], "the server is there");
    model.asked_pages.clear();
    model.link = LinkState::Up;
    assert_eq!(asked(&mut model), []);
    model.take_message(&ops(), message(501, "bob", "x"));
    assert!(asked(&mut model).len() <= 1);
    model.asked_pages.clear();
    assert_eq!(asked(&mut model), []);
}

#[test]
fn not_more_than_some_pages_are_waited_for() {
    let mut model = in_ops(500);
    for number in 0..ASKED_MAX {
        let chat = ChatId::from(number.to_string().as_str());
        model.asked_pages.insert((chat, Ask::Newest));
    }
    assert_eq!(asked(&mut model), []);
}

#[test]
fn a_place_below_which_nothing_more_is_hidden_is_the_end() {
    let mut model = ann_with_bob();
    model.chats.front_mut().unwrap().scroll_to(3, 0);
    fill(&mut model);
    assert_eq!(model.chats.front().unwrap().scroll(), Scroll::AtEnd);
    // It is read as what is seen, however small the screen was before.
    model.size = (80, 8);
    let up = layout::scrolled(&model, -2).unwrap();
    super::super::scroll::look(&mut model, up);
    fill(&mut model);
    assert_eq!(model.chats.front().unwrap().scroll(), up);
    model.size = (80, 24);
    fill(&mut model);
    assert_eq!(model.chats.front().unwrap().scroll(), Scroll::AtEnd);
}
