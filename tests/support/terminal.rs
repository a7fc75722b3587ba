//! The real client in a pseudo-terminal: types lines, waits for what shows, keeps the whole transcript.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    path::Path,
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

pub use pty_process::Size;
use pty_process::blocking;
use tempfile::TempDir;

use super::{PATIENCE, Server};

/// One person's machine: a home in which logins are remembered.
#[derive(Clone, Debug)]
pub struct Home(Arc<TempDir>);

impl Home {
    pub fn new() -> Self {
        Self(Arc::new(tempfile::tempdir().unwrap()))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// What the client sees of its surroundings, and nothing else.
    pub fn environment(&self) -> [(&'static str, String); 4] {
        let home = self.path().display().to_string();
        let state = format!("{home}/state");
        [
            ("HOME", home),
            ("XDG_STATE_HOME", state),
            ("TZ", "UTC".to_owned()),
            ("TERM", "xterm".to_owned()),
        ]
    }

    /// Starts the line client of this person in a terminal.
    pub fn client(&self, server: &Server, arguments: &[&str]) -> Terminal {
        self.client_of(server.address().as_str(), arguments)
    }

    /// The same, of any server. Lines as they are typed and printed, without an editor.
    pub fn client_of(&self, server: &str, arguments: &[&str]) -> Terminal {
        // Wide, so that no line of a transcript is broken by the terminal.
        let arguments = [&["--plain"], arguments].concat();
        self.client_on(server, &arguments, Size::new(50, 400))
    }

    /// The client as it is on a terminal of this size, with its editor.
    pub fn client_on(&self, server: &str, arguments: &[&str], size: Size) -> Terminal {
        let arguments = [&["--server", server], arguments].concat();
        self.program_on(env!("CARGO_BIN_EXE_tinychat-client"), &arguments, size)
    }

    /// Any program on a terminal of this size.
    pub fn program_on(&self, program: &str, arguments: &[&str], size: Size) -> Terminal {
        let (pty, pts) = blocking::open().unwrap();
        pty.resize(size).unwrap();
        let child = blocking::Command::new(program)
            .env_clear()
            .envs(self.environment())
            .args(arguments)
            .spawn(pts)
            .unwrap();
        let shown = Arc::new(Mutex::new(Vec::new()));
        let pty = Arc::new(pty);
        let (screen, source) = (Arc::clone(&shown), Arc::clone(&pty));
        // Ends when the client has ended: the last hold on the other side is then gone.
        let reader = thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = (&*source).read(&mut bytes) {
                screen.lock().unwrap().extend_from_slice(&bytes[..count]);
            }
        });
        Terminal {
            reader,
            child,
            pty,
            shown,
            seen: 0,
            _home: self.clone(),
        }
    }

    /// Runs the client without a terminal, with this standard input.
    pub fn run(&self, server: &str, arguments: &[&str], input: &[u8]) -> Output {
        self.run_with(server, arguments, input, &[])
    }

    /// The same, with more in its surroundings.
    pub fn run_with(
        &self,
        server: &str,
        arguments: &[&str],
        input: &[u8],
        environment: &[(&str, &str)],
    ) -> Output {
        let file = self.path().join("input");
        std::fs::write(&file, input).unwrap();
        Command::new(env!("CARGO_BIN_EXE_tinychat-client"))
            .env_clear()
            .envs(self.environment())
            .envs(environment.iter().copied())
            .args(["--server", server])
            .args(arguments)
            .stdin(Stdio::from(File::open(file).unwrap()))
            .output()
            .unwrap()
    }

    /// Starts the client without a terminal and without input. What it prints must fit into a pipe.
    pub fn start(&self, server: &str, arguments: &[&str]) -> Running {
        let child = Command::new(env!("CARGO_BIN_EXE_tinychat-client"))
            .env_clear()
            .envs(self.environment())
            .args(["--server", server])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        Running(child.unwrap())
    }
}

/// A client without a terminal that goes on beside the test. Killed when dropped.
pub struct Running(Child);

impl Running {
    /// The number of its process.
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().unwrap()
    }

    /// What it said in the end: on standard output, and on standard error.
    pub fn said(&mut self) -> (String, String) {
        let (mut out, mut error) = (String::new(), String::new());
        let (stdout, stderr) = (self.0.stdout.take(), self.0.stderr.take());
        stdout.unwrap().read_to_string(&mut out).unwrap();
        stderr.unwrap().read_to_string(&mut error).unwrap();
        (out, error)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// A client in a terminal. Killed when dropped.
pub struct Terminal {
    child: Child,
    pty: Arc<blocking::Pty>,
    shown: Arc<Mutex<Vec<u8>>>,
    /// Reads what is shown until nobody can write there any more.
    reader: thread::JoinHandle<()>,
    /// Everything before this was waited for already.
    seen: usize,
    /// Its home stays for as long as it may write there.
    _home: Home,
}

impl Terminal {
    /// Types bytes.
    pub fn type_bytes(&self, bytes: &[u8]) {
        (&*self.pty).write_all(bytes).unwrap();
    }

    /// Types a line and Enter.
    pub fn line(&self, line: &str) {
        self.type_bytes(format!("{line}\n").as_bytes());
    }

    /// All bytes that were shown.
    pub fn bytes(&self) -> Vec<u8> {
        self.shown.lock().unwrap().clone()
    }

    /// What was shown after so many bytes.
    pub fn bytes_after(&self, seen: usize) -> Vec<u8> {
        self.shown.lock().unwrap()[seen..].to_vec()
    }

    /// All that was shown, with plain line ends.
    pub fn transcript(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).replace("\r\n", "\n")
    }

    /// Waits until this shows after what was waited for last.
    pub fn wait_for(&mut self, text: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            let shown = self.transcript();
            if let Some(at) = shown[self.seen..].find(text) {
                self.seen += at + text.len();
                return;
            }
            assert!(Instant::now() < end, "{text:?} does not show:\n{shown}");
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Types a line and waits for what it brings.
    pub fn ask(&mut self, line: &str, answer: &str) {
        self.line(line);
        self.wait_for(answer);
    }

    /// Goes through the prompts of a new account.
    pub fn register(&mut self, name: &str) {
        self.wait_for("Enter your name: ");
        self.line(name);
        self.wait_for("Password: ");
        self.line("correct horse");
        self.wait_for("[y/N] ");
        self.line("y");
        self.wait_for("Password again: ");
        self.line("correct horse");
        self.wait_for(&format!("Welcome, {name}."));
        self.wait_for("\n");
    }

    /// The number of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What stands on a screen of this size, as the terminal would show it.
    pub fn screen(&self, rows: u16, columns: u16) -> String {
        let mut parser = vt100::Parser::new(rows, columns, 0);
        parser.process(&self.bytes());
        parser.screen().contents()
    }

    /// Waits until the screen shows this.
    pub fn wait_for_screen(&self, rows: u16, columns: u16, shows: impl Fn(&str) -> bool) {
        let end = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen(rows, columns);
            if shows(&screen) {
                return;
            }
            assert!(Instant::now() < end, "the screen is:\n{screen}");
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Whether the terminal shows what is typed, as it did before the client began.
    pub fn echoes(&self) -> bool {
        let modes = rustix::termios::tcgetattr(&*self.pty).unwrap().local_modes;
        modes.contains(rustix::termios::LocalModes::ECHO | rustix::termios::LocalModes::ICANON)
    }

    /// Ends the client as nothing else can.
    pub fn kill9(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Tells the client to end, as the system does.
    pub fn terminate(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    }

    /// Presses Ctrl-C.
    pub fn interrupt(&self) {
        self.type_bytes(b"\x03");
    }

    /// Waits until the client has ended.
    pub fn ended(&mut self) -> ExitStatus {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                // What it said last may still be on its way; somebody it started may hold the terminal open.
                let end = Instant::now() + Duration::from_secs(1);
                while !self.reader.is_finished() && Instant::now() < end {
                    thread::sleep(Duration::from_millis(2));
                }
                return status;
            }
            assert!(Instant::now() < end, "it goes on:\n{}", self.transcript());
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        if thread::panicking() {
            println!("the terminal shows:\n{}", self.transcript());
        }
    }
}
