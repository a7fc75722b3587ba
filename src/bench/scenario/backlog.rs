//! Everything that a user missed, in one `Subscribe`.

use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::{Meter, fill::fill, float, seconds_of};
use crate::bench::{
    client::{self, Feed, PATIENCE},
    error::BenchError,
    figure::Outcome,
    process::Running,
    tracker::Tracker,
    wire::{Incoming, Stamp},
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

/// Takes the messages of a frame; says whether it was the last.
fn take(frame: &Incoming, tracker: &mut Tracker) -> bool {
    for event in &frame.events {
        if let Some(message) = &event.message {
            match Stamp::read(&message.text) {
                Some(Stamp { number, .. }) => tracker.see(number),
                None => tracker.see_strange(),
            }
        }
    }
    frame.events.iter().any(|event| event.caught_up.is_some())
}

/// Measures one target.
pub async fn measure(running: &Running, backlog: Backlog) -> Result<Outcome, BenchError> {
    let mut logins = client::log_in(running, ["s0".to_owned(), "r0".to_owned()], 1).await?;
    let (reader, sender) = (logins.pop(), logins.pop());
    let (Some(reader), Some(sender)) = (reader, sender) else {
        return Err(BenchError::Ended);
    };
    fill(running, sender, "r0", (0, backlog.messages), backlog.bytes).await?;

    let channel = client::connect(running.address()).await?;
    let before = running.rss_bytes()?;
    let mut most = before;
    let mut looked = Instant::now();
    let mut tracker = Tracker::default();
    let meter = Meter::start(running)?;
    let began = Instant::now();
    let mut feed = Feed::subscribe(&channel, &reader).await?;
    loop {
        let frame = timeout(PATIENCE, feed.next()).await;
        let frame = frame.map_err(|_| BenchError::Late("the backlog"))??;
        let is_last = take(&frame, &mut tracker);
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

    let mut outcome = Outcome {
        checks: tracker.checks(backlog.messages),
        ..Outcome::default()
    };
    outcome.put("drained", "msg/s", float(tracker.deliveries()) / took);
    outcome.put("drained in", "s", took);
    let growth = float(most - before) / 1024.0 / 1024.0;
    outcome.put("memory growth", "MiB", growth);
    used.put(&mut outcome, tracker.deliveries());
    Ok(outcome)
}
