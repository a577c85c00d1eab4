//! Every object that says what the archive's data are is deleted, and the catalog is rebuilt from
//! the workers.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use kube::ResourceExt as _;
use kube::api::{DeleteParams, ListParams};
use orrery_e2e::own::{Own, objects};
use orrery_e2e::{Archive, NAMESPACE, condition, eventually, kubectl, rows, session};
use serde_json::Value;

/// Kinds of what users declare about data, each after what it refers to.
const DECLARED: [&str; 3] = ["ChunkFamily", "ChunkedTable", "ReferenceTable"];
/// Kinds of the catalog.
const CATALOG: [&str; 3] = ["ChunkMap", "ChunkPlacement", "ChunkSegment"];

/// Kind, name and spec of everything that is declared.
async fn declared(archive: &Archive) -> Result<Vec<(&'static str, String, Value)>> {
    let mut all = Vec::new();
    for kind in DECLARED {
        for object in archive.kind(kind).list(&ListParams::default()).await?.items {
            all.push((kind, object.name_any(), object.data["spec"].clone()));
        }
    }
    Ok(all)
}

/// Deletes all objects of a kind, and waits until they are gone.
async fn delete_all(archive: &Archive, kind: &str) -> Result<()> {
    let api = archive.kind(kind);
    api.delete_collection(&DeleteParams::default(), &ListParams::default())
        .await?;
    eventually(&format!("every {kind} to be gone"), async || {
        let left = api.list(&ListParams::default()).await?.items;
        Ok(left.is_empty().then_some(()))
    })
    .await
}

/// Answers over the whole sky and over the test's own table, as texts.
async fn answers(own: &Own) -> Result<Vec<String>> {
    let mut session = session().await?;
    let own = own.database();
    let mut answers = Vec::new();
    for sql in [
        format!("SELECT CONCAT(COUNT(*), ' ', SUM(v)) FROM {own}.Object"),
        format!("SELECT CONCAT(id, ' ', v) FROM {own}.Object WHERE id = 17"),
        "SELECT CONCAT(COUNT(*), ' ', SUM(objectId)) FROM sky.Object".to_owned(),
        "SELECT CONCAT(COUNT(*), ' ', COUNT(DISTINCT objectId)) FROM sky.Source".to_owned(),
        "SELECT CONCAT(COUNT(*), '') FROM sky.Filter".to_owned(),
    ] {
        answers.extend(rows::<String>(&mut session, &sql).await?);
    }
    Ok(answers)
}

/// What `kubectl orrery catalog rebuild` prints.
fn rebuild(arguments: &[&str]) -> Result<String> {
    let output = Command::new("kubectl")
        .args(["orrery", "--namespace", NAMESPACE, "catalog", "rebuild"])
        .args(arguments)
        .output()
        .context("kubectl orrery")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{text}{error}");
    Ok(text)
}

async fn scale_operator(archive: &Archive, replicas: usize) -> Result<()> {
    let wanted = format!("--replicas={replicas}");
    kubectl(&["scale", "deployment/orrery-operator", &wanted]).await?;
    if replicas > 0 {
        archive.await_ready("operator", replicas).await?;
        return Ok(());
    }
    eventually("the operator to be gone", async || {
        let left = archive.ready_pods("operator").await?;
        Ok(left.is_empty().then_some(()))
    })
    .await
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn every_answer_is_as_before_when_all_objects_were_deleted_and_the_catalog_rebuilt()
-> Result<()> {
    let own = Own::new("catalog_lost").await?;
    own.director().await?;
    let status = own.ingest("objects", "Object", 0, &objects(0, 100)).await?;
    ensure!(status["phase"] == "Visible", "{status}");
    let archive = &own.archive;
    let before = answers(&own).await?;
    let declared = declared(archive).await?;
    let operators = archive.ready_pods("operator").await?.len();

    scale_operator(archive, 0).await?;
    for kind in CATALOG.into_iter().chain(DECLARED) {
        delete_all(archive, kind).await?;
    }
    assert_eq!(answers(&own).await?, before, "readers know it still");
    scale_operator(archive, operators).await?;
    let is_behind = |status: &Value| {
        condition(status, "CatalogBehind").is_some_and(|behind| behind["status"] == "True")
    };
    archive.status_when("WorkerPool", "main", is_behind).await?;
    for (kind, name, spec) in &declared {
        let applied = archive.apply(kind, name, spec.clone()).await;
        applied.with_context(|| format!("{kind} {name}"))?;
    }

    let shown = rebuild(&[])?;
    ensure!(!shown.contains("Lost:"), "{shown}");
    let root = archive.kind("ChunkMap").get_opt("root").await?;
    ensure!(root.is_none(), "it was only to be shown");
    let written = rebuild(&["--yes"])?;
    ensure!(written.contains("the catalog is written"), "{written}");
    for (kind, name, _) in declared.iter().filter(|(kind, ..)| *kind == "ChunkedTable") {
        let is_available = |status: &Value| {
            condition(status, "Available").is_some_and(|found| found["status"] == "True")
        };
        archive.status_when(kind, name, is_available).await?;
    }
    assert_eq!(answers(&own).await?, before);

    // What starts now knows nothing but the new catalog.
    for component in ["czar", "proxy"] {
        // Proxies may be unready for a moment, as their czars have just come.
        let pods = archive.pods_of(component).await?;
        for pod in &pods {
            archive.kill_pod(pod).await?;
        }
        archive.await_ready(component, pods.len()).await?;
    }
    eventually("the same answers of new czars and proxies", async || {
        Ok((answers(&own).await? == before).then_some(()))
    })
    .await?;
    let status = own.ingest("more", "Object", 0, &objects(100, 200)).await?;
    ensure!(status["phase"] == "Visible", "{status}");
    own.remove().await
}
