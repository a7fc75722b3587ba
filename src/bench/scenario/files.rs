//! Files up and down, beside a bare byte stream: how many bytes a second, and what they cost.
//!
//! An upload lasts from its creation to the answer of its completion, when the file is on stable storage; the baseline
//! has nothing to bring there. A download comes from what the system has in memory: the disk is not what is measured.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::try_join_all;

use super::{Meter, Used, float, idle::settled, seconds_of};
use crate::bench::{
    error::BenchError,
    figure::{Durations, Outcome},
    process::Running,
    report::GENERATOR_FULL,
    sample::Originals,
    transfer::{self, Mover, Uploaded},
};

/// Bytes of a MB.
pub const MB: u64 = 1_000_000;
/// Bytes that are uploaded at most, but for one file of each transfer: all of them stay on the disk until the end.
const KEPT_MAX: u64 = 4_000 * MB;

/// What is moved.
#[derive(Clone, Copy, Debug)]
pub struct Files {
    /// Bytes of a file.
    pub size: u64,
    /// Transfers at once, each of a user and on a connection of its own.
    pub transfers: u32,
    /// For about how long files go up, and then down: each of them to its end.
    pub duration: Duration,
}

impl Files {
    /// Its sizes, for the report.
    pub fn settings(self) -> Vec<(&'static str, f64)> {
        vec![
            ("MB of a file", float(self.size / MB)),
            ("transfers at once", f64::from(self.transfers)),
            ("seconds each way", self.duration.as_secs_f64()),
        ]
    }
}

/// What one direction is called.
struct Names {
    speed: &'static str,
    cost: &'static str,
    target: &'static str,
    generator: &'static str,
    /// What the generator does.
    doing: &'static str,
}

const UP: Names = Names {
    speed: "uploaded",
    cost: "CPU per GB uploaded",
    target: "CPU of its core, uploading",
    generator: "CPU of the generator, uploading",
    doing: "sends",
};

const DOWN: Names = Names {
    speed: "downloaded",
    cost: "CPU per GB downloaded",
    target: "CPU of its core, downloading",
    generator: "CPU of the generator, downloading",
    doing: "receives",
};

impl Names {
    /// Puts what moving so many bytes gave.
    fn put(&self, outcome: &mut Outcome, bytes: u64, used: &Used) {
        let seconds = seconds_of(used.elapsed);
        let megabytes = float(bytes) / float(MB);
        outcome.put(self.speed, "MB/s", megabytes / seconds);
        outcome.put(self.cost, "s", used.target / (megabytes / 1e3));
        outcome.put(self.target, "%", used.target / seconds * 100.0);
        let generator = used.generator / seconds * 100.0;
        outcome.put(self.generator, "%", generator);
        if generator >= GENERATOR_FULL {
            outcome.notes.push(format!(
                "the generator's core is full while it {}: {} is bounded by the generator",
                self.doing, self.speed
            ));
        }
    }
}

/// Sends new files until the time is over or the disk has had enough; returns what became of each.
async fn send(
    mover: &mut Mover,
    files: Files,
    began: Instant,
    next: &AtomicU64,
) -> Result<Vec<Uploaded>, BenchError> {
    let mut uploaded = Vec::new();
    loop {
        // The numbers say how many there are in all.
        let number = next.fetch_add(1, Ordering::Relaxed);
        uploaded.push(mover.upload(number).await?);
        let kept = next.load(Ordering::Relaxed).saturating_mul(files.size);
        if began.elapsed() >= files.duration || kept > KEPT_MAX {
            return Ok(uploaded);
        }
    }
}

/// Fetches a file again and again until the time is over; returns how often, and in how many pieces in all.
async fn fetch(
    mover: &mut Mover,
    file: &Uploaded,
    files: Files,
    began: Instant,
) -> Result<(u64, u64), BenchError> {
    let (mut count, mut pieces) = (0, 0);
    loop {
        pieces += mover.download(file).await?;
        count += 1;
        if began.elapsed() >= files.duration {
            return Ok((count, pieces));
        }
    }
}

/// Measures one target.
pub async fn measure(running: &Running, files: Files) -> Result<Outcome, BenchError> {
    let originals = Arc::new(Originals::new(files.size));
    let meters = (0..files.transfers).map(|_| transfer::Meter::unbounded());
    let mut movers = Mover::open(running.peer(), &originals, meters.collect()).await?;
    let meters: Vec<_> = movers.iter().map(Mover::meter).collect();
    let mut outcome = Outcome::default();
    let before = settled(running, &mut outcome).await?;
    let mut most = before;
    let mut look = || {
        most = most.max(running.rss_bytes()?);
        Ok(())
    };

    // One file each way: caches are warm, and what is allocated once is there.
    let next = AtomicU64::new(0);
    let one_each = try_join_all(movers.iter_mut().map(|mover| async {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let file = mover.upload(number).await?;
        mover.download(&file).await
    }));
    let warm = transfer::watch(&meters, one_each, &mut look);
    outcome.checks.deliveries += warm.await?.iter().sum::<u64>();

    let (meter, began) = (Meter::start(running)?, Instant::now());
    let sending = try_join_all(
        movers
            .iter_mut()
            .map(|mover| send(mover, files, began, &next)),
    );
    let uploaded = transfer::watch(&meters, sending, &mut look);
    let uploaded = uploaded.await?;
    let used = meter.stop(running)?;
    let mut completing = Durations::new()?;
    let all = || uploaded.iter().flatten();
    all().for_each(|file| completing.record(file.completing));
    UP.put(&mut outcome, all().count() as u64 * files.size, &used);
    for (name, quantile) in [("completed p50", 0.5), ("completed max", 1.0)] {
        outcome.put(name, "ms", completing.milliseconds(quantile)?);
    }

    let (meter, began) = (Meter::start(running)?, Instant::now());
    let last = uploaded.iter().filter_map(|files| files.last());
    let fetching = movers.iter_mut().zip(last);
    let fetching = try_join_all(fetching.map(|(mover, file)| fetch(mover, file, files, began)));
    let fetched = transfer::watch(&meters, fetching, &mut look);
    let fetched = fetched.await?;
    let used = meter.stop(running)?;
    let count: u64 = fetched.iter().map(|(count, _)| count).sum();
    outcome.checks.deliveries += fetched.iter().map(|(_, pieces)| pieces).sum::<u64>();
    DOWN.put(&mut outcome, count * files.size, &used);

    let growth = float(most.saturating_sub(before)) / 1024.0 / 1024.0;
    outcome.put("memory growth", "MiB", growth);
    Ok(outcome)
}
