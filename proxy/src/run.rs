//! Puts the proxy together and runs it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use orrery_snapshot::lease::{self, InUse, Reader};
use orrery_snapshot::{Hub, api, file};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::admin;
use crate::config::Args;
use crate::czars::{self, Czars};
use crate::listener::serve;
use crate::metrics::Metrics;
use crate::registry::Registry;
use crate::shared::Proxy;

/// Runs a proxy until `stopping` ends: then it takes no new connection and lets running statements end.
pub async fn run(args: Args, stopping: CancellationToken) -> anyhow::Result<()> {
    let hub = Hub::new();
    follow_sources(&args, &hub).await?;
    let proxy = Arc::new(Proxy {
        hub,
        czars: Czars::new(args.czar_options()),
        registry: Arc::new(Registry::new(args.max_connections)),
        server: args.server_config()?,
        peers: args.peers.clone(),
        metrics: Metrics::new()?,
        name: args.pod_name.clone(),
        stopping,
    });
    tokio::spawn(czars::watch(proxy.czars.clone()));
    let listener = TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("cannot listen on {}", args.listen))?;
    let admin_listener = TcpListener::bind(args.admin)
        .await
        .with_context(|| format!("cannot listen on {}", args.admin))?;
    tokio::spawn(axum::serve(admin_listener, admin::router(proxy.clone())).into_future());
    tracing::info!(listen = %listener.local_addr()?, admin = %args.admin, "proxy started");
    serve(listener, proxy, Duration::from_secs(args.grace_seconds)).await;
    Ok(())
}

/// Starts whatever feeds the snapshot.
async fn follow_sources(args: &Args, hub: &Hub) -> anyhow::Result<()> {
    if let (true, Some(path)) = (args.without_cluster, args.snapshot.clone()) {
        tokio::spawn(file::follow(path, hub.clone()));
        return Ok(());
    }
    if let Some(path) = args.snapshot.clone() {
        match file::load(&path, hub) {
            Ok(()) => tracing::info!(path = %path.display(), "snapshot file read"),
            // The first start has none; the cluster API gives everything again.
            Err(error) => tracing::info!(%error, "no snapshot file"),
        }
        tokio::spawn(file::keep_saved(path, hub.clone()));
    }
    let client = kube::Client::try_default()
        .await
        .context("no way to the cluster API")?;
    tokio::spawn(api::run(client.clone(), args.namespace.clone(), hub.clone()));
    if let Some(pod_uid) = args.pod_uid.clone() {
        let reader = Reader {
            pod: args.pod_name.clone(),
            pod_uid,
            component: "proxy".to_owned(),
        };
        let in_use = InUse::default();
        tokio::spawn(serve_what_is_known(hub.clone(), in_use.clone()));
        tokio::spawn(lease::renew(client, args.namespace.clone(), reader, in_use));
    }
    Ok(())
}

/// A proxy needs nothing beside a snapshot to work with it.
async fn serve_what_is_known(hub: Hub, in_use: InUse) {
    let mut snapshots = hub.subscribe();
    while let Some(snapshot) = snapshots.next().await {
        in_use.serve(snapshot.catalog.epochs);
    }
}
