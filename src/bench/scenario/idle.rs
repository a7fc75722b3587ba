//! Devices with an open stream and nothing to say: what they cost.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::{Meter, float};
use crate::bench::{
    client::{self, Feed},
    error::BenchError,
    figure::Outcome,
    flow::Requests,
    process::Running,
};

/// Memory has settled when it moved by less than this in a step.
const SETTLED_BYTES: u64 = 256 * 1024;
/// A step of settling, and how many are waited for at most.
const STEP: Duration = Duration::from_millis(500);
const STEPS_MAX: u32 = 20;

/// Many devices, each of a user of its own.
#[derive(Clone, Copy, Debug)]
pub struct Idle {
    /// How many.
    pub devices: u64,
    /// How long they are watched.
    pub duration: Duration,
}

/// Waits until the memory of the target stays as it is, and returns it; notes it if that took too long.
pub async fn settled(running: &Running, outcome: &mut Outcome) -> Result<u64, BenchError> {
    let mut last = running.rss_bytes()?;
    for _ in 0..STEPS_MAX {
        sleep(STEP).await;
        let now = running.rss_bytes()?;
        if now.abs_diff(last) < SETTLED_BYTES {
            return Ok(now);
        }
        last = now;
    }
    let seconds = (STEP * STEPS_MAX).as_secs();
    let note = format!("its memory still moved after {seconds} s, and was taken as it was then");
    outcome.notes.push(note);
    Ok(last)
}

/// Measures one target.
pub async fn measure(running: &Running, idle: Idle) -> Result<Outcome, BenchError> {
    let names = (0..idle.devices).map(|number| format!("i{number}"));
    let logins = client::log_in(running.peer(), names, 1).await?;
    let mut outcome = Outcome::default();
    let before = settled(running, &mut outcome).await?;
    let opening = Instant::now();
    let listening = logins
        .into_iter()
        .map(|login| (login, Requests::listen(None)));
    let mut feeds: Vec<Feed> = client::open_all(running.address(), listening).await?;
    let opened = opening.elapsed();
    let after = settled(running, &mut outcome).await?;

    let meter = Meter::start(running)?;
    sleep(idle.duration).await;
    let used = meter.stop(running)?;
    // A stream that is no longer there costs nothing.
    for feed in &mut feeds {
        feed.look()?;
    }

    let per_stream = float(after.saturating_sub(before)) / 1024.0 / float(idle.devices);
    outcome.put("memory of a stream", "KiB", per_stream);
    let mib = |bytes: u64| float(bytes) / 1024.0 / 1024.0;
    outcome.put("memory before", "MiB", mib(before));
    outcome.put("memory with all", "MiB", mib(after));
    outcome.put("opened in", "s", opened.as_secs_f64());
    used.put_shares(&mut outcome);
    drop(feeds);
    Ok(outcome)
}
