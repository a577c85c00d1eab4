//! The things measured, a file each.

mod cone;
mod lookups;
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
    /// COUNT, SUM and AVG of the whole table.
    Totals,
    /// Every row of the table.
    Stream,
    /// Rows within a circle in one chunk.
    Cone,
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
    pub const ALL: [Self; 5] = [
        Self::Lookups,
        Self::Totals,
        Self::Stream,
        Self::Cone,
        Self::Positions,
    ];

    /// What is measured, in words.
    pub fn title(self) -> &'static str {
        match self {
            Self::Lookups => "row by key, warm index",
            Self::Totals => "COUNT, SUM, AVG of all chunks / one connection per worker by hand",
            Self::Stream => "SELECT * of all rows",
            Self::Cone => "cone search in one chunk",
            Self::Positions => "chunk and sub-chunk of positions, one core",
        }
    }

    /// What an operation is.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Lookups | Self::Totals | Self::Cone => "queries",
            Self::Stream => "rows",
            Self::Positions => "positions",
        }
    }

    /// The goal for first light.
    pub fn goal(self) -> &'static str {
        match self {
            Self::Lookups => "≥ 0.3",
            Self::Totals => "time ≤ 1.5, so ≥ 0.67",
            Self::Stream => "≥ 0.6",
            Self::Cone => "–",
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
            Self::Lookups => Outcome::Compared(lookups::measure(site, effort, clients).await?),
            Self::Totals => Outcome::Compared(totals::measure(site, effort).await?),
            Self::Stream => Outcome::Compared(stream::measure(site, effort).await?),
            Self::Cone => Outcome::Compared(cone::measure(site, effort).await?),
            Self::Positions => Outcome::Rate(positions::measure(effort)?),
        };
        Ok(Line {
            figure: self,
            outcome,
        })
    }
}
