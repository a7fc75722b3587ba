//! Every id and counter of the program, each with what makes it stable. No bare number crosses a module line.

use std::{fmt, str::FromStr};

use uuid::Uuid;

/// Why a text is no id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id of {} {kind}: copy it as the server gave it", article(.kind))]
pub struct IdError {
    kind: &'static str,
}

fn article(kind: &str) -> &'static str {
    // As it is spoken: a user.
    let begins = |sound: &&str| kind.starts_with(*sound);
    match ["a", "e", "i", "o", "up"].iter().any(begins) {
        true => "an",
        false => "a",
    }
}

/// Defines an id: a positive number that fits SQL's 63 bits, shown as a letter and the number.
macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident, $letter:literal, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl $name {
            /// Takes a number that the store gave out.
            pub const fn new(number: u64) -> Self {
                Self(number)
            }

            /// The number, for the store.
            pub const fn number(self) -> u64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($letter, "{}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                decimal(text.strip_prefix($letter)).map(Self).ok_or(IdError { kind: $kind })
            }
        }
    };
}

/// Reads a positive decimal number below 2^63 that is written in its one canonical way.
fn decimal(text: Option<&str>) -> Option<u64> {
    let digits = text.filter(|digits| digits.starts_with(|c: char| ('1'..='9').contains(&c)))?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits
        .parse()
        .ok()
        .filter(|number| i64::try_from(*number).is_ok())
}

id_type! {
    /// An account. Never changes and is never used again, though the name may change.
    UserId, "u", "user"
}
id_type! {
    /// One login of a user. Ends with its token.
    DeviceId, "d", "device"
}
id_type! {
    /// A conversation. Never changes.
    ConversationId, "c", "conversation"
}
id_type! {
    /// An invite link. Never used again. It is no secret: nobody joins by it.
    InviteLinkId, "i", "link"
}
id_type! {
    /// A file that is on stable storage. Never changes and is never used again.
    FileId, "f", "file"
}
id_type! {
    /// An upload. Never used again; the file that comes of it has the same number.
    UploadId, "p", "upload"
}

impl UploadId {
    /// The file that comes of it.
    pub const fn file(self) -> FileId {
        FileId(self.0)
    }
}

/// Position in one conversation: 1, 2, 3 … without gaps, given by the store at commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(u64);

impl Seq {
    /// "Nothing seen", "nothing said".
    pub const ZERO: Self = Self(0);

    /// Takes a number from the store or, checked against the store afterwards, from a peer.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The position just after this one.
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// How many messages lie after `earlier`, up to and including this one; 0 if this is not later.
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Position in the log of the whole store, in commit order. State rows take offsets, too, so the log has holes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(u64);

impl Offset {
    /// Before everything.
    pub const ZERO: Self = Self(0);

    /// Takes a number from the store or from a cursor.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The position just after this one.
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The position just before this one.
    pub const fn before(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

/// Names one message in the whole store: its conversation and place. Never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MessageId(pub ConversationId, pub Seq);

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1.number())
    }
}

/// The sender's name for one send: a UUID, unique per user. A repeat of it is the same send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientMessageId(Uuid);

impl ClientMessageId {
    /// Makes a new one. Version 7: it begins with the time, so that keys of a batch lie together in the store.
    pub fn mint() -> Self {
        Self(Uuid::now_v7())
    }

    /// Takes 16 bytes from the store.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// The 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl fmt::Display for ClientMessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.hyphenated())
    }
}

impl FromStr for ClientMessageId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Uuid::try_parse(text)
            .ok()
            .filter(|uuid| !uuid.is_nil())
            .map(Self)
            .ok_or(IdError {
                kind: "send (a UUID such as 0198c5a0-9c1e-7b21-8a4d-3f6f1f2b7c11)",
            })
    }
}

/// The identity of a store: random, made with it, made anew by a restore. Cursors of another epoch are void.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Epoch(u64);

impl Epoch {
    /// Takes the number that the store keeps.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back_what_they_show() {
        let id = ConversationId::new(42);
        assert_eq!(id.to_string(), "c42");
        assert_eq!("c42".parse(), Ok(id));
    }

    #[test]
    fn anything_else_is_no_id() {
        for text in [
            "",
            "c",
            "42",
            "u42",
            "c0",
            "c042",
            "c+1",
            "c-1",
            "c 1",
            "c9223372036854775808",
            "c١",
        ] {
            assert!(text.parse::<ConversationId>().is_err(), "{text:?}");
        }
    }
}
