//! Who can be named in what is written: those who speak first, then who is there, then all that are known.

use super::super::model::Model;
use crate::{
    client::app::{room::Kind, untrusted::Untrusted},
    domain::name::UserName,
};

/// Messages back from the newest whose senders come first.
const SPEAKERS_MESSAGES: usize = 200;
/// Names that are looked through.
const NAMES_MAX: usize = 20_000;

/// Returns the users that begin with what is typed, each once, without this user. What is no name is nobody.
pub(super) fn users(model: &Model, typed: &str) -> Vec<UserName> {
    let typed = typed.to_lowercase();
    let mut found: Vec<UserName> = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for name in candidates(model).take(NAMES_MAX) {
        let Some(name) = name.to_user_name() else {
            continue;
        };
        if name != model.me && name.as_str().starts_with(&typed) && seen.insert(name.clone()) {
            found.push(name);
        }
    }
    found
}

fn candidates(model: &Model) -> impl Iterator<Item = &Untrusted> {
    let front = model.chats.front();
    let speakers = front.into_iter().flat_map(|chat| {
        let newest = chat.window.all().rev().take(SPEAKERS_MESSAGES);
        newest.map(|message| &message.sender)
    });
    let other = front.filter(|chat| chat.room.kind == Kind::Direct);
    let other = other.map(|chat| &chat.room.name);
    let members = front.and_then(|chat| chat.members.as_ref());
    let members = members.into_iter().flatten().map(|member| &member.name);
    let directs = model
        .chats
        .iter()
        .filter(|chat| chat.room.kind == Kind::Direct);
    let directs = directs.map(|chat| &chat.room.name);
    speakers
        .chain(other)
        .chain(members)
        .chain(directs)
        .chain(model.people.names())
}

/// Returns the channels of this user that begin with what is typed.
pub(super) fn channels(model: &Model, typed: &str) -> Vec<String> {
    let typed = typed.to_lowercase();
    let channels = model
        .chats
        .iter()
        .filter(|chat| chat.room.kind == Kind::Channel);
    let named = channels.filter(|chat| chat.room.place().is_some());
    let mut labels: Vec<String> = named.map(|chat| chat.room.label()).collect();
    labels.retain(|label| {
        let name = label.trim_start_matches('#').to_lowercase();
        name.starts_with(&typed)
    });
    labels.sort();
    labels
}

/// Returns what to type for the groups of this user whose names begin with what is typed.
pub(super) fn groups(model: &Model, typed: &str) -> Vec<String> {
    let typed = typed.trim_start_matches('"').to_lowercase();
    let groups = model
        .chats
        .iter()
        .filter(|chat| chat.room.kind == Kind::Group);
    let fit = groups.filter(|chat| chat.room.label().to_lowercase().starts_with(&typed));
    let mut spelled: Vec<String> = fit.map(|chat| chat.room.spelled()).collect();
    spelled.sort();
    spelled
}
