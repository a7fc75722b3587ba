//! Messages that are there before something is measured.

use std::{sync::Arc, time::Instant};

use crate::bench::{
    client::{self, Login, PATIENCE},
    error::BenchError,
    flow::{Ear, Flow, NoWatch, Requests},
    process::Running,
};

/// Messages under way at once: as many as make full batches, and fewer than a stream may have unanswered.
const WINDOW: u64 = 512;

/// Sends messages `from..to` of one sender to a user, and waits until each is acknowledged.
pub async fn fill(
    running: &Running,
    sender: Login,
    to_user: &str,
    (from, to): (u64, u64),
    bytes: usize,
) -> Result<(), BenchError> {
    let flow = Arc::new(Flow::new(0, WINDOW, 0).only(from, to));
    let requests = Requests::new(&flow, to_user, bytes);
    let mut feeds = client::open_all(running.address(), [(sender, requests)]).await?;
    let mut feed = feeds.pop().ok_or(BenchError::Ended)?;
    let ear = Ear::of_sender(&flow, false);
    flow.start();
    let mut progress = Instant::now();
    while flow.acked() < to {
        let frame = tokio::time::timeout(PATIENCE, feed.next()).await;
        let frame = frame.map_err(|_| BenchError::Late("an acknowledgement"))??;
        let before = flow.acked();
        ear.hear(&frame, &NoWatch)?;
        if flow.acked() > before {
            progress = Instant::now();
        } else if progress.elapsed() > PATIENCE {
            return Err(BenchError::Late("an acknowledgement"));
        }
    }
    Ok(())
}
