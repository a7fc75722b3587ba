//! What a token may do. A login has all scopes, the token of a bot those that it was made with.

/// One thing that a token may be allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Read users, conversations, messages and streams, and say how far they are read.
    Read,
    /// Send messages and start conversations.
    Send,
    /// Manage the account: password, devices, tokens.
    Admin,
}

impl Scope {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Read, Self::Send, Self::Admin];

    /// The word for it, in texts for people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Send => "send",
            Self::Admin => "admin",
        }
    }

    /// Its place in the store's bit set: never changed, stores depend on it.
    const fn bit(self) -> u8 {
        match self {
            Self::Read => 1,
            Self::Send => 2,
            Self::Admin => 4,
        }
    }
}

/// A set of scopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scopes(u8);

impl Scopes {
    /// What a login may do: everything.
    pub const ALL: Self = Self(7);

    /// Whether the scope is in the set.
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Whether nothing is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The scopes in the set.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL
            .into_iter()
            .filter(move |scope| self.contains(*scope))
    }

    /// The set as the store keeps it.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// The set of these bits; bits that mean nothing are dropped.
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & Self::ALL.0)
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in_and_comes_back_from_its_bits() {
        let set: Scopes = [Scope::Admin, Scope::Read, Scope::Read]
            .into_iter()
            .collect();
        assert!(set.contains(Scope::Read) && set.contains(Scope::Admin));
        assert!(!set.contains(Scope::Send) && !set.is_empty());
        assert_eq!(set.iter().collect::<Vec<_>>(), [Scope::Read, Scope::Admin]);
        assert_eq!(Scopes::from_bits(set.bits()), set);
        assert_eq!(Scopes::from_bits(0xff), Scopes::ALL);
        assert!(Scopes::from_iter([]).is_empty());
    }
}
