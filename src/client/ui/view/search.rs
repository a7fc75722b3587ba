//! The search: what is typed, what is looked through, and what was found, with the words that were looked for marked.

use std::borrow::Cow;

use ratatui::layout::{Position, Rect};

use super::{
    overlay::{choose, input},
    pen::{Bit, Pen},
};
use crate::client::{
    app::{acts::Spot, look::Found, room::Place},
    ui::{
        layout::{
            bubble::preview,
            over::{self, Over},
        },
        model::{
            Model,
            overlay::{Hit, SearchPane},
        },
        text::{Role as Said, Span, cut_spans, day},
        theme::Role,
    },
};

/// Characters of a name.
const NAME_CHARS: usize = 40;

/// Draws it; returns where the cursor stands.
pub fn draw(model: &Model, pen: &mut Pen<'_>, over: &Over, pane: &SearchPane) -> Option<Position> {
    let cursor = input(pen, over, &pane.input);
    if let Some(row) = over.note {
        let left = [pen.bit(Role::Dim, place(model, pane))];
        let right = [pen.bit(Role::Dim, state(pen, pane))];
        pen.row(row, row.y, &left, &right);
    }
    if let Some(problem) = &pane.problem {
        let rows = over::text_rows(problem, usize::from(over.list.width).saturating_sub(2));
        let sign = format!("{} ", pen.theme.glyph(Role::Warning));
        let style = pen.theme.style(Role::Warning);
        let x = pen.put(over.list, over.list.y, over.list.x, &sign, style);
        let style = pen.theme.style(Role::Text);
        for (y, row) in (over.list.top()..over.list.bottom()).zip(&rows) {
            pen.put(over.list, y, x, row, style);
        }
        return cursor;
    }
    let first = over::first_item(pane.chosen, pane.hits.len(), over.items());
    let seen = pane.hits.iter().enumerate().skip(first).take(over.items());
    let mut y = over.list.y;
    for (place, hit) in seen {
        self::hit(model, pen, over, y, hit);
        if place == pane.chosen {
            choose(pen, over, y, over.item_rows);
        }
        y = y.saturating_add(over.item_rows);
    }
    cursor
}

/// What is looked through.
fn place(model: &Model, pane: &SearchPane) -> String {
    match pane.mentions {
        Some(true) => return "all that mentions you".to_owned(),
        Some(false) => return "unread messages that mention you".to_owned(),
        None => {}
    }
    let here = || model.chats.front().map(|chat| chat.room.label());
    // It may be said in the words, and where those cannot be read it is not known.
    let spot = pane.search.as_ref().and_then(|search| search.spot.as_ref());
    let only = match spot {
        Some(spot) => Some(label(model, spot)),
        None if pane.is_here_only => here(),
        None if pane.problem.is_some() => return String::new(),
        None => None,
    };
    only.map_or_else(
        || "in all conversations".to_owned(),
        |only| format!("in {only}"),
    )
}

/// What a conversation is called in which it is looked for.
fn label(model: &Model, spot: &Spot) -> String {
    let known = |id: &String| model.chats.get(&id.as_str().into());
    match (spot.id.as_ref().and_then(known), &spot.place) {
        (Some(chat), _) => chat.room.label(),
        (None, Place::User(name)) => name.to_string(),
        (None, Place::Channel(name)) => format!("#{name}"),
        (None, Place::Group(_)) => "that group".to_owned(),
    }
}

/// How far it is.
fn state(pen: &Pen<'_>, pane: &SearchPane) -> String {
    let count = pane.hits.len();
    if pane.is_asking {
        return format!("searching{}", pen.signs().ellipsis);
    }
    match (count, pane.next.is_empty()) {
        (0, _) if pane.search.is_none() && pane.mentions.is_none() => String::new(),
        (0, _) => "nothing found".to_owned(),
        (count, true) => format!("{count} found"),
        (count, false) => format!("{count} found, more to come"),
    }
}

fn hit(model: &Model, pen: &mut Pen<'_>, over: &Over, y: u16, hit: &Hit) {
    let room = model.chats.get(&hit.chat).map(|chat| &chat.room);
    let found = model.blocked.found(room, &hit.found);
    let blank = pen.bit(Role::Text, " ");
    let sender = found.message.sender.render_start(NAME_CHARS);
    let style = match sender == model.me.as_str() {
        true => pen.theme.style(Role::OwnName),
        false => pen.theme.name_style(&sender),
    };
    let mut head = vec![
        blank.clone(),
        Bit {
            text: sender.into(),
            style,
        },
    ];
    // What a conversation of two is called is who speaks there, mostly.
    if !hit.place.is_empty() {
        let place = format!(" in {}", hit.place);
        head.push(pen.bit(Role::Dim, place));
    }
    let time = found.message.time;
    let day = day::day(time, model.now, model.zone);
    let when = format!("{day} {}", day::time_of_day(time, model.zone));
    let right = [pen.bit(Role::Dim, when)];
    if over.item_rows == 1 {
        head.push(pen.bit(Role::Text, ": "));
        head.extend(words(pen, &found, usize::from(over.list.width)));
        pen.row(over.list, y, &head, &[]);
        return;
    }
    pen.row(over.list, y, &head, &right);
    let mut bits = vec![blank, pen.bit(Role::Text, "  ")];
    let space = usize::from(over.list.width).saturating_sub(3);
    bits.extend(words(pen, &found, space));
    let below = Rect {
        y: y.saturating_add(1),
        height: 1,
        ..over.list
    };
    pen.row(below, below.y, &bits, &[]);
}

/// The part of the text around what was looked for.
fn words<'t>(pen: &Pen<'_>, found: &Found, space: usize) -> Vec<Bit<'t>> {
    let message = &found.message;
    let snippet = found.snippet.as_ref().filter(|it| !it.is_empty());
    let spans = match (snippet, message.said()) {
        (Some(snippet), _) => {
            let pieces = snippet.shown().into_iter();
            let span = |(text, is_match)| match is_match {
                true => Span::new(text, Said::HIT),
                false => Span::plain(text),
            };
            pieces.map(span).collect()
        }
        // No markup: it is made of names.
        (None, Some(Cow::Owned(files))) => vec![Span::plain(files.render_line())],
        (None, Some(text)) => vec![Span::plain(preview(&text, &pen.signs()))],
        (None, None) => vec![Span::new("(deleted)", Said::DIM)],
    };
    let row = cut_spans(&spans, space, &pen.signs());
    let bit = |span: Span| {
        let role = match (span.role.has(Said::HIT), span.role.has(Said::DIM)) {
            (true, _) => Role::Hit,
            (false, true) => Role::Deleted,
            (false, false) => Role::Text,
        };
        pen.bit(role, span.text)
    };
    row.spans.into_iter().map(bit).collect()
}

#[cfg(test)]
#[path = "search_tests.rs"]
mod tests;
