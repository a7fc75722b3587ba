//! Which core does what: what is measured on one, the load on another, so that neither takes time from the other.

/// The cores that are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cores {
    /// Of the server and of the baselines.
    pub server: usize,
    /// Of the load generator.
    pub generator: usize,
    /// Of what goes on beside it, if there is a third.
    pub beside: Option<usize>,
}

/// Picks the first cores that this process may use and keeps this process on the second. Else tells why not.
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
    Ok(Cores {
        server,
        generator,
        beside: cores.next(),
    })
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

/// Whether the two are hyper-threads of one core.
pub fn are_one(cores: Cores) -> bool {
    let core = cores.server;
    let path = format!("/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list");
    std::fs::read_to_string(path).is_ok_and(|list| is_listed(&list, cores.generator))
}

/// Whether a list of the kernel, such as `0-1,8`, has a core.
fn is_listed(list: &str, core: usize) -> bool {
    list.trim().split(',').any(|part| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let range = first.parse().and_then(|first| Ok(first..=last.parse()?));
        range.is_ok_and(|range: std::ops::RangeInclusive<usize>| range.contains(&core))
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_cores_are_read() {
        for (list, has) in [
            ("0,8\n", true),
            ("7-9", true),
            ("0-3,8", true),
            ("0-1", false),
            ("", false),
        ] {
            assert_eq!(is_listed(list, 8), has, "{list}");
        }
    }
}
