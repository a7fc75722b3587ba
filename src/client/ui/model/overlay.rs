//! What lies over all: the pickers, the search, the help, pages of text, questions. One at a time.
//!
//! Rows that are shown here are safe: whoever makes them renders what is foreign. Nothing is matched or asked for here.

use super::{
    chat::ChatId, chats::Chats, composer::Composer, message::Reaction, password::PasswordPane,
};
use crate::{
    client::{
        app::{
            acts::Act,
            file::File,
            look::{Found, Search},
            room::Wanted,
        },
        ui::keymap::Action,
    },
    domain::ids::ClientMessageId,
};

/// Hits that are kept of one search: past it the search must be narrowed.
pub const HITS_MAX: usize = 2_000;

/// What lies over all.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one in a program, and none of them is ever in a list"
)]
pub enum Overlay {
    /// One of several is picked by some letters.
    Pick(Picker),
    /// Messages are looked for.
    Search(Box<SearchPane>),
    /// The keys.
    Help {
        /// The row that stands first.
        first_row: usize,
    },
    /// A text that is read.
    Text(TextPage),
    /// A question with two answers.
    Ask(Question),
    /// The password is changed.
    Password(Box<PasswordPane>),
}

/// One of several is picked by some letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picker {
    /// What is picked.
    pub kind: PickerKind,
    /// The letters.
    pub input: Composer,
    /// What fits them, the best first.
    pub rows: Vec<PickRow>,
    /// Which row is chosen.
    pub chosen: usize,
}

/// What is picked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PickerKind {
    /// A conversation to go to, or a user or channel to begin one with.
    Switcher,
    /// A command.
    Palette,
    /// An emoji for a message.
    Emoji {
        /// The conversation.
        chat: ChatId,
        /// The message.
        seq: u64,
        /// What it has already.
        reactions: Vec<Reaction>,
    },
    /// A link of a message.
    Links(Vec<Openable>),
    /// A text that was sent before.
    History,
}

/// One row of a picker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PickRow {
    /// What is shown.
    pub label: String,
    /// The characters of it that fit, counted from 0.
    pub marks: Vec<u32>,
    /// What is said about it.
    pub help: String,
    /// What it stands for.
    pub what: Picked,
}

/// Something of a message that can be opened outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Openable {
    /// A link.
    Link(String),
    /// A file of the message with this number.
    File(Box<File>, u64),
}

/// What a row stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Picked {
    /// A conversation that there is.
    Chat(ChatId),
    /// One to be opened.
    Start(Wanted),
    /// The beginning of a command line, put into the composer; one that needs nothing more is run.
    Command {
        /// `/name`.
        line: String,
        /// Whether more must be typed behind it.
        needs_more: bool,
    },
    /// Something that a key does, too.
    Action(Action),
    /// An emoji.
    Emoji(String),
    /// A link or a file.
    Open(Openable),
    /// A text.
    Line(String),
    /// A message that was refused, and whose conversation is gone: its text comes back, and it is dropped.
    Unsent(ClientMessageId),
}

/// Messages are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchPane {
    /// What is typed.
    pub input: Composer,
    /// Whether only the conversation in front is looked through.
    pub is_here_only: bool,
    /// Nothing is typed, what mentions this user is listed: all of it, or what is unread.
    pub mentions: Option<bool>,
    /// The number of the newest question to the server. What answers an older one is dropped.
    pub number: u64,
    /// Whether its answer is still to come.
    pub is_asking: bool,
    /// What was asked for, to get the page after it.
    pub search: Option<Box<Search>>,
    /// What was found, the newest first.
    pub hits: Vec<Hit>,
    /// Gets what comes after them; empty: nothing.
    pub next: String,
    /// Why nothing could be looked for.
    pub problem: Option<String>,
    /// Which hit is chosen.
    pub chosen: usize,
}

/// A message that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Its conversation.
    pub chat: ChatId,
    /// What that is called.
    pub place: String,
    /// The message.
    pub found: Found,
}

impl Hit {
    /// A message that was found, with what its conversation is called now.
    pub fn of(found: Found, chats: &Chats) -> Self {
        let chat = ChatId::from(found.message.conversation.as_str());
        let label = chats.get(&chat).map(|chat| chat.room.label());
        Self {
            place: label.unwrap_or_else(|| "elsewhere".to_owned()),
            chat,
            found,
        }
    }
}

impl SearchPane {
    /// Takes in what was found behind the rest, as far as it is kept; returns whether that is anything.
    pub fn take_hits(&mut self, found: Vec<Found>, next: String, chats: &Chats) -> bool {
        let before = self.hits.len();
        let room = HITS_MAX.saturating_sub(before);
        let found = found.into_iter().take(room);
        self.hits.extend(found.map(|found| Hit::of(found, chats)));
        self.next = match self.hits.len() < HITS_MAX {
            true => next,
            false => String::new(),
        };
        self.problem = None;
        self.hits.len() > before
    }
}

/// A text that is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextPage {
    /// What it is.
    pub title: String,
    /// Its rows; wider ones are wrapped.
    pub rows: Vec<String>,
    /// The row that stands first.
    pub first_row: usize,
}

/// A question with two answers: `y` does it, everything else does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The question.
    pub text: String,
    /// What the answer `y` does.
    pub then: Then,
}

/// What a question is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Then {
    /// Does this.
    Act(Box<Act>),
    /// Fetches a file of the message with this number and opens it outside.
    OpenFile(Box<File>, u64),
    /// Drops a message that was refused.
    Drop(ClientMessageId),
    /// Leaves the conversations for another account.
    Accounts,
    /// Ends the login.
    LogOut,
    /// Leaves the program.
    Quit,
}
