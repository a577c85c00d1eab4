//! The things measured, a file each.

mod by_hand;
mod cone;
mod gather;
mod lookups;
mod near;
mod plans;
mod positions;
mod queries;
mod stream;
mod totals;

use clap::ValueEnum;

use crate::compare::{Effort, Medians};
use crate::site::Site;

/// Something to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Figure {
    /// Rows by key, many clients at once.
    Lookups,
    /// Rows by key with mutual TLS between the programs, against the same in the clear.
    Secured,
    /// COUNT, SUM and AVG of the whole table.
    Totals,
    /// Every row of the table.
    Stream,
    /// Rows within a circle in one chunk.
    Cone,
    /// Ten groups.
    TenGroups,
    /// Ten thousand groups.
    ManyGroups,
    /// As many groups as rows.
    AllGroups,
    /// The first rows in an order.
    FirstRows,
    /// The number of different values.
    Distinct,
    /// Rows whose key a subquery gives.
    InSelect,
    /// Rows of two statements, each once.
    Union,
    /// Pairs of rows near each other.
    Near,
    /// A statement over gathered rows.
    Gather,
    /// Plans of cone searches.
    Plans,
    /// Chunks and sub-chunks of positions.
    Positions,
}

/// A measured figure.
pub struct Line {
    /// What was measured.
    pub figure: Figure,
    /// What came out.
    pub outcome: Outcome,
}

/// What came out.
pub enum Outcome {
    /// Both sides.
    Compared(Medians),
    /// A rate that is compared with nothing: operations per second.
    Rate(f64),
}

impl Figure {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Lookups,
        Self::Secured,
        Self::Totals,
        Self::Stream,
        Self::Cone,
        Self::TenGroups,
        Self::ManyGroups,
        Self::AllGroups,
        Self::FirstRows,
        Self::Distinct,
        Self::InSelect,
        Self::Union,
        Self::Near,
        Self::Gather,
        Self::Plans,
        Self::Positions,
    ];

    /// What is measured, in words.
    pub fn title(self) -> &'static str {
        match self {
            Self::Lookups => "row by key, warm index",
            Self::Secured => "row by key, TLS inside / in the clear",
            Self::Totals => "COUNT, SUM, AVG of all chunks / one connection per worker by hand",
            Self::Stream => "SELECT * of all rows",
            Self::Cone => "cone search in one chunk",
            Self::TenGroups => "GROUP BY, 10 groups / by hand in parallel",
            Self::ManyGroups => "GROUP BY, 10,000 groups / by hand in parallel",
            Self::AllGroups => "GROUP BY, as many groups as rows / by hand in parallel",
            Self::FirstRows => "ORDER BY … LIMIT 10 / by hand in parallel",
            Self::Distinct => "COUNT(DISTINCT …) / by hand in parallel",
            Self::InSelect => "key IN (SELECT key …) / by hand in parallel",
            Self::Union => "UNION / by hand in parallel",
            Self::Near => "near neighbours, COUNT / index on the position",
            Self::Gather => "gather of all rows / CREATE TABLE … SELECT",
            Self::Plans => "plan of a cone search, one core",
            Self::Positions => "chunk and sub-chunk of positions, one core",
        }
    }

    /// What an operation is.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Stream => "rows",
            Self::Plans => "plans",
            Self::Positions => "positions",
            _ => "queries",
        }
    }

    /// The goal for first light.
    pub fn goal(self) -> &'static str {
        match self {
            Self::Lookups => "≥ 0.3",
            Self::Secured => "≥ 0.95",
            Self::Totals => "time ≤ 1.5, so ≥ 0.67",
            Self::Stream => "≥ 0.6",
            Self::Cone => "–",
            Self::TenGroups
            | Self::ManyGroups
            | Self::AllGroups
            | Self::FirstRows
            | Self::Distinct
            | Self::InSelect
            | Self::Union => "≥ 0.9",
            Self::Near => "≥ 5",
            Self::Gather => "≥ 0.5",
            Self::Plans => "≤ 200 µs, so ≥ 5 k/s",
            Self::Positions => "≥ 10 M/s",
        }
    }

    /// Measures it.
    pub async fn measure(
        self,
        site: &Site,
        effort: Effort,
        clients: usize,
    ) -> anyhow::Result<Line> {
        let outcome = match self {
            Self::Plans => Outcome::Rate(plans::measure(site, effort)?),
            Self::Positions => Outcome::Rate(positions::measure(effort)?),
            compared => Outcome::Compared(compared.compared(site, effort, clients).await?),
        };
        Ok(Line {
            figure: self,
            outcome,
        })
    }

    async fn compared(
        self,
        site: &Site,
        effort: Effort,
        clients: usize,
    ) -> anyhow::Result<Medians> {
        let by_hand = match self {
            Self::Lookups => return lookups::measure(site, effort, clients).await,
            Self::Secured => return lookups::secured(site, effort, clients).await,
            Self::Totals => return totals::measure(site, effort).await,
            Self::Stream => return stream::measure(site, effort).await,
            Self::Cone => return cone::measure(site, effort).await,
            Self::Near => return near::measure(site, effort).await,
            Self::Gather => return gather::measure(site, effort).await,
            Self::TenGroups => by_hand::TEN_GROUPS,
            Self::ManyGroups => by_hand::MANY_GROUPS,
            Self::AllGroups => by_hand::ALL_GROUPS,
            Self::FirstRows => by_hand::FIRST_ROWS,
            Self::Distinct => by_hand::DISTINCT,
            Self::InSelect => by_hand::IN_SELECT,
            Self::Union => by_hand::UNION,
            Self::Plans | Self::Positions => anyhow::bail!("{self:?} is compared with nothing"),
        };
        by_hand::measure(site, effort, &by_hand).await
    }
}
