//! The reader's Lease: reports to the operator the newest complete catalog that statements here are
//! answered with and the oldest still in use, so that a publish counts as visible only when it is,
//! and nothing needed is dropped.
//!
//! An expired lease stops nothing here: leases protect against errors, names protect against wrong
//! answers (docs/design/catalog.md#leases).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta, OwnerReference};
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, ResourceExt as _};
use orrery_archive::catalog::Epochs;
use orrery_archive::names::COMPONENT_LABEL;
use tokio::sync::watch;

/// Label that marks reader leases.
pub const READER_LABEL: &str = "orrery.dev/reader";
/// Annotation with the newest complete epochs, `data/placement`.
pub const NEWEST: &str = "orrery.dev/newest";
/// Annotation with the oldest epochs in use.
pub const OLDEST: &str = "orrery.dev/oldest-in-use";
/// Annotation with the digest of the TLS files that the reader works with ([`orrery_tls::in_use`]).
pub const TLS: &str = "orrery.dev/tls";
/// Seconds without renewal after which a lease counts as dead.
pub const DURATION_SECONDS: i32 = 15;
const RENEW_EVERY: Duration = Duration::from_secs(4);

/// Epochs that new statements are answered with, and those that running ones were planned with.
#[derive(Clone, Debug)]
pub struct InUse {
    counts: Arc<Mutex<BTreeMap<Epochs, usize>>>,
    /// A reader may know a newer catalog that it cannot answer with yet; only what it answers with
    /// counts.
    served: watch::Sender<Option<Epochs>>,
}

impl Default for InUse {
    fn default() -> Self {
        Self {
            counts: Arc::default(),
            served: watch::Sender::new(None),
        }
    }
}

/// Keeps an epoch in use until it is dropped.
#[derive(Debug)]
pub struct InUseGuard {
    counts: Arc<Mutex<BTreeMap<Epochs, usize>>>,
    epochs: Epochs,
}

impl InUse {
    /// Marks `epochs` as in use for the life of the guard.
    pub fn enter(&self, epochs: Epochs) -> InUseGuard {
        *self
            .counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(epochs)
            .or_insert(0) += 1;
        InUseGuard {
            counts: Arc::clone(&self.counts),
            epochs,
        }
    }

    /// From now on new statements are answered with `epochs`.
    pub fn serve(&self, epochs: Epochs) {
        self.served.send_replace(Some(epochs));
    }

    /// What the lease says; `None` before the first catalog is served.
    pub fn report(&self) -> Option<ReaderEpochs> {
        let newest = (*self.served.borrow())?;
        Some(ReaderEpochs {
            newest,
            oldest: self.oldest().unwrap_or(newest).min(newest),
        })
    }

    /// The oldest epochs in use.
    pub fn oldest(&self) -> Option<Epochs> {
        self.counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .keys()
            .next()
            .copied()
    }
}

impl Drop for InUseGuard {
    fn drop(&mut self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.epochs) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.epochs);
            }
        }
    }
}

/// Whose lease.
#[derive(Clone, Debug)]
pub struct Reader {
    /// Pod name; also the lease's name.
    pub pod: String,
    /// Pod UID, so that the lease goes with its pod.
    pub pod_uid: String,
    /// `czar` or `proxy`.
    pub component: String,
    /// Folder with its TLS files.
    pub tls: Option<PathBuf>,
}

impl Reader {
    /// The digest of its TLS files; `None` while they cannot be used.
    fn tls_in_use(&self) -> Option<String> {
        let digest = orrery_tls::in_use(self.tls.as_deref()?);
        digest
            .inspect_err(|error| tracing::warn!(%error, "the TLS files cannot be used"))
            .ok()
    }
}

/// What a lease says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReaderEpochs {
    /// Newest complete.
    pub newest: Epochs,
    /// Oldest in use; the newest when nothing runs.
    pub oldest: Epochs,
}

/// Reads a reader lease; `None` when it is not one.
pub fn read(lease: &Lease) -> Option<ReaderEpochs> {
    Some(ReaderEpochs {
        newest: parse(lease.annotations().get(NEWEST)?)?,
        oldest: parse(lease.annotations().get(OLDEST)?)?,
    })
}

fn parse(text: &str) -> Option<Epochs> {
    let (data, placement) = text.split_once('/')?;
    Some(Epochs {
        data: data.parse().ok()?,
        placement: placement.parse().ok()?,
    })
}

/// Renews `reader`'s lease until the process ends; at once when another catalog is served, so that
/// a publish becomes visible quickly.
pub async fn renew(client: Client, namespace: String, reader: Reader, in_use: InUse) {
    let api: Api<Lease> = Api::namespaced(client, &namespace);
    let mut changes = in_use.served.subscribe();
    loop {
        if let Some(epochs) = in_use.report() {
            let lease = lease(&reader, epochs, reader.tls_in_use());
            let applied = api
                .patch(
                    &reader.pod,
                    &PatchParams::apply("orrery-reader").force(),
                    &Patch::Apply(&lease),
                )
                .await;
            if let Err(error) = applied {
                tracing::warn!(%error, "lease not renewed");
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }
        let _ = tokio::time::timeout(RENEW_EVERY, changes.changed()).await;
    }
}

fn lease(reader: &Reader, epochs: ReaderEpochs, tls: Option<String>) -> Lease {
    let says = [
        (NEWEST, Some(epochs.newest.to_string())),
        (OLDEST, Some(epochs.oldest.to_string())),
        (TLS, tls),
    ];
    let says = says.into_iter();
    let annotations = says.filter_map(|(key, value)| Some((key.to_owned(), value?)));
    Lease {
        metadata: ObjectMeta {
            name: Some(reader.pod.clone()),
            labels: Some(BTreeMap::from([
                (READER_LABEL.to_owned(), "true".to_owned()),
                (COMPONENT_LABEL.to_owned(), reader.component.clone()),
            ])),
            annotations: Some(annotations.collect()),
            owner_references: Some(vec![OwnerReference {
                api_version: "v1".into(),
                kind: "Pod".into(),
                name: reader.pod.clone(),
                uid: reader.pod_uid.clone(),
                ..OwnerReference::default()
            }]),
            ..ObjectMeta::default()
        },
        spec: Some(LeaseSpec {
            holder_identity: Some(reader.pod.clone()),
            lease_duration_seconds: Some(DURATION_SECONDS),
            renew_time: Some(MicroTime(Timestamp::now())),
            ..LeaseSpec::default()
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_reads_back() {
        let reader = Reader {
            pod: "czar-0".into(),
            pod_uid: "u".into(),
            component: "czar".into(),
            tls: None,
        };
        let epochs = ReaderEpochs {
            newest: Epochs {
                data: 3,
                placement: 9,
            },
            oldest: Epochs {
                data: 2,
                placement: 8,
            },
        };
        let lease = lease(&reader, epochs, Some("digest".into()));
        assert_eq!(read(&lease), Some(epochs));
        assert_eq!(lease.annotations()[TLS], "digest");
    }

    #[test]
    fn the_newest_epoch_is_what_statements_are_answered_with() {
        let epochs = |data| Epochs { data, placement: 1 };
        let in_use = InUse::default();
        let _statement = in_use.enter(epochs(1));
        assert_eq!(in_use.report(), None, "nothing is served yet");
        in_use.serve(epochs(1));
        let report = |newest, oldest| {
            Some(ReaderEpochs {
                newest: epochs(newest),
                oldest: epochs(oldest),
            })
        };
        assert_eq!(in_use.report(), report(1, 1));
        in_use.serve(epochs(2));
        assert_eq!(
            in_use.report(),
            report(2, 1),
            "a statement still runs with the old one"
        );
    }

    #[test]
    fn the_oldest_epoch_is_that_of_the_oldest_running_statement() {
        let in_use = InUse::default();
        let (old, new) = (
            Epochs {
                data: 1,
                placement: 5,
            },
            Epochs {
                data: 2,
                placement: 1,
            },
        );
        let first = in_use.enter(old);
        let _second = in_use.enter(new);
        assert_eq!(in_use.oldest(), Some(old));
        drop(first);
        assert_eq!(in_use.oldest(), Some(new));
    }
}
