//! Rows from a bucket, at a real S3 server in the cluster.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use orrery_e2e::bucket::Bucket;
use orrery_e2e::own::{Own, message, objects};
use orrery_e2e::{rows, session};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_e2e-bucket");

async fn ingest(own: &Own, name: &str, source: Value) -> Result<Value> {
    let spec = json!({
        "target": { "database": own.database(), "table": "Object" },
        "sources": [source],
    });
    own.archive.apply("Ingest", &own.object(name), spec).await?;
    own.ended(name, Duration::from_secs(180)).await
}

/// The objects that fit a pattern become visible, and no others; a pattern that none fits ends its
/// ingest and is named.
#[tokio::test]
#[ignore = "needs the demo"]
async fn the_objects_that_fit_a_pattern_become_visible() -> Result<()> {
    let own = Own::new("bucket").await?;
    own.director().await?;
    let bucket = Bucket::open(&own.archive, Path::new(PROGRAM)).await?;
    bucket
        .put("dr3/a-1.csv", objects(0, 1000).as_bytes())
        .await?;
    bucket
        .put("dr3/a-2.csv", objects(1000, 2500).as_bytes())
        .await?;
    bucket.put("dr3/b-1.csv", b"no rows\n").await?;
    bucket.put("dr3/deep/a-3.csv", b"no rows\n").await?;
    let source = bucket.source("dr3/a-*.csv", Bucket::secret());
    let status = ingest(&own, "pattern", source).await?;
    ensure!(status["phase"] == "Visible", "{status}");
    let sql = format!("SELECT COUNT(*), SUM(v) FROM {}.Object", own.database());
    let answer: Vec<(u64, u64)> = rows(&mut session().await?, &sql).await?;
    ensure!(answer == [(2500, 2500 * 2499 / 2)], "{answer:?}");
    let source = bucket.source("dr3/c-*.csv", Bucket::secret());
    let status = ingest(&own, "none", source).await?;
    ensure!(status["phase"] == "Failed", "{status}");
    ensure!(message(&status).contains("dr3/c-*.csv"), "{status}");
    bucket.remove().await?;
    own.remove().await
}
