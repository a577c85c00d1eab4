//! How many segments a chunk of a table may have: every statement reads each of them
//! (docs/design/ingest.md#number-of-segments).

use std::collections::BTreeMap;

use orrery_archive::catalog::{Table, TableKey};
use orrery_archive::names::ChunkId;

/// Segments of a chunk from which on people are warned.
pub const MANY: usize = 16;
/// Most segments of a chunk.
pub const MOST: usize = 64;

/// What helps; part of every message about the number of segments.
pub const REMEDY: &str = "put many files into one Ingest (its sources become one segment), revoke ingests that are not needed, \
or make a new table and ingest everything in one go";

/// The chunk with the most published segments of a table, of those that `wanted` selects; chunk 0
/// stands for a reference table.
pub fn fullest(table: &Table, wanted: impl Fn(ChunkId) -> bool) -> Option<(ChunkId, usize)> {
    if !table.kind.is_chunked() {
        return Some((0, table.segments.len()));
    }
    let mut counts: BTreeMap<ChunkId, usize> = BTreeMap::new();
    for segment in &table.segments {
        for chunk in segment
            .home
            .union(&segment.overlap)
            .filter(|chunk| wanted(**chunk))
        {
            *counts.entry(*chunk).or_default() += 1;
        }
    }
    counts
        .into_iter()
        .max_by_key(|(chunk, count)| (*count, std::cmp::Reverse(*chunk)))
}

/// Reason of the condition and Event that warn.
pub const MANY_SEGMENTS: &str = "ManySegments";

/// The message when some chunk that `wanted` selects has many segments.
pub fn warning(key: &TableKey, table: &Table, wanted: impl Fn(ChunkId) -> bool) -> Option<String> {
    let (chunk, segments) = fullest(table, wanted)?;
    (segments >= MANY).then(|| {
        format!("{key} has {segments} segments in chunk {chunk}; at {MOST} no more are taken in: {REMEDY}")
    })
}
