//! Since when something holds of workers, by this process's own clock: another leader counts from
//! when it began to lead, so what depends on it comes late rather than early.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use orrery_archive::names::WorkerId;

/// Times of one statement about workers.
#[derive(Default)]
pub struct Clock {
    since: Mutex<HashMap<(String, WorkerId), Instant>>,
}

impl Clock {
    /// Takes in of which of `workers`, those of one pool of `namespace`, the statement holds now;
    /// for how long it has.
    pub fn observe(
        &self,
        namespace: &str,
        workers: impl IntoIterator<Item = WorkerId>,
        holds: &BTreeSet<WorkerId>,
    ) -> BTreeMap<WorkerId, Duration> {
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        let mut times = BTreeMap::new();
        for id in workers {
            let key = (namespace.to_owned(), id);
            if holds.contains(&id) {
                let began = since.entry(key).or_insert_with(Instant::now);
                times.insert(id, began.elapsed());
            } else {
                since.remove(&key);
            }
        }
        times
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_counts_from_when_it_began_to_hold_and_from_zero_when_it_did_not_meanwhile() {
        let clock = Clock::default();
        let (yes, no) = (BTreeSet::from([1]), BTreeSet::new());
        clock.observe("sky", [1, 2], &yes);
        std::thread::sleep(Duration::from_millis(20));
        let times = clock.observe("sky", [1, 2], &yes);
        assert_eq!(times.keys().collect::<Vec<_>>(), [&1]);
        assert!(times[&1] >= Duration::from_millis(20));
        assert!(clock.observe("sea", [1], &yes)[&1] < Duration::from_millis(20));
        assert!(clock.observe("sky", [1, 2], &no).is_empty());
        assert!(clock.observe("sky", [1, 2], &yes)[&1] < Duration::from_millis(20));
    }
}
