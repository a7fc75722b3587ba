//! What a device knows: a copy of its conversations, made of the events of its streams and of nothing else, by the rules
//! that readers are told. Of two states of a message the higher revision is the newer; of everything else the last one
//! wins.

use std::collections::BTreeMap;

use tinychat::pb::{
    Conversation, Event, MemberChange, MemberChanged, Message, Reaction, ReactionChanged,
    event::Body,
};

/// A device.
#[derive(Clone, Debug, Default)]
pub struct Device {
    /// The name of its user.
    pub user: String,
    /// The conversations that its user is in, by id.
    pub rooms: BTreeMap<String, Room>,
    /// A new stream goes on after this.
    pub cursor: Option<String>,
    /// Whether the stream has said that it has caught up.
    pub caught_up: bool,
    /// How often it was told that its stream ends.
    pub going_away: usize,
    /// What must not happen at all.
    pub odd: Vec<String>,
    user_id: String,
}

/// A conversation as a device knows it.
#[derive(Clone, Debug, Default)]
pub struct Room {
    /// Its last state, if one was told.
    pub state: Option<Conversation>,
    /// How many members it was last said to have.
    pub members_count: u32,
    /// The highest marker of the device's user.
    pub read_seq: u64,
    /// Its messages since the user became a member (of a first sync: those that were not read).
    pub messages: BTreeMap<u64, Message>,
}

impl Device {
    /// One that knows nothing.
    pub fn new(user: &str) -> Self {
        Self {
            user: user.to_owned(),
            ..Self::default()
        }
    }

    /// Before another stream is opened.
    pub fn goes_on(&mut self) -> Option<String> {
        self.caught_up = false;
        self.cursor.clone()
    }

    /// How many messages of others it has not read.
    pub fn unread(&self, conversation: &str) -> u64 {
        let Some(room) = self.rooms.get(conversation) else {
            return 0;
        };
        let after = room.messages.range(room.read_seq + 1..);
        let others = after.filter(|(_, message)| sender_of(message) != self.user);
        others.count() as u64
    }

    /// Takes an event.
    pub fn take(&mut self, event: Event) {
        if !event.cursor.is_empty() {
            self.cursor = Some(event.cursor);
        }
        match event.body.expect("an event without a body") {
            Body::Welcome(welcome) => self.user_id = welcome.user.unwrap_or_default().id,
            Body::Message(message) => self.message(message),
            Body::MessageEdited(edited) => self.edited(edited.message.unwrap_or_default()),
            Body::MessageDeleted(it) => {
                if let Some(held) = self.held(&it.conversation_id, it.seq)
                    && it.revision >= held.revision
                {
                    held.revision = it.revision;
                    held.deleted = true;
                    held.content = None;
                    held.reactions.clear();
                }
            }
            Body::ReactionChanged(changed) => self.reacted(changed),
            Body::ConversationChanged(changed) => {
                let state = changed.conversation.unwrap_or_default();
                let room = self.rooms.entry(state.id.clone()).or_default();
                room.read_seq = room.read_seq.max(state.read_seq);
                room.members_count = state.members_count;
                room.state = Some(state);
            }
            Body::MemberChanged(changed) => self.member(&changed),
            Body::ReadMarker(marker) => {
                if marker.user_id == self.user_id {
                    let room = self.rooms.entry(marker.conversation_id).or_default();
                    room.read_seq = room.read_seq.max(marker.read_seq);
                }
            }
            Body::CaughtUp(_) => self.caught_up = true,
            Body::GoingAway(_) => self.going_away += 1,
            // No test of these sets anything.
            odd @ (Body::Reset(_)
            | Body::Gap(_)
            | Body::SettingsChanged(_)
            | Body::Presence(_)
            | Body::Typing(_)
            | Body::BlocksChanged(_)
            | Body::Delivered(_)) => self.odd.push(format!("{odd:?}")),
        }
    }

    fn held(&mut self, conversation: &str, seq: u64) -> Option<&mut Message> {
        let room = self.rooms.get_mut(conversation)?;
        room.messages.get_mut(&seq)
    }

    fn message(&mut self, message: Message) {
        let room = self
            .rooms
            .entry(message.conversation_id.clone())
            .or_default();
        if let Some((last, _)) = room.messages.last_key_value()
            && *last >= message.seq
        {
            self.odd.push(format!("after seq {last}: {message:?}"));
            return;
        }
        room.messages.insert(message.seq, message);
    }

    fn edited(&mut self, edited: Message) {
        // One that was said before the user came is not held.
        let Some(held) = self.held(&edited.conversation_id, edited.seq) else {
            return;
        };
        // A replay shows a message as it is now; an edit from before the deletion may still follow, and is known by its
        // revision to be older.
        if held.deleted && !edited.deleted && edited.revision >= held.revision {
            let odd = format!("after its deletion: {edited:?}");
            self.odd.push(odd);
        } else if edited.revision >= held.revision {
            let reactions = std::mem::take(&mut held.reactions);
            *held = Message {
                reactions,
                ..edited
            };
        }
    }

    fn reacted(&mut self, changed: ReactionChanged) {
        let user = self.user.clone();
        let Some(held) = self.held(&changed.conversation_id, changed.seq) else {
            return;
        };
        let before = std::mem::take(&mut held.reactions);
        held.reactions = match changed.user {
            // Replayed: whole, and as this user sees it.
            None => changed.reactions,
            Some(by) => {
                let mine = |emoji: &str| match by.name == user && changed.emoji == emoji {
                    true => changed.added,
                    false => before.iter().any(|it| it.emoji == emoji && it.mine),
                };
                let seen = changed.reactions.iter().map(|it| Reaction {
                    mine: mine(&it.emoji),
                    ..it.clone()
                });
                seen.collect()
            }
        };
    }

    fn member(&mut self, changed: &MemberChanged) {
        let id = &changed.conversation_id;
        let is_me = changed.user.as_ref().is_some_and(|it| it.name == self.user);
        match changed.change() {
            // What it held before its user came again is not kept up meanwhile.
            MemberChange::Added | MemberChange::Joined if is_me => {
                let room = self.rooms.entry(id.clone()).or_default();
                room.messages.clear();
                room.read_seq = 0;
            }
            MemberChange::Left | MemberChange::Removed | MemberChange::Banned if is_me => {
                self.rooms.remove(id);
            }
            _ => {}
        }
        if let Some(room) = self.rooms.get_mut(id) {
            room.members_count = changed.members_count;
        }
    }
}

/// Who sent a message.
pub fn sender_of(message: &Message) -> &str {
    message.sender.as_ref().map_or("", |sender| &sender.name)
}
