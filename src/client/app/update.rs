//! All decisions of the line mode: what happened goes in, what to do comes out. No await, no I/O.

use crate::domain::{
    text::{MessageText, MessageTextError},
    user::Presence,
};

use super::{
    acts,
    blocked::Blocked,
    command, emoji, files, help,
    line::{self, counted},
    listing,
    model::{Effect, LinkState, Model, Msg, Opened, StartProblem},
    news, opening,
    parse::{Command, Input, parse},
    password, refused,
    room::{Place, Room, Wanted},
    several, typing,
    untrusted::Untrusted,
};

/// How much of a text is repeated in an error about it.
const TEXT_START_CHARS: usize = 30;

/// What the line mode says of what is done at its start, and beside it.
const OTHER_ACCOUNT: &str = "Leave with /quit, and start again with --user NAME; with --server HOST:PORT if it is at another server.";
const LOG_OUT: &str = "Leave with /quit; then tinychat-client logout, with the --user and --server of now, ends the login.";

/// Takes in what happened and returns what to do.
pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Typed(line) if model.several.is_some() => several::typed(model, &line),
        Msg::Typed(line) => typed(model, &line),
        Msg::TypedUndecodable if model.several.is_some() => several::spoil(
            model,
            "a line of it is not UTF-8; set the terminal or the file to UTF-8",
        ),
        Msg::TypedTooLong if model.several.is_some() => several::spoil(model, several::TOO_LONG),
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
        Msg::InputEnded => leave(model, false),
        Msg::Interrupted => leave(model, true),
        Msg::Connected => connected(model),
        Msg::CaughtUp => {
            model.link = LinkState::Up;
            model.caught_up = true;
            Vec::new()
        }
        Msg::ConnectionLost => connection_lost(model),
        Msg::Known { rooms, blocked } => known(model, rooms, blocked),
        Msg::Blocks(blocked) => {
            // Nothing is said of it: whoever did it knows.
            model.blocked = blocked;
            Vec::new()
        }
        Msg::Message(message) => news::message(model, &message),
        Msg::Echo(message) => {
            news::remember(model, &message);
            Vec::new()
        }
        Msg::News(news) => news::news(model, news),
        Msg::Typing {
            conversation,
            user,
            is_typing,
        } => {
            let is_me = user == Untrusted::from(model.me.as_str());
            model
                .typing
                .set(&conversation, &user, is_typing && !is_me, model.now);
            Vec::new()
        }
        Msg::Gap { count } => vec![say(format!("{count} older messages are not shown here."))],
        Msg::Reset => reset(model),
        Msg::Left { waiting, refused } => refused::taken_over(model, waiting, refused),
        Msg::NotKept { problem } => vec![say(format!(
            "Messages cannot be kept on this machine: {}. What is neither kept nor sent when this ends is lost.",
            problem.render_line()
        ))],
        Msg::Waits { lost } => {
            model.said_waiting = true;
            let where_to = match lost {
                0 => "Kept until the server is back".to_owned(),
                lost if lost >= model.unsent => {
                    "Waits for the server, and only as long as this runs".to_owned()
                }
                lost => {
                    format!("Kept until the server is back, but for {lost} that could not be kept")
                }
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
        Msg::Refused(text) => {
            model.refused.keep(text);
            Vec::new()
        }
        Msg::Started { wanted, outcome } => started(model, wanted, outcome),
        Msg::Tick => files::due(model),
        Msg::Moved { number, moved } => files::moved(model, number, moved),
        Msg::Password {
            ends_others,
            outcome,
        } => {
            model.asking = false;
            vec![say(match outcome {
                Ok(ended) => password::done_line(ends_others, ended),
                Err(problem) => format!("Not changed: {}", problem.words()),
            })]
        }
        Msg::PasswordAgain(told) => vec![say(told)],
        Msg::NoPassword(why) => {
            model.asking = false;
            vec![say(format!("Not changed: {why}"))]
        }
        Msg::Acted { act, outcome } => acts::acted(model, &act, outcome),
        Msg::Settled(Ok(())) => Vec::new(),
        Msg::Settled(Err(problem)) => vec![say(format!("Not done: {}", problem.render_line()))],
        Msg::Users(users) => {
            model.asking = false;
            vec![match users {
                Ok(users) => Effect::Print(lines(
                    users
                        .iter()
                        .map(|user| line::user(&user.name, user.presence)),
                )),
                Err(problem) => say(format!("Cannot list the users: {}", problem.render_line())),
            }]
        }
        Msg::Listed { all, rows } => {
            model.asking = false;
            match rows {
                Ok(rows) => listing::listed(model, all, rows),
                Err(problem) => {
                    let problem = problem.render_line();
                    vec![say(format!("Cannot list your conversations: {problem}"))]
                }
            }
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

fn known(model: &mut Model, rooms: Vec<Room>, blocked: Option<Blocked>) -> Vec<Effect> {
    let mut effects: Vec<Effect> = rooms.iter().filter_map(news::aside).collect();
    for room in rooms {
        model.rooms.learn(room);
    }
    match blocked {
        Some(blocked) => model.blocked = blocked,
        None => effects.push(say(
            "The server did not say whom you block, so what they say may be shown; /blocked asks again.",
        )),
    }
    effects
}

fn reset(model: &mut Model) -> Vec<Effect> {
    let taken_up = |id: &str| Effect::Aside {
        conversation: id.to_owned(),
        is_aside: false,
    };
    let mut effects: Vec<Effect> = model.rooms.aside().map(taken_up).collect();
    model.rooms.clear();
    model.blocked = Blocked::default();
    model.recent.clear();
    model.links.clear();
    model.typing.clear();
    several::reset(model);
    model.more = None;
    effects.push(say(
        "The server's store is not the one of last time; what it holds unread comes now.",
    ));
    effects.extend(refused::reset(model));
    effects
}

fn connection_lost(model: &mut Model) -> Vec<Effect> {
    model.caught_up = false;
    model.typing.clear();
    match std::mem::replace(&mut model.link, LinkState::Down) {
        LinkState::Down => Vec::new(),
        LinkState::Up => vec![say("Connection lost; trying again.")],
        LinkState::Starting => vec![say(format!(
            "Welcome, {}. The server cannot be reached; trying again. /start NAME and lines work already: they are kept \
             and sent when it is back.",
            model.me
        ))],
    }
}

fn connected(model: &mut Model) -> Vec<Effect> {
    model.caught_up = false;
    match model.link {
        LinkState::Starting => vec![say(format!(
            "Welcome, {}. /users lists who is here, /start NAME opens a conversation, /help the \
             rest.",
            model.me
        ))],
        LinkState::Up => Vec::new(),
        LinkState::Down => {
            model.link = LinkState::Up;
            let mut effects = vec![match model.unsent {
                0 => say("Connected again."),
                count => say(format!(
                    "Connected again; sending {}.",
                    counted(count, "message", "messages")
                )),
            }];
            if model.presence != Presence::Online {
                effects.push(Effect::StayAs(model.presence));
            }
            effects
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
    let command = match parse(typed) {
        Ok(Input::Text(text)) => return text_typed(model, &text),
        Ok(Input::Command(command)) => command,
        Err(error) => return vec![say(error.to_string())],
    };
    match command {
        Command::Users => ask(model, Effect::ListUsers),
        Command::Conversations(all) => ask(model, Effect::ListConversations(all)),
        Command::Time => ask(model, Effect::AskTime),
        Command::Start(wanted) if model.link == LinkState::Down => start_unasked(model, &wanted),
        Command::Start(wanted) => ask(model, Effect::Start(wanted)),
        Command::Stop => stop(model),
        Command::Reply(seq, text) => match model.focus.clone() {
            Some(to) => {
                let text = meant(model, text);
                send(model, to, text, Some(seq))
            }
            None => vec![nobody_got_that()],
        },
        Command::Open(which) => opening::open(model, which),
        Command::Typing => vec![who_types(model)],
        Command::Text(what) => several::begin(model, what),
        Command::Files(wish) => files::wish(model, wish),
        Command::Password if model.link == LinkState::Down => vec![say(acts::AWAY)],
        Command::Password => ask(model, Effect::AskPassword),
        Command::Accounts => vec![say(OTHER_ACCOUNT)],
        Command::Logout => vec![say(LOG_OUT)],
        Command::Retry => refused::retry(model),
        Command::Drop => refused::dropped(model),
        Command::Quit => vec![Effect::Leave { hurry: true }],
        Command::Commands => vec![Effect::Print(lines(command::list()))],
        Command::Help => vec![Effect::Print(help::help())],
        Command::Edit(seq, text) => {
            let edit = Command::Edit(seq, meant(model, text));
            act(model, edit)
        }
        other => act(model, other),
    }
}

/// What a person types means the emoji that it names; what a program says is taken as it is.
pub(super) fn meant(model: &Model, text: MessageText) -> MessageText {
    match model.is_read_by_a_person {
        true => emoji::meant(text),
        false => text,
    }
}

fn act(model: &mut Model, command: Command) -> Vec<Effect> {
    match acts::act_of(model, command) {
        Ok(act) => acts::asked(model, act),
        Err(told) => vec![say(told)],
    }
}

fn leave(model: &mut Model, hurry: bool) -> Vec<Effect> {
    let told = several::left(model).into_iter();
    // Whoever hurries hears at the end what was cut.
    let waits = model.transfers.waited_for().filter(|_| !hurry);
    let told = told.chain(waits.map(say));
    told.chain([Effect::Leave { hurry }]).collect()
}

fn who_types(model: &Model) -> Effect {
    let Some(place) = &model.focus else {
        return say(acts::nowhere());
    };
    if !model.hears_typing {
        return say(
            "Who types is not told to programs: with --json this client does not ask for it.",
        );
    }
    let id = model.rooms.id_of(place).unwrap_or_default();
    let room = model.rooms.get(&id);
    let users = model.typing.users(&id, model.now);
    say(typing::told(
        users.filter(|user| !model.blocked.hides(room, user)),
    ))
}

fn ask(model: &mut Model, question: Effect) -> Vec<Effect> {
    model.asking = true;
    vec![question]
}

fn nobody_got_that() -> Effect {
    say(
        "No conversation is open, so nobody got that; /start NAME opens one, /commands lists \
         the commands.",
    )
}

fn text_typed(model: &mut Model, text: &str) -> Vec<Effect> {
    // Enter alone, or behind blanks, says nothing to anybody; a program that sends an empty text is told.
    let is_nothing = match model.is_read_by_a_person {
        true => text.trim().is_empty(),
        false => text.is_empty() && model.focus.is_none(),
    };
    if is_nothing {
        return Vec::new();
    }
    let Some(to) = model.focus.clone() else {
        return vec![nobody_got_that()];
    };
    match text.parse() {
        Ok(text) => {
            let text = meant(model, text);
            send(model, to, text, None)
        }
        Err(error) => {
            let error: MessageTextError = error;
            vec![not_sent(&text.into(), &error.to_string())]
        }
    }
}

/// Sends a text.
pub(super) fn send(
    model: &mut Model,
    to: Place,
    text: MessageText,
    reply_to: Option<u64>,
) -> Vec<Effect> {
    model.unsent += 1;
    vec![Effect::Send { to, text, reply_to }]
}

fn stop(model: &mut Model) -> Vec<Effect> {
    let Some(place) = model.focus.take() else {
        return vec![say(
            "No conversation is open, so there is none to close; /start NAME opens one.",
        )];
    };
    if let Some(opened) = model.open.get_mut(&place) {
        opened.stopped = true;
    }
    let (label, spelled) = (model.rooms.label(&place), model.rooms.spelled(&place));
    vec![say(match place {
        Place::User(name) => format!(
            "Conversation with {name} is closed; what {name} writes is still shown. /start {name} \
             opens it again."
        ),
        Place::Channel(_) | Place::Group(_) => format!(
            "{label} is closed; what is said there is still shown. /start {spelled} opens it again."
        ),
    })]
}

/// While the server is away nobody can be asked whether there is such a user or channel: the first message will tell.
fn start_unasked(model: &mut Model, wanted: &Wanted) -> Vec<Effect> {
    let place = match wanted {
        Wanted::User(name) => Some(Place::User(name.clone())),
        Wanted::Channel(name) => Some(Place::Channel(name.clone())),
        Wanted::Id(id) => model.rooms.get(id).and_then(Room::place),
        Wanted::Group(name) => match model.rooms.groups(name).as_slice() {
            [only] => only.place(),
            _ => None,
        },
    };
    let Some(place) = place else {
        return vec![say(format!(
            "Cannot open {} while the server is away: it is not known here; try again when it is back.{}",
            wanted_label(wanted),
            still(model)
        ))];
    };
    model.open.insert(place.clone(), Opened { stopped: false });
    model.focus = Some(place.clone());
    let label = model.rooms.label(&place);
    let asked = match &place {
        Place::User(name) => format!("whether {name} exists"),
        Place::Channel(_) | Place::Group(_) => "whether you are a member".to_owned(),
    };
    vec![say(format!(
        "Lines you type go to {label}. The server is away, so nobody was asked {asked}; what you type is kept and sent \
         when it is back."
    ))]
}

fn wanted_label(wanted: &Wanted) -> String {
    match wanted {
        Wanted::User(name) => format!("a conversation with user {name}"),
        Wanted::Channel(name) => format!("#{name}"),
        Wanted::Group(name) => format!("the group {}", line::start(&name.as_str().into())),
        Wanted::Id(id) => Untrusted::from(id.as_str()).render_start(TEXT_START_CHARS),
    }
}

/// What is in front stays there, which must be said: a line that follows would go to somebody else than was meant.
fn still(model: &Model) -> String {
    match &model.focus {
        Some(place) => format!(" Lines you type still go to {}.", model.rooms.label(place)),
        None => String::new(),
    }
}

fn cannot_start(model: &Model, wanted: &Wanted, problem: StartProblem) -> String {
    let why = cannot_start_line(wanted, problem);
    format!("{why}{}", still(model))
}

/// Says why a conversation was not opened.
pub fn cannot_start_line(wanted: &Wanted, problem: StartProblem) -> String {
    match (problem, wanted) {
        (StartProblem::UserNotFound, Wanted::User(name)) => format!(
            "Cannot start a conversation with user {name}. The user does not exist! ({name} \
             must register first; /users lists everybody)"
        ),
        (StartProblem::Other(problem), Wanted::User(name)) => format!(
            "Cannot start a conversation with user {name}. {}",
            problem.render_line()
        ),
        (StartProblem::Other(problem), _) => format!(
            "Cannot open {}: {}",
            wanted_label(wanted),
            problem.render_line()
        ),
        (StartProblem::NotAMember | StartProblem::UserNotFound, Wanted::Channel(name)) => format!(
            "You are not in #{name}; /join #{name} makes you a member, /channels lists all."
        ),
        (StartProblem::NotAMember | StartProblem::UserNotFound, _) => format!(
            "You are not in {}; whoever is there can /invite you.",
            wanted_label(wanted)
        ),
        (StartProblem::Several(rooms), _) => {
            let ids: Vec<String> = rooms
                .iter()
                .map(|room| format!("id:{}", Untrusted::from(room.id.as_str()).render_line()))
                .collect();
            let (label, ids) = (wanted_label(wanted), ids.join(", "));
            format!("You are in several groups like {label}; /start one of {ids}.")
        }
    }
}

fn started(model: &mut Model, wanted: Wanted, outcome: Result<Room, StartProblem>) -> Vec<Effect> {
    model.asking = false;
    let room = match outcome {
        Ok(room) => room,
        Err(problem) => return vec![say(cannot_start(model, &wanted, problem))],
    };
    // What was typed names it; only where it does not, the server's word is needed.
    let place = match wanted {
        Wanted::User(name) => Some(Place::User(name)),
        Wanted::Channel(name) => Some(Place::Channel(name)),
        Wanted::Group(_) | Wanted::Id(_) => room.place(),
    };
    let taken_up = room.is_aside().then(|| Effect::TakeUp(room.id.clone()));
    model.rooms.learn(room);
    let Some(place) = place else {
        return vec![say(
            "The server calls it what nothing can be called; it is not opened.",
        )];
    };
    let before = model.open.insert(place.clone(), Opened { stopped: false });
    let known = before.is_some_and(|before| !before.stopped);
    let left = model.focus.replace(place.clone());
    let told = say(opened(model, &place, left, known));
    taken_up.into_iter().chain([told]).collect()
}

fn opened(model: &Model, place: &Place, left: Option<Place>, known: bool) -> String {
    let label = |place: &Place| match place {
        Place::User(name) => format!("Conversation with {name}"),
        other => model.rooms.label(other),
    };
    let to = model.rooms.label(place);
    match left {
        Some(left) if left == *place => {
            format!(
                "{} is open already; lines you type go to {to}.",
                label(place)
            )
        }
        Some(left) => {
            let again = if known { "again" } else { "now" };
            let stays = match &left {
                Place::User(name) => format!("The conversation with {name}"),
                other => model.rooms.label(other),
            };
            let spelled = model.rooms.spelled(&left);
            format!(
                "Lines you type go to {to} {again}. {stays} stays open: its messages are shown, /start {spelled} \
                 returns to it."
            )
        }
        None if *place == Place::User(model.me.clone()) => {
            "Your notes are open. Lines you type go to yourself; /stop closes them.".to_owned()
        }
        None => format!(
            "{} is open. Lines you type go to {to}; /stop closes it.",
            label(place)
        ),
    }
}

/// Says that a text was not sent.
pub(super) fn not_sent(text: &Untrusted, problem: &str) -> Effect {
    if text.is_empty() {
        return say(format!("Not sent: {problem}"));
    }
    say(format!(
        "Not sent: {problem}: \"{}\"",
        text.render_start(TEXT_START_CHARS)
    ))
}

/// Prints what the system has to say.
pub(super) fn say(text: impl AsRef<str>) -> Effect {
    Effect::Print(line::system(text))
}

/// Joins lines to one text.
pub(super) fn lines(lines: impl IntoIterator<Item = String>) -> String {
    lines.into_iter().collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
#[path = "update_tests.rs"]
pub(super) mod tests;

#[cfg(test)]
#[path = "room_tests.rs"]
mod room_tests;

#[cfg(test)]
#[path = "calls_tests.rs"]
mod calls_tests;

#[cfg(test)]
#[path = "links_tests.rs"]
mod links_tests;
