//! What an ingest goes into, found in the catalog.

use orrery_crds::catalog::{
    AcceptedReference, AcceptedTable, Catalog, Family, FamilyGrid, IndexTable, TableKey, TableKind,
};
use orrery_crds::kinds::IngestTarget;
use orrery_crds::loader::{IndexLocation, IndexPlace, SurveyTarget};
use orrery_crds::names::{RowSet, chunk_table, index_database};
use orrery_crds::sql_type::SqlType;
use orrery_crds::table::accept;
use sha2::{Digest as _, Sha256};

use super::attempt::Addresses;
use crate::catalog::edit;

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
        edit::director_of(&self.key, self.kind)
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

    /// Short hash of everything in the catalog that a survey for this target relies on: schemas, grid, and what is in the director's
    /// index. Rows that were surveyed on another basis than the catalog's present one must not be published: keys may have come or gone.
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

#[cfg(test)]
mod tests {
    use orrery_crds::catalog::{Segment, Table};
    use orrery_crds::kinds::DeletionPolicy;
    use serde_json::json;

    use super::*;
    use crate::catalog::edit;
    use crate::writer::{FamilyDeclaration, Schema, TableDeclaration};

    fn declaration(table: &str, incarnation: u64, schema: Schema) -> TableDeclaration {
        TableDeclaration {
            key: TableKey::new("sky", table),
            incarnation,
            schema,
            on_deletion: DeletionPolicy::Retain,
        }
    }

    fn accepted() -> AcceptedTable {
        serde_json::from_value(json!({
            "family": "f", "key": "id", "position": null, "columns": [], "indexes": [], "uniqueKey": "enforced",
            "charset": "utf8mb4", "collation": "utf8mb4_bin", "scanRating": 1, "qservCompat": false,
        }))
        .unwrap()
    }

    fn catalog() -> Catalog {
        let family = FamilyDeclaration {
            name: "f".into(),
            pool: "p".into(),
            replicas: orrery_crds::kinds::FamilyReplicas::default(),
            grid: FamilyGrid::Hash { chunks: 4 },
        };
        let catalog = edit::accept_family(&Catalog::default(), &family)
            .unwrap()
            .unwrap();
        let director = declaration("Object", 10, Schema::Director(accepted()));
        let child = declaration("Source", 11, Schema::Child(accepted(), "Object".into()));
        let catalog = edit::accept_table(&catalog, &director).unwrap();
        edit::accept_table(&catalog, &child).unwrap()
    }

    fn basis(catalog: &Catalog) -> String {
        let spec = IngestTarget {
            database: "sky".into(),
            table: "Source".into(),
        };
        find(catalog, &spec).unwrap().basis(catalog)
    }

    fn director(catalog: &mut Catalog) -> &mut Table {
        catalog.tables.get_mut(&TableKey::new("sky", "Object")).unwrap()
    }

    fn index(catalog: &mut Catalog) -> &mut IndexTable {
        match &mut director(catalog).kind {
            TableKind::Director(_, index) => index,
            _ => panic!("no director"),
        }
    }

    /// Design §5: what was surveyed is published only over the index and the schemas that it was surveyed with.
    #[test]
    fn design_5_whatever_changes_the_directors_index_or_a_schema_changes_the_basis() {
        let before = catalog();
        let segment = Segment {
            id: 5,
            attempt: 5,
            schema_version: 1,
            home: [1].into(),
            overlap: [].into(),
            rows: 1,
            bytes: 1,
            ingest: "i".into(),
            published: 1,
            revoked: None,
        };
        let mut changed: Vec<Catalog> = Vec::new();
        let mut change = |edit: &dyn Fn(&mut Catalog)| {
            let mut next = before.clone();
            edit(&mut next);
            changed.push(next);
        };
        change(&|next| index(next).segments.push(segment.clone()));
        change(&|next| index(next).incarnation += 1);
        change(&|next| director(next).incarnation += 1);
        change(&|next| director(next).schema_version += 1);
        change(&|next| next.families.get_mut("f").unwrap().incarnation += 1);
        change(&|next| {
            let own = next.tables.get_mut(&TableKey::new("sky", "Source")).unwrap();
            own.schema_version += 1;
        });
        let mut seen: std::collections::BTreeSet<String> = changed.iter().map(basis).collect();
        seen.insert(basis(&before));
        assert_eq!(seen.len(), changed.len() + 1);
        let mut moved = before.clone();
        moved.families.get_mut("f").unwrap().placement.insert(1, vec![1]);
        moved.epochs.placement += 1;
        moved.counters.attempt += 1;
        assert_eq!(basis(&moved), basis(&before), "copies do not matter");
    }
}
