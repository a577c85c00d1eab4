//! A family's objects: what was accepted, and pages of where its chunks are.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::super::chunk_set;
use super::super::model::{Behind, ChunkSet, Family, FamilyGrid, OpenAttempt};
use super::super::objects::{self, ObjectError, ObjectKind, ObjectName, ObjectSource, Objects};
use super::payload::{get, malformed, put};
use crate::names::{ChunkId, WorkerId};
use crate::replicas::FamilyReplicas;

/// Chunk ids per placement page; fixed, so that a chunk never changes its page.
pub const PAGE_CHUNKS: u32 = 512;

/// A family in an index page.
#[derive(Serialize, Deserialize)]
pub(super) struct FamilyEntry {
    name: String,
    incarnation: u64,
    spec: ObjectName,
    placement: ObjectName,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FamilySpec {
    pool: String,
    replicas: FamilyReplicas,
    grid: FamilyGrid,
}

#[derive(Serialize, Deserialize)]
struct PlacementList {
    pages: Vec<(u32, ObjectName)>,
    /// Of catalogs of earlier versions: one entry per worker and segment.
    #[serde(default, skip_serializing)]
    behind: Vec<(WorkerId, u64, String)>,
    /// Worker, segments, and chunks for which it lacks each of them. A worker that is away lacks the
    /// same chunks of many segments.
    #[serde(default)]
    lacking: Vec<(WorkerId, Vec<u64>, String)>,
    /// Chunks that each worker is to get; catalogs of earlier versions have none.
    #[serde(default)]
    intended: Vec<(WorkerId, String)>,
    /// Chunks that are to leave each worker; catalogs of earlier versions have none.
    #[serde(default)]
    leaving: Vec<(WorkerId, String)>,
    /// Attempt, UID of its Ingest, and chunks that it is to write; catalogs of earlier versions have
    /// none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    attempts: Vec<(u64, String, String)>,
}

impl FamilyEntry {
    /// Puts the objects of `family` into `objects`.
    pub(super) fn encode(objects: &mut Objects, name: &str, family: &Family) -> Self {
        let spec = FamilySpec {
            pool: family.pool.clone(),
            replicas: family.replicas,
            grid: family.grid.clone(),
        };
        let list = PlacementList {
            pages: write_pages(&family.placement)
                .into_iter()
                .map(|(range, text)| (range, objects::put(objects, ObjectKind::Placement, text)))
                .collect(),
            behind: Vec::new(),
            lacking: by_chunks(&family.behind),
            intended: by_worker(&family.intended),
            leaving: by_worker(&family.leaving),
            attempts: write_attempts(&family.attempts),
        };
        Self {
            name: name.to_owned(),
            incarnation: family.incarnation,
            spec: put(objects, ObjectKind::Map, &spec),
            placement: put(objects, ObjectKind::Map, &list),
        }
    }

    /// The family and its name.
    pub(super) fn decode(
        self,
        source: &impl ObjectSource,
    ) -> Result<(String, Family), ObjectError> {
        let FamilySpec {
            pool,
            replicas,
            grid,
        } = get(source, &self.spec)?;
        let PlacementList {
            pages,
            behind,
            lacking,
            intended,
            leaving,
            attempts,
        } = get(source, &self.placement)?;
        let mut placement = BTreeMap::new();
        for (range, page) in pages {
            let text = objects::get(source, &page)?;
            read_page(range, &text, &mut placement)
                .ok_or_else(|| malformed(&page, "placement page"))?;
        }
        let former = behind.into_iter();
        let former = former.map(|(worker, segment, chunks)| (worker, vec![segment], chunks));
        let behind = by_segment(former.chain(lacking))
            .ok_or_else(|| malformed(&self.placement, "chunks that a worker is behind for"))?;
        let intended = by_chunk(&intended)
            .ok_or_else(|| malformed(&self.placement, "chunks that a worker is to get"))?;
        let leaving = by_chunk(&leaving)
            .ok_or_else(|| malformed(&self.placement, "chunks that are to leave a worker"))?;
        let attempts = read_attempts(attempts)
            .ok_or_else(|| malformed(&self.placement, "chunks that an attempt is to write"))?;
        let family = Family {
            incarnation: self.incarnation,
            pool,
            replicas,
            grid,
            placement,
            behind,
            intended,
            leaving,
            attempts,
        };
        Ok((self.name, family))
    }

    /// Names of everything the entry refers to, without their parts.
    pub(super) fn contents(
        &self,
        source: &impl ObjectSource,
    ) -> Result<Vec<ObjectName>, ObjectError> {
        let list: PlacementList = get(source, &self.placement)?;
        let mut contents = vec![self.spec.clone(), self.placement.clone()];
        contents.extend(list.pages.into_iter().map(|(_, page)| page));
        Ok(contents)
    }
}

/// Workers and segments with the same chunks together.
fn by_chunks(behind: &[Behind]) -> Vec<(WorkerId, Vec<u64>, String)> {
    let mut segments_of: BTreeMap<(WorkerId, &ChunkSet), Vec<u64>> = BTreeMap::new();
    for lacking in behind {
        let same = segments_of.entry((lacking.worker, &lacking.chunks));
        same.or_default().push(lacking.segment);
    }
    let written = segments_of.into_iter();
    written
        .map(|((worker, chunks), segments)| (worker, segments, chunk_set::write(chunks)))
        .collect()
}

/// Each worker and segment by itself, in the order of [`Behind`]; `None` when it cannot be read.
fn by_segment(written: impl Iterator<Item = (WorkerId, Vec<u64>, String)>) -> Option<Vec<Behind>> {
    let mut behind = Vec::new();
    for (worker, segments, chunks) in written {
        let chunks = chunk_set::read(&chunks)?;
        behind.extend(segments.into_iter().map(|segment| Behind {
            worker,
            segment,
            chunks: chunks.clone(),
        }));
    }
    behind.sort();
    Some(behind)
}

fn by_worker(workers_of: &BTreeMap<ChunkId, BTreeSet<WorkerId>>) -> Vec<(WorkerId, String)> {
    let mut by_worker: BTreeMap<WorkerId, ChunkSet> = BTreeMap::new();
    for (chunk, workers) in workers_of {
        for worker in workers {
            by_worker.entry(*worker).or_default().insert(*chunk);
        }
    }
    let written = by_worker.into_iter();
    written
        .map(|(worker, chunks)| (worker, chunk_set::write(&chunks)))
        .collect()
}

fn by_chunk(chunks_of: &[(WorkerId, String)]) -> Option<BTreeMap<ChunkId, BTreeSet<WorkerId>>> {
    let mut by_chunk: BTreeMap<ChunkId, BTreeSet<WorkerId>> = BTreeMap::new();
    for (worker, chunks) in chunks_of {
        for chunk in chunk_set::read(chunks)? {
            by_chunk.entry(chunk).or_default().insert(*worker);
        }
    }
    Some(by_chunk)
}

fn write_attempts(attempts: &BTreeMap<u64, OpenAttempt>) -> Vec<(u64, String, String)> {
    let written = attempts.iter();
    written
        .map(|(number, open)| {
            let chunks = chunk_set::write(&open.chunks);
            (*number, open.ingest.clone(), chunks)
        })
        .collect()
}

fn read_attempts(written: Vec<(u64, String, String)>) -> Option<BTreeMap<u64, OpenAttempt>> {
    let read = written.into_iter().map(|(number, ingest, chunks)| {
        let chunks = chunk_set::read(&chunks)?;
        Some((number, OpenAttempt { ingest, chunks }))
    });
    read.collect()
}

/// Pages by range of chunk ids; one entry is `chunk in its page:worker,worker`.
fn write_pages(placement: &BTreeMap<ChunkId, Vec<WorkerId>>) -> BTreeMap<u32, String> {
    let mut pages: BTreeMap<u32, String> = BTreeMap::new();
    for (chunk, workers) in placement {
        let workers: Vec<String> = workers.iter().map(ToString::to_string).collect();
        let entry = format!("{}:{} ", chunk % PAGE_CHUNKS, workers.join(","));
        pages
            .entry(chunk / PAGE_CHUNKS)
            .or_default()
            .push_str(&entry);
    }
    pages
}

fn read_page(
    range: u32,
    text: &str,
    placement: &mut BTreeMap<ChunkId, Vec<WorkerId>>,
) -> Option<()> {
    for entry in text.split_ascii_whitespace() {
        let (offset, workers) = entry.split_once(':')?;
        let offset: u32 = offset.parse().ok().filter(|offset| *offset < PAGE_CHUNKS)?;
        let workers = if workers.is_empty() {
            Some(Vec::new())
        } else {
            workers
                .split(',')
                .map(|worker| worker.parse().ok())
                .collect()
        };
        placement.insert(
            range.checked_mul(PAGE_CHUNKS)?.checked_add(offset)?,
            workers?,
        );
    }
    Some(())
}
