//! Which chunks hold the rows of given keys: asked from the director's index, remembered per key.
//!
//! Keeps true (docs/design/ingest.md#director-index): the index holds at least what the data holds
//! at every dataEpoch, so chunks it does not name hold no row of the key. When part of it cannot be
//! read, nothing is pruned.

mod units;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;
use orrery_archive::catalog::IndexTable;
use orrery_archive::names::ChunkId;
use orrery_plan::{IndexLookup, KeysByChunk};
use orrery_wire::Format;
use orrery_wire::value::TextCells;
use parking_lot::Mutex;

use crate::backend::SessionSettings;
use crate::catalogs::{Catalogs, Current};
use crate::dispatch::{DispatchError, Figures, Job, Lane, Sizing, Tasks, Workers};
use crate::spool::Budget;
use units::IndexUnits;

/// More keys than this are looked up without being remembered: they would push everything else out.
const MOST_REMEMBERED_AT_ONCE: usize = 1_000;
/// How long a part of the index that no worker answers for is tried again, before the statement
/// does without.
const RETRY_FOR: std::time::Duration = std::time::Duration::from_secs(2);
/// Look-ups of one statement on one worker at once.
const PER_WORKER: usize = 4;

/// One key of one state of an index.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Entry {
    incarnation: u64,
    /// Folds the numbers of the index's segments: a publish or a revocation makes another state.
    state: u64,
    key: String,
}

/// Look-ups with their memory.
pub struct Lookups {
    cache: Mutex<LruCache<Entry, Arc<[ChunkId]>>>,
    settings: Arc<SessionSettings>,
}

impl Lookups {
    /// Remembers this many keys.
    pub fn new(size: NonZeroUsize) -> Self {
        Self {
            cache: Mutex::new(LruCache::new(size)),
            settings: Arc::default(),
        }
    }

    /// The keys by their chunks; `None` when the index, or part of it, cannot be read.
    pub async fn find(
        &self,
        lookup: &IndexLookup,
        current: &Arc<Current>,
        catalogs: &Arc<Catalogs>,
        workers: &Arc<Workers>,
        budget: &Arc<Budget>,
        figures: &Arc<Figures>,
    ) -> Option<KeysByChunk> {
        let index = current
            .catalog()
            .tables
            .get(&lookup.director)?
            .kind
            .index()?;
        let state = state_of(index);
        let mut found = KeysByChunk::new();
        let missing = self.remembered(lookup, index, state, &mut found);
        if missing.is_empty() {
            return Some(found);
        }
        let units = IndexUnits::new(
            &lookup.director,
            index,
            &missing,
            lookup.integer,
            current.clone(),
            catalogs.clone(),
        )?;
        let job = Job {
            units: Arc::new(units),
            settings: self.settings.clone(),
            lane: Lane::Interactive,
            format: Format::Text,
            sizing: Sizing::Single,
            per_worker: PER_WORKER,
            budget: budget.clone(),
            retry_for: RETRY_FOR,
            figures: figures.clone(),
        };
        let entries = match read(Tasks::new(job, workers.clone())).await {
            Ok(entries) => entries,
            Err(error) => {
                tracing::warn!(director = %lookup.director, %error, "the index cannot be read; keys prune nothing");
                return None;
            }
        };
        self.remember(&missing, index, state, &entries);
        for key in missing {
            for chunk in entries.get(key.as_bytes()).into_iter().flatten() {
                found.entry(*chunk).or_default().insert(key.to_owned());
            }
        }
        Some(found)
    }

    /// Adds what is known to `found`; answers the keys that are not.
    fn remembered<'l>(
        &self,
        lookup: &'l IndexLookup,
        index: &IndexTable,
        state: u64,
        found: &mut KeysByChunk,
    ) -> Vec<&'l str> {
        let mut cache = self.cache.lock();
        let mut missing = Vec::new();
        for key in &lookup.keys {
            let entry = Entry {
                incarnation: index.incarnation,
                state,
                key: key.clone(),
            };
            match cache.get(&entry) {
                Some(chunks) => chunks.iter().for_each(|chunk| {
                    found.entry(*chunk).or_default().insert(key.clone());
                }),
                None => missing.push(key.as_str()),
            }
        }
        missing
    }

    fn remember(
        &self,
        keys: &[&str],
        index: &IndexTable,
        state: u64,
        entries: &BTreeMap<Vec<u8>, Vec<ChunkId>>,
    ) {
        if keys.len() > MOST_REMEMBERED_AT_ONCE {
            return;
        }
        let mut cache = self.cache.lock();
        for key in keys {
            let chunks = entries.get(key.as_bytes()).map_or(&[][..], Vec::as_slice);
            let entry = Entry {
                incarnation: index.incarnation,
                state,
                key: (*key).to_owned(),
            };
            cache.put(entry, chunks.into());
        }
    }
}

/// Chunks by key.
async fn read(mut tasks: Tasks) -> Result<BTreeMap<Vec<u8>, Vec<ChunkId>>, DispatchError> {
    let mut entries: BTreeMap<Vec<u8>, Vec<ChunkId>> = BTreeMap::new();
    while let Some(mut done) = tasks.next().await? {
        while let Some(piece) = done.rows.next().await? {
            for row in piece {
                let (key, chunk) = entry(&row).ok_or_else(|| {
                    DispatchError::Render("an index entry is malformed".to_owned())
                })?;
                entries.entry(key).or_default().push(chunk);
            }
        }
    }
    Ok(entries)
}

fn entry(row: &[u8]) -> Option<(Vec<u8>, ChunkId)> {
    let mut cells = TextCells::new(row);
    let key = cells.next()?.ok()??.to_vec();
    let chunk = std::str::from_utf8(cells.next()?.ok()??)
        .ok()?
        .parse()
        .ok()?;
    Some((key, chunk))
}

fn state_of(index: &IndexTable) -> u64 {
    index
        .segments
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, segment| {
            (hash ^ segment.id).wrapping_mul(0x0100_0000_01b3)
        })
}

#[cfg(test)]
mod tests {
    use orrery_archive::catalog::{ChunkSet, Segment};

    use super::*;

    fn index(segments: &[u64]) -> IndexTable {
        let segment = |id: &u64| Segment {
            id: *id,
            attempt: 1,
            schema_version: 1,
            home: ChunkSet::new(),
            overlap: ChunkSet::new(),
            rows: 0,
            bytes: 0,
            ingest: String::new(),
            origin: None,
            published: 0,
            revoked: None,
        };
        IndexTable {
            incarnation: 5,
            family: "f".into(),
            segments: segments.iter().map(segment).collect(),
            revoked: Vec::new(),
        }
    }

    #[test]
    fn a_publish_makes_what_was_remembered_unknown() {
        let lookups = Lookups::new(NonZeroUsize::new(10).unwrap());
        let lookup = IndexLookup {
            director: orrery_archive::catalog::TableKey::new("sky", "Object"),
            keys: ["1".to_owned(), "2".to_owned()].into(),
            integer: true,
        };
        let before = index(&[3]);
        let entries = BTreeMap::from([(b"1".to_vec(), vec![40])]);
        lookups.remember(&["1", "2"], &before, state_of(&before), &entries);
        let mut found = KeysByChunk::new();
        assert!(
            lookups
                .remembered(&lookup, &before, state_of(&before), &mut found)
                .is_empty()
        );
        assert_eq!(
            found,
            KeysByChunk::from([(40, ["1".to_owned()].into())]),
            "a key that is in no chunk is remembered too"
        );
        let after = index(&[3, 4]);
        assert_eq!(
            lookups.remembered(&lookup, &after, state_of(&after), &mut found),
            ["1", "2"]
        );
    }
}
