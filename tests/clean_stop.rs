//! SIGTERM under load: streams are told, what was accepted is finished, the exit is 0 and in time, nobody loses a thing.

use std::time::Duration;

use tinychat::pb::event::Body;
use tonic::Code;

use crate::support::{
    self, Account, PATIENCE, Server, checker, eventually, in_time, load::Load, raw::Raw, rng::Rng,
};

const DRAIN: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_clean_stops_under_load_lose_nothing_and_end_in_time() {
    let _turn = support::heavy().await;
    let seed = 0xc1ea;
    let mut rng = Rng::new(seed);
    let mut server = Server::build()
        .arguments(&["--drain-timeout", "10s"])
        .start();
    let watcher = Account::register(&server, "watcher").await;
    let load = Load::start(&server, 8, seed);
    for stop in 0..20 {
        let before = load.acked();
        eventually("the load runs", PATIENCE, || load.acked() > before).await;
        let mut events = watcher.on(&server).subscribe(None).await;
        events.until_caught_up().await;
        tokio::time::sleep(Duration::from_millis(rng.within(0..100))).await;

        let began = std::time::Instant::now();
        server.signal_term();
        let mut told = false;
        // The stream is told, and ends.
        loop {
            match events.try_next().await {
                Ok(Some(event)) => told |= matches!(event.body, Some(Body::GoingAway(_))),
                Ok(None) => break,
                Err(status) => {
                    assert_eq!(status.code(), Code::Unavailable, "stop {stop}: {status:?}");
                    break;
                }
            }
        }
        assert!(
            told,
            "stop {stop}: no going_away before the end of the stream"
        );
        let left = (DRAIN + Duration::from_secs(1)).saturating_sub(began.elapsed());
        let Some(status) = server.wait(left) else {
            panic!("stop {stop} took longer than the drain time");
        };
        assert!(
            status.success(),
            "stop {stop}: {status}: {}",
            server.stderr()
        );

        server = server.restart();
        load.moved_to(&server);
    }
    let finished = load.finish(&server).await;
    checker::assert_kept(&finished.history, &format!("seed {seed:#x}"));
    // Four clients hold a stream; at some of the stops one of them may be between two streams.
    assert!(
        finished.going_away >= 20,
        "only {} streams were told",
        finished.going_away
    );
}

#[tokio::test]
async fn an_idle_server_stops_at_once_with_exit_0() {
    let mut server = Server::start();
    let stopped = server.terminate();
    assert!(stopped.status.success(), "{stopped:?}");
    assert!(stopped.took < Duration::from_secs(2), "{stopped:?}");
}

// The clients go on in threads of their own while this one waits for the server: they must hear that it goes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_watches_health_or_holds_reflection_does_not_hold_up_the_stop() {
    let mut server = Server::build()
        .arguments(&["--drain-timeout", "15s"])
        .start();
    let raw = Raw::connect(&server).await;
    let watch = "/grpc.health.v1.Health/Watch";
    let mut health = raw
        .stream(watch, tokio_stream::iter(vec![Vec::new()]))
        .await
        .unwrap();
    in_time("its state", health.message()).await.unwrap();
    let reflection = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    let mut reflection = raw
        .stream(reflection, tokio_stream::pending())
        .await
        .unwrap();
    let stopped = server.terminate();
    assert!(stopped.status.success(), "{}", server.stderr());
    assert!(stopped.took < Duration::from_secs(5), "{:?}", stopped.took);
    // Told that it no longer serves, and then why it ends.
    let not_serving = in_time("its state", health.message()).await.unwrap();
    assert_eq!(not_serving, Some(vec![8, 2]));
    let end = in_time("the end", health.message()).await.unwrap_err();
    assert_eq!(end.code(), Code::Unavailable, "{end:?}");
    // Nothing was asked of reflection, so its end may also be that of its questions.
    if let Err(end) = in_time("the end", reflection.message()).await {
        assert_eq!(end.code(), Code::Unavailable, "{end:?}");
    }
}
