//! What users see of a rebalance.

use k8s_openapi::jiff::Timestamp;
use kube::Resource;
use orrery_crds::kinds::{Rebalance, RebalancePhase, RebalanceStatus};

use super::plan::{Decision, Outlook};
use crate::controller::conditions::{self, Finding};
use crate::controller::context::Context;
use crate::controller::events::Event;
use crate::controller::status;
use crate::quantity::human;

/// Condition: nothing is to move.
const BALANCED: &str = "Balanced";

/// Writes the status, and publishes when another phase begins. Returns whether it wrote.
pub async fn write(
    context: &Context,
    namespace: &str,
    rebalance: &Rebalance,
    decision: &Decision,
    outlook: &Outlook<'_>,
) -> Result<bool, kube::Error> {
    let wanted = wanted(rebalance, decision, outlook, Timestamp::now());
    let before = rebalance.status.as_ref().map(|status| status.phase);
    if !status::write(context, namespace, rebalance, wanted.clone()).await? {
        return Ok(false);
    }
    if before != Some(wanted.phase) && wanted.phase != RebalancePhase::Waiting {
        let event = Event::normal(reason(wanted.phase), wanted.message);
        let about = rebalance.object_ref(&());
        context.events.publish(&about, None, event).await;
    }
    Ok(true)
}

/// The status that speaks of a decision.
pub fn wanted(
    rebalance: &Rebalance,
    decision: &Decision,
    outlook: &Outlook<'_>,
    now: Timestamp,
) -> RebalanceStatus {
    let generation = rebalance.metadata.generation;
    let mut status = rebalance.status.clone().unwrap_or_default();
    status.observed_generation = generation;
    status.phase = decision.phase;
    status.moves_left = decision.left;
    match (decision.phase, outlook) {
        (RebalancePhase::Proposed | RebalancePhase::Moving, Outlook::Uneven(proposal)) => {
            status.uneven_percent = Some(proposal.uneven_percent);
            status.plan = Some(proposal.name());
            status.moves = proposal.swaps.len() as u64;
            status.bytes = proposal.bytes();
            status.size = human(proposal.bytes());
            status.seconds = proposal.seconds();
        }
        // The plan that is being carried out stays what it was.
        (RebalancePhase::Moving, _) => {}
        (_, outlook) => {
            status = RebalanceStatus {
                observed_generation: status.observed_generation,
                phase: status.phase,
                moves_left: status.moves_left,
                uneven_percent: match outlook {
                    Outlook::Even { uneven_percent } => Some(*uneven_percent),
                    Outlook::Uneven(proposal) => Some(proposal.uneven_percent),
                    Outlook::Paused | Outlook::Unsettled(_) => status.uneven_percent,
                },
                conditions: status.conditions,
                ..RebalanceStatus::default()
            };
        }
    }
    status.message = message(&status, outlook);
    let finding = match decision.phase {
        RebalancePhase::Balanced => Finding::met(reason(decision.phase), status.message.clone()),
        phase => Finding::unmet(reason(phase), status.message.clone()),
    };
    conditions::set(&mut status.conditions, BALANCED, &finding, generation, now);
    status
}

fn reason(phase: RebalancePhase) -> &'static str {
    match phase {
        RebalancePhase::Waiting => "Waiting",
        RebalancePhase::Balanced => "Balanced",
        RebalancePhase::Proposed => "Proposed",
        RebalancePhase::Moving => "Moving",
        RebalancePhase::Stopped => "Stopped",
    }
}

fn message(status: &RebalanceStatus, outlook: &Outlook<'_>) -> String {
    let RebalanceStatus {
        moves,
        size,
        seconds,
        ..
    } = status;
    match (status.phase, outlook) {
        (RebalancePhase::Waiting, Outlook::Unsettled(why)) => why.clone(),
        (RebalancePhase::Waiting, Outlook::Paused) => "spec.paused of the pool is true".into(),
        (RebalancePhase::Waiting, _) => "what another plan began is given up first".into(),
        (RebalancePhase::Balanced, _) => "no copy is to move".into(),
        (RebalancePhase::Proposed, _) => format!(
            "{moves} copies ({size}) are to move, in about {seconds} s: kubectl orrery rebalance approve"
        ),
        (RebalancePhase::Moving, _) => {
            format!("{moves} copies ({size}) move, in about {seconds} s")
        }
        (RebalancePhase::Stopped, _) => "spec.stopped is true".into(),
    }
}
