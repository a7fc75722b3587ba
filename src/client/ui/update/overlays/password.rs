//! The screen on which the password is changed: what its keys do.
//!
//! Promises that the server is asked once, and only while it is there; that what was pasted answers nothing but the field
//! that it went into; and that closing it leaves nothing of what was typed.

use super::super::{
    super::{
        effect::Effect,
        keymap::{Action, Context},
        model::{Model, edit::Edit, overlay::Overlay, password::PasswordPane},
    },
    asking,
};

/// Opens it.
pub(in super::super) fn open(model: &mut Model) {
    model.overlay = Some(Overlay::Password(Box::default()));
}

/// Does what an action says. `None`: it is not about this, and goes on.
pub(super) fn act(model: &mut Model, action: Action) -> Option<Vec<Effect>> {
    let Some(Overlay::Password(pane)) = &mut model.overlay else {
        return None;
    };
    match action {
        Action::Redraw
        | Action::Suspend
        | Action::Quit
        | Action::ToggleSidebar
        | Action::ToggleMembers => return None,
        Action::SelectUp | Action::CompleteBack => pane.step(false),
        Action::SelectDown | Action::Complete => pane.step(true),
        Action::Accept => return Some(accept(model)),
        Action::ClearOrQuit
            if pane
                .secret(pane.at)
                .is_some_and(|secret| !secret.is_empty()) =>
        {
            pane.edit(Edit::KillAll);
        }
        Action::CloseOverlay | Action::FocusComposer | Action::ClearOrQuit => model.overlay = None,
        action => match Edit::of(action) {
            Some(edit) => pane.edit(edit),
            None if action.holds_in(Context::Everywhere) => {
                model.overlay = None;
                return None;
            }
            None => {}
        },
    }
    Some(Vec::new())
}

/// The screen, if it is open.
pub(super) fn pane(model: &mut Model) -> Option<&mut PasswordPane> {
    match &mut model.overlay {
        Some(Overlay::Password(pane)) => Some(pane),
        _ => None,
    }
}

fn accept(model: &mut Model) -> Vec<Effect> {
    let can_ask = asking::can_ask(model);
    let Some(pane) = pane(model) else {
        return Vec::new();
    };
    let Some(wish) = pane.accept() else {
        return Vec::new();
    };
    if !can_ask {
        pane.problem = Some("the server is away; try again when it is back".to_owned());
        return Vec::new();
    }
    pane.asked();
    vec![Effect::Password(wish)]
}

#[cfg(test)]
#[path = "password_tests.rs"]
mod tests;
