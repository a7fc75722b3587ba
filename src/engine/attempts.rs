//! Brute force slowed: how often logins may fail and accounts be made, by name and by address.
//!
//! A stranger who guesses uses up the bucket of (name, own address): the owner, at another address or with a login that
//! exists, is not locked out. A known and an unknown name count alike.

use std::sync::Arc;

use super::Error;
use crate::{
    auth::attempts::Buckets,
    domain::{address::CallerAddress, clock::Clock, limits::AttemptRates, name::UserName},
};

/// The buckets.
pub(super) struct Attempts {
    logins: Buckets<(UserName, CallerAddress)>,
    logins_of_address: Buckets<CallerAddress>,
    registers_of_address: Buckets<CallerAddress>,
}

impl Attempts {
    /// Buckets of these rates.
    pub fn new(rates: AttemptRates, clock: &Arc<dyn Clock>) -> Self {
        let clock = || Arc::clone(clock);
        Self {
            logins: Buckets::per_minute(rates.failed_logins, clock()),
            logins_of_address: Buckets::per_minute(rates.failed_logins_per_address, clock()),
            registers_of_address: Buckets::per_minute(rates.registers_per_address, clock()),
        }
    }

    /// Begins an attempt to log in. It is given back unless it is said to have failed.
    pub fn log_in(&self, name: &UserName, from: CallerAddress) -> Result<Attempt<'_>, Error> {
        let key = (name.clone(), from);
        self.logins.take(&key).map_err(Error::LoginRateLimited)?;
        let mut attempt = Attempt {
            attempts: self,
            key: Some(key),
            of_address: false,
        };
        if from.is_loopback() {
            return Ok(attempt);
        }
        // Refused here, what was taken above goes back with the attempt.
        self.logins_of_address
            .take(&from)
            .map_err(Error::LoginRateLimited)?;
        attempt.of_address = true;
        Ok(attempt)
    }

    /// Takes one new account.
    pub fn register(&self, from: CallerAddress) -> Result<(), Error> {
        if from.is_loopback() {
            return Ok(());
        }
        self.registers_of_address
            .take(&from)
            .map_err(Error::RegisterRateLimited)
    }
}

/// An attempt to log in that is under way.
#[must_use]
pub(super) struct Attempt<'a> {
    attempts: &'a Attempts,
    key: Option<(UserName, CallerAddress)>,
    of_address: bool,
}

impl Attempt<'_> {
    /// The password was wrong: the attempt counts.
    pub fn failed(mut self) {
        self.key = None;
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let Some(key) = self.key.take() else {
            return;
        };
        if self.of_address {
            self.attempts.logins_of_address.give_back(&key.1);
        }
        self.attempts.logins.give_back(&key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::{ManualClock, TimeMs};

    fn attempts() -> Attempts {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(TimeMs::new(0)));
        Attempts::new(AttemptRates::default(), &clock)
    }

    fn fail(attempts: &Attempts, name: &str, from: &str) -> bool {
        let from = CallerAddress::new(from.parse().unwrap());
        match attempts.log_in(&name.parse().unwrap(), from) {
            Ok(attempt) => {
                attempt.failed();
                true
            }
            Err(error) => {
                assert!(matches!(error, Error::LoginRateLimited(_)));
                false
            }
        }
    }

    #[test]
    fn five_failures_of_a_name_at_an_address_and_the_owner_elsewhere_goes_on() {
        let attempts = attempts();
        assert!((0..5).all(|_| fail(&attempts, "ann", "192.0.2.1")));
        assert!(!fail(&attempts, "ann", "192.0.2.1"));
        assert!(fail(&attempts, "ann", "192.0.2.2"));
        assert!(fail(&attempts, "bob", "192.0.2.1"));
    }

    #[test]
    fn sixty_failures_of_an_address_whatever_the_names() {
        let attempts = attempts();
        assert!((0..60).all(|number| fail(&attempts, &format!("user{number}"), "192.0.2.1")));
        assert!(!fail(&attempts, "ann", "192.0.2.1"));
        // What was refused by the address did not count for the name.
        assert_eq!(attempts.logins.take(&key("ann")), Ok(()));
        assert!((0..100).all(|number| fail(&attempts, &format!("user{number}"), "127.0.0.1")));
    }

    fn key(name: &str) -> (UserName, CallerAddress) {
        let from = CallerAddress::new("192.0.2.1".parse().unwrap());
        (name.parse().unwrap(), from)
    }

    #[test]
    fn an_attempt_that_did_not_fail_is_given_back() {
        let attempts = attempts();
        for _ in 0..100 {
            let (name, from) = key("ann");
            assert!(attempts.log_in(&name, from).is_ok());
        }
    }

    #[test]
    fn thirty_accounts_of_an_address_and_any_number_on_loopback() {
        let attempts = attempts();
        let from = |text: &str| CallerAddress::new(text.parse().unwrap());
        assert!((0..30).all(|_| attempts.register(from("192.0.2.1")).is_ok()));
        assert!(matches!(
            attempts.register(from("192.0.2.1")),
            Err(Error::RegisterRateLimited(_))
        ));
        assert!(attempts.register(from("192.0.2.2")).is_ok());
        assert!((0..100).all(|_| attempts.register(from("::1")).is_ok()));
    }
}
