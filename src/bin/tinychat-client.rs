//! The client program: parses the arguments, runs, and ends with the right exit code.

use std::process::ExitCode;

use tinychat::client::{cli::Arguments, exit::Failure, json::Format, run};

fn main() -> ExitCode {
    let arguments = match Arguments::of_program() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    let format = arguments.format();
    // Two threads: while one is held up by a slow terminal, the other answers the server.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return Failure::other(format!("cannot start: {error}")).report(format),
    };
    let outcome = runtime.block_on(run::run(arguments));
    // A look-up of a name that is still under way must not hold up the end.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(format),
    }
}

/// Wrong usage, or a wish for help. A program that asked for objects gets one.
fn usage(error: &clap::Error) -> ExitCode {
    if error.use_stderr() && std::env::args_os().any(|argument| argument == "--json") {
        let text = error.to_string();
        let words: Vec<&str> = text.split_whitespace().collect();
        let words = words.join(" ");
        let words = words.strip_prefix("error: ").unwrap_or(&words);
        return Failure::usage(words).report(Format::Json);
    }
    error.exit()
}
