//! What can be measured, and one measurement: each scenario starts its targets in turn and gives a table.
//!
//! Within a run the server and the baselines take turns, and the one that begins changes from run to run, so that the
//! noise of the machine hits all alike.

pub mod absence;
pub mod backlog;
pub mod fan_out;
pub mod files;
mod fill;
pub mod history;
pub mod idle;
pub mod latency_with_files;
pub mod reconnect;
pub mod search;
pub mod traffic;
mod unread;

use std::{
    io::{self, Write as _},
    time::{Duration, Instant},
};

use self::{
    absence::Absence,
    backlog::Backlog,
    fan_out::{FanOut, Room},
    files::Files,
    history::History,
    idle::Idle,
    latency_with_files::LatencyWithFiles,
    reconnect::Reconnect,
    search::Search,
    traffic::Shape,
};
use super::{
    error::BenchError,
    figure::{Outcome, Table},
    process::{Running, Start, Target, cpu_seconds},
};

/// How long is listened on when all has come: what comes once more comes late.
const LATER: Duration = Duration::from_millis(50);

/// What to measure.
#[derive(Clone, Copy, Debug)]
pub enum Scenario {
    /// Pipelined messages from senders to receivers.
    Throughput(Shape),
    /// One message of each sender at a time.
    OneAtATime(Shape),
    /// Latency of messages at a fixed rate.
    Latency(Shape),
    /// One member speaks, many are there.
    FanOut(FanOut),
    /// Open streams with nothing to say.
    Idle(Idle),
    /// What a user missed.
    Backlog(Backlog),
    /// Many devices come back at once.
    Reconnect(Reconnect),
    /// Pages and states of long conversations.
    History(History),
    /// A device that was away for long.
    Absence(Absence),
    /// Words in a large store.
    Search(Search),
    /// Files up and down.
    Files(Files),
    /// Messages at a fixed rate, alone and with files on their way.
    LatencyWithFiles(LatencyWithFiles),
}

/// How it is measured.
#[derive(Clone, Debug)]
pub struct Measuring {
    /// How often.
    pub runs: u32,
    /// How long each time.
    pub duration: Duration,
    /// What, of what the scenario knows.
    pub targets: Vec<Target>,
    /// How targets are started.
    pub start: Start,
}

impl Scenario {
    /// Its name, that of the sub-command.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Throughput(_) => "throughput",
            Self::OneAtATime(_) => "one-at-a-time",
            Self::Latency(_) => "latency",
            Self::FanOut(fan_out) => match fan_out.room {
                Room::Group => "fan-out-group",
                Room::Channel => "fan-out-channel",
            },
            Self::Idle(_) => "idle",
            Self::Backlog(_) => "backlog",
            Self::Reconnect(_) => "reconnect",
            Self::History(_) => "history",
            Self::Absence(_) => "absence",
            Self::Search(_) => "search",
            Self::Files(_) => "files",
            Self::LatencyWithFiles(_) => "latency-with-files",
        }
    }

    /// Its sizes.
    fn settings(self) -> Vec<(&'static str, f64)> {
        match self {
            Self::Throughput(shape) | Self::OneAtATime(shape) | Self::Latency(shape) => {
                shape.settings()
            }
            Self::FanOut(fan_out) => fan_out.settings(),
            Self::Idle(idle) => vec![
                ("devices", float(idle.devices)),
                ("seconds", idle.duration.as_secs_f64()),
            ],
            Self::Backlog(backlog) => vec![
                ("messages", float(backlog.messages)),
                ("bytes of a text", float(backlog.bytes as u64)),
            ],
            Self::Reconnect(reconnect) => vec![
                ("devices", float(reconnect.devices)),
                ("seconds", reconnect.duration.as_secs_f64()),
            ],
            Self::History(history) => history.settings(),
            Self::Absence(absence) => absence.settings(),
            Self::Search(search) => search.settings(),
            Self::Files(files) => files.settings(),
            Self::LatencyWithFiles(latency) => latency.settings(),
        }
    }

    /// What it can be measured with.
    const fn targets(self) -> &'static [Target] {
        match self {
            Self::Throughput(_)
            | Self::OneAtATime(_)
            | Self::Latency(_)
            | Self::FanOut(_)
            | Self::Files(_) => &[Target::Server, Target::Relay, Target::Sqlite],
            // Nothing is stored or read.
            Self::Idle(_) | Self::Reconnect(_) => &[Target::Server, Target::Relay],
            // Its files are written on the threads of its messages, and it leaves the disk much to do when its turn is over.
            Self::LatencyWithFiles(_) => &[Target::Server, Target::Relay],
            // What stores nothing has nothing to give.
            Self::Backlog(_) | Self::History(_) => &[Target::Server, Target::Sqlite],
            // They leave nothing out, and find nothing.
            Self::Absence(_) | Self::Search(_) => &[Target::Server],
        }
    }

    /// Whether any of these can be measured.
    pub fn has_target(self, wanted: &[Target]) -> bool {
        self.targets().iter().any(|target| wanted.contains(target))
    }

    /// Measures all targets.
    pub async fn measure(self, measuring: &Measuring) -> Result<Table, BenchError> {
        let wanted = |target: &&Target| measuring.targets.contains(target);
        let targets: Vec<Target> = self.targets().iter().filter(wanted).copied().collect();
        let mut runs: Vec<(Target, Vec<Outcome>)> =
            targets.iter().map(|target| (*target, Vec::new())).collect();
        for run in 0..measuring.runs as usize {
            for turn in 0..targets.len() {
                let (target, outcomes) = &mut runs[(run + turn) % targets.len()];
                outcomes.push(self.measure_one(*target, measuring, run).await?);
            }
        }
        Ok(Table {
            scenario: self.name(),
            settings: self.settings(),
            runs,
        })
    }

    /// One run of one target: a new process, a new store.
    async fn measure_one(
        self,
        target: Target,
        measuring: &Measuring,
        run: usize,
    ) -> Result<Outcome, BenchError> {
        let running = Running::start(target, &measuring.start)?;
        let is_broken = measuring.start.fault.is_some() && target != Target::Server;
        let measured = match self {
            Self::Throughput(shape) | Self::OneAtATime(shape) | Self::Latency(shape) => {
                traffic::measure(&running, shape, ["s", "r"], is_broken).await
            }
            Self::FanOut(fan_out) => fan_out::measure(&running, fan_out, is_broken).await,
            Self::Idle(idle) => idle::measure(&running, idle).await,
            Self::Backlog(backlog) => backlog::measure(&running, backlog).await,
            Self::Reconnect(reconnect) => reconnect::measure(&running, reconnect).await,
            Self::History(history) => history::measure(&running, history).await,
            Self::Absence(absence) => absence::measure(&running, absence).await,
            Self::Search(search) => search::measure(&running, search).await,
            Self::Files(files) => files::measure(&running, files).await,
            Self::LatencyWithFiles(latency) => {
                let order = latency_with_files::Order::of_run(run);
                let start = &measuring.start;
                latency_with_files::measure(&running, latency, start, order, is_broken).await
            }
        };
        if measured.is_err() {
            // Nobody may hear it.
            let (word, last) = (target.word(), running.last_words());
            let _ = writeln!(io::stderr(), "the {word} said last:\n{last}");
        }
        let outcome = measured?;
        running.stop().await?;
        Ok(outcome)
    }
}

/// What the target and the generator use from a moment on.
struct Meter {
    began: Instant,
    target: f64,
    generator: f64,
}

/// What they used.
struct Used {
    elapsed: Duration,
    /// Processor seconds.
    target: f64,
    generator: f64,
}

impl Meter {
    fn start(running: &Running) -> Result<Self, BenchError> {
        Ok(Self {
            target: running.cpu_seconds()?,
            generator: cpu_seconds("self")?,
            began: Instant::now(),
        })
    }

    fn stop(self, running: &Running) -> Result<Used, BenchError> {
        Ok(Used {
            elapsed: self.began.elapsed(),
            target: running.cpu_seconds()? - self.target,
            generator: cpu_seconds("self")? - self.generator,
        })
    }
}

impl Used {
    /// Puts what was used for so many deliveries.
    fn put(&self, outcome: &mut Outcome, deliveries: u64) {
        if deliveries > 0 {
            let millions = float(deliveries) / 1e6;
            outcome.put("CPU per million deliveries", "s", self.target / millions);
        }
        self.put_shares(outcome);
    }

    /// Puts how busy the two were.
    fn put_shares(&self, outcome: &mut Outcome) {
        let percent = 100.0 / seconds_of(self.elapsed);
        outcome.put("CPU of its core", "%", self.target * percent);
        outcome.put(GENERATOR_CPU, "%", self.generator * percent);
    }
}

/// The figure by which one knows that the generator, and not the target, was at its end.
pub const GENERATOR_CPU: &str = "CPU of the generator";

/// A count as a figure.
#[expect(
    clippy::cast_precision_loss,
    reason = "no figure here has more than fifteen digits"
)]
pub const fn float(count: u64) -> f64 {
    count as f64
}

/// A duration that is divided by.
pub fn seconds_of(duration: Duration) -> f64 {
    duration.as_secs_f64().max(1e-9)
}
