//! From a key to what it does: the context says which, and each action is one arm here.
//!
//! Promises: a key that has an action does that and types nothing; one that has none types its character where letters are
//! typed, and does nothing elsewhere. What an action does stands in the file of its kind.

use super::{
    super::{
        effect::Effect,
        keymap::{Action, Chord, Context, Keymap},
        model::{
            Focus, Model,
            overlay::{Overlay, Question, Then},
        },
    },
    conversations, focus, messages, open, overlays, scroll, selection, sidebar, writing,
};

/// Where keys go now.
pub(super) fn context(model: &Model) -> Context {
    match (&model.overlay, model.focus) {
        (Some(_), _) => Context::Overlay,
        (None, Focus::Composer) => Context::Composer,
        (None, Focus::Messages(_) | Focus::Outgoing(_)) => Context::Messages,
        (None, Focus::Sidebar) => Context::Sidebar,
    }
}

/// A key was pressed.
pub(super) fn press(model: &mut Model, keys: &Keymap, chord: Chord) -> Vec<Effect> {
    let effects = pressed(model, keys, chord);
    model.begin_anew();
    effects
}

fn pressed(model: &mut Model, keys: &Keymap, chord: Chord) -> Vec<Effect> {
    let context = context(model);
    if let Some(action) = keys.lookup(context, chord) {
        return act(model, keys, action);
    }
    match (chord.typed(), context) {
        (Some(typed), Context::Overlay) => {
            overlays::type_in(model, keys, typed.encode_utf8(&mut [0; 4]))
        }
        (Some(typed), Context::Composer) => writing::typed(model, typed),
        _ => Vec::new(),
    }
}

/// Does what an action says.
pub(super) fn act(model: &mut Model, keys: &Keymap, action: Action) -> Vec<Effect> {
    if model.overlay.is_some()
        && let Some(effects) = overlays::act(model, keys, action)
    {
        return effects;
    }
    match action {
        Action::Switcher
        | Action::Palette
        | Action::Search
        | Action::Help
        | Action::HistorySearch => overlays::open(model, keys, action),
        Action::NextConversation
        | Action::PreviousConversation
        | Action::NextUnread
        | Action::PreviousUnread
        | Action::LastConversation
        | Action::Conversation1
        | Action::Conversation2
        | Action::Conversation3
        | Action::Conversation4
        | Action::Conversation5
        | Action::Conversation6
        | Action::Conversation7
        | Action::Conversation8
        | Action::Conversation9 => conversations::go(model, action),
        Action::PageUp
        | Action::PageDown
        | Action::Oldest
        | Action::Newest
        | Action::FirstUnread => scroll::act(model, action),
        Action::FocusMessages
        | Action::FocusSidebar
        | Action::FocusNext
        | Action::FocusComposer
        | Action::ToggleSidebar
        | Action::ToggleMembers => focus::act(model, action),
        Action::Redraw => vec![Effect::Redraw],
        Action::Suspend => {
            let draft = open::keep_draft(model);
            draft.into_iter().chain([Effect::Suspend]).collect()
        }
        Action::Quit => quit(model),
        Action::SelectUp | Action::SelectDown | Action::SelectFirst | Action::SelectLast => {
            match model.focus {
                Focus::Sidebar => sidebar::select(model, action),
                _ => selection::select(model, action),
            }
        }
        Action::Reply
        | Action::Edit
        | Action::Delete
        | Action::React
        | Action::Copy
        | Action::OpenLink
        | Action::SaveFiles
        | Action::GoToQuoted
        | Action::SeenBy
        | Action::Retry
        | Action::Drop => messages::act(model, action),
        Action::OpenConversation | Action::ToggleUnread | Action::ToggleMute => {
            sidebar::act(model, action)
        }
        // These hold in an overlay only, and nothing lies over.
        Action::Accept | Action::CloseOverlay => Vec::new(),
        writing => writing::act(model, keys, writing),
    }
}

/// Leaves. What waits is kept on this machine, so nothing is lost by it and nothing is asked; where what is begun cannot be
/// kept, or files are on their way, it is, once.
pub(super) fn quit(model: &mut Model) -> Vec<Effect> {
    let is_asked = matches!(
        &model.overlay,
        Some(Overlay::Ask(question)) if question.then == Then::Quit
    );
    let lost = (!model.can_keep && !model.begun().is_empty()).then(|| {
        "What you are writing cannot be kept on this machine, and is lost when you leave."
            .to_owned()
    });
    let moving = match model.transfers.count() {
        0 => None,
        1 => Some(format!(
            "1 transfer is under way; {}.",
            again(model, "the same command goes on with it")
        )),
        count => Some(format!(
            "{count} transfers are under way; {}.",
            again(model, "the same commands go on with them")
        )),
    };
    let mut why: Vec<String> = lost.into_iter().chain(moving).collect();
    if is_asked || why.is_empty() {
        return leave(model);
    }
    why.push("Leave all the same?".to_owned());
    model.overlay = Some(Overlay::Ask(Question {
        text: why.join(" "),
        then: Then::Quit,
    }));
    Vec::new()
}

/// Leaves the conversations for something else. Where files are on their way it is asked whether to.
pub(super) fn leave_for(model: &mut Model, what: Effect) -> Vec<Effect> {
    let (is_one, count) = (model.transfers.count() == 1, model.transfers.count());
    if count == 0 {
        return left(model, what);
    }
    let are = match is_one {
        true => "1 transfer is under way".to_owned(),
        false => format!("{count} transfers are under way"),
    };
    let then = match (&what, is_one) {
        (Effect::LogOut, true) => "and is lost with the login",
        (Effect::LogOut, false) => "and are lost with the login",
        (_, true) => &format!(
            "and ends; {}",
            again(model, "the same command goes on with it")
        ),
        (_, false) => &format!(
            "and end; {}",
            again(model, "the same commands go on with them")
        ),
    };
    model.overlay = Some(Overlay::Ask(Question {
        text: format!("{are}, {then}. Leave all the same?"),
        then: match what {
            Effect::LogOut => Then::LogOut,
            _ => Then::Accounts,
        },
    }));
    Vec::new()
}

/// What becomes of files on their way: this, if all that is there of them is noted.
fn again<'w>(model: &Model, words: &'w str) -> &'w str {
    match model.transfers.are_noted() {
        true => words,
        false => {
            "not all that is there could be noted on this machine, and that is sent anew the next time"
        }
    }
}

/// Leaves, whatever is lost by it.
pub(super) fn leave(model: &mut Model) -> Vec<Effect> {
    left(model, Effect::Quit)
}

/// Leaves the conversations for something else.
pub(super) fn left(model: &mut Model, what: Effect) -> Vec<Effect> {
    let draft = open::keep_draft(model);
    let stops = super::typing::stopped(model);
    draft.into_iter().chain(stops).chain([what]).collect()
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
