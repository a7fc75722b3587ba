//! Sending what is written, and giving an own message another text.

use super::{
    super::{
        effect::Effect,
        model::{
            Model,
            composer::Quote,
            outgoing::{Outgoing, State},
        },
    },
    asking,
};
use crate::{
    client::app::{acts::Deeds, emoji, ground::Ground, untrusted::Untrusted},
    domain::text::MessageText,
};

/// Characters of a text that an error repeats.
const START_CHARS: usize = 30;

/// Sends a text to the conversation in front; what says why not if it cannot be sent. `:name:` becomes its sign.
pub(super) fn text(
    model: &mut Model,
    text: &str,
    reply_to: Option<u64>,
) -> Result<Vec<Effect>, String> {
    let Some(front) = model.chats.front() else {
        return Err(
            "No conversation is open, so nobody got that; /start NAME opens one, /commands lists the commands."
                .to_owned(),
        );
    };
    let Some(to) = model.place() else {
        return Err(
            "The server calls this conversation what nothing can be called; nothing can be sent to it."
                .to_owned(),
        );
    };
    let chat = front.id().clone();
    let outgoing = Outgoing {
        id: model.fresh_id,
        to,
        // A paste of lines ends with a line end, which is no line of its own.
        text: parsed(text.trim_end_matches('\n'))?,
        attachments: Vec::new(),
        reply_to,
        time: model.now,
        state: State::Waiting,
    };
    if model.outgoing.get(outgoing.id).is_some() {
        return Err("Not sent yet: there is no name for it; press the key again.".to_owned());
    }
    let full = model.outgoing.write(outgoing.clone());
    full.map_err(|full| format!("Not sent: {full}."))?;
    if let Some(front) = model.chats.front_mut() {
        front.history.push(text);
        front.clear_unread_line();
        front.to_end();
    }
    model.jump = None;
    Ok(vec![
        Effect::Send(outgoing),
        Effect::KeepLine {
            chat: chat.clone(),
            text: text.to_owned(),
        },
        Effect::KeepDraft {
            chat,
            text: String::new(),
        },
    ])
}

/// Gives a message another text; what says why not if that cannot be asked for. The same text again asks for nothing.
pub(super) fn edit(model: &mut Model, quote: &Quote, text: &str) -> Result<Vec<Effect>, String> {
    if text == quote.text.render_lines() {
        return Ok(Vec::new());
    }
    let front = model.chats.front().map(|chat| chat.id().clone());
    let text = parsed(text)?;
    let deed = Deeds::Edit(quote.seq, text.clone());
    let act = front
        .as_ref()
        .and_then(|id| asking::act_at(model, id, deed));
    let act = act.ok_or_else(|| "No conversation is open any more.".to_owned())?;
    let mut effects = asking::asked(model, act)?;
    // If it is refused, or the program ends before, the text can be had back from here.
    if let Some(front) = model.chats.front_mut() {
        front.history.push(text.as_str());
    }
    effects.extend(front.map(|chat| Effect::KeepLine {
        chat,
        text: text.as_str().to_owned(),
    }));
    Ok(effects)
}

fn parsed(text: &str) -> Result<MessageText, String> {
    let read = text.parse::<MessageText>().map(emoji::meant);
    read.map_err(|error| {
        let start = Untrusted::from(text).render_start(START_CHARS);
        format!("Not sent: {error}: \"{start}\"")
    })
}
