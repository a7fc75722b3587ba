//! Who is a member, of the events and of the lists: this user, and others.

use super::{
    super::{
        effect::Effect,
        model::{LinkState, Model, chat::ChatId, markers::Marker, notices::Level, roll::Answer},
    },
    events, say,
};
use crate::client::app::{
    acts::MemberLine,
    news::{self, Change},
    room::Room,
    untrusted::Untrusted,
};

/// Members that are kept of one conversation.
pub(super) const MEMBERS_MAX: usize = 10_000;

/// What happened to a member.
pub(super) struct Changed {
    /// The id of the member.
    pub user_id: String,
    /// To whom.
    pub user: Untrusted,
    /// What.
    pub change: Change,
    /// Who did it.
    pub by: Untrusted,
    /// How many members there are now.
    pub members_count: u32,
}

impl Changed {
    /// Says it to the user of this program.
    fn told(&self, model: &Model, label: &str) -> String {
        news::member_line(&model.me, (&self.user, self.change, &self.by), label)
    }

    fn has_ended(&self) -> bool {
        matches!(self.change, Change::Left | Change::Removed | Change::Banned)
    }
}

/// Something happened to a member.
pub(super) fn changed(model: &mut Model, id: &ChatId, what: Changed) -> Vec<Effect> {
    model.people.learn(&what.user_id, &what.user);
    let is_me = events::is_me(model, &what.user_id);
    if is_me && what.has_ended() {
        return ended(model, id, &what);
    }
    let Some(chat) = model.chats.get_mut(id) else {
        if is_me {
            model.intake.is_there(id);
        }
        return events::ask_for(model, id);
    };
    chat.room.members_count = what.members_count;
    chat.told.members_count = true;
    let label = chat.room.label();
    match is_me {
        true => mine(model, id, &what),
        false => of_another(model, id, &what),
    }
    model.roll.happened(id, &what.user, what.change);
    let known = model.chats.get_mut(id);
    if let Some(members) = known.and_then(|chat| chat.members.as_mut()) {
        apply(members, &what.user, what.change);
    }
    let is_own = what.by == Untrusted::from(model.me.as_str());
    // What this user did, the answer tells or another device.
    let is_told = model.link == LinkState::Up && !is_own && (is_me || model.is_front(id));
    if is_told {
        let told = what.told(model, &label);
        say(model, Level::Info, told);
    }
    Vec::new()
}

/// This user is no member any more: the conversation goes with all that is known of it; returns what it was.
pub(super) fn gone(model: &mut Model, id: &ChatId) -> Option<Room> {
    let room = model.chats.get(id).map(|chat| chat.room.clone());
    model.intake.lost(id);
    model.forget(id);
    room
}

/// An event says that this user is no member any more.
fn ended(model: &mut Model, id: &ChatId, what: &Changed) -> Vec<Effect> {
    let Some(room) = gone(model, id) else {
        return Vec::new();
    };
    if what.by != Untrusted::from(model.me.as_str()) {
        let label = room.label();
        let told = what.told(model, &label);
        say(model, Level::Warning, told);
    }
    Vec::new()
}

/// Something else happened to this user.
fn mine(model: &mut Model, id: &ChatId, what: &Changed) {
    let Some(chat) = model.chats.get_mut(id) else {
        return;
    };
    if let Change::Role(role) = what.change {
        chat.my_role = Some(role);
        chat.told.role = true;
    }
}

fn of_another(model: &mut Model, id: &ChatId, what: &Changed) {
    let Some(chat) = model.chats.get_mut(id) else {
        return;
    };
    if what.has_ended() {
        chat.markers.forget(&what.user_id);
        chat.typing.set(&what.user, false, model.now);
    }
}

/// Keeps a list in step that was got before.
fn apply(members: &mut Vec<MemberLine>, user: &Untrusted, change: Change) {
    let role = match change {
        Change::Left | Change::Removed | Change::Banned => {
            members.retain(|member| member.name != *user);
            return;
        }
        Change::Added | Change::Joined => None,
        Change::Role(role) => Some(role),
    };
    if let Some(member) = members.iter_mut().find(|member| member.name == *user) {
        member.role = role.or(member.role);
    } else if members.len() < MEMBERS_MAX {
        members.push(MemberLine {
            name: user.clone(),
            role,
        });
    }
}

/// The members, as an answer.
pub(super) fn all(
    model: &mut Model,
    id: &ChatId,
    members: Result<Vec<(String, MemberLine)>, Untrusted>,
) -> Vec<Effect> {
    let answer = model.roll.answered(id, members.is_ok());
    let mut members = match members {
        Ok(members) => members,
        Err(problem) => {
            let text = format!("The members are not shown: {}", problem.render_line());
            say(model, Level::Warning, text);
            Vec::new()
        }
    };
    members.truncate(MEMBERS_MAX);
    for (user_id, member) in &members {
        model.people.learn(user_id, &member.name);
    }
    let Some(chat) = model.chats.get_mut(id) else {
        return Vec::new();
    };
    match answer {
        Answer::Take(told) if !members.is_empty() => {
            let mut members: Vec<MemberLine> = members.into_iter().map(|it| it.1).collect();
            for (user, change) in told {
                apply(&mut members, &user, change);
            }
            chat.members = Some(members);
            Vec::new()
        }
        Answer::Take(_) | Answer::Drop => Vec::new(),
        Answer::Again => vec![Effect::Members(id.clone())],
    }
}

/// How far the others have come, as an answer. It is asked for without a person's wish: that it failed is nothing to say.
pub(super) fn markers(
    model: &mut Model,
    id: &ChatId,
    markers: Result<Vec<(String, Untrusted, Marker)>, Untrusted>,
) -> Vec<Effect> {
    for (user_id, name, marker) in markers.unwrap_or_default() {
        model.people.learn(&user_id, &name);
        let is_me = events::is_me(model, &user_id);
        if let Some(chat) = model.chats.get_mut(id).filter(|_| !is_me) {
            chat.advance(&user_id, marker);
        }
    }
    Vec::new()
}

#[cfg(test)]
#[path = "members_tests.rs"]
mod tests;
