//! Everything that a user missed, in one `Subscribe`.

use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::{
    LATER, Meter,
    fill::{Fill, fill},
    float,
    idle::settled,
    seconds_of,
};
use crate::bench::{
    client::{self, Feed, PATIENCE},
    error::BenchError,
    figure::Outcome,
    process::Running,
    tracker::Tracker,
    wire::To,
};

/// How often the memory is looked at while the backlog goes out.
const LOOK: Duration = Duration::from_millis(10);

/// Messages for one user who is away.
#[derive(Clone, Copy, Debug)]
pub struct Backlog {
    /// How many.
    pub messages: u64,
    /// Bytes of a text.
    pub bytes: usize,
}

/// Measures one target.
pub async fn measure(running: &Running, backlog: Backlog) -> Result<Outcome, BenchError> {
    let mut logins = client::log_in(running.peer(), ["s0".to_owned(), "r0".to_owned()], 1).await?;
    let (reader, sender) = (logins.pop(), logins.pop());
    let (Some(reader), Some(sender)) = (reader, sender) else {
        return Err(BenchError::Ended);
    };
    let missed = Fill {
        login: sender,
        sender: 0,
        to: vec![To::user("r0")],
        numbers: 0..backlog.messages,
        bytes: backlog.bytes,
    };
    fill(running, missed).await?;

    let channel = client::connect(running.address()).await?;
    let mut outcome = Outcome::default();
    let before = settled(running, &mut outcome).await?;
    let mut most = before;
    let mut looked = Instant::now();
    let mut tracker = Tracker::default();
    let meter = Meter::start(running)?;
    let began = Instant::now();
    let mut feed = Feed::subscribe(&channel, &reader).await?;
    loop {
        let taken = timeout(PATIENCE, feed.take(&mut tracker)).await;
        let is_last = taken.map_err(|_| BenchError::Late("the backlog"))??;
        if is_last || looked.elapsed() >= LOOK {
            most = most.max(running.rss_bytes()?);
            looked = Instant::now();
        }
        if is_last {
            break;
        }
    }
    let took = seconds_of(began.elapsed());
    let used = meter.stop(running)?;

    let drained = tracker.deliveries();
    let end = Instant::now() + LATER;
    while let Some(left) = end.checked_duration_since(Instant::now()) {
        if let Ok(taken) = timeout(left, feed.take(&mut tracker)).await {
            taken?;
        }
    }

    outcome.checks = tracker.checks(backlog.messages);
    outcome.put("drained", "msg/s", float(drained) / took);
    outcome.put("drained in", "s", took);
    let growth = float(most.saturating_sub(before)) / 1024.0 / 1024.0;
    outcome.put("memory growth", "MiB", growth);
    used.put(&mut outcome, drained);
    Ok(outcome)
}
