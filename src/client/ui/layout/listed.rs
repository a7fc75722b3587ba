//! The list of conversations: which rows it has, and which of them are seen.
//!
//! Sections in the order of the model, each with a head; of a filter only what fits. Promises that the row that is
//! selected, else the one in front, is seen. Knows no signs and no colours.

use crate::client::{
    app::room::Kind,
    ui::model::{
        Focus, Model,
        chat::{Chat, ChatId},
    },
};

/// Rows from which on a blank one stands between sections.
const AIRY_FROM: usize = 12;
const KINDS: [Kind; 3] = [Kind::Direct, Kind::Group, Kind::Channel];

/// A row of the list.
#[derive(Clone, Copy, Debug)]
pub enum Listed<'m> {
    /// Nothing, between sections.
    Blank,
    /// The head of a section.
    Head(Kind),
    /// A conversation.
    Chat(&'m Chat),
    /// What is typed to filter them.
    Filter(&'m str),
}

/// Returns the conversations of the list in their order: what a filter leaves.
pub fn chats(model: &Model) -> Vec<&Chat> {
    let sections = KINDS.into_iter().map(|kind| section(model, kind));
    sections.flatten().collect()
}

fn section(model: &Model, kind: Kind) -> Vec<&Chat> {
    let mut chats = model.chats.section(kind, model.now);
    let filter = model.sidebar.filter.trim().to_lowercase();
    if !filter.is_empty() {
        chats.retain(|chat| chat.room.label().to_lowercase().contains(&filter));
    }
    chats
}

/// Returns the rows that are seen where there are so many.
pub fn seen(model: &Model, rows: usize) -> Vec<Listed<'_>> {
    let mut all = Vec::new();
    for kind in KINDS {
        let chats = section(model, kind);
        if chats.is_empty() {
            continue;
        }
        if !all.is_empty() && rows >= AIRY_FROM {
            all.push(Listed::Blank);
        }
        all.push(Listed::Head(kind));
        all.extend(chats.into_iter().map(Listed::Chat));
    }
    let filter = model.sidebar.filter.as_str();
    let filter = (!filter.is_empty()).then_some(Listed::Filter(filter));
    let rows = rows.saturating_sub(usize::from(filter.is_some()));
    let first = first(model, &all, rows);
    let seen = all.into_iter().skip(first).take(rows);
    filter.into_iter().chain(seen).collect()
}

/// The first row that is seen: the row that counts stands in the middle, where the ends of the list allow it.
fn first(model: &Model, all: &[Listed<'_>], rows: usize) -> usize {
    let last = all.len().saturating_sub(rows);
    let is = |id: Option<&ChatId>| {
        let id = id?;
        all.iter()
            .position(|row| matches!(row, Listed::Chat(chat) if chat.id() == id))
    };
    let front = || is(model.chats.front().map(Chat::id));
    let at = selected(model).and_then(|id| is(Some(id))).or_else(front);
    at.unwrap_or(0).saturating_sub(rows / 2).min(last)
}

/// The conversation that keys would act on.
pub fn selected(model: &Model) -> Option<&ChatId> {
    let selected = model.sidebar.selected.as_ref();
    selected.filter(|_| model.focus == Focus::Sidebar)
}
