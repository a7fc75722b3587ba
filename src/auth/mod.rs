//! Who is calling: passwords, tokens, and the principal that a call runs as; and the codes of invite links. Knows nothing of
//! transport.

pub mod attempts;
pub mod invite;
pub mod password;
pub mod token;

use crate::domain::{
    scope::Scope,
    user::{Device, UserRef},
};

/// Who a call runs as: a user on one of its devices.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The user.
    pub user: UserRef,
    /// The device whose token the call carried.
    pub device: Device,
}

/// The token of the call may not do what it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token lacks the scope {}", .0.word())]
pub struct ScopeMissing(pub Scope);

impl Principal {
    /// Asks whether the token may do this kind of thing.
    pub const fn may(&self, scope: Scope) -> Result<(), ScopeMissing> {
        if self.device.scopes.contains(scope) {
            Ok(())
        } else {
            Err(ScopeMissing(scope))
        }
    }
}
