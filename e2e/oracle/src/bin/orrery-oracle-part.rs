//! A czar or a proxy as a process of its own, for tests that look at processes from outside:
//! `orrery-oracle-part czar|proxy FLAGS…`. What runs is what runs in the programs `orrery-czar` and
//! `orrery-proxy`.

use std::process::ExitCode;

use clap::Parser;
use orrery_czar::config::Config as Czar;
use orrery_proxy::config::Config as Proxy;

#[derive(Parser)]
enum Part {
    /// A czar.
    Czar(Box<Czar>),
    /// A proxy.
    Proxy(Box<Proxy>),
}

fn main() -> ExitCode {
    match Part::parse() {
        Part::Czar(config) => orrery_shell::run(&config.shell.log.clone(), |stop| {
            orrery_czar::run::run(*config, stop)
        }),
        Part::Proxy(config) => orrery_shell::run(&config.shell.log.clone(), |stop| {
            orrery_proxy::run::run(*config, stop)
        }),
    }
}
