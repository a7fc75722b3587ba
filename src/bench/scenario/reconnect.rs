//! The storm after a restart: many devices with a token connect and resume at once.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::{task::JoinSet, time::timeout};

use super::{Meter, float, seconds_of};
use crate::{
    bench::{
        client::{self, Feed, Login, PATIENCE},
        error::BenchError,
        figure::{Durations, Outcome},
        flow::Requests,
        process::Running,
        tracker::Tracker,
        wire::{Ids, Stamp},
    },
    pb::{SendRequest, chat_service_client::ChatServiceClient, send_request::Target},
};

/// Sends under way at once, when it is looked whether resumed streams are alive.
const SENDS_AT_ONCE: usize = 32;
/// How long the message that shows a stream alive may take before it counts as lost.
const QUIET: Duration = Duration::from_secs(20);

/// Storms at most: closed connections keep their ports for a minute, and there are some 28,000.
const ROUNDS_MAX: u64 = 12;

/// Many devices, each of a user of its own.
#[derive(Clone, Copy, Debug)]
pub struct Reconnect {
    /// How many.
    pub devices: u64,
    /// Storms are made for about this long, two to eleven of them.
    pub duration: Duration,
}

/// A device that comes back.
struct Device {
    login: Login,
    cursor: Option<Bytes>,
    tracker: Tracker,
}

/// Lets all come back at once. Each tells how long it took from the start of the storm.
async fn storm(
    running: &Running,
    devices: Vec<Device>,
) -> Result<Vec<(Device, Feed, Duration)>, BenchError> {
    let (to, began) = (running.address(), Instant::now());
    let mut resuming = JoinSet::new();
    for mut device in devices {
        resuming.spawn(async move {
            let channel = client::connect(to).await?;
            let requests = Requests::listen(device.cursor.as_ref());
            let mut feed = Feed::chat(&channel, &device.login, requests).await?;
            // What comes again here is counted.
            feed.caught_up(&mut device.tracker).await?;
            Ok::<_, BenchError>((device, feed, began.elapsed()))
        });
    }
    let mut resumed = Vec::new();
    let all = async {
        while let Some(one) = resuming.join_next().await {
            resumed.push(one.map_err(|_| BenchError::Ended)??);
        }
        Ok::<_, BenchError>(())
    };
    timeout(PATIENCE, all)
        .await
        .map_err(|_| BenchError::Late("a resumed stream"))??;
    Ok(resumed)
}

/// Sends one message to each device, and lets each take it: a stream that resumed is alive.
async fn prove_alive(
    running: &Running,
    sender: &Login,
    resumed: &mut [(Device, Feed, Duration)],
    round: u64,
) -> Result<(), BenchError> {
    let channel = client::connect(running.address()).await?;
    let mut ids = Ids::new(getrandom::u64().unwrap_or(round));
    let requests: Vec<SendRequest> = resumed
        .iter()
        .map(|(device, ..)| SendRequest {
            target: Some(Target::UserName(device.login.name.clone())),
            client_message_id: String::from_utf8_lossy(&ids.next_id()).into_owned(),
            text: Stamp {
                sender: 0,
                number: round,
            }
            .text(0),
            reply_to_seq: 0,
            attachments: Vec::new(),
        })
        .collect();
    let send = |request| {
        let mut chat = ChatServiceClient::new(channel.clone());
        let request = sender.request(request);
        async move { chat.send(request).await }
    };
    let sending = stream::iter(requests)
        .map(send)
        .buffer_unordered(SENDS_AT_ONCE);
    let sent = sending.map_ok(drop).try_collect::<()>();
    timeout(PATIENCE, sent)
        .await
        .map_err(|_| BenchError::Late("an acknowledgement"))??;
    for (device, feed, _) in resumed {
        let end = Instant::now() + QUIET;
        while !device.tracker.is_complete(round + 1) {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(taken) = timeout(left, feed.take(&mut device.tracker)).await else {
                break;
            };
            taken?;
        }
    }
    Ok(())
}

/// Measures one target.
pub async fn measure(running: &Running, reconnect: Reconnect) -> Result<Outcome, BenchError> {
    let names = (0..reconnect.devices).map(|number| format!("d{number}"));
    let devices = client::log_in(running.peer(), names, 1).await?.into_iter();
    let mut devices: Vec<Device> = devices
        .map(|login| Device {
            login,
            cursor: None,
            tracker: Tracker::default(),
        })
        .collect();
    let sender = client::log_in(running.peer(), ["teller".to_owned()], 1)
        .await?
        .pop();
    let sender = sender.ok_or(BenchError::Ended)?;

    let mut durations = Durations::new()?;
    let (mut stormed, mut resumes, mut rounds) = (Duration::ZERO, 0, 0);
    let mut outcome = Outcome::default();
    let (mut target, mut generator) = (0.0, 0.0);
    // The first round opens the streams for the first time, and does not count.
    while rounds < 3 || (stormed < reconnect.duration && rounds < ROUNDS_MAX) {
        let (meter, began) = (Meter::start(running)?, Instant::now());
        let mut resumed = storm(running, devices).await?;
        let took = began.elapsed();
        let used = meter.stop(running)?;
        if rounds > 0 {
            stormed += took;
            resumes += resumed.len() as u64;
            target += used.target;
            generator += used.generator;
            for (_, _, took) in &resumed {
                durations.record(*took);
            }
        }
        prove_alive(running, &sender, &mut resumed, rounds).await?;
        let back = resumed.into_iter().map(|(device, feed, _)| Device {
            cursor: Some(feed.cursor.clone()),
            ..device
        });
        devices = back.collect();
        rounds += 1;
    }
    let seconds = seconds_of(stormed);
    outcome.put("resumes", "1/s", float(resumes) / seconds);
    for (name, quantile) in [
        ("resumed p50", 0.5),
        ("resumed p99", 0.99),
        ("slowest", 1.0),
    ] {
        outcome.put(name, "ms", durations.milliseconds(quantile)?);
    }
    let used = super::Used {
        elapsed: stormed,
        target,
        generator,
    };
    outcome.put(
        "CPU of a resume",
        "ms",
        target * 1e3 / float(resumes.max(1)),
    );
    used.put_shares(&mut outcome);
    for device in &devices {
        outcome.checks.add(device.tracker.checks(rounds));
    }
    Ok(outcome)
}
