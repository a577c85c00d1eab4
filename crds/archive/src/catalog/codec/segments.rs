//! Pages of segments, each segment an object of its own.

use serde::{Deserialize, Serialize};

use super::super::chunk_set;
use super::super::model::{Origin, Segment};
use super::super::objects::{ObjectError, ObjectKind, ObjectName, ObjectSource, Objects};
use super::payload::{get, malformed, put};

/// Segments per page.
const PAGE_SEGMENTS: usize = 256;

#[derive(Serialize, Deserialize)]
struct PageEntry {
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<Origin>,
    published: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revoked: Option<u64>,
}

/// Puts `segments` into `objects` and returns the names of their pages.
pub(super) fn encode(objects: &mut Objects, segments: &[Segment]) -> Vec<ObjectName> {
    let entries: Vec<PageEntry> = segments
        .iter()
        .map(|segment| PageEntry {
            id: segment.id,
            object: encode_one(objects, segment),
        })
        .collect();
    entries
        .chunks(PAGE_SEGMENTS)
        .map(|page| put(objects, ObjectKind::Segment, page))
        .collect()
}

fn encode_one(objects: &mut Objects, segment: &Segment) -> ObjectName {
    let Segment {
        id: _,
        attempt,
        schema_version,
        home,
        overlap,
        rows,
        bytes,
        ingest,
        origin,
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
        origin: origin.clone(),
        published: *published,
        revoked: *revoked,
    };
    put(objects, ObjectKind::Segment, &content)
}

/// The segments of `pages`.
pub(super) fn decode(
    source: &impl ObjectSource,
    pages: &[ObjectName],
) -> Result<Vec<Segment>, ObjectError> {
    let mut segments = Vec::new();
    for page in pages {
        for entry in get::<Vec<PageEntry>>(source, page)? {
            segments.push(decode_one(source, entry)?);
        }
    }
    Ok(segments)
}

fn decode_one(source: &impl ObjectSource, entry: PageEntry) -> Result<Segment, ObjectError> {
    let PageEntry { id, object } = entry;
    let content: SegmentContent = get(source, &object)?;
    let set = |text: &str| chunk_set::read(text).ok_or_else(|| malformed(&object, "chunk set"));
    Ok(Segment {
        id,
        attempt: content.attempt,
        schema_version: content.schema_version,
        home: set(&content.home)?,
        overlap: set(&content.overlap)?,
        rows: content.rows,
        bytes: content.bytes,
        ingest: content.ingest,
        origin: content.origin,
        published: content.published,
        revoked: content.revoked,
    })
}

/// Names of the segments of `page`.
pub(super) fn contents(
    source: &impl ObjectSource,
    page: &ObjectName,
) -> Result<Vec<ObjectName>, ObjectError> {
    let entries: Vec<PageEntry> = get(source, page)?;
    Ok(entries.into_iter().map(|entry| entry.object).collect())
}
