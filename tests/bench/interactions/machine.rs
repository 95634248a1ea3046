//! The machine that figures are from.

use std::fs;

/// Its processor, cores, and how busy it is: on a line of its own.
pub(super) fn describe() -> String {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let processors = read("/proc/cpuinfo");
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let load = read("/proc/loadavg");
    let load: Vec<&str> = load.split(' ').take(3).collect();
    let kernel = read("/proc/sys/kernel/osrelease");
    format!(
        "machine: {}, {} cores, Linux {}, load average {} as this begins",
        model.map_or("an unnamed processor", |(_, model)| model),
        std::thread::available_parallelism().map_or(1, usize::from),
        kernel.trim(),
        load.join(" ")
    )
}
