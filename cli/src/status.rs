//! `kubectl orrery status`: an archive on one screen.

use std::fmt::Debug;
use std::io;

use anyhow::{Context as _, Result};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::ListParams;
use kube::{Api, Resource, ResourceExt as _};
use orrery_crds::kinds::{
    ChunkFamily, ChunkedTable, Ingest, IngestPhase, ReferenceTable, Worker, WorkerPhase, WorkerPool,
};
use serde::de::DeserializeOwned;

use crate::archive::Archive;
use crate::output::outln;
use crate::table::Table;
use crate::{progress, units};

/// Ingests that have ended and are still shown.
const ENDED_SHOWN: usize = 8;

/// Prints the archive's objects and how they are.
pub async fn show(archive: &Archive) -> Result<()> {
    let (pools, workers, families, tables, references, ingests) = tokio::try_join!(
        list::<WorkerPool>(archive),
        list::<Worker>(archive),
        list::<ChunkFamily>(archive),
        list::<ChunkedTable>(archive),
        list::<ReferenceTable>(archive),
        list::<Ingest>(archive),
    )?;
    section(&pool_rows(&pools))?;
    section(&worker_rows(&workers))?;
    section(&family_rows(&families))?;
    section(&table_rows(&tables, &references))?;
    section(&ingest_rows(ingests))?;
    for line in troubles(&pools, &workers, &families) {
        outln!("{line}")?;
    }
    Ok(())
}

fn section(table: &Table) -> io::Result<()> {
    outln!("{}", table.text())
}

async fn list<K>(archive: &Archive) -> Result<Vec<K>>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + DeserializeOwned
        + Clone
        + Debug,
{
    let api: Api<K> = Api::namespaced(archive.client.clone(), &archive.namespace);
    let listed = api.list(&ListParams::default()).await;
    Ok(listed
        .with_context(|| format!("listing {}", K::plural(&())))?
        .items)
}

/// `True`, or why not.
fn condition(conditions: &[Condition], kind: &str) -> String {
    let Some(found) = conditions.iter().find(|condition| condition.type_ == kind) else {
        return "-".into();
    };
    if found.status == "True" {
        return "yes".into();
    }
    let word = if found.status == "Unknown" {
        "not yet"
    } else {
        "no"
    };
    format!("{word}: {}", found.message)
}

fn pool_rows(pools: &[WorkerPool]) -> Table {
    let mut table = Table::with_header([
        "POOL",
        "WORKERS",
        "READY",
        "CHUNK COPIES",
        "BYTES",
        "AVAILABLE",
    ]);
    for pool in pools {
        let status = pool.status.clone().unwrap_or_default();
        table.row([
            pool.name_any(),
            pool.spec.workers.to_string(),
            status.ready_workers.to_string(),
            units::count(status.chunk_replicas),
            status.size,
            condition(&status.conditions, "Available"),
        ]);
    }
    table
}

fn worker_rows(workers: &[Worker]) -> Table {
    let mut table = Table::with_header([
        "WORKER", "PHASE", "ZONE", "NODE", "DESIRED", "TABLES", "BYTES", "FREE", "EPOCH",
    ]);
    let mut workers: Vec<&Worker> = workers.iter().collect();
    workers.sort_by_key(|worker| worker.spec.id);
    for worker in workers {
        let status = worker.status.clone().unwrap_or_default();
        table.row([
            worker.name_any(),
            format!("{:?}", status.phase),
            status.zone.unwrap_or_default(),
            status.node.unwrap_or_default(),
            format!("{:?}", worker.spec.desired),
            units::count(status.tables),
            status.size,
            status.free,
            status.epoch,
        ]);
    }
    table
}

fn family_rows(families: &[ChunkFamily]) -> Table {
    let mut table = Table::with_header([
        "FAMILY",
        "CHUNKS",
        "COPIES WANTED",
        "LEAST COPIES",
        "UNDER",
        "UNREADABLE",
        "AVAILABLE",
    ]);
    for family in families {
        let status = family.status.clone().unwrap_or_default();
        table.row([
            family.name_any(),
            units::count(status.chunks.total),
            family.spec.replicas.desired.to_string(),
            status.min_copies.to_string(),
            units::count(status.chunks.under_replicated),
            units::count(status.chunks.unreadable),
            condition(&status.conditions, "Available"),
        ]);
    }
    table
}

/// What a pool waits for that only people can change.
fn waits_of(pool: &WorkerPool) -> Vec<String> {
    let conditions = pool.status.clone().unwrap_or_default().conditions;
    let waits = conditions.iter().filter(|condition| {
        ["RepairWaits", "CatalogBehind"].contains(&condition.type_.as_str())
            && condition.status == "True"
    });
    let said = waits.map(|condition| {
        let (kind, message) = (&condition.type_, &condition.message);
        format!("{}: {kind}: {message}", pool.name_any())
    });
    said.collect()
}

/// What is at risk, a line each; one line that says so when nothing is.
fn troubles(pools: &[WorkerPool], workers: &[Worker], families: &[ChunkFamily]) -> Vec<String> {
    let mut lines = Vec::new();
    for family in families {
        let status = family.status.clone().unwrap_or_default();
        let name = family.name_any();
        for (what, chunks) in [
            ("chunks", status.chunks),
            ("chunks of indexes", status.index_chunks),
        ] {
            let mut line = |count: u64, state: &str| {
                if count > 0 {
                    lines.push(format!("{name}: {} {what} {state}", units::count(count)));
                }
            };
            line(chunks.unreadable, "cannot be read now");
            line(chunks.under_replicated, "have fewer copies than wanted");
        }
    }
    for worker in workers {
        let phase = worker.status.clone().unwrap_or_default().phase;
        if matches!(phase, WorkerPhase::Suspect | WorkerPhase::Down) {
            lines.push(format!("{}: {phase:?}", worker.name_any()));
        }
    }
    for pool in pools {
        lines.extend(waits_of(pool));
    }
    if lines.is_empty() {
        lines.push("every chunk has the copies that are wanted".into());
    }
    lines
}

fn table_rows(chunked: &[ChunkedTable], references: &[ReferenceTable]) -> Table {
    let mut table = Table::with_header(["TABLE", "KIND", "ROWS", "BYTES", "SEGMENTS", "ACCEPTED"]);
    for one in chunked {
        let status = one.status.clone().unwrap_or_default();
        table.row([
            format!("{}.{}", one.spec.database, one.spec.table),
            format!("{:?} in {}", one.spec.role, one.spec.family).to_lowercase(),
            units::count(status.rows),
            status.size,
            status.segments.to_string(),
            condition(&status.conditions, "Accepted"),
        ]);
    }
    for one in references {
        let status = one.status.clone().unwrap_or_default();
        table.row([
            format!("{}.{}", one.spec.database, one.spec.table),
            "reference".into(),
            units::count(status.rows),
            status.size,
            status.segments.to_string(),
            condition(&status.conditions, "Accepted"),
        ]);
    }
    table
}

/// All that are under way and the latest that have ended.
fn ingest_rows(mut ingests: Vec<Ingest>) -> Table {
    ingests.sort_by_key(|ingest| std::cmp::Reverse(ingest.creation_timestamp()));
    let mut table = Table::with_header(["INGEST", "TABLE", "STATE"]);
    let mut ended = 0;
    for ingest in ingests {
        let status = ingest.status.clone().unwrap_or_default();
        if matches!(
            status.phase,
            IngestPhase::Visible | IngestPhase::Failed | IngestPhase::Revoked
        ) {
            ended += 1;
            if ended > ENDED_SHOWN {
                continue;
            }
        }
        let name = ingest.name_any();
        let state = if status.phase == IngestPhase::Visible {
            let summary = &status.summary;
            format!(
                "Visible: {} rows, {} rejects",
                units::count(summary.rows),
                units::count(summary.rejects)
            )
        } else {
            let line = progress::line(&name, &status);
            line.strip_prefix(&format!("{name}: "))
                .unwrap_or(&line)
                .to_owned()
        };
        table.row([
            name,
            format!(
                "{}.{}",
                ingest.spec.target.database, ingest.spec.target.table
            ),
            state,
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object<K: DeserializeOwned>(
        kind: &str,
        spec: &serde_json::Value,
        status: &serde_json::Value,
    ) -> K {
        let object = json!({"apiVersion": "orrery.dev/v1alpha1", "kind": kind, "metadata": {"name": "main"},
            "spec": spec, "status": status});
        serde_json::from_value(object).unwrap()
    }

    fn family(under: u64, unreadable: u64) -> ChunkFamily {
        let spec = json!({"pool": "main", "scheme": {"kind": "hash", "chunks": 4}});
        let chunks = json!({"total": 9, "ready": 9 - under, "underReplicated": under, "unreadable": unreadable});
        object("ChunkFamily", &spec, &json!({"chunks": chunks}))
    }

    #[test]
    fn the_last_lines_name_whatever_is_at_risk() {
        let well = troubles(&[], &[], &[family(0, 0)]);
        assert_eq!(well, ["every chunk has the copies that are wanted"]);
        let worker = object(
            "Worker",
            &json!({"id": 1, "pool": "main"}),
            &json!({"phase": "Down"}),
        );
        let held = json!({"type": "RepairWaits", "status": "True", "reason": "StormGuard", "message": "2 of 4",
            "lastTransitionTime": "2026-01-01T00:00:00Z"});
        let spec = json!({"workers": 4, "storage": "1Gi"});
        let pool = object("WorkerPool", &spec, &json!({"conditions": [held]}));
        let lines = troubles(&[pool], &[worker], &[family(3, 1)]);
        assert_eq!(
            lines,
            [
                "main: 1 chunks cannot be read now",
                "main: 3 chunks have fewer copies than wanted",
                "main: Down",
                "main: RepairWaits: 2 of 4",
            ]
        );
    }
}
