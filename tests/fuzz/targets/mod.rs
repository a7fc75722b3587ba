//! What is fuzzed. Each target takes any bytes and panics if something is wrong with what comes of them.
//!
//! The same code is run by the gate (`tests/fuzz.rs`, random changes of the corpus) and by libFuzzer, which sees which
//! code it reaches (`scripts/fuzz`).

mod chat;
mod commands;
mod messages;
mod news;
mod places;
mod screen;
mod words;

/// A target: its name, how many executions the gate gives it, and what it does.
pub struct Target {
    /// The name, and that of its folder in `fuzz/corpus`.
    pub name: &'static str,
    /// Executions in the gate: some seconds of each.
    pub gate: u64,
    /// Takes any bytes.
    pub run: fn(&[u8]),
}

/// All targets.
pub const TARGETS: [Target; 7] = [
    Target {
        name: "messages",
        gate: 100_000,
        run: messages::run,
    },
    Target {
        name: "chat",
        gate: 20_000,
        run: chat::run,
    },
    Target {
        name: "words",
        gate: 200_000,
        run: words::run,
    },
    Target {
        name: "commands",
        gate: 20_000,
        run: commands::run,
    },
    Target {
        name: "places",
        gate: 200_000,
        run: places::run,
    },
    Target {
        name: "screen",
        gate: 100_000,
        run: screen::run,
    },
    Target {
        name: "news",
        gate: 50_000,
        run: news::run,
    },
];
