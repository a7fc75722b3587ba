//! Faults at an exact system call, made by strace: the server is killed at its N-th sync or write, or a sync fails.

use std::{
    os::unix::process::ExitStatusExt as _,
    time::{Duration, Instant},
};

use crate::support::{
    self, PATIENCE, Server, checker, eventually,
    load::{Finished, Load},
    strace::{self, Strace},
};

const CLIENTS: usize = 4;

/// The calls at which the store can be cut off, and at which of each (counted by strace per thread). The first ones
/// fall into the making of the store, most fall under load.
fn positions() -> Vec<(&'static str, u32)> {
    let syncs: Vec<u32> = if support::long() {
        (1..=200).collect()
    } else {
        (1..=12).chain((14..=80).step_by(4)).collect()
    };
    let writes: Vec<u32> = if support::long() {
        (1..=200).collect()
    } else {
        (1..=12).chain((16..=220).step_by(11)).collect()
    };
    let both = syncs.into_iter().map(|n| ("fsync,fdatasync", n));
    both.chain(writes.into_iter().map(|n| ("pwrite64", n)))
        .collect()
}

/// Sends until the server is killed at the given call, restarts it, and reads everything back. Also tells whether the
/// server was killed at all.
async fn killed_at(calls: &str, when: u32) -> (Finished, bool) {
    let strace = Strace::tracing(calls).inject(&format!("{calls}:signal=SIGKILL:when={when}"));
    let build = Server::build();
    match build.under(strace.wrapper()).try_start() {
        Ok(mut server) => {
            let load = Load::start(&server, CLIENTS, u64::from(when));
            let end = Instant::now() + PATIENCE;
            let mut ended = None;
            while ended.is_none() && Instant::now() < end {
                tokio::time::sleep(Duration::from_millis(2)).await;
                ended = server.ended();
            }
            let fired = ended.is_some_and(|status| status.signal() == Some(9));
            assert!(fired || ended.is_none(), "it ended by itself: {ended:?}");
            server.kill9();
            let server = server.again().under(Vec::new()).start();
            load.moved_to(&server);
            let before = load.acked();
            eventually("sends go on", PATIENCE, || load.acked() > before + 8).await;
            (load.finish(&server).await, fired)
        }
        Err(failed) => {
            let fired = failed
                .status
                .is_some_and(|status| status.signal() == Some(9));
            assert!(
                fired,
                "it did not start: {:?}\n{}",
                failed.status, failed.stderr
            );
            let server = failed.start.under(Vec::new()).start();
            let load = Load::start(&server, CLIENTS, u64::from(when));
            eventually("sends begin", PATIENCE, || load.acked() > 8).await;
            (load.finish(&server).await, fired)
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_any_sync_or_write_loses_nothing_acknowledged() {
    let name = "a_kill_at_any_sync_or_write_loses_nothing_acknowledged";
    if !support::need(name, strace::usable()) {
        return;
    }
    let _turn = support::heavy().await;
    let positions = positions();
    assert!(positions.len() >= 60);
    let (mut fired, mut missed) = (0, Vec::new());
    for &(calls, when) in &positions {
        let (finished, hit) = killed_at(calls, when).await;
        checker::assert_kept(&finished.history, &format!("killed at {calls} {when}"));
        fired += usize::from(hit);
        if !hit {
            missed.push(format!("{calls} {when}"));
        }
    }
    println!(
        "{fired} of {} kills fired; not: {missed:?}",
        positions.len()
    );
    assert!(
        fired * 10 >= positions.len() * 9,
        "only {fired} fired; not: {missed:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_injected_sync_error_ends_the_process_and_loses_nothing_acknowledged() {
    let name = "an_injected_sync_error_ends_the_process_and_loses_nothing_acknowledged";
    if !support::need(name, strace::usable()) {
        return;
    }
    let _turn = support::heavy().await;
    for when in [25, 26, 40] {
        let strace = Strace::tracing("fsync,fdatasync")
            .inject(&format!("fsync,fdatasync:error=EIO:when={when}+"));
        let mut server = Server::build().under(strace.wrapper()).start();
        let load = Load::start(&server, CLIENTS, when);
        eventually("the injection fires", PATIENCE, || {
            strace.log().contains("INJECTED")
        })
        .await;
        let status = server.wait(Duration::from_secs(5));
        let said = server.stderr();
        let status = status.unwrap_or_else(|| panic!("it goes on after a failed sync:\n{said}"));
        assert!(!status.success() && status.code().is_some(), "{status:?}");
        let last = said.lines().last().unwrap_or_default().to_lowercase();
        assert!(
            ["disk", "i/o", "ioerr", "sync"]
                .iter()
                .any(|word| last.contains(word)),
            "the reason is not named last:\n{said}"
        );

        let server = server.again().under(Vec::new()).start();
        load.moved_to(&server);
        let before = load.acked();
        eventually("sends go on", PATIENCE, || load.acked() > before + 8).await;
        let finished = load.finish(&server).await;
        checker::assert_kept(&finished.history, &format!("EIO from sync {when} on"));
    }
}
