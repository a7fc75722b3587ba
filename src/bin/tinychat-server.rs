//! The server program: parse, set up logs and signals, run, exit code.

use std::{
    io::{IsTerminal, Write},
    process::ExitCode,
};

use clap::Parser;
use tinychat::{
    server::{self, Signals, config::Flags, descriptors},
    tasks::Tasks,
};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    let flags = Flags::parse();
    set_up_logs();
    let told = Signals::default();
    let listening = Tasks::new();
    listening.spawn("signals", on_signals(told.clone()));
    listening.spawn("hang-ups", on_hang_ups(told.clone()));
    let ready = |greeting: &str| {
        // Nobody may read this line, and then it does not matter.
        let _ = std::io::stdout().lock().write_all(greeting.as_bytes());
    };
    let outcome = match flags.resolve(descriptors::raise_limit()) {
        Ok(config) => server::run(config, told, ready).await,
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
async fn on_signals(told: Signals) {
    let (Ok(mut terminate), Ok(mut interrupt)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        return eprintln!("tinychat-server: signals cannot be heard; stop it with kill -9");
    };
    for next in [told.gracefully, told.at_once] {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        next.cancel();
    }
}

/// Each hang-up reads the certificate again.
async fn on_hang_ups(told: Signals) {
    let Ok(mut hang_up) = signal(SignalKind::hangup()) else {
        return eprintln!(
            "tinychat-server: SIGHUP cannot be heard; the certificate is read again when it changes"
        );
    };
    while hang_up.recv().await.is_some() {
        told.reload.notify_one();
    }
}
