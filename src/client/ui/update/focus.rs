//! Where keys go, and which panes are shown.

use super::{
    super::{
        effect::Effect,
        keymap::Action,
        model::{Focus, LinkState, Model},
    },
    refuse, selection, sidebar,
};

/// Does what an action says about panes.
pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::FocusMessages => messages(model),
        Action::FocusSidebar => sidebar::enter(model),
        Action::FocusNext => next(model),
        Action::ToggleSidebar => {
            model.sidebar.is_shown = !model.sidebar.is_shown;
            if !model.sidebar.is_shown && model.focus == Focus::Sidebar {
                model.focus = Focus::Composer;
            }
            Vec::new()
        }
        Action::ToggleMembers => members(model),
        _ => {
            model.focus = Focus::Composer;
            Vec::new()
        }
    }
}

fn messages(model: &mut Model) -> Vec<Effect> {
    match selection::enter(model) {
        true => Vec::new(),
        false => refuse(model, "There is no message to select."),
    }
}

/// The next pane that holds anything.
fn next(model: &mut Model) -> Vec<Effect> {
    let focus = model.focus;
    if focus == Focus::Composer && selection::enter(model) {
        return Vec::new();
    }
    if focus != Focus::Sidebar && !model.chats.is_empty() {
        return sidebar::enter(model);
    }
    model.focus = Focus::Composer;
    Vec::new()
}

fn members(model: &mut Model) -> Vec<Effect> {
    model.members_shown = !model.members_shown;
    let front = model.chats.front().map(|chat| chat.id().clone());
    let is_up = model.link == LinkState::Up;
    let wanted = front.filter(|_| model.members_shown && is_up);
    wanted.map(Effect::Members).into_iter().collect()
}
