//! The flags of the measuring program, and the scenarios that they ask for.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand};

use super::{
    baseline::{BaselineFlags, Fault},
    beside::{TransferFlags, Transfers},
    process::{Durability, Target, connections_max},
    scenario::{
        Scenario,
        absence::Absence,
        backlog::Backlog,
        fan_out::{FanOut, Room},
        files::{Files, MB},
        history::History,
        idle::Idle,
        latency_with_files::LatencyWithFiles,
        reconnect::Reconnect,
        search::Search,
        traffic::Shape,
    },
};

/// Measures the tinychat-server that lies beside this program, always beside bare baselines in the same run.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "tinychat-bench",
    version,
    after_help = "Examples:\n  \
        tinychat-bench throughput --seconds 1 --runs 1     a first impression\n  \
        tinychat-bench all --json figures.json             everything, with a file for programs\n\n\
        Exit codes: 0 measured, 1 a message was lost, doubled or reordered, or it could not be measured, 2 wrong flags,\n\
        130 interrupted"
)]
pub struct Arguments {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
    /// How
    #[command(flatten)]
    pub common: Common,
}

/// What all scenarios have in common.
#[derive(Clone, Debug, Args)]
pub struct Common {
    /// How long each measurement takes; a fraction is as good
    #[arg(long, global = true, value_name = "S", default_value = "5", value_parser = seconds)]
    pub seconds: Duration,
    /// How often each is repeated; median, least and most are shown
    #[arg(long, global = true, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub runs: u32,
    /// Write everything as one JSON object to this file, too
    #[arg(long, global = true, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// What is measured
    #[arg(
        long,
        global = true,
        value_name = "LIST",
        value_enum,
        value_delimiter = ',',
        default_value = "server,relay,sqlite"
    )]
    pub targets: Vec<Target>,
    /// What an acknowledgement means, for the server and the sqlite baseline
    #[arg(long, global = true, value_enum, default_value = "full")]
    pub durability: Durability,
    /// Where the temporary stores are made; a disk, not a file system in memory [default: the temporary folder]
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The baselines also send each message to the streams of its sender, as the server does
    #[arg(long, global = true)]
    pub echo: bool,
    /// The baselines do something wrong, to show that it is seen
    #[arg(long = "break", global = true, value_enum, hide = true)]
    pub fault: Option<Fault>,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Pipelined messages of many pairs: acknowledged and delivered per second
    Throughput(Throughput),
    /// Many pairs, each waits for the acknowledgement before it sends the next
    OneAtATime(OneAtATime),
    /// Latency of messages at a fixed rate, from the time at which each should have been sent
    Latency(Latency),
    /// One member of a GROUP sends, the others are online: deliveries per second
    FanOutGroup(GroupFlags),
    /// The same in a CHANNEL with thousands of members
    FanOutChannel(ChannelFlags),
    /// Devices with an open stream and nothing to say: memory of each, processor time
    Idle(IdleFlags),
    /// Messages for a user who was away, in one Subscribe: per second, and how the memory grows
    Backlog(BacklogFlags),
    /// Devices with a token that all come back at once: resumes per second, the slowest
    Reconnect(ReconnectFlags),
    /// Pages from anywhere in long conversations, and their states: milliseconds
    History(HistoryFlags),
    /// A device that missed much in many conversations comes back: milliseconds until it can be used
    Absence(AbsenceFlags),
    /// Words in a large store: milliseconds of rare and frequent ones, two at once, in one conversation, of no hit
    Search(SearchFlags),
    /// Files up and down: MB per second, processor time, memory
    Files(FilesFlags),
    /// Latency of messages at a fixed rate, alone and with files on their way beside it
    LatencyWithFiles(LatencyWithFilesFlags),
    /// All of them, with the usual sizes
    All,
    /// Serves as a baseline
    #[command(hide = true)]
    Baseline(BaselineFlags),
    /// Moves files beside a measurement
    #[command(hide = true)]
    Transfers(TransferFlags),
    /// Runs a program on one core for as long as this one lives
    #[command(hide = true)]
    Pinned(Pinned),
}

/// The sizes of `throughput`.
#[derive(Clone, Debug, Args)]
pub struct Throughput {
    /// Senders, each with a receiver
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pairs: u32,
    /// Messages of a sender that wait for their acknowledgement at once
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=512))]
    window: u64,
    #[command(flatten)]
    text: Text,
}

/// The sizes of `one-at-a-time`.
#[derive(Clone, Debug, Args)]
pub struct OneAtATime {
    /// Senders, each with a receiver
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..))]
    pairs: u32,
    #[command(flatten)]
    text: Text,
}

/// The sizes of `latency`.
#[derive(Clone, Debug, Args)]
pub struct Latency {
    /// Senders, each with a receiver
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pairs: u32,
    /// Messages per second, over all senders
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: u32,
    #[command(flatten)]
    text: Text,
}

/// The sizes of `fan-out-group`.
#[derive(Clone, Debug, Args)]
pub struct GroupFlags {
    /// Members of the GROUP, the sender among them, each online with one stream
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(2..=500))]
    members: u64,
    /// Messages that wait for their acknowledgement at once
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=512))]
    window: u64,
    #[command(flatten)]
    text: Text,
}

/// The sizes of `fan-out-channel`.
#[derive(Clone, Debug, Args)]
pub struct ChannelFlags {
    /// Members of the CHANNEL, the sender among them, each online with one stream
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(2..=10_000))]
    members: u64,
    /// Messages that wait for their acknowledgement at once
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=512))]
    window: u64,
    #[command(flatten)]
    text: Text,
}

/// The sizes of `idle`.
#[derive(Clone, Debug, Args)]
pub struct IdleFlags {
    /// Devices, each of a user and with a connection of its own; fewer if the system lets this process open fewer
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=19_500))]
    devices: u64,
}

/// The sizes of `backlog`.
#[derive(Clone, Debug, Args)]
pub struct BacklogFlags {
    /// Messages that wait
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    messages: u64,
    #[command(flatten)]
    text: Text,
}

/// The sizes of `reconnect`.
#[derive(Clone, Debug, Args)]
pub struct ReconnectFlags {
    /// Devices, each of a user of its own
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=5_000))]
    devices: u64,
}

/// The sizes of `history`.
#[derive(Clone, Debug, Args)]
pub struct HistoryFlags {
    /// Messages of the longest conversation
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    messages: u64,
    /// Further conversations
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100))]
    others: u32,
    /// Messages of each of these
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    each: u64,
    /// Messages of a page
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    page: u32,
    #[command(flatten)]
    text: Text,
}

/// The sizes of `absence`.
#[derive(Clone, Debug, Args)]
pub struct AbsenceFlags {
    /// Conversations of the user
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    conversations: u64,
    /// Messages that were missed, evenly in all of them
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    messages: u64,
    /// The newest messages of a conversation that are asked for; 0: all
    #[arg(long, default_value_t = 20)]
    backlog: u32,
    #[command(flatten)]
    text: Text,
}

/// The sizes of `search`.
#[derive(Clone, Debug, Args)]
pub struct SearchFlags {
    /// Messages in the store, evenly in all conversations
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    messages: u64,
    /// Conversations of the user who searches
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100))]
    conversations: u32,
    /// Hits of a page
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    page: u32,
}

/// The sizes of `files`.
#[derive(Clone, Debug, Args)]
pub struct FilesFlags {
    /// MB of a file
    #[arg(long, value_name = "MB", default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    megabytes: u64,
    /// Transfers at once, each of a user and on a connection of its own
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    files: u32,
}

/// The sizes of `latency-with-files`.
#[derive(Clone, Debug, Args)]
pub struct LatencyWithFilesFlags {
    /// Senders, each with a receiver
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pairs: u32,
    /// Messages per second, over all senders
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: u32,
    /// Files that go up at once, each of a user and on a connection of its own
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(..=32))]
    uploads: u32,
    /// Files that come down at once, the same way
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(..=32))]
    downloads: u32,
    /// MB of a file
    #[arg(long, value_name = "MB", default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    megabytes: u64,
    /// MB per second of each of them; 0: as fast as it goes, which no longer leaves the generator alone
    #[arg(long, value_name = "MB/s", default_value_t = 20, value_parser = clap::value_parser!(u32).range(..=1_000))]
    speed: u32,
    #[command(flatten)]
    text: Text,
}

/// What the scenarios with messages have in common.
#[derive(Clone, Debug, Args)]
pub struct Text {
    /// Bytes of a text; its first 25 say who sent it and which message it is
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(25..=16_384))]
    bytes: u64,
}

/// A program on one core.
#[derive(Clone, Debug, Args)]
pub struct Pinned {
    /// The core; none: any
    #[arg(long)]
    pub core: Option<usize>,
    /// The program and its arguments
    #[arg(last = true, required = true)]
    pub program: Vec<std::ffi::OsString>,
}

/// Seconds on the command line.
fn seconds(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no number of seconds from 0.1 to 3600");
    let seconds: f64 = text.parse().map_err(|_| wrong())?;
    match (0.1..=3600.0).contains(&seconds) {
        true => Ok(Duration::from_secs_f64(seconds)),
        false => Err(wrong()),
    }
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// One pair after the other; each sub-command changes what it is about.
const fn shape(duration: Duration, bytes: usize) -> Shape {
    Shape {
        pairs: 1,
        window: 1,
        bytes,
        rate: None,
        duration,
    }
}

impl Command {
    /// The scenarios that it names.
    pub fn scenarios(&self, duration: Duration) -> Vec<Scenario> {
        let of = |text: &Text| shape(duration, size(text.bytes));
        match self {
            Self::Throughput(flags) => vec![Scenario::Throughput(Shape {
                pairs: flags.pairs,
                window: flags.window,
                ..of(&flags.text)
            })],
            Self::OneAtATime(flags) => vec![Scenario::OneAtATime(Shape {
                pairs: flags.pairs,
                ..of(&flags.text)
            })],
            Self::Latency(flags) => vec![Scenario::Latency(Shape {
                pairs: flags.pairs,
                rate: Some(flags.rate),
                ..of(&flags.text)
            })],
            Self::FanOutGroup(flags) => vec![Scenario::FanOut(FanOut {
                room: Room::Group,
                members: flags.members,
                window: flags.window,
                bytes: size(flags.text.bytes),
                duration,
            })],
            Self::FanOutChannel(flags) => vec![Scenario::FanOut(FanOut {
                room: Room::Channel,
                members: flags.members,
                window: flags.window,
                bytes: size(flags.text.bytes),
                duration,
            })],
            Self::Idle(flags) => vec![Scenario::Idle(Idle {
                devices: flags.devices.min(connections_max()),
                duration,
            })],
            Self::Backlog(flags) => vec![Scenario::Backlog(Backlog {
                messages: flags.messages,
                bytes: size(flags.text.bytes),
            })],
            Self::Reconnect(flags) => vec![Scenario::Reconnect(Reconnect {
                devices: flags.devices.min(connections_max()),
                duration,
            })],
            Self::History(flags) => vec![Scenario::History(History {
                messages: flags.messages,
                others: flags.others,
                each: flags.each,
                page: flags.page,
                bytes: size(flags.text.bytes),
                duration,
            })],
            Self::Search(flags) => vec![Scenario::Search(Search {
                messages: flags.messages,
                conversations: flags.conversations,
                page: flags.page,
                duration,
            })],
            Self::Absence(flags) => vec![Scenario::Absence(Absence {
                conversations: flags.conversations,
                messages: flags.messages,
                backlog: flags.backlog,
                bytes: size(flags.text.bytes),
                duration,
            })],
            Self::Files(flags) => vec![Scenario::Files(Files {
                size: flags.megabytes * MB,
                transfers: flags.files,
                duration,
            })],
            Self::LatencyWithFiles(flags) => vec![Scenario::LatencyWithFiles(LatencyWithFiles {
                shape: Shape {
                    pairs: flags.pairs,
                    rate: Some(flags.rate),
                    ..of(&flags.text)
                },
                transfers: Transfers {
                    uploads: flags.uploads,
                    downloads: flags.downloads,
                    size: flags.megabytes * MB,
                    speed: (flags.speed > 0).then_some(flags.speed * 1_000_000),
                },
            })],
            Self::All => ALL
                .iter()
                .filter_map(|name| Arguments::try_parse_from(["tinychat-bench", name]).ok())
                .flat_map(|usual| usual.command.scenarios(duration))
                .collect(),
            Self::Baseline(_) | Self::Transfers(_) | Self::Pinned(_) => Vec::new(),
        }
    }
}

/// What `all` does, in its order.
const ALL: [&str; 13] = [
    "throughput",
    "one-at-a-time",
    "latency",
    "fan-out-group",
    "fan-out-channel",
    "idle",
    "backlog",
    "reconnect",
    "history",
    "absence",
    "search",
    "files",
    "latency-with-files",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_every_scenario_as_it_usually_is() {
        let all = Command::All.scenarios(Duration::from_secs(1));
        let names: Vec<&str> = all.iter().map(|scenario| scenario.name()).collect();
        assert_eq!(names, ALL);
    }

    #[test]
    fn seconds_may_be_fractions() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for wrong in ["", "0", "-1", "NaN", "inf", "x"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
