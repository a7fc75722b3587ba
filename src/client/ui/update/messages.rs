//! What keys do with the message that is selected. What cannot be done with it is said, with what can.

use super::{
    super::{
        effect::Effect,
        keymap::Action,
        model::{
            Focus, Model,
            composer::{Mode, Quote},
            markers::Marker,
            message::Message,
            notices::Level,
            outgoing::Outgoing,
            overlay::{Overlay, Question, Then},
            paging::JumpTo,
        },
        news,
        text::{Glyphs, links, markdown},
    },
    asking, commands, jump, open_file, overlays, refuse, say,
    selection::{self, Selected},
};
use crate::{
    client::app::{
        acts::{self, Deeds},
        file::File,
        ground::Ground,
        links::{MarkerLine, Seen, Sought},
        opening, refused,
        transfers::Wish,
        untrusted::Untrusted,
    },
    domain::ids::ClientMessageId,
};

/// Characters of a text that a question shows.
const START_CHARS: usize = 40;
/// Lines of a message that are looked through for links.
const LINES_MAX: usize = 2_000;
const GONE: &str = "That message was deleted.";
const NO_TEXT: &str = "There is no text in that message.";
const NOT_YET: &str = "That message is not on the server yet; wait until it is.";

/// Does what an action says to what is selected.
pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    match selection::selected(model) {
        Some(Selected::Message(message)) => {
            let message = message.clone();
            to_message(model, action, &message)
        }
        Some(Selected::Outgoing(outgoing)) => {
            let outgoing = outgoing.clone();
            to_outgoing(model, action, &outgoing)
        }
        None => refuse(model, "No message is selected."),
    }
}

fn to_message(model: &mut Model, action: Action, message: &Message) -> Vec<Effect> {
    match action {
        Action::GoToQuoted => return go_to_quoted(model, message.reply_to),
        Action::SeenBy => return seen_by(model, message),
        Action::Retry | Action::Drop => {
            return refuse(
                model,
                "That message is sent; only one that was refused can be sent again or dropped.",
            );
        }
        _ => {}
    }
    let (Some(text), Some(said)) = (message.text.clone(), message.said()) else {
        return refuse(model, GONE);
    };
    match action {
        Action::Reply => {
            let said = said.into_owned();
            model.composer.reply_to(quote(message, said));
            model.focus = Focus::Composer;
            Vec::new()
        }
        Action::Edit => edit(model, message, text),
        Action::Delete if !may_delete(model, message) => refuse(
            model,
            "Only your own messages can be deleted here; owners and admins of a group or channel delete those of others.",
        ),
        Action::Delete => {
            let whose = match message.is_by(&model.me) {
                true => "your message".to_owned(),
                false => format!(
                    "the message of {}",
                    message.sender.render_start(START_CHARS)
                ),
            };
            let start = said.render_start(START_CHARS);
            let question = format!("Delete {whose} \"{start}\" for everybody and for good?");
            let front = model.chats.front().map(|chat| chat.id().clone());
            let act = front.and_then(|id| asking::act_at(model, &id, Deeds::Delete(message.seq)));
            question_of(model, question, act.map(|act| Then::Act(Box::new(act))))
        }
        Action::React => overlays::react(model, message),
        Action::Copy if message.is_files_only() => refuse(model, NO_TEXT),
        Action::Copy => copy(model, &text),
        Action::SaveFiles => save(model, message),
        _ => open_link(model, &text, &message.files, message.seq),
    }
}

fn may_delete(model: &Model, message: &Message) -> bool {
    let front = model.chats.front();
    front.is_some_and(|chat| chat.may_delete(message, &model.me))
}

/// Tells who has an own message, as far as it is known here.
fn seen_by(model: &mut Model, message: &Message) -> Vec<Effect> {
    if !message.is_by(&model.me) {
        return refuse(
            model,
            "Only of your own messages it is told who has read them.",
        );
    }
    let Some(front) = model.chats.front() else {
        return Vec::new();
    };
    let line = |(id, marker): (&str, Marker)| {
        let user = model.people.name(id)?.clone();
        let Marker { delivered, read } = marker;
        Some(MarkerLine {
            user,
            delivered,
            read,
        })
    };
    let others: Vec<MarkerLine> = front.markers.iter().filter_map(line).collect();
    if others.is_empty() && !asking::can_ask(model) {
        return refuse(
            model,
            "The server is away, and it is not known here who has read that.",
        );
    }
    let seen = Seen {
        message: Sought::Own(message.seq),
        others,
    };
    let label = front.room.label();
    news::tell_seen(model, &label, &seen);
    Vec::new()
}

/// A message with its text, to be answered or edited.
pub(super) fn quote(message: &Message, text: Untrusted) -> Quote {
    Quote {
        seq: message.seq,
        sender: message.sender.clone(),
        text,
    }
}

/// Edits a message, if this user may.
pub(super) fn edit(model: &mut Model, message: &Message, text: Untrusted) -> Vec<Effect> {
    if !message.is_by(&model.me) {
        return refuse(
            model,
            "Only your own messages can be edited; answer it instead.",
        );
    }
    edit_quote(model, quote(message, text))
}

/// Edits an own message.
pub(super) fn edit_quote(model: &mut Model, quote: Quote) -> Vec<Effect> {
    let written = quote.text.render_lines();
    model.composer.edit_message(quote, &written);
    model.focus = Focus::Composer;
    Vec::new()
}

fn question_of(model: &mut Model, text: String, then: Option<Then>) -> Vec<Effect> {
    match then {
        Some(then) => model.overlay = Some(Overlay::Ask(Question { text, then })),
        None => return refuse(model, "Nothing can be done to that conversation."),
    }
    Vec::new()
}

fn copy(model: &mut Model, text: &Untrusted) -> Vec<Effect> {
    say(model, Level::Info, "The text is copied.");
    vec![Effect::Copy(text.render_lines())]
}

/// Saves the files of a message to where downloads go.
fn save(model: &mut Model, message: &Message) -> Vec<Effect> {
    if message.files.is_empty() {
        return refuse(model, "There is no file in that message.");
    }
    let begun = commands::files(model, Wish::Save(message.seq, None));
    begun.unwrap_or_else(|why| refuse(model, why))
}

fn open_link(model: &mut Model, text: &Untrusted, files: &[File], seq: u64) -> Vec<Effect> {
    let all = open_file::all(text, files, seq);
    match all.is_empty() {
        true => refuse(model, "There is neither a link nor a file in that message."),
        false => open_file::open_any(model, all),
    }
}

/// Opens a link or a file of the conversation in front; what says why not if there is none.
pub(super) fn open_here(model: &mut Model, which: opening::Which) -> Result<Vec<Effect>, String> {
    let front = model.chats.front().ok_or_else(acts::nowhere)?;
    let is_shown = |it: &&Message| !model.blocked.hides(Some(&front.room), &it.sender);
    let found = match which.seq {
        Some(seq) => {
            let message = front.window.get(seq).filter(is_shown);
            message.map(|message| (seq, open_file::of_message(message)))
        }
        None => {
            let newest = front.window.all().rev().filter(is_shown);
            let mut linked = newest.map(|message| (message.seq, open_file::of_message(message)));
            linked.find(|(_, all)| !all.is_empty())
        }
    };
    let found = found.or_else(|| Some((which.seq?, Vec::new())));
    let (seq, mut all) = found.ok_or_else(|| opening::NOTHING.to_owned())?;
    if let Some(at) = which.number.and_then(|number| number.checked_sub(1))
        && at < all.len()
    {
        return Ok(open_file::open(model, all.swap_remove(at)));
    }
    if which.number.is_none() && !all.is_empty() {
        return Ok(open_file::open_any(model, all));
    }
    let labels: Vec<String> = all.iter().map(open_file::label).collect();
    opening::chosen(&labels, seq, which.number).map(|_| Vec::new())
}

/// The links of a message in their order, each once.
pub(super) fn links_of(text: &Untrusted) -> Vec<String> {
    let safe = text.render_lines();
    let mut found: Vec<String> = Vec::new();
    let mut add = |link: &str| {
        if !found.iter().any(|known| known == link) {
            found.push(link.to_owned());
        }
    };
    for line in markdown::lines(&safe, LINES_MAX, &Glyphs::UNICODE) {
        for span in &line.spans {
            match &span.link {
                Some(link) => add(link),
                None => links::find(&span.text)
                    .into_iter()
                    .filter_map(|range| span.text.get(range))
                    .for_each(&mut add),
            }
        }
    }
    found
}

fn go_to_quoted(model: &mut Model, seq: u64) -> Vec<Effect> {
    if seq == 0 {
        return refuse(model, "That message answers no other.");
    }
    jump::go_to(model, seq, JumpTo::Selection);
    Vec::new()
}

fn to_outgoing(model: &mut Model, action: Action, outgoing: &Outgoing) -> Vec<Effect> {
    let text = Untrusted::from(outgoing.text.as_str());
    let is_refused = selection::is_refused(outgoing);
    match action {
        Action::Copy if text.is_empty() => refuse(model, NO_TEXT),
        Action::Copy => copy(model, &text),
        Action::OpenLink => open_link(model, &text, &[], 0),
        Action::GoToQuoted => go_to_quoted(model, outgoing.reply_to.unwrap_or(0)),
        Action::Retry if is_refused => {
            let again = model.outgoing.retry(outgoing.id);
            again.map(Effect::Send).into_iter().collect()
        }
        Action::Drop | Action::Delete if is_refused => {
            let start = outgoing.said().render_start(START_CHARS);
            let question = format!("Drop \"{start}\", which could not be sent?");
            question_of(model, question, Some(Then::Drop(outgoing.id)))
        }
        Action::Edit if is_refused && !outgoing.attachments.is_empty() => refuse(
            model,
            "Its files would be lost if that were written anew; send it again, or drop it.",
        ),
        Action::Edit if is_refused => edit_refused(model, outgoing),
        Action::Retry | Action::Drop => refuse(
            model,
            "That message is on its way; only one that was refused can be sent again or dropped.",
        ),
        _ => refuse(model, NOT_YET),
    }
}

/// What was refused is written anew, and is not to be sent as it was any more.
fn edit_refused(model: &mut Model, outgoing: &Outgoing) -> Vec<Effect> {
    if !model.composer.is_empty() || matches!(model.composer.mode(), Mode::Edit(_)) {
        return refuse(
            model,
            "You are writing already; send that or clear it first.",
        );
    }
    let effects = drop_refused(model, outgoing.id);
    model.composer.leave_mode();
    model.composer.paste(outgoing.text.as_str());
    model.focus = Focus::Composer;
    effects
}

/// Sends again what was refused last in the conversation in front; what says why not if there is none.
pub(super) fn retry_here(model: &mut Model) -> Result<Vec<Effect>, String> {
    let again = refused_here(model).and_then(|id| model.outgoing.retry(id));
    let again = again.ok_or_else(|| refused::NOTHING.to_owned())?;
    Ok(vec![Effect::Send(again)])
}

/// Drops what was refused last in the conversation in front; what says why not if there is none.
pub(super) fn drop_here(model: &mut Model) -> Result<Vec<Effect>, String> {
    let id = refused_here(model).ok_or_else(|| refused::NOTHING.to_owned())?;
    Ok(drop_refused(model, id))
}

fn refused_here(model: &Model) -> Option<ClientMessageId> {
    let place = model.place()?;
    let here = model.outgoing.to(&place);
    here.filter(|it| selection::is_refused(it))
        .last()
        .map(|it| it.id)
}

/// Takes back the text of a message that was refused and stands nowhere, and drops it.
pub(super) fn take_back(model: &mut Model, id: ClientMessageId) -> Vec<Effect> {
    match model.outgoing.get(id).cloned() {
        Some(outgoing) if selection::is_refused(&outgoing) => edit_refused(model, &outgoing),
        _ => Vec::new(),
    }
}

/// Drops a message that was refused.
pub(super) fn drop_refused(model: &mut Model, id: ClientMessageId) -> Vec<Effect> {
    let dropped = model.outgoing.drop_failed(id);
    selection::mend(model);
    dropped.map(|it| Effect::Drop(it.id)).into_iter().collect()
}

#[cfg(test)]
#[path = "messages_tests.rs"]
mod tests;
