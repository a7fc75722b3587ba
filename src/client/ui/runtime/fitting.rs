//! How much of what the server sent is kept on this machine: what an honest server sends is kept as it came, of anything
//! else no more than the screen would show. Pure.
//!
//! Promises that what comes out is bounded, in bytes and in parts, whatever goes in. Knows nothing of what it means.

use prost::Message as _;

use crate::{
    domain::limits::{
        BLOCKED_USERS_MAX, EMOJI_BYTES_MAX, REACTIONS_PER_MESSAGE_MAX, TEXT_BYTES_MAX,
        TOPIC_CHARS_MAX,
    },
    pb,
};

use super::super::translate::{MENTIONS_MAX, NAME_CHARS_MAX, REACTIONS_MAX};

/// The longest id of a conversation or user that is kept, in bytes.
const ID_BYTES_MAX: usize = 256;
/// The longest cursor, and the longest name of a store. Those of a server have some 30 bytes.
const CURSOR_BYTES_MAX: usize = 1024;
/// The largest message that is kept: the longest text and all that an honest server puts beside it.
const MESSAGE_BYTES_MAX: usize = 2 * TEXT_BYTES_MAX;
/// Members that the state of a conversation names: those of a DIRECT one.
const MEMBERS_MAX: usize = 2;

/// Whether this can be the id of a conversation or user.
pub(super) fn is_id(id: &str) -> bool {
    (1..=ID_BYTES_MAX).contains(&id.len())
}

/// Whether this can be a cursor, or the name of a store.
pub(super) fn is_mark(mark: &str) -> bool {
    (1..=CURSOR_BYTES_MAX).contains(&mark.len())
}

/// Returns a message as it is kept; `None`: it is none that is kept.
pub(super) fn message(message: &pb::Message) -> Option<pb::Message> {
    let is_bounded = is_id(&message.conversation_id)
        && message.mentions.len() <= MENTIONS_MAX
        && message.reactions.len() <= REACTIONS_MAX
        && message.encoded_len() <= MESSAGE_BYTES_MAX;
    is_bounded.then(|| message.clone())
}

/// Returns the state of a conversation as it is kept.
pub(super) fn conversation(state: &pb::Conversation) -> pb::Conversation {
    let members = state.members.iter().take(MEMBERS_MAX).map(user);
    pb::Conversation {
        id: state.id.clone(),
        name: start(&state.name, NAME_CHARS_MAX),
        topic: start(&state.topic, TOPIC_CHARS_MAX),
        members: members.collect(),
        last_message: state.last_message.as_ref().and_then(message),
        kind: state.kind,
        members_count: state.members_count,
        my_role: state.my_role,
        last_seq: state.last_seq,
        read_seq: state.read_seq,
        unread: state.unread,
        mentions: state.mentions,
        history_access: state.history_access,
        marked_unread: state.marked_unread,
        notify: state.notify,
    }
}

/// Returns reactions as they are kept.
pub(super) fn reactions(changed: &pb::ReactionChanged) -> pb::ReactionChanged {
    let all = changed.reactions.iter().take(3 * REACTIONS_PER_MESSAGE_MAX);
    let all = all.map(|it| pb::Reaction {
        emoji: start(&it.emoji, EMOJI_BYTES_MAX),
        ..*it
    });
    pb::ReactionChanged {
        conversation_id: changed.conversation_id.clone(),
        seq: changed.seq,
        user: changed.user.as_ref().map(user),
        emoji: start(&changed.emoji, EMOJI_BYTES_MAX),
        added: changed.added,
        reactions: all.collect(),
    }
}

/// Returns the users that are blocked.
pub(super) fn blocked(users: &[pb::UserRef]) -> Vec<pb::UserRef> {
    users.iter().take(2 * BLOCKED_USERS_MAX).map(user).collect()
}

fn user(user: &pb::UserRef) -> pb::UserRef {
    pb::UserRef {
        id: start(&user.id, ID_BYTES_MAX),
        name: start(&user.name, NAME_CHARS_MAX),
    }
}

fn start(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((at, _)) => text.get(..at).unwrap_or_default().to_owned(),
        None => text.to_owned(),
    }
}
