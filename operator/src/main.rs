//! The operator's process.

use std::process::ExitCode;

use clap::Parser;
use orrery_operator::config::Config;

fn main() -> ExitCode {
    let config = Config::parse();
    orrery_shell::run(&config.shell.log.clone(), |stop| {
        orrery_operator::run::run(config, stop)
    })
}
