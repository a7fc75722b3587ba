//! The use cases of the server, without transport: every door leads here.
//!
//! The engine decides who may do what and in which order things happen; the store keeps, the hub tells.

mod accounts;
mod acts;
mod attempts;
mod blocks;
mod conversations;
mod devices;
mod error;
mod file_cleaning;
mod file_error;
#[cfg(test)]
pub(crate) mod file_world;
mod files;
mod finding;
mod invites;
mod members;
mod presence;
mod rate;
mod send;
mod settings;
mod sync;
mod transfers;

use std::sync::Arc;

pub use accounts::Login;
use attempts::Attempts;
pub use devices::DeviceListed;
pub use error::Error;
pub use file_error::FileError;
pub use files::{Download, Transfer, UploadFound, UploadSeen};
use presence::Typists;
pub use rate::SendRates;
pub use send::SendAsked;
use tokio::sync::{Mutex, Notify, Semaphore};
use transfers::Transfers;
pub use transfers::Watch;

use crate::{
    auth::{password::Passwords, token::Tokens},
    domain::{
        clock::{Clock, TimeMs},
        ids::Epoch,
        limits::Settings,
    },
    hub::Hub,
    store::{AuthMode, Store, blobs::Blobs},
};

/// The use cases over one store and one hub.
pub struct Engine {
    store: Arc<dyn Store>,
    hub: Arc<Hub>,
    clock: Arc<dyn Clock>,
    passwords: Passwords,
    tokens: Tokens,
    rates: SendRates,
    attempts: Attempts,
    typists: Typists,
    /// Each is held while a block of some pairs of users changes, until the hub knows: of two at once, it could hear in
    /// another order than the store.
    blocking: [Mutex<()>; blocks::BLOCKING_STRIPES],
    settings: Settings,
    blobs: Arc<dyn Blobs>,
    transfers: Arc<Transfers>,
    /// See `Engine::placing`: each stands for every 16th content.
    placing: [Mutex<()>; 16],
    /// Uploads that are hashed at once: two read as fast as the disk gives, and leave the cores to the chat.
    hashing: Semaphore,
    /// Files may be free of holders.
    freed: Notify,
}

impl Engine {
    /// Puts the parts together.
    pub fn new(
        store: Arc<dyn Store>,
        blobs: Arc<dyn Blobs>,
        hub: Arc<Hub>,
        clock: Arc<dyn Clock>,
        settings: Settings,
    ) -> Self {
        Self {
            attempts: Attempts::new(settings.attempts, &clock),
            tokens: Tokens::new(Arc::clone(&store)),
            store,
            hub,
            clock,
            passwords: Passwords::default(),
            rates: SendRates::new(settings.sends),
            typists: Typists::new(settings.sends.is_some()),
            blocking: std::array::from_fn(|_| Mutex::default()),
            settings,
            blobs,
            transfers: Arc::default(),
            placing: std::array::from_fn(|_| Mutex::default()),
            hashing: Semaphore::new(2),
            freed: Notify::new(),
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

    /// The limits that an operator set.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The live sessions.
    pub const fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }
}
