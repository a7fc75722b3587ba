//! What keys do to what is being written.

use super::{
    super::{
        effect::Effect,
        keymap::{Action, Keymap},
        model::{
            Focus, Model,
            composer::{Mode, Quote},
            edit::Edit,
            history::History,
            markers::Delivery,
            notices::Level,
            outgoing::{Outgoing, State},
        },
    },
    commands, complete, keys as dispatch, messages, overlays, refuse, say,
};
use crate::{
    client::app::{ground::Ground, untrusted::Untrusted},
    domain::limits::TEXT_BYTES_MAX,
};

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
    let last = model
        .chats
        .front()
        .and_then(|chat| chat.last_own(&model.me));
    let last = last.and_then(|message| {
        let text = message.text.clone()?;
        Some(messages::quote(message, text))
    });
    let quote = match newest_on_its_way(model) {
        // Its event is still to come, and its number is here.
        Some(Outgoing {
            state: State::Sent { seq },
            text,
            ..
        }) => {
            let sent = Quote {
                seq: *seq,
                sender: Untrusted::from(model.me.as_str()),
                text: Untrusted::from(text.as_str()),
            };
            last.into_iter().chain([sent]).max_by_key(|it| it.seq)
        }
        // The one before it would get a text that is meant for another.
        Some(_) => {
            let text =
                "Your last message is still on its way; it can be edited once the server has it.";
            return refuse(model, text);
        }
        None => last,
    };
    match quote {
        Some(quote) => messages::edit_quote(model, quote),
        None => refuse(model, "You have said nothing here that could be edited."),
    }
}

/// What was written last in the conversation in front, of what has not come back from the server.
fn newest_on_its_way(model: &Model) -> Option<&Outgoing> {
    let place = model.place()?;
    let all = model.outgoing.to(&place);
    all.filter(|it| it.delivery() != Delivery::Failed).last()
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
