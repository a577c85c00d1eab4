//! From flags to running controllers.
//!
//! A standby waits for the Lease and does nothing else. A leader that loses the Lease ends the
//! process, so that nothing of its acting continues; the kubelet starts it again as a standby.

use std::sync::Arc;

use anyhow::Context as _;
use kube::Client;
use orrery_shell::AdminPort;
use tokio_util::sync::CancellationToken;

use crate::admin::{OperatorAdmin, Pulse};
use crate::archive::Archives;
use crate::config::Config;
use crate::controller::context::Context;
use crate::controller::runner;
use crate::copies::Copies;
use crate::deletions::Deletions;
use crate::gc::Gc;
use crate::ingest::Ingests;
use crate::leader::{Candidate, Leadership};
use crate::metrics::Metrics;
use crate::pools::Pools;
use crate::rebalance::Rebalances;
use crate::rebuild::Rebuild;
use crate::repair::Repair;
use crate::scrub::Scrub;
use crate::secrets::Secrets;
use crate::users::Users;

/// Runs the operator until `stop`, or until it loses the Lease.
pub async fn run(config: Config, stop: CancellationToken) -> anyhow::Result<()> {
    let metrics = Metrics::new()?;
    let pulse = Pulse::default();
    let client = Client::try_default()
        .await
        .context("cannot find the cluster API")?;
    let admin = OperatorAdmin::new(metrics.clone(), pulse.clone());
    let _admin = AdminPort::open(config.shell.admin_listen, Arc::new(admin)).await?;
    let candidate = Candidate::new(client.clone(), config.lease_namespace(), &config.identity);
    tracing::info!(identity = config.identity, "waiting for the lease");
    let leadership = tokio::select! {
        leadership = candidate.win(|| pulse.beat()) => leadership,
        () = stop.cancelled() => return Ok(()),
    };
    metrics.leading.set(1);
    tracing::info!(transitions = leadership.transitions, "this process leads");
    let context = context(&config, client, metrics, &leadership);
    let release = CancellationToken::new();
    let mut kept = leadership.keep(move || pulse.beat(), release.clone());
    tokio::select! {
        () = controllers(context) => anyhow::bail!("the controllers ended"),
        ended = &mut kept => return Ok(ended??),
        () = stop.cancelled() => {}
    }
    // The controllers are gone, and with them all that was under way.
    release.cancel();
    Ok(kept.await??)
}

fn context(config: &Config, client: Client, metrics: Metrics, leadership: &Leadership) -> Context {
    let mandate = leadership.mandate();
    let (scope, images) = (config.scope(), config.images());
    Context::new(client, scope, images, mandate, &config.identity, metrics)
}

/// Runs every controller until one of them ends, which they do only when this process stops.
pub async fn controllers(context: Context) {
    tokio::join!(
        runner::run(Pools::default(), &context),
        runner::run(Archives::default(), &context),
        runner::run(Users, &context),
        runner::run(Secrets, &context),
        runner::run(Gc::default(), &context),
        runner::run(Rebuild, &context),
        runner::run(Repair::default(), &context),
        runner::run(Rebalances::default(), &context),
        runner::run(Copies::default(), &context),
        runner::run(Deletions::default(), &context),
        runner::run(Scrub, &context),
        runner::run(Ingests::default(), &context),
    );
}
