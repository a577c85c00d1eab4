//! Drops catalog objects that no root needs any more, after every live reader has passed them and a grace period at least.

use std::collections::{BTreeMap, BTreeSet};

use orrery_crds::catalog::{Catalog, Epochs, ObjectName, encode};
use tokio::time::Instant;

use super::store::GRACE;

/// Objects found unreferenced, with the epochs and the time at which that was seen first.
#[derive(Debug, Default)]
pub struct Garbage {
    since: BTreeMap<ObjectName, (Epochs, Instant)>,
}

impl Garbage {
    /// Names that may be dropped now. `oldest` is the oldest epoch in use by a live reader; nothing is dropped while it is unknown.
    pub fn due(
        &mut self,
        catalog: &Catalog,
        names: &BTreeSet<ObjectName>,
        oldest: Option<Epochs>,
        now: Instant,
    ) -> Vec<ObjectName> {
        let referenced = encode(catalog).objects;
        self.since
            .retain(|name, _| names.contains(name) && !referenced.contains_key(name));
        for name in names.iter().filter(|name| !referenced.contains_key(*name)) {
            self.since.entry(name.clone()).or_insert((catalog.epochs, now));
        }
        let passed = |epochs: &Epochs| oldest.is_some_and(|oldest| oldest >= *epochs);
        let due = self
            .since
            .iter()
            .filter(|(_, (epochs, since))| passed(epochs) && now.duration_since(*since) >= GRACE);
        due.map(|(name, _)| name.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use orrery_crds::catalog::ObjectKind;

    /// Design §4: old objects go after every live Lease has passed them and 60 s at least.
    #[test]
    fn an_object_goes_after_the_grace_and_when_every_reader_has_passed_it() {
        let start = Instant::now();
        let catalog = Catalog {
            epochs: Epochs {
                data: 5,
                placement: 5,
            },
            ..Catalog::default()
        };
        let name = ObjectName::of(ObjectKind::Map, "old");
        let names = BTreeSet::from([name.clone()]);
        let mut garbage = Garbage::default();
        let (old, new) = (
            Some(Epochs {
                data: 4,
                placement: 5,
            }),
            Some(catalog.epochs),
        );
        assert!(garbage.due(&catalog, &names, new, start).is_empty());
        let later = start + GRACE;
        assert!(
            garbage.due(&catalog, &names, old, later).is_empty(),
            "a reader still uses it"
        );
        assert!(
            garbage.due(&catalog, &names, None, later).is_empty(),
            "nobody knows"
        );
        assert_eq!(garbage.due(&catalog, &names, new, later), [name]);
    }
}
