//! One conversation: what it is, what is unread, the messages that are in memory, where it is looked at, what is being
//! written to it, and what others do there.
//!
//! Promises: unread and mentions are those of the server (see `tally`); the place that is looked at stays where it is while
//! messages come or older ones are loaded, since it is a message and not a row; no message counts or shows twice.
//! Knows nothing of other conversations, and decides nothing about what is sent or asked for.

use std::sync::Arc;

use super::{
    composer::Draft,
    history::History,
    markers::{Delivery, Marker, Markers},
    message::{Change, Message},
    tally::{Counts, Tally},
    window::{Ask, Page, Place, Window},
};
use crate::{
    client::app::{
        acts::MemberLine,
        blocked::Blocked,
        room::{Kind, Room},
        typing::Typing,
        untrusted::Untrusted,
    },
    domain::{
        clock::TimeMs,
        conversation::{MemberSettings, NotifyLevel},
        name::UserName,
        role::Role,
    },
};

/// The id of a conversation. Opaque, cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChatId(Arc<str>);

impl ChatId {
    /// The id as the server wrote it. Never to the screen.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for ChatId {
    fn from(id: &str) -> Self {
        Self(id.into())
    }
}

/// Where the messages are looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scroll {
    /// At the newest, and it stays there when new ones come.
    #[default]
    AtEnd,
    /// At this message.
    At {
        /// The one at the lower edge of the screen.
        seq: u64,
        /// How many of its rows lie below that edge.
        hidden_rows: usize,
    },
}

/// What events have said of a conversation since the server was asked for its state: there the answer may be older.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Its name and what it is about.
    pub room: bool,
    /// How many members there are.
    pub members_count: bool,
    /// What this user may do there.
    pub role: bool,
    /// What this user set.
    pub settings: bool,
}

impl Told {
    /// More was said.
    pub fn add(&mut self, more: Self) {
        self.room |= more.room;
        self.members_count |= more.members_count;
        self.role |= more.role;
        self.settings |= more.settings;
    }
}

/// See the head of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chat {
    id: ChatId,
    /// What it is.
    pub room: Room,
    /// What this user may do there; `None`: not said, or between two.
    pub my_role: Option<Role>,
    /// The messages that are in memory.
    pub window: Window,
    /// How far the others have come.
    pub markers: Markers,
    /// Who types.
    pub typing: Typing,
    /// What is being written to it while it is not in front.
    pub draft: Draft,
    /// What was sent to it from here.
    pub history: History,
    /// The members, if they were asked for.
    pub members: Option<Vec<MemberLine>>,
    /// What events have said since the server was asked.
    pub told: Told,
    tally: Tally,
    scroll: Scroll,
    /// The highest number when the end was left.
    left_at: u64,
    /// The message below which all was unread when the conversation came to the front.
    unread_line: Option<u64>,
    /// It came to the front while it was put aside, and that is still to be ended.
    is_met_aside: bool,
}

impl Chat {
    /// A conversation of which nothing but this is known.
    pub fn new(room: Room) -> Self {
        Self {
            id: room.id.as_str().into(),
            room,
            my_role: None,
            window: Window::default(),
            markers: Markers::default(),
            typing: Typing::default(),
            draft: Draft::default(),
            history: History::default(),
            members: None,
            told: Told::default(),
            tally: Tally::default(),
            scroll: Scroll::AtEnd,
            left_at: 0,
            unread_line: None,
            is_met_aside: false,
        }
    }

    /// Its id.
    pub fn id(&self) -> &ChatId {
        &self.id
    }

    /// Whether this user may delete a message here, as far as that is known: an own one, or as whoever runs it.
    pub fn may_delete(&self, message: &Message, me: &UserName) -> bool {
        let runs = self.room.kind != Kind::Direct && self.my_role.is_none_or(Role::runs);
        message.is_by(me) || runs
    }

    /// Takes in what all members are told of it. What one of them set is kept where that is not said.
    pub fn set_room(&mut self, room: Room) {
        let settings = room.settings.or(self.room.settings);
        self.room = Room { settings, ..room };
        self.is_met_aside &= self.is_marked_unread();
    }

    /// Takes in what this user set, here or elsewhere.
    pub fn set_settings(&mut self, settings: MemberSettings) {
        self.room.settings = Some(settings);
        self.is_met_aside &= self.is_marked_unread();
    }

    /// Takes in the counts of an answer of the server. Returns whether messages are gone that there were (see `tally`):
    /// others may take their numbers, so all that are in memory are forgotten, and read anew where they are looked at.
    pub fn take_counts(&mut self, counts: Counts) -> bool {
        let has_less = self.tally.take_state(counts);
        if has_less {
            self.window = Window::default();
            self.left_at = self.left_at.min(counts.last_seq);
            self.unread_line = self.unread_line.map(|line| line.min(counts.last_seq));
        }
        has_less
    }

    /// Takes in the first counts, of an answer that brought the conversation or of a cache. Others may be on their way.
    pub fn take_first_counts(&mut self, counts: Counts) {
        self.tally.take_first(counts);
    }

    /// Takes in the counts that the server says in their order among the events.
    pub fn take_told_counts(&mut self, counts: Counts) {
        self.tally.take_told(counts);
    }

    /// The counts now.
    pub fn counts(&self) -> Counts {
        self.tally.counts()
    }

    /// Whether the server must be asked for the counts.
    pub fn is_unsure(&self) -> bool {
        self.tally.is_unsure()
    }

    /// Whether the server is to be asked for the counts now; not while it is asked already.
    pub fn ask_counts(&mut self) -> bool {
        let is_due = self.tally.ask();
        if is_due {
            self.told = Told::default();
        }
        is_due
    }

    /// The server is asked for the states of all, or was asked for this one before it was known.
    pub fn ask_too(&mut self) {
        if !self.is_asked() {
            self.told = Told::default();
        }
        self.tally.ask_too();
    }

    /// Whether an answer of the server about this is still to come.
    pub fn is_asked(&self) -> bool {
        self.tally.is_asked()
    }

    /// An answer that was waited for says nothing of this.
    pub fn unanswered(&mut self) {
        self.tally.unanswered();
    }

    /// The server would not tell what it was asked for: it is not asked again before there is something new. Or it could
    /// not: it is asked again after a while.
    pub fn ask_failed(&mut self, is_for_good: bool) {
        self.tally.ask_failed(is_for_good);
    }

    /// What the server could not tell for a while can be asked for again.
    pub fn go_on(&mut self) {
        self.tally.go_on();
    }

    /// What could not be had before can be asked for again.
    pub fn ask_again(&mut self) {
        self.tally.ask_again();
    }

    /// Something of it is not known here: the server must be asked for its state.
    pub fn doubt(&mut self) {
        self.tally.doubt_all();
    }

    /// Others are blocked than before: which mentions count must be asked for.
    pub fn doubt_counts(&mut self) {
        if self.counts().unread > 0 || self.is_asked() {
            self.tally.doubt();
        }
    }

    /// Takes in a message of an event; returns whether it is new to the conversation, and not only to this program's
    /// memory.
    pub fn take_message(&mut self, message: Message, me: &UserName, blocked: &Blocked) -> bool {
        let is_mention = message.is_mention_of(me, blocked);
        let known = self.window.get(message.seq);
        let is_current = known.is_none_or(|known| known.revision <= message.revision);
        if message.revision > 0 && is_current {
            // It comes as it is now, and may have been counted, or be counted by an answer, as it was before.
            self.tally.doubt_answers();
            self.tally.take_change(message.seq, is_mention);
        }
        let is_new = self
            .tally
            .take_message(message.seq, message.is_by(me), is_mention);
        let sender = message.sender.clone();
        let seq = message.seq;
        self.window.insert(message);
        if is_new {
            self.typing.set(&sender, false, TimeMs::default());
        } else if let Some(now) = self.window.get(seq) {
            // It came again, in a state that may be newer.
            let is_mention = now.is_mention_of(me, blocked);
            self.tally.take_change(seq, is_mention);
        }
        is_new
    }

    /// Takes in what happened to a message; returns whether that is seen in what is in memory.
    pub fn take_change(&mut self, change: Change, me: &UserName, blocked: &Blocked) -> bool {
        match &change {
            Change::Edited(message) => {
                let known = self.window.get(message.seq);
                // One that is older than what is known says nothing of now.
                if known.is_none_or(|known| known.revision <= message.revision) {
                    let is_mention = message.is_mention_of(me, blocked);
                    self.tally.take_change(message.seq, is_mention);
                }
            }
            Change::Deleted { seq, .. } => self.tally.take_change(*seq, false),
            Change::Reacted { .. } => {}
        }
        self.window.change(change)
    }

    /// Messages were left out of what was missed, and what happened to them: what is in memory of them may be old, and which
    /// of them mention this user is not known.
    pub fn left_out(&mut self, from: u64, to: u64) {
        self.window.forget(from, to);
        self.tally.doubt();
    }

    /// Takes in a page of older or newer messages. It changes no count.
    pub fn take_page(&mut self, page: Page) {
        self.window.take_page(page);
    }

    /// Takes in that this user has read up to a message, here or elsewhere; returns whether that is news. What was put
    /// aside stays so: the event of the settings ends it.
    pub fn read_to(&mut self, seq: u64) -> bool {
        self.tally.read_to(seq)
    }

    /// Takes in that the server says how far this user has read; returns whether that is news.
    pub fn told_read_to(&mut self, seq: u64) -> bool {
        self.tally.told_read_to(seq)
    }

    /// This user puts it aside as unread: it shows at once, and what was marked here and is not told the server yet is not
    /// read.
    pub fn put_aside(&mut self) {
        self.room.settings.get_or_insert_default().marked_unread = true;
        self.tally.unmark();
    }

    /// What is to be marked read if this is in front and its end is seen.
    pub fn to_mark(&self) -> Option<u64> {
        let counts = self.counts();
        let is_due = counts.last_seq > counts.read_seq || self.is_marked_unread();
        // Below the last message are only those on their way.
        let is_at_end = match self.scroll {
            Scroll::AtEnd => true,
            Scroll::At { seq, .. } => seq > counts.last_seq,
        };
        (is_due && is_at_end && counts.last_seq > 0).then_some(counts.last_seq)
    }

    /// Whether this user put it aside as unread.
    pub fn is_marked_unread(&self) -> bool {
        self.room.is_aside()
    }

    /// Somebody came to it: what was put aside is to be taken up, as soon as the server can be asked.
    pub fn meet(&mut self) {
        self.is_met_aside = self.is_marked_unread();
    }

    /// Whether somebody came to it while it was put aside, and that is not ended; it is told once.
    pub fn take_up(&mut self) -> bool {
        std::mem::take(&mut self.is_met_aside)
    }

    /// Whether anything there is unread, or it was put aside as such.
    pub fn is_unread(&self) -> bool {
        self.counts().unread > 0 || self.is_marked_unread()
    }

    /// Which messages this user wants to be called for at a time.
    pub fn notify_at(&self, now: TimeMs) -> NotifyLevel {
        let notify = self.room.settings.unwrap_or_default().notify;
        notify.at(now).level
    }

    /// When it ends that this user wants to be called for other messages than else, if that is after a time.
    pub fn mute_end(&self, after: TimeMs) -> Option<TimeMs> {
        let until = self.room.settings?.notify.until;
        until.filter(|until| *until > after)
    }

    /// Whether a new message calls this user at a time: one that mentions, or any between two people, as far as it is not
    /// muted.
    pub fn calls(&self, message: &Message, me: &UserName, blocked: &Blocked, now: TimeMs) -> bool {
        let is_mention = message.is_mention_of(me, blocked);
        let is_direct = self.room.kind == Kind::Direct;
        !message.is_by(me)
            && match self.notify_at(now) {
                NotifyLevel::All => is_direct || is_mention,
                NotifyLevel::Mentions => is_mention,
                NotifyLevel::None => false,
            }
    }

    /// Takes in how far another member has come.
    pub fn advance(&mut self, user: &str, marker: Marker) -> bool {
        self.markers.advance(user, marker)
    }

    /// What has become of an own message that is on the server.
    pub fn delivery(&self, seq: u64) -> Delivery {
        let count = match self.room.kind {
            Kind::Direct => self.room.members_count.min(2),
            _ => self.room.members_count,
        };
        let others = usize::try_from(count.saturating_sub(1)).unwrap_or(usize::MAX);
        self.markers.delivery(seq, others)
    }

    /// It comes to the front: what is unread begins at a line that stays while it is there.
    pub fn open(&mut self) {
        let counts = self.counts();
        self.unread_line = (counts.unread > 0).then_some(counts.read_seq);
        self.meet();
    }

    /// It goes from the front, and will be at its end when it comes back.
    pub fn close(&mut self) {
        self.unread_line = None;
        self.is_met_aside = false;
        self.to_end();
    }

    /// What this user said first of what is unread stands above the line: nobody reads his own messages anew.
    pub fn pass_own(&mut self, me: &UserName) {
        if let Some(line) = self.unread_line {
            let behind = self.window.between(line, self.counts().last_seq);
            let own = behind.take_while(|message| message.is_by(me));
            self.unread_line = Some(own.last().map_or(line, |message| message.seq));
        }
    }

    /// The message below which the line stands, if there is one.
    pub fn unread_line(&self) -> Option<u64> {
        self.unread_line
    }

    /// Takes the line away, as when this user answers.
    pub fn clear_unread_line(&mut self) {
        self.unread_line = None;
    }

    /// Where it is looked at.
    pub fn scroll(&self) -> Scroll {
        self.scroll
    }

    /// The same, for the window.
    pub fn place(&self) -> Place {
        match self.scroll {
            Scroll::AtEnd => Place::End,
            Scroll::At { seq, .. } => Place::At(seq),
        }
    }

    /// Looks at a message.
    pub fn scroll_to(&mut self, seq: u64, hidden_rows: usize) {
        let last = self.counts().last_seq;
        if seq >= last && hidden_rows == 0 {
            self.to_end();
            return;
        }
        if self.scroll == Scroll::AtEnd {
            self.left_at = last;
        }
        self.scroll = Scroll::At { seq, hidden_rows };
    }

    /// Looks at the newest.
    pub fn to_end(&mut self) {
        self.scroll = Scroll::AtEnd;
    }

    /// How many messages of others have come below what is looked at since the end was left.
    pub fn new_below(&self, me: &UserName) -> u64 {
        let Scroll::At { seq, .. } = self.scroll else {
            return 0;
        };
        let last = self.counts().last_seq;
        let from = self.left_at.max(seq);
        let own = self.window.between(from, last).filter(|it| it.is_by(me));
        last.saturating_sub(from).saturating_sub(own.count() as u64)
    }

    /// Returns what must be asked for to fill the screen and a little more from where it is looked at.
    pub fn missing(&self, above: usize, below: usize) -> Option<Ask> {
        let last = self.counts().last_seq;
        self.window.missing(self.place(), above, below, last)
    }

    /// Forgets messages until no more than so many are in memory.
    pub fn trim(&mut self, messages_max: usize) {
        self.window.trim(self.place(), messages_max);
    }

    /// The last own message that can be edited, among those in memory.
    pub fn last_own(&self, me: &UserName) -> Option<&Message> {
        let mut messages = self.window.all().rev();
        messages.find(|it| it.is_by(me) && it.text.is_some())
    }

    /// The sender and the text of the message that another answers, if it is in memory.
    pub fn quoted(&self, message: &Message) -> Option<(&Untrusted, Option<&Untrusted>)> {
        let quoted = self.window.get(message.reply_to)?;
        Some((&quoted.sender, quoted.text.as_ref()))
    }
}

#[cfg(test)]
#[path = "chat_tests.rs"]
pub(super) mod tests;
