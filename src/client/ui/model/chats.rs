//! All conversations: which is in front, in what order they stand at the side, and which comes next.
//!
//! Promises: what is looked at is in front of the counts that are shown; the order is the same for the same state; the
//! messages in memory are bounded over all of them. Which names match a filter is another's business: this gives the names.

use std::collections::BTreeMap;

use super::{
    chat::{Chat, ChatId},
    message::Message,
    window,
};
use crate::{
    client::app::{
        blocked::Blocked,
        room::{Kind, Place, Room},
    },
    domain::{clock::TimeMs, conversation::NotifyLevel, name::UserName},
};

/// Conversations that are kept; past it no further ones are. No honest server comes near.
const CHATS_MAX: usize = 10_000;
/// The longest id of one that is kept.
const ID_BYTES_MAX: usize = 256;
/// Messages in memory over all conversations. At some 300 bytes each 15 MB.
const MESSAGES_MAX: usize = 50_000;
/// Messages that a conversation keeps that is not in front, once there are too many over all: two screens.
const ASIDE_MESSAGES_MAX: usize = 100;

/// How conversations are ordered within their sections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// What calls, what is unread, then the rest; each the newest first.
    #[default]
    UnreadFirst,
    /// The newest first.
    Recent,
}

/// How pressing a conversation is, the most pressing first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Somebody means this user.
    Called,
    /// There is something unread.
    Unread,
    /// Nothing, or it is muted.
    Calm,
}

/// When something was said last: by the server's clock, and by the order in which it came where that is the same.
type Activity = (TimeMs, u64);

/// See the head of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chats {
    all: BTreeMap<ChatId, Chat>,
    activity: BTreeMap<ChatId, Activity>,
    newest: TimeMs,
    arrivals: u64,
    front: Option<ChatId>,
    /// How they are ordered.
    pub order: Order,
}

impl Chats {
    /// Takes in the state of a conversation; `None` if it cannot be kept. `said` tells when something was said last there.
    pub fn learn(&mut self, room: Room, said: Option<TimeMs>) -> Option<&mut Chat> {
        let id = ChatId::from(room.id.as_str());
        let is_new = !self.all.contains_key(&id);
        if room.id.len() > ID_BYTES_MAX || is_new && self.all.len() >= CHATS_MAX {
            return None;
        }
        if is_new || said.is_some() {
            let time = said.unwrap_or(self.newest);
            self.arrivals += u64::from(said.is_none());
            let known = self.activity.get(&id).copied();
            let new = Some((time, self.arrivals));
            self.activity
                .extend(known.max(new).map(|activity| (id.clone(), activity)));
            self.newest = self.newest.max(time);
        }
        let chat = self
            .all
            .entry(id)
            .or_insert_with(|| Chat::new(room.clone()));
        chat.set_room(room);
        Some(chat)
    }

    /// Takes in a message of an event; returns whether it is new. That of an unknown conversation is not.
    pub fn take_message(
        &mut self,
        id: &ChatId,
        message: Message,
        me: &UserName,
        blocked: &Blocked,
    ) -> bool {
        let Some(chat) = self.all.get_mut(id) else {
            return false;
        };
        let time = message.time;
        let is_new = chat.take_message(message, me, blocked);
        if is_new {
            chat.trim(window::MESSAGES_MAX);
            // The clock of the server may go back; what is new stands above what was there all the same.
            self.newest = self.newest.max(time);
            self.arrivals += 1;
            let activity = (self.newest, self.arrivals);
            self.activity.insert(id.clone(), activity);
        }
        is_new
    }

    /// This user is no member any more.
    pub fn forget(&mut self, id: &ChatId) -> Option<Chat> {
        if self.front.as_ref() == Some(id) {
            self.front = None;
        }
        self.activity.remove(id);
        self.all.remove(id)
    }

    /// The store is another one.
    pub fn clear(&mut self) {
        *self = Self {
            order: self.order,
            ..Self::default()
        };
    }

    /// A conversation.
    pub fn get(&self, id: &ChatId) -> Option<&Chat> {
        self.all.get(id)
    }

    /// A conversation, to be changed.
    pub fn get_mut(&mut self, id: &ChatId) -> Option<&mut Chat> {
        self.all.get_mut(id)
    }

    /// The conversation at a place that was named.
    pub fn at(&self, place: &Place) -> Option<&Chat> {
        let is_it = |chat: &&Chat| chat.room.place().as_ref() == Some(place);
        self.all.values().find(is_it)
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Chat> {
        self.all.values()
    }

    /// All of them, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Chat> {
        self.all.values_mut()
    }

    /// The one in front.
    pub fn front(&self) -> Option<&Chat> {
        self.all.get(self.front.as_ref()?)
    }

    /// The one in front, to be changed.
    pub fn front_mut(&mut self) -> Option<&mut Chat> {
        self.all.get_mut(self.front.as_ref()?)
    }

    /// Brings one to the front, or none; returns whether another is there now.
    pub fn set_front(&mut self, id: Option<ChatId>) -> bool {
        let id = id.filter(|id| self.all.contains_key(id));
        if id == self.front {
            return false;
        }
        if let Some(old) = self.front_mut() {
            old.close();
        }
        self.front = id;
        if let Some(new) = self.front_mut() {
            new.open();
        }
        self.trim();
        true
    }

    /// Forgets messages of those that were quiet longest, once there are too many over all.
    pub fn trim(&mut self) {
        let mut count: usize = self.all.values().map(|chat| chat.window.len()).sum();
        if count <= MESSAGES_MAX {
            return;
        }
        let mut ids: Vec<ChatId> = self.all.keys().cloned().collect();
        ids.sort_by_key(|id| self.activity.get(id).copied());
        for id in ids {
            let is_front = self.front.as_ref() == Some(&id);
            if let Some(chat) = self.all.get_mut(&id).filter(|_| !is_front) {
                let before = chat.window.len();
                chat.trim(ASIDE_MESSAGES_MAX);
                count -= before - chat.window.len();
            }
            if count <= MESSAGES_MAX {
                return;
            }
        }
    }

    /// How pressing one is at a time.
    pub fn urgency(chat: &Chat, now: TimeMs) -> Urgency {
        let counts = chat.counts();
        let notify = chat.notify_at(now);
        let is_direct = chat.room.kind == Kind::Direct;
        match notify {
            NotifyLevel::None => Urgency::Calm,
            _ if counts.mentions > 0 => Urgency::Called,
            NotifyLevel::All if counts.unread > 0 && is_direct => Urgency::Called,
            _ if chat.is_unread() => Urgency::Unread,
            _ => Urgency::Calm,
        }
    }

    /// The conversations of one section in their order.
    pub fn section(&self, kind: Kind, now: TimeMs) -> Vec<&Chat> {
        let mut section: Vec<&Chat> = self
            .all
            .values()
            .filter(|it| it.room.kind == kind)
            .collect();
        section.sort_by_cached_key(|chat| {
            let urgency = match self.order {
                Order::UnreadFirst => Self::urgency(chat, now),
                Order::Recent => Urgency::Calm,
            };
            let activity = self.activity.get(chat.id()).copied();
            (urgency, std::cmp::Reverse(activity), chat.room.name.clone())
        });
        section
    }

    /// All of them as they stand at the side: direct ones, groups, channels.
    pub fn ordered(&self, now: TimeMs) -> Vec<&Chat> {
        let kinds = [Kind::Direct, Kind::Group, Kind::Channel];
        let sections = kinds.into_iter().map(|kind| self.section(kind, now));
        sections.flatten().collect()
    }

    /// What the switcher looks through: each conversation with its name, the last used first.
    pub fn names(&self) -> Vec<(ChatId, String)> {
        let mut all: Vec<&Chat> = self.all.values().collect();
        all.sort_by_key(|chat| std::cmp::Reverse(self.activity.get(chat.id()).copied()));
        let name = |chat: &Chat| (chat.id().clone(), chat.room.label());
        all.into_iter().map(name).collect()
    }

    /// The one below or above the one in front, around the ends.
    pub fn neighbour(&self, is_next: bool, now: TimeMs) -> Option<ChatId> {
        let ordered = self.ordered(now);
        let count = ordered.len();
        let at = self.front_place(&ordered);
        let place = match (at, is_next) {
            (None, true) => 0,
            (None, false) => count.checked_sub(1)?,
            (Some(at), true) => (at + 1) % count,
            (Some(at), false) => (at + count - 1) % count,
        };
        ordered.get(place).map(|chat| chat.id().clone())
    }

    /// The next one with something unread behind the one in front, around the end; muted ones come last.
    pub fn next_unread(&self, now: TimeMs) -> Option<ChatId> {
        let ordered = self.ordered(now);
        let at = self.front_place(&ordered);
        let from = at.map_or(0, |at| at + 1);
        let behind = ordered.iter().skip(from);
        let around = behind.chain(ordered.iter().take(at.unwrap_or(0)));
        let unread: Vec<&&Chat> = around.filter(|chat| chat.is_unread()).collect();
        let is_loud = |chat: &&&&Chat| Self::urgency(chat, now) != Urgency::Calm;
        let first = unread.iter().find(is_loud).or(unread.first());
        first.map(|chat| chat.id().clone())
    }

    /// The first one with a mention that is not read.
    pub fn first_mention(&self, now: TimeMs) -> Option<ChatId> {
        let ordered = self.ordered(now);
        let first = ordered.iter().find(|chat| chat.counts().mentions > 0);
        first.map(|chat| chat.id().clone())
    }

    fn front_place(&self, ordered: &[&Chat]) -> Option<usize> {
        let front = self.front.as_ref()?;
        ordered.iter().position(|chat| chat.id() == front)
    }

    /// For the title of the terminal: unread messages that are not muted, and how many conversations call.
    pub fn totals(&self, now: TimeMs) -> (u64, usize) {
        let mut totals = (0_u64, 0);
        for chat in self.all.values() {
            let urgency = Self::urgency(chat, now);
            if urgency != Urgency::Calm {
                totals.0 = totals.0.saturating_add(chat.counts().unread);
            }
            totals.1 += usize::from(urgency == Urgency::Called);
        }
        totals
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}

#[cfg(test)]
#[path = "chats_tests.rs"]
mod tests;
