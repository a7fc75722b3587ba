//! Issuing tokens and finding out whose they are.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::Principal;
use crate::{
    domain::{ids::DeviceId, secret::Token, secret::TokenHash},
    store::{Store, StoreError},
};

/// Logins that are remembered, so that not each call asks the store: some 10 MiB. Past it all are asked for again.
const REMEMBERED_MAX: usize = 50_000;

/// Makes a token of 256 random bits. Fails only if the system has no randomness to give.
pub fn issue() -> Result<Token, getrandom::Error> {
    let mut bits = [0; 32];
    getrandom::fill(&mut bits)?;
    Ok(Token::new(bits))
}

/// Whose a token is.
pub struct Tokens {
    store: Arc<dyn Store>,
    remembered: Mutex<Remembered>,
}

#[derive(Default)]
struct Remembered {
    logins: HashMap<TokenHash, Principal>,
    /// Counts the logins that ended, so that a look-up that began before one cannot bring it back.
    ended: u64,
}

impl Tokens {
    /// Finds out by this store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            remembered: Mutex::default(),
        }
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, Remembered> {
        self.remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Finds the login of a token; `None` if there is none or it has ended.
    pub async fn principal(&self, token: &Token) -> Result<Option<Principal>, StoreError> {
        let hash = token.hash();
        let ended = {
            let remembered = self.remembered();
            if let Some(principal) = remembered.logins.get(&hash) {
                return Ok(Some(principal.clone()));
            }
            remembered.ended
        };
        let Some((user, device)) = self.store.find_device(hash).await? else {
            return Ok(None);
        };
        let principal = Principal {
            user: user.to_ref(),
            device,
        };
        let mut remembered = self.remembered();
        if remembered.ended == ended {
            if remembered.logins.len() >= REMEMBERED_MAX {
                remembered.logins.clear();
            }
            remembered.logins.insert(hash, principal.clone());
        }
        Ok(Some(principal))
    }

    /// A login has ended or changed: its token is asked for again.
    pub fn forget(&self, device: DeviceId) {
        let mut remembered = self.remembered();
        remembered.ended += 1;
        remembered
            .logins
            .retain(|_, principal| principal.device.id != device);
    }
}
