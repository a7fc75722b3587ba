//! The switcher: all conversations by some letters of their names, the last used first while nothing is typed, then the
//! people that are known, and what could be begun or joined.

use super::{
    super::super::model::{
        Model,
        chat::{Chat, ChatId},
        overlay::{PickRow, Picked, PickerKind},
    },
    picker,
};
use crate::client::app::{
    line::counted,
    room::{Kind, Place, Wanted},
};

/// Opens it.
pub(super) fn open(model: &mut Model) {
    let rows = rows(model, "");
    picker::show(model, PickerKind::Switcher, rows);
}

/// The rows for what is typed.
pub(super) fn rows(model: &Model, typed: &str) -> Vec<PickRow> {
    let mut rows = picker::fit(chats(model), typed);
    if typed.is_empty() {
        return rows;
    }
    rows.extend(picker::fit(people(model), typed.trim_start_matches('@')));
    for (wanted, help) in named(model, typed) {
        let what = Picked::Start(wanted);
        if !rows.iter().any(|row| row.what == what) {
            rows.push(PickRow {
                label: typed.to_owned(),
                marks: Vec::new(),
                help: help.to_owned(),
                what,
            });
        }
    }
    rows.truncate(picker::ROWS_MAX);
    rows
}

/// The one in front last: who opens this wants to go elsewhere.
fn chats(model: &Model) -> Vec<PickRow> {
    let mut names = model.chats.names();
    let rank = |id: &ChatId| match (model.is_front(id), model.last_front.as_ref() == Some(id)) {
        (true, _) => 2,
        (false, true) => 0,
        (false, false) => 1,
    };
    names.sort_by_key(|(id, _)| rank(id));
    let row = |(id, label): (ChatId, String)| PickRow {
        label,
        marks: Vec::new(),
        help: model.chats.get(&id).map(about).unwrap_or_default(),
        what: Picked::Chat(id),
    };
    names.into_iter().map(row).collect()
}

fn about(chat: &Chat) -> String {
    let kind = match chat.room.kind {
        Kind::Direct => "direct",
        Kind::Group => "group",
        Kind::Channel => "channel",
    };
    let counts = chat.counts();
    let unread = usize::try_from(counts.unread).unwrap_or(usize::MAX);
    match (unread, counts.mentions) {
        (0, _) if chat.is_marked_unread() => format!("{kind}, put aside"),
        (0, _) => kind.to_owned(),
        (unread, 0) => format!("{kind}, {unread} unread"),
        (unread, mentions) => {
            let mentions = usize::try_from(mentions).unwrap_or(usize::MAX);
            let mentions = counted(mentions, "mention", "mentions");
            format!("{kind}, {unread} unread, {mentions}")
        }
    }
}

/// People with whom there is no conversation yet.
fn people(model: &Model) -> Vec<PickRow> {
    let direct = |chat: &&Chat| chat.room.kind == Kind::Direct;
    let known: std::collections::BTreeSet<_> = model
        .chats
        .iter()
        .filter(direct)
        .map(|chat| chat.room.name.clone())
        .collect();
    let names = model.people.names().filter(|name| !known.contains(*name));
    let names = names.filter_map(|name| name.to_user_name());
    let row = |name: crate::domain::name::UserName| PickRow {
        label: name.to_string(),
        marks: Vec::new(),
        help: "begin a conversation".to_owned(),
        what: Picked::Start(Wanted::User(name)),
    };
    names.map(row).collect()
}

/// What the letters name as they are, if no conversation here is called so.
fn named(model: &Model, typed: &str) -> impl Iterator<Item = (Wanted, &'static str)> {
    let channel = typed.strip_prefix('#').and_then(|name| name.parse().ok());
    let is_new = |place: &Place| model.chats.at(place).is_none();
    let channel = channel.filter(|name| is_new(&Place::Channel(Clone::clone(name))));
    let user = typed.trim_start_matches('@').parse().ok();
    let user = user.filter(|name| is_new(&Place::User(Clone::clone(name))));
    let channel = channel.map(|name| (Wanted::Channel(name), "join the channel"));
    let user = user.map(|name| (Wanted::User(name), "begin a conversation"));
    channel.into_iter().chain(user)
}
