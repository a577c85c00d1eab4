//! EXPLAIN ANALYZE: the statement is run, its rows are counted and dropped, and it is told what each
//! worker did for it.

use std::sync::Arc;

use tokio::time::Instant;

use super::explain::{Line, line};
use super::{Engine, StatementError};
use crate::catalogs::Current;
use crate::dispatch::{Figures, WorkerFigures};
use crate::server::Request;

impl Engine {
    /// Runs a statement; answers the plan, and what came of it.
    pub(super) async fn analyze(
        &self,
        inner: &str,
        request: &Request,
        current: &Arc<Current>,
    ) -> Result<Vec<Line>, StatementError> {
        let figures = Arc::<Figures>::default();
        let since = Instant::now();
        let mut answer = self
            .select(inner, request, current.clone(), &figures)
            .await?;
        let (mut rows, mut bytes) = (0_u64, 0_u64);
        while let Some(piece) = answer.next().await? {
            for row in piece.rows() {
                rows += 1;
                bytes += row.len() as u64;
            }
        }
        let time = since.elapsed();
        // Keys are looked up by the statement, not by its plan.
        let mut lines = self.plan_lines(inner, request, current).await?;
        lines.push(line(
            "answered",
            format!(
                "rows {rows}, bytes {bytes}, time {:.3} ms",
                time.as_secs_f64() * 1e3
            ),
        ));
        let workers = figures.by_worker().into_iter();
        lines.extend(workers.map(|(id, figures)| line(&format!("worker {id}"), text(figures))));
        Ok(lines)
    }
}

fn text(figures: WorkerFigures) -> String {
    let WorkerFigures {
        queries,
        rows,
        bytes,
        time,
        retries,
    } = figures;
    let time = time.as_secs_f64() * 1e3;
    format!("queries {queries}, rows {rows}, bytes {bytes}, time {time:.3} ms, retries {retries}")
}
