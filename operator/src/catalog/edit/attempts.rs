//! Attempts of ingests that are under way: their chunks keep their workers, also while they hold no
//! rows yet.

use std::collections::BTreeSet;

use orrery_archive::catalog::{Catalog, ChunkSet, OpenAttempt};

/// Enters an attempt of the Ingest with UID `ingest`, which has one attempt at a time: a former one
/// whose number never reached its status is over. `chunks` are those that get rows, by family.
pub fn open_attempt(
    next: &mut Catalog,
    number: u64,
    ingest: &str,
    chunks: impl IntoIterator<Item = (String, ChunkSet)>,
) {
    for family in next.families.values_mut() {
        family.attempts.retain(|_, open| open.ingest != ingest);
    }
    for (family, chunks) in chunks.into_iter().filter(|(_, chunks)| !chunks.is_empty()) {
        if let Some(family) = next.families.get_mut(&family) {
            let ingest = ingest.to_owned();
            family
                .attempts
                .insert(number, OpenAttempt { ingest, chunks });
        }
    }
}

/// The attempt is published or given up.
pub fn close_attempt(next: &mut Catalog, number: u64) {
    for family in next.families.values_mut() {
        family.attempts.remove(&number);
    }
}

/// Closes the attempts of Ingests that can have none: their objects are gone, or have lost their
/// statuses. `None` when there are none.
pub fn close_abandoned(catalog: &Catalog, is_under_way: impl Fn(&str) -> bool) -> Option<Catalog> {
    let open = catalog
        .families
        .values()
        .flat_map(|family| &family.attempts);
    let abandoned: BTreeSet<u64> = open
        .filter(|(_, open)| !is_under_way(&open.ingest))
        .map(|(number, _)| *number)
        .collect();
    if abandoned.is_empty() {
        return None;
    }
    let mut next = catalog.clone();
    for number in abandoned {
        close_attempt(&mut next, number);
    }
    Some(next)
}

#[cfg(test)]
mod tests {
    use orrery_archive::testing;

    use super::*;

    #[test]
    fn only_attempts_whose_ingest_can_have_none_are_closed() {
        let mut catalog = testing::catalog(testing::family(1, [(1, vec![1])]), []);
        let index = testing::family(1, [(1, vec![1])]);
        catalog.families.insert("f-index".into(), index);
        let chunks = || ["f", "f-index"].map(|family| (family.to_owned(), [1].into()));
        open_attempt(&mut catalog, 7, "lives", chunks());
        open_attempt(&mut catalog, 8, "gone", chunks());
        assert_eq!(close_abandoned(&catalog, |_| true), None);
        let next = close_abandoned(&catalog, |uid| uid == "lives").unwrap();
        for family in next.families.values() {
            assert!(family.attempts.keys().eq(&[7]), "{family:?}");
        }
    }
}
