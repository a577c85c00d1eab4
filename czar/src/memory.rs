//! A memory of answers that is bounded by bytes.

use std::hash::Hash;

use lru::LruCache;
use parking_lot::Mutex;

/// Statements longer than this are not remembered: few are sent twice, and some dozens of them
/// would push everything else out.
pub const LONGEST_STATEMENT: usize = 64 << 10;

/// Remembers what was used last, up to so many bytes.
pub struct Memory<K: Hash + Eq, V> {
    entries: Mutex<Entries<K, V>>,
    most: usize,
}

struct Entries<K: Hash + Eq, V> {
    /// Values with what each counts.
    by_use: LruCache<K, (V, usize)>,
    bytes: usize,
}

impl<K: Hash + Eq, V: Clone> Memory<K, V> {
    /// Nothing yet, and never more than `most` bytes.
    pub fn new(most: usize) -> Self {
        Self {
            entries: Mutex::new(Entries {
                by_use: LruCache::unbounded(),
                bytes: 0,
            }),
            most,
        }
    }

    /// The value, if it is remembered.
    pub fn get(&self, key: &K) -> Option<V> {
        self.entries
            .lock()
            .by_use
            .get(key)
            .map(|(value, _)| value.clone())
    }

    /// Remembers a value that counts `bytes`, key included; what was not used for longest goes.
    pub fn put(&self, key: K, value: V, bytes: usize) {
        if bytes > self.most {
            return;
        }
        let mut entries = self.entries.lock();
        if let Some((_, (_, before))) = entries.by_use.push(key, (value, bytes)) {
            entries.bytes -= before;
        }
        entries.bytes += bytes;
        while entries.bytes > self.most {
            let Some((_, (_, gone))) = entries.by_use.pop_lru() else {
                break;
            };
            entries.bytes -= gone;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_longest_goes_when_the_bytes_are_too_many() {
        let memory = Memory::new(100);
        memory.put("a", 1, 40);
        memory.put("b", 2, 40);
        assert_eq!(memory.get(&"a"), Some(1));
        memory.put("c", 3, 40);
        assert_eq!(
            (memory.get(&"a"), memory.get(&"b"), memory.get(&"c")),
            (Some(1), None, Some(3))
        );
        memory.put("d", 4, 101);
        assert_eq!(memory.get(&"d"), None);
        assert_eq!(
            memory.get(&"a"),
            Some(1),
            "what never fits pushes nothing out"
        );
    }

    #[test]
    fn a_key_that_is_put_again_counts_once() {
        let memory = Memory::new(100);
        for value in 0..10 {
            memory.put("a", value, 60);
        }
        memory.put("b", 1, 40);
        assert_eq!((memory.get(&"a"), memory.get(&"b")), (Some(9), Some(1)));
    }
}
