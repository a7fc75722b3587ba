//! What is counted and timed, and under which names. Costs next to nothing until a recorder is installed.
//!
//! Low on the map: every layer may count, none may read. Names and help texts stand here alone; the unit is in the name.
//! No label ever holds what a peer chose: a metric must not grow with what strangers send.

use std::time::Duration;

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

const CONNECTIONS: &str = "tinychat_connections";
const CONNECTIONS_ACCEPTED: &str = "tinychat_connections_accepted_total";
const CONNECTIONS_REFUSED: &str = "tinychat_connections_refused_total";
const STREAMS: &str = "tinychat_streams";
const DEVICES_ONLINE: &str = "tinychat_devices_online";
const USERS_ONLINE: &str = "tinychat_users_online";
const CALLS_REFUSED: &str = "tinychat_calls_refused_total";
const LOGINS: &str = "tinychat_logins_total";
const SENDS: &str = "tinychat_sends_total";
const BATCH_JOBS: &str = "tinychat_commit_jobs";
const COMMIT_SECONDS: &str = "tinychat_commit_seconds";
const FAN_OUT_READERS: &str = "tinychat_fan_out_readers";
const LAGS: &str = "tinychat_stream_lags_total";

/// Bounds of the histogram of commits: a fast disk syncs in 100 µs, a bad one takes seconds.
pub const COMMIT_SECONDS_BOUNDS: [f64; 12] = [
    0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0,
];
/// Bounds of the histograms that count things.
pub const COUNT_BOUNDS: [f64; 8] = [1.0, 2.0, 5.0, 20.0, 100.0, 500.0, 2_000.0, 10_000.0];

/// The histograms and their bounds.
pub const HISTOGRAMS: [(&str, &[f64]); 3] = [
    (COMMIT_SECONDS, &COMMIT_SECONDS_BOUNDS),
    (BATCH_JOBS, &COUNT_BOUNDS),
    (FAN_OUT_READERS, &COUNT_BOUNDS),
];

/// Tells the recorder what each name means, and shows each counter from the beginning.
pub fn describe() {
    let gauges = [
        (CONNECTIONS, "Connections that are open"),
        (STREAMS, "Streams of events that are open"),
        (DEVICES_ONLINE, "Devices with an open stream"),
        (USERS_ONLINE, "Users with an open stream"),
    ];
    for (name, help) in gauges {
        describe_gauge!(name, help);
        gauge!(name).set(0.0);
    }
    let counters = [
        (CONNECTIONS_ACCEPTED, "Connections that were accepted"),
        (
            CONNECTIONS_REFUSED,
            "Connections that were refused or cut, by cause",
        ),
        (
            CALLS_REFUSED,
            "Calls and requests that were answered with an error, by reason",
        ),
        (LOGINS, "Logins and registrations, by outcome"),
        (SENDS, "Messages that were acknowledged"),
        (
            LAGS,
            "Times that a stream fell behind its ring and read the store instead",
        ),
    ];
    for (name, help) in counters {
        describe_counter!(name, help);
    }
    [CONNECTIONS_ACCEPTED, SENDS, LAGS]
        .into_iter()
        .for_each(|name| counter!(name).absolute(0));
    describe_histogram!(
        COMMIT_SECONDS,
        Unit::Seconds,
        "How long a commit took, sync included"
    );
    describe_histogram!(BATCH_JOBS, "Writes that shared one commit");
    describe_histogram!(FAN_OUT_READERS, "Online users that one commit reached");
}

/// A connection was accepted; there are so many now.
pub fn connection_opened() {
    counter!(CONNECTIONS_ACCEPTED).increment(1);
    gauge!(CONNECTIONS).increment(1.0);
}

/// A connection is gone.
pub fn connection_closed() {
    gauge!(CONNECTIONS).decrement(1.0);
}

/// A connection was refused or cut.
pub fn connection_refused(cause: &'static str) {
    counter!(CONNECTIONS_REFUSED, "cause" => cause).increment(1);
}

/// A stream of events was opened; so many users and devices are online now.
pub fn stream_opened(users: usize, devices: usize) {
    gauge!(STREAMS).increment(1.0);
    online(users, devices);
}

/// A stream of events has ended; so many users and devices are online now.
pub fn stream_closed(users: usize, devices: usize) {
    gauge!(STREAMS).decrement(1.0);
    online(users, devices);
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn online(users: usize, devices: usize) {
    gauge!(USERS_ONLINE).set(users as f64);
    gauge!(DEVICES_ONLINE).set(devices as f64);
}

/// A call or a request inside a stream was answered with an error.
pub fn refused(reason: &'static str) {
    counter!(CALLS_REFUSED, "reason" => reason).increment(1);
}

/// A login or registration succeeded or failed.
pub fn login(outcome: &'static str) {
    counter!(LOGINS, "outcome" => outcome).increment(1);
}

/// So many messages were acknowledged.
pub fn sent(messages: usize) {
    counter!(SENDS).increment(messages as u64);
}

/// A commit of so many writes took so long.
pub fn committed(jobs: usize, took: Duration) {
    #[expect(clippy::cast_precision_loss, reason = "a batch is far below 2^52")]
    histogram!(BATCH_JOBS).record(jobs as f64);
    histogram!(COMMIT_SECONDS).record(took.as_secs_f64());
}

/// A commit reached so many users who are online.
pub fn fanned_out(readers: usize) {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    histogram!(FAN_OUT_READERS).record(readers as f64);
}

/// A stream fell behind and reads the store.
pub fn lagged() {
    counter!(LAGS).increment(1);
}
