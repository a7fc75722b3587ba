//! What becomes of messages that were sent, here and by earlier programs.

use std::collections::BTreeSet;

use super::{
    super::{
        effect::Effect,
        model::{
            Model,
            chat::ChatId,
            notices::Level,
            outgoing::{Outgoing, State},
        },
    },
    events, say,
};
use crate::{
    client::app::{
        line::counted,
        room::Place,
        transfers::{Moved, Taken, no_room},
        untrusted::Untrusted,
    },
    domain::{ids::ClientMessageId, text::MessageText},
};

/// Texts that are named of those that are kept as drafts, and characters of each.
const NAMED_MAX: usize = 3;
const START_CHARS: usize = 40;

/// A message is on the server's stable storage. Its event comes, unless it has been left out of what was missed.
pub(super) fn sent(model: &mut Model, id: ClientMessageId, seq: u64) -> Vec<Effect> {
    model.outgoing.sent(id, seq);
    let Some(to) = model.outgoing.get(id).map(|message| message.to.clone()) else {
        return Vec::new();
    };
    match (model.chats.at(&to), &to) {
        (Some(chat), _) => {
            let chat = chat.id().clone();
            events::passed(model, &chat);
        }
        // One that begins a conversation of two comes with it.
        (None, Place::User(_)) => {}
        // This user is no member there any more.
        (None, _) => model.outgoing.passed(&to, seq),
    }
    Vec::new()
}

/// A message was refused: it stays, to be sent again or dropped.
pub(super) fn not_sent(model: &mut Model, id: ClientMessageId, why: Untrusted) -> Vec<Effect> {
    let mut text = format!("Not sent: {}", why.render_line());
    model.outgoing.failed(id, why);
    let to = model.outgoing.get(id).map(|message| &message.to);
    let is_stranded = to.is_some_and(|to| model.chats.at(to).is_none());
    if is_stranded {
        text.push_str(" Its text is on the list of commands.");
    }
    say(model, Level::Error, text);
    Vec::new()
}

/// A message is bound to another store than the server has: it is nothing there, and what it says is a draft.
pub(super) fn strange(
    model: &mut Model,
    id: ClientMessageId,
    text: &str,
    why: &Untrusted,
) -> Vec<Effect> {
    // With the news of the store it was told, and where its text is.
    if model.lost.remove(&id) {
        return Vec::new();
    }
    model.lose(id, text);
    let drafts = drafts(&[text]).unwrap_or_default();
    let text = format!("Not sent: {}.{drafts}", why.render_line());
    say(model, Level::Error, text);
    Vec::new()
}

/// Where the texts of messages are that are nothing any more, if they have some.
pub(super) fn drafts(texts: &[&str]) -> Option<String> {
    let texts = texts.iter().filter(|text| !text.is_empty());
    let start = |text: &&str| Untrusted::from(*text).render_start(START_CHARS);
    let starts: Vec<String> = texts.map(|it| format!("\"{}\"", start(it))).collect();
    let more = starts.len().saturating_sub(NAMED_MAX);
    let named = starts.get(..NAMED_MAX).unwrap_or(&starts).join(", ");
    let more = match more {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let (text, is) = match starts.len() {
        0 => return None,
        1 => ("text", "is kept as a draft"),
        _ => ("texts", "are kept as drafts"),
    };
    Some(format!(" The {text} {named}{more} {is}."))
}

/// A message may not be sent by this login: it stays kept for one that may.
pub(super) fn held(model: &mut Model, id: ClientMessageId, why: Untrusted) -> Vec<Effect> {
    let text = format!(
        "Not sent, and kept for a login that may: {}",
        why.render_line()
    );
    model.outgoing.failed(id, why);
    say(model, Level::Error, text);
    Vec::new()
}

/// A transfer of files is so far, or was in the end: what was uploaded is sent.
pub(super) fn moved(model: &mut Model, number: u32, moved: Moved) -> Vec<Effect> {
    if !matches!(moved, Moved::On(_)) {
        // What was said at its beginning steers nothing any more.
        let of_it = format!("[{number}] ");
        model
            .notices
            .retract(|text| text.starts_with(&of_it), model.now);
    }
    match model.transfers.take(number, moved) {
        Taken::Nothing => Vec::new(),
        Taken::Said(text, is_bad) => {
            let level = if is_bad { Level::Error } else { Level::Info };
            say(model, level, text);
            Vec::new()
        }
        Taken::Send(to, uploaded, reply_to) => {
            let outgoing = Outgoing {
                id: uploaded.id,
                to,
                text: MessageText::none(),
                attachments: uploaded.files,
                reply_to,
                time: model.now,
                state: State::Waiting,
            };
            match model.outgoing.write(outgoing.clone()) {
                Ok(()) => vec![Effect::Send(outgoing)],
                Err(full) => {
                    let why = no_room(&full).render_line();
                    say(model, Level::Error, format!("[{number}] Not sent: {why}."));
                    Vec::new()
                }
            }
        }
    }
}

/// Messages of an earlier program that were not answered then. They are sent again by themselves.
pub(super) fn left(model: &mut Model, mut messages: Vec<Outgoing>) -> Vec<Effect> {
    let known = model.chats.iter().flat_map(|chat| chat.window.all());
    let known: BTreeSet<ClientMessageId> = known.filter_map(|it| it.client_id).collect();
    // That of which the answer alone is missing stands in its place.
    messages.retain(|message| !known.contains(&message.id));
    if messages.is_empty() {
        return Vec::new();
    }
    let is_refused = |it: &&Outgoing| matches!(it.state, State::Failed { .. });
    let refused = messages.iter().filter(is_refused).count();
    let waiting = messages.len() - refused;
    for message in messages {
        // One that finds no room is sent all the same; only its mark is missing.
        let _ = model.outgoing.push(message);
    }
    let mut said = Vec::new();
    if waiting > 0 {
        let count = counted(waiting, "message", "messages");
        said.push(format!(
            "{count} of last time not answered yet; sending again."
        ));
    }
    if refused > 0 {
        let count = counted(refused, "message", "messages");
        said.push(format!(
            "{count} of last time refused; send again or drop what is marked."
        ));
    }
    say(model, Level::Info, said.join(" "));
    Vec::new()
}

/// Texts that were sent in a conversation, the oldest first. What was sent meanwhile stands behind them.
pub(super) fn lines(model: &mut Model, id: &ChatId, lines: &[String]) -> Vec<Effect> {
    if let Some(chat) = model.chats.get_mut(id) {
        chat.history.load(lines);
    }
    Vec::new()
}

#[cfg(test)]
#[path = "sends_tests.rs"]
mod tests;
