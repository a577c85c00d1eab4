//! Puts the czar together and runs it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use orrery_archive::names::{CZAR_ACCOUNT, READER_ACCOUNT};
use orrery_shell::AdminPort;
use orrery_snapshot::Hub;
use orrery_snapshot::lease::InUse;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::catalogs::{AgentAccess, Catalogs};
use crate::config::Config;
use crate::dispatch::{WorkerOptions, Workers};
use crate::engine::{Engine, EngineOptions};
use crate::gathers::{GatherLimits, GatherSpace};
use crate::inside::{self, Inside, Password};
use crate::lookup::Lookups;
use crate::metrics::Metrics;
use crate::server::{self, Entry, Registry, Shared};
use crate::shadow::{ShadowOptions, ShadowServer};
use crate::spool::SpoolSpace;

/// Time to connect to a worker.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Runs a czar until `stop`: then it takes no new statement and lets running ones end.
pub async fn run(config: Config, stop: CancellationToken) -> anyhow::Result<()> {
    std::fs::create_dir_all(&config.spool)
        .with_context(|| format!("spool folder {}", config.spool.display()))?;
    let reader_password = Password::open(&config.passwords.join(READER_ACCOUNT))?;
    let proxy_password = Password::open(&config.passwords.join(CZAR_ACCOUNT))?;
    let inside = config.tls_dir.as_deref().map(Inside::open).transpose()?;
    let (hub, in_use) = (Hub::new(), InUse::default());
    let catalogs = Catalogs::new(hub.clone(), in_use.clone(), agent_access(&config)?);
    let tls = config.tls_dir.as_deref();
    config.sources.follow("czar", tls, &hub, in_use).await?;
    let shadow = Arc::new(ShadowServer::new(shadow_options(&config)?));
    let workers = Workers::new(WorkerOptions {
        user: READER_ACCOUNT.to_owned(),
        password: reader_password,
        tls: inside.clone(),
        connections: config.worker_connections,
        scans: config.worker_scans,
        connect_timeout: CONNECT_TIMEOUT,
    });
    tokio::spawn(catalogs.clone().follow(shadow.clone(), workers.clone()));
    let engine = Engine {
        catalogs,
        shadow,
        workers,
        lookups: Lookups::new(config.remembered_keys),
        spool: spool_space(&config),
        gathers: gather_space(&config),
        options: EngineOptions {
            interactive_per_worker: config.interactive_per_worker,
            scan_per_worker: config.scan_per_worker,
            retry_for: Duration::from_secs(config.retry_seconds),
        },
    };
    let shared = Arc::new(Shared {
        engine,
        registry: Registry::default(),
        metrics: Metrics::new()?,
        stopping: stop,
        cut: CancellationToken::new(),
    });
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("listen on {}", config.listen))?;
    let admin = AdminPort::open(config.shell.admin_listen, shared.clone()).await?;
    tracing::info!(listen = %config.listen, admin = %admin.address(), "czar up");
    let grace = Duration::from_secs(config.grace_seconds);
    let entry = Entry {
        password: proxy_password,
        tls: inside,
    };
    server::serve(listener, shared, entry, grace).await;
    Ok(())
}

fn spool_space(config: &Config) -> Arc<SpoolSpace> {
    let folder = config.spool.clone();
    Arc::new(SpoolSpace::new(
        folder,
        config.spool_memory,
        config.spool_disk,
    ))
}

fn gather_space(config: &Config) -> Arc<GatherSpace> {
    GatherSpace::new(GatherLimits {
        statement: config.gather_bytes,
        user: config.gather_user_bytes,
        total: config.gather_total_bytes,
    })
}

fn agent_access(config: &Config) -> anyhow::Result<Option<AgentAccess>> {
    let (Some(folder), Some(keys)) = (&config.tls_dir, &config.public_keys) else {
        return Ok(None);
    };
    let access = AgentAccess {
        tls: folder.clone(),
        keys: keys.clone(),
    };
    // What cannot be used is reported at the start, not when an agent must be asked.
    access.client()?;
    access.trusted()?;
    Ok(Some(access))
}

fn shadow_options(config: &Config) -> anyhow::Result<ShadowOptions> {
    let password = config
        .shadow_password_file
        .as_deref()
        .map(inside::read)
        .transpose()?;
    Ok(ShadowOptions {
        socket: config.shadow_socket.clone(),
        user: config.shadow_user.clone(),
        password: password.unwrap_or_default(),
        connections_per_user: config.shadow_connections,
        merge_connections: config.merges,
        gather_connections: config.gathers,
        max_statement_time: Duration::from_secs(config.shadow_seconds),
        merge_memory: config.merge_memory,
    })
}
