//! The message that is selected: those in memory one below the other, and below them those that are on their way.
//!
//! Promises: what is selected is seen. One on its way that has become a message stays selected; one that is gone gives
//! the selection to its neighbour, or to the composer where there is none.

use super::{
    super::{
        effect::Effect,
        keymap::Action,
        layout,
        model::{
            Focus, Model,
            chat::Scroll,
            message::Message,
            outgoing::{Outgoing, State},
        },
    },
    scroll,
};
use crate::domain::ids::ClientMessageId;

/// What is selected.
#[derive(Clone, Copy, Debug)]
pub(super) enum Selected<'a> {
    /// A message.
    Message(&'a Message),
    /// One on its way.
    Outgoing(&'a Outgoing),
}

/// Returns what is selected.
pub(super) fn selected(model: &Model) -> Option<Selected<'_>> {
    match model.focus {
        Focus::Messages(seq) => {
            let message = model.chats.front()?.window.get(seq)?;
            Some(Selected::Message(message))
        }
        Focus::Outgoing(id) => model.outgoing.get(id).map(Selected::Outgoing),
        Focus::Composer | Focus::Sidebar => None,
    }
}

/// Keys go to the messages from now on: the lowest one that is seen is selected. Returns whether there is any.
pub(super) fn enter(model: &mut Model) -> bool {
    let Some(front) = model.chats.front() else {
        return false;
    };
    let last = match front.scroll() {
        Scroll::AtEnd => last_outgoing(model).map(Focus::Outgoing),
        Scroll::At { .. } => None,
    };
    let seen = || {
        let (_, last) = layout::seen(model)?;
        front.window.get(last)
    };
    let at_edge = || match front.scroll() {
        Scroll::AtEnd => front.window.all().next_back(),
        Scroll::At { seq, .. } => front.window.between(0, seq).next_back(),
    };
    let message = || seen().or_else(at_edge).map(|it| Focus::Messages(it.seq));
    let Some(focus) = last.or_else(message) else {
        return false;
    };
    model.focus = focus;
    show(model);
    true
}

/// Selects another message.
pub(super) fn select(model: &mut Model, action: Action) -> Vec<Effect> {
    let to = match (action, model.focus) {
        (Action::SelectUp, Focus::Messages(seq)) => above(model, seq),
        (Action::SelectUp, Focus::Outgoing(id)) => above_outgoing(model, id),
        (Action::SelectDown, Focus::Messages(seq)) => below(model, seq),
        (Action::SelectDown, Focus::Outgoing(id)) => below_outgoing(model, id),
        (Action::SelectFirst, Focus::Messages(_) | Focus::Outgoing(_)) => first(model),
        (Action::SelectLast, Focus::Messages(_) | Focus::Outgoing(_)) => last_outgoing(model)
            .map(Focus::Outgoing)
            .or_else(|| last_message(model)),
        _ => None,
    };
    if let Some(to) = to {
        model.focus = to;
        // Who goes on asks again for what could not be had before.
        model.filled = None;
        model.jump = None;
        show(model);
    }
    Vec::new()
}

fn above(model: &Model, seq: u64) -> Option<Focus> {
    let window = &model.chats.front()?.window;
    let next = window.upwards(seq).find(|it| it.seq < seq);
    next.map(|it| Focus::Messages(it.seq))
}

fn below(model: &Model, seq: u64) -> Option<Focus> {
    let front = model.chats.front()?;
    let next = front.window.downwards(seq).find(|it| it.seq > seq);
    let next = next.map(|it| Focus::Messages(it.seq));
    // What is on its way stands below the last message, not below a hole.
    let is_last = front.window.all().next_back()?.seq <= seq;
    next.or_else(|| is_last.then(|| outgoing(model).first().copied().map(Focus::Outgoing))?)
}

fn above_outgoing(model: &Model, id: ClientMessageId) -> Option<Focus> {
    let all = outgoing(model);
    let at = all.iter().position(|it| *it == id)?;
    match at.checked_sub(1) {
        Some(before) => all.get(before).copied().map(Focus::Outgoing),
        None => last_message(model),
    }
}

fn below_outgoing(model: &Model, id: ClientMessageId) -> Option<Focus> {
    let all = outgoing(model);
    let at = all.iter().position(|it| *it == id)?;
    all.get(at + 1).copied().map(Focus::Outgoing)
}

/// The first one that is in memory without a hole.
fn first(model: &Model) -> Option<Focus> {
    let window = &model.chats.front()?.window;
    let from = match model.focus {
        Focus::Messages(seq) => seq,
        _ => window.all().next_back()?.seq,
    };
    let first = window.upwards(from).last();
    first.map(|it| Focus::Messages(it.seq))
}

fn last_message(model: &Model) -> Option<Focus> {
    let last = model.chats.front()?.window.all().next_back();
    last.map(|it| Focus::Messages(it.seq))
}

/// Those on their way here, in the order in which they are shown.
fn outgoing(model: &Model) -> Vec<ClientMessageId> {
    let place = model.chats.front().and_then(|chat| chat.room.place());
    let all = place.iter().flat_map(|place| model.outgoing.to(place));
    all.map(|it| it.id).collect()
}

fn last_outgoing(model: &Model) -> Option<ClientMessageId> {
    outgoing(model).last().copied()
}

/// Scrolls so that what is selected is seen.
fn show(model: &mut Model) {
    match model.focus {
        Focus::Messages(seq) => {
            if let Some(to) = layout::showing(model, seq) {
                scroll::look(model, to);
            }
        }
        Focus::Outgoing(_) => scroll::look(model, Scroll::AtEnd),
        Focus::Composer | Focus::Sidebar => {}
    }
}

/// After another place is looked at: keys do nothing to what is not seen, so the selection goes along.
pub(super) fn follow(model: &mut Model) {
    let Some((first, last)) = layout::seen(model) else {
        return;
    };
    let is_at_end = model
        .chats
        .front()
        .is_some_and(|it| it.scroll() == Scroll::AtEnd);
    match model.focus {
        Focus::Messages(seq) => model.focus = Focus::Messages(seq.max(first).min(last)),
        Focus::Outgoing(_) if !is_at_end => model.focus = Focus::Messages(last),
        Focus::Outgoing(_) | Focus::Composer | Focus::Sidebar => {}
    }
}

/// After something came: what was selected may be gone, or be a message now. What still is stays in sight.
pub(super) fn mend(model: &mut Model) {
    let to = match model.focus {
        Focus::Composer | Focus::Sidebar => return,
        _ if selected(model).is_some() && is_here(model) => {
            // What is gone to is another place.
            if model.jump.is_none() && !is_seen(model) {
                show(model);
            }
            return;
        }
        Focus::Messages(seq) => nearest(model, seq),
        Focus::Outgoing(id) => arrived(model, id).or_else(|| last_message(model)),
    };
    model.focus = to.unwrap_or_default();
}

/// Whether any row is seen of what is selected: who reads within a message that is higher than the screen stays there.
fn is_seen(model: &Model) -> bool {
    match model.focus {
        Focus::Messages(seq) => {
            layout::seen(model).is_some_and(|(first, last)| (first..=last).contains(&seq))
        }
        _ => false,
    }
}

/// One on its way stands where it goes to.
fn is_here(model: &Model) -> bool {
    match model.focus {
        Focus::Outgoing(id) => outgoing(model).contains(&id),
        _ => true,
    }
}

fn nearest(model: &Model, seq: u64) -> Option<Focus> {
    let window = &model.chats.front()?.window;
    let below = window.between(seq, u64::MAX).next();
    let near = below.or_else(|| window.between(0, seq).next_back());
    near.map(|it| Focus::Messages(it.seq))
}

fn arrived(model: &Model, id: ClientMessageId) -> Option<Focus> {
    let mut all = model.chats.front()?.window.all().rev();
    let it = all.find(|it| it.client_id == Some(id))?;
    Some(Focus::Messages(it.seq))
}

/// Whether it was refused.
pub(super) fn is_refused(outgoing: &Outgoing) -> bool {
    matches!(outgoing.state, State::Failed { .. })
}

#[cfg(test)]
#[path = "selection_tests.rs"]
mod tests;
