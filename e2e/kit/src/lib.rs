//! What tests of many crates, benches and `make dev` need: a real mysqld, and ports.

mod fixture;
mod mysqld;
pub mod port;
mod template;

pub use mysqld::{Mysqld, Options};

/// Whose processes ours are: mariadbd refuses to run as root unless it is named.
fn user() -> String {
    std::env::var("USER").unwrap_or_else(|_| "root".to_owned())
}
