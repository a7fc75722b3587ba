//! Which core does what: what is measured on one, the load on another, so that neither takes time from the other.

/// The cores that are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cores {
    /// Of the server and of the baselines.
    pub server: usize,
    /// Of the load generator.
    pub generator: usize,
}

/// Picks the first two cores that this process may use and keeps this process on the second. Else tells why not.
#[cfg(target_os = "linux")]
pub fn share_out() -> Result<Cores, String> {
    use rustix::thread::{CpuSet, sched_getaffinity};

    let allowed = sched_getaffinity(None)
        .map_err(|error| format!("the cores of this process cannot be read: {error}"))?;
    let mut cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
    let (Some(server), Some(generator)) = (cores.next(), cores.next()) else {
        return Err("this process may use one core only".to_owned());
    };
    pin(generator)?;
    Ok(Cores { server, generator })
}

/// Keeps this process, and what it starts from now on, on one core.
#[cfg(target_os = "linux")]
pub fn pin(core: usize) -> Result<(), String> {
    use rustix::thread::{CpuSet, sched_setaffinity};

    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None, &set)
        .map_err(|error| format!("no right to choose core {core}: {error}"))
}

/// Only Linux lets a program choose its cores.
#[cfg(not(target_os = "linux"))]
pub fn share_out() -> Result<Cores, String> {
    Err("only Linux lets a program choose its cores".to_owned())
}

/// Only Linux lets a program choose its cores.
#[cfg(not(target_os = "linux"))]
pub fn pin(_: usize) -> Result<(), String> {
    Err("only Linux lets a program choose its cores".to_owned())
}
