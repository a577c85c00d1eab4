//! From flags to an exit code.

use std::process::{ExitCode, Termination};
use std::time::Duration;

use anyhow::Context as _;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::args::LogArgs;
use crate::{crypto, logs};

/// How long threads that are in the middle of a blocking call, such as a read from a silent source,
/// may hold the process.
const LAST_CALLS: Duration = Duration::from_secs(2);

/// Runs a program's work until it ends. SIGTERM and SIGINT cancel the token, and the work is to end
/// soon then. An error is logged with its causes and makes the exit code 1.
pub fn run<Work, Ended>(log: &LogArgs, work: impl FnOnce(CancellationToken) -> Work) -> ExitCode
where
    Work: Future<Output = anyhow::Result<Ended>>,
    Ended: Termination,
{
    crypto::install_crypto();
    if let Err(error) = logs::install(log) {
        eprintln!("error: {error:#}");
        return ExitCode::FAILURE;
    }
    match work_until_it_ends(work) {
        Ok(ended) => ended.report(),
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn work_until_it_ends<Work, Ended>(
    work: impl FnOnce(CancellationToken) -> Work,
) -> anyhow::Result<Ended>
where
    Work: Future<Output = anyhow::Result<Ended>>,
{
    let runtime = Runtime::new().context("start threads")?;
    let ended = runtime.block_on(async {
        let stop = CancellationToken::new();
        let signals = [SignalKind::terminate(), SignalKind::interrupt()].map(signal);
        let [terminate, interrupt] = signals;
        let (terminate, interrupt) = (
            terminate.context("watch for SIGTERM")?,
            interrupt.context("watch for SIGINT")?,
        );
        tokio::spawn(cancel_on_signal(terminate, interrupt, stop.clone()));
        work(stop).await
    });
    runtime.shutdown_timeout(LAST_CALLS);
    ended
}

async fn cancel_on_signal(mut terminate: Signal, mut interrupt: Signal, stop: CancellationToken) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    stop.cancel();
}

#[cfg(test)]
mod tests {
    use crate::args::LogFormat;

    use super::*;

    #[test]
    fn work_that_fails_makes_the_exit_code_1_and_work_that_ends_makes_its_own() {
        let log = LogArgs {
            log_filter: "off".to_owned(),
            log_format: LogFormat::Text,
        };
        let failed = work_until_it_ends(async |_| anyhow::Result::<()>::Err(anyhow::anyhow!("no")));
        assert!(failed.is_err());
        let failed = run(&log, async |_| {
            anyhow::Result::<()>::Err(anyhow::anyhow!("no"))
        });
        assert_eq!(failed, ExitCode::FAILURE);
        let ended = work_until_it_ends(async |_| Ok(ExitCode::from(7))).unwrap();
        assert_eq!(ended, ExitCode::from(7));
    }
}
