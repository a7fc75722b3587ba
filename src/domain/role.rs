//! Who may do what in a group or channel. Every rule about roles stands here, for all stores.

/// What a member may do. Sorted by power: the lower, the more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Everything. A conversation of more than one member always has one.
    Owner,
    /// Runs the conversation: name, topic, members, messages of others.
    Admin,
    /// Sends, reacts, adds members. Both sides of a DIRECT.
    Member,
    /// Reads.
    ReadOnly,
}

impl Role {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Owner, Self::Admin, Self::Member, Self::ReadOnly];

    /// The word for it, in texts for people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Member => "member",
            Self::ReadOnly => "read-only",
        }
    }

    /// Its number in the store: never changed, stores depend on it.
    pub const fn number(self) -> u8 {
        match self {
            Self::Owner => 1,
            Self::Admin => 2,
            Self::Member => 3,
            Self::ReadOnly => 4,
        }
    }

    /// The role of this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.number() == number)
    }

    /// Whether it runs the conversation: renames it, deletes messages of others, lists and lifts bans.
    pub const fn runs(self) -> bool {
        matches!(self, Self::Owner | Self::Admin)
    }

    /// Whether it may speak: send, edit, react, add members.
    pub const fn speaks(self) -> bool {
        !matches!(self, Self::ReadOnly)
    }

    /// Whether it may remove or ban one of that role (`None`: one who is no member).
    pub fn may_remove(self, other: Option<Self>) -> bool {
        match self {
            Self::Owner => true,
            Self::Admin => other.is_none_or(|other| !other.runs()),
            Self::Member | Self::ReadOnly => false,
        }
    }

    /// Whether it may turn one role into another.
    pub const fn may_set(self, from: Self, to: Self) -> bool {
        match self {
            Self::Owner => true,
            Self::Admin => !from.runs() && !to.runs(),
            Self::Member | Self::ReadOnly => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn power_goes_downwards_only() {
        let [owner, admin, member, reader] = Role::ALL;
        for role in Role::ALL {
            assert_eq!(Role::from_number(role.number()), Some(role));
            assert!(owner.may_remove(Some(role)) && owner.may_set(role, owner));
            assert!(!member.may_remove(Some(role)) && !reader.may_set(role, reader));
            assert_eq!(
                admin.may_remove(Some(role)),
                role == member || role == reader
            );
        }
        assert!(admin.may_set(member, reader) && admin.may_set(reader, member));
        assert!(!admin.may_set(member, admin) && !admin.may_set(owner, member));
        assert!(admin.may_remove(None) && !member.may_remove(None));
        assert!(member.speaks() && !reader.speaks() && admin.runs() && !member.runs());
        assert_eq!(Role::from_number(0), None);
    }
}
