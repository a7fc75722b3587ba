//! Users and their devices.

use super::{
    clock::TimeMs,
    ids::{DeviceId, UserId},
    name::{DeviceName, UserName},
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

/// One login of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Never changes.
    pub id: DeviceId,
    /// For people.
    pub name: DeviceName,
    /// When it logged in.
    pub created: TimeMs,
}

/// Whether somebody can be reached now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// At least one open stream.
    Online,
    /// No open stream.
    Offline,
}
