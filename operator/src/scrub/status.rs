//! What users see of damage: a condition of the pool while no good copy of some rows serves.

use k8s_openapi::jiff::Timestamp;
use kube::{Resource, ResourceExt};
use orrery_crds::kinds::WorkerPool;

use super::plan::Plan;
use crate::controller::conditions::{self, Finding};
use crate::controller::context::Context;
use crate::controller::events::Event;
use crate::controller::status;

/// Condition of a pool with rows of which no good copy serves.
const ROWS_DAMAGED: &str = "RowsDamaged";
/// Copies that are named in it.
const NAMED: usize = 3;

/// Writes the condition of every pool, and publishes when it begins to hold.
pub async fn write(context: &Context, namespace: &str, plan: &Plan) -> Result<(), kube::Error> {
    for pool in context.list::<WorkerPool>(namespace, None).await?.valid {
        // A pool without a status gets its first one from its own controller.
        let Some(status) = &pool.status else { continue };
        let finding = finding(plan, &pool.name_any());
        let mut wanted = status.clone();
        let (conditions, generation) = (&mut wanted.conditions, pool.metadata.generation);
        match &finding {
            Some(finding) => {
                conditions::set(
                    conditions,
                    ROWS_DAMAGED,
                    finding,
                    generation,
                    Timestamp::now(),
                );
            }
            None => conditions::clear(conditions, ROWS_DAMAGED),
        }
        let began = !conditions::holds(&status.conditions, ROWS_DAMAGED);
        let written = status::write(context, namespace, &pool, wanted).await?;
        if let Some(finding) = finding.filter(|_| written && began) {
            let event = Event::warning(ROWS_DAMAGED, finding.message);
            context
                .events
                .publish(&pool.object_ref(&()), None, event)
                .await;
        }
    }
    Ok(())
}

fn finding(plan: &Plan, pool: &str) -> Option<Finding> {
    let kept = plan.kept.get(pool)?;
    let named = kept.iter().take(NAMED).map(String::as_str);
    let named = named.collect::<Vec<_>>().join("; ");
    let message = format!("no good copy serves of {} tables: {named}", kept.len());
    Some(Finding::met("NoGoodCopy", message))
}
