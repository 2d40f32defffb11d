//! The memory of the machine, or of the container if that has less.

use std::fs::read_to_string;

/// The default of `--memory`, where the machine does not say how much it has or has little: the same as in the Worker.
const LEAST: u64 = 84 << 20;

/// A quarter of the memory. The rest is for the threads' stacks, the connections' buffers and other programs.
pub fn share() -> u64 {
    let meminfo = read_to_string("/proc/meminfo").unwrap_or_default();
    // Version 2 of control groups, then version 1. `max` and other words are no limit.
    let limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let limits = limits.iter().filter_map(|path| read_to_string(path).ok()?.trim().parse().ok());
    let memory = total(&meminfo).into_iter().chain(limits).min();
    memory.map_or(LEAST, |bytes: u64| LEAST.max(bytes / 4))
}

/// Bytes by the line `MemTotal` (proc_meminfo(5)).
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_s_memory_is_read_from_meminfo() {
        let meminfo = "MemFree:          123 kB\nMemTotal:       16384000 kB\nCached: 1 kB\n";
        assert_eq!(total(meminfo), Some(16_384_000 * 1024));
        assert_eq!(total("MemTotal: much\n"), None);
        assert_eq!(total(""), None);
    }

    #[test]
    fn the_share_is_never_smaller_than_the_worker_s() {
        assert!(share() >= LEAST);
    }
}
