//! `encode`: catalog → root and objects; `decode`: back. Both pure; equal catalogs give equal objects.
//!
//! What changes together stands together: a placement change rewrites a placement page (512 chunk ids), its page list, the family's
//! index page and the root; a publish adds a segment and rewrites the table's segment page, its index page and the root.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::chunk_set;
use super::model::{
    Behind, Catalog, Counters, Epochs, Family, FamilyGrid, RootPayload, Segment, Table, TableKey, TableKind,
};
use super::objects::{self, ObjectError, ObjectKind, ObjectName, ObjectSource, Objects};
use crate::kinds::{DeletionPolicy, FamilyReplicas};
use crate::names::{ChunkId, WorkerId};

/// Chunk ids per placement page; fixed, so that a chunk never changes its page.
pub const PAGE_CHUNKS: u32 = 512;
/// Entries per index page.
const INDEX_ENTRIES: usize = 16;
/// Segments per segment page.
const SEGMENT_ENTRIES: usize = 256;

/// A catalog as objects.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoded {
    /// The root.
    pub root: RootPayload,
    /// Everything it refers to.
    pub objects: Objects,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum IndexEntry {
    Family {
        name: String,
        incarnation: u64,
        spec: ObjectName,
        placement: ObjectName,
    },
    Table {
        database: String,
        name: String,
        incarnation: u64,
        schema_version: u32,
        spec: ObjectName,
        segments: Vec<ObjectName>,
        revoked: Vec<ObjectName>,
        index: Vec<ObjectName>,
        index_revoked: Vec<ObjectName>,
        #[serde(default)]
        on_deletion: DeletionPolicy,
    },
    Dropping {
        database: String,
        since: u64,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FamilySpec {
    pool: String,
    replicas: FamilyReplicas,
    grid: FamilyGrid,
}

#[derive(Serialize, Deserialize)]
struct SegmentEntry {
    id: u64,
    object: ObjectName,
}

/// A segment's object: immutable, so that publishing another never writes it again.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SegmentContent {
    attempt: u64,
    schema_version: u32,
    home: String,
    overlap: String,
    rows: u64,
    bytes: u64,
    ingest: String,
    published: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revoked: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct PlacementList {
    pages: Vec<(u32, ObjectName)>,
    behind: Vec<(WorkerId, u64, String)>,
}

/// The objects of `catalog`.
pub fn encode(catalog: &Catalog) -> Encoded {
    let mut objects = Objects::new();
    let mut entries: Vec<IndexEntry> = catalog
        .families
        .iter()
        .map(|(name, family)| encode_family(&mut objects, name, family))
        .collect();
    entries.extend(
        catalog
            .tables
            .iter()
            .map(|(key, table)| encode_table(&mut objects, key, table)),
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
        dropping: BTreeMap::new(),
    };
    for page in &root.pages {
        for entry in get::<Vec<IndexEntry>>(source, &ObjectName::new(page.as_str()))? {
            match entry {
                IndexEntry::Family {
                    name,
                    incarnation,
                    spec,
                    placement,
                } => {
                    catalog
                        .families
                        .insert(name, decode_family(source, incarnation, &spec, &placement)?);
                }
                IndexEntry::Table {
                    database,
                    name,
                    incarnation,
                    schema_version,
                    spec,
                    segments,
                    revoked,
                    index,
                    index_revoked,
                    on_deletion,
                } => {
                    let kind = decode_kind(source, &spec, &index, &index_revoked)?;
                    let segments = decode_segments(source, &segments)?;
                    let revoked = decode_segments(source, &revoked)?;
                    catalog.tables.insert(
                        TableKey::new(database, name),
                        Table {
                            incarnation,
                            schema_version,
                            kind,
                            segments,
                            revoked,
                            on_deletion,
                        },
                    );
                }
                IndexEntry::Dropping { database, since } => {
                    catalog.dropping.insert(database, since);
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
    let add = |names: &mut BTreeSet<ObjectName>, name: &ObjectName| -> Result<(), ObjectError> {
        names.extend(objects::reachable(source, name)?);
        Ok(())
    };
    for page in &root.pages {
        let page = ObjectName::new(page.as_str());
        add(&mut names, &page)?;
        for entry in get::<Vec<IndexEntry>>(source, &page)? {
            match entry {
                IndexEntry::Family { spec, placement, .. } => {
                    add(&mut names, &spec)?;
                    add(&mut names, &placement)?;
                    for (_, page) in get::<PlacementList>(source, &placement)?.pages {
                        add(&mut names, &page)?;
                    }
                }
                IndexEntry::Table {
                    spec,
                    segments,
                    revoked,
                    index,
                    index_revoked,
                    ..
                } => {
                    add(&mut names, &spec)?;
                    for page in segments
                        .iter()
                        .chain(&revoked)
                        .chain(&index)
                        .chain(&index_revoked)
                    {
                        add(&mut names, page)?;
                        for entry in get::<Vec<SegmentEntry>>(source, page)? {
                            add(&mut names, &entry.object)?;
                        }
                    }
                }
                IndexEntry::Dropping { .. } => {}
            }
        }
    }
    Ok(names)
}

fn encode_family(objects: &mut Objects, name: &str, family: &Family) -> IndexEntry {
    let spec = FamilySpec {
        pool: family.pool.clone(),
        replicas: family.replicas,
        grid: family.grid.clone(),
    };
    let spec = put(objects, ObjectKind::Map, &spec);
    let mut ranges: BTreeMap<u32, String> = BTreeMap::new();
    for (chunk, workers) in &family.placement {
        let text = ranges.entry(chunk / PAGE_CHUNKS).or_default();
        let workers: Vec<String> = workers.iter().map(ToString::to_string).collect();
        text.push_str(&format!("{}:{} ", chunk % PAGE_CHUNKS, workers.join(",")));
    }
    let pages = ranges
        .into_iter()
        .map(|(range, text)| (range, objects::put(objects, ObjectKind::Placement, text)))
        .collect();
    let behind = family
        .behind
        .iter()
        .map(|b| (b.worker, b.segment, chunk_set::write(&b.chunks)))
        .collect();
    let placement = put(objects, ObjectKind::Map, &PlacementList { pages, behind });
    IndexEntry::Family {
        name: name.to_owned(),
        incarnation: family.incarnation,
        spec,
        placement,
    }
}

fn decode_family(
    source: &impl ObjectSource,
    incarnation: u64,
    spec: &ObjectName,
    list: &ObjectName,
) -> Result<Family, ObjectError> {
    let FamilySpec { pool, replicas, grid } = get(source, spec)?;
    let PlacementList { pages, behind } = get(source, list)?;
    let mut placement = BTreeMap::new();
    for (range, page) in pages {
        let text = objects::get(source, &page)?;
        read_page(range, &text, &mut placement).ok_or_else(|| malformed(&page, "placement page"))?;
    }
    let behind = behind
        .into_iter()
        .map(|(worker, segment, chunks)| {
            Some(Behind {
                worker,
                segment,
                chunks: chunk_set::read(&chunks)?,
            })
        })
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| malformed(list, "chunks that a worker is behind for"))?;
    Ok(Family {
        incarnation,
        pool,
        replicas,
        grid,
        placement,
        behind,
    })
}

fn read_page(range: u32, text: &str, placement: &mut BTreeMap<ChunkId, Vec<WorkerId>>) -> Option<()> {
    for entry in text.split_ascii_whitespace() {
        let (offset, workers) = entry.split_once(':')?;
        let offset: u32 = offset.parse().ok().filter(|offset| *offset < PAGE_CHUNKS)?;
        let workers = if workers.is_empty() {
            Some(Vec::new())
        } else {
            workers.split(',').map(|worker| worker.parse().ok()).collect()
        };
        placement.insert(range.checked_mul(PAGE_CHUNKS)?.checked_add(offset)?, workers?);
    }
    Some(())
}

fn encode_table(objects: &mut Objects, key: &TableKey, table: &Table) -> IndexEntry {
    let spec = put(objects, ObjectKind::Map, &table.kind);
    let segments = encode_segments(objects, &table.segments);
    let revoked = encode_segments(objects, &table.revoked);
    let (index, index_revoked) = match &table.kind {
        TableKind::Director(_, index) => (
            encode_segments(objects, &index.segments),
            encode_segments(objects, &index.revoked),
        ),
        TableKind::Child(..) | TableKind::Reference(_) => (Vec::new(), Vec::new()),
    };
    IndexEntry::Table {
        database: key.database.clone(),
        name: key.table.clone(),
        incarnation: table.incarnation,
        schema_version: table.schema_version,
        spec,
        segments,
        revoked,
        index,
        index_revoked,
        on_deletion: table.on_deletion,
    }
}

fn decode_kind(
    source: &impl ObjectSource,
    spec: &ObjectName,
    pages: &[ObjectName],
    revoked: &[ObjectName],
) -> Result<TableKind, ObjectError> {
    let mut kind = get(source, spec)?;
    if let TableKind::Director(_, index) = &mut kind {
        index.segments = decode_segments(source, pages)?;
        index.revoked = decode_segments(source, revoked)?;
    }
    Ok(kind)
}

fn encode_segments(objects: &mut Objects, segments: &[Segment]) -> Vec<ObjectName> {
    let entries: Vec<SegmentEntry> = segments
        .iter()
        .map(|segment| SegmentEntry {
            id: segment.id,
            object: encode_segment(objects, segment),
        })
        .collect();
    entries
        .chunks(SEGMENT_ENTRIES)
        .map(|page| put(objects, ObjectKind::Segment, page))
        .collect()
}

fn encode_segment(objects: &mut Objects, segment: &Segment) -> ObjectName {
    let Segment {
        id: _,
        attempt,
        schema_version,
        home,
        overlap,
        rows,
        bytes,
        ingest,
        published,
        revoked,
    } = segment;
    let content = SegmentContent {
        attempt: *attempt,
        schema_version: *schema_version,
        home: chunk_set::write(home),
        overlap: chunk_set::write(overlap),
        rows: *rows,
        bytes: *bytes,
        ingest: ingest.clone(),
        published: *published,
        revoked: *revoked,
    };
    put(objects, ObjectKind::Segment, &content)
}

fn decode_segments(source: &impl ObjectSource, pages: &[ObjectName]) -> Result<Vec<Segment>, ObjectError> {
    let mut segments = Vec::new();
    for page in pages {
        for SegmentEntry { id, object } in get::<Vec<SegmentEntry>>(source, page)? {
            let content: SegmentContent = get(source, &object)?;
            let set = |text: &str| chunk_set::read(text).ok_or_else(|| malformed(&object, "chunk set"));
            segments.push(Segment {
                id,
                attempt: content.attempt,
                schema_version: content.schema_version,
                home: set(&content.home)?,
                overlap: set(&content.overlap)?,
                rows: content.rows,
                bytes: content.bytes,
                ingest: content.ingest,
                published: content.published,
                revoked: content.revoked,
            });
        }
    }
    Ok(segments)
}

fn put<T: Serialize + ?Sized>(objects: &mut Objects, kind: ObjectKind, value: &T) -> ObjectName {
    // Serialising these plain structs to a string cannot fail; an empty payload would not decode and be noticed.
    objects::put(objects, kind, serde_json::to_string(value).unwrap_or_default())
}

fn get<T: for<'de> Deserialize<'de>>(
    source: &impl ObjectSource,
    name: &ObjectName,
) -> Result<T, ObjectError> {
    serde_json::from_str(&objects::get(source, name)?).map_err(|error| malformed(name, &error.to_string()))
}

fn malformed(name: &ObjectName, what: &str) -> ObjectError {
    ObjectError::Malformed {
        name: name.clone(),
        what: what.into(),
    }
}
