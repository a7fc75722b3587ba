//! Moving files: a whole upload or download, however often the link breaks and the server restarts in between.
//!
//! [`Source`](source::Source) is what is sent, [`upload`](upload::upload) sends it, and [`records`] lets the next program go
//! on where one was ended. [`download`](download::download) fetches a file to a [`place`], under a [`name`] that is safe
//! there. Each can be watched, made to wait and cancelled ([`steering`]).
//!
//! Promises that what arrives is what was sent, by the hash of the whole, or that it is told; that a transfer holds less
//! than 1 MiB in memory; and that no server can make it go on for ever, write outside of the folder that was chosen, or
//! write over what is there. Knows nothing of terminals and of what files hold.

pub mod cancelled;
pub mod download;
pub mod error;
pub mod media;
pub mod name;
pub mod place;
pub mod records;
pub mod saved;
mod sink;
pub mod source;
pub mod standing;
pub mod steering;
pub mod upload;

#[cfg(test)]
#[path = "fake_tests.rs"]
pub(super) mod fake;

use std::time::Duration;

use super::net::session::Patience;

/// How a transfer goes on when it meets trouble.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// How long it goes on trying while nothing gets on.
    pub patience: Patience,
    /// How long nothing may move before the connection counts as dead.
    pub standstill: Duration,
}

impl Pace {
    /// The pace of this patience.
    pub const fn patient(patience: Patience) -> Self {
        Self {
            patience,
            // As long as the server gives a peer that does not move.
            standstill: Duration::from_secs(60),
        }
    }
}

/// Does something that may block for as long as a disk does.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, std::io::Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| std::io::Error::other(format!("it was given up: {error}")))
}
