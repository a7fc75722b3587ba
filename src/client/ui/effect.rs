//! What the terminal UI wants to be done: the only way in which the pure parts reach the world.
//!
//! `update` and `news` return these, `runtime` does them in their order. What has an answer says which `News` it is.
//! Knows nothing of how anything is done.

use crate::{
    client::app::{
        acts::Act,
        file::File,
        look::Search,
        password::NewPassword,
        room::Wanted,
        transfers::{Job, Steer},
        when::Moment,
    },
    domain::{ids::ClientMessageId, user::Presence},
};

use super::model::{chat::ChatId, outgoing::Outgoing, previews::Want, window::Ask};

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Keeps a message on this machine and sends it, under the id that it has; answered by `News::Sent`, `News::NotSent`
    /// or `News::Held`. One that was refused and is tried again comes the same way.
    Send(Outgoing),
    /// Forgets a message that was refused, on this machine, too.
    Drop(ClientMessageId),
    /// Finds a conversation, or begins one with a user; answered by `News::Started`.
    Start(Wanted),
    /// Does something that people do to conversations; answered by `News::Acted`.
    Act(Act),
    /// Gets all users; answered by `News::Users`.
    Users,
    /// Gets the server's time; answered by `News::Time`.
    Time,
    /// Gets the state of all conversations; answered by `News::States`.
    States,
    /// Gets the state of one; answered by `News::State`.
    State(ChatId),
    /// Gets a page of messages: of the cache what it has, else of the server; answered by `News::Page`.
    Page {
        /// The conversation.
        chat: ChatId,
        /// Which messages.
        ask: Ask,
        /// How many, at most.
        count: usize,
    },
    /// Finds the message at a moment, in the zone of the user; answered by `News::Found`.
    Find {
        /// The conversation.
        chat: ChatId,
        /// The moment.
        at: Moment,
    },
    /// Gets the members; answered by `News::Members`.
    Members(ChatId),
    /// Gets how far the others have come; answered by `News::Markers`.
    Markers(ChatId),
    /// Looks for messages; answered by `News::Hits` with this number.
    Search {
        /// Tells the answer from those to what was typed before.
        number: u64,
        /// What is looked for.
        search: Box<Search>,
    },
    /// Marks a conversation read.
    MarkRead {
        /// The conversation.
        chat: ChatId,
        /// Up to this message.
        seq: u64,
    },
    /// Takes back the marks of a conversation that the server has not answered: it was put aside as unread.
    KeepUnread(ChatId),
    /// Tells others that this user types, or stopped.
    Typing {
        /// Where.
        chat: ChatId,
        /// Whether.
        is_typing: bool,
    },
    /// Says anew how this user can be reached, since the server forgot it with the connection.
    StayAs(Presence),
    /// Keeps a text that is not sent; an empty one is none.
    KeepDraft {
        /// The conversation.
        chat: ChatId,
        /// The text.
        text: String,
    },
    /// Keeps a text that was sent, for the history of the composer.
    KeepLine {
        /// The conversation.
        chat: ChatId,
        /// The text.
        text: String,
    },
    /// Keeps which conversation is in front, and reads what was sent there before; the latter by `News::Lines`.
    Front(Option<ChatId>),
    /// Puts a text into the clipboard of the terminal.
    Copy(String),
    /// Opens a link outside, or says how to.
    Open(String),
    /// Fetches a file of the message with this number and opens it outside, or says why not.
    OpenFile(Box<File>, u64),
    /// Begins to move files; answered by `News::Moved`, more than once.
    Move {
        /// The number of the transfer.
        number: u32,
        /// What is moved.
        job: Job,
    },
    /// Has a transfer wait, go on or end.
    Steer(u32, Steer),
    /// Fetches the preview of a picture, or makes it for another room; answered by `News::Preview`.
    Preview(Want),
    /// Changes the password; answered by `News::Password`.
    Password(NewPassword),
    /// Rings the bell.
    Ring,
    /// Shows a notification outside of the terminal. Both texts are safe.
    Notify {
        /// Who calls.
        title: String,
        /// What is said.
        body: String,
    },
    /// Draws all of the screen anew.
    Redraw,
    /// Goes to the shell.
    Suspend,
    /// Goes to another account.
    Accounts,
    /// Ends this login; if that cannot be, says why.
    LogOut,
    /// Leaves.
    Quit,
}
