//! kill -9 under load: nothing acknowledged is lost, be it a message, an edit, a deletion, a reaction or a membership;
//! nothing is doubled, no gap, all devices equal. (This cannot show a missing sync, since the page cache survives;
//! `crash_states` can.)

use std::time::{Duration, Instant};

use crate::support::{
    self, Server, Start, checker, eventually,
    load::{Finished, Load},
    rng::Rng,
};

const CLIENTS: usize = 8;

/// Kills and restarts a server so many times while clients send; then reads everything back.
async fn killed(start: Start, seed: u64, cycles: usize) -> Finished {
    let mut rng = Rng::new(seed);
    let mut server = start.start();
    let load = Load::start(&server, CLIENTS, seed);
    for _ in 0..cycles {
        let before = load.acked();
        eventually("the load runs", support::PATIENCE, || load.acked() > before).await;
        // The seeded moment of the crash, after the load began to be answered.
        tokio::time::sleep(Duration::from_millis(rng.within(0..200))).await;
        server.kill9();
        server = server.restart();
        load.moved_to(&server);
    }
    // What came of it is read from a server without faults.
    server.kill9();
    let server = server.again().without_switch().start();
    load.moved_to(&server);
    load.finish(&server).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_under_load_loses_doubles_and_reorders_nothing() {
    let _turn = support::heavy().await;
    let (rounds, cycles) = if support::long() { (20, 100) } else { (4, 50) };
    let began = Instant::now();
    let (mut acked, mut acted) = (0, 0);
    for round in 0..rounds {
        let seed = 0x5eed + round;
        let finished = killed(Server::build(), seed, cycles).await;
        checker::assert_kept(&finished.history, &format!("seed {seed:#x}"));
        assert!(
            finished.acked() >= cycles && finished.acted() >= cycles,
            "seed {seed:#x}: hardly any load"
        );
        acked += finished.acked();
        acted += finished.acted();
    }
    let (kills, took) = (rounds as usize * cycles, began.elapsed());
    println!(
        "{kills} kills, {acked} acknowledged messages and {acted} acts upon them, 0 lost, in {took:.0?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_checker_catches_acknowledging_before_commit() {
    let name = "the_checker_catches_acknowledging_before_commit";
    if !support::need(name, support::switches()) {
        return;
    }
    let _turn = support::heavy().await;
    let (rounds, cycles) = (12, 5);
    for round in 0..rounds {
        let start = Server::build().with_switch("ack-before-commit");
        let finished = killed(start, 0xbad + round, cycles).await;
        let broken = checker::check(&finished.history);
        if broken
            .iter()
            .any(|b| b.promise == checker::Promise::NothingAcknowledgedIsLost)
        {
            println!("caught within {} kills", (round as usize + 1) * cycles);
            return;
        }
    }
    panic!(
        "acknowledging before commit went unnoticed over {} kills",
        rounds as usize * cycles
    );
}
