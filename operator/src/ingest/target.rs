//! What an ingest goes into, found in the catalog.

use std::collections::BTreeMap;

use orrery_archive::catalog::{
    AcceptedReference, AcceptedTable, Catalog, Family, FamilyGrid, IndexTable, Segment, TableKey,
    TableKind,
};
use orrery_archive::names::{ChunkId, RowSet, WorkerId, chunk_table, index_database};
use orrery_archive::sql_type::SqlType;
use orrery_crds::accept;
use orrery_crds::kinds::IngestTarget;
use orrery_worker_api::loader::{IndexLocation, IndexPlace, SurveyTarget};
use sha2::{Digest as _, Sha256};

use crate::fleet::Addresses;

/// The target of an ingest.
#[derive(Clone, Debug)]
pub struct Target<'a> {
    /// Name.
    pub key: TableKey,
    /// Incarnation.
    pub incarnation: u64,
    /// Schema version.
    pub schema_version: u32,
    /// What it is.
    pub kind: &'a TableKind,
}

/// The chunked side of a target: its table, its family, and the director whose index it uses.
#[derive(Clone, Debug)]
pub struct Chunked<'a> {
    /// Accepted schema.
    pub table: &'a AcceptedTable,
    /// Whether it is the director.
    pub director: bool,
    /// Family.
    pub family: &'a Family,
    /// Director's name.
    pub director_key: TableKey,
    /// Accepted schema of the director, for its key's type.
    pub director_table: &'a AcceptedTable,
    /// Director's index.
    pub index: &'a IndexTable,
}

/// Finds the target; `None` while it is not accepted.
pub fn find<'a>(catalog: &'a Catalog, target: &IngestTarget) -> Option<Target<'a>> {
    let key = TableKey::new(&target.database, &target.table);
    let table = catalog.tables.get(&key)?;
    Some(Target {
        key,
        incarnation: table.incarnation,
        schema_version: table.schema_version,
        kind: &table.kind,
    })
}

impl<'a> Target<'a> {
    /// Director whose index the target uses; one open ingest per director at a time.
    pub fn director(&self) -> Option<TableKey> {
        self.kind.director_key(&self.key)
    }

    /// The chunked side; `None` for a reference table, or while director or family are not there.
    pub fn chunked(&self, catalog: &'a Catalog) -> Option<Chunked<'a>> {
        let director_key = self.director()?;
        let (table, director) = (self.kind.chunked()?, self.kind.is_director());
        let (director_table, index) = catalog.tables.get(&director_key)?.kind.director()?;
        Some(Chunked {
            table,
            director,
            family: catalog.families.get(&table.family)?,
            director_key,
            director_table,
            index,
        })
    }

    /// The reference table's schema.
    pub fn reference(&self) -> Option<&'a AcceptedReference> {
        self.kind.reference()
    }

    /// Short hash of everything in the catalog that a survey for this target relies on: schemas,
    /// grid, and what is in the director's index. Rows that were surveyed on another basis than the
    /// catalog's present one must not be published: keys may have come or gone.
    pub fn basis(&self, catalog: &'a Catalog) -> String {
        let mut relied_on = format!("{} {}", self.incarnation, self.schema_version);
        if let Some(chunked) = self.chunked(catalog)
            && let Some(director) = catalog.tables.get(&chunked.director_key)
        {
            let index = chunked.index;
            let family = chunked.family.incarnation;
            relied_on.push_str(&format!(
                " {family} {} {} {}",
                director.incarnation, director.schema_version, index.incarnation
            ));
            for segment in &index.segments {
                relied_on.push_str(&format!(" {}", segment.id));
            }
        }
        hex::encode(&Sha256::digest(relied_on)[..8])
    }

    /// What the loader gets; `None` while something is missing.
    pub fn survey(&self, catalog: &'a Catalog, addresses: &Addresses) -> Option<SurveyTarget> {
        if let Some(table) = self.reference() {
            return Some(SurveyTarget::Reference {
                table: table.clone(),
            });
        }
        let chunked = self.chunked(catalog)?;
        let (table, grid) = (chunked.table.clone(), chunked.family.grid.clone());
        let index = chunked.index_location(catalog, addresses)?;
        Some(if chunked.director {
            SurveyTarget::Director { table, grid, index }
        } else {
            SurveyTarget::Child { table, grid, index }
        })
    }
}

impl Chunked<'_> {
    /// Type of the director's key.
    pub fn key_type(&self) -> Option<SqlType> {
        let key = self
            .director_table
            .columns
            .iter()
            .find(|column| column.name == self.director_table.key)?;
        accept::column_type(key).ok()
    }

    fn index_location(&self, catalog: &Catalog, addresses: &Addresses) -> Option<IndexLocation> {
        let family = catalog.families.get(&self.index.family)?;
        let FamilyGrid::Hash { chunks } = family.grid else {
            return None;
        };
        let mut location = IndexLocation {
            chunks,
            key_type: self.key_type()?.to_string(),
            ..IndexLocation::default()
        };
        let database = index_database(self.index.incarnation);
        for (chunk, segments) in segments_by_chunk(&self.index.segments) {
            let ids: Vec<u64> = segments.iter().map(|segment| segment.id).collect();
            let holders: Vec<WorkerId> = family.holders(chunk, &ids).collect();
            let table = |segment: &&Segment| {
                chunk_table(
                    &self.director_key.table,
                    RowSet::Home,
                    chunk,
                    segment.attempt,
                )
            };
            let place = IndexPlace {
                // Not those that are behind: they may have a table of this name without its rows.
                agents: addresses.lasting_urls(&holders),
                tables: segments
                    .iter()
                    .map(|segment| (database.clone(), table(segment)))
                    .collect(),
            };
            location.places.insert(chunk, place);
        }
        Some(location)
    }
}

fn segments_by_chunk(segments: &[Segment]) -> BTreeMap<ChunkId, Vec<&Segment>> {
    let mut chunks: BTreeMap<ChunkId, Vec<&Segment>> = BTreeMap::new();
    for segment in segments {
        for chunk in &segment.home {
            chunks.entry(*chunk).or_default().push(segment);
        }
    }
    chunks
}

#[cfg(test)]
mod tests {
    use orrery_archive::catalog::{Behind, Table};
    use orrery_archive::testing::segment;

    use super::*;
    use crate::fleet::testing::worker;
    use crate::ingest::testing::catalog;

    /// An unknown key counts as an orphan's (docs/design/ingest.md#children), so only who has all
    /// entries may be asked.
    #[test]
    fn keys_are_looked_up_only_where_no_segment_is_missing() {
        let mut catalog = catalog();
        let family = index(&mut catalog).family.clone();
        index(&mut catalog).segments = vec![segment(5, [1, 2]), segment(6, [1])];
        let family = catalog.families.get_mut(&family).unwrap();
        family.placement = BTreeMap::from([(1, vec![1, 2, 3]), (2, vec![1, 2])]);
        family.behind = vec![Behind {
            worker: 1,
            segment: 6,
            chunks: [1].into(),
        }];
        let addresses = Addresses::of(&[1, 2, 3].map(|id| worker(id, "Ready")));
        let spec = IngestTarget {
            database: "sky".into(),
            table: "Source".into(),
        };
        let target = find(&catalog, &spec).unwrap();
        let Some(SurveyTarget::Child { index, .. }) = target.survey(&catalog, &addresses) else {
            panic!("no child");
        };
        assert_eq!(index.places[&1].agents, addresses.lasting_urls(&[2, 3]));
        assert_eq!(index.places[&1].tables.len(), 2);
        assert_eq!(index.places[&2].agents, addresses.lasting_urls(&[1, 2]));
        assert_eq!(index.places[&2].tables.len(), 1);
    }

    fn basis(catalog: &Catalog) -> String {
        let spec = IngestTarget {
            database: "sky".into(),
            table: "Source".into(),
        };
        find(catalog, &spec).unwrap().basis(catalog)
    }

    fn director(catalog: &mut Catalog) -> &mut Table {
        catalog
            .tables
            .get_mut(&TableKey::new("sky", "Object"))
            .unwrap()
    }

    fn index(catalog: &mut Catalog) -> &mut IndexTable {
        match &mut director(catalog).kind {
            TableKind::Director(_, index) => index,
            _ => panic!("no director"),
        }
    }

    /// What was surveyed is published only over the index and the schemas that it was surveyed with
    /// (docs/design/ingest.md#director-index).
    #[test]
    fn whatever_changes_the_directors_index_or_a_schema_changes_the_basis() {
        let before = catalog();
        let mut changed: Vec<Catalog> = Vec::new();
        let mut change = |edit: &dyn Fn(&mut Catalog)| {
            let mut next = before.clone();
            edit(&mut next);
            changed.push(next);
        };
        change(&|next| index(next).segments.push(segment(5, [1])));
        change(&|next| index(next).incarnation += 1);
        change(&|next| director(next).incarnation += 1);
        change(&|next| director(next).schema_version += 1);
        change(&|next| next.families.get_mut("f").unwrap().incarnation += 1);
        change(&|next| {
            let own = next
                .tables
                .get_mut(&TableKey::new("sky", "Source"))
                .unwrap();
            own.schema_version += 1;
        });
        let mut seen: std::collections::BTreeSet<String> = changed.iter().map(basis).collect();
        seen.insert(basis(&before));
        assert_eq!(seen.len(), changed.len() + 1);
        let mut moved = before.clone();
        moved
            .families
            .get_mut("f")
            .unwrap()
            .placement
            .insert(1, vec![1]);
        moved.epochs.placement += 1;
        moved.counters.attempt += 1;
        assert_eq!(basis(&moved), basis(&before), "copies do not matter");
    }
}
