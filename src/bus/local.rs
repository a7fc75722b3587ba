//! The bus of a single process: a ring of the last commits.

use std::{future::Future, pin::Pin, sync::Arc};

use tokio::sync::broadcast::{self, error::RecvError};

use super::{Bus, Heard, Listener};
use crate::domain::commit::Commit;

/// Commits that a listener may lie behind. The listener only encodes, so it keeps up. A commit has at most 2 MiB of texts; the
/// lists of readers beside them have 8 bytes for each member of a conversation whose members changed, each time they did.
const BEHIND_MAX: usize = 32;

/// The ring.
#[derive(Debug)]
pub struct LocalBus(broadcast::Sender<Arc<Commit>>);

impl Default for LocalBus {
    fn default() -> Self {
        Self(broadcast::Sender::new(BEHIND_MAX))
    }
}

impl Bus for LocalBus {
    fn publish(&self, commit: Commit) {
        // An error says that nobody listens.
        let _ = self.0.send(Arc::new(commit));
    }

    fn listen(&self) -> Box<dyn Listener> {
        Box::new(LocalListener(self.0.subscribe()))
    }
}

struct LocalListener(broadcast::Receiver<Arc<Commit>>);

impl Listener for LocalListener {
    fn next(&mut self) -> Pin<Box<dyn Future<Output = Option<Heard>> + Send + '_>> {
        Box::pin(async move {
            match self.0.recv().await {
                Ok(commit) => Some(Heard::Commit(commit)),
                Err(RecvError::Lagged(_)) => Some(Heard::Missed),
                Err(RecvError::Closed) => None,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::Offset;

    #[tokio::test]
    async fn a_listener_that_falls_behind_is_told_and_goes_on() {
        let bus = LocalBus::default();
        let mut listener = bus.listen();
        for offset in 1..=BEHIND_MAX as u64 + 1 {
            bus.publish(Commit {
                last: Offset::new(offset),
                events: Vec::new(),
            });
        }
        assert!(matches!(listener.next().await, Some(Heard::Missed)));
        assert!(
            matches!(listener.next().await, Some(Heard::Commit(commit)) if commit.last == Offset::new(2))
        );
        drop(bus);
    }
}
