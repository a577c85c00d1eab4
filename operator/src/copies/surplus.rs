//! Which tables of a worker the catalog gives to others, and when they may go. Pure.
//!
//! A worker that was away comes back with chunks that were copied elsewhere meanwhile, and a chunk
//! that moved leaves its rows behind. They go when as many complete copies as wanted are on workers
//! that serve, and no reader uses a catalog any more that lists them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use orrery_archive::catalog::{Catalog, Claim, Claims, Epochs, HeldTable};
use orrery_archive::names::WorkerId;
use orrery_worker_api::agent::ManifestRow;
use tokio::time::Instant;

use super::tables::Physical;

/// The tables of `rows` that are surplus on `worker` and not needed: their chunks have as many
/// complete copies as wanted on `serving` workers.
pub fn surplus<'a>(
    catalog: &Catalog,
    worker: WorkerId,
    rows: impl IntoIterator<Item = &'a ManifestRow>,
    serving: &BTreeSet<WorkerId>,
) -> BTreeSet<Physical> {
    let claims = Claims::of(catalog);
    let is_surplus = |row: &&ManifestRow| {
        let held = HeldTable {
            database: &row.database,
            attempt: row.attempt,
            chunk: row.chunk,
        };
        match claims.judge(worker, held) {
            Claim::Surplus(family) => {
                let Some(family) = catalog.families.get(family) else {
                    return false;
                };
                let complete = family.complete_holders(row.chunk);
                let complete = complete.filter(|holder| serving.contains(holder)).count();
                complete >= family.replicas.desired as usize
            }
            Claim::Given | Claim::Unknown => false,
        }
    };
    let surplus = rows.into_iter().filter(is_surplus);
    surplus
        .map(|row| (row.database.clone(), row.table.clone()))
        .collect()
}

/// Pause between looks at a worker that has something to drop.
const SOON: Duration = Duration::from_secs(5);
/// Pause between looks at a worker that had nothing, when the catalog changed since.
const LATER: Duration = Duration::from_secs(60);

/// What was seen of one worker's surplus so far.
#[derive(Debug, Default)]
pub struct Seen {
    /// placementEpoch of the catalog in which each table was first surplus.
    since: BTreeMap<Physical, u64>,
    /// When it was last looked at, and the epochs of the catalog then.
    looked: Option<(Instant, Epochs)>,
}

impl Seen {
    /// Whether the worker's manifest is to be read again.
    pub fn is_due(&self, epochs: Epochs, now: Instant) -> bool {
        self.looked.is_none_or(|(at, then)| {
            let passed = now.duration_since(at);
            if self.has_surplus() {
                passed >= SOON
            } else {
                then != epochs && passed >= LATER
            }
        })
    }

    /// Whether something was surplus at the last look.
    pub fn has_surplus(&self) -> bool {
        !self.since.is_empty()
    }

    /// Takes in what is surplus now. Returns what may go: what no reader can ask this worker for,
    /// `oldest` being the oldest epochs in use; nothing while they are unknown.
    pub fn observe(
        &mut self,
        surplus: &BTreeSet<Physical>,
        epochs: Epochs,
        oldest: Option<Epochs>,
        now: Instant,
    ) -> Vec<Physical> {
        self.looked = Some((now, epochs));
        self.since.retain(|table, _| surplus.contains(table));
        for table in surplus {
            self.since.entry(table.clone()).or_insert(epochs.placement);
        }
        let passed = |since: u64| oldest.is_some_and(|oldest| oldest.placement >= since);
        let due = self.since.iter().filter(|(_, since)| passed(**since));
        due.map(|(table, _)| table.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use orrery_archive::catalog::Behind;
    use orrery_archive::names::ChunkId;
    use orrery_archive::testing;
    use orrery_worker_api::agent::{RowState, TablePart};

    use super::*;

    /// A child table of attempt 12 in two chunks, a reference table of attempt 13.
    fn catalog(placement: [&[WorkerId]; 2]) -> Catalog {
        let family = testing::family(2, (1..).zip(placement.map(<[_]>::to_vec)));
        let child = testing::child(7, [testing::segment(12, [1, 2])]);
        let reference = testing::reference(7, [testing::segment(13, [])]);
        testing::catalog(family, [("Source", child), ("Filter", reference)])
    }

    fn row(database: &str, table: &str, attempt: u64, chunk: ChunkId) -> ManifestRow {
        ManifestRow {
            database: database.into(),
            table: table.into(),
            incarnation: 7,
            segment: attempt,
            attempt,
            chunk,
            part: TablePart::Home,
            schema_version: 1,
            rows: 1,
            bytes: 1,
            checksum: "1:1".into(),
            state: RowState::Published,
            epoch: 1,
        }
    }

    fn manifest() -> [ManifestRow; 5] {
        [
            row("sky__7", "Source_1__12", 12, 1),
            row("sky__7", "Source_2__12", 12, 2),
            row("sky__7", "Filter__13", 13, 0),
            row("sky__7", "Source_1__99", 99, 1),
            row("sky__6", "Source_1__12", 12, 1),
        ]
    }

    fn names(catalog: &Catalog, serving: &[WorkerId]) -> Vec<String> {
        let serving = serving.iter().copied().collect();
        let surplus = surplus(catalog, 3, &manifest(), &serving);
        surplus.into_iter().map(|(_, table)| table).collect()
    }

    #[test]
    fn surplus_is_what_the_catalog_gives_to_others_and_nothing_else() {
        // Neither a reference table, nor what a running ingest or a deleted table left.
        let found = names(&catalog([&[1, 2], &[1, 3]]), &[1, 2, 3]);
        assert_eq!(found, ["Source_1__12"]);
    }

    #[test]
    fn surplus_stays_until_the_chunk_has_all_its_copies_where_they_are_served() {
        let one_is_down = names(&catalog([&[1, 2], &[1, 3]]), &[1, 3]);
        assert!(one_is_down.is_empty(), "{one_is_down:?}");
        let mut catalog = catalog([&[1, 2], &[1, 3]]);
        catalog.families.get_mut("f").unwrap().behind = vec![Behind {
            worker: 2,
            segment: 12,
            chunks: [1].into(),
        }];
        assert!(names(&catalog, &[1, 2, 3]).is_empty(), "2 lacks rows");
    }

    #[test]
    fn what_a_worker_is_to_get_is_no_surplus() {
        let mut catalog = catalog([&[1, 2], &[1, 3]]);
        let intended = &mut catalog.families.get_mut("f").unwrap().intended;
        intended.insert(1, [3].into());
        assert!(names(&catalog, &[1, 2, 3]).is_empty());
    }

    fn at(placement: u64) -> Epochs {
        Epochs { data: 1, placement }
    }

    #[test]
    fn surplus_goes_when_every_reader_has_passed_the_catalog_that_listed_it() {
        let table = ("sky__7".to_owned(), "Source_1__12".to_owned());
        let surplus = BTreeSet::from([table]);
        let mut seen = Seen::default();
        let now = Instant::now();
        let mut look = |surplus: &BTreeSet<Physical>, placement, oldest: Option<u64>| {
            seen.observe(surplus, at(placement), oldest.map(at), now)
        };
        assert!(look(&surplus, 5, Some(4)).is_empty());
        assert!(look(&surplus, 6, None).is_empty(), "unknown");
        let due = look(&surplus, 7, Some(5));
        assert!(due.iter().eq(&surplus), "{due:?}");
        assert!(look(&BTreeSet::new(), 8, Some(8)).is_empty());
        let again = look(&surplus, 9, Some(8));
        assert!(
            again.is_empty(),
            "it was listed in between: the count begins again"
        );
    }

    #[test]
    fn a_manifest_is_read_when_a_worker_comes_and_then_only_for_a_reason() {
        let start = Instant::now();
        let mut seen = Seen::default();
        assert!(seen.is_due(at(1), start), "never looked at");
        seen.observe(&BTreeSet::new(), at(1), None, start);
        assert!(!seen.is_due(at(1), start + 10 * LATER), "nothing changed");
        assert!(!seen.is_due(at(2), start + SOON));
        assert!(seen.is_due(at(2), start + LATER));
        let table = ("sky__7".to_owned(), "Source_1__12".to_owned());
        seen.observe(&[table].into(), at(2), None, start);
        assert!(seen.is_due(at(2), start + SOON), "something is to go");
    }
}
