//! What an ingest goes into, found in the catalog.

use orrery_crds::catalog::{
    AcceptedReference, AcceptedTable, Catalog, Family, FamilyGrid, IndexTable, TableKey, TableKind,
};
use orrery_crds::kinds::IngestTarget;
use orrery_crds::loader::{IndexLocation, IndexPlace, SurveyTarget};
use orrery_crds::names::{RowSet, chunk_table, index_database};
use orrery_crds::sql_type::SqlType;
use orrery_crds::table::accept;

use super::attempt::Addresses;

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
        match self.kind {
            TableKind::Director(..) => Some(self.key.clone()),
            TableKind::Child(_, director) => Some(TableKey::new(&self.key.database, director)),
            TableKind::Reference(_) => None,
        }
    }

    /// The chunked side; `None` for a reference table, or while director or family are not there.
    pub fn chunked(&self, catalog: &'a Catalog) -> Option<Chunked<'a>> {
        let director_key = self.director()?;
        let (table, director) = match self.kind {
            TableKind::Director(table, _) => (table, true),
            TableKind::Child(table, _) => (table, false),
            TableKind::Reference(_) => return None,
        };
        let TableKind::Director(director_table, index) = &catalog.tables.get(&director_key)?.kind else {
            return None;
        };
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
        match self.kind {
            TableKind::Reference(table) => Some(table),
            TableKind::Director(..) | TableKind::Child(..) => None,
        }
    }

    /// What the loader is told; `None` while something is missing.
    pub fn survey(&self, catalog: &'a Catalog, addresses: &Addresses) -> Option<SurveyTarget> {
        if let Some(table) = self.reference() {
            return Some(SurveyTarget::Reference { table: table.clone() });
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
        for segment in &self.index.segments {
            for chunk in &segment.home {
                let place = location.places.entry(*chunk).or_insert_with(|| IndexPlace {
                    agents: addresses.urls(family.placement.get(chunk).into_iter().flatten()),
                    tables: Vec::new(),
                });
                let table = chunk_table(&self.director_key.table, RowSet::Home, *chunk, segment.attempt);
                place.tables.push((database.clone(), table));
            }
        }
        Some(location)
    }
}
