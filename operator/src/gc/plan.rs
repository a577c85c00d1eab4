//! Drops catalog objects that no root needs any more, after every live reader has passed them and a
//! grace period at least.

use std::collections::BTreeMap;
use std::time::Duration;

use orrery_archive::catalog::{Epochs, ObjectName};
use tokio::time::Instant;

use crate::catalog::store::Needed;

/// How long an object must be unreferenced before it goes, after every reader has passed it too
/// (docs/design/catalog.md#old-objects).
pub const GRACE: Duration = Duration::from_secs(60);

/// Objects found unreferenced, with what was seen first.
#[derive(Debug, Default)]
pub struct Garbage {
    since: BTreeMap<ObjectName, Found>,
}

#[derive(Debug)]
struct Found {
    version: String,
    epochs: Epochs,
    at: Instant,
}

impl Garbage {
    /// Names that may be dropped now, with the resourceVersion to name. `there` are all objects
    /// with their resourceVersions, listed before `needed` was read. `oldest` is the oldest epoch
    /// in use by a live reader; nothing is dropped while it is unknown.
    ///
    /// An object that was written since, for a root that is yet to come, counts as found again.
    pub fn due(
        &mut self,
        needed: &Needed,
        there: &BTreeMap<ObjectName, String>,
        oldest: Option<Epochs>,
        now: Instant,
    ) -> Vec<(ObjectName, String)> {
        self.since.retain(|name, found| {
            there.get(name) == Some(&found.version) && !needed.names.contains(name)
        });
        for (name, version) in there
            .iter()
            .filter(|(name, _)| !needed.names.contains(*name))
        {
            self.since.entry(name.clone()).or_insert_with(|| Found {
                version: version.clone(),
                epochs: needed.epochs,
                at: now,
            });
        }
        let passed = |epochs: &Epochs| oldest.is_some_and(|oldest| oldest >= *epochs);
        let due = self
            .since
            .iter()
            .filter(|(_, found)| passed(&found.epochs) && now.duration_since(found.at) >= GRACE);
        due.map(|(name, found)| (name.clone(), found.version.clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use orrery_archive::catalog::ObjectKind;

    fn needed(names: &[&ObjectName]) -> Needed {
        Needed {
            epochs: Epochs {
                data: 5,
                placement: 5,
            },
            names: names.iter().map(|name| (*name).clone()).collect(),
        }
    }

    fn old() -> (ObjectName, BTreeMap<ObjectName, String>) {
        let name = ObjectName::of(ObjectKind::Map, "old");
        (name.clone(), BTreeMap::from([(name, "1".to_owned())]))
    }

    /// docs/design/catalog.md#old-objects: after every live Lease has passed them, and 60 s at
    /// least.
    #[test]
    fn an_object_goes_after_the_grace_and_when_every_reader_has_passed_it() {
        let start = Instant::now();
        let nothing = needed(&[]);
        let (name, there) = old();
        let mut garbage = Garbage::default();
        let (behind, new) = (
            Some(Epochs {
                data: 4,
                placement: 5,
            }),
            Some(nothing.epochs),
        );
        assert!(garbage.due(&nothing, &there, new, start).is_empty());
        let later = start + GRACE;
        assert!(
            garbage.due(&nothing, &there, behind, later).is_empty(),
            "a reader still uses it"
        );
        assert!(
            garbage.due(&nothing, &there, None, later).is_empty(),
            "readers are not known"
        );
        assert_eq!(
            garbage.due(&nothing, &there, new, later),
            [(name.clone(), "1".to_owned())]
        );
        assert!(
            garbage
                .due(&needed(&[&name]), &there, new, later)
                .is_empty(),
            "the newest root needs it"
        );
    }

    /// A revoked ingest that comes back, or a copy that moves back, gives content that was there
    /// before under the same name.
    #[test]
    fn an_object_that_is_used_again_is_no_garbage_before_its_root_is_seen() {
        let start = Instant::now();
        let nothing = needed(&[]);
        let (name, mut there) = old();
        let mut garbage = Garbage::default();
        assert!(
            garbage
                .due(&nothing, &there, Some(nothing.epochs), start)
                .is_empty()
        );
        there.insert(name, "2".to_owned());
        let later = start + GRACE;
        assert!(
            garbage
                .due(&nothing, &there, Some(nothing.epochs), later)
                .is_empty()
        );
    }
}
