//! The czar's process.

use std::process::ExitCode;

use clap::Parser;
use orrery_czar::config::Config;

fn main() -> ExitCode {
    let config = Config::parse();
    orrery_shell::run(&config.shell.log.clone(), |stop| {
        orrery_czar::run::run(config, stop)
    })
}
