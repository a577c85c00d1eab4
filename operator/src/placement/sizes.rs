//! What one copy of a chunk takes, estimated from its segments.

use std::collections::{BTreeMap, BTreeSet};

use orrery_archive::catalog::{Catalog, Segment};
use orrery_archive::names::ChunkId;

/// Sizes of the chunks of some families: a segment's bytes are shared evenly among its chunks.
#[derive(Debug, Default)]
pub struct Sizes<'a> {
    families: BTreeMap<&'a str, Vec<(&'a Segment, u64)>>,
}

impl<'a> Sizes<'a> {
    /// Those of `families`.
    pub fn of<'f>(catalog: &'a Catalog, families: impl IntoIterator<Item = &'f str>) -> Self {
        let families: BTreeSet<&str> = families.into_iter().collect();
        let mut sizes = Self::default();
        for (_, table) in catalog.kept() {
            if let Some(family) = table.kind.family() {
                sizes.add(&families, family, &table.segments, &table.revoked);
            }
            if let Some(index) = table.kind.index() {
                sizes.add(&families, &index.family, &index.segments, &index.revoked);
            }
        }
        sizes
    }

    fn add(
        &mut self,
        families: &BTreeSet<&str>,
        family: &'a str,
        published: &'a [Segment],
        revoked: &'a [Segment],
    ) {
        if families.contains(family) {
            let shares = published.iter().chain(revoked).map(|segment| {
                let chunks = segment.home.union(&segment.overlap).count() as u64;
                (segment, segment.bytes.div_ceil(chunks.max(1)))
            });
            self.families.entry(family).or_default().extend(shares);
        }
    }

    /// Bytes of one copy of a chunk.
    pub fn bytes(&self, family: &str, chunk: ChunkId) -> u64 {
        let segments = self.families.get(family).into_iter().flatten();
        segments
            .filter(|(segment, _)| {
                segment.home.contains(&chunk) || segment.overlap.contains(&chunk)
            })
            .map(|(_, share)| share)
            .sum()
    }
}
