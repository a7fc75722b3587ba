//! The measuring program: parses the arguments, runs, and ends with the right exit code.

use std::process::ExitCode;

use clap::Parser;
use tinychat::bench::{cli, flags::Arguments};

fn main() -> ExitCode {
    cli::run(Arguments::parse())
}
