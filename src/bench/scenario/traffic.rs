//! Messages from senders to receivers who are there: `throughput`, `one-at-a-time` and `latency` are this with other
//! numbers. The fan-outs open other streams and are then driven as these are.

use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{task::JoinSet, time::sleep};

use super::{LATER, Meter, float, seconds_of};
use crate::bench::{
    client::{self, Feed, PATIENCE},
    error::BenchError,
    figure::{Durations, Outcome},
    flow::{Ear, Flow, NoWatch, Requests, Watch},
    process::Running,
    report::PACED,
    wire::To,
};

/// How long a message may be under way when nothing else comes any more, before it counts as lost.
const QUIET: Duration = Duration::from_secs(20);
/// The same with a baseline that loses messages on purpose.
const QUIET_WHEN_BROKEN: Duration = Duration::from_secs(1);
/// How long messages that are due at the end of a schedule may take to go out: they are measured, too.
const OVERDUE: Duration = Duration::from_secs(30);
/// What of a rate must come, or the table says that it did not.
const KEPT_UP: f64 = 0.99;
/// How often it is looked whether all has come.
const LOOK: Duration = Duration::from_millis(2);
/// Messages of a schedule that may be under way: those of many seconds, so that it never waits.
const SCHEDULED_WINDOW: u64 = 1 << 20;

/// How much is sent, and to whom.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Senders, each with a receiver of its own.
    pub pairs: u32,
    /// Messages of a sender that wait for their acknowledgement at once.
    pub window: u64,
    /// Bytes of a text.
    pub bytes: usize,
    /// Messages per second over all senders, by a schedule; `None`: as fast as it goes.
    pub rate: Option<u32>,
    /// How long is measured.
    pub duration: Duration,
}

/// Latencies from the time at which a message should have been sent.
struct Latencies {
    /// When the first message is due.
    began: OnceLock<Instant>,
    interval: Duration,
    pairs: u32,
    /// The next message to release.
    next: AtomicU64,
    /// The first message that counts.
    first: OnceLock<u64>,
    acked: Mutex<Durations>,
    delivered: Mutex<Durations>,
    /// By how much the generator itself released them late.
    late: Mutex<Durations>,
}

impl Latencies {
    fn new(rate: u32, pairs: u32) -> Result<Self, BenchError> {
        Ok(Self {
            began: OnceLock::new(),
            interval: Duration::from_secs(1) / rate,
            pairs,
            next: AtomicU64::new(0),
            first: OnceLock::new(),
            acked: Mutex::new(Durations::new()?),
            delivered: Mutex::new(Durations::new()?),
            late: Mutex::new(Durations::new()?),
        })
    }

    /// Since the first message was due.
    fn elapsed(&self) -> Duration {
        self.began.get_or_init(Instant::now).elapsed()
    }

    /// When a message of the schedule is due, after the first.
    fn due(&self, message: u64) -> Duration {
        let whole = self.interval.as_nanos() * u128::from(message);
        Duration::from_nanos(u64::try_from(whole).unwrap_or(u64::MAX))
    }

    fn record(&self, durations: &Mutex<Durations>, flow: &Flow, number: u64) {
        let place = number.saturating_mul(self.pairs.into());
        let message = place.saturating_add(flow.sender.into());
        self.record_message(durations, message);
    }

    fn record_message(&self, durations: &Mutex<Durations>, message: u64) {
        if self.first.get().is_none_or(|first| message < *first) {
            return;
        }
        let took = self.elapsed().saturating_sub(self.due(message));
        let mut durations = durations.lock().unwrap_or_else(PoisonError::into_inner);
        durations.record(took);
    }

    /// Releases messages when they are due. It never sleeps: timers of a runtime are a millisecond late.
    async fn keep_schedule(&self, flows: &[Arc<Flow>]) {
        loop {
            self.release_due(flows);
            tokio::task::yield_now().await;
        }
    }

    /// Releases what is due by now.
    fn release_due(&self, flows: &[Arc<Flow>]) {
        let (now, mut next) = (self.elapsed(), self.next.load(Ordering::Relaxed));
        while self.due(next) <= now {
            let flow = usize::try_from(next % u64::from(self.pairs)).unwrap_or(0);
            flows[flow].release();
            self.record_message(&self.late, next);
            next += 1;
        }
        self.next.store(next, Ordering::Relaxed);
    }

    /// From now on latencies count.
    fn begin(&self) {
        let passed = self.elapsed().as_nanos() / self.interval.as_nanos().max(1);
        // The one that is due next.
        let _ = self.first.set(u64::try_from(passed).unwrap_or(0) + 1);
    }

    fn put(&self, outcome: &mut Outcome) -> Result<(), BenchError> {
        let of = |durations: &Mutex<Durations>, quantile: f64| {
            let durations = durations.lock().unwrap_or_else(PoisonError::into_inner);
            durations.milliseconds(quantile)
        };
        let quantiles = [0.5, 0.9, 0.99, 0.999, 1.0];
        let delivered = [
            "delivered p50",
            "delivered p90",
            "delivered p99",
            "delivered p99.9",
            "delivered max",
        ];
        for (name, quantile) in delivered.into_iter().zip(quantiles) {
            outcome.put(name, "ms", of(&self.delivered, quantile)?);
        }
        let acked = [
            "acked p50",
            "acked p90",
            "acked p99",
            "acked p99.9",
            "acked max",
        ];
        for (name, quantile) in acked.into_iter().zip(quantiles) {
            outcome.put(name, "ms", of(&self.acked, quantile)?);
        }
        outcome.put("generator late p99", "ms", of(&self.late, 0.99)?);
        Ok(())
    }
}

impl Watch for Latencies {
    fn acked(&self, flow: &Flow, number: u64) {
        self.record(&self.acked, flow, number);
    }

    fn delivered(&self, flow: &Flow, number: u64) {
        self.record(&self.delivered, flow, number);
    }
}

/// The streams of a measurement.
#[derive(Default)]
pub struct Streams {
    flows: Vec<Arc<Flow>>,
    senders: Vec<Arc<Ear>>,
    receivers: Vec<Arc<Ear>>,
    /// They end only when they fail.
    following: JoinSet<BenchError>,
}

/// Logs everybody in and opens all streams.
async fn open(
    running: &Running,
    shape: Shape,
    [sender, receiver]: [&str; 2],
    watch: &Arc<impl Watch>,
) -> Result<Streams, BenchError> {
    let flow = |sender| {
        let window = shape.rate.map_or(shape.window, |_| SCHEDULED_WINDOW);
        let flow = Flow::new(sender, window, 1);
        Arc::new(match shape.rate {
            Some(_) => flow.scheduled(),
            None => flow,
        })
    };
    let flows: Vec<Arc<Flow>> = (0..shape.pairs).map(flow).collect();
    let names = |of: &str| {
        let of = of.to_owned();
        (0..shape.pairs).map(move |number| format!("{of}{number}"))
    };
    let senders = client::log_in(running.peer(), names(sender), 1).await?;
    let receivers = client::log_in(running.peer(), names(receiver), 1).await?;

    let mut streams = Streams::default();
    // First those who receive, so that nothing has to wait for them.
    let listening = receivers
        .into_iter()
        .map(|login| (login, Requests::listen(None)));
    let feeds = client::open_all(running.address(), listening).await?;
    for (flow, feed) in flows.iter().zip(feeds) {
        streams.receive(flow, feed, watch);
    }
    let sending = senders.into_iter().zip(&flows).map(|(login, flow)| {
        let to = To::user(&format!("{receiver}{}", flow.sender));
        (login, Requests::new(flow, vec![to], shape.bytes))
    });
    let feeds = client::open_all(running.address(), sending).await?;
    for (flow, feed) in flows.iter().zip(feeds) {
        streams.send(flow, feed, running.echoes(), watch);
    }
    Ok(streams)
}

impl Streams {
    /// Adds a stream of one who receives what a flow sends.
    pub fn receive(&mut self, flow: &Arc<Flow>, feed: Feed, watch: &Arc<impl Watch>) {
        let ear = Ear::of_receiver(flow);
        self.follow(Arc::clone(&ear), feed, watch);
        self.receivers.push(ear);
    }

    /// Adds the stream of a sender, which begins.
    pub fn send(&mut self, flow: &Arc<Flow>, feed: Feed, echoes: bool, watch: &Arc<impl Watch>) {
        let ear = Ear::of_sender(flow, echoes);
        self.follow(Arc::clone(&ear), feed, watch);
        self.senders.push(ear);
        self.flows.push(Arc::clone(flow));
        flow.start();
    }

    fn follow(&mut self, ear: Arc<Ear>, feed: Feed, watch: &Arc<impl Watch>) {
        self.following.spawn(ear.follow(feed, Arc::clone(watch)));
    }

    fn sum(&self, of: impl Fn(&Flow) -> u64) -> u64 {
        self.flows.iter().map(|flow| of(flow)).sum()
    }

    /// Lets some time pass, unless a stream fails.
    async fn pass(&mut self, duration: Duration) -> Result<(), BenchError> {
        tokio::select! {
            Some(failed) = self.following.join_next() => Err(failed.unwrap_or(BenchError::Ended)),
            () = sleep(duration) => Ok(()),
        }
    }

    /// Waits until all that was sent is acknowledged and has come, or nothing comes any more.
    async fn finish(&mut self, quiet: Duration) -> Result<(), BenchError> {
        self.flows.iter().for_each(|flow| flow.stop());
        let ending = Instant::now();
        while !self.flows.iter().all(|flow| flow.is_sent()) {
            if ending.elapsed() >= OVERDUE {
                return Err(BenchError::Overdue);
            }
            self.pass(LOOK).await?;
        }
        let (mut last, mut since) = (0, Instant::now());
        loop {
            let ears = || self.receivers.iter().chain(&self.senders);
            let is_acked = self.flows.iter().all(|flow| flow.is_acked());
            if is_acked && ears().all(|ear| ear.is_complete()) {
                return self.pass(LATER).await;
            }
            let seen = self.sum(Flow::acked) + ears().map(|ear| ear.deliveries()).sum::<u64>();
            if seen != last {
                (last, since) = (seen, Instant::now());
            } else if since.elapsed() >= quiet {
                return match is_acked {
                    true => self.pass(LATER).await,
                    false => Err(BenchError::Late("the last acknowledgements")),
                };
            }
            self.pass(LOOK).await?;
        }
    }
}

/// Measures one target, with users of these names and a number.
pub async fn measure(
    running: &Running,
    shape: Shape,
    names: [&str; 2],
    is_broken: bool,
) -> Result<Outcome, BenchError> {
    match shape.rate {
        None => {
            let streams = open(running, shape, names, &Arc::new(NoWatch)).await?;
            pipelined(running, shape, streams, is_broken).await
        }
        Some(rate) => {
            let latencies = Arc::new(Latencies::new(rate, shape.pairs)?);
            let streams = open(running, shape, names, &latencies).await?;
            drive(running, shape, streams, Some(latencies), is_broken).await
        }
    }
}

/// Lets streams that are open send as fast as it goes.
pub async fn pipelined(
    running: &Running,
    shape: Shape,
    streams: Streams,
    is_broken: bool,
) -> Result<Outcome, BenchError> {
    drive(running, shape, streams, None, is_broken).await
}

/// Lets streams that are open be busy for a while, then waits for the last of their messages.
async fn drive(
    running: &Running,
    shape: Shape,
    mut streams: Streams,
    latencies: Option<Arc<Latencies>>,
    is_broken: bool,
) -> Result<Outcome, BenchError> {
    let mut schedule = JoinSet::new();
    if let Some(latencies) = latencies.clone() {
        let flows = streams.flows.clone();
        schedule.spawn(async move { latencies.keep_schedule(&flows).await });
    }
    // Until caches are warm and every conversation is made: at least one message of each.
    let warm = Instant::now();
    let first = |streams: &Streams| streams.flows.iter().all(|flow| flow.acked() > 0);
    while warm.elapsed() < warm_up(shape.duration) || !first(&streams) {
        if warm.elapsed() > PATIENCE {
            return Err(BenchError::Late("the first acknowledgements"));
        }
        streams.pass(LOOK).await?;
    }

    if let Some(latencies) = &latencies {
        latencies.begin();
    }
    let counts = |streams: &Streams| (streams.sum(Flow::acked), streams.sum(Flow::delivered));
    let (meter, before) = (Meter::start(running)?, counts(&streams));
    streams.pass(shape.duration).await?;
    let (used, after) = (meter.stop(running)?, counts(&streams));
    schedule.shutdown().await;
    if let Some(latencies) = &latencies {
        // Its task may have been kept waiting by all the others.
        latencies.release_due(&streams.flows);
    }
    let quiet = if is_broken { QUIET_WHEN_BROKEN } else { QUIET };
    streams.finish(quiet).await?;

    let mut outcome = Outcome::default();
    let seconds = seconds_of(used.elapsed);
    let (acked, delivered) = (after.0 - before.0, after.1 - before.1);
    outcome.put("delivered", "msg/s", float(delivered) / seconds);
    outcome.put("acknowledged", "msg/s", float(acked) / seconds);
    if let Some(rate) = shape.rate {
        // One at each end may be under way.
        let came = float(delivered) + 2.0;
        if came < KEPT_UP * f64::from(rate) * seconds {
            let note =
                format!("fewer messages came than were due, {rate} a second: it did not keep up");
            outcome.notes.push(note);
        }
    }
    if let Some(latencies) = latencies {
        latencies.put(&mut outcome)?;
    }
    used.put(&mut outcome, delivered);
    let ears = streams.receivers.iter().chain(&streams.senders);
    ears.for_each(|ear| outcome.checks.add(ear.checks()));
    Ok(outcome)
}

/// A quarter of what is measured, but not more than a second.
fn warm_up(duration: Duration) -> Duration {
    (duration / 4).min(Duration::from_secs(1))
}

impl Shape {
    /// Its sizes, for the report.
    pub fn settings(self) -> Vec<(&'static str, f64)> {
        let mut settings = vec![("pairs", f64::from(self.pairs))];
        match self.rate {
            Some(rate) => settings.push((PACED, f64::from(rate))),
            None => settings.push(("window", float(self.window))),
        }
        settings.push(("bytes of a text", float(self.bytes as u64)));
        settings.push(("seconds", self.duration.as_secs_f64()));
        settings
    }
}
