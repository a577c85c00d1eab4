//! Makes rebalances, and writes what is to move into the catalog.

use kube::Resource;
use kube::api::ObjectMeta;
use orrery_archive::catalog::Catalog;
use orrery_crds::kinds::{Rebalance, RebalanceSpec, WorkerPool};

use super::observe::Observed;
use super::plan::Proposal;
use crate::catalog::edit::{self, EditError, Move, Moves};
use crate::controller::apply::Change;
use crate::controller::context::Context;
use crate::controller::error::ReconcileError;
use crate::field_manager;

/// Makes a rebalance for each pool that has none. One that is there belongs to the user.
pub async fn make_missing(
    context: &Context,
    namespace: &str,
    observed: &Observed,
) -> Result<(), kube::Error> {
    for (name, pool) in &observed.pools {
        let there = observed.rebalances.contains_key(name) || observed.malformed.contains(name);
        if there || pool.metadata.deletion_timestamp.is_some() {
            continue;
        }
        let rebalance = rebalance(namespace, name, pool);
        let made = context
            .api::<Rebalance>(namespace)
            .create(&field_manager::post(), &rebalance)
            .await;
        match made {
            Ok(made) => {
                let about = pool.object_ref(&());
                let events = &context.events;
                events.applied(&about, &made, &Change::Created).await;
            }
            Err(kube::Error::Api(status)) if status.is_already_exists() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn rebalance(namespace: &str, name: &str, pool: &WorkerPool) -> Rebalance {
    Rebalance {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(namespace.to_owned()),
            owner_references: Some(pool.controller_owner_ref(&()).into_iter().collect()),
            ..ObjectMeta::default()
        },
        spec: RebalanceSpec {
            auto_approve: true,
            approve: None,
            stopped: false,
        },
        status: None,
    }
}

/// Enters what a proposal moves.
pub async fn begin(
    context: &Context,
    namespace: &str,
    observed: &Observed,
    proposal: &Proposal<'_>,
) -> Result<(), ReconcileError> {
    let swaps = proposal.swaps.iter();
    let moves = Moves {
        intend: swaps
            .clone()
            .map(|swap| Move::of(swap.family, swap.chunk, swap.to))
            .collect(),
        leave: swaps
            .map(|swap| Move::of(swap.family, swap.chunk, swap.from))
            .collect(),
        ..Moves::default()
    };
    tracing::info!(
        namespace,
        pool = proposal.pool,
        plan = proposal.name(),
        moves = moves.intend.len(),
        "chunks move"
    );
    enter(context, namespace, observed, &moves).await
}

/// Lets what was to leave stay. Repair then gives up the copies that were to come.
pub async fn stop(
    context: &Context,
    namespace: &str,
    observed: &Observed,
    leaving: Vec<Move>,
) -> Result<(), ReconcileError> {
    let moves = Moves {
        stay: leaving,
        ..Moves::default()
    };
    enter(context, namespace, observed, &moves).await
}

/// Writes moves, unless the catalog is another one by now.
async fn enter(
    context: &Context,
    namespace: &str,
    observed: &Observed,
    moves: &Moves,
) -> Result<(), ReconcileError> {
    let planned_over = observed.catalog.epochs;
    let change = |catalog: &Catalog| -> Result<Option<Catalog>, EditError> {
        if catalog.epochs != planned_over {
            return Ok(None);
        }
        edit::moves(catalog, moves)
    };
    context.writer.change(namespace, change).await?;
    Ok(())
}
