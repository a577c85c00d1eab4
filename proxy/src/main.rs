//! The proxy's process.

use std::process::ExitCode;

use clap::Parser as _;
use mimalloc::MiMalloc;
use orrery_proxy::config::Config;

/// A statement costs thousands of small allocations: with the C library's allocator they were an
/// eighth of the CPU (`make bench`, row by key).
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let config = Config::parse();
    orrery_shell::run(&config.shell.log.clone(), |stop| {
        orrery_proxy::run::run(config, stop)
    })
}
