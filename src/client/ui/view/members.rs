//! The members of the conversation in front, in the order in which they were given.

use ratatui::layout::Rect;

use super::{pen::Pen, sidebar::presence_role};
use crate::{
    client::ui::{model::Model, text::width, theme::Role},
    domain::role,
};

/// Characters of a name.
const NAME_CHARS: usize = 64;

/// Draws them.
pub fn draw(model: &Model, pen: &mut Pen<'_>, pane: Rect) {
    let Some(chat) = model.chats.front() else {
        return;
    };
    pen.upright(pane, pane.x, false);
    let list = Rect {
        x: pane.x.saturating_add(1),
        width: pane.width.saturating_sub(1),
        ..pane
    };
    let Some(members) = &chat.members else {
        let words = format!(" {}", pen.signs().ellipsis);
        let words = pen.bit(Role::Dim, words);
        pen.row(list, list.y, &[words], &[]);
        return;
    };
    let rows = usize::from(list.height);
    let more = members.len().saturating_sub(rows);
    // The last row says how many are left.
    let shown = if more > 0 {
        rows.saturating_sub(1)
    } else {
        rows
    };
    let mut row = list.y;
    for member in members.iter().take(shown) {
        let name = member.name.render_start(NAME_CHARS);
        let style = match name == model.me.as_str() {
            true => pen.theme.style(Role::OwnName),
            false => pen.theme.name_style(&name),
        };
        let presence = model.presence_of(&member.name);
        let left = [
            pen.bit(Role::Text, " "),
            pen.sign(presence_role(presence)),
            pen.bit(Role::Text, " "),
            super::pen::Bit {
                text: name.as_str().into(),
                style,
            },
        ];
        let word = member.role.map_or("", word);
        // A name is worth more than what its owner may do.
        let fits = width::room(&name) + word.len() + 5 <= usize::from(list.width);
        let right = match fits && !word.is_empty() {
            true => vec![pen.bit(Role::Dim, word), pen.bit(Role::Text, " ")],
            false => Vec::new(),
        };
        pen.row(list, row, &left, &right);
        row = row.saturating_add(1);
    }
    if more > 0 && rows > 0 {
        let words = format!(" and {} more", members.len().saturating_sub(shown));
        let words = pen.bit(Role::Dim, words);
        pen.row(list, row, &[words], &[]);
    }
}

/// What is told of a role: nothing of the one that most have.
const fn word(role: role::Role) -> &'static str {
    match role {
        role::Role::Owner => "owner",
        role::Role::Admin => "admin",
        role::Role::Member => "",
        role::Role::ReadOnly => "reads",
    }
}
