//! What the kernel knows about a process.

use std::fs;
use std::io;
use std::time::Duration;

/// Processor time of a process, in its own code and in the kernel for it.
pub(crate) fn cpu(pid: u32) -> io::Result<Duration> {
    Ok(ticks(pid)?[..2].iter().sum())
}

/// Processor time of a process and of those that it started, such as PostgreSQL has one for each connection.
pub(crate) fn family_cpu(pid: u32) -> io::Result<Duration> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
    let children = children.split_whitespace().filter_map(|child| child.parse().ok());
    // One that has ended meanwhile counts among those that have.
    let living: Duration = children.filter_map(|child| cpu(child).ok()).sum();
    Ok(ticks(pid)?.iter().sum::<Duration>() + living)
}

/// User and system time of a process, then of those of its children that have ended.
fn ticks(pid: u32) -> io::Result<[Duration; 4]> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in parentheses may hold anything, so fields are counted from its end: they are 14 to 17.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|ticks| ticks.parse::<u64>().ok()).unwrap_or_default();
    // USER_HZ is 100 in every Linux ABI that Rust supports.
    Ok([11, 12, 13, 14].map(|index| Duration::from_millis(ticks(index) * 10)))
}

/// Resident memory of a process in bytes.
pub(crate) fn memory(pid: u32) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
    let kib = kib.and_then(|kib| kib.trim().parse::<u64>().ok());
    kib.map(|kib| kib * 1024).ok_or_else(|| io::Error::other("a process without resident memory"))
}
