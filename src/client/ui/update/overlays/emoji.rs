//! The picker of emoji for a message: those that it has first, then those that are given most, then all by their names.

use std::collections::HashMap;

use super::{
    super::{
        super::{
            effect::Effect,
            model::{
                Model,
                message::{Message, Reaction},
                overlay::{PickRow, Picked, PickerKind},
            },
        },
        asking, refuse,
    },
    picker,
};
use crate::{
    client::app::{acts::Deeds, emoji, line, untrusted::Untrusted},
    domain::reaction::Emoji,
};

/// Opens it for a message of the conversation in front.
pub(in super::super) fn react(model: &mut Model, message: &Message) -> Vec<Effect> {
    let Some(front) = model.chats.front() else {
        return Vec::new();
    };
    let kind = PickerKind::Emoji {
        chat: front.id().clone(),
        seq: message.seq,
        reactions: message.reactions.clone(),
    };
    let rows = rows(&message.reactions, "");
    picker::show(model, kind, rows);
    Vec::new()
}

/// The rows for what is typed.
pub(super) fn rows(reactions: &[Reaction], typed: &str) -> Vec<PickRow> {
    let typed = typed.trim_matches(':');
    let given = reactions.iter().filter_map(given);
    let has = |sign: &str| {
        let sign = Untrusted::from(sign);
        reactions.iter().any(|it| it.emoji == sign)
    };
    let named = emoji::by_use().filter(|(_, sign)| !has(sign));
    let named = named.map(|(name, sign)| row(format!("{sign} {name}"), "", sign));
    let all: Vec<PickRow> = given.chain(named).collect();
    let places: HashMap<String, Place> = all
        .iter()
        .enumerate()
        .map(|(at, row)| (row.label.clone(), place(row, at, typed)))
        .collect();
    let mut rows = picker::fit(all, typed);
    // What fits by some of its letters only stays as the picker has it, behind the rest.
    rows.sort_by_key(|row| places.get(&row.label).copied().unwrap_or(LOOSE));
    // One that has no name here can be pasted.
    let is_sign = typed.parse::<Emoji>().is_ok() && !typed.is_ascii();
    if is_sign && rows.is_empty() {
        let shown = line::emoji(&typed.into());
        rows.push(row(shown, "give this", typed));
    }
    rows
}

/// Where a row stands: how well its name fits, and which is before which of those that fit equally well.
type Place = (bool, Option<emoji::Fit>, usize);

/// The place of one that fits by some of its letters.
const LOOSE: Place = (true, None, 0);

/// The place of a row that is the `at`th while nothing is typed: as where names are completed.
fn place(row: &PickRow, at: usize, typed: &str) -> Place {
    let name = row.label.split_once(' ').map_or("", |(_, name)| name);
    match emoji::fit(name, &typed.to_lowercase()) {
        Some(fit) => (false, Some(fit), at),
        None => LOOSE,
    }
}

fn row(label: String, help: &str, sign: &str) -> PickRow {
    PickRow {
        label,
        marks: Vec::new(),
        help: help.to_owned(),
        what: Picked::Emoji(sign.to_owned()),
    }
}

/// One that the message has. What cannot be given is not listed.
fn given(reaction: &Reaction) -> Option<PickRow> {
    let sign = reaction.emoji.render_line();
    let is_whole = Untrusted::from(sign.as_str()) == reaction.emoji;
    sign.parse::<Emoji>().ok().filter(|_| is_whole)?;
    let count = reaction.count;
    let (name, help) = (
        name_of(&sign),
        match reaction.is_mine {
            true => format!("given by {count}, you among them: take it back"),
            false => format!("given by {count}"),
        },
    );
    let label = format!("{} {name}", line::emoji(&reaction.emoji));
    Some(row(label.trim_end().to_owned(), &help, &sign))
}

fn name_of(sign: &str) -> &'static str {
    let named = emoji::TABLE.iter().find(|(_, it)| *it == sign);
    named.map_or("", |(name, _)| name)
}

/// One was picked: it is given, or taken back if this user gave it.
pub(super) fn picked(model: &mut Model, kind: &PickerKind, sign: &str) -> Vec<Effect> {
    let PickerKind::Emoji {
        chat,
        seq,
        reactions,
    } = kind
    else {
        return Vec::new();
    };
    let Ok(emoji) = sign.parse::<Emoji>() else {
        return refuse(model, "That is no emoji that could be given.");
    };
    // As the message has them now, if it is still there.
    let message = model.chats.get(chat).and_then(|chat| chat.window.get(*seq));
    let reactions = message.map_or(reactions, |message| &message.reactions);
    let sign = Untrusted::from(sign);
    let is_mine = reactions.iter().any(|it| it.emoji == sign && it.is_mine);
    let deed = Deeds::React {
        seq: *seq,
        emoji,
        give: !is_mine,
    };
    asking::at(model, chat, deed)
}
