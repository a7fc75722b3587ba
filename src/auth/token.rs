//! Issuing tokens and finding out whose they are.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::Principal;
use crate::{
    domain::{
        clock::TimeMs,
        ids::DeviceId,
        secret::{Token, TokenHash, TokenKind},
        user::DeviceKind,
    },
    store::{Store, StoreError},
};

/// How often the use of a device is noted: often enough for a list, and a write a minute costs nothing.
const NOTE_USE_EVERY_MS: u64 = 60_000;

/// Logins that are remembered, so that not each call asks the store: some 10 MiB. Past it all are asked for again.
const REMEMBERED_MAX: usize = 50_000;

/// Makes a token of 256 random bits. Fails only if the system has no randomness to give.
pub fn issue(kind: TokenKind) -> Result<Token, getrandom::Error> {
    let mut bits = [0; 32];
    getrandom::fill(&mut bits)?;
    Ok(Token::new(kind, bits))
}

/// Whose a token is.
pub struct Tokens {
    store: Arc<dyn Store>,
    remembered: Mutex<Remembered>,
}

/// A login and when its use was noted last.
struct Known {
    principal: Principal,
    noted: TimeMs,
}

#[derive(Default)]
struct Remembered {
    logins: HashMap<TokenHash, Known>,
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

    /// Finds the login of a token; `None` if there is none or it has ended. It may have expired.
    pub async fn principal(
        &self,
        token: &Token,
        now: TimeMs,
    ) -> Result<Option<Principal>, StoreError> {
        let found = self.find(token.hash(), now).await?;
        // The prefix tells people, and those who scan for leaks, which kind it is: it must not lie.
        Ok(found.filter(|principal| match principal.device.kind {
            DeviceKind::Login => token.kind() == TokenKind::Login,
            DeviceKind::Token => token.kind() == TokenKind::Bot,
        }))
    }

    async fn find(&self, hash: TokenHash, now: TimeMs) -> Result<Option<Principal>, StoreError> {
        let ended = {
            let mut remembered = self.remembered();
            if let Some(known) = remembered.logins.get_mut(&hash) {
                if now.since_ms(known.noted) >= NOTE_USE_EVERY_MS {
                    known.noted = now;
                    self.store.note_use(known.principal.device.id, now);
                }
                return Ok(Some(known.principal.clone()));
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
        self.store.note_use(principal.device.id, now);
        let mut remembered = self.remembered();
        if remembered.ended == ended {
            if remembered.logins.len() >= REMEMBERED_MAX {
                remembered.logins.clear();
            }
            let (principal, noted) = (principal.clone(), now);
            remembered.logins.insert(hash, Known { principal, noted });
        }
        Ok(Some(principal))
    }

    /// A login has ended or changed: its token is asked for again.
    pub fn forget(&self, device: DeviceId) {
        let mut remembered = self.remembered();
        remembered.ended += 1;
        remembered
            .logins
            .retain(|_, known| known.principal.device.id != device);
    }
}
