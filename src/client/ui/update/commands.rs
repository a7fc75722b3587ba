//! Enter: what is written is a text, another text for a message, or a command; and what each command does here.
//!
//! Promises: the table of the line mode is the only one; what cannot be done is said, and stays written; a text of several
//! lines is never a command.

use super::{
    super::{
        effect::Effect,
        keymap::{Action, Context, Keymap},
        model::{Focus, Model, chat::ChatId, composer::Mode, notices::Level, paging::JumpTo},
    },
    asking, jump, keys as dispatch, messages, open, overlays, say, scroll, send, writing,
};
use crate::client::app::{
    acts::{self, Act},
    emoji,
    ground::Ground,
    parse::{Command, Input, Which, parse},
    room::{Place, Wanted},
    transfers::{Follows, Job, Transfers, Wish},
    typing,
    untrusted::Untrusted,
};

/// Characters of a name that an error repeats.
const NAME_CHARS: usize = 40;

/// What is said of a login that cannot be ended.
const STAYS: &str = "Not logged out: the server is away, and would not know of it; try again when it is back, or go to another \
                     account with /accounts.";

/// Enter was pressed.
pub(super) fn enter(model: &mut Model, keys: &Keymap) -> Vec<Effect> {
    if model.composer.offer().is_some() {
        writing::accept(model);
        return Vec::new();
    }
    let text = model.composer.text().to_owned();
    let mode = model.composer.mode().clone();
    if text.trim().is_empty() {
        return nothing(model, &mode);
    }
    let done = match &mode {
        Mode::Edit(quote) => send::edit(model, quote, &text),
        _ => match line_of(&text) {
            Some(line) => return typed(model, keys, line, mode),
            None => {
                let reply_to = match &mode {
                    Mode::Reply(quote) => Some(quote.seq),
                    _ => None,
                };
                send::text(model, without_slash(&text), reply_to)
            }
        },
    };
    match done {
        Ok(mut effects) => {
            model.composer.take();
            // What was written before a line of the history is there again.
            let left = open::keep_draft(model);
            let is_draft = |effect: &&mut Effect| matches!(effect, Effect::KeepDraft { .. });
            for (effect, left) in effects.iter_mut().filter(is_draft).zip(left) {
                *effect = left;
            }
            effects
        }
        Err(why) => super::refuse(model, why),
    }
}

/// There is nothing to send. Blanks that nobody sees do not stay: what is typed next would not begin a line.
fn nothing(model: &mut Model, mode: &Mode) -> Vec<Effect> {
    match mode {
        Mode::Edit(_) => super::refuse(
            model,
            "A message cannot be empty; leave it as it is, or select it and delete it.",
        ),
        _ => {
            model.composer.drop_blanks();
            Vec::new()
        }
    }
}

/// The command line that a text is, if it is one. Line ends behind it, as a paste brings them, do not count.
fn line_of(text: &str) -> Option<&str> {
    let line = text.trim_end_matches('\n');
    let is_command = line.starts_with('/') && !line.starts_with("//") && !line.contains('\n');
    is_command.then_some(line)
}

/// `//text` is the text `/text`.
fn without_slash(text: &str) -> &str {
    match text.contains('\n') {
        true => text,
        false => text
            .strip_prefix('/')
            .filter(|it| it.starts_with('/'))
            .unwrap_or(text),
    }
}

/// A command was typed: it is taken out of the composer if it could be done, and an answer that was begun stays begun.
fn typed(model: &mut Model, keys: &Keymap, line: &str, mode: Mode) -> Vec<Effect> {
    let line = line.to_owned();
    let before = model.composer.clone();
    // Taken out first: it may bring another conversation to the front, where it is no draft.
    model.composer.take();
    if let Mode::Reply(quote) = &mode {
        model.composer.reply_to(quote.clone());
    }
    if let Some(front) = model.chats.front_mut() {
        front.history.push(&line);
    }
    match run(model, keys, &line) {
        Ok(effects) => effects,
        Err(why) => {
            model.composer = before;
            super::refuse(model, why)
        }
    }
}

/// Runs a command line; what says why not if that cannot be done.
pub(super) fn run(model: &mut Model, keys: &Keymap, line: &str) -> Result<Vec<Effect>, String> {
    let command = match parse(line).map_err(|error| error.to_string())? {
        Input::Text(text) => return send::text(model, &text, None),
        Input::Command(command) => command,
    };
    match command {
        Command::Users => question(model, Effect::Users),
        // They are in sight, or a few letters away.
        Command::Conversations(_) => Ok(overlays::open(model, keys, Action::Switcher)),
        Command::Open(which) => messages::open_here(model, which),
        Command::Typing => who_types(model),
        Command::Text(_) => Ok(several_lines(model, keys)),
        Command::Time => question(model, Effect::Time),
        Command::Start(wanted) => start(model, wanted),
        Command::Stop => stop(model),
        Command::Reply(seq, text) => send::text(model, text.as_str(), Some(seq)),
        Command::History(which) => history(model, which),
        Command::Search(_) => Ok(overlays::search_for(model, words(line))),
        Command::Files(wish) => files(model, wish),
        Command::Password => {
            overlays::change_password(model);
            Ok(Vec::new())
        }
        Command::Accounts => Ok(dispatch::leave_for(model, Effect::Accounts)),
        Command::Logout => match asking::can_ask(model) {
            true => Ok(dispatch::leave_for(model, Effect::LogOut)),
            false => Err(STAYS.to_owned()),
        },
        Command::Retry => messages::retry_here(model),
        Command::Drop => messages::drop_here(model),
        Command::Quit => Ok(dispatch::quit(model)),
        Command::Commands => Ok(overlays::open(model, keys, Action::Palette)),
        Command::Help => Ok(overlays::open(model, keys, Action::Help)),
        Command::Edit(seq, text) => {
            let edit = acts::act_of(model, Command::Edit(seq, emoji::meant(text)))?;
            asking::asked(model, edit)
        }
        command => match acts::act_of(model, command)? {
            act @ (Act::Search(_) | Act::Mentions { .. }) => overlays::found(model, act),
            act => asking::asked(model, act),
        },
    }
}

/// Does something with files.
pub(super) fn files(model: &mut Model, wish: Wish) -> Result<Vec<Effect>, String> {
    let place = model.place();
    let id = place.as_ref().and_then(|place| model.id_of(place));
    let role = model.chats.front().and_then(|chat| chat.my_role);
    Transfers::check(&wish, role.is_some_and(|role| !role.speaks()))?;
    Ok(match model.transfers.wish(wish, place, id)? {
        Follows::Begin(number, job, said) => {
            if let Job::Send(_) = &job {
                if let Mode::Reply(quote) = model.composer.mode() {
                    model.transfers.answers(number, quote.seq);
                    model.composer.leave_mode();
                }
                scroll::to_end(model);
            }
            say(model, Level::Info, said);
            vec![Effect::Move { number, job }]
        }
        Follows::Steer(number, steer) => vec![Effect::Steer(number, steer)],
        Follows::Say(said) => {
            say(model, Level::Info, said.join(" — "));
            Vec::new()
        }
    })
}

/// Says who types in the conversation in front.
fn who_types(model: &mut Model) -> Result<Vec<Effect>, String> {
    let front = model.chats.front().ok_or_else(acts::nowhere)?;
    let told = typing::told(front.typing.users(model.now));
    say(model, Level::Info, told);
    Ok(Vec::new())
}

/// Says how a text of several lines is written here.
fn several_lines(model: &mut Model, keys: &Keymap) -> Vec<Effect> {
    let told = match keys.hint(Context::Composer, Action::Newline) {
        Some(chord) => format!("Here {chord} begins a new line of what you write."),
        None => "No key begins a new line; lay one in keys.toml, or paste the lines.".to_owned(),
    };
    say(model, Level::Info, told);
    Vec::new()
}

/// What stands behind the first word.
fn words(line: &str) -> &str {
    line.split_once(char::is_whitespace)
        .map_or("", |(_, words)| words.trim())
}

fn question(model: &Model, question: Effect) -> Result<Vec<Effect>, String> {
    match asking::can_ask(model) {
        true => Ok(vec![question]),
        false => Err(asking::AWAY.to_owned()),
    }
}

/// Opens a conversation: one that is known at once, another once the server has found it.
pub(super) fn start(model: &mut Model, wanted: Wanted) -> Result<Vec<Effect>, String> {
    if let Some(known) = known(model, &wanted) {
        return Ok(open::open(model, known));
    }
    if !asking::can_ask(model) {
        let what = match &wanted {
            Wanted::User(name) => format!("a conversation with {name}"),
            Wanted::Channel(name) => format!("#{name}"),
            Wanted::Group(text) | Wanted::Id(text) => {
                Untrusted::from(text.as_str()).render_start(NAME_CHARS)
            }
        };
        return Err(format!(
            "Cannot open {what} while the server is away: it is not known here; try again when it is back."
        ));
    }
    Ok(vec![Effect::Start(wanted)])
}

pub(super) fn known(model: &Model, wanted: &Wanted) -> Option<ChatId> {
    let chat = match wanted {
        Wanted::User(name) => model.chats.at(&Place::User(name.clone())),
        Wanted::Channel(name) => model.chats.at(&Place::Channel(name.clone())),
        Wanted::Id(id) => model.chats.get(&id.as_str().into()),
        Wanted::Group(name) => match model.groups(name).as_slice() {
            [only] => model.chats.get(&only.as_str().into()),
            _ => None,
        },
    };
    chat.map(|chat| chat.id().clone())
}

fn stop(model: &mut Model) -> Result<Vec<Effect>, String> {
    let Some(front) = model.chats.front() else {
        return Err(
            "No conversation is open, so there is none to close; /start NAME opens one.".to_owned(),
        );
    };
    let (label, spelled) = (front.room.label(), front.room.spelled());
    let effects = open::close(model);
    let text =
        format!("{label} is closed; messages still come in. /start {spelled} opens it again.");
    say(model, Level::Info, text);
    Ok(effects)
}

/// The messages are there already: it is gone to those that are meant.
fn history(model: &mut Model, which: Which) -> Result<Vec<Effect>, String> {
    let Some(front) = model.chats.front() else {
        return Err(acts::nowhere());
    };
    let last = front.counts().last_seq;
    match which {
        Which::Last(count) => {
            let count = u64::try_from(count).unwrap_or(u64::MAX);
            let first = last.saturating_sub(count).saturating_add(1);
            jump::go_to(model, first, JumpTo::Sight);
        }
        Which::Around(seq) if seq > last => {
            return Err(format!(
                "There is no message [{seq}] here; the last one is [{last}]."
            ));
        }
        Which::Around(seq) => jump::go_to(model, seq, JumpTo::Selection),
        Which::At(at) => {
            let chat = front.id().clone();
            return question(model, Effect::Find { chat, at });
        }
    }
    if let Focus::Messages(_) = model.focus {
        return Ok(Vec::new());
    }
    model.focus = Focus::Composer;
    Ok(Vec::new())
}

#[cfg(test)]
#[path = "commands_tests.rs"]
mod tests;
