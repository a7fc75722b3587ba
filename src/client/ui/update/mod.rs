//! What follows from what happened: pure, and the only place where it is decided.
//!
//! Promises: the same state and the same word give the same state and effects; nothing here waits, draws or panics,
//! whatever comes; what was pasted is never run. What comes from the server goes on to `news`. Keys go through `keys` to
//! the file of what they do; `fill` says which pages the screen needs; `open` is the one way to bring a conversation to
//! the front.

mod asking;
mod commands;
mod complete;
mod conversations;
mod fill;
mod focus;
mod jump;
mod keys;
mod messages;
mod mouse;
mod names;
mod open;
mod open_file;
mod overlays;
mod previews;
mod scroll;
mod selection;
mod send;
mod sidebar;
mod taking;
mod typing;
mod writing;

pub use fill::fill;
pub use previews::previews;

use super::{
    effect::Effect,
    keymap::{Chord, Keymap},
    model::{Focus, Model, chat::ChatId, composer::Mode, notices::Level},
    news::{self, News},
};
use crate::{
    client::app::{parse::parse, paths, secret::wipe},
    domain::{clock::TimeMs, limits::TEXT_BYTES_MAX},
};

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Msg {
    /// A key was pressed.
    Key(Chord),
    /// Files were dropped on the terminal, or their paths were pasted: all of them are there.
    Dropped {
        /// What was pasted.
        text: String,
        /// Their paths.
        files: Vec<String>,
    },
    /// A text was pasted: never run, whatever it holds.
    Paste(String),
    /// The mouse did something at a cell, counted from 0.
    Mouse {
        /// What.
        deed: Mouse,
        /// The column.
        column: u16,
        /// The row.
        row: u16,
    },
    /// The screen has this size now: columns and rows.
    Resized(u16, u16),
    /// The terminal came to the front, or went.
    Focused(bool),
    /// It is later.
    Tick(TimeMs),
    /// The program was asked to end: SIGTERM, SIGHUP.
    Ended,
    /// Something came from the server, the cache or this machine.
    News(Box<News>),
}

/// What a mouse does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mouse {
    /// The left button went down.
    Click,
    /// The wheel was turned away.
    ScrollUp,
    /// The wheel was turned towards the user.
    ScrollDown,
}

/// Takes in what happened; returns what is to be done for it, in this order.
pub fn update(model: &mut Model, keys: &Keymap, msg: Msg) -> Vec<Effect> {
    // What comes types nothing.
    let effects = match msg {
        Msg::News(_) => done(model, keys, msg),
        _ => {
            let before = typing::Written::of(model);
            let hands = jump::Hands::of(model);
            let mut effects = done(model, keys, msg);
            hands.keep(model);
            jump::note(model, &effects);
            effects.extend(typing::told(model, &before));
            if typing::Written::of(model) != before {
                model.wrote = Some(model.now);
            }
            effects
        }
    };
    asked(model, &effects);
    effects
}

/// Brings a conversation to the front, if there is such a one, as a key does it.
pub fn open(model: &mut Model, id: ChatId) -> Vec<Effect> {
    let effects = open::open(model, id);
    asked(model, &effects);
    effects
}

/// What is asked for is remembered, so that an answer that is older than what comes meanwhile is known as such.
fn asked(model: &mut Model, effects: &[Effect]) {
    for effect in effects {
        if let Effect::Members(chat) = effect {
            model.roll.ask(chat);
        }
    }
}

fn done(model: &mut Model, keys: &Keymap, msg: Msg) -> Vec<Effect> {
    // Whoever does something has the terminal in front, whatever it said last: it may have kept to itself that it came back.
    // The wheel turns over one that is not in front, too.
    let is_click = |deed: &Mouse| *deed == Mouse::Click;
    if matches!(&msg, Msg::Key(_) | Msg::Paste(_) | Msg::Dropped { .. })
        || matches!(&msg, Msg::Mouse { deed, .. } if is_click(deed))
    {
        model.is_focused = true;
    }
    match msg {
        Msg::News(news) => taking::take(model, *news),
        Msg::Key(chord) => keys::press(model, keys, chord),
        Msg::Paste(mut text) => {
            let effects = paste(model, keys, &text);
            // It may be a password.
            wipe(&mut text);
            effects
        }
        Msg::Dropped { mut text, files } => {
            let effects = dropped(model, keys, &text, &files);
            wipe(&mut text);
            effects
        }
        Msg::Mouse { deed, column, row } => mouse::act(model, keys, deed, (column, row)),
        Msg::Resized(columns, rows) => {
            model.size = (columns, rows);
            selection::mend(model);
            Vec::new()
        }
        Msg::Focused(is_focused) => {
            model.is_focused = is_focused;
            // Who goes elsewhere may not come back.
            match is_focused {
                true => Vec::new(),
                false => open::keep_draft(model).into_iter().collect(),
            }
        }
        Msg::Tick(now) => {
            model.tick(now);
            news::due(model)
        }
        Msg::Ended => keys::leave(model),
    }
}

/// What is said where the line that sends a file was written for one.
const OFFERED: &str = "That is a file, and what stands there sends it. To send its path as a text, write / in the place of \
                       /send and the space: a text that begins with // is sent with one /.";

/// A paste is text, whatever it holds: keys that it seems to hold are none.
fn paste(model: &mut Model, keys: &Keymap, text: &str) -> Vec<Effect> {
    match model.overlay {
        Some(_) => overlays::paste(model, keys, text),
        None => {
            model.focus = Focus::Composer;
            let refused = model.composer.paste(text);
            writing::say_refused(model, refused);
            Vec::new()
        }
    }
}

/// What stands in the composer when files were dropped on it already.
const SENDS: &str = "/send ";

/// Files were dropped on the terminal: what sends them stands there then, where nothing is written yet or others were dropped
/// before. Neither a part of a text nor another text for a message sends anything.
fn dropped(model: &mut Model, keys: &Keymap, text: &str, files: &[String]) -> Vec<Effect> {
    let there = model.composer.text();
    let (is_edit, is_more) = (
        matches!(model.composer.mode(), Mode::Edit(_)),
        there.starts_with(SENDS) && model.composer.buffer().cursor() == there.len(),
    );
    if model.overlay.is_some() || is_edit || !(there.is_empty() || is_more) {
        return paste(model, keys, text);
    }
    let gap = if there.ends_with(' ') { "" } else { " " };
    let words = match is_more {
        true => Some(format!("{gap}{}", paths::words(files))),
        false => paths::offered(files),
    };
    // What stands there may end in an open quote, or be as much as there may be.
    let is_sound = |line: &str| parse(line).is_ok() && line.len() <= TEXT_BYTES_MAX;
    if is_more && is_sound(there) {
        let line = format!("{there}{}", words.as_deref().unwrap_or_default());
        if let Err(why) = parse(&line) {
            return refuse(model, why.to_string());
        }
    }
    let words = words.filter(|words| !is_more || is_sound(&format!("{there}{words}")));
    let Some(words) = words else {
        let effects = paste(model, keys, text);
        if let Some(why) = paths::too_many(files) {
            say(model, Level::Warning, why);
        }
        return effects;
    };
    model.focus = Focus::Composer;
    let refused = model.composer.paste(&words);
    if !is_more {
        say(model, Level::Info, OFFERED);
    }
    writing::say_refused(model, refused);
    Vec::new()
}

/// Says something in the status line.
fn say(model: &mut Model, level: Level, text: impl Into<String>) {
    let now = model.now;
    model.notices.push(level, text, now);
}

/// Says why something was not done.
fn refuse(model: &mut Model, text: impl Into<String>) -> Vec<Effect> {
    say(model, Level::Warning, text);
    Vec::new()
}

#[cfg(test)]
#[path = "support_tests.rs"]
mod support;

#[cfg(test)]
#[path = "any_tests.rs"]
mod any_tests;

#[cfg(test)]
#[path = "in_front_tests.rs"]
mod in_front;

#[cfg(test)]
#[path = "features_tests.rs"]
mod features;
#[cfg(test)]
#[path = "features_walk_tests.rs"]
mod features_walk;
