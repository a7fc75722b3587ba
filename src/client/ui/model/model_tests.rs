//! Tests of the whole state.

use chrono::FixedOffset;

use super::{
    chat::tests::room,
    message::{Message, tests::said},
    outgoing::{Outgoing, State},
    *,
};
use crate::{
    client::app::room::{Kind, Place},
    domain::{conversation::MemberSettings, ids::ClientMessageId},
};

fn model() -> Model {
    let zone = Zone::Fixed(FixedOffset::east_opt(0).unwrap());
    let mut model = Model::new("ann".parse().unwrap(), zone, TimeMs::new(0));
    for name in ["bob", "carol"] {
        model.chats.learn(room(name, Kind::Direct, name), None);
    }
    model.link = LinkState::Up;
    model
}

fn id(text: &str) -> ChatId {
    text.into()
}

#[test]
fn what_is_being_written_stays_with_its_conversation() {
    let mut model = model();
    assert!(model.open(Some(id("bob"))) && !model.open(Some(id("bob"))));
    model.composer.type_in("to bob");
    model.open(Some(id("carol")));
    assert!(model.composer.is_empty());
    model.composer.type_in("to carol");
    let drafts = [
        (id("bob"), "to bob".to_owned()),
        (id("carol"), "to carol".to_owned()),
    ];
    assert_eq!(model.drafts(), drafts);
    model.open(Some(id("bob")));
    assert_eq!(model.composer.text(), "to bob");
    model.forget(&id("bob"));
    assert!(model.composer.is_empty() && model.chats.front().is_none());
    assert_eq!(model.drafts(), drafts[1..]);
}

#[test]
fn an_own_message_stands_once_whatever_comes_first() {
    let mut model = model();
    let client_id = ClientMessageId::from_bytes([7; 16]);
    let place = Place::User("bob".parse().unwrap());
    let message = Outgoing {
        id: client_id,
        to: place.clone(),
        text: "hi".parse().unwrap(),
        reply_to: None,
        time: TimeMs::new(0),
        state: State::Waiting,
    };
    model.outgoing.push(message).unwrap();
    let event = Message {
        client_id: Some(client_id),
        ..said(1, "ann", "hi")
    };
    assert!(model.take_message(&id("bob"), event.clone()));
    model.outgoing.sent(client_id, 1);
    assert!(!model.take_message(&id("bob"), event));
    assert_eq!(model.outgoing.to(&place).count(), 0);
    let chat = model.chats.get(&id("bob")).unwrap();
    assert_eq!((chat.window.len(), chat.counts().unread), (1, 0));
}

#[test]
fn only_what_a_person_sees_is_marked_read() {
    let mut model = model();
    model.take_message(&id("bob"), said(1, "bob", "hi"));
    assert_eq!(model.to_mark(), None);
    model.open(Some(id("bob")));
    assert_eq!(model.to_mark(), Some((id("bob"), 1)));
    let marks_when = |change: fn(&mut Model)| {
        let mut model = model.clone();
        change(&mut model);
        model.to_mark().is_some()
    };
    assert!(!marks_when(|model| model.is_focused = false));
    assert!(!marks_when(|model| model.link = LinkState::CatchingUp));
    assert!(!marks_when(|model| {
        model.take_message(&id("bob"), said(2, "bob", "hi"));
        model.chats.front_mut().unwrap().scroll_to(1, 0);
    }));
    assert!(!marks_when(|model| {
        let settings = MemberSettings {
            marked_unread: true,
            ..MemberSettings::default()
        };
        model.chats.front_mut().unwrap().set_settings(settings);
    }));
    assert!(marks_when(|_| {}));
}

#[test]
fn time_runs_only_while_something_depends_on_it() {
    let mut model = model();
    assert_eq!(model.next_tick(), None);
    let chat = model.chats.get_mut(&id("bob")).unwrap();
    chat.typing.set(&"bob".into(), true, TimeMs::new(0));
    model
        .notices
        .push(notices::Level::Info, "done", TimeMs::new(0));
    assert_eq!(model.next_tick(), Some(TimeMs::new(4_000)));
    assert!(model.tick(TimeMs::new(4_000)) && !model.tick(TimeMs::new(4_001)));
    assert_eq!(model.next_tick(), Some(TimeMs::new(6_000)));
    model.link_lost(TimeMs::new(9_000));
    assert_eq!(model.next_tick(), Some(TimeMs::new(5_001)));
}

#[test]
fn another_store_leaves_what_was_written_here() {
    let mut model = model();
    model.open(Some(id("bob")));
    model.composer.type_in("draft");
    model.take_message(&id("bob"), said(1, "bob", "hi"));
    model.set_blocked(Blocked::new(["carol".into()]));
    assert_eq!(model.counts_to_ask(), [id("bob")]);
    assert!(
        model.counts_to_ask().is_empty(),
        "once until it is answered"
    );
    model.reset();
    assert!(model.chats.is_empty());
    model.chats.learn(room("new", Kind::Direct, "new"), None);
    model.open(Some(id("new")));
    assert_eq!(model.composer.text(), "draft");
}
