//! What is measured runs as a child process: how it is started, what it uses, how it ends.
//!
//! Each child has a new folder of its own, runs on the core that it is given, and ends with this program, however that
//! ends. The server is the one that lies beside this program.

use std::{
    env, fs,
    io::{self, BufRead as _, BufReader},
    net::SocketAddr,
    os::unix::{fs::DirBuilderExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use clap::ValueEnum;
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};

use super::{baseline::Fault, error::BenchError};

/// What comes before the address in the line that says that connections are accepted.
pub const SERVING_ON: &str = "serving on ";
/// How long a child may take to stop: longer than the server gives its streams.
const STOP_PATIENCE: Duration = Duration::from_secs(20);
/// What a system has that sets no limit to open files.
const FILES_UNLIMITED: u64 = 1 << 20;
/// Files that are not for the devices of a measurement: the server keeps 256.
const FILES_KEPT: u64 = 300;
/// Room for the largest files of a measurement, and for as many as it wants.
const FILE_LIMITS: [&str; 4] = ["--file-size", "1GiB", "--files-per-user", "off"];
/// `/proc` counts time in hundredths of a second on every machine of ours.
const TICKS_PER_SECOND: f64 = 100.0;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Target {
    /// The real server.
    Server,
    /// A relay that stores nothing.
    Relay,
    /// The same relay over a bare SQLite writer with our tables.
    Sqlite,
}

impl Target {
    /// Its name in the output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Relay => "relay",
            Self::Sqlite => "sqlite",
        }
    }
}

/// What is measured, to who speaks to it.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// What it is.
    pub target: Target,
    /// Where it listens.
    pub address: SocketAddr,
}

/// What an acknowledgement means, for the server and for the baseline that stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Durability {
    /// On stable storage.
    Full,
    /// With the operating system.
    Relaxed,
}

impl Durability {
    /// Its name in the output and in flags.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Relaxed => "relaxed",
        }
    }
}

/// How children are started.
#[derive(Clone, Debug)]
pub struct Start {
    /// The core that they run on; `None`: any.
    pub core: Option<usize>,
    /// The core of what goes on beside the generator; `None`: that of the generator.
    pub beside: Option<usize>,
    /// Where their folders are made.
    pub folder: PathBuf,
    /// What their acknowledgements mean.
    pub durability: Durability,
    /// What the baselines do wrong.
    pub fault: Option<Fault>,
    /// The baselines also send each message to the streams of its sender, as the server does.
    pub echo: bool,
}

/// A folder that goes away with its owner.
#[derive(Debug)]
struct Scratch(PathBuf);

impl Scratch {
    fn new(parent: &Path) -> Result<Self, BenchError> {
        let failed =
            |error| BenchError::system(format!("making a folder in {}", parent.display()))(error);
        fs::create_dir_all(parent).map_err(failed)?;
        loop {
            // A new one of our own, whatever others have left there.
            let random = getrandom::u64().map_err(|error| failed(error.into()))?;
            let path = parent.join(format!("tinychat-bench-{random:016x}"));
            match fs::DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(error)),
            }
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left of it costs room and nothing else.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A running server or baseline. Killed when dropped.
#[derive(Debug)]
pub struct Running {
    target: Target,
    child: Child,
    address: SocketAddr,
    echoes: bool,
    // Read no further, but open: a child that writes to a closed pipe would fail.
    _stdout: BufReader<ChildStdout>,
    folder: Scratch,
}

impl Running {
    /// Starts one and waits until it accepts connections. Only on the main thread: the child ends with the thread that
    /// started it.
    pub fn start(target: Target, start: &Start) -> Result<Self, BenchError> {
        let folder = Scratch::new(&start.folder)?;
        let data = folder.0.join("data");
        let (own, mut command) = own_program(start.core)?;
        match target {
            Target::Server => {
                let server = own.with_file_name("tinychat-server");
                if !server.exists() {
                    return Err(BenchError::NoServer(server));
                }
                command.arg("--").arg(server);
                command.args([
                    "--listen",
                    "127.0.0.1:0",
                    "--auth",
                    "trust",
                    "--rate",
                    "off",
                ]);
                command.args(FILE_LIMITS);
                command.args(["--durability", start.durability.word(), "--data"]);
                command.arg(&data);
            }
            Target::Relay | Target::Sqlite => {
                command.arg("--").arg(&own);
                command.args(["baseline", "--kind", target.word(), "--data"]);
                command.arg(&data);
                command.args(["--durability", start.durability.word()]);
                if let Some(fault) = start.fault {
                    command.args(["--break", fault.word()]);
                }
                if start.echo {
                    command.arg("--echo");
                }
            }
        }
        // What the server is told is what stands in the report.
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("TINYCHAT_") {
                command.env_remove(name);
            }
        }
        let log = folder.0.join("log");
        let stderr = fs::File::create(&log).map_err(BenchError::system("making a log"))?;
        command.stdout(Stdio::piped()).stderr(stderr);
        let program = target.word();
        let mut child = command
            .spawn()
            .map_err(BenchError::system(format!("starting the {program}")))?;
        match greeting(&mut child) {
            Some((address, stdout)) => Ok(Self {
                target,
                child,
                address,
                echoes: target == Target::Server || start.echo,
                _stdout: stdout,
                folder,
            }),
            None => {
                kill(&mut child);
                let said = fs::read_to_string(&log).unwrap_or_default();
                Err(BenchError::NotStarted { program, said })
            }
        }
    }

    /// What it is.
    pub const fn target(&self) -> Target {
        self.target
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Both.
    pub const fn peer(&self) -> Peer {
        Peer {
            target: self.target,
            address: self.address,
        }
    }

    /// Whether it sends a message to the streams of its sender, too.
    pub const fn echoes(&self) -> bool {
        self.echoes
    }

    /// Processor time that it has used so far, in seconds.
    pub fn cpu_seconds(&self) -> Result<f64, BenchError> {
        cpu_seconds(&self.child.id().to_string())
    }

    /// Its resident memory, in bytes.
    pub fn rss_bytes(&self) -> Result<u64, BenchError> {
        let path = format!("/proc/{}/status", self.child.id());
        let kib = fs::read_to_string(&path).ok().and_then(|status| {
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix("VmRSS:"))?;
            line.trim().trim_end_matches(" kB").parse::<u64>().ok()
        });
        kib.map(|kib| kib * 1024).ok_or(BenchError::NoProc(path))
    }

    /// Asks it to stop and waits until it has. The connections to it should be closed by then.
    pub async fn stop(mut self) -> Result<(), BenchError> {
        let asked = kill_process(Pid::from_child(&self.child), Signal::TERM);
        asked.map_err(|error| BenchError::system("stopping a child")(error.into()))?;
        let end = Instant::now() + STOP_PATIENCE;
        while Instant::now() < end {
            let ended = self.child.try_wait();
            match ended.map_err(BenchError::system("waiting for a child"))? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => {
                    return Err(BenchError::StoppedBadly {
                        target: self.target.word(),
                        status,
                        said: self.last_words(),
                    });
                }
                None => {}
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Err(BenchError::NotStopped(self.target.word()))
    }

    /// The last of what it logged, to be shown when something failed.
    pub fn last_words(&self) -> String {
        let log = fs::read_to_string(self.folder.0.join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(5)..].join("\n")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        kill(&mut self.child);
    }
}

/// This program, and a command that runs what follows on a core for as long as this process lives.
pub fn own_program(core: Option<usize>) -> Result<(PathBuf, Command), BenchError> {
    let own = env::current_exe().map_err(BenchError::system("finding this program"))?;
    let mut command = Command::new(&own);
    // Control-C on the terminal is for this process, which then ends its children.
    command.stdin(Stdio::null()).process_group(0).arg("pinned");
    if let Some(core) = core {
        command.args(["--core", &core.to_string()]);
    }
    Ok((own, command))
}

/// Ends a child at once.
pub fn kill(child: &mut Child) {
    // It may have ended by itself.
    let _ = child.kill();
    let _ = child.wait();
}

/// Reads where a child listens; `None`: it ended before.
fn greeting(child: &mut Child) -> Option<(SocketAddr, BufReader<ChildStdout>)> {
    let mut stdout = BufReader::new(child.stdout.take()?);
    let mut line = String::new();
    while stdout.read_line(&mut line).ok()? > 0 {
        if let Some((_, rest)) = line.split_once(SERVING_ON) {
            let address = rest.split_whitespace().next()?;
            return Some((address.parse().ok()?, stdout));
        }
        line.clear();
    }
    None
}

/// How many connections a target can have from this program: both may open so many files, and need a few otherwise.
pub fn connections_max() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let wished = limit.maximum.unwrap_or(FILES_UNLIMITED);
    let raised = Rlimit {
        current: Some(wished),
        maximum: limit.maximum,
    };
    let files = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => wished,
        Err(_) => limit.current.unwrap_or(FILES_UNLIMITED),
    };
    files.saturating_sub(FILES_KEPT).max(1)
}

/// Processor time of a process (`self`: of this one), in seconds: all its threads, in the program and in the kernel.
pub fn cpu_seconds(process: &str) -> Result<f64, BenchError> {
    let path = format!("/proc/{process}/stat");
    let ticks = fs::read_to_string(&path).ok().and_then(|stat| {
        // After the name, which may hold anything and ends with the last parenthesis: field 3 and on.
        let fields = stat.rsplit_once(')')?.1;
        let mut fields = fields.split_whitespace().skip(11);
        let user: u32 = fields.next()?.parse().ok()?;
        let system: u32 = fields.next()?.parse().ok()?;
        Some(f64::from(user) + f64::from(system))
    });
    let ticks = ticks.ok_or(BenchError::NoProc(path))?;
    Ok(ticks / TICKS_PER_SECOND)
}
