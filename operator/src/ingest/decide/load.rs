//! Load → Seal: every agent concerned opens the attempt, then the loader sends the rows.

use std::collections::BTreeMap;
use std::time::Duration;

use orrery_archive::names::{ChunkId, WorkerId};
use orrery_worker_api::loader::{Load, LoaderError, LoaderStatus, LoaderStep, Surveyed};

use super::loader::{self, Ready};
use super::undo;
use crate::fleet::Addresses;
use crate::ingest::decision::{Decision, Order, Step};
use crate::ingest::observe::Observed;
use crate::ingest::patience;
use crate::ingest::staging::{self, Plan};
use crate::ingest::state::{Attempt, State};
use crate::ingest::target::Target;

/// Workers that keep the list of files and rejects.
const RECORD_KEEPERS: usize = 3;
/// Why an attempt begins again with other workers.
const LOST_PLACES: &str = "chunks of the attempt have no workers any more";

/// Load: opens the attempt everywhere, then has the loader send the rows.
pub fn decide(observed: &Observed<'_>, attempt: &Attempt) -> Decision {
    let Planned { ready, plan, .. } = match planned(observed, attempt) {
        Ok(planned) => planned,
        Err(decision) => return decision,
    };
    let now = ready.now;
    // A loader that has loaded an earlier attempt is asked for this one.
    let this_attempt = now.attempt == Some(attempt.number);
    let going = Step::wait("rows go to the workers");
    if let Some(error) = now.error.as_ref().filter(|_| this_attempt)
        && let Some(decision) = failed(observed, attempt, error)
    {
        return decision;
    }
    let step = match now.step {
        LoaderStep::Loaded if this_attempt => Step::to(State::Seal(attempt.clone()), without(now)),
        LoaderStep::Loading if this_attempt => going,
        _ => {
            let load = request(&observed.archive.addresses, &ready, attempt, &plan);
            let mut step = going
                .order(Order::Open(plan.opens))
                .order(Order::Load(Box::new(load)));
            step.attempt_failed = now.error.is_some() && this_attempt;
            step
        }
    };
    step.into()
}

/// After a load that failed for a reason that may pass: what is to be done before the attempt's rows
/// are sent again, to workers that keep what they have.
fn failed(observed: &Observed<'_>, attempt: &Attempt, error: &LoaderError) -> Option<Decision> {
    let tries = observed.failed_attempts() + 1;
    let what = in_words(error);
    if tries >= patience::MOST_TRIES {
        return Some(undo::load_again(observed, attempt, &what));
    }
    let waits = Duration::from_secs(error.seconds) < patience::pause(tries);
    waits.then(|| Step::wait(format!("waits before it loads again: {what}")).into())
}

fn in_words(error: &LoaderError) -> String {
    format!("{}: {}", error.reason, error.message)
}

/// An attempt that can be loaded and sealed.
pub struct Planned<'a> {
    /// The loader with the attempt's survey.
    pub ready: Ready<'a>,
    /// The table.
    pub target: Target<'a>,
    /// Which worker gets what.
    pub plan: Plan,
}

/// The attempt's plan, or what is to be done until there is one. An attempt whose survey is not the
/// one it began with, as after the loss of a spool while the director's index changed, is given up:
/// rows of both would be mixed.
pub fn planned<'a>(observed: &'a Observed<'_>, attempt: &Attempt) -> Result<Planned<'a>, Decision> {
    let ready = loader::ready(observed)?;
    if ready.id.basis != attempt.basis {
        return Err(undo::outdated(observed, attempt));
    }
    let (catalog, addresses) = (&observed.catalog, &observed.archive.addresses);
    if has_lost_places(observed, attempt, ready.surveyed) {
        return Err(undo::load_again(observed, attempt, LOST_PLACES));
    }
    let planned = observed.target().and_then(|target| {
        let plan = staging::plan(catalog, &target, ready.surveyed, attempt, addresses)?;
        Some((target, plan))
    });
    let Some((target, plan)) = planned else {
        return Err(Step::wait("waits for workers: a chunk has none yet").into());
    };
    Ok(Planned {
        ready,
        target,
        plan,
    })
}

/// Whether chunks of the attempt have no workers in this catalog, so that it could never be loaded:
/// the catalog was rebuilt, or the attempt began under a version that did not enter it.
fn has_lost_places(observed: &Observed<'_>, attempt: &Attempt, surveyed: &Surveyed) -> bool {
    let catalog = &observed.catalog;
    let target = observed.target();
    let chunked = target.as_ref().and_then(|target| target.chunked(catalog));
    let Some(chunked) = chunked else { return false };
    let is_placed = |family: &str, chunk: &ChunkId| {
        let family = catalog.families.get(family);
        let workers = family.and_then(|family| family.placement.get(chunk));
        workers.is_some_and(|workers| !workers.is_empty())
    };
    let mut rows = surveyed.chunks.keys();
    let mut entries = surveyed.index_chunks.keys();
    let (family, index) = (&chunked.table.family, &chunked.index.family);
    !rows.all(|chunk| is_placed(family, chunk))
        || attempt.index.is_some() && !entries.all(|chunk| is_placed(index, chunk))
}

fn without(now: &LoaderStatus) -> String {
    if now.lost_agents.is_empty() {
        return "staging tables get their final names".into();
    }
    let lost = now.lost_agents.iter();
    let lost: Vec<String> = lost
        .map(|(agent, why)| format!("{agent} ({why})"))
        .collect();
    format!("continues without {}", lost.join(", "))
}

fn request(addresses: &Addresses, ready: &Ready<'_>, attempt: &Attempt, plan: &Plan) -> Load {
    let urls = |chunks: &BTreeMap<ChunkId, Vec<WorkerId>>| {
        let of = |(chunk, workers): (&ChunkId, &Vec<WorkerId>)| {
            (*chunk, addresses.lasting_urls(workers))
        };
        chunks.iter().map(of).collect()
    };
    let agents = plan
        .opens
        .keys()
        .filter_map(|worker| addresses.lasting_url(*worker));
    Load {
        id: ready.id.to_string(),
        attempt: attempt.number,
        index_attempt: attempt.index,
        chunks: urls(&plan.chunks),
        index_chunks: urls(&plan.index_chunks),
        record_keepers: agents.take(RECORD_KEEPERS).collect(),
    }
}
