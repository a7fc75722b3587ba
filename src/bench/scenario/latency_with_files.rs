//! Latency of messages at a fixed rate, twice: alone, and with files on their way beside it.
//!
//! The same is done with the relay, in which nothing but the core and HTTP/2 is shared: by how much its latency rises is the
//! part of the machine and of the generator. How late the generator itself was is a figure, too.

use super::{
    files::MB,
    float,
    traffic::{self, Shape},
};
use crate::bench::{
    beside::{Beside, Transfers},
    error::BenchError,
    figure::Outcome,
    process::{Running, Start},
};

/// What of their speed the transfers must reach, or the table says that they did not.
const KEPT_UP: f64 = 0.95;

/// Figures of a latency: as [`traffic`] names it, alone, and with files.
const FIGURES: [[&str; 3]; 7] = [
    ["delivered p50", "p50 alone", "p50 with files"],
    ["delivered p99", "p99 alone", "p99 with files"],
    ["delivered p99.9", "p99.9 alone", "p99.9 with files"],
    ["delivered max", "max alone", "max with files"],
    ["acked p99", "acked p99 alone", "acked p99 with files"],
    [
        "generator late p99",
        "generator late p99 alone",
        "generator late p99 with files",
    ],
    [
        "CPU of its core",
        "CPU of its core alone",
        "CPU of its core with files",
    ],
];

/// Messages, and files beside them.
#[derive(Clone, Copy, Debug)]
pub struct LatencyWithFiles {
    /// The messages; they have a rate.
    pub shape: Shape,
    /// The files.
    pub transfers: Transfers,
}

impl LatencyWithFiles {
    /// Its sizes, for the report.
    pub fn settings(self) -> Vec<(&'static str, f64)> {
        let Transfers {
            uploads,
            downloads,
            size,
            speed,
        } = self.transfers;
        let mut settings = self.shape.settings();
        settings.extend([
            ("uploads", f64::from(uploads)),
            ("downloads", f64::from(downloads)),
            ("MB of a file", float(size / MB)),
        ]);
        if let Some(speed) = speed {
            settings.push(("MB/s of each", f64::from(speed) / float(MB)));
        }
        settings
    }
}

/// Which of the two is measured first: what comes first has a server that has just started, what comes second one that has
/// something to put away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The messages alone.
    AloneFirst,
    /// Those with files.
    FilesFirst,
}

impl Order {
    /// From run to run it changes.
    pub const fn of_run(run: usize) -> Self {
        match run % 2 {
            0 => Self::AloneFirst,
            _ => Self::FilesFirst,
        }
    }
}

/// Measures one target.
pub async fn measure(
    running: &Running,
    latency: LatencyWithFiles,
    start: &Start,
    order: Order,
    is_broken: bool,
) -> Result<Outcome, BenchError> {
    let LatencyWithFiles { shape, transfers } = latency;
    // Each time other users: nobody has anything to catch up with.
    let alone = || traffic::measure(running, shape, ["s", "r"], is_broken);
    let with = || async {
        let beside = Beside::start(running.peer(), transfers, start)?;
        let with = traffic::measure(running, shape, ["t", "q"], is_broken).await?;
        Ok::<_, BenchError>((with, beside.stop()?))
    };
    let (alone, (with, moved)) = match order {
        Order::AloneFirst => (alone().await?, with().await?),
        Order::FilesFirst => {
            let with = with().await?;
            (alone().await?, with)
        }
    };

    let mut outcome = Outcome::default();
    for [name, name_alone, name_with] in FIGURES {
        for (measured, name_now) in [(&alone, name_alone), (&with, name_with)] {
            let figure = measured.figure(name).ok_or(BenchError::NothingMeasured)?;
            outcome.put(name_now, figure.unit, figure.value);
        }
    }
    let p99 = |measured: &Outcome| measured.figure("delivered p99").map(|figure| figure.value);
    if let (Some(alone), Some(with)) = (p99(&alone), p99(&with)) {
        outcome.put("p99 with files / alone", "x", with / alone.max(1e-9));
    }
    let put_speed = |outcome: &mut Outcome, name, count: u32, speed: f64| {
        outcome.put(name, "MB/s", speed / float(MB));
        let asked = transfers.speed.unwrap_or(0);
        if speed < KEPT_UP * f64::from(asked) * f64::from(count) {
            let note =
                format!("{name} more slowly than the transfers should: they did not keep up");
            outcome.notes.push(note);
        }
    };
    put_speed(&mut outcome, "uploaded beside", transfers.uploads, moved.up);
    put_speed(
        &mut outcome,
        "downloaded beside",
        transfers.downloads,
        moved.down,
    );
    if start.beside.is_none() && transfers.uploads + transfers.downloads > 0 {
        let note = "there was no core for the transfers alone: they shared that of the generator";
        outcome.notes.push(note.to_owned());
    }
    for measured in [alone, with] {
        outcome.checks.add(measured.checks);
        outcome.notes.extend(measured.notes);
    }
    Ok(outcome)
}
