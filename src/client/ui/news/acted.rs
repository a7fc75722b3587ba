//! What came of commands: a notice where a line tells it, a page where it is a list. The words are those of the line mode.
//!
//! What an act has changed is taken from its event, which comes as well and in its order; an answer may be older.

use super::{
    super::{
        effect::Effect,
        model::{
            LinkState, Model,
            chat::ChatId,
            notices::Level,
            overlay::{Overlay, TextPage},
            paging::Aim,
        },
    },
    say, states,
};
use crate::{
    client::app::{
        acts::{self, Act, Deeds, Outcome, Spot},
        calls, line,
        links::{self, Seen, Sought},
        look::Found,
        model::{MessageLine, StartProblem, UserLine},
        news,
        password::{self, PasswordProblem},
        room::{Kind, Place, Room, Rooms, Wanted},
        untrusted::Untrusted,
        update::cannot_start_line,
    },
    domain::{clock::TimeMs, name::UserName},
};

/// Rows of a page.
const ROWS_MAX: usize = 10_000;
/// Members of whom one line tells how far they have come; of more it is a list.
const SEEN_IN_A_LINE_MAX: usize = 3;
/// How long after a letter somebody counts as writing: the clock of the screen goes by seconds.
const WRITING_MS: i64 = 3_000;

/// A conversation was found or begun: it comes to the front.
pub(super) fn started(
    model: &mut Model,
    wanted: &Wanted,
    outcome: Result<Room, StartProblem>,
) -> Vec<Effect> {
    match outcome {
        Ok(room) => {
            let aim = Aim::Start(wanted.clone());
            let told = format!("{} is there.", room.label());
            open(model, &aim, room, told)
        }
        Err(problem) => {
            model.give_up(&Aim::Start(wanted.clone()));
            let why = cannot_start_line(wanted, problem);
            say(model, Level::Warning, why);
            Vec::new()
        }
    }
}

/// Brings a conversation to the front that an answer told of. What was put aside is taken up by coming to it. Who writes
/// or has gone elsewhere since it was asked for is told of it instead.
fn open(model: &mut Model, aim: &Aim, room: Room, told: String) -> Vec<Effect> {
    let id = ChatId::from(room.id.as_str());
    let spelled = room.spelled();
    states::begun(model, room);
    if !model.may_go(aim) && !model.is_front(&id) {
        say(
            model,
            Level::Info,
            format!("{told} /start {spelled} opens it."),
        );
        return Vec::new();
    }
    if !matches!(aim, Aim::Start(_)) {
        say(model, Level::Info, told);
    }
    model.open(Some(id.clone()));
    let Some(chat) = model.chats.get(&id).filter(|chat| chat.is_marked_unread()) else {
        return Vec::new();
    };
    let place = chat.room.place().filter(|_| model.link == LinkState::Up);
    let act = place.map(|place| {
        let id = Some(id.as_str().to_owned());
        Act::At(Spot { place, id }, Deeds::Unread(false))
    });
    act.map(Effect::Act).into_iter().collect()
}

/// An act was answered.
pub(super) fn acted(
    model: &mut Model,
    act: &Act,
    outcome: Result<Outcome, Untrusted>,
) -> Vec<Effect> {
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(problem) => {
            model.give_up(&Aim::Act(act.clone()));
            back(model, act);
            let text = format!("Not done: {}", problem.render_line());
            say(model, Level::Warning, text);
            return Vec::new();
        }
    };
    match (act, outcome) {
        (Act::Create(..) | Act::Group(..), Outcome::Room(room)) => {
            let told = acts::made_line(&room.label());
            open(model, &Aim::Act(act.clone()), room, told)
        }
        (Act::Join(_) | Act::JoinBy(_), Outcome::Room(room)) => {
            let told = acts::joined_line(&room);
            open(model, &Aim::Act(act.clone()), room, told)
        }
        (Act::At(spot, deed), outcome) => at(model, spot, deed, outcome),
        (act, outcome) => {
            anywhere(model, act, outcome);
            Vec::new()
        }
    }
}

/// What is shown before it was asked for is as it was.
fn back(model: &mut Model, act: &Act) {
    if let Act::At(spot, Deeds::Unread(true)) = act
        && let Some(id) = &spot.id
        && let Some(chat) = model.chats.get_mut(&ChatId::from(id.as_str()))
    {
        chat.room.settings.get_or_insert_default().marked_unread = false;
        // It may have been put aside before.
        chat.doubt();
    }
}

fn anywhere(model: &mut Model, act: &Act, outcome: Outcome) {
    match (act, outcome) {
        (Act::Channels(_), Outcome::Channels(channels)) => {
            let rows = channels.iter().map(acts::channel_line);
            let empty = "There are none; /create #NAME makes one, /channels lists all.";
            page(model, "Channels", rows, empty);
        }
        (Act::Blocked, Outcome::Blocked(blocked)) => {
            let rows = blocked.names().map(UserName::to_string);
            page(
                model,
                "You block",
                rows,
                "You block nobody; /block USER does that.",
            );
            if !model.intake.has_told_blocks() {
                model.set_blocked(blocked);
            }
        }
        (Act::Block(user, is_blocked), _) => {
            let told = match is_blocked {
                true => links::block_line(user),
                false => links::unblock_line(user),
            };
            say(model, Level::Info, told);
        }
        (Act::Presence(asked), Outcome::Presence(seen)) => {
            model.presence = *asked;
            say(model, Level::Info, calls::presence_line(*asked, seen));
        }
        (_, Outcome::Found(found, _)) => {
            let rows: Vec<String> = found.iter().map(|it| found_row(model, it)).collect();
            page(model, "Found", rows.into_iter(), "Nothing was found.");
        }
        _ => {}
    }
}

fn at(model: &mut Model, spot: &Spot, deed: &Deeds, outcome: Outcome) -> Vec<Effect> {
    let id = spot.id.as_deref().map(ChatId::from);
    let label = label(model, spot, id.as_ref());
    let zone = model.zone;
    let told = match (deed, outcome) {
        (Deeds::Members, Outcome::Members(members)) => {
            let rows = members.iter().map(acts::member_line);
            page(
                model,
                &format!("Members of {label}"),
                rows,
                "Nobody is here.",
            );
            None
        }
        (Deeds::Link(_), Outcome::Link(link, code)) => {
            // The code is not shown again, so this goes before whatever is open.
            let made = links::made(&label, &link, &code, zone);
            show(model, "An invite link", vec![made]);
            None
        }
        (Deeds::Links, Outcome::Links(all)) => {
            let rows = all.iter().map(|it| links::link_line(it, zone));
            let empty = "There are no invite links here that you can see; /link makes one.";
            page(model, &format!("Invite links of {label}"), rows, empty);
            None
        }
        (Deeds::Seen(_), Outcome::Seen(seen)) => {
            tell_seen(model, &label, &seen);
            None
        }
        (Deeds::History(_), Outcome::Messages(messages)) => {
            let rows = history_rows(model, id.as_ref(), &messages);
            page(
                model,
                &label,
                rows.into_iter(),
                "Nothing was said here yet.",
            );
            None
        }
        (Deeds::Unread(_), Outcome::Aside(_, is_aside)) => Some(match is_aside {
            true => format!("{label} is put aside as unread, until you open it again."),
            false => format!("{label} is not put aside any more."),
        }),
        (Deeds::Notify(_), Outcome::Notify(_, notify)) => {
            Some(calls::notify_line(&label, notify, zone))
        }
        (Deeds::Topic(_), Outcome::Room(room)) => Some(match room.kind {
            Kind::Direct => "Conversations of two have no topic.".to_owned(),
            _ => news::topic_line(&room),
        }),
        (Deeds::Rename(_), Outcome::Room(room)) => {
            Some(format!("{label} is called {} now.", room.label()))
        }
        // They are seen where they were done.
        (Deeds::Edit(..) | Deeds::Delete(_) | Deeds::React { .. }, _) => None,
        _ => acts::done_line(&label, deed),
    };
    if let Some(told) = told {
        say(model, Level::Info, told);
    }
    Vec::new()
}

/// Tells how far others have come with an own message.
pub fn tell_seen(model: &mut Model, label: &str, seen: &Seen) {
    match seen.message {
        Sought::Own(seq) if seen.others.len() > SEEN_IN_A_LINE_MAX => {
            let rows = seen.others.iter().map(|it| links::marker_line(it, seq));
            page(model, &format!("Your message [{seq}] in {label}"), rows, "");
        }
        _ => say(model, Level::Info, links::seen_line(seen)),
    }
}

fn label(model: &Model, spot: &Spot, id: Option<&ChatId>) -> String {
    let known = id.and_then(|id| model.chats.get(id));
    match (known, &spot.place) {
        (Some(chat), _) => chat.room.label(),
        (None, Place::User(name)) => name.to_string(),
        (None, Place::Channel(name)) => format!("#{name}"),
        (None, Place::Group(_)) => "the group".to_owned(),
    }
}

/// Says what was found as the line mode does, with the same words for where it stands.
fn found_row(model: &Model, found: &Found) -> String {
    let id = found.message.conversation.as_str();
    let room = model.chats.get(&ChatId::from(id)).map(|chat| &chat.room);
    let mut rooms = Rooms::default();
    if let Some(room) = room {
        rooms.learn(room.clone());
    }
    let place = rooms.whereabouts(id, &found.message.sender);
    line::found(&model.blocked.found(room, found), &place, model.zone)
}

/// Messages with their numbers, each below the beginning of what it answers.
fn history_rows(model: &Model, id: Option<&ChatId>, messages: &[MessageLine]) -> Vec<String> {
    let chat = id.and_then(|id| model.chats.get(id));
    let room = chat.map(|chat| &chat.room);
    let quotation = |seq: u64| match chat.and_then(|chat| chat.window.get(seq)) {
        Some(known) => {
            let said = known.said();
            let text = model.blocked.quoted(room, &known.sender, said.as_deref());
            line::quotation(&known.sender, text.as_ref())
        }
        None => line::quotation_of_number(seq),
    };
    let mut rows = Vec::new();
    for message in messages {
        rows.extend((message.reply_to > 0).then(|| quotation(message.reply_to)));
        let shown = model.blocked.shown(room, message);
        rows.push(line::numbered(&shown, model.zone));
    }
    rows
}

/// Everybody.
pub(super) fn users(model: &mut Model, users: Result<Vec<UserLine>, Untrusted>) -> Vec<Effect> {
    match users {
        Ok(users) => {
            let rows = users
                .iter()
                .map(|user| line::user(&user.name, user.presence));
            page(model, "Everybody", rows, "Nobody has registered yet.");
        }
        Err(problem) => {
            let text = format!("Not done: {}", problem.render_line());
            say(model, Level::Warning, text);
        }
    }
    Vec::new()
}

/// The server's time.
pub(super) fn time(model: &mut Model, time: Result<TimeMs, Untrusted>) -> Vec<Effect> {
    match time {
        Ok(time) => {
            let text = format!("The server's time: {}", model.zone.stamp(time));
            say(model, Level::Info, text);
        }
        Err(problem) => {
            let text = format!("Cannot tell the time: {}", problem.render_line());
            say(model, Level::Warning, text);
        }
    }
    Vec::new()
}

/// Tells whether the password is another one: where it was typed, if that is still open.
pub(super) fn password(
    model: &mut Model,
    ends_others: bool,
    outcome: Result<u32, PasswordProblem>,
) -> Vec<Effect> {
    let asking = model
        .overlay
        .take_if(|overlay| matches!(overlay, Overlay::Password(pane) if pane.is_asking));
    match (outcome, asking) {
        (Ok(ended), _) => say(model, Level::Info, password::done_line(ends_others, ended)),
        (Err(problem), Some(Overlay::Password(mut pane))) => {
            pane.refused(&problem);
            model.overlay = Some(Overlay::Password(pane));
        }
        (Err(problem), _) => {
            let text = format!("Not changed: {}", problem.words());
            say(model, Level::Warning, text);
        }
    }
    Vec::new()
}

/// Shows a list, or says that there is nothing on it. What is being typed or answered is not taken away for it.
fn page(model: &mut Model, title: &str, rows: impl Iterator<Item = String>, if_empty: &str) {
    let rows: Vec<String> = rows.take(ROWS_MAX).collect();
    if rows.is_empty() {
        say(model, Level::Info, if_empty);
        return;
    }
    let in_the_way = match &model.overlay {
        // Keys would go to the list in the middle of a word.
        None if is_writing(model) => "not shown while you write; ask again afterwards",
        None | Some(Overlay::Text(_)) => return show(model, title, rows),
        Some(_) => "not shown over what is open; close that and ask again",
    };
    say(model, Level::Info, format!("{title}: {in_the_way}."));
}

/// Whether a text grows at this moment.
fn is_writing(model: &Model) -> bool {
    let now = model.now.milliseconds();
    let is_fresh = |wrote: TimeMs| now.saturating_sub(wrote.milliseconds()) < WRITING_MS;
    !model.composer.text().is_empty() && model.wrote.is_some_and(is_fresh)
}

fn show(model: &mut Model, title: &str, rows: Vec<String>) {
    model.overlay = Some(Overlay::Text(TextPage {
        title: title.to_owned(),
        rows,
        first_row: 0,
    }));
}

#[cfg(test)]
#[path = "acted_tests.rs"]
mod tests;
