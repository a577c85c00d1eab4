//! A czar or a proxy as a process of its own, for tests that look at processes from outside: `orrery-oracle-part czar|proxy FLAGS…`.
//! What runs is what runs in the programs `orrery-czar` and `orrery-proxy`.

use anyhow::{Context, bail};
use clap::Parser;
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1).peekable();
    let role = arguments.peek().cloned().context("czar or proxy?")?;
    match role.as_str() {
        "czar" => orrery_czar::run::run(orrery_czar::config::Config::parse_from(arguments)).await,
        "proxy" => {
            let args = orrery_proxy::config::Args::parse_from(arguments);
            orrery_proxy::run::run(args, CancellationToken::new()).await
        }
        other => bail!("'{other}' is neither czar nor proxy"),
    }
}
