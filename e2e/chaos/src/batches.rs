//! A table that grows while things die: each ingest brings one batch of rows. A batch is there whole
//! or not at all, and what a session has seen stays.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;
use orrery_e2e::own::Own;

use crate::questions::NoAnswer;
use crate::tally::Tally;

/// Rows of a batch.
const ROWS: u64 = 40;
/// How long an ingest may take after everything is well again.
const LONGEST: Duration = Duration::from_secs(900);

/// The table and its batches.
pub struct Batches {
    own: Own,
    sql: String,
    /// Batches with a file.
    prepared: u64,
    declared: AtomicU64,
}

/// Batches of an answer: number → rows and the sum of their keys.
pub struct Found(BTreeMap<u64, (u64, u64)>);

/// Batches that a session has seen.
#[derive(Default)]
pub struct Seen(BTreeMap<u64, (u64, u64)>);

/// First key of a batch.
fn first(batch: u64) -> u64 {
    batch * 1000
}

/// Rows of a batch, in a few chunks near one place.
fn csv(batch: u64) -> String {
    let row = |at: u64| {
        let id = first(batch) + at;
        let (ra, decl) = (40.0 + 0.2 * (at % 8) as f64, 5.0 + 0.2 * (at / 8) as f64);
        format!("{id},{ra:.1},{decl:.1},{batch}\n")
    };
    (0..ROWS).map(row).collect()
}

/// Rows and sum of keys of a whole batch.
fn whole(batch: u64) -> (u64, u64) {
    (ROWS, (0..ROWS).map(|at| first(batch) + at).sum())
}

impl Found {
    /// The first batch that is there in part, or that never was.
    pub fn broken(&self) -> Option<String> {
        let part = self
            .0
            .iter()
            .find(|(batch, found)| **found != whole(**batch));
        part.map(|(batch, (rows, sum))| format!("batch {batch} has {rows} rows, keys {sum};"))
    }
}

impl Seen {
    /// Remembers what was found; a batch that was there before and is gone.
    pub fn then(&mut self, found: Found) -> Option<String> {
        let gone = self.0.keys().find(|batch| !found.0.contains_key(batch));
        let gone = gone.map(|batch| format!("batch {batch} was seen and is gone;"));
        self.0 = found.0;
        gone
    }
}

impl Batches {
    /// The table, empty, and the files of `count` batches.
    pub async fn prepare(count: u64) -> Result<Self> {
        let own = Own::new("chaos").await?;
        own.director().await?;
        for batch in 0..count {
            own.file(&name(batch), &csv(batch)).await?;
        }
        let sql = format!(
            "SELECT v, COUNT(*), SUM(id) FROM {}.Object GROUP BY v",
            own.database()
        );
        Ok(Self {
            own,
            sql,
            prepared: count,
            declared: AtomicU64::new(0),
        })
    }

    /// The statement that looks at all batches.
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// All batches in one answer.
    pub async fn look(&self, session: &mut Conn) -> Result<Found, NoAnswer> {
        let rows: Result<Vec<(u64, u64, u64)>, _> = session.query(&self.sql).await;
        let rows = rows.map_err(|error| NoAnswer {
            error,
            begun: false,
        })?;
        Ok(Found(
            rows.into_iter()
                .map(|(v, rows, sum)| (v, (rows, sum)))
                .collect(),
        ))
    }

    /// Declares the next batch, if there is a file for it and the API server takes it.
    pub async fn declare_next(&self) -> Result<()> {
        let batch = self.declared.load(Ordering::Relaxed);
        if batch < self.prepared {
            self.own.declare(&name(batch), "Object", 0, false).await?;
            self.declared.store(batch + 1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Waits until every declared batch is visible; each must be there, whole.
    pub async fn finish(&self, tally: &Tally) -> Result<()> {
        let declared = self.declared.load(Ordering::Relaxed);
        for batch in 0..declared {
            let status = self.own.ended(&name(batch), LONGEST).await?;
            ensure!(status["phase"] == "Visible", "batch {batch}: {status}");
        }
        let mut session = orrery_e2e::session().await?;
        let found = self.look(&mut session).await.map_err(|no| no.error)?;
        tally.answered();
        if let Some(part) = found.broken() {
            tally.wrong(part);
        }
        for batch in (0..declared).filter(|batch| !found.0.contains_key(batch)) {
            tally.lost(format_args!("batch {batch} is visible and not there"));
        }
        tally.say(format_args!("{declared} batches were ingested meanwhile"));
        Ok(())
    }

    /// Removes table, rows and ingests.
    pub async fn remove(&self) -> Result<()> {
        self.own.remove().await.context("the table of the batches")
    }
}

fn name(batch: u64) -> String {
    format!("batch-{batch}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(batches: &[(u64, (u64, u64))]) -> Found {
        Found(batches.iter().copied().collect())
    }

    #[test]
    fn a_batch_in_part_or_twice_is_broken() {
        assert!(found(&[(0, whole(0)), (3, whole(3))]).broken().is_none());
        let (rows, sum) = whole(3);
        assert!(found(&[(3, (rows - 1, sum))]).broken().is_some());
        assert!(found(&[(3, (rows, sum + 1))]).broken().is_some());
        assert!(found(&[(3, (2 * rows, 2 * sum))]).broken().is_some());
    }

    #[test]
    fn a_batch_that_was_seen_must_stay() {
        let mut seen = Seen::default();
        assert!(seen.then(found(&[(0, whole(0))])).is_none());
        assert!(seen.then(found(&[(0, whole(0)), (1, whole(1))])).is_none());
        assert!(seen.then(found(&[(0, whole(0))])).is_some());
    }

    #[test]
    fn a_whole_batch_is_what_its_file_holds() {
        let ids = csv(2)
            .lines()
            .filter_map(|line| line.split(',').next()?.parse::<u64>().ok())
            .collect::<Vec<_>>();
        assert_eq!((ids.len() as u64, ids.iter().sum::<u64>()), whole(2));
    }
}
