//! The cluster's own levers: plugs, cables, the API server, processes on nodes. There only when the
//! tests run on the cluster that `e2e/cluster` made; `e2e/tests/run` says where its tool is.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::TIMEOUT;

/// Environment variable with the path of the cluster tool.
pub const TOOL: &str = "ORRERY_CLUSTER_TOOL";

/// The cluster tool.
#[derive(Clone)]
pub struct Lab {
    tool: PathBuf,
}

impl Lab {
    /// The tool, or nothing with a word about it when the cluster is another one.
    pub fn here() -> Option<Self> {
        let tool = std::env::var_os(TOOL).filter(|path| !path.is_empty());
        if tool.is_none() {
            println!("skipped: {TOOL} is not set, so this cluster has no levers");
        }
        tool.map(|tool| Self { tool: tool.into() })
    }

    /// Runs a command of the tool; what it printed.
    pub async fn run(&self, arguments: &[&str]) -> Result<String> {
        let output = Command::new(&self.tool)
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .await
            .with_context(|| self.tool.display().to_string())?;
        if !output.status.success() {
            bail!(
                "cluster {}: {}",
                arguments.join(" "),
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Freezes every process of a node until the answer is dropped.
    pub async fn pause(&self, node: &str) -> Result<PausedNode> {
        let paused = PausedNode {
            tool: self.tool.clone(),
            node: node.to_owned(),
        };
        self.run(&["node", "pause", node]).await?;
        Ok(paused)
    }

    /// Numbers, as this machine has them, of the processes of a pod whose command line matches
    /// `pattern`.
    pub async fn processes(&self, pod: &str, pattern: &str) -> Result<Vec<u32>> {
        let found = Command::new("pgrep").args(["-f", pattern]).output().await?;
        // The container runtime gives every process its pod's name as the name of its host.
        let name = format!("HOSTNAME={pod}");
        let mut processes = Vec::new();
        for number in String::from_utf8_lossy(&found.stdout).lines() {
            // One that has ended since has no environment.
            let environment = tokio::fs::read(format!("/proc/{number}/environ")).await;
            let mut settings = environment.iter().flat_map(|all| all.split(|it| *it == 0));
            if settings.any(|setting| setting == name.as_bytes()) {
                processes.push(number.parse()?);
            }
        }
        Ok(processes)
    }

    /// Sends a signal (`KILL`, `STOP`, `CONT`) to these processes of a pod; how many there were.
    pub async fn signal(&self, pod: &str, pattern: &str, signal: &str) -> Result<usize> {
        let processes = self.processes(pod, pattern).await?;
        for number in &processes {
            // One that has ended since needs none.
            let number = number.to_string();
            let kill = ["-s", signal, &number];
            Command::new("kill").args(kill).output().await?;
        }
        Ok(processes.len())
    }

    /// Opens a way from this machine to an address of the cluster's network, past the API server.
    pub async fn relay(&self, address: &str) -> Result<Relay> {
        // A port that was free a moment ago; a relay that finds it taken ends, and is seen below.
        let port = std::net::TcpListener::bind(("127.0.0.1", 0))?
            .local_addr()?
            .port();
        let process = Command::new(&self.tool)
            .args(["relay", &port.to_string(), address])
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| self.tool.display().to_string())?;
        let end = Instant::now() + TIMEOUT;
        while let Err(error) = TcpStream::connect(("127.0.0.1", port)).await {
            if Instant::now() >= end {
                return Err(error).with_context(|| format!("a way to {address}"));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(Relay {
            port,
            _process: process,
        })
    }

    /// Lines of the API server's audit log so far.
    pub async fn audit(&self) -> Result<Vec<String>> {
        let kubeconfig = PathBuf::from(self.run(&["kubeconfig"]).await?.trim());
        let log = kubeconfig.with_file_name("audit.log");
        let text = tokio::fs::read_to_string(&log)
            .await
            .with_context(|| log.display().to_string())?;
        Ok(text.lines().map(str::to_owned).collect())
    }
}

/// A port of this machine that leads into the cluster's network; gone when dropped.
pub struct Relay {
    /// The port on 127.0.0.1.
    pub port: u16,
    _process: Child,
}

/// A node whose processes stand still. Dropping it lets them continue: a test that fails must not
/// leave the node frozen.
pub struct PausedNode {
    tool: PathBuf,
    node: String,
}

impl Drop for PausedNode {
    fn drop(&mut self) {
        let resumed = std::process::Command::new(&self.tool)
            .args(["node", "resume", &self.node])
            .status();
        if !matches!(resumed, Ok(status) if status.success()) {
            eprintln!("node {} stays paused: {resumed:?}", self.node);
        }
    }
}
