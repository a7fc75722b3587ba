//! The connection that a request came by, as far as a service needs to know it.

use tokio_util::sync::CancellationToken;

use crate::domain::address::CallerAddress;

/// Stands in the extensions of every request.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Where the connection comes from.
    pub address: CallerAddress,
    /// Told to the streams of the connection when it has served its time.
    pub leaving: CancellationToken,
    /// Ends the connection at once: the last means against a peer that does not read what would end its stream.
    pub cut: CancellationToken,
}

impl Caller {
    /// A connection that has just been made from this address.
    pub fn new(address: CallerAddress) -> Self {
        Self {
            address,
            leaving: CancellationToken::new(),
            cut: CancellationToken::new(),
        }
    }
}
