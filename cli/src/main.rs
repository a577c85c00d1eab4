//! `kubectl orrery`: what an archive's operators and loaders of data want to see, as a kubectl
//! plugin.
//!
//! It only reads the cluster API. [`watch`] follows an ingest to its end, [`rejects`] lists rows
//! that were refused, [`status`] shows an archive on one screen. What they print is made by pure
//! functions ([`progress`], [`summary`], [`table`]).

mod archive;
mod progress;
mod rejects;
mod status;
mod summary;
mod table;
mod units;
mod watch;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, Subcommand};

use archive::Cluster;

/// Looks after an Orrery archive.
#[derive(Parser)]
#[command(name = "kubectl-orrery", bin_name = "kubectl orrery", version)]
struct Cli {
    #[command(flatten)]
    cluster: Cluster,
    #[command(subcommand)]
    command: Command,
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
    /// Shows the progress of ingests, one after the other, until each is visible or has failed
    /// (exit code 1).
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

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    orrery_shell::install_crypto();
    match run(Cli::parse()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<ExitCode> {
    let archive = cli.cluster.connect().await?;
    match cli.command {
        Command::Status => status::show(&archive).await?,
        Command::Ingest(IngestCommand::Rejects { name }) => rejects::show(&archive, &name).await?,
        Command::Ingest(IngestCommand::Watch { names, timeout }) => {
            let timeout = timeout.map(Duration::from_secs);
            if !watch::all(&archive, &names, timeout).await? {
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
