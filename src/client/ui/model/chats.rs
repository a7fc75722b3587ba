//! All conversations: which is in front, in what order they stand at the side, and which comes next.
//!
//! Promises: what is looked at is in front of the counts that are shown; the order is the same for the same state; the
//! messages in memory are bounded over all of them. Which names match a filter is another's business: this gives the names.

use std::collections::{BTreeMap, VecDeque};

use super::{
    chat::{Chat, ChatId},
    composer::Draft,
    message::Message,
    window,
};
use crate::{
    client::app::{
        blocked::Blocked,
        room::{Kind, Place, Room},
        untrusted::Untrusted,
        written::{To, WRITTEN_MAX},
    },
    domain::{clock::TimeMs, conversation::NotifyLevel, name::UserName},
};

/// Conversations that are kept; past it no further ones are. No honest server comes near.
const CHATS_MAX: usize = 10_000;
/// The longest id of one that is kept.
const ID_BYTES_MAX: usize = 256;
/// Messages in memory over all conversations. At some 300 bytes each 15 MB.
const MESSAGES_MAX: usize = 50_000;
/// Bytes of them, as `window` counts: more than twice of what so many take.
const BYTES_MAX: usize = 48 * 1024 * 1024;
/// Messages that come before all is counted anew. At 16 KiB each 1 MB.
const COUNTED_EVERY: u64 = 64;
/// Messages that a conversation keeps that is not in front, once there are too many over all: two screens.
const ASIDE_MESSAGES_MAX: usize = 100;
/// Texts that wait for a conversation that is gone or not known yet: as many as are kept. Past it the oldest goes.
const ADRIFT_MAX: usize = WRITTEN_MAX;

/// How conversations are ordered within their sections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// What calls, what is unread, then the rest; each the newest first.
    #[default]
    UnreadFirst,
    /// The newest first.
    Recent,
}

/// What is to be read in other conversations than the one in front.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Elsewhere {
    /// Messages.
    pub unread: u64,
    /// Those of them that mention this user.
    pub mentions: u64,
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

/// What a person knows a conversation by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whose {
    kind: Kind,
    name: Untrusted,
    /// Of a group, whose name is not its alone. Another store has other ids.
    id: Option<ChatId>,
}

impl Whose {
    /// What a conversation is known by.
    pub fn of(chat: &Chat) -> Self {
        Self {
            kind: chat.room.kind,
            name: chat.room.name.clone(),
            id: (chat.room.kind == Kind::Group).then(|| chat.id().clone()),
        }
    }

    /// This very conversation, whatever its kind.
    pub fn this(chat: &Chat) -> Self {
        Self {
            id: Some(chat.id().clone()),
            ..Self::of(chat)
        }
    }

    /// The conversation of this kind and name; with an id, that very one.
    pub fn called(kind: Kind, name: Untrusted, id: Option<ChatId>) -> Self {
        Self { kind, name, id }
    }

    /// The conversation with this id, of which nothing else is known.
    pub fn with_id(id: ChatId) -> Self {
        Self::called(Kind::Group, Untrusted::default(), Some(id))
    }

    /// The id, if it must be that very one.
    pub fn id(&self) -> Option<&ChatId> {
        self.id.as_ref()
    }

    /// The same, as a text is kept for it.
    pub fn to(&self) -> To {
        To::Conversation {
            kind: self.kind,
            name: self.name.render_line(),
            id: self.id.as_ref().map(|id| id.as_str().to_owned()),
        }
    }

    /// The same in another store; `None`: without its id it has no name.
    #[must_use]
    pub fn anywhere(self) -> Option<Self> {
        let has_name = !self.name.is_empty();
        has_name.then_some(Self { id: None, ..self })
    }

    /// Whether this is that conversation, whatever a group is called by now.
    pub fn is_of(&self, chat: &Chat) -> bool {
        match &self.id {
            Some(id) => id == chat.id(),
            None => self.kind == chat.room.kind && self.name == chat.room.name,
        }
    }
}

/// See the head of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chats {
    all: BTreeMap<ChatId, Chat>,
    activity: BTreeMap<ChatId, Activity>,
    newest: TimeMs,
    arrivals: u64,
    front: Option<ChatId>,
    /// What was being written to conversations that are gone, by what they were.
    adrift: VecDeque<(Whose, Draft)>,
    /// How many of those had to go.
    pub adrift_lost: usize,
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
        if is_new {
            let mut chat = Chat::new(room.clone());
            chat.draft = self.take_adrift(&chat);
            self.all.insert(id.clone(), chat);
        }
        let chat = self.all.get_mut(&id)?;
        chat.set_room(room);
        Some(chat)
    }

    /// Keeps what was being written to a conversation that is gone until there is such a one again.
    pub fn keep_draft(&mut self, whose: Whose, draft: &Draft) {
        if draft.bare().text().trim().is_empty() {
            return;
        }
        let is_there = |chat: &&mut Chat| chat.draft.is_empty() && whose.is_of(chat);
        if let Some(chat) = self.all.values_mut().find(is_there) {
            chat.draft = draft.bare();
            return;
        }
        self.set_adrift(whose, draft.bare());
    }

    /// Brings back what was begun in an earlier program, beside what is there; if there is no such conversation yet, or not
    /// all of it fits, it waits.
    pub fn give_back(&mut self, whose: Whose, draft: Draft) {
        let found = self.all.values_mut().find(|chat| whose.is_of(chat));
        let joined = found.and_then(|chat| Some((chat.draft.joined(&draft)?, chat)));
        match joined {
            Some((both, chat)) => chat.draft = both,
            None => self.set_adrift(whose, draft),
        }
    }

    /// What waits for a conversation that is gone or not known yet.
    pub fn set_adrift(&mut self, whose: Whose, draft: Draft) {
        let new = (whose, draft);
        if self.adrift.contains(&new) {
            return;
        }
        // What is for the same counts as one, as far as it fits together; an edit stands alone.
        let mut same = self.adrift.iter_mut().rev();
        if let Some((_, last)) = same.find(|(whose, _)| *whose == new.0)
            && last.edit().is_none()
            && new.1.edit().is_none()
            && let Some(both) = last.joined(&new.1)
        {
            *last = both;
            return;
        }
        if self.adrift.len() >= ADRIFT_MAX {
            self.adrift.pop_front();
            self.adrift_lost += 1;
        }
        self.adrift.push_back(new);
    }

    /// Those texts, and by what their conversations are known.
    pub fn adrift(&self) -> impl Iterator<Item = (&Whose, &Draft)> {
        self.adrift.iter().map(|(whose, draft)| (whose, draft))
    }

    /// What waited for the conversation in front, if nothing is written there.
    pub fn front_draft(&mut self) -> Option<Draft> {
        let id = self.front.clone()?;
        let draft = std::mem::take(&mut self.all.get_mut(&id)?.draft);
        if !draft.is_empty() {
            return Some(draft);
        }
        let chat = self.all.remove(&id)?;
        let draft = self.take_adrift(&chat);
        self.all.insert(id, chat);
        Some(draft)
    }

    fn take_adrift(&mut self, chat: &Chat) -> Draft {
        let mut all = Draft::default();
        self.adrift.retain(|(whose, draft)| {
            let joined = whose.is_of(chat).then(|| all.joined(draft)).flatten();
            match joined {
                Some(joined) => {
                    all = joined;
                    false
                }
                None => true,
            }
        });
        all
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
            if self.arrivals.is_multiple_of(COUNTED_EVERY) {
                self.trim();
            }
        }
        is_new
    }

    /// This user is no member any more. What was being written there is kept in case of a return.
    pub fn forget(&mut self, id: &ChatId) -> Option<Chat> {
        if self.front.as_ref() == Some(id) {
            self.front = None;
        }
        self.activity.remove(id);
        let gone = self.all.remove(id);
        if let Some(chat) = &gone {
            self.keep_draft(Whose::of(chat), &chat.draft);
        }
        gone
    }

    /// The store is another one. What was being written waits for conversations that are called the same; returns that for
    /// which there is no name.
    #[must_use]
    pub fn clear(&mut self) -> Vec<Draft> {
        for chat in std::mem::take(&mut self.all).into_values() {
            self.keep_draft(Whose::of(&chat), &chat.draft);
        }
        let (mut adrift, mut nobodys) = (VecDeque::new(), Vec::new());
        for (whose, draft) in std::mem::take(&mut self.adrift) {
            match whose.anywhere() {
                Some(whose) => adrift.push_back((whose, draft.bare())),
                None => nobodys.push(draft.bare()),
            }
        }
        *self = Self {
            order: self.order,
            adrift,
            adrift_lost: self.adrift_lost,
            ..Self::default()
        };
        nobodys
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

    /// Forgets messages of those that were quiet longest, once there are too many over all: down to two screens of each,
    /// and if that is not enough, all of them. The one in front keeps what it has, which is bounded.
    pub fn trim(&mut self) {
        let (mut count, mut bytes) = (0_usize, 0_usize);
        for chat in self.all.values() {
            count += chat.window.len();
            bytes += chat.window.bytes();
        }
        if count <= MESSAGES_MAX && bytes <= BYTES_MAX {
            return;
        }
        let mut ids: Vec<ChatId> = self.all.keys().cloned().collect();
        ids.retain(|id| self.front.as_ref() != Some(id));
        ids.sort_by_key(|id| self.activity.get(id).copied());
        for left in [ASIDE_MESSAGES_MAX, 0] {
            for id in &ids {
                let Some(chat) = self.all.get_mut(id) else {
                    continue;
                };
                count -= chat.window.len();
                bytes -= chat.window.bytes();
                chat.trim(left);
                count += chat.window.len();
                bytes += chat.window.bytes();
                if count <= MESSAGES_MAX && bytes <= BYTES_MAX {
                    return;
                }
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

    /// What waits in conversations that are not in front. A muted one counts by its mentions only, and one that was put
    /// aside with nothing in it as one.
    pub fn elsewhere(&self, now: TimeMs) -> Elsewhere {
        let mut elsewhere = Elsewhere::default();
        for chat in self.all.values() {
            if self.front.as_ref() == Some(chat.id()) {
                continue;
            }
            let counts = chat.counts();
            let unread = match chat.notify_at(now) {
                NotifyLevel::None => counts.mentions,
                _ => counts.unread.max(u64::from(chat.is_unread())),
            };
            elsewhere.unread = elsewhere.unread.saturating_add(unread);
            elsewhere.mentions = elsewhere.mentions.saturating_add(counts.mentions);
        }
        elsewhere
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
