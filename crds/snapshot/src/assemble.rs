//! Watch events in, complete catalogs out. A synchronous data structure: events may come in any
//! order and from several watches, and no order gives a mixed catalog, because a root is decoded
//! only from objects whose names are hashes of their payloads.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use orrery_archive::catalog::{
    self, Catalog, ObjectError, ObjectKind, ObjectName, ObjectSource, Objects, RootPayload,
};

/// A change of a catalog object as a watch reports it.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The root is this now.
    Root(RootPayload),
    /// An object is there.
    Object(ObjectName, String),
    /// An object is gone.
    Gone(ObjectName),
    /// The watch of a kind begins to list what there is: after a gap it does not say what went.
    Listing(ObjectKind),
    /// Everything of this kind was listed.
    Listed(ObjectKind),
}

/// Collects objects until a root is complete.
#[derive(Debug, Default)]
pub struct Assembler {
    objects: Objects,
    /// What lists that have not ended named so far.
    listing: BTreeMap<ObjectKind, BTreeSet<ObjectName>>,
    root: Option<RootPayload>,
    complete: Option<(RootPayload, Arc<Catalog>)>,
    /// Objects of the complete root, kept although the watch says they are gone: the file and other
    /// readers need them.
    kept: BTreeMap<ObjectName, String>,
}

impl ObjectSource for Assembler {
    fn payload(&self, name: &ObjectName) -> Option<&str> {
        self.objects
            .payload(name)
            .or_else(|| self.kept.payload(name))
    }
}

impl Assembler {
    /// Takes a change in; returns the catalog when it became a new complete one.
    pub fn apply(&mut self, change: Change) -> Option<Arc<Catalog>> {
        match change {
            Change::Root(root) => self.root = Some(root),
            Change::Object(name, payload) => {
                let listing = name.kind().and_then(|kind| self.listing.get_mut(&kind));
                if let Some(listed) = listing {
                    listed.insert(name.clone());
                }
                self.objects.insert(name, payload);
            }
            Change::Gone(name) => {
                self.objects.remove(&name);
            }
            Change::Listing(kind) => {
                self.listing.insert(kind, BTreeSet::new());
            }
            Change::Listed(kind) => {
                if let Some(listed) = self.listing.remove(&kind) {
                    self.objects
                        .retain(|name, _| name.kind() != Some(kind) || listed.contains(name));
                }
            }
        }
        self.try_complete()
    }

    /// What keeps the newest root from being complete.
    pub fn waiting_for(&self) -> Option<ObjectError> {
        let root = self.root.as_ref()?;
        if self
            .complete
            .as_ref()
            .is_some_and(|(complete, _)| complete == root)
        {
            return None;
        }
        catalog::decode(root, self).err()
    }

    /// The newest complete root with its objects.
    pub fn encoded(&self) -> Option<(RootPayload, Objects)> {
        self.complete
            .as_ref()
            .map(|(root, _)| (root.clone(), self.kept.clone()))
    }

    fn try_complete(&mut self) -> Option<Arc<Catalog>> {
        let root = self.root.as_ref()?;
        if self
            .complete
            .as_ref()
            .is_some_and(|(complete, _)| complete == root)
        {
            return None;
        }
        let decoded = Arc::new(catalog::decode(root, self).ok()?);
        let names = catalog::reachable(root, self).ok()?;
        self.kept = names
            .into_iter()
            .filter_map(|name| {
                self.payload(&name)
                    .map(str::to_owned)
                    .map(|payload| (name, payload))
            })
            .collect();
        self.complete = Some((root.clone(), Arc::clone(&decoded)));
        Some(decoded)
    }
}

#[cfg(test)]
mod tests {
    use orrery_archive::catalog::{Encoded, Epochs, Family, FamilyGrid, encode};

    use super::*;

    fn catalog(epoch: u64, worker: u32) -> Catalog {
        let family = Family {
            placement: (0..2).map(|chunk| (chunk, vec![worker])).collect(),
            ..Family::new(
                1,
                "p",
                orrery_archive::replicas::FamilyReplicas::default(),
                FamilyGrid::Hash { chunks: 4 },
            )
        };
        Catalog {
            epochs: Epochs {
                data: 1,
                placement: epoch,
            },
            families: BTreeMap::from([("f".to_owned(), family)]),
            ..Catalog::default()
        }
    }

    fn changes(encoded: &Encoded) -> Vec<Change> {
        let objects = encoded
            .objects
            .iter()
            .map(|(name, payload)| Change::Object(name.clone(), payload.clone()));
        objects
            .chain([Change::Root(encoded.root.clone())])
            .collect()
    }

    fn permutations(items: &[Change]) -> Vec<Vec<Change>> {
        if items.is_empty() {
            return vec![Vec::new()];
        }
        let mut all = Vec::new();
        for (i, first) in items.iter().enumerate() {
            let mut rest = items.to_vec();
            rest.remove(i);
            for mut tail in permutations(&rest) {
                tail.insert(0, first.clone());
                all.push(tail);
            }
        }
        all
    }

    /// A reader builds a snapshot only when every referenced object is there and matches; else it
    /// keeps the last complete one (docs/design/catalog.md#complete-snapshots).
    #[test]
    fn watch_events_in_every_order_never_give_a_mixed_snapshot() {
        let (old, new) = (catalog(1, 1), catalog(2, 2));
        let mut assembler_events = changes(&encode(&old));
        let new_events: Vec<Change> = {
            let encoded = encode(&new);
            let gone = encode(&old)
                .objects
                .into_keys()
                .filter(|name| !encoded.objects.contains_key(name))
                .map(Change::Gone);
            changes(&encoded)
                .into_iter()
                .filter(|change| !assembler_events.contains(change))
                .chain(gone)
                .collect()
        };
        assert!(
            new_events.len() <= 7,
            "{} events would give too many orders",
            new_events.len()
        );
        for order in permutations(&new_events) {
            let mut assembler = Assembler::default();
            let mut seen: Vec<Arc<Catalog>> = std::mem::take(&mut assembler_events)
                .into_iter()
                .filter_map(|change| assembler.apply(change))
                .collect();
            assembler_events = changes(&encode(&old));
            seen.extend(
                order
                    .into_iter()
                    .filter_map(|change| assembler.apply(change)),
            );
            assert_eq!(
                seen.iter()
                    .map(|catalog| catalog.epochs.placement)
                    .collect::<Vec<_>>(),
                [1, 2]
            );
            assert!(
                seen.iter()
                    .all(|catalog| **catalog == old || **catalog == new)
            );
        }
    }

    /// A watch that was interrupted begins with a list, and says of nothing that it went meanwhile.
    #[test]
    fn what_is_not_listed_after_a_gap_is_forgotten_and_what_the_catalog_needs_is_kept() {
        let (old, new) = (encode(&catalog(1, 1)), encode(&catalog(2, 2)));
        let mut assembler = Assembler::default();
        for change in changes(&old).into_iter().chain(changes(&new)) {
            assembler.apply(change);
        }
        let names = |assembler: &Assembler| -> Vec<ObjectName> {
            assembler.objects.keys().cloned().collect()
        };
        assert!(names(&assembler).len() > new.objects.len());
        let kinds = [ObjectKind::Map, ObjectKind::Placement, ObjectKind::Segment];
        let listed = |assembler: &mut Assembler, objects: &Objects| {
            for kind in kinds {
                assembler.apply(Change::Listing(kind));
                // The watch breaks in the middle of its list, and begins again.
                assembler.apply(Change::Listing(kind));
                for (name, payload) in objects.iter().filter(|(name, _)| name.kind() == Some(kind))
                {
                    assembler.apply(Change::Object(name.clone(), payload.clone()));
                }
                assembler.apply(Change::Listed(kind));
            }
        };
        listed(&mut assembler, &new.objects);
        assert_eq!(
            names(&assembler),
            new.objects.keys().cloned().collect::<Vec<_>>()
        );
        listed(&mut assembler, &Objects::new());
        assert_eq!(names(&assembler), []);
        assert_eq!(assembler.encoded(), Some((new.root, new.objects)));
    }

    #[test]
    fn what_is_missing_can_be_told() {
        let mut assembler = Assembler::default();
        let encoded = encode(&catalog(1, 1));
        assembler.apply(Change::Root(encoded.root.clone()));
        assert!(matches!(
            assembler.waiting_for(),
            Some(ObjectError::Missing(_))
        ));
        for change in changes(&encoded) {
            assembler.apply(change);
        }
        assert_eq!(assembler.waiting_for(), None);
        assert_eq!(
            assembler.encoded().map(|(root, _)| root),
            Some(encoded.root)
        );
    }
}
