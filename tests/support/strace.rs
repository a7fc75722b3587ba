//! strace as the maker of faults and as the recorder of system calls.

use std::{
    ffi::OsString,
    fs,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::PATIENCE;

/// One run under strace.
#[derive(Debug)]
pub struct Strace {
    folder: TempDir,
    arguments: Vec<OsString>,
}

impl Strace {
    /// Traces these calls, comma-separated, in all threads.
    pub fn tracing(calls: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // With -D the tracer is the grandchild: the child of the test is the server itself, and so is its exit status.
        let mut arguments: Vec<OsString> = ["strace", "-D", "-f", "-ttt"].map(Into::into).to_vec();
        arguments.push("-o".into());
        arguments.push(folder.path().join("log").into());
        arguments.push("-e".into());
        arguments.push(format!("trace={calls}").into());
        Self { folder, arguments }
    }

    /// Makes a fault: `fsync,fdatasync:signal=SIGKILL:when=3`. Strace counts each call of each thread by itself.
    pub fn inject(mut self, what: &str) -> Self {
        self.arguments.push("-e".into());
        self.arguments.push(format!("inject={what}").into());
        self
    }

    /// Writes down all bytes, and the path behind every file. Calls that are not traced run at full speed: a filter in
    /// the kernel, with which strace 6.1 never fires a `signal=` though, so it is not for `inject`.
    pub fn whole(mut self) -> Self {
        self.arguments
            .extend(["--seccomp-bpf", "-y", "-xx", "-s", "4000000"].map(Into::into));
        self
    }

    /// To put in front of a command.
    pub fn wrapper(&self) -> Vec<OsString> {
        self.arguments.clone()
    }

    /// Where the log is.
    pub fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// The whole log of a run that has ended: the tracer writes the last lines a moment later.
    pub fn finished_log(&self) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let log = self.log();
            let first = log.split_whitespace().next().unwrap_or_default();
            let last = log.lines().last().unwrap_or_default();
            if log.ends_with('\n') && last.starts_with(first) && last.contains("+++ ") {
                return log;
            }
            assert!(Instant::now() < end, "strace did not end: {last:.200}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// The log as far as it is written.
    pub fn log(&self) -> String {
        let bytes = fs::read(self.log_path()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// Whether strace is there and may trace.
pub fn usable() -> Result<(), String> {
    super::tool(
        "strace",
        &["-D", "-f", "--seccomp-bpf", "-o", "/dev/null", "true"],
    )
}
