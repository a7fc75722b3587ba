//! Pages of messages, the place of a moment, and what a search found.

use super::{
    super::{
        effect::Effect,
        model::{
            LinkState, Model,
            chat::ChatId,
            notices::Level,
            overlay::{Hit, Overlay},
            paging::{Jump, JumpTo},
            window::{self, Ask, Page},
        },
    },
    say,
};
use crate::client::app::{look::Found, untrusted::Untrusted};

/// Hits that are kept of one search.
const HITS_MAX: usize = 2_000;

/// A page came, or will not come. `fill` asks for none again in the same state, so one that failed is not asked for without
/// end.
pub(super) fn page(
    model: &mut Model,
    chat: ChatId,
    ask: Ask,
    page: Result<Page, Untrusted>,
) -> Vec<Effect> {
    let key = (chat, ask);
    model.asked_pages.remove(&key);
    let is_void = model.intake.is_page_void(&key);
    match page {
        // It may be older than what was left out since, and is asked for again where it is looked at.
        Ok(_) if is_void => model.filled = None,
        Ok(page) => take(model, &key.0, page),
        // What there is, is shown; how the link stands is, too.
        Err(_) if model.link != LinkState::Up => {}
        Err(problem) if model.is_front(&key.0) => {
            let text = format!("Messages are not shown: {}", problem.render_line());
            say(model, Level::Warning, text);
        }
        Err(_) => {}
    }
    Vec::new()
}

/// Takes in a page. An own message may be on it before its event has come: then it stands there, and is not on its way.
pub(super) fn take(model: &mut Model, id: &ChatId, page: Page) {
    let Some(chat) = model.chats.get_mut(id) else {
        return;
    };
    let own = page.messages.iter().filter(|it| it.is_by(&model.me));
    for id in own.filter_map(|message| message.client_id) {
        model.outgoing.arrived(id);
    }
    chat.take_page(page);
    chat.trim(window::MESSAGES_MAX);
    model.chats.trim();
}

/// The message at a moment is known, if there is one: it is gone to.
pub(super) fn found(
    model: &mut Model,
    chat: &ChatId,
    seq: Result<Option<u64>, Untrusted>,
) -> Vec<Effect> {
    let seq = match seq {
        Ok(Some(seq)) => seq,
        Ok(None) => {
            say(model, Level::Info, "Nothing was said there at that time.");
            return Vec::new();
        }
        Err(problem) => {
            let text = format!("Not found: {}", problem.render_line());
            say(model, Level::Warning, text);
            return Vec::new();
        }
    };
    if !model.is_front(chat) {
        return Vec::new();
    }
    // What is not in memory is waited for.
    if let Some(front) = model.chats.front_mut() {
        front.scroll_to(seq, 0);
    }
    model.filled = None;
    model.jump = Some(Jump {
        chat: chat.clone(),
        seq,
        to: JumpTo::Sight,
    });
    Vec::new()
}

/// A search was answered. What answers older words is dropped.
pub(super) fn hits(
    model: &mut Model,
    number: u64,
    hits: Result<(Vec<Found>, String), Untrusted>,
) -> Vec<Effect> {
    let Some(Overlay::Search(mut pane)) = model.overlay.take_if(|overlay| {
        matches!(overlay, Overlay::Search(pane) if pane.number == number && pane.is_asking)
    }) else {
        return Vec::new();
    };
    pane.is_asking = false;
    match hits {
        Ok((found, next)) => {
            let room = HITS_MAX.saturating_sub(pane.hits.len());
            let found = found.into_iter().take(room);
            pane.hits.extend(found.map(|found| hit(model, found)));
            pane.next = next;
            pane.problem = None;
        }
        Err(problem) => {
            pane.next.clear();
            pane.problem = Some(problem.render_line());
        }
    }
    model.overlay = Some(Overlay::Search(pane));
    Vec::new()
}

/// A message that was found, with what its conversation is called.
pub fn hit(model: &Model, found: Found) -> Hit {
    let chat = ChatId::from(found.message.conversation.as_str());
    let label = model.chats.get(&chat).map(|chat| chat.room.label());
    Hit {
        place: label.unwrap_or_else(|| "elsewhere".to_owned()),
        chat,
        found,
    }
}

#[cfg(test)]
#[path = "pages_tests.rs"]
mod tests;
