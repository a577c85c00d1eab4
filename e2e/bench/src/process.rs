//! What the kernel knows of a process.

use anyhow::Context;

/// Clock ticks per second in `/proc`; the same on every Linux that Rust runs on.
const TICKS: f64 = 100.0;

/// Seconds of CPU, user and system, that a process has used.
pub fn cpu_seconds(pid: u32) -> anyhow::Result<f64> {
    let stat = read(pid, "stat")?;
    // The name in parentheses may hold anything; fields 14 and 15 of the whole are 11 and 12 after
    // it.
    let (_, fields) = stat
        .rsplit_once(')')
        .context("/proc/PID/stat has no name")?;
    let mut ticks = fields
        .split_whitespace()
        .skip(11)
        .map(|field| field.parse::<f64>().unwrap_or_default());
    Ok((ticks.next().unwrap_or_default() + ticks.next().unwrap_or_default()) / TICKS)
}

/// Largest resident memory a process ever had, MiB.
pub fn peak_mib(pid: u32) -> anyhow::Result<f64> {
    let status = read(pid, "status")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .context("/proc/PID/status has no VmHWM")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1024.0)
}

/// Load averages of the machine over 1, 5 and 15 minutes, as the kernel prints them.
pub fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace()
        .take(3)
        .collect::<Vec<_>>()
        .join(" ")
}

fn read(pid: u32, file: &str) -> anyhow::Result<String> {
    let path = format!("/proc/{pid}/{file}");
    std::fs::read_to_string(&path).context(path)
}
