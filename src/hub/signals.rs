//! What can tell a session to go: one value that both halves of a stream watch.

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::domain::event::GoingAwayReason;

/// Why a token is void.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Void {
    /// Its device was logged out.
    Revoked,
    /// It has come to its end.
    Expired,
}

/// The signals of one session. Cheap to clone; all clones hear the same.
#[derive(Clone, Debug)]
pub struct Signals {
    /// Its device was logged out.
    pub(super) revoked: CancellationToken,
    /// Its device has opened too many streams since.
    pub(super) replaced: CancellationToken,
    /// Its connection has served its time.
    pub(super) leaving: CancellationToken,
    /// The server stops.
    pub(super) draining: CancellationToken,
    /// When the token of its device comes to its end.
    pub(super) expires: Option<Instant>,
}

impl Signals {
    /// Whether the token of the device is void.
    pub fn is_void(&self) -> bool {
        let expired = |expires| Instant::now() >= expires;
        self.revoked.is_cancelled() || self.expires.is_some_and(expired)
    }

    /// Why it is, once it is.
    pub fn void_by(&self) -> Void {
        match self.revoked.is_cancelled() {
            true => Void::Revoked,
            false => Void::Expired,
        }
    }

    /// Resolves when the token of the device is void.
    pub async fn void(&self) {
        let expired = async {
            match self.expires {
                Some(expires) => tokio::time::sleep_until(expires).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.revoked.cancelled() => {}
            () = expired => {}
        }
    }

    /// Why the session should go, if it should.
    pub fn going(&self) -> Option<GoingAwayReason> {
        if self.draining.is_cancelled() {
            Some(GoingAwayReason::Shutdown)
        } else if self.replaced.is_cancelled() {
            Some(GoingAwayReason::Replaced)
        } else if self.leaving.is_cancelled() {
            Some(GoingAwayReason::ConnectionAge)
        } else {
            None
        }
    }

    /// Resolves when the session should go.
    pub async fn told_to_go(&self) {
        tokio::select! {
            () = self.draining.cancelled() => {}
            () = self.replaced.cancelled() => {}
            () = self.leaving.cancelled() => {}
        }
    }
}
