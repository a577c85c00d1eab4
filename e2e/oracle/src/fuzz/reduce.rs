//! From a statement that is answered wrongly to a small one that still is.

use super::judge::{Verdict, kind};
use super::sides::Sides;
use super::tree::Statement;
use orrery_wire::Format;

/// Statements that are tried for one that differs.
const TRIES: usize = 600;

/// The smallest statement found, with the difference in its answer.
pub async fn reduce(
    sides: &mut Sides<'_>,
    format: Format,
    statement: &Statement,
    difference: String,
) -> anyhow::Result<(Statement, String)> {
    let wanted = kind(&difference);
    let mut best = (statement.clone(), difference);
    let mut tries = 0;
    'smaller: loop {
        for smaller in best.0.smaller() {
            if tries == TRIES {
                return Ok(best);
            }
            if smaller.sql().len() >= best.0.sql().len() {
                continue;
            }
            tries += 1;
            if let Verdict::Wrong(difference) = sides.compare(format, &smaller).await?
                && kind(&difference) == wanted
                && sides.defines(&smaller).await?
            {
                best = (smaller, difference);
                continue 'smaller;
            }
        }
        return Ok(best);
    }
}
