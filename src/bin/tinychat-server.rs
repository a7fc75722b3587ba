//! The server program: parse, set up logs and signals, run, exit code.

use std::{
    io::{IsTerminal, Write},
    process::ExitCode,
};

use clap::Parser;
use tinychat::{
    server::{self, Shutdown, config::Flags},
    tasks::Tasks,
};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    let flags = Flags::parse();
    set_up_logs();
    let shutdown = Shutdown::default();
    let signals = Tasks::new();
    signals.spawn("signals", on_signals(shutdown.clone()));
    let ready = |addresses: &[std::net::SocketAddr], config: &server::config::Config| {
        // Nobody may read this line, and then it does not matter.
        let _ = std::io::stdout()
            .lock()
            .write_all(config.greeting(addresses).as_bytes());
    };
    let outcome = match flags.resolve() {
        Ok(config) => server::run(config, shutdown, ready).await,
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tinychat-server: {error}");
            ExitCode::FAILURE
        }
    }
}

fn set_up_logs() {
    let filter = EnvFilter::try_from_env("TINYCHAT_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        logs.init();
    } else {
        logs.json().init();
    }
}

/// The first signal stops gracefully, the second at once.
async fn on_signals(shutdown: Shutdown) {
    let (Ok(mut terminate), Ok(mut interrupt)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        return eprintln!("tinychat-server: signals cannot be heard; stop it with kill -9");
    };
    for next in [shutdown.gracefully, shutdown.at_once] {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        next.cancel();
    }
}
