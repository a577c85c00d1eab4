//! Where the time of small ingests goes: printed, as the machine decides how much it is.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use orrery_e2e::own::Own;

/// Prints the time from the Ingest to the moment when every reader has its rows, and its phases.
async fn timed(own: &Own, name: &str, content: &str) -> Result<()> {
    own.file(name, content).await?;
    let began = Instant::now();
    own.declare(name, "Object", 0, false).await?;
    let status = own.ended(name, Duration::from_secs(120)).await?;
    let took = began.elapsed();
    ensure!(status["phase"] == "Visible", "{status}");
    let phases = &status["phaseSeconds"];
    println!("{name}: {:.1} s, phases {phases}", took.as_secs_f64());
    Ok(())
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn small_ingests_become_visible_and_say_where_the_time_went() -> Result<()> {
    let own = Own::new("quick").await?;
    own.director().await?;
    let near = |id: u64| {
        let step = f64::from(u32::try_from(id % 1_000).unwrap_or_default()) * 1e-5;
        format!("{id},{:.5},{:.5},1\n", 150.5 + step, 2.5 + step)
    };
    // The first one makes the index's tables and finds caches cold: it is not timed.
    let first: String = (0..1_000).map(near).collect();
    own.ingest("first", "Object", 0, &first).await?;
    let second: String = (1_000..2_000).map(near).collect();
    timed(&own, "near", &second).await?;
    // Over some 130 chunks, which are 2.1 degrees wide and high: a small ingest, not one of the whole sky.
    let far = |id: u64| {
        let place = f64::from(u32::try_from(id - 10_000).unwrap_or_default());
        let (ra, decl) = (
            (place * 0.618_034) % 1.0 * 22.0 + 140.0,
            place * 0.005 - 12.0,
        );
        format!("{id},{ra:.5},{decl:.5},1\n")
    };
    let all: String = (10_000..15_000).map(far).collect();
    timed(&own, "far", &all).await?;
    own.remove().await
}
