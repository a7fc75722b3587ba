//! What keys do to what is being written.

use super::{
    super::{
        effect::Effect,
        keymap::{Action, Keymap},
        model::{
            Focus, Model, composer::Mode, edit::Edit, history::History, markers::Delivery,
            notices::Level,
        },
    },
    commands, complete, keys as dispatch, messages, overlays, refuse, say,
};
use crate::domain::limits::TEXT_BYTES_MAX;

/// Does what an action says to what is being written.
pub(super) fn act(model: &mut Model, keys: &Keymap, action: Action) -> Vec<Effect> {
    match action {
        Action::Send => return commands::enter(model, keys),
        Action::Complete => complete::step(model, true),
        Action::CompleteBack => complete::step(model, false),
        Action::UpOrEditLast => return up(model),
        Action::DownOrNewer => down(model),
        Action::HistoryOlder => recall(model, true),
        Action::HistoryNewer => recall(model, false),
        Action::Cancel => cancel(model),
        Action::ClearOrQuit => return clear_or_quit(model),
        Action::DeleteRightOrQuit => {
            if model.composer.is_empty() {
                return dispatch::quit(model);
            }
            model.composer.edit(Edit::DeleteRight);
        }
        Action::DeleteToEndOrSwitch => {
            let buffer = model.composer.buffer();
            if buffer.line_end(buffer.cursor()) == buffer.cursor() {
                return overlays::open(model, keys, Action::Switcher);
            }
            model.composer.edit(Edit::KillToLineEnd);
        }
        other => {
            if let Some(edit) = Edit::of(other) {
                model.composer.edit(edit);
            }
        }
    }
    Vec::new()
}

/// A character was typed. One that goes on with a word narrows what is offered for it, any other takes what is chosen.
pub(super) fn typed(model: &mut Model, typed: char) -> Vec<Effect> {
    let mut text = [0; 4];
    let text = typed.encode_utf8(&mut text);
    let is_offered = model.composer.offer().is_some();
    let is_narrowing = is_offered && complete::goes_on(typed);
    if is_offered && !is_narrowing {
        accept(model);
        let buffer = model.composer.buffer();
        let before = buffer.text().get(..buffer.cursor()).unwrap_or_default();
        // What was put in brings its space along.
        if typed == ' ' && before.ends_with(' ') {
            return Vec::new();
        }
    }
    let refused = model.composer.type_in(text);
    say_refused(model, refused);
    if is_narrowing {
        complete::narrow(model);
    }
    Vec::new()
}

/// Puts what is chosen into the text.
pub(super) fn accept(model: &mut Model) {
    let refused = model.composer.accept().unwrap_or(0);
    say_refused(model, refused);
}

/// Says that a text was too long to be taken.
pub(super) fn say_refused(model: &mut Model, bytes: usize) {
    if bytes > 0 {
        let text = format!(
            "A text can have {TEXT_BYTES_MAX} bytes; {bytes} more were left out. Send it in parts."
        );
        say(model, Level::Warning, text);
    }
}

fn up(model: &mut Model) -> Vec<Effect> {
    if model.composer.offer().is_some() {
        model.composer.choose(false);
    } else if model.composer.is_empty() && *model.composer.mode() == Mode::Write {
        return edit_last(model);
    } else if model.composer.buffer().place().0 > 0 {
        model.composer.edit(Edit::LineUp);
    } else {
        recall(model, true);
    }
    Vec::new()
}

fn down(model: &mut Model) {
    let buffer = model.composer.buffer();
    if model.composer.offer().is_some() {
        model.composer.choose(true);
    } else if buffer.place().0 + 1 < buffer.lines_count() {
        model.composer.edit(Edit::LineDown);
    } else {
        recall(model, false);
    }
}

fn edit_last(model: &mut Model) -> Vec<Effect> {
    // The one before it would get a text that is meant for another.
    if has_newer_on_its_way(model) {
        let text =
            "Your last message is still on its way; it can be edited once it has its number.";
        return refuse(model, text);
    }
    let last = model
        .chats
        .front()
        .and_then(|chat| chat.last_own(&model.me));
    let last = last.and_then(|message| Some((message.clone(), message.text.clone()?)));
    match last {
        Some((message, text)) => messages::edit(model, &message, text),
        None => refuse(model, "You have said nothing here that could be edited."),
    }
}

/// Whether something that was written in the conversation in front has no number yet.
fn has_newer_on_its_way(model: &Model) -> bool {
    let place = model.chats.front().and_then(|chat| chat.room.place());
    let all = place.iter().flat_map(|place| model.outgoing.to(place));
    let mut on_its_way = all.filter(|it| it.delivery() != Delivery::Failed);
    on_its_way.next().is_some()
}

fn recall(model: &mut Model, is_older: bool) {
    let nothing = History::default();
    let history = model.chats.front().map_or(&nothing, |chat| &chat.history);
    model.composer.recall(history, is_older);
}

fn cancel(model: &mut Model) {
    if !model.composer.dismiss() && !model.composer.leave_mode() {
        model.notices.dismiss(model.now);
    }
}

fn clear_or_quit(model: &mut Model) -> Vec<Effect> {
    model.composer.dismiss();
    let is_empty = model.composer.is_empty();
    // After an edit or a line of the history what was written before is there again, and stays.
    let is_edit = matches!(model.composer.mode(), Mode::Edit(_));
    let was_before = if is_edit {
        model.composer.leave_mode()
    } else if model.composer.come_back() {
        true
    } else {
        model.composer.edit(Edit::KillAll);
        model.composer.leave_mode()
    };
    match is_empty && !was_before {
        true => dispatch::quit(model),
        false => Vec::new(),
    }
}

/// Puts a text in the place of what is written; that is there again once this is sent or taken back.
pub(super) fn replace(model: &mut Model, text: &str) {
    if matches!(model.composer.mode(), Mode::Edit(_)) {
        model.composer.leave_mode();
    }
    let refused = model.composer.put_before(text);
    say_refused(model, refused);
    model.focus = Focus::Composer;
}

#[cfg(test)]
#[path = "writing_tests.rs"]
mod tests;
