//! Who holds what, by a catalog. Pure.

use orrery_archive::catalog::{Catalog, TableKey};
use orrery_archive::names::{ChunkId, WorkerId};

/// Name of the family that a table's chunks belong to; `None` for reference tables and unknown
/// ones.
pub fn family_of<'c>(catalog: &'c Catalog, table: &TableKey) -> Option<&'c str> {
    catalog.tables.get(table)?.kind.family()
}

/// Workers that hold a chunk of a family with all of these segments.
pub fn holders(catalog: &Catalog, family: &str, chunk: ChunkId, segments: &[u64]) -> Vec<WorkerId> {
    let family = catalog.families.get(family);
    family.map_or_else(Vec::new, |family| family.holders(chunk, segments).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use orrery_archive::catalog::{Behind, Family, FamilyGrid};
    use orrery_archive::replicas::FamilyReplicas;

    use super::*;

    #[test]
    fn a_worker_that_is_behind_serves_the_other_segments_and_chunks() {
        let family = Family {
            placement: BTreeMap::from([(0, vec![1, 2]), (1, vec![2])]),
            behind: vec![Behind {
                worker: 2,
                segment: 9,
                chunks: BTreeSet::from([0]),
            }],
            ..Family::new(
                1,
                "p",
                FamilyReplicas::default(),
                FamilyGrid::Hash { chunks: 2 },
            )
        };
        let catalog = Catalog {
            families: BTreeMap::from([("f".to_owned(), family)]),
            ..Catalog::default()
        };
        assert_eq!(holders(&catalog, "f", 0, &[8, 9]), [1]);
        assert_eq!(holders(&catalog, "f", 0, &[8]), [1, 2]);
        assert_eq!(holders(&catalog, "f", 1, &[9]), [2]);
        assert!(holders(&catalog, "f", 7, &[]).is_empty());
        assert!(holders(&catalog, "g", 0, &[]).is_empty());
    }
}
