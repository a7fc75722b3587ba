//! What peers send, parsed once into types that cannot be wrong.

use std::{num::NonZeroU32, str::FromStr};

use prost_types::Timestamp;

use super::files::file_id;

use crate::{
    domain::{
        clock::TimeMs,
        conversation::{
            ConversationChange, ConversationKind, HistoryAccess, NewConversation, NotifyLevel,
            NotifySettings,
        },
        ids::{ClientMessageId, ConversationId, DeviceId, FileId, InviteLinkId, Offset, Seq},
        invalid::Invalid,
        invite::InviteEnds,
        limits::ATTACHMENTS_PER_MESSAGE_MAX,
        message::Target,
        name::{ChannelName, DeviceName, Topic, UserName},
        page::{PageTokenError, Position, PositionAsked, page_key},
        reaction::Emoji,
        role::Role,
        scope::{Scope, Scopes},
        search::Search,
        secret::{InviteCode, Password},
        text::{MessageText, MessageTextError},
        user::Presence,
    },
    pb,
};

/// 9999-12-31T23:59:59Z, the last second of a protobuf Timestamp.
const LAST_SECOND: i64 = 253_402_300_799;
/// Most users that one request can name.
const USER_NAMES_MAX: usize = 500;

/// A send as it was asked for.
#[derive(Clone, Debug)]
pub struct Send {
    /// Where to.
    pub target: Target,
    /// None: the server mints one.
    pub client_id: Option<ClientMessageId>,
    /// What it says.
    pub text: MessageText,
    /// The message that it answers.
    pub reply_to: Option<Seq>,
    /// Files of the sender, each once.
    pub attachments: Vec<FileId>,
}

/// Parses a user name.
pub fn user_name(field: &'static str, text: &str) -> Result<UserName, Invalid> {
    text.parse()
        .map_err(|error| Invalid::new("USER_NAME_INVALID", field, error))
}

/// Parses names of users: this many or more.
pub fn user_names(texts: &[String], min: usize) -> Result<Vec<UserName>, Invalid> {
    if !(min..=USER_NAMES_MAX).contains(&texts.len()) {
        let given = texts.len();
        let mend = format!("{given} users are named; name {min} to {USER_NAMES_MAX} at once");
        return Err(Invalid::new("USER_NAMES_INVALID", "user_names", mend));
    }
    let names = texts.iter();
    names.map(|text| user_name("user_names", text)).collect()
}

/// Parses the name of a channel.
pub fn channel_name(field: &'static str, text: &str) -> Result<ChannelName, Invalid> {
    text.parse()
        .map_err(|error| Invalid::new("CHANNEL_NAME_INVALID", field, error))
}

/// Parses a new password.
pub fn password(field: &'static str, text: &str) -> Result<Password, Invalid> {
    text.parse()
        .map_err(|error| Invalid::new("PASSWORD_INVALID", field, error))
}

/// Parses a device id.
pub fn device_id(text: &str) -> Result<DeviceId, Invalid> {
    text.parse()
        .map_err(|error| Invalid::new("DEVICE_ID_INVALID", "device_id", error))
}

/// Parses the name of a token, which must not be empty.
pub fn token_name(text: &str) -> Result<DeviceName, Invalid> {
    if text.trim().is_empty() {
        let mend = "the token has no name; say what it is for";
        return Err(Invalid::new("DEVICE_NAME_INVALID", "name", mend));
    }
    text.parse()
        .map_err(|error| Invalid::new("DEVICE_NAME_INVALID", "name", error))
}

/// Parses the scopes of a token: at least one.
pub fn scopes(numbers: &[i32]) -> Result<Scopes, Invalid> {
    let scope = |number: &i32| match pb::Scope::try_from(*number) {
        Ok(pb::Scope::Read) => Some(Scope::Read),
        Ok(pb::Scope::Send) => Some(Scope::Send),
        Ok(pb::Scope::Admin) => Some(Scope::Admin),
        Ok(pb::Scope::Unspecified) | Err(_) => None,
    };
    let scopes: Option<Scopes> = numbers
        .iter()
        .map(scope)
        .collect::<Option<Vec<_>>>()
        .map(Scopes::from_iter);
    scopes.filter(|scopes| !scopes.is_empty()).ok_or_else(|| {
        let mend = "give at least one of SCOPE_READ, SCOPE_SEND, SCOPE_ADMIN, and nothing else";
        Invalid::new("SCOPES_INVALID", "scopes", mend)
    })
}

/// Parses the end of a token or of an invite link; `None`: it has none.
pub fn expire_time(time: Option<Timestamp>) -> Result<Option<TimeMs>, Invalid> {
    time.map(|at| time_of("EXPIRE_TIME_INVALID", "expire_time", at))
        .transpose()
}

/// Parses a time, to the millisecond.
fn time_of(reason: &'static str, field: &'static str, time: Timestamp) -> Result<TimeMs, Invalid> {
    let in_range =
        (0..=LAST_SECOND).contains(&time.seconds) && (0..1_000_000_000).contains(&time.nanos);
    if !in_range {
        let mend = "the time is not one of the years 1970 to 9999; give a Timestamp as protobuf defines it";
        return Err(Invalid::new(reason, field, mend));
    }
    let milliseconds = time.seconds * 1_000 + i64::from(time.nanos / 1_000_000);
    Ok(TimeMs::new(milliseconds))
}

/// Parses a device name.
pub fn device_name(text: &str) -> Result<DeviceName, Invalid> {
    text.parse()
        .map_err(|error| Invalid::new("DEVICE_NAME_INVALID", "device_name", error))
}

/// Parses a conversation id.
pub fn conversation_id(text: &str) -> Result<ConversationId, Invalid> {
    text.parse()
        .map_err(|error| Invalid::new("CONVERSATION_ID_INVALID", "conversation_id", error))
}

/// Parses a group or channel that is to be made.
pub fn new_conversation(asked: &pb::CreateConversationRequest) -> Result<NewConversation, Invalid> {
    let (kind, usual) = match pb::ConversationKind::try_from(asked.kind) {
        Ok(pb::ConversationKind::Group) => {
            let name = asked.name.parse();
            let name =
                name.map_err(|error| Invalid::new("CONVERSATION_NAME_INVALID", "name", error))?;
            (ConversationKind::Group(name), HistoryAccess::SinceJoin)
        }
        Ok(pb::ConversationKind::Channel) => {
            let name = channel_name("name", &asked.name)?;
            (ConversationKind::Channel(name), HistoryAccess::All)
        }
        Ok(pb::ConversationKind::Unspecified | pb::ConversationKind::Direct) | Err(_) => {
            let mend = "say CONVERSATION_KIND_GROUP or CONVERSATION_KIND_CHANNEL; a conversation \
                        with one user is made by StartConversation";
            return Err(Invalid::new("KIND_INVALID", "kind", mend));
        }
    };
    Ok(NewConversation {
        kind,
        topic: topic(&asked.topic)?,
        history: history_access(asked.history_access)?.unwrap_or(usual),
        members: user_names(&asked.user_names, 0)?,
    })
}

/// Parses what of a group or channel is to be changed. Which rule a name must keep, the store knows.
pub fn change(asked: pb::UpdateConversationRequest) -> Result<ConversationChange, Invalid> {
    Ok(ConversationChange {
        topic: asked.topic.as_deref().map(topic).transpose()?,
        history: history_access(asked.history_access)?,
        name: asked.name,
    })
}

fn topic(text: &str) -> Result<Topic, Invalid> {
    text.parse()
        .map_err(|error| Invalid::new("TOPIC_INVALID", "topic", error))
}

/// Parses what new members may read; `None`: nothing is said of it.
fn history_access(number: i32) -> Result<Option<HistoryAccess>, Invalid> {
    match pb::HistoryAccess::try_from(number) {
        Ok(pb::HistoryAccess::Unspecified) => Ok(None),
        Ok(pb::HistoryAccess::SinceJoin) => Ok(Some(HistoryAccess::SinceJoin)),
        Ok(pb::HistoryAccess::All) => Ok(Some(HistoryAccess::All)),
        Err(_) => {
            let mend = "no such access; use HISTORY_ACCESS_SINCE_JOIN or HISTORY_ACCESS_ALL, or \
                        leave it out";
            let (reason, field) = ("HISTORY_ACCESS_INVALID", "history_access");
            Err(Invalid::new(reason, field, mend))
        }
    }
}

/// Parses the role that a member is to have.
pub fn role(number: i32) -> Result<Role, Invalid> {
    match pb::Role::try_from(number) {
        Ok(pb::Role::Owner) => Ok(Role::Owner),
        Ok(pb::Role::Admin) => Ok(Role::Admin),
        Ok(pb::Role::Member) => Ok(Role::Member),
        Ok(pb::Role::ReadOnly) => Ok(Role::ReadOnly),
        Ok(pb::Role::Unspecified) | Err(_) => {
            let mend = "say one of ROLE_OWNER, ROLE_ADMIN, ROLE_MEMBER, ROLE_READ_ONLY";
            Err(Invalid::new("ROLE_INVALID", "role", mend))
        }
    }
}

/// Parses the code of an invite link. What is wrong with it is said without showing it.
pub fn invite_code(text: &str) -> Result<InviteCode, Invalid> {
    text.parse()
        .map_err(|error| Invalid::new("INVITE_CODE_INVALID", "code", error))
}

/// Parses the id of an invite link.
pub fn invite_link_id(text: &str) -> Result<InviteLinkId, Invalid> {
    text.parse()
        .map_err(|error| Invalid::new("INVITE_LINK_ID_INVALID", "invite_link_id", error))
}

/// Parses what is to end an invite link.
pub fn invite_ends(asked: &pb::CreateInviteLinkRequest) -> Result<InviteEnds, Invalid> {
    Ok(InviteEnds {
        expires: expire_time(asked.expire_time)?,
        uses_max: NonZeroU32::new(asked.uses_max),
    })
}

/// Parses what is given to a message.
pub fn emoji(text: &str) -> Result<Emoji, Invalid> {
    text.parse()
        .map_err(|error| Invalid::new("EMOJI_INVALID", "emoji", error))
}

/// Parses the text of a message.
pub fn text(text: &str) -> Result<MessageText, Invalid> {
    text.parse().map_err(|error| {
        let reason = match error {
            MessageTextError::Empty => "TEXT_EMPTY",
            MessageTextError::TooLong { .. } => "TEXT_TOO_LONG",
            MessageTextError::ControlCharacter(_) => "TEXT_INVALID",
        };
        Invalid::new(reason, "text", error)
    })
}

/// Parses a page token.
pub fn page_token<K: FromStr>(token: &str) -> Result<Option<K>, Invalid> {
    page_key(token)
        .map_err(|error: PageTokenError| Invalid::new("PAGE_TOKEN_INVALID", "page_token", error))
}

/// Parses a send.
pub fn send(request: &pb::SendRequest) -> Result<Send, Invalid> {
    let target = match &request.target {
        Some(pb::send_request::Target::ConversationId(id)) => {
            Target::Conversation(conversation_id(id)?)
        }
        Some(pb::send_request::Target::UserName(name)) => {
            Target::User(user_name("user_name", name)?)
        }
        Some(pb::send_request::Target::ChannelName(name)) => {
            Target::Channel(channel_name("channel_name", name)?)
        }
        None => {
            let mend = "the message has no target; set user_name, channel_name or conversation_id";
            return Err(Invalid::new("TARGET_MISSING", "target", mend));
        }
    };
    let client_id = match request.client_message_id.as_str() {
        "" => None,
        id => Some(id.parse().map_err(|error| {
            Invalid::new("CLIENT_MESSAGE_ID_INVALID", "client_message_id", error)
        })?),
    };
    let attachments = attachments(&request.attachments)?;
    Ok(Send {
        target,
        client_id,
        text: match request.text.as_str() {
            "" if !attachments.is_empty() => MessageText::none(),
            said => text(said)?,
        },
        reply_to: (request.reply_to_seq > 0).then(|| Seq::new(request.reply_to_seq)),
        attachments,
    })
}

/// Parses the files of a message: each once.
fn attachments(asked: &[pb::Attachment]) -> Result<Vec<FileId>, Invalid> {
    // Past the limit of a message nothing is looked at: the engine refuses it by its number.
    let looked_at = asked.iter().take(ATTACHMENTS_PER_MESSAGE_MAX + 1);
    let mut files = Vec::new();
    for attachment in looked_at {
        let id = file_id("attachments.file_id", &attachment.file_id)?;
        if files.contains(&id) {
            let mend = format!("{id} is attached twice; name each file once");
            return Err(Invalid::new("ATTACHMENTS_INVALID", "attachments", mend));
        }
        files.push(id);
    }
    Ok(files)
}

/// Parses the presence that a list of users is filtered by.
pub fn presence(number: i32) -> Result<Option<Presence>, Invalid> {
    match pb::Presence::try_from(number) {
        Ok(pb::Presence::Unspecified) => Ok(None),
        Ok(pb::Presence::Online) => Ok(Some(Presence::Online)),
        Ok(pb::Presence::Away) => Ok(Some(Presence::Away)),
        Ok(pb::Presence::DoNotDisturb) => Ok(Some(Presence::DoNotDisturb)),
        Ok(pb::Presence::Offline) => Ok(Some(Presence::Offline)),
        Err(_) => {
            let mend = "no such presence; use one that PRESENCE_ names, or leave it out";
            Err(Invalid::new("PRESENCE_INVALID", "presence", mend))
        }
    }
}

/// Parses how a user says to be reached at a device.
pub fn presence_said(number: i32) -> Result<Presence, Invalid> {
    match presence(number) {
        Ok(Some(said)) if said != Presence::Offline => Ok(said),
        _ => {
            let mend = "say PRESENCE_ONLINE, PRESENCE_AWAY or PRESENCE_DO_NOT_DISTURB; whoever has \
                        no open stream is offline";
            Err(Invalid::new("PRESENCE_INVALID", "presence", mend))
        }
    }
}

/// Parses where a page of messages lies.
pub fn position(
    position: Option<pb::list_messages_request::Position>,
) -> Result<PositionAsked, Invalid> {
    use pb::list_messages_request::Position as Wire;
    let time = |field, at| time_of("TIME_INVALID", field, at);
    Ok(match position {
        None => PositionAsked::At(Position::Newest),
        Some(Wire::BeforeSeq(seq)) => PositionAsked::At(Position::Before(Seq::new(seq))),
        Some(Wire::AfterSeq(seq)) => PositionAsked::At(Position::After(Seq::new(seq))),
        Some(Wire::AroundSeq(seq)) => PositionAsked::At(Position::Around(Seq::new(seq))),
        Some(Wire::BeforeTime(at)) => PositionAsked::BeforeTime(time("before_time", at)?),
        Some(Wire::AfterTime(at)) => PositionAsked::AfterTime(time("after_time", at)?),
        Some(Wire::AroundTime(at)) => PositionAsked::AroundTime(time("around_time", at)?),
    })
}

/// Parses what is looked for.
pub fn search(asked: &pb::SearchMessagesRequest) -> Result<Search, Invalid> {
    let query = asked.query.parse();
    let time =
        |field, at: Option<Timestamp>| at.map(|at| time_of("TIME_INVALID", field, at)).transpose();
    Ok(Search {
        query: query.map_err(|error| Invalid::new("QUERY_INVALID", "query", error))?,
        conversation: match asked.conversation_id.as_str() {
            "" => None,
            id => Some(conversation_id(id)?),
        },
        sender: match asked.sender_name.as_str() {
            "" => None,
            name => Some(user_name("sender_name", name)?),
        },
        after: time("after_time", asked.after_time)?,
        before: time("before_time", asked.before_time)?,
    })
}

/// Parses the token of a page of what was found: a place in the log.
pub fn place_token(token: &str) -> Result<Option<Offset>, Invalid> {
    Ok(page_token(token)?.map(Offset::new))
}

/// Parses what a member wants to be called for.
pub fn notify(asked: Option<pb::NotifySettings>) -> Result<NotifySettings, Invalid> {
    let asked = asked.unwrap_or_default();
    let level = match pb::NotifyLevel::try_from(asked.level) {
        Ok(pb::NotifyLevel::All) => NotifyLevel::All,
        Ok(pb::NotifyLevel::Mentions) => NotifyLevel::Mentions,
        Ok(pb::NotifyLevel::None) => NotifyLevel::None,
        Ok(pb::NotifyLevel::Unspecified) | Err(_) => {
            let mend = "say one of NOTIFY_LEVEL_ALL, NOTIFY_LEVEL_MENTIONS, NOTIFY_LEVEL_NONE";
            return Err(Invalid::new("NOTIFY_LEVEL_INVALID", "notify.level", mend));
        }
    };
    let until = asked
        .until_time
        .map(|at| time_of("TIME_INVALID", "notify.until_time", at))
        .transpose()?;
    Ok(NotifySettings { level, until })
}

/// Parses how many messages of each conversation a stream may bring; 0: all.
pub fn backlog_max(messages: u32) -> Option<u64> {
    (messages > 0).then_some(u64::from(messages))
}
