//! A part of the query path as a process, and what the kernel knows of it.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A process that ends with this value.
pub struct Part(Child);

/// Memory of a process, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Resident now.
    pub now: u64,
    /// Most that was resident since [`Part::forget_peak`].
    pub peak: u64,
}

impl Part {
    /// Starts `program` (that of `src/bin`) as a czar or a proxy.
    pub fn start(program: &str, role: &str, flags: &[String]) -> anyhow::Result<Self> {
        let child = Command::new(program)
            .arg(role)
            .args(flags)
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("start {program}"))?;
        Ok(Self(child))
    }

    /// What the process has in memory.
    pub fn memory(&self) -> anyhow::Result<Memory> {
        let path = format!("/proc/{}/status", self.0.id());
        let status = std::fs::read_to_string(&path).with_context(|| path.clone())?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
            let kib: u64 = kib
                .with_context(|| format!("no {name} in {path}"))?
                .trim()
                .parse()?;
            anyhow::Ok(kib << 10)
        };
        Ok(Memory {
            now: field("VmRSS:")?,
            peak: field("VmHWM:")?,
        })
    }

    /// Tells the process to stop, as Kubernetes does.
    pub fn terminate(&self) -> anyhow::Result<()> {
        let id = self.0.id().to_string();
        let status = Command::new("kill").args(["-TERM", &id]).status()?;
        anyhow::ensure!(status.success(), "kill -TERM {id}");
        Ok(())
    }

    /// Whether the process ends in time and without an error.
    pub fn ends_well(&mut self, time: Duration) -> anyhow::Result<bool> {
        let started = Instant::now();
        while started.elapsed() < time {
            if let Some(status) = self.0.try_wait()? {
                return Ok(status.success());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(false)
    }

    /// Makes the peak count from now on.
    pub fn forget_peak(&self) -> anyhow::Result<()> {
        let path = format!("/proc/{}/clear_refs", self.0.id());
        std::fs::write(&path, "5").context(path)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A value of a process's `/metrics`.
pub async fn metric(admin: &str, name: &str) -> anyhow::Result<u64> {
    let mut stream = TcpStream::connect(admin).await?;
    stream
        .write_all(
            format!("GET /metrics HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n")
                .as_bytes(),
        )
        .await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let value: f64 = line
        .with_context(|| format!("no {name} at {admin}"))?
        .trim()
        .parse()?;
    Ok(value as u64)
}
