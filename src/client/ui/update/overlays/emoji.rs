//! The picker of emoji for a message: those that it has first, then those that are given most, then all by their names.

use super::{
    super::{
        super::{
            effect::Effect,
            model::{
                Model,
                message::{Message, Reaction},
                overlay::{PickRow, Picked, PickerKind},
            },
            text::emoji,
        },
        asking, refuse,
    },
    picker,
};
use crate::{
    client::app::{acts::Deeds, line, untrusted::Untrusted},
    domain::reaction::Emoji,
};

/// Names of those that are given most.
const USUAL: [&str; 9] = [
    "+1",
    "heart",
    "joy",
    "tada",
    "open_mouth",
    "cry",
    "pray",
    "eyes",
    "white_check_mark",
];

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
    let usual = USUAL
        .iter()
        .filter_map(|name| Some((*name, emoji::named(name)?)));
    let rest = emoji::TABLE.iter().copied();
    let rest = rest.filter(|(name, _)| !USUAL.contains(name));
    let named = usual.chain(rest).filter(|(_, sign)| !has(sign));
    let named = named.map(|(name, sign)| row(format!("{sign} {name}"), "", sign));
    let mut rows = picker::fit(given.chain(named).collect(), typed);
    // One that has no name here can be pasted.
    let is_sign = typed.parse::<Emoji>().is_ok() && !typed.is_ascii();
    if is_sign && rows.is_empty() {
        let shown = line::emoji(&typed.into());
        rows.push(row(shown, "give this", typed));
    }
    rows
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
