//! What the tests of this folder begin with: ann, who is connected, in front of her a conversation with bob; a channel, a
//! group, and one with carol stand aside. Keys are pressed as people name them.

use chrono::FixedOffset;

use super::{
    super::{
        effect::Effect,
        keymap::{Chord, Keymap},
        layout,
        model::{
            LinkState, Model,
            chat::{Chat, ChatId, Scroll},
            message::{Message, Reaction},
            outgoing::Outgoing,
            overlay::{Overlay, PickRow, Picker, SearchPane},
            tally::Counts,
            window::{Ask, Ends, Page},
        },
    },
    Msg, update,
};
use crate::{
    client::app::{
        file::tests::file,
        line::Zone,
        room::{Kind, Room},
    },
    domain::{clock::TimeMs, ids::ClientMessageId},
};

pub fn keys() -> Keymap {
    Keymap::default()
}

/// A message of the conversation in front has a file.
pub fn with_a_file(model: &mut Model, seq: u64) {
    let front = model.chats.front().unwrap();
    let (id, known) = (front.id().clone(), front.window.get(seq).unwrap());
    let files = vec![file("f1", "notes.txt", "text/plain")];
    let message = Message {
        revision: known.revision + 1,
        files,
        ..known.clone()
    };
    model.take_message(&id, message);
}

pub fn room(id: &str, kind: Kind, name: &str) -> Room {
    Room {
        id: id.to_owned(),
        kind,
        name: name.into(),
        members_count: 2,
        is_mine: true,
        ..Room::default()
    }
}

pub fn message(seq: u64, sender: &str, text: &str) -> Message {
    Message {
        seq,
        revision: 0,
        sender: sender.into(),
        time: TimeMs::new(i64::try_from(seq).unwrap_or(i64::MAX).saturating_mul(1_000)),
        text: Some(text.into()),
        files: Vec::new(),
        client_id: None,
        reply_to: 0,
        reactions: Vec::new(),
        mentions: Vec::new(),
        mentions_all: false,
    }
}

pub fn page(ask: Ask, messages: Vec<Message>, last_seq: u64) -> Page {
    Page {
        ask,
        messages,
        ends: Some(Ends { floor: 0, last_seq }),
    }
}

pub fn id(number: u8) -> ClientMessageId {
    ClientMessageId::from_bytes([number; 16])
}

/// Connected, with no conversation.
pub fn ann() -> Model {
    let zone = Zone::Fixed(FixedOffset::east_opt(0).unwrap());
    let mut model = Model::new("ann".parse().unwrap(), zone, TimeMs::new(1_000_000));
    model.link = LinkState::Up;
    model.fresh_id = id(1);
    model
}

/// The conversation with bob in front: 1 to 5, of which 4 is of ann, and 5 answers 2 and has reactions.
pub fn ann_with_bob() -> Model {
    let mut model = ann();
    for (number, (name, kind)) in [
        ("carol", Kind::Direct),
        ("trip", Kind::Group),
        ("ops", Kind::Channel),
        ("bob", Kind::Direct),
    ]
    .into_iter()
    .enumerate()
    {
        let said = TimeMs::new(i64::try_from(number).unwrap() * 1_000);
        let room = room(&format!("c-{name}"), kind, name);
        model.chats.learn(room, Some(said)).unwrap();
        if kind == Kind::Direct {
            model.people.learn(&format!("u-{name}"), &name.into());
        }
    }
    model.people.learn("u-dan", &"dan".into());
    let reaction = |emoji: &str, is_mine| Reaction {
        emoji: emoji.into(),
        count: 1,
        is_mine,
    };
    let messages = vec![
        message(1, "bob", "hello"),
        message(2, "bob", "see https://x.org and [y](https://y.org)"),
        message(3, "bob", "only https://x.org"),
        message(4, "ann", "mine"),
        Message {
            reply_to: 2,
            reactions: vec![reaction("🎉", true), reaction("👀", false)],
            ..message(5, "bob", "an answer")
        },
    ];
    let chat = model.chats.get_mut(&"c-bob".into()).unwrap();
    chat.take_page(page(Ask::Newest, messages, 5));
    chat.take_counts(counts(5, 5));
    let bob = ChatId::from("c-bob");
    model.open(Some(bob));
    model
}

pub fn counts(last_seq: u64, read_seq: u64) -> Counts {
    Counts {
        last_seq,
        read_seq,
        unread: last_seq - read_seq,
        mentions: 0,
    }
}

/// Presses a key.
pub fn press(model: &mut Model, chord: &str) -> Vec<Effect> {
    let chord = Chord::parse(chord).unwrap_or_else(|error| panic!("{error:?}"));
    update(model, &keys(), Msg::Key(chord))
}

/// Types a text, character by character.
pub fn typed(model: &mut Model, text: &str) -> Vec<Effect> {
    let mut effects = Vec::new();
    for c in text.chars() {
        let code = crossterm::event::KeyCode::Char(c);
        let event = crossterm::event::KeyEvent::from(code);
        let chord = Chord::from_event(&event).unwrap();
        effects.extend(update(model, &keys(), Msg::Key(chord)));
    }
    effects
}

/// Types a line, and Enter. What others are told of typing is left out.
pub fn entered(model: &mut Model, line: &str) -> Vec<Effect> {
    typed(model, line);
    without_typing(press(model, "enter"))
}

pub fn without_typing(mut effects: Vec<Effect>) -> Vec<Effect> {
    effects.retain(|effect| !matches!(effect, Effect::Typing { .. }));
    effects
}

/// Opens what a key opens.
pub fn open_overlay(model: &mut Model, chord: &str) {
    press(model, chord);
    assert!(model.overlay.is_some(), "{chord} opens nothing");
}

pub fn front(model: &Model) -> &Chat {
    model.chats.front().unwrap()
}

/// Whether a message can be seen on the screen.
pub fn is_seen(model: &Model, seq: u64) -> bool {
    match layout::seen(model) {
        Some((from, to)) => (from..=to).contains(&seq),
        None => matches!(front(model).scroll(), Scroll::At { seq: at, .. } if at == seq),
    }
}

/// What is said in the status line.
pub fn notice(model: &Model) -> &str {
    model.notices.shown(model.now).map_or("", |it| &it.text)
}

pub fn picker(model: &Model) -> &Picker {
    match &model.overlay {
        Some(Overlay::Pick(picker)) => picker,
        other => panic!("no picker: {other:?}"),
    }
}

pub fn labels(model: &Model) -> Vec<&str> {
    let label = |row| -> &str {
        let row: &PickRow = row;
        &row.label
    };
    picker(model).rows.iter().map(label).collect()
}

pub fn search(model: &Model) -> &SearchPane {
    match &model.overlay {
        Some(Overlay::Search(pane)) => pane,
        other => panic!("no search: {other:?}"),
    }
}

/// A message to bob that was refused, and one that waits behind it.
pub fn with_outgoing(model: &mut Model) -> (Outgoing, Outgoing) {
    model.fresh_id = id(7);
    entered(model, "refused");
    model.fresh_id = id(8);
    entered(model, "waits");
    model.outgoing.failed(id(7), "too long".into());
    model.fresh_id = id(9);
    let get = |number| model.outgoing.get(id(number)).unwrap().clone();
    (get(7), get(8))
}
