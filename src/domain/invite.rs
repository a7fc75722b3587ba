//! Invite links: who has the code of one makes himself a member. What a code looks like is said in `secret`.

use std::num::NonZeroU32;

use super::{
    clock::TimeMs,
    ids::{ConversationId, InviteLinkId},
    secret::InviteHash,
    user::UserRef,
};

/// A link by which others join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InviteLink {
    /// Never changes.
    pub id: InviteLinkId,
    /// Where it leads to.
    pub conversation: ConversationId,
    /// Who made it. It works as long as that is a member who speaks, and ends with the membership.
    pub creator: UserRef,
    /// When it was made.
    pub created: TimeMs,
    /// What ends it.
    pub ends: InviteEnds,
    /// How many have joined by it.
    pub uses: u32,
}

/// What ends an invite link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InviteEnds {
    /// From then on nobody joins by it; `None`: never.
    pub expires: Option<TimeMs>,
    /// When so many have joined by it; `None`: any number.
    pub uses_max: Option<NonZeroU32>,
}

impl InviteEnds {
    /// Whether a link that was used so often has come to its end at a time.
    pub fn reached(self, uses: u32, now: TimeMs) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
            || self.uses_max.is_some_and(|max| uses >= max.get())
    }
}

/// An invite link to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewInviteLink {
    /// What finds it again.
    pub code: InviteHash,
    /// When.
    pub created: TimeMs,
    /// What ends it.
    pub ends: InviteEnds,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_ends_with_its_time_or_its_last_use() {
        let now = TimeMs::new(1_000);
        let never = InviteEnds::default();
        assert!(!never.reached(u32::MAX, now));
        let at = |expires| InviteEnds {
            expires: Some(TimeMs::new(expires)),
            ..never
        };
        assert!(at(1_000).reached(0, now) && !at(1_001).reached(0, now));
        let twice = InviteEnds {
            uses_max: NonZeroU32::new(2),
            ..never
        };
        assert!(!twice.reached(1, now) && twice.reached(2, now));
    }
}
