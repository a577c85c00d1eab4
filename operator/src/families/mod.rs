//! `ChunkFamily`: judged against its pool and the catalog, and its status. Pure.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use orrery_archive::catalog::{Catalog, Family, FamilyGrid};
use orrery_archive::names::{ChunkId, WorkerId};
use orrery_crds::kinds::{ChunkFamily, ChunkFamilyStatus, Scheme, SchemeKind, WorkerPool};

use crate::catalog::declared::FamilyDeclaration;
use crate::controller::conditions::{self, ACCEPTED, AVAILABLE, Finding};

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

/// Whether the catalog has tables in the family.
pub fn has_tables(catalog: &Catalog, family: &str) -> bool {
    catalog
        .tables
        .values()
        .any(|table| table.kind.uses_family(family))
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
    if let Some(known) = catalog.families.get(&family.name_any()) {
        let copies = copies(known, live);
        status.chunks = copies.len() as u64;
        status.min_copies = copies.values().copied().min().unwrap_or(0);
        let wanted = known.replicas.desired;
        status.under_replicated = copies.values().filter(|copies| **copies < wanted).count() as u64;
        let available = available(&copies);
        conditions::set(
            &mut status.conditions,
            AVAILABLE,
            &available,
            generation,
            now,
        );
    }
    status
}

/// Complete copies of each placed chunk on live workers.
fn copies(family: &Family, live: &BTreeSet<WorkerId>) -> BTreeMap<ChunkId, u32> {
    family
        .placement
        .keys()
        .map(|chunk| {
            let complete = family
                .complete_holders(*chunk)
                .filter(|worker| live.contains(worker));
            (*chunk, u32::try_from(complete.count()).unwrap_or(u32::MAX))
        })
        .collect()
}

fn available(copies: &BTreeMap<ChunkId, u32>) -> Finding {
    let lost: Vec<ChunkId> = copies
        .iter()
        .filter(|(_, copies)| **copies == 0)
        .map(|(chunk, _)| *chunk)
        .collect();
    match lost.first() {
        None => Finding::met("EveryChunkReadable", format!("{} chunks", copies.len())),
        Some(first) => Finding::unmet(
            "ChunksUnreadable",
            format!(
                "{} chunks have no complete copy on a live worker, the first is {first}",
                lost.len()
            ),
        ),
    }
}

#[cfg(test)]
mod tests;
