//! What the tests share. `Server` runs the real server, `Account` is a login that talks to it, `feed` reads whole
//! events by either door, `device` keeps what they tell, `load` sends under faults, `checker` judges what came of it,
//! `strace`, `crash` and `proxy` make the faults.
//!
//! Nothing here waits for a fixed time: everything waits for a condition and has a deadline.

pub mod account;
pub mod bystander;
pub mod certificates;
pub mod checker;
pub mod crash;
pub mod device;
pub mod disk;
pub mod evil;
pub mod feed;
pub mod file;
pub mod load;
pub mod oracle;
pub mod proxy;
pub mod raw;
pub mod rng;
pub mod server;
pub mod strace;
pub mod svg;
pub mod terminal;
pub mod tmux;
pub mod wire;

use std::{
    env,
    io::Write as _,
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

pub use account::{Account, Chat, reason};
pub use server::{Server, Start};

/// Makes each test twice, over both stores; each gets the server that it may start.
macro_rules! both_stores {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test($crate::support::Server::build()).await;
            })+
        }

        mod memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let server = $crate::support::Server::build();
                super::$test(server.arguments(&["--store", "memory"])).await;
            })+
        }
    };
}
pub(crate) use both_stores;

/// The longest that any single answer may take on a busy machine, whose disk can stand still for half a minute.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Heavy tests take turns: on two cores they would only measure each other.
pub async fn heavy() -> tokio::sync::MutexGuard<'static, ()> {
    static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    TURN.lock().await
}

/// Whether the long form of the suite was asked for (`scripts/test --long`).
pub fn long() -> bool {
    env::var("TINYCHAT_LONG").is_ok_and(|value| value == "1")
}

/// The seed of a test that is made of chance: another one at each run, or that of a run to be repeated
/// (`TINYCHAT_TEST_SEED`). Printed, so that a test that fails tells it.
pub fn seed() -> u64 {
    let seed = match env::var("TINYCHAT_TEST_SEED") {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) => getrandom::u64().unwrap(),
    };
    println!("seed {seed}");
    seed
}

/// Tells whether a test has what it needs. If not, says so past the capturing of the test harness, so that a skipped
/// test is seen; with `CI=true` the test fails, since there everything has been set up.
pub fn need(test: &str, needed: Result<(), String>) -> bool {
    let Err(reason) = needed else {
        return true;
    };
    assert!(
        !env::var("CI").is_ok_and(|value| value == "true"),
        "{test} cannot run, and with CI=true it must: {reason}"
    );
    // The macros would be captured and shown only for a test that fails.
    let line = format!("SKIPPED {test}: {reason}\n");
    std::io::stderr().write_all(line.as_bytes()).ok();
    false
}

/// Whether a program is there and answers to these arguments.
pub fn tool(program: impl Into<PathBuf>, arguments: &[&str]) -> Result<(), String> {
    let program = program.into();
    let status = Command::new(&program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{} {arguments:?}: {status}", program.display())),
        Err(error) => Err(format!(
            "{}: {error}; scripts/test installs it",
            program.display()
        )),
    }
}

/// Whether the tests were built with the faults that are switched on at run time.
pub fn switches() -> Result<(), String> {
    if cfg!(feature = "test-switches") {
        Ok(())
    } else {
        Err("needs --features test-switches, as scripts/test gives".to_owned())
    }
}

/// The folder in which `scripts/test` puts the tools of Python.
pub fn venv_bin() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/target/venv/bin"))
}

/// A `PATH` with the tools that `scripts/test` installs and the programs of this build in front.
pub fn path_with_tools() -> String {
    let built = PathBuf::from(env!("CARGO_BIN_EXE_tinychat-server"));
    let mut folders = vec![venv_bin(), built.parent().unwrap().to_owned()];
    folders.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    env::join_paths(folders).unwrap().into_string().unwrap()
}

/// Polls until the condition holds; panics with `what` when it does not in time.
pub async fn eventually(what: &str, within: Duration, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + within;
    while !condition() {
        assert!(Instant::now() < end, "not within {within:?}: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Polls until a condition that has to be asked for holds.
pub async fn eventually_async(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < end, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits for a future, but not for ever.
pub async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("not within {PATIENCE:?}: {what}"),
    }
}
