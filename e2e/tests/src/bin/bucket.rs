//! `e2e-bucket PORT FOLDER KEY SECRET`: the buckets of a folder, over S3.

use std::path::Path;

use anyhow::{Result, bail};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [port, folder, key, secret] = arguments.as_slice() else {
        bail!("e2e-bucket PORT FOLDER KEY SECRET");
    };
    let listener = TcpListener::bind(("0.0.0.0", port.parse()?)).await?;
    orrery_kit_bucket::serve(listener, Path::new(folder), key, secret).await?;
    Ok(())
}
