//! Uniqueness: which entries of a hash chunk stand, and which rows are dropped for them.
//!
//! Pure: sorted entries and what the index knows give index rows and dropped rows
//! (docs/design/ingest.md#unique-keys): the second row with a key is rejected with the place of the
//! first; a director row whose key is an orphan elsewhere is rejected.

use orrery_archive::names::ChunkId;
use serde::{Deserialize, Serialize};

use super::keys::Entry;
use super::place::Known;
use super::plan::Role;

/// A row that was spooled and is not loaded.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dropped {
    /// Index of the source file.
    pub file: u32,
    /// Record number.
    pub record: u64,
    /// Why.
    pub reason: String,
    /// Whether another row has its key.
    pub duplicate: bool,
}

/// A row of the index: key, chunk, sub-chunk, and whether it is an orphan.
pub type IndexRow<'a> = (&'a [u8], ChunkId, u32, bool);

/// Result for some entries.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Judged<'a> {
    /// Index rows, ascending, each once.
    pub index: Vec<IndexRow<'a>>,
    /// Dropped rows.
    pub dropped: Vec<Dropped>,
}

/// Judges `entries`, sorted; `names` are those of the source files.
pub fn judge<'a>(role: Role, entries: &'a [Entry], known: &Known, names: &[String]) -> Judged<'a> {
    let mut judged = Judged::default();
    let mut rows = Vec::new();
    for same_key in entries.chunk_by(|a, b| a.key == b.key) {
        let mut first: Option<&Entry> = None;
        for entry in same_key {
            if let Some((reason, duplicate)) = refusal(role, entry, first, known, names) {
                judged.dropped.push(Dropped {
                    file: entry.file,
                    record: entry.record,
                    reason,
                    duplicate,
                });
                continue;
            }
            first = first.or(Some(entry));
            rows.push((
                entry.key.as_slice(),
                entry.chunk,
                entry.sub_chunk,
                entry.orphan,
            ));
        }
        rows.sort_unstable();
        rows.dedup();
        judged.index.append(&mut rows);
    }
    judged
}

/// Why `entry`'s row cannot stand, and whether that is because its key is taken.
fn refusal(
    role: Role,
    entry: &Entry,
    first: Option<&Entry>,
    known: &Known,
    names: &[String],
) -> Option<(String, bool)> {
    let Role::Director { unique } = role else {
        return None;
    };
    let key = String::from_utf8_lossy(&entry.key);
    let published = known.get(&entry.key).map_or(&[][..], Vec::as_slice);
    if let Some((cell, _)) = published.iter().find(|(_, orphan)| unique && !orphan) {
        return Some((
            format!(
                "the key {key} is already published, in chunk {}",
                cell.chunk
            ),
            true,
        ));
    }
    let elsewhere = published
        .iter()
        .find(|(cell, orphan)| *orphan && cell.chunk != entry.chunk);
    if let Some((cell, _)) = elsewhere {
        let reason = format!(
            "the key {key} belongs to published child rows in chunk {}, this row is in chunk {}",
            cell.chunk, entry.chunk
        );
        return Some((reason, false));
    }
    let first = first.filter(|_| unique)?;
    let file = names.get(first.file as usize).map_or("", String::as_str);
    Some((
        format!(
            "the key {key} stands already in {file}, record {}",
            first.record
        ),
        true,
    ))
}
