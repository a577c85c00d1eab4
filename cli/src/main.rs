//! `kubectl orrery`: what an archive's operators and loaders of data want to see, as a kubectl
//! plugin.
//!
//! [`watch`] follows an ingest to its end, [`rejects`] lists rows that were refused, [`revoke`]
//! takes rows back, [`status`] shows an archive on one screen; what they print is made by pure
//! functions ([`progress`], [`summary`], [`table`]). [`create`] declares a table as the header of a
//! file has it, [`import`] what another archive left. [`user`] makes users, [`mysql`] lets one ask,
//! [`worker`] empties one, and replaces a lost volume. [`rebalance`] shows what is to move between
//! workers, and approves or stops it.
//! [`deleted`] lists tables that were deleted and brings one back. [`chunks`] says who holds what,
//! [`report`] collects what support needs, [`rebuild`] has a lost catalog made again.

mod archive;
mod catalog;
mod certificates;
mod chunks;
mod create;
mod deleted;
mod import;
mod mysql;
mod output;
mod progress;
mod rebalance;
mod rebuild;
mod rejects;
mod report;
mod revoke;
mod status;
mod summary;
mod table;
mod units;
mod user;
mod watch;
mod worker;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{Args, CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;
use orrery_archive::catalog::users::ServiceClass;
use orrery_crds::kinds::DesiredState;

use archive::{Archive, Cluster};

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
    /// Lists the chunks of a table with the workers that hold them.
    Chunks {
        /// The table, as `database.table`.
        table: String,
        /// One chunk, with its segments.
        chunk: Option<u32>,
    },
    /// Prints what support needs: objects, Events and logs of the archive, without secrets.
    Report,
    /// Follows ingests and lists what they rejected.
    #[command(subcommand)]
    Ingest(IngestCommand),
    /// Empties a worker of its chunks, uses it again, restarts it, or replaces its lost volume.
    #[command(subcommand)]
    Worker(WorkerCommand),
    /// Shows what is to move between a pool's workers, approves it, or stops it.
    Rebalance {
        #[command(subcommand)]
        command: Option<rebalance::Command>,
    },
    /// Has the catalog made again from what workers hold.
    #[command(subcommand)]
    Catalog(CatalogCommand),
    /// Makes tables from files, lists deleted ones and brings them back.
    #[command(subcommand)]
    Table(TableCommand),
    /// Prints the YAML of families, tables and ingests for what another archive left.
    #[command(subcommand)]
    Import(Box<import::Import>),
    /// Makes users and changes their passwords.
    #[command(subcommand)]
    User(UserCommand),
    /// Shows the certificates between the archive's parts, or replaces the authority that signs them.
    Certificates {
        #[command(subcommand)]
        command: Option<certificates::Command>,
    },
    /// Runs a MySQL client at the archive's proxy, through the cluster's API.
    Mysql {
        /// Who asks; this command must be allowed to read the user's Secret.
        #[arg(short, long, default_value = "admin")]
        user: String,
        /// Arguments of the client.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Prints the completion script of a shell, for the name `kubectl-orrery`.
    Completion {
        /// The shell.
        shell: Shell,
    },
}

#[derive(Subcommand)]
enum WorkerCommand {
    /// Has a worker's chunks copied to other workers; then it is Drained and can be taken away.
    /// `undrain` takes it back at any time.
    Drain(WorkerArguments),
    /// Uses a worker again that was or is being drained.
    Undrain(WorkerArguments),
    /// Restarts a worker's pod, as soon as every chunk has other copies that serve.
    Restart(WorkerArguments),
    /// Gives up the data directory of a worker that lost its volume: an empty one is used once the
    /// worker's chunks are elsewhere.
    Replace {
        /// Name of a Worker.
        name: String,
    },
}

#[derive(Args)]
struct WorkerArguments {
    /// Name of a Worker.
    name: String,
    /// Waits so many seconds until it is so (exit code 1 if it is not by then).
    #[arg(long, value_name = "SECONDS")]
    wait: Option<u64>,
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
    /// Takes the rows back, at one instant for every reader.
    Revoke {
        /// Name of an Ingest.
        name: String,
    },
    /// Brings revoked rows back.
    Restore {
        /// Name of an Ingest.
        name: String,
    },
}

#[derive(Subcommand)]
enum CatalogCommand {
    /// Shows what a catalog that was lost would be made of, and has it written with --yes. Exit code
    /// 1 when nothing was written and nothing can be approved.
    Rebuild(rebuild::Rebuild),
}

#[derive(Subcommand)]
enum TableCommand {
    /// Prints the YAML of a table and of an ingest into it, from the header of a file.
    Create(create::Create),
    /// Lists the tables that were deleted and whose rows are kept, with the time until when.
    Deleted,
    /// Brings a deleted table back with its rows, from what the catalog keeps of it. If you have
    /// its YAML, apply that instead.
    Restore {
        /// The table, as `database.table`.
        table: String,
    },
}

#[derive(Subcommand)]
enum UserCommand {
    /// Makes a user with a password, which is printed once.
    Create {
        /// Name to log in with.
        user: String,
        #[command(flatten)]
        rights: user::Rights,
        /// Class of service.
        #[arg(long, value_parser = class, default_value = "standard")]
        class: ServiceClass,
        #[command(flatten)]
        password: user::PasswordSource,
    },
    /// Gives a user another password, which is printed once.
    Passwd {
        /// Name to log in with.
        user: String,
        #[command(flatten)]
        password: user::PasswordSource,
    },
}

/// A class by its name in the API.
fn class(name: &str) -> Result<ServiceClass, String> {
    serde_json::from_value(serde_json::Value::from(name)).map_err(|error| error.to_string())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    orrery_shell::install_crypto();
    match run(Cli::parse()).await {
        Ok(code) => code,
        Err(error) if output::has_ended(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<ExitCode> {
    let cluster = &cli.cluster;
    match cli.command {
        Command::Status => status::show(&cluster.connect().await?).await?,
        Command::Chunks { table, chunk } => {
            chunks::show(&cluster.connect().await?, &table, chunk).await?;
        }
        Command::Report => report::print(&cluster.connect().await?).await?,
        Command::Ingest(command) => return run_ingest(&cluster.connect().await?, command).await,
        Command::Table(TableCommand::Create(create)) => create::print(create).await?,
        Command::Table(TableCommand::Deleted) => deleted::list(&cluster.connect().await?).await?,
        Command::Table(TableCommand::Restore { table }) => {
            deleted::restore(&cluster.connect().await?, &table).await?;
        }
        Command::Catalog(CatalogCommand::Rebuild(asked)) => {
            let done = rebuild::run(&cluster.connect().await?, asked).await?;
            return Ok(exit_code(done));
        }
        Command::Import(import) => import::print(*import).await?,
        Command::User(command) => run_user(&cluster.connect().await?, command).await?,
        Command::Worker(command) => return run_worker(&cluster.connect().await?, command).await,
        Command::Rebalance { command } => {
            rebalance::run(&cluster.connect().await?, command).await?;
        }
        Command::Certificates { command } => {
            certificates::run(&cluster.connect().await?, command).await?;
        }
        Command::Mysql { user, arguments } => {
            return mysql::run(cluster, &user, &arguments).await;
        }
        Command::Completion { shell } => {
            let name = "kubectl-orrery";
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), name, &mut script);
            output::write(format_args!("{}", String::from_utf8_lossy(&script)))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn run_worker(archive: &Archive, command: WorkerCommand) -> Result<ExitCode> {
    let (desired, WorkerArguments { name, wait }) = match command {
        WorkerCommand::Drain(arguments) => (DesiredState::Drained, arguments),
        WorkerCommand::Undrain(arguments) => (DesiredState::Online, arguments),
        WorkerCommand::Restart(WorkerArguments { name, wait }) => {
            let wait = wait.map(Duration::from_secs);
            let done = worker::restart(archive, &name, wait).await?;
            return Ok(exit_code(done));
        }
        WorkerCommand::Replace { name } => {
            worker::replace(archive, &name).await?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    let wait = wait.map(Duration::from_secs);
    let done = worker::desire(archive, &name, desired, wait).await?;
    Ok(exit_code(done))
}

fn exit_code(done: bool) -> ExitCode {
    if done {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

async fn run_ingest(archive: &Archive, command: IngestCommand) -> Result<ExitCode> {
    match command {
        IngestCommand::Rejects { name } => rejects::show(archive, &name).await?,
        IngestCommand::Revoke { name } => revoke::ask(archive, &name, true).await?,
        IngestCommand::Restore { name } => revoke::ask(archive, &name, false).await?,
        IngestCommand::Watch { names, timeout } => {
            let timeout = timeout.map(Duration::from_secs);
            if !watch::all(archive, &names, timeout).await? {
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn run_user(archive: &Archive, command: UserCommand) -> Result<()> {
    match command {
        UserCommand::Create {
            user,
            rights,
            class,
            password,
        } => user::create(archive, &user, rights, class, &password).await,
        UserCommand::Passwd { user, password } => user::passwd(archive, &user, &password).await,
    }
}
