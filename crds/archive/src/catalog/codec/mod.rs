//! `encode`: catalog → root and objects; `decode`: back. Both pure; equal catalogs give equal
//! objects.
//!
//! What changes together stands together: a placement change rewrites a placement page (512 chunk
//! ids), its page list, the family's index page and the root; a publish adds a segment and rewrites
//! the table's segment page, its index page and the root.

mod family;
mod payload;
mod segments;
mod table;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use self::family::FamilyEntry;
use self::payload::{get, put};
use self::table::{RetiredEntry, TableEntry};
use super::model::{Catalog, Counters, Epochs, RootPayload};
use super::objects::{self, ObjectError, ObjectKind, ObjectName, ObjectSource, Objects};

pub use self::family::PAGE_CHUNKS;

/// Entries per index page.
const INDEX_ENTRIES: usize = 16;

/// A catalog as objects.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoded {
    /// The root.
    pub root: RootPayload,
    /// Everything it refers to.
    pub objects: Objects,
}

/// What an index page lists.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum IndexEntry {
    Family(FamilyEntry),
    Table(TableEntry),
    Retired(RetiredEntry),
    Dropping { database: String, since: u64 },
}

/// The objects of `catalog`.
pub fn encode(catalog: &Catalog) -> Encoded {
    let mut objects = Objects::new();
    let mut entries: Vec<IndexEntry> = catalog
        .families
        .iter()
        .map(|(name, family)| IndexEntry::Family(FamilyEntry::encode(&mut objects, name, family)))
        .collect();
    entries.extend(
        catalog
            .tables
            .iter()
            .map(|(key, table)| IndexEntry::Table(TableEntry::encode(&mut objects, key, table))),
    );
    let retired = catalog.retired.values();
    entries.extend(
        retired.map(|retired| IndexEntry::Retired(RetiredEntry::encode(&mut objects, retired))),
    );
    entries.extend(
        catalog
            .dropping
            .iter()
            .map(|(database, since)| IndexEntry::Dropping {
                database: database.clone(),
                since: *since,
            }),
    );
    let pages = entries
        .chunks(INDEX_ENTRIES)
        .map(|page| put(&mut objects, ObjectKind::Map, page).as_str().to_owned())
        .collect();
    let root = RootPayload {
        archive_uid: catalog.archive_uid.clone(),
        lineage: catalog.lineage,
        term: catalog.term,
        data_epoch: catalog.epochs.data,
        placement_epoch: catalog.epochs.placement,
        counters: catalog.counters,
        pages,
    };
    Encoded { root, objects }
}

/// The catalog under `root`; an error when any object is missing or is not what its name says.
pub fn decode(root: &RootPayload, source: &impl ObjectSource) -> Result<Catalog, ObjectError> {
    let mut catalog = Catalog {
        archive_uid: root.archive_uid.clone(),
        lineage: root.lineage,
        term: root.term,
        epochs: Epochs {
            data: root.data_epoch,
            placement: root.placement_epoch,
        },
        counters: Counters { ..root.counters },
        families: BTreeMap::new(),
        tables: BTreeMap::new(),
        retired: BTreeMap::new(),
        dropping: BTreeMap::new(),
    };
    for page in index_pages(root) {
        for entry in get::<Vec<IndexEntry>>(source, &page)? {
            match entry {
                IndexEntry::Family(entry) => catalog.families.extend([entry.decode(source)?]),
                IndexEntry::Table(entry) => catalog.tables.extend([entry.decode(source)?]),
                IndexEntry::Retired(entry) => catalog.retired.extend([entry.decode(source)?]),
                IndexEntry::Dropping { database, since } => {
                    catalog.dropping.extend([(database, since)]);
                }
            }
        }
    }
    Ok(catalog)
}

/// Names of every object `root` needs.
pub fn reachable(
    root: &RootPayload,
    source: &impl ObjectSource,
) -> Result<BTreeSet<ObjectName>, ObjectError> {
    let mut names = BTreeSet::new();
    for page in index_pages(root) {
        let mut contents = vec![page.clone()];
        for entry in get::<Vec<IndexEntry>>(source, &page)? {
            match entry {
                IndexEntry::Family(entry) => contents.extend(entry.contents(source)?),
                IndexEntry::Table(entry) => contents.extend(entry.contents(source)?),
                IndexEntry::Retired(entry) => contents.extend(entry.contents(source)?),
                IndexEntry::Dropping { .. } => {}
            }
        }
        for content in contents {
            names.extend(objects::reachable(source, &content)?);
        }
    }
    Ok(names)
}

fn index_pages(root: &RootPayload) -> impl Iterator<Item = ObjectName> {
    root.pages.iter().map(|page| ObjectName::new(page.as_str()))
}
