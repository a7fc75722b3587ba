//! From the wire to the words of `app`: everything foreign becomes `Untrusted` here.

use crate::{
    domain::{
        clock::TimeMs,
        conversation::{MemberSettings, NotifyLevel, NotifySettings},
        file::ContentHash,
        name::UserName,
        role::Role,
        user::Presence,
    },
    pb::{self, event::Body, message::Content},
};

use super::{
    app::{
        acts::MemberLine,
        blocked::Blocked,
        file::{FILES_MAX, File},
        line,
        links::{LinkLine, MarkerLine},
        listing::Listed,
        look::{Found, Snippet},
        model::{MessageLine, Msg, StartProblem, UserLine},
        news::{Change, News},
        password::PasswordProblem,
        room::{Kind, Room, Wanted},
        untrusted::Untrusted,
    },
    mends,
    net::error::{ClientError, ErrorKind},
};

/// Returns what an event means to the line mode of this user, if anything.
pub fn event(event: pb::Event, me: &UserName) -> Option<Msg> {
    let is_old = event.cursor.is_empty();
    match event.body? {
        Body::Message(message) => Some(Msg::Message(self::message(message))),
        Body::MessageEdited(edited) => {
            Some(Msg::News(News::Edited(self::message(edited.message?))))
        }
        Body::MessageDeleted(deleted) => Some(Msg::News(News::Deleted {
            conversation: deleted.conversation_id,
            seq: deleted.seq,
            by: name(deleted.deleted_by),
        })),
        Body::ReactionChanged(changed) => Some(Msg::News(reacted(changed))),
        Body::ConversationChanged(changed) => {
            let room = room(changed.conversation?, me);
            Some(Msg::News(News::Room { room, is_old }))
        }
        Body::MemberChanged(changed) => member_changed(changed).map(Msg::News),
        Body::SettingsChanged(changed) => Some(Msg::News(News::Settings {
            settings: settings(changed.marked_unread, changed.notify),
            conversation: changed.conversation_id,
        })),
        Body::BlocksChanged(changed) => Some(Msg::Blocks(blocked(changed.users))),
        Body::Typing(typing) => Some(Msg::Typing {
            conversation: typing.conversation_id,
            user: name(typing.user),
            is_typing: typing.typing,
        }),
        Body::Gap(gap) => Some(Msg::Gap {
            count: gap.to_seq.saturating_sub(gap.from_seq).saturating_add(1),
        }),
        Body::Reset(_) => Some(Msg::Reset),
        Body::CaughtUp(_) => Some(Msg::CaughtUp),
        _ => None,
    }
}

/// Returns the message of a line that was typed here, if an event is one.
pub fn echo(event: pb::Event) -> Option<Msg> {
    match event.body? {
        Body::Message(message) => Some(Msg::Echo(self::message(message))),
        _ => None,
    }
}

/// Returns a message as a line is made of it.
pub fn message(message: pb::Message) -> MessageLine {
    let files = files(message.attachments, message.deleted);
    let text = match message.content {
        _ if message.deleted => None,
        Some(Content::Text(text)) => Some(text.into()),
        None if !files.is_empty() => Some(Untrusted::default()),
        None => Some("(a message of a kind that this client does not know)".into()),
    };
    MessageLine {
        conversation: message.conversation_id,
        seq: message.seq,
        sender: name(message.sender),
        time: time(message.sent_time),
        text,
        files,
        reply_to: message.reply_to_seq,
        is_edited: message.revision > 0,
        reactions: reactions(message.reactions),
        mentions: message
            .mentions
            .into_iter()
            .map(|it| it.name.into())
            .collect(),
        mentions_all: message.mentions_all,
    }
}

/// A message that was deleted has none.
fn files(files: Vec<pb::File>, is_deleted: bool) -> Vec<File> {
    let files_max = if is_deleted { 0 } else { FILES_MAX };
    files.into_iter().take(files_max).map(file).collect()
}

/// Returns a file as clients know it.
pub fn file(file: pb::File) -> File {
    let thumbnail_id = Some(file.thumbnail_file_id).filter(|id| !id.is_empty());
    let file = File {
        id: file.id,
        name: file.name.into(),
        size_bytes: file.size_bytes,
        hash: <[u8; 32]>::try_from(&*file.blake3).ok().map(ContentHash),
        media_type: file.media_type.into(),
        image: file.image.map(|size| (size.width, size.height)),
        thumbnail_id,
    };
    file.bounded()
}

/// Returns a message that was found by its words.
pub fn hit(hit: pb::SearchHit) -> Found {
    let pieces = hit.snippet.into_iter();
    let pieces = pieces.map(|part| (part.text.into(), part.r#match));
    Found {
        message: message(hit.message.unwrap_or_default()),
        snippet: Some(Snippet::new(pieces)),
    }
}

/// Returns a message that was found, and all of it is meant.
pub fn found(message: pb::Message) -> Found {
    Found {
        message: self::message(message),
        snippet: None,
    }
}

/// Returns what a user set for a conversation.
pub fn settings(marked_unread: bool, notify: Option<pb::NotifySettings>) -> MemberSettings {
    MemberSettings {
        marked_unread,
        notify: self::notify(notify),
    }
}

/// Returns what a user wants to be called for.
pub fn notify(notify: Option<pb::NotifySettings>) -> NotifySettings {
    let Some(notify) = notify else {
        return NotifySettings::default();
    };
    NotifySettings {
        level: match notify.level() {
            pb::NotifyLevel::All | pb::NotifyLevel::Unspecified => NotifyLevel::All,
            pb::NotifyLevel::Mentions => NotifyLevel::Mentions,
            pb::NotifyLevel::None => NotifyLevel::None,
        },
        until: notify.until_time.map(|until| time(Some(until))),
    }
}

/// Returns a level in the words of the schema.
pub fn notify_level(level: NotifyLevel) -> pb::NotifyLevel {
    match level {
        NotifyLevel::All => pb::NotifyLevel::All,
        NotifyLevel::Mentions => pb::NotifyLevel::Mentions,
        NotifyLevel::None => pb::NotifyLevel::None,
    }
}

fn reactions(reactions: Vec<pb::Reaction>) -> Vec<(Untrusted, u32)> {
    let pair = |it: pb::Reaction| (it.emoji.into(), it.count);
    reactions.into_iter().map(pair).collect()
}

/// Returns reactions as a line.
pub fn reactions_line(all: &[pb::Reaction]) -> String {
    line::reactions(&reactions(all.to_vec()))
}

/// Returns what a user is called.
pub fn name(user: Option<pb::UserRef>) -> Untrusted {
    user.unwrap_or_default().name.into()
}

fn reacted(changed: pb::ReactionChanged) -> News {
    let deed = changed
        .user
        .map(|user| (user.name.into(), changed.emoji.into(), changed.added));
    News::Reacted {
        conversation: changed.conversation_id,
        seq: changed.seq,
        reactions: reactions(changed.reactions),
        deed,
    }
}

/// Returns what happened to a member, if that is known.
pub fn member_change(changed: &pb::MemberChanged) -> Option<Change> {
    Some(match changed.change() {
        pb::MemberChange::Unspecified => return None,
        pb::MemberChange::Added => Change::Added,
        pb::MemberChange::Joined => Change::Joined,
        pb::MemberChange::Left => Change::Left,
        pb::MemberChange::Removed => Change::Removed,
        pb::MemberChange::Banned => Change::Banned,
        pb::MemberChange::Role => Change::Role(role_of(changed.role())?),
    })
}

fn member_changed(changed: pb::MemberChanged) -> Option<News> {
    let change = member_change(&changed)?;
    Some(News::Member {
        conversation: changed.conversation_id,
        user: name(changed.user),
        change,
        by: name(changed.by),
        members_count: changed.members_count,
    })
}

/// Returns a conversation as this user calls it.
pub fn room(mut conversation: pb::Conversation, me: &UserName) -> Room {
    let is_direct = kind(&conversation) == Kind::Direct;
    // What all members share has no name that is one of the two.
    if is_direct && conversation.name.is_empty() {
        let mut members = conversation.members.iter();
        let other = members.find(|it| it.name != me.as_str());
        conversation.name = other.map_or_else(|| me.to_string(), |it| it.name.clone());
    }
    named_room(conversation)
}

/// Returns one line of the list of the own conversations, as all answers have it.
pub fn listed(conversation: pb::Conversation) -> Listed {
    Listed {
        unread: conversation.unread,
        mentions: conversation.mentions,
        settings: settings(conversation.marked_unread, conversation.notify),
        last: conversation.last_message.clone().map(message),
        room: named_room(conversation),
    }
}

fn kind(conversation: &pb::Conversation) -> Kind {
    match conversation.kind() {
        pb::ConversationKind::Channel => Kind::Channel,
        pb::ConversationKind::Group => Kind::Group,
        pb::ConversationKind::Direct | pb::ConversationKind::Unspecified => Kind::Direct,
    }
}

/// Returns a conversation that has its name, as all answers have it.
pub fn named_room(conversation: pb::Conversation) -> Room {
    let is_mine = conversation.my_role() != pb::Role::Unspecified;
    let is_read_only = conversation.my_role() == pb::Role::ReadOnly;
    // What all members are told has none.
    let notify = conversation.notify;
    let settings = notify.map(|_| settings(conversation.marked_unread, notify));
    Room {
        kind: kind(&conversation),
        id: conversation.id,
        name: conversation.name.into(),
        topic: conversation.topic.into(),
        members_count: conversation.members_count,
        is_mine,
        is_read_only,
        settings,
    }
}

/// Returns one line of the list of members.
pub fn member(member: pb::Member) -> MemberLine {
    let role = role_of(member.role());
    MemberLine {
        name: name(member.user),
        role,
    }
}

/// Returns whom a user blocks.
pub fn blocked(users: Vec<pb::UserRef>) -> Blocked {
    Blocked::new(users.into_iter().map(|user| user.name.into()))
}

/// Returns one line of the list of invite links.
pub fn invite_link(link: pb::InviteLink) -> LinkLine {
    LinkLine {
        id: link.id.into(),
        creator: name(link.created_by),
        created: time(link.created_time),
        expires: link.expire_time.map(|end| time(Some(end))),
        uses_max: link.uses_max,
        uses: link.uses_count,
    }
}

/// Returns how far a member has come.
pub fn marker(marker: pb::Marker) -> MarkerLine {
    MarkerLine {
        user: name(marker.user),
        read: marker.read_seq,
        delivered: marker.delivered_seq,
    }
}

/// Returns a role in the words of the schema.
pub fn role(role: Role) -> pb::Role {
    match role {
        Role::Owner => pb::Role::Owner,
        Role::Admin => pb::Role::Admin,
        Role::Member => pb::Role::Member,
        Role::ReadOnly => pb::Role::ReadOnly,
    }
}

/// Returns what a member may do, if that is said and known.
pub fn role_of(role: pb::Role) -> Option<Role> {
    Role::ALL.into_iter().find(|it| self::role(*it) == role)
}

/// Returns a moment; one that is missing or impossible lies where no calendar shows it.
pub fn time(time: Option<prost_types::Timestamp>) -> TimeMs {
    let milliseconds = time.and_then(|time| {
        let fraction = i64::from(time.nanos / 1_000_000);
        time.seconds.checked_mul(1000)?.checked_add(fraction)
    });
    TimeMs::new(milliseconds.unwrap_or(i64::MAX))
}

/// Returns one line of the list of users.
pub fn user(user: pb::User) -> UserLine {
    UserLine {
        presence: presence_of(user.presence()),
        name: user.name.into(),
    }
}

/// Returns how a user can be reached.
pub fn presence_of(presence: pb::Presence) -> Presence {
    match presence {
        pb::Presence::Online => Presence::Online,
        pb::Presence::Away => Presence::Away,
        pb::Presence::DoNotDisturb => Presence::DoNotDisturb,
        pb::Presence::Offline | pb::Presence::Unspecified => Presence::Offline,
    }
}

/// Returns the same in the words of the schema.
pub fn presence(presence: Presence) -> pb::Presence {
    match presence {
        Presence::Online => pb::Presence::Online,
        Presence::Away => pb::Presence::Away,
        Presence::DoNotDisturb => pb::Presence::DoNotDisturb,
        Presence::Offline => pb::Presence::Offline,
    }
}

/// Returns an error as text for a line.
pub fn problem(error: &ClientError) -> Untrusted {
    let sentence = error.to_string();
    let mended = mends::mended(error.reason(), &sentence);
    mended.unwrap_or(sentence).into()
}

/// Returns what is in the way of another password.
pub fn password_problem(error: &ClientError) -> PasswordProblem {
    match error.kind() {
        _ if error.reason() == "PASSWORD_WRONG" => PasswordProblem::Wrong,
        ErrorKind::Network => PasswordProblem::Lost,
        _ => PasswordProblem::Other(problem(error)),
    }
}

/// Returns what came of a start.
pub fn started(wanted: Wanted, found: Result<Vec<Room>, ClientError>) -> Msg {
    let outcome = match found {
        Ok(mut rooms) => match (rooms.pop(), rooms.is_empty()) {
            (Some(only), true) => Ok(only),
            (None, _) => Err(StartProblem::NotAMember),
            (Some(last), false) => {
                rooms.push(last);
                Err(StartProblem::Several(rooms))
            }
        },
        Err(error) => Err(match error.reason() {
            "USER_NOT_FOUND" => StartProblem::UserNotFound,
            "CONVERSATION_NOT_FOUND" => StartProblem::NotAMember,
            _ => StartProblem::Other(problem(&error)),
        }),
    };
    Msg::Started { wanted, outcome }
}

#[cfg(test)]
#[path = "translate_tests.rs"]
mod tests;
