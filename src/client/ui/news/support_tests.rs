//! What the tests of this folder begin with: ann, who is connected, in front of her the conversation with bob and its
//! messages 1 to 5, all of them read; a group and a channel stand aside, of 3 each.

use chrono::FixedOffset;

use super::{
    super::{
        effect::Effect,
        model::{
            LinkState, Model,
            chat::{Chat, ChatId},
            message::Message,
            outgoing::{Outgoing, State},
            overlay::Overlay,
            tally::Counts,
            window::{Ask, Ends, Page},
        },
    },
    ChatState, News, take,
};
use crate::{
    client::app::{
        line::Zone,
        room::{Kind, Place, Room},
    },
    domain::{clock::TimeMs, ids::ClientMessageId},
};

pub const BOB: &str = "c-bob";
pub const TRIP: &str = "c-trip";
pub const OPS: &str = "c-ops";

pub fn room(id: &str, kind: Kind, name: &str, members_count: u32) -> Room {
    Room {
        id: id.to_owned(),
        kind,
        name: name.into(),
        members_count,
        is_mine: true,
        ..Room::default()
    }
}

pub fn counts(last_seq: u64, read_seq: u64) -> Counts {
    Counts {
        last_seq,
        read_seq,
        unread: last_seq - read_seq,
        mentions: 0,
    }
}

pub fn state(room: Room, counts: Option<Counts>) -> ChatState {
    ChatState {
        room,
        my_role: None,
        counts,
        said: None,
        people: Vec::new(),
    }
}

pub fn message(seq: u64, sender: &str, text: &str) -> Message {
    Message {
        seq,
        revision: 0,
        sender: sender.into(),
        time: TimeMs::new(i64::try_from(seq).unwrap() * 1_000),
        text: Some(text.into()),
        files: Vec::new(),
        client_id: None,
        reply_to: 0,
        reactions: Vec::new(),
        mentions: Vec::new(),
        mentions_all: false,
    }
}

/// The newest page of a conversation.
pub fn newest(messages: Vec<Message>) -> Page {
    let last_seq = messages.last().map_or(0, |message| message.seq);
    Page {
        ask: Ask::Newest,
        messages,
        ends: Some(Ends { floor: 0, last_seq }),
    }
}

pub fn said(chat: &str, message: Message) -> News {
    let sender = message.sender.render_line();
    News::Message {
        chat: chat.into(),
        sender_id: format!("u-{sender}"),
        message: Box::new(message),
    }
}

/// Not yet connected, with no conversation.
pub fn nobody() -> Model {
    let zone = Zone::Fixed(FixedOffset::east_opt(0).unwrap());
    Model::new("ann".parse().unwrap(), zone, TimeMs::new(1_000_000))
}

pub fn ann() -> Model {
    let mut model = nobody();
    model.my_id = Some("u-ann".to_owned());
    model.link = LinkState::Up;
    model.intake.has_asked = true;
    for (id, kind, name, members_count) in [
        (TRIP, Kind::Group, "trip", 3),
        (OPS, Kind::Channel, "ops", 3),
        (BOB, Kind::Direct, "bob", 2),
    ] {
        let room = room(id, kind, name, members_count);
        let chat = model.chats.learn(room, Some(TimeMs::new(1))).unwrap();
        chat.take_counts(counts(5, 5));
        let messages = (1..=5).map(|seq| message(seq, "bob", "x"));
        chat.take_page(newest(messages.collect()));
    }
    for name in ["ann", "bob", "carol"] {
        model.people.learn(&format!("u-{name}"), &name.into());
    }
    model.open(Some(BOB.into()));
    model
}

pub fn chat<'a>(model: &'a Model, id: &str) -> &'a Chat {
    model.chats.get(&ChatId::from(id)).unwrap()
}

pub fn is_known(model: &Model, id: &str) -> bool {
    model.chats.get(&ChatId::from(id)).is_some()
}

/// Takes in what says nothing and has nothing done.
pub fn quietly(model: &mut Model, news: News) {
    assert_eq!(take(model, news), []);
    assert_eq!(notice(model), "");
}

/// What is said in the status line, which is empty then.
pub fn notice(model: &mut Model) -> String {
    let now = model.now;
    let text = model.notices.shown(now).map(|notice| notice.text.clone());
    while model.notices.dismiss(now) {}
    text.unwrap_or_default()
}

/// The title and the rows of the page that lies over all, which is taken away.
pub fn page(model: &mut Model) -> (String, Vec<String>) {
    match model.overlay.take() {
        Some(Overlay::Text(page)) => (page.title, page.rows),
        other => panic!("no page: {other:?}"),
    }
}

pub fn id(number: u8) -> ClientMessageId {
    ClientMessageId::from_bytes([number; 16])
}

/// A message to bob that waits.
pub fn waiting(number: u8) -> Outgoing {
    Outgoing {
        id: id(number),
        to: Place::User("bob".parse().unwrap()),
        text: "waits".parse().unwrap(),
        attachments: Vec::new(),
        reply_to: None,
        time: TimeMs::new(0),
        state: State::Waiting,
    }
}

/// What rings and what is shown for it.
pub fn calls(effects: &[Effect]) -> Option<(&str, &str)> {
    match effects {
        [] => None,
        [Effect::Ring, Effect::Notify { title, body }] => Some((title, body)),
        other => panic!("neither quiet nor a call: {other:?}"),
    }
}
