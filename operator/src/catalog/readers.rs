//! What live readers still need, from their Leases (docs/design/catalog.md#leases). Expiry is
//! judged by this process's own monotonic clock: a Lease is dead when its renewTime was seen
//! unchanged for its duration, so no clock of another machine matters.

use std::collections::HashMap;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::ResourceExt;
use orrery_archive::catalog::Epochs;
use orrery_snapshot::lease::{self, DURATION_SECONDS, ReaderEpochs};
use tokio::time::Instant;

/// Readers as seen so far.
#[derive(Debug, Default)]
pub struct Readers {
    seen: HashMap<String, Sighting>,
    /// Last look.
    looked: Option<Instant>,
}

#[derive(Debug)]
struct Sighting {
    renewed: Option<k8s_openapi::jiff::Timestamp>,
    since: Instant,
    epochs: Option<ReaderEpochs>,
}

impl Readers {
    /// Takes the present Leases in. After a time without looks in which every Lease could have run
    /// out no reader is known to be dead: the cluster API was away, for the readers too.
    pub fn observe(&mut self, leases: &[Lease], now: Instant) {
        let blind = self
            .looked
            .replace(now)
            .is_some_and(|looked| now.duration_since(looked) >= lease_time());
        if blind {
            self.seen
                .values_mut()
                .for_each(|sighting| sighting.since = now);
        }
        let names: Vec<String> = leases.iter().map(ResourceExt::name_any).collect();
        self.seen.retain(|name, _| names.contains(name));
        for lease in leases {
            let renewed = lease
                .spec
                .as_ref()
                .and_then(|spec| spec.renew_time.as_ref())
                .map(|time| time.0);
            let sighting = self.seen.entry(lease.name_any()).or_insert(Sighting {
                renewed,
                since: now,
                epochs: None,
            });
            if sighting.renewed != renewed {
                sighting.renewed = renewed;
                sighting.since = now;
            }
            sighting.epochs = lease::read(lease);
        }
    }

    fn live(&self, now: Instant) -> impl Iterator<Item = &Sighting> {
        self.seen
            .values()
            .filter(move |sighting| now.duration_since(sighting.since) < lease_time())
    }

    /// Whether every live reader has a catalog with this dataEpoch. A live Lease without epochs is
    /// a reader that has none yet.
    pub fn all_have(&self, data_epoch: u64, now: Instant) -> bool {
        self.live(now).all(|sighting| {
            sighting
                .epochs
                .is_some_and(|epochs| epochs.newest.data >= data_epoch)
        })
    }

    /// Oldest epochs that anybody may ask for: without any Lease those of the newest root, else
    /// [`Self::oldest_in_use`].
    pub fn oldest_needed(&self, newest: Epochs, now: Instant) -> Option<Epochs> {
        if self.seen.is_empty() {
            Some(newest)
        } else {
            self.oldest_in_use(now)
        }
    }

    /// Oldest epochs a live reader uses; `None` when no reader lives, or one does not say.
    fn oldest_in_use(&self, now: Instant) -> Option<Epochs> {
        self.live(now)
            .map(|sighting| sighting.epochs.map(|epochs| epochs.oldest))
            .min()
            .flatten()
    }
}

/// How long a Lease holds.
fn lease_time() -> Duration {
    Duration::from_secs(u64::from(DURATION_SECONDS.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use k8s_openapi::api::coordination::v1::LeaseSpec;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
    use k8s_openapi::jiff::Timestamp;
    use kube::api::ObjectMeta;

    use super::*;

    fn lease(name: &str, renewed: i64, epoch: u64) -> Lease {
        let annotations =
            [lease::NEWEST, lease::OLDEST].map(|key| (key.to_owned(), format!("{epoch}/1")));
        Lease {
            metadata: ObjectMeta {
                name: Some(name.into()),
                annotations: Some(BTreeMap::from(annotations)),
                ..ObjectMeta::default()
            },
            spec: Some(LeaseSpec {
                renew_time: Timestamp::from_second(renewed).ok().map(MicroTime),
                ..LeaseSpec::default()
            }),
        }
    }

    /// Expiry by the operator's own monotonic clock (docs/design/catalog.md#leases).
    #[test]
    fn a_reader_that_renews_counts_whatever_its_clock_says() {
        let start = Instant::now();
        let mut readers = Readers::default();
        readers.observe(&[lease("a", 5, 7), lease("b", 1, 9)], start);
        assert!(!readers.all_have(9, start));
        let between = start + Duration::from_secs(8);
        readers.observe(&[lease("a", 5, 7), lease("b", 1, 9)], between);
        let later = start + Duration::from_secs(16);
        readers.observe(&[lease("a", 5, 7), lease("b", 2, 9)], later);
        assert!(readers.all_have(9, later), "a is dead, b renewed");
        assert_eq!(
            readers.oldest_in_use(later),
            Some(Epochs {
                data: 9,
                placement: 1
            })
        );
    }

    /// With the API away for longer than a lease, nothing is dropped for one lease time after its
    /// return (docs/design/catalog.md#leases).
    #[test]
    fn after_an_outage_every_reader_lives_for_one_lease_time() {
        let start = Instant::now();
        let old = Some(Epochs {
            data: 7,
            placement: 1,
        });
        let mut readers = Readers::default();
        readers.observe(&[lease("a", 5, 7)], start);
        // The API was away for an hour: a could not renew either.
        let back = start + Duration::from_secs(3600);
        readers.observe(&[lease("a", 5, 7)], back);
        assert_eq!(readers.oldest_in_use(back), old);
        let soon = back + Duration::from_secs(14);
        readers.observe(&[lease("a", 5, 7)], soon);
        assert_eq!(readers.oldest_in_use(soon), old);
        assert!(!readers.all_have(8, soon));
        let later = back + Duration::from_secs(15);
        readers.observe(&[lease("a", 5, 7)], later);
        assert_eq!(readers.oldest_in_use(later), None, "it is dead now");
    }
}
