//! What was begun, kept and brought back.

use super::*;
use crate::{
    client::app::{
        line::Zone,
        room::{Kind, Place, Room},
    },
    client::ui::model::outgoing::State,
    domain::{clock::TimeMs, ids::ClientMessageId},
};

fn room(id: &str, kind: Kind, name: &str) -> Room {
    Room {
        id: id.to_owned(),
        kind,
        name: name.into(),
        ..Room::default()
    }
}

fn ann() -> Model {
    let mut model = Model::new("ann".parse().unwrap(), Zone::Local, TimeMs::new(0));
    learn(&mut model);
    model
}

fn learn(model: &mut Model) {
    for (id, kind, name) in [
        ("c1", Kind::Direct, "bob"),
        ("c2", Kind::Group, "trip"),
        ("c3", Kind::Channel, "ops"),
    ] {
        model.chats.learn(room(id, kind, name), None).unwrap();
    }
}

fn quote(seq: u64) -> Quote {
    Quote {
        seq,
        sender: "ann".into(),
        text: "old".into(),
    }
}

/// A model in which something of each kind was begun.
fn busy() -> Model {
    let mut model = ann();
    model.open(Some("c1".into()));
    model.composer.paste("to bob");
    model.composer.edit_message(quote(7), "old");
    model.composer.paste(" and new");
    model.open(Some("c2".into()));
    model.composer.paste("to the group");
    // It is gone while somebody writes to it, and so is one that is aside.
    model.forget(&"c2".into());
    model.open(Some("c3".into()));
    model.composer.paste("to ops");
    model.open(None);
    model.composer.paste("to nobody");
    model
}

/// All of it, in no order.
fn sorted(mut all: Vec<Written>) -> Vec<String> {
    all.sort_by_key(|it| it.text.clone());
    let all = all.into_iter();
    all.map(|it| format!("{:?} {}", it.to, it.text)).collect()
}

#[test]
fn all_that_was_begun_comes_back_once_however_often_and_in_whatever_order() {
    let busy = busy();
    let begun = busy.begun();
    let texts: Vec<&str> = begun.iter().map(|it| it.text.as_str()).collect();
    for text in [
        "to bob",
        "old and new",
        "to the group",
        "to ops",
        "to nobody",
    ] {
        assert!(texts.contains(&text), "{text}: {texts:?}");
    }
    assert_eq!(texts.len(), 5);
    for is_known in [true, false] {
        let mut model = Model::new("ann".parse().unwrap(), Zone::Local, TimeMs::new(0));
        if is_known {
            learn(&mut model);
        }
        for written in begun.iter().rev().chain(&begun).cloned() {
            model.give_back(written);
        }
        if !is_known {
            assert_eq!(sorted(model.begun()), sorted(begun.clone()));
            learn(&mut model);
        }
        let text = |id: &str| model.chats.get(&id.into()).unwrap().draft.text();
        assert_eq!((text("c1"), text("c2")), ("to bob", "to the group"));
        assert_eq!((text("c3"), model.composer.text()), ("to ops", "to nobody"));
        model.open(Some("c1".into()));
        assert_eq!(model.composer.text(), "old and new");
        assert_eq!(model.composer.mode(), &Mode::Edit(quote(7)));
        model.composer.leave_mode();
        assert_eq!(model.composer.text(), "to bob");
        assert_eq!(model.chats.adrift().count(), 0);
    }
}

#[test]
fn what_comes_back_stands_beside_what_is_there() {
    let mut model = ann();
    let to_bob = |text: &str| Written {
        to: To::Conversation {
            kind: Kind::Direct,
            name: "bob".to_owned(),
            id: None,
        },
        text: text.to_owned(),
    };
    for is_front in [false, true] {
        model.chats.get_mut(&"c1".into()).unwrap().draft = Draft::new("here");
        if is_front {
            model.open(Some("c1".into()));
        }
        model.give_back(to_bob("there"));
        model.open(None);
        let draft = &model.chats.get(&"c1".into()).unwrap().draft;
        assert_eq!(draft.text(), "here\nthere");
    }
    // What has no room beside it waits, and is kept still.
    let long = "x".repeat(crate::domain::limits::TEXT_BYTES_MAX);
    model.give_back(to_bob(&long));
    let begun = model.begun();
    assert_eq!(begun.len(), 2);
    assert!(begun.contains(&to_bob(&long)));
    // Nobody's text does not take the place of another.
    model.open(Some("c3".into()));
    for text in ["one", "two"] {
        let to = To::Nobody;
        let text = text.to_owned();
        model.give_back(Written { to, text });
    }
    assert_eq!(model.composer.text(), "");
    model.open(None);
    assert_eq!(model.composer.text(), "one\ntwo");
}

#[test]
fn an_edit_is_no_edit_of_another_store_and_its_text_is_not_lost() {
    let mut model = Model::new("ann".parse().unwrap(), Zone::Local, TimeMs::new(0));
    let edit = Written {
        to: To::Edit {
            conversation: "c1".to_owned(),
            seq: 7,
            old: "old".to_owned(),
        },
        text: "new".to_owned(),
    };
    model.give_back(edit);
    model.reset();
    learn(&mut model);
    let draft = &model.chats.get(&"c1".into()).unwrap().draft;
    assert_eq!(draft.mode, Mode::Write);
    let texts: Vec<String> = model.begun().into_iter().map(|it| it.text).collect();
    assert_eq!(texts, ["new"]);
}

#[test]
fn what_has_no_name_in_another_store_is_nobodys_and_is_seen_again() {
    let mut model = Model::new("ann".parse().unwrap(), Zone::Local, TimeMs::new(0));
    let edit = |seq| Written {
        to: To::Edit {
            conversation: format!("c{seq}"),
            seq,
            old: "old".to_owned(),
        },
        text: format!("new {seq}"),
    };
    model.give_back(edit(7));
    model.give_back(edit(8));
    model.reset();
    assert_eq!(model.composer.text(), "new 7");
    // A group without a name is not meant by what was begun in another one.
    learn(&mut model);
    model
        .chats
        .learn(room("c9", Kind::Group, ""), None)
        .unwrap();
    assert!(model.chats.get(&"c9".into()).unwrap().draft.is_empty());
    assert_eq!(model.chats.adrift().count(), 0);
    model.open(Some("c9".into()));
    assert_eq!(model.composer.text(), "new 7");
    model.reset();
    assert_eq!(
        (model.composer.text(), &model.written_for),
        ("new 7", &None)
    );
    let begun = model.begun();
    assert!(begun.iter().all(|it| it.to == To::Nobody), "{begun:?}");
    let texts: Vec<&str> = begun.iter().map(|it| it.text.as_str()).collect();
    assert_eq!(texts, ["new 7", "new 8"]);
    // As an earlier program may have kept it.
    let to = To::Conversation {
        kind: Kind::Group,
        name: String::new(),
        id: None,
    };
    let text = "adrift".to_owned();
    model.give_back(Written { to, text });
    assert_eq!(model.loose.texts().next().unwrap(), "new 8\nadrift");
}

fn message(to: Place, text: &str) -> super::super::Outgoing {
    super::super::Outgoing {
        id: ClientMessageId::mint(),
        to,
        text: text.parse().unwrap(),
        attachments: vec!["f1".to_owned()],
        reply_to: None,
        time: TimeMs::new(0),
        state: State::Waiting,
    }
}

#[test]
fn what_is_none_in_another_store_is_a_draft_for_those_that_are_called_the_same() {
    let mut model = ann();
    let bob = Place::User("bob".parse().unwrap());
    let trip = Place::Group("c2".to_owned());
    let unknown = Place::Group("c9".to_owned());
    for (to, text) in [
        (&trip, "to all"),
        (&bob, "to bob"),
        (&trip, "once more"),
        (&unknown, "to somebody"),
    ] {
        model.outgoing.push(message(to.clone(), text)).unwrap();
    }
    assert_eq!(model.reset().len(), 4);
    // The first is seen at once; the group is known by its name, whatever its id was.
    assert_eq!(model.composer.text(), "to all\nonce more");
    let trip = Whose::called(Kind::Group, "trip".into(), None);
    assert_eq!(model.written_for, Some(trip));
    assert_eq!(model.loose.texts().collect::<Vec<_>>(), ["to somebody"]);
    let kept: Vec<String> = model.begun().into_iter().map(|it| it.text).collect();
    assert_eq!(kept, ["to all\nonce more", "to somebody", "to bob"]);
    // Nothing of it comes to others.
    let rooms = [
        ("d1", Kind::Direct, "bob"),
        ("d2", Kind::Group, "other"),
        ("d3", Kind::Group, "trip"),
    ];
    for (id, kind, name) in rooms {
        model.chats.learn(room(id, kind, name), None).unwrap();
    }
    for (id, text) in [
        ("d2", ""),
        ("d1", "to bob"),
        ("d3", "to all\nonce more"),
        ("d2", ""),
    ] {
        model.open(Some(id.into()));
        assert_eq!(model.composer.text(), text, "{id}");
    }
    model.open(None);
    assert_eq!(model.composer.text(), "to somebody");
}

#[test]
fn a_group_of_another_store_is_not_called_as_the_one_that_has_its_id_here() {
    let mut model = ann();
    let (to_group, to_bob) = (
        message(Place::Group("c2".to_owned()), "to a group of before"),
        message(Place::User("bob".parse().unwrap()), "to bob"),
    );
    for message in [&to_group, &to_bob] {
        model.outgoing.push(message.clone()).unwrap();
        model.lose(message.id, message.text.as_str());
    }
    assert!(model.outgoing.is_empty());
    // One that was shown nowhere.
    model.lose(ClientMessageId::from_bytes([9; 16]), "not shown");
    let kept: Vec<Written> = model.begun();
    let to_bob = To::Conversation {
        kind: Kind::Direct,
        name: "bob".to_owned(),
        id: Some("c1".to_owned()),
    };
    let written = |to, text: &str| Written {
        to,
        text: text.to_owned(),
    };
    let expected = [
        written(To::Nobody, "to a group of before"),
        written(To::Nobody, "not shown"),
        written(to_bob, "to bob"),
    ];
    assert_eq!(kept, expected);
}

#[test]
fn what_was_written_for_one_that_is_back_stands_beside_what_waited_there() {
    let mut model = ann();
    model.open(Some("c2".into()));
    model.composer.type_in("being written");
    let trip = Place::Group("c2".to_owned());
    model.outgoing.push(message(trip, "was sent")).unwrap();
    model.reset();
    assert_eq!(model.composer.text(), "being written\nwas sent");
    let to = To::Conversation {
        kind: Kind::Group,
        name: "trip".to_owned(),
        id: None,
    };
    let text = "of an earlier program".to_owned();
    model.give_back(Written { to, text });
    model
        .chats
        .learn(room("d3", Kind::Group, "trip"), None)
        .unwrap();
    model.open(Some("d3".into()));
    assert_eq!(
        model.composer.text(),
        "of an earlier program\nbeing written\nwas sent"
    );
    assert_eq!(model.begun().len(), 1);
}

#[test]
fn however_much_is_lost_to_one_group_it_takes_nothing_from_others() {
    let mut model = ann();
    let other = To::Conversation {
        kind: Kind::Channel,
        name: "gone".to_owned(),
        id: None,
    };
    model.give_back(Written {
        to: other.clone(),
        text: "a draft of before".to_owned(),
    });
    let texts: Vec<String> = (0..1_000)
        .map(|it| format!("{it:04}{}", "x".repeat(96)))
        .collect();
    for text in &texts {
        let trip = Place::Group("c2".to_owned());
        model.outgoing.push(message(trip, text)).unwrap();
    }
    assert_eq!(model.reset().len(), 1_000);
    assert_eq!(model.chats.adrift_lost, 0);
    let begun = model.begun();
    assert!(begun.iter().any(|it| it.to == other), "{}", begun.len());
    let kept: Vec<&str> = begun
        .iter()
        .filter(|it| it.to != other)
        .flat_map(|it| it.text.lines())
        .collect();
    assert_eq!(kept, texts);
    // What is too long for one waits until the rest is sent.
    model
        .chats
        .learn(room("d3", Kind::Group, "trip"), None)
        .unwrap();
    let mut seen = Vec::new();
    for _ in 0..10 {
        model.open(Some("d3".into()));
        seen.extend(model.composer.text().lines().map(ToOwned::to_owned));
        model.composer.edit(super::super::edit::Edit::KillAll);
        model.open(None);
    }
    seen.sort();
    assert_eq!(seen, texts);
}
