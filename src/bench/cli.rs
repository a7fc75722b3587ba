//! What a call of the measuring program does, from the first line of output to the exit code.

use std::{
    env, fs,
    io::{self, Write as _},
    os::unix::process::CommandExt as _,
    process,
    process::ExitCode,
};

use tokio::signal::unix::{SignalKind, signal};

use super::{
    baseline::{self, BaselineFlags},
    beside::{self, TransferFlags},
    cores,
    error::BenchError,
    flags::{Arguments, Command, Common, Pinned},
    process::{Start, connections_max},
    report::{Machine, Report},
    scenario::{Measuring, Scenario},
};

/// Does what the arguments say.
pub fn run(arguments: Arguments) -> ExitCode {
    let done = match &arguments.command {
        Command::Baseline(flags) => serve(flags.clone()),
        Command::Transfers(flags) => transfer(flags),
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

/// As the generator: one thread.
fn transfer(flags: &TransferFlags) -> Result<ExitCode, BenchError> {
    one_thread()?.block_on(beside::run(flags))?;
    Ok(ExitCode::SUCCESS)
}

fn one_thread() -> Result<tokio::runtime::Runtime, BenchError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(BenchError::system("starting a runtime"))
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
            beside: cores.as_ref().ok().and_then(|cores| cores.beside),
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
    let runtime = one_thread()?;
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
