//! The czar's process.

use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;
use orrery_czar::config::Config;

/// A statement costs thousands of small allocations: with the C library's allocator they were an
/// eighth of the CPU (`make bench`, row by key).
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let config = Config::parse();
    orrery_shell::run(&config.shell.log.clone(), |stop| {
        orrery_czar::run::run(config, stop)
    })
}
