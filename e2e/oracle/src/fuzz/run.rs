//! A run: statements from a seed until their number or the time is reached, several at a time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::future::try_join_all;

use super::judge::Verdict;
use super::reduce::reduce;
use super::report::{Finding, Refusals, Report};
use super::sides::Sides;
use super::statements::Statements;
use super::tree::Statement;
use crate::site::Site;
use orrery_wire::Format;

/// Sessions that ask at once.
const SESSIONS: usize = 4;
/// Wrong statements of a session that are made smaller; the others are kept as they are.
const REDUCED: usize = 10;
/// One statement in so many is also compared with itself in other words, which takes five more.
const METAMORPHIC: u64 = 3;

/// What a run asks.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Seed of the statements.
    pub seed: u64,
    /// Most statements.
    pub statements: u64,
    /// Longest time.
    pub time: Duration,
}

/// Runs a plan over [`super::extreme::tables`].
pub async fn run(site: &Site, plan: Plan) -> anyhow::Result<Report> {
    let proxy = site.start_proxy(&[&site.czar]).await?;
    let next = AtomicU64::new(0);
    let begun = Instant::now();
    let ask = async || {
        let mut sides = Sides::connect(site, &proxy).await?;
        let mut report = Report::of(plan.seed);
        while begun.elapsed() < plan.time {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= plan.statements {
                break;
            }
            one(&mut sides, plan.seed, number, &mut report).await?;
        }
        anyhow::Ok(report)
    };
    let parts = try_join_all((0..SESSIONS).map(|_| ask())).await?;
    let mut report = Report::of(plan.seed);
    for part in parts {
        report.add(part);
    }
    Ok(report)
}

/// Asks the statement with this number.
async fn one(
    sides: &mut Sides<'_>,
    seed: u64,
    number: u64,
    report: &mut Report,
) -> anyhow::Result<()> {
    let statement = Statements::new(seed, number).statement();
    let format = if number % 5 == 4 {
        Format::Binary
    } else {
        Format::Text
    };
    report.statements += 1;
    let mut verdict = sides.compare(format, &statement).await?;
    let mut agrees = true;
    if verdict == Verdict::Equal && number.is_multiple_of(METAMORPHIC) && is_plain(&statement) {
        verdict = sides.metamorphic(&statement).await?;
        agrees = verdict == Verdict::Equal;
    }
    match verdict {
        Verdict::Equal => {
            report.equal += 1;
            *report.kinds.entry(sides.kind(&statement)).or_default() += 1;
        }
        Verdict::Refused(reason) => report.refuse(
            reason,
            Refusals {
                count: 1,
                example: statement.sql(),
            },
        ),
        Verdict::Wrong(difference) => {
            let original = statement.sql();
            let (reduced, difference) = if agrees && report.wrong.len() < REDUCED {
                reduce(sides, format, &statement, difference).await?
            } else {
                (statement, difference)
            };
            report.wrong.push(Finding {
                original,
                reduced: reduced.sql(),
                difference,
            });
        }
    }
    Ok(())
}

/// Whether the rows of a statement are those of its tables, so that a condition splits them.
fn is_plain(statement: &Statement) -> bool {
    let select = &statement.first;
    let sql = statement.sql();
    statement.more.is_empty()
        && statement.with.is_none()
        && statement.limit.is_none()
        && !select.distinct
        && select.group.is_empty()
        && select.having.is_none()
        && select.from.iter().all(|source| source.join != ", ")
        && [
            "COUNT(",
            "SUM(",
            "MIN(",
            "MAX(",
            "AVG(",
            "OVER (",
            "STDDEV(",
            "VARIANCE(",
            "BIT_AND(",
            "BIT_OR(",
            "BIT_XOR(",
            "GROUP_CONCAT(",
        ]
        .iter()
        .all(|fold| !sql.contains(fold))
}
