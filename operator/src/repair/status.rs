//! What users see of repair: why chunks wait, as a condition of their pool.

use std::collections::BTreeMap;

use k8s_openapi::jiff::Timestamp;
use kube::{Resource, ResourceExt};
use orrery_crds::kinds::{Ingest, WorkerPhase, WorkerPool, WorkerPoolStatus};

use super::observe::Observed;
use super::plan::{Awaited, Plan};
use super::site::{MAINTENANCE_UNTIL, Standing};
use super::standing::{Hold, Judged};
use crate::controller::conditions::{self, Finding};
use crate::controller::context::Context;
use crate::controller::events::Event;
use crate::controller::status;

/// Condition of a pool whose chunks have fewer copies than wanted and get none.
const REPAIR_WAITS: &str = "RepairWaits";
/// So many Ingests are named in a condition.
const NAMED: usize = 5;

/// Writes the condition of every pool, and publishes when repair begins to wait.
pub async fn write(
    context: &Context,
    namespace: &str,
    observed: &Observed,
    judged: &Judged,
    plan: &Plan,
) -> Result<(), kube::Error> {
    let ingests = ingests(context, namespace, plan).await?;
    for (name, pool) in &observed.pools {
        let finding = finding(name, pool, judged, plan)
            .or_else(|| Some(awaited(plan.awaited.get(name)?, &ingests)))
            .or_else(|| maintained(name, observed, judged));
        // A pool without a status gets its first one from its own controller.
        let Some(status) = &pool.status else { continue };
        let wanted = with(status, pool, finding.as_ref());
        if !status::write(context, namespace, pool, wanted.clone()).await? {
            continue;
        }
        let began = !conditions::holds(&status.conditions, REPAIR_WAITS);
        if let Some(finding) = finding.filter(|_| began) {
            let event = Event::warning(finding.reason, finding.message);
            let about = pool.object_ref(&());
            context.events.publish(&about, None, event).await;
        }
    }
    Ok(())
}

fn with(
    status: &WorkerPoolStatus,
    pool: &WorkerPool,
    finding: Option<&Finding>,
) -> WorkerPoolStatus {
    let mut status = status.clone();
    let (conditions, generation) = (&mut status.conditions, pool.metadata.generation);
    match finding {
        Some(finding) => {
            conditions::set(
                conditions,
                REPAIR_WAITS,
                finding,
                generation,
                Timestamp::now(),
            );
        }
        None => conditions::clear(conditions, REPAIR_WAITS),
    }
    status
}

/// Why chunks of a pool get no copies, if they wait for them.
fn finding(name: &str, pool: &WorkerPool, judged: &Judged, plan: &Plan) -> Option<Finding> {
    let waiting = plan.waiting.get(name).copied().unwrap_or(0);
    match judged.holds.get(name) {
        Some(Hold::Storm { gone, workers }) => {
            let most = pool.spec.repair.storm_guard_percent;
            return Some(Finding::met(
                "StormGuard",
                format!(
                    "{gone} of {workers} workers with chunks are down, more than spec.repair.stormGuardPercent ({most}) lets be repaired: {waiting} chunks wait for them; raise it to copy these all the same"
                ),
            ));
        }
        Some(Hold::Paused) if waiting > 0 => {
            return Some(Finding::met(
                "Paused",
                format!("spec.paused is true: {waiting} chunks wait for copies"),
            ));
        }
        Some(Hold::Paused) | None => {}
    }
    plan.homeless.get(name).map(|homeless| {
        Finding::met(
            "NoWorkerLeft",
            format!(
                "{homeless} chunks find no Ready worker with room that does not hold them already: add workers or storage"
            ),
        )
    })
}

/// Names of the Ingests that chunks wait for, by UID. They are looked up only when some do.
async fn ingests(
    context: &Context,
    namespace: &str,
    plan: &Plan,
) -> Result<BTreeMap<String, String>, kube::Error> {
    if plan.awaited.is_empty() {
        return Ok(BTreeMap::new());
    }
    let ingests = context.list::<Ingest>(namespace, None).await?.valid;
    let named = ingests
        .iter()
        .filter_map(|ingest| Some((ingest.metadata.uid.clone()?, ingest.name_any())));
    Ok(named.collect())
}

/// What a drain waits for that has nothing to copy: the ingests that write to its chunks. An Ingest
/// whose object is gone keeps its UID until its attempt is closed.
fn awaited(awaited: &Awaited, names: &BTreeMap<String, String>) -> Finding {
    let uids = awaited.ingests.iter();
    let mut names: Vec<&str> = uids
        .map(|uid| names.get(uid).unwrap_or(uid).as_str())
        .collect();
    names.sort_unstable();
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    Finding::met(
        "IngestsOpen",
        format!(
            "{} chunks without rows stay on workers that are lost or to be emptied until the ingests that write to them end: {}{more}",
            awaited.chunks,
            names.join(", "),
        ),
    )
}

fn maintained(name: &str, observed: &Observed, judged: &Judged) -> Option<Finding> {
    let own = observed
        .workers
        .iter()
        .zip(&judged.sites)
        .filter(|(worker, site)| {
            let down = worker
                .status
                .as_ref()
                .is_some_and(|status| status.phase == WorkerPhase::Down);
            site.place.pool == name && down && site.standing == Standing::Away
        });
    let count = own.count();
    (count > 0).then(|| {
        Finding::met(
            "Maintenance",
            format!(
                "{count} workers are down on cordoned nodes or under {MAINTENANCE_UNTIL}: they are waited for"
            ),
        )
    })
}
