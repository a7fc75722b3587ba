//! Who is calling: passwords, tokens, and the principal that a call runs as. Knows nothing of transport.

pub mod password;
pub mod token;

use crate::domain::user::{Device, UserRef};

/// Who a call runs as: a user on one of its devices.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The user.
    pub user: UserRef,
    /// The device whose token the call carried.
    pub device: Device,
}
