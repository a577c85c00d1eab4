//! `orrery-proxy`: wires sources, czars and listeners together.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser as _;
use orrery_proxy::config::Args;
use orrery_proxy::czars::{self, Czars};
use orrery_proxy::metrics::Metrics;
use orrery_proxy::{Proxy, Registry, admin, serve};
use orrery_snapshot::lease::{self, InUse, Reader};
use orrery_snapshot::{Hub, api, file};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("a TLS provider is installed already"))?;
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt().with_env_filter(filter).init();
    run(Args::parse()).await
}

async fn run(args: Args) -> anyhow::Result<()> {
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
        stopping: CancellationToken::new(),
    });
    tokio::spawn(czars::watch(proxy.czars.clone()));
    let listener = TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("cannot listen on {}", args.listen))?;
    let admin_listener = TcpListener::bind(args.admin)
        .await
        .with_context(|| format!("cannot listen on {}", args.admin))?;
    tokio::spawn(axum::serve(admin_listener, admin::router(proxy.clone())).into_future());
    tokio::spawn(stop_on_signal(proxy.stopping.clone()));
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
        tokio::spawn(lease::renew(
            client,
            args.namespace.clone(),
            reader,
            hub.clone(),
            InUse::default(),
        ));
    }
    Ok(())
}

/// SIGTERM and SIGINT stop the proxy: it takes no new connection and lets running statements end.
async fn stop_on_signal(stopping: CancellationToken) {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::warn!("signals cannot be watched; the proxy stops when it is killed");
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    stopping.cancel();
}
