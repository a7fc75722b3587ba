//! The search: what is typed is asked for as it is typed, and a message that is picked is gone to. What mentions this user
//! is listed in the same pane, with nothing to type.
//!
//! Promises: the words are those of `/search`; each question has a number of its own, and none is asked while a page is on
//! its way.

use super::{
    super::{
        super::{
            effect::Effect,
            layout,
            model::{
                Model,
                composer::Composer,
                overlay::{Overlay, SearchPane},
                paging::JumpTo,
            },
            news,
        },
        asking, jump, open as front, refuse,
    },
    close,
};
use crate::client::app::{
    acts::{self, Act, Outcome},
    look::{Look, Search, Within},
    parse::{Command, Input, parse},
    untrusted::Untrusted,
};

/// Characters from which on it is looked for.
const CHARS_MIN: usize = 2;

/// Opens it with nothing typed.
pub(super) fn open(model: &mut Model) {
    model.overlay = Some(Overlay::Search(Box::new(pane(model))));
}

fn pane(model: &Model) -> SearchPane {
    SearchPane {
        input: Composer::default(),
        is_here_only: false,
        mentions: None,
        number: model.search_number,
        is_asking: false,
        search: None,
        hits: Vec::new(),
        next: String::new(),
        problem: None,
        chosen: 0,
    }
}

/// Opens it with these words, and asks for them.
pub(in super::super) fn search_for(model: &mut Model, words: &str) -> Vec<Effect> {
    close(model);
    let mut pane = pane(model);
    pane.input.type_in(words);
    model.overlay = Some(Overlay::Search(Box::new(pane)));
    changed(model)
}

/// Something else is typed.
pub(super) fn changed(model: &mut Model) -> Vec<Effect> {
    let Some(Overlay::Search(mut pane)) = model.overlay.take() else {
        return Vec::new();
    };
    // What still answers the words before is dropped by its number.
    model.search_number = model.search_number.saturating_add(1);
    *pane = SearchPane {
        input: std::mem::take(&mut pane.input),
        is_here_only: pane.is_here_only,
        ..self::pane(model)
    };
    let typed = pane.input.text().trim().to_owned();
    let asked = match typed.chars().count() < CHARS_MIN {
        true => Ok(None),
        false => search_of(model, &typed, pane.is_here_only).map(Some),
    };
    let effect = match asked {
        Ok(Some(search)) => {
            pane.search = Some(search.clone());
            pane.is_asking = true;
            Some(Effect::Search {
                number: pane.number,
                search,
            })
        }
        Ok(None) => None,
        Err(problem) => {
            pane.problem = Some(problem);
            None
        }
    };
    model.overlay = Some(Overlay::Search(pane));
    effect.into_iter().collect()
}

/// Reads the words as `/search` does.
fn search_of(model: &Model, typed: &str, is_here_only: bool) -> Result<Box<Search>, String> {
    let command = match parse(&format!("/search {typed}")) {
        Ok(Input::Command(Command::Search(look))) => {
            let here = is_here_only.then_some(Within::This);
            Command::Search(Look {
                within: look.within.or(here),
                ..look
            })
        }
        Ok(_) => return Err("There is no word to look for.".to_owned()),
        Err(error) => return Err(error.to_string()),
    };
    match acts::act_of(model, command)? {
        Act::Search(search) if asking::can_ask(model) => Ok(search),
        _ => {
            Err("The server is away, and only it can search; try again when it is back.".to_owned())
        }
    }
}

/// Looks through the conversation in front only, or through all again.
pub(super) fn toggle_here(model: &mut Model) -> Vec<Effect> {
    let has_front = model.chats.front().is_some();
    match &mut model.overlay {
        Some(Overlay::Search(pane)) if pane.mentions.is_none() => {
            if !has_front {
                return refuse(model, "No conversation is open, so all are looked through.");
            }
            pane.is_here_only = !pane.is_here_only;
            changed(model)
        }
        _ => Vec::new(),
    }
}

/// How many hits there are.
pub(in super::super) fn hits_count(model: &Model) -> usize {
    match &model.overlay {
        Some(Overlay::Search(pane)) => pane.hits.len(),
        _ => 0,
    }
}

/// An answer has come: the screen is filled, and the next ones are there before they are gone to. Not after an answer that
/// brought nothing, so that no server makes this endless.
pub(in super::super) fn filled(model: &mut Model, before: usize) -> Vec<Effect> {
    match hits_count(model) > before {
        true => more(model),
        false => Vec::new(),
    }
}

/// Asks for what comes after the last hit, if no screen of them is left behind what is chosen.
pub(in super::super) fn more(model: &mut Model) -> Vec<Effect> {
    let screen = layout::overlay_rows(model);
    let number = model.search_number.saturating_add(1);
    let Some(Overlay::Search(pane)) = &mut model.overlay else {
        return Vec::new();
    };
    let is_at_end = pane.chosen.saturating_add(screen) >= pane.hits.len();
    if !is_at_end || pane.is_asking || pane.next.is_empty() {
        return Vec::new();
    }
    let page = pane.next.clone();
    let act = match (pane.mentions, &pane.search) {
        (Some(all), _) => Act::Mentions { all, page },
        (None, Some(search)) => {
            let search = Search::clone(search);
            Act::Search(Box::new(Search { page, ..search }))
        }
        (None, None) => return Vec::new(),
    };
    pane.is_asking = true;
    pane.number = number;
    model.search_number = number;
    match act {
        Act::Search(search) => {
            pane.search = Some(search.clone());
            vec![Effect::Search { number, search }]
        }
        act => vec![Effect::Act(act)],
    }
}

/// A command asks for what mentions this user, or for what comes after the search that was closed last.
pub(in super::super) fn found(model: &mut Model, act: Act) -> Result<Vec<Effect>, String> {
    if !asking::can_ask(model) {
        return Err(asking::AWAY.to_owned());
    }
    close(model);
    let first = match &act {
        Act::Mentions { all, page } if page.is_empty() => Some(*all),
        _ => None,
    };
    let Some(all) = first else {
        let Some(mut pane) = model.last_search.take() else {
            return Ok(Vec::new());
        };
        pane.chosen = pane.hits.len().saturating_sub(1);
        pane.is_asking = false;
        model.overlay = Some(Overlay::Search(pane));
        return Ok(more(model));
    };
    let pane = SearchPane {
        mentions: Some(all),
        is_asking: true,
        ..self::pane(model)
    };
    model.overlay = Some(Overlay::Search(Box::new(pane)));
    Ok(vec![Effect::Act(act)])
}

/// Whether the pane waits for the answer to this.
pub(in super::super) fn waits_for(model: &Model, act: &Act) -> bool {
    let Act::Mentions { all, page } = act else {
        return false;
    };
    match &model.overlay {
        Some(Overlay::Search(pane)) => {
            pane.is_asking && pane.mentions == Some(*all) && pane.next == *page
        }
        _ => false,
    }
}

/// What mentions this user has come.
pub(in super::super) fn mentions_came(model: &mut Model, outcome: Result<Box<Outcome>, Untrusted>) {
    let Some(Overlay::Search(mut pane)) = model.overlay.take() else {
        return;
    };
    pane.is_asking = false;
    let problem = match outcome.map(|outcome| *outcome) {
        Ok(Outcome::Found(found, next)) => {
            pane.take_hits(found, next, &model.chats);
            None
        }
        Ok(_) => {
            pane.next.clear();
            None
        }
        Err(problem) => Some(problem.render_line()),
    };
    if pane.hits.is_empty() && problem.is_none() {
        pane.problem = Some(
            match pane.mentions {
                Some(false) => "Nothing that is unread mentions you; /mentions all lists the rest.",
                _ => "Nothing mentions you.",
            }
            .to_owned(),
        );
    }
    news::shown_again(model, pane, problem);
}

/// Goes to the message that is chosen.
pub(super) fn accept(model: &mut Model) -> Vec<Effect> {
    let Some(Overlay::Search(pane)) = &model.overlay else {
        return Vec::new();
    };
    let Some(hit) = pane.hits.get(pane.chosen) else {
        return Vec::new();
    };
    let (chat, seq) = (hit.chat.clone(), hit.found.message.seq);
    if model.chats.get(&chat).is_none() {
        return refuse(
            model,
            "You are not in that conversation, so it cannot be opened.",
        );
    }
    close(model);
    let effects = front::open(model, chat);
    jump::go_to(model, seq, JumpTo::Selection);
    effects
}

#[cfg(test)]
#[path = "search_tests.rs"]
mod tests;
