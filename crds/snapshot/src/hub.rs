//! Where sources meet: the newest catalog wins, and readers get whole snapshots.

use std::collections::BTreeMap;
use std::sync::Arc;

use orrery_archive::catalog::users::Users;
use orrery_archive::catalog::{Catalog, Epochs, Objects, RootPayload};
use orrery_archive::names::WorkerId;
use orrery_worker_api::agent::KnownCatalog;
use tokio::sync::watch;

use crate::model::{Snapshot, WorkerView};

/// What a source has to offer.
#[derive(Clone, Debug)]
pub enum Offer {
    /// A complete catalog with the objects it came from.
    Catalog(Arc<Catalog>, RootPayload, Objects),
    /// All workers.
    Workers(BTreeMap<WorkerId, WorkerView>),
    /// All users.
    Users(Users),
}

/// What the hub knows; also what the file holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub(crate) snapshot: Snapshot,
    pub(crate) encoded: Option<(RootPayload, Objects)>,
}

/// Takes offers, gives snapshots. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Hub {
    state: watch::Sender<State>,
}

impl Default for Hub {
    fn default() -> Self {
        Self {
            state: watch::Sender::new(State::default()),
        }
    }
}

impl Hub {
    /// A hub that knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The newest snapshot; `None` before a complete catalog was seen.
    pub fn current(&self) -> Option<Arc<Snapshot>> {
        let state = self.state.borrow();
        state
            .encoded
            .is_some()
            .then(|| Arc::new(state.snapshot.clone()))
    }

    /// Takes an offer; older catalogs and those of another archive are ignored. Returns whether
    /// anything changed.
    pub fn offer(&self, offer: Offer) -> bool {
        self.state.send_if_modified(|state| state.take(offer))
    }

    /// Waits until something changed, then gives the newest snapshot. A new subscription reports
    /// the present one first.
    pub fn subscribe(&self) -> Subscription {
        let mut receiver = self.state.subscribe();
        receiver.mark_changed();
        Subscription { receiver }
    }

    /// The catalog that it has.
    pub(crate) fn known(&self) -> Option<KnownCatalog> {
        let state = self.state.borrow();
        state.encoded.is_some().then(|| {
            let catalog = &state.snapshot.catalog;
            KnownCatalog {
                archive_uid: catalog.archive_uid.clone(),
                lineage: catalog.lineage,
                data: catalog.epochs.data,
                placement: catalog.epochs.placement,
            }
        })
    }

    pub(crate) fn state(&self) -> State {
        self.state.borrow().clone()
    }
}

/// A reader's place in the run of snapshots.
#[derive(Debug)]
pub struct Subscription {
    receiver: watch::Receiver<State>,
}

impl Subscription {
    /// The next snapshot that differs from the last one returned; never ends while the hub lives.
    pub async fn next(&mut self) -> Option<Arc<Snapshot>> {
        loop {
            self.receiver.changed().await.ok()?;
            let state = self.receiver.borrow_and_update();
            if state.encoded.is_some() {
                return Some(Arc::new(state.snapshot.clone()));
            }
        }
    }
}

impl State {
    fn take(&mut self, offer: Offer) -> bool {
        match offer {
            Offer::Catalog(catalog, root, objects) => {
                let newer = self.encoded.is_none() || is_newer(&self.snapshot.catalog, &catalog);
                if newer {
                    self.snapshot.catalog = catalog;
                    self.encoded = Some((root, objects));
                }
                newer
            }
            Offer::Workers(workers) => replace(&mut self.snapshot.workers, workers),
            Offer::Users(users) => replace(&mut self.snapshot.users, users),
        }
    }
}

fn replace<T: PartialEq>(slot: &mut Arc<T>, value: T) -> bool {
    let changed = **slot != value;
    if changed {
        *slot = Arc::new(value);
    }
    changed
}

/// Archive UID equal, then lineage, then epochs (docs/design/README.md#snapshots). The placement
/// epoch alone may move under one data epoch.
fn is_newer(held: &Catalog, offered: &Catalog) -> bool {
    let order = |catalog: &Catalog| -> (u32, Epochs) { (catalog.lineage, catalog.epochs) };
    held.archive_uid == offered.archive_uid && order(offered) > order(held)
}

#[cfg(test)]
mod tests {
    use orrery_archive::catalog::encode;

    use super::*;

    fn offer(uid: &str, lineage: u32, data: u64) -> Offer {
        let catalog = Catalog {
            archive_uid: uid.into(),
            lineage,
            epochs: Epochs { data, placement: 1 },
            ..Catalog::default()
        };
        let encoded = encode(&catalog);
        Offer::Catalog(Arc::new(catalog), encoded.root, encoded.objects)
    }

    #[test]
    fn newest_wins_within_one_archive() {
        let hub = Hub::new();
        assert!(hub.current().is_none());
        assert!(hub.offer(offer("a", 0, 5)));
        assert!(!hub.offer(offer("a", 0, 4)), "an older epoch");
        assert!(!hub.offer(offer("b", 9, 9)), "another archive");
        assert!(hub.offer(offer("a", 1, 1)), "a higher lineage");
        assert_eq!(
            hub.current().map(|snapshot| snapshot.catalog.lineage),
            Some(1)
        );
    }
}
