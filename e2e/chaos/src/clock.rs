//! The wall clock of one process: shifted, and right again. The process has to be one of this
//! machine and of this user or root's; neither its program nor its start is changed.

use std::fs::{self, File, OpenOptions};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::vdso::{self, Patch};

/// How long a process may take to stand still with no thread inside the vDSO.
const LONGEST: Duration = Duration::from_secs(30);
/// How long it may take until all its threads have stopped, before it is tried again.
const STOPPED: Duration = Duration::from_secs(1);
const MOMENT: Duration = Duration::from_millis(2);

/// A process of this machine; another one that gets its number later is not taken for it.
struct Process {
    number: u32,
    /// Ticks from the boot to its start.
    began: String,
}

/// A process whose wall clock is shifted.
pub struct Skewed {
    process: Process,
    vdso: Range<u64>,
    /// That of this process, also when it ended and another one has its number.
    memory: File,
    patches: Vec<Patch>,
}

impl Skewed {
    /// Shifts the wall clock of the process with this number by `seconds`.
    pub fn begin(number: u32, seconds: i32) -> Result<Self> {
        let process = Process::find(number)?;
        let memory = process.path("mem");
        let memory = OpenOptions::new().read(true).write(true).open(memory)?;
        let maps = fs::read_to_string(process.path("maps"))?;
        let vdso = range_of_vdso(&maps).context("a process without a vDSO")?;
        let mut image = vec![0; usize::try_from(vdso.end - vdso.start)?];
        memory.read_exact_at(&mut image, vdso.start)?;
        let skewed = Self {
            patches: vdso::patches(&image, seconds)?,
            process,
            vdso,
            memory,
        };
        let still = Still::outside(&skewed.process, &skewed.vdso)?;
        let written = skewed.write(|patch| &patch.shifted);
        if written.is_err() {
            skewed.write(|patch| &patch.original)?;
        }
        drop(still);
        written?;
        Ok(skewed)
    }

    /// Puts the clock right; a process that ended meanwhile needs nothing.
    pub fn end(self) -> Result<()> {
        let mended = Still::outside(&self.process, &self.vdso)
            .and_then(|_still| self.write(|patch| &patch.original));
        if self.process.is_there() {
            mended
        } else {
            Ok(())
        }
    }

    fn write(&self, bytes: impl Fn(&Patch) -> &[u8]) -> Result<()> {
        for patch in &self.patches {
            let at = self.vdso.start + patch.at;
            self.memory.write_all_at(bytes(patch), at)?;
        }
        Ok(())
    }
}

impl Process {
    fn find(number: u32) -> Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{number}/stat"))
            .with_context(|| format!("process {number}"))?;
        let began = field(&stat, 22).context("a process without a start")?;
        Ok(Self {
            number,
            began: began.to_owned(),
        })
    }

    fn path(&self, file: &str) -> String {
        format!("/proc/{}/{file}", self.number)
    }

    /// Whether it is still there, and has not ended.
    fn is_there(&self) -> bool {
        fs::read_to_string(self.path("stat")).is_ok_and(|stat| {
            field(&stat, 22) == Some(self.began.as_str())
                && !matches!(field(&stat, 3), Some("Z" | "X"))
        })
    }

    fn signal(&self, signal: &str) -> Result<()> {
        ensure!(self.is_there(), "process {} has ended", self.number);
        let number = self.number.to_string();
        let status = Command::new("kill").args(["-s", signal, &number]).status();
        ensure!(status?.success(), "no {signal} to process {number}");
        Ok(())
    }

    /// Where each thread will continue; nothing while one of them has not stopped, or ends.
    fn places(&self) -> Option<Vec<u64>> {
        let threads = fs::read_dir(self.path("task")).ok()?;
        let place = |thread: PathBuf| {
            let stat = fs::read_to_string(thread.join("stat")).ok()?;
            let call = fs::read_to_string(thread.join("syscall")).ok()?;
            (field(&stat, 3)? == "T").then(|| place(&call))?
        };
        threads.map(|thread| place(thread.ok()?.path())).collect()
    }

    /// The same once all have stopped, if they do.
    fn stopped(&self) -> Option<Vec<u64>> {
        let end = Instant::now() + STOPPED;
        loop {
            let places = self.places();
            if places.is_some() || Instant::now() >= end {
                return places;
            }
            std::thread::sleep(MOMENT);
        }
    }
}

/// A process that stands still; it continues when this is dropped.
struct Still<'a>(&'a Process);

impl<'a> Still<'a> {
    /// Stops a process where no thread is within `range`: no half of a function is changed under it.
    fn outside(process: &'a Process, range: &Range<u64>) -> Result<Self> {
        let end = Instant::now() + LONGEST;
        while Instant::now() < end {
            process.signal("STOP")?;
            let still = Self(process);
            if let Some(places) = process.stopped()
                && !places.iter().any(|at| range.contains(at))
            {
                return Ok(still);
            }
            drop(still);
            std::thread::sleep(MOMENT);
        }
        bail!("process {} does not stop outside its vDSO", process.number);
    }
}

impl Drop for Still<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.0.signal("CONT") {
            eprintln!("{error:#}");
        }
    }
}

/// A field of `/proc/PID/stat`, counted from 1, after the name, which may hold anything.
fn field(stat: &str, number: usize) -> Option<&str> {
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split_whitespace().nth(number.checked_sub(3)?)
}

/// Where a thread continues, by its `/proc/PID/task/TID/syscall`: the last field, but for one that
/// runs.
fn place(call: &str) -> Option<u64> {
    let last = call.split_whitespace().last()?;
    u64::from_str_radix(last.strip_prefix("0x")?, 16).ok()
}

fn range_of_vdso(maps: &str) -> Option<Range<u64>> {
    let line = maps.lines().find(|line| line.ends_with("[vdso]"))?;
    let (start, end) = line.split_once(' ')?.0.split_once('-')?;
    let address = |text| u64::from_str_radix(text, 16).ok();
    Some(address(start)?..address(end)?)
}

#[cfg(test)]
mod tests;
