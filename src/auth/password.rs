//! Hashing passwords: argon2id with 19 MiB, two passes, one lane (OWASP's minimum), in a bounded pool.
//!
//! A hash costs tens of milliseconds and 19 MiB by design, so only a few run at once and only so many may wait: a flood
//! of logins is refused instead of eating the machine.

use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{self, Output, ParamsString, Salt},
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
            Ok(is_of(password.expose(), &parsed).ok_or(HashingError::Failed)? && known)
        })
        .await?
    }

    async fn run<T, F>(&self, work: F) -> Result<T, HashingError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let room = Arc::clone(&self.room).try_acquire_owned();
        let room = room.map_err(|_| HashingError::Busy)?;
        let running = Arc::clone(&self.running).acquire_owned().await;
        let running = running.map_err(|_| HashingError::Failed)?;
        let work = move || {
            let outcome = work();
            // Here rather than with the caller, who may be gone by now: the hash still runs.
            drop((running, room));
            outcome
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|_| HashingError::Failed)
    }
}

/// Memory that is asked for, though only 19 MiB of it are written to. glibc gives a block back to the system at once if it
/// is larger than 32 MiB; a smaller one stays with the thread that freed it, and a burst of logins meets many threads:
/// 1.8 GiB were measured.
const MEMORY_BYTES: usize = 33 * 1024 * 1024;

/// Runs the hash function.
fn digest(argon2: &Argon2<'_>, password: &[u8], salt: &[u8], bytes: usize) -> Option<Output> {
    let blocks = argon2.params().block_count();
    let mut memory = Vec::with_capacity(blocks.max(MEMORY_BYTES / Block::SIZE));
    memory.resize(blocks, Block::new());
    let mut out = [0; Output::MAX_LENGTH];
    let out = out.get_mut(..bytes)?;
    argon2
        .hash_password_into_with_memory(password, salt, out, &mut memory)
        .ok()?;
    Output::new(out).ok()
}

fn hash(password: &[u8]) -> Option<PasswordHash> {
    let argon2 = Argon2::default();
    let salt = Salt::generate();
    let hash = digest(&argon2, password, &salt, Params::DEFAULT_OUTPUT_LEN)?;
    let whole = phc::PasswordHash {
        algorithm: Algorithm::default().ident(),
        version: Some(Version::default().into()),
        params: ParamsString::try_from(argon2.params()).ok()?,
        salt: Some(salt),
        hash: Some(hash),
    };
    Some(PasswordHash(whole.to_string()))
}

/// Whether a password is that of a hash; `None`: the hash cannot be read. Outputs are compared in constant time.
fn is_of(password: &[u8], stored: &phc::PasswordHash) -> Option<bool> {
    let (salt, hash) = (stored.salt.as_ref()?, stored.hash.as_ref()?);
    let algorithm = Algorithm::try_from(stored.algorithm.as_str()).ok()?;
    let version = Version::try_from(stored.version?).ok()?;
    let argon2 = Argon2::new(algorithm, version, Params::try_from(stored).ok()?);
    Some(digest(&argon2, password, salt, hash.len())? == *hash)
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
    async fn so_many_may_wait_for_a_hash_and_one_more_is_refused() {
        let passwords = Passwords::default();
        let check = || passwords.check("correct horse".parse().unwrap(), None);
        let all = (0..RUNNING_MAX + WAITING_MAX).map(|_| check());
        let (waiting, one_more) = tokio::join!(futures_util::future::join_all(all), check());
        assert_eq!(one_more, Err(HashingError::Busy));
        assert!(waiting.iter().all(|answer| *answer == Ok(false)));
        assert_eq!(check().await, Ok(false), "there is room again");
    }

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
        // One that another program made, with other parameters.
        let foreign = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21l$";
        let argon2 = Argon2::new(
            Algorithm::Argon2id,
            Version::V0x13,
            Params::new(64, 1, 1, None).unwrap(),
        );
        let output = digest(&argon2, b"correct horse", b"somesaltsome", 32).unwrap();
        let foreign = PasswordHash(format!("{foreign}{output}"));
        let check = passwords.check(password("correct horse"), Some(foreign.clone()));
        assert_eq!(check.await, Ok(true));
        let check = passwords.check(password("battery staple"), Some(foreign));
        assert_eq!(check.await, Ok(false));
        let torn = passwords.check(password("correct horse"), Some(PasswordHash("$x".into())));
        assert_eq!(torn.await, Err(HashingError::Failed));
        let nobody = passwords
            .check(password("nobody has this password"), None)
            .await;
        assert_eq!(nobody, Ok(false));
    }
}
