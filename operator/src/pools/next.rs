//! When a pool is looked at again without a change. Pure.
//!
//! Changes of objects wake the controller. What no watch tells is what is waited for here: agents
//! that are about to answer, and times after which a worker counts as something else.

use std::collections::BTreeMap;
use std::time::Duration;

use orrery_archive::names::WorkerId;

use super::leave::SETTLES;
use super::observe::Observed;
use super::plan::Plan;

/// Pause between looks at a pool whose agents nothing is waited for from.
pub const RESYNC: Duration = Duration::from_secs(10);
/// Pause while agents are about to answer.
pub const SOON: Duration = Duration::from_secs(2);

/// After how long to look again.
pub fn look(observed: &Observed, plan: &Plan) -> Duration {
    let is_under_way =
        plan.new_workers > 0 || !plan.restored.is_empty() || plan.roll.next.is_some();
    let work = is_under_way.then_some(SOON);
    let workers = observed.workers.keys();
    let due = workers.flat_map(|id| of_worker(observed, plan, *id));
    work.into_iter().chain(due).fold(RESYNC, Duration::min)
}

/// What is due of a worker.
fn of_worker(observed: &Observed, plan: &Plan, id: WorkerId) -> impl Iterator<Item = Duration> {
    let policy = &observed.pool.spec.repair;
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    let left = |times: &BTreeMap<WorkerId, Duration>, after: Duration| {
        let lasted = times.get(&id)?;
        after.checked_sub(*lasted).filter(|left| !left.is_zero())
    };
    let failing = |after| left(&observed.failing, seconds(after));
    let confirmed = failing(policy.confirm_after_seconds);
    let replaced = seconds(policy.replace_after_seconds);
    // Only workers that leave, or are given up, are waited for to be without chunks for a while.
    let goes = plan.scale_down.leaving.contains(&id) || observed.down.contains_key(&id);
    let settled = left(&observed.idle, SETTLES).filter(|_| goes);
    [
        // Until its worker counts as down an agent may answer any moment.
        confirmed.map(|left| left.min(SOON)),
        failing(policy.suspect_after_seconds),
        left(&observed.down, replaced),
        left(&observed.emptied, replaced),
        settled,
    ]
    .into_iter()
    .flatten()
}
