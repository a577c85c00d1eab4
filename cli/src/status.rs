//! `kubectl orrery status`: an archive on one screen.

use std::fmt::Debug;

use anyhow::{Context as _, Result};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::ListParams;
use kube::{Api, Resource, ResourceExt as _};
use orrery_crds::kinds::{
    ChunkFamily, ChunkedTable, Ingest, IngestPhase, ReferenceTable, Worker, WorkerPool,
};
use serde::de::DeserializeOwned;

use crate::archive::Archive;
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
    section(&pool_rows(&pools));
    section(&worker_rows(&workers));
    section(&family_rows(&families));
    section(&table_rows(&tables, &references));
    print!("{}", ingest_rows(ingests).text());
    Ok(())
}

fn section(table: &Table) {
    println!("{}", table.text());
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
    format!("no: {}", found.message)
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
        "WORKER", "PHASE", "ZONE", "NODE", "TABLES", "BYTES", "FREE", "EPOCH",
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
        "AVAILABLE",
    ]);
    for family in families {
        let status = family.status.clone().unwrap_or_default();
        table.row([
            family.name_any(),
            units::count(status.chunks),
            family.spec.replicas.desired.to_string(),
            status.min_copies.to_string(),
            units::count(status.under_replicated),
            condition(&status.conditions, "Available"),
        ]);
    }
    table
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
