//! `orrery-agent`: runs the worker agent.

use anyhow::Context;
use clap::{Parser, Subcommand};
use orrery_agent::{Agent, Config, server};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// Worker agent of Orrery.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serves the HTTPS API beside a mysqld.
    Serve(Box<Config>),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("a TLS provider is installed already"))?;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).init();
    let Command::Serve(config) = Arguments::parse().command;
    serve(*config).await
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let api = server::listen(config.listen).await?;
    let admin = server::listen(config.admin_listen).await?;
    let agent = Agent::open(config)?;
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate()).context("watch for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("watch for SIGINT")?;
    let signalled = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        signalled.cancel();
    });
    Ok(server::run(agent, api, admin, stop).await?)
}
