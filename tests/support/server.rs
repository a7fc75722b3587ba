//! The real server as a child process, on a free port of the loopback and a folder of its own.

use std::{
    ffi::OsString,
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::{NamedTempFile, TempDir};
use tinychat::client::net::{
    connect::{Connection, ServerAddress},
    tls::{Security, Trust},
};

use super::PATIENCE;

/// What comes before the address in the line that a server prints when it listens.
const SERVING_ON: &str = "serving on ";
/// How the last line begins that it prints then: with it, all that it has to say at its start is there.
const LAST: &str = "Connect with:";

/// How a server is to be started.
#[derive(Clone, Debug)]
#[must_use]
pub struct Start {
    /// A program that runs the server, with its arguments; empty: nothing between.
    wrapper: Vec<OsString>,
    arguments: Vec<String>,
    environment: Vec<(&'static str, String)>,
    data: Data,
}

/// The folder of the store. A temporary one goes away with the last server that uses it.
#[derive(Clone, Debug)]
enum Data {
    Temporary(Arc<TempDir>),
    Given(PathBuf),
}

impl Start {
    /// A server without passwords and without rate limits, on a new store.
    fn new() -> Self {
        Self {
            wrapper: Vec::new(),
            arguments: ["--auth", "trust", "--rate", "off"]
                .map(Into::into)
                .to_vec(),
            environment: Vec::new(),
            data: Data::Temporary(Arc::new(tempfile::tempdir().unwrap())),
        }
    }

    /// The same, with passwords.
    pub fn with_passwords(mut self) -> Self {
        self.arguments[1] = "password".to_owned();
        self
    }

    /// With this limit of sends.
    pub fn rate(mut self, rate: &str) -> Self {
        self.arguments[3] = rate.to_owned();
        self
    }

    /// The same, with the rate that a server has that is not told otherwise.
    pub fn with_the_usual_rate(mut self) -> Self {
        self.arguments.drain(2..4);
        self
    }

    /// With logs down to this level.
    pub fn logging(mut self, level: &str) -> Self {
        self.environment.push(("TINYCHAT_LOG", level.to_owned()));
        self
    }

    /// Further arguments.
    pub fn arguments(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|&a| a.into()));
        self
    }

    /// On this folder, which the caller owns.
    pub fn on(mut self, data: &Path) -> Self {
        self.data = Data::Given(data.to_owned());
        self
    }

    /// On another new folder.
    pub fn on_a_new_store(mut self) -> Self {
        self.data = Data::Temporary(Arc::new(tempfile::tempdir().unwrap()));
        self
    }

    /// Run by another program.
    pub fn under(mut self, wrapper: Vec<OsString>) -> Self {
        self.wrapper = wrapper;
        self
    }

    /// With a fault that is built in for tests (feature `test-switches`).
    pub fn with_switch(mut self, switch: &str) -> Self {
        self.environment = vec![("TINYCHAT_TEST_SWITCH", switch.to_owned())];
        self
    }

    /// Without such a fault.
    pub fn without_switch(mut self) -> Self {
        self.environment.clear();
        self
    }

    /// The folder of the store.
    pub fn data(&self) -> &Path {
        match &self.data {
            Data::Temporary(folder) => folder.path(),
            Data::Given(path) => path,
        }
    }

    /// Starts the server and waits until it serves.
    pub fn start(self) -> Server {
        match self.try_start() {
            Ok(server) => server,
            Err(failed) => panic!("the server did not start: {failed:?}"),
        }
    }

    /// Starts the server and waits until it serves or has ended.
    pub fn try_start(self) -> Result<Server, Box<Failed>> {
        let stderr = NamedTempFile::new().unwrap();
        let mut line = self.wrapper.clone();
        line.push(env!("CARGO_BIN_EXE_tinychat-server").into());
        let mut child = Command::new(&line[0])
            .args(&line[1..])
            .args(["--listen", "127.0.0.1:0", "--data"])
            .arg(self.data())
            .args(&self.arguments)
            .env_remove("TINYCHAT_TEST_SWITCH")
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr.reopen().unwrap())
            .spawn()
            .unwrap();
        let (found, lines) = mpsc::channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        // Reads to the end, so that the server never waits for a full pipe; ends with the server.
        let printed = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&printed);
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                keep.lock().unwrap().push(line.clone());
                found.send(line).ok();
            }
        });
        let end = Instant::now() + PATIENCE;
        let mut serving_on = None;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match lines.recv_timeout(left) {
                Ok(line) => {
                    if let Some((_, rest)) = line.split_once(SERVING_ON) {
                        let text = rest.split_whitespace().next().unwrap_or_default();
                        let text = text.trim_end_matches([',', '.', ';', ')']);
                        serving_on = Some(text.parse().unwrap_or_else(|_| panic!("in {line:?}")));
                    }
                    let Some(address) = serving_on.take_if(|_| line.starts_with(LAST)) else {
                        continue;
                    };
                    return Ok(Server {
                        child,
                        address,
                        start: self,
                        stderr,
                        printed,
                    });
                }
                Err(why) => {
                    // Closed: it ends by itself. Timed out: it must not stay behind.
                    let status = match why {
                        mpsc::RecvTimeoutError::Disconnected => wait(&mut child, PATIENCE),
                        mpsc::RecvTimeoutError::Timeout => None,
                    };
                    child.kill().ok();
                    child.wait().ok();
                    return Err(Box::new(Failed {
                        status,
                        stderr: fs::read_to_string(stderr.path()).unwrap_or_default(),
                        start: self,
                    }));
                }
            }
        }
    }
}

/// A server that ended, or hung, before it served.
#[derive(Debug)]
pub struct Failed {
    /// How it ended; `None`: it hung.
    pub status: Option<ExitStatus>,
    /// What it said.
    pub stderr: String,
    /// To start it again.
    pub start: Start,
}

/// A running server. Killed when dropped.
#[derive(Debug)]
#[must_use]
pub struct Server {
    child: Child,
    address: ServerAddress,
    start: Start,
    stderr: NamedTempFile,
    printed: Arc<Mutex<Vec<String>>>,
}

/// How a server ended.
#[derive(Debug)]
pub struct Stopped {
    /// Its exit status.
    pub status: ExitStatus,
    /// How long that took.
    pub took: Duration,
}

impl Server {
    /// The usual server of a test: names without passwords, no rate limits, a new store.
    pub fn build() -> Start {
        Start::new()
    }

    /// Starts the usual server.
    pub fn start() -> Self {
        Start::new().start()
    }

    /// Where it listens.
    pub fn address(&self) -> &ServerAddress {
        &self.address
    }

    /// A new connection without a login; encrypted if the server has a certificate of its own.
    pub fn connection(&self) -> Connection {
        let certificate = self.certificate();
        let security = match certificate.exists() {
            true => Security::Tls(Trust::Authorities(certificate)),
            false => Security::Plaintext,
        };
        Connection::open(&self.address, &security).unwrap()
    }

    /// The folder of its store.
    pub fn data(&self) -> &Path {
        self.start.data()
    }

    /// Where its self-signed certificate is, if it has one.
    pub fn certificate(&self) -> PathBuf {
        self.start.data().join("tls/cert.pem")
    }

    /// What it printed at its start, so far.
    pub fn printed(&self) -> Vec<String> {
        self.printed.lock().unwrap().clone()
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has logged so far.
    pub fn stderr(&self) -> String {
        fs::read_to_string(self.stderr.path()).unwrap_or_default()
    }

    /// Its resident memory, in bytes.
    pub fn rss(&self) -> u64 {
        rss_of(self.pid())
    }

    /// The most that its resident memory ever was, in bytes.
    pub fn peak(&self) -> u64 {
        peak_of(self.pid()).unwrap()
    }

    /// Its exit status, if it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Waits until it ends by itself.
    pub fn wait(&mut self, within: Duration) -> Option<ExitStatus> {
        wait(&mut self.child, within)
    }

    /// Ends it as a crash would.
    pub fn kill9(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop.
    pub fn signal_term(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
    }

    /// Asks it to stop and waits until it has.
    pub fn terminate(&mut self) -> Stopped {
        let began = Instant::now();
        self.signal_term();
        let status = self.wait(PATIENCE);
        let status = status.unwrap_or_else(|| panic!("it did not stop:\n{}", self.stderr()));
        Stopped {
            status,
            took: began.elapsed(),
        }
    }

    /// How it was started, to start another on the same store (which must have ended).
    pub fn again(&self) -> Start {
        self.start.clone()
    }

    /// Kills it if it still runs, and starts it again on the same store. The port is another one.
    pub fn restart(mut self) -> Self {
        self.child.kill().ok();
        self.child.wait().unwrap();
        self.again().start()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        if thread::panicking() {
            println!("the server said:\n{}", self.stderr());
        }
    }
}

/// The resident memory of a process, in bytes.
pub fn rss_of(pid: u32) -> u64 {
    figure_of(pid, "VmRSS:").unwrap()
}

/// The most that the resident memory of a process ever was, in bytes; `None`: it has ended.
pub fn peak_of(pid: u32) -> Option<u64> {
    figure_of(pid, "VmHWM:")
}

fn figure_of(pid: u32, name: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    // A process that has ended and is not waited for has no memory.
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kib * 1024)
}

/// Waits for a child, but not for ever.
fn wait(child: &mut Child, within: Duration) -> Option<ExitStatus> {
    let end = Instant::now() + within;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        if Instant::now() > end {
            return None;
        }
        thread::sleep(Duration::from_millis(1));
    }
}
