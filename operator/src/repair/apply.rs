//! Writes what was planned into the catalog.

use std::collections::BTreeMap;

use kube::Resource;
use orrery_archive::catalog::Catalog;

use super::observe::Observed;
use crate::catalog::edit::{self, EditError, Move, Moves};
use crate::controller::context::Context;
use crate::controller::error::ReconcileError;
use crate::controller::events::Event;

/// Enters the moves, unless the catalog is another one by now: what was planned over the old one
/// may take a chunk's copies away that the new one counts on.
pub async fn write(
    context: &Context,
    namespace: &str,
    observed: &Observed,
    moves: &Moves,
) -> Result<(), ReconcileError> {
    if moves.is_empty() {
        return Ok(());
    }
    let planned_over = observed.catalog.epochs;
    let change = |catalog: &Catalog| -> Result<Option<Catalog>, EditError> {
        if catalog.epochs != planned_over {
            return Ok(None);
        }
        edit::moves(catalog, moves)
    };
    let written = context.writer.change(namespace, change).await?;
    if written.epochs == planned_over {
        return Ok(());
    }
    for (pool, note) in notes(&observed.catalog, moves) {
        tracing::info!(namespace, pool, note, "chunks move");
        if let Some(pool) = observed.pools.get(pool) {
            let event = Event::normal("ChunksMove", note);
            let about = pool.object_ref(&());
            context.events.publish(&about, None, event).await;
        }
    }
    Ok(())
}

/// What is said of the moves of each pool.
fn notes<'a>(catalog: &'a Catalog, moves: &Moves) -> BTreeMap<&'a str, String> {
    let is_of = |family: &str, pool: &str| {
        let family = catalog.families.get(family);
        family.is_some_and(|family| family.pool == pool)
    };
    let count = |moves: &[Move], pool: &str| {
        let of_pool = moves.iter().filter(|one| is_of(&one.family, pool));
        of_pool.count()
    };
    let pools = catalog.families.values().map(|family| family.pool.as_str());
    pools
        .filter_map(|pool| {
            let [intend, cancel, delist] =
                [&moves.intend, &moves.cancel, &moves.delist].map(|list| count(list, pool));
            let forget = moves.forget.iter();
            let forget = forget.filter(|(family, _)| is_of(family, pool));
            let forget: usize = forget.map(|(_, chunks)| chunks.len()).sum();
            let note = format!(
                "{intend} copies are to be made, {cancel} are not wanted any more, {delist} are not listed any more; {forget} chunks without rows need no worker"
            );
            (intend + cancel + delist + forget > 0).then_some((pool, note))
        })
        .collect()
}
