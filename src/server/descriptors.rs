//! How many files and sockets the system lets this process open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::warn;

/// What a system has that sets no limit; more connections than that are not served on one machine.
const UNLIMITED: u64 = 1 << 20;

/// Raises the limit as far as this process may, and tells it. Once, at the start.
pub fn raise_limit() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wished = maximum.unwrap_or(UNLIMITED).min(UNLIMITED);
    let now = current.unwrap_or(UNLIMITED);
    if now >= wished {
        return now;
    }
    let raised = Rlimit {
        current: Some(wished),
        maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => wished,
        Err(error) => {
            warn!(%error, "cannot raise the limit of open files");
            now
        }
    }
}
