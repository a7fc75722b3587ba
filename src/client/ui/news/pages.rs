//! Pages of messages, the place of a moment, and what a search found.

use super::{
    super::{
        effect::Effect,
        model::{
            LinkState, Model,
            chat::ChatId,
            notices::Level,
            overlay::{Overlay, SearchPane},
            paging::{Jump, JumpTo},
            window::{self, Ask, Page},
        },
    },
    say,
};
use crate::client::app::{look::Found, untrusted::Untrusted};

/// A page came, or will not come. `fill` asks for none again in the same state, so one that failed is not asked for without
/// end.
pub(super) fn page(
    model: &mut Model,
    chat: ChatId,
    ask: Ask,
    page: Result<Page, Untrusted>,
) -> Vec<Effect> {
    let key = (chat, ask);
    let is_void = model.page_came(&key);
    match page {
        // It may be older than what was left out or is not known any more, and is asked for again where it is looked at.
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
    let problem = match hits {
        Ok((found, next)) => {
            pane.take_hits(found, next, &model.chats);
            None
        }
        Err(problem) => Some(problem.render_line()),
    };
    shown_again(model, pane, problem);
    Vec::new()
}

/// Shows a search again. That no more could be had takes nothing away of what is there, and can be asked for again.
pub fn shown_again(model: &mut Model, mut pane: Box<SearchPane>, problem: Option<String>) {
    match problem {
        Some(problem) if pane.hits.is_empty() => {
            pane.next.clear();
            pane.problem = Some(problem);
        }
        Some(problem) => {
            let text = format!("No more is shown: {problem}");
            say(model, Level::Warning, text);
        }
        None => {}
    }
    model.overlay = Some(Overlay::Search(pane));
}

#[cfg(test)]
#[path = "pages_tests.rs"]
mod tests;
