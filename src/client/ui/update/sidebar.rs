//! What keys do in the list of conversations.

use super::{
    super::{
        effect::Effect,
        keymap::Action,
        layout,
        model::{Focus, Model},
    },
    asking, open, refuse,
};
use crate::{
    client::app::{acts::Deeds, parse::Notify},
    domain::conversation::NotifyLevel,
};

/// Keys go to the list from now on.
pub(super) fn enter(model: &mut Model) -> Vec<Effect> {
    let front = model.chats.front().map(|chat| chat.id().clone());
    let Some(first) = front.or_else(|| layout::listed(model).first().cloned()) else {
        return refuse(
            model,
            "There is no conversation yet; /start NAME begins one.",
        );
    };
    model.sidebar.selected = Some(first);
    model.focus = Focus::Sidebar;
    Vec::new()
}

/// Selects another conversation. The ends of the list are ends.
pub(super) fn select(model: &mut Model, action: Action) -> Vec<Effect> {
    let order = layout::listed(model);
    let selected = model.sidebar.selected.as_ref();
    let at = order.iter().position(|id| Some(id) == selected);
    let last = order.len().saturating_sub(1);
    let to = match (action, at) {
        (Action::SelectUp, Some(at)) => at.saturating_sub(1),
        (Action::SelectDown, Some(at)) => (at + 1).min(last),
        (Action::SelectLast, _) => last,
        _ => 0,
    };
    model.sidebar.selected = order.get(to).cloned();
    Vec::new()
}

/// Does something to the conversation that is selected.
pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    let selected = model.sidebar.selected.clone();
    let Some(chat) = selected.and_then(|id| model.chats.get(&id)) else {
        return refuse(model, "No conversation is selected.");
    };
    let id = chat.id().clone();
    let deed = match action {
        Action::ToggleUnread => Deeds::Unread(!chat.is_marked_unread()),
        Action::ToggleMute => {
            let level = match chat.notify_at(model.now) {
                NotifyLevel::None => NotifyLevel::All,
                _ => NotifyLevel::None,
            };
            Deeds::Notify(Some(Notify { level, lasts: None }))
        }
        _ => return open::open(model, id),
    };
    asking::at(model, &id, deed)
}
