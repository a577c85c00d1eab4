//! The loader as its pod runs it: a process of its own, which is started again when it is killed.

use std::process::{Child, Command};
use std::time::Duration;

use orrery_archive::names::Role;
use orrery_kit_worker::Archive;
use orrery_kit_worker::port::reserve;
use orrery_worker_api::client::LoaderClient;
use rustix::process::{Pid, Signal, kill_process};

use super::{Place, operator};

/// Parts of a second in which Linux counts the CPU time of a process for others to read.
const TICKS: f64 = 100.0;

/// Seconds of CPU that a process has used, in all its threads.
pub fn cpu_seconds(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    // The name before may hold blanks; user and system time are the 14th and 15th field.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split(' ').collect();
    let ticks = |field: usize| fields[field - 2].parse::<f64>().unwrap();
    (ticks(14) + ticks(15)) / TICKS
}

/// A supervisor with its loader. Both end with it.
pub struct Program {
    supervisor: Child,
    pub api: LoaderClient,
}

impl Drop for Program {
    fn drop(&mut self) {
        // They may have ended.
        if let Some(loader) = self.loader() {
            let _ = kill_process(loader, Signal::KILL);
        }
        let _ = self.supervisor.kill();
        let _ = self.supervisor.wait();
    }
}

impl Program {
    /// Over the sources and the spool of `place`.
    pub async fn start(archive: &Archive, place: &Place) -> Self {
        let port = reserve().unwrap();
        let supervisor = Command::new(env!("CARGO_BIN_EXE_orrery-loader"))
            .arg("supervise")
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .args([
                "--admin-listen",
                &format!("127.0.0.1:{}", reserve().unwrap()),
            ])
            .arg("--tls-dir")
            .arg(archive.tls_dir(Role::Loader))
            .arg("--spool")
            .arg(place.spool())
            .arg("--sources")
            .arg(place.sources())
            .arg("--secrets")
            .arg(place.directory.path().join("secrets"))
            .spawn()
            .unwrap();
        let api = operator::loader(archive, &format!("https://127.0.0.1:{port}"));
        // It may find what an earlier one left in the spool.
        while api.status().await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Self { supervisor, api }
    }

    /// Process of the supervisor.
    pub fn supervisor(&self) -> Pid {
        Pid::from_raw(self.supervisor.id() as i32).unwrap()
    }

    /// Process of the loader; none while it is started again.
    pub fn loader(&self) -> Option<Pid> {
        let parent = self.supervisor.id();
        let path = format!("/proc/{parent}/task/{parent}/children");
        let children = std::fs::read_to_string(path).ok()?;
        Pid::from_raw(children.split_whitespace().next()?.parse().ok()?)
    }

    /// Kills the loader, which then is started again.
    pub fn kill(&self) {
        kill_process(self.loader().unwrap(), Signal::KILL).unwrap();
    }

    /// Seconds of CPU that the loader has used.
    pub fn cpu_seconds(&self) -> f64 {
        cpu_seconds(self.loader().unwrap().as_raw_nonzero().get() as u32)
    }

    /// Most memory that the loader had at once, in bytes.
    pub fn peak_memory(&self) -> u64 {
        let loader = self.loader().unwrap().as_raw_nonzero();
        let status = std::fs::read_to_string(format!("/proc/{loader}/status")).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmHWM:"))
            .unwrap();
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<u64>()
            .unwrap()
            << 10
    }

    /// Waits for the supervisor's end; its exit code.
    pub async fn ended(mut self) -> Option<i32> {
        let wait = tokio::task::spawn_blocking(move || self.supervisor.wait().unwrap().code());
        wait.await.unwrap()
    }
}
