//! Which databases may go, and which are gone for good. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use orrery_archive::catalog::{Catalog, Epochs};
use tokio::time::Instant;

/// How long no worker must have anything of a database before it is forgotten: a seal or a copy
/// that began before the table was deleted may still bring tables.
const QUIET: Duration = Duration::from_secs(600);

/// Databases that no statement of a reader can ask for any more. `oldest` is the oldest epoch in
/// use; nothing goes while it is unknown.
pub fn due(catalog: &Catalog, oldest: Option<Epochs>) -> Vec<String> {
    let passed = |since: u64| oldest.is_some_and(|oldest| oldest.data >= since);
    let due = catalog.dropping.iter().filter(|(_, since)| passed(**since));
    due.map(|(database, _)| database.clone()).collect()
}

/// Time until the next deleted table's rows are to be dropped; none when no table has an end. `now`
/// is in seconds since 1970 (UTC).
pub fn next_end(catalog: &Catalog, now: u64) -> Option<Duration> {
    let ends = catalog.retired.values().filter_map(|retired| retired.until);
    ends.min()
        .map(|end| Duration::from_secs(end.saturating_sub(now)))
}

/// Since when no worker has anything of a database.
#[derive(Debug, Default)]
pub struct Gone {
    since: BTreeMap<String, Instant>,
}

impl Gone {
    /// Takes in that these databases are on no worker; the others are on one, or some worker did
    /// not say. Returns those to forget.
    pub fn observe(&mut self, databases: &BTreeSet<String>, now: Instant) -> Vec<String> {
        self.since
            .retain(|database, _| databases.contains(database));
        for database in databases {
            self.since.entry(database.clone()).or_insert(now);
        }
        let quiet = self
            .since
            .iter()
            .filter(|(_, since)| now.duration_since(**since) >= QUIET);
        quiet.map(|(database, _)| database.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epochs(data: u64) -> Epochs {
        Epochs { data, placement: 1 }
    }

    /// Only what no live Lease needs is dropped (docs/design/catalog.md#leases).
    #[test]
    fn rows_go_when_every_reader_has_passed_their_end() {
        let catalog = Catalog {
            dropping: BTreeMap::from([("sky__7".to_owned(), 5), ("sky__9".to_owned(), 8)]),
            ..Catalog::default()
        };
        assert!(
            due(&catalog, Some(epochs(4))).is_empty(),
            "a statement reads them"
        );
        assert!(due(&catalog, None).is_empty(), "readers are not known");
        assert_eq!(due(&catalog, Some(epochs(5))), ["sky__7"]);
        assert_eq!(due(&catalog, Some(epochs(8))), ["sky__7", "sky__9"]);
    }

    #[test]
    fn a_database_is_forgotten_after_a_quiet_time_without_tables_anywhere() {
        let start = Instant::now();
        let databases = BTreeSet::from(["sky__7".to_owned()]);
        let mut gone = Gone::default();
        assert!(gone.observe(&databases, start).is_empty());
        assert_eq!(gone.observe(&databases, start + QUIET), ["sky__7"]);

        let later = start + QUIET;
        assert!(gone.observe(&BTreeSet::new(), later).is_empty());
        assert!(
            gone.observe(&databases, later).is_empty(),
            "a late copy came meanwhile: the time begins again"
        );
    }
}
