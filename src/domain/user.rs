//! Users and their devices.

use super::{
    clock::TimeMs,
    ids::{DeviceId, UserId},
    name::{DeviceName, UserName},
    scope::Scopes,
};

/// A user as it stands beside something the user did.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UserRef {
    /// Never changes.
    pub id: UserId,
    /// Unique now.
    pub name: UserName,
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Never changes.
    pub id: UserId,
    /// Unique.
    pub name: UserName,
    /// When the last stream of the user ended, if one ever did.
    pub last_seen: Option<TimeMs>,
}

impl User {
    /// The short form.
    pub fn to_ref(&self) -> UserRef {
        UserRef {
            id: self.id,
            name: self.name.clone(),
        }
    }
}

/// How a device came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeviceKind {
    /// Somebody logged in.
    Login,
    /// A token was made for a bot or a script.
    Token,
}

/// One login of a user, or one token of a bot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Never changes.
    pub id: DeviceId,
    /// For people.
    pub name: DeviceName,
    /// When it logged in.
    pub created: TimeMs,
    /// How it came to be.
    pub kind: DeviceKind,
    /// What its token may do.
    pub scopes: Scopes,
    /// From when on its token is void; `None`: it has no end.
    pub expires: Option<TimeMs>,
}

impl Device {
    /// Whether its token is void at this moment.
    pub fn has_expired(&self, now: TimeMs) -> bool {
        self.expires.is_some_and(|expires| now >= expires)
    }
}

/// A device as its owner sees it in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceSeen {
    /// The device.
    pub device: Device,
    /// When it was used last, to about a minute.
    pub seen: TimeMs,
}

/// Whether somebody can be reached now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// At least one open stream.
    Online,
    /// Open streams, and away at each of them.
    Away,
    /// Open streams, and not to be disturbed.
    DoNotDisturb,
    /// No open stream.
    Offline,
}
