//! States of conversations: of events, of answers, of the cache.
//!
//! Events are the truth: whatever changes comes as one, in order. An answer was made at some moment between the question and
//! its coming, so it stands behind what events have said since the question, and may stand before events that are on their
//! way, which then say it again.

use super::{
    super::{
        effect::Effect,
        model::{
            Model,
            chat::{ChatId, Told},
            chats::Whose,
            composer::Draft,
            intake::{Answered, Expected},
            markers::Markers,
            notices::Level,
        },
    },
    ChatState, FirstPaint, events, link, pages, say,
};
use crate::client::app::{blocked::Blocked, room::Room, untrusted::Untrusted};

/// An event brings the state of a conversation.
pub(super) fn event(model: &mut Model, state: ChatState) -> Vec<Effect> {
    let id = ChatId::from(state.room.id.as_str());
    let before = model.chats.get(&id).map(|chat| chat.room.clone());
    let is_own = state.counts.is_some();
    learn_people(model, &state);
    model.intake.is_there(&id);
    if is_own && model.intake.told_all_of(&id) {
        doubt_messages(model);
    }
    let told = Told {
        room: true,
        members_count: true,
        role: is_own,
        settings: is_own,
    };
    if model.chats.learn(state.room, state.said).is_none() {
        return Vec::new();
    }
    match &before {
        None => is_known(model, &id),
        Some(before) => renamed(model, &id, before),
    }
    let Some(chat) = model.chats.get_mut(&id) else {
        return Vec::new();
    };
    chat.told.add(told);
    match state.counts {
        Some(counts) => {
            chat.take_told_counts(counts);
            chat.my_role = state.my_role;
        }
        // What all members are told says nothing of what is unread, or of what this user may do and has set.
        None if before.is_none() => chat.doubt(),
        None => {}
    }
    events::passed(model, &id);
    Vec::new()
}

/// A stream resumes nowhere: what happened to messages before it is not told, so what is in memory of them may be old, as what
/// is on its way of them.
fn doubt_messages(model: &mut Model) {
    let ids: Vec<ChatId> = model.chats.iter().map(|chat| chat.id().clone()).collect();
    for id in &ids {
        model.void_pages(id);
    }
    for chat in model.chats.iter_mut() {
        chat.window.forget(0, u64::MAX);
    }
    model.filled = None;
}

/// The beginning of a stream is over: if it told of all conversations, others are gone.
pub(super) fn all_told(model: &mut Model) {
    let Some((told, has_blocked)) = model.intake.told() else {
        return;
    };
    // It says whom this user blocks if there is anybody.
    if !has_blocked {
        model.set_blocked(Blocked::default());
    }
    let others = model.chats.iter().map(|chat| chat.id());
    let others: Vec<ChatId> = others.filter(|id| !told.contains(*id)).cloned().collect();
    for id in others {
        model.intake.lost(&id);
        vanished(model, &id);
    }
    // Who has left since the events that are missing is not among those who have read what was said.
    for chat in model.chats.iter_mut() {
        chat.markers = Markers::default();
    }
}

/// This user is no member of a conversation any more, which nothing else tells: if that was in front, it is said.
fn vanished(model: &mut Model, id: &ChatId) {
    let front = model.chats.get(id).filter(|_| model.is_front(id));
    let label = front.map(|chat| chat.room.label());
    model.forget(id);
    if let Some(label) = label {
        say(
            model,
            Level::Warning,
            format!("{label} is closed: you are not in it any more."),
        );
    }
}

/// A conversation is known that was not: answers about it may be on their way.
pub(super) fn is_known(model: &mut Model, id: &ChatId) {
    let asked = model.intake.is_known(id);
    if let Some(chat) = model.chats.get_mut(id) {
        (0..asked).for_each(|_| chat.ask_too());
    }
}

/// What is on its way goes to the name that a place has now.
fn renamed(model: &mut Model, id: &ChatId, before: &Room) {
    let now = model.chats.get(id).and_then(|chat| chat.room.place());
    if let (Some(old), Some(new)) = (before.place(), now)
        && old != new
    {
        model.outgoing.renamed(&old, &new);
        model.transfers.renamed(&old, &new);
    }
}

/// All conversations, as an answer.
pub(super) fn all(
    model: &mut Model,
    states: Result<Vec<ChatState>, Untrusted>,
    blocked: Option<Blocked>,
) -> Vec<Effect> {
    let has_blocked = blocked.is_some();
    let Some(answered) = model.intake.answered_all(states.is_ok()) else {
        // It is another store by now. Without a connection it is asked with the next one.
        settle(model);
        return match link::can_ask(model) {
            true => link::ask_again(model),
            false => Vec::new(),
        };
    };
    if let Some(blocked) = blocked.filter(|_| !model.intake.has_told_blocks()) {
        model.set_blocked(blocked);
    }
    match states {
        Ok(states) => {
            model.intake.could();
            take_all(model, states, answered);
            if !has_blocked {
                say(
                    model,
                    Level::Warning,
                    "The server did not say whom you block, so what they say may be shown; /blocked asks again.",
                );
            }
        }
        Err(problem) => {
            for chat in answered
                .expected
                .keys()
                .filter(|chat| !model.intake.is_void(chat))
            {
                if let Some(chat) = model.chats.get_mut(chat) {
                    chat.unanswered();
                }
            }
            let now = model.now;
            if model.intake.could_not(now) {
                let problem = problem.render_line();
                let text = format!("The list of conversations may be old: {problem}");
                say(model, Level::Warning, text);
            }
        }
    }
    settle(model);
    let unknown = model.intake.still_unknown().into_iter();
    unknown.map(Effect::State).collect()
}

fn take_all(model: &mut Model, states: Vec<ChatState>, answered: Answered) {
    let mut expected = answered.expected;
    for state in states {
        let id = ChatId::from(state.room.id.as_str());
        expected.remove(&id);
        // One that is not known any more has ended before the answer came, if a stream has told of all since the question.
        if !answered.is_old || model.chats.get(&id).is_some() {
            answer(model, state);
        }
    }
    for (id, expected) in expected {
        if model.intake.is_void(&id) {
            continue;
        }
        match (expected, model.chats.get_mut(&id)) {
            (Expected::OrGone, _) => vanished(model, &id),
            (Expected::OrOlder, Some(chat)) => chat.unanswered(),
            (Expected::OrOlder, None) => {}
        }
    }
}

/// One conversation, as an answer; `None`: the server says that there is none for this user.
pub(super) fn one(model: &mut Model, id: &ChatId, state: Option<ChatState>) -> Vec<Effect> {
    model.intake.answered(id);
    model.intake.could();
    match state {
        Some(state) => answer(model, state),
        None if model.intake.is_void(id) => {}
        None => none(model, id),
    }
    settle(model);
    Vec::new()
}

/// The server says that this user is no member of one.
fn none(model: &mut Model, id: &ChatId) {
    model.intake.refuse(id);
    let Some(chat) = model.chats.get_mut(id) else {
        return;
    };
    match chat.told.room {
        // An event has told of it since the question; who was no member before is one now.
        true => chat.ask_failed(true),
        // An answer brought it that was older than the event that ended it, as one to `/join` that came late.
        false => {
            model.intake.lost(id);
            vanished(model, id);
        }
    }
}

/// One conversation could not be got this time.
pub(super) fn failed(model: &mut Model, id: &ChatId) -> Vec<Effect> {
    model.intake.answered(id);
    if !model.intake.is_void(id) {
        let now = model.now;
        model.intake.could_not(now);
        if let Some(chat) = model.chats.get_mut(id) {
            chat.ask_failed(false);
        }
    }
    settle(model);
    Vec::new()
}

/// No answer about what ended is still to come: what has begun anew can be asked for.
fn settle(model: &mut Model) {
    for id in model.intake.settle() {
        if let Some(chat) = model.chats.get_mut(&id) {
            chat.doubt();
        }
    }
}

/// Takes in an answer, as far as events have said nothing since it was asked for.
fn answer(model: &mut Model, state: ChatState) {
    let id = ChatId::from(state.room.id.as_str());
    if model.intake.is_gone(&id) || model.intake.is_void(&id) {
        return;
    }
    learn_people(model, &state);
    let known = model.chats.get(&id);
    let is_new = known.is_none();
    if known.is_some_and(|chat| !chat.is_asked()) {
        // It was asked for before it was known, and is known better.
        return;
    }
    let told = known.map(|chat| chat.told).unwrap_or_default();
    let before = known.map(|chat| chat.room.clone());
    let room = match &before {
        Some(before) => merged(before, state.room, told),
        None => state.room,
    };
    if model.chats.learn(room, state.said).is_none() {
        return;
    }
    // What came of it while it was not known is lost, but for what the next answer says of it.
    let is_older = model.intake.learned(&id);
    match &before {
        None => is_known(model, &id),
        Some(before) => renamed(model, &id, before),
    }
    let Some(chat) = model.chats.get_mut(&id) else {
        return;
    };
    if !told.role {
        chat.my_role = state.my_role;
    }
    let counts = state.counts.unwrap_or_else(|| chat.counts());
    let has_less = match is_new {
        true => {
            chat.take_first_counts(counts);
            false
        }
        false => chat.take_counts(counts),
    };
    if is_older {
        chat.doubt();
    }
    if has_less {
        model.void_pages(&id);
    }
    events::passed(model, &id);
}

/// What an answer says of a room, but for what events have said since.
fn merged(known: &Room, answer: Room, told: Told) -> Room {
    let mut room = match told.room {
        true => Room {
            members_count: answer.members_count,
            settings: answer.settings,
            ..known.clone()
        },
        false => answer,
    };
    if told.members_count {
        room.members_count = known.members_count;
    }
    if told.settings {
        room.settings = known.settings;
    }
    room
}

/// What the cache had. What the server has said by now stands.
pub(super) fn first_paint(model: &mut Model, paint: FirstPaint) -> Vec<Effect> {
    if !model.intake.has_told_blocks() {
        model.set_blocked(paint.blocked);
    }
    // The newest comes first, and what is learned last is taken for the newest where no time is said.
    for state in paint.states.into_iter().rev() {
        let id = ChatId::from(state.room.id.as_str());
        if model.chats.get(&id).is_some() || model.intake.is_gone(&id) {
            continue;
        }
        learn_people(model, &state);
        if let Some(chat) = model.chats.learn(state.room, state.said) {
            chat.take_first_counts(state.counts.unwrap_or_default());
            chat.my_role = state.my_role;
        }
    }
    for (id, text) in paint.drafts {
        match model.chats.get(&id) {
            Some(_) => take_draft(model, &id, &text),
            // The list of all may still bring it.
            None => model
                .chats
                .set_adrift(Whose::with_id(id), Draft::new(&text)),
        }
    }
    if let Some((id, page)) = paint.front {
        pages::take(model, &id, page);
        // Who writes already goes nowhere.
        if model.chats.front().is_none() && model.composer.is_empty() {
            model.open(Some(id));
        }
    }
    for written in paint.written {
        model.give_back(written);
    }
    Vec::new()
}

/// Takes up what was being written in an earlier program. What was typed by now stays, and this can be yanked.
fn take_draft(model: &mut Model, id: &ChatId, text: &str) {
    let is_front = model.is_front(id);
    let Some(chat) = model.chats.get_mut(id) else {
        return;
    };
    let is_free = match is_front {
        true => model.composer.is_untouched(),
        false => chat.draft.is_empty(),
    };
    match (is_free, is_front) {
        (true, true) => {
            model.composer.exchange(Draft::new(text));
        }
        (true, false) => chat.draft = Draft::new(text),
        (false, _) => model.composer.save(text.to_owned()),
    }
}

/// Takes in a conversation that an answer tells of and of which nothing but this is known.
pub(super) fn begun(model: &mut Model, room: Room) {
    let id = ChatId::from(room.id.as_str());
    if model.chats.get(&id).is_some() {
        return;
    }
    model.intake.is_there(&id);
    if model.chats.learn(room, None).is_some() {
        is_known(model, &id);
    }
    if let Some(chat) = model.chats.get_mut(&id) {
        chat.doubt();
    }
}

fn learn_people(model: &mut Model, state: &ChatState) {
    for (id, name) in &state.people {
        model.people.learn(id, name);
    }
}

#[cfg(test)]
#[path = "states_tests.rs"]
mod tests;
