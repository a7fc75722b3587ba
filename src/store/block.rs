//! What stands between two users where one blocks the other, as both stores say it.

use super::{ActError, SendRefusal};
use crate::domain::name::UserName;

/// A block as one of the two meets it.
#[derive(Clone, Debug)]
pub(super) enum Block {
    /// The user blocks this one.
    Own(UserName),
    /// This one blocks the user.
    Theirs(UserName),
}

impl Block {
    /// The block between a user and another of this name, if there is one. The own one comes first.
    pub fn of(other: &UserName, own: bool, theirs: bool) -> Option<Self> {
        match (own, theirs) {
            (true, _) => Some(Self::Own(other.clone())),
            (false, true) => Some(Self::Theirs(other.clone())),
            (false, false) => None,
        }
    }
}

impl From<Block> for SendRefusal {
    fn from(block: Block) -> Self {
        match block {
            Block::Own(name) => Self::UserBlocked(name),
            Block::Theirs(name) => Self::BlockedByUser(name),
        }
    }
}

impl From<Block> for ActError {
    fn from(block: Block) -> Self {
        match block {
            Block::Own(name) => Self::UserBlocked(name),
            Block::Theirs(name) => Self::BlockedByUser(name),
        }
    }
}
