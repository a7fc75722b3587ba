//! What people do to conversations beside sending: each is one question to the server and the line that tells its answer.

use crate::domain::{
    conversation::NotifySettings,
    ids::InviteLinkId,
    name::{ChannelName, GroupName, Topic, UserName},
    reaction::Emoji,
    role::Role,
    secret::InviteCode,
    text::MessageText,
    user::Presence,
};

use super::{
    blocked::Blocked,
    calls,
    ground::Ground,
    line::{self, counted},
    links::{self, Ends, LinkLine, Seen},
    look::{Found, Search},
    model::{Effect, LinkState, MessageLine, Model, Opened},
    news::{self, Change, Deed, OwnNews},
    parse::{Command, Notify, Which},
    room::{Kind, Place, Room},
    several,
    untrusted::Untrusted,
    update::{lines, say},
};

/// What is said when the server cannot be asked.
pub const AWAY: &str =
    "Not done: the server is away, and only texts wait for it; try again when it is back.";

/// A conversation that something is done to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// Which.
    pub place: Place,
    /// Its id, if it is known already.
    pub id: Option<String>,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Makes a channel.
    Create(ChannelName, Topic),
    /// Makes a group.
    Group(GroupName, Vec<UserName>),
    /// Lists the channels with this in their names.
    Channels(String),
    /// Joins a channel.
    Join(ChannelName),
    /// Joins by an invite link.
    JoinBy(InviteCode),
    /// Blocks a user, or ends that.
    Block(UserName, bool),
    /// Lists whom this user blocks.
    Blocked,
    /// Looks for messages.
    Search(Box<Search>),
    /// Lists what mentions this user.
    Mentions {
        /// What is read, too.
        all: bool,
        /// Gets the next page; empty for the first.
        page: String,
    },
    /// Says how this user can be reached.
    Presence(Presence),
    /// Does something to a conversation that there is.
    At(Spot, Deeds),
}

/// Something to do to a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deeds {
    /// Ends the own membership.
    Leave,
    /// Lists the members.
    Members,
    /// Adds members.
    Invite(Vec<UserName>),
    /// Makes an invite link.
    Link(Ends),
    /// Lists the invite links.
    Links,
    /// Makes an invite link void.
    Unlink(InviteLinkId),
    /// Shows how far others have come with the last own message, or with this one.
    Seen(Option<u64>),
    /// Removes a member.
    Remove {
        /// Who.
        user: UserName,
        /// Whether for good.
        ban: bool,
    },
    /// Gives a role.
    SetRole(UserName, Role),
    /// Shows the topic, or sets it.
    Topic(Option<Topic>),
    /// Gives another name.
    Rename(String),
    /// Shows messages.
    History(Which),
    /// Puts it aside as unread, or takes it up again.
    Unread(bool),
    /// Says what of it one wants to be called for, or asks.
    Notify(Option<Notify>),
    /// Gives a message another text.
    Edit(u64, MessageText),
    /// Deletes a message.
    Delete(u64),
    /// Gives an emoji or takes it back.
    React {
        /// The message.
        seq: u64,
        /// The emoji.
        emoji: Emoji,
        /// Whether it is given.
        give: bool,
    },
}

/// What an act brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Done,
    /// It is done, and this is the conversation now.
    Room(Room),
    /// Channels.
    Channels(Vec<Room>),
    /// Members.
    Members(Vec<MemberLine>),
    /// Messages, in their order.
    Messages(Vec<MessageLine>),
    /// Messages of any conversations, the newest first, and what gets those after them; empty if there are no more.
    Found(Vec<Found>, String),
    /// The conversation with this id is put aside as unread, or is not any more.
    Aside(String, bool),
    /// What holds for the conversation with this id.
    Notify(String, NotifySettings),
    /// How others see this user.
    Presence(Presence),
    /// An invite link, and the code that others join with.
    Link(LinkLine, Untrusted),
    /// Invite links.
    Links(Vec<LinkLine>),
    /// How far others have come.
    Seen(Seen),
    /// Whom this user blocks.
    Blocked(Blocked),
}

/// One member of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberLine {
    /// Who.
    pub name: Untrusted,
    /// What the member may do, if that is known.
    pub role: Option<Role>,
}

/// Returns what a command asks for; what says why not if it cannot be asked.
pub fn act_of(ground: &impl Ground, command: Command) -> Result<Act, String> {
    let deed = match command {
        Command::Create(name, topic) => return Ok(Act::Create(name, topic)),
        Command::Group(name, users) => return Ok(Act::Group(name, users)),
        Command::Channels(text) => return Ok(Act::Channels(text)),
        Command::Join(name) => return Ok(Act::Join(name)),
        Command::JoinBy(code) => return Ok(Act::JoinBy(code)),
        Command::Block(user, is_blocked) => return Ok(Act::Block(user, is_blocked)),
        Command::Blocked => return Ok(Act::Blocked),
        Command::Search(look) => return calls::search(ground, look),
        Command::Mentions(all) => {
            let page = String::new();
            return Ok(Act::Mentions { all, page });
        }
        Command::More => return calls::more(ground),
        Command::Presence(presence) => return Ok(Act::Presence(presence)),
        Command::Leave(Some(name)) => {
            let spot = ground.spot(Place::Channel(name));
            return Ok(Act::At(spot, Deeds::Leave));
        }
        Command::Leave(None) => Deeds::Leave,
        Command::Members => Deeds::Members,
        Command::Invite(users) => Deeds::Invite(users),
        Command::Link(ends) => Deeds::Link(ends),
        Command::Links => Deeds::Links,
        Command::Unlink(id) => Deeds::Unlink(id),
        Command::Seen(which) => Deeds::Seen(which),
        Command::Remove { user, ban } => Deeds::Remove { user, ban },
        Command::Role(user, role) => Deeds::SetRole(user, role),
        Command::Topic(topic) => Deeds::Topic(topic),
        Command::Rename(name) => Deeds::Rename(name),
        Command::History(which) => Deeds::History(which),
        Command::Unread(aside) => Deeds::Unread(aside),
        Command::Notify(notify) => Deeds::Notify(notify),
        Command::Edit(seq, text) => Deeds::Edit(seq, text),
        Command::Delete(seq) => Deeds::Delete(seq),
        Command::React { seq, emoji, give } => Deeds::React { seq, emoji, give },
        other => {
            let text = format!("A defect of this program: {other:?} is no act; please report it.");
            return Err(text);
        }
    };
    let Some(place) = ground.place() else {
        return Err(nowhere());
    };
    let deed = match (deed, &place) {
        (Deeds::Rename(name), Place::Channel(_)) => {
            Deeds::Rename(name.strip_prefix('#').unwrap_or(&name).to_owned())
        }
        (deed, _) => deed,
    };
    Ok(Act::At(ground.spot(place), deed))
}

/// Says that there is no conversation in front.
pub fn nowhere() -> String {
    "No conversation is open, so there is none to do that in; /start NAME opens one, /join #NAME a channel."
        .to_owned()
}

/// Asks for an act. There is nothing to keep it for a server that is away.
pub fn asked(model: &mut Model, act: Act) -> Vec<Effect> {
    if model.link == LinkState::Down {
        return vec![say(AWAY)];
    }
    model.asking = true;
    model.changes_room = changes_room(&act);
    for own in own_news(model, &act) {
        news::expect(model, own);
    }
    // At once: what is marked read while the server answers would take it up again.
    let aside = calls::put_aside(&act).map(|id| Effect::Aside {
        conversation: id.to_owned(),
        is_aside: true,
    });
    aside.into_iter().chain([Effect::Act(act)]).collect()
}

fn changes_room(act: &Act) -> bool {
    match act {
        Act::Create(..) | Act::Group(..) | Act::Join(_) | Act::JoinBy(_) => true,
        Act::Channels(_)
        | Act::Search(_)
        | Act::Mentions { .. }
        | Act::Presence(_)
        | Act::Block(..)
        | Act::Blocked => false,
        Act::At(_, deed) => matches!(deed, Deeds::Topic(Some(_)) | Deeds::Rename(_)),
    }
}

/// The events that an act will bring.
fn own_news(model: &Model, act: &Act) -> Vec<OwnNews> {
    let me = || model.me.clone();
    let (id, deed) = match act {
        Act::Create(..)
        | Act::Group(..)
        | Act::Channels(_)
        | Act::Search(_)
        | Act::Mentions { .. }
        | Act::Presence(_)
        | Act::Block(..)
        | Act::Blocked => return Vec::new(),
        Act::Join(_) | Act::JoinBy(_) => (&None, vec![Deed::Member(me(), Change::Joined)]),
        Act::At(spot, deed) => {
            let deeds = match deed {
                Deeds::Leave => vec![Deed::Member(me(), Change::Left)],
                Deeds::Invite(users) => users
                    .iter()
                    .map(|user| Deed::Member(user.clone(), Change::Added))
                    .collect(),
                Deeds::Remove { user, ban: false } => {
                    vec![Deed::Member(user.clone(), Change::Removed)]
                }
                Deeds::Remove { user, ban: true } => {
                    vec![Deed::Member(user.clone(), Change::Banned)]
                }
                Deeds::SetRole(user, role) => vec![Deed::Member(user.clone(), Change::Role(*role))],
                Deeds::Edit(seq, _) => vec![Deed::Edited(*seq)],
                Deeds::Delete(seq) => vec![Deed::Deleted(*seq)],
                Deeds::React { seq, emoji, give } => {
                    let emoji = line::emoji(&emoji.as_str().into());
                    vec![Deed::Reacted(*seq, emoji, *give)]
                }
                Deeds::Members
                | Deeds::Link(_)
                | Deeds::Links
                | Deeds::Unlink(_)
                | Deeds::Seen(_)
                | Deeds::Topic(_)
                | Deeds::Rename(_)
                | Deeds::History(_)
                | Deeds::Unread(_)
                | Deeds::Notify(_) => Vec::new(),
            };
            (&spot.id, deeds)
        }
    };
    deed.into_iter()
        .map(|deed| OwnNews {
            conversation: id.clone(),
            deed,
        })
        .collect()
}

/// Tells what came of an act.
pub fn acted(model: &mut Model, act: &Act, outcome: Result<Outcome, Untrusted>) -> Vec<Effect> {
    model.asking = false;
    model.changes_room = false;
    let text_again = several::answered(model, outcome.is_ok());
    match outcome {
        Ok(outcome) => done(model, act, outcome),
        Err(problem) => {
            let expected = own_news(model, act);
            model.own_news.retain(|own| !expected.contains(own));
            let told = say(format!("Not done: {}", problem.render_line()));
            let back = calls::put_aside(act).map(|id| Effect::Aside {
                conversation: id.to_owned(),
                is_aside: model.rooms.get(id).is_some_and(Room::is_aside),
            });
            let back = back.into_iter().chain([told]);
            back.chain(text_again).collect()
        }
    }
}

fn done(model: &mut Model, act: &Act, outcome: Outcome) -> Vec<Effect> {
    match (act, outcome) {
        (Act::Create(..) | Act::Group(..), Outcome::Room(room)) => {
            open(model, room, |label, _| made_line(label))
        }
        (Act::Join(_) | Act::JoinBy(_), Outcome::Room(room)) => {
            // If this user was a member already no event comes of it, and one of elsewhere is not to be taken for it.
            let joined = Deed::Member(model.me.clone(), Change::Joined);
            news::stands_in(model, &joined, &room.id);
            open(model, room, |_, room| joined_line(room))
        }
        (Act::Channels(text), Outcome::Channels(channels)) => vec![list(
            channels.iter().map(channel_line),
            match text.is_empty() {
                true => "There are no channels yet; /create #NAME makes one.",
                false => "No channel has that in its name; /channels lists all.",
            },
        )],
        (Act::Search(_) | Act::Mentions { .. }, Outcome::Found(found, next)) => {
            calls::found(model, act, &found, next)
        }
        (Act::Presence(asked), Outcome::Presence(seen)) => calls::presence(model, *asked, seen),
        (Act::Block(user, is_blocked), _) => {
            model.blocked.set(user, *is_blocked);
            vec![say(match is_blocked {
                true => links::block_line(user),
                false => links::unblock_line(user),
            })]
        }
        (Act::Blocked, Outcome::Blocked(blocked)) => {
            let rows = blocked.names().map(UserName::to_string);
            let told = list(rows, "You block nobody; /block USER does that.");
            model.blocked = blocked;
            vec![told]
        }
        (Act::At(spot, deed), outcome) => done_at(model, spot, deed, outcome),
        _ => Vec::new(),
    }
}

/// Says that a conversation is made.
pub fn made_line(label: &str) -> String {
    format!("{label} is made, and you own it.")
}

/// Says that this user is a member of a conversation.
pub fn joined_line(room: &Room) -> String {
    let count = usize::try_from(room.members_count).unwrap_or(usize::MAX);
    let members = counted(count, "member", "members");
    format!("You are in {}, with {members} in all.", room.label())
}

fn list(rows: impl Iterator<Item = String>, if_empty: &str) -> Effect {
    let rows = lines(rows);
    match rows.is_empty() {
        true => say(if_empty),
        false => Effect::Print(rows),
    }
}

/// Writes one line of the list of channels.
pub fn channel_line(room: &Room) -> String {
    let members = usize::try_from(room.members_count).unwrap_or(usize::MAX);
    let members = counted(members, "MEMBER", "MEMBERS");
    let mine = if room.is_mine { ", YOU" } else { "" };
    let start = format!("{} <{members}{mine}>", room.label());
    match room.topic.is_empty() {
        true => start,
        false => format!("{start} {}", room.topic.render_line()),
    }
}

/// Writes one line of the list of members.
pub fn member_line(member: &MemberLine) -> String {
    let role = member.role.map_or("?", Role::word).to_uppercase();
    format!("{} <{role}>", member.name.render_line())
}

/// Opens a conversation that this user has just come to.
fn open(model: &mut Model, room: Room, told: impl Fn(&str, &Room) -> String) -> Vec<Effect> {
    let label = room.label();
    let told = told(&label, &room);
    let place = room.place();
    model.rooms.learn(room);
    let Some(place) = place else {
        return vec![say(told)];
    };
    model.open.insert(place.clone(), Opened { stopped: false });
    model.focus = Some(place);
    vec![say(format!(
        "{told} Lines you type go to {label}; /stop closes it."
    ))]
}

fn done_at(model: &mut Model, spot: &Spot, deed: &Deeds, outcome: Outcome) -> Vec<Effect> {
    let label = model.rooms.label(&spot.place);
    let text = match (deed, outcome) {
        (Deeds::Leave, _) => return left(model, spot, &label),
        (Deeds::Members, Outcome::Members(members)) => {
            let rows = members.iter().map(member_line);
            return vec![list(rows, "Nobody is here.")];
        }
        (Deeds::Link(_), Outcome::Link(link, code)) => {
            links::made(&label, &link, &code, model.zone)
        }
        (Deeds::Links, Outcome::Links(all)) => {
            let rows = all.iter().map(|it| links::link_line(it, model.zone));
            return vec![list(
                rows,
                "There are no invite links here that you can see; /link makes one.",
            )];
        }
        (Deeds::Seen(_), Outcome::Seen(seen)) => links::seen_line(&seen),
        (Deeds::History(_), Outcome::Messages(messages)) => return news::history(model, &messages),
        (Deeds::Unread(_), Outcome::Aside(id, is_aside)) => {
            return calls::aside(model, &label, id, is_aside);
        }
        (Deeds::Notify(_), Outcome::Notify(id, notify)) => {
            model.rooms.set_notify(&id, notify);
            calls::notify_line(&label, notify, model.zone)
        }
        (Deeds::Topic(_), Outcome::Room(room)) => {
            let line = match room.kind {
                Kind::Direct => "Conversations of two have no topic.".to_owned(),
                _ => news::topic_line(&room),
            };
            model.rooms.learn(room);
            line
        }
        (Deeds::Rename(_), Outcome::Room(room)) => {
            let after = room.label();
            if let Some(before) = model.rooms.learn(room.clone()) {
                news::rename_focus(model, &before, &room);
            }
            format!("{label} is called {after} now.")
        }
        (Deeds::Edit(seq, text), _) => {
            if let (Some(id), me) = (&spot.id, Untrusted::from(model.me.as_str())) {
                news::remember_text(model, (id, *seq), &me, Some(&text.as_str().into()));
            }
            return told(&label, deed);
        }
        (Deeds::Delete(seq), _) => {
            if let Some(id) = &spot.id {
                news::forget_text(model, id, *seq);
            }
            return told(&label, deed);
        }
        _ => return told(&label, deed),
    };
    vec![say(text)]
}

fn told(label: &str, deed: &Deeds) -> Vec<Effect> {
    done_line(label, deed).map(say).into_iter().collect()
}

/// Says that a deed is done of which there is nothing more to tell.
pub fn done_line(label: &str, deed: &Deeds) -> Option<String> {
    Some(match deed {
        Deeds::Leave => format!("You are not in {label} any more."),
        Deeds::Unlink(id) => format!("Nobody joins {label} by {id} any more."),
        Deeds::Invite(users) => {
            let names: Vec<&str> = users.iter().map(UserName::as_str).collect();
            let are = if users.len() == 1 { "is" } else { "are" };
            format!("{} {are} in {label} now.", names.join(", "))
        }
        Deeds::Remove { user, ban } => match ban {
            true => format!("{user} is banned from {label}; /invite {user} lifts that."),
            false => format!("{user} is not in {label} any more."),
        },
        Deeds::SetRole(user, role) => format!("{user} is now {} in {label}.", role.word()),
        Deeds::Edit(seq, _) => format!("Message [{seq}] has the new text."),
        Deeds::Delete(seq) => format!("Message [{seq}] is deleted."),
        Deeds::React { seq, emoji, give } => {
            let emoji = line::emoji(&emoji.as_str().into());
            match give {
                true => format!("You gave {emoji} to [{seq}]."),
                false => format!("You took {emoji} back from [{seq}]."),
            }
        }
        Deeds::Members
        | Deeds::Link(_)
        | Deeds::Links
        | Deeds::Seen(_)
        | Deeds::History(_)
        | Deeds::Topic(_)
        | Deeds::Rename(_)
        | Deeds::Unread(_)
        | Deeds::Notify(_) => return None,
    })
}

fn left(model: &mut Model, spot: &Spot, label: &str) -> Vec<Effect> {
    let mut effects = Vec::new();
    if let Some(id) = &spot.id {
        model.rooms.forget(id);
        effects.push(news::taken_up(id));
    }
    model.open.remove(&spot.place);
    let told = format!("You are not in {label} any more.");
    effects.push(if model.focus.as_ref() == Some(&spot.place) {
        model.focus = None;
        say(format!(
            "{told} No conversation is open; /start NAME opens one."
        ))
    } else {
        say(told)
    });
    effects
}
