//! Transfers that go on beside a measurement, in a process of their own: moved by the thread that sends and hears the
//! messages, they would delay these and it would look as if the server had.
//!
//! The child logs in, begins all transfers, says so on its standard output, and goes on until SIGTERM: then it says how much
//! was moved. It keeps to a speed, so that it takes little of the core that it may have to share with the generator.

use std::{
    future::pending,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::SocketAddr,
    process::{Child, ChildStdout, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Args;
use futures_util::future::try_join_all;
use rustix::process::{Pid, Signal, kill_process};
use tokio::signal::unix::{SignalKind, signal};

use super::{
    error::BenchError,
    process::{Peer, Start, Target, kill, own_program},
    sample::Originals,
    transfer::{Meter, Mover, Uploaded, watch},
};

/// What it is called in errors.
const TRANSFERS: &str = "process with the transfers";
/// What the child says when all transfers are under way, and at the end before its two numbers.
const MOVING: &str = "moving";
const MOVED: &str = "moved ";

/// What goes on beside a measurement.
#[derive(Clone, Copy, Debug)]
pub struct Transfers {
    /// Those that go up.
    pub uploads: u32,
    /// Those that come down.
    pub downloads: u32,
    /// Bytes of a file.
    pub size: u64,
    /// Bytes per second of each; `None`: as fast as it goes.
    pub speed: Option<u32>,
}

/// The flags of the child.
#[derive(Clone, Debug, Args)]
pub struct TransferFlags {
    /// What they go to
    #[arg(long, value_enum)]
    target: Target,
    /// Where it listens
    #[arg(long)]
    address: SocketAddr,
    /// Those that go up
    #[arg(long)]
    uploads: u32,
    /// Those that come down
    #[arg(long)]
    downloads: u32,
    /// Bytes of a file
    #[arg(long)]
    size: u64,
    /// Bytes per second of each
    #[arg(long)]
    speed: Option<u32>,
}

/// How much was moved from the moment on at which all were under way.
#[derive(Clone, Copy, Debug)]
pub struct Moved {
    /// Bytes per second that went up.
    pub up: f64,
    /// Bytes per second that came down.
    pub down: f64,
}

/// The process with the transfers. Killed when dropped.
#[derive(Debug)]
pub struct Beside {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Beside {
    /// Starts it and waits until all are under way. Only on the main thread: the child ends with the thread that started
    /// it.
    pub fn start(peer: Peer, transfers: Transfers, start: &Start) -> Result<Self, BenchError> {
        let (own, mut command) = own_program(start.beside)?;
        command.arg("--").arg(own).arg("transfers");
        command.args(["--target", peer.target.word()]);
        let numbers = [
            ("--address", Some(peer.address.to_string())),
            ("--uploads", Some(transfers.uploads.to_string())),
            ("--downloads", Some(transfers.downloads.to_string())),
            ("--size", Some(transfers.size.to_string())),
            ("--speed", transfers.speed.map(|speed| speed.to_string())),
        ];
        for (name, value) in numbers {
            if let Some(value) = value {
                command.args([name, &value]);
            }
        }
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let started = command.spawn();
        let mut child = started.map_err(BenchError::system("starting the transfers"))?;
        let stdout = child.stdout.take().ok_or(BenchError::Ended)?;
        let mut beside = Self {
            child,
            stdout: BufReader::new(stdout),
        };
        let mut line = String::new();
        let read = beside.stdout.read_line(&mut line);
        match read.is_ok() && line.trim() == MOVING {
            true => Ok(beside),
            false => Err(BenchError::NotStarted {
                program: TRANSFERS,
                said: beside.last_words(),
            }),
        }
    }

    /// Ends the transfers. That they all went well until then is part of what is measured.
    pub fn stop(mut self) -> Result<Moved, BenchError> {
        // Who has ended already has an exit status that says why.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let mut said = String::new();
        let read = self.stdout.read_to_string(&mut said);
        read.map_err(BenchError::system("hearing of the transfers"))?;
        let status = self.child.wait();
        let status = status.map_err(BenchError::system("waiting for a child"))?;
        let moved = said.lines().find_map(|line| {
            let (up, down) = line.strip_prefix(MOVED)?.split_once(' ')?;
            let (up, down) = (up.parse().ok()?, down.parse().ok()?);
            Some(Moved { up, down })
        });
        match moved.filter(|_| status.success()) {
            Some(moved) => Ok(moved),
            None => Err(BenchError::StoppedBadly {
                target: TRANSFERS,
                status,
                said: self.last_words(),
            }),
        }
    }

    /// What it wrote to standard error until its end, which is now.
    fn last_words(&mut self) -> String {
        kill(&mut self.child);
        let mut said = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            // What cannot be read says nothing.
            let _ = stderr.read_to_string(&mut said);
        }
        said.trim_end().to_owned()
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        kill(&mut self.child);
    }
}

/// Sends the same file again and again: the server keeps equal bytes once, so the disk does not fill up, but it writes and
/// syncs them each time.
async fn send(mut mover: Mover, number: u64) -> Result<(), BenchError> {
    loop {
        mover.upload(number).await?;
    }
}

/// Fetches a file again and again.
async fn fetch(mut mover: Mover, file: Uploaded) -> Result<(), BenchError> {
    loop {
        mover.download(&file).await?;
    }
}

/// Is the child: moves files until SIGTERM.
pub async fn run(flags: &TransferFlags) -> Result<(), BenchError> {
    let hear = BenchError::system("hearing signals");
    let mut terminate = signal(SignalKind::terminate()).map_err(hear)?;
    let peer = Peer {
        target: flags.target,
        address: flags.address,
    };
    let originals = Arc::new(Originals::new(flags.size));
    // One after the other within the time of a piece.
    let all = flags.uploads + flags.downloads;
    let piece = flags
        .speed
        .map_or(Duration::ZERO, |speed| Meter::piece(speed) / all.max(1));
    let meters = (0..all).map(|index| Meter::paced(flags.speed, piece * index));
    let mut movers = Mover::open(peer, &originals, meters.collect()).await?;
    let meters: Vec<_> = movers.iter().map(Mover::meter).collect();
    let count = |range: std::ops::Range<usize>| {
        let meters = meters.get(range).unwrap_or_default();
        meters.iter().map(|meter| meter.moved()).sum::<u64>()
    };
    let uploads = usize::try_from(flags.uploads).unwrap_or(usize::MAX);
    let fetching = movers.split_off(uploads.min(movers.len()));

    // What is fetched must be there first.
    let prepared = try_join_all((0..).zip(fetching).map(|(number, mut mover)| async move {
        let file = mover.upload(number).await?;
        Ok::<_, BenchError>((mover, file))
    }));
    let prepared = watch(&meters, prepared, || Ok(())).await?;
    let before: Vec<u64> = meters.iter().map(|meter| meter.moved()).collect();

    let first = u64::from(flags.downloads);
    let sending = (first..)
        .zip(movers)
        .map(|(number, mover)| send(mover, number));
    let fetching = { prepared.into_iter() }.map(|(mover, file)| fetch(mover, file));
    let going = async {
        tokio::try_join!(
            try_join_all(sending),
            try_join_all(fetching),
            // Without any transfer it goes on, too.
            pending::<Result<(), BenchError>>(),
        )
        .map(drop)
    };
    let mut began: Option<(Instant, u64, u64)> = None;
    let look = || {
        let is_moving = |(meter, before): (&Arc<Meter>, &u64)| meter.moved() > *before;
        if began.is_none() && meters.iter().zip(&before).all(is_moving) {
            began = Some((
                Instant::now(),
                count(0..uploads),
                count(uploads..meters.len()),
            ));
            return writeln!(io::stdout(), "{MOVING}").map_err(BenchError::Output);
        }
        Ok(())
    };
    tokio::select! {
        biased;
        _ = terminate.recv() => {}
        ended = watch(&meters, going, look) => return ended,
    }
    let (began, up, down) = began.ok_or(BenchError::Interrupted)?;
    let seconds = began.elapsed().as_secs_f64().max(1e-9);
    let speed = |now: u64, before: u64| {
        let bytes = u32::try_from((now - before) / 1_000).unwrap_or(u32::MAX);
        f64::from(bytes) * 1e3 / seconds
    };
    let (up, down) = (
        speed(count(0..uploads), up),
        speed(count(uploads..meters.len()), down),
    );
    writeln!(io::stdout(), "{MOVED}{up} {down}").map_err(BenchError::Output)
}
