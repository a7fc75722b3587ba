//! The one way in which a conversation comes to the front, or goes from it, with all that follows.

use super::{
    super::{
        effect::Effect,
        model::{
            Focus, LinkState, Model,
            chat::{Chat, ChatId},
        },
    },
    asking, typing,
};
use crate::{
    client::app::{acts::Deeds, room::Kind},
    domain::limits::MARKERS_SHOWN_MEMBERS_MAX,
};

/// Brings a conversation to the front, if there is such a one; what is written there is written to it.
pub fn open(model: &mut Model, id: ChatId) -> Vec<Effect> {
    if model.chats.get(&id).is_none() {
        return Vec::new();
    }
    let mut effects = go(model, Some(id));
    effects.extend(met(model));
    effects
}

/// Leaves the front empty.
pub(super) fn close(model: &mut Model) -> Vec<Effect> {
    go(model, None)
}

fn go(model: &mut Model, id: Option<ChatId>) -> Vec<Effect> {
    let left = model.chats.front().map(|chat| chat.id().clone());
    model.jump = None;
    if !model.open(id) {
        model.focus = Focus::Composer;
        return Vec::new();
    }
    opened(model, left)
}

/// What follows when another conversation is in front than before.
pub(super) fn opened(model: &mut Model, left: Option<ChatId>) -> Vec<Effect> {
    model.filled = None;
    model.jump = None;
    let stops = typing::stopped(model);
    let aside = left.and_then(|id| model.chats.get(&id));
    let draft = aside.map(|chat| Effect::KeepDraft {
        chat: chat.id().clone(),
        text: chat.draft.text().to_owned(),
    });
    let front = model.chats.front().map(|chat| chat.id().clone());
    let mut effects: Vec<Effect> = stops.into_iter().chain(draft).collect();
    effects.push(Effect::Front(front));
    effects.extend(about(model));
    effects
}

/// What is to be known of the conversation in front while the server can be asked.
pub(super) fn about(model: &Model) -> Vec<Effect> {
    let Some(front) = model.chats.front() else {
        return Vec::new();
    };
    if model.link != LinkState::Up {
        return Vec::new();
    }
    let is_small = usize::try_from(front.room.members_count)
        .is_ok_and(|count| count <= MARKERS_SHOWN_MEMBERS_MAX);
    let has_markers = match front.room.kind {
        Kind::Direct => true,
        Kind::Group => is_small,
        Kind::Channel => false,
    };
    let markers = has_markers.then(|| Effect::Markers(front.id().clone()));
    let members = model
        .members_shown
        .then(|| Effect::Members(front.id().clone()));
    markers.into_iter().chain(members).collect()
}

/// What was put aside is taken up by coming to it: now, or once the server can be asked.
fn met(model: &mut Model) -> Vec<Effect> {
    if let Some(front) = model.chats.front_mut() {
        front.meet();
    }
    taken_up(model)
}

/// Takes up what somebody came to that was put aside, if the server can be asked.
pub(super) fn taken_up(model: &mut Model) -> Vec<Effect> {
    let can_ask = asking::can_ask(model);
    let front = model.chats.front_mut().filter(|_| can_ask);
    match front.is_some_and(Chat::take_up) {
        true => asking::here(model, Deeds::Unread(false)),
        false => Vec::new(),
    }
}

/// Keeps what is being written, as before this ends or goes out of sight.
pub(super) fn keep_draft(model: &Model) -> Option<Effect> {
    let front = model.chats.front()?;
    let mut drafts = model.drafts().into_iter();
    let draft = drafts.find(|(id, _)| id == front.id());
    Some(Effect::KeepDraft {
        chat: front.id().clone(),
        text: draft.map(|(_, text)| text).unwrap_or_default(),
    })
}

#[cfg(test)]
#[path = "open_tests.rs"]
mod tests;
