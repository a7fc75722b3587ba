//! The state of the terminal UI. Pure: no I/O, no clock, no screen; all of it can be cloned and compared.
//!
//! `chats` holds the conversations, each with its `window` of messages and its `tally` of what is unread; `outgoing` what is
//! on its way; `composer` what is being written. Time comes in as `Model::now`. Nothing here decides what happens next, and
//! nothing knows the wire: names and texts of others are `Untrusted` until they are drawn.

mod begun;
pub mod buffer;
pub mod chat;
pub mod chats;
pub mod composer;
pub mod edit;
pub mod history;
pub mod intake;
pub mod markers;
pub mod message;
pub mod notices;
pub mod outgoing;
pub mod overlay;
pub mod paging;
pub mod password;
mod pause;
pub mod people;
pub mod previews;
mod ranges;
pub mod roll;
pub mod tally;
pub mod window;

use std::collections::BTreeSet;

use super::text::day;
use crate::{
    client::app::{
        blocked::Blocked,
        line::Zone,
        room::{Kind, Place},
        transfers::Transfers,
        untrusted::Untrusted,
        written::{To, Written},
    },
    domain::{clock::TimeMs, ids::ClientMessageId, name::UserName, user::Presence},
};

use self::{
    begun::Loose,
    chat::{Chat, ChatId},
    chats::{Chats, Whose},
    composer::{Composer, Draft},
    intake::Intake,
    notices::Notices,
    outgoing::{Outbox, Outgoing},
    overlay::{Overlay, SearchPane},
    paging::{Filled, Going, Jump},
    people::People,
    previews::Previews,
    roll::Roll,
    window::Ask,
};

/// How the link to the server stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LinkState {
    /// Not yet connected.
    #[default]
    Starting,
    /// Connected, and what was missed is coming.
    CatchingUp,
    /// Connected, and nothing is missed.
    Up,
    /// Lost.
    Down {
        /// When it is tried again.
        retry_at: TimeMs,
    },
    /// Over for good.
    Ended {
        /// Why, and the mend.
        why: Untrusted,
    },
}

/// Where keys go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Focus {
    /// To what is being written.
    #[default]
    Composer,
    /// To the messages, of which this one is selected.
    Messages(u64),
    /// To the messages, of which this one is selected: it is on its way, or was refused.
    Outgoing(ClientMessageId),
    /// To the conversations at the side.
    Sidebar,
}

/// What stands at the side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sidebar {
    /// Whether it is shown where there is room.
    pub is_shown: bool,
    /// Only names that match this are shown.
    pub filter: String,
    /// Which row is selected while keys go there.
    pub selected: Option<ChatId>,
}

/// See the head of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// Who is logged in.
    pub me: UserName,
    /// The id of this user, once the server said it.
    pub my_id: Option<String>,
    /// What the account is called where there are several.
    pub account: String,
    /// How the link stands.
    pub link: LinkState,
    /// The conversations.
    pub chats: Chats,
    /// Messages on their way.
    pub outgoing: Outbox,
    /// Files on their way.
    pub transfers: Transfers,
    /// Previews of pictures.
    pub previews: Previews,
    /// What is being written to the conversation in front.
    pub composer: Composer,
    /// Where keys go.
    pub focus: Focus,
    /// What lies over all.
    pub overlay: Option<Overlay>,
    /// What stands at the side.
    pub sidebar: Sidebar,
    /// Whether the members are shown where there is room.
    pub members_shown: bool,
    /// Who is who, and how they can be reached.
    pub people: People,
    /// How this user said to be reached.
    pub presence: Presence,
    /// Whom this user blocks.
    pub blocked: Blocked,
    /// What the program has to say.
    pub notices: Notices,
    /// For whom it is what is being written while nothing is in front: it was begun in a conversation that is gone.
    pub written_for: Option<Whose>,
    /// What was written while nothing was in front, and had no place where another text stood.
    pub loose: Loose,
    /// Messages of which it was told that they are none in the store that the server has, until those who send them say so.
    pub lost: BTreeSet<ClientMessageId>,
    /// Whether what is begun outlives this program, as far as it is known.
    pub can_keep: bool,
    /// Where this user was before.
    pub last_front: Option<ChatId>,
    /// Where others were told last that this user types, and when.
    pub typing_told: Option<(ChatId, TimeMs)>,
    /// When what is in the composer changed last.
    pub wrote: Option<TimeMs>,
    /// What is being taken in.
    pub intake: Intake,
    /// Pages that were asked for and are not answered yet.
    pub asked_pages: BTreeSet<(ChatId, Ask)>,
    /// The lists of members that are asked for.
    pub roll: Roll,
    /// The page that was asked for last to fill the screen.
    pub filled: Option<Filled>,
    /// The message that is gone to as soon as it is here.
    pub jump: Option<Jump>,
    /// The conversation that is gone to as soon as it is known.
    pub going: Option<Going>,
    /// The number of the newest search.
    pub search_number: u64,
    /// The last search as it was closed.
    pub last_search: Option<Box<SearchPane>>,
    /// The name for the next send: made outside, since it is random, and used once.
    pub fresh_id: ClientMessageId,
    /// The time, as it was told last.
    pub now: TimeMs,
    /// The zone in which times are shown.
    pub zone: Zone,
    /// Columns and rows of the screen.
    pub size: (u16, u16),
    /// Whether the terminal is in front; one that does not say is taken to be, and so is one in which somebody does something.
    pub is_focused: bool,
}

impl Model {
    /// The state at the start.
    pub fn new(me: UserName, zone: Zone, now: TimeMs) -> Self {
        Self {
            me,
            my_id: None,
            account: String::new(),
            link: LinkState::Starting,
            chats: Chats::default(),
            outgoing: Outbox::default(),
            transfers: Transfers::default(),
            previews: Previews::default(),
            composer: Composer::default(),
            focus: Focus::Composer,
            overlay: None,
            sidebar: Sidebar {
                is_shown: true,
                filter: String::new(),
                selected: None,
            },
            members_shown: false,
            people: People::default(),
            presence: Presence::Online,
            blocked: Blocked::default(),
            notices: Notices::default(),
            written_for: None,
            loose: Loose::default(),
            lost: BTreeSet::new(),
            can_keep: true,
            last_front: None,
            typing_told: None,
            wrote: None,
            intake: Intake::default(),
            asked_pages: BTreeSet::new(),
            roll: Roll::default(),
            filled: None,
            jump: None,
            going: None,
            search_number: 0,
            last_search: None,
            fresh_id: ClientMessageId::from_bytes([0; 16]),
            now,
            zone,
            size: (80, 24),
            is_focused: true,
        }
    }

    /// Brings a conversation to the front, or none; what is being written stays with its own. Returns whether another is
    /// there now.
    pub fn open(&mut self, id: Option<ChatId>) -> bool {
        // What could not be kept cannot be opened.
        if id.as_ref().is_some_and(|id| self.chats.get(id).is_none()) {
            return false;
        }
        let old = self.chats.front().map(|chat| chat.id().clone());
        if !self.chats.set_front(id) {
            return false;
        }
        let me = self.me.clone();
        if let Some(new) = self.chats.front_mut() {
            new.pass_own(&me);
        }
        let draft = self.chats.front_draft();
        self.focus = Focus::Composer;
        self.last_front.clone_from(&old);
        match (old, draft) {
            (Some(old), draft) => {
                let draft = draft.unwrap_or_else(|| self.loose.take());
                let aside = self.composer.exchange(draft);
                if let Some(chat) = self.chats.get_mut(&old) {
                    chat.draft = aside;
                }
            }
            (None, Some(draft)) => self.take_up(draft),
            (None, None) => {}
        }
        true
    }

    /// A conversation comes to the front where none was. What was written meanwhile goes along if that was begun there or
    /// nowhere, and nothing stands in its place; else it is kept: never does it go to others than it was meant for.
    fn take_up(&mut self, draft: Draft) {
        let whose = self.written_for.take();
        let front = self.chats.front();
        let is_its = |whose: &Whose| front.is_some_and(|chat| whose.is_of(chat));
        let is_meant = whose.as_ref().is_none_or(is_its);
        if draft.is_empty() && is_meant {
            return;
        }
        let here = self.composer.exchange(draft);
        match whose {
            None => self.set_loose(here.bare()),
            // Beside what waits for it there.
            Some(whose) if is_meant => self.give_back_to(whose, here.bare()),
            Some(whose) => self.chats.keep_draft(whose, &here),
        }
    }

    /// This user is no member of a conversation any more. What is being written to it stays as long as nothing else is in
    /// front, and is there again if there is such a one again.
    pub fn forget(&mut self, id: &ChatId) {
        // Who comes back is not told what happened meanwhile to messages of before.
        self.void_pages(id);
        self.roll.lost(id);
        if self.is_front(id) {
            self.leave_front();
        }
        let gone = self.chats.forget(id);
        if let Some(place) = gone.and_then(|chat| chat.room.place()) {
            // What is on the server stands where this user does not see it any more.
            self.outgoing.passed(&place, u64::MAX);
        }
    }

    /// What is in front goes away under the hands of who writes there.
    fn leave_front(&mut self) {
        let Some(front) = self.chats.front() else {
            return;
        };
        let (id, whose) = (front.id().clone(), Whose::of(front));
        self.composer.leave_mode();
        if self.composer.is_empty() {
            // What was written before a line that was emptied.
            self.composer.come_back();
        }
        match self.composer.is_empty() {
            true => {
                self.composer.exchange(self.loose.take());
            }
            false => self.written_for = Some(whose),
        }
        self.chats.set_front(None);
        self.last_front = Some(id);
        self.focus = Focus::Composer;
    }

    /// Once nothing is left of what was begun in a conversation that is gone, what is begun next is nobody's.
    pub fn begin_anew(&mut self) {
        if self.composer.is_empty() && !self.composer.has_aside() {
            self.written_for = None;
        }
    }

    /// Pages of a conversation that are under way may be older than what is known by the time that they come.
    pub fn void_pages(&mut self, id: &ChatId) {
        for (_, ask) in self.asked_pages.iter().filter(|(chat, _)| chat == id) {
            self.intake.void_page(id, *ask);
        }
    }

    /// Takes in a message of an event; returns whether it is new to this user, rather than come again.
    pub fn take_message(&mut self, id: &ChatId, message: message::Message) -> bool {
        if message.is_by(&self.me)
            && let Some(client_id) = message.client_id
        {
            self.outgoing.arrived(client_id);
        }
        self.chats
            .take_message(id, message, &self.me, &self.blocked)
    }

    /// Takes in whom this user blocks: which mentions count must then be asked for.
    pub fn set_blocked(&mut self, blocked: Blocked) {
        if blocked == self.blocked {
            return;
        }
        self.blocked = blocked;
        self.chats.iter_mut().for_each(Chat::doubt_counts);
    }

    /// The link is lost: what is only of now is not known any more.
    pub fn link_lost(&mut self, retry_at: TimeMs) {
        self.link = LinkState::Down { retry_at };
        self.people.forget_presence();
        for chat in self.chats.iter_mut() {
            chat.typing.clear();
        }
    }

    /// The store is another one: all that was known of it is dropped. What waits and what is being written stays, and so do
    /// the pages that are under way: they come as failures, and the same are not asked for before. Returns the messages that
    /// are none there; what they say is a text that was begun, for those that are called as those to whom they were to go.
    pub fn reset(&mut self) -> Vec<Outgoing> {
        let lost = self.outgoing.reset();
        self.lost = lost.iter().map(|it| it.id).collect();
        // What groups were called is known only now.
        let texts: Vec<Written> = lost.iter().filter_map(|it| self.text_of(it)).collect();
        self.leave_front();
        self.written_for = self.written_for.take().and_then(Whose::anywhere);
        for draft in self.chats.clear() {
            self.give_back_loose(draft.text());
        }
        texts.into_iter().for_each(|text| self.give_back_here(text));
        self.transfers.reset();
        self.people = People::default();
        self.previews.reset();
        self.roll.reset();
        self.filled = None;
        self.jump = None;
        self.going = None;
        self.last_search = None;
        self.focus = Focus::Composer;
        lost
    }

    /// A message is none in the store that the server has: what it says is a text that was begun. A group is not asked for
    /// its name: here it is another one. One that is shown nowhere is for nobody.
    pub fn lose(&mut self, id: ClientMessageId, text: &str) {
        let message = self.outgoing.take(id);
        let message = message.filter(|it| !matches!(it.to, Place::Group(_)));
        let text = match message {
            Some(message) => self.text_of(&message),
            None => begun::text_of(To::Nobody, text),
        };
        text.into_iter().for_each(|text| self.give_back(text));
    }

    /// What a message says, for those that are called as those to whom it was to go.
    fn text_of(&self, message: &Outgoing) -> Option<Written> {
        let (kind, name) = match &message.to {
            Place::User(name) => (Kind::Direct, Some(name.as_str().into())),
            Place::Channel(name) => (Kind::Channel, Some(name.as_str().into())),
            Place::Group(_) => {
                let group = self.chats.at(&message.to);
                (Kind::Group, group.map(|chat| chat.room.name.clone()))
            }
        };
        let whose = name.and_then(|name| Whose::called(kind, name, None).anywhere());
        let to = whose.map_or(To::Nobody, |whose| whose.to());
        begun::text_of(to, message.text.as_str())
    }

    /// How the user of this name can be reached; of this user what was said here.
    pub fn presence_of(&self, name: &Untrusted) -> Presence {
        let is_me = *name == Untrusted::from(self.me.as_str());
        match is_me {
            true if self.link == LinkState::Up => self.presence,
            true => Presence::Offline,
            false => self.people.presence_of(name),
        }
    }

    /// Whether a conversation is in front.
    pub fn is_front(&self, id: &ChatId) -> bool {
        self.chats.front().is_some_and(|chat| chat.id() == id)
    }

    /// What is to be marked read: the conversation in front, if a person sees its end and nothing is missed any more.
    pub fn to_mark(&self) -> Option<(ChatId, u64)> {
        if !self.is_focused || self.link != LinkState::Up {
            return None;
        }
        let front = self.chats.front()?;
        // What was put aside is taken up by coming back to it, which is an act of its own.
        let seq = front.to_mark().filter(|_| !front.is_marked_unread())?;
        Some((front.id().clone(), seq))
    }

    /// The conversations whose counts are to be asked for now; each once until it is answered.
    pub fn counts_to_ask(&mut self) -> Vec<ChatId> {
        if self.link != LinkState::Up {
            return Vec::new();
        }
        let intake = &mut self.intake;
        let unsure = self.chats.iter_mut().filter_map(|chat| {
            let is_due = !intake.is_void(chat.id()) && chat.ask_counts();
            is_due.then(|| chat.id().clone())
        });
        let unsure: Vec<ChatId> = unsure.collect();
        unsure.iter().for_each(|chat| intake.asked(chat));
        unsure
    }

    /// Takes in the time; returns whether that changes anything that is shown.
    pub fn tick(&mut self, now: TimeMs) -> bool {
        let before = std::mem::replace(&mut self.now, now);
        // What was said today was said yesterday from then on.
        let mut is_changed = !day::is_same_day(before, now, self.zone);
        is_changed |= self.notices.expire(now);
        for chat in self.chats.iter_mut() {
            is_changed |= chat.typing.expire(now);
            is_changed |= chat.mute_end(before).is_some_and(|end| end <= now);
        }
        is_changed
    }

    /// When the time next changes anything that is shown; `None`: not by itself.
    pub fn next_tick(&self) -> Option<TimeMs> {
        let typing = self.chats.iter().filter_map(|chat| chat.typing.next_end());
        let link = match self.link {
            // The seconds to the next attempt are counted.
            LinkState::Down { retry_at } if retry_at > self.now => {
                Some(TimeMs::new(self.now.milliseconds().saturating_add(1_000)))
            }
            _ => None,
        };
        let mutes = self.chats.iter().filter_map(|chat| chat.mute_end(self.now));
        let has_days = self.chats.front().is_some_and(|it| !it.window.is_empty());
        let midnight = has_days.then(|| day::next(self.now, self.zone)).flatten();
        // What is asked for again then changes what is shown.
        let again = match self.link {
            LinkState::Up | LinkState::CatchingUp => self.intake.again_at(),
            _ => None,
        };
        let previews = self.previews.again_at();
        let ends = typing
            .chain(self.notices.next_end())
            .chain(link)
            .chain(previews);
        ends.chain(mutes).chain(again).chain(midnight).min()
    }

    /// All drafts that a cache must keep.
    pub fn drafts(&self) -> Vec<(ChatId, String)> {
        let aside = self.chats.iter().filter(|chat| !self.is_front(chat.id()));
        let mut drafts: Vec<(ChatId, String)> = aside
            .map(|chat| (chat.id().clone(), chat.draft.text().to_owned()))
            .collect();
        if let Some(front) = self.chats.front() {
            let draft = self.composer.draft();
            drafts.push((front.id().clone(), draft.text().to_owned()));
        }
        drafts.retain(|(_, text)| !text.is_empty());
        drafts
    }
}

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;
