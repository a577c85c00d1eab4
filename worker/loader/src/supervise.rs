//! The pod's first process: keeps `orrery-loader serve` running, stops it with itself, and reaps
//! every process that ends.

use std::ffi::OsString;
use std::io;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use tokio::signal::unix::{Signal as Notices, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A child that lived this long is started again at once, a shorter-lived one after this pause.
const SHORT_LIFE: Duration = Duration::from_secs(1);

/// What a shell reports for a process that SIGTERM ended. The operator ends a loader by deleting
/// its Job, so a pod that is stopped otherwise (evicted, drained) has not done its work: a success
/// would make its Job complete, and the rest would never be loaded.
const STOPPED: u8 = 128 + 15;

/// Has glibc take each block of memory of this many bytes from the kernel by itself, and give it back
/// when it is freed. By default the bound rises with what is freed, to 32 MiB; then buffers lie
/// between small values in the heaps of threads, which grow with the time that a file takes.
const LARGE_BLOCKS: (&str, &str) = ("MALLOC_MMAP_THRESHOLD_", "131072");

/// Runs `program` with `arguments` until `stop`, which ends the child and then this. That is never
/// a success.
pub async fn run(
    program: OsString,
    arguments: Vec<OsString>,
    stop: CancellationToken,
) -> io::Result<ExitCode> {
    let mut ended = signal(SignalKind::child())?;
    loop {
        let started = Instant::now();
        let child = spawn(&program, &arguments)?;
        tokio::select! {
            () = wait_for(child, &mut ended) => {}
            () = stop.cancelled() => {
                kill_process(child, Signal::TERM)?;
                wait_for(child, &mut ended).await;
                return Ok(ExitCode::from(STOPPED));
            }
        }
        tracing::warn!("the loader ended; starting it again");
        if started.elapsed() < SHORT_LIFE {
            tokio::select! {
                () = tokio::time::sleep(SHORT_LIFE) => {}
                () = stop.cancelled() => return Ok(ExitCode::from(STOPPED)),
            }
        }
    }
}

fn spawn(program: &OsString, arguments: &[OsString]) -> io::Result<Pid> {
    let (name, bytes) = LARGE_BLOCKS;
    let child = Command::new(program)
        .args(arguments)
        .env(name, bytes)
        .spawn()?;
    // Waiting is done here for all processes, so the handle has no further use.
    Pid::from_raw(child.id() as i32).ok_or_else(|| io::Error::other("a child without a process id"))
}

/// Reaps whatever ends until `child` has.
async fn wait_for(child: Pid, ended: &mut Notices) {
    loop {
        while let Ok(Some((pid, status))) = waitpid(None, WaitOptions::NOHANG) {
            if pid == child {
                tracing::info!(?status, "the loader ended");
                return;
            }
        }
        ended.recv().await;
    }
}
