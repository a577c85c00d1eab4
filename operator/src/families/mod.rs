//! `ChunkFamily`: judged against its pool and the catalog, and its status. Pure.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use orrery_archive::catalog::{Catalog, FamilyGrid};
use orrery_archive::names::{ChunkId, WorkerId};
use orrery_crds::kinds::{
    ChunkFamily, ChunkFamilyStatus, FamilyChunks, Scheme, SchemeKind, WorkerPool,
};

use crate::catalog::declared::FamilyDeclaration;
use crate::catalog::edit::index_family;
use crate::controller::conditions::{self, ACCEPTED, AVAILABLE, DEGRADED, Finding};

/// Ending of the names of families that hold director indexes; the catalog's writer makes these.
pub const INDEX_SUFFIX: &str = "-index";

/// What is thought of a family.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The condition `Accepted`.
    pub finding: Finding,
    /// What the catalog's writer gets, when accepted.
    pub declaration: Option<FamilyDeclaration>,
}

/// Judges a family against the pools by name and the catalog.
pub fn judge(
    family: &ChunkFamily,
    pools: &BTreeMap<String, WorkerPool>,
    catalog: &Catalog,
) -> Verdict {
    match declare(family, pools, catalog) {
        Ok(declaration) => Verdict {
            finding: Finding::met("Accepted", ""),
            declaration: Some(declaration),
        },
        Err(finding) => Verdict {
            finding,
            declaration: None,
        },
    }
}

fn declare(
    family: &ChunkFamily,
    pools: &BTreeMap<String, WorkerPool>,
    catalog: &Catalog,
) -> Result<FamilyDeclaration, Finding> {
    let (name, spec) = (family.name_any(), &family.spec);
    if name.ends_with(INDEX_SUFFIX) {
        return Err(Finding::unmet(
            "NameReserved",
            format!("metadata.name: names that end in `{INDEX_SUFFIX}` are for director indexes"),
        ));
    }
    let pool = pools.get(&spec.pool).ok_or_else(|| {
        Finding::unmet(
            "PoolMissing",
            format!("spec.pool: there is no WorkerPool `{}`", spec.pool),
        )
    })?;
    let (copies, workers) = (spec.replicas.desired, pool.spec.workers);
    if copies > workers {
        let message = format!(
            "spec.replicas.desired: {copies} copies need {copies} workers, but WorkerPool `{}` has {workers}",
            spec.pool
        );
        return Err(Finding::unmet("TooManyReplicas", message));
    }
    let grid = grid(&spec.scheme, spec.index_chunks)?;
    if catalog
        .families
        .get(&name)
        .is_some_and(|old| old.grid != grid)
        && has_tables(catalog, &name)
    {
        return Err(Finding::unmet(
            "SchemeDiffers",
            "spec.scheme: tables of a former family of this name have another scheme; delete them first, or choose another name",
        ));
    }
    Ok(FamilyDeclaration {
        name,
        pool: spec.pool.clone(),
        replicas: spec.replicas,
        grid,
    })
}

fn grid(scheme: &Scheme, index_chunks: u32) -> Result<FamilyGrid, Finding> {
    let missing = |field: &str| {
        Finding::unmet(
            "SchemeIncomplete",
            format!("spec.scheme.{field} is missing"),
        )
    };
    match scheme.kind {
        SchemeKind::Sphere => Ok(FamilyGrid::Sphere {
            stripes: scheme.stripes.ok_or_else(|| missing("stripes"))?,
            sub_stripes: scheme.sub_stripes.ok_or_else(|| missing("subStripes"))?,
            overlap: scheme.overlap,
            index_chunks,
        }),
        SchemeKind::Hash => Ok(FamilyGrid::Hash {
            chunks: scheme.chunks.ok_or_else(|| missing("chunks"))?,
        }),
    }
}

/// Whether the catalog has tables in the family, or keeps rows of deleted ones.
pub fn has_tables(catalog: &Catalog, family: &str) -> bool {
    let mut kept = catalog.kept();
    kept.any(|(_, table)| table.kind.uses_family(family))
}

/// The family's new status. `live` are the workers that are not down.
pub fn status(
    family: &ChunkFamily,
    finding: &Finding,
    catalog: &Catalog,
    live: &BTreeSet<WorkerId>,
    now: Timestamp,
) -> ChunkFamilyStatus {
    let generation = family.metadata.generation;
    let mut status = family.status.clone().unwrap_or_default();
    status.observed_generation = generation;
    conditions::set(&mut status.conditions, ACCEPTED, finding, generation, now);
    let name = family.name_any();
    if let Some(known) = catalog.families.get(&name) {
        let wanted = known.replicas.desired;
        let rows = copies(catalog, &name, live);
        let index = copies(catalog, &index_family(&name), live);
        status.chunks = counts(&rows, wanted);
        status.index_chunks = counts(&index, wanted);
        let least = rows.values().chain(index.values()).min();
        status.min_copies = least.copied().unwrap_or(0);
        for (kind, finding) in [
            (AVAILABLE, available(&rows, &index)),
            (DEGRADED, degraded(&status, wanted)),
        ] {
            conditions::set(&mut status.conditions, kind, &finding, generation, now);
        }
    }
    status
}

/// Complete copies of each chunk with rows on live workers. One without rows lacks nothing.
fn copies(catalog: &Catalog, name: &str, live: &BTreeSet<WorkerId>) -> BTreeMap<ChunkId, u32> {
    let Some(family) = catalog.families.get(name) else {
        return BTreeMap::new();
    };
    let filled = catalog.filled_chunks(name);
    filled
        .map(|(chunk, _)| {
            let complete = family.complete_holders(chunk);
            let complete = complete.filter(|worker| live.contains(worker));
            (chunk, u32::try_from(complete.count()).unwrap_or(u32::MAX))
        })
        .collect()
}

fn counts(copies: &BTreeMap<ChunkId, u32>, wanted: u32) -> FamilyChunks {
    let count = |counts: &dyn Fn(u32) -> bool| {
        copies.values().filter(|copies| counts(**copies)).count() as u64
    };
    FamilyChunks {
        total: copies.len() as u64,
        ready: count(&|copies| copies >= wanted),
        under_replicated: count(&|copies| copies < wanted),
        unreadable: count(&|copies| copies == 0),
    }
}

fn degraded(status: &ChunkFamilyStatus, wanted: u32) -> Finding {
    let (rows, index) = (&status.chunks, &status.index_chunks);
    match (rows.under_replicated, index.under_replicated) {
        (0, 0) => Finding::unmet("CopiesComplete", ""),
        (under, of_index) => Finding::met(
            "UnderReplicated",
            format!(
                "{under} of {} chunks and {of_index} of {} chunks of indexes have fewer than {wanted} copies",
                rows.total, index.total
            ),
        ),
    }
}

fn available(rows: &BTreeMap<ChunkId, u32>, index: &BTreeMap<ChunkId, u32>) -> Finding {
    let lost = |copies: &BTreeMap<ChunkId, u32>| -> Vec<ChunkId> {
        let lost = copies.iter().filter(|(_, copies)| **copies == 0);
        lost.map(|(chunk, _)| *chunk).collect()
    };
    let (rows_lost, index_lost) = (lost(rows), lost(index));
    let said = |what: &str, lost: &[ChunkId], first: ChunkId| {
        let count = lost.len();
        let message =
            format!("{count} {what} have no complete copy on a live worker, the first is {first}");
        Finding::unmet("ChunksUnreadable", message)
    };
    match (rows_lost.first(), index_lost.first()) {
        (None, None) => Finding::met("EveryChunkReadable", format!("{} chunks", rows.len())),
        (Some(first), _) => said("chunks", &rows_lost, *first),
        (None, Some(first)) => said("chunks of indexes", &index_lost, *first),
    }
}

#[cfg(test)]
mod tests;
