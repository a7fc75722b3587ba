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
    scenario::{float, seconds_of},
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

/// Follows the transfers of the child.
struct Following {
    /// Those that go up, then those that come down.
    meters: Vec<Arc<Meter>>,
    uploads: usize,
    /// When all had moved something after the preparations, and what by then had gone up and come down.
    began: Option<(Instant, [u64; 2])>,
}

impl Following {
    fn moved(&self) -> Vec<u64> {
        self.meters.iter().map(|meter| meter.moved()).collect()
    }

    fn up_and_down(&self) -> [u64; 2] {
        let moved = self.moved();
        let (up, down) = moved.split_at(self.uploads.min(moved.len()));
        [up, down].map(|moved| moved.iter().sum())
    }

    /// Says once that all have moved more than before.
    fn look(&mut self, before: &[u64]) -> Result<(), BenchError> {
        let mut all = self.moved().into_iter().zip(before);
        if self.began.is_some() || !all.all(|(now, before)| now > *before) {
            return Ok(());
        }
        self.began = Some((Instant::now(), self.up_and_down()));
        writeln!(io::stdout(), "{MOVING}").map_err(BenchError::Output)
    }

    /// Says how much was moved since.
    fn tell(&self) -> Result<(), BenchError> {
        let (began, before) = self.began.ok_or(BenchError::Interrupted)?;
        let seconds = seconds_of(began.elapsed());
        let [up, down] = self.up_and_down();
        let (up, down) = (up - before[0], down - before[1]);
        let (up, down) = (float(up) / seconds, float(down) / seconds);
        writeln!(io::stdout(), "{MOVED}{up} {down}").map_err(BenchError::Output)
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
    let all = flags.uploads + flags.downloads;
    // One after the other within the time of a piece.
    let piece = flags.speed.map_or(Duration::ZERO, Meter::piece);
    let meters = (0..all).map(|index| Meter::paced(flags.speed, piece / all.max(1) * index));
    let mut movers = Mover::open(peer, &originals, meters.collect()).await?;
    let meters: Vec<_> = movers.iter().map(Mover::meter).collect();
    let uploads = usize::try_from(flags.uploads).unwrap_or(usize::MAX);
    let fetching = movers.split_off(uploads.min(movers.len()));

    // What is fetched must be there first.
    let prepared = (0..).zip(fetching).map(|(number, mut mover)| async move {
        let file = mover.upload(number).await?;
        Ok::<_, BenchError>((mover, file))
    });
    let prepared = watch(&meters, try_join_all(prepared), || Ok(())).await?;
    let mut following = Following {
        meters: meters.clone(),
        uploads,
        began: None,
    };
    let before = following.moved();

    let numbers = u64::from(flags.downloads)..;
    let sending = numbers.zip(movers);
    let sending = sending.map(|(number, mover)| send(mover, number));
    let fetching = prepared.into_iter().map(|(mover, file)| fetch(mover, file));
    let going = async {
        // Without any transfer it goes on, too.
        let for_ever = pending::<Result<(), BenchError>>();
        tokio::try_join!(try_join_all(sending), try_join_all(fetching), for_ever).map(drop)
    };
    tokio::select! {
        biased;
        _ = terminate.recv() => {}
        ended = watch(&meters, going, || following.look(&before)) => return ended,
    }
    following.tell()
}
