//! Tests of the whole state.

use chrono::FixedOffset;

use super::{
    chat::tests::room,
    message::{Message, tests::said},
    outgoing::{Outgoing, State},
    paging::Aim,
    *,
};
use crate::{
    client::app::room::{Kind, Place, Wanted},
    domain::{
        conversation::{MemberSettings, NotifyLevel, NotifySettings},
        ids::ClientMessageId,
    },
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
    assert!(model.chats.front().is_none());
    assert_eq!(model.drafts(), drafts[1..]);
    assert_eq!(model.composer.text(), "to bob", "it is under the hands");
    model.open(Some(id("carol")));
    assert_eq!(model.composer.text(), "to carol");
    model.chats.learn(room("bob2", Kind::Direct, "bob"), None);
    model.open(Some(id("bob2")));
    assert_eq!(model.composer.text(), "to bob");
}

#[test]
fn what_is_written_to_nobody_is_not_lost_and_goes_to_nobody_unseen() {
    let mut model = model();
    model.composer.type_in("whom?");
    model.open(Some(id("bob")));
    assert_eq!(model.composer.text(), "whom?");
    model.open(None);
    assert!(model.composer.is_empty());
    model.composer.type_in("to nobody");
    model.open(Some(id("bob")));
    assert_eq!(model.composer.text(), "whom?");
    model.open(None);
    assert_eq!(model.composer.text(), "to nobody");
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
        attachments: Vec::new(),
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
fn a_mute_that_ends_and_a_day_that_begins_change_what_is_shown() {
    let mut model = model();
    let day = 24 * 3_600_000;
    let muted = |until| MemberSettings {
        notify: NotifySettings {
            level: NotifyLevel::None,
            until: Some(TimeMs::new(until)),
        },
        ..MemberSettings::default()
    };
    let chat = model.chats.get_mut(&id("bob")).unwrap();
    chat.set_settings(muted(5_000));
    assert_eq!(model.next_tick(), Some(TimeMs::new(5_000)));
    assert!(!model.tick(TimeMs::new(4_999)));
    assert!(model.tick(TimeMs::new(5_000)) && !model.tick(TimeMs::new(5_001)));
    assert_eq!(model.next_tick(), None);
    model.open(Some(id("bob")));
    assert_eq!(model.next_tick(), None, "nothing is dated there");
    model.take_message(&id("bob"), said(1, "bob", "hi"));
    assert_eq!(model.next_tick(), Some(TimeMs::new(day)));
    assert!(!model.tick(TimeMs::new(day - 1)) && model.tick(TimeMs::new(day)));
    assert_eq!(model.next_tick(), Some(TimeMs::new(2 * day)));
}

#[test]
fn another_store_leaves_what_was_written_here() {
    let mut model = model();
    model.open(Some(id("bob")));
    model.composer.type_in("to bob");
    model.open(Some(id("carol")));
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
    assert_eq!(model.composer.text(), "draft", "it is under the hands");
    for name in ["bob", "carol", "dan"] {
        let id = format!("new-{name}");
        model.chats.learn(room(&id, Kind::Direct, name), None);
    }
    for (name, text) in [("dan", ""), ("bob", "to bob"), ("carol", "draft")] {
        model.open(Some(id(&format!("new-{name}"))));
        assert_eq!(model.composer.text(), text, "{name}");
    }
}

#[test]
fn a_draft_behind_a_line_of_the_history_outlives_its_conversation() {
    let mut model = model();
    model.open(Some(id("bob")));
    model.composer.type_in("draft");
    let mut history = history::History::default();
    history.push("old");
    assert!(model.composer.recall(&history, true));
    model.composer.edit(edit::Edit::KillAll);
    model.forget(&id("bob"));
    assert_eq!(model.composer.text(), "draft");
}

#[test]
fn what_was_written_to_a_group_goes_to_no_other_of_the_same_name() {
    let mut model = model();
    let trip = |id| room(id, Kind::Group, "trip");
    for id in ["t1", "t2", "t3"] {
        model.chats.learn(trip(id), None);
    }
    model.open(Some(id("t1")));
    model.composer.type_in("aside");
    model.open(Some(id("t2")));
    model.composer.type_in("under the hands");
    model.forget(&id("t1"));
    model.forget(&id("t2"));
    assert_eq!(model.composer.text(), "under the hands");
    model.open(Some(id("t3")));
    assert_eq!(model.composer.text(), "");
    for (id, text) in [("t1", "aside"), ("t2", "under the hands")] {
        model.chats.learn(trip(id), None);
        model.open(Some(id.into()));
        assert_eq!(model.composer.text(), text);
    }
    // Another store calls them otherwise.
    model.reset();
    model.chats.learn(trip("t9"), None);
    model.open(Some(id("t9")));
    assert_eq!(model.composer.text(), "aside\nunder the hands");
}

#[test]
fn of_two_texts_that_were_written_to_nobody_none_goes_away() {
    let mut model = model();
    model.composer.type_in("older");
    model.chats.get_mut(&id("bob")).unwrap().draft = Draft::new("to bob");
    model.open(Some(id("bob")));
    model.forget(&id("bob"));
    model.composer.edit(edit::Edit::KillAll);
    model.begin_anew();
    model.composer.type_in("newer");
    model.chats.get_mut(&id("carol")).unwrap().draft = Draft::new("to carol");
    model.open(Some(id("carol")));
    assert_eq!(
        (model.composer.text(), model.loose.texts().collect()),
        ("to carol", vec!["older\nnewer"])
    );
    // One that is too long for that stands beside it.
    let long = "x".repeat(16 * 1024 - 2);
    model.open(None);
    assert_eq!(model.composer.text(), "older\nnewer");
    model.open(Some(id("carol")));
    assert_eq!(model.composer.text(), "to carol");
    model.give_back(begun::text_of(To::Nobody, &long).unwrap());
    let texts: Vec<&str> = model.loose.texts().collect();
    assert_eq!(texts, ["older\nnewer", &long]);
}

#[test]
fn a_second_answer_takes_nobody_away_again() {
    let mut model = model();
    model.open(Some(id("bob")));
    let aim = Aim::Start(Wanted::User("carol".parse().unwrap()));
    // The key was pressed twice.
    model.go_after(aim.clone());
    model.go_after(aim.clone());
    assert!(model.may_go(&aim));
    model.open(Some(id("carol")));
    model.open(Some(id("bob")));
    assert!(!model.may_go(&aim));
}

#[test]
fn what_cannot_be_kept_takes_nothing_from_the_front() {
    let mut model = model();
    model.open(Some(id("bob")));
    assert!(!model.open(Some(id("none"))));
    assert!(model.is_front(&id("bob")));
}

#[test]
fn what_is_on_the_server_goes_with_its_conversation() {
    let mut model = model();
    let outgoing = |number, state| Outgoing {
        id: ClientMessageId::from_bytes([number; 16]),
        to: Place::User("bob".parse().unwrap()),
        text: "hi".parse().unwrap(),
        attachments: Vec::new(),
        reply_to: None,
        time: TimeMs::new(0),
        state,
    };
    for (number, state) in [(1, State::Sent { seq: 9 }), (2, State::Waiting)] {
        model.outgoing.push(outgoing(number, state)).unwrap();
    }
    model.forget(&id("bob"));
    let left = |number| {
        model
            .outgoing
            .get(ClientMessageId::from_bytes([number; 16]))
    };
    assert!(left(1).is_none() && left(2).is_some());
}
