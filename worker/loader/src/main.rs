//! `orrery-loader`: see the library.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::{Parser, Subcommand};
use orrery_loader::config::Config;
use orrery_loader::job::Loader;
use orrery_loader::peers::Peers;
use orrery_loader::source::{HttpSources, Mounts};
use orrery_loader::survey::Tools;
use orrery_loader::{server, supervise};
use orrery_shell::AdminPort;
use orrery_tls::{Identity, Reloaded};
use orrery_worker_api::client::Timeouts;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

/// How long agents are waited for.
const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(5),
    call: Duration::from_secs(30),
};
const SUPERVISE: &str = "supervise";
const SERVE: &str = "serve";

/// Loads the rows of one Ingest.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Keeps `serve` running, with the same flags; the pod's first process.
    #[command(name = SUPERVISE)]
    Supervise(Box<Config>),
    /// Serves the operator.
    #[command(name = SERVE)]
    Serve(Box<Config>),
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Supervise(config) => orrery_shell::run(&config.shell.log, supervise),
        Command::Serve(config) => {
            orrery_shell::run(&config.shell.log.clone(), |stop| serve(*config, stop))
        }
    }
}

/// Runs this very program with the same flags, as `serve`.
async fn supervise(stop: CancellationToken) -> anyhow::Result<ExitCode> {
    let program = std::env::current_exe()
        .context("own program")?
        .into_os_string();
    let flags = std::env::args_os()
        .skip_while(|word| word != SUPERVISE)
        .skip(1);
    let arguments = std::iter::once(SERVE.into()).chain(flags).collect();
    supervise::run(program, arguments, stop)
        .await
        .context(SUPERVISE)
}

async fn serve(config: Config, stop: CancellationToken) -> anyhow::Result<()> {
    let own = Reloaded::role(&config.tls_dir, Identity::server)?;
    let limits = config.limits();
    let tools = Tools {
        http: HttpSources::new(Handle::current()).context("HTTP client")?,
        agents: Peers::of_folder(&config.tls_dir, TIMEOUTS)?,
        mounts: Mounts {
            claims: config.sources.clone(),
            secrets: config.secrets.clone(),
        },
        limits,
    };
    let loader = Loader::open(tools, &config.spool)?;
    let listener = TcpListener::bind(config.listen)
        .await
        .context("API address")?;
    let admin = AdminPort::open(config.shell.admin_listen, Arc::new(loader.clone())).await?;
    tracing::info!(listen = %listener.local_addr()?, admin = %admin.address(), "loader up");
    server::serve(listener, move || own.current(), loader.clone(), stop).await;
    loader.stop().await;
    Ok(())
}
