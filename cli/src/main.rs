//! `kubectl orrery`: what an archive's operators and loaders of data want to see, as a kubectl plugin.
//!
//! It only reads the cluster API. [`watch`] follows an ingest to its end, [`rejects`] lists rows that were refused, [`status`] shows an
//! archive on one screen. What they print is made by pure functions ([`progress`], [`summary`], [`table`]).

mod progress;
mod rejects;
mod status;
mod summary;
mod table;
mod units;
mod watch;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand};
use kube::config::KubeConfigOptions;
use kube::{Client, Config};

/// Looks after an Orrery archive.
#[derive(Parser)]
#[command(name = "kubectl-orrery", bin_name = "kubectl orrery", version)]
struct Cli {
    #[command(flatten)]
    cluster: Cluster,
    #[command(subcommand)]
    command: Command,
}

/// Which archive of which cluster.
#[derive(Args)]
struct Cluster {
    /// Namespace of the archive; the context's when absent.
    #[arg(short, long, global = true)]
    namespace: Option<String>,
    /// Context of the kubeconfig; its current one when absent.
    #[arg(long, global = true)]
    context: Option<String>,
}

#[derive(Subcommand)]
enum Command {
    /// Pools, workers, families, tables and ingests on one screen.
    Status,
    /// Follows ingests and lists what they rejected.
    #[command(subcommand)]
    Ingest(IngestCommand),
}

#[derive(Subcommand)]
enum IngestCommand {
    /// Shows the progress of ingests, one after the other, until each is visible or has failed (exit code 1).
    Watch {
        /// Names of Ingests.
        #[arg(required = true)]
        names: Vec<String>,
        /// Seconds after which to give up, with exit code 1; never when absent.
        #[arg(long)]
        timeout: Option<u64>,
    },
    /// Lists the first rejected rows: file, record, column and reason.
    Rejects {
        /// Name of an Ingest.
        name: String,
    },
}

/// A client and the namespace it is to look at.
struct Archive {
    client: Client,
    namespace: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    if rustls::crypto::ring::default_provider()
        .install_default()
        .is_err()
    {
        eprintln!("error: another TLS provider is installed");
        return ExitCode::FAILURE;
    }
    match run(Cli::parse()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<ExitCode> {
    let archive = connect(cli.cluster).await?;
    match cli.command {
        Command::Status => status::show(&archive).await?,
        Command::Ingest(IngestCommand::Rejects { name }) => rejects::show(&archive, &name).await?,
        Command::Ingest(IngestCommand::Watch { names, timeout }) => {
            let patience = timeout.map(Duration::from_secs);
            if !watch::all(&archive, &names, patience).await? {
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn connect(cluster: Cluster) -> Result<Archive> {
    let options = KubeConfigOptions {
        context: cluster.context,
        ..KubeConfigOptions::default()
    };
    let config = if options.context.is_some() {
        Config::from_kubeconfig(&options)
            .await
            .context("reading the kubeconfig")?
    } else {
        Config::infer().await.context("finding the cluster")?
    };
    let namespace = cluster
        .namespace
        .unwrap_or_else(|| config.default_namespace.clone());
    let client = Client::try_from(config).context("preparing the connection to the cluster")?;
    Ok(Archive { client, namespace })
}
