//! The use cases of the server, without transport: every door leads here.
//!
//! The engine decides who may do what and in which order things happen; the store keeps, the hub tells.

mod accounts;
mod conversations;
mod error;
mod rate;
mod send;
mod sync;

use std::sync::Arc;

pub use accounts::Login;
pub use error::Error;
pub use rate::SendRates;
pub use send::SendAsked;

use crate::{
    auth::{password::Passwords, token::Tokens},
    domain::{
        clock::{Clock, TimeMs},
        ids::Epoch,
        limits::SendRate,
    },
    hub::Hub,
    store::{AuthMode, Store},
};

/// The use cases over one store and one hub.
pub struct Engine {
    store: Arc<dyn Store>,
    hub: Arc<Hub>,
    clock: Arc<dyn Clock>,
    passwords: Passwords,
    tokens: Tokens,
    rates: SendRates,
}

impl Engine {
    /// Puts the parts together. `rate`: how fast each user may send; `None` lifts the limit.
    pub fn new(
        store: Arc<dyn Store>,
        hub: Arc<Hub>,
        clock: Arc<dyn Clock>,
        rate: Option<SendRate>,
    ) -> Self {
        Self {
            tokens: Tokens::new(Arc::clone(&store)),
            store,
            hub,
            clock,
            passwords: Passwords::default(),
            rates: SendRates::new(rate),
        }
    }

    /// The time.
    pub fn now(&self) -> TimeMs {
        self.clock.now()
    }

    /// The store's identity.
    pub fn epoch(&self) -> Epoch {
        self.store.epoch()
    }

    /// How users prove who they are.
    pub fn auth_mode(&self) -> AuthMode {
        self.store.auth_mode()
    }

    /// How fast each user may send.
    pub const fn send_rate(&self) -> Option<SendRate> {
        self.rates.rate()
    }

    /// The live sessions.
    pub const fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }
}
