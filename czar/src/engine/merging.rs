//! Plans whose rows are partial results: put in chunk order, then merged here or in the shadow
//! server.

use std::sync::Arc;

use orrery_plan::{ShadowMerge, SimpleColumn, SimpleMerge};
use orrery_wire::{ColumnDef, Format, Value};

use super::clock::Run;
use super::{Answer, ChunkUnits, Engine, Source, StatementError};
use crate::backend::SessionSettings;
use crate::dispatch::{Done, Sizing};
use crate::encode::put_row;
use crate::merge::{SimpleError, Summary, in_chunk_order, merge_in_shadow};
use crate::spool::{Budget, PieceBuilder};
use crate::warnings::OfParts;

impl Engine {
    /// Waits for all partial rows and merges them in chunk order.
    pub(super) async fn merge(
        &self,
        merge: &ShadowMerge,
        is_batchable: bool,
        units: ChunkUnits,
        columns: Arc<[ColumnDef]>,
        run: Run,
    ) -> Result<Answer, StatementError> {
        let (plan, data_epoch) = (units.plan(), units.data_epoch());
        let joining = if is_batchable {
            Joining::of(merge.simple.as_ref())
        } else {
            Joining::Never
        };
        let mut partial = self.partial_rows(joining, units, &run).await?;
        let mut warnings = OfParts::default();
        for done in &mut partial {
            warnings.add(done.unit, std::mem::take(&mut done.warnings));
        }
        let source = self.merged(merge, partial, &columns, &run).await?;
        Ok(Answer::new(columns, data_epoch, source, run.format).in_parts(plan, warnings))
    }

    /// What the chunks have to say, in their order.
    async fn partial_rows(
        &self,
        joining: Joining,
        units: ChunkUnits,
        run: &Run,
    ) -> Result<Vec<Done>, StatementError> {
        let sizing = match joining {
            Joining::Never => Sizing::Single,
            Joining::Always => Sizing::Gather {
                tasks: self.per_worker(run.class) * 2,
            },
        };
        let stored = Arc::new(SessionSettings {
            raw_results: true,
            ..run.settings.as_ref().clone()
        });
        let tasks = self.tasks(
            Arc::new(units),
            run.class,
            Format::Text,
            sizing,
            stored,
            run.figures.clone(),
        );
        Ok(in_chunk_order(tasks).await?)
    }

    /// The rows of the answer: merged here where the plan says how, or else in the shadow server.
    async fn merged(
        &self,
        merge: &ShadowMerge,
        mut partial: Vec<Done>,
        columns: &[ColumnDef],
        run: &Run,
    ) -> Result<Source, StatementError> {
        if let Some(simple) = &merge.simple
            && let Some(rows) = merge_here(simple, &mut partial).await?
        {
            let mut piece = PieceBuilder::default();
            for row in rows {
                piece.push(|out| put_row(row, columns, run.format, out))?;
            }
            return Ok(Source::Ready(piece.take()));
        }
        let budget = Budget::new(self.spool.clone());
        let held = merge_in_shadow(
            &self.shadow,
            merge,
            partial,
            &run.settings,
            run.format,
            budget,
        )
        .await?;
        Ok(Source::Held(Box::new(held)))
    }
}

/// When statements of several chunks may be sent as one. Which chunks that are depends on who holds
/// them, and so does the order of partial rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Joining {
    /// The shadow server merges, and sums of doubles depend on the order there; or there may be so
    /// many groups that it has to.
    Never,
    /// The merge is made in process, or adds nothing of which the order counts.
    Always,
}

impl Joining {
    fn of(merge: Option<&SimpleMerge>) -> Self {
        let adds_doubles = |column: &SimpleColumn| {
            matches!(
                column,
                SimpleColumn::SumDouble(_) | SimpleColumn::AvgDouble { .. }
            )
        };
        match merge {
            // One group is never too many.
            Some(simple) if simple.keys.is_empty() || !simple.columns.iter().any(adds_doubles) => {
                Self::Always
            }
            None | Some(_) => Self::Never,
        }
    }
}

/// Merges in process; `None`, and the rows ready to be read again, when there are too many groups
/// for that. A value that cannot be merged here is an error: the plan says of every type that it
/// can be.
async fn merge_here(
    simple: &SimpleMerge,
    partial: &mut [Done],
) -> Result<Option<Vec<Vec<Value>>>, StatementError> {
    let mut summary = Summary::new(simple);
    for place in 0..partial.len() {
        let Some(done) = partial.get_mut(place) else {
            break;
        };
        while let Some(piece) = done.rows.next().await? {
            for row in piece {
                match summary.add(&row) {
                    Ok(()) => {}
                    Err(SimpleError::Groups) => {
                        tracing::debug!("the shadow server merges: {}", SimpleError::Groups);
                        for done in partial {
                            done.rows.rewind();
                        }
                        return Ok(None);
                    }
                    Err(error) => return Err(StatementError::InProcess(error)),
                }
            }
        }
    }
    Ok(Some(summary.rows()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_joined_where_no_order_of_rows_shows() {
        let joining = |keys: &[usize], column| {
            Joining::of(Some(&SimpleMerge {
                keys: keys.to_vec(),
                columns: vec![SimpleColumn::Count(0), column],
            }))
        };
        let sum = SimpleColumn::SumDouble(1);
        assert_eq!(joining(&[], SimpleColumn::MaxDouble(1)), Joining::Always);
        assert_eq!(joining(&[2], SimpleColumn::MaxDouble(1)), Joining::Always);
        assert_eq!(joining(&[], sum), Joining::Always);
        assert_eq!(joining(&[2], sum), Joining::Never);
        assert_eq!(Joining::of(None), Joining::Never);
    }
}
