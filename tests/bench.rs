//! The measuring program measures: each scenario in its smallest form against the real server, with every delivery
//! checked; and what a baseline does wrong on purpose is seen. Nothing here asks how fast.

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use serde_json::Value;

/// A call of the measuring program, with what it wrote for programs.
struct Called {
    output: Output,
    json: Value,
}

/// What is in a folder.
fn inside(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// Runs a scenario in its smallest form.
fn call(arguments: &[&str]) -> Called {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("figures.json");
    let output = Command::new(env!("CARGO_BIN_EXE_tinychat-bench"))
        .args(arguments)
        .args(["--seconds", "0.2", "--runs", "1", "--data"])
        .arg(folder.path())
        .arg("--json")
        .arg(&file)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let json = fs::read(&file).ok();
    let json = json.and_then(|json| serde_json::from_slice(&json).ok());
    assert_eq!(inside(folder.path()), ["figures.json"], "left behind");
    Called {
        json: json.unwrap_or_else(|| panic!("no JSON: {output:?}")),
        output,
    }
}

impl Called {
    fn said(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    fn check(&self, name: &str) -> u64 {
        self.json["checks"][name].as_u64().unwrap()
    }
}

/// A scenario whose every target must have these figures, and more than none of each.
fn measures(arguments: &[&str], targets: &[&str], figures: &[&str]) {
    let called = call(arguments);
    assert!(called.output.status.success(), "{:?}", called.output);
    for wrong in ["lost", "duplicate", "reordered"] {
        assert_eq!(called.check(wrong), 0, "{}", called.said());
    }
    assert!(called.json["error"].is_null());
    assert_eq!(called.json["durability"], "full");
    let scenario = &called.json["scenarios"][0];
    assert_eq!(scenario["name"], arguments[0]);
    let measured = scenario["targets"].as_array().unwrap();
    let names: Vec<&str> = measured
        .iter()
        .map(|target| target["target"].as_str().unwrap())
        .collect();
    assert_eq!(names, targets);
    for target in measured {
        for name in figures {
            let figure = &target["figures"][name];
            let [median, min, max] =
                ["median", "min", "max"].map(|part| figure[part].as_f64().unwrap());
            assert!(
                median > 0.0 && min <= median && median <= max,
                "{name}: {figure}"
            );
            // Nothing passes a socket in less than a microsecond: a smaller figure was not measured.
            let least = if figure["unit"] == "ms" { 0.001 } else { 0.0 };
            assert!(min > least, "{name}: {figure}");
            let is_baseline = target["target"] != "server";
            assert_eq!(figure["server_ratio"]["median"].is_f64(), is_baseline);
        }
    }
    // What people see is the same, in plain ASCII.
    let said = called.said();
    assert!(said.is_ascii(), "{said}");
    for part in figures.iter().chain(targets).chain(&["kernel", "0 lost"]) {
        assert!(said.contains(part), "no {part} in:\n{said}");
    }
}

const ALL: [&str; 3] = ["server", "relay", "sqlite"];

#[test]
fn throughput_is_measured() {
    let arguments = ["throughput", "--pairs", "2", "--window", "4", "--echo"];
    measures(&arguments, &ALL, &["delivered", "acknowledged"]);
}

#[test]
fn one_at_a_time_is_measured() {
    let arguments = ["one-at-a-time", "--pairs", "3"];
    measures(&arguments, &ALL, &["delivered", "acknowledged"]);
}

#[test]
fn latency_is_measured() {
    let arguments = ["latency", "--pairs", "2", "--rate", "100"];
    let figures = ["delivered p50", "delivered max", "acked p99", "acked max"];
    measures(&arguments, &ALL, &figures);
}

#[test]
fn what_was_due_is_sent_and_counted_however_late() {
    // More than goes, on most machines; on the others all of it comes in time.
    let arguments = ["latency", "--pairs", "2", "--rate", "500000"];
    let called = call(&[&arguments[..], &["--targets", "relay"]].concat());
    assert!(called.output.status.success(), "{:?}", called.output);
    // Those of 0.2 s at least, as a schedule has them, and not those for which there was time.
    assert!(called.check("deliveries") >= 100_000, "{}", called.said());
    let target = &called.json["scenarios"][0]["targets"][0];
    let least = |name: &str| target["figures"][name]["min"].as_f64().unwrap();
    assert!(least("delivered p50") > 0.0 && least("acked max") > 0.0);
    let is_noted = target["notes"].as_array().unwrap().len() == 1;
    assert!(is_noted || least("delivered") > 490_000.0, "{target}");
}

#[test]
fn nothing_measured_is_no_figure() {
    // The one message of the first second is for the warm-up.
    let arguments = ["latency", "--pairs", "1", "--rate", "1"];
    let called = call(&[&arguments[..], &["--targets", "relay"]].concat());
    if called.output.status.success() {
        // So slow a machine that another came.
        let figures = &called.json["scenarios"][0]["targets"][0]["figures"];
        assert!(figures["delivered p50"]["min"].as_f64().unwrap() > 0.0);
        return;
    }
    assert!(!called.said().contains("ok:"), "{}", called.said());
    let error = called.json["error"].as_str().unwrap();
    assert!(error.starts_with("nothing was measured"), "{error}");
}

#[test]
fn fan_out_in_a_group_is_measured() {
    let arguments = ["fan-out-group", "--members", "4", "--window", "4"];
    measures(&arguments, &ALL, &["delivered", "acknowledged"]);
}

#[test]
fn fan_out_in_a_channel_is_measured_with_streams_that_share_connections() {
    // One more than a group may have, two connections more than its streams need.
    let arguments = ["fan-out-channel", "--members", "502", "--window", "2"];
    measures(&arguments, &ALL, &["delivered", "memory after it"]);
}

#[test]
fn a_member_that_misses_a_message_is_seen() {
    let arguments = ["fan-out-group", "--members", "4", "--targets", "relay"];
    let called = call(&[&arguments[..], &["--break", "drop"]].concat());
    assert_eq!(called.output.status.code(), Some(1), "{:?}", called.output);
    let checks = ["lost", "duplicate", "reordered"].map(|name| called.check(name));
    assert_eq!(checks, [3, 0, 0], "{}", called.said());
}

#[test]
fn idle_streams_are_measured() {
    let arguments = ["idle", "--devices", "50"];
    measures(&arguments, &["server", "relay"], &["memory with all"]);
}

#[test]
fn a_backlog_is_measured() {
    let arguments = ["backlog", "--messages", "3000"];
    measures(&arguments, &["server", "sqlite"], &["drained"]);
}

#[test]
fn a_storm_of_reconnects_is_measured() {
    let arguments = ["reconnect", "--devices", "10"];
    measures(&arguments, &["server", "relay"], &["resumes", "slowest"]);
}

#[test]
fn history_and_its_states_are_measured() {
    let arguments = [
        "history",
        "--messages",
        "500",
        "--others",
        "2",
        "--each",
        "100",
        "--page",
        "20",
    ];
    let figures = ["page p50", "page p99", "page of others p50"];
    measures(&arguments, &["server", "sqlite"], &figures);
    let states = [
        "state, 1,000 unread, p50",
        "state, all unread, p99",
        "list p50",
        "mark all read",
    ];
    let alone = [&arguments[..], &["--targets", "server"]].concat();
    measures(&alone, &["server"], &states);
}

#[test]
fn a_device_that_was_away_is_measured() {
    // Some of the conversations have one message more than the others; of each, some are left out.
    let arguments = [
        "absence",
        "--conversations",
        "7",
        "--messages",
        "200",
        "--backlog",
        "5",
    ];
    let figures = ["messages of a resume", "welcome p50", "caught up max"];
    measures(&arguments, &["server"], &figures);
    let all = [&arguments[..5], &["--backlog", "0"]].concat();
    measures(&all, &["server"], &figures);
}

#[test]
fn a_search_is_measured() {
    let arguments = [
        "search",
        "--messages",
        "3000",
        "--conversations",
        "3",
        "--page",
        "20",
    ];
    let figures = [
        "behind when filled",
        "rare word p99",
        "common word p50",
        "two words p99",
        "in one conversation p50",
        "no hit max",
    ];
    measures(&arguments, &["server"], &figures);
}

#[test]
fn files_are_measured_up_and_down() {
    let arguments = ["files", "--megabytes", "1", "--files", "2"];
    let figures = ["uploaded", "completed max", "downloaded"];
    measures(&arguments, &["server", "relay", "sqlite"], &figures);
}

#[test]
fn latency_is_measured_alone_and_with_files_beside_it() {
    let arguments = [
        "latency-with-files",
        "--pairs",
        "2",
        "--rate",
        "100",
        "--megabytes",
        "1",
        "--speed",
        "5",
    ];
    let figures = [
        "p99 alone",
        "p99 with files",
        "p99 with files / alone",
        "uploaded beside",
        "downloaded beside",
    ];
    measures(&arguments, &["server", "relay"], &figures);
}

/// Breaks a baseline on purpose; returns what was counted as lost, duplicate and reordered.
fn broken(fault: &str, target: &str) -> [u64; 3] {
    let arguments = [
        "throughput",
        "--pairs",
        "2",
        "--targets",
        target,
        "--break",
        fault,
    ];
    let called = call(&arguments);
    assert_eq!(called.output.status.code(), Some(1), "{:?}", called.output);
    assert!(called.said().contains("FAILED"), "{}", called.said());
    ["lost", "duplicate", "reordered"].map(|name| called.check(name))
}

#[test]
fn a_message_that_is_lost_doubled_or_swapped_is_seen() {
    // One message of each of the two streams.
    assert_eq!(broken("drop", "relay"), [2, 0, 0]);
    assert_eq!(broken("double", "relay"), [0, 2, 0]);
    assert_eq!(broken("swap", "relay"), [0, 0, 2]);
    assert_eq!(broken("drop", "sqlite"), [2, 0, 0]);
}

#[test]
fn a_sender_that_does_not_hear_itself_is_seen() {
    let arguments = ["throughput", "--pairs", "2", "--targets", "relay", "--echo"];
    let called = call(&[&arguments[..], &["--break", "mute"]].concat());
    assert_eq!(called.output.status.code(), Some(1), "{:?}", called.output);
    // Half of all that was owed.
    assert!(called.check("lost") > 0, "{}", called.said());
    assert_eq!(called.check("lost"), called.check("deliveries"));
}

/// Breaks a baseline so that it cannot be measured; returns why not.
fn cannot_be_measured(arguments: &[&str]) -> String {
    let called = call(arguments);
    assert_eq!(called.output.status.code(), Some(1), "{:?}", called.output);
    assert!(!called.said().contains("ok:"), "{}", called.said());
    let error = called.json["error"].as_str().unwrap();
    error.to_owned()
}

#[test]
fn an_acknowledgement_that_comes_twice_is_seen() {
    let arguments = ["throughput", "--pairs", "2", "--targets", "relay"];
    let error = cannot_be_measured(&[&arguments[..], &["--break", "reply-twice"]].concat());
    assert!(error.starts_with("request 10 was"), "{error}");
}

#[test]
fn idle_streams_that_have_ended_are_seen() {
    let arguments = ["idle", "--devices", "3", "--targets", "relay"];
    let error = cannot_be_measured(&[&arguments[..], &["--break", "hang-up"]].concat());
    assert!(error.starts_with("a stream ended"), "{error}");
}

#[test]
fn a_stream_that_begins_anew_has_not_resumed() {
    let arguments = [
        "reconnect",
        "--devices",
        "2",
        "--targets",
        "relay",
        "--break",
    ];
    let error = cannot_be_measured(&[&arguments[..], &["reset"]].concat());
    assert!(error.contains("`reset`"), "{error}");
    let called = call(&[&arguments[..], &["replay"]].concat());
    assert_eq!(called.output.status.code(), Some(1), "{:?}", called.output);
    // Each of the two devices resumes at least twice.
    assert!(called.check("duplicate") >= 4, "{}", called.said());
    assert_eq!((called.check("lost"), called.check("reordered")), (0, 0));
}

#[test]
fn a_file_that_comes_back_with_other_bytes_or_less_is_seen() {
    for target in ["relay", "sqlite"] {
        let arguments = ["files", "--megabytes", "1", "--targets", target, "--break"];
        let error = cannot_be_measured(&[&arguments[..], &["garble"]].concat());
        assert!(error.contains("other bytes"), "{error}");
        let error = cannot_be_measured(&[&arguments[..], &["drop"]].concat());
        assert!(error.contains("left out"), "{error}");
    }
}

#[test]
fn a_transfer_that_fails_beside_the_messages_is_seen() {
    let arguments = ["latency-with-files", "--pairs", "1", "--rate", "100"];
    let relay = [
        "--megabytes",
        "1",
        "--targets",
        "relay",
        "--break",
        "garble",
    ];
    let error = cannot_be_measured(&[&arguments[..], &relay].concat());
    assert!(error.contains("process with the transfers"), "{error}");
    assert!(error.contains("other bytes"), "{error}");
}

#[test]
fn an_interrupted_measurement_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_tinychat-bench"))
        .args([
            "throughput",
            "--seconds",
            "60",
            "--targets",
            "sqlite",
            "--data",
        ])
        .arg(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let end = Instant::now() + Duration::from_secs(20);
    while inside(folder.path()).is_empty() {
        assert!(Instant::now() < end, "nothing was started");
        thread::sleep(Duration::from_millis(2));
    }
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(inside(folder.path()).is_empty());
}

#[test]
fn an_output_that_cannot_be_written_is_told_and_a_closed_one_is_quiet() {
    let run = |stdout: Stdio, arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_tinychat-bench"))
            .args(["throughput", "--pairs", "1", "--targets", "relay"])
            .args(["--seconds", "0.2", "--runs", "1"])
            .args(arguments)
            .stdout(stdout)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = run(full.into(), &[]).wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("standard output"));

    let mut closed = run(Stdio::piped(), &[]);
    drop(closed.stdout.take());
    let output = closed.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(output.stderr, b"");

    // A file that cannot be written is told before anything is measured.
    let nowhere = ["--json", "/nowhere/figures.json"];
    let output = run(Stdio::piped(), &nowhere).wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(output.stdout, b"");
}

#[test]
fn wrong_flags_are_told_from_wrong_deliveries() {
    for wrong in [
        &["throughput", "--pairs", "0"][..],
        &["all", "--seconds", "x"],
        &["latency", "--rate", "1000001"],
        &["backlog", "--targets", "relay"],
        &["fan-out-group", "--members", "501"],
        &["absence", "--targets", "relay,sqlite"],
        &["idle", "--targets", "sqlite"],
        &["files", "--megabytes", "1001"],
        &[],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_tinychat-bench"))
            .args(wrong)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    }
}
