//! What happens to the screens before the chat, and what they want of the world.

use std::time::Duration;

use super::Secret;
use crate::{
    client::ui::keymap::Chord,
    domain::{fingerprint::Fingerprint, name::UserName},
};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Msg {
    /// A key was pressed.
    Key(Chord),
    /// A text was pasted: it is typed, and never more.
    Paste(String),
    /// The screen has this size now: columns and rows.
    Resized(u16, u16),
    /// What was asked last has come to its end.
    Answer(Answer),
}

/// Something to do. All but the last four have an answer, and none is asked while another is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Finds out what a server is and how well it is known; answered by `Connected`, `Unknown`, `Changed` or `Refused`.
    Connect {
        /// The server as it was typed.
        server: String,
    },
    /// Trusts the certificate of a server from now on, and goes on as with `Connect`.
    Trust {
        /// The server.
        server: String,
        /// What it showed.
        fingerprint: Fingerprint,
    },
    /// Logs in; what comes after that is the chat, or `Refused`.
    LogIn {
        /// The server that was met.
        server: String,
        /// Who.
        name: UserName,
        /// Empty where none is needed.
        password: Secret,
    },
    /// Makes an account; otherwise the same.
    Register {
        /// The server that was met.
        server: String,
        /// Who.
        name: UserName,
        /// The password that it gets.
        password: Secret,
    },
    /// Comes back by a remembered login; what comes after that is the chat, or `Ended`, `Changed` or `Refused`.
    UseRemembered {
        /// The server.
        server: String,
        /// Who.
        name: UserName,
    },
    /// Gives up what is under way: there will be no answer.
    Stop,
    /// Draws all of the screen anew.
    Redraw,
    /// Goes to the shell.
    Suspend,
    /// Leaves.
    Quit,
}

/// What came of what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The server answers, and it is known well enough.
    Connected(Met),
    /// Nobody vouches for the server. Nothing was sent to it.
    Unknown {
        /// The server.
        server: String,
        /// What it showed.
        fingerprint: Fingerprint,
    },
    /// The server shows another certificate than the one that is trusted. Nothing was sent to it.
    Changed {
        /// The server.
        server: String,
        /// What it showed.
        shown: Fingerprint,
        /// What is trusted.
        pinned: Fingerprint,
    },
    /// The login that was remembered is no login any more, and is forgotten.
    Ended(Met),
    /// It did not work.
    Refused(Refusal),
}

/// A server that answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Met {
    /// Its address.
    pub server: String,
    /// How well it is known.
    pub known: Known,
    /// Whether names are enough there: no password is asked for.
    pub is_trusting: bool,
}

/// How well a server is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Not at all, but it is on this machine: nobody can listen.
    Here,
    /// Not at all, and everybody between can listen: the user wants it so.
    Plaintext,
    /// An authority vouches for it.
    Vouched,
    /// It has the certificate that the user trusts.
    Pinned,
}

/// Why something did not work.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The reason for programs, such as `NAME_TAKEN`; empty if there is none.
    pub reason: String,
    /// What happened and the mend, in one safe line.
    pub text: String,
    /// How long to wait before it can work.
    pub wait: Option<Duration>,
}
