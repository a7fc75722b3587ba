//! All decisions of the line mode: what happened goes in, what to do comes out. No await, no I/O.

use crate::domain::name::UserName;

use super::{
    command::{self, Command, Input},
    line::{self, counted},
    model::{Effect, LinkState, Model, Msg, Opened, StartProblem},
    untrusted::Untrusted,
};

/// How much of a text is repeated in an error about it.
const TEXT_START_CHARS: usize = 30;

/// Takes in what happened and returns what to do.
pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Typed(line) => typed(model, &line),
        Msg::TypedUndecodable => {
            vec![say(
                "Not sent: the line is not UTF-8; set the terminal or the file to UTF-8.",
            )]
        }
        Msg::TypedTooLong => {
            vec![say(
                "Not sent: the line is longer than any text may be; send it in parts.",
            )]
        }
        Msg::InputEnded => vec![Effect::Leave { hurry: false }],
        Msg::Interrupted => vec![Effect::Leave { hurry: true }],
        Msg::Connected => connected(model),
        Msg::CaughtUp => {
            model.link = LinkState::Up;
            Vec::new()
        }
        Msg::ConnectionLost => match std::mem::replace(&mut model.link, LinkState::Down) {
            LinkState::Down => Vec::new(),
            LinkState::Up => vec![say("Connection lost; trying again.")],
            LinkState::Starting => vec![say(format!(
                "Welcome, {}. The server cannot be reached; trying again. /start NAME and lines work already: they are \
                 kept and sent when it is back.",
                model.me
            ))],
        },
        Msg::Message { sender, time, text } => {
            vec![Effect::Print(line::message(
                &sender, time, &text, model.zone,
            ))]
        }
        Msg::Gap { count } => vec![say(format!("{count} older messages are not shown here."))],
        Msg::Reset => vec![say(
            "The server's store is not the one of last time; what it holds unread comes now.",
        )],
        Msg::Left { count } => {
            model.unsent += count;
            model.said_waiting = true;
            vec![say(format!(
                "{} still waiting; sending now.",
                counted(
                    count,
                    "message of last time is",
                    "messages of last time are"
                )
            ))]
        }
        Msg::NotKept { problem } => vec![say(format!(
            "Messages cannot be kept on this machine: {}. What is not sent when this ends is lost.",
            problem.render_line()
        ))],
        Msg::Waits { is_kept } => {
            model.said_waiting = true;
            let where_to = match is_kept {
                true => "Kept until the server is back",
                false => "Waits for the server, and only as long as this runs",
            };
            vec![say(format!(
                "{where_to}; {} waiting.",
                counted(model.unsent, "message is", "messages are")
            ))]
        }
        Msg::Sent => answered(model),
        Msg::Held { problem } => {
            model.unsent = model.unsent.saturating_sub(1);
            vec![say(format!(
                "Not sent, and kept for a login that may: {}",
                problem.render_line()
            ))]
        }
        Msg::NotSent { text, problem } => {
            let told = not_sent(&text, &problem.render_line());
            let mut effects = answered(model);
            effects.insert(0, told);
            effects
        }
        Msg::Started { name, outcome } => started(model, name, outcome),
        Msg::Users(users) => {
            model.asking = false;
            vec![match users {
                Ok(users) => Effect::Print(lines(
                    users.iter().map(|user| line::user(&user.name, user.online)),
                )),
                Err(problem) => say(format!("Cannot list the users: {}", problem.render_line())),
            }]
        }
        Msg::Time(time) => {
            model.asking = false;
            vec![match time {
                Ok(time) => say(model.zone.stamp(time)),
                Err(problem) => say(format!("Cannot tell the time: {}", problem.render_line())),
            }]
        }
    }
}

fn connected(model: &mut Model) -> Vec<Effect> {
    match model.link {
        LinkState::Starting => vec![say(format!(
            "Welcome, {}. /users lists who is here, /start NAME opens a conversation, /help the \
             rest.",
            model.me
        ))],
        LinkState::Up => Vec::new(),
        LinkState::Down => {
            model.link = LinkState::Up;
            vec![match model.unsent {
                0 => say("Connected again."),
                count => say(format!(
                    "Connected again; sending {}.",
                    counted(count, "message", "messages")
                )),
            }]
        }
    }
}

/// A message is answered: when it was the last of those that waited, that is said.
fn answered(model: &mut Model) -> Vec<Effect> {
    model.unsent = model.unsent.saturating_sub(1);
    if model.unsent == 0 && std::mem::take(&mut model.said_waiting) {
        return vec![say("Nothing waits any more.")];
    }
    Vec::new()
}

fn typed(model: &mut Model, typed: &str) -> Vec<Effect> {
    let command = match command::parse(typed) {
        Ok(Input::Text(text)) => return text_typed(model, &text),
        Ok(Input::Command(command)) => command,
        Err(error) => return vec![say(error.to_string())],
    };
    match command {
        Command::Users => ask(model, Effect::ListUsers),
        Command::Time => ask(model, Effect::AskTime),
        Command::Start(name) if model.link == LinkState::Down => start_unasked(model, name),
        Command::Start(name) => ask(model, Effect::Start(name)),
        Command::Stop => stop(model),
        Command::Quit => vec![Effect::Leave { hurry: true }],
        Command::Commands => vec![Effect::Print(lines(command::list()))],
        Command::Help => vec![Effect::Print(help())],
    }
}

fn ask(model: &mut Model, question: Effect) -> Vec<Effect> {
    model.asking = true;
    vec![question]
}

fn text_typed(model: &mut Model, text: &str) -> Vec<Effect> {
    let Some(to) = model.focus.clone() else {
        return vec![say(
            "No conversation is open, so nobody got that; /start NAME opens one, /commands lists \
             the commands.",
        )];
    };
    let text = match text.parse() {
        Ok(text) => text,
        Err(error) => {
            let error: crate::domain::text::MessageTextError = error;
            return vec![not_sent(&text.into(), &error.to_string())];
        }
    };
    model.unsent += 1;
    vec![Effect::Send { to, text }]
}

fn stop(model: &mut Model) -> Vec<Effect> {
    let Some(name) = model.focus.take() else {
        return vec![say(
            "No conversation is open, so there is none to close; /start NAME opens one.",
        )];
    };
    if let Some(opened) = model.open.get_mut(&name) {
        opened.stopped = true;
    }
    vec![say(format!(
        "Conversation with {name} is closed; what {name} writes is still shown. /start {name} \
         opens it again."
    ))]
}

/// While the server is away nobody can be asked whether there is such a user: the first message will tell.
fn start_unasked(model: &mut Model, name: UserName) -> Vec<Effect> {
    model.open.insert(name.clone(), Opened { stopped: false });
    model.focus = Some(name.clone());
    vec![say(format!(
        "Lines you type go to {name}. The server is away, so nobody was asked whether {name} exists; what you type is \
         kept and sent when it is back."
    ))]
}

/// What is in front stays there, which must be said: a line that follows would go to somebody else than was meant.
fn still(model: &Model) -> String {
    match &model.focus {
        Some(name) => format!(" Lines you type still go to {name}."),
        None => String::new(),
    }
}

fn started(model: &mut Model, name: UserName, outcome: Result<(), StartProblem>) -> Vec<Effect> {
    model.asking = false;
    match outcome {
        Ok(()) => {}
        Err(StartProblem::UserNotFound) => {
            return vec![say(format!(
                "Cannot start a conversation with user {name}. The user does not exist! ({name} \
                 must register first; /users lists everybody){}",
                still(model)
            ))];
        }
        Err(StartProblem::Other(problem)) => {
            return vec![say(format!(
                "Cannot start a conversation with user {name}. {}{}",
                problem.render_line(),
                still(model)
            ))];
        }
    }
    let before = model.open.insert(name.clone(), Opened { stopped: false });
    let known = before.is_some_and(|before| !before.stopped);
    let left = model.focus.replace(name.clone());
    let text = match left {
        Some(left) if left == name => {
            format!("Conversation with {name} is open already; lines you type go to {name}.")
        }
        Some(left) => format!(
            "Lines you type go to {name} {}. The conversation with {left} stays open: its messages \
             are shown, /start {left} returns to it.",
            if known { "again" } else { "now" }
        ),
        None if name == model.me => "Your notes are open. Lines you type go to yourself; /stop \
                                     closes them."
            .to_owned(),
        None => format!(
            "Conversation with {name} is open. Lines you type go to {name}; /stop closes it."
        ),
    };
    vec![say(text)]
}

fn help() -> String {
    let rules = [
        "Lines you type go to the conversation that /start opened. Several can be open: /start \
         changes between them, and messages of all are shown as they come.",
        "A message to somebody who is offline waits for them. //text sends a text that starts \
         with a slash. Commands may be written in capitals.",
    ];
    lines(command::list().into_iter().chain(rules.map(line::system)))
}

fn not_sent(text: &Untrusted, problem: &str) -> Effect {
    if text.is_empty() {
        return say(format!("Not sent: {problem}"));
    }
    say(format!(
        "Not sent: {problem}: \"{}\"",
        text.render_start(TEXT_START_CHARS)
    ))
}

fn say(text: impl AsRef<str>) -> Effect {
    Effect::Print(line::system(text))
}

fn lines(lines: impl IntoIterator<Item = String>) -> String {
    lines.into_iter().collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
#[path = "update_tests.rs"]
mod tests;
