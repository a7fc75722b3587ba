//! The line over the messages: what is in front, what it is about, and who is there.

use ratatui::layout::Rect;

use super::{
    pen::Pen,
    sidebar::{kind_sign, presence_role},
};
use crate::{
    client::{
        app::{line::counted, room::Kind},
        ui::{
            model::{LinkState, Model, chat::Chat},
            theme::Role,
        },
    },
    domain::{conversation::NotifyLevel, user::Presence},
};

/// Columns from which on the topic has room.
const TOPIC_FROM: u16 = 40;

/// Draws the line.
pub fn draw(model: &Model, pen: &mut Pen<'_>, pane: Rect) {
    let Some(chat) = model.chats.front() else {
        let name = pen.bit(Role::Title, " TinyChat");
        pen.row(pane, pane.y, &[name], &[]);
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
    let topic = chat.room.topic.render_line();
    if !topic.is_empty() && pane.width >= TOPIC_FROM {
        left.extend([pen.bit(Role::Dim, pen.dot()), pen.bit(Role::Dim, topic)]);
    }
    let mut right = Vec::new();
    if chat.notify_at(model.now) == NotifyLevel::None {
        let words = format!("{} muted ", pen.theme.glyph(Role::Muted));
        right.push(pen.bit(Role::Muted, words));
    }
    right.push(pen.bit(Role::Dim, who_is_there(model, chat)));
    right.push(blank);
    pen.row(pane, pane.y, &left, &right);
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
