//! What happens in conversations beside messages: edits, reactions, members, names. What was done here is not told
//! twice: the answer to the act tells it, and the event of it is let pass in silence.

use crate::domain::{conversation::MemberSettings, name::UserName, role::Role};

use super::{
    calls, line,
    model::{Effect, MessageLine, Model},
    room::{Kind, Room},
    untrusted::Untrusted,
    update::say,
};

/// Own deeds whose events are waited for; past it the oldest is forgotten, and its event told like any other.
const OWN_NEWS_MAX: usize = 100;

/// Something that happened in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// A conversation is new or changed.
    Room {
        /// Its state.
        room: Room,
        /// Whether this stands for what was there before, as at the first start.
        is_old: bool,
    },
    /// A message has another text.
    Edited(MessageLine),
    /// The text of a message is gone.
    Deleted {
        /// The conversation.
        conversation: String,
        /// The message.
        seq: u64,
        /// Who did it.
        by: Untrusted,
    },
    /// The reactions to a message have changed.
    Reacted {
        /// The conversation.
        conversation: String,
        /// The message.
        seq: u64,
        /// All that it has now.
        reactions: Vec<(Untrusted, u32)>,
        /// Who did what, if it was one deed: the emoji, and whether it was given.
        deed: Option<(Untrusted, Untrusted, bool)>,
    },
    /// This user set something for a conversation, here or elsewhere.
    Settings {
        /// The conversation.
        conversation: String,
        /// All that is set.
        settings: MemberSettings,
    },
    /// Something happened to a member.
    Member {
        /// The conversation.
        conversation: String,
        /// To whom.
        user: Untrusted,
        /// What.
        change: Change,
        /// Who did it.
        by: Untrusted,
        /// How many members there are now.
        members_count: u32,
    },
}

/// What happened to a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Was added.
    Added,
    /// Joined.
    Joined,
    /// Left.
    Left,
    /// Was removed.
    Removed,
    /// Was removed for good.
    Banned,
    /// Has this role.
    Role(Role),
}

/// Something that was done here and whose event is still to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnNews {
    /// The conversation, if it was known.
    pub conversation: Option<String>,
    /// What was done.
    pub deed: Deed,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// A message was edited.
    Edited(u64),
    /// A message was deleted.
    Deleted(u64),
    /// An emoji was given or taken back.
    Reacted(u64, String, bool),
    /// Something was done to a member.
    Member(UserName, Change),
}

/// Notes that events will tell of this.
pub fn expect(model: &mut Model, own: OwnNews) {
    if model.own_news.len() >= OWN_NEWS_MAX {
        model.own_news.pop_front();
    }
    model.own_news.push_back(own);
}

/// Notes in which conversation a deed was done whose event is still to come.
pub fn stands_in(model: &mut Model, deed: &Deed, id: &str) {
    let expected = model.own_news.iter_mut();
    let without = expected.filter(|own| own.conversation.is_none() && own.deed == *deed);
    without.for_each(|own| own.conversation = Some(id.to_owned()));
}

/// Takes in what happened and returns what to say about it.
pub fn news(model: &mut Model, news: News) -> Vec<Effect> {
    match news {
        News::Room { room, is_old } => room_changed(model, room, is_old),
        News::Edited(message) => edited(model, &message),
        News::Deleted {
            conversation,
            seq,
            by,
        } => deleted(model, &conversation, seq, &by),
        News::Reacted {
            conversation,
            seq,
            reactions,
            deed,
        } => reacted(model, &conversation, seq, &reactions, deed),
        News::Settings {
            conversation,
            settings,
        } => settings_changed(model, conversation, settings),
        News::Member {
            conversation,
            user,
            change,
            by,
            members_count,
        } => member_changed(model, &conversation, (&user, change, &by), members_count),
    }
}

/// Shows a message, below the beginning of what it answers.
pub fn message(model: &mut Model, message: &MessageLine) -> Vec<Effect> {
    let mut shown = quotation(model, message).map_or_else(String::new, |line| line + "\n");
    remember(model, message);
    let (id, now) = (&message.conversation, model.now);
    model.typing.set(id, &message.sender, false, now);
    let room = room_label(model, &message.conversation);
    let known = model.rooms.get(&message.conversation);
    // One that is hidden mentions nobody, either.
    let message = &*model.blocked.shown(known, message);
    shown += &line::message(message, room.as_deref(), model.zone);
    if let Some(line) = calls::mention_line(model, message, room.as_deref()) {
        shown = shown + "\n" + &line;
    }
    match calls::rings(model, message) {
        true => vec![Effect::Ring, Effect::Print(shown)],
        false => vec![Effect::Print(shown)],
    }
}

/// Shows messages with their numbers.
pub fn history(model: &mut Model, messages: &[MessageLine]) -> Vec<Effect> {
    let mut lines = Vec::new();
    for message in messages {
        remember(model, message);
        lines.extend(quotation(model, message));
        let room = model.rooms.get(&message.conversation);
        let shown = model.blocked.shown(room, message);
        lines.push(line::numbered(&shown, model.zone));
    }
    match lines.is_empty() {
        true => vec![say("Nothing was said here yet.")],
        false => vec![Effect::Print(lines.join("\n"))],
    }
}

/// Keeps of a message what quotations need.
pub fn remember(model: &mut Model, message: &MessageLine) {
    let (id, seq) = (message.conversation.as_str(), message.seq);
    let (sender, said) = (&message.sender, message.said());
    model.recent.remember(id, seq, sender, said.as_deref());
    model.links.remember(id, seq, sender, message.text.as_ref());
}

/// Keeps of the text of a message what quotations need, and its links.
pub fn remember_text(
    model: &mut Model,
    (conversation, seq): (&str, u64),
    sender: &Untrusted,
    text: Option<&Untrusted>,
) {
    model.recent.remember(conversation, seq, sender, text);
    model.links.remember(conversation, seq, sender, text);
}

/// The text of a message was deleted.
pub fn forget_text(model: &mut Model, conversation: &str, seq: u64) {
    model.recent.deleted(conversation, seq);
    model.links.forget(conversation, seq);
}

fn quotation(model: &Model, message: &MessageLine) -> Option<String> {
    let seq = message.reply_to;
    if seq == 0 {
        return None;
    }
    Some(match model.recent.get(&message.conversation, seq) {
        Some(known) => {
            let room = model.rooms.get(&message.conversation);
            let (sender, text) = (&known.sender, known.text.as_ref());
            let text = model.blocked.quoted(room, sender, text);
            line::quotation(sender, text.as_ref())
        }
        None => line::quotation_of_number(seq),
    })
}

/// What a group or channel is called; `None` for DIRECT ones and for what is not known.
fn room_label(model: &Model, id: &str) -> Option<String> {
    let room = model.rooms.get(id)?;
    (room.kind != Kind::Direct).then(|| room.label())
}

/// Whether what this user says and does there is hidden.
fn hides(model: &Model, id: &str, user: &Untrusted) -> bool {
    model.blocked.hides(model.rooms.get(id), user)
}

fn in_room(model: &Model, id: &str) -> String {
    room_label(model, id).map_or_else(String::new, |room| format!(" in {room}"))
}

/// Nothing is said of it: whoever set it knows.
fn settings_changed(model: &mut Model, id: String, settings: MemberSettings) -> Vec<Effect> {
    model.rooms.set_notify(&id, settings.notify);
    model.rooms.set_aside(&id, settings.marked_unread);
    // Also of one that is not known here: nothing there is to be marked read either.
    vec![Effect::Aside {
        conversation: id,
        is_aside: settings.marked_unread,
    }]
}

/// An aside goes with the membership.
pub fn taken_up(id: &str) -> Effect {
    Effect::Aside {
        conversation: id.to_owned(),
        is_aside: false,
    }
}

/// Says which conversation was put aside as unread.
pub fn aside(room: &Room) -> Option<Effect> {
    room.is_aside().then(|| Effect::Aside {
        conversation: room.id.clone(),
        is_aside: true,
    })
}

fn room_changed(model: &mut Model, room: Room, is_old: bool) -> Vec<Effect> {
    // The answer to the act that waits tells of it.
    let is_told = is_old || model.changes_room || room.kind == Kind::Direct;
    let before = model.rooms.learn(room.clone());
    let mut told: Vec<Effect> = aside(&room).into_iter().collect();
    if let Some(before) = &before {
        rename_focus(model, before, &room);
    }
    if is_told {
        return told;
    }
    let label = room.label();
    let Some(before) = before else {
        told.push(say(format!(
            "You are in {label} now; /start {} opens it.",
            room.spelled()
        )));
        return told;
    };
    if before.name != room.name {
        told.push(say(format!("{} is called {label} now.", before.label())));
    }
    if before.topic != room.topic {
        told.push(say(topic_line(&room)));
    }
    told
}

/// Says what a conversation is about.
pub fn topic_line(room: &Room) -> String {
    let label = room.label();
    match room.topic.is_empty() {
        true => format!("{label} has no topic."),
        false => format!("The topic of {label}: {}", room.topic.render_line()),
    }
}

/// A channel is addressed by its name: lines that follow go to it under its new one.
pub fn rename_focus(model: &mut Model, before: &Room, after: &Room) {
    let (Some(old), Some(new)) = (before.place(), after.place()) else {
        return;
    };
    model.refused.renamed(&old, &new);
    model.transfers.renamed(&old, &new);
    for several in model.several.iter_mut().chain(&mut model.several_asked) {
        several.renamed(&old, &new);
    }
    if let Some(opened) = model.open.remove(&old) {
        model.open.insert(new.clone(), opened);
    }
    if model.focus.as_ref() == Some(&old) {
        model.focus = Some(new);
    }
}

fn edited(model: &mut Model, message: &MessageLine) -> Vec<Effect> {
    remember(model, message);
    let (id, seq) = (&message.conversation, message.seq);
    if is_own(model, id, &Deed::Edited(seq)) {
        return Vec::new();
    }
    let Some(text) = message.said() else {
        return Vec::new();
    };
    if hides(model, id, &message.sender) {
        return Vec::new();
    }
    vec![say(format!(
        "{} edited [{seq}]{}: {}",
        who(&message.sender, &model.me),
        in_room(model, id),
        text.render_block()
    ))]
}

fn deleted(model: &mut Model, id: &str, seq: u64, by: &Untrusted) -> Vec<Effect> {
    forget_text(model, id, seq);
    if is_own(model, id, &Deed::Deleted(seq)) {
        return Vec::new();
    }
    let by = who(by, &model.me);
    vec![say(format!(
        "{by} deleted message [{seq}]{}",
        in_room(model, id)
    ))]
}

fn reacted(
    model: &mut Model,
    id: &str,
    seq: u64,
    reactions: &[(Untrusted, u32)],
    deed: Option<(Untrusted, Untrusted, bool)>,
) -> Vec<Effect> {
    let place = in_room(model, id);
    let known = model.recent.get(id, seq);
    let known = known.filter(|known| !hides(model, id, &known.sender));
    let text = known.and_then(|known| known.text.as_ref());
    let start = text.map_or_else(String::new, |text| format!(": {}", line::start(text)));
    let Some((user, emoji, added)) = deed else {
        let all = match reactions.is_empty() {
            true => "no reactions any more".to_owned(),
            false => line::reactions(reactions),
        };
        return vec![say(format!("Message [{seq}]{place} has {all}{start}"))];
    };
    let emoji = line::emoji(&emoji);
    if is_by_me(model, &user) && is_own(model, id, &Deed::Reacted(seq, emoji.clone(), added)) {
        return Vec::new();
    }
    if hides(model, id, &user) {
        return Vec::new();
    }
    let user = who(&user, &model.me);
    vec![say(match added {
        true => format!("{user} gave {emoji} to [{seq}]{place}{start}"),
        false => format!("{user} took {emoji} back from [{seq}]{place}{start}"),
    })]
}

fn member_changed(
    model: &mut Model,
    id: &str,
    (user, change, by): (&Untrusted, Change, &Untrusted),
    members_count: u32,
) -> Vec<Effect> {
    let room = model.rooms.get(id).cloned();
    let label = room
        .as_ref()
        .map_or_else(|| "a conversation".to_owned(), Room::label);
    let is_me = is_by_me(model, user);
    let has_ended = matches!(change, Change::Left | Change::Removed | Change::Banned);
    let own = user.to_user_name().filter(|_| is_by_me(model, by));
    let is_told = own.is_some_and(|user| is_own(model, id, &Deed::Member(user, change)));
    if let Some(mut room) = room {
        room.members_count = members_count;
        model.rooms.learn(room);
    }
    if let Change::Role(role) = change
        && is_me
    {
        model.rooms.set_read_only(id, !role.speaks());
    }
    if is_told {
        // What there is to do about it, the answer does, which came before or comes soon.
        return Vec::new();
    }
    let mut told = vec![say(member_line(&model.me, (user, change, by), &label))];
    if is_me && has_ended {
        told.extend(ended(model, id));
    }
    told
}

/// Says to this user what happened to a member, who may be this user, as whoever did it may.
pub fn member_line(
    me: &UserName,
    (user, change, by): (&Untrusted, Change, &Untrusted),
    label: &str,
) -> String {
    let (was, is) = match is_user(user, me) {
        true => ("were", "are"),
        false => ("was", "is"),
    };
    let user = who(user, me);
    let by = match is_user(by, me) {
        true => "you".to_owned(),
        false => by.render_line(),
    };
    match change {
        Change::Added => format!("{user} {was} added to {label} by {by}"),
        Change::Joined => format!("{user} joined {label}"),
        Change::Left => format!("{user} left {label}"),
        Change::Removed => format!("{user} {was} removed from {label} by {by}"),
        Change::Banned => format!("{user} {was} banned from {label} by {by}"),
        Change::Role(role) => format!("{user} {is} now {} in {label} (by {by})", role.word()),
    }
}

/// A user at the beginning of a sentence, as this user is told of it.
fn who(user: &Untrusted, me: &UserName) -> String {
    match is_user(user, me) {
        true => "You".to_owned(),
        false => user.render_line(),
    }
}

fn is_user(user: &Untrusted, name: &UserName) -> bool {
    *user == Untrusted::from(name.as_str())
}

/// This user is no member any more: lines must not go on going there.
fn ended(model: &mut Model, id: &str) -> Vec<Effect> {
    let mut effects = vec![taken_up(id)];
    let Some(room) = model.rooms.get(id).cloned() else {
        return effects;
    };
    model.rooms.forget(id);
    let Some(place) = room.place() else {
        return effects;
    };
    model.open.remove(&place);
    if model.focus.as_ref() == Some(&place) {
        model.focus = None;
        effects.push(say(format!(
            "No conversation is open any more: what you type would not reach {}. /start NAME opens one.",
            room.label()
        )));
    }
    effects
}

fn is_by_me(model: &Model, user: &Untrusted) -> bool {
    is_user(user, &model.me)
}

/// Whether this was done here; it is then no longer waited for.
fn is_own(model: &mut Model, id: &str, deed: &Deed) -> bool {
    let is_it = |own: &OwnNews| {
        own.deed == *deed && own.conversation.as_deref().is_none_or(|known| known == id)
    };
    let Some(at) = model.own_news.iter().position(is_it) else {
        return false;
    };
    model.own_news.remove(at);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_user_is_told_of_as_you() {
        let me: UserName = "ann".parse().unwrap();
        let admin = Change::Role(Role::Admin);
        for (user, change, by, told) in [
            ("ann", Change::Added, "bob", "You were added to #ops by bob"),
            (
                "ann",
                Change::Removed,
                "bob",
                "You were removed from #ops by bob",
            ),
            (
                "bob",
                Change::Banned,
                "ann",
                "bob was banned from #ops by you",
            ),
            ("ann", Change::Joined, "ann", "You joined #ops"),
            ("ann", Change::Left, "ann", "You left #ops"),
            ("ann", admin, "bob", "You are now admin in #ops (by bob)"),
            ("bob", admin, "ann", "bob is now admin in #ops (by you)"),
        ] {
            let (user, by) = (Untrusted::from(user), Untrusted::from(by));
            assert_eq!(member_line(&me, (&user, change, &by), "#ops"), told);
        }
    }
}
