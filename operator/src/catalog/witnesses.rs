//! What workers say that they have heard of, held against the catalog
//! (docs/design/catalog.md#manifests). Pure but for the clock, which is an argument.
//!
//! When workers hold what the catalog does not know (an old backup of the cluster API, or a root
//! that was deleted), no root is written: its numbers would be given out a second time, and its
//! tables would be taken for unknown ones. Numbers are in a root before an agent hears of them, so
//! a higher one at an agent is the sure sign. A worker that does not say its numbers says nothing:
//! it is not an empty one.

use std::collections::BTreeMap;
use std::time::Duration;

use orrery_archive::catalog::Catalog;
use orrery_archive::names::WorkerId;
use orrery_worker_api::agent::{Highest, Info};
use tokio::time::Instant;

use super::error::WriterError;

/// How long a new leader waits for the numbers of workers that were not down when last seen. It
/// then leads without them: every later probe is looked at as well.
pub const LONGEST_SILENCE: Duration = Duration::from_secs(20);

/// What the workers of one archive said last.
#[derive(Debug, Default)]
pub struct Witnesses {
    heard: BTreeMap<WorkerId, Statement>,
    /// When this process first asked.
    asked: Option<Instant>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Statement {
    archive_uid: String,
    highest: Highest,
}

impl Witnesses {
    /// Takes in what agents said. One whose mysqld does not answer has said nothing new.
    pub fn hear<'a>(&mut self, infos: impl IntoIterator<Item = &'a Info>) {
        for info in infos {
            if let (Some(identity), Some(held)) = (&info.identity, info.held) {
                let statement = Statement {
                    archive_uid: identity.archive_uid.clone(),
                    highest: held.highest,
                };
                self.heard.insert(identity.worker, statement);
            }
        }
    }

    /// Passes when no worker of this archive knows a number that the catalog has not given out.
    pub fn check(&self, catalog: &Catalog) -> Result<(), WriterError> {
        let known = &catalog.counters;
        let own = self
            .heard
            .iter()
            .filter(|(_, statement)| statement.archive_uid == catalog.archive_uid);
        for (worker, Statement { highest, .. }) in own {
            if highest.attempt > known.attempt || highest.segment > known.segment {
                return Err(WriterError::Behind(format!(
                    "worker {worker} holds attempt {} and segment {}, the catalog has given out {} and {}",
                    highest.attempt, highest.segment, known.attempt, known.segment
                )));
            }
        }
        Ok(())
    }

    /// Passes when each of `expected` has said its numbers, or was waited for long enough.
    pub fn complete(
        &mut self,
        expected: impl IntoIterator<Item = WorkerId>,
        now: Instant,
    ) -> Result<(), WriterError> {
        let asked = *self.asked.get_or_insert(now);
        let silent: Vec<String> = expected
            .into_iter()
            .filter(|worker| !self.heard.contains_key(worker))
            .map(|worker| worker.to_string())
            .collect();
        if silent.is_empty() {
            return Ok(());
        }
        let silent = silent.join(", ");
        if now.duration_since(asked) < LONGEST_SILENCE {
            return Err(WriterError::Silent(silent));
        }
        tracing::warn!(
            workers = silent,
            "the catalog is led without the numbers of workers that do not say them"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use orrery_worker_api::agent::{Held, Identity, TlsInUse};

    use super::*;

    fn info(worker: WorkerId, highest: Option<(u64, u64)>) -> Info {
        Info {
            api_versions: vec![1],
            identity: Some(Identity {
                archive_uid: "a".into(),
                worker,
                directory: "d".into(),
            }),
            term: 1,
            mysqld: highest.map(|_| "10.11".into()),
            catalog: None,
            free_bytes: 0,
            held: highest.map(|(attempt, segment)| Held {
                tables: 1,
                bytes: 1,
                highest: Highest { attempt, segment },
            }),
            tls: TlsInUse::default(),
        }
    }

    fn catalog(archive_uid: &str, attempt: u64, segment: u64) -> Catalog {
        let mut catalog = Catalog {
            archive_uid: archive_uid.into(),
            ..Catalog::default()
        };
        (catalog.counters.attempt, catalog.counters.segment) = (attempt, segment);
        catalog
    }

    #[test]
    fn a_number_that_was_not_given_out_contradicts_the_catalog() {
        let mut witnesses = Witnesses::default();
        witnesses.hear(&[info(1, Some((2, 2))), info(3, Some((7, 5)))]);
        witnesses.check(&catalog("a", 7, 5)).unwrap();
        for (attempt, segment) in [(6, 5), (7, 4)] {
            let error = witnesses.check(&catalog("a", attempt, segment));
            let error = error.unwrap_err().to_string();
            assert!(error.contains("worker 3"), "{error}");
        }
        witnesses.check(&catalog("another archive", 0, 0)).unwrap();
    }

    #[test]
    fn a_worker_whose_mysqld_went_away_takes_nothing_back() {
        let mut witnesses = Witnesses::default();
        witnesses.hear(&[info(3, Some((7, 5)))]);
        witnesses.hear(&[info(3, None)]);
        assert!(witnesses.check(&catalog("a", 6, 5)).is_err());
    }

    #[test]
    fn a_worker_that_does_not_say_its_numbers_is_waited_for_and_not_taken_for_an_empty_one() {
        let start = Instant::now();
        let mut witnesses = Witnesses::default();
        witnesses.hear(&[info(1, Some((1, 1))), info(2, None)]);
        let error = witnesses.complete([1, 2], start).unwrap_err();
        assert!(
            matches!(&error, WriterError::Silent(who) if who == "2"),
            "{error}"
        );
        let soon = start + LONGEST_SILENCE / 2;
        assert!(witnesses.complete([1, 2], soon).is_err());
        witnesses.complete([1, 2], start + LONGEST_SILENCE).unwrap();

        let mut others = Witnesses::default();
        others.hear(&[info(1, Some((1, 1))), info(2, Some((0, 0)))]);
        others.complete([1, 2], start).unwrap();
    }
}
