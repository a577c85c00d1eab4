//! `encode`: catalog → root and objects; `decode`: back. Both pure; equal catalogs give equal
//! objects.
//!
//! What changes together stands together: a placement change rewrites a placement page (512 chunk
//! ids), its page list, the family's index page and the root; a publish adds a segment and rewrites
//! the table's segment page, its index page and the root.

mod entry;
mod family;
mod payload;
mod read;
mod segments;
mod table;

use std::collections::BTreeSet;

use self::entry::IndexEntry;
use self::family::FamilyEntry;
use self::payload::{get, put};
use self::read::Reader;
use self::table::{RetiredEntry, TableEntry};
use super::model::{Catalog, Epochs, FORMAT, MIN_READER, RootPayload};
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
        format: FORMAT,
        min_reader: MIN_READER,
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

/// The catalog under `root`; an error when any object is missing or is not what its name says, or
/// when it is for readers of a later format. What is new to this version is in [`Catalog::unread`].
pub fn decode(root: &RootPayload, source: &impl ObjectSource) -> Result<Catalog, ObjectError> {
    if root.min_reader > FORMAT {
        let needed = root.min_reader;
        return Err(ObjectError::Newer { needed });
    }
    let mut reader = Reader::new(
        source,
        Catalog {
            archive_uid: root.archive_uid.clone(),
            lineage: root.lineage,
            term: root.term,
            epochs: Epochs {
                data: root.data_epoch,
                placement: root.placement_epoch,
            },
            counters: root.counters,
            ..Catalog::default()
        },
    );
    for page in index_pages(root) {
        for entry in get::<Vec<serde_json::Value>>(source, &page)? {
            reader.take(entry)?;
        }
    }
    let mut catalog = reader.finish();
    if root.format > FORMAT {
        let newer = format!(
            "format {} was written, this version knows {FORMAT}",
            root.format
        );
        catalog.unread.others.push(newer);
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
