//! Ingests whose loader, node or mysqld dies on the way: every replica holds the rows of the
//! source, once.
//!
//! The files are the demo's own, so that each chunk table can be compared with the one the demo's
//! sky has on the same worker: tables of one family lie together.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use kube::api::ListParams;
use orrery_e2e::lab::Lab;
use orrery_e2e::pods::{node_of, on_worker};
use orrery_e2e::{Archive, eventually, rows, session};
use serde_json::json;
use tokio::sync::Mutex;

/// One interruption at a time.
static ALONE: Mutex<()> = Mutex::const_new(());

/// The demo's Object once more, as `<database>.Object`.
struct Again {
    archive: Archive,
    name: &'static str,
    database: String,
}

impl Again {
    async fn declare(name: &'static str) -> Result<Self> {
        let archive = Archive::demo().await?;
        let again = Self {
            archive,
            name,
            database: format!("e2e_{name}"),
        };
        again.remove().await?;
        let table = again.archive.kind("ChunkedTable").get("sky-object").await?;
        let mut spec = table.data["spec"].clone();
        spec["database"] = json!(again.database);
        spec["deletionPolicy"] = json!("Delete");
        spec["deletionGraceSeconds"] = json!(0);
        again.archive.apply("ChunkedTable", name, spec).await?;
        Ok(again)
    }

    /// Starts to ingest the demo's files.
    async fn ingest(&self) -> Result<()> {
        let demo = self.archive.kind("Ingest").get("sky-object").await?;
        let mut spec = demo.data["spec"].clone();
        spec["target"] = json!({ "database": self.database, "table": "Object" });
        self.archive.apply("Ingest", self.name, spec).await?;
        Ok(())
    }

    async fn phase(&self) -> Result<String> {
        let ingest = self.archive.kind("Ingest").get(self.name).await?;
        Ok(ingest.data["status"]["phase"]
            .as_str()
            .unwrap_or_default()
            .to_owned())
    }

    async fn loader(&self) -> Result<Option<Pod>> {
        let of_job = ListParams::default().labels(&format!("orrery.dev/ingest={}", self.name));
        let pods = self.archive.pods().list(&of_job).await?.items;
        Ok(pods.into_iter().find(|pod| {
            let phase = pod
                .status
                .as_ref()
                .and_then(|status| status.phase.as_deref());
            phase == Some("Running")
                && pod.metadata.deletion_timestamp.is_none()
                && pod.name_any().contains(self.name)
        }))
    }

    /// The rows are there once, and on every replica: each chunk table equals the demo's on the
    /// same worker.
    async fn holds_the_demos_rows(&self) -> Result<()> {
        let mut session = session().await?;
        let sums = |database: &str| {
            format!(
                "SELECT COUNT(*), COUNT(DISTINCT objectId), SUM(objectId) FROM {database}.Object WHERE objectId IS NOT NULL"
            )
        };
        let expected: Vec<(u64, u64, String)> = rows(&mut session, &sums("sky")).await?;
        let found: Vec<(u64, u64, String)> = rows(&mut session, &sums(&self.database)).await?;
        assert_eq!(found, expected);
        let (demo, own) = (
            self.archive.physical_database("sky-object").await?,
            self.archive.physical_database(self.name).await?,
        );
        let mut tables = 0;
        for worker in self.archive.ready_pods("worker").await? {
            let worker = worker.name_any();
            let expected = checksums(&worker, &demo).await?;
            let found = checksums(&worker, &own).await?;
            assert_eq!(found, expected, "{worker}");
            tables += found.len();
        }
        assert!(tables > 0, "no worker holds a table");
        Ok(())
    }

    async fn remove(&self) -> Result<()> {
        self.archive.delete("Ingest", self.name).await?;
        self.archive.delete("ChunkedTable", self.name).await
    }
}

/// Checksums of the chunk tables of `Object` in a worker's database, by the name without the number
/// of the attempt.
async fn checksums(worker: &str, database: &str) -> Result<BTreeMap<String, String>> {
    let listed = on_worker(
        worker,
        &format!(
            "SELECT CONCAT('`', TABLE_SCHEMA, '`.`', TABLE_NAME, '`') FROM information_schema.TABLES \
             WHERE TABLE_SCHEMA = '{database}' AND TABLE_NAME LIKE 'Object%'"
        ),
    )
    .await?;
    let tables: Vec<&str> = listed.lines().collect();
    ensure!(!tables.is_empty(), "{worker} holds nothing of {database}");
    let sums = on_worker(worker, &format!("CHECKSUM TABLE {}", tables.join(", "))).await?;
    let mut by_chunk = BTreeMap::new();
    for line in sums.lines() {
        let (table, sum) = line.split_once('\t').context("CHECKSUM TABLE")?;
        let name = table.split_once('.').context("no database")?.1;
        let chunk = name.rsplit_once("__").context("no attempt")?.0;
        let before = by_chunk.insert(chunk.to_owned(), sum.to_owned());
        ensure!(before.is_none(), "{worker} holds {database}.{chunk} twice");
    }
    Ok(by_chunk)
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn a_loader_killed_ten_times_and_its_node_cut_leave_every_row_once() -> Result<()> {
    let Some(lab) = Lab::here() else {
        return Ok(());
    };
    let _alone = ALONE.lock().await;
    let again = Again::declare("killed").await?;
    again.ingest().await?;
    let mut killed = 0;
    // Moments that differ from kill to kill, the same in every run.
    let pauses =
        [1500, 300, 2200, 700, 3100, 100, 1900, 2600, 500, 1200].map(Duration::from_millis);
    for pause in pauses {
        let pod = eventually("the loader", async || again.loader().await).await?;
        tokio::time::sleep(pause).await;
        killed += lab
            .signal(&pod.name_any(), "orrery-loader serve", "KILL")
            .await?;
    }
    assert_eq!(
        killed,
        10,
        "the ingest ended before all kills: {}",
        again.phase().await?
    );
    let pod = eventually("the loader", async || again.loader().await).await?;
    let node = node_of(&pod)?;
    lab.run(&["node", "cut", &node]).await?;
    tokio::time::sleep(Duration::from_secs(15)).await;
    lab.run(&["node", "heal", &node]).await?;
    let status = again.archive.ended(again.name).await?;
    assert_eq!(status["phase"], "Visible", "{status}");
    again.archive.await_ready("worker", 4).await?;
    again.holds_the_demos_rows().await?;
    again.remove().await
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn a_worker_whose_mysqld_dies_in_an_ingest_is_given_its_rows_by_another() -> Result<()> {
    let Some(lab) = Lab::here() else {
        return Ok(());
    };
    let _alone = ALONE.lock().await;
    let again = Again::declare("crashed").await?;
    again.ingest().await?;
    eventually("the loader", async || again.loader().await).await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let workers = again.archive.ready_pods("worker").await?;
    let victim = workers.last().context("no worker")?;
    let killed = lab.signal(&victim.name_any(), "mariadbd", "KILL").await?;
    assert_eq!(killed, 1);
    let status = again.archive.ended(again.name).await?;
    assert_eq!(status["phase"], "Visible", "{status}");
    again.archive.await_ready("worker", workers.len()).await?;
    again
        .archive
        .status_when("ChunkFamily", "sky", |status| {
            status["chunks"]["underReplicated"] == 0
        })
        .await?;
    again.holds_the_demos_rows().await?;
    again.remove().await
}
