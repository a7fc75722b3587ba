//! Which pages of messages the screen needs.
//!
//! Promises: no page is asked for while it is asked for already, and none again while nothing has changed since it was:
//! not the messages in memory, nor the newest, nor the link. So whatever answers come, the asking ends.

use super::{
    super::{
        effect::Effect,
        layout,
        model::{
            Model,
            chat::{Chat, Scroll},
            paging::Filled,
        },
    },
    asking, jump,
    scroll::look,
};

/// Messages of a page.
const PAGE_COUNT: usize = 100;
/// Pages that are waited for at once.
const ASKED_MAX: usize = 32;
/// Screens of messages that are kept ready above what is seen.
const SCREENS_ABOVE: usize = 2;

/// Goes on with what waits for a page, and returns the page that is to be asked for now, if any is.
pub fn fill(model: &mut Model) -> Vec<Effect> {
    jump::settle(model);
    // A place that is shown as the end is the end: what comes is seen there, and read.
    let is_up = matches!(
        model.chats.front().map(Chat::scroll),
        Some(Scroll::At { .. })
    );
    if is_up && model.jump.is_none() && layout::is_at_end(model) {
        look(model, Scroll::AtEnd);
    }
    let Some(wanted) = wanted(model) else {
        return Vec::new();
    };
    let key = (wanted.chat.clone(), wanted.ask);
    let is_asked = model.asked_pages.contains(&key);
    if is_asked || model.asked_pages.len() >= ASKED_MAX || model.filled.as_ref() == Some(&wanted) {
        return Vec::new();
    }
    model.ask_page(&wanted.chat, wanted.ask);
    let effect = Effect::Page {
        chat: wanted.chat.clone(),
        ask: wanted.ask,
        count: PAGE_COUNT,
    };
    model.filled = Some(wanted);
    vec![effect]
}

/// Whether a page for what is looked at is on its way, or is about to be asked for.
pub(super) fn has_hope(model: &Model) -> bool {
    wanted(model).is_some_and(|wanted| {
        let key = (wanted.chat.clone(), wanted.ask);
        model.asked_pages.contains(&key) || model.filled.as_ref() != Some(&wanted)
    })
}

/// The page that the screen needs.
fn wanted(model: &Model) -> Option<Filled> {
    let front = model.chats.front()?;
    let rows = usize::from(layout::panes(model).messages.height).max(1);
    let ask = front.missing(rows.saturating_mul(SCREENS_ABOVE), rows)?;
    Some(Filled {
        chat: front.id().clone(),
        ask,
        messages_count: front.window.len(),
        last_seq: front.counts().last_seq,
        is_up: asking::can_ask(model),
    })
}

#[cfg(test)]
#[path = "fill_tests.rs"]
mod tests;
