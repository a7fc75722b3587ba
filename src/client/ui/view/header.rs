//! The line over the messages: what is in front, what it is about, and who is there; where the conversations are not seen,
//! how much waits in others.

use ratatui::layout::Rect;

use super::{
    counted as short,
    pen::{Bit, Pen},
    sidebar::{kind_sign, presence_role},
};
use crate::{
    client::{
        app::{line::counted, room::Kind},
        ui::{
            keymap::{Action, Context, Keymap},
            model::{LinkState, Model, chat::Chat},
            text::width,
            theme::Role,
        },
    },
    domain::{conversation::NotifyLevel, user::Presence},
};

/// Columns from which on the topic has room.
const TOPIC_FROM: u16 = 40;

/// Cells that a name has before what waits elsewhere is said in more words.
const NAME_CELLS: usize = 16;

/// Draws the line; `is_alone`: the conversations are not on the screen.
pub fn draw(model: &Model, pen: &mut Pen<'_>, keys: &Keymap, pane: Rect, is_alone: bool) {
    let Some(chat) = model.chats.front() else {
        let name = pen.bit(Role::Title, " TinyChat");
        let right = right(model, pen, keys, (pane, is_alone), room(&name), Vec::new());
        pen.row(pane, pane.y, &[name], &right);
        return;
    };
    let label = chat.room.label();
    let name = match chat.room.kind {
        Kind::Channel => label.strip_prefix('#').unwrap_or(&label),
        Kind::Direct | Kind::Group => &label,
    };
    let blank = pen.bit(Role::Text, " ");
    let mut left = vec![
        blank.clone(),
        kind_sign(model, pen, chat),
        blank.clone(),
        pen.bit(Role::Title, name),
    ];
    let cells = left.iter().map(room).sum::<usize>();
    let topic = chat.room.topic.render_line();
    if !topic.is_empty() && pane.width >= TOPIC_FROM {
        left.extend([pen.bit(Role::Dim, pen.dot()), pen.bit(Role::Dim, topic)]);
    }
    let mut about = Vec::new();
    if chat.notify_at(model.now) == NotifyLevel::None {
        let words = format!("{} muted ", pen.theme.glyph(Role::Muted));
        about.push(pen.bit(Role::Muted, words));
    }
    let who = who_is_there(model, chat);
    if !who.is_empty() {
        about.push(pen.bit(Role::Dim, who));
    }
    let right = right(model, pen, keys, (pane, is_alone), cells, about);
    pen.row(pane, pane.y, &left, &right);
}

fn room(bit: &Bit<'_>) -> usize {
    width::room(&bit.text)
}

/// What stands at the right: what waits elsewhere, in as many words as there is room for, and then what is in front.
fn right<'t>(
    model: &Model,
    pen: &Pen<'_>,
    keys: &Keymap,
    (pane, is_alone): (Rect, bool),
    name_cells: usize,
    about: Vec<Bit<'t>>,
) -> Vec<Bit<'t>> {
    let blank = || pen.bit(Role::Text, " ");
    let mut ways = Vec::new();
    if is_alone {
        ways = elsewhere(model, pen, keys);
    }
    let Some(last) = ways.pop() else {
        return about.into_iter().chain([blank()]).collect();
    };
    let space = usize::from(pane.width).saturating_sub(name_cells.min(NAME_CELLS) + 2);
    let with_about = |way: Vec<Bit<'t>>| {
        let dot = (!about.is_empty()).then(|| pen.bit(Role::Dim, pen.dot()));
        let all = way.into_iter().chain(dot).chain(about.iter().cloned());
        all.chain([blank()]).collect::<Vec<_>>()
    };
    // Who is there goes before the words, but not before the counts.
    let alone: Vec<_> = last.iter().cloned().chain([blank()]).collect();
    let ways = ways.into_iter().chain([last]).map(with_about);
    let mut fitting = ways.filter(|way| way.iter().map(room).sum::<usize>() <= space);
    fitting.next().unwrap_or(alone)
}

/// What waits in other conversations and how to get there, from many words to none. Empty: nothing does.
fn elsewhere<'t>(model: &Model, pen: &Pen<'_>, keys: &Keymap) -> Vec<Vec<Bit<'t>>> {
    let waits = model.chats.elsewhere(model.now);
    if waits.unread == 0 {
        return Vec::new();
    }
    let sign = pen.theme.glyph(Role::Mention);
    let called = (waits.mentions > 0).then(|| format!("{sign}{}", short(waits.mentions)));
    let unread = (waits.unread > waits.mentions).then(|| short(waits.unread));
    let way = |unread_word: &str, between: &str, last_word: &str| {
        let mut bits = Vec::new();
        if let Some(unread) = &unread {
            bits.push(pen.bit(Role::Unread, format!("{unread}{unread_word}")));
        }
        if let Some(called) = &called {
            if !bits.is_empty() {
                bits.push(pen.bit(Role::Dim, between.to_owned()));
            }
            bits.push(pen.bit(Role::Mention, called.clone()));
        }
        if unread.is_none() && !last_word.is_empty() {
            bits.push(pen.bit(Role::Dim, last_word.to_owned()));
        }
        bits
    };
    let long = way(" unread elsewhere", ", ", " elsewhere");
    let mut ways = Vec::new();
    let key = [Action::NextUnread, Action::Switcher].into_iter();
    let mut key = key.filter_map(|action| keys.hint(Context::Composer, action));
    if let Some(key) = key.next() {
        let mut with_key = long.clone();
        with_key.extend([
            pen.bit(Role::Dim, " ("),
            pen.bit(Role::Key, key.to_string()),
            pen.bit(Role::Dim, ")"),
        ]);
        ways.push(with_key);
    }
    ways.extend([long, way(" unread", ", ", ""), way("", " ", "")]);
    ways
}

fn who_is_there(model: &Model, chat: &Chat) -> String {
    if chat.room.kind != Kind::Direct {
        let count = usize::try_from(chat.room.members_count).unwrap_or(usize::MAX);
        return counted(count, "member", "members");
    }
    // Without a link nobody knows.
    match model.link == LinkState::Up {
        true => presence_word(model.presence_of(&chat.room.name)).to_owned(),
        false => String::new(),
    }
}

/// The word for how somebody can be reached.
pub const fn presence_word(presence: Presence) -> &'static str {
    match presence {
        Presence::Online => "online",
        Presence::Away => "away",
        Presence::DoNotDisturb => "do not disturb",
        Presence::Offline => "offline",
    }
}

/// The role with the word: for the own presence.
pub const fn presence(presence: Presence) -> (Role, &'static str) {
    (presence_role(presence), presence_word(presence))
}

#[cfg(test)]
#[path = "header_tests.rs"]
mod tests;
