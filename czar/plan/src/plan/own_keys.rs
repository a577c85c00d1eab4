//! The keys that statements of a plan name, each only those that live in its chunk.
//!
//! Keeps true: a statement names keys in bounded bytes, however many the user lists; a chunk with
//! more has several statements, which share no key and so no row.

use std::collections::{BTreeMap, BTreeSet};

use orrery_archive::names::ChunkId;

use crate::text::statement::quoting::write_text;

/// Most bytes of keys in one statement. MariaDB looks up each key of such a list; from about 16,000
/// on it would read the whole table.
const MOST_BYTES: usize = 32 << 10;

/// Keys by the chunks that the director index names for them.
pub type KeysByChunk = BTreeMap<ChunkId, BTreeSet<String>>;

/// The keys of a statement, looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnKeys {
    /// Whether they are integers.
    pub(super) integer: bool,
    /// Where they are.
    pub(super) place: Place,
}

/// Where keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The index could not be read: any may be in any chunk.
    Anywhere(BTreeSet<String>),
    /// In these chunks.
    In(KeysByChunk),
}

impl OwnKeys {
    /// Keys of a chunk as literals separated by commas, cut into lists of bounded length.
    pub(super) fn lists(&self, chunk: ChunkId) -> Vec<String> {
        let keys = match &self.place {
            Place::Anywhere(keys) => Some(keys),
            Place::In(chunks) => chunks.get(&chunk),
        };
        let mut lists: Vec<String> = Vec::new();
        for key in keys.into_iter().flatten() {
            let has_room = |list: &&mut String| list.len() + key.len() < MOST_BYTES;
            if let Some(list) = lists.last_mut().filter(has_room) {
                list.push(',');
                self.push(key, list);
            } else {
                let mut list = String::new();
                self.push(key, &mut list);
                lists.push(list);
            }
        }
        lists
    }

    fn push(&self, key: &str, list: &mut String) {
        if self.integer {
            list.push_str(key);
        } else {
            write_text(key, list);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_with_many_keys_has_several_lists_that_share_none() {
        let keys: BTreeSet<String> = (100_000..120_000).map(|key| key.to_string()).collect();
        let own = OwnKeys {
            integer: true,
            place: Place::In([(7, keys.clone())].into()),
        };
        let lists = own.lists(7);
        assert!(lists.iter().all(|list| list.len() <= MOST_BYTES));
        assert_eq!(lists.len(), (keys.len() * 7).div_ceil(MOST_BYTES));
        let named: Vec<&str> = lists.iter().flat_map(|list| list.split(',')).collect();
        assert_eq!(named, keys.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(own.lists(8).is_empty());
    }

    #[test]
    fn text_keys_are_quoted() {
        let own = OwnKeys {
            integer: false,
            place: Place::Anywhere(["it's".to_owned(), "b\\".to_owned()].into()),
        };
        assert_eq!(own.lists(1), [r"'b\\','it\'s'"]);
    }
}
