//! `kubectl orrery chunks`: who holds the chunks of a table, read from the catalog.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail, ensure};
use kube::api::ListParams;
use kube::{Api, ResourceExt as _};
use orrery_archive::catalog::{Catalog, Segment, TableKey};
use orrery_archive::names::{ChunkId, WorkerId};
use orrery_crds::kinds::{Worker, WorkerPhase};

use crate::archive::Archive;
use crate::catalog;
use crate::output;
use crate::table::Table;

/// Prints the chunks of a table, `database.table`, or one of them.
pub async fn show(archive: &Archive, table: &str, chunk: Option<ChunkId>) -> Result<()> {
    let key = catalog::table_key(table)?;
    let workers: Api<Worker> = Api::namespaced(archive.client.clone(), &archive.namespace);
    let workers = workers
        .list(&ListParams::default())
        .await
        .context("listing workers")?;
    let catalog = catalog::read(archive).await?;
    let rows = rows(&catalog, &key, chunk, &Holders::of(&workers.items))?;
    output::write(format_args!("{}", rows.text()))?;
    Ok(())
}

/// Names and phases of workers.
struct Holders(BTreeMap<WorkerId, (String, WorkerPhase)>);

impl Holders {
    fn of(workers: &[Worker]) -> Self {
        let known = workers.iter().map(|worker| {
            let phase = worker
                .status
                .as_ref()
                .map_or(WorkerPhase::Pending, |status| status.phase);
            (worker.spec.id, (worker.name_any(), phase))
        });
        Self(known.collect())
    }

    /// A worker in words: its phase, unless it is Ready, and whether it lacks rows.
    fn words(&self, worker: WorkerId, complete: bool) -> String {
        let (name, phase) = match self.0.get(&worker) {
            Some((name, phase)) => (name.clone(), Some(*phase)),
            None => (format!("worker {worker}"), None),
        };
        let phase = match phase {
            Some(WorkerPhase::Ready) => None,
            Some(other) => Some(format!("{other:?}")),
            None => Some("unknown".to_owned()),
        };
        let behind = (!complete).then(|| "behind".to_owned());
        let notes: Vec<String> = phase.into_iter().chain(behind).collect();
        if notes.is_empty() {
            return name;
        }
        format!("{name} ({})", notes.join(", "))
    }

    fn serves(&self, worker: WorkerId) -> bool {
        let phase = self.0.get(&worker).map(|(_, phase)| *phase);
        matches!(
            phase,
            Some(WorkerPhase::Ready | WorkerPhase::Draining | WorkerPhase::Suspect)
        )
    }
}

fn rows(
    catalog: &Catalog,
    key: &TableKey,
    chunk: Option<ChunkId>,
    holders: &Holders,
) -> Result<Table> {
    let table = catalog.tables.get(key);
    let table = table.with_context(|| format!("the catalog has no table {key}"))?;
    let Some(schema) = table.kind.chunked() else {
        bail!("{key} is a reference table: it is whole on every worker");
    };
    let family = catalog.families.get(&schema.family);
    let family = family.with_context(|| format!("the catalog has no family {}", schema.family))?;
    let has = |segment: &&Segment, chunk: ChunkId| {
        segment.home.contains(&chunk) || segment.overlap.contains(&chunk)
    };
    let mut shown = Table::with_header(["CHUNK", "SEGMENTS", "READABLE", "WORKERS"]);
    let mut found = false;
    for (id, listed) in &family.placement {
        let segments: Vec<u64> = table
            .segments
            .iter()
            .filter(|segment| has(segment, *id))
            .map(|segment| segment.id)
            .collect();
        if chunk.is_some_and(|chunk| chunk != *id) || (chunk.is_none() && segments.is_empty()) {
            continue;
        }
        found = true;
        let complete: Vec<WorkerId> = family.holders(*id, &segments).collect();
        let serving = complete.iter().filter(|worker| holders.serves(**worker));
        let readable = serving.count().to_string();
        let workers = listed
            .iter()
            .map(|worker| holders.words(*worker, complete.contains(worker)));
        let workers = workers.collect::<Vec<_>>().join(", ");
        let segments = match chunk {
            Some(_) => numbers(&segments),
            None => segments.len().to_string(),
        };
        shown.row([id.to_string(), segments, readable, workers]);
    }
    let id = chunk.unwrap_or_default();
    ensure!(
        found || chunk.is_none(),
        "chunk {id} of {key} is on no worker: it has no rows"
    );
    Ok(shown)
}

fn numbers(segments: &[u64]) -> String {
    let numbers: Vec<String> = segments.iter().map(u64::to_string).collect();
    numbers.join(",")
}

#[cfg(test)]
mod tests {
    use orrery_archive::catalog::{Behind, Family};
    use orrery_archive::testing::{self, segment};

    use super::*;

    /// Chunk 1 is on all workers, and behind on worker 2 for segment 6; chunk 2 is on worker 3.
    fn catalog() -> Catalog {
        let placement = [(1, vec![1, 2, 3]), (2, vec![3]), (3, vec![1])];
        let behind = Behind {
            worker: 2,
            segment: 6,
            chunks: [1].into(),
        };
        let family = Family {
            behind: vec![behind],
            ..testing::family(3, placement)
        };
        let table = testing::director(7, [segment(5, [1, 2]), segment(6, [1])]);
        testing::catalog(family, [("Object", table)])
    }

    fn holders() -> Holders {
        let phases = [
            (1, WorkerPhase::Ready),
            (2, WorkerPhase::Ready),
            (3, WorkerPhase::Down),
        ];
        Holders(
            phases
                .map(|(id, phase)| (id, (format!("main-w{id}"), phase)))
                .into(),
        )
    }

    #[test]
    fn each_chunk_with_rows_says_who_holds_it_and_whether_it_can_be_read() {
        let key = TableKey::new("sky", "Object");
        let all = rows(&catalog(), &key, None, &holders()).unwrap().text();
        let expected = "CHUNK  SEGMENTS  READABLE  WORKERS\n\
                        1      2         1         main-w1, main-w2 (behind), main-w3 (Down)\n\
                        2      1         0         main-w3 (Down)\n";
        assert_eq!(all, expected);
        let one = rows(&catalog(), &key, Some(1), &holders()).unwrap().text();
        assert!(one.contains("5,6") && one.lines().count() == 2, "{one}");
    }

    #[test]
    fn what_is_not_there_is_named() {
        let key = TableKey::new("sky", "Object");
        let other = TableKey::new("sky", "Other");
        for (key, chunk, why) in [
            (&key, Some(9), "chunk 9 of sky.Object is on no worker"),
            (&other, None, "no table sky.Other"),
        ] {
            let error = rows(&catalog(), key, chunk, &holders()).err().unwrap();
            assert!(error.to_string().contains(why), "{error}");
        }
    }
}
