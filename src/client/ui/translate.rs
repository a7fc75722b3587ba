//! From the wire and the cache to the words of the UI: everything foreign becomes `Untrusted` here, once.
//!
//! Promises: no event, however it was filled in, panics or is taken for something else; ids, numbers and lengths that no
//! honest server gives go no further, so that the model may reckon with what it gets. What events to all members leave
//! out is said to be left out, and never taken for nothing. Knows nothing of what is shown, and decides nothing.

use std::mem;

use crate::{
    client::{
        app::{
            acts::MemberLine,
            room::Kind,
            untrusted::Untrusted,
            written::{self, Written},
        },
        cache, translate,
    },
    domain::{
        clock::TimeMs,
        limits::{
            EMOJI_BYTES_MAX, GROUP_NAME_CHARS_MAX, MENTIONS_PER_MESSAGE_MAX,
            REACTIONS_PER_MESSAGE_MAX, TEXT_BYTES_MAX, TOPIC_CHARS_MAX,
        },
        name::UserName,
    },
    pb::{self, event::Body},
};

use super::{
    model::{
        chat::ChatId,
        markers::Marker,
        message::{Change, Deed, Message, Reaction},
        tally::Counts,
        window::{Ask, Ends, Page},
    },
    news::{ChatState, FirstPaint, News},
};

/// The longest id that is taken, in bytes.
const ID_BYTES_MAX: usize = 256;
/// The highest number of a message, and the highest count: those of a store fit 63 bits.
const NUMBER_MAX: u64 = i64::MAX.cast_unsigned();
/// Characters of a name that are kept. The longest are those of groups; one more shows that there was more, and is far
/// past what makes the name of another user.
pub(super) const NAME_CHARS_MAX: usize = GROUP_NAME_CHARS_MAX + 1;
/// Characters of a text that are kept: more than an honest server takes.
const TEXT_CHARS_MAX: usize = 4 * TEXT_BYTES_MAX;
/// Names that one message is taken to mention: more than an honest server finds.
pub(super) const MENTIONS_MAX: usize = 4 * MENTIONS_PER_MESSAGE_MAX;
/// Reactions of one message that are taken: more than an honest server allows.
pub(super) const REACTIONS_MAX: usize = 3 * REACTIONS_PER_MESSAGE_MAX;

/// Returns what an event means to this user, whose id is known or not yet. `None`: nothing.
pub fn event(event: pb::Event, me: &UserName, my_id: Option<&str>) -> Option<News> {
    match event.body? {
        Body::Welcome(welcome) => Some(News::Connected {
            my_id: welcome.user.map(|user| user.id).filter(|id| is_id(id)),
        }),
        Body::CaughtUp(_) => Some(News::CaughtUp),
        Body::Reset(_) => Some(News::Reset),
        Body::Gap(gap) => left_out(&gap),
        Body::ConversationChanged(changed) => {
            let state = state(changed.conversation?, me);
            is_id(&state.room.id).then(|| News::Chat(Box::new(state)))
        }
        Body::Message(it) => Some(News::Message {
            chat: chat(&it.conversation_id)?,
            sender_id: it.sender.as_ref().map(|it| id(&it.id)).unwrap_or_default(),
            message: Box::new(numbered(it)?),
        }),
        Body::MessageEdited(edited) => {
            let edited = edited.message?;
            let chat = chat(&edited.conversation_id)?;
            let change = Change::Edited(Box::new(numbered(edited)?));
            Some(News::Changed { chat, change })
        }
        Body::MessageDeleted(deleted) => Some(News::Changed {
            chat: chat(&deleted.conversation_id)?,
            change: Change::Deleted {
                seq: seq(deleted.seq)?,
                revision: deleted.revision,
            },
        }),
        Body::ReactionChanged(changed) => Some(News::Changed {
            chat: chat(&changed.conversation_id)?,
            change: reacted(changed, me, my_id)?,
        }),
        Body::MemberChanged(changed) => member_changed(changed),
        Body::ReadMarker(it) => reached(&it.conversation_id, &it.user_id, 0, it.read_seq),
        Body::Delivered(it) => reached(&it.conversation_id, &it.user_id, it.delivered_seq, 0),
        Body::SettingsChanged(changed) => Some(News::Settings {
            chat: chat(&changed.conversation_id)?,
            settings: translate::settings(changed.marked_unread, changed.notify),
        }),
        Body::BlocksChanged(changed) => Some(News::Blocks(translate::blocked(changed.users))),
        Body::Presence(changed) => Some(News::Presence {
            presence: translate::presence_of(changed.presence()),
            user_id: Some(changed.user_id).filter(|id| is_id(id))?,
            // Events name the user by the id alone.
            user: Untrusted::default(),
        }),
        Body::Typing(typing) => Some(News::Typing {
            chat: chat(&typing.conversation_id)?,
            user: Some(name(typing.user)).filter(|user| !user.is_empty())?,
            is_typing: typing.typing,
        }),
        // The link sees to it.
        Body::GoingAway(_) => None,
    }
}

/// Returns a message.
pub fn message(mut message: pb::Message) -> Message {
    let (revision, is_deleted) = (message.revision, message.deleted);
    let client_id = message.client_message_id.parse().ok();
    let reactions = reactions(mem::take(&mut message.reactions));
    message.mentions.truncate(MENTIONS_MAX);
    let line = translate::message(message);
    let mut mentions = line.mentions;
    if is_deleted {
        mentions.clear();
    }
    Message {
        seq: line.seq,
        revision,
        sender: short(line.sender),
        time: line.time,
        text: line.text.map(|text| text.cut(TEXT_CHARS_MAX)),
        files: line.files,
        client_id,
        reply_to: seq(line.reply_to).unwrap_or(0),
        reactions,
        mentions: mentions.into_iter().map(short).collect(),
        mentions_all: line.mentions_all && !is_deleted,
    }
}

/// Returns the state of a conversation. Its id is empty if it cannot be one.
pub fn state(conversation: pb::Conversation, me: &UserName) -> ChatState {
    // What is of one user only goes together: all of it is there, or none.
    let is_own = conversation.notify.is_some();
    let counts = Counts {
        last_seq: number(conversation.last_seq),
        read_seq: number(conversation.read_seq),
        unread: number(conversation.unread),
        mentions: number(conversation.mentions),
    };
    let newest = conversation.last_message.as_ref();
    let my_role = translate::role_of(conversation.my_role());
    let said = newest.and_then(|message| moment(message.sent_time));
    let others = conversation.members.iter().take(2);
    let others = others.filter(|it| it.name != me.as_str() && is_id(&it.id));
    let people: Vec<_> = others.map(person).collect();
    let mut room = translate::room(conversation, me);
    room.id = id(&room.id);
    room.name = short(room.name);
    room.topic = room.topic.cut(TOPIC_CHARS_MAX);
    ChatState {
        people: match room.kind {
            Kind::Direct => people,
            Kind::Group | Kind::Channel => Vec::new(),
        },
        room,
        my_role,
        counts: is_own.then_some(counts),
        said,
    }
}

/// Returns a page of messages in their order; without `ends` it comes from the cache.
pub fn page(ask: Ask, messages: Vec<pb::Message>, ends: Option<Ends>) -> Page {
    let mut messages: Vec<Message> = messages.into_iter().filter_map(numbered).collect();
    messages.sort_by_key(|message| message.seq);
    let ends = ends.map(|ends| Ends {
        floor: number(ends.floor),
        last_seq: number(ends.last_seq),
    });
    Page {
        ask,
        messages,
        ends,
    }
}

/// Returns what the cache had.
pub fn first_paint(paint: cache::FirstPaint, me: &UserName) -> News {
    let states = paint.chats.into_iter().map(|it| ChatState {
        // The newest message is not kept with the state: when it came is.
        said: activity(it.last_activity),
        ..state(it.state, me)
    });
    let front = paint.front.and_then(|(id, page)| {
        let page = self::page(Ask::Newest, page.messages, None);
        Some((chat(&id)?, page))
    });
    let drafts = paint.drafts.into_iter();
    News::FirstPaint(Box::new(FirstPaint {
        states: states.filter(|it| is_id(&it.room.id)).collect(),
        front,
        drafts: drafts
            .filter_map(|(id, text)| Some((chat(&id)?, text)))
            .collect(),
        written: begun(&paint.written),
        blocked: translate::blocked(paint.blocked),
    }))
}

/// What was begun, as a cache has it; what is none is left out.
fn begun(written: &str) -> Vec<Written> {
    let read = serde_json::from_str(written).ok();
    read.map(|read| written::from_json(&read))
        .unwrap_or_default()
}

/// Returns a member with its id; that is empty if it cannot be one.
pub fn member(member: pb::Member) -> (String, MemberLine) {
    let user = member.user.as_ref();
    let id = user.map(|user| id(&user.id)).unwrap_or_default();
    let line = translate::member(member);
    let name = short(line.name);
    (id, MemberLine { name, ..line })
}

/// Returns one of the two of a DIRECT conversation as a member.
pub fn direct_member(user: &pb::UserRef) -> (String, MemberLine) {
    let (id, name) = person(user);
    (id, MemberLine { name, role: None })
}

/// Returns how far a member has come, with its id and name; the id is empty if it cannot be one.
pub fn marker(marker: pb::Marker) -> (String, Untrusted, Marker) {
    let (id, name) = person(&marker.user.unwrap_or_default());
    let reached = Marker {
        delivered: number(marker.delivered_seq),
        read: number(marker.read_seq),
    };
    (id, name, reached)
}

/// A message, if it has a number.
fn numbered(message: pb::Message) -> Option<Message> {
    seq(message.seq)?;
    Some(self::message(message))
}

fn left_out(gap: &pb::Gap) -> Option<News> {
    let (from, to) = (gap.from_seq.max(1), number(gap.to_seq));
    let chat = chat(&gap.conversation_id)?;
    (from <= to).then_some(News::Gap { chat, from, to })
}

fn reactions(reactions: Vec<pb::Reaction>) -> Vec<Reaction> {
    let reactions = reactions.into_iter().take(REACTIONS_MAX);
    let reactions = reactions.map(|it| Reaction {
        emoji: emoji(it.emoji),
        count: it.count,
        is_mine: it.mine,
    });
    reactions.collect()
}

fn reacted(changed: pb::ReactionChanged, me: &UserName, my_id: Option<&str>) -> Option<Change> {
    let (emoji, is_added) = (emoji(changed.emoji), changed.added);
    let deed = changed.user.map(|user| Deed {
        is_mine: match my_id {
            Some(my_id) if !user.id.is_empty() => user.id == my_id,
            _ => user.name == me.as_str(),
        },
        emoji,
        is_added,
    });
    Some(Change::Reacted {
        seq: seq(changed.seq)?,
        reactions: reactions(changed.reactions),
        deed,
    })
}

fn member_changed(changed: pb::MemberChanged) -> Option<News> {
    let change = translate::member_change(&changed)?;
    let (user_id, user) = person(&changed.user.unwrap_or_default());
    Some(News::Member {
        chat: chat(&changed.conversation_id)?,
        user_id,
        user,
        change,
        by: name(changed.by),
        members_count: changed.members_count,
    })
}

fn reached(conversation: &str, user_id: &str, delivered: u64, read: u64) -> Option<News> {
    let (delivered, read) = (number(delivered), number(read));
    Some(News::Marker {
        chat: chat(conversation)?,
        user_id: is_id(user_id).then(|| user_id.to_owned())?,
        marker: Marker { delivered, read },
    })
}

fn person(user: &pb::UserRef) -> (String, Untrusted) {
    (id(&user.id), short(user.name.as_str().into()))
}

fn name(user: Option<pb::UserRef>) -> Untrusted {
    short(translate::name(user))
}

fn short(name: Untrusted) -> Untrusted {
    name.cut(NAME_CHARS_MAX)
}

fn emoji(emoji: String) -> Untrusted {
    Untrusted::from(emoji).cut(EMOJI_BYTES_MAX)
}

/// A moment, if it was said and can be.
fn moment(time: Option<prost_types::Timestamp>) -> Option<TimeMs> {
    let time = translate::time(Some(time?));
    (time != TimeMs::new(i64::MAX)).then_some(time)
}

/// When something was said last, by the cache: 0 if that is not known.
fn activity(milliseconds: u64) -> Option<TimeMs> {
    let time = i64::try_from(milliseconds).ok();
    time.filter(|time| *time > 0).map(TimeMs::new)
}

fn number(number: u64) -> u64 {
    number.min(NUMBER_MAX)
}

/// The number of a message, if it can be one.
fn seq(seq: u64) -> Option<u64> {
    (1..=NUMBER_MAX).contains(&seq).then_some(seq)
}

fn chat(id: &str) -> Option<ChatId> {
    is_id(id).then(|| ChatId::from(id))
}

/// An id, or nothing if it cannot be one.
fn id(id: &str) -> String {
    let id = Some(id).filter(|id| is_id(id));
    id.unwrap_or_default().to_owned()
}

fn is_id(id: &str) -> bool {
    (1..=ID_BYTES_MAX).contains(&id.len())
}

#[cfg(test)]
#[path = "translate_tests.rs"]
mod tests;
