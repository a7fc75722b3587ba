//! Faults that tests switch on, to show that the checkers bite. Compiled only with the feature `test-switches`; a
//! release has none of it.

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// Senders are answered before the commit.
    AckBeforeCommit,
    /// SQLite does not sync the WAL at a commit.
    SyncNormal,
    /// SQLite never syncs.
    SyncOff,
}

/// Whether the fault is switched on, by `TINYCHAT_TEST_SWITCH` in the environment.
#[cfg(feature = "test-switches")]
pub fn is_on(switch: Switch) -> bool {
    let word = match switch {
        Switch::AckBeforeCommit => "ack-before-commit",
        Switch::SyncNormal => "sync-normal",
        Switch::SyncOff => "sync-off",
    };
    std::env::var_os("TINYCHAT_TEST_SWITCH").is_some_and(|value| value == word)
}

/// Never.
#[cfg(not(feature = "test-switches"))]
pub const fn is_on(_: Switch) -> bool {
    false
}
