//! The machine that figures are from.

use std::fmt;
use std::fs;

use serde::Serialize;

/// What of a machine figures depend on.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    processor: String,
    cores: usize,
    memory_gb: u64,
    kernel: String,
    /// Processes that wanted to run, over the last 1, 5 and 15 minutes before the bench began.
    load_average: Vec<f64>,
}

impl Machine {
    pub(crate) fn this() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let (processors, memory) = (read("/proc/cpuinfo"), read("/proc/meminfo"));
        let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let kib = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB"));
        // A kernel's version may end in what its builder likes; the numbers tell enough.
        let kernel = read("/proc/sys/kernel/osrelease");
        Self {
            processor: model.map_or("an unnamed processor", |(_, model)| model).to_owned(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_gb: kib.and_then(|kib| kib.trim().parse::<u64>().ok()).unwrap_or_default() / 1_000_000,
            kernel: kernel.trim().split('-').next().unwrap_or_default().to_owned(),
            load_average: read("/proc/loadavg").split(' ').take(3).filter_map(|load| load.parse().ok()).collect(),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processor, cores, memory_gb, kernel, load_average } = self;
        write!(f, "{processor}, {cores} cores, {memory_gb} GB of memory, Linux {kernel}, ")?;
        let load: Vec<String> = load_average.iter().map(|load| format!("{load:.2}")).collect();
        write!(f, "load average {} as this began", load.join(" "))
    }
}
