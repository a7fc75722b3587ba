//! Models for tests: conversations as they are on an ordinary day, and the screen as text.

use std::fmt::Write as _;

use chrono::FixedOffset;
use ratatui::{Terminal, backend::TestBackend, buffer::Buffer, style::Style};
use unicode_width::UnicodeWidthStr;

use crate::{
    client::{
        app::{
            acts::MemberLine,
            line::Zone,
            room::{Kind, Room},
            transfers::{Follows, Wish},
        },
        ui::{
            keymap::Keymap,
            model::{
                LinkState, Model,
                chat::{Chat, ChatId},
                markers::Marker,
                message::{Message, Reaction},
                outgoing::{Outgoing, State},
                tally::Counts,
                window::{Ask, Ends, Page},
            },
            theme::{Env, Theme},
            view,
        },
    },
    domain::{clock::TimeMs, ids::ClientMessageId, role::Role, text::MessageText, user::Presence},
};

/// Saturday 2026-11-28, 12:00.
pub const NOW: i64 = 1_795_867_200_000;

/// A time of that day, or of one before it by so many days.
pub fn at(days_ago: i64, hour: i64, minute: i64) -> TimeMs {
    let midnight = NOW - 12 * 3_600_000;
    TimeMs::new(midnight - days_ago * 86_400_000 + hour * 3_600_000 + minute * 60_000)
}

/// One who has just come for the first time.
pub fn newcomer() -> Model {
    let zone = Zone::Fixed(FixedOffset::east_opt(0).unwrap());
    let mut model = Model::new("ann".parse().unwrap(), zone, TimeMs::new(NOW));
    model.link = LinkState::Up;
    model
}

/// Adds a conversation.
pub fn add(model: &mut Model, kind: Kind, name: &str, said: TimeMs) -> ChatId {
    let name_start: String = name.chars().take(40).collect();
    let id = format!("{kind:?} {name_start}");
    let room = Room {
        id: id.clone(),
        kind,
        name: name.into(),
        members_count: if kind == Kind::Direct { 2 } else { 12 },
        ..Room::default()
    };
    model.chats.learn(room, Some(said));
    model.people.learn(&id, &name.into());
    id.as_str().into()
}

pub fn chat<'m>(model: &'m mut Model, id: &ChatId) -> &'m mut Chat {
    model.chats.get_mut(id).unwrap()
}

/// A message of somebody.
pub fn message(seq: u64, sender: &str, time: TimeMs, text: &str) -> Message {
    Message {
        seq,
        revision: 0,
        sender: sender.into(),
        time,
        text: Some(text.into()),
        files: Vec::new(),
        client_id: None,
        reply_to: 0,
        reactions: Vec::new(),
        mentions: Vec::new(),
        mentions_all: false,
    }
}

/// Somebody says something; returns its number.
pub fn say(model: &mut Model, id: &ChatId, sender: &str, time: TimeMs, text: &str) -> u64 {
    say_so(model, id, sender, time, text, |_| {})
}

/// The same, and more about it.
pub fn say_so(
    model: &mut Model,
    id: &ChatId,
    sender: &str,
    time: TimeMs,
    text: &str,
    more: impl FnOnce(&mut Message),
) -> u64 {
    let seq = chat(model, id).counts().last_seq + 1;
    let mut message = message(seq, sender, time, text);
    more(&mut message);
    let (me, blocked) = (model.me.clone(), model.blocked.clone());
    model.chats.take_message(id, message, &me, &blocked);
    seq
}

/// All is read.
pub fn read(model: &mut Model, id: &ChatId) {
    let last = chat(model, id).counts().last_seq;
    chat(model, id).read_to(last);
}

/// So many messages lie before those that are in memory.
pub fn earlier(model: &mut Model, id: &ChatId, last_seq: u64) {
    chat(model, id).take_counts(Counts {
        last_seq,
        read_seq: last_seq,
        ..Counts::default()
    });
}

/// The first message is the first of all.
pub fn begins(model: &mut Model, id: &ChatId) {
    let last_seq = chat(model, id).counts().last_seq;
    chat(model, id).take_page(Page {
        ask: Ask::Newest,
        messages: Vec::new(),
        ends: Some(Ends { floor: 0, last_seq }),
    });
}

pub fn reaction(emoji: &str, count: u32, is_mine: bool) -> Reaction {
    Reaction {
        emoji: emoji.into(),
        count,
        is_mine,
    }
}

/// A message on its way.
pub fn sends(model: &mut Model, id: &ChatId, number: u8, text: &str, state: State) {
    sends_files(model, id, number, (text, 0), state);
}

/// The same with so many files.
pub fn sends_files(
    model: &mut Model,
    id: &ChatId,
    number: u8,
    (text, files): (&str, usize),
    state: State,
) {
    let text = match text {
        "" => MessageText::none(),
        text => text.parse().unwrap(),
    };
    let to = chat(model, id).room.place().unwrap();
    model
        .outgoing
        .push(Outgoing {
            id: ClientMessageId::from_bytes([number; 16]),
            to,
            text,
            attachments: (1..=files).map(|file| format!("f{file}")).collect(),
            reply_to: None,
            time: TimeMs::new(NOW),
            state,
        })
        .unwrap();
}

/// An ordinary day: three people, a group, three channels, and #ops in front.
pub fn office() -> (Model, ChatId) {
    let mut model = newcomer();
    let bob = add(&mut model, Kind::Direct, "bob", at(0, 11, 50));
    let carol = add(&mut model, Kind::Direct, "carol", at(0, 9, 0));
    add(&mut model, Kind::Direct, "dave", at(3, 9, 0));
    let trip = add(&mut model, Kind::Group, "trip to Rome", at(0, 10, 0));
    let general = add(&mut model, Kind::Channel, "general", at(0, 8, 0));
    let ops = add(&mut model, Kind::Channel, "ops", at(0, 11, 0));
    let random = add(&mut model, Kind::Channel, "random", at(0, 11, 59));
    model.people.set_presence("Direct bob", Presence::Online);
    model.people.set_presence("Direct carol", Presence::Away);
    chat(&mut model, &ops).room.topic = "Production and its nights".into();

    say(&mut model, &bob, "bob", at(0, 11, 50), "lunch?");
    say(&mut model, &carol, "carol", at(0, 9, 0), "thanks");
    read(&mut model, &carol);
    for minute in 0..4 {
        say(&mut model, &trip, "dave", at(0, 10, minute), "a hotel");
    }
    chat(&mut model, &general).take_counts(Counts {
        last_seq: 500,
        read_seq: 100,
        unread: 350,
        mentions: 2,
    });
    for minute in 0..9 {
        say(&mut model, &random, "eve", at(0, 11, 50 + minute), "lol");
    }
    let mut settings = chat(&mut model, &random).room.settings.unwrap_or_default();
    settings.notify.level = crate::domain::conversation::NotifyLevel::None;
    chat(&mut model, &random).set_settings(settings);

    let said = [
        (
            "bob",
            at(1, 17, 40),
            "I am off. The **deploy** of `api` waits for tomorrow.",
        ),
        ("carol", at(1, 17, 41), "good night"),
        ("bob", at(0, 9, 12), "good morning, is the build green?"),
        ("bob", at(0, 9, 13), "it was red all night"),
        (
            "ann",
            at(0, 9, 15),
            "it is green since the fix of the flaky test",
        ),
        (
            "carol",
            at(0, 9, 31),
            "Then I deploy now. The plan:\n- stop the workers\n- migrate\n- start them again",
        ),
        (
            "carol",
            at(0, 9, 40),
            "done, see https://status.example.org/deploys/4711 for the graphs",
        ),
        ("ann", at(0, 9, 41), "thank you!"),
    ];
    for (sender, time, text) in said {
        say(&mut model, &ops, sender, time, text);
    }
    begins(&mut model, &ops);
    read(&mut model, &ops);
    for (user, read) in [("u2", 8), ("u3", 5)] {
        let marker = Marker { delivered: 8, read };
        chat(&mut model, &ops).advance(user, marker);
    }
    chat(&mut model, &ops).room.members_count = 3;
    chat(&mut model, &ops).members = Some(members());
    model.open(Some(ops.clone()));
    (model, ops)
}

fn members() -> Vec<MemberLine> {
    let member = |name: &str, role| MemberLine {
        name: name.into(),
        role: Some(role),
    };
    vec![
        member("ann", Role::Owner),
        member("bob", Role::Admin),
        member("carol", Role::Member),
        member("eve", Role::ReadOnly),
    ]
}

/// The looks of this name, in all colours.
pub fn theme(name: &str) -> Theme {
    let env = Env {
        colorterm: Some("truecolor"),
        ..Env::default()
    };
    Theme::chosen(name, &env).unwrap()
}

/// The same on a terminal that draws ASCII only.
pub fn ascii() -> Theme {
    let env = Env {
        no_color: Some("1"),
        locale: Some("C"),
        ..Env::default()
    };
    Theme::fitting(&env)
}

/// Draws a model of this size; returns the cells and where the cursor stands.
pub fn drawn(model: &mut Model, size: (u16, u16), theme: &Theme) -> (Buffer, Option<(u16, u16)>) {
    model.size = size;
    let (terminal, _) = on_terminal(model, theme);
    let screen = terminal.backend();
    let at = screen.cursor_position();
    let cursor = screen.cursor_visible().then_some((at.x, at.y));
    (screen.buffer().clone(), cursor)
}

/// The pictures over it that can be drawn as pixels.
pub fn wholes(model: &Model, theme: &Theme) -> Vec<view::Whole> {
    on_terminal(model, theme).1
}

fn on_terminal(model: &Model, theme: &Theme) -> (Terminal<TestBackend>, Vec<view::Whole>) {
    let (columns, rows) = model.size;
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    let keys = Keymap::default();
    let mut found = Vec::new();
    terminal
        .draw(|frame| found = view::draw(model, theme, &keys, frame))
        .unwrap();
    (terminal, found)
}

/// The screen as text, with the cursor below it.
pub fn shown(model: &mut Model, size: (u16, u16), theme: &Theme) -> String {
    let (buffer, cursor) = drawn(model, size, theme);
    let mut text = rows(&buffer);
    match cursor {
        Some((x, y)) => writeln!(text, "-- cursor in column {x} of row {y}").unwrap(),
        None => writeln!(text, "-- no cursor").unwrap(),
    }
    text
}

/// The signs of each row.
pub fn rows(buffer: &Buffer) -> String {
    let mut text = String::new();
    for row in buffer.area.rows() {
        let mut line = String::new();
        let mut hidden = 0;
        for column in row.columns() {
            let symbol = buffer[(column.x, row.y)].symbol();
            if hidden == 0 {
                line += symbol;
                hidden = symbol.width().max(1);
            }
            hidden -= 1;
        }
        writeln!(text, "{}", line.trim_end()).unwrap();
    }
    text
}

/// The styles of one row: each run with its text.
pub fn styles(buffer: &Buffer, row: u16) -> String {
    let mut runs: Vec<(String, Style)> = Vec::new();
    for column in buffer.area.left()..buffer.area.right() {
        let cell = &buffer[(column, row)];
        let style = cell.style();
        match runs.last_mut() {
            Some((text, last)) if *last == style => text.push_str(cell.symbol()),
            _ => runs.push((cell.symbol().to_owned(), style)),
        }
    }
    let mut text = String::new();
    for (run, style) in runs {
        let colours = format!("{:?} on {:?}", style.fg.unwrap(), style.bg.unwrap());
        let colours = colours
            .replace("Reset on Reset", "-")
            .replace(" on Reset", "");
        writeln!(text, "{run:?}: {colours} {:?}", style.add_modifier).unwrap();
    }
    text
}

/// Begins to send a file to a conversation; returns the number of the transfer.
pub fn moves_files(model: &mut Model, id: &ChatId) -> u32 {
    let place = chat(model, id).room.place();
    let wish = Wish::Send(vec!["/tmp/graph of the night.png".to_owned()].into());
    match model.transfers.wish(wish, place, None) {
        Ok(Follows::Begin(number, ..)) => number,
        other => panic!("{other:?}"),
    }
}
