//! What happens: messages and what is done to them, markers, settings, blocks, who is there and who types.

use super::super::{
    effect::Effect,
    layout,
    model::{
        LinkState, Model,
        chat::{Chat, ChatId},
        markers::Marker,
        message::{Change, Message},
    },
};
use crate::{
    client::app::{
        blocked::Blocked,
        room::{Kind, Room},
        untrusted::Untrusted,
    },
    domain::{
        conversation::{MemberSettings, NotifyLevel},
        user::Presence,
    },
};

/// Characters that a notification shows of the name of a sender, and of a message.
const NAME_CHARS: usize = 64;
const BODY_CHARS: usize = 120;

/// A message came. What is new and calls this user rings, unless it is looked at or was missed.
pub(super) fn message(
    model: &mut Model,
    id: &ChatId,
    sender_id: &str,
    message: Message,
) -> Vec<Effect> {
    model.people.learn(sender_id, &message.sender);
    let is_new = model.take_message(id, message.clone());
    if model.chats.get(id).is_none() {
        return ask_for(model, id);
    }
    passed(model, id);
    match is_new {
        true => new_message(model, id, &message),
        false => Vec::new(),
    }
}

fn new_message(model: &mut Model, id: &ChatId, message: &Message) -> Vec<Effect> {
    let Some(chat) = model.chats.get(id) else {
        return Vec::new();
    };
    let is_hidden = message.is_hidden(chat.room.kind, &model.blocked);
    if model.link != LinkState::Up {
        // What is in front is seen to when nothing is missed any more.
        let is_muted = chat.notify_at(model.now) == NotifyLevel::None;
        if !message.is_by(&model.me) && !is_hidden && !is_muted {
            model.intake.miss(id);
        }
        return Vec::new();
    }
    let is_quiet = is_hidden || model.presence == Presence::DoNotDisturb;
    if is_quiet || !chat.calls(message, &model.me, &model.blocked, model.now) {
        return Vec::new();
    }
    // Last, since a screen is laid out for it.
    if model.is_front(id) && layout::is_noticed(model) {
        return Vec::new();
    }
    vec![Effect::Ring, notification(chat, message)]
}

/// What is on the server stands in its conversation from the moment on when that has come so far, or it never will.
pub(super) fn passed(model: &mut Model, id: &ChatId) {
    if model.outgoing.is_empty() {
        return;
    }
    let Some(chat) = model.chats.get(id) else {
        return;
    };
    if let Some(place) = chat.room.place() {
        model.outgoing.passed(&place, chat.counts().last_seq);
    }
}

fn notification(chat: &Chat, message: &Message) -> Effect {
    let sender = message.sender.render_start(NAME_CHARS);
    let title = match chat.room.kind {
        Kind::Direct => sender,
        _ => format!("{sender} in {}", chat.room.label()),
    };
    let text = message.said();
    let body = text.map_or_else(String::new, |text| text.render_start(BODY_CHARS));
    Effect::Notify { title, body }
}

/// Something came of a conversation of which nothing is known: it is asked for, once.
pub(super) fn ask_for(model: &mut Model, id: &ChatId) -> Vec<Effect> {
    let is_due = model.intake.ask_for(id);
    let effect = is_due.then(|| Effect::State(id.clone()));
    effect.into_iter().collect()
}

/// Something happened to a message.
pub(super) fn changed(model: &mut Model, id: &ChatId, change: Change) -> Vec<Effect> {
    let Model {
        chats, me, blocked, ..
    } = model;
    match chats.get_mut(id) {
        Some(chat) => {
            chat.take_change(change, me, blocked);
            Vec::new()
        }
        None => ask_for(model, id),
    }
}

/// A member has come further: this user elsewhere, or another.
pub(super) fn marker(model: &mut Model, id: &ChatId, user_id: &str, marker: Marker) -> Vec<Effect> {
    let is_mine = is_me(model, user_id);
    match model.chats.get_mut(id) {
        Some(chat) if is_mine => {
            chat.told_read_to(marker.read);
            Vec::new()
        }
        Some(chat) => {
            chat.advance(user_id, marker);
            Vec::new()
        }
        None if is_mine => ask_for(model, id),
        // How far others are is asked for when it is shown.
        None => Vec::new(),
    }
}

/// Whether an id is that of this user.
pub(super) fn is_me(model: &Model, user_id: &str) -> bool {
    match &model.my_id {
        Some(my_id) => my_id == user_id,
        None => model.people.name(user_id) == Some(&model.me.as_str().into()),
    }
}

/// This user set something, here or elsewhere.
pub(super) fn settings(model: &mut Model, id: &ChatId, settings: MemberSettings) -> Vec<Effect> {
    let Some(chat) = model.chats.get_mut(id) else {
        return ask_for(model, id);
    };
    chat.set_settings(settings);
    chat.told.settings = true;
    Vec::new()
}

/// This user blocks these.
pub(super) fn blocks(model: &mut Model, blocked: Blocked) -> Vec<Effect> {
    model.set_blocked(blocked);
    model.intake.told_blocks();
    Vec::new()
}

/// How a user can be reached.
pub(super) fn presence(
    model: &mut Model,
    user_id: &str,
    user: &Untrusted,
    presence: Presence,
) -> Vec<Effect> {
    if !user.is_empty() {
        model.people.learn(user_id, user);
    }
    model.people.set_presence(user_id, presence);
    Vec::new()
}

/// Somebody types. Not this user, and nobody whom this user blocks.
pub(super) fn typing(
    model: &mut Model,
    id: &ChatId,
    user: &Untrusted,
    is_typing: bool,
) -> Vec<Effect> {
    let is_me = *user == Untrusted::from(model.me.as_str());
    // As in a room of many: of whom is blocked nothing is shown.
    let group = Room {
        kind: Kind::Group,
        ..Room::default()
    };
    if is_me || model.blocked.hides(Some(&group), user) {
        return Vec::new();
    }
    if let Some(chat) = model.chats.get_mut(id) {
        chat.typing.set(user, is_typing, model.now);
    }
    Vec::new()
}

#[cfg(test)]
#[path = "events_tests.rs"]
mod tests;
