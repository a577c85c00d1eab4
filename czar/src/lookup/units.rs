//! What the dispatcher runs for a look-up: hash chunks of a director index.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use orrery_archive::catalog::{FamilyGrid, IndexTable, Segment, TableKey, hash_chunk};
use orrery_archive::names::{self, ChunkId, RowSet, WorkerId};

use crate::catalogs::{Catalogs, Current};
use crate::dispatch::{DispatchError, Units};
use crate::placement;

/// Most bytes of keys in one statement: beyond, a hash chunk is asked several times.
const MOST_BYTES: usize = 32 << 10;

/// Hash chunks of a director index, with the keys to find in each.
pub struct IndexUnits {
    director: TableKey,
    index: IndexTable,
    parts: Vec<(ChunkId, Vec<String>)>,
    is_integer: bool,
    current: Arc<Current>,
    catalogs: Arc<Catalogs>,
}

impl IndexUnits {
    /// Units that look up `keys`; `None` when the catalog has no such index.
    pub fn new(
        director: &TableKey,
        index: &IndexTable,
        keys: &[&str],
        is_integer: bool,
        current: Arc<Current>,
        catalogs: Arc<Catalogs>,
    ) -> Option<Self> {
        let FamilyGrid::Hash { chunks } = current.catalog().families.get(&index.family)?.grid
        else {
            return None;
        };
        let mut parts: BTreeMap<ChunkId, Vec<String>> = BTreeMap::new();
        for key in keys {
            let chunk = hash_chunk(key.as_bytes(), chunks);
            // A hash chunk without published entries holds no key.
            if index
                .segments
                .iter()
                .any(|segment| segment.home.contains(&chunk))
            {
                parts.entry(chunk).or_default().push((*key).to_owned());
            }
        }
        Some(Self {
            director: director.clone(),
            index: index.clone(),
            parts: cut(parts),
            is_integer,
            current,
            catalogs,
        })
    }

    fn part(&self, unit: usize) -> Result<&(ChunkId, Vec<String>), DispatchError> {
        let part = self.parts.get(unit);
        part.ok_or_else(|| DispatchError::Render(format!("the look-up has no unit {unit}")))
    }

    fn list(&self, keys: &[String]) -> String {
        let literal = |key: &String| {
            if self.is_integer {
                key.clone()
            } else {
                format!("X'{}'", hex::encode(key))
            }
        };
        keys.iter().map(literal).collect::<Vec<_>>().join(",")
    }

    fn segments_in(&self, chunk: ChunkId) -> impl Iterator<Item = &Segment> {
        self.index
            .segments
            .iter()
            .filter(move |segment| segment.home.contains(&chunk))
    }
}

/// The keys of each hash chunk, cut so that those of one unit are bounded.
fn cut(parts: BTreeMap<ChunkId, Vec<String>>) -> Vec<(ChunkId, Vec<String>)> {
    let mut units: Vec<(ChunkId, Vec<String>)> = Vec::new();
    for (chunk, keys) in parts {
        let mut bytes = MOST_BYTES;
        for key in keys {
            // In hexadecimal, with quotes and a comma.
            bytes += 2 * key.len() + 4;
            if bytes > MOST_BYTES {
                units.push((chunk, Vec::new()));
                bytes = 2 * key.len() + 4;
            }
            if let Some((_, unit)) = units.last_mut() {
                unit.push(key);
            }
        }
    }
    units
}

#[async_trait]
impl Units for IndexUnits {
    fn count(&self) -> usize {
        self.parts.len()
    }

    fn name(&self, unit: usize) -> String {
        let chunk = self.part(unit).map_or_else(
            |error| error.to_string(),
            |(chunk, _)| format!("hash chunk {chunk}"),
        );
        format!("{chunk} of the index of {}", self.director)
    }

    fn in_users_words(&self, text: &str) -> String {
        let (index, key) = (
            names::index_database(self.index.incarnation),
            &self.director,
        );
        names::in_users_words(text, &key.database, &key.table, self.index.incarnation)
            .replace(&index, &format!("the index of {}", key.database))
    }

    fn statements(&self, unit: usize) -> Result<Vec<String>, DispatchError> {
        let (chunk, keys) = self.part(unit)?;
        let keys = self.list(keys);
        let database = names::index_database(self.index.incarnation);
        let statement = |segment: &Segment| {
            let table =
                names::chunk_table(&self.director.table, RowSet::Home, *chunk, segment.attempt);
            format!("SELECT k, chunkId FROM `{database}`.`{table}` WHERE k IN ({keys})")
        };
        let selects: Vec<String> = self.segments_in(*chunk).map(statement).collect();
        Ok(vec![selects.join(" UNION ALL ")])
    }

    fn workers(&self, unit: usize) -> Vec<WorkerId> {
        let Ok((chunk, _)) = self.part(unit) else {
            return Vec::new();
        };
        let segments: Vec<u64> = self.segments_in(*chunk).map(|segment| segment.id).collect();
        let newest = self
            .catalogs
            .current()
            .unwrap_or_else(|| self.current.clone());
        placement::holders(newest.catalog(), &self.index.family, *chunk, &segments)
    }

    async fn look_for_newer(&self) {
        self.catalogs.ask_agents().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_keys_of_a_hash_chunk_are_looked_up_in_several_statements() {
        let keys: Vec<String> = (10_000..20_000).map(|key| key.to_string()).collect();
        let units = cut([(3, keys.clone()), (5, vec!["1".to_owned()])].into());
        let chunks: Vec<ChunkId> = units.iter().map(|(chunk, _)| *chunk).collect();
        assert_eq!(chunks, [3, 3, 3, 3, 3, 5]);
        let named: Vec<String> = units.into_iter().flat_map(|(_, keys)| keys).collect();
        assert_eq!(named, [keys, vec!["1".to_owned()]].concat());
    }
}
