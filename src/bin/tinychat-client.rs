//! The client program: parses the arguments, runs, and ends with the right exit code.

use std::process::ExitCode;

use clap::Parser;
use tinychat::client::{
    cli::{self, Arguments},
    exit::Failure,
};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Two threads: while one is held up by a slow terminal, the other answers the server.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return Failure::other(format!("cannot start: {error}")).report(),
    };
    let outcome = runtime.block_on(cli::run(arguments));
    // A look-up of a name that is still under way must not hold up the end.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
