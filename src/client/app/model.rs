//! What the line mode knows, what can happen to it, and what it can ask for.
//!
//! Which conversation lines go to is a matter of this client alone: the server knows conversations
//! and members, never what is in front.

use std::{
    borrow::Cow,
    collections::{BTreeMap, VecDeque},
};

use crate::domain::{
    clock::TimeMs, ids::ClientMessageId, name::UserName, text::MessageText, user::Presence,
};

use super::{
    acts::{Act, Outcome},
    blocked::Blocked,
    file::{self, File},
    line::Zone,
    listing::Listed,
    news::{News, OwnNews},
    opening::Links,
    password::PasswordProblem,
    recent::Recent,
    refused::{Refused, Texts},
    room::{Place, Room, Rooms, Wanted},
    several::Several,
    transfers::{Job, Moved, Steer, Transfers},
    typing::Everywhere,
    untrusted::Untrusted,
};

/// The state of the line mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// Who is logged in.
    pub me: UserName,
    /// In which zone times are shown.
    pub zone: Zone,
    /// What time it is.
    pub now: TimeMs,
    /// Where typed lines go.
    pub focus: Option<Place>,
    /// Conversations that were opened here.
    pub open: BTreeMap<Place, Opened>,
    /// Conversations that are known, whether they were opened or not.
    pub rooms: Rooms,
    /// Whom this user blocks.
    pub blocked: Blocked,
    /// Messages that can be quoted.
    pub recent: Recent,
    /// Links that can be opened.
    pub links: Links,
    /// Who types.
    pub typing: Everywhere,
    /// The text of several lines that is being written.
    pub several: Option<Several>,
    /// The one that the server is asked to take as the new text of a message: it comes back if it is not taken.
    pub several_asked: Option<Several>,
    /// Texts that were refused.
    pub refused: Texts,
    /// Files on their way.
    pub transfers: Transfers,
    /// What gets more of what was found last.
    pub more: Option<Act>,
    /// How this user said to be reached.
    pub presence: Presence,
    /// Whether a person reads: then mentions are pointed out, and a bell calls.
    pub is_read_by_a_person: bool,
    /// Whether it is told who types.
    pub hears_typing: bool,
    /// What events will tell of that was done here, and told when it was answered.
    pub own_news: VecDeque<OwnNews>,
    /// Whether the act that waits for its answer changes a conversation as such.
    pub changes_room: bool,
    /// Whether a command waits for its answer. Further lines wait, too, so that answers stand in the
    /// order of the questions and a text after `/start` goes where it was meant to go.
    pub asking: bool,
    /// How the link stands.
    pub link: LinkState,
    /// Whether what comes is new, rather than what was missed.
    pub caught_up: bool,
    /// Messages that are not answered yet.
    pub unsent: usize,
    /// Whether it was said that messages wait, so that it must be said when they no longer do.
    pub said_waiting: bool,
}

/// A conversation that was opened here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Whether it was closed with `/stop` since.
    pub stopped: bool,
}

/// How the link to the server stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// Not yet connected, or connected but still bringing what was missed.
    Starting,
    /// Connected.
    Up,
    /// Lost; it is being tried again.
    Down,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Msg {
    /// A line was typed, without its line end.
    Typed(String),
    /// A line was typed whose bytes are not UTF-8.
    TypedUndecodable,
    /// A line was typed that is longer than any text can be.
    TypedTooLong,
    /// There will be no more lines.
    InputEnded,
    /// The user or the system wants this to stop.
    Interrupted,
    /// The link is up.
    Connected,
    /// All that was missed has come.
    CaughtUp,
    /// The link broke and is being tried again.
    ConnectionLost,
    /// What the server knew of this user at the start.
    Known {
        /// The conversations.
        rooms: Vec<Room>,
        /// Whom this user blocks; `None`: it did not say.
        blocked: Option<Blocked>,
    },
    /// This user has blocked or unblocked somebody, here or elsewhere: all who are blocked now.
    Blocks(Blocked),
    /// A message of somebody, or of this user from elsewhere.
    Message(MessageLine),
    /// The message of a line that was typed here: it is on the screen already.
    Echo(MessageLine),
    /// Something else happened in a conversation.
    News(News),
    /// Somebody types in a conversation, or stopped.
    Typing {
        /// The conversation.
        conversation: String,
        /// Who.
        user: Untrusted,
        /// Whether.
        is_typing: bool,
    },
    /// Messages are missing.
    Gap {
        /// How many.
        count: u64,
    },
    /// The server's store is not the one that was known.
    Reset,
    /// Messages of an earlier run were found that were not sent then.
    Left {
        /// How many are sent now.
        waiting: usize,
        /// Those that were refused, and why.
        refused: Vec<(Refused, Untrusted)>,
    },
    /// A text waits for a server that is away.
    Waits {
        /// How many of those that wait could not be kept, and end with this program.
        lost: usize,
    },
    /// A text was refused for a reason that lies in the login: it stays kept for the next one.
    Held {
        /// Why.
        problem: Untrusted,
    },
    /// A text is on the server's stable storage.
    Sent,
    /// Messages cannot be kept on this machine.
    NotKept {
        /// Why.
        problem: Untrusted,
    },
    /// A text was refused for good.
    NotSent {
        /// The text.
        text: Untrusted,
        /// Why, and the mend.
        problem: Untrusted,
    },
    /// The text that was refused just now, if it can be sent again.
    Refused(Refused),
    /// A second or so has passed.
    Tick,
    /// What the answer to [`Effect::Move`] is so far, or was in the end.
    Moved {
        /// Of which transfer.
        number: u32,
        /// What.
        moved: Moved,
    },
    /// The answer to [`Effect::Start`].
    Started {
        /// Which was wanted.
        wanted: Wanted,
        /// What it is, or what is in the way.
        outcome: Result<Room, StartProblem>,
    },
    /// The answer to [`Effect::Act`].
    Acted {
        /// What was asked for.
        act: Act,
        /// What came of it, or what is in the way.
        outcome: Result<Outcome, Untrusted>,
    },
    /// The answer to [`Effect::TakeUp`] and [`Effect::StayAs`].
    Settled(Result<(), Untrusted>),
    /// The answer to [`Effect::ListUsers`].
    Users(Result<Vec<UserLine>, Untrusted>),
    /// The answer to [`Effect::ListConversations`].
    Listed {
        /// Whether all are wanted.
        all: bool,
        /// The conversations.
        rows: Result<Vec<Listed>, Untrusted>,
    },
    /// The answer to [`Effect::AskTime`].
    Time(Result<TimeMs, Untrusted>),
    /// What came of [`Effect::AskPassword`]: how many other devices were ended, if they were to be.
    Password {
        /// Whether they were to be.
        ends_others: bool,
        /// What came of it, or what is in the way.
        outcome: Result<u32, PasswordProblem>,
    },
    /// An answer about the password is asked for again; this is said of the one before: a safe sentence or two.
    PasswordAgain(String),
    /// The server was not asked for another password; why, in safe words without a capital and a stop.
    NoPassword(String),
}

/// What keeps a conversation from being opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartProblem {
    /// Nobody of that name ever registered.
    UserNotFound,
    /// This user is in no such conversation.
    NotAMember,
    /// Several groups have this name: these.
    Several(Vec<Room>),
    /// Anything else, with the mend.
    Other(Untrusted),
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageLine {
    /// The id of its conversation.
    pub conversation: String,
    /// Its number there.
    pub seq: u64,
    /// Who sent it.
    pub sender: Untrusted,
    /// When.
    pub time: TimeMs,
    /// What it says, which is nothing where its files say it all; `None`: it was deleted.
    pub text: Option<Untrusted>,
    /// Its files, in the order of the sender.
    pub files: Vec<File>,
    /// The number of the message that it answers; 0: none.
    pub reply_to: u64,
    /// Whether it has not its first text any more.
    pub is_edited: bool,
    /// The reactions to it: each emoji, and how many gave it.
    pub reactions: Vec<(Untrusted, u32)>,
    /// The members that it mentions by name.
    pub mentions: Vec<Untrusted>,
    /// Whether it mentions everybody.
    pub mentions_all: bool,
}

impl MessageLine {
    /// What it says on one line: its text, or its files where it has no text; `None`: it was deleted.
    pub fn said(&self) -> Option<Cow<'_, Untrusted>> {
        file::said(self.text.as_ref(), &self.files)
    }
}

/// One user of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserLine {
    /// The name.
    pub name: Untrusted,
    /// How the user can be reached.
    pub presence: Presence,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Prints a line, or several joined by line ends.
    Print(String),
    /// Finds a conversation, or begins one with a user; answered by [`Msg::Started`].
    Start(Wanted),
    /// Does something to a conversation; answered by [`Msg::Acted`].
    Act(Act),
    /// Sends a text; [`Msg::Sent`] or [`Msg::NotSent`] tell what became of it.
    Send {
        /// Where to. Always in the same way: one conversation that was addressed in two could get its messages in two
        /// orders.
        to: Place,
        /// What.
        text: MessageText,
        /// The message that it answers.
        reply_to: Option<u64>,
    },
    /// Sends a text again that was refused, as the same message; answered like [`Effect::Send`].
    SendAgain(Refused),
    /// Forgets what was refused, here and on disk.
    Drop(ClientMessageId),
    /// Begins to move files; answered by [`Msg::Moved`], more than once.
    Move {
        /// The number of the transfer.
        number: u32,
        /// What is moved.
        job: Job,
    },
    /// Has a transfer wait, go on or end.
    Steer(u32, Steer),
    /// Rings a bell, if there is one.
    Ring,
    /// Marks nothing of a conversation read from now on, though it is shown; or does so again.
    Aside {
        /// Its id.
        conversation: String,
        /// Whether it is put aside.
        is_aside: bool,
    },
    /// Takes a conversation that was put aside up again on all devices; answered by [`Msg::Settled`].
    TakeUp(String),
    /// Says anew how this user can be reached, since the server forgot it with the connection; answered by
    /// [`Msg::Settled`].
    StayAs(Presence),
    /// Gets all users; answered by [`Msg::Users`].
    ListUsers,
    /// Gets the own conversations, and shows all of them or some; answered by [`Msg::Listed`].
    ListConversations(bool),
    /// Opens a link outside.
    Open(String),
    /// Gets the server's time; answered by [`Msg::Time`].
    AskTime,
    /// Asks for another password, and then the server for it; answered by [`Msg::Password`] or [`Msg::NoPassword`].
    AskPassword,
    /// Leaves once everything typed is answered; waits for that a while, or as long as it takes.
    Leave {
        /// Whether the wait has an end.
        hurry: bool,
    },
}

impl Model {
    /// The state at the start.
    pub fn new(me: UserName, zone: Zone) -> Self {
        Self {
            me,
            zone,
            now: TimeMs::default(),
            focus: None,
            open: BTreeMap::new(),
            rooms: Rooms::default(),
            blocked: Blocked::default(),
            recent: Recent::default(),
            links: Links::default(),
            typing: Everywhere::default(),
            several: None,
            several_asked: None,
            refused: Texts::default(),
            transfers: Transfers::default(),
            more: None,
            presence: Presence::Online,
            is_read_by_a_person: false,
            hears_typing: true,
            own_news: VecDeque::new(),
            changes_room: false,
            asking: false,
            link: LinkState::Starting,
            caught_up: false,
            unsent: 0,
            said_waiting: false,
        }
    }

    /// Returns what stands before a line that is typed.
    pub fn prompt(&self) -> String {
        let focus = self.focus.as_ref();
        let focus = focus.map_or_else(String::new, |place| self.rooms.label(place));
        match self.several {
            Some(_) => format!("{focus}. "),
            None => format!("{focus}> "),
        }
    }

    /// Returns whether the next typed line may come.
    pub fn takes_input(&self) -> bool {
        !self.asking && self.link != LinkState::Starting
    }
}
