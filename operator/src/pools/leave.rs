//! Which workers leave a pool: those that are more than wanted, by least movement, and those that
//! are given up. Pure.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kube::ResourceExt;
use orrery_archive::catalog::{Catalog, Family};
use orrery_archive::names::{ChunkId, WorkerId};
use orrery_crds::kinds::{Worker, WorkerPhase};

use super::observe::Observed;
use crate::controller::conditions::Finding;
use crate::placement::sizes::Sizes;
use crate::placement::{self, Place, Planner};
use crate::repair::standing::is_storm;

/// How long no chunk is listed on a worker before it goes: statements that were planned over an
/// older catalog end meanwhile, or ask elsewhere.
pub const SETTLES: Duration = Duration::from_secs(60);

/// The workers that are more than wanted.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ScaleDown {
    /// Those whose chunks are to leave, and which go then.
    pub leaving: BTreeSet<WorkerId>,
    /// Why it takes longer, or cannot be.
    pub finding: Option<Finding>,
}

/// Chooses the workers that leave, as many as are more than wanted: those that are drained or being
/// drained, those that hold nothing and do not serve, then those with the fewest bytes, of the
/// zones with the most workers.
pub fn scale_down(observed: &Observed) -> ScaleDown {
    let wanted = usize::try_from(observed.pool.spec.workers).unwrap_or(usize::MAX);
    let surplus = observed.workers.len().saturating_sub(wanted);
    let mut down = ScaleDown::default();
    let mut refusal = None;
    while down.leaving.len() < surplus {
        let Some((order, worker)) = next(observed, &down.leaving) else {
            break;
        };
        if order == Order::Serves {
            refusal = refused(observed, &down.leaving, worker);
            if refusal.is_some() {
                break;
            }
        }
        down.leaving.insert(worker);
    }
    let chunks = placement::replicas(&observed.catalog);
    let left: u64 = down.leaving.iter().filter_map(|id| chunks.get(id)).sum();
    let names: Vec<String> = down
        .leaving
        .iter()
        .filter_map(|id| Some(observed.workers.get(id)?.name_any()))
        .collect();
    let emptied = || {
        let names = names.join(" ");
        Finding::met(
            "Draining",
            format!("{names}: {left} chunk copies go elsewhere first, then the workers go"),
        )
    };
    down.finding = refusal.or_else(|| (surplus > 0).then(emptied));
    down
}

/// In which order workers leave.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Order {
    /// A person drains it.
    Drained,
    /// It was chosen before.
    Chosen,
    /// It holds nothing, and does not serve.
    Idle,
    /// It serves, or is to serve again.
    Serves,
}

fn next(observed: &Observed, leaving: &BTreeSet<WorkerId>) -> Option<(Order, WorkerId)> {
    let chunks = placement::replicas(&observed.catalog);
    let staying = || {
        let workers = observed.workers.iter();
        workers.filter(|(id, _)| !leaving.contains(id))
    };
    let place = |worker: &Worker| placement::place(worker);
    let sum: u64 = staying().map(|(_, worker)| place(worker).bytes).sum();
    let mean = sum / (staying().count() as u64).max(1);
    staying()
        .map(|(id, worker)| {
            let own = place(worker);
            let zone = staying()
                .filter(|(_, other)| place(other).zone == own.zone)
                .count();
            // Tenths of the mean: the zone decides between workers that hold about as much.
            let about = own.bytes.saturating_mul(10).saturating_add(mean / 2) / mean.max(1);
            let order = order(worker, chunks.contains_key(id));
            let key = (order, about, Reverse(zone), own.bytes, Reverse(*id));
            (key, *id)
        })
        .min()
        .map(|((order, ..), id)| (order, id))
}

fn order(worker: &Worker, holds_chunks: bool) -> Order {
    let phase = phase(worker);
    if !worker.spec.desired.is_online() {
        Order::Drained
    } else if matches!(phase, WorkerPhase::Draining | WorkerPhase::Drained) {
        Order::Chosen
    } else if !holds_chunks && phase != WorkerPhase::Ready {
        Order::Idle
    } else {
        Order::Serves
    }
}

/// A worker without a status has the phase that a status begins with.
fn phase(worker: &Worker) -> WorkerPhase {
    let status = worker.status.as_ref();
    status.map_or(WorkerPhase::default(), |status| status.phase)
}

/// Why `worker` cannot leave in addition to `leaving`: the others could not hold every copy.
fn refused(observed: &Observed, leaving: &BTreeSet<WorkerId>, worker: WorkerId) -> Option<Finding> {
    let gone = |id: WorkerId| id == worker || leaving.contains(&id);
    let rest = observed.workers.values();
    let rest: Vec<Place> = rest
        .filter(|other| !gone(other.spec.id))
        .map(placement::place)
        .collect();
    let catalog: &Catalog = &observed.catalog;
    let families = catalog.families.iter();
    let families: Vec<(&str, &Family)> = families
        .filter(|(_, family)| family.pool == observed.name)
        .map(|(name, family)| (name.as_str(), family))
        .collect();
    let open = rest.iter().filter(|place| place.open).count();
    if let Some(too_few) = too_few(&families, open) {
        return Some(too_few);
    }
    let sizes = Sizes::of(catalog, families.iter().map(|(name, _)| *name));
    let homeless = homeless(catalog, &families, &sizes, Planner::new(rest), gone);
    (homeless > 0).then(|| {
        Finding::met(
            "NoRoom",
            format!(
                "{homeless} chunks would find no worker with room: nothing leaves; add storage, or raise spec.workers"
            ),
        )
    })
}

fn too_few(families: &[(&str, &Family)], open: usize) -> Option<Finding> {
    let most = families
        .iter()
        .max_by_key(|(_, family)| family.replicas.desired);
    let (name, family) = most?;
    let desired = family.replicas.desired;
    (open < desired as usize).then(|| {
        Finding::met(
            "TooFewWorkers",
            format!(
                "family {name} wants {desired} copies of each chunk, and {open} workers would be left that serve: lower spec.replicas.desired of the family, or raise spec.workers"
            ),
        )
    })
}

/// Chunks with rows of which not every copy finds a place once these workers are gone. The largest
/// choose first.
fn homeless(
    catalog: &Catalog,
    families: &[(&str, &Family)],
    sizes: &Sizes,
    mut planner: Planner,
    gone: impl Fn(WorkerId) -> bool,
) -> u64 {
    let mut moved: Vec<(u64, &str, ChunkId, &[WorkerId], usize)> = Vec::new();
    for (name, family) in families {
        let own = catalog.filled_chunks(name);
        for (chunk, listed) in own.filter(|(_, listed)| listed.iter().any(|id| gone(*id))) {
            let bytes = sizes.bytes(name, chunk);
            let desired = family.replicas.desired as usize;
            moved.push((bytes, name, chunk, listed, desired));
        }
    }
    moved.sort_by_key(|(bytes, name, chunk, ..)| (Reverse(*bytes), *name, *chunk));
    let mut homeless = 0_u64;
    for (bytes, _, chunk, listed, desired) in moved {
        let (leaves, mut held): (Vec<WorkerId>, Vec<WorkerId>) =
            listed.iter().partition(|id| gone(**id));
        while held.len() < desired {
            let Some(to) = planner.choose(chunk, bytes, &held, &leaves) else {
                homeless += 1;
                break;
            };
            held.push(to);
        }
    }
    homeless
}

/// Workers whose objects go now: those that leave, once they have been without chunks for a while.
/// Their volume claims stay.
pub fn gone(observed: &Observed, leaving: &BTreeSet<WorkerId>) -> BTreeSet<WorkerId> {
    let settled = observed.idle.iter();
    settled
        .filter(|(id, since)| leaving.contains(id) && **since >= SETTLES)
        .map(|(id, _)| *id)
        .collect()
}

/// Workers that are given up for good, so that a new one takes their place: down for
/// `replaceAfterSeconds`, and without any chunk since repair. One with an empty directory is not
/// among them, because that is adopted in place.
pub fn given_up(observed: &Observed, leaving: &BTreeSet<WorkerId>) -> BTreeSet<WorkerId> {
    let policy = &observed.pool.spec.repair;
    if is_storm(observed.down.len(), observed.workers.len(), policy) {
        return BTreeSet::new();
    }
    let after = Duration::from_secs(policy.replace_after_seconds.into());
    let long = |times: &BTreeMap<WorkerId, Duration>, id: &WorkerId, least: Duration| {
        times.get(id).is_some_and(|since| *since >= least)
    };
    let down = observed.down.keys();
    down.filter(|id| {
        long(&observed.down, id, after)
            && long(&observed.idle, id, SETTLES)
            && !observed.emptied.contains_key(id)
            && !leaving.contains(id)
    })
    .copied()
    .collect()
}
