//! Puts the proxy together and runs it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use orrery_shell::AdminPort;
use orrery_snapshot::Hub;
use orrery_snapshot::lease::InUse;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::budget::Budget;
use crate::config::Config;
use crate::czars::{self, Czars};
use crate::listener::serve;
use crate::metrics::Metrics;
use crate::registry::{Places, Registry};
use crate::shared::Proxy;

/// Name of a proxy that is no pod, in logs.
const NAMELESS: &str = "orrery-proxy";

/// How long the end of the audit log may take.
const LAST_LINES: Duration = Duration::from_secs(2);

/// Runs a proxy until `stopping` ends: then it takes no new connection and lets running statements
/// end.
pub async fn run(config: Config, stopping: CancellationToken) -> anyhow::Result<()> {
    let hub = Hub::new();
    let in_use = InUse::default();
    let tls = config.tls_dir.as_deref();
    (config.sources)
        .follow("proxy", tls, &hub, in_use.clone())
        .await?;
    tokio::spawn(serve_what_is_known(hub.clone(), in_use));
    let metrics = Metrics::new()?;
    let proxy = Arc::new(Proxy {
        hub,
        czars: Czars::new(config.czar_options()?),
        door: config.door(),
        registry: Arc::new(Registry::new(Places {
            all: config.max_connections,
            admins: config.admin_connections,
        })),
        prepared: Budget::new(config.prepared_memory),
        server: config.server_config(),
        site: config.site()?,
        peers: config.peers.clone(),
        audit: config.audit(&metrics)?,
        metrics,
        started: Instant::now(),
        name: config
            .sources
            .pod_name
            .clone()
            .unwrap_or_else(|| NAMELESS.to_owned()),
        stopping,
        cut: CancellationToken::new(),
    });
    tokio::spawn(czars::watch(proxy.czars.clone()));
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}", config.listen))?;
    let peers = TcpListener::bind(config.peer_listen)
        .await
        .with_context(|| format!("cannot listen on {}", config.peer_listen))?;
    tracing::info!(peers = %peers.local_addr()?, "listening for other proxies");
    tokio::spawn(crate::peers::serve(peers, proxy.clone()));
    let admin = AdminPort::open(config.shell.admin_listen, proxy.clone()).await?;
    tracing::info!(listen = %listener.local_addr()?, admin = %admin.address(), "proxy up");
    let grace = Duration::from_secs(config.grace_seconds);
    serve(listener, proxy.clone(), grace).await;
    if let Some(audit) = &proxy.audit {
        audit.flush(LAST_LINES);
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
