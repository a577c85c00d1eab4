//! Ingests that cannot continue say why, hold no other, and leave nothing.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::ListParams;
use kube::{Api, ResourceExt as _};
use orrery_e2e::files::CLAIM;
use orrery_e2e::own::{Own, message, objects};
use orrery_e2e::pods::on_worker;
use orrery_e2e::{NAMESPACE, eventually, eventually_within};
use serde_json::json;

/// An ingest whose claim is not there names it, and the next of its director starts after a minute.
#[tokio::test]
#[ignore = "needs the demo"]
async fn an_ingest_without_its_claim_names_it_and_holds_no_other() -> Result<()> {
    let own = Own::new("no_claim").await?;
    own.director().await?;
    let spec = json!({
        "target": { "database": own.database(), "table": "Object" },
        "sources": [{ "claim": "e2e-not-there", "path": "a.csv" }],
    });
    let stuck = own.object("stuck");
    own.archive.apply("Ingest", &stuck, spec).await?;
    let named = |status: &serde_json::Value| message(status).contains("e2e-not-there");
    own.archive.status_when("Ingest", &stuck, named).await?;
    own.file("next", &objects(0, 10)).await?;
    own.declare("next", "Object", 0, false).await?;
    let status = own.ended("next", Duration::from_secs(180)).await?;
    ensure!(status["phase"] == "Visible", "{status}");
    own.archive.delete("Ingest", &stuck).await?;
    own.remove().await
}

/// The spool outgrows what its pod may have on the node's disk: the pod is put out, and the ingest
/// fails with that; the next of its director starts.
#[tokio::test]
#[ignore = "needs the demo"]
async fn an_ingest_whose_spool_is_full_says_so_and_fills_no_other_node() -> Result<()> {
    let own = Own::new("full_spool").await?;
    own.director().await?;
    own.file("large", &objects(0, 600_000)).await?;
    let small = json!({
        "requests": { "cpu": "10m", "memory": "32Mi" },
        "limits": { "memory": "512Mi", "ephemeral-storage": "4Mi" },
    });
    let spec = json!({
        "target": { "database": own.database(), "table": "Object" },
        "sources": [{ "claim": CLAIM, "path": format!("{}.csv", own.object("large")) }],
        "loader": { "resources": small },
    });
    own.archive
        .apply("Ingest", &own.object("large"), spec)
        .await?;
    own.file("next", &objects(0, 10)).await?;
    own.declare("next", "Object", 0, false).await?;
    let status = own.ended("large", Duration::from_secs(180)).await?;
    ensure!(status["phase"] == "Failed", "{status}");
    ensure!(message(&status).contains("DiskFull"), "{status}");
    ensure!(
        message(&status).contains("spec.loader.spool.size"),
        "{status}"
    );
    eventually("the loader's pods to be gone", || async {
        let name = own.object("large");
        let own_pods = ListParams::default().labels(&format!("orrery.dev/ingest={name}"));
        let pods = own.archive.pods().list(&own_pods).await?;
        Ok(pods.items.is_empty().then_some(()))
    })
    .await?;
    let status = own.ended("next", Duration::from_secs(180)).await?;
    ensure!(status["phase"] == "Visible", "{status}");
    own.remove().await
}

/// What it rejected is there when its pod is gone.
#[tokio::test]
#[ignore = "needs the demo"]
async fn a_failed_ingest_keeps_its_rejects_and_no_pod() -> Result<()> {
    let own = Own::new("kept_rejects").await?;
    own.director().await?;
    let content = "1,10.5,2.5,1\n2,ten,2.5,1\n3,10.5,2.5,many\n";
    let status = own.ingest("bad", "Object", 0, content).await?;
    ensure!(status["phase"] == "Failed", "{status}");
    let name = own.object("bad");
    eventually("the loader's pod to be gone", || async {
        let own_pods = ListParams::default().labels(&format!("orrery.dev/ingest={name}"));
        let pods = own.archive.pods().list(&own_pods).await?;
        Ok(pods.items.is_empty().then_some(()))
    })
    .await?;
    let kept: Api<ConfigMap> = Api::namespaced(own.archive.client.clone(), NAMESPACE);
    let kept = kept.get(&format!("ingest-{name}-rejects")).await?;
    let lines = kept.data.and_then(|mut data| data.remove("rejects.tsv"));
    let lines = lines.context("no list")?;
    ensure!(lines.contains("\t2\t") && lines.contains("ten"), "{lines}");
    own.remove().await
}

/// Nothing of an Ingest that is deleted while its rows are on their way stays on workers.
#[tokio::test]
#[ignore = "needs the demo"]
async fn an_ingest_deleted_while_it_loads_leaves_nothing_on_workers() -> Result<()> {
    let own = Own::new("deleted_ingest").await?;
    own.director().await?;
    own.file("long", &objects(0, 300_000)).await?;
    own.declare("long", "Object", 0, false).await?;
    let loads = |status: &serde_json::Value| status["phase"] == "Load";
    let status = own
        .status_when("long", Duration::from_secs(180), loads)
        .await?;
    let attempts = [&status["attempt"], &status["indexAttempt"]];
    let attempts = attempts.into_iter().filter_map(serde_json::Value::as_u64);
    let names: Vec<String> = attempts
        .map(|attempt| format!("'orrery_staging__{attempt}'"))
        .collect();
    own.archive.delete("Ingest", &own.object("long")).await?;
    let sql = format!(
        "SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME IN ({})",
        names.join(", ")
    );
    let limit = Duration::from_secs(60);
    eventually_within(limit, "staging databases to be gone", || async {
        for pod in own.archive.ready_pods("worker").await? {
            if on_worker(&pod.name_any(), &sql).await?.trim() != "0" {
                return Ok(None);
            }
        }
        Ok(Some(()))
    })
    .await?;
    own.remove().await
}
