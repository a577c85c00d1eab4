//! Many small ingests into one table: what is accepted is there, and what is too much is refused.

use std::time::Duration;

use anyhow::{Result, ensure};
use orrery_e2e::own::{Own, message};
use orrery_e2e::{condition, rows, session};
use serde_json::json;

/// Ingests, one after the other.
const INGESTS: u64 = 70;
/// Segments that a chunk of a table may have (docs/design/ingest.md#number-of-segments).
const MOST: u64 = 64;
/// Limit of all of them together.
const TIMEOUT: Duration = Duration::from_secs(3600);

/// 70 small ingests in a row: the rows of every one that is visible are there once, and every other
/// one names the cause.
#[tokio::test]
#[ignore = "needs the demo"]
async fn seventy_small_ingests_are_all_there_or_refused_with_the_cause() -> Result<()> {
    let scheme = json!({ "kind": "sphere", "stripes": 18, "subStripes": 10, "overlap": 0.01 });
    let own = Own::with_family("seventy", json!({ "scheme": scheme })).await?;
    own.director().await?;
    let name = |number: u64| format!("i{number:02}");
    // Three rows each, all in one chunk.
    for number in 0..INGESTS {
        let row = |row: u64| format!("{},10.5,20.5,{}\n", number * 10 + row, number + 1);
        let content: String = (0..3).map(row).collect();
        own.file(&name(number), &content).await?;
        own.declare(&name(number), "Object", 0, false).await?;
    }
    let (mut visible, mut sum) = (0, 0);
    for number in 0..INGESTS {
        let status = own.ended(&name(number), TIMEOUT).await?;
        if status["phase"] == "Visible" {
            visible += 1;
            sum += 3 * (number + 1);
            continue;
        }
        let why = message(&status);
        for part in [
            format!("{}.Object", own.database()),
            format!("{MOST} segments in chunk"),
            "one Ingest".into(),
        ] {
            ensure!(why.contains(&part), "{}: {why}", name(number));
        }
    }
    assert_eq!(visible, MOST);
    let sql = format!(
        "SELECT COUNT(id), COUNT(DISTINCT id), CAST(SUM(v) AS UNSIGNED) FROM {}.Object",
        own.database()
    );
    let found: Vec<(u64, u64, u64)> = rows(&mut session().await?, &sql).await?;
    assert_eq!(found, [(3 * MOST, 3 * MOST, sum)]);
    let table = own
        .archive
        .status_when("ChunkedTable", &own.object("object"), |status| {
            condition(status, "ManySegments").is_some_and(|many| many["status"] == "True")
        })
        .await?;
    let many = condition(&table, "ManySegments").map(|many| many["message"].to_string());
    assert!(
        many.is_some_and(|message| message.contains("64 segments in chunk")),
        "{table}"
    );
    own.remove().await
}
