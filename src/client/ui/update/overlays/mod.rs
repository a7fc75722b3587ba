//! What lies over all: opening and closing it, and where keys, pastes and the mouse go while it is there.
//!
//! Promises: a question is answered by `y` alone; what edits a line edits the line of the overlay; whatever leads elsewhere
//! closes it first. What each kind lists and does stands in its own file.

mod emoji;
mod lists;
mod pages;
mod palette;
mod password;
mod picker;
mod search;
mod switcher;

pub(super) use emoji::react;
pub(super) use lists::links;
pub(super) use password::open as change_password;
pub(super) use search::{filled, found, hits_count, mentions_came, search_for, waits_for};

use super::{
    super::{
        effect::Effect,
        keymap::{Action, Context, Keymap},
        layout,
        model::{
            Model,
            composer::Composer,
            edit::Edit,
            overlay::{Overlay, Question, SearchPane, Then},
        },
    },
    asking, keys as dispatch, messages,
};

/// Rows by which the wheel moves.
const WHEEL_ROWS: usize = 3;

/// Opens what an action stands for.
pub(super) fn open(model: &mut Model, keys: &Keymap, action: Action) -> Vec<Effect> {
    close(model);
    match action {
        Action::Switcher => switcher::open(model),
        Action::Palette => palette::open(model, keys),
        Action::HistorySearch => lists::history(model),
        Action::Search => search::open(model),
        _ => model.overlay = Some(Overlay::Help { first_row: 0 }),
    }
    Vec::new()
}

/// Closes what lies over. A search can be had back by `/more`.
pub(super) fn close(model: &mut Model) {
    if let Some(Overlay::Search(pane)) = model.overlay.take() {
        keep(model, pane);
    }
}

fn keep(model: &mut Model, pane: Box<SearchPane>) {
    if !pane.hits.is_empty() {
        model.last_search = Some(pane);
    }
}

/// Does what an action says to what lies over all. `None`: the action is not about that, and goes on.
pub(super) fn act(model: &mut Model, keys: &Keymap, action: Action) -> Option<Vec<Effect>> {
    if let Some(Overlay::Ask(_)) = model.overlay {
        return ask(model, action);
    }
    if let Some(Overlay::Password(_)) = model.overlay {
        return password::act(model, action);
    }
    let rows = layout::overlay_rows(model).max(1);
    let page = isize::try_from(rows).unwrap_or(isize::MAX);
    let to = match action {
        Action::SelectUp => Some(By::Rows(-1)),
        Action::SelectDown => Some(By::Rows(1)),
        Action::PageUp => Some(By::Rows(-page)),
        Action::PageDown => Some(By::Rows(page)),
        Action::SelectFirst | Action::Oldest => Some(By::First),
        Action::SelectLast | Action::Newest => Some(By::Last),
        _ => None,
    };
    if let Some(to) = to {
        return Some(step(model, keys, to));
    }
    if let Some(edit) = Edit::of(action) {
        return Some(edit_input(model, keys, edit));
    }
    Some(match action {
        Action::Accept => accept(model, keys),
        Action::CloseOverlay | Action::FocusComposer => {
            close(model);
            Vec::new()
        }
        Action::ClearOrQuit => match input(model).is_some_and(|line| !line.is_empty()) {
            true => edit_input(model, keys, Edit::KillAll),
            false => {
                close(model);
                Vec::new()
            }
        },
        Action::Complete | Action::CompleteBack => tab(model, keys, action == Action::Complete),
        Action::Help if matches!(model.overlay, Some(Overlay::Help { .. })) => {
            close(model);
            Vec::new()
        }
        // These leave what lies over where it is.
        Action::Redraw
        | Action::Suspend
        | Action::Quit
        | Action::ToggleSidebar
        | Action::ToggleMembers => return None,
        other if other.holds_in(Context::Everywhere) => {
            close(model);
            return None;
        }
        _ => Vec::new(),
    })
}

/// A question is open: an action that does not leave the program takes it back, and does nothing else.
fn ask(model: &mut Model, action: Action) -> Option<Vec<Effect>> {
    match action {
        Action::Quit | Action::Suspend | Action::Redraw => None,
        _ => {
            model.overlay = None;
            Some(Vec::new())
        }
    }
}

/// A character was typed.
pub(super) fn type_in(model: &mut Model, keys: &Keymap, text: &str) -> Vec<Effect> {
    match &mut model.overlay {
        Some(Overlay::Ask(_)) => answer(model, text),
        Some(Overlay::Help { .. } | Overlay::Text(_)) => match text {
            "q" => {
                close(model);
                Vec::new()
            }
            " " => act(model, keys, Action::PageDown).unwrap_or_default(),
            _ => Vec::new(),
        },
        Some(Overlay::Password(pane)) => {
            pane.type_in(text);
            Vec::new()
        }
        _ => change(model, keys, |input| {
            input.type_in(text);
        }),
    }
}

/// A text was pasted: it goes to the line, as one line, if there is one; it answers nothing.
pub(super) fn paste(model: &mut Model, keys: &Keymap, text: &str) -> Vec<Effect> {
    if let Some(pane) = password::pane(model) {
        pane.put(text);
        return Vec::new();
    }
    let line = text.replace(['\r', '\n'], " ");
    change(model, keys, |input| {
        input.paste(&line);
    })
}

fn answer(model: &mut Model, text: &str) -> Vec<Effect> {
    let Some(Overlay::Ask(Question { then, .. })) = model.overlay.take() else {
        return Vec::new();
    };
    if !text.eq_ignore_ascii_case("y") {
        return Vec::new();
    }
    match then {
        Then::Act(act) => asking::ask(model, *act),
        Then::OpenFile(file, seq) => vec![Effect::OpenFile(file, seq)],
        Then::Drop(id) => messages::drop_refused(model, id),
        Then::Accounts => dispatch::left(model, Effect::Accounts),
        Then::LogOut => dispatch::left(model, Effect::LogOut),
        Then::Quit => dispatch::leave(model),
    }
}

/// The line in which is typed, if there is one.
fn input(model: &Model) -> Option<&Composer> {
    match &model.overlay {
        Some(Overlay::Pick(picker)) => Some(&picker.input),
        Some(Overlay::Search(pane)) if pane.mentions.is_none() => Some(&pane.input),
        _ => None,
    }
}

fn edit_input(model: &mut Model, keys: &Keymap, edit: Edit) -> Vec<Effect> {
    match edit {
        Edit::NewLine => Vec::new(),
        _ => change(model, keys, |input| {
            input.edit(edit);
        }),
    }
}

/// Changes the line; another text lists other rows.
fn change(model: &mut Model, keys: &Keymap, change: impl FnOnce(&mut Composer)) -> Vec<Effect> {
    let Some(before) = input(model).map(|line| line.text().to_owned()) else {
        return Vec::new();
    };
    let line = match &mut model.overlay {
        Some(Overlay::Pick(picker)) => &mut picker.input,
        Some(Overlay::Search(pane)) => &mut pane.input,
        _ => return Vec::new(),
    };
    change(line);
    if line.text() == before {
        return Vec::new();
    }
    match &model.overlay {
        Some(Overlay::Search(_)) => search::changed(model),
        _ => {
            picker::refresh(model, keys);
            Vec::new()
        }
    }
}

/// How far the choice moves, or the text.
#[derive(Clone, Copy, Debug)]
enum By {
    Rows(isize),
    First,
    Last,
}

impl By {
    /// The place after a move from another, among so many.
    fn from(self, at: usize, count: usize) -> usize {
        let last = count.saturating_sub(1);
        match self {
            Self::First => 0,
            Self::Last => last,
            Self::Rows(rows) => at.saturating_add_signed(rows).min(last),
        }
    }
}

fn step(model: &mut Model, keys: &Keymap, by: By) -> Vec<Effect> {
    match &mut model.overlay {
        Some(Overlay::Pick(picker)) => picker.chosen = by.from(picker.chosen, picker.rows.len()),
        Some(Overlay::Search(pane)) => {
            pane.chosen = by.from(pane.chosen, pane.hits.len());
            return search::more(model);
        }
        Some(Overlay::Help { .. } | Overlay::Text(_)) => pages::step(model, keys, by),
        Some(Overlay::Password(pane)) => match by {
            By::Rows(rows) => pane.step(rows > 0),
            By::First | By::Last => {}
        },
        Some(Overlay::Ask(_)) | None => {}
    }
    Vec::new()
}

/// Tab chooses the next row; in a search it changes where is looked.
fn tab(model: &mut Model, keys: &Keymap, is_next: bool) -> Vec<Effect> {
    match &mut model.overlay {
        Some(Overlay::Search(_)) => search::toggle_here(model),
        Some(Overlay::Pick(picker)) => {
            let count = picker.rows.len().max(1);
            let step = if is_next { 1 } else { count - 1 };
            picker.chosen = (picker.chosen + step) % count;
            Vec::new()
        }
        _ => step(model, keys, By::Rows(if is_next { 1 } else { -1 })),
    }
}

/// Takes what is chosen.
fn accept(model: &mut Model, keys: &Keymap) -> Vec<Effect> {
    match &model.overlay {
        Some(Overlay::Pick(_)) => picker::accept(model, keys),
        Some(Overlay::Search(_)) => search::accept(model),
        _ => {
            close(model);
            Vec::new()
        }
    }
}

/// The wheel was turned.
pub(super) fn wheel(model: &mut Model, keys: &Keymap, is_up: bool) -> Vec<Effect> {
    let rows = isize::try_from(WHEEL_ROWS).unwrap_or(1);
    step(model, keys, By::Rows(if is_up { -rows } else { rows }))
}

/// A row of the list was clicked.
pub(super) fn clicked(model: &mut Model, keys: &Keymap, row: usize) -> Vec<Effect> {
    let chosen = match &mut model.overlay {
        Some(Overlay::Pick(picker)) if row < picker.rows.len() => &mut picker.chosen,
        Some(Overlay::Search(pane)) if row < pane.hits.len() => &mut pane.chosen,
        _ => return Vec::new(),
    };
    *chosen = row;
    accept(model, keys)
}

#[cfg(test)]
#[path = "overlays_tests.rs"]
mod tests;
