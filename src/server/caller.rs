//! The connection that a request came by, as far as a service needs to know it.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::grpc::{
    halves::{Intake, Pool},
    unread::Unread,
};
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
    /// What its requests hold that are not whole yet.
    pub intake: Arc<Intake>,
    /// What its peer leaves unread of answers.
    pub unread: Arc<Unread>,
}

impl Caller {
    /// A connection that has just been made from this address to a server that has this room for requests and answers.
    pub fn new(address: CallerAddress, pool: Pool) -> Self {
        Self {
            address,
            leaving: CancellationToken::new(),
            cut: CancellationToken::new(),
            intake: Arc::new(Intake::new(pool.clone())),
            unread: Arc::new(Unread::new(pool)),
        }
    }
}
