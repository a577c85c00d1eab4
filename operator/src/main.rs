//! The operator's process.

use clap::Parser;
use orrery_operator::flags::Flags;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("another TLS provider was installed before"))?;
    orrery_operator::run::run(Flags::parse()).await
}
