//! The proxy's process.

use std::process::ExitCode;

use clap::Parser as _;
use orrery_proxy::config::Config;

fn main() -> ExitCode {
    let config = Config::parse();
    orrery_shell::run(&config.shell.log.clone(), |stop| {
        orrery_proxy::run::run(config, stop)
    })
}
