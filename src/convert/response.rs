//! What is sent in answer to calls.

use std::num::NonZeroU32;

use bytes::Bytes;
use prost_types::Timestamp;

use crate::{
    domain::{
        clock::TimeMs,
        conversation::{
            Conversation, ConversationKind, ConversationView, HistoryAccess, Marker, Member,
            NotifyLevel, NotifySettings,
        },
        file::{File, Upload},
        ids::{MessageId, Offset, Seq, UserId},
        invite::InviteLink,
        limits,
        limits::Settings,
        message::{Message, Sent},
        page::page_token,
        reaction::Reaction,
        role::Role,
        scope::Scope,
        search::{Hit, SnippetPart},
        user::{Device, DeviceKind, Presence, User, UserRef},
    },
    pb,
};

/// A moment.
pub fn time(time: TimeMs) -> Timestamp {
    let milliseconds = time.milliseconds();
    // 0 to 999 million by the remainder, which fits.
    let nanos = i32::try_from(milliseconds.rem_euclid(1_000) * 1_000_000).unwrap_or_default();
    Timestamp {
        seconds: milliseconds.div_euclid(1_000),
        nanos,
    }
}

/// A user beside something the user did.
pub fn user_ref(user: &UserRef) -> pb::UserRef {
    pb::UserRef {
        id: user.id.to_string(),
        name: user.name.to_string(),
    }
}

/// How a user can be reached.
pub const fn presence(presence: Presence) -> pb::Presence {
    match presence {
        Presence::Online => pb::Presence::Online,
        Presence::Away => pb::Presence::Away,
        Presence::DoNotDisturb => pb::Presence::DoNotDisturb,
        Presence::Offline => pb::Presence::Offline,
    }
}

/// An account.
pub fn user(user: &User, presence: Presence) -> pb::User {
    let offline = presence == Presence::Offline;
    pb::User {
        id: user.id.to_string(),
        name: user.name.to_string(),
        display_name: String::new(),
        presence: self::presence(presence).into(),
        last_seen_time: user.last_seen.filter(|_| offline).map(time),
    }
}

/// A login.
pub fn device(device: &Device) -> pb::Device {
    pb::Device {
        id: device.id.to_string(),
        name: device.name.as_str().to_owned(),
        created_time: Some(time(device.created)),
        kind: match device.kind {
            DeviceKind::Login => pb::DeviceKind::Login,
            DeviceKind::Token => pb::DeviceKind::Token,
        }
        .into(),
        scopes: device.scopes.iter().map(|it| scope(it).into()).collect(),
        expire_time: device.expires.map(time),
        last_seen_time: None,
        streams_count: 0,
    }
}

const fn scope(scope: Scope) -> pb::Scope {
    match scope {
        Scope::Read => pb::Scope::Read,
        Scope::Send => pb::Scope::Send,
        Scope::Admin => pb::Scope::Admin,
    }
}

/// A device in a list.
pub fn device_listed(device: &Device, seen: TimeMs, streams: usize) -> pb::Device {
    pb::Device {
        last_seen_time: Some(time(seen)),
        streams_count: limit(streams),
        ..self::device(device)
    }
}

/// A conversation as all see it.
pub fn shared_conversation(conversation: &Conversation) -> pb::Conversation {
    let unnamed: &[UserRef] = &[];
    let (kind, name, members) = match &conversation.kind {
        ConversationKind::Direct(people) => (pb::ConversationKind::Direct, "", people.as_slice()),
        ConversationKind::Group(name) => (pb::ConversationKind::Group, name.as_str(), unnamed),
        ConversationKind::Channel(name) => (pb::ConversationKind::Channel, name.as_str(), unnamed),
    };
    pb::Conversation {
        id: conversation.id.to_string(),
        kind: kind.into(),
        name: name.to_owned(),
        topic: conversation.topic.as_str().to_owned(),
        members_count: count(conversation.members_count),
        members: members.iter().map(user_ref).collect(),
        last_seq: conversation.last_seq.number(),
        history_access: match (&conversation.kind, conversation.history) {
            // Nobody else ever becomes a member.
            (ConversationKind::Direct(_), _) => pb::HistoryAccess::Unspecified,
            (_, HistoryAccess::SinceJoin) => pb::HistoryAccess::SinceJoin,
            (_, HistoryAccess::All) => pb::HistoryAccess::All,
        }
        .into(),
        ..pb::Conversation::default()
    }
}

/// A conversation as one member sees it.
pub fn conversation(view: &ConversationView, user: UserId) -> pb::Conversation {
    let name = view.conversation.name_for(user);
    pb::Conversation {
        name: name.map(ToOwned::to_owned).unwrap_or_default(),
        my_role: match view.conversation.kind {
            ConversationKind::Direct(_) => pb::Role::Unspecified,
            ConversationKind::Group(_) | ConversationKind::Channel(_) => role(view.role),
        }
        .into(),
        read_seq: view.read.read_seq.number(),
        unread: view.read.unread,
        mentions: view.mentions,
        marked_unread: view.settings.marked_unread,
        notify: Some(notify(view.settings.notify)),
        last_message: view.last_message.as_ref().map(message),
        ..shared_conversation(&view.conversation)
    }
}

/// A channel in a list. Whoever is no member finds what joining needs, and nothing that tells of what is said there.
pub fn channel(channel: &Conversation, mine: Option<Role>) -> pb::Conversation {
    let shared = shared_conversation(channel);
    match mine {
        Some(mine) => pb::Conversation {
            my_role: role(mine).into(),
            ..shared
        },
        None => pb::Conversation {
            kind: shared.kind,
            name: shared.name,
            topic: shared.topic,
            members_count: shared.members_count,
            history_access: shared.history_access,
            ..pb::Conversation::default()
        },
    }
}

/// A role.
pub const fn role(role: Role) -> pb::Role {
    match role {
        Role::Owner => pb::Role::Owner,
        Role::Admin => pb::Role::Admin,
        Role::Member => pb::Role::Member,
        Role::ReadOnly => pb::Role::ReadOnly,
    }
}

/// A member, or one who is banned, who has no role.
pub fn member(member: &Member) -> pb::Member {
    pb::Member {
        user: Some(user_ref(&member.user)),
        role: member.role.map_or(pb::Role::Unspecified, role).into(),
        joined_time: Some(time(member.since)),
    }
}

/// An invite link. Its code is no part of it.
pub fn invite_link(link: &InviteLink) -> pb::InviteLink {
    pb::InviteLink {
        id: link.id.to_string(),
        conversation_id: link.conversation.to_string(),
        created_by: Some(user_ref(&link.creator)),
        created_time: Some(time(link.created)),
        expire_time: link.ends.expires.map(time),
        uses_max: link.ends.uses_max.map_or(0, NonZeroU32::get),
        uses_count: link.uses,
    }
}

/// How far a member has come.
pub fn marker(marker: &Marker) -> pb::Marker {
    pb::Marker {
        user: Some(user_ref(&marker.user)),
        read_seq: marker.read_seq.number(),
        delivered_seq: marker.delivered_seq.number(),
    }
}

/// How often one emoji was given.
pub fn reaction(reaction: &Reaction) -> pb::Reaction {
    pb::Reaction {
        emoji: reaction.emoji.as_str().to_owned(),
        count: count(reaction.count),
        mine: reaction.mine,
    }
}

/// A message.
pub fn message(message: &Message) -> pb::Message {
    let text = message.text.as_ref();
    pb::Message {
        conversation_id: message.conversation.to_string(),
        seq: message.seq.number(),
        message_id: message.id().to_string(),
        sender: Some(user_ref(&message.sender)),
        content: text.map(|text| pb::message::Content::Text(text.as_str().to_owned())),
        sent_time: Some(time(message.sent)),
        client_message_id: message.client_id.to_string(),
        reply_to_seq: message.reply_to.map(Seq::number).unwrap_or_default(),
        reactions: message.reactions.iter().map(reaction).collect(),
        revision: message.revision,
        deleted: text.is_none(),
        mentions: message.mentions.users.iter().map(user_ref).collect(),
        mentions_all: message.mentions.all,
        attachments: message.attachments.iter().map(file).collect(),
    }
}

/// A file.
pub fn file(file: &File) -> pb::File {
    pb::File {
        id: file.id.to_string(),
        name: file.name.as_str().to_owned(),
        size_bytes: file.size,
        media_type: file.media_type.as_str().to_owned(),
        blake3: Bytes::copy_from_slice(&file.hash.0),
        image: file.image.map(|image| pb::ImageSize {
            width: image.width,
            height: image.height,
        }),
        thumbnail_file_id: file.thumbnail.map(|id| id.to_string()).unwrap_or_default(),
    }
}

/// An upload that stands at so many bytes.
pub fn upload(upload: &Upload, committed: u64) -> pb::Upload {
    let expires = upload.asked.at.after(limits::UPLOAD_IDLE);
    let hash = upload.asked.file.hash.as_ref();
    pb::Upload {
        id: upload.id.to_string(),
        name: upload.asked.file.name.as_str().to_owned(),
        size_bytes: upload.asked.file.size,
        committed_bytes: committed,
        expire_time: Some(time(expires)),
        blake3: hash.map_or_else(Bytes::new, |hash| Bytes::copy_from_slice(&hash.0)),
    }
}

/// What a member wants to be called for.
pub fn notify(settings: NotifySettings) -> pb::NotifySettings {
    let level = match settings.level {
        NotifyLevel::All => pb::NotifyLevel::All,
        NotifyLevel::Mentions => pb::NotifyLevel::Mentions,
        NotifyLevel::None => pb::NotifyLevel::None,
    };
    pb::NotifySettings {
        level: level.into(),
        until_time: settings.until.map(time),
    }
}

/// A message that was found.
pub fn hit(hit: &Hit) -> pb::SearchHit {
    let part = |part: &SnippetPart| pb::SnippetPart {
        text: part.text.clone(),
        r#match: part.hit,
    };
    pb::SearchHit {
        message: Some(message(&hit.message)),
        snippet: hit.snippet.iter().map(part).collect(),
    }
}

/// The token of the page that lies before a place; empty if there is none.
pub fn place_token(next: Option<Offset>) -> String {
    next.map(|place| page_token(&place.number().to_string()))
        .unwrap_or_default()
}

/// The acknowledgement of a send.
pub fn sent(sent: &Sent) -> pb::SendResponse {
    pb::SendResponse {
        conversation_id: sent.conversation.to_string(),
        seq: sent.seq.number(),
        message_id: MessageId(sent.conversation, sent.seq).to_string(),
        sent_time: Some(time(sent.sent)),
        duplicate: sent.duplicate,
    }
}

/// A limit that fits the wire.
fn limit(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A number of users that fits the wire.
pub fn count(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The limits of this server.
pub fn limits(settings: &Settings) -> pb::Limits {
    let (rate, attempts) = (settings.sends, settings.attempts);
    pb::Limits {
        text_bytes_max: limit(limits::TEXT_BYTES_MAX),
        user_name_bytes_max: limit(limits::USER_NAME_BYTES_MAX),
        password_bytes_min: limit(limits::PASSWORD_BYTES_MIN),
        password_bytes_max: limit(limits::PASSWORD_BYTES_MAX),
        page_size_default: limit(limits::PAGE_SIZE_DEFAULT),
        page_size_max: limit(limits::PAGE_SIZE_MAX),
        request_bytes_max: limit(limits::REQUEST_BYTES_MAX),
        sends_per_second: rate.map_or(0, |rate| rate.per_second),
        sends_burst: rate.map_or(0, |rate| rate.burst),
        devices_per_user_max: limit(limits::DEVICES_PER_USER_MAX),
        replies_unread_max: limit(limits::REPLIES_UNREAD_MAX),
        response_bytes_max: limit(limits::RESPONSE_BYTES_MAX),
        streams_per_device_max: limit(limits::STREAMS_PER_DEVICE_MAX),
        tokens_per_user_max: limit(limits::TOKENS_PER_USER_MAX),
        failed_logins_per_minute: attempts.failed_logins,
        failed_logins_per_address_per_minute: attempts.failed_logins_per_address,
        registers_per_address_per_minute: attempts.registers_per_address,
        connections_per_address_max: limit(settings.connections.per_address),
        connections_max: limit(settings.connections.all),
        device_name_chars_max: limit(limits::DEVICE_NAME_CHARS_MAX),
        streams_per_connection_max: limits::STREAMS_PER_CONNECTION_MAX,
        open_request_bytes_max: limit(limits::OPEN_REQUEST_BYTES_MAX),
        page_bytes_max: limit(limits::PAGE_BYTES_MAX),
        frame_bytes_max: limit(limits::FRAME_BYTES_MAX),
        group_members_max: limit(limits::GROUP_MEMBERS_MAX),
        channel_members_max: limit(limits::CHANNEL_MEMBERS_MAX),
        group_name_chars_max: limit(limits::GROUP_NAME_CHARS_MAX),
        topic_chars_max: limit(limits::TOPIC_CHARS_MAX),
        emoji_bytes_max: limit(limits::EMOJI_BYTES_MAX),
        reactions_per_message_max: limit(limits::REACTIONS_PER_MESSAGE_MAX),
        mentions_per_message_max: limit(limits::MENTIONS_PER_MESSAGE_MAX),
        query_bytes_max: limit(limits::QUERY_BYTES_MAX),
        query_words_max: limit(limits::QUERY_WORDS_MAX),
        ephemeral_members_max: limit(limits::EPHEMERAL_MEMBERS_MAX),
        markers_members_max: limit(limits::MARKERS_SHOWN_MEMBERS_MAX),
        invite_links_per_conversation_max: limit(limits::INVITE_LINKS_PER_CONVERSATION_MAX),
        blocked_users_max: limit(limits::BLOCKED_USERS_MAX),
        file_bytes_max: settings.files.file,
        files_bytes_per_user_max: settings.files.per_user.unwrap_or_default(),
        attachments_per_message_max: limit(limits::ATTACHMENTS_PER_MESSAGE_MAX),
        uploads_per_user_max: limit(limits::UPLOADS_PER_USER_MAX),
        chunk_bytes_max: limit(limits::CHUNK_BYTES_MAX),
        streamed_chunk_bytes_max: limit(limits::STREAMED_CHUNK_BYTES_MAX),
        file_name_bytes_max: limit(limits::FILE_NAME_BYTES_MAX),
        thumbnail_bytes_max: u32::try_from(limits::THUMBNAIL_BYTES_MAX).unwrap_or(u32::MAX),
        upload_idle_seconds: u32::try_from(limits::UPLOAD_IDLE.as_secs()).unwrap_or(u32::MAX),
        transfers_per_user_max: limit(limits::TRANSFERS_PER_USER_MAX),
    }
}
