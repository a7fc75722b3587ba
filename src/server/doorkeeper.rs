//! Who may come in: connections counted in all and by address. A place is given back when it is dropped.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::domain::{address::CallerAddress, limits::ConnectionLimits};

/// Why a connection may not come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// As many as may be are in.
    Full,
    /// As many as may be are in from this address.
    Address,
}

impl Refused {
    /// The word for metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Address => "address",
        }
    }
}

/// Counts the connections of all listeners. Cheap to clone; all clones are the same.
#[derive(Clone, Debug)]
pub struct Doorkeeper(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limits: ConnectionLimits,
    counted: Mutex<Counted>,
}

/// Holds an entry for each address with a connection only, so it is as bounded as the connections are.
#[derive(Debug, Default)]
struct Counted {
    all: usize,
    /// Those that have come and gone.
    gone: u64,
    by_address: HashMap<CallerAddress, usize>,
}

impl Doorkeeper {
    /// Nobody is in yet.
    pub fn new(limits: ConnectionLimits) -> Self {
        Self(Arc::new(Inner {
            limits,
            counted: Mutex::default(),
        }))
    }

    /// Lets one more in.
    pub fn admit(&self, address: CallerAddress) -> Result<Place, Refused> {
        let limits = self.0.limits;
        let mut counted = self.0.counted();
        if counted.all >= limits.all {
            return Err(Refused::Full);
        }
        let here = counted.by_address.get(&address).copied().unwrap_or(0);
        // On loopback one address stands for everybody, a proxy above all.
        let limited = limits.per_address > 0 && !address.is_loopback();
        if limited && here >= limits.per_address {
            return Err(Refused::Address);
        }
        counted.all += 1;
        counted.by_address.insert(address, here + 1);
        Ok(Place {
            keeper: self.clone(),
            address,
        })
    }
}

impl Doorkeeper {
    /// How many connections are open, and how many have ended since the start.
    pub fn counts(&self) -> (u64, u64) {
        let counted = self.0.counted();
        (counted.all as u64, counted.gone)
    }
}

impl Inner {
    fn counted(&self) -> MutexGuard<'_, Counted> {
        // Counting cannot panic halfway, so what a poisoned lock guards is whole.
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one connection.
#[derive(Debug)]
#[must_use]
pub struct Place {
    keeper: Doorkeeper,
    address: CallerAddress,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counted = self.keeper.0.counted();
        counted.all = counted.all.saturating_sub(1);
        counted.gone += 1;
        if let Some(here) = counted.by_address.get_mut(&self.address) {
            *here = here.saturating_sub(1);
            if *here == 0 {
                counted.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(address: &str) -> CallerAddress {
        CallerAddress::new(address.parse().unwrap())
    }

    fn keeper(all: usize, per_address: usize) -> Doorkeeper {
        Doorkeeper::new(ConnectionLimits { all, per_address })
    }

    #[test]
    fn one_past_the_limit_is_refused_and_a_place_comes_back() {
        let keeper = keeper(3, 2);
        let (here, there) = (from("192.0.2.1"), from("192.0.2.2"));
        let first = keeper.admit(here).unwrap();
        let _second = keeper.admit(here).unwrap();
        assert_eq!(keeper.admit(here).unwrap_err(), Refused::Address);
        let _third = keeper.admit(there).unwrap();
        assert_eq!(keeper.admit(there).unwrap_err(), Refused::Full);
        drop(first);
        let _fourth = keeper.admit(here).unwrap();
        assert_eq!(keeper.0.counted().by_address.len(), 2);
    }

    #[test]
    fn the_usual_256_of_an_address_and_not_one_more() {
        let keeper = keeper(1_000, 256);
        let other = from("192.0.2.2");
        let mut places: Vec<_> = (0..256)
            .map(|_| keeper.admit(from("192.0.2.1")).unwrap())
            .collect();
        let refused = keeper.admit(from("::ffff:192.0.2.1"));
        assert_eq!(refused.unwrap_err(), Refused::Address);
        drop(keeper.admit(other).unwrap());
        places.pop();
        drop(keeper.admit(from("192.0.2.1")).unwrap());
        assert_eq!(keeper.counts(), (255, 3));
    }

    #[test]
    fn loopback_counts_only_in_all_and_what_is_gone_is_forgotten() {
        let keeper = keeper(3, 1);
        let places: Vec<_> = (0..3)
            .map(|_| keeper.admit(from("127.0.0.1")).unwrap())
            .collect();
        assert_eq!(keeper.admit(from("::1")).unwrap_err(), Refused::Full);
        drop(places);
        assert!(keeper.0.counted().by_address.is_empty());
    }
}
