//! Going from one conversation to another by keys.

use super::{
    super::{
        effect::Effect,
        keymap::Action,
        layout,
        model::{
            Model,
            chat::{Chat, ChatId},
            chats::{Chats, Urgency},
        },
    },
    open, refuse,
};

/// Goes to the conversation that an action means, or says that there is none.
pub(super) fn go(model: &mut Model, action: Action) -> Vec<Effect> {
    let (found, otherwise) = match action {
        Action::NextConversation | Action::PreviousConversation => {
            let is_next = action == Action::NextConversation;
            let to = model.chats.neighbour(is_next, model.now);
            (to, "There is no conversation yet; /start NAME begins one.")
        }
        Action::NextUnread => (next_unread(model), "Nothing else is unread."),
        Action::PreviousUnread => (previous_unread(model), "Nothing else is unread."),
        Action::LastConversation => (last(model), "You were nowhere else before."),
        _ => (nth(model, action), "The list has no such place."),
    };
    match found {
        Some(id) => open::open(model, id),
        None => refuse(model, otherwise),
    }
}

/// Mentions first.
fn next_unread(model: &Model) -> Option<ChatId> {
    let called = model.chats.first_mention(model.now);
    let elsewhere = called.filter(|id| !model.is_front(id));
    elsewhere.or_else(|| model.chats.next_unread(model.now))
}

/// The one before the one in front, around the end; muted ones come last.
fn previous_unread(model: &Model) -> Option<ChatId> {
    let ordered = model.chats.ordered(model.now);
    let front = model.chats.front().map(Chat::id);
    let at = ordered.iter().position(|chat| Some(chat.id()) == front);
    let above = ordered.iter().take(at.unwrap_or(0)).rev();
    let below = ordered.iter().skip(at.map_or(0, |at| at + 1)).rev();
    let unread: Vec<&&Chat> = above.chain(below).filter(|chat| chat.is_unread()).collect();
    let is_loud = |chat: &&&&Chat| Chats::urgency(chat, model.now) != Urgency::Calm;
    let first = unread.iter().find(is_loud).or(unread.first());
    first.map(|chat| chat.id().clone())
}

fn last(model: &Model) -> Option<ChatId> {
    let last = model.last_front.clone()?;
    model.chats.get(&last).map(|chat| chat.id().clone())
}

fn nth(model: &Model, action: Action) -> Option<ChatId> {
    let place = action.conversation()?.checked_sub(1)?;
    layout::listed(model).get(place).cloned()
}
