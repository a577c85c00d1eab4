//! Which worker's pod is restarted next, because it runs an older spec or a person asks for it.
//! Pure.
//!
//! One at a time, a failure domain after the other, and only while all others serve: so a roll stops
//! by itself when a worker does not come back.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use orrery_archive::names::{WorkerId, worker_name};
use orrery_crds::kinds::{RESTART_POD, Worker};

use super::disruptions::Copies;
use super::identity::Trust;
use super::observe::Observed;
use super::sight::{pod_ready, serves};

/// Label of a pod with the revision of its StatefulSet that it was made from.
const REVISION: &str = "controller-revision-hash";

/// How far a roll is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roll {
    /// Workers whose pods are to be restarted.
    pub pending: BTreeSet<WorkerId>,
    /// The one that is restarted now.
    pub next: Option<WorkerId>,
    /// Why none is, although some are to be.
    pub waits: Option<String>,
}

/// Looks at the pods of the pool.
pub fn roll(observed: &Observed, trust: &BTreeMap<WorkerId, Trust>) -> Roll {
    let pods = observed.pods.iter();
    let pending: BTreeSet<WorkerId> = pods
        .filter(|(id, pod)| is_outdated(observed, **id, pod) || is_asked(observed, **id, pod))
        .map(|(id, _)| *id)
        .collect();
    let mut roll = Roll {
        pending,
        ..Roll::default()
    };
    if roll.pending.is_empty() || observed.pool.spec.paused {
        return roll;
    }
    let unwell: Vec<WorkerId> = observed
        .workers
        .keys()
        .filter(|id| !serves(observed, trust, **id))
        .copied()
        .collect();
    match unwell.as_slice() {
        [] => choose(observed, trust, &mut roll),
        // What does not serve cannot get worse, and may need the new spec to serve again.
        [only] if roll.pending.contains(only) && is_down(observed, *only) => {
            roll.next = Some(*only);
        }
        [first, ..] => {
            let name = worker_name(&observed.name, *first);
            roll.waits = Some(format!("{name} does not serve"));
        }
    }
    roll
}

fn choose(observed: &Observed, trust: &BTreeMap<WorkerId, Trust>, roll: &mut Roll) {
    let zone = |id: &WorkerId| {
        let status = observed.workers.get(id)?.status.as_ref()?;
        status.zone.clone()
    };
    let mut order: Vec<(Option<String>, WorkerId)> =
        roll.pending.iter().map(|id| (zone(id), *id)).collect();
    order.sort();
    let serving: BTreeSet<WorkerId> = observed
        .workers
        .keys()
        .filter(|id| serves(observed, trust, **id))
        .copied()
        .collect();
    let copies = Copies::on(observed, &serving);
    for (_, id) in &order {
        match copies.missed(*id) {
            None => {
                roll.next = Some(*id);
                return;
            }
            Some(chunk) => {
                let name = worker_name(&observed.name, *id);
                roll.waits = Some(format!("without {name}, {chunk}"));
            }
        }
    }
}

/// Whether the pod is there and Kubernetes too sees that it does not serve.
fn is_down(observed: &Observed, id: WorkerId) -> bool {
    let pod = observed.pods.get(&id);
    pod.is_some_and(|pod| pod.metadata.deletion_timestamp.is_none() && !pod_ready(pod))
}

/// Whether a pod was made from another revision than its StatefulSet's newest.
fn is_outdated(observed: &Observed, id: WorkerId, pod: &Pod) -> bool {
    let set = observed.stateful_sets.get(&worker_name(&observed.name, id));
    let newest = set.and_then(newest_revision);
    let own = pod.labels().get(REVISION);
    match (newest, own) {
        (Some(newest), Some(own)) => newest != own,
        (None, _) | (_, None) => false,
    }
}

/// The newest revision, once the StatefulSet's controller has seen the newest spec.
fn newest_revision(set: &StatefulSet) -> Option<&String> {
    let status = set.status.as_ref()?;
    let seen = status.observed_generation >= set.metadata.generation;
    status.update_revision.as_ref().filter(|_| seen)
}

/// Whether a person asks for this very pod to be restarted.
fn is_asked(observed: &Observed, id: WorkerId, pod: &Pod) -> bool {
    let worker: Option<&Worker> = observed.workers.get(&id);
    let asked = worker.and_then(|worker| worker.annotations().get(RESTART_POD));
    asked.is_some() && asked == pod.metadata.uid.as_ref()
}
