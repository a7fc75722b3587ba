//! Events as bytes: each is encoded once, as an element of the field `events` of a response, and what is joined from
//! such bytes is a response again.

use bytes::BytesMut;
use prost::encoding::message::encode as encode_field;

use super::response;
use crate::{
    domain::{
        conversation::ConversationView,
        cursor::{Cursor, CursorError},
        event::{
            Ephemeral, Event, EventBody, Gap, GoingAwayReason, MemberChange, MemberChanged,
            MessageDeleted, ReactionsChanged,
        },
        ids::{Epoch, UserId},
    },
    pb::{self, event::Body},
};

/// The field `events` of both streaming responses.
const EVENTS_FIELD: u32 = 1;
/// When a client should come back after the server stopped: most restarts take less.
const RESTART_SECONDS: i64 = 1;

/// Writes an event of the log behind what `buffer` holds.
pub fn put(event: &Event, epoch: Epoch, buffer: &mut BytesMut) {
    let body = match &event.body {
        EventBody::Message(message) => Body::Message(response::message(message)),
        EventBody::MessageEdited(message) => Body::MessageEdited(pb::MessageEdited {
            message: Some(response::message(message)),
        }),
        EventBody::MessageDeleted(deleted) => Body::MessageDeleted(message_deleted(deleted)),
        EventBody::ReactionsChanged(changed) => Body::ReactionChanged(reaction_changed(changed)),
        EventBody::MemberChanged(changed) => Body::MemberChanged(member_changed(changed)),
        EventBody::ConversationChanged(conversation) => {
            Body::ConversationChanged(pb::ConversationChanged {
                conversation: Some(response::shared_conversation(conversation)),
            })
        }
        EventBody::SettingsChanged(changed) => Body::SettingsChanged(pb::SettingsChanged {
            conversation_id: changed.conversation.to_string(),
            marked_unread: changed.settings.marked_unread,
            notify: Some(response::notify(changed.settings.notify)),
        }),
        EventBody::BlocksChanged(users) => Body::BlocksChanged(pb::BlocksChanged {
            users: users.iter().map(response::user_ref).collect(),
        }),
        EventBody::ReadMarker(marker) => Body::ReadMarker(pb::ReadMarker {
            conversation_id: marker.conversation.to_string(),
            user_id: marker.user.to_string(),
            read_seq: marker.read_seq.number(),
        }),
    };
    let cursor = Cursor {
        epoch,
        offset: event.offset,
    }
    .to_string();
    encode_field(
        EVENTS_FIELD,
        &pb::Event {
            cursor,
            body: Some(body),
        },
        buffer,
    );
}

fn message_deleted(deleted: &MessageDeleted) -> pb::MessageDeleted {
    pb::MessageDeleted {
        conversation_id: deleted.conversation.to_string(),
        seq: deleted.seq.number(),
        revision: deleted.revision,
        deleted_by: Some(response::user_ref(&deleted.by)),
    }
}

fn reaction_changed(changed: &ReactionsChanged) -> pb::ReactionChanged {
    let act = changed.act.as_ref();
    pb::ReactionChanged {
        conversation_id: changed.conversation.to_string(),
        seq: changed.seq.number(),
        reactions: changed.reactions.iter().map(response::reaction).collect(),
        user: act.map(|act| response::user_ref(&act.user)),
        emoji: act
            .map(|act| act.emoji.as_str().to_owned())
            .unwrap_or_default(),
        added: act.is_some_and(|act| act.added),
    }
}

fn member_changed(changed: &MemberChanged) -> pb::MemberChanged {
    let (change, role) = match changed.change {
        MemberChange::Added(role) => (pb::MemberChange::Added, Some(role)),
        MemberChange::Joined(role) => (pb::MemberChange::Joined, Some(role)),
        MemberChange::Left => (pb::MemberChange::Left, None),
        MemberChange::Removed => (pb::MemberChange::Removed, None),
        MemberChange::Banned => (pb::MemberChange::Banned, None),
        MemberChange::Role(role) => (pb::MemberChange::Role, Some(role)),
    };
    pb::MemberChanged {
        conversation_id: changed.conversation.to_string(),
        user: Some(response::user_ref(&changed.user)),
        change: change.into(),
        role: role.map_or(pb::Role::Unspecified, response::role).into(),
        by: Some(response::user_ref(&changed.by)),
        members_count: response::count(changed.members_count),
    }
}

/// Writes an event that nobody resumes from.
fn put_bare(body: Body, buffer: &mut BytesMut) {
    encode_field(
        EVENTS_FIELD,
        &pb::Event {
            cursor: String::new(),
            body: Some(body),
        },
        buffer,
    );
}

/// Writes what is never stored.
pub fn put_ephemeral(event: &Ephemeral, buffer: &mut BytesMut) {
    let body = match event {
        Ephemeral::Presence(user, presence) => Body::Presence(pb::PresenceChanged {
            user_id: user.to_string(),
            presence: response::presence(*presence).into(),
        }),
        Ephemeral::Typing(conversation, user, typing) => Body::Typing(pb::Typing {
            conversation_id: conversation.to_string(),
            user: Some(response::user_ref(user)),
            typing: *typing,
        }),
        Ephemeral::Delivered(conversation, user, seq) => Body::Delivered(pb::DeliveredMarker {
            conversation_id: conversation.to_string(),
            user_id: user.to_string(),
            delivered_seq: seq.number(),
        }),
    };
    put_bare(body, buffer);
}

/// Writes the first event of a stream.
pub fn put_welcome(welcome: pb::Welcome, buffer: &mut BytesMut) {
    put_bare(Body::Welcome(welcome), buffer);
}

/// Writes that the cursor was of no use.
pub fn put_reset(error: CursorError, buffer: &mut BytesMut) {
    let reason = match error {
        CursorError::Undecodable => pb::ResetReason::CursorUndecodable,
        CursorError::EpochUnknown => pb::ResetReason::EpochUnknown,
        CursorError::BeyondEnd => pb::ResetReason::BeyondEnd,
    };
    put_bare(
        Body::Reset(pb::Reset {
            reason: reason.into(),
        }),
        buffer,
    );
}

/// Writes the state of a conversation, for a first sync.
pub fn put_state(view: &ConversationView, user: UserId, buffer: &mut BytesMut) {
    let conversation = Some(response::conversation(view, user));
    put_bare(
        Body::ConversationChanged(pb::ConversationChanged { conversation }),
        buffer,
    );
}

/// Writes that messages were left out.
pub fn put_gap(gap: &Gap, buffer: &mut BytesMut) {
    let gap = pb::Gap {
        conversation_id: gap.conversation.to_string(),
        from_seq: gap.from_seq.number(),
        to_seq: gap.to_seq.number(),
    };
    put_bare(Body::Gap(gap), buffer);
}

/// Writes that everything up to the cursor has been sent.
pub fn put_caught_up(cursor: Cursor, buffer: &mut BytesMut) {
    let event = pb::Event {
        cursor: cursor.to_string(),
        body: Some(Body::CaughtUp(pb::CaughtUp {})),
    };
    encode_field(EVENTS_FIELD, &event, buffer);
}

/// Writes that the stream ends.
pub fn put_going_away(reason: GoingAwayReason, buffer: &mut BytesMut) {
    let (reason, seconds) = match reason {
        GoingAwayReason::Shutdown => (pb::GoingAwayReason::Shutdown, Some(RESTART_SECONDS)),
        GoingAwayReason::Replaced => (pb::GoingAwayReason::Replaced, None),
        GoingAwayReason::ConnectionAge => (pb::GoingAwayReason::ConnectionAge, Some(0)),
    };
    let going_away = pb::GoingAway {
        reason: reason.into(),
        retry_after: seconds.map(|seconds| prost_types::Duration { seconds, nanos: 0 }),
    };
    put_bare(Body::GoingAway(going_away), buffer);
}
