//! How the link goes: there, caught up, lost, over, or to another store.

use super::{
    super::{
        effect::Effect,
        layout,
        model::{LinkState, Model, chat::ChatId, notices::Level, overlay::Overlay},
    },
    events, say, sends, states,
};
use crate::{
    client::app::{line::counted, untrusted::Untrusted},
    domain::{clock::TimeMs, user::Presence},
};

/// The link is there, and what was missed is coming.
pub(super) fn connected(model: &mut Model, my_id: Option<String>) -> Vec<Effect> {
    if let Some(my_id) = my_id {
        let me = Untrusted::from(model.me.as_str());
        model.people.learn(&my_id, &me);
        model.my_id = Some(my_id);
    }
    model.link = LinkState::CatchingUp;
    model.intake.connected();
    model.previews.connected();
    for chat in model.chats.iter_mut() {
        chat.ask_again();
    }
    let mut effects = ask_again(model);
    // The server forgot it with the connection.
    if model.presence != Presence::Online {
        effects.push(Effect::StayAs(model.presence));
    }
    effects
}

/// Asks for what the server could not tell before, if it is time for that.
pub(super) fn due(model: &mut Model) -> Vec<Effect> {
    let now = model.now;
    if !can_ask(model) || !model.intake.is_again_due(now) {
        return Vec::new();
    }
    for chat in model.chats.iter_mut() {
        chat.go_on();
    }
    ask_again(model)
}

/// Asks for the states of all that are not known; those of them whose counts alone are not are asked for with the next look.
pub(super) fn ask_again(model: &mut Model) -> Vec<Effect> {
    match model.intake.must_ask_all() {
        true => vec![ask_all(model)],
        false => {
            let unknown = model.intake.still_unknown().into_iter();
            unknown.map(Effect::State).collect()
        }
    }
}

/// Whether the server can be asked.
pub(super) fn can_ask(model: &Model) -> bool {
    matches!(model.link, LinkState::CatchingUp | LinkState::Up)
}

/// Asks for the states of all: a cache may know some that are gone, and not know others.
fn ask_all(model: &mut Model) -> Effect {
    let known = model.chats.iter().map(|chat| chat.id().clone());
    model.intake.asked_all(known);
    for chat in model.chats.iter_mut() {
        // What the answer says of those is not taken, so nothing is to wait for it.
        if !model.intake.is_void(chat.id()) {
            chat.ask_too();
        }
    }
    Effect::States
}

/// Nothing is missed any more. What came meanwhile rang for nobody.
pub(super) fn caught_up(model: &mut Model) -> Vec<Effect> {
    model.link = LinkState::Up;
    states::all_told(model);
    // Whether its end is seen takes a screen to be laid out: once, and not for each message.
    let front = model.chats.front().map(|chat| chat.id().clone());
    let seen = front.filter(|_| layout::is_noticed(model));
    let (missed, chats) = model.intake.take_missed(seen.as_ref());
    if missed > 0 {
        let missed = usize::try_from(missed).unwrap_or(usize::MAX);
        let missed = counted(missed, "new message", "new messages");
        let chats = counted(chats, "conversation", "conversations");
        say(model, Level::Info, format!("{missed} in {chats}."));
    }
    Vec::new()
}

/// The link is lost. It comes back by itself.
pub(super) fn lost(model: &mut Model, retry_at: TimeMs) -> Vec<Effect> {
    model.link_lost(retry_at);
    model.filled = None;
    Vec::new()
}

/// The link is over for good, and what is only of now with it.
pub(super) fn ended(model: &mut Model, why: Untrusted) -> Vec<Effect> {
    let now = model.now;
    model.link_lost(now);
    model.link = LinkState::Ended { why };
    Vec::new()
}

/// The store is another one: nothing that was known of the old one means anything.
pub(super) fn reset(model: &mut Model) -> Vec<Effect> {
    let lost = model.reset();
    model.intake.reset();
    (model.last_front, model.typing_told) = (None, None);
    forget_aims(model);
    let mut text = "The server has another store than before: what was known of the old one is dropped, and what the new one has \
                    is coming."
        .to_owned();
    let with_files = lost.iter().filter(|it| !it.attachments.is_empty()).count();
    if with_files > 0 {
        let count = counted(
            with_files,
            "message with files is",
            "messages with files are",
        );
        text += &format!(" {count} not sent, since it has not these files: send them again.");
    }
    let to_groups = lost.len() - with_files;
    if to_groups > 0 {
        let count = counted(to_groups, "message to a group is", "messages to groups are");
        text += &format!(" {count} not sent, since its groups are others.");
    }
    let texts: Vec<&str> = lost.iter().map(|it| it.text.as_str()).collect();
    text += &sends::drafts(&texts).unwrap_or_default();
    say(model, Level::Warning, text);
    match model.intake.must_ask_all() {
        true => vec![ask_all(model)],
        // Once what was asked of the old one has come back.
        false => Vec::new(),
    }
}

/// What is being written stays, but answers and edits no message of another store; and what is asked over all is not
/// asked of it either.
fn forget_aims(model: &mut Model) {
    model.composer.leave_mode();
    model.sidebar.selected = None;
    let overlay = model.overlay.take();
    model.overlay =
        overlay.filter(|overlay| matches!(overlay, Overlay::Help { .. } | Overlay::Text(_)));
}

/// Messages were left out, and what happened to them: they are read anew when they are looked at.
pub(super) fn gap(model: &mut Model, id: &ChatId, from: u64, to: u64) -> Vec<Effect> {
    let Some(chat) = model.chats.get_mut(id) else {
        return events::ask_for(model, id);
    };
    let last = chat.counts().last_seq;
    chat.left_out(from, to);
    model.void_pages(id);
    let first = from.max(last.saturating_add(1));
    let missed = to.saturating_add(1).saturating_sub(first);
    if missed > 0 {
        model.intake.miss_left_out(id, missed);
    }
    Vec::new()
}

#[cfg(test)]
#[path = "link_tests.rs"]
mod tests;
