//! EXPLAIN: the plan as rows of (item, value), and which workers would be asked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use orrery_archive::names::ChunkId;
use orrery_plan::{Plan, Work};
use orrery_wire::{ColumnDef, ColumnType, Value, errors};

use super::{Answer, ChunkUnits, Engine, Source, StatementError};
use crate::catalogs::Current;
use crate::dispatch::Units;
use crate::encode::put_row;
use crate::server::Request;
use crate::spool::{Budget, PieceBuilder};

/// utf8mb4_general_ci.
const COLLATION: u16 = 45;

impl Engine {
    /// Prints what a statement would do, without doing it but for ANALYZE; keys are looked up.
    pub(super) async fn explain(
        &self,
        inner: &str,
        options: &[String],
        request: &Request,
        current: Arc<Current>,
    ) -> Result<Answer, StatementError> {
        let lines = match options {
            [] => self.plan_lines(inner, request, &current).await?,
            [option] if option == "ANALYZE" => self.analyze(inner, request, &current).await?,
            [option, ..] => {
                let message = format!(
                    "This version of Orrery doesn't yet support 'EXPLAIN {option}'; write EXPLAIN alone, or EXPLAIN ANALYZE"
                );
                return Err(StatementError::refused(errors::NOT_SUPPORTED, message));
            }
        };
        Ok(Answer::new(
            columns(),
            current.catalog().epochs.data,
            Source::Ready(piece(lines, request)?),
            request.format,
        ))
    }

    /// What a statement would do.
    pub(super) async fn plan_lines(
        &self,
        inner: &str,
        request: &Request,
        current: &Arc<Current>,
    ) -> Result<Vec<Line>, StatementError> {
        let plan = self.planned(inner, request, current).await?;
        self.metadata(&plan, request, current).await?;
        let mut lines = orrery_plan::explain(&plan);
        if let Work::Gather(gather) = &plan.work {
            for scan in &gather.scans {
                lines.push(line("fetch", scan.key.to_string()));
                lines.extend(self.chunks_of(&scan.plan, current).await?);
            }
        }
        lines.extend(self.chunks_of(&plan, current).await?);
        Ok(lines)
    }

    /// What is known of a plan's chunks; nothing when it has none.
    async fn chunks_of(
        &self,
        plan: &Arc<Plan>,
        current: &Arc<Current>,
    ) -> Result<Vec<Line>, StatementError> {
        let Work::Chunks(work) = &plan.work else {
            return Ok(Vec::new());
        };
        let budget = Budget::new(self.spool.clone());
        let (selection, _) = self
            .look_up(plan, work, current, &budget, &Arc::default())
            .await;
        let units = ChunkUnits::new(
            plan.clone(),
            &selection,
            current.clone(),
            self.catalogs.clone(),
        )?;
        chunk_lines(&units)
    }
}

fn columns() -> Arc<[ColumnDef]> {
    let text = |name: &'static str, column_type| ColumnDef {
        charset: COLLATION,
        ..ColumnDef::expression(name, column_type, 1 << 20)
    };
    [
        text("item", ColumnType::MYSQL_TYPE_VAR_STRING),
        text("value", ColumnType::MYSQL_TYPE_VAR_STRING),
    ]
    .into()
}

/// Item and value.
pub(super) type Line = (String, String);

pub(super) fn line(item: &str, value: impl Into<String>) -> Line {
    (item.to_owned(), value.into())
}

fn piece(
    lines: Vec<Line>,
    request: &Request,
) -> Result<Option<crate::spool::RowPiece>, StatementError> {
    let columns = columns();
    let mut piece = PieceBuilder::default();
    for (item, value) in lines {
        let row = vec![
            Value::Bytes(item.into_bytes()),
            Value::Bytes(value.into_bytes()),
        ];
        piece.push(|out| put_row(row, &columns, request.format, out))?;
    }
    Ok(piece.take())
}

/// The chunks as ranges, and who would be asked for each.
fn chunk_lines(units: &ChunkUnits) -> Result<Vec<Line>, StatementError> {
    let chunks: BTreeSet<ChunkId> = units.chunks().collect();
    let mut lines = vec![
        line("chunks with rows", chunks.len().to_string()),
        line("chunk ids", ranges(&chunks)),
    ];
    let mut by_workers: BTreeMap<Vec<u32>, BTreeSet<ChunkId>> = BTreeMap::new();
    for (unit, chunk) in units.chunks().enumerate() {
        let mut workers = units.workers(unit);
        workers.sort_unstable();
        by_workers.entry(workers).or_default().insert(chunk);
    }
    for (workers, chunks) in by_workers {
        let workers: Vec<String> = workers.iter().map(u32::to_string).collect();
        lines.push(line(
            &format!("replicas on workers {}", workers.join(", ")),
            ranges(&chunks),
        ));
    }
    if !chunks.is_empty() {
        let statements = units.statements(0)?;
        lines.extend(
            statements
                .into_iter()
                .take(1)
                .map(|first| line("first statement", first)),
        );
    }
    Ok(lines)
}

/// `3, 5-8, 11`.
fn ranges(chunks: &BTreeSet<ChunkId>) -> String {
    let mut runs: Vec<(ChunkId, ChunkId)> = Vec::new();
    for chunk in chunks {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(*chunk) => *last = *chunk,
            _ => runs.push((*chunk, *chunk)),
        }
    }
    let text = |(first, last): &(ChunkId, ChunkId)| {
        if first == last {
            first.to_string()
        } else {
            format!("{first}-{last}")
        }
    };
    runs.iter().map(text).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunk_ids_are_printed_as_ranges() {
        assert_eq!(ranges(&[3, 5, 6, 7, 8, 11].into()), "3, 5-8, 11");
        assert_eq!(ranges(&BTreeSet::new()), "");
    }
}
