//! `orrery-loader`: see the library.

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Parser, Subcommand};
use orrery_loader::config::Config;
use orrery_loader::job::Loader;
use orrery_loader::source::HttpSources;
use orrery_loader::survey::Tools;
use orrery_loader::{admin, server, supervise};
use orrery_tls::Files;
use orrery_worker_api::client::{Agents, Timeouts};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How long agents are waited for.
const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(5),
    call: Duration::from_secs(30),
};

/// Loads the rows of one Ingest.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Keeps `serve` running; the pod's first process.
    Supervise {
        /// Options of `serve`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<OsString>,
    },
    /// Serves the operator.
    Serve(Config),
}

fn main() -> anyhow::Result<ExitCode> {
    // Fails only when a provider is there already, and then there is one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into()),
        )
        .init();
    match Cli::parse().command {
        Command::Supervise { options } => {
            let program = std::env::current_exe().context("own program")?.into_os_string();
            let arguments = std::iter::once("serve".into()).chain(options).collect();
            let runtime = Builder::new_current_thread().enable_all().build()?;
            runtime
                .block_on(supervise::run(program, arguments))
                .context("supervise")
        }
        Command::Serve(config) => {
            let runtime = Runtime::new()?;
            let served = runtime.block_on(serve(config));
            // Threads that read a silent source would keep the process for a minute.
            runtime.shutdown_timeout(Duration::from_secs(2));
            served.map(|()| ExitCode::SUCCESS)
        }
    }
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let identity = Files::read(&config.tls_dir)?.identity()?;
    let limits = config.limits();
    let tools = Tools {
        http: HttpSources::new(Handle::current()).context("HTTP client")?,
        agents: Agents::new(&identity, TIMEOUTS)?,
        sources: config.sources.clone(),
        limits,
    };
    let loader = Loader::open(tools, &config.spool)?;
    let listener = TcpListener::bind(config.listen).await.context("API address")?;
    let admin_listener = TcpListener::bind(config.admin).await.context("admin address")?;
    tracing::info!(address = %listener.local_addr()?, "serving");
    let stop = CancellationToken::new();
    let admin = axum::serve(admin_listener, admin::router(loader.clone()));
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        () = server::serve(listener, identity.server()?, loader.clone(), stop.clone()) => {}
        ended = admin => ended.context("admin port")?,
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    stop.cancel();
    loader.stop().await;
    Ok(())
}
