//! Plans whose rows are partial results: gathered in chunk order, then merged here or in the front-end mysqld.

use std::sync::Arc;

use orrery_plan::{FrontEndMerge, Plan, SimpleColumn, SimpleMerge};
use orrery_wire::{ColumnDef, Value};

use super::{Answer, ChunkUnits, Engine, Source, StatementError, settings_of};
use crate::dispatch::{Done, Sizing};
use crate::encode::put_row;
use crate::merge::{ServerMerge, Summary, gather};
use crate::server::{Format, Request};
use crate::spool::PieceBuilder;

impl Engine {
    /// Gathers partial rows in chunk order and merges them.
    pub(super) async fn merge(
        &self,
        merge: &FrontEndMerge,
        is_batchable: bool,
        units: ChunkUnits,
        plan: &Arc<Plan>,
        columns: Arc<[ColumnDef]>,
        request: &Request,
    ) -> Result<Answer, StatementError> {
        let per_worker = self.per_worker(plan);
        // Sums of doubles depend on their order, and which chunks are joined depends on who holds them.
        let may_join = is_batchable && merge.simple.as_ref().is_some_and(is_order_free);
        let sizing = if may_join {
            Sizing::Gather {
                tasks: per_worker * 2,
            }
        } else {
            Sizing::Single
        };
        let settings = settings_of(plan, request, true);
        let tasks = self.tasks(Arc::new(units), plan, Format::Text, sizing, settings.clone());
        let mut partial = gather(tasks).await?;
        if let Some(simple) = &merge.simple
            && let Some(rows) = merge_here(simple, &mut partial).await?
        {
            let mut piece = PieceBuilder::default();
            for row in rows {
                piece.push(|out| put_row(row, &columns, request.format, out))?;
            }
            return Ok(Answer::new(
                columns,
                plan.data_epoch,
                Source::Ready(piece.take()),
                request.format,
            ));
        }
        let settings = settings_of(plan, request, false);
        let merged = ServerMerge::run(&self.frontend, merge, partial, &settings, request.format).await?;
        Ok(Answer::new(
            columns,
            plan.data_epoch,
            Source::Merge(Box::new(merged)),
            request.format,
        ))
    }
}

/// Whether a merge gives the same bits whatever the order of partial rows.
fn is_order_free(merge: &SimpleMerge) -> bool {
    let adds_doubles = |column: &SimpleColumn| {
        matches!(
            column,
            SimpleColumn::SumDouble(_) | SimpleColumn::AvgDouble { .. }
        )
    };
    !merge.columns.iter().any(adds_doubles)
}

/// Merges in process; `None`, and the rows ready to be read again, when a value or their number is beyond that.
async fn merge_here(
    simple: &SimpleMerge,
    partial: &mut [Done],
) -> Result<Option<Vec<Vec<Value>>>, StatementError> {
    let mut summary = Summary::new(simple);
    for place in 0..partial.len() {
        let Some(done) = partial.get_mut(place) else { break };
        while let Some(piece) = done.rows.next().await? {
            for row in piece {
                if let Err(error) = summary.add(&row) {
                    tracing::debug!(%error, "the front-end merges");
                    for done in partial {
                        done.rows.rewind();
                    }
                    return Ok(None);
                }
            }
        }
    }
    Ok(Some(summary.rows()))
}
