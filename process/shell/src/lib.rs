//! What every program of Orrery does around its work: the same flags, logs, admin port, way to stop
//! and exit code.
//!
//! A program's `main` parses its flags, which contain [`ShellArgs`], and hands its work to [`run`]:
//!
//! ```no_run
//! # use std::process::ExitCode;
//! use clap::Parser;
//! use orrery_shell::ShellArgs;
//!
//! #[derive(Parser)]
//! struct Config {
//!     #[command(flatten)]
//!     shell: ShellArgs,
//! }
//!
//! fn main() -> ExitCode {
//!     let config = Config::parse();
//!     orrery_shell::run(&config.shell.log.clone(), |stop| async move {
//!         stop.cancelled().await;
//!         anyhow::Ok(())
//!     })
//! }
//! ```

pub mod admin;
mod args;
mod crypto;
mod logs;
mod os_user;
mod run;

pub use admin::{Admin, AdminError, AdminPort};
pub use args::{LogArgs, LogFormat, ShellArgs};
pub use crypto::install_crypto;
pub use os_user::os_user;
pub use run::run;
