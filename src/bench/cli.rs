//! The flags of the measuring program, and what a call of it does from the first line of output to the exit code.

use std::{
    env, fs,
    io::{self, Write as _},
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process,
    process::ExitCode,
    time::Duration,
};

use clap::{Args, Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use super::{
    baseline::{self, BaselineFlags, Fault},
    cores,
    error::BenchError,
    process::{Durability, Start, Target, connections_max},
    report::{Machine, Report},
    scenario::{
        Measuring, Scenario, backlog::Backlog, history::History, idle::Idle, reconnect::Reconnect,
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
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    common: Common,
}

/// What all scenarios have in common.
#[derive(Clone, Debug, Args)]
struct Common {
    /// How long each measurement takes; a fraction is as good
    #[arg(long, global = true, value_name = "S", default_value = "5", value_parser = seconds)]
    seconds: Duration,
    /// How often each is repeated; median, least and most are shown
    #[arg(long, global = true, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Write everything as one JSON object to this file, too
    #[arg(long, global = true, value_name = "FILE")]
    json: Option<PathBuf>,
    /// What is measured
    #[arg(
        long,
        global = true,
        value_name = "LIST",
        value_enum,
        value_delimiter = ',',
        default_value = "server,relay,sqlite"
    )]
    targets: Vec<Target>,
    /// What an acknowledgement means, for the server and the sqlite baseline
    #[arg(long, global = true, value_enum, default_value = "full")]
    durability: Durability,
    /// Where the temporary stores are made; a disk, not a file system in memory [default: the temporary folder]
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The baselines also send each message to the streams of its sender, as the server does
    #[arg(long, global = true)]
    echo: bool,
    /// The baselines do something wrong, to show that it is seen
    #[arg(long = "break", global = true, value_enum, hide = true)]
    fault: Option<Fault>,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// Pipelined messages of many pairs: acknowledged and delivered per second
    Throughput(Throughput),
    /// Many pairs, each waits for the acknowledgement before it sends the next
    OneAtATime(OneAtATime),
    /// Latency of messages at a fixed rate, from the time at which each should have been sent
    Latency(Latency),
    /// One sender, many streams of one receiver: deliveries per second
    FanOut(FanOut),
    /// Devices with an open stream and nothing to say: memory of each, processor time
    Idle(IdleFlags),
    /// Messages for a user who was away, in one Subscribe: per second, and how the memory grows
    Backlog(BacklogFlags),
    /// Devices with a token that all come back at once: resumes per second, the slowest
    Reconnect(ReconnectFlags),
    /// Pages from anywhere in a long conversation: milliseconds
    History(HistoryFlags),
    /// All of them, with the usual sizes
    All,
    /// Serves as a baseline
    #[command(hide = true)]
    Baseline(BaselineFlags),
    /// Runs a program on one core for as long as this one lives
    #[command(hide = true)]
    Pinned(Pinned),
}

#[derive(Clone, Debug, Args)]
struct Throughput {
    /// Senders, each with a receiver
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pairs: u32,
    /// Messages of a sender that wait for their acknowledgement at once
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=512))]
    window: u64,
    #[command(flatten)]
    text: Text,
}

#[derive(Clone, Debug, Args)]
struct OneAtATime {
    /// Senders, each with a receiver
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..))]
    pairs: u32,
    #[command(flatten)]
    text: Text,
}

#[derive(Clone, Debug, Args)]
struct Latency {
    /// Senders, each with a receiver
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pairs: u32,
    /// Messages per second, over all senders
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: u32,
    #[command(flatten)]
    text: Text,
}

#[derive(Clone, Debug, Args)]
struct FanOut {
    /// Devices of the receiver
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=20))]
    devices: u64,
    /// Streams of each device
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=5))]
    streams: u64,
    /// Messages that wait for their acknowledgement at once
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=512))]
    window: u64,
    #[command(flatten)]
    text: Text,
}

#[derive(Clone, Debug, Args)]
struct IdleFlags {
    /// Devices, each of a user and with a connection of its own; fewer if the system lets this process open fewer
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=19_500))]
    devices: u64,
}

#[derive(Clone, Debug, Args)]
struct BacklogFlags {
    /// Messages that wait
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    messages: u64,
    #[command(flatten)]
    text: Text,
}

#[derive(Clone, Debug, Args)]
struct ReconnectFlags {
    /// Devices, each of a user of its own
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=5_000))]
    devices: u64,
}

#[derive(Clone, Debug, Args)]
struct HistoryFlags {
    /// Messages of the conversation
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    messages: u64,
    /// Messages of a page
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    page: u32,
    #[command(flatten)]
    text: Text,
}

#[derive(Clone, Debug, Args)]
struct Text {
    /// Bytes of a text; its first 25 say who sent it and which message it is
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(25..=16_384))]
    bytes: u64,
}

#[derive(Clone, Debug, Args)]
struct Pinned {
    #[arg(long)]
    core: Option<usize>,
    #[arg(last = true, required = true)]
    program: Vec<std::ffi::OsString>,
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
        devices: 1,
        streams: 1,
        bytes,
        rate: None,
        duration,
    }
}

impl Command {
    /// The scenarios that it names.
    fn scenarios(&self, duration: Duration) -> Vec<Scenario> {
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
            Self::FanOut(flags) => vec![Scenario::FanOut(Shape {
                devices: size(flags.devices),
                streams: size(flags.streams),
                window: flags.window,
                ..of(&flags.text)
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
                page: flags.page,
                bytes: size(flags.text.bytes),
                duration,
            })],
            Self::All => ALL
                .iter()
                .filter_map(|name| Arguments::try_parse_from(["tinychat-bench", name]).ok())
                .flat_map(|usual| usual.command.scenarios(duration))
                .collect(),
            Self::Baseline(_) | Self::Pinned(_) => Vec::new(),
        }
    }
}

/// What `all` does, in its order.
const ALL: [&str; 8] = [
    "throughput",
    "one-at-a-time",
    "latency",
    "fan-out",
    "idle",
    "backlog",
    "reconnect",
    "history",
];

/// Does what the arguments say.
pub fn run(arguments: Arguments) -> ExitCode {
    let done = match &arguments.command {
        Command::Baseline(flags) => serve(flags.clone()),
        Command::Pinned(pinned) => Err(run_pinned(pinned)),
        command => measure(&arguments.common, command),
    };
    match done {
        Ok(code) => code,
        // Who reads no further has seen enough.
        Err(BenchError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            // Nobody may hear it.
            let _ = writeln!(io::stderr(), "tinychat-bench: {error}");
            match error {
                BenchError::Usage(_) => ExitCode::from(2),
                BenchError::Interrupted => ExitCode::from(130),
                _ => ExitCode::FAILURE,
            }
        }
    }
}

/// Becomes the program; returns only if it cannot.
fn run_pinned(pinned: &Pinned) -> BenchError {
    let Some((program, arguments)) = pinned.program.split_first() else {
        return BenchError::Flags("no program".to_owned());
    };
    if let Some(Err(error)) = pinned.core.map(cores::pin) {
        return BenchError::Flags(error);
    }
    // A measurement that is killed leaves no server behind.
    #[cfg(target_os = "linux")]
    if let Err(error) =
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
    {
        return BenchError::system("asking to end with the parent")(error.into());
    }
    let cause = process::Command::new(program).args(arguments).exec();
    BenchError::system("running the program")(cause)
}

/// As the server: as many threads as cores.
fn serve(flags: BaselineFlags) -> Result<ExitCode, BenchError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(BenchError::system("starting a runtime"))?;
    runtime
        .block_on(baseline::serve(flags))
        .map_err(BenchError::system("serving as a baseline"))?;
    runtime.shutdown_background();
    Ok(ExitCode::SUCCESS)
}

fn measure(common: &Common, command: &Command) -> Result<ExitCode, BenchError> {
    let scenarios = scenarios(common, command)?;
    // Nobody measures for minutes to hear that the file cannot be written.
    let file = common.json.as_deref().map(|path| {
        let what = format!("writing {}", path.display());
        fs::File::create(path).map_err(BenchError::system(what))
    });
    let file = file.transpose()?;
    // Children have the limit of open files that this process has.
    connections_max();
    let cores = cores::share_out();
    let folder = common.data.clone().unwrap_or_else(env::temp_dir);
    let measuring = Measuring {
        runs: common.runs,
        duration: common.seconds,
        targets: common.targets.clone(),
        start: Start {
            core: cores.as_ref().ok().map(|cores| cores.server),
            folder: folder.clone(),
            durability: common.durability,
            fault: common.fault,
            echo: common.echo,
        },
    };
    let mut report = Report::new(Machine::read(cores, &folder), common.durability);
    let measured = measure_all(scenarios, &measuring, &mut report);
    // What was measured before something failed is written all the same.
    let written = file.map_or(Ok(()), |mut file| {
        let mut json = report.json();
        json["error"] = json_error(&measured);
        writeln!(file, "{json}").map_err(BenchError::system("writing the JSON file"))
    });
    measured?;
    written?;
    Ok(match report.checks().are_clean() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn json_error(measured: &Result<(), BenchError>) -> serde_json::Value {
    measured.as_ref().err().map(ToString::to_string).into()
}

/// What is to be measured; `all` leaves out what none of the targets can do.
fn scenarios(common: &Common, command: &Command) -> Result<Vec<Scenario>, BenchError> {
    let mut scenarios = command.scenarios(common.seconds);
    scenarios.retain(|scenario| scenario.has_target(&common.targets));
    match scenarios.is_empty() {
        true => Err(BenchError::Usage(
            "none of the --targets can be measured with this scenario; --help names others",
        )),
        false => Ok(scenarios),
    }
}

/// Measures and shows, until it is done or the user has had enough: then children and folders go with what is dropped.
fn measure_all(
    scenarios: Vec<Scenario>,
    measuring: &Measuring,
    report: &mut Report,
) -> Result<(), BenchError> {
    say(&report.head())?;
    // One thread: the generator has one core.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(BenchError::system("starting a runtime"))?;
    let all = async {
        for scenario in scenarios {
            let table = scenario.measure(measuring).await?;
            say(&report.add(table))?;
        }
        say(&report.foot())
    };
    runtime.block_on(async {
        let hear = |kind| signal(kind).map_err(BenchError::system("hearing signals"));
        let mut interrupt = hear(SignalKind::interrupt())?;
        let mut terminate = hear(SignalKind::terminate())?;
        tokio::select! {
            biased;
            _ = interrupt.recv() => Err(BenchError::Interrupted),
            _ = terminate.recv() => Err(BenchError::Interrupted),
            measured = all => measured,
        }
    })
}

/// Writes to standard output, which may be closed.
fn say(text: &str) -> Result<(), BenchError> {
    let mut stdout = io::stdout();
    let said = stdout.write_all(text.as_bytes());
    said.and_then(|()| stdout.flush())
        .map_err(BenchError::Output)
}

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
