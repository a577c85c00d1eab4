//! From flags to running controllers.
//!
//! A standby waits for the Lease and does nothing else. A leader that loses the Lease ends the process, so that nothing of its acting
//! goes on; the kubelet starts it again as a standby.

use anyhow::Context as _;
use kube::Client;

use crate::admin::{self, Pulse};
use crate::archive::Archives;
use crate::controller::context::Context;
use crate::controller::runner;
use crate::copies::Copies;
use crate::deletions::Deletions;
use crate::flags::Flags;
use crate::gc::Gc;
use crate::ingest::Ingests;
use crate::leader::{Candidate, Leadership};
use crate::metrics::Metrics;
use crate::pools::Pools;
use crate::secrets::Secrets;
use crate::users::Users;

/// Runs the operator until it is told to stop, or cannot go on.
pub async fn run(flags: Flags) -> anyhow::Result<()> {
    log_to_stderr(flags.log_json);
    let metrics = Metrics::new()?;
    let pulse = Pulse::default();
    let client = Client::try_default()
        .await
        .context("cannot find the cluster API")?;
    let candidate = Candidate::new(client.clone(), flags.lease_namespace(), &flags.identity);
    let mut stopped = std::pin::pin!(stop_signal());
    let serving = admin::serve(flags.admin_listen, metrics.clone(), pulse.clone());
    let acting = async {
        tracing::info!(identity = flags.identity, "waiting for the lease");
        let mut leadership = tokio::select! {
            leadership = candidate.win(|| pulse.beat()) => leadership,
            signal = &mut stopped => return signal,
        };
        metrics.leading.set(1);
        tracing::info!(transitions = leadership.transitions, "this process leads");
        let context = context(&flags, client, metrics.clone(), &leadership);
        tokio::select! {
            () = controllers(context) => anyhow::bail!("the controllers ended"),
            lost = leadership.lost(|| pulse.beat()) => return Err(lost.into()),
            signal = &mut stopped => signal?,
        }
        leadership.release().await;
        Ok(())
    };
    tokio::select! {
        result = serving => result.context("cannot serve /metrics"),
        result = acting => result,
    }
}

fn log_to_stderr(json: bool) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if json {
        subscriber.json().init();
    } else {
        subscriber.init();
    }
}

/// Returns when the kubelet or a person asks the process to stop.
async fn stop_signal() -> anyhow::Result<()> {
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        _ = terminated.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
    }
}

fn context(flags: &Flags, client: Client, metrics: Metrics, leadership: &Leadership) -> Context {
    let mandate = leadership.mandate();
    let (scope, images) = (flags.scope(), flags.images());
    Context::new(client, scope, images, mandate, &flags.identity, metrics)
}

/// Runs every controller until one of them ends, which they do only when this process stops.
pub async fn controllers(context: Context) {
    tokio::join!(
        runner::run(Pools::default(), &context),
        runner::run(Archives, &context),
        runner::run(Users, &context),
        runner::run(Secrets, &context),
        runner::run(Gc::default(), &context),
        runner::run(Copies::default(), &context),
        runner::run(Deletions::default(), &context),
        runner::run(Ingests::default(), &context),
    );
}
