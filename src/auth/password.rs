//! Hashing passwords: argon2id with 19 MiB, two passes, one lane (OWASP's minimum), in a bounded pool.
//!
//! A hash costs tens of milliseconds and 19 MiB by design, so only a few run at once and only so many may wait: a flood
//! of logins is refused instead of eating the machine.

use std::sync::Arc;

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc},
};
use tokio::sync::Semaphore;

use crate::{domain::secret::Password, store::PasswordHash};

/// Hashes that run at once: 38 MiB, and on two cores chat still gets its share.
const RUNNING_MAX: usize = 2;
/// Callers that may wait for a hash: at some 30 ms each the last waits about half a second.
const WAITING_MAX: usize = 32;

/// Why no answer was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashingError {
    /// Too many wait already.
    #[error("too many logins wait already")]
    Busy,
    /// The hash function failed, or a stored hash cannot be read.
    #[error("hashing failed")]
    Failed,
}

/// The pool.
#[derive(Clone, Debug)]
pub struct Passwords {
    room: Arc<Semaphore>,
    running: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            room: Arc::new(Semaphore::new(RUNNING_MAX + WAITING_MAX)),
            running: Arc::new(Semaphore::new(RUNNING_MAX)),
        }
    }
}

impl Passwords {
    /// Hashes a new password.
    pub async fn hash(&self, password: Password) -> Result<PasswordHash, HashingError> {
        self.run(move || hash(password.expose()).ok_or(HashingError::Failed))
            .await?
    }

    /// Checks a password. An unknown account has no hash and costs the same, so that nobody can tell by the time.
    pub async fn check(
        &self,
        password: Password,
        stored: Option<PasswordHash>,
    ) -> Result<bool, HashingError> {
        self.run(move || {
            let known = stored.is_some();
            let stored = stored.unwrap_or_else(nobody);
            let Ok(parsed) = phc::PasswordHash::new(&stored.0) else {
                return Err(HashingError::Failed);
            };
            Ok(Argon2::default()
                .verify_password(password.expose(), &parsed)
                .is_ok()
                && known)
        })
        .await?
    }

    async fn run<T, F>(&self, work: F) -> Result<T, HashingError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let _room = self.room.try_acquire().map_err(|_| HashingError::Busy)?;
        let _running = self
            .running
            .acquire()
            .await
            .map_err(|_| HashingError::Failed)?;
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|_| HashingError::Failed)
    }
}

fn hash(password: &[u8]) -> Option<PasswordHash> {
    Argon2::default()
        .hash_password(password)
        .ok()
        .map(|hash| PasswordHash(hash.to_string()))
}

/// The parameters of new hashes, as a PHC string begins with them.
const PARAMETERS: &str = "$argon2id$v=19$m=19456,t=2,p=1$";

/// Whether a hash was made with weaker parameters than new ones are, so that it is worth making anew.
pub fn is_outdated(stored: &PasswordHash) -> bool {
    !stored.0.starts_with(PARAMETERS)
}

/// The hash that stands in for an account that does not exist. Its 32 bytes are no password's: they are compared like
/// those of any other, after the same work, and passing would be refused all the same.
fn nobody() -> PasswordHash {
    let (salt, bytes) = ("bm9ib2R5IGlzIGhlcmU", "A".repeat(43));
    PasswordHash(format!("{PARAMETERS}{salt}${bytes}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_password_of_an_account_passes_and_the_parameters_are_the_promised_ones() {
        let passwords = Passwords::default();
        let password = |text: &str| text.parse::<Password>().unwrap();
        let stored = passwords.hash(password("correct horse")).await.unwrap();
        assert!(stored.0.starts_with(PARAMETERS), "{}", stored.0);
        assert!(!is_outdated(&stored));
        let weaker = stored.0.replace("m=19456", "m=4096");
        assert!(is_outdated(&PasswordHash(weaker)));
        assert_eq!(
            passwords
                .check(password("correct horse"), Some(stored.clone()))
                .await,
            Ok(true)
        );
        assert_eq!(
            passwords
                .check(password("battery staple"), Some(stored))
                .await,
            Ok(false)
        );
        let nobody = passwords
            .check(password("nobody has this password"), None)
            .await;
        assert_eq!(nobody, Ok(false));
    }
}
