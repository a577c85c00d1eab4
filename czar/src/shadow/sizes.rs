//! How many rows and bytes the tables of the shadow server say that they have: those of the
//! archive's tables, so that `information_schema.TABLES` and SHOW TABLE STATUS are right. Pure.
//!
//! InnoDB takes these figures from `mysql.innodb_table_stats`, and reads them again when a table is
//! renamed.

use std::collections::BTreeMap;

use super::mirror::{MERGE_DATABASE, name};
use orrery_archive::catalog::{Catalog, Segment, Table, TableKey};
use orrery_archive::table::ddl;

/// Bytes of a page of the shadow server.
const PAGE: u64 = 16 << 10;
/// The name of a table while its figures are read again.
const MEANWHILE: &str = "resized";

/// Figures of a table as InnoDB keeps them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    rows: u64,
    /// At least one, and at most what InnoDB counts to: 64 TiB.
    pages: u32,
}

impl Size {
    /// Of a table just made.
    const EMPTY: Self = Self { rows: 0, pages: 1 };

    fn of(table: &Table) -> Self {
        let sum = |figure: fn(&Segment) -> u64| {
            let figures = table.segments.iter().map(figure);
            figures.fold(0, u64::saturating_add)
        };
        let pages = sum(|segment| segment.bytes).div_ceil(PAGE).max(1);
        Self {
            rows: sum(|segment| segment.rows),
            pages: u32::try_from(pages).unwrap_or(u32::MAX),
        }
    }

    /// The statement that writes them down.
    pub(super) fn write(self, key: &TableKey) -> String {
        format!(
            "UPDATE mysql.innodb_table_stats SET n_rows={}, clustered_index_size={}, sum_of_other_index_sizes=0 \
             WHERE database_name={} AND table_name={}",
            self.rows,
            self.pages,
            ddl::quote_string(&key.database),
            ddl::quote_string(&key.table)
        )
    }
}

/// The statement that has them read again; it fails at once while the table is in use.
pub(super) fn reread(key: &TableKey) -> String {
    let (own, meanwhile) = (name(key), name(&TableKey::new(MERGE_DATABASE, MEANWHILE)));
    format!("RENAME TABLE {own} NOWAIT TO {meanwhile}, {meanwhile} TO {own}")
}

/// The tables whose figures are not those shown, with their figures.
pub(super) fn changed(
    shown: &BTreeMap<TableKey, Size>,
    catalog: &Catalog,
) -> Vec<(TableKey, Size)> {
    let sizes = catalog
        .tables
        .iter()
        .map(|(key, table)| (key, Size::of(table)));
    sizes
        .filter(|(key, size)| shown.get(key).unwrap_or(&Size::EMPTY) != size)
        .map(|(key, size)| (key.clone(), size))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use orrery_archive::catalog::{AcceptedReference, TableKind};
    use orrery_archive::table::OnDeletion;

    use super::*;

    fn catalog(segments: &[(u64, u64)]) -> Catalog {
        let segment = |&(rows, bytes): &(u64, u64)| Segment {
            id: 1,
            attempt: 1,
            schema_version: 1,
            home: BTreeSet::new(),
            overlap: BTreeSet::new(),
            rows,
            bytes,
            ingest: String::new(),
            origin: None,
            published: 1,
            revoked: None,
        };
        let table = Table {
            incarnation: 1,
            object: String::new(),
            schema_version: 1,
            kind: TableKind::Reference(AcceptedReference {
                columns: Vec::new(),
                primary_key: Vec::new(),
                indexes: Vec::new(),
                charset: String::new(),
                collation: String::new(),
            }),
            segments: segments.iter().map(segment).collect(),
            revoked: vec![segment(&(5, 5))],
            on_deletion: OnDeletion::Retain,
        };
        let mut catalog = Catalog::default();
        catalog.tables.insert(TableKey::new("sky", "T"), table);
        catalog
    }

    #[test]
    fn a_table_has_the_rows_and_whole_pages_of_its_published_segments() {
        let found = changed(&BTreeMap::new(), &catalog(&[(7, PAGE), (2, 1)]));
        let size = Size { rows: 9, pages: 2 };
        assert_eq!(found, [(TableKey::new("sky", "T"), size)]);
        let shown = found.into_iter().collect();
        assert!(changed(&shown, &catalog(&[(9, PAGE + 1)])).is_empty());
        assert_eq!(changed(&shown, &catalog(&[]))[0].1, Size::EMPTY);
    }

    #[test]
    fn a_table_without_rows_is_as_it_was_made() {
        assert!(changed(&BTreeMap::new(), &catalog(&[])).is_empty());
    }

    #[test]
    fn more_bytes_than_innodb_counts_are_as_many_as_it_counts() {
        let found = changed(&BTreeMap::new(), &catalog(&[(1, u64::MAX), (1, u64::MAX)]));
        assert_eq!(found[0].1.pages, u32::MAX);
    }
}
