//! Which volumes of a pool are to grow because `spec.storage` was raised, and which cannot. Pure.
//!
//! Whether the storage class of a claim lets it grow is the API server's to say: it refuses a patch
//! otherwise, so the operator need not read classes. A StatefulSet's own claim never changes; a
//! volume that is made again from it is smaller, and grows like the others.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use orrery_archive::names::worker_name;

use super::objects;
use super::observe::Observed;
use crate::controller::conditions::Finding;
use crate::quantity;

/// The volumes of a pool against its `spec.storage`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Volumes {
    /// Claims that ask for less than wanted, by name.
    pub smaller: Vec<String>,
    /// Claims that ask for it and have not got it yet.
    pub growing: Vec<String>,
    /// Claims that ask for more.
    pub larger: Vec<String>,
    /// Of the smaller ones, those that the API server refused to let grow, and why.
    pub refused: BTreeMap<String, String>,
}

/// Compares the claims of the pool's workers with what is wanted.
pub fn volumes(observed: &Observed) -> Volumes {
    let mut volumes = Volumes::default();
    let Some(wanted) = quantity::bytes(&observed.pool.spec.storage) else {
        return volumes;
    };
    for id in observed.workers.keys() {
        let name = objects::claim_name(&worker_name(&observed.name, *id));
        let claim = observed.claims.get(&name);
        let Some(claim) = claim.filter(|claim| claim.metadata.deletion_timestamp.is_none()) else {
            continue;
        };
        let has = capacity(claim);
        match requested(claim) {
            Some(asked) if asked < wanted => volumes.smaller.push(name),
            Some(asked) if asked > wanted => volumes.larger.push(name),
            Some(_) if has.is_some_and(|has| has < wanted) => volumes.growing.push(name),
            Some(_) | None => {}
        }
    }
    volumes
}

fn requested(claim: &PersistentVolumeClaim) -> Option<u64> {
    let resources = claim.spec.as_ref()?.resources.as_ref()?;
    quantity::bytes(&resources.requests.as_ref()?.get("storage")?.0)
}

fn capacity(claim: &PersistentVolumeClaim) -> Option<u64> {
    let capacity = claim.status.as_ref()?.capacity.as_ref()?;
    quantity::bytes(&capacity.get("storage")?.0)
}

/// Whether a claim has its volume: one that has none yet cannot grow.
pub fn is_bound(claim: &PersistentVolumeClaim) -> bool {
    let phase = claim
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    phase == Some("Bound")
}

/// Why volumes are not as large as `spec.storage` says.
pub fn waits(observed: &Observed, volumes: &Volumes) -> Option<Finding> {
    let wanted = &observed.pool.spec.storage;
    if let Some((claim, why)) = volumes.refused.first_key_value() {
        let count = volumes.refused.len();
        return Some(Finding::met(
            "NotExpandable",
            format!(
                "{count} volumes are smaller than spec.storage ({wanted}) and cannot grow, the first is {claim}: {why}. Set allowVolumeExpansion on their storage class if its driver can; or raise spec.workers, drain these and lower it again"
            ),
        ));
    }
    let first = volumes.larger.first()?;
    let count = volumes.larger.len();
    Some(Finding::met(
        "NeverShrinks",
        format!(
            "{count} volumes are larger than spec.storage ({wanted}), the first is {first}: a volume never shrinks; spec.storage holds for workers made from now on"
        ),
    ))
}
