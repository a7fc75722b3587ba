//! The conversations at the side: sections, who is there, what is unread.
//!
//! Which of them are seen is said by the layout.

use ratatui::layout::Rect;

use super::{
    counted,
    pen::{Bit, Pen},
};
use crate::{
    client::{
        app::room::Kind,
        ui::{
            layout::listed::{self, Listed},
            model::{
                Focus, Model,
                chat::Chat,
                chats::{Chats, Urgency},
            },
            theme::Role,
        },
    },
    domain::{conversation::NotifyLevel, user::Presence},
};

/// Draws the list; `is_alone`: it is all that is seen.
pub fn draw(model: &Model, pen: &mut Pen<'_>, pane: Rect, is_alone: bool) {
    let is_focused = model.focus == Focus::Sidebar;
    let mut list = pane;
    if !is_alone && pane.width > 1 {
        list.width -= 1;
        pen.upright(pane, list.right(), is_focused);
    }
    let rows = listed::seen(model, usize::from(list.height));
    if rows.is_empty() && list.height > 0 {
        let words = pen.bit(Role::Dim, " No conversations");
        pen.row(list, list.y, &[words], &[]);
    }
    for (row, listed) in (list.top()..list.bottom()).zip(rows) {
        match listed {
            Listed::Blank => {}
            Listed::Head(kind) => {
                let head = match kind {
                    Kind::Direct => " Direct",
                    Kind::Group => " Groups",
                    Kind::Channel => " Channels",
                };
                let head = pen.bit(Role::Dim, head);
                pen.row(list, row, &[head], &[]);
            }
            Listed::Filter(filter) => {
                let words = [
                    pen.bit(Role::Key, " / "),
                    pen.bit(Role::Text, filter.replace(char::is_control, " ")),
                ];
                pen.row(list, row, &words, &[]);
            }
            Listed::Chat(chat) => conversation(model, pen, list, row, chat),
        }
    }
}

fn conversation(model: &Model, pen: &mut Pen<'_>, list: Rect, row: u16, chat: &Chat) {
    let is_front = model.is_front(chat.id());
    let is_selected = listed::selected(model) == Some(chat.id());
    let is_muted = chat.notify_at(model.now) == NotifyLevel::None;
    let role = match is_front {
        true => Role::Front,
        false if is_muted => Role::Muted,
        false if chat.is_unread() => Role::Unread,
        false => Role::Read,
    };
    let mark = match is_front {
        true => pen.sign(Role::Front),
        false => pen.bit(Role::Read, " "),
    };
    // The sign in front says what a label would say again.
    let label = chat.room.label();
    let name = match chat.room.kind {
        Kind::Channel => label.strip_prefix('#').unwrap_or(&label),
        Kind::Direct | Kind::Group => &label,
    };
    let left = [
        mark,
        kind_sign(model, pen, chat),
        pen.bit(Role::Text, " "),
        pen.bit(role, name),
    ];
    let right = badges(model, pen, chat, is_muted);
    pen.row(list, row, &left, &right);
    if is_selected {
        pen.select(Rect {
            y: row,
            height: 1,
            ..list
        });
    }
}

/// What kind of conversation it is; of a DIRECT one whether the other is there.
pub fn kind_sign(model: &Model, pen: &Pen<'_>, chat: &Chat) -> Bit<'static> {
    match chat.room.kind {
        Kind::Direct => pen.sign(presence_role(model.presence_of(&chat.room.name))),
        Kind::Group => pen.sign(Role::Group),
        Kind::Channel => pen.sign(Role::Channel),
    }
}

/// The role of somebody who can be reached so.
pub const fn presence_role(presence: Presence) -> Role {
    match presence {
        Presence::Online => Role::Online,
        Presence::Away => Role::Away,
        Presence::DoNotDisturb => Role::Dnd,
        Presence::Offline => Role::Offline,
    }
}

fn badges<'t>(model: &Model, pen: &Pen<'_>, chat: &Chat, is_muted: bool) -> Vec<Bit<'t>> {
    let counts = chat.counts();
    let is_called = Chats::urgency(chat, model.now) == Urgency::Called;
    let blank = || pen.bit(Role::Text, " ");
    let mut badges = Vec::new();
    if !model.is_front(chat.id()) && !chat.draft.text().is_empty() {
        badges.extend([blank(), pen.sign(Role::Draft)]);
    }
    if is_muted {
        badges.extend([blank(), pen.sign(Role::Muted)]);
    }
    if counts.mentions > 0 {
        let sign = pen.theme.glyph(Role::Mention);
        let words = format!("{sign}{}", counted(counts.mentions));
        badges.extend([blank(), pen.bit(Role::Mention, words)]);
    }
    let role = match (is_muted, is_called) {
        (true, _) => Role::Muted,
        (false, true) => Role::Mention,
        (false, false) => Role::Unread,
    };
    if counts.unread > counts.mentions {
        badges.extend([blank(), pen.bit(role, counted(counts.unread))]);
    } else if counts.unread == 0 && chat.is_marked_unread() {
        badges.extend([blank(), pen.sign(Role::Unread)]);
    }
    if !badges.is_empty() {
        badges.push(blank());
    }
    badges
}
