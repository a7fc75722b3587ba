//! One program for all targets: `TINYCHAT_FUZZ` names the one that runs. Built and run by scripts/fuzz.

#![no_main]
#![allow(dead_code, reason = "what only the gate needs stands beside what both need")]

#[path = "../../tests/support/oracle.rs"]
mod oracle;
#[path = "../../tests/fuzz/targets/mod.rs"]
mod targets;

use std::sync::LazyLock;

static RUN: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = std::env::var("TINYCHAT_FUZZ").unwrap_or_default();
    let target = targets::TARGETS.iter().find(|target| target.name == name);
    match target {
        Some(target) => target.run,
        None => panic!("TINYCHAT_FUZZ={name:?} names no target"),
    }
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| RUN(data));
