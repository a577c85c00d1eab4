//! The operator as a process: started, measured, ended.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::process::{Child, Command};

/// Kernel ticks per second, in which `/proc` counts CPU time on every platform of ours.
const TICKS: f64 = 100.0;

/// How to start it.
pub struct Program {
    /// The binary.
    pub binary: PathBuf,
    /// Kubeconfig.
    pub kubeconfig: PathBuf,
    /// Namespace of the archive.
    pub namespace: String,
    /// Where its log goes.
    pub log: PathBuf,
}

/// An operator that runs; it ends with the value.
pub struct Operator(Child);

impl Program {
    /// Starts it.
    pub fn start(&self, identity: &str) -> Result<Operator> {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)?;
        let child = Command::new(&self.binary)
            .args(["--namespace", &self.namespace, "--identity", identity])
            .args(["--image", "none", "--mysqld-image", "none"])
            .args(["--admin-listen", "127.0.0.1:0"])
            .env("KUBECONFIG", &self.kubeconfig)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| self.binary.display().to_string())?;
        Ok(Operator(child))
    }
}

impl Operator {
    /// Seconds of CPU used so far.
    pub fn cpu(&self) -> Result<f64> {
        let stat = self.proc("stat")?;
        // The command's name, in brackets, may hold spaces.
        let (_, rest) = stat.rsplit_once(')').context("no stat")?;
        let mut fields = rest.split_whitespace().skip(11);
        let mut ticks = || {
            fields
                .next()
                .context("no CPU time")?
                .parse::<f64>()
                .context("CPU")
        };
        Ok((ticks()? + ticks()?) / TICKS)
    }

    /// Largest resident memory so far, in bytes.
    pub fn peak_memory(&self) -> Result<u64> {
        let status = self.proc("status")?;
        let mut lines = status.lines();
        let peak = lines.find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|line| line.split_whitespace().next());
        Ok(peak.context("no VmHWM")?.parse::<u64>()? << 10)
    }

    /// Ends it as Kubernetes does.
    pub async fn stop(mut self) -> Result<()> {
        let pid = self.0.id().context("the operator has ended")?;
        let kill = Command::new("kill").arg(pid.to_string()).status().await?;
        ensure!(kill.success(), "the operator cannot be ended");
        let ended = tokio::time::timeout(Duration::from_secs(30), self.0.wait()).await;
        ended.context("the operator does not end")??;
        Ok(())
    }

    fn proc(&self, file: &str) -> Result<String> {
        let pid = self.0.id().context("the operator has ended")?;
        let path = Path::new("/proc").join(pid.to_string()).join(file);
        std::fs::read_to_string(path).context("the operator has ended")
    }
}
