//! What calls for this user: mentions and what is found, conversations put aside, bells, and how the user can be reached.

use crate::domain::{
    conversation::{NotifyLevel, NotifySettings},
    user::Presence,
};

use super::{
    acts::{self, Act, Deeds},
    ground::Ground,
    line::{self, Zone},
    look::{Found, Look, Search, Within},
    model::{Effect, MessageLine, Model},
    news,
    room::{Kind, Place, Wanted},
    untrusted::Untrusted,
    update::{lines, say},
};

/// Returns the search that was typed; what says why not if it cannot be asked for.
pub(super) fn search(ground: &impl Ground, look: Look) -> Result<Act, String> {
    let place = match &look.within {
        None => None,
        Some(Within::This) => Some(ground.place().ok_or_else(acts::nowhere)?),
        Some(Within::Wanted(wanted)) => Some(place(ground, wanted)?),
    };
    Ok(Act::Search(Box::new(Search {
        look,
        spot: place.map(|place| ground.spot(place)),
        page: String::new(),
    })))
}

fn place(ground: &impl Ground, wanted: &Wanted) -> Result<Place, String> {
    Ok(match wanted {
        Wanted::User(name) => Place::User(name.clone()),
        Wanted::Channel(name) => Place::Channel(name.clone()),
        Wanted::Id(id) => Place::Group(id.clone()),
        Wanted::Group(name) => match ground.groups(name).as_slice() {
            [only] => Place::Group(only.clone()),
            [] => {
                let name = line::start(&name.as_str().into());
                return Err(format!("You are in no group {name}."));
            }
            several => {
                let id = |id: &str| format!("in:id:{}", Untrusted::from(id).render_line());
                let ids: Vec<String> = several.iter().map(|it| id(it)).collect();
                let ids = ids.join(", ");
                return Err(format!(
                    "You are in several groups of that name; say one of {ids}."
                ));
            }
        },
    })
}

/// Returns what gets more of what was found last.
pub(super) fn more(ground: &impl Ground) -> Result<Act, String> {
    let nothing = || "There is no more; /search and /mentions begin anew.".to_owned();
    ground.more().ok_or_else(nothing)
}

/// Shows what was found.
pub(super) fn found(model: &mut Model, act: &Act, found: &[Found], next: String) -> Vec<Effect> {
    let is_first = match act {
        Act::Search(search) => search.page.is_empty(),
        Act::Mentions { page, .. } => page.is_empty(),
        _ => false,
    };
    let more = (!next.is_empty()).then(|| with_page(act, next));
    let has_more = more.is_some();
    model.more = more;
    let mut rows = Vec::new();
    for one in found {
        news::remember(model, &one.message);
        let message = &one.message;
        let place = model
            .rooms
            .whereabouts(&message.conversation, &message.sender);
        let room = model.rooms.get(&message.conversation);
        let shown = model.blocked.found(room, one);
        rows.push(line::found(&shown, &place, model.zone));
    }
    if rows.is_empty() {
        return vec![say(match (act, is_first) {
            (_, false) => "There is no more.",
            (Act::Mentions { all: false, .. }, _) => {
                "Nothing that is unread mentions you; /mentions all lists the rest."
            }
            (Act::Mentions { .. }, _) => "Nothing mentions you.",
            _ => "Nothing was found.",
        })];
    }
    if has_more {
        rows.push(line::system("There are more; /more shows them."));
    }
    vec![Effect::Print(lines(rows))]
}

fn with_page(act: &Act, page: String) -> Act {
    match act {
        Act::Search(search) => Act::Search(Box::new(Search {
            page,
            ..Search::clone(search)
        })),
        Act::Mentions { all, .. } => Act::Mentions { all: *all, page },
        other => other.clone(),
    }
}

/// Tells how this user can be reached from now on.
pub(super) fn presence(model: &mut Model, asked: Presence, seen: Presence) -> Vec<Effect> {
    model.presence = asked;
    vec![say(presence_line(asked, seen))]
}

/// Says how this user can be reached from now on, and how others see that.
pub fn presence_line(asked: Presence, seen: Presence) -> String {
    let told = format!("You are {} now.", presence_words(asked));
    match seen == asked {
        true => told,
        false => format!(
            "{told} Others see you as {}, by another of your devices.",
            presence_words(seen)
        ),
    }
}

fn presence_words(presence: Presence) -> &'static str {
    match presence {
        Presence::Online => "online",
        Presence::Away => "away",
        Presence::DoNotDisturb => "not to be disturbed",
        Presence::Offline => "offline",
    }
}

/// The conversation that an act puts aside as unread, if it does and the conversation is known.
pub(super) fn put_aside(act: &Act) -> Option<&str> {
    match act {
        Act::At(spot, Deeds::Unread(true)) => spot.id.as_deref(),
        _ => None,
    }
}

/// Tells that a conversation is put aside as unread, or is not any more.
pub(super) fn aside(model: &mut Model, label: &str, id: String, is_aside: bool) -> Vec<Effect> {
    model.rooms.set_aside(&id, is_aside);
    let told = match is_aside {
        true => format!(
            "{label} is put aside as unread; what is said there is shown and stays unread until /unread off or /start."
        ),
        false => format!("{label} is not put aside any more."),
    };
    let effect = Effect::Aside {
        conversation: id,
        is_aside,
    };
    vec![effect, say(told)]
}

/// Says what of a conversation this user is called for.
pub fn notify_line(label: &str, notify: NotifySettings, zone: Zone) -> String {
    let until = notify.until.map(|until| zone.stamp(until));
    let until = until.map_or_else(String::new, |until| format!(" until {until}"));
    match notify.level {
        NotifyLevel::All => format!("{label} calls you for all messages."),
        NotifyLevel::Mentions => format!("{label} calls you only when you are mentioned{until}."),
        NotifyLevel::None => format!("{label} is muted{until}."),
    }
}

/// Whether a message of somebody else mentions this user.
fn mentions_me(model: &Model, message: &MessageLine) -> bool {
    let me = Untrusted::from(model.me.as_str());
    message.sender != me && (message.mentions_all || message.mentions.contains(&me))
}

/// The line below a message that mentions this user, if a person reads. Not in the line itself: programs read that.
pub(super) fn mention_line(
    model: &Model,
    message: &MessageLine,
    room: Option<&str>,
) -> Option<String> {
    if !model.is_read_by_a_person || !mentions_me(model, message) {
        return None;
    }
    let sender = message.sender.render_line();
    let room = room.map_or_else(String::new, |room| format!(" of {room}"));
    let seq = message.seq;
    Some(line::system(format!(
        "{sender} mentions you in message [{seq}]{room}."
    )))
}

/// Whether a bell rings for a message: for one that mentions this user, and for one of a conversation of two that is not
/// in front, unless the conversation is muted or the user does not want to be disturbed. What was missed is quiet.
pub(super) fn rings(model: &Model, message: &MessageLine) -> bool {
    let is_own = message.sender == Untrusted::from(model.me.as_str());
    let is_quiet = !model.caught_up || model.presence == Presence::DoNotDisturb;
    if !model.is_read_by_a_person || is_own || is_quiet {
        return false;
    }
    let room = model.rooms.get(&message.conversation);
    let settings = room.and_then(|room| room.settings).unwrap_or_default();
    match settings.notify.at(message.time).level {
        NotifyLevel::None => false,
        NotifyLevel::Mentions => mentions_me(model, message),
        NotifyLevel::All => {
            let is_direct = room.is_some_and(|room| room.kind == Kind::Direct);
            let place = room.and_then(|room| room.place());
            mentions_me(model, message) || is_direct && model.focus != place
        }
    }
}
