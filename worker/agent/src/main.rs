//! The agent's process.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use orrery_agent::{Config, run};

/// Worker agent of Orrery.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serves the HTTPS API of a mysqld's worker.
    Serve(Box<Config>),
}

fn main() -> ExitCode {
    let Command::Serve(config) = Arguments::parse().command;
    orrery_shell::run(&config.shell.log.clone(), |stop| run::run(*config, stop))
}
