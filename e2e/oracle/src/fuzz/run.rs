//! A run: statements from a seed until their number or the time is reached.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use super::judge::Verdict;
use super::reduce::reduce;
use super::sides::Sides;
use super::statements::Statements;
use super::tree::Statement;
use crate::site::Site;
use orrery_wire::Format;

/// Wrong statements that are made smaller; the others are kept as they are.
const REDUCED: usize = 40;

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

/// A statement that was answered wrongly.
#[derive(Clone, Debug)]
pub struct Finding {
    /// As generated.
    pub original: String,
    /// As small as it could be made.
    pub reduced: String,
    /// How its answer differs.
    pub difference: String,
}

/// What a run found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Seed.
    pub seed: u64,
    /// Statements asked.
    pub statements: u64,
    /// Answered as by one server.
    pub equal: u64,
    /// Refusals, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Answered otherwise.
    pub wrong: Vec<Finding>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refused: u64 = self.refused.values().sum();
        write!(
            f,
            "fuzz-sql: {} statements, equal {}, refused {refused}, wrong {}, seed {}",
            self.statements,
            self.equal,
            self.wrong.len(),
            self.seed
        )
    }
}

impl Report {
    /// The wrong statements, and what was refused how often.
    pub fn details(&self) -> String {
        let mut text = String::new();
        for finding in &self.wrong {
            text += &format!(
                "{}\n    {}\n    generated as: {}\n",
                finding.reduced, finding.difference, finding.original
            );
        }
        let mut refused: Vec<(&String, &u64)> = self.refused.iter().collect();
        refused.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for (reason, count) in refused {
            text += &format!("refused {count}: {reason}\n");
        }
        text
    }
}

/// Runs a plan over [`super::extreme::tables`].
pub async fn run(site: &Site, plan: Plan) -> anyhow::Result<Report> {
    let mut sides = Sides::connect(site).await?;
    let mut statements = Statements::new(plan.seed);
    let mut report = Report {
        seed: plan.seed,
        ..Report::default()
    };
    let begun = Instant::now();
    while report.statements < plan.statements && begun.elapsed() < plan.time {
        let statement = statements.next_statement();
        let format = if report.statements % 5 == 4 {
            Format::Binary
        } else {
            Format::Text
        };
        report.statements += 1;
        let mut verdict = sides.compare(format, &statement).await?;
        let mut agrees = true;
        if verdict == Verdict::Equal && is_plain(&statement) {
            verdict = sides.metamorphic(&statement).await?;
            agrees = verdict == Verdict::Equal;
        }
        match verdict {
            Verdict::Equal => report.equal += 1,
            Verdict::Refused(reason) => *report.refused.entry(reason).or_default() += 1,
            Verdict::Wrong(difference) => {
                let original = statement.sql();
                let (reduced, difference) = if agrees && report.wrong.len() < REDUCED {
                    reduce(&mut sides, format, &statement, difference).await?
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
    }
    Ok(report)
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
